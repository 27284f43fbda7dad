//! What this process knows of each contact: where it is asked for, and what it last said.
//!
//! A few bytes per contact. After a restart nothing is known, and the first walk tells it anew.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::person::{Person, number, resource_of};
use crate::contact::{ContactId, Digest, Revision};

#[derive(Debug, Default)]
pub(super) struct Known(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Resource names, where they do not follow from the id.
    aliases: HashMap<u64, String>,
    /// The revisions that were last handed out.
    given: HashMap<u64, u64>,
}

impl Known {
    /// Notes where a contact is asked for.
    pub(super) fn met(&self, id: &ContactId, person: &Person) {
        let (Some(number), Some(name)) = (number(id.as_str()), person.resource_name()) else { return };
        let mut state = self.state();
        if resource_of(id).as_deref() == Some(name) {
            state.aliases.remove(&number);
        } else if is_name(name, "people/") {
            state.aliases.insert(number, name.to_owned());
        }
    }

    /// The resource name under which a contact is asked for; `None` for what is no id.
    pub(super) fn resource_name(&self, id: &ContactId) -> Option<String> {
        let alias = self.state().aliases.get(&number(id.as_str())?).cloned();
        alias.or_else(|| resource_of(id))
    }

    /// Notes what was handed out.
    pub(super) fn gave(&self, id: &ContactId, revision: &Revision) {
        if let (Some(number), Some(Digest(revision))) = (number(id.as_str()), Digest::parse(revision.as_str())) {
            self.state().given.insert(number, revision);
        }
    }

    /// Whether this revision is the one that was last handed out.
    pub(super) fn is_current(&self, id: &ContactId, revision: &Revision) -> bool {
        let given = number(id.as_str()).and_then(|number| self.state().given.get(&number).copied());
        given.is_some() && given == Digest::parse(revision.as_str()).map(|Digest(revision)| revision)
    }

    /// Forgets a contact that is gone.
    pub(super) fn forget(&self, id: &ContactId) {
        let Some(number) = number(id.as_str()) else { return };
        let mut state = self.state();
        state.aliases.remove(&number);
        state.given.remove(&number);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a resource name is one that may be put into a path.
pub(super) fn is_name(name: &str, kind: &str) -> bool {
    let rest = name.strip_prefix(kind).unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_alias_is_kept_only_where_it_differs() {
        let (known, id) = (Known::default(), ContactId::from("ab"));
        let met = |name: &str| known.met(&id, &Person(json!({ "resourceName": name })));
        assert_eq!(known.resource_name(&id).as_deref(), Some("people/c171"));
        met("people/117");
        assert_eq!(known.resource_name(&id).as_deref(), Some("people/117"));
        met("people/../contactGroups/1");
        assert_eq!(known.resource_name(&id).as_deref(), Some("people/117"), "no name of a person");
        met("people/c171");
        assert!(known.state().aliases.is_empty());
    }

    #[test]
    fn only_what_was_handed_out_is_current() {
        let (known, id) = (Known::default(), ContactId::from("ab"));
        let revision = |n: u64| Revision::from(Digest(n).to_string());
        assert!(!known.is_current(&id, &revision(1)));
        known.gave(&id, &revision(1));
        assert!(known.is_current(&id, &revision(1)) && !known.is_current(&id, &revision(2)));
        known.forget(&id);
        assert!(!known.is_current(&id, &revision(1)));
    }
}

//! Organizations: as listed, created, and by which name each is known.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::company::Company;
use super::{endpoint, person};
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::contact::UserId;

/// An organization, as far as carnetd needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationRecord {
    /// Its id.
    pub id: u64,
    /// Its name, as Pipedrive spells it.
    pub name: String,
    /// Who owns it.
    pub owner: UserId,
    /// Who may see it, as a number whose meaning depends on the plan.
    pub visible_to: u8,
    /// When it was made.
    pub add_time: Option<Moment>,
    /// When it was last changed; perhaps absent until the first change.
    pub update_time: Option<Moment>,
    /// It is in the trash.
    pub deleted: bool,
}

impl OrganizationRecord {
    /// Reads one; the problem in words where it is not as documented.
    pub(super) fn read(object: &Value) -> Result<Self, &'static str> {
        Ok(Self {
            id: person::id(object, "id").ok_or("an organization without an id")?,
            name: object.get("name").and_then(Value::as_str).unwrap_or_default().trim().to_owned(),
            owner: UserId(person::id(object, "owner_id").ok_or("an organization without an owner")?),
            visible_to: person::level(object).ok_or("an organization without visible_to")?,
            add_time: person::moment(object, "add_time"),
            update_time: person::moment(object, "update_time"),
            deleted: person::deleted(object),
        })
    }
}

impl Company {
    /// Whether an organization is deleted, or hidden from our user: then no write may name it (1 token).
    pub async fn organization_is_gone(&self, id: u64, cancel: &CancellationToken) -> Result<bool, Error> {
        match self.api().send(self.api().to_one(&endpoint::ORGANIZATION, id), cancel).await {
            Ok(answer) => Ok(person::deleted(&answer.data)),
            Err(Error { kind: Kind::NotFound | Kind::Forbidden, .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Creates an organization (5 tokens). Whether one of that name exists is the caller's to know. A create whose
    /// answer never came is [`Kind::UnknownOutcome`].
    pub async fn create_organization(
        &self,
        name: &str,
        owner: UserId,
        visible_to: u8,
        cancel: &CancellationToken,
    ) -> Result<OrganizationRecord, Error> {
        let body = json!({"name": name.trim(), "owner_id": owner.0, "visible_to": visible_to});
        let request = self.api().to(&endpoint::CREATE_ORGANIZATION).json(&body);
        let answer = self.api().send(request, cancel).await?;
        OrganizationRecord::read(&answer.data).map_err(|problem| {
            let text =
                format!("pipedrive: POST /organizations: the answer holds {problem}; it is looked for in the list");
            Error::new(Kind::UnknownOutcome, text)
        })
    }
}

/// By which name each organization is known in this process: filled by whoever resolves them, read by the mapping.
///
/// The first name remembered for an id stays, and so does the first id for a name: a rename in Pipedrive neither flows
/// out nor makes a second organization.
#[derive(Debug, Default)]
pub struct OrganizationNames(RwLock<Names>);

#[derive(Debug, Default)]
struct Names {
    ids: HashMap<String, u64>,
    names: HashMap<u64, String>,
}

impl OrganizationNames {
    /// The form in which names are compared: trimmed, inner white space as one space, lower case.
    pub fn key(name: &str) -> String {
        name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
    }

    /// Remembers that `name` means the organization `id`, unless the name is taken; and that the organization is called
    /// so, unless it has a name. A name of white space is no name.
    pub fn remember(&self, name: &str, id: u64) {
        let key = Self::key(name);
        if key.is_empty() {
            return;
        }
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.ids.entry(key).or_insert(id);
        names.names.entry(id).or_insert_with(|| name.trim().to_owned());
    }

    /// Forgets an organization and every name that means it, as when it was deleted.
    pub fn forget(&self, id: u64) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.names.remove(&id);
        names.ids.retain(|_, known| *known != id);
    }

    /// The organization that a name means.
    pub fn id_of(&self, name: &str) -> Option<u64> {
        self.read().ids.get(&Self::key(name)).copied()
    }

    /// What an organization is called.
    pub fn name_of(&self, id: u64) -> Option<String> {
        self.read().names.get(&id).cloned()
    }

    fn read(&self) -> RwLockReadGuard<'_, Names> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_however_it_is_written() {
        let names = OrganizationNames::default();
        names.remember(" Acme  GmbH", 7);
        assert_eq!(names.id_of("acme gmbh "), Some(7));
        assert_eq!(names.name_of(7).as_deref(), Some("Acme  GmbH"));
        assert_eq!(names.id_of("Other"), None);
    }

    #[test]
    fn a_rename_neither_flows_out_nor_makes_a_second_one() {
        let names = OrganizationNames::default();
        names.remember("Acme", 7);
        names.remember("Acme International", 7);
        names.remember("acme", 8);
        assert_eq!(names.name_of(7).as_deref(), Some("Acme"));
        assert_eq!((names.id_of("ACME"), names.id_of("Acme International")), (Some(7), Some(7)));
        names.forget(7);
        assert_eq!(names.id_of("Acme"), None);
    }
}

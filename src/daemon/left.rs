//! Contacts that could not be brought in step: how the status document sums them up, and `carnetd held` lists them.
//!
//! They wait for a human being like what a plan held, though no yes makes a broken card readable: confirming one means to
//! look at it again.

use super::show;
use crate::account::AccountName;
use crate::contact::Digest;
use crate::status::HeldItem;
use crate::store::{CheckpointId, StoreError, Todo, TodoKey, View};

/// A file or record that cannot be read.
const UNREADABLE: &str = "unreadable";
/// A contact whose content the other book does not take.
const REFUSED: &str = "refused";

/// Whether only a change of the contact, or of what is around it, helps.
pub(super) fn is_left(todo: &Todo) -> bool {
    matches!(todo.code.as_str(), UNREADABLE | REFUSED)
}

/// All of them in one sentence without names, and its fixed word. What will be tried again by itself counts only where
/// the last pass `failed` at something.
pub(super) fn sum(account: &AccountName, todos: &[Todo], failed: u64) -> Option<(String, String)> {
    let of = |code: &str| todos.iter().filter(|todo| todo.code == code).count();
    let (unreadable, refused) = (of(UNREADABLE), of(REFUSED));
    if unreadable + refused > 0 {
        let parts = [(unreadable, "cannot be read"), (refused, "could not be written")];
        let parts: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", contacts(*n))).collect();
        let text = format!("{}; all others are in step. `carnetd held {account}` lists why", parts.join(", "));
        return Some((text, if unreadable > 0 { UNREADABLE } else { REFUSED }.to_owned()));
    }
    let waiting = todos.iter().find(|_| failed > 0)?;
    let failed = contacts(usize::try_from(failed).unwrap_or(usize::MAX));
    Some((format!("{failed} will be tried again: {}", waiting.reason), waiting.code.clone()))
}

/// Contacts and persons that a plan held, in one sentence, and its fixed word.
pub(super) fn held(account: &AccountName, held: u64) -> Option<(String, String)> {
    let wait = if held == 1 { "waits" } else { "wait" };
    let who = contacts(usize::try_from(held).unwrap_or(usize::MAX));
    let text = format!("{who} {wait} for an answer; all others are in step. `carnetd held {account}` shows why");
    (held > 0).then(|| (text, "held".to_owned()))
}

/// What its link calls it, if it has one.
pub(super) fn name(view: &View, account: CheckpointId, todo: &Todo) -> Result<Option<String>, StoreError> {
    let link = match &todo.key {
        TodoKey::Contact(id) => view.link_by_contact(account, id)?.map(|(_, link)| link),
        TodoKey::Person(id) => {
            let own = view.link_by_person(*id)?.into_iter().find(|(checkpoint, _)| *checkpoint == account);
            own.map(|(_, link)| view.link(account, link)).transpose()?.flatten()
        }
    };
    Ok(link.and_then(|link| show::linked_name(&link)))
}

fn contacts(n: usize) -> String {
    if n == 1 { "1 contact".to_owned() } else { format!("{n} contacts") }
}

/// One of them, as it is listed; `name` is what its link calls it, where there is one.
pub(super) fn item(account: &AccountName, todo: &Todo, name: Option<&str>) -> Option<HeldItem> {
    let who = match &todo.key {
        TodoKey::Contact(id) => id.to_string(),
        TodoKey::Person(id) => format!("person {id}"),
    };
    is_left(todo).then(|| HeldItem {
        account: account.to_string(),
        digest: Digest::of([todo.code.as_str(), &who, &todo.reason]).to_string(),
        code: todo.code.clone(),
        what: match name {
            Some(name) => format!("{name} ({who}): {}", todo.reason),
            None => format!("{who}: {}", todo.reason),
        },
        candidates: Vec::new(),
        confirming: "looks at it again now; by itself that happens when it changes, on refresh, and daily".to_owned(),
        lines: Vec::new(),
        since: Some(todo.since.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;

    fn todo(id: &str, code: &str) -> Todo {
        let key = TodoKey::Contact(id.into());
        let now = Moment(0);
        let (reason, code) = ("the file is empty".to_owned(), code.to_owned());
        Todo { key, reason, code, since: now, tried: now, attempts: 1, revision: None }
    }

    #[test]
    fn the_sum_names_nobody_and_the_list_names_each() {
        let alice = AccountName::new("alice").expect("a name");
        let todos = [todo("anna.vcf", UNREADABLE), todo("bob.vcf", REFUSED), todo("carl.vcf", "later")];
        let (text, code) = sum(&alice, &todos, 2).expect("two are left");
        assert_eq!(
            text,
            "1 contact cannot be read, 1 contact could not be written; all others are in step. `carnetd held alice` lists why"
        );
        assert_eq!(code, UNREADABLE);
        let items: Vec<HeldItem> = todos.iter().filter_map(|todo| item(&alice, todo, None)).collect();
        assert_eq!(items.len(), 2, "what is tried again by itself waits for nobody");
        assert_eq!(items[0].what, "anna.vcf: the file is empty");
        let named = item(&alice, &todos[0], Some("Anna Weber")).expect("it is left");
        assert_eq!(named.what, "Anna Weber (anna.vcf): the file is empty");
        assert_eq!(named.digest, items[0].digest);
    }

    #[test]
    fn what_a_plan_held_is_said_as_well() {
        let alice = AccountName::new("alice").expect("a name");
        assert_eq!(held(&alice, 0), None);
        let (text, code) = held(&alice, 1).expect("one");
        assert!(text.starts_with("1 contact waits for an answer") && code == "held", "{text}");
    }

    #[test]
    fn what_is_tried_again_is_said_while_it_fails() {
        let alice = AccountName::new("alice").expect("a name");
        let later = [todo("carl.vcf", "later")];
        assert_eq!(sum(&alice, &later, 0), None);
        let (text, _) = sum(&alice, &later, 1).expect("it failed");
        assert_eq!(text, "1 contact will be tried again: the file is empty");
    }
}

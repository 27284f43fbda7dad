//! What a plan leaves for later: what could not be concluded, what another account has, and what was kept waiting by
//! something that waits no more.

use std::collections::{BTreeMap, BTreeSet};

use super::observe::LATER;
use crate::account::AccountName;
use crate::clock::Moment;
use crate::contact::{ContactId, PersonId};
use crate::link::{Hold, LinkId, State};
use crate::plan::{ContactSight, ContactWitness, PersonSight, PersonWitness, Plan, Reason, Row, Then, Witness};
use crate::store::{Todo, TodoKey};

/// The code of what another account has.
pub(super) const ELSEWHERE: &str = "linked-elsewhere";

/// What is kept of a plan beside its steps.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    /// To be done, with its reason.
    pub(super) todos: Vec<Todo>,
    /// Persons to look at again.
    pub(super) touch: BTreeSet<PersonId>,
    /// Whether something stopped waiting: the next pass should follow at once.
    pub(super) released: bool,
}

/// Finds it. `first` tells a pass that never deletes.
pub(super) fn leftover(rows: &[Row], plan: &Plan, first: bool, now: Moment) -> Leftover {
    let mut left = Leftover::default();
    let planned: BTreeSet<LinkId> = plan.steps.iter().filter_map(|step| step.link).collect();
    for row in rows {
        let Some((id, link)) = &row.link else { continue };
        let absent = is_absent(row);
        let spared = first && (absent || row.person == PersonSight::Gone) && link.is_active();
        if planned.contains(id) || !(spared || is_unknown(&row.witness)) {
            continue;
        }
        let reason = if spared { "a first pass never deletes" } else { "it could not be read a second time" };
        let keys = [
            link.contact_id().cloned().map(TodoKey::Contact).filter(|_| absent),
            link.person_id().map(TodoKey::Person).filter(|_| row.person == PersonSight::Gone),
        ];
        left.todos.extend(keys.into_iter().flatten().map(|key| later(key, reason, now)));
    }
    let hold_of = |row: &'_ Row| match row.link.as_ref().map(|(id, link)| (id, &link.state)) {
        Some((id, State::Held(hold))) => Some((*id, hold.clone())),
        _ => None,
    };
    let held: BTreeMap<LinkId, Hold> = rows.iter().filter_map(hold_of).collect();
    for step in &plan.steps {
        if let Reason::LinkedElsewhere(account) = &step.reason {
            let key = step.contact.clone().map(TodoKey::Contact).or_else(|| step.person.map(TodoKey::Person));
            let reason = format!("linked by account {account}");
            left.todos.extend(key.map(|key| todo(key, ELSEWHERE, &reason, now)));
        }
        if let Reason::BeingLinked(account) = &step.reason {
            let key = step.contact.clone().map(TodoKey::Contact).or_else(|| step.person.map(TodoKey::Person));
            left.todos.extend(key.map(|key| later(key, &format!("account {account} is linking it now"), now)));
            continue;
        }
        let waits = matches!(&step.then, Then::Keep(link) if matches!(link.state, State::Held(_)));
        // Its candidates were nobody's news while it waited.
        if let Some(hold) = step.link.and_then(|id| held.get(&id)).filter(|_| !waits) {
            let reason = "something that it resembles waits no more";
            left.todos.extend(hold.contacts.iter().map(|id| later(TodoKey::Contact(id.clone()), reason, now)));
            left.touch.extend(&hold.persons);
            left.released |= !(hold.contacts.is_empty() && hold.persons.is_empty());
        }
    }
    left
}

/// Whether the contact is gone, or out of the group.
fn is_absent(row: &Row) -> bool {
    match (&row.witness.contact, &row.contact) {
        (Some(ContactWitness::Found(now)), _) | (None, ContactSight::Live(now)) => !now.in_group,
        (_, sight) => *sight == ContactSight::Gone,
    }
}

fn is_unknown(witness: &Witness) -> bool {
    witness.contact == Some(ContactWitness::Unknown) || witness.person == Some(PersonWitness::Unknown)
}

/// Says in the log what has become unreadable since the last pass: by reason, without the contacts' names.
pub(super) fn name_unreadable(account: &AccountName, known: &[Todo], unreadable: &[(ContactId, String)]) {
    let known: BTreeSet<(&TodoKey, &str)> = known.iter().map(|todo| (&todo.key, todo.reason.as_str())).collect();
    let mut news: BTreeMap<&str, u64> = BTreeMap::new();
    for (id, reason) in unreadable {
        if !known.contains(&(&TodoKey::Contact(id.clone()), reason.as_str())) {
            *news.entry(reason).or_default() += 1;
        }
    }
    for (reason, contacts) in news {
        tracing::warn!(%account, contacts, "cannot be read: {reason}; `carnetd held {account}` says which");
    }
}

/// Something left to do, as it is kept.
pub(super) fn todo(key: TodoKey, code: &str, reason: &str, now: Moment) -> Todo {
    Todo { key, reason: reason.to_owned(), code: code.to_owned(), since: now, tried: now, attempts: 1, revision: None }
}

/// Work for the next pass.
pub(super) fn later(key: TodoKey, reason: &str, now: Moment) -> Todo {
    todo(key, LATER, reason, now)
}

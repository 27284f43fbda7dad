//! What the contacts of a plan are called, for whoever shows it to a human being. Never for logs.

use std::collections::HashMap;

use crate::contact::{Contact, ContactId, PersonId};
use crate::link::{Link, LinkId};
use crate::plan::{ContactSight, PersonSight, Plan, Row};

/// The name of each step's contact, in the order of the steps; of a link that is to be forgotten, as it was last seen.
pub(super) fn names(plan: &Plan, rows: &[Row]) -> Vec<Option<String>> {
    let mut links: HashMap<LinkId, Option<String>> = HashMap::new();
    let mut contacts: HashMap<&ContactId, Option<String>> = HashMap::new();
    let mut persons: HashMap<PersonId, Option<String>> = HashMap::new();
    for row in rows {
        match (&row.link, &row.contact, &row.person) {
            (Some((id, _)), _, _) => drop(links.insert(*id, name(row))),
            (None, ContactSight::Live(now), _) => drop(contacts.insert(&now.id, name(row))),
            (None, _, PersonSight::Live(now)) => drop(persons.insert(now.id, name(row))),
            (None, _, _) => {}
        }
    }
    let steps = plan.steps.iter().map(|step| {
        let link = step.link.and_then(|id| links.get(&id));
        let alone = || step.contact.as_ref().and_then(|id| contacts.get(id));
        link.or_else(alone).or_else(|| step.person.and_then(|id| persons.get(&id))).cloned().flatten()
    });
    steps.collect()
}

fn name(row: &Row) -> Option<String> {
    let live = if let ContactSight::Live(now) = &row.contact { now.contact.shown_name() } else { None };
    let linked = || row.link.as_ref().and_then(|(_, link)| linked(link)).and_then(Contact::shown_name);
    let person = || if let PersonSight::Live(now) = &row.person { now.contact.shown_name() } else { None };
    live.or_else(linked).or_else(person)
}

/// What a link last saw of its contact, or else of its person.
fn linked(link: &Link) -> Option<&Contact> {
    let contact = link.contact.as_ref().map(|half| &*half.seen);
    contact.or_else(|| link.person.as_ref().map(|half| &*half.seen))
}

//! The rows of a plan in the making, each under its link or its half.

use std::collections::{BTreeMap, HashSet};

use crate::adapter::Seen;
use crate::contact::{ContactId, PersonId};
use crate::link::LinkId;
use crate::plan::{ContactNow, ContactSight, PersonSight, Row, Witness};

/// The rows in the making, each under its link or its half.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) links: BTreeMap<LinkId, Row>,
    pub(super) contacts: BTreeMap<ContactId, Row>,
    pub(super) persons: BTreeMap<PersonId, Row>,
    /// The contacts of the rows under links.
    pub(super) linked: HashSet<ContactId>,
}

impl Rows {
    /// Whether a contact was listed in this pass with something to say.
    pub(super) fn holds(&self, id: &ContactId) -> bool {
        self.contacts.contains_key(id) || self.linked.contains(id)
    }

    /// A contact that a link names.
    pub(super) fn live_link(&mut self, link: LinkId, seen: Seen) {
        self.linked.insert(seen.id.clone());
        self.link(link).contact = live(seen);
    }

    pub(super) fn link(&mut self, id: LinkId) -> &mut Row {
        self.links.entry(id).or_insert_with(nothing)
    }

    pub(super) fn contact(&mut self, id: ContactId) -> &mut Row {
        self.contacts.entry(id).or_insert_with(nothing)
    }

    pub(super) fn person(&mut self, id: PersonId) -> &mut Row {
        self.persons.entry(id).or_insert_with(nothing)
    }
}

pub(super) fn nothing() -> Row {
    Row { link: None, contact: ContactSight::Quiet, person: PersonSight::Quiet, witness: Witness::default() }
}

/// A contact that is there.
pub(super) fn live(seen: Seen) -> ContactSight {
    ContactSight::Live(Box::new(contact_now(seen)))
}

/// What an adapter saw, as a plan sees it.
pub(super) fn contact_now(seen: Seen) -> ContactNow {
    ContactNow {
        id: seen.id,
        stable: seen.stable,
        revision: seen.revision,
        contact: seen.contact.into(),
        in_group: seen.in_group,
        changed_at: seen.changed_at.map(|at| at.0),
    }
}

//! One user's address book: contacts and groups.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::contact::Contact;
use super::groups::Group;

/// Who the account is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Owner {
    /// Folded.
    pub(super) email: String,
    /// Digits, `sub` of an id token. Two states never give a user the same.
    pub(super) id: String,
}

/// A user with what is theirs.
#[derive(Debug)]
pub(super) struct Account {
    /// Who it is.
    pub(super) owner: Owner,
    /// By source id.
    pub(super) contacts: BTreeMap<u64, Contact>,
    names: HashMap<String, u64>,
    /// User groups by id, also the deleted ones.
    pub(super) groups: BTreeMap<String, Group>,
}

impl Account {
    /// An empty one.
    pub(super) fn new(owner: Owner) -> Self {
        Self { owner, contacts: BTreeMap::new(), names: HashMap::new(), groups: BTreeMap::new() }
    }

    /// Keeps `contact` in the place of what it was.
    pub(super) fn put(&mut self, contact: Contact) {
        for name in &contact.former {
            // The name of a merged contact is the survivor's history, but still leads to its own tombstone.
            self.names.entry(name.clone()).or_insert(contact.id);
        }
        self.names.insert(contact.name.clone(), contact.id);
        self.contacts.insert(contact.id, contact);
    }

    /// The contact that has or had this resource name, whether it is still there or not.
    pub(super) fn named(&self, name: &str) -> Option<&Contact> {
        self.names.get(name).and_then(|id| self.contacts.get(id))
    }

    /// The contact to write: one that is there.
    pub(super) fn live(&self, name: &str) -> Option<&Contact> {
        self.named(name).filter(|contact| contact.body().is_some())
    }

    /// How many contacts count towards the cap.
    pub(super) fn size(&self, now: i64) -> usize {
        self.contacts.values().filter(|contact| contact.counts(now)).count()
    }
}

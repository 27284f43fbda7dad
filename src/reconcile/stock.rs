//! What this process knows of a provider's whole book: which contact holds an address, a number or a name, and whether it
//! is in the group.
//!
//! Filled by every listing. It only finds: what a contact holds is asked of its link or of the book. A contact outside the
//! group that was not listed since the process started is not on it.

use std::collections::{HashMap, HashSet};

use super::finder::Finder;
use super::others::Others;
use crate::clock::Moment;
use crate::contact::{Contact, ContactId, Name};
use crate::link::{Link, LinkId};

/// An index of one book.
#[derive(Debug, Default)]
pub struct Stock {
    finder: Finder<ContactId>,
    in_group: HashMap<ContactId, bool>,
    group: u64,
    /// Links whose contacts are not known to be where the links say, by stable identity: it may turn up elsewhere.
    astray: HashMap<String, LinkId>,
    /// When everything that waits was last looked at by this process.
    pub(super) looked_at: Option<Moment>,
    /// Linked persons with another visibility or owner than declared.
    pub(super) others: Others,
}

impl Stock {
    /// Takes a contact in, or anew.
    pub fn put(&mut self, id: &ContactId, contact: &Contact, in_group: bool) {
        self.finder.put(id, contact);
        let before = self.in_group.insert(id.clone(), in_group).unwrap_or(false);
        self.group = self.group + u64::from(in_group) - u64::from(before);
    }

    /// Forgets a contact.
    pub fn remove(&mut self, id: &ContactId) {
        self.finder.remove(id);
        if self.in_group.remove(id) == Some(true) {
            self.group -= 1;
        }
    }

    /// A complete walk listed only these: what else was known is gone.
    pub fn keep(&mut self, listed: &HashSet<ContactId>) {
        let gone: Vec<ContactId> = self.in_group.keys().filter(|id| !listed.contains(*id)).cloned().collect();
        for id in gone {
            self.remove(&id);
        }
    }

    /// A link's contact is not known to be where the link says.
    pub fn lose_sight(&mut self, id: LinkId, link: &Link) {
        let stable = link.contact.as_ref().and_then(|half| half.stable.clone());
        self.astray.extend(stable.map(|stable| (stable, id)));
    }

    /// The link whose contact may be the one with this stable identity. It may have been forgotten since.
    pub fn astray(&self, stable: &str) -> Option<LinkId> {
        self.astray.get(stable).copied()
    }

    /// Whether nothing was listed yet.
    pub fn is_empty(&self) -> bool {
        self.in_group.is_empty()
    }

    /// Contacts now in the group.
    pub fn group(&self) -> u64 {
        self.group
    }

    /// Whether a contact is in the group; `None` for one that was not listed.
    pub fn in_group(&self, id: &ContactId) -> Option<bool> {
        self.in_group.get(id).copied()
    }

    /// Candidates for an e-mail address, by its normal form.
    pub fn with_email(&self, key: &str) -> Vec<ContactId> {
        self.finder.with_email(key)
    }

    /// Candidates for a phone number, by its normal form.
    pub fn with_phone(&self, key: &str) -> Vec<ContactId> {
        self.finder.with_phone(key)
    }

    /// Candidates for a name of the same words.
    pub fn named(&self, name: &Name) -> Vec<ContactId> {
        self.finder.named(name)
    }
}

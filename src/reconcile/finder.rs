//! Finds contacts by what they hold: an index in memory, about 100 bytes a contact.
//!
//! It holds hashes, so what it finds are candidates: whoever asks looks at the contact before believing it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use crate::contact::{Contact, Name, phone};

/// An index from addresses, numbers and names to ids.
#[derive(Debug)]
pub(super) struct Finder<Id> {
    keys: HashMap<Id, Keys>,
    emails: Buckets<Id>,
    phones: Buckets<Id>,
    names: Buckets<Id>,
}

type Buckets<Id> = HashMap<u64, Vec<Id>>;

#[derive(Debug)]
struct Keys {
    emails: Box<[u64]>,
    phones: Box<[u64]>,
    name: Option<u64>,
}

impl<Id> Default for Finder<Id> {
    fn default() -> Self {
        Self { keys: HashMap::new(), emails: HashMap::new(), phones: HashMap::new(), names: HashMap::new() }
    }
}

impl<Id: Clone + Ord + Hash> Finder<Id> {
    /// Takes a contact in, or anew.
    pub(super) fn put(&mut self, id: &Id, contact: &Contact) {
        self.remove(id);
        let keys = Keys::of(contact);
        for key in &keys.emails {
            put_into(&mut self.emails, *key, id);
        }
        for key in &keys.phones {
            put_into(&mut self.phones, *key, id);
        }
        if let Some(name) = keys.name {
            put_into(&mut self.names, name, id);
        }
        self.keys.insert(id.clone(), keys);
    }

    /// Forgets a contact.
    pub(super) fn remove(&mut self, id: &Id) {
        let Some(keys) = self.keys.remove(id) else { return };
        for key in &keys.emails {
            drop_from(&mut self.emails, *key, id);
        }
        for key in &keys.phones {
            drop_from(&mut self.phones, *key, id);
        }
        if let Some(name) = keys.name {
            drop_from(&mut self.names, name, id);
        }
    }

    /// Candidates for an e-mail address, by its normal form; lowest id first.
    pub(super) fn with_email(&self, key: &str) -> Vec<Id> {
        found(&self.emails, Some(hash(key)))
    }

    /// Candidates for a phone number, by its normal form.
    pub(super) fn with_phone(&self, key: &str) -> Vec<Id> {
        found(&self.phones, phone::tail(key))
    }

    /// Candidates for a name of the same words.
    pub(super) fn named(&self, name: &Name) -> Vec<Id> {
        found(&self.names, name.word_key().as_deref().map(hash))
    }
}

impl Keys {
    fn of(contact: &Contact) -> Self {
        Self {
            emails: contact.emails.iter().map(|e| hash(&e.key)).collect(),
            phones: contact.phones.iter().filter_map(|p| phone::tail(&p.value)).collect(),
            name: contact.name.word_key().as_deref().map(hash),
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn found<Id: Clone + Ord>(buckets: &Buckets<Id>, key: Option<u64>) -> Vec<Id> {
    let mut ids = key.and_then(|key| buckets.get(&key)).cloned().unwrap_or_default();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Nearly every address, number and name is one contact's alone: room for one, not for a `Vec`'s first four.
fn put_into<Id: Clone>(buckets: &mut Buckets<Id>, key: u64, id: &Id) {
    buckets.entry(key).or_insert_with(|| Vec::with_capacity(1)).push(id.clone());
}

fn drop_from<Id: PartialEq>(buckets: &mut Buckets<Id>, key: u64, id: &Id) {
    if let Some(ids) = buckets.get_mut(&key) {
        ids.retain(|other| other != id);
        if ids.is_empty() {
            buckets.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::Element;

    #[test]
    fn what_is_taken_in_is_found_until_it_is_forgotten() {
        let contact = Contact {
            name: Name::display("Anna Weber"),
            emails: Element::email("anna@acme.example").into_iter().collect(),
            phones: Element::phone("+33 1 99 00 12 34", None).into_iter().collect(),
            ..Contact::default()
        };
        let mut finder = Finder::default();
        finder.put(&7, &contact);
        finder.put(&7, &contact);
        assert_eq!(finder.with_email("anna@acme.example"), [7]);
        assert_eq!(finder.with_phone("0199001234"), [7], "the country may be unknown");
        assert_eq!(finder.named(&Name::display("weber anna")), [7]);
        finder.remove(&7);
        assert!(finder.with_email("anna@acme.example").is_empty());
    }
}

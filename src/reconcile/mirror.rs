//! What the watcher knows of every visible person, as far as it is asked while a plan is made.
//!
//! The persons themselves stand in the store; in memory is only what finds them. What a person holds is read from the
//! store by whoever asks.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::finder::Finder;
use crate::contact::{Name, PersonId, UserId};
use crate::store::{Person, StoreError, View};

/// Finds persons by what they hold.
#[derive(Debug, Default)]
pub struct Mirror {
    index: RwLock<Index>,
}

#[derive(Debug, Default)]
struct Index {
    /// Who owns each person, and who may see it.
    places: HashMap<PersonId, (UserId, u8)>,
    finder: Finder<PersonId>,
    highest: Option<PersonId>,
    /// What was put while a walk is under way: its absence from that walk proves nothing, nor what a page says of it.
    fresh: Option<HashSet<PersonId>>,
}

impl Mirror {
    /// Fills the index from the store, once at start: the only look at every person.
    pub fn load(view: &View) -> Result<Self, StoreError> {
        let mirror = Self::default();
        for person in view.persons()? {
            mirror.put(&person?);
        }
        Ok(mirror)
    }

    /// Takes a person in, or anew.
    pub fn put(&self, person: &Person) {
        let mut index = self.write();
        index.finder.put(&person.id, &person.contact);
        index.places.insert(person.id, (person.owner, person.visible_to));
        index.highest = index.highest.max(Some(person.id));
        if let Some(fresh) = &mut index.fresh {
            fresh.insert(person.id);
        }
    }

    /// Forgets a person.
    pub fn remove(&self, id: PersonId) {
        let mut index = self.write();
        index.finder.remove(&id);
        index.places.remove(&id);
    }

    /// How many persons are visible.
    pub fn len(&self) -> usize {
        self.read().places.len()
    }

    /// Whether no person is visible.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The highest id known.
    pub(super) fn highest(&self) -> Option<PersonId> {
        self.read().highest
    }

    /// Who owns a person; `None` for one that is not visible.
    pub fn owner(&self, id: PersonId) -> Option<UserId> {
        self.read().places.get(&id).map(|(owner, _)| *owner)
    }

    /// Who owns a person, and Pipedrive's number for who may see it; `None` for one that is not visible.
    pub(super) fn place(&self, id: PersonId) -> Option<(UserId, u8)> {
        self.read().places.get(&id).copied()
    }

    /// Every person of one owner, lowest id first.
    pub fn owned_by(&self, owner: UserId) -> Vec<PersonId> {
        let index = self.read();
        let mut ids: Vec<_> = index.places.iter().filter(|(_, (o, _))| *o == owner).map(|(&id, _)| id).collect();
        ids.sort_unstable();
        ids
    }

    /// Candidates for an e-mail address, by its normal form.
    pub fn with_email(&self, key: &str) -> Vec<PersonId> {
        self.read().finder.with_email(key)
    }

    /// Candidates for a phone number, by its normal form.
    pub fn with_phone(&self, key: &str) -> Vec<PersonId> {
        self.read().finder.with_phone(key)
    }

    /// Candidates for a name of the same words.
    pub fn named(&self, name: &Name) -> Vec<PersonId> {
        self.read().finder.named(name)
    }

    /// Whether a person was put since the walk started.
    pub(super) fn is_fresh(&self, id: PersonId) -> bool {
        self.read().fresh.as_ref().is_some_and(|fresh| fresh.contains(&id))
    }

    /// A walk starts: what is put from now on is not missed by it.
    pub(super) fn start_walk(&self) {
        self.write().fresh = Some(HashSet::new());
    }

    /// The walk is over and listed `seen`: what it should have listed and did not, lowest id first.
    pub(super) fn finish_walk(&self, seen: &HashSet<PersonId>) -> Vec<PersonId> {
        let mut index = self.write();
        let fresh = index.fresh.take().unwrap_or_default();
        let missing = |id: &PersonId| !seen.contains(id) && !fresh.contains(id);
        let mut ids: Vec<_> = index.places.keys().copied().filter(missing).collect();
        ids.sort_unstable();
        ids
    }

    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

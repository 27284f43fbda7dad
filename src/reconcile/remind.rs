//! What earlier processes wrote to a book a moment ago, told to a process that has just started.
//!
//! Some books go on telling what was there before a write for a while. Whoever wrote knows better, and whoever starts then
//! has to be told: an edit of ours would come back undone else, and what we created would be gone.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::observe::Observer;
use super::organizations::store_error;
use crate::adapter::{Error, Recalled};
use crate::clock::Moment;
use crate::contact::{Change, ContactId};
use crate::store::{HistoryEntry, PassId, Side, StoreError};

impl Observer<'_> {
    /// Tells the book what history says of the time in which it may not show it yet.
    pub(super) fn remind_book(&self) -> Result<(), Error> {
        let lag = self.member.provider.lag();
        if !lag.is_zero() {
            let since = self.shared.clock.now().before(lag);
            self.member.provider.remind(self.written(since).map_err(|error| store_error(&error))?);
        }
        Ok(())
    }

    fn written(&self, since: Moment) -> Result<Vec<Recalled>, StoreError> {
        let mut writes: BTreeMap<ContactId, Recalled> = BTreeMap::new();
        for entry in self.view.history(self.work.0, PassId(0))?.rev() {
            let entry = entry?;
            if entry.at < since {
                break;
            }
            let Some(write) = self.write_of(&entry)? else { continue };
            match writes.entry(write.id.clone()) {
                Entry::Vacant(place) => drop(place.insert(write)),
                // What was created and then changed is new as well.
                Entry::Occupied(mut later) => later.get_mut().created |= write.created,
            }
        }
        Ok(writes.into_values().collect())
    }

    /// What an entry says of the provider's book. What a contact holds now stands in its link.
    fn write_of(&self, entry: &HistoryEntry) -> Result<Option<Recalled>, StoreError> {
        if entry.side != Side::Provider {
            return Ok(None);
        }
        if let Change::Delete { id } = &entry.change {
            return Ok(Some(Recalled { id: id.clone(), at: entry.at, contact: None, created: false }));
        }
        let half = self.view.link(self.work.0, entry.link)?.and_then(|link| link.contact);
        let created = matches!(entry.change, Change::Create { .. });
        Ok(half.map(|half| Recalled { id: half.id, at: entry.at, contact: Some((*half.seen).clone()), created }))
    }
}

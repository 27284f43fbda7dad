//! Linked persons whose visibility or owner is not what the account declares. Both are written at creation only: a later
//! change concerns new persons, and the status counts the others.
//!
//! All links are looked at once in a process, and on refresh; after that only what a pass touched. Nothing is written to
//! them.

use std::collections::HashSet;

use super::member::{Seat, Shared};
use crate::contact::PersonId;
use crate::store::{CheckpointId, HeadState, StoreError, View};

/// Those of one account; unknown until they are first counted.
#[derive(Debug, Default)]
pub(super) struct Others(Option<HashSet<PersonId>>);

impl Others {
    /// Counts them again from scratch the next time.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// How many there are, after these persons or their links may have changed.
    pub(super) fn count(
        &mut self,
        (shared, seat): (&Shared, &Seat),
        (view, checkpoint): (&View, CheckpointId),
        touched: impl IntoIterator<Item = PersonId>,
    ) -> Result<u64, StoreError> {
        let is_other = |id: PersonId| shared.mirror.place(id).is_some_and(|p| p != (seat.owner, seat.visible_to));
        if let Some(others) = &mut self.0 {
            for id in touched {
                if is_other(id) && is_linked(view, checkpoint, id)? {
                    others.insert(id);
                } else {
                    others.remove(&id);
                }
            }
        } else {
            let mut others = HashSet::new();
            for head in view.link_heads(checkpoint)? {
                let head = head?;
                let person = head.person.filter(|_| head.state == HeadState::Active && head.contact.is_some());
                others.extend(person.filter(|id| is_other(*id)));
            }
            self.0 = Some(others);
        }
        Ok(self.0.as_ref().map_or(0, |others| others.len() as u64))
    }
}

fn is_linked(view: &View, checkpoint: CheckpointId, id: PersonId) -> Result<bool, StoreError> {
    for (theirs, link) in view.link_by_person(id)? {
        if theirs == checkpoint
            && view.link(checkpoint, link)?.is_some_and(|link| link.is_active() && link.person_id() == Some(id))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

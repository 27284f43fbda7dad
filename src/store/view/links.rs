//! Reading links.

use super::View;
use crate::contact::{ContactId, PersonId, Revision};
use crate::link::{Link, LinkId};
use crate::store::record::{Unreadable, decode};
use crate::store::tables::{BOOKS, BY_CONTACT, BY_PERSON, COUNTS, HEADS, LINKS};
use crate::store::{CheckpointId, StoreError, index};

/// A link without its contacts. Reading 100 000 of them is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which link.
    pub id: LinkId,
    /// The contact's id, if it has that half.
    pub contact: Option<ContactId>,
    /// The contact's revision last seen, if it has that half.
    pub revision: Option<Revision>,
    /// The person's id, if it has that half.
    pub person: Option<PersonId>,
    /// What the link is.
    pub state: HeadState,
}

/// What a link is, without its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeadState {
    /// Both halves are kept in step.
    Active,
    /// Remembered only.
    Dormant,
    /// Waits for a human being.
    Held,
}

/// How many links a checkpoint has, by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Kept in step: what status shows as contacts.
    pub active: u64,
    /// Remembered only.
    pub dormant: u64,
    /// Waiting for a human being.
    pub held: u64,
}

impl View {
    /// A link.
    pub fn link(&self, checkpoint: CheckpointId, id: LinkId) -> Result<Option<Link>, StoreError> {
        self.row(LINKS, (checkpoint.0, id.0), decode)
    }

    /// The link that has this contact as its half.
    pub fn link_by_contact(
        &self,
        checkpoint: CheckpointId,
        contact: &ContactId,
    ) -> Result<Option<(LinkId, Link)>, StoreError> {
        let Some(id) = self.id_by_contact(checkpoint, contact)? else { return Ok(None) };
        Ok(self.link(checkpoint, id)?.map(|link| (id, link)))
    }

    /// Every link that has this contact as its half, in the order of their ids. Several only where a pass in which contacts
    /// exchanged their ids did not come to its end.
    pub fn links_by_contact(
        &self,
        checkpoint: CheckpointId,
        contact: &ContactId,
    ) -> Result<Vec<(LinkId, Link)>, StoreError> {
        let mut links = Vec::new();
        for id in self.ids_by_contact(checkpoint, contact)? {
            let id = id?;
            links.extend(self.link(checkpoint, id)?.map(|link| (id, link)));
        }
        Ok(links)
    }

    /// The links of all accounts that have this person as their half, or among the candidates of their hold.
    ///
    /// Checkpoints without an account do not count. A person's id means something in one company only: where accounts
    /// of several companies are kept, compare their scopes.
    pub fn link_by_person(&self, person: PersonId) -> Result<Vec<(CheckpointId, LinkId)>, StoreError> {
        let all = (person.0, 0, 0)..=(person.0, u32::MAX, u64::MAX);
        let rows =
            self.rows(BY_PERSON, all, |(_, checkpoint, link), ()| Ok((CheckpointId(checkpoint), LinkId(link))))?;
        let mut links = Vec::new();
        for row in rows {
            let (checkpoint, link) = row?;
            if self.is_named(checkpoint)? {
                links.push((checkpoint, link));
            }
        }
        Ok(links)
    }

    /// The checkpoints of a book, with or without an account, in the order of their ids.
    pub fn checkpoints_of_book(&self, book: &str) -> Result<Vec<CheckpointId>, StoreError> {
        self.rows(BOOKS, (book, 0)..=(book, u32::MAX), |(_, checkpoint), ()| Ok(CheckpointId(checkpoint)))?.collect()
    }

    /// The link of any account that has this contact of this book as its half: (book, contact id) is unique over all
    /// accounts. Checkpoints without an account do not count.
    pub fn contact_elsewhere(
        &self,
        book: &str,
        contact: &ContactId,
    ) -> Result<Option<(CheckpointId, LinkId)>, StoreError> {
        let all = (book, 0)..=(book, u32::MAX);
        for checkpoint in self.rows(BOOKS, all, |(_, checkpoint), ()| Ok(CheckpointId(checkpoint)))? {
            let checkpoint = checkpoint?;
            if let Some(link) = self.id_by_contact(checkpoint, contact)?
                && self.is_named(checkpoint)?
            {
                return Ok(Some((checkpoint, link)));
            }
        }
        Ok(None)
    }

    /// The links of a checkpoint, in the order of their ids. Decodes every contact: [`View::link_heads`] is cheaper.
    pub fn links(
        &self,
        checkpoint: CheckpointId,
    ) -> Result<impl DoubleEndedIterator<Item = Result<(LinkId, Link), StoreError>> + '_, StoreError> {
        self.rows(LINKS, whole(checkpoint), |(_, id), row| Ok((LinkId(id), decode(row)?)))
    }

    /// The links of a checkpoint without their contacts, in the order of their ids.
    pub fn link_heads(
        &self,
        checkpoint: CheckpointId,
    ) -> Result<impl DoubleEndedIterator<Item = Result<Head, StoreError>> + '_, StoreError> {
        self.rows(HEADS, whole(checkpoint), |(_, id), (state, person, contact, revision)| {
            Ok(Head {
                id: LinkId(id),
                contact: contact.map(ContactId::from),
                revision: revision.map(Revision::from),
                person: person.map(PersonId),
                state: read_state(state)?,
            })
        })
    }

    /// The links of a checkpoint that wait for a human being.
    pub fn held(&self, checkpoint: CheckpointId) -> Result<Vec<(LinkId, Link)>, StoreError> {
        let mut held = Vec::new();
        for head in self.link_heads(checkpoint)? {
            let Head { id, state, .. } = head?;
            if state == HeadState::Held {
                held.extend(self.link(checkpoint, id)?.map(|link| (id, link)));
            }
        }
        Ok(held)
    }

    /// How many links a checkpoint has. Costs one row.
    pub fn counts(&self, checkpoint: CheckpointId) -> Result<LinkCounts, StoreError> {
        let counts = |(active, dormant, held)| Ok(LinkCounts { active, dormant, held });
        Ok(self.row(COUNTS, checkpoint.0, counts)?.unwrap_or_default())
    }

    fn id_by_contact(&self, checkpoint: CheckpointId, contact: &ContactId) -> Result<Option<LinkId>, StoreError> {
        self.ids_by_contact(checkpoint, contact)?.next().transpose()
    }

    fn ids_by_contact(
        &self,
        checkpoint: CheckpointId,
        contact: &ContactId,
    ) -> Result<impl Iterator<Item = Result<LinkId, StoreError>> + '_, StoreError> {
        let all = (checkpoint.0, contact.as_str(), 0)..=(checkpoint.0, contact.as_str(), u64::MAX);
        self.rows(BY_CONTACT, all, |(_, _, link), ()| Ok(LinkId(link)))
    }
}

fn whole(checkpoint: CheckpointId) -> std::ops::RangeInclusive<(u32, u64)> {
    (checkpoint.0, 0)..=(checkpoint.0, u64::MAX)
}

fn read_state(state: u8) -> Result<HeadState, Unreadable> {
    match state {
        index::ACTIVE => Ok(HeadState::Active),
        index::DORMANT => Ok(HeadState::Dormant),
        index::HELD => Ok(HeadState::Held),
        other => Err(Unreadable(format!("unknown state {other}"))),
    }
}

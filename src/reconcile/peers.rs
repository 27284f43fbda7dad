//! The accounts of this company, as far as the state knows them: whose links bind, and under which name.
//!
//! A person's id means something in one company only, and a checkpoint without an account binds nobody: links are
//! therefore always looked up here, never in the store alone.

use std::collections::BTreeMap;

use crate::account::AccountName;
use crate::clock::Moment;
use crate::contact::{ContactId, PersonId};
use crate::link::LinkId;
use crate::store::{Checkpoint, CheckpointId, StoreError, View};

/// The checkpoints of one company that belong to an account.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<CheckpointId, (AccountName, Checkpoint)>);

impl Peers {
    /// Those of a company, by [`crate::adapter::pipedrive::Company::identity`].
    pub(super) fn of(view: &View, company: &str) -> Result<Self, StoreError> {
        let mut peers = BTreeMap::new();
        for (name, id) in view.names()? {
            if let Some(checkpoint) = view.checkpoint(id)?.filter(|checkpoint| checkpoint.scope.company == company) {
                peers.insert(id, (name, checkpoint));
            }
        }
        Ok(Self(peers))
    }

    /// The account that a checkpoint belongs to.
    pub(super) fn name(&self, id: CheckpointId) -> Option<&AccountName> {
        self.0.get(&id).map(|(name, _)| name)
    }

    /// Every checkpoint.
    pub(super) fn checkpoints(&self) -> impl Iterator<Item = (CheckpointId, &Checkpoint)> + '_ {
        self.0.iter().map(|(id, (_, checkpoint))| (*id, checkpoint))
    }

    /// The links of all accounts that have this person as their half, or among the candidates of their hold.
    pub(super) fn links_to(&self, view: &View, person: PersonId) -> Result<Vec<(CheckpointId, LinkId)>, StoreError> {
        let mut links = view.link_by_person(person)?;
        links.retain(|(checkpoint, _)| self.0.contains_key(checkpoint));
        Ok(links)
    }

    /// The account that has a link with this contact of this book as its half: (book, contact id) is unique over all
    /// accounts.
    pub(super) fn contact_of(
        &self,
        view: &View,
        book: &str,
        contact: &ContactId,
    ) -> Result<Option<CheckpointId>, StoreError> {
        for (id, checkpoint) in self.checkpoints() {
            if checkpoint.scope.book == book && view.link_by_contact(id, contact)?.is_some() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// How many deletions all accounts counted at or after a moment.
    pub(super) fn deletions_since(&self, view: &View, since: Moment) -> Result<u64, StoreError> {
        view.deletions_since_company(since, |id| self.0.contains_key(&id))
    }
}

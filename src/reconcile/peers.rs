//! The accounts of this company, as far as the state knows them: whose links bind, and under which name.
//!
//! A person's id means something in one company only, and a checkpoint without an account binds nobody: links are
//! therefore always looked up here, never in the store alone. Only the checkpoints that are asked for are read: what a pass
//! costs does not depend on how many accounts there are.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::account::AccountName;
use crate::contact::{ContactId, PersonId};
use crate::link::LinkId;
use crate::store::{CheckpointId, StoreError, View};

/// The checkpoints of one company that belong to an account, in one snapshot of the store.
#[derive(Debug)]
pub(super) struct Peers {
    company: String,
    /// What was asked so far.
    known: Mutex<HashMap<CheckpointId, bool>>,
}

impl Peers {
    /// Those of a company, by [`crate::adapter::pipedrive::Company::identity`].
    pub(super) fn of(company: &str) -> Self {
        Self { company: company.to_owned(), known: Mutex::default() }
    }

    /// Whether a checkpoint is one of them.
    pub(super) fn has(&self, view: &View, id: CheckpointId) -> Result<bool, StoreError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(has) = known.get(&id) {
            return Ok(*has);
        }
        let ours = || Ok(view.checkpoint(id)?.is_some_and(|checkpoint| checkpoint.scope.company == self.company));
        let has = view.is_named(id)? && ours()?;
        known.insert(id, has);
        Ok(has)
    }

    /// The links of all accounts that have this person as their half, or among the candidates of their hold.
    pub(super) fn links_to(&self, view: &View, person: PersonId) -> Result<Vec<(CheckpointId, LinkId)>, StoreError> {
        let mut links = Vec::new();
        for link in view.link_by_person(person)? {
            if self.has(view, link.0)? {
                links.push(link);
            }
        }
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
        for id in view.checkpoints_of_book(book)? {
            if self.has(view, id)? && view.link_by_contact(id, contact)?.is_some() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The checkpoint of an account, if it is of this company and of this book.
    pub(super) fn named(
        &self,
        view: &View,
        name: &AccountName,
        book: &str,
    ) -> Result<Option<CheckpointId>, StoreError> {
        let checkpoint = view.checkpoint_of(name)?;
        let ours = checkpoint.filter(|(_, theirs)| theirs.scope.company == self.company && theirs.scope.book == book);
        Ok(ours.map(|(id, _)| id))
    }
}

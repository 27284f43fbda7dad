//! The accounts of this company, as far as the state knows them: whose links bind, and under which name.
//!
//! A person's id means something in one company only, and a checkpoint binds nobody without an account that is declared,
//! enabled or not: links are therefore always looked up here, never in the store alone. Only the checkpoints that are asked
//! for are read: what a pass costs does not depend on how many accounts there are.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::account::AccountName;
use crate::contact::{ContactId, PersonId};
use crate::link::LinkId;
use crate::store::{CheckpointId, StoreError, View};

/// The checkpoints of one company that belong to an account, in one snapshot of the store.
#[derive(Debug)]
pub(super) struct Peers {
    company: String,
    /// Who is declared, and whose checkpoint asks: it is not an orphan, whatever its name. Unknown: whoever has a name.
    among: Option<(Arc<BTreeSet<AccountName>>, CheckpointId)>,
    /// What was asked so far.
    known: Mutex<HashMap<CheckpointId, Bond>>,
}

/// What a checkpoint is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bond {
    /// Of another company, or without a name.
    None,
    /// Its account is no longer declared.
    Orphan,
    /// Its links bind.
    Binds,
}

impl Peers {
    /// Those of a company, by [`crate::adapter::pipedrive::Company::identity`], whether they are still declared or not.
    pub(super) fn of(company: &str) -> Self {
        Self { company: company.to_owned(), among: None, known: Mutex::default() }
    }

    /// Those of a company that are declared, and the one that asks.
    pub(super) fn among(company: &str, declared: Arc<BTreeSet<AccountName>>, own: CheckpointId) -> Self {
        Self { among: Some((declared, own)), ..Self::of(company) }
    }

    fn bond(&self, view: &View, id: CheckpointId) -> Result<Bond, StoreError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bond) = known.get(&id) {
            return Ok(*bond);
        }
        let name = view.name_of(id)?;
        let ours = || Ok(view.checkpoint(id)?.is_some_and(|checkpoint| checkpoint.scope.company == self.company));
        let bond = match (&name, &self.among) {
            (Some(_), _) if !ours()? => Bond::None,
            (Some(name), Some((declared, own))) if id != *own && !declared.contains(name) => Bond::Orphan,
            (Some(_), _) => Bond::Binds,
            (None, _) => Bond::None,
        };
        known.insert(id, bond);
        Ok(bond)
    }

    /// Whether a checkpoint is one of the company's that an account has or had.
    pub(super) fn has(&self, view: &View, id: CheckpointId) -> Result<bool, StoreError> {
        Ok(self.bond(view, id)? != Bond::None)
    }

    /// Whether a checkpoint is the company's, of an account that is no longer declared.
    pub(super) fn is_orphan(&self, view: &View, id: CheckpointId) -> Result<bool, StoreError> {
        Ok(self.bond(view, id)? == Bond::Orphan)
    }

    /// The links of all accounts that have this person as their half, or among the candidates of their hold.
    pub(super) fn links_to(&self, view: &View, person: PersonId) -> Result<Vec<(CheckpointId, LinkId)>, StoreError> {
        let mut links = Vec::new();
        for link in view.link_by_person(person)? {
            if self.bond(view, link.0)? == Bond::Binds {
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
            if self.bond(view, id)? == Bond::Binds && view.link_by_contact(id, contact)?.is_some() {
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

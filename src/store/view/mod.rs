//! A view: the database as it stood after one commit, whatever is written meanwhile.
//!
//! Reading does not wait for the writer, nor for the disk beyond a page fault. A view keeps old pages alive, so take one
//! per pass and let it go. After an I/O error the database is opened anew, and older views answer with an error.

mod links;
mod log;

pub use links::{Head, HeadState, LinkCounts};

use std::borrow::Borrow;
use std::fmt::Debug;
use std::ops::RangeBounds;

use redb::{Key, ReadTransaction, TableDefinition, TableHandle as _, Value};

use super::file::Place;
use super::record::{Unreadable, decode};
use super::tables::{
    CHECKPOINTS, COMMITS_KEY, LOGINS, META, NAMED, NAMES, ORGANIZATION_NAMES, ORGANIZATIONS, PERSONS, TODOS, TOUCHED,
    USED_AT_KEY, USED_KEY, WATCHER,
};
use super::{Checkpoint, CheckpointId, Organization, Person, SealedLogin, StoreError, Todo, Watcher};
use crate::account::AccountName;
use crate::clock::Moment;
use crate::contact::PersonId;

/// Which commit a [`View`] shows; see [`super::Op::UntouchSeen`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub(super) u64);

/// The database at one moment.
pub struct View {
    transaction: ReadTransaction,
    place: Place,
}

impl Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("path", &self.place.path()).finish_non_exhaustive()
    }
}

impl View {
    /// A view on an open transaction.
    pub(super) fn new(transaction: ReadTransaction, place: Place) -> Self {
        Self { transaction, place }
    }

    /// Which commit this shows.
    pub fn mark(&self) -> Result<Mark, StoreError> {
        Ok(Mark(self.row(META, COMMITS_KEY, Ok)?.unwrap_or(0)))
    }

    /// A checkpoint.
    pub fn checkpoint(&self, id: CheckpointId) -> Result<Option<Checkpoint>, StoreError> {
        self.row(CHECKPOINTS, id.0, decode)
    }

    /// The checkpoint of an account.
    pub fn checkpoint_of(&self, account: &AccountName) -> Result<Option<(CheckpointId, Checkpoint)>, StoreError> {
        let Some(id) = self.row(NAMES, account.as_str(), |id| Ok(CheckpointId(id)))? else { return Ok(None) };
        Ok(self.checkpoint(id)?.map(|checkpoint| (id, checkpoint)))
    }

    /// Every checkpoint, with or without an account, in the order of their ids.
    pub fn checkpoints(&self) -> Result<Vec<(CheckpointId, Checkpoint)>, StoreError> {
        self.rows(CHECKPOINTS, 0.., |id, row| Ok((CheckpointId(id), decode(row)?)))?.collect()
    }

    /// Every account that has a checkpoint, in alphabetical order.
    pub fn names(&self) -> Result<Vec<(AccountName, CheckpointId)>, StoreError> {
        let name =
            |name: &str| AccountName::new(name).ok_or_else(|| Unreadable("this is no account's name".to_owned()));
        self.rows(NAMES, "".., |account, id| Ok((name(account)?, CheckpointId(id))))?.collect()
    }

    /// Whether an account has this checkpoint. One without is remembered, but its links bind nobody.
    pub fn is_named(&self, id: CheckpointId) -> Result<bool, StoreError> {
        let mut named = self.rows(NAMED, (id.0, "")..(id.0.saturating_add(1), ""), |_, ()| Ok(()))?;
        Ok(named.next().transpose()?.is_some())
    }

    /// The account that has this checkpoint.
    pub fn name_of(&self, id: CheckpointId) -> Result<Option<AccountName>, StoreError> {
        let name = |(_, name): (u32, &str), ()| {
            AccountName::new(name).ok_or_else(|| Unreadable("this is no account's name".to_owned()))
        };
        self.rows(NAMED, (id.0, "")..(id.0.saturating_add(1), ""), name)?.next().transpose()
    }

    /// Work that waits to be done.
    pub fn todos(&self, id: CheckpointId) -> Result<Vec<Todo>, StoreError> {
        let all = (id.0, 0, "")..(id.0.saturating_add(1), 0, "");
        self.rows(TODOS, all, |_, row| decode(row))?.collect()
    }

    /// The persons that the watcher saw change since this account last dealt with them.
    pub fn touched(&self, id: CheckpointId) -> Result<Vec<PersonId>, StoreError> {
        self.rows(TOUCHED, (id.0, 0)..=(id.0, u64::MAX), |(_, person), _| Ok(PersonId(person)))?.collect()
    }

    /// A person of the mirror.
    pub fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        self.row(PERSONS, id.0, decode)
    }

    /// The mirror's persons, in the order of their ids.
    pub fn persons(&self) -> Result<impl Iterator<Item = Result<Person, StoreError>> + '_, StoreError> {
        self.rows(PERSONS, 0.., |_, row| decode(row))
    }

    /// An organization of the mirror.
    pub fn organization(&self, id: u64) -> Result<Option<Organization>, StoreError> {
        self.row(ORGANIZATIONS, id, decode)
    }

    /// The mirror's organizations, in the order of their ids.
    pub fn organizations(&self) -> Result<impl Iterator<Item = Result<Organization, StoreError>> + '_, StoreError> {
        self.rows(ORGANIZATIONS, 0.., |_, row| decode(row))
    }

    /// The id of the organization that a name, in its normal form, was remembered for.
    pub fn organization_named(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.row(ORGANIZATION_NAMES, key, Ok)
    }

    /// What is kept under this key, such as `account/alice`.
    pub fn login(&self, key: &str) -> Result<Option<SealedLogin>, StoreError> {
        self.row(LOGINS, key, |(until, bytes)| {
            let until = (until != i64::MAX).then_some(Moment(until));
            Ok(SealedLogin { bytes: bytes.to_vec(), until })
        })
    }

    /// Where the watcher stands.
    pub fn watcher(&self) -> Result<Option<Watcher>, StoreError> {
        self.row(WATCHER, (), decode)
    }

    /// When and how many tokens carnetd had last used of the company's day.
    pub fn used(&self) -> Result<Option<(Moment, u64)>, StoreError> {
        let at = self.row(META, USED_AT_KEY, |at| Ok(Moment(i64::try_from(at).unwrap_or(i64::MAX))))?;
        Ok(at.zip(self.row(META, USED_KEY, Ok)?))
    }

    /// One row.
    fn row<'k, K, V, T>(
        &self,
        table: TableDefinition<'_, K, V>,
        key: impl Borrow<K::SelfType<'k>>,
        read: impl Fn(V::SelfType<'_>) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, StoreError>
    where
        K: Key + 'static,
        V: Value + 'static,
    {
        let key = key.borrow();
        let get = || -> Result<_, redb::Error> { Ok(self.transaction.open_table(table)?.get(key)?) };
        let row = get().map_err(|e| self.failed(e))?;
        let value = row.map(|row| read(row.value())).transpose();
        value.map_err(|e| StoreError::record(table.name(), key, e))
    }

    /// The rows of a range.
    fn rows<'v, 'k, K, V, KR, T>(
        &'v self,
        table: TableDefinition<'static, K, V>,
        range: impl RangeBounds<KR>,
        read: impl Fn(K::SelfType<'_>, V::SelfType<'_>) -> Result<T, Unreadable> + 'v,
    ) -> Result<impl DoubleEndedIterator<Item = Result<T, StoreError>> + 'v, StoreError>
    where
        K: Key + 'static,
        V: Value + 'static,
        KR: Borrow<K::SelfType<'k>>,
    {
        let get = || -> Result<_, redb::Error> { Ok(self.transaction.open_table(table)?.range(range)?) };
        let rows = get().map_err(|e| self.failed(e))?;
        Ok(rows.map(move |row| {
            let (key, value) = row.map_err(|e| self.failed(e.into()))?;
            read(key.value(), value.value()).map_err(|e| StoreError::record(table.name(), key.value(), e))
        }))
    }

    fn failed(&self, error: redb::Error) -> StoreError {
        self.place.sort(error, "reading")
    }
}

//! Applies one write to the tables, inside a transaction that [`super::writer`] opened and will commit.

use std::borrow::Borrow;

use redb::{Key, ReadableTable, StorageError, Table, TableError, TableHandle};

use super::record::{Mirror, Unreadable, encode};
use super::tables::{Tables, USED_AT_KEY, USED_KEY};
use super::{Checkpoint, CheckpointId, HistoryEntry, Op, PassRecord, StoreError, TodoKey, index};
use crate::account::AccountName;
use crate::clock::Moment;

/// Why a write was not applied.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The batch is at fault; others may go on.
    Batch(StoreError),
    /// The database is at fault.
    Database(redb::Error),
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Self::Database(error.into())
    }
}

impl From<TableError> for Trouble {
    fn from(error: TableError) -> Self {
        Self::Database(error.into())
    }
}

impl Trouble {
    /// A record that cannot be read or written.
    pub(super) fn record(table: &str, key: impl std::fmt::Debug, why: Unreadable) -> Self {
        Self::Batch(StoreError::record(table, key, why))
    }
}

/// A transaction in the making.
pub(super) struct Commit<'t> {
    /// Its tables.
    pub(super) tables: Tables<'t>,
    /// Its number: what a touch is marked with.
    pub(super) number: u64,
    /// The next running number of the history.
    pub(super) next_history: u64,
}

impl Commit<'_> {
    /// Applies one write.
    pub(super) fn apply(&mut self, op: &Op) -> Result<(), Trouble> {
        let t = &mut self.tables;
        match op {
            Op::PutCheckpoint(id, checkpoint) => put_checkpoint(t, *id, checkpoint)?,
            Op::Name(account, id) => {
                require(t, *id)?;
                unname(t, account)?;
                t.names.insert(account.as_str(), id.0)?;
                t.named.insert((id.0, account.as_str()), ())?;
            }
            Op::Unname(account) => unname(t, account)?,
            Op::PutLink { checkpoint, id, link } => {
                require(t, *checkpoint)?;
                index::put(t, *checkpoint, *id, link)?;
            }
            Op::RemoveLink { checkpoint, id } => index::remove(t, *checkpoint, *id)?,
            Op::PutTodo(id, todo) => {
                let (kind, text) = key_of(&todo.key);
                put(&mut t.todos, (id.0, kind, text.as_str()), todo)?;
            }
            Op::RemoveTodo(id, key) => {
                let (kind, text) = key_of(key);
                t.todos.remove((id.0, kind, text.as_str()))?;
            }
            Op::Touch(id, person) => drop(t.touched.insert((id.0, person.0), self.number)?),
            Op::Untouch(id, person) => drop(t.touched.remove((id.0, person.0))?),
            Op::UntouchSeen(id, person, seen) => {
                let touched = t.touched.get((id.0, person.0))?.map(|number| number.value());
                if touched.is_some_and(|number| number <= seen.0) {
                    t.touched.remove((id.0, person.0))?;
                }
            }
            Op::PutPerson(person) => put(&mut t.persons, person.id.0, &**person)?,
            Op::RemovePerson(id) => drop(t.persons.remove(id.0)?),
            Op::PutOrganization(organization) => put(&mut t.organizations, organization.id, organization)?,
            Op::RemoveOrganization(id) => {
                t.organizations.remove(id)?;
                t.organization_names.retain(|_, named| named != *id)?;
            }
            Op::RememberOrganization(name, id) => drop(t.organization_names.insert(name.as_str(), id)?),
            Op::PutWatcher(watcher) => put(&mut t.watcher, (), &**watcher)?,
            Op::PutUsed { at, tokens } => {
                t.meta.insert(USED_AT_KEY, u64::try_from(at.0).unwrap_or(0))?;
                t.meta.insert(USED_KEY, tokens)?;
            }
            Op::ForgetMirror => forget_mirror(t)?,
            Op::Intend(id, intent) => put(&mut t.intents, id.0, &**intent)?,
            Op::Done(id) => drop(t.intents.remove(id.0)?),
            Op::History(entry) => self.add_history(entry)?,
            Op::PruneHistory { before } => prune_history(t, *before)?,
            Op::PutPass(pass) => put_pass(t, pass)?,
            Op::CountDeletion { checkpoint, at } => {
                let count = t.deletions.get((at.0, checkpoint.0))?.map_or(0, |count| count.value());
                t.deletions.insert((at.0, checkpoint.0), count + 1)?;
            }
            Op::PruneDeletions { before } => t.deletions.retain_in(..(before.0, 0), |_, _| false)?,
            Op::PutLogin(key, login) => {
                let until = login.until.map_or(i64::MAX, |until| until.0);
                t.logins.insert(key.as_str(), (until, login.bytes.as_slice()))?;
            }
            Op::RemoveLogin(key) => drop(t.logins.remove(key.as_str())?),
            Op::PruneLogins { before } => t.logins.retain(|_, (until, _)| until >= before.0)?,
            Op::PutConfirmation(id, yes) => put(&mut t.confirmations, (id.0, yes.digest.0), yes)?,
            Op::RemoveConfirmation(id, digest) => drop(t.confirmations.remove((id.0, digest.0))?),
        }
        Ok(())
    }

    fn add_history(&mut self, entry: &HistoryEntry) -> Result<(), Trouble> {
        let number = self.next_history;
        self.next_history += 1;
        let bytes = encode(entry).map_err(|e| Trouble::record("history", number, e))?;
        let key = (entry.checkpoint.0, entry.pass.0, number);
        self.tables.history.insert(key, (entry.at.0, bytes.as_slice()))?;
        Ok(())
    }
}

/// Puts a record into a table of records.
pub(super) fn put<'k, K, T>(
    table: &mut Table<'_, K, &'static [u8]>,
    key: impl Borrow<K::SelfType<'k>>,
    value: &T,
) -> Result<(), Trouble>
where
    K: Key + 'static,
    T: Mirror,
{
    let bytes = encode(value).map_err(|e| Trouble::record(table.name(), key.borrow(), e))?;
    table.insert(key, bytes.as_slice())?;
    Ok(())
}

/// The kind and the text that the table has for a key of work to do.
fn key_of(key: &TodoKey) -> (u8, String) {
    match key {
        TodoKey::Contact(id) => (0, id.to_string()),
        TodoKey::Person(id) => (1, id.to_string()),
    }
}

fn require(tables: &Tables<'_>, id: CheckpointId) -> Result<(), Trouble> {
    match tables.checkpoints.get(id.0)? {
        Some(_) => Ok(()),
        None => Err(Trouble::Batch(StoreError::NoCheckpoint(id))),
    }
}

fn put_checkpoint(tables: &mut Tables<'_>, id: CheckpointId, checkpoint: &Checkpoint) -> Result<(), Trouble> {
    let old = tables.checkpoints.get(id.0)?.map(|row| super::record::decode::<Checkpoint>(row.value())).transpose();
    let old = old.map_err(|e| Trouble::record("checkpoints", id, e))?;
    if let Some(old) = old.filter(|old| old.scope.book != checkpoint.scope.book) {
        tables.books.remove((old.scope.book.as_str(), id.0))?;
    }
    tables.books.insert((checkpoint.scope.book.as_str(), id.0), ())?;
    put(&mut tables.checkpoints, id.0, checkpoint)
}

fn unname(tables: &mut Tables<'_>, account: &AccountName) -> Result<(), Trouble> {
    let old = tables.names.remove(account.as_str())?.map(|id| id.value());
    if let Some(old) = old {
        tables.named.remove((old, account.as_str()))?;
    }
    Ok(())
}

fn forget_mirror(tables: &mut Tables<'_>) -> Result<(), Trouble> {
    tables.persons.retain(|_, _| false)?;
    tables.organizations.retain(|_, _| false)?;
    tables.organization_names.retain(|_, _| false)?;
    tables.touched.retain(|_, _| false)?;
    tables.watcher.remove(())?;
    tables.meta.remove(USED_AT_KEY)?;
    tables.meta.remove(USED_KEY)?;
    Ok(())
}

fn put_pass(tables: &mut Tables<'_>, pass: &PassRecord) -> Result<(), Trouble> {
    let bytes = encode(pass).map_err(|e| Trouble::record("passes", pass.id, e))?;
    tables.passes.insert((pass.checkpoint.0, pass.id.0), (pass.started.0, bytes.as_slice()))?;
    Ok(())
}

/// Within a checkpoint rows lie in the order of time, so that looking ends at the first that stays.
fn prune_history(tables: &mut Tables<'_>, before: Moment) -> Result<(), Trouble> {
    let checkpoints: Vec<u32> =
        tables.checkpoints.iter()?.map(|row| row.map(|(id, _)| id.value())).collect::<Result<_, _>>()?;
    for id in checkpoints {
        while let Some(key) = {
            let first = tables.history.range((id, 0, 0)..=(id, u64::MAX, u64::MAX))?.next().transpose()?;
            first.filter(|(_, row)| row.value().0 < before.0).map(|(key, _)| key.value())
        } {
            tables.history.remove(key)?;
        }
        while let Some(key) = {
            let first = tables.passes.range((id, 0)..=(id, u64::MAX))?.next().transpose()?;
            first.filter(|(_, row)| row.value().0 < before.0).map(|(key, _)| key.value())
        } {
            tables.passes.remove(key)?;
        }
    }
    Ok(())
}

//! The version of the file, and the way up from older ones.
//!
//! Before the first step the file is copied to `state.redb.v<N>` beside it, so that the old program can be put back. All
//! steps are one transaction: a migration that is cut short has not begun.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase, ReadableTable, TableError, TableHandle};

use super::apply::Trouble;
use super::file::Place;
use super::record::decode;
use super::tables::{META, Tables, VERSION_KEY};
use super::{CheckpointId, StoreError, index};
use crate::link::{Link, LinkId};

/// The version that this program writes.
///
/// | version | since then |
/// |---|---|
/// | 0 | links alone; who looked for a contact read all of them |
/// | 1 | heads, indexes and counts beside the links |
/// | 2 | logins |
pub(super) const VERSION: u64 = 2;

/// Opens a database and brings it to [`VERSION`].
pub(super) fn open(place: &Place) -> Result<Database, StoreError> {
    let database = place.open()?;
    match version(&database, place)? {
        Some(VERSION) => return Ok(database),
        Some(found) if found > VERSION => {
            return Err(StoreError::Newer { path: place.path().to_owned(), found, known: VERSION });
        }
        Some(old) => {
            // Closed for the copy, so that it is a clean one; the version is read again afterwards.
            drop(database);
            if let Place::File { path, .. } = place {
                keep_copy(path, old).map_err(|e| StoreError::from_io(e, path, "copying it before a migration"))?;
            }
        }
        None => drop(database),
    }
    let database = place.open()?;
    let from = version(&database, place)?;
    migrate(&database, from).map_err(|trouble| match trouble {
        Trouble::Batch(error) => error,
        Trouble::Database(error) => place.sort(error, "migrating it"),
    })?;
    Ok(database)
}

/// The version of the file; `None` for an empty one.
fn version(database: &Database, place: &Place) -> Result<Option<u64>, StoreError> {
    let read = || -> Result<Result<Option<u64>, String>, redb::Error> {
        let transaction = database.begin_read()?;
        match transaction.open_table(META) {
            Ok(meta) => {
                let version = meta.get(VERSION_KEY)?.map(|version| version.value());
                Ok(version.map(Some).ok_or_else(|| "it has no version".to_owned()))
            }
            Err(TableError::TableDoesNotExist(_)) => match transaction.list_tables()?.next() {
                None => Ok(Ok(None)),
                Some(table) => Ok(Err(format!("it is not carnetd's: it holds a table `{}`", table.name()))),
            },
            Err(error) => Err(error.into()),
        }
    };
    let version = read().map_err(|e| place.sort(e, "reading its version"))?;
    version.map_err(|detail| StoreError::Corrupt { path: place.path().to_owned(), detail })
}

/// Makes all tables, which is all that 1 → 2 asks for, and takes every step from `from`, in one transaction.
fn migrate(database: &Database, from: Option<u64>) -> Result<(), Trouble> {
    let whole = |error: redb::Error| Trouble::Database(error);
    let transaction = database.begin_write().map_err(|e| whole(e.into()))?;
    let mut tables = Tables::open(&transaction)?;
    if from == Some(0) {
        index_links(&mut tables)?;
    }
    tables.meta.insert(VERSION_KEY, VERSION)?;
    drop(tables);
    transaction.commit().map_err(|e| whole(e.into()))
}

/// 0 → 1: derives heads, indexes and counts.
fn index_links(tables: &mut Tables<'_>) -> Result<(), Trouble> {
    let mut last = None;
    loop {
        let next = {
            let from = last.map_or((0, 0), |(checkpoint, link): (u32, u64)| (checkpoint, link.saturating_add(1)));
            tables.links.range(from..)?.next().transpose()?.map(|(key, row)| (key.value(), decode::<Link>(row.value())))
        };
        let Some((key, link)) = next else { return Ok(()) };
        let link = link.map_err(|e| Trouble::record("links", key, e))?;
        index::derive(tables, CheckpointId(key.0), LinkId(key.1), &link)?;
        last = Some(key);
    }
}

/// Copies the file to `state.redb.v<N>`, durable, 0600, whole or not at all.
fn keep_copy(path: &Path, version: u64) -> io::Result<()> {
    let copy = beside(path, &format!(".v{version}"));
    let draft = beside(path, &format!(".v{version}.tmp"));
    let mut to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    io::copy(&mut File::open(path)?, &mut to)?;
    to.sync_all()?;
    std::fs::rename(&draft, &copy)?;
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

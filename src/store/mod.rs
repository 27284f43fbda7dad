//! The state database: checkpoints, links, the mirror, the journal and the history, in one redb file.
//!
//! A [`Store`] takes batches of [`Op`]s and gives [`View`]s. Each batch is all or nothing; [`Store::write`] answers once
//! the disk has it. One thread writes and commits in groups. What belongs together must stand in one batch:
//! a cursor and the work it uncovered, an intent's end and its result, the watcher's position and what it touched.
//!
//! The store keeps and finds; it decides nothing about contacts, knows no provider and no clock. It holds no readable secret:
//! logins come to it sealed ([`crate::auth::seal`]), and it never sees the key. How values look on disk: `record`. How an older file is read: `migrate`. Who writes:
//! [`crate::reconcile`].

mod apply;
mod checkpoint;
mod error;
mod faults;
mod file;
mod ids;
mod index;
mod journal;
mod login;
mod migrate;
mod mirror;
mod op;
mod quiet;
mod record;
mod tables;
#[cfg(test)]
mod tests;
mod view;
mod writer;

pub use checkpoint::{AccountHold, Checkpoint, CheckpointId, Confirmation, Counts, PassId, PassRecord, Todo, TodoKey};
pub use error::StoreError;
pub use faults::Faults;
pub use journal::{HistoryEntry, Intent, IntentId, IntentKind, Side};
pub use login::SealedLogin;
pub use mirror::{Organization, Person, Watcher};
pub use op::Op;
pub use view::{Head, HeadState, LinkCounts, Mark, View};

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase as _};

use self::file::Place;
use self::ids::Ids;
use self::writer::{Shared, Writer};
use crate::link::LinkId;

/// The state database. Clones share it; when the last one goes, what is queued is written and the file is closed.
#[derive(Clone)]
pub struct Store {
    // Before `shared`: the thread ends first.
    writer: Arc<Writer>,
    shared: Arc<Shared>,
    /// Which file was opened.
    file: Option<(u64, u64)>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.shared.place.path()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database at `path`, which must be there; an older one is migrated.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // redb makes a database of an empty file: to its owner that is none.
        if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        Self::start(Place::File { path: path.to_owned(), room: None }, Faults::default())
    }

    /// Opens the database at `path`, or makes one: the file 0600, its directory 0700 where that is missing.
    pub fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Faults::default())
    }

    /// Like [`Store::open_or_create`], with faults. For tests only: such a store fails on purpose.
    pub fn open_with(path: &Path, faults: Faults) -> Result<Self, StoreError> {
        let place = Place::File { path: path.to_owned(), room: faults.room.clone() };
        place.create()?;
        Self::start(place, faults)
    }

    /// A database in memory, for tests: gone with its last clone.
    pub fn in_memory() -> Self {
        // Memory is never busy, missing or full. Where it fails all the same, every call of the store says why.
        let (opened, ids) = match open(&Place::Memory) {
            Ok((database, ids)) => (Ok(database), ids),
            Err(error) => (Err(error), Ids::default()),
        };
        let shared = Arc::new(Shared::new(Place::Memory, opened, ids, Faults::default()));
        let writer = Writer::start(Arc::clone(&shared)).unwrap_or_default();
        Self { writer: Arc::new(writer), shared, file: None }
    }

    /// Writes a batch: all of it or nothing. Answers when it is durable. A batch is queued at once and written even if
    /// nobody waits for the answer.
    pub async fn write(&self, batch: Vec<Op>) -> Result<(), StoreError> {
        self.writer.queue(batch).await.unwrap_or(Err(StoreError::Closed))
    }

    /// The database as it stands.
    pub fn view(&self) -> Result<View, StoreError> {
        let transaction = self.shared.with_database("reading", |database| Ok(database.begin_read()?))?;
        Ok(View::new(transaction, self.shared.place.clone()))
    }

    /// Whether the file that was opened still lies where it was: a look at the directory alone. One that was moved away or
    /// replaced is still written to, and lost with the process.
    pub fn in_place(&self) -> Result<(), StoreError> {
        let place = &self.shared.place;
        match place.file() {
            Ok(now) if now == self.file => Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::from_io(error, place.path(), "looking for it"))
            }
            _ => Err(StoreError::Moved { path: place.path().to_owned() }),
        }
    }

    /// An id for a new link.
    pub fn next_link(&self) -> LinkId {
        LinkId(Ids::take(&self.shared.ids.link))
    }

    /// An id for a new pass.
    pub fn next_pass(&self) -> PassId {
        PassId(Ids::take(&self.shared.ids.pass))
    }

    /// An id for a new intent.
    pub fn next_intent(&self) -> IntentId {
        IntentId(Ids::take(&self.shared.ids.intent))
    }

    /// An id for a new checkpoint.
    pub fn next_checkpoint(&self) -> CheckpointId {
        CheckpointId(u32::try_from(Ids::take(&self.shared.ids.checkpoint)).unwrap_or(u32::MAX))
    }

    fn start(place: Place, faults: Faults) -> Result<Self, StoreError> {
        let (database, ids) = open(&place)?;
        let file = place.file().map_err(|e| StoreError::from_io(e, place.path(), "opening"))?;
        let shared = Arc::new(Shared::new(place, Ok(database), ids, faults));
        let writer = Writer::start(Arc::clone(&shared));
        let writer = writer.map_err(|e| shared.place.sort(e.into(), "starting its thread"))?;
        Ok(Self { writer: Arc::new(writer), shared, file })
    }
}

fn open(place: &Place) -> Result<(Database, Ids), StoreError> {
    let opened = quiet::quietly(|| {
        let database = migrate::open(place)?;
        let load = || Ids::load(&database.begin_read()?.open_table(tables::META)?);
        let ids = load().map_err(|e| place.sort(e, "opening"))?;
        Ok((database, ids))
    });
    opened.unwrap_or_else(|| Err(place.damaged()))
}

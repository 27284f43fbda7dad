//! What can go wrong with the state database, and what to do about it.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CheckpointId;
use super::record::Unreadable;

/// Why the store could not be opened, read or written.
///
/// A failed write of any kind changed nothing, with one exception that no database can avoid: where the disk failed in
/// the midst of a commit, the batch is there as a whole or not at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file.
    #[error(
        "the state database {} is in use by another process, most likely the running daemon: \
         while it runs, commands reach it through its socket carnetd.sock; a second daemon needs a state_dir of its own",
        path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error(
        "there is no state database at {}: `carnetd run` or `carnetd sync --init` makes one; \
         if there should be one, check state_dir",
        path.display()
    )]
    Missing {
        /// The path that was tried.
        path: PathBuf,
    },
    /// The file that was opened lies somewhere else now, or nowhere.
    #[error(
        "the state database {} was moved, removed or replaced while carnetd runs: nothing more is synced, for what is \
         written now would be lost; put it back, or restart carnetd",
        path.display()
    )]
    Moved {
        /// Where it was.
        path: PathBuf,
    },
    /// The file or its directory cannot be made or written to.
    #[error(
        "cannot make or write the state database {}: {source}; \
         state_dir must be a directory that the user who runs carnetd may write to",
        path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The disk or the quota is full.
    #[error(
        "no space left for the state database {}: nothing is lost and the last recorded state stays; \
         carnetd goes on by itself once there is room",
        path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file is no state database, or is damaged.
    #[error(
        "the state database {} cannot be read: {detail}; restore it from a backup, or move it away \
         and start anew: links are then found again by matching",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A single record is damaged.
    #[error(
        "the record {key} in the table {table} of the state database cannot be read: {detail}; \
         restore the file from a backup, or move it away and start anew"
    )]
    Record {
        /// The table.
        table: String,
        /// The record's key, as far as it is numbers.
        key: String,
        /// What was found.
        detail: String,
    },
    /// A later carnetd wrote the file.
    #[error(
        "the state database {} has version {found}, and this carnetd knows versions up to {known}: \
         install the carnetd that wrote it, or restore the copy {}.v{known} that was kept when it was migrated",
        path.display(), path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The highest version that is known here.
        known: u64,
    },
    /// A batch names a checkpoint that is not there. The batch changed nothing.
    #[error("a write names checkpoint {0}, which is not in the state database; this is a bug in carnetd")]
    NoCheckpoint(CheckpointId),
    /// The disk or the database failed in another way.
    #[error("the state database {} failed while {doing}: {source}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        source: Arc<redb::Error>,
    },
    /// The store's thread has ended.
    #[error(
        "the state database is closed: its thread ended unexpectedly; restart carnetd, and report the panic in its log"
    )]
    Closed,
    /// A test stopped the store ([`super::Faults::stop_after_commits`]).
    #[error("the state database was stopped by a test after its last allowed commit")]
    Stopped,
}

impl StoreError {
    /// A damaged record. Its key is shown as far as it is numbers: a text in it may be a contact's name.
    pub(super) fn record(table: &str, key: impl Debug, Unreadable(detail): Unreadable) -> Self {
        let key = format!("{key:?}").split('"').next().unwrap_or_default().to_owned();
        Self::Record { table: table.to_owned(), key, detail }
    }

    /// Whether trying again may help without a change to the configuration or the file: it is in use, or the disk is
    /// full or failed.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Full { .. } | Self::Failed { .. })
    }

    /// Sorts what redb said.
    pub(super) fn from_redb(error: redb::Error, path: &Path, doing: &'static str) -> Self {
        let path = path.to_owned();
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Self::Busy { path },
            redb::Error::Corrupted(detail) => Self::Corrupt { path, detail },
            redb::Error::UpgradeRequired(format) => {
                Self::Corrupt { path, detail: format!("it has the old redb file format {format}") }
            }
            redb::Error::Io(io) if is_full(&io) => Self::Full { path },
            redb::Error::Io(io) if matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                Self::Corrupt { path, detail: io.to_string() }
            }
            source => Self::Failed { path, doing, source: Arc::new(source) },
        }
    }

    /// Sorts why a file or its directory could not be made.
    pub(super) fn unmade(error: io::Error, path: &Path) -> Self {
        let path = path.to_owned();
        if is_full(&error) { Self::Full { path } } else { Self::Unwritable { path, source: Arc::new(error) } }
    }

    /// Sorts what the system said of a file that should be there.
    pub(super) fn from_io(error: io::Error, path: &Path, doing: &'static str) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::unmade(error, &path),
            _ => Self::from_redb(redb::Error::Io(error), &path, doing),
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

//! The file: where it lies, how it is made, opened and opened again.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt as _, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{Builder, Database};

use super::StoreError;
use super::faults::SmallDisk;
use super::quiet::quietly;

/// redb's page cache, in bytes: enough for the inner pages of 100 000 links and little more. The kernel caches the rest.
const CACHE: usize = 8 << 20;

/// Where a database lies.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In a file.
    File {
        /// Its path.
        path: PathBuf,
        /// A test's limit to its length.
        room: Option<Arc<AtomicU64>>,
    },
    /// In memory.
    Memory,
}

impl Place {
    /// Opens the database as it is.
    pub(super) fn open(&self) -> Result<Database, StoreError> {
        match self {
            Self::Memory => {
                let opened = builder().create_with_backend(InMemoryBackend::new());
                opened.map_err(|e| self.sort(e.into(), "opening"))
            }
            Self::File { path, room } => {
                let file = OpenOptions::new().read(true).write(true).open(path);
                let file = file.map_err(|e| StoreError::from_io(e, path, "opening"))?;
                make_private(&file).map_err(|e| StoreError::from_io(e, path, "setting its mode to 0600"))?;
                self.open_file(file, room.as_ref())
            }
        }
    }

    /// Opens a database that an I/O error closed. `None` where that cannot help.
    pub(super) fn reopen(&self) -> Option<Result<Database, StoreError>> {
        matches!(self, Self::File { .. }).then(|| self.open())
    }

    /// Makes the file, empty, 0600, in a directory that is made 0700 where it is missing. `false` where there is one.
    pub(super) fn create(&self) -> Result<bool, StoreError> {
        let Self::File { path, .. } = self else { return Ok(true) };
        let sort = |error| StoreError::unmade(error, path);
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(sort)?;
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(sort(error)),
        }
    }

    /// The path, for messages.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File { path, .. } => path,
            Self::Memory => Path::new(":memory:"),
        }
    }

    /// Sorts what redb said.
    pub(super) fn sort(&self, error: redb::Error, doing: &'static str) -> StoreError {
        StoreError::from_redb(error, self.path(), doing)
    }

    fn open_file(&self, file: File, room: Option<&Arc<AtomicU64>>) -> Result<Database, StoreError> {
        let opened = quietly(|| {
            let file = FileBackend::new(file)?;
            match room {
                Some(room) => builder().create_with_backend(SmallDisk { file, room: Arc::clone(room) }),
                None => builder().create_with_backend(file),
            }
        });
        opened.ok_or_else(|| self.damaged())?.map_err(|e| self.sort(e.into(), "opening"))
    }

    /// What a panic of redb over this file means.
    pub(super) fn damaged(&self) -> StoreError {
        StoreError::Corrupt { path: self.path().to_owned(), detail: "its pages contradict each other".to_owned() }
    }

    /// Which file lies there now: its device and its number. `None` in memory.
    pub(super) fn file(&self) -> io::Result<Option<(u64, u64)>> {
        let Self::File { path, .. } = self else { return Ok(None) };
        let metadata = std::fs::metadata(path)?;
        Ok(Some((metadata.dev(), metadata.ino())))
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    builder
}

/// A file that others could read is closed to them: it holds people's addresses.
fn make_private(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 { file.set_permissions(Permissions::from_mode(0o600)) } else { Ok(()) }
}

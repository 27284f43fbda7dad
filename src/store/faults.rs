//! Faults for tests: a store that stops, a disk that is full. Nothing in the daemon sets them.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, io};

use redb::{BackendError, StorageBackend};

/// What shall go wrong. The default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// After this many durable commits every further write fails with [`super::StoreError::Stopped`]. Each batch is
    /// then a commit of its own, so that a test can stop at every batch in turn.
    pub stop_after_commits: Option<u64>,
    /// How long the file may become, in bytes: writing beyond it fails as on a full disk. A test may change the number
    /// at any time.
    pub room: Option<Arc<AtomicU64>>,
}

impl Faults {
    /// Whether batches are committed one by one.
    pub(super) fn one_by_one(&self) -> bool {
        self.stop_after_commits.is_some()
    }
}

/// A file on a disk with little room.
pub(super) struct SmallDisk<B> {
    /// The file.
    pub(super) file: B,
    /// How long it may become.
    pub(super) room: Arc<AtomicU64>,
}

impl<B> fmt::Debug for SmallDisk<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmallDisk({})", self.room.load(Ordering::Relaxed))
    }
}

/// Everything but [`StorageBackend::write`] is the file's own. Making a file longer costs nothing yet, as on the usual
/// file systems: it is the write into the new part that finds the disk full.
impl<B: StorageBackend> StorageBackend for SmallDisk<B> {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset + data.len() as u64 > self.room.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

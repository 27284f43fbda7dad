//! The log that keeps a sandbox's state: one JSON line per accepted write, handed to the system before the answer.
//!
//! That survives a `kill -9` of the process; it does not promise to survive a power cut (no `fsync` per write). A torn
//! last line is the write that was never answered, and is cut off. A failed write leaves the file as it was.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{SandboxError, google, pipedrive};

/// One line: what changed in one service.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// Milliseconds that the sandbox's time is ahead of the clock.
    Ahead(i64),
    /// What became true in Pipedrive by one write.
    Pipedrive(Vec<pipedrive::Record>),
    /// What became true in Google by one write.
    Google(Vec<google::Record>),
}

/// The open log, or nothing where the sandbox lives in memory only.
#[derive(Debug)]
pub(super) struct Journal {
    path: Option<PathBuf>,
    log: Mutex<Option<Log>>,
}

/// The file and how much of it is whole lines.
#[derive(Debug)]
struct Log {
    file: File,
    whole: u64,
    /// A failed write could not be taken back: nothing may follow it.
    torn: bool,
}

impl Journal {
    /// Opens the log for this process alone and reads what it holds.
    pub(super) fn open(path: Option<PathBuf>) -> Result<(Self, Vec<Entry>), SandboxError> {
        let Some(path) = path else {
            return Ok((Self { path: None, log: Mutex::new(None) }, Vec::new()));
        };
        let failed = |source| SandboxError::Open { path: path.clone(), source };
        let mut file = open_locked(&path)?;
        let (entries, whole) = read(&mut file, &path)?;
        file.set_len(whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
        let log = Log { file, whole, torn: false };
        Ok((Self { path: Some(path), log: Mutex::new(Some(log)) }, entries))
    }

    /// Appends one line `{kind: value}`.
    pub(super) fn append<T: Serialize>(&self, kind: &str, value: &T) -> io::Result<()> {
        let mut log = self.lock();
        let Some(log) = log.as_mut() else { return Ok(()) };
        let mut line = format!("{{\"{kind}\":").into_bytes();
        serde_json::to_writer(&mut line, value)?;
        line.extend_from_slice(b"}\n");
        log.append(&line)
    }

    /// Replaces the log by the state it amounts to.
    pub(super) fn compact(&self, state: &[Entry]) -> io::Result<()> {
        let mut log = self.lock();
        let (Some(path), Some(log)) = (&self.path, log.as_mut()) else { return Ok(()) };
        let mut bytes = Vec::new();
        for entry in state {
            serde_json::to_writer(&mut bytes, entry)?;
            bytes.push(b'\n');
        }
        let fresh = path.with_extension("new");
        let mut file = open_private(&fresh, true)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        // The new file is locked before it takes the name, so that nobody can step in between.
        file.try_lock()?;
        std::fs::rename(&fresh, path)?;
        *log = Log { file, whole: bytes.len() as u64, torn: false };
        Ok(())
    }

    /// The error for `source` while the sandbox opens.
    pub(super) fn open_error(&self, source: io::Error) -> SandboxError {
        SandboxError::Open { path: self.path.clone().unwrap_or_default(), source }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Log>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            return Err(io::Error::other("an earlier write of the sandbox state failed half way; restart the sandbox"));
        }
        if let Err(error) = self.file.write_all(line) {
            let back = self.file.set_len(self.whole).and_then(|()| self.file.seek(SeekFrom::Start(self.whole)));
            self.torn = back.is_err();
            return Err(error);
        }
        self.whole += line.len() as u64;
        Ok(())
    }
}

/// The log may hold what people sync: nobody else reads it.
fn open_private(path: &Path, truncate: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(truncate);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens the log and locks it against every other sandbox.
fn open_locked(path: &Path) -> Result<File, SandboxError> {
    let failed = |source| SandboxError::Open { path: path.to_owned(), source };
    let file = open_private(path, false).map_err(failed)?;
    match file.try_lock() {
        Ok(()) if is_still(&file, path).map_err(failed)? => Ok(file),
        Ok(()) | Err(TryLockError::WouldBlock) => Err(SandboxError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Whether `path` still names `file`: the one who had it before may have replaced it on opening.
fn is_still(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok(file.metadata()?.ino() == std::fs::metadata(path)?.ino())
    }
    #[cfg(not(unix))]
    Ok(file.metadata()?.len() == std::fs::metadata(path)?.len())
}

/// Reads every whole line; the second part is how many bytes those are.
fn read(file: &mut File, path: &Path) -> Result<(Vec<Entry>, u64), SandboxError> {
    let mut reader = BufReader::new(file);
    let (mut entries, mut whole, mut line) = (Vec::new(), 0u64, Vec::new());
    loop {
        line.clear();
        let read = reader
            .read_until(b'\n', &mut line)
            .map_err(|source| SandboxError::Open { path: path.to_owned(), source })?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok((entries, whole));
        }
        let entry = serde_json::from_slice(&line).map_err(|error| SandboxError::Damaged {
            path: path.to_owned(),
            line: entries.len() + 1,
            reason: error.to_string(),
        })?;
        entries.push(entry);
        whole += read as u64;
    }
}

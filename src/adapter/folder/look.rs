//! Looking at the disk without reading a card: which files are there, and their stamps.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::place::{Place, failed, is_hidden, is_missing};
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::contact::ContactId;

/// Two edits within the grain of the file system's time (2 s on FAT) can leave the same stamp.
const GRAIN: Duration = Duration::from_secs(3);

/// What tells a changed file from an unchanged one without reading it. `changed` also tells when a file became readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
    size: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            size: metadata.size(),
        }
    }

    /// When the file's content was last changed.
    pub(super) fn modified(&self) -> Moment {
        Moment(self.modified.0.saturating_mul(1000).saturating_add(self.modified.1 / 1_000_000))
    }

    /// Whether an edit after `now` is sure to make another stamp.
    pub(super) fn is_settled(&self, now: Moment) -> bool {
        now.since(self.modified()) > GRAIN
    }
}

/// What one look at the whole folder found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Every file that may be a contact.
    pub(super) files: BTreeMap<ContactId, Stamp>,
    /// Whether there are symlinks, to which no watch applies.
    pub(super) links: bool,
    /// On which file system the folder (under its own, empty name) and every sub-folder is.
    pub(super) devices: BTreeMap<String, u64>,
}

/// Looks at everything.
pub(super) fn look(place: &Place) -> Result<Look, Error> {
    let mut look = Look::default();
    for folder in look.take_in(place, &place.root, true)? {
        match look.take_in(place, &folder, false) {
            // Renamed away between two looks; its new name is marked, or found by the next look.
            Err(_) if fs::symlink_metadata(&folder).is_err_and(|error| is_missing(&error)) => {}
            taken => drop(taken?),
        }
    }
    Ok(look)
}

impl Look {
    /// Takes in one folder's files; answers its sub-folders if they count.
    fn take_in(&mut self, place: &Place, folder: &Path, nested: bool) -> Result<Vec<PathBuf>, Error> {
        let listing = |error: io::Error| failed("listing", folder, &error);
        let name = if nested { String::new() } else { name_of(folder) };
        self.devices.insert(name, fs::metadata(folder).map_err(listing)?.dev());
        let mut folders = Vec::new();
        for entry in fs::read_dir(folder).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let kind = entry.file_type().map_err(listing)?;
            if is_hidden(&entry.file_name()) {
                continue;
            }
            let path = entry.path();
            self.links |= kind.is_symlink();
            if kind.is_symlink() && leads_back(folder, &path) {
                // The folder's own cards once more: every contact would be there twice.
                continue;
            }
            if kind.is_dir() || (kind.is_symlink() && path.is_dir()) {
                folders.extend(nested.then_some(path));
            } else if let Some(id) = place.id_of(&path) {
                if let Some(stamp) = stamp(&path)? {
                    self.files.entry(id).or_insert(stamp);
                }
            } else if nested && kind.is_symlink() && fs::metadata(&path).is_err() {
                return Err(dangling(&path));
            }
        }
        Ok(folders)
    }
}

/// Whether a symlink leads to the folder that it stands in, or to one above it.
fn leads_back(folder: &Path, link: &Path) -> bool {
    match (fs::canonicalize(folder), fs::canonicalize(link)) {
        (Ok(folder), Ok(target)) => folder.starts_with(target),
        _ => false,
    }
}

/// It may be a sub-folder full of contacts on a disk that is not there just now.
fn dangling(path: &Path) -> Error {
    let message = format!(
        "listing: {} is a symlink that leads nowhere, perhaps to a sub-folder whose disk is not mounted; mount it, or \
         remove the symlink. Nothing is taken for deleted",
        path.display()
    );
    Error::new(Kind::Unavailable, message)
}

/// The names of the sub-folders.
pub(super) fn subfolders(place: &Place) -> Result<Vec<String>, Error> {
    let folders = Look::default().take_in(place, &place.root, true)?;
    Ok(folders.iter().map(|path| name_of(path)).collect())
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folder is there; else an error, never an empty book.
pub(super) fn root(place: &Place) -> Result<(), Error> {
    let found = fs::metadata(&place.root).and_then(|metadata| {
        if metadata.is_dir() { Ok(()) } else { Err(io::Error::from(io::ErrorKind::NotADirectory)) }
    });
    found.map_err(|error| failed("reading the folder", &place.root, &error))
}

/// A file's stamp; `None` where there is no file. A symlink that leads nowhere has its own.
pub(super) fn stamp(path: &Path) -> Result<Option<Stamp>, Error> {
    let looked = fs::metadata(path).or_else(|error| {
        let itself = fs::symlink_metadata(path)?;
        if itself.is_symlink() || is_missing(&error) { Ok(itself) } else { Err(error) }
    });
    match looked {
        Ok(metadata) => Ok((metadata.is_file() || metadata.is_symlink()).then(|| Stamp::of(&metadata))),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed("looking at a file in", path.parent().unwrap_or(path), &error)),
    }
}

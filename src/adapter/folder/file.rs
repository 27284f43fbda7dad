//! One file: listing, reading and writing it. Every write is a new file beside the old one, synced and renamed over it.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Place;
use crate::account::Group;
use crate::adapter::{Error, Kind, Seen, Written};
use crate::clock::Moment;
use crate::contact::{Contact, ContactId, FieldChange, PhotoHash, Revision};
use crate::vcard::{Card, MAX_BYTES, Version};

/// What tells a changed file from an unchanged one without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: (i64, i64),
    inode: u64,
    size: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { modified: (metadata.mtime(), metadata.mtime_nsec()), inode: metadata.ino(), size: metadata.size() }
    }
}

/// What reading a file found.
pub(super) enum Read {
    /// One card that stands for a human being.
    Card {
        /// What it says.
        seen: Box<Seen>,
        /// The card itself.
        card: Box<Card>,
    },
    /// No file, or a card that stands for a group.
    Missing,
    /// A file that holds something else; the text says what.
    Unreadable(String),
}

/// The folder is there; else an error, never an empty book.
pub(super) fn root(place: &Place) -> Result<(), Error> {
    match fs::metadata(&place.root) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(unavailable(&place.root, "it is not a directory")),
        Err(error) => Err(io_error("reading the folder", &place.root, &error)),
    }
}

/// The id of a path, if a contact may live there.
pub(super) fn id_of(place: &Place, path: &Path) -> Option<ContactId> {
    let below = path.strip_prefix(&place.root).ok()?;
    let names: Vec<&str> = below.iter().map(std::ffi::OsStr::to_str).collect::<Option<_>>()?;
    let hidden = names.iter().any(|name| name.starts_with('.'));
    let is_card = below.extension().is_some_and(|e| e.eq_ignore_ascii_case("vcf"));
    (matches!(names.len(), 1 | 2) && !hidden && is_card).then(|| ContactId(names.join("/")))
}

/// Every file that may be a contact.
pub(super) fn list(place: &Place) -> Result<BTreeMap<ContactId, Stamp>, Error> {
    let mut found = BTreeMap::new();
    let mut directories = vec![place.root.clone()];
    directories.extend(subfolders(place)?.into_iter().map(|name| place.root.join(name)));
    for directory in directories {
        for path in entries(&directory)? {
            if let Some(id) = id_of(place, &path)
                && let Some(stamp) = stamp(place, &id)?
            {
                found.insert(id, stamp);
            }
        }
    }
    Ok(found)
}

/// The names of the sub-folders.
pub(super) fn subfolders(place: &Place) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for path in entries(&place.root)? {
        if let Some(name) = path.file_name().and_then(|n| n.to_str())
            && !name.starts_with('.')
            && path.is_dir()
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let listed = fs::read_dir(directory).and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect());
    listed.map_err(|error| io_error("listing", directory, &error))
}

/// A file's stamp; `None` where there is no file.
pub(super) fn stamp(place: &Place, id: &ContactId) -> Result<Option<Stamp>, Error> {
    let path = place.path(id);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(Stamp::of(&metadata))),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("looking at", &path, &error)),
    }
}

/// Reads a file. An error is the folder's; what is wrong with the file alone is [`Read::Unreadable`].
pub(super) fn read(place: &Place, id: &ContactId) -> Result<Read, Error> {
    let path = place.path(id);
    let (bytes, metadata) = match load(&path) {
        Ok(loaded) => loaded,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            root(place)?;
            return Ok(Read::Missing);
        }
        Err(error) => return Ok(Read::Unreadable(format!("{}: the file cannot be read: {error}", id.as_str()))),
    };
    match Card::parse(&bytes) {
        Ok(card) if card.is_group() => Ok(Read::Missing),
        Ok(card) => Ok(Read::Card { seen: Box::new(place.seen(id, &card, &bytes, &metadata)), card: Box::new(card) }),
        Err(error) => Ok(Read::Unreadable(format!("{}: {error}", id.as_str()))),
    }
}

/// The bytes of a file, or one byte more than a card may have.
fn load(path: &Path) -> io::Result<(Vec<u8>, Metadata)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes, metadata))
}

/// Creates a card under an id of our choosing. One that is there already under that UID is ours from before a crash.
pub(super) fn create(place: &Place, contact: &Contact, chosen: Option<&ContactId>) -> Result<Written, Error> {
    let Some(chosen) = chosen else {
        return Err(Error::new(Kind::Invalid, "a card needs an id that was chosen before it is written"));
    };
    let (directory, category) = match &place.group {
        Group::Whole => (None, None),
        Group::Named(name) if place.root.join(name).is_dir() => (Some(name), None),
        Group::Named(name) => (None, Some(name.as_str())),
    };
    let name = format!("{}.vcf", chosen.as_str());
    let id = ContactId(directory.map_or_else(|| name.clone(), |directory| format!("{directory}/{name}")));
    let card = Card::new(contact, chosen.as_str(), Version::V3, category);
    let path = place.path(&id);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            store(&path, &card.bytes(), None, || Ok(()))?;
        }
        _ => tracing::debug!("a card of that id is there already"),
    }
    written(place, &id)
}

/// Changes single lines of a card.
pub(super) fn patch(place: &Place, id: &ContactId, fields: &[FieldChange]) -> Result<Written, Error> {
    let path = place.path(id);
    let gone = || Error::new(Kind::Stale, "the card to be changed is gone");
    let (bytes, metadata) = load(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => gone(),
        _ => io_error("reading", &path, &error),
    })?;
    let mut card = Card::parse(&bytes).map_err(|error| Error::new(Kind::Invalid, error.to_string()))?;
    let now = card.contact(place.country);
    if fields.iter().any(|change| is_stale(change, &now)) {
        return Err(Error::new(Kind::Stale, "the card was changed since this was planned"));
    }
    card.patch(fields, place.country).map_err(|error| Error::new(Kind::Invalid, error.to_string()))?;
    if fields.contains(&FieldChange::JoinGroup)
        && let Group::Named(name) = &place.group
        && !place.is_in_subfolder(id, name)
    {
        card.join(name);
    }
    let changed = card.bytes();
    if changed != bytes {
        let before = Stamp::of(&metadata);
        store(&path, &changed, Some(&metadata), || match stamp(place, id)? {
            Some(now) if now == before => Ok(()),
            _ => Err(Error::new(Kind::Stale, "the card was changed while it was being written")),
        })?;
    }
    written(place, id)
}

/// Removes a card, unless it changed since it was last noticed.
pub(super) fn delete(place: &Place, id: &ContactId, known: Option<&Stamp>) -> Result<(), Error> {
    let path = place.path(id);
    let Some(now) = stamp(place, id)? else { return root(place) };
    if known.is_some_and(|known| *known != now) {
        return Err(Error::new(Kind::Stale, "the card was changed since its deletion was planned"));
    }
    fs::remove_file(&path).map_err(|error| io_error("deleting", &path, &error))?;
    sync_directory(&path);
    Ok(())
}

/// Whether a single value is neither what the plan saw nor what it wants. Elements merge by themselves.
fn is_stale(change: &FieldChange, now: &Contact) -> bool {
    match change {
        FieldChange::Name { before, after } => !now.name.same(before) && !now.name.same(after),
        FieldChange::Text { field, before, after } => {
            let text = now.text(*field);
            text != before.as_deref() && text != after.as_deref()
        }
        FieldChange::Birthday { before, after } => now.birthday != *before && now.birthday != *after,
        FieldChange::Address { before: Some(before), .. } => !now.addresses.iter().any(|a| a.same(before)),
        FieldChange::Address { before: None, .. }
        | FieldChange::Element { .. }
        | FieldChange::Photo { .. }
        | FieldChange::JoinGroup => false,
    }
}

/// Reads back what was written.
fn written(place: &Place, id: &ContactId) -> Result<Written, Error> {
    match read(place, id)? {
        Read::Card { seen, .. } => Ok(Written::Now(seen)),
        Read::Missing => Err(Error::new(Kind::Stale, "the card was removed right after it was written")),
        Read::Unreadable(reason) => Err(Error::new(Kind::Invalid, reason)),
    }
}

/// Writes a file beside the old one, syncs it, asks `still` once more and renames it over the old one. Its mode stays.
fn store(
    path: &Path,
    bytes: &[u8],
    old: Option<&Metadata>,
    still: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |error: &io::Error| io_error("writing", path, error);
    let directory = path.parent().unwrap_or(path);
    let mut new = tempfile::Builder::new()
        .prefix(".carnetd-")
        .suffix(".tmp")
        .tempfile_in(directory)
        .map_err(|error| failed(&error))?;
    new.write_all(bytes).and_then(|()| new.as_file().sync_all()).map_err(|error| failed(&error))?;
    if let Some(old) = old {
        new.as_file().set_permissions(old.permissions()).map_err(|error| failed(&error))?;
    }
    still()?;
    if old.is_some() {
        new.persist(path).map_err(|error| failed(&error.error))?;
    } else {
        new.persist_noclobber(path).map_err(|error| failed(&error.error))?;
    }
    sync_directory(path);
    Ok(())
}

/// Makes a rename durable; a file system that cannot is no reason to fail.
fn sync_directory(path: &Path) {
    if let Some(directory) = path.parent().and_then(|directory| File::open(directory).ok()) {
        let _ = directory.sync_all();
    }
}

impl Place {
    pub(super) fn path(&self, id: &ContactId) -> PathBuf {
        self.root.join(id.as_str())
    }

    fn is_in_subfolder(&self, id: &ContactId, name: &str) -> bool {
        id.as_str().split_once('/').is_some_and(|(directory, _)| directory == name)
    }

    fn seen(&self, id: &ContactId, card: &Card, bytes: &[u8], metadata: &Metadata) -> Seen {
        let in_group = match &self.group {
            Group::Whole => true,
            Group::Named(name) => self.is_in_subfolder(id, name) || card.categories().contains(name),
        };
        let millis = metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000);
        Seen {
            id: id.clone(),
            stable: card.uid(),
            revision: Revision(PhotoHash::of(bytes).0),
            contact: card.contact(self.country),
            in_group,
            changed_at: Some(Moment(millis)),
        }
    }
}

fn unavailable(path: &Path, what: &str) -> Error {
    Error::new(Kind::Unavailable, format!("the folder {} cannot be used: {what}", path.display()))
}

/// In words; nothing is concluded from what could not be read. A file's name may be a contact's: only its folder is said.
fn io_error(doing: &str, path: &Path, error: &io::Error) -> Error {
    let place = if path.extension().is_some() { path.parent().unwrap_or(path) } else { path };
    let what_to_do = match error.kind() {
        io::ErrorKind::NotFound => "is it mounted? Nothing is taken for deleted",
        io::ErrorKind::PermissionDenied => "give the user that carnetd runs as access to it",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room; the old file is as it was",
        io::ErrorKind::ReadOnlyFilesystem => "mount it writable, or use direction = \"one-way\"",
        _ => "it is tried again",
    };
    Error::new(Kind::Unavailable, format!("{doing} {}: {error}; {what_to_do}", place.display()))
}

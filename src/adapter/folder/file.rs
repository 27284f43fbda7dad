//! Reading one file.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::look::{self, Stamp};
use super::place::{NO_TEXT, Place, is_missing, what_to_do};
use crate::adapter::{Error, Seen};
use crate::contact::Contact;
use crate::contact::{ContactId, PhotoHash, Revision};
use crate::vcard::{Card, CardError, MAX_BYTES};

/// What reading a file found.
pub(super) enum Read {
    /// One card that stands for a human being.
    Card(Box<Loaded>),
    /// A card that stands for a group.
    Group,
    /// No file.
    Missing,
    /// A file that holds something else, or cannot be read; the text says what and what to do.
    Unreadable(String),
}

/// A card, as it was at one moment.
pub(super) struct Loaded {
    /// What it says.
    pub(super) seen: Seen,
    /// The card itself.
    pub(super) card: Card,
    /// The file it was read from.
    pub(super) stamp: Stamp,
}

/// Reads a file. An error is the folder's; what is wrong with the file alone is [`Read::Unreadable`].
pub(super) fn read(place: &Place, id: &ContactId) -> Result<Read, Error> {
    let Some(path) = place.path(id) else { return Ok(Read::Missing) };
    let (bytes, stamp) = match load(&path) {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(too_large)) => return Ok(Read::Unreadable(too_large.to_string())),
        Err(error) if is_missing(&error) => return missing(place, id, &path),
        Err(error) => {
            return Ok(Read::Unreadable(format!("the file cannot be read: {error}; {}", what_to_do(&error))));
        }
    };
    Ok(match Card::parse(&bytes) {
        Ok(card) if card.is_group() => Read::Group,
        Ok(card) => {
            let seen = Seen {
                id: id.clone(),
                stable: card.uid(),
                revision: Revision::from(PhotoHash::of(&bytes).0),
                contact: shrunk(card.contact(place.country)),
                in_group: place.is_member(id, &card),
                changed_at: Some(stamp.modified()),
            };
            Read::Card(Box::new(Loaded { seen, card, stamp }))
        }
        Err(error) => Read::Unreadable(error.to_string()),
    })
}

/// The bytes of a file, unless there are too many. What is no file, such as a pipe, is never opened: it could block.
pub(super) fn load(path: &Path) -> io::Result<Result<(Vec<u8>, Stamp), CardError>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX).max(bytes.len());
    Ok(if size > MAX_BYTES { Err(CardError::TooLarge { bytes: size }) } else { Ok((bytes, Stamp::of(&metadata))) })
}

/// Tells a file that is gone from one to which its id does not lead.
fn missing(place: &Place, id: &ContactId, path: &Path) -> Result<Read, Error> {
    look::root(place)?;
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        let reason = "the file is a symlink that leads nowhere; mount the disk it leads to, or remove the symlink";
        return Ok(Read::Unreadable(reason.to_owned()));
    }
    if id.as_str().contains(NO_TEXT) && look::look(place)?.files.contains_key(id) {
        let reason = "the name of the file, or of its sub-folder, is not UTF-8; rename it";
        return Ok(Read::Unreadable(reason.to_owned()));
    }
    Ok(Read::Missing)
}

/// Without the room its lists do not use.
fn shrunk(mut contact: Contact) -> Contact {
    contact.shrink();
    contact
}

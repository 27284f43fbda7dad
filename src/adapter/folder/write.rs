//! Writing one file: a new file beside the old one, synced and renamed over it.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::file::{self, Loaded, Read};
use super::look::{self, Stamp};
use super::place::{Place, failed, is_missing};
use crate::account::Group;
use crate::adapter::{Error, Kind};
use crate::contact::{Contact, ContactId, FieldChange};
use crate::vcard::{Card, Version};

/// Creates a card in the group under an id of our choosing, which is also its UID. A card that is there already under
/// both is ours from before a crash: it stays as it is.
pub(super) fn create(place: &Place, contact: &Contact, chosen: &ContactId) -> Result<Box<Loaded>, Error> {
    let name = format!("{}.vcf", chosen.as_str());
    let (id, category) = match (&place.group, place.group_folder()) {
        (_, Some(folder)) => (format!("{folder}/{name}"), None),
        (Group::Named(name_of_group), None) => (name, Some(name_of_group.as_str())),
        (Group::Whole, None) => (name, None),
    };
    let id = ContactId::from(id);
    let path = place.path(&id).ok_or_else(|| Error::new(Kind::Invalid, "the chosen id cannot be a file's name"))?;
    look::root(place)?;
    let card = Card::new(contact, chosen.as_str(), Version::V3, category);
    let is_there = fs::symlink_metadata(&path).is_ok();
    if !is_there {
        let file = prepare(&path, &card.bytes(), None)?;
        file.persist_noclobber(&path).map_err(|error| writing(&path, &error.error))?;
        sync_folder(&path);
    }
    let written = written(place, &id)?;
    if written.card.uid().as_deref() == Some(chosen.as_str()) {
        return Ok(written);
    }
    Err(Error::new(Kind::Invalid, "a file of the chosen name is there and holds another card; it was left as it is"))
}

/// Changes single lines of a card, if its UID is known to be there.
pub(super) fn patch(
    place: &Place,
    id: &ContactId,
    fields: &[FieldChange],
    is_known: impl Fn(Option<&str>) -> bool,
) -> Result<Box<Loaded>, Error> {
    let gone = || Error::new(Kind::Stale, "the card to be changed is gone");
    let path = real(&writable_path(place, id)?)?.ok_or_else(gone)?;
    let before = load(&path)?.ok_or_else(gone)?;
    let mut card = Card::parse(&before).map_err(|error| invalid(&error))?;
    if !is_known(card.uid().as_deref()) {
        return Err(Error::new(Kind::Stale, "another card has taken the place of the one to be changed"));
    }
    let now = card.contact(place.country);
    if fields.iter().any(|change| is_stale(change, &now)) {
        return Err(Error::new(Kind::Stale, "the card was changed since this was planned"));
    }
    card.patch(fields, place.country).map_err(|error| invalid(&error))?;
    if fields.contains(&FieldChange::JoinGroup)
        && let Group::Named(name) = &place.group
        && !place.is_inside(id)
    {
        card.join(name);
    }
    let after = card.bytes();
    if after != before {
        let old = fs::metadata(&path).map_err(|error| writing(&path, &error))?;
        let file = prepare(&path, &after, Some(&old))?;
        if load(&path)?.as_ref() != Some(&before) {
            return Err(Error::new(Kind::Stale, "the card was changed while it was being written; it was left alone"));
        }
        file.persist(&path).map_err(|error| writing(&path, &error.error))?;
        sync_folder(&path);
    }
    written(place, id)
}

/// Removes a card, if it is the file that was last read. Of a symlink only itself.
pub(super) fn delete(place: &Place, id: &ContactId, known: Option<&Stamp>) -> Result<(), Error> {
    let path = writable_path(place, id)?;
    let Some(now) = look::stamp(&path)? else { return look::root(place) };
    if known != Some(&now) {
        return Err(Error::new(Kind::Stale, "the card was changed since its deletion was planned; it was left alone"));
    }
    match fs::remove_file(&path) {
        Err(error) if !is_missing(&error) => Err(failed("deleting a card in", folder_of(&path), &error)),
        _ => {
            sync_folder(&path);
            Ok(())
        }
    }
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
        FieldChange::Address { before: Some(before), after: Some(after) } => {
            !now.addresses.iter().any(|address| address.same(before) || address.same(after))
        }
        FieldChange::Address { .. }
        | FieldChange::Element { .. }
        | FieldChange::Photo { .. }
        | FieldChange::JoinGroup => false,
    }
}

fn invalid(error: &impl ToString) -> Error {
    Error::new(Kind::Invalid, error.to_string())
}

/// An id's path, if a file with that id may be written.
fn writable_path(place: &Place, id: &ContactId) -> Result<PathBuf, Error> {
    let path = place.path(id).ok_or_else(|| Error::new(Kind::NotFound, "no card can have that id"))?;
    if !path.exists()
        && let Read::Unreadable(reason) = file::read(place, id)?
    {
        return Err(invalid(&reason));
    }
    Ok(path)
}

/// Where a path leads, so that a symlink stays one; `None` if nowhere.
fn real(path: &Path) -> Result<Option<PathBuf>, Error> {
    match fs::canonicalize(path) {
        Ok(real) => Ok(Some(real)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(writing(path, &error)),
    }
}

/// A card's bytes; `None` where there is none.
fn load(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match file::load(path) {
        Ok(loaded) => loaded.map(|(bytes, _)| Some(bytes)).map_err(|error| invalid(&error)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed("reading a card in", folder_of(path), &error)),
    }
}

/// Reads back what was written.
fn written(place: &Place, id: &ContactId) -> Result<Box<Loaded>, Error> {
    match file::read(place, id)? {
        Read::Card(loaded) => Ok(loaded),
        Read::Missing => Err(Error::new(Kind::Stale, "the card was removed right after it was written")),
        Read::Group => Err(invalid(&"the card stands for a group now, not for a human being")),
        Read::Unreadable(reason) => Err(invalid(&reason)),
    }
}

/// A synced file in the same folder. It has the old one's mode and owner, or what any new file has.
fn prepare(path: &Path, bytes: &[u8], old: Option<&Metadata>) -> Result<tempfile::NamedTempFile, Error> {
    let failed = |error: io::Error| writing(path, &error);
    let mode = old.map_or_else(|| Permissions::from_mode(0o666), Metadata::permissions);
    let mut new = tempfile::Builder::new()
        .prefix(".carnetd-")
        .suffix(".tmp")
        .permissions(mode.clone())
        .tempfile_in(folder_of(path))
        .map_err(failed)?;
    new.write_all(bytes).map_err(failed)?;
    if let Some(old) = old {
        keep_owner(new.as_file(), old, path)?;
        new.as_file().set_permissions(mode).map_err(failed)?;
    }
    new.as_file().sync_all().map_err(failed)?;
    Ok(new)
}

/// Gives a new file the old one's owner. Where we may not, the old owner must be able to go on by way of the group.
fn keep_owner(new: &File, old: &Metadata, path: &Path) -> Result<(), Error> {
    let made = new.metadata().map_err(|error| writing(path, &error))?;
    if (made.uid(), made.gid()) == (old.uid(), old.gid()) || fchown(new, Some(old.uid()), Some(old.gid())).is_ok() {
        return Ok(());
    }
    let group_kept = made.gid() == old.gid() || fchown(new, None, Some(old.gid())).is_ok();
    let (of_owner, of_group) = (old.mode() >> 6 & 0o6, old.mode() >> 3 & 0o6);
    if made.uid() == old.uid() || (group_kept && of_owner & !of_group == 0) {
        return Ok(());
    }
    let message = format!(
        "writing a card in {}: it belongs to another user, who could not read it afterwards; run carnetd as the owner of \
         the folder, or make its files writable for a group that both are in",
        folder_of(path).display()
    );
    Err(Error::new(Kind::Forbidden, message))
}

fn writing(path: &Path, error: &io::Error) -> Error {
    failed("writing a card in", folder_of(path), error)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Makes a rename durable; a file system that cannot is no reason to fail.
fn sync_folder(path: &Path) {
    if let Ok(folder) = File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
}

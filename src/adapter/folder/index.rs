//! What was seen of every file: its stamp, its UID, whether it is in the group, and when it last changed.
//!
//! A generation is a number that grows with every change noticed; a cursor names one. What changed after a generation
//! is told to whoever asks, as often as asked. Cursors of another index mean nothing here: files may have changed unseen.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::path::Path;
use std::time::Duration;

use super::file::{Loaded, Read};
use super::look::{self, Look, Stamp};
use super::place::Place;
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::contact::{ContactId, Cursor};
use crate::watch::Marked;

/// Every file's stamp is looked at this often, whatever the watch says: mounts and network folders make no events.
const LOOK_AT_ALL: Duration = Duration::from_hours(1);

/// This many more files that are gone than there are files are remembered; then the older half is forgotten.
const GONE: usize = 10_000;

/// What is known of a folder.
#[derive(Debug)]
pub(super) struct Index {
    /// Tells its cursors from those of any other index.
    name: uuid::Uuid,
    generation: u64,
    /// Cursors before it have expired: some of what is gone since was forgotten.
    floor: u64,
    files: BTreeMap<ContactId, File>,
    /// When each file last changed, also those that are gone; and the same in order.
    touched: HashMap<ContactId, u64>,
    changed: BTreeSet<(u64, ContactId)>,
    uids: HashMap<String, BTreeSet<ContactId>>,
    members: usize,
    links: bool,
    devices: BTreeMap<String, u64>,
    looked_at_all: Option<Moment>,
}

#[derive(Debug)]
struct File {
    stamp: Stamp,
    /// The stamp under which the card was last handed out.
    given: Option<Stamp>,
    /// Read since it last changed.
    read: bool,
    /// An edit since it was read would have made another stamp.
    settled: bool,
    uid: Option<String>,
    in_group: bool,
}

/// What a cursor says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// In the middle of a walk that began at generation `start`, after this contact.
    Walk { start: u64, after: ContactId },
    /// Everything up to this generation was listed.
    At(u64),
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            name: uuid::Uuid::new_v4(),
            generation: 0,
            floor: 0,
            files: BTreeMap::new(),
            touched: HashMap::new(),
            changed: BTreeSet::new(),
            uids: HashMap::new(),
            members: 0,
            links: false,
            devices: BTreeMap::new(),
            looked_at_all: None,
        }
    }

    /// Takes in what changed on the disk: what is marked, or everything when asked to, without marks, or when due.
    pub(super) fn refresh(&mut self, place: &Place, marked: Marked, all: bool, now: Moment) -> Result<(), Error> {
        let due = self.links || self.looked_at_all.is_none_or(|at| now.since(at) >= LOOK_AT_ALL);
        let taken = match marked {
            Marked::Paths(paths) if !all && !due => {
                look::root(place).and_then(|()| paths.iter().try_for_each(|path| self.look_at(place, path, now)))
            }
            _ => self.look_at_all(place, now),
        };
        if taken.is_err() {
            // The marks are taken and lost.
            self.looked_at_all = None;
        }
        taken
    }

    /// Takes in a marked path: its content changed even if its stamp did not.
    fn look_at(&mut self, place: &Place, path: &Path, now: Moment) -> Result<(), Error> {
        let Ok(below) = path.strip_prefix(&place.root) else { return Ok(()) };
        let had_cards = || self.in_folder(&format!("{}/", below.display()));
        // The files of a sub-folder that came or went have no marks of their own.
        if path.parent() == Some(&place.root) && (path.is_dir() || had_cards()) {
            return self.look_at_all(place, now);
        }
        let Some(id) = place.id_of(path) else { return Ok(()) };
        match look::stamp(path)? {
            Some(stamp) => self.put(id, stamp),
            None => self.remove(&id),
        }
        Ok(())
    }

    fn look_at_all(&mut self, place: &Place, now: Moment) -> Result<(), Error> {
        look::root(place)?;
        let look = look::look(place)?;
        self.refuse_other_device(place, &look)?;
        let missing: Vec<ContactId> = self.files.keys().filter(|id| !look.files.contains_key(*id)).cloned().collect();
        for id in missing {
            // A file that is replaced at this moment can be missing from a listing.
            match place.path(&id).map(|path| look::stamp(&path)).transpose()?.flatten() {
                Some(stamp) => self.put(id, stamp),
                None => self.remove(&id),
            }
        }
        for (id, stamp) in look.files {
            if self.files.get(&id).is_none_or(|file| file.stamp != stamp || !file.settled) {
                self.put(id, stamp);
            }
        }
        (self.links, self.devices) = (look.links, look.devices);
        self.looked_at_all = Some(now);
        Ok(())
    }

    /// A folder that held cards, is on another file system now and holds none was unmounted, or mounted over. One that
    /// was really emptied stays where it is.
    fn refuse_other_device(&self, place: &Place, look: &Look) -> Result<(), Error> {
        for (name, device) in &look.devices {
            let prefix = if name.is_empty() { String::new() } else { format!("{name}/") };
            let moved = self.devices.get(name).is_some_and(|before| before != device);
            if moved && self.in_folder(&prefix) && !look.files.keys().any(|id| id.as_str().starts_with(&prefix)) {
                let message = format!(
                    "{} held cards, is on another file system now and holds none; mount it as it was. Nothing is taken \
                     for deleted. If it is meant to be empty, restart carnetd",
                    place.root.join(name).display()
                );
                return Err(Error::new(Kind::Unavailable, message));
            }
        }
        Ok(())
    }

    fn in_folder(&self, prefix: &str) -> bool {
        self.files.range(ContactId::from(prefix)..).next().is_some_and(|(id, _)| id.as_str().starts_with(prefix))
    }

    /// A file is there that is new or has changed. Its UID is that of before until it is read.
    fn put(&mut self, id: ContactId, stamp: Stamp) {
        self.touch(&id);
        if let Some(file) = self.files.get_mut(&id) {
            (file.stamp, file.read) = (stamp, false);
        } else {
            let file = File { stamp, given: None, read: false, settled: false, uid: None, in_group: false };
            self.files.insert(id, file);
        }
    }

    fn remove(&mut self, id: &ContactId) {
        if !self.files.contains_key(id) {
            return;
        }
        self.touch(id);
        self.hold(id, None, false);
        self.files.remove(id);
        if self.changed.len() > 2 * self.files.len() + GONE {
            self.forget_half_of_the_gone();
        }
    }

    fn touch(&mut self, id: &ContactId) {
        self.generation += 1;
        if let Some(before) = self.touched.insert(id.clone(), self.generation) {
            self.changed.remove(&(before, id.clone()));
        }
        self.changed.insert((self.generation, id.clone()));
    }

    fn forget_half_of_the_gone(&mut self) {
        let gone = self.changed.iter().filter(|(_, id)| !self.files.contains_key(id));
        let half: Vec<_> = gone.take((self.changed.len() - self.files.len()) / 2).cloned().collect();
        for old in half {
            self.floor = old.0;
            self.touched.remove(&old.1);
            self.changed.remove(&old);
        }
    }

    /// Notes what reading a file found.
    pub(super) fn saw(&mut self, id: &ContactId, read: &Read, now: Moment) {
        match read {
            Read::Card(loaded) => self.saw_card(loaded, now),
            Read::Group | Read::Unreadable(_) => {
                self.hold(id, None, false);
                if let Some(file) = self.files.get_mut(id) {
                    (file.read, file.given, file.settled) = (true, None, file.stamp.is_settled(now));
                }
            }
            Read::Missing => {}
        }
    }

    /// Notes what a card says.
    pub(super) fn saw_card(&mut self, loaded: &Loaded, now: Moment) {
        let id = &loaded.seen.id;
        if !self.files.contains_key(id) {
            self.put(id.clone(), loaded.stamp.clone());
        }
        self.hold(id, loaded.card.uid(), loaded.seen.in_group);
        if let Some(file) = self.files.get_mut(id) {
            (file.read, file.settled) = (true, loaded.stamp.is_settled(now));
            file.given = Some(loaded.stamp.clone());
        }
    }

    /// Notes a file's UID and membership. A UID that several files bear is no identity, so where that begins or ends the
    /// other file has changed, too.
    fn hold(&mut self, id: &ContactId, uid: Option<String>, in_group: bool) {
        let Some(file) = self.files.get_mut(id) else { return };
        self.members = self.members + usize::from(in_group) - usize::from(file.in_group);
        file.in_group = in_group;
        if file.uid == uid {
            return;
        }
        let before = std::mem::replace(&mut file.uid, uid.clone());
        let others: Vec<ContactId> = [before.map(|uid| self.drop_uid(&uid, id)), uid.map(|uid| self.add_uid(uid, id))]
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        for other in &others {
            self.touch(other);
        }
    }

    /// Answers the file that is the only one, or the first, to bear it from now on.
    fn drop_uid(&mut self, uid: &str, id: &ContactId) -> Option<ContactId> {
        let ids = self.uids.get_mut(uid)?;
        ids.remove(id);
        if ids.is_empty() {
            self.uids.remove(uid);
            return None;
        }
        ids.first().filter(|first| ids.len() == 1 || id < *first).cloned()
    }

    /// Answers the one other file that bears it already.
    fn add_uid(&mut self, uid: String, id: &ContactId) -> Option<ContactId> {
        let ids = self.uids.entry(uid).or_default();
        let other = if ids.len() == 1 { ids.first().cloned() } else { None };
        ids.insert(id.clone());
        other
    }

    /// Files that were not read since they changed.
    pub(super) fn unread(&self) -> Vec<ContactId> {
        self.files.iter().filter(|(_, file)| !file.read).map(|(id, _)| id.clone()).collect()
    }

    /// The stamp under which a card was last handed out.
    pub(super) fn given(&self, id: &ContactId) -> Option<&Stamp> {
        self.files.get(id)?.given.as_ref()
    }

    /// Whether a file bore this UID when it was last read. One that was not read may bear any.
    pub(super) fn is_known(&self, id: &ContactId, uid: Option<&str>) -> bool {
        self.files.get(id).is_none_or(|file| file.given.is_none() || file.uid.as_deref() == uid)
    }

    /// The files that bear a UID.
    pub(super) fn with_uid(&self, uid: &str) -> Vec<ContactId> {
        self.uids.get(uid).into_iter().flatten().cloned().collect()
    }

    /// The first other file in the group with the same UID.
    pub(super) fn double(&self, id: &ContactId) -> Option<ContactId> {
        let uid = self.files.get(id)?.uid.as_ref()?;
        let in_group = |other: &&ContactId| self.files.get(*other).is_some_and(|file| file.in_group);
        self.uids.get(uid)?.iter().filter(|other| *other != id).find(in_group).cloned()
    }

    /// Whether no other file bears it.
    pub(super) fn is_identity(&self, uid: &str) -> bool {
        self.uids.get(uid).is_none_or(|ids| ids.len() < 2)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) fn any_in_group(&self) -> bool {
        self.members > 0
    }

    pub(super) fn ids(&self) -> Vec<ContactId> {
        self.files.keys().cloned().collect()
    }

    /// A part of a walk.
    pub(super) fn after(&self, id: Option<&ContactId>, most: usize) -> Vec<ContactId> {
        let start = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.files.range((start, Bound::Unbounded)).take(most).map(|(id, _)| id.clone()).collect()
    }

    /// The present generation.
    pub(super) fn position(&self) -> u64 {
        self.generation
    }

    /// What changed after a generation.
    pub(super) fn changed_since(&self, generation: u64) -> Vec<ContactId> {
        let after = Bound::Excluded((generation, ContactId::from(char::MAX.to_string())));
        self.changed.range((after, Bound::Unbounded)).map(|(_, id)| id.clone()).collect()
    }

    pub(super) fn cursor(&self, generation: u64) -> Cursor {
        Cursor::from(format!("{} at {generation}", self.name))
    }

    pub(super) fn walk_cursor(&self, start: u64, after: &ContactId) -> Cursor {
        Cursor::from(format!("{} walk {start} {after}", self.name))
    }

    /// Reads a cursor; `None` for one that has expired.
    pub(super) fn read_cursor(&self, cursor: &Cursor) -> Option<Position> {
        let (name, position) = cursor.as_str().split_once(' ')?;
        if name != self.name.to_string() {
            return None;
        }
        let mut words = position.splitn(3, ' ');
        let kind = words.next()?;
        let generation = words.next()?.parse().ok().filter(|generation| *generation >= self.floor)?;
        match (kind, words.next()) {
            ("at", None) => Some(Position::At(generation)),
            ("walk", Some(after)) => Some(Position::Walk { start: generation, after: after.into() }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_long_ago_is_forgotten_and_so_are_the_cursors_before() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let stamp = look::stamp(file.path()).expect("looked").expect("there");
        let mut index = Index::new();
        index.put("kept.vcf".into(), stamp.clone());
        let old = index.cursor(index.position());
        for n in 0..GONE + 10 {
            let id = ContactId::from(format!("{n}.vcf"));
            index.put(id.clone(), stamp.clone());
            index.remove(&id);
        }
        let new = index.cursor(index.position());
        assert_eq!(index.read_cursor(&old), None, "something that went since is forgotten");
        assert_eq!(index.read_cursor(&new), Some(Position::At(index.position())));
        assert!(index.changed.len() < GONE && index.touched.len() == index.changed.len());
        assert_eq!(index.changed_since(0)[0], "kept.vcf".into(), "what is there is never forgotten");
    }
}

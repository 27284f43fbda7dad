//! What was seen of every file: its stamp, its UID, whether it is in the group, and when it last changed.
//!
//! A generation is a number that grows with every change noticed; a cursor names one. Cursors of another process mean
//! nothing here: their files may have changed unseen.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::Place;
use super::file::{self, Stamp};
use crate::adapter::Error;
use crate::clock::Moment;
use crate::contact::{ContactId, Cursor};
use crate::watch::Marked;

/// Every file's stamp is looked at this often, whatever the watch says: mounts and network folders make no events.
const LOOK_AT_ALL: Duration = Duration::from_hours(1);

/// What is known of a folder.
#[derive(Debug)]
pub(super) struct Index {
    nonce: String,
    generation: u64,
    files: HashMap<ContactId, File>,
    /// Files by the generation in which they last changed; also those that are gone.
    changed: BTreeMap<(u64, ContactId), ()>,
    uids: HashMap<String, Vec<ContactId>>,
    group: usize,
    walk: Vec<ContactId>,
    looked_at_all: Option<Moment>,
}

#[derive(Debug)]
struct File {
    stamp: Stamp,
    generation: u64,
    /// Read since it last changed.
    read: bool,
    uid: Option<String>,
    in_group: bool,
}

/// What a cursor says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// In the middle of a walk that began at generation `start`.
    Walk { start: u64, offset: usize },
    /// Everything up to this generation was listed.
    At(u64),
}

impl Index {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            nonce: format!("{:x}.{:x}", std::process::id(), now.0),
            generation: 0,
            files: HashMap::new(),
            changed: BTreeMap::new(),
            uids: HashMap::new(),
            group: 0,
            walk: Vec::new(),
            looked_at_all: None,
        }
    }

    /// Takes in what changed on the disk.
    pub(super) fn refresh(
        &mut self,
        place: &Place,
        marked: Option<Marked>,
        all: bool,
        now: Moment,
    ) -> Result<(), Error> {
        file::root(place)?;
        let overdue = self.looked_at_all.is_none_or(|at| now.since(at) >= LOOK_AT_ALL);
        match marked {
            Some(Marked::Paths(paths)) if !all && !overdue => {
                for path in paths {
                    if let Some(id) = file::id_of(place, &path) {
                        let stamp = file::stamp(place, &id)?;
                        self.stamped(id, stamp);
                    } else if path.extension().is_none() {
                        // A sub-folder came or went: its files have no marks of their own.
                        return self.look_at_all(place, now);
                    }
                }
                Ok(())
            }
            _ => self.look_at_all(place, now),
        }
    }

    fn look_at_all(&mut self, place: &Place, now: Moment) -> Result<(), Error> {
        let found = file::list(place)?;
        let gone: Vec<ContactId> = self.files.keys().filter(|id| !found.contains_key(*id)).cloned().collect();
        for id in gone {
            self.stamped(id, None);
        }
        for (id, stamp) in found {
            self.stamped(id, Some(stamp));
        }
        self.looked_at_all = Some(now);
        Ok(())
    }

    /// Notes a file's stamp; `None` where it is gone. An equal stamp is no change.
    fn stamped(&mut self, id: ContactId, stamp: Option<Stamp>) {
        let before = self.files.get(&id);
        if before.map(|file| &file.stamp) == stamp.as_ref() {
            return;
        }
        if let Some(file) = self.files.remove(&id) {
            self.changed.remove(&(file.generation, id.clone()));
            self.forget(&id, &file);
        }
        self.generation += 1;
        self.changed.insert((self.generation, id.clone()), ());
        if let Some(stamp) = stamp {
            let file = File { stamp, generation: self.generation, read: false, uid: None, in_group: false };
            self.files.insert(id, file);
        }
    }

    fn forget(&mut self, id: &ContactId, file: &File) {
        self.group -= usize::from(file.in_group);
        if let Some(ids) = file.uid.as_ref().and_then(|uid| self.uids.get_mut(uid)) {
            ids.retain(|other| other != id);
        }
    }

    /// Notes what a file was read to hold.
    pub(super) fn saw(&mut self, id: &ContactId, uid: Option<&str>, in_group: bool) {
        let Some(mut file) = self.files.remove(id) else { return };
        self.forget(id, &file);
        file.uid = uid.map(str::to_owned);
        file.in_group = in_group;
        file.read = true;
        self.group += usize::from(in_group);
        if let Some(uid) = uid {
            self.uids.entry(uid.to_owned()).or_default().push(id.clone());
        }
        self.files.insert(id.clone(), file);
    }

    /// Reads what was not read since it changed, so that a UID is found wherever it is.
    pub(super) fn fill(&mut self, place: &Place) -> Result<(), Error> {
        let unread: Vec<ContactId> = self.files.iter().filter(|(_, f)| !f.read).map(|(id, _)| id.clone()).collect();
        for id in unread {
            if let file::Read::Card { seen, .. } = file::read(place, &id)? {
                self.saw(&id, seen.stable.as_deref(), seen.in_group);
            }
        }
        Ok(())
    }

    /// The stamp last noticed.
    pub(super) fn stamp(&self, id: &ContactId) -> Option<&Stamp> {
        self.files.get(id).map(|file| &file.stamp)
    }

    pub(super) fn with_uid(&self, uid: &str) -> Vec<ContactId> {
        self.uids.get(uid).cloned().unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) fn any_in_group(&self) -> bool {
        self.group > 0
    }

    pub(super) fn ids(&self) -> Vec<ContactId> {
        let mut ids: Vec<_> = self.files.keys().cloned().collect();
        ids.sort();
        ids
    }

    /// Fixes the order of a walk.
    pub(super) fn start_walk(&mut self) {
        self.walk = self.ids();
    }

    /// A part of the walk.
    pub(super) fn walk(&self, offset: usize, most: usize) -> Vec<ContactId> {
        self.walk.iter().skip(offset).take(most).cloned().collect()
    }

    /// The present generation.
    pub(super) fn position(&self) -> u64 {
        self.generation
    }

    /// What changed after a generation. What came before it is acknowledged by whoever asks.
    pub(super) fn changed_since(&mut self, generation: u64) -> Vec<ContactId> {
        self.changed = self.changed.split_off(&(generation + 1, ContactId(String::new())));
        self.changed.keys().map(|(_, id)| id.clone()).collect()
    }

    pub(super) fn cursor(&self, generation: u64) -> Cursor {
        Cursor(format!("{} at {generation}", self.nonce))
    }

    pub(super) fn walk_cursor(&self, start: u64, offset: usize) -> Cursor {
        Cursor(format!("{} walk {start} {offset}", self.nonce))
    }

    pub(super) fn read_cursor(&self, cursor: &Cursor) -> Option<Position> {
        let words: Vec<&str> = cursor.as_str().split(' ').collect();
        match words.as_slice() {
            [nonce, "at", generation] if *nonce == self.nonce => Some(Position::At(generation.parse().ok()?)),
            [nonce, "walk", start, offset] if *nonce == self.nonce => {
                Some(Position::Walk { start: start.parse().ok()?, offset: offset.parse().ok()? })
            }
            _ => None,
        }
    }
}

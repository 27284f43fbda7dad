//! A folder of vCards (vdir): one `.vcf` file per contact, also in sub-folders one level down.
//!
//! A group is a sub-folder of that name, or a `CATEGORIES` entry; a card that has either is in it. A contact's id is its
//! path below the folder, its stable identity the card's `UID`. Files that are no cards, hidden files, `*.tmp` and files
//! without the extension are ignored; a file with several cards, or that cannot be read, is reported and never written.
//!
//! Never here: deleting because something is missing. A folder that is gone is an error, not an empty book.
//!
//! - [`index`]: what was seen of every file, and what changed since.
//! - [`file`]: reading and writing one file, atomically.

mod file;
mod index;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use self::file::Read;
use self::index::{Index, Position};
use super::{Book, Entry, Error, Found, Kind, Page, Seen, Wanted, Written};
use crate::account::{Country, Group};
use crate::clock::SharedClock;
use crate::contact::{Capability, Change, ContactId, Cursor};
use crate::watch::{Marks, Watcher};

/// Contacts in one page of a listing.
const PAGE: usize = 500;

/// A folder of vCards, seen by one account.
#[derive(Debug, Clone)]
pub struct Folder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    place: Place,
    clock: SharedClock,
    state: Mutex<State>,
}

/// Which cards, and how they are read.
#[derive(Debug, Clone)]
struct Place {
    root: PathBuf,
    group: Group,
    country: Option<Country>,
}

#[derive(Debug)]
struct State {
    marks: Option<Marks>,
    index: Index,
}

impl Folder {
    /// A folder and the group that is synced. Where it cannot be watched every listing looks at every file's stamp; the
    /// reason is logged once.
    pub fn new(
        root: PathBuf,
        group: Group,
        country: Option<Country>,
        watcher: Option<&Watcher>,
        clock: SharedClock,
    ) -> Self {
        let marks = watcher.and_then(|watcher| {
            let marks = watcher.watch(&root, true);
            marks.inspect_err(|error| tracing::warn!(%error, "every listing looks at every file")).ok()
        });
        let state = Mutex::new(State { marks, index: Index::new(clock.now()) });
        Self { shared: Arc::new(Shared { place: Place { root, group, country }, clock, state }) }
    }

    /// Runs blocking file work where it holds nobody up.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared, &mut State) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || {
            let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            work(&shared, &mut state)
        });
        done.await.unwrap_or_else(|_| {
            Err(Error::new(Kind::Unavailable, "reading the folder stopped unexpectedly; it is tried again"))
        })
    }
}

#[async_trait]
impl Book for Folder {
    fn capability(&self) -> Capability {
        Capability::EVERYTHING
    }

    async fn changes(&self, from: Option<&Cursor>, _cancel: &CancellationToken) -> Result<Page, Error> {
        let from = from.cloned();
        self.blocking(move |shared, state| match from {
            None => {
                state.refresh(shared, true)?;
                let start = state.index.position();
                state.index.start_walk();
                shared.walk(state, start, 0)
            }
            Some(cursor) => match state.index.read_cursor(&cursor) {
                Some(Position::Walk { start, offset }) => shared.walk(state, start, offset),
                Some(Position::At(generation)) => {
                    state.refresh(shared, false)?;
                    shared.delta(state, generation)
                }
                None => Err(Error::new(Kind::CursorExpired, "the folder was last listed by another process")),
            },
        })
        .await
    }

    async fn read(&self, wanted: &[Wanted], _cancel: &CancellationToken) -> Result<Vec<Found>, Error> {
        let wanted = wanted.to_vec();
        self.blocking(move |shared, state| {
            state.refresh(shared, false)?;
            wanted.iter().map(|wanted| shared.find(state, wanted)).collect()
        })
        .await
    }

    async fn write(&self, changes: &[Change], _cancel: &CancellationToken) -> Vec<Result<Written, Error>> {
        let (owned, count) = (changes.to_vec(), changes.len());
        let written = self.blocking(move |shared, state| {
            // A creation needs to know whether the group is a sub-folder; nothing else does.
            Ok(owned.iter().map(|change| shared.write(state, change)).collect::<Vec<_>>())
        });
        written.await.unwrap_or_else(|error| vec![Err(error); count])
    }

    async fn photo(&self, id: &ContactId, _cancel: &CancellationToken) -> Result<Option<Vec<u8>>, Error> {
        let id = id.clone();
        self.blocking(move |shared, _| match file::read(&shared.place, &id)? {
            Read::Card { card, .. } => Ok(card.photo()),
            Read::Missing | Read::Unreadable(_) => Ok(None),
        })
        .await
    }

    async fn groups(&self, _cancel: &CancellationToken) -> Result<Vec<String>, Error> {
        self.blocking(|shared, state| {
            state.refresh(shared, true)?;
            let mut groups: Vec<String> = file::subfolders(&shared.place)?;
            for id in state.index.ids() {
                if let Read::Card { card, .. } = file::read(&shared.place, &id)? {
                    groups.extend(card.categories());
                }
            }
            groups.sort();
            groups.dedup();
            Ok(groups)
        })
        .await
    }
}

impl Shared {
    /// One page of a full walk.
    fn walk(&self, state: &mut State, start: u64, offset: usize) -> Result<Page, Error> {
        let ids = state.index.walk(offset, PAGE);
        let mut entries = Vec::with_capacity(ids.len());
        for id in &ids {
            entries.extend(self.entry(state, id)?);
        }
        if ids.len() == PAGE {
            let next = state.index.walk_cursor(start, offset + PAGE);
            return Ok(Page { entries, next: Some(next), cursor: None, complete: false });
        }
        self.group_is_there(state)?;
        Ok(Page { entries, next: None, cursor: Some(state.index.cursor(start)), complete: true })
    }

    /// What changed since a generation.
    fn delta(&self, state: &mut State, since: u64) -> Result<Page, Error> {
        let mut entries = Vec::new();
        for id in state.index.changed_since(since) {
            entries.extend(self.entry(state, &id)?.or(Some(Entry::Gone(id))));
        }
        let cursor = state.index.cursor(state.index.position());
        Ok(Page { entries, next: None, cursor: Some(cursor), complete: false })
    }

    /// What a file says now; nothing for one that is gone or no contact.
    fn entry(&self, state: &mut State, id: &ContactId) -> Result<Option<Entry>, Error> {
        Ok(match file::read(&self.place, id)? {
            Read::Card { seen, .. } => {
                state.index.saw(id, seen.stable.as_deref(), seen.in_group);
                Some(Entry::Live(seen))
            }
            Read::Missing => None,
            Read::Unreadable(reason) => Some(Entry::Unreadable { id: id.clone(), reason }),
        })
    }

    /// A group that no card and no sub-folder bears is an error: an empty listing would look like a mass deletion.
    fn group_is_there(&self, state: &State) -> Result<(), Error> {
        let Group::Named(name) = &self.place.group else { return Ok(()) };
        if state.index.is_empty() || state.index.any_in_group() || self.place.root.join(name).is_dir() {
            return Ok(());
        }
        let message = format!(
            "the group \"{name}\" is not in {}: no sub-folder has that name and no card has it in CATEGORIES; \
             `carnetd groups` lists what is there",
            self.place.root.display()
        );
        Err(Error::new(Kind::Group, message))
    }

    /// A contact by its path, else by its UID anywhere in the folder.
    fn find(&self, state: &mut State, wanted: &Wanted) -> Result<Found, Error> {
        let live = |seen: Box<Seen>, card: &crate::vcard::Card| Found::Live {
            seen,
            raw: String::from_utf8_lossy(&card.bytes()).into_owned(),
        };
        match file::read(&self.place, &wanted.id)? {
            Read::Card { seen, card } => {
                let same = wanted.stable.is_none() || seen.stable.is_none() || seen.stable == wanted.stable;
                if same {
                    return Ok(live(seen, &card));
                }
            }
            Read::Unreadable(reason) => return Ok(Found::Unreadable(reason)),
            Read::Missing => {}
        }
        let Some(stable) = &wanted.stable else { return Ok(Found::Gone) };
        state.index.fill(&self.place)?;
        for id in state.index.with_uid(stable) {
            match file::read(&self.place, &id)? {
                Read::Card { seen, card } if seen.stable.as_deref() == Some(stable) => return Ok(live(seen, &card)),
                _ => {}
            }
        }
        Ok(Found::Gone)
    }

    fn write(&self, state: &mut State, change: &Change) -> Result<Written, Error> {
        let written = match change {
            Change::Create { contact, chosen } => file::create(&self.place, contact, chosen.as_ref()),
            Change::Patch { id, fields } => file::patch(&self.place, id, fields),
            Change::Delete { id } => file::delete(&self.place, id, state.index.stamp(id)).map(|()| Written::Deleted),
        }?;
        if let Written::Now(seen) = &written {
            state.index.saw(&seen.id, seen.stable.as_deref(), seen.in_group);
        }
        Ok(written)
    }
}

impl State {
    /// Takes in what changed on the disk: what the watch marked, or with `all`, after lost events or after an hour, every
    /// file's stamp.
    fn refresh(&mut self, shared: &Shared, all: bool) -> Result<(), Error> {
        let marked = self.marks.as_mut().map(Marks::take);
        self.index.refresh(&shared.place, marked, all, shared.clock.now())
    }
}

#[cfg(test)]
mod tests;

//! A folder of vCards (vdir): one `.vcf` file per contact, also in sub-folders one level down.
//!
//! A group is a sub-folder of that name, or a `CATEGORIES` entry; a card that has either is in it. A contact's id is its
//! path below the folder, its stable identity the card's `UID`, unless another file has the same. Files that are no
//! cards, hidden files, `*.tmp` and files without the extension are ignored, and cards that stand for groups; a file with
//! several cards, or that cannot be read, is reported and never written.
//!
//! Never here: deleting because something is missing. A folder that is gone is an error, not an empty book.
//!
//! - `place`: which folder and group; paths and ids.
//! - `look`: which files are there.
//! - `index`: what was seen of every file, and what changed since.
//! - `listing`: what changed, page by page, and the groups.
//! - `file`, `write`: reading and writing one file, atomically.

mod file;
mod index;
mod listing;
mod look;
mod place;
mod write;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use self::file::{Loaded, Read};
use self::index::{Index, Position};
use self::place::Place;
use super::{Book, Error, Found, Kind, Page, Seen, Wanted, Written};
use crate::account::{Country, Group};
use crate::clock::SharedClock;
use crate::contact::{Capability, Change, Contact, ContactId, Cursor};
use crate::watch::{Marked, Marks, Watcher};

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
        let root = std::path::absolute(&root).unwrap_or(root);
        let marks = watcher.and_then(|watcher| {
            let marks = watcher.watch(&root, true);
            marks.inspect_err(|error| tracing::warn!(%error, "every listing looks at every file")).ok()
        });
        let state = Mutex::new(State { marks, index: Index::new() });
        Self { shared: Arc::new(Shared { place: Place { root, group, country }, clock, state }) }
    }

    /// Runs blocking file work where it holds nobody up. `None`: it stopped unexpectedly.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared, &mut State) -> T + Send + 'static,
    ) -> Option<T> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || {
            let mut state = shared.state.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
                // What was half noted is looked at anew.
                let mut state = poisoned.into_inner();
                state.index = Index::new();
                shared.state.clear_poison();
                state
            });
            work(&shared, &mut state)
        });
        done.await.ok()
    }

    /// The same for work that fails, and is not begun once it is cancelled.
    async fn reading<T: Send + 'static>(
        &self,
        cancel: &CancellationToken,
        work: impl FnOnce(&Shared, &mut State, &CancellationToken) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let cancel = cancel.clone();
        let done = self.blocking(move |shared, state| {
            unless(&cancel)?;
            work(shared, state, &cancel)
        });
        done.await.unwrap_or_else(|| {
            Err(Error::new(Kind::Unavailable, "reading the folder stopped unexpectedly; it is tried again"))
        })
    }
}

fn unless(cancel: &CancellationToken) -> Result<(), Error> {
    if cancel.is_cancelled() { Err(Error::new(Kind::Cancelled, "carnetd is stopping")) } else { Ok(()) }
}

#[async_trait]
impl Book for Folder {
    fn capability(&self) -> Capability {
        Capability::EVERYTHING
    }

    async fn changes(&self, from: Option<&Cursor>, cancel: &CancellationToken) -> Result<Page, Error> {
        let from = from.cloned();
        self.reading(cancel, move |shared, state, cancel| match from {
            None => {
                state.refresh(shared, true)?;
                shared.walk(state, state.index.position(), None)
            }
            Some(cursor) => match state.index.read_cursor(&cursor) {
                Some(Position::Walk { start, after }) => shared.walk(state, start, Some(&after)),
                Some(Position::At(generation)) => {
                    state.refresh(shared, false)?;
                    shared.delta(state, generation, cancel)
                }
                None => Err(Error::new(Kind::CursorExpired, "the folder was last listed by another process")),
            },
        })
        .await
    }

    async fn read(&self, wanted: &[Wanted], cancel: &CancellationToken) -> Result<Vec<Found>, Error> {
        let wanted = wanted.to_vec();
        self.reading(cancel, move |shared, state, cancel| {
            state.refresh(shared, false)?;
            wanted.iter().map(|wanted| shared.find(state, wanted, cancel)).collect()
        })
        .await
    }

    async fn write(&self, changes: &[Change], cancel: &CancellationToken) -> Vec<Result<Written, Error>> {
        let (owned, count, cancel) = (changes.to_vec(), changes.len(), cancel.clone());
        let written = self.blocking(move |shared, state| {
            let write = |change| unless(&cancel).and_then(|()| shared.write(state, change));
            owned.iter().map(write).collect::<Vec<_>>()
        });
        written.await.unwrap_or_else(|| {
            let message = "writing to the folder stopped unexpectedly; some of it may be done";
            vec![Err(Error::new(Kind::UnknownOutcome, message)); count]
        })
    }

    async fn photo(&self, id: &ContactId, cancel: &CancellationToken) -> Result<Option<Vec<u8>>, Error> {
        let id = id.clone();
        self.reading(cancel, move |shared, _, _| match file::read(&shared.place, &id)? {
            Read::Card(loaded) => Ok(loaded.card.photo()),
            // Whoever named it finds that out, and what became of it, from the next listing.
            Read::Group | Read::Missing | Read::Unreadable(_) => Ok(None),
        })
        .await
    }

    fn double(&self, id: &ContactId) -> Option<ContactId> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).index.double(id)
    }

    async fn groups(&self, cancel: &CancellationToken) -> Result<Vec<String>, Error> {
        self.reading(cancel, |shared, state, cancel| {
            state.refresh(shared, true)?;
            shared.groups(state, cancel)
        })
        .await
    }
}

impl Shared {
    /// Reads a file and notes what is there.
    fn look_into(&self, state: &mut State, id: &ContactId) -> Result<Read, Error> {
        let read = file::read(&self.place, id)?;
        state.index.saw(id, &read, self.clock.now());
        Ok(read)
    }

    /// A contact by its path, else by its UID anywhere in the folder.
    fn find(&self, state: &mut State, wanted: &Wanted, cancel: &CancellationToken) -> Result<Found, Error> {
        match self.look_into(state, &wanted.id)? {
            Read::Card(loaded) => {
                let uid = loaded.card.uid();
                if wanted.stable.is_none() || uid.is_none() || uid == wanted.stable {
                    return Ok(state.found(*loaded));
                }
            }
            Read::Unreadable(reason) => return Ok(Found::Unreadable(reason)),
            Read::Group | Read::Missing => {}
        }
        let Some(stable) = &wanted.stable else { return Ok(Found::Gone) };
        for id in state.index.unread() {
            unless(cancel)?;
            self.look_into(state, &id)?;
        }
        for id in state.index.with_uid(stable) {
            match self.look_into(state, &id)? {
                Read::Card(loaded) if loaded.card.uid().as_ref() == Some(stable) => return Ok(state.found(*loaded)),
                _ => {}
            }
        }
        Ok(Found::Gone)
    }

    fn write(&self, state: &mut State, change: &Change) -> Result<Written, Error> {
        let loaded = match change {
            Change::Create { contact, chosen: Some(chosen) } => self.create(state, contact, chosen)?,
            Change::Create { chosen: None, .. } => {
                return Err(Error::new(Kind::Invalid, "a card needs an id that was chosen before it is written"));
            }
            Change::Patch { id, fields } => write::patch(&self.place, id, fields, |uid| state.index.is_known(id, uid))?,
            Change::Delete { id } => {
                write::delete(&self.place, id, state.index.given(id))?;
                return Ok(Written::Deleted);
            }
        };
        state.index.saw_card(&loaded, self.clock.now());
        Ok(Written::Now(state.given(*loaded).into()))
    }

    /// A card that was created before a crash may have been moved since.
    fn create(&self, state: &mut State, contact: &Contact, chosen: &ContactId) -> Result<Box<Loaded>, Error> {
        for id in state.index.with_uid(chosen.as_str()) {
            match self.look_into(state, &id)? {
                Read::Card(loaded) if loaded.card.uid().as_deref() == Some(chosen.as_str()) => return Ok(loaded),
                _ => {}
            }
        }
        write::create(&self.place, contact, chosen)
    }
}

impl State {
    /// Takes in what changed on the disk: what the watch marked, or with `all`, after lost events or after an hour, every
    /// file's stamp.
    fn refresh(&mut self, shared: &Shared, all: bool) -> Result<(), Error> {
        let marked = self.marks.as_mut().map_or(Marked::All, Marks::take);
        self.index.refresh(&shared.place, marked, all, shared.clock.now())
    }

    /// A card that was noted, without an identity that it shares.
    fn given(&self, loaded: Loaded) -> Seen {
        let mut seen = loaded.seen;
        seen.stable = seen.stable.filter(|uid| self.index.is_identity(uid));
        seen
    }

    fn found(&self, loaded: Loaded) -> Found {
        let raw = String::from_utf8_lossy(&loaded.card.bytes()).into_owned();
        Found::Live { seen: self.given(loaded).into(), raw }
    }
}

#[cfg(test)]
mod tests;

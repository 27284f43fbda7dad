//! The process's one file watcher.
//!
//! A [`Watcher`] is one inotify instance; whoever cares for a directory asks it for [`Marks`]. The callback of the
//! operating system only marks paths; everything else happens when the owner of the marks takes them. So a burst of a
//! thousand events is one wake-up, and nobody's slow work holds up another's events.
//!
//! **Guarantees.** A change that happens after [`Watcher::watch`] returned is marked, or the whole directory is. A
//! directory that is removed, replaced (also by a swapped symlink) or that appears only later is watched from then on.
//! **Caveats.** More may be marked than changed. Symlinks below the directory are not followed; network file systems,
//! mounts over the directory and renamed grandparents make no events: a poll has to find those.
//!
//! It never reads a file and knows nothing of what the paths mean. Who does: [`crate::config::ConfigWatch`] and the
//! folder adapter.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// More marks than this are "everything": finding out is then cheaper for the owner, too.
const MAX_PATHS: usize = 10_000;

/// Why a directory cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// inotify instances are used up.
    #[error(
        "cannot watch files: this user has no inotify instance or this process no file descriptor left; \
         raise the sysctl fs.inotify.max_user_instances (or the unit's LimitNOFILE)"
    )]
    Instances,
    /// inotify watches are used up.
    #[error("cannot watch {path}: this user has no inotify watch left; raise the sysctl fs.inotify.max_user_watches")]
    Watches {
        /// The directory for which none was left.
        path: PathBuf,
    },
    /// Something else.
    #[error("cannot watch {path}: {source}; carnetd notices changes there only at its next interval")]
    Other {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: notify::Error,
    },
}

/// What was marked since the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    /// Anything may have changed: events were lost, or the directory itself came, went or was replaced.
    All,
    /// These paths were created, changed, renamed or removed; may be empty. They begin with the directory as it was
    /// given to [`Watcher::watch`].
    Paths(BTreeSet<PathBuf>),
}

/// The one watcher; clones share it.
#[derive(Debug, Clone)]
pub struct Watcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Locked before `state`. The callback never locks it: adding a watch waits for the callback's thread.
    notify: Mutex<RecommendedWatcher>,
    state: Arc<Mutex<State>>,
}

/// What the callback sees.
#[derive(Debug, Default)]
struct State {
    next: u64,
    interests: HashMap<u64, Interest>,
    /// Every watched directory, without symlinks, and who cares for it.
    holders: HashMap<PathBuf, BTreeSet<u64>>,
}

/// One [`Marks`], seen from the callback.
#[derive(Debug)]
struct Interest {
    /// As it was given.
    root: PathBuf,
    recursive: bool,
    /// The root without symlinks, while it is there.
    real: Option<PathBuf>,
    /// The nearest directory above the root that is there, and the name in it that leads to the root.
    anchor: Option<(PathBuf, OsString)>,
    all: bool,
    /// Whether the root itself came or went, so that it has to be watched anew.
    lost: bool,
    /// Paths below a recursive root that may be new directories.
    arrived: BTreeSet<PathBuf>,
    paths: BTreeSet<PathBuf>,
    wake: Arc<Notify>,
}

impl Watcher {
    /// Starts watching nothing.
    ///
    /// # Errors
    /// [`WatchError::Instances`], or what else the system says.
    pub fn new() -> Result<Self, WatchError> {
        let state = Arc::new(Mutex::new(State::default()));
        let seen = Arc::clone(&state);
        let notify =
            notify::recommended_watcher(move |event| lock(&seen).mark(event)).map_err(|source| match &source.kind {
                notify::ErrorKind::Io(error) if error.raw_os_error() == Some(EMFILE) => WatchError::Instances,
                _ => WatchError::Other { path: PathBuf::new(), source },
            })?;
        Ok(Self { shared: Arc::new(Shared { notify: Mutex::new(notify), state }) })
    }

    /// Marks what changes in `directory`, or also below it. It need not exist yet.
    ///
    /// # Errors
    /// When the system refuses the watch; then nothing is watched.
    pub fn watch(&self, directory: &Path, recursive: bool) -> Result<Marks, WatchError> {
        let root = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        let wake = Arc::new(Notify::new());
        let id = lock(&self.shared.state).add(root.clone(), recursive, Arc::clone(&wake));
        // Dropped on an error, which forgets the interest again.
        let mut marks = Marks { shared: Arc::clone(&self.shared), id, root, recursive, held: BTreeSet::new(), wake };
        marks.arm(false)?;
        Ok(marks)
    }
}

const EMFILE: i32 = 24;

/// A poisoned lock only says that some thread panicked; marks are valid at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn add(&mut self, root: PathBuf, recursive: bool, wake: Arc<Notify>) -> u64 {
        let id = self.next;
        self.next += 1;
        let (arrived, paths) = (BTreeSet::new(), BTreeSet::new());
        let interest =
            Interest { root, recursive, real: None, anchor: None, all: false, lost: false, arrived, paths, wake };
        self.interests.insert(id, interest);
        id
    }

    /// The callback.
    fn mark(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.mark_all(),
            Ok(event) if is_change(event.kind) => {
                event.paths.iter().for_each(|path| self.mark_path(path, event.kind));
            }
            Ok(_) => {}
            Err(_) => self.mark_all(),
        }
    }

    fn mark_all(&mut self) {
        for interest in self.interests.values_mut() {
            interest.all = true;
            interest.wake.notify_one();
        }
    }

    fn mark_path(&mut self, path: &Path, kind: EventKind) {
        let of_parent = path.parent().and_then(|parent| self.holders.get(parent));
        let of_itself = self.holders.get(path);
        for id in of_parent.into_iter().chain(of_itself).flatten() {
            if let Some(interest) = self.interests.get_mut(id) {
                interest.mark(path, kind);
            }
        }
    }
}

/// Reading is no change, though inotify reports it.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

impl Interest {
    fn mark(&mut self, path: &Path, kind: EventKind) {
        let leads_here = self.anchor.as_ref().is_some_and(|(anchor, name)| {
            path.parent() == Some(anchor) && path.file_name() == Some(name) || path == anchor && kind.is_remove()
        });
        let below = self.real.as_ref().and_then(|real| path.strip_prefix(real).ok());
        if leads_here || below.is_some_and(|below| below.as_os_str().is_empty()) {
            self.lost = true;
            self.all = true;
        } else if let Some(below) = below
            && (self.recursive || below.components().count() == 1)
        {
            if self.recursive && may_be_a_new_directory(kind) {
                self.arrived.insert(self.root.join(below));
            }
            self.paths.insert(self.root.join(below));
            self.all |= self.paths.len() > MAX_PATHS;
        } else {
            return;
        }
        self.wake.notify_one();
    }

    fn is_marked(&self) -> bool {
        self.all || !self.paths.is_empty()
    }
}

fn may_be_a_new_directory(kind: EventKind) -> bool {
    matches!(kind, EventKind::Create(kind) if kind != CreateKind::File)
        || matches!(kind, EventKind::Modify(ModifyKind::Name(_)))
}

/// What changed in one directory. Dropping it ends the watch.
#[derive(Debug)]
pub struct Marks {
    shared: Arc<Shared>,
    id: u64,
    root: PathBuf,
    recursive: bool,
    /// The directories held for it.
    held: BTreeSet<PathBuf>,
    wake: Arc<Notify>,
}

impl Marks {
    /// Ends when something is marked. Cancel-safe: a mark stays until it is taken.
    pub async fn changed(&mut self) {
        while !lock(&self.shared.state).interests.get(&self.id).is_some_and(Interest::is_marked) {
            self.wake.notified().await;
        }
    }

    /// Takes what is marked. Watches what appeared meanwhile *before* it answers, so that a look at the disk
    /// afterwards misses nothing.
    pub fn take(&mut self) -> Marked {
        let Some((all, lost, arrived, mut paths)) =
            lock(&self.shared.state).interests.get_mut(&self.id).map(|interest| {
                let all = std::mem::take(&mut interest.all);
                let lost = std::mem::take(&mut interest.lost);
                (all, lost, std::mem::take(&mut interest.arrived), std::mem::take(&mut interest.paths))
            })
        else {
            return Marked::All;
        };
        // After lost events new directories may be anywhere.
        let watched = if lost || (all && self.recursive) {
            self.arm(true)
        } else {
            arrived.iter().try_for_each(|path| self.hold_below(path, true, &mut paths))
        };
        if let Err(error) = watched {
            tracing::warn!(%error, "some changes will only be noticed at the next interval");
            return Marked::All;
        }
        if all { Marked::All } else { Marked::Paths(paths) }
    }

    /// Watches the root and its way there, as both are now. `again`: what is watched may have been replaced.
    fn arm(&mut self, again: bool) -> Result<(), WatchError> {
        let before = std::mem::take(&mut self.held);
        let mut anchor = None;
        // The anchor is watched before the root is looked for; when it comes in between, there is a nearer one.
        for _ in 0..self.root.components().count() {
            let nearest = nearest_above(&self.root);
            if nearest == anchor {
                break;
            }
            anchor.clone_from(&nearest);
            self.update(|interest| interest.anchor = nearest);
            if let Some((directory, _)) = &anchor {
                self.hold(directory, again)?;
            }
        }
        let real = std::fs::canonicalize(&self.root).ok().filter(|real| real.is_dir());
        self.update(|interest| interest.real.clone_from(&real));
        if let Some(real) = &real {
            self.hold(real, again)?;
            if self.recursive {
                self.hold_below(&self.root.clone(), again, &mut BTreeSet::new())?;
            }
        }
        for directory in before.difference(&self.held) {
            self.shared.release(self.id, directory);
        }
        Ok(())
    }

    fn update(&self, change: impl FnOnce(&mut Interest)) {
        if let Some(interest) = lock(&self.shared.state).interests.get_mut(&self.id) {
            change(interest);
        }
    }

    /// Watches a directory and all below it; what is found there goes into `found`, for it made no events.
    fn hold_below(&mut self, path: &Path, again: bool, found: &mut BTreeSet<PathBuf>) -> Result<(), WatchError> {
        let is_root = path == self.root;
        if !is_root && !std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            return Ok(());
        }
        let Ok(real) = std::fs::canonicalize(path) else { return Ok(()) };
        self.hold(&real, again)?;
        // A directory that goes or cannot be read just now holds nothing; its next event is marked above it.
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            found.insert(entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.hold_below(&entry.path(), again, found)?;
            }
        }
        Ok(())
    }

    fn hold(&mut self, directory: &Path, again: bool) -> Result<(), WatchError> {
        self.held.insert(directory.to_owned());
        self.shared.hold(self.id, directory, again)
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        lock(&self.shared.state).interests.remove(&self.id);
        for directory in &self.held {
            self.shared.release(self.id, directory);
        }
    }
}

/// The nearest directory above `path` that is there, without symlinks, and the next name on the way.
fn nearest_above(path: &Path) -> Option<(PathBuf, OsString)> {
    let pairs = path.ancestors().zip(path.ancestors().skip(1));
    pairs.into_iter().find_map(|(child, parent)| {
        let real = std::fs::canonicalize(parent).ok().filter(|real| real.is_dir())?;
        Some((real, child.file_name()?.to_owned()))
    })
}

impl Shared {
    /// Watches one directory, not what is below it. A directory that has gone is no error: its parent tells.
    fn hold(&self, id: u64, directory: &Path, again: bool) -> Result<(), WatchError> {
        let mut notify = lock(&self.notify);
        let first = {
            let mut state = lock(&self.state);
            let holders = state.holders.entry(directory.to_owned()).or_default();
            holders.insert(id);
            holders.len() == 1
        };
        if !first && !again {
            return Ok(());
        }
        notify.watch(directory, RecursiveMode::NonRecursive).or_else(|source| match source.kind {
            notify::ErrorKind::PathNotFound => Ok(()),
            notify::ErrorKind::MaxFilesWatch => Err(WatchError::Watches { path: directory.to_owned() }),
            _ => Err(WatchError::Other { path: directory.to_owned(), source }),
        })
    }

    fn release(&self, id: u64, directory: &Path) {
        let mut notify = lock(&self.notify);
        let last = {
            let mut state = lock(&self.state);
            let Some(holders) = state.holders.get_mut(directory) else { return };
            holders.remove(&id);
            let last = holders.is_empty();
            if last {
                state.holders.remove(directory);
            }
            last
        };
        if last {
            // It fails for a directory that has gone, which is no longer watched anyway.
            let _ = notify.unwatch(directory);
        }
    }
}

#[cfg(test)]
mod tests;

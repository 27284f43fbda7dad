//! When a reload is due: after two seconds of quiet that follow an edit of any file that matters.
//!
//! What matters is found anew each time: the main file, the accounts directory and its files, and every symlink on the
//! way to them, for a Kubernetes volume is edited by swapping one (`..data`). What an event says is only a hint; whether
//! there was an edit is decided by what the files hold, so a touched file or an editor's lock reloads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::select_all;

use crate::clock::{Moment, SharedClock};
use crate::watch::{Marked, Marks, WatchError, Watcher};

use super::environment::base_of;
use super::files::Files;
use super::model::Config;
use super::problem::Problems;

/// Editors write in several steps and people save several files; a reload in between would only complain.
const QUIET: Duration = Duration::from_secs(2);

/// Waits for edits of the configuration.
#[derive(Debug)]
pub struct ConfigWatch {
    watcher: Watcher,
    files: Files,
    /// One per directory.
    marks: BTreeMap<PathBuf, Marks>,
    /// Paths whose change may be an edit, beside the files of the accounts directory.
    on_the_way: BTreeSet<PathBuf>,
    quiet: Quiet,
    /// What the files held when they were last loaded, or seen.
    seen: u64,
}

impl ConfigWatch {
    /// Watches what `config` was loaded from. An edit made since then counts.
    ///
    /// # Errors
    /// When a directory cannot be watched; reloads then need `carnetd reload` or `SIGHUP`.
    pub fn new(watcher: &Watcher, config: &Config, clock: SharedClock) -> Result<Self, WatchError> {
        let mut watch = Self {
            watcher: watcher.clone(),
            files: Files::of(&config.path).absolute(),
            marks: BTreeMap::new(),
            on_the_way: BTreeSet::new(),
            quiet: Quiet { clock, due: None },
            seen: config.fingerprint,
        };
        watch.point_at(config.accounts_dir.clone(), config.fingerprint)?;
        Ok(watch)
    }

    /// Watches what was loaded since, also where it was refused: the mistake may be mended in any of its files.
    ///
    /// # Errors
    /// As [`ConfigWatch::new`].
    pub fn follow(&mut self, loaded: &Result<Config, Problems>) -> Result<(), WatchError> {
        match loaded {
            Ok(config) => self.point_at(config.accounts_dir.clone(), config.fingerprint),
            Err(problems) => self.point_at(Some(problems.accounts_dir.clone()), problems.fingerprint),
        }
    }

    fn point_at(&mut self, accounts_dir: Option<PathBuf>, loaded: u64) -> Result<(), WatchError> {
        let usual = Files::of(&self.files.main);
        self.files = Files { accounts_dir: accounts_dir.unwrap_or(usual.accounts_dir), ..usual }.absolute();
        self.seen = loaded;
        self.arm()?;
        if self.files.fingerprint() != loaded {
            self.quiet.touch();
        }
        Ok(())
    }

    /// Ends after an edit and two seconds of quiet. Cancel-safe.
    pub async fn edited(&mut self) {
        loop {
            let Self { quiet, marks, files, on_the_way, .. } = self;
            while !quiet.settled(touched(marks, files, on_the_way)).await {}
            // Watched first and looked at then: what happens in between is marked.
            if let Err(error) = self.arm() {
                tracing::warn!(%error, "edits of the configuration may need `carnetd reload`");
            }
            let now = self.files.fingerprint();
            if now != self.seen {
                self.seen = now;
                return;
            }
        }
    }

    /// Watches every directory in which something that matters stands now.
    fn arm(&mut self) -> Result<(), WatchError> {
        self.on_the_way = self.files.on_the_way();
        let parents = self.on_the_way.iter().map(|path| base_of(path).to_owned());
        let directories: BTreeSet<_> = parents.chain([self.files.accounts_dir.clone()]).collect();
        self.marks.retain(|directory, _| directories.contains(directory));
        for directory in directories {
            if !self.marks.contains_key(&directory) {
                let marks = self.watcher.watch(&directory, false)?;
                self.marks.insert(directory, marks);
            }
        }
        Ok(())
    }
}

/// Ends when anything that matters was touched. Cancel-safe, as [`Marks::changed`] is.
async fn touched(marks: &mut BTreeMap<PathBuf, Marks>, files: &Files, on_the_way: &BTreeSet<PathBuf>) {
    loop {
        // Never empty: the main file's directory is always among them.
        select_all(marks.values_mut().map(|marks| Box::pin(marks.changed()))).await;
        let mut matters = false;
        for marks in marks.values_mut() {
            matters |= match marks.take() {
                Marked::All => true,
                Marked::Paths(paths) => paths.iter().any(|path| on_the_way.contains(path) || files.holds(path)),
            };
        }
        if matters {
            return;
        }
    }
}

/// The quiet after an edit.
#[derive(Debug)]
struct Quiet {
    clock: SharedClock,
    /// When the quiet will have lasted long enough; `None`: nothing happened since.
    due: Option<Moment>,
}

impl Quiet {
    /// Something happened: the quiet begins anew.
    fn touch(&mut self) {
        self.due = Some(self.clock.now().after(QUIET));
    }

    /// Ends when nothing was touched for [`QUIET`] after something was. Cancel-safe.
    async fn settled(&mut self, touched: impl Future<Output = ()>) -> bool {
        let Some(due) = self.due else {
            touched.await;
            self.touch();
            return false;
        };
        tokio::select! {
            biased;
            () = touched => self.touch(),
            () = self.clock.sleep_until(due) => {
                self.due = None;
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;

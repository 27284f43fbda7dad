//! Stand-ins for the cloud services: they keep state, are as strict as the real ones and misbehave on request.
//!
//! For a newcomer (the quick start), for an administrator who rehearses a configuration, and for our tests. Each
//! service is a folder here and obeys the facts of its vendor's description; what no source tells is decided the
//! harsher way and said where it is decided. Nothing of the crate but [`crate::clock`] is used, so that a mistake of
//! our adapters is not repeated here. `/_faults`, `/_calls` and `/_clock` belong to all services.
//!
//! Next: `pipedrive` and `google` for the services, `server` for their socket, `faults` for the misbehaviour, `journal` for what
//! survives a restart.

mod calls;
mod faults;
mod google;
mod journal;
mod line;
mod pipedrive;
mod server;
#[cfg(test)]
mod tests;
mod time;

use std::path::PathBuf;
use std::sync::Arc;

pub use server::serve;

use crate::clock::SharedClock;

/// How long an opening sandbox waits for a log that another one holds.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
const BETWEEN_TRIES: std::time::Duration = std::time::Duration::from_millis(100);

/// How a sandbox is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The append-only log that keeps its state; it is made where there is none. `None`: memory only.
    pub state: Option<PathBuf>,
    /// Where its time comes from; `/_clock` moves it ahead of this.
    pub clock: SharedClock,
    /// What the chance of the faults grows from.
    pub seed: u64,
}

/// Why a sandbox could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The log cannot be opened, read or rewritten.
    #[error("opening the sandbox state {}: {source}", path.display())]
    Open {
        /// The log.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process, or another sandbox of this one, has the log open.
    #[error("the sandbox state {} is in use; stop the other sandbox or name another file", path.display())]
    InUse {
        /// The log.
        path: PathBuf,
    },
    /// A line other than a torn last one is not an entry.
    #[error(
        "the sandbox state {} is damaged at line {line}: {reason}; restore the file, or remove it to begin anew",
        path.display()
    )]
    Damaged {
        /// The log.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the reader found.
        reason: String,
    },
}

/// The stand-in services with their state. Clones share it.
#[derive(Debug, Clone)]
pub struct Sandbox(Arc<Shared>);

/// What all requests share.
#[derive(Debug)]
struct Shared {
    time: time::Time,
    faults: faults::Desk,
    calls: calls::Calls,
    journal: Arc<journal::Journal>,
    pipedrive: pipedrive::Pipedrive,
    google: google::Google,
}

impl Sandbox {
    /// Opens the state, or begins a new one: a new Pipedrive company, with its own id, and a Google without users.
    pub fn open(options: Options) -> Result<Self, SandboxError> {
        let time = time::Time::new(options.clock);
        let (journal, entries) = journal::Journal::open(options.state)?;
        let journal = Arc::new(journal);
        let mut company = pipedrive::Company::new(Arc::clone(&journal));
        let mut google = google::State::new(Arc::clone(&journal), options.seed);
        let replayed = entries.len();
        for entry in entries {
            match entry {
                journal::Entry::Ahead(millis) => time.set_ahead(millis),
                journal::Entry::Pipedrive(records) => company.replay(records),
                journal::Entry::Google(records) => google.replay(records),
            }
        }
        let now = time.now();
        company.found(now).map_err(|source| journal.open_error(source))?;
        if replayed > 2 * (company.len() + google.len()) + 1000 {
            let state = [
                journal::Entry::Ahead(time.ahead()),
                journal::Entry::Pipedrive(company.dump(now)),
                journal::Entry::Google(google.dump(now)),
            ];
            journal.compact(&state).map_err(|source| journal.open_error(source))?;
        }
        Ok(Self(Arc::new(Shared {
            time,
            faults: faults::Desk::new(options.seed),
            calls: calls::Calls::default(),
            journal,
            pipedrive: pipedrive::Pipedrive::new(company),
            google: google::Google::new(google),
        })))
    }

    /// The same, for up to two seconds again while another sandbox holds the log: a process that was just killed holds
    /// its lock a moment longer than its parent waits for it.
    pub async fn open_patiently(options: Options) -> Result<Self, SandboxError> {
        let clock = Arc::clone(&options.clock);
        let until = clock.now().after(PATIENCE);
        loop {
            let (state, seed) = (options.state.clone(), options.seed);
            let again = Options { state, clock: Arc::clone(&clock), seed };
            match Self::open(again) {
                Err(SandboxError::InUse { .. }) if clock.now() < until => {
                    clock.sleep_until(clock.now().after(BETWEEN_TRIES)).await;
                }
                other => return other,
            }
        }
    }

    /// All services as one router, for a server or for calls without a socket. Dropped connections need [`serve`].
    pub fn router(&self) -> axum::Router {
        server::router(Arc::clone(&self.0))
    }
}

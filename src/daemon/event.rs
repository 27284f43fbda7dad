//! Everything that can start work.

use tokio::sync::oneshot;

use crate::account::AccountName;
use crate::adapter;
use crate::reconcile::{Outcome, Polled, Wish};
use crate::status::{Refused, Reloaded, Synced, Who};

/// What the loop reacts to. Closed: nothing else makes anything run.
pub(super) enum Event {
    /// A configuration file was edited, and quiet has returned.
    Edited,
    /// Files of a folder account changed.
    FolderChanged(AccountName),
    /// Signal, button or command: run this account, or all with a sweep.
    Refresh(Option<AccountName>),
    /// `sync`: run now and answer when done.
    Sync(Sync),
    /// `SIGHUP` (which also refreshes) or `reload`.
    Reload {
        /// Whether every account runs afterwards, or only what changed.
        refresh: bool,
        /// Who waits for the result.
        reply: Option<oneshot::Sender<Reloaded>>,
    },
    /// A human being confirmed something of this account.
    Confirmed(AccountName),
    /// Somebody logged in.
    LoggedIn(Who),
    /// `SIGUSR1`.
    LogStatus,
    /// `SIGTERM`, `SIGINT`.
    Stop,
    /// The watcher's poll ended.
    Polled(Result<Polled, adapter::Error>),
    /// An account's pass ended; a message where it panicked.
    Passed(AccountName, Result<Outcome, String>),
}

/// A request for passes whose end somebody waits for.
pub(super) struct Sync {
    pub(super) account: Option<AccountName>,
    pub(super) wish: Wish,
    pub(super) reply: oneshot::Sender<Result<Vec<Synced>, Refused>>,
}

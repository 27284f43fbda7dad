//! How a pass ended, what it is asked for, and its counters while it runs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::store::{AccountHold, Counts, PassRecord};

/// What a pass is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Drop the cursor and walk the whole book (`sync --full`).
    pub full: bool,
    /// Look again at what is held or failed (refresh, reload, confirm).
    pub retry: bool,
}

impl Wish {
    /// What satisfies both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { full: self.full || other.full, retry: self.retry || other.retry }
    }
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// In one word, and what follows from it.
    pub ended: Ended,
    /// Its counters, where it came so far as to have any.
    pub record: Option<Progress>,
    /// Whether something came to light that the next pass should look at without delay.
    pub again: bool,
}

/// What a pass's end means for the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Everything was done, or listed with its reason.
    Ok,
    /// The plan refused itself, or the scope changed: a human being has to confirm.
    Held(Box<AccountHold>),
    /// The login is dead; the text names the command that mends it.
    NeedsLogin(String),
    /// Not now: a limit or a budget. With the moment from which trying again makes sense, where it is known.
    Later(String, Option<Moment>),
    /// A service or folder cannot be reached or does not answer as it should; it is tried again with growing pauses.
    Unreachable(String),
    /// It failed; it is tried again with growing pauses.
    Failed(String),
    /// The program stops.
    Cancelled,
}

impl Outcome {
    /// A pass that could not begin.
    pub fn without_pass(ended: Ended) -> Self {
        Self { ended, record: None, again: false }
    }

    /// What it added, updated, deleted and could not do.
    pub fn counts(&self) -> (u64, u64, u64, u64) {
        let record = self.record.as_ref().map(|progress| &progress.record);
        record.map_or((0, 0, 0, 0), |r| (r.added, r.updated, r.deleted, r.failed))
    }

    /// Both passes as one: the later end, the sum of what was done.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let record = match (self.record, next.record) {
            (Some(a), Some(mut b)) => {
                b.record.added += a.record.added;
                b.record.updated += a.record.updated;
                b.record.deleted += a.record.deleted;
                Some(b)
            }
            (a, b) => b.or(a),
        };
        Self { record, ..next }
    }
}

impl Ended {
    /// What an adapter's error means for a pass.
    pub fn of(error: Error) -> Self {
        match error.kind {
            Kind::Login => Self::NeedsLogin(error.message),
            Kind::Later { until } => Self::Later(error.message, until),
            Kind::Cancelled => Self::Cancelled,
            Kind::Unavailable | Kind::UnknownOutcome => Self::Unreachable(error.message),
            _ => Self::Failed(error.message),
        }
    }

    /// The word in status and history.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Held(_) => "held",
            Self::NeedsLogin(_) => "needs_login",
            Self::Later(..) => "later",
            Self::Unreachable(_) | Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A pass under way: its record so far, and what it wrote to which side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// As it will be kept.
    pub record: PassRecord,
    /// Contacts that the plan changes.
    pub planned: u64,
    /// Changes written to the provider's book.
    pub provider: Counts,
    /// Changes written to Pipedrive.
    pub pipedrive: Counts,
}

/// The progress of a running pass, shared with whoever shows it.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<Mutex<Option<Progress>>>);

impl Live {
    /// The running pass, or `None` between passes.
    pub fn current(&self) -> Option<Progress> {
        self.lock().clone()
    }

    pub(super) fn start(&self, record: PassRecord) {
        let (provider, pipedrive) = (Counts::default(), Counts::default());
        *self.lock() = Some(Progress { record, planned: 0, provider, pipedrive });
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Progress)) {
        if let Some(progress) = self.lock().as_mut() {
            count(progress);
        }
    }

    /// Ends the pass's display; called by whoever ran it, also after a panic.
    pub fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Progress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

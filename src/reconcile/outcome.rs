//! How a pass ended, what it is asked for, and its counters while it runs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::store::{AccountHold, PassRecord};

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
    pub record: Option<PassRecord>,
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
    /// It failed; it is tried again with growing pauses.
    Failed(String),
    /// The program stops.
    Cancelled,
}

impl Outcome {
    /// Both passes as one: the later end, the sum of what was done.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let record = match (self.record, next.record) {
            (Some(a), Some(b)) => Some(PassRecord {
                added: a.added + b.added,
                updated: a.updated + b.updated,
                deleted: a.deleted + b.deleted,
                ..b
            }),
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
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The counters of a running pass, shared with whoever shows them.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<Mutex<Option<PassRecord>>>);

impl Live {
    /// The running pass, or `None` between passes.
    pub fn current(&self) -> Option<PassRecord> {
        self.lock().clone()
    }

    pub(super) fn start(&self, record: PassRecord) {
        *self.lock() = Some(record);
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut PassRecord)) {
        if let Some(record) = self.lock().as_mut() {
            count(record);
        }
    }

    /// Ends the pass's display; called by whoever ran it, also after a panic.
    pub fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<PassRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

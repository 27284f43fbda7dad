//! Logins that wait for their browsers: in memory, for ten minutes, each good once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::target::Target;
use crate::auth::oauth::Started;
use crate::clock::Moment;
use crate::status::Who;

/// How long a browser may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// Logins that may wait for one account at a time; a further one takes the place of the oldest. More than one, because a mail
/// scanner may open a link beside its reader.
const AT_ONCE: usize = 16;

/// One login that was started.
#[derive(Debug)]
pub(super) struct Pending {
    /// For whom.
    pub(super) who: Who,
    /// What the configuration said of it then.
    pub(super) target: Target,
    /// What the browser was sent with.
    pub(super) started: Started,
    /// The key of the link that led to it.
    pub(super) link: Option<String>,
    /// When it was started.
    pub(super) at: Moment,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Vec<Pending>>);

impl Waiting {
    /// Lets one more wait.
    pub(super) fn add(&self, pending: Pending) {
        let mut waiting = self.fresh(pending.at);
        let same = || waiting.iter().enumerate().filter(|(_, other)| other.who == pending.who);
        if same().count() >= AT_ONCE
            && let Some((oldest, _)) = same().next()
        {
            waiting.remove(oldest);
        }
        waiting.push(pending);
    }

    /// Takes the one whose state this is: it cannot be taken again.
    pub(super) fn take(&self, state: &str, now: Moment) -> Option<Pending> {
        let mut waiting = self.fresh(now);
        let is = |known: &Pending| bool::from(known.started.state.expose_secret().as_bytes().ct_eq(state.as_bytes()));
        // All are compared, each in constant time.
        let found =
            waiting.iter().enumerate().fold(None, |found, (at, known)| if is(known) { Some(at) } else { found });
        found.map(|at| waiting.remove(at))
    }

    fn fresh(&self, now: Moment) -> MutexGuard<'_, Vec<Pending>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|pending| now < pending.at.after(PATIENCE));
        waiting
    }
}

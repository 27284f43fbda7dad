//! Time as a parameter: the real clock, and one that tests move by hand.
//!
//! Everything above this module asks a [`Clock`]; the real one is read here and nowhere else. It never sleeps for
//! longer than a caller can be cancelled: waiting is [`Clock::sleep_until`], a future that may be dropped.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

/// A moment: milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl Moment {
    /// The moment `later` after this one.
    #[must_use]
    pub fn after(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment `earlier` before this one.
    #[must_use]
    pub fn before(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(earlier.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time since `earlier`; zero where that lies later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC with whole seconds, as status, logs and Pipedrive want it.
    pub fn rfc3339(self) -> String {
        self.to_string()
    }

    /// Reads RFC 3339 in any offset.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = jiff::Timestamp::from_second(self.0.div_euclid(1000)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{whole}")
    }
}

/// A future that ends when the clock reaches a moment.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Moment;
    /// Ends once [`Clock::now`] is `until` or later. Dropping it cancels the wait.
    fn sleep_until(&self, until: Moment) -> Sleep;
}

/// A clock shared by everything in the process.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealClock;

#[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
impl Clock for RealClock {
    fn now(&self) -> Moment {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, until: Moment) -> Sleep {
        Box::pin(tokio::time::sleep(until.since(self.now())))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct SimulatedClock {
    now: Arc<Mutex<Moment>>,
    moved: watch::Sender<Moment>,
}

impl SimulatedClock {
    /// A clock that stands at `start`.
    pub fn new(start: Moment) -> Self {
        Self { now: Arc::new(Mutex::new(start)), moved: watch::Sender::new(start) }
    }

    /// Moves the clock forward and wakes whoever waited for a moment that has come.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.after(by);
        self.moved.send_replace(*now);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Moment {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep_until(&self, until: Moment) -> Sleep {
        let mut moved = self.moved.subscribe();
        Box::pin(async move {
            // The sender lives as long as a clone of the clock; once all are gone nobody can move time any more.
            if moved.wait_for(|now| *now >= until).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_whole_seconds() {
        assert_eq!(Moment(1_763_982_000_999).rfc3339(), "2025-11-24T11:00:00Z");
        assert_eq!(Moment::parse("2025-11-24T12:00:00+01:00"), Some(Moment(1_763_982_000_000)));
    }

    #[tokio::test]
    async fn a_simulated_sleep_ends_when_its_moment_comes() {
        let clock = SimulatedClock::new(Moment(0));
        let sleep = tokio::spawn(clock.sleep_until(Moment(1000)));
        clock.advance(Duration::from_millis(999));
        tokio::task::yield_now().await;
        assert!(!sleep.is_finished());
        clock.advance(Duration::from_millis(1));
        sleep.await.expect("the sleeper is not cancelled");
    }
}

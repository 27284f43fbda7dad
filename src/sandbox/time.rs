//! The sandbox's time: the clock it was given, moved ahead by `/_clock`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::{Moment, SharedClock};

/// A clock and how far the sandbox is ahead of it.
#[derive(Debug)]
pub(super) struct Time {
    clock: SharedClock,
    ahead: AtomicI64,
}

impl Time {
    /// Time as `clock` has it.
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, ahead: AtomicI64::new(0) }
    }

    /// The sandbox's present.
    pub(super) fn now(&self) -> Moment {
        Moment(self.clock.now().0.saturating_add(self.ahead()))
    }

    /// Milliseconds ahead of the clock.
    pub(super) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Sets how many milliseconds the sandbox is ahead.
    pub(super) fn set_ahead(&self, millis: i64) {
        self.ahead.store(millis, Ordering::Relaxed);
    }

    /// Waits on the clock itself: a moved sandbox does not answer faster.
    pub(super) async fn wait(&self, for_: Duration) {
        self.clock.sleep_until(self.clock.now().after(for_)).await;
    }
}

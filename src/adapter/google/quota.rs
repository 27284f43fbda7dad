//! Who may send now: Google's limits per minute and user, each its own pace, and how long a limit that was met holds.
//!
//! The prices are the official guide's, the limits those that projects were seen to have; each project's console shows its
//! own. A part of each limit may be used at once, the rest is spread over the minute, so that no wait is long.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::clock::{Moment, SharedClock};
use crate::http::{HeaderMap, Pace, RetryLater, header, retry};

/// What a call costs, in units of each limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Contact and profile reads: 60 per minute.
    pub(super) contact_reads: u32,
    /// Contact creations and updates: 30 per minute.
    pub(super) contact_writes: u32,
    /// Contact group reads: 90 per minute.
    pub(super) group_reads: u32,
    /// Contact deletions and contact group writes: 30 per minute.
    pub(super) other_writes: u32,
}

impl Cost {
    /// One page of contacts, or a batch of reads.
    pub(super) const READ: Self = Self { contact_reads: 1, ..Self::NONE };
    /// One contact created or updated.
    pub(super) const WRITE: Self = Self { contact_reads: 1, contact_writes: 1, ..Self::NONE };
    /// A batch of them.
    pub(super) const BATCH: Self = Self { contact_reads: 6, contact_writes: 6, ..Self::NONE };
    /// A page of groups.
    pub(super) const GROUPS: Self = Self { group_reads: 1, ..Self::NONE };
    /// One deletion, or one change of a group's members.
    pub(super) const OTHER_WRITE: Self = Self { other_writes: 1, ..Self::NONE };
    /// A batch of deletions.
    pub(super) const BATCH_DELETE: Self = Self { other_writes: 10, ..Self::NONE };

    const NONE: Self = Self { contact_reads: 0, contact_writes: 0, group_reads: 0, other_writes: 0 };

    fn units(self) -> [u32; 4] {
        [self.contact_reads, self.contact_writes, self.group_reads, self.other_writes]
    }

    fn writes(self) -> bool {
        self.contact_writes + self.other_writes > 0
    }
}

/// Units per minute of each limit.
const LIMITS: [u32; 4] = [60, 30, 90, 30];
/// What of a limit may be used at once, in hundredths.
const AT_ONCE: u64 = 30;
/// What is not used at once comes back over this, a little more than Google's minute: a call counts when it arrives.
const REFILL: Duration = Duration::from_secs(64);

/// The waits after a limit was met that names no time: they add up to more than a minute.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The waits after the account's own write limit was met ("FBS"), which can last for hours.
const FIRST_REST: Duration = Duration::from_mins(5);
const LONGEST_REST: Duration = Duration::from_hours(4);

/// One user's limits.
#[derive(Debug)]
pub(super) struct Quota {
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    buckets: [Bucket; 4],
    /// Nothing is sent before this, and how often in a row a limit was met.
    paused: Moment,
    met: u32,
    /// Nothing is written before this, and how often in a row the account's own limit was met.
    resting: Moment,
    rests: u32,
}

/// What is left of a limit, in thousandths of a unit.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    most: u64,
    /// What comes back in a second.
    rate: u64,
    at: Moment,
}

impl Bucket {
    fn new(limit: u32, now: Moment) -> Self {
        let most = u64::from(limit) * 1000 * AT_ONCE / 100;
        let rate = (u64::from(limit) * 1000 - most) / REFILL.as_secs();
        Self { left: most, most, rate, at: now }
    }

    fn refill(&mut self, now: Moment) {
        let millis = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        // What is less than a thousandth waits for its time.
        if millis > 0 {
            self.left = self.left.saturating_add(millis.saturating_mul(self.rate) / 1000).min(self.most);
            self.at = now;
        }
    }

    /// How long until that many units are left.
    fn wait(&self, units: u32) -> Duration {
        let wanted = (u64::from(units) * 1000).min(self.most);
        Duration::from_millis((wanted.saturating_sub(self.left) * 1000).div_ceil(self.rate.max(1)))
    }

    fn take(&mut self, units: u32) {
        self.left = self.left.saturating_sub(u64::from(units) * 1000);
    }
}

impl Quota {
    pub(super) fn new(clock: SharedClock) -> Self {
        let now = clock.now();
        let buckets = LIMITS.map(|limit| Bucket::new(limit, now));
        let (paused, resting) = (Moment(i64::MIN), Moment(i64::MIN));
        Self { clock, state: Mutex::new(State { buckets, paused, met: 0, resting, rests: 0 }) }
    }

    /// The pace of one call.
    pub(super) fn toll(&self, cost: Cost) -> Toll<'_> {
        Toll { quota: self, cost }
    }

    /// The account's own write limit was met: until when nothing is written.
    pub(super) fn rest(&self) -> Moment {
        let mut state = self.state();
        let rest = FIRST_REST.saturating_mul(1 << state.rests.min(8)).min(LONGEST_REST);
        state.rests += 1;
        state.resting = self.clock.now().after(rest);
        state.resting
    }

    /// A write was accepted.
    pub(super) fn rested(&self) {
        self.state().rests = 0;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the units, or says when to look again.
    fn take(&self, cost: Cost) -> Result<(), Moment> {
        let now = self.clock.now();
        let mut state = self.state();
        if state.paused > now {
            return Err(state.paused);
        }
        let mut wait = Duration::ZERO;
        for (bucket, units) in state.buckets.iter_mut().zip(cost.units()) {
            bucket.refill(now);
            wait = wait.max(bucket.wait(units));
        }
        if !wait.is_zero() {
            return Err(now.after(wait));
        }
        for (bucket, units) in state.buckets.iter_mut().zip(cost.units()) {
            bucket.take(units);
        }
        Ok(())
    }
}

/// One call's price at a quota.
#[derive(Debug)]
pub(super) struct Toll<'a> {
    quota: &'a Quota,
    cost: Cost,
}

#[async_trait]
impl Pace for Toll<'_> {
    async fn admit(&self, _price: u32, cancel: &CancellationToken) -> Result<(), RetryLater> {
        let resting = self.quota.state().resting;
        if self.cost.writes() && resting > self.quota.clock.now() {
            let reason = "Google takes no more writes to this account for now (its own limit, not the project's)";
            return Err(RetryLater { until: resting, reason: reason.to_owned() });
        }
        while let Err(until) = self.quota.take(self.cost) {
            tokio::select! {
                () = self.quota.clock.sleep_until(until) => {}
                () = cancel.cancelled() => return Err(RetryLater { until, reason: "stopped".to_owned() }),
            }
        }
        Ok(())
    }

    fn answered(&self, status: u16, headers: &HeaderMap, now: Moment) {
        let mut state = self.quota.state();
        if status != 429 {
            state.met = if status == 0 { state.met } else { 0 };
            return;
        }
        // A time that the service names is kept by whoever sent the call.
        if !headers.contains_key(header::RETRY_AFTER) {
            let pause = FIRST_PAUSE.saturating_mul(1 << state.met.min(8)).min(retry::LONGEST_WAIT);
            state.paused = now.after(pause);
            state.met += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimulatedClock;
    use std::sync::Arc;

    fn quota() -> (SimulatedClock, Quota) {
        let clock = SimulatedClock::new(Moment(1_000_000));
        (clock.clone(), Quota::new(Arc::new(clock)))
    }

    /// Sends as fast as it may; answers when each call went, in milliseconds.
    fn times(cost: Cost, calls: usize) -> Vec<i64> {
        let (clock, quota) = quota();
        let start = quota.clock.now();
        let mut times = Vec::new();
        while times.len() < calls {
            match quota.take(cost) {
                Ok(()) => times.push(i64::try_from(quota.clock.now().since(start).as_millis()).expect("short")),
                Err(until) => {
                    let wait = until.since(quota.clock.now());
                    assert!(wait <= retry::LONGEST_WAIT, "no wait is long: {wait:?}");
                    clock.advance(wait);
                }
            }
        }
        times
    }

    #[test]
    fn no_minute_sees_more_than_the_limit() {
        for (cost, units, limit) in
            [(Cost::READ, 1, 60), (Cost::WRITE, 1, 30), (Cost::BATCH, 6, 30), (Cost::BATCH_DELETE, 10, 30)]
        {
            let times = times(cost, 100);
            for (at, start) in times.iter().enumerate() {
                let minute = times[at..].iter().take_while(|time| **time < start + 60_000).count();
                assert!(minute * units <= limit, "{cost:?}: {minute} calls from {start} ms");
            }
        }
    }

    #[tokio::test]
    async fn a_met_limit_pauses_for_more_than_a_minute_in_all() {
        let (_, quota) = quota();
        let (now, empty) = (quota.clock.now(), HeaderMap::new());
        let toll = quota.toll(Cost::READ);
        let mut pauses = Duration::ZERO;
        for _ in 0..4 {
            toll.answered(429, &empty, now);
            pauses += quota.take(Cost::READ).expect_err("paused").since(now);
        }
        assert!(pauses > Duration::from_mins(1), "{pauses:?}");
        toll.answered(200, &empty, now);
        toll.answered(429, &empty, now);
        assert_eq!(quota.take(Cost::READ), Err(now.after(FIRST_PAUSE)), "it begins anew after a success");
    }

    #[tokio::test]
    async fn an_account_that_takes_no_writes_is_left_alone_ever_longer() {
        let (_, quota) = quota();
        let now = quota.clock.now();
        assert_eq!(quota.rest(), now.after(FIRST_REST));
        assert_eq!(quota.rest(), now.after(FIRST_REST * 2));
        let cancel = CancellationToken::new();
        let later = quota.toll(Cost::BATCH).admit(1, &cancel).await.expect_err("it rests");
        assert_eq!(later.until, now.after(FIRST_REST * 2));
        assert!(quota.toll(Cost::READ).admit(1, &cancel).await.is_ok(), "reads go on");
        quota.rested();
        assert_eq!(quota.rest(), now.after(FIRST_REST));
    }
}

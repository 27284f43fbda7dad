//! When an account's next pass is due: a pure function of how the last one ended.

use std::time::Duration;

use super::outcome::{Ended, Outcome};
use crate::clock::Moment;

/// Held accounts and dead logins are looked at once a day, unless something wakes them.
const DAILY: Duration = Duration::from_hours(24);
/// First pause after a failure; doubled each time up to the account's interval or [`LONGEST`], whichever is shorter: what
/// is well again is noticed as soon as anything else would be.
const FIRST: Duration = Duration::from_secs(5);
/// Longest pause after failures.
const LONGEST: Duration = Duration::from_mins(15);

/// When the next pass is due. `failures` counts the failed passes in a row, this one included; `spread` (0–1, drawn by the
/// caller) keeps many accounts from running in the same second.
pub fn next_pass(outcome: &Outcome, now: Moment, interval: Duration, failures: u32, spread: f64) -> Moment {
    let pause = match &outcome.ended {
        Ended::Ok if outcome.again && failures < 2 => Duration::ZERO,
        Ended::Ok if outcome.again => growing(failures - 1, interval, spread),
        Ended::Ok | Ended::Cancelled => interval.mul_f64(1.0 - 0.1 * spread.clamp(0.0, 1.0)),
        Ended::Held(_) | Ended::NeedsLogin(_) => DAILY,
        Ended::Later(_, Some(until)) => until.since(now).max(FIRST),
        Ended::Later(_, None) | Ended::Unreachable(_) | Ended::Failed(_) => growing(failures, interval, spread),
    };
    now.after(pause)
}

fn growing(failures: u32, interval: Duration, spread: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(interval.clamp(FIRST, LONGEST)).mul_f64(1.0 - 0.5 * spread.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_000_000);
    const INTERVAL: Duration = Duration::from_mins(5);

    fn after(ended: Ended, failures: u32) -> Duration {
        let outcome = Outcome { ended, record: None, again: false };
        next_pass(&outcome, NOW, INTERVAL, failures, 0.0).since(NOW)
    }

    #[test]
    fn a_good_pass_waits_for_the_interval() {
        assert_eq!(after(Ended::Ok, 0), INTERVAL);
        let again = Outcome { ended: Ended::Ok, record: None, again: true };
        assert_eq!(next_pass(&again, NOW, INTERVAL, 0, 0.0), NOW);
    }

    #[test]
    fn what_comes_to_light_without_getting_done_waits_like_a_failure() {
        let again = Outcome { ended: Ended::Ok, record: None, again: true };
        assert_eq!(next_pass(&again, NOW, INTERVAL, 1, 0.0), NOW);
        assert_eq!(next_pass(&again, NOW, INTERVAL, 2, 0.0), NOW.after(Duration::from_secs(5)));
    }

    #[test]
    fn failures_wait_longer_each_time_within_bounds() {
        let failed = || Ended::Failed("x".into());
        assert_eq!(after(failed(), 1), Duration::from_secs(5));
        assert_eq!(after(failed(), 2), Duration::from_secs(10));
        assert_eq!(after(failed(), 60), INTERVAL);
        let of = |interval, failures| {
            let outcome = Outcome { ended: failed(), record: None, again: false };
            next_pass(&outcome, NOW, interval, failures, 0.0).since(NOW)
        };
        assert_eq!(of(Duration::from_hours(24), 60), LONGEST, "no longer than that, however rare the passes are");
        assert_eq!(of(Duration::from_secs(20), 60), Duration::from_secs(20), "a short interval is kept");
        assert_eq!(of(Duration::from_secs(1), 60), FIRST, "never in a hurry");
    }

    #[test]
    fn a_limit_says_itself_when_it_ends() {
        assert_eq!(after(Ended::Later("x".into(), Some(Moment(1_060_000))), 1), Duration::from_mins(1));
        assert_eq!(after(Ended::Later("x".into(), Some(Moment(0))), 1), Duration::from_secs(5), "never at once");
    }
}

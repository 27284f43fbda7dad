//! Whether and when to repeat a request. Pure: it decides, the caller waits.
//!
//! | what happened | [`Safety::Idempotent`] | [`Safety::OnlyIfUnsent`] |
//! |---|---|---|
//! | no connection | again | again |
//! | sent, no whole answer | again | give up |
//! | 429 | again | again |
//! | 503 with `Retry-After` | again | again |
//! | 502, 503, 504 | again | give up |
//! | any other answer | give up: it is the answer | the same |
//!
//! The wait is "full jitter" (any time from nothing to the cap, <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>):
//! many accounts that failed together do not come back together. The cap doubles from [`FIRST_CAP`] to [`LAST_CAP`]. Where
//! the service names a time (`Retry-After`, RFC 9110 §10.2.3), the wait is never shorter than that. A wait above
//! [`LONGEST_WAIT`] is not waited for here.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::request::Safety;
use crate::clock::Moment;

/// How often a request is sent at most.
pub const ATTEMPTS: u32 = 5;
/// The longest wait after the first attempt.
pub const FIRST_CAP: Duration = Duration::from_millis(500);
/// The longest wait that the service did not ask for.
pub const LAST_CAP: Duration = Duration::from_secs(20);
/// What has to wait longer than this is given back to the scheduler.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How an attempt ended, as far as repeating it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// No connection came about.
    NotSent,
    /// It was sent, and no whole answer came.
    Lost,
    /// An answer, and the time it asks to be left alone.
    Answer {
        /// The HTTP status.
        status: u16,
        /// What [`retry_after`] read from it.
        retry_after: Option<Duration>,
    },
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Wait this long, then send it again.
    Again(Duration),
    /// Not before this moment, and that is too far away to wait for.
    Later(Moment),
    /// What there is, is the result.
    GiveUp,
}

/// The waits of one request.
#[derive(Debug)]
pub struct Backoff {
    rng: fastrand::Rng,
}

impl Backoff {
    /// Waits drawn from `rng`.
    pub fn new(rng: fastrand::Rng) -> Self {
        Self { rng }
    }

    /// Judges the end of attempt number `attempt`, counted from 1.
    pub fn judge(&mut self, attempt: u32, ending: Ending, safety: Safety, now: Moment) -> Verdict {
        if !may_repeat(ending, safety) {
            return Verdict::GiveUp;
        }
        let asked = match ending {
            Ending::Answer { retry_after, .. } => retry_after,
            Ending::NotSent | Ending::Lost => None,
        };
        match asked {
            Some(asked) if asked > LONGEST_WAIT => Verdict::Later(now.after(asked)),
            _ if attempt >= ATTEMPTS => Verdict::GiveUp,
            // Those who were all told the same time should not all come at it.
            Some(asked) => Verdict::Again(asked + self.up_to(FIRST_CAP)),
            None => Verdict::Again(self.up_to(cap(attempt))),
        }
    }

    fn up_to(&mut self, cap: Duration) -> Duration {
        Duration::from_millis(self.rng.u64(0..=u64::try_from(cap.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// The longest wait after attempt number `attempt`.
fn cap(attempt: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
    FIRST_CAP.saturating_mul(doubled).min(LAST_CAP)
}

fn may_repeat(ending: Ending, safety: Safety) -> bool {
    match ending {
        Ending::NotSent | Ending::Answer { status: 429, .. } | Ending::Answer { status: 503, retry_after: Some(_) } => {
            true
        }
        Ending::Lost | Ending::Answer { status: 502..=504, .. } => safety == Safety::Idempotent,
        Ending::Answer { .. } => false,
    }
}

/// Whether an answer leaves open if the service acted: a 5xx may come from a proxy in front of a service that did.
/// 503 with `Retry-After` is the service itself saying that it takes nothing now.
pub(super) fn in_doubt(status: u16, headers: &HeaderMap) -> bool {
    status >= 500 && !(status == 503 && headers.contains_key(RETRY_AFTER))
}

/// How long the service asks to be left alone: seconds, or a date, which is read against the answer's own `Date` where
/// it has one, because the service's clock may differ from ours. What cannot be read is `None`.
pub fn retry_after(headers: &HeaderMap, now: Moment) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        // A week: more than any service means, and safe to calculate with.
        return Some(Duration::from_secs(seconds.min(7 * 24 * 3600)));
    }
    let there = headers.get(DATE).and_then(|date| http_date(date.to_str().ok()?)).unwrap_or(now);
    Some(http_date(text)?.since(there))
}

/// An HTTP date in its preferred form, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
pub(super) fn http_date(text: &str) -> Option<Moment> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(Moment(date.as_millisecond()))
}

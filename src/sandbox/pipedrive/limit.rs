//! The two limits: a rolling burst window per token, and one daily budget for the company.
//!
//! Refused calls cost nothing and do not fill the window. What was used today is not kept over a restart.

use std::collections::{HashMap, VecDeque};

use axum::http::HeaderMap;

use super::routes::Route;
use super::settings::Settings;
use crate::clock::Moment;

const DAY_MS: i64 = 86_400_000;
const WINDOW_MS: i64 = 2_000;
const SEARCHES: usize = 10;
const PATIENCE_MS: i64 = 10_000;
const BLOCK_MS: i64 = 60_000;
/// POST and PUT requests a day, of which `x-daily-requests-left` tells; never enforced here.
const DAILY_REQUESTS: u64 = 1_000_000;

/// Whose token it is: a user, with an API token or by OAuth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Credential {
    /// The user.
    pub(super) user: u64,
    /// By OAuth, which has wider bursts.
    pub(super) oauth: bool,
}

/// What the limits say to one call.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is charged and may run.
    Go(HeaderMap),
    /// 429.
    TooMany(HeaderMap),
    /// 403 with Cloudflare's page.
    Blocked,
}

/// What was used.
#[derive(Debug, Default)]
pub(super) struct Limits {
    windows: HashMap<Credential, Window>,
    day: i64,
    tokens: u64,
    requests: u64,
}

#[derive(Debug, Default)]
struct Window {
    calls: VecDeque<i64>,
    searches: VecDeque<i64>,
    refused: VecDeque<i64>,
    blocked_until: i64,
}

impl Limits {
    /// Charges a call of `route`, or refuses it.
    pub(super) fn charge(&mut self, settings: &Settings, who: Credential, route: &Route, now: Moment) -> Verdict {
        let now = now.0;
        self.turn_day(now);
        let (limit, budget) = (settings.burst_limit(who.oauth), settings.daily_budget());
        let window = self.windows.entry(who).or_default();
        window.roll(now);
        let searches_full = settings.enforce_burst && route.search && window.searches.len() >= SEARCHES;
        let mut left = Left {
            burst: if searches_full { 0 } else { limit.saturating_sub(window.calls.len() as u64) },
            tokens: budget.saturating_sub(self.tokens),
        };
        if now < window.blocked_until {
            return Verdict::Blocked;
        }
        let refused = left.burst == 0 || left.tokens < route.tokens;
        if refused {
            if window.refuse(settings.block_after, now) {
                return Verdict::Blocked;
            }
            // A budget that cannot pay shows as nothing left, even where a cheaper call could still be paid.
            left.tokens = if left.tokens < route.tokens { 0 } else { left.tokens };
        } else {
            window.calls.push_back(now);
            window.searches.extend(route.search.then_some(now));
            self.tokens += route.tokens;
            self.requests += u64::from(matches!(route.method, "POST" | "PUT"));
            left = Left { burst: left.burst - 1, tokens: left.tokens - route.tokens };
        }
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-ratelimit-limit", limit),
            ("x-ratelimit-remaining", left.burst),
            ("x-ratelimit-reset", window.reset(now)),
            ("x-daily-ratelimit-token-limit", budget),
            ("x-daily-ratelimit-token-remaining", left.tokens),
        ] {
            headers.insert(name, value.into());
        }
        if !who.oauth {
            headers.insert("x-daily-requests-left", DAILY_REQUESTS.saturating_sub(self.requests).into());
        }
        if refused { Verdict::TooMany(headers) } else { Verdict::Go(headers) }
    }

    fn turn_day(&mut self, now: i64) {
        let day = now.div_euclid(DAY_MS);
        if day != self.day {
            (self.day, self.tokens, self.requests) = (day, 0, 0);
        }
    }
}

/// What may still be used.
struct Left {
    burst: u64,
    tokens: u64,
}

impl Window {
    /// Notes a refused call; true once that was too often and the token is blocked.
    fn refuse(&mut self, block_after: usize, now: i64) -> bool {
        self.refused.push_back(now);
        let blocked = block_after > 0 && self.refused.len() > block_after;
        if blocked {
            self.blocked_until = now + BLOCK_MS;
        }
        blocked
    }

    fn roll(&mut self, now: i64) {
        for (times, keep) in
            [(&mut self.calls, WINDOW_MS), (&mut self.searches, WINDOW_MS), (&mut self.refused, PATIENCE_MS)]
        {
            while times.front().is_some_and(|time| now - time >= keep) {
                times.pop_front();
            }
        }
    }

    /// Seconds until the oldest call leaves the window, rounded up.
    fn reset(&self, now: i64) -> u64 {
        let millis = self.calls.front().map_or(0, |first| first + WINDOW_MS - now).max(0);
        u64::try_from(millis).unwrap_or(0).div_ceil(1000)
    }
}

//! The two limits: a rolling burst window per token, and one daily budget for the company.
//!
//! Refused calls cost nothing and do not fill the window. What was used today is not kept over a restart.

use std::collections::{HashMap, VecDeque};

use axum::http::{HeaderMap, HeaderValue};

use super::routes::Route;
use super::settings::Settings;
use crate::clock::Moment;

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
        let day = now.div_euclid(86_400_000);
        if day != self.day {
            (self.day, self.tokens, self.requests) = (day, 0, 0);
        }
        let limit = settings.burst_limit(who.oauth);
        let budget = settings.daily_budget();
        let window = self.windows.entry(who).or_default();
        window.roll(now);
        if now < window.blocked_until {
            return Verdict::Blocked;
        }
        let burst_full = window.calls.len() as u64 >= limit
            || settings.enforce_burst && route.search && window.searches.len() >= SEARCHES;
        let budget_spent = self.tokens + route.tokens > budget;
        if burst_full || budget_spent {
            window.refused.push_back(now);
            if settings.block_after > 0 && window.refused.len() > settings.block_after {
                window.blocked_until = now + BLOCK_MS;
                return Verdict::Blocked;
            }
        } else {
            window.calls.push_back(now);
            if route.search {
                window.searches.push_back(now);
            }
            self.tokens += route.tokens;
            self.requests += u64::from(matches!(route.method, "POST" | "PUT"));
        }
        let window = &self.windows[&who];
        // A spent budget shows as nothing left, even where a cheaper call could still be paid.
        let left = if budget_spent { 0 } else { budget - self.tokens };
        let burst_left = if burst_full && !budget_spent { 0 } else { limit.saturating_sub(window.calls.len() as u64) };
        let headers = [
            ("x-ratelimit-limit", limit),
            ("x-ratelimit-remaining", burst_left),
            ("x-ratelimit-reset", window.reset(now)),
            ("x-daily-ratelimit-token-limit", budget),
            ("x-daily-ratelimit-token-remaining", left),
        ];
        let mut map: HeaderMap =
            headers.into_iter().map(|(name, value)| (name.parse().ok(), value)).filter_map(named).collect();
        if !who.oauth {
            map.insert("x-daily-requests-left", DAILY_REQUESTS.saturating_sub(self.requests).into());
        }
        if burst_full || budget_spent { Verdict::TooMany(map) } else { Verdict::Go(map) }
    }
}

fn named((name, value): (Option<axum::http::HeaderName>, u64)) -> Option<(axum::http::HeaderName, HeaderValue)> {
    name.map(|name| (name, value.into()))
}

impl Window {
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

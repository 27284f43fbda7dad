//! Who may send now: bursts paced without meeting 429, and the daily budget.
//!
//! The burst window is rolling, 2 s long and belongs to the token; `x-ratelimit-limit` names its size, which differs by
//! plan and by kind of credential. [`Burst`] keeps it; [`Tokens`] counts the day.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::tokens::{Budget, Meaning, Tokens, Told};
use crate::account::Share;
use crate::clock::{Moment, SharedClock};
use crate::http::{Burst, HeaderMap, Pace, RetryLater, header};

/// The smallest plan's burst for an API token: what is kept to until a header says otherwise.
const SMALLEST_BURST: u32 = 20;
const WINDOW: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Governor {
    clock: SharedClock,
    burst: Burst,
    configured_burst: Option<u32>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: Tokens,
    told_burst: Option<u32>,
}

impl Governor {
    /// A governor; `burst` is in requests per 2 s, `daily_tokens` in tokens of the whole company.
    pub(super) fn new(clock: SharedClock, burst: Option<u32>, daily_tokens: Option<u64>, share: Share) -> Self {
        let first = usize::try_from(burst.unwrap_or(SMALLEST_BURST)).unwrap_or(usize::MAX);
        let tokens = Tokens::new(daily_tokens, share, clock.now());
        Self {
            burst: Burst::new(clock.clone(), first, WINDOW),
            configured_burst: burst,
            state: Mutex::new(State { tokens, told_burst: None }),
            clock,
        }
    }

    pub(super) fn budget(&self) -> Budget {
        self.state().tokens.budget(self.clock.now())
    }

    pub(super) fn remember_use(&self, tokens: u64, at: Moment) {
        self.state().tokens.remember_use(tokens, at, self.clock.now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What both a configured and a told burst allow: the configured one may be less because others use the token too.
    fn hear_burst(&self, state: &mut State, told: u32) {
        if state.told_burst != Some(told) {
            state.told_burst = Some(told);
            let allowed = self.configured_burst.map_or(told, |configured| configured.min(told));
            self.burst.set_limit(usize::try_from(allowed).unwrap_or(usize::MAX));
        }
    }
}

#[async_trait]
impl Pace for Governor {
    async fn admit(&self, price: u32, cancel: &CancellationToken) -> Result<(), RetryLater> {
        // Before queueing, so that nobody waits in line for what is refused anyway.
        if let Some(later) = self.state().tokens.refusal(price, self.clock.now()) {
            return Err(later);
        }
        self.burst.admit(price, cancel).await?;
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(later) = state.tokens.refusal(price, now) {
            drop(state);
            self.burst.answered(0, &HeaderMap::new(), now);
            return Err(later);
        }
        state.tokens.take(price, now);
        Ok(())
    }

    fn answered(&self, status: u16, headers: &HeaderMap, now: Moment) {
        let told = Told {
            limit: number(headers, "x-daily-ratelimit-token-limit"),
            remaining: number(headers, "x-daily-ratelimit-token-remaining"),
            burst_remaining: number(headers, "x-ratelimit-remaining"),
            page: headers
                .get(header::CONTENT_TYPE)
                .and_then(|kind| kind.to_str().ok())
                .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html")),
        };
        let mut state = self.state();
        let meaning = state.tokens.answered(status, told, now);
        if let Some(limit) = number(headers, "x-ratelimit-limit").and_then(|limit| u32::try_from(limit).ok()) {
            self.hear_burst(&mut state, limit);
        }
        drop(state);
        self.burst.answered(status, headers, now);
        if meaning == Meaning::Burst {
            self.burst.refused(now);
        }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

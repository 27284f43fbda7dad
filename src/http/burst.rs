//! A limit of so many requests per rolling window, kept without ever meeting it.
//!
//! The service counts a request when it arrives, which we cannot see; we know only that it was before the answer. So a
//! place in the window is taken from the permission until one window after the *answer*: whatever N + 1 requests we send,
//! the service sees the last of them more than a window after the first, however long either was on its way. The price is
//! the time an answer takes: with 2 s windows and answers within 100 ms, at least 95 % of the allowed rate is reached.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::pace::{Pace, RetryLater};
use crate::clock::{Moment, SharedClock};

/// Our clock counts milliseconds and may have cut one off at each end.
const MARGIN: Duration = Duration::from_millis(2);

/// The pacer. Permissions are given in the order they were asked for; prices do not count.
#[derive(Debug)]
pub struct Burst {
    clock: SharedClock,
    window: Duration,
    places: Mutex<Places>,
    /// Held by whoever is next; tokio's mutex is fair, so the queue is its queue.
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
}

#[derive(Debug)]
struct Places {
    limit: usize,
    /// Sent and not yet answered.
    under_way: usize,
    /// When the answers of the last window came, oldest first.
    answers: VecDeque<Moment>,
    /// Nothing is sent before this.
    blocked_until: Moment,
}

impl Burst {
    /// At most `limit` requests (at least 1) per `window`.
    pub fn new(clock: SharedClock, limit: usize, window: Duration) -> Self {
        let places =
            Places { limit: limit.max(1), under_way: 0, answers: VecDeque::new(), blocked_until: Moment(i64::MIN) };
        Self {
            clock,
            window: window + MARGIN,
            places: Mutex::new(places),
            turn: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
        }
    }

    /// Changes the limit, as when the service's headers name it.
    pub fn set_limit(&self, limit: usize) {
        self.places().limit = limit.max(1);
        self.changed.notify_one();
    }

    /// The service refused although there should have been room (somebody else uses the same limit): sends nothing for
    /// one window.
    pub fn refused(&self, now: Moment) {
        self.places().blocked_until = now.after(self.window);
        self.changed.notify_one();
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place, or says when to look again; `None` where only an answer can make room.
    fn take(&self, now: Moment) -> Result<(), Option<Moment>> {
        let mut places = self.places();
        while places.answers.front().is_some_and(|answer| answer.after(self.window) <= now) {
            places.answers.pop_front();
        }
        if places.blocked_until > now {
            return Err(Some(places.blocked_until));
        }
        if places.under_way + places.answers.len() < places.limit {
            places.under_way += 1;
            return Ok(());
        }
        Err(places.answers.front().map(|answer| answer.after(self.window)))
    }

    async fn wait(&self, until: Option<Moment>) {
        match until {
            Some(until) => tokio::select! {
                () = self.clock.sleep_until(until) => {}
                () = self.changed.notified() => {}
            },
            None => self.changed.notified().await,
        }
    }

    async fn admitted(&self) {
        let _turn = self.turn.lock().await;
        while let Err(until) = self.take(self.clock.now()) {
            self.wait(until).await;
        }
    }
}

#[async_trait]
impl Pace for Burst {
    async fn admit(&self, _price: u32, cancel: &CancellationToken) -> Result<(), RetryLater> {
        // A place that was taken is told, even if cancelled in the same moment: else nobody would give it back.
        tokio::select! {
            biased;
            () = self.admitted() => Ok(()),
            () = cancel.cancelled() => Err(RetryLater { until: self.clock.now(), reason: "stopped".to_owned() }),
        }
    }

    fn answered(&self, _status: u16, _headers: &HeaderMap, now: Moment) {
        let mut places = self.places();
        places.under_way = places.under_way.saturating_sub(1);
        places.answers.push_back(now);
        drop(places);
        self.changed.notify_one();
    }
}

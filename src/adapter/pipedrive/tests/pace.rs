//! The governor against a model of the service's window, in simulated time.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use super::*;
use crate::adapter::pipedrive::governor::Governor;
use crate::clock::SimulatedClock;
use crate::http::{HeaderMap, HeaderValue, Pace};

/// The service's side: a rolling window of 2 s over arrivals.
#[derive(Default)]
struct Service {
    arrivals: VecDeque<Moment>,
    served: usize,
    refused: usize,
}

impl Service {
    fn call(&mut self, limit: usize, now: Moment) -> (u16, HeaderMap) {
        while self.arrivals.front().is_some_and(|at| now.since(*at) >= Duration::from_secs(2)) {
            self.arrivals.pop_front();
        }
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-limit", HeaderValue::from(limit));
        if self.arrivals.len() >= limit {
            self.refused += 1;
            headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
            return (429, headers);
        }
        self.arrivals.push_back(now);
        self.served += 1;
        (200, headers)
    }
}

/// Sends as much as the governor lets through for `seconds`, each answer taking up to `latency` ms.
async fn run(limit: usize, configured: Option<u32>, seconds: i64, latency: u64, seed: u64) -> (usize, usize) {
    let clock = SimulatedClock::new(Moment(0));
    let shared: SharedClock = Arc::new(clock.clone());
    let share = Share::percent(100).expect("at most 100");
    let governor = Arc::new(Governor::new(Arc::clone(&shared), configured, Some(u64::MAX / 200), share));
    let service = Arc::new(Mutex::new(Service::default()));
    let cancel = CancellationToken::new();
    for worker in 0..64 {
        let (governor, service, clock, cancel) = (governor.clone(), service.clone(), shared.clone(), cancel.clone());
        tokio::spawn(async move {
            let mut rng = fastrand::Rng::with_seed(seed + worker);
            while governor.admit(5, &cancel).await.is_ok() {
                let there = Duration::from_millis(rng.u64(0..=latency / 2));
                clock.sleep_until(clock.now().after(there)).await;
                let (status, headers) = service.lock().unwrap_or_else(PoisonError::into_inner).call(limit, clock.now());
                let back = Duration::from_millis(rng.u64(0..=latency / 2));
                clock.sleep_until(clock.now().after(back)).await;
                governor.answered(status, &headers, clock.now());
            }
        });
    }
    while clock.now().0 < seconds * 1000 {
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_millis(5));
    }
    cancel.cancel();
    let service = service.lock().unwrap_or_else(PoisonError::into_inner);
    (service.served, service.refused)
}

#[tokio::test]
async fn a_burst_limit_is_used_up_and_never_met() {
    for (limit, seed) in [(20, 1), (40, 2), (120, 3)] {
        let (served, refused) = run(limit, None, 40, 80, seed).await;
        let allowed = limit * 20;
        assert_eq!(refused, 0, "limit {limit}, seed {seed}");
        assert!(served * 100 >= allowed * 95, "limit {limit}, seed {seed}: {served} of {allowed}");
    }
}

#[tokio::test]
async fn a_smaller_configured_burst_counts() {
    let (served, refused) = run(40, Some(10), 20, 80, 4).await;
    assert_eq!(refused, 0);
    assert!(served <= 10 * 11, "{served}");
}

use super::*;
use crate::clock::{SharedClock, SimulatedClock};

const WINDOW: Duration = Duration::from_secs(2);

/// Lets every task that can go on do so.
async fn settle() {
    for _ in 0..12 {
        tokio::task::yield_now().await;
    }
}

/// Sends as fast as it may for `seconds` over a network whose ways there and back take up to `way_ms` each, and returns
/// when each request arrived at the service.
async fn arrivals(seed: u64, limit: usize, way_ms: u64, seconds: u64) -> Vec<Moment> {
    let clock = SimulatedClock::new(Moment(0));
    let shared: SharedClock = Arc::new(clock.clone());
    let burst = Arc::new(Burst::new(shared, limit, WINDOW));
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..limit as u64 + 3 {
        let (burst, clock, arrived) = (burst.clone(), clock.clone(), arrived.clone());
        let mut rng = fastrand::Rng::with_seed(seed * 1000 + worker);
        workers.spawn(async move {
            loop {
                burst.admit(1, &CancellationToken::new()).await.unwrap();
                clock.sleep_until(clock.now().after(Duration::from_millis(rng.u64(0..=way_ms)))).await;
                arrived.lock().unwrap().push(clock.now());
                clock.sleep_until(clock.now().after(Duration::from_millis(rng.u64(0..=way_ms)))).await;
                burst.answered(200, &HeaderMap::new(), clock.now());
            }
        });
    }
    for _ in 0..seconds * 200 {
        settle().await;
        clock.advance(Duration::from_millis(5));
    }
    workers.abort_all();
    let mut arrived = arrived.lock().unwrap().clone();
    arrived.sort();
    arrived
}

#[tokio::test]
async fn the_service_never_sees_one_too_many_and_gets_nearly_all_it_allows() {
    for (seed, limit) in [(1, 20), (2, 10), (3, 3)] {
        let arrived = arrivals(seed, limit, 40, 40).await;
        for pair in arrived.windows(limit + 1) {
            let apart = pair[limit].since(pair[0]);
            assert!(apart > WINDOW, "seed {seed}: {} requests within {apart:?}", limit + 1);
        }
        let allowed = limit * 20;
        assert!(arrived.len() * 100 >= allowed * 95, "seed {seed}: {} of {allowed}", arrived.len());
    }
}

#[tokio::test]
async fn a_slow_network_costs_rate_and_never_the_limit() {
    let arrived = arrivals(4, 10, 1500, 30).await;
    assert!(arrived.len() > 50, "{}", arrived.len());
    for pair in arrived.windows(11) {
        assert!(pair[10].since(pair[0]) > WINDOW);
    }
}

#[tokio::test]
async fn a_refusal_empties_the_window_and_a_new_limit_counts_at_once() {
    let clock = SimulatedClock::new(Moment(0));
    let burst = Arc::new(Burst::new(Arc::new(clock.clone()), 1, WINDOW));
    let ask = |burst: &Arc<Burst>| {
        let burst = burst.clone();
        tokio::spawn(async move { burst.admit(1, &CancellationToken::new()).await })
    };
    ask(&burst).await.unwrap().unwrap();
    let second = ask(&burst);
    settle().await;
    assert!(!second.is_finished(), "the only place is under way");
    burst.set_limit(2);
    second.await.unwrap().unwrap();

    burst.answered(429, &HeaderMap::new(), clock.now());
    burst.answered(429, &HeaderMap::new(), clock.now());
    burst.set_limit(10);
    burst.refused(clock.now());
    let third = ask(&burst);
    settle().await;
    clock.advance(WINDOW);
    settle().await;
    assert!(!third.is_finished(), "a window after the refusal is not over");
    clock.advance(Duration::from_millis(5));
    third.await.unwrap().unwrap();
}

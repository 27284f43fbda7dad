//! Prices, headers, and what happens above the limits.

use serde_json::{Value, json};

use super::World;

#[tokio::test]
async fn every_answer_tells_the_limits_and_calls_are_counted() {
    let world = World::new();
    world.person(json!({"name": "Ada"})).await;
    let got = world.get("v2/persons/1").await;
    assert_eq!(got.headers["date"], "Tue, 24 Nov 2026 12:00:00 GMT");
    for header in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-daily-requests-left"] {
        got.number(header);
    }
    assert_eq!(got.number("x-daily-ratelimit-token-limit") - got.number("x-daily-ratelimit-token-remaining"), 6);
    let calls = world.call("GET", "/_calls", Value::Null).await.body;
    assert_eq!((&calls["calls"], &calls["tokens"]), (&json!(2), &json!(6)));
    let route = &calls["routes"]["GET /pipedrive/api/v2/persons/{id}"];
    assert_eq!(*route, json!({"calls": 1, "tokens": 1, "too_many": 0, "statuses": {"200": 1}}));
    world.call("DELETE", "/_calls", Value::Null).await;
    assert_eq!(world.call("GET", "/_calls", Value::Null).await.body["calls"], 0);
}

#[tokio::test]
async fn the_burst_limit_rolls() {
    let world = World::new();
    world.set(json!({"enforce_burst": true, "plan": "lite", "block_after": 0})).await;
    for left in (0..20).rev() {
        assert_eq!(world.get("v2/persons").await.number("x-ratelimit-remaining"), left);
    }
    let refused = world.get("v2/persons").await;
    assert_eq!((refused.status, refused.number("x-ratelimit-remaining")), (429, 0));
    assert_eq!(refused.number("x-ratelimit-reset"), 2);
    world.pass(2);
    assert_eq!(world.get("v2/persons").await.status, 200);
    for _ in 0..10 {
        world.get("v2/persons/search?term=ada").await;
    }
    assert_eq!(world.get("v2/persons/search?term=ada").await.status, 429, "searches have a limit of their own");
    assert_eq!(world.get("v2/persons").await.status, 200);
}

#[tokio::test]
async fn a_spent_budget_says_so_until_the_next_day() {
    let world = World::new();
    world.set(json!({"enforce_daily": true, "daily_tokens": 25})).await;
    for _ in 0..2 {
        assert_eq!(world.get("v2/persons").await.status, 200);
    }
    let spent = world.get("v2/persons").await;
    assert_eq!((spent.status, spent.number("x-daily-ratelimit-token-remaining")), (429, 0));
    assert!(spent.number("x-ratelimit-remaining") > 0);
    world.pass(86_400);
    assert_eq!(world.get("v2/persons").await.status, 200);
}

#[tokio::test]
async fn who_goes_on_after_429_is_blocked() {
    let world = World::new();
    world.set(json!({"enforce_burst": true, "burst": 1, "block_after": 3})).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(world.get("v2/persons").await.status);
    }
    assert_eq!(statuses, [200, 429, 429, 429, 403, 403]);
    assert!(world.get("v2/persons").await.text.starts_with("<!DOCTYPE html>"));
    world.pass(60);
    assert_eq!(world.get("v2/persons").await.status, 200);
}

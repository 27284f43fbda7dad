//! Refusals: each has its kind, and words that help and give nothing away.

use super::*;
use crate::adapter::Kind;

/// A message never holds what was sent or who sent it.
fn discreet(error: &Error) {
    for secret in ["Ada", "ada.", "sandbox:", "alice"] {
        assert!(!error.message.contains(secret), "{error}");
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let world = World::new().await;
    let book = world.with_tokens("*", vec!["old", "sandbox:alice@acme.example"]);
    assert!(book.changes(None, &world.cancel).await.expect("a page").complete);
    let book = world.with_tokens("*", vec!["old", "older"]);
    let error = book.changes(None, &world.cancel).await.expect_err("neither is taken");
    assert_eq!(error.kind, Kind::Login);
    let book = world.with_tokens("*", vec!["old"]);
    let error = book.changes(None, &world.cancel).await.expect_err("nobody has another one");
    assert_eq!(error.kind, Kind::Login);
    assert!(error.message.contains("carnetd login"), "{error}");
}

#[tokio::test]
async fn each_limit_says_what_to_do() {
    let world = World::new().await;
    let id = world.put(&contact("Ada Byron"), true).await;
    world.list(None).await;
    world.set(json!({"service_disabled": true})).await;
    let error = world.read(&id).await.expect_err("switched off");
    assert_eq!(error.kind, Kind::Forbidden);
    assert!(error.message.contains("console.cloud.google.com"), "{error}");
    discreet(&error);

    world.set(json!({"service_disabled": false, "contact_cap": 1})).await;
    for many in [1, 7] {
        let changes = (0..many).map(|_| create(&world, contact("Ada Lovelace")).0).collect();
        for error in world.write_each(changes).await.into_iter().map(|written| written.expect_err("full")) {
            assert_eq!(error.kind, Kind::Forbidden);
            assert!(error.message.contains("25,000"), "{error}");
            discreet(&error);
        }
    }
    world.set(json!({"contact_cap": 25_000, "exhausted": [ALICE]})).await;
    let mut waits = Vec::new();
    for _ in 0..2 {
        let error = world.write(title(&id, None, Some("Boss"))).await.expect_err("no more writes");
        let Kind::Later { until: Some(until) } = error.kind else { panic!("{error:?}") };
        waits.push(until.since(world.clock.now()));
        discreet(&error);
        world.calls().await;
        assert!(world.write(title(&id, None, Some("Boss"))).await.is_err());
        let calls = world.calls().await;
        assert!(!calls.iter().any(|(route, _)| route.starts_with("PATCH")), "it is left alone: {calls:?}");
        assert!(world.page(None).await.is_ok(), "reads go on");
        world.advance(waits[waits.len() - 1]);
    }
    assert!(waits[0] >= Duration::from_mins(4) && waits[1] > waits[0], "{waits:?}");
}

#[tokio::test]
async fn a_limit_per_minute_is_waited_for() {
    let world = World::new().await;
    world.list(None).await;
    world.faults(json!({"too_many": 1, "only": "GET /google/v1/people", "times": 3})).await;
    let started = world.clock.now();
    assert!(world.page(None).await.is_ok());
    assert!(world.clock.now().since(started) >= Duration::from_secs(30), "5 + 10 + 20 s");
    world.faults(json!({"too_many": 1, "retry_after": 90, "only": "GET /google/v1/people", "times": 1})).await;
    let error = world.page(None).await.expect_err("too long to wait for");
    assert!(matches!(error.kind, Kind::Later { until: Some(_) }), "{error:?}");
}

#[tokio::test]
async fn silence_and_foreign_pages_are_unavailable_for_reads() {
    let world = World::new().await;
    let id = world.put(&contact("Ada Byron"), true).await;
    world.list(None).await;
    for fault in ["html", "cut", "dropped", "server_error"] {
        world.faults(json!({"html": 0, "cut": 0, "dropped": 0, "server_error": 0})).await;
        world.faults(json!({fault: 1, "only": "GET /google/v1/people"})).await;
        for error in [world.page(None).await.expect_err(fault), world.read(&id).await.expect_err(fault)] {
            assert_eq!(error.kind, Kind::Unavailable, "{fault}: {error}");
            discreet(&error);
        }
    }
}

//! Answers that no service should give: each has its kind, and words that help and give nothing away.

use super::*;
use crate::adapter::pipedrive::PersonsQuery;

async fn list(world: &World, company: &Company) -> Error {
    company.persons(&PersonsQuery::default(), &world.cancel).await.expect_err("a fault")
}

/// A message never holds what was sent or who sent it.
fn discreet(error: &Error) {
    for secret in ["Anna", "anna@", "sandbox:", ME] {
        assert!(!error.message.contains(secret), "{error}");
    }
}

#[tokio::test]
async fn each_status_has_its_kind_and_advice() {
    let world = World::new().await;
    for (status, kind, advice) in [
        (401, Kind::Login, "token_file"),
        (402, Kind::Later { until: None }, "billing"),
        (403, Kind::Forbidden, "administrator"),
        (404, Kind::NotFound, "may not see"),
        (422, Kind::Invalid, "refuses what was sent"),
        (500, Kind::Unavailable, "in trouble"),
        (503, Kind::Unavailable, "in trouble"),
    ] {
        world.faults(json!({"status": null})).await;
        let company = world.company().await;
        world.faults(json!({"status": status, "only": "GET /pipedrive/api/v2/persons"})).await;
        let error = list(&world, &company).await;
        match (error.kind, kind) {
            (Kind::Later { until: Some(_) }, Kind::Later { .. }) => {}
            (found, expected) => assert_eq!(found, expected, "{status}: {error}"),
        }
        assert!(error.message.contains(advice) && error.message.contains("GET"), "{status}: {error}");
        assert!(error.message.contains("/persons"), "{status}: {error}");
        discreet(&error);
    }
}

#[tokio::test]
async fn a_dead_login_is_told_at_once() {
    let world = World::new().await;
    let token = Credential::ApiToken("wrong".to_owned().into());
    let error = world.connect(Settings { token, ..world.settings() }).await.expect_err("no such token");
    assert_eq!(error.kind, Kind::Login);
    assert!(!error.message.contains("wrong"), "{error}");
}

#[tokio::test]
async fn pages_cut_answers_and_silence_are_unavailable_for_reads() {
    let world = World::new().await;
    let company = world.company().await;
    for fault in ["html", "cut", "dropped"] {
        world.faults(json!({"html": 0, "cut": 0, "dropped": 0, "lost": 0})).await;
        world.faults(json!({fault: 1, "only": "GET /pipedrive/api/v2/persons"})).await;
        let error = list(&world, &company).await;
        assert_eq!(error.kind, Kind::Unavailable, "{fault}: {error}");
        discreet(&error);
    }
}

#[tokio::test]
async fn a_create_without_an_answer_is_of_unknown_outcome_and_sent_once() {
    let world = World::new().await;
    let company = world.company().await;
    let book = company.book(UserId(1), 3, None);
    for (nth, fault) in ["lost", "cut", "html"].into_iter().enumerate() {
        world.faults(json!({"html": 0, "cut": 0, "dropped": 0, "lost": 0})).await;
        world.faults(json!({fault: 1, "only": "POST /pipedrive/api/v2/persons"})).await;
        let error = write(&book, create(contact("Anna", "anna@x.example"))).await.expect_err("a fault");
        assert_eq!(error.kind, Kind::UnknownOutcome, "{fault}: {error}");
        discreet(&error);
        let persons = world.colleague(Method::GET, "v2/persons", Value::Null).await;
        let count = persons.as_array().map_or(0, Vec::len);
        assert_eq!(count, (nth + 1).min(2), "{fault}: a lost or cut answer hides exactly one person");
    }
}

#[tokio::test]
async fn a_failed_change_does_not_stop_the_others() {
    let world = World::new().await;
    let company = world.company().await;
    let book = company.book(UserId(1), 3, None);
    let changes = [
        create(contact("Anna", "anna@x.example")),
        create(Contact::default()),
        create(contact("Bob", "bob@x.example")),
    ];
    let kinds: Vec<Option<Kind>> =
        book.write(&changes, &world.cancel).await.into_iter().map(|w| w.err().map(|e| e.kind)).collect();
    assert_eq!(kinds, [None, Some(Kind::Invalid), None]);
}

#[tokio::test]
async fn a_used_up_day_puts_everything_off() {
    let world = World::new().await;
    let company = world.company().await;
    world.set(json!({"enforce_daily": true, "daily_tokens": 30})).await;
    let book = company.book(UserId(1), 3, None);
    let changes: Vec<Change> = (0..40).map(|n| create(contact(&format!("P{n}"), "a@x.example"))).collect();
    let written = book.write(&changes, &world.cancel).await;
    let done = written.iter().filter(|w| w.is_ok()).count();
    let until = written.iter().filter_map(|w| w.as_ref().err()).map(|error| match error.kind {
        Kind::Later { until } => until.expect("the governor knows"),
        _ => panic!("{error}"),
    });
    assert!(until.min().expect("some were put off") > world.clock.now());
    assert!(done <= 6, "{done} of 5 tokens each");
    assert!(company.budget().exhausted_until.is_some());
}

#[tokio::test]
async fn a_cancelled_read_says_so() {
    let world = World::new().await;
    let company = world.company().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = company.persons(&PersonsQuery::default(), &cancel).await.expect_err("cancelled");
    assert_eq!(error.kind, Kind::Cancelled);
}

#[tokio::test]
async fn a_block_by_the_gateway_stops_all_calls() {
    let world = World::new().await;
    world.set(json!({"enforce_burst": true, "burst": 1, "block_after": 1})).await;
    let company = world.company().await;
    // Somebody else with the same token goes on against the limit until the gateway has enough.
    for _ in 0..4 {
        let url = world.root.join("/pipedrive/api/v2/persons/1").expect("a path");
        let token = format!("sandbox:{ME}");
        let request = Request::new("other", Method::POST, url).header("x-api-token", &token);
        world.client.send(request, &Unpaced, &world.cancel).await.ok();
        let url = world.root.join("/pipedrive/api/v2/persons").expect("a path");
        let request = Request::new("other", Method::GET, url).header("x-api-token", &token);
        world.client.send(request, &Unpaced, &world.cancel).await.ok();
    }
    let mut last = None;
    for _ in 0..4 {
        match company.persons(&PersonsQuery::default(), &world.cancel).await {
            Err(error) if matches!(error.kind, Kind::Later { .. }) => {
                last = Some(error);
                break;
            }
            _ => {}
        }
    }
    if let Some(error) = last {
        discreet(&error);
        let again = list(&world, &company).await;
        assert!(matches!(again.kind, Kind::Later { until: Some(_) }), "{again}");
    }
}

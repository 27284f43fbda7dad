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
        (404, Kind::Unavailable, "check [pipedrive] url"),
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

/// A service whose persons answer with this status and page, while its users and fields are fine.
async fn paged(status: u16, page: &'static str) -> Url {
    use axum::http::{StatusCode, header};
    use axum::response::IntoResponse;
    let answer = move |uri: axum::http::Uri| async move {
        match uri.path() {
            "/api/v1/users/me" => {
                let me = json!({"id": 1, "company_id": 2, "company_domain": "acme"});
                axum::Json(json!({"success": true, "data": me})).into_response()
            }
            "/api/v2/personFields" => axum::Json(json!({"success": true, "data": []})).into_response(),
            _ => {
                let status = StatusCode::from_u16(status).expect("a status");
                (status, [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], page).into_response()
            }
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let root = format!("http://{}", listener.local_addr().expect("bound"));
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async { axum::serve(listener, router).await });
    Url::parse(&root).expect("a URL")
}

#[tokio::test]
async fn a_block_by_the_gateway_stops_all_calls() {
    let world = World::new().await;
    let url = paged(403, "<html>Sorry, Anna, you have been blocked</html>").await;
    let company = world.connect(Settings { url, ..world.settings() }).await.expect("the login is fine");
    let error = list(&world, &company).await;
    assert!(matches!(error.kind, Kind::Later { until: Some(until) } if until > world.clock.now()), "{error}");
    assert!(error.message.contains("answered 403, a page instead of JSON"), "{error}");
    discreet(&error);
    let used = company.budget().used;
    let again = list(&world, &company).await;
    assert!(matches!(again.kind, Kind::Later { until: Some(_) }), "{again}");
    assert_eq!(company.budget().used, used, "nothing more was sent");
    assert!(matches!(company.levels(&world.cancel).await.expect_err("blocked").kind, Kind::Later { .. }));
}

#[tokio::test]
async fn a_page_with_status_200_is_no_list_and_no_write() {
    let world = World::new().await;
    let url = paged(200, "<html>Anna</html>").await;
    let company = world.connect(Settings { url, ..world.settings() }).await.expect("the login is fine");
    let error = list(&world, &company).await;
    assert_eq!(error.kind, Kind::Unavailable);
    discreet(&error);
    let book = company.book(UserId(1), 3, None);
    let error = write(&book, create(contact("Anna", "anna@x.example"))).await.expect_err("a page");
    assert_eq!(error.kind, Kind::UnknownOutcome);
}

#[tokio::test]
async fn a_404_that_is_a_page_says_nothing_of_a_person() {
    let world = World::new().await;
    let url = paged(404, "<html>nginx</html>").await;
    let company = world.connect(Settings { url, ..world.settings() }).await.expect("the login is fine");
    let error = company.person(PersonId(1), &world.cancel).await.expect_err("a page");
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    let book = company.book(UserId(1), 3, None);
    let error = write(&book, Change::Delete { id: PersonId(1).into() }).await.expect_err("a page");
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_done() {
    let world = World::new().await;
    let book = world.company().await.book(UserId(1), 3, None);
    let seen = now(write(&book, create(contact("Anna", "anna@x.example"))).await);
    world.faults(json!({"lost": 1, "times": 1, "only": "DELETE /pipedrive/api/v2/persons"})).await;
    assert_eq!(write(&book, Change::Delete { id: seen.id }).await, Ok(Written::Deleted));
}

#[tokio::test]
async fn every_call_is_paid_as_the_vendor_prices_it() {
    let world = World::new().await;
    let company = world.company().await;
    let book = company.book(company.owner(ME, &world.cancel).await.expect("a user"), 3, None);
    company.create_organization("Acme", UserId(1), 3, &world.cancel).await.expect("created");
    let seen = now(write(&book, create(contact("Anna", "anna@x.example"))).await);
    let name = FieldChange::Name { before: seen.contact.name.clone(), after: Name::display("Anna Lang") };
    now(write(&book, Change::Patch { id: seen.id.clone(), fields: vec![name] }).await);
    company.persons(&PersonsQuery::default(), &world.cancel).await.expect("a page");
    company.organizations(&PersonsQuery::default(), &world.cancel).await.expect("a page");
    let mut png = Vec::new();
    let picture = image::RgbImage::new(128, 128);
    picture.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).expect("to memory");
    company.upload_photo(PersonId(1), &png, &world.cancel).await.expect("large enough");
    write(&book, Change::Delete { id: seen.id }).await.expect("deleted");
    let calls = world.own(Method::GET, "/_calls", Value::Null).await;
    assert_eq!(calls["tokens"], company.budget().used, "{calls}");
}

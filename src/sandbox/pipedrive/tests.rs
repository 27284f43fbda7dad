//! What the stand-in promises, one rule a test.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::clock::{Moment, SimulatedClock};
use crate::sandbox::{Options, Sandbox, SandboxError};

/// A sandbox whose time stands still, called without a socket.
pub(in crate::sandbox) struct World {
    pub(in crate::sandbox) sandbox: Sandbox,
    pub(in crate::sandbox) clock: SimulatedClock,
    pub(in crate::sandbox) token: String,
}

/// One answer.
#[derive(Debug)]
pub(in crate::sandbox) struct Got {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) headers: HeaderMap,
    pub(in crate::sandbox) body: Value,
    pub(in crate::sandbox) text: String,
}

impl Got {
    pub(in crate::sandbox) fn number(&self, header: &str) -> u64 {
        self.headers[header].to_str().unwrap().parse().unwrap()
    }

    pub(in crate::sandbox) fn ids(&self) -> Vec<u64> {
        self.body["data"].as_array().unwrap().iter().map(|it| it["id"].as_u64().unwrap()).collect()
    }
}

impl World {
    pub(in crate::sandbox) fn new() -> Self {
        Self::open(None).unwrap()
    }

    pub(in crate::sandbox) fn open(state: impl Into<Option<PathBuf>>) -> Result<Self, SandboxError> {
        let state = state.into();
        let clock = SimulatedClock::new(Moment::parse("2026-11-24T12:00:00Z").unwrap());
        let sandbox = Sandbox::open(Options { state, clock: Arc::new(clock.clone()), seed: 7 })?;
        Ok(Self { sandbox, clock, token: "sandbox:alice@acme.example".to_owned() })
    }

    pub(in crate::sandbox) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&body).into_owned();
        Got { status, headers, body: serde_json::from_slice(&body).unwrap_or_default(), text }
    }

    pub(in crate::sandbox) async fn call(&self, method: &str, path: &str, body: Value) -> Got {
        let request = Request::builder().method(method).uri(path).header("x-api-token", &self.token);
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub(in crate::sandbox) async fn get(&self, path: &str) -> Got {
        self.call("GET", &format!("/pipedrive/api/{path}"), Value::Null).await
    }

    pub(in crate::sandbox) async fn person(&self, body: Value) -> Value {
        let got = self.call("POST", "/pipedrive/api/v2/persons", body).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.body["data"].clone()
    }

    pub(in crate::sandbox) async fn patch(&self, id: u64, body: Value) -> Got {
        self.call("PATCH", &format!("/pipedrive/api/v2/persons/{id}"), body).await
    }

    async fn delete(&self, id: u64) -> Got {
        self.call("DELETE", &format!("/pipedrive/api/v2/persons/{id}"), Value::Null).await
    }

    pub(in crate::sandbox) async fn set(&self, settings: Value) {
        let got = self.call("POST", "/_faults", json!({"pipedrive": settings})).await;
        assert_eq!(got.status, 200, "{}", got.text);
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn refused(got: &Got) {
    assert_eq!(got.status, 400, "{}", got.text);
    assert_eq!(got.body["success"], false);
    assert_eq!(got.body["code"], "ERR_SCHEMA_VALIDATION_FAILED");
    assert!(got.body["error"].is_string());
}

#[tokio::test]
async fn a_token_of_the_sandbox_makes_its_user() {
    let world = World::new();
    let me = world.get("v1/users/me").await;
    assert_eq!(me.body["data"]["email"], "alice@acme.example");
    assert_eq!(me.body["data"]["company_domain"], "sandbox");
    assert!(me.body["data"]["access"].as_array().unwrap().iter().all(|app| app["admin"] == true));
    let other = Request::get("/pipedrive/v1/users/me").header("authorization", "Bearer sandbox:Bob@acme.example");
    assert_eq!(world.send(other.body(Body::empty()).unwrap()).await.body["data"]["email"], "bob@acme.example");
    assert_eq!(world.get("v1/users").await.ids(), [1, 2]);
    assert_eq!(world.get("v1/users/find?term=bob@acme.example&search_by_email=1").await.ids(), [2]);
}

#[tokio::test]
async fn anybody_else_is_not_let_in() {
    let world = World::new();
    for token in ["", "sandbox:", "sandbox:alice", "0123456789"] {
        let request = Request::get("/pipedrive/api/v2/persons").header("x-api-token", token);
        let got = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(got.status, 401, "{token}");
        assert_eq!(got.body["errorCode"], 401);
    }
    assert_eq!(world.get("v1/users").await.ids(), [1], "a refused token makes no user but the caller");
}

#[tokio::test]
async fn every_state_is_a_company_of_its_own() {
    let (one, other) = (World::new(), World::new());
    let id = |got: Got| got.body["data"]["company_id"].as_u64().unwrap();
    assert_ne!(id(one.get("v1/users/me").await), id(other.get("v1/users/me").await));
}

#[tokio::test]
async fn a_new_person_has_what_was_sent_and_the_documented_rest() {
    let world = World::new();
    let person = world
        .person(json!({"name": "Ana María Pérez", "emails": [{"value": "ana@acme.example"}], "phones": [
            {"value": "1", "label": ""}, {"value": "2", "primary": true},
        ]}))
        .await;
    assert_eq!(person["first_name"], "Ana");
    assert_eq!(person["last_name"], "María Pérez");
    assert_eq!(person["emails"], json!([{"value": "ana@acme.example", "primary": true, "label": "work"}]));
    assert_eq!(person["phones"][0], json!({"value": "1", "primary": false, "label": ""}));
    assert_eq!(person["phones"][1]["primary"], true);
    assert_eq!(person["add_time"], "2026-11-24T12:00:00Z");
    assert_eq!(person["update_time"], Value::Null);
    assert_eq!(person["visible_to"], 3);
    assert_eq!(person["owner_id"], 1);
    for empty in ["org_id", "picture_id", "postal_address", "notes", "birthday", "job_title"] {
        assert_eq!(person[empty], Value::Null, "{empty}");
    }
    assert_eq!(person["im"], json!([]));
}

#[tokio::test]
async fn the_pair_of_names_makes_the_name() {
    let world = World::new();
    let person = world.person(json!({"first_name": "", "last_name": "Curie"})).await;
    assert_eq!((&person["name"], &person["first_name"]), (&json!("Curie"), &Value::Null));
    let renamed = world.patch(1, json!({"first_name": "Marie", "last_name": "Curie"})).await;
    assert_eq!(renamed.body["data"]["name"], "Marie Curie");
    refused(&world.patch(1, json!({"first_name": "", "last_name": ""})).await);
    refused(&world.patch(1, json!({"first_name": "Marie"})).await);
    refused(&world.call("POST", "/pipedrive/api/v2/persons", json!({"emails": []})).await);
}

#[tokio::test]
async fn what_does_not_fit_the_schema_is_refused_and_changes_nothing() {
    let world = World::new();
    world.person(json!({"name": "Ada"})).await;
    let before = world.get("v2/persons/1").await.body;
    for body in [
        json!({"nickname": "A"}),
        json!({"name": 1}),
        json!({"name": " "}),
        json!({"owner_id": "1"}),
        json!({"owner_id": 99}),
        json!({"org_id": 99}),
        json!({"visible_to": "3"}),
        json!({"visible_to": 7}),
        json!({"emails": ["a@b.example"]}),
        json!({"emails": [{"value": "a@b.example", "primary": 1}]}),
        json!({"emails": [{"value": "a@b.example", "type": "work"}]}),
        json!({"emails": [{"label": "work"}]}),
        json!({"emails": [{"value": "a@b.example", "primary": true}, {"value": "c@d.example", "primary": true}]}),
        json!({"emails": null}),
        json!({"postal_address": "Main St"}),
        json!({"postal_address": {"country": "FR"}}),
        json!({"postal_address": {"value": "Main St", "city": "Paris"}}),
        json!({"birthday": "31.12.2000"}),
        json!({"birthday": "2000-02-30"}),
        json!({"notes": "x".repeat(10_001)}),
        json!({"update_time": "2026-01-01T00:00:00Z"}),
        json!({"label_ids": [99]}),
        json!({"custom_fields": {"abc": 1}}),
        json!([]),
    ] {
        refused(&world.patch(1, body).await);
    }
    refused(
        &world.call("POST", "/pipedrive/api/v2/persons", json!({"name": "B", "add_time": "2026-01-01 00:00:00"})).await,
    );
    assert_eq!(world.get("v2/persons/1").await.body, before);
    assert_eq!(world.get("v2/persons").await.ids(), [1]);
}

#[tokio::test]
async fn an_address_part_left_out_is_null_and_a_list_is_replaced_whole() {
    let world = World::new();
    world
        .person(json!({
            "name": "Ada", "postal_address": {"value": "1 Main St, Paris", "locality": "Paris", "country": "FR"},
            "emails": [{"value": "a@acme.example"}, {"value": "b@acme.example"}],
        }))
        .await;
    world.pass(5);
    let got = world
        .patch(
            1,
            json!({"postal_address": {"value": "2 Main St", "country": "FR"}, "emails": [{"value": "c@acme.example"}]}),
        )
        .await;
    let person = &got.body["data"];
    assert_eq!(person["postal_address"]["locality"], Value::Null);
    assert_eq!(person["postal_address"].as_object().unwrap().len(), 10);
    assert_eq!(person["emails"].as_array().unwrap().len(), 1);
    assert_eq!(person["name"], "Ada");
    assert_eq!(person["update_time"], "2026-11-24T12:00:05Z");
}

#[tokio::test]
async fn a_deleted_person_is_in_the_trash_for_thirty_days() {
    let world = World::new();
    world.person(json!({"name": "Ada"})).await;
    assert_eq!(world.delete(1).await.body, json!({"success": true, "data": {"id": 1}}));
    assert_eq!(world.get("v2/persons").await.body["data"], json!([]));
    assert_eq!(world.get("v2/persons?ids=1").await.body["data"], json!([]));
    assert_eq!(world.get("v2/persons/1").await.body["data"]["is_deleted"], true);
    assert_eq!(world.patch(1, json!({"name": "Ada L"})).await.status, 404);
    assert_eq!(world.delete(1).await.status, 404);
    let moved = world.call("POST", "/_clock", json!({"advance_seconds": 30 * 86_400})).await;
    assert_eq!(moved.body["now"], "2026-12-24T12:00:00Z");
    assert_eq!(world.get("v2/persons/1").await.body["error"], "Entity was not found");
    assert_eq!(world.person(json!({"name": "Eve"})).await["id"], 2, "an id is never used again");
}

#[tokio::test]
async fn a_walk_by_cursor_sees_every_person_once() {
    let world = World::new();
    for number in 0..7 {
        world.person(json!({"name": format!("P{number}")})).await;
    }
    for query in ["limit=3", "limit=3&sort_by=add_time", "limit=3&sort_direction=desc", "limit=2&sort_by=update_time"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let got = world.get(&format!("v2/persons?{query}{cursor}")).await;
            seen.extend(got.ids());
            match got.body["additional_data"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if query.ends_with("desc") {
            seen.reverse();
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7], "{query}");
    }
}

#[tokio::test]
async fn a_list_refuses_what_it_does_not_know() {
    let world = World::new();
    for query in [
        "status=all",
        "limit=501",
        "limit=0",
        "limit=ten",
        "cursor=x",
        "sort_by=name",
        "updated_since=2026-11-24T12:00:00.5Z",
        "updated_since=2026-11-24%2012:00:00",
        "updated_since=2026-11-24T12:00:00%2B00:00",
        "include_fields=status",
        "include_labels=1",
        "ids=a",
    ] {
        refused(&world.get(&format!("v2/persons?{query}")).await);
    }
    let many = (1..=101).map(|id: u32| id.to_string()).collect::<Vec<_>>().join(",");
    refused(&world.get(&format!("v2/persons?ids={many}")).await);
}

#[tokio::test]
async fn updated_since_is_inclusive_and_blind_to_what_was_never_edited() {
    let world = World::new();
    world.person(json!({"name": "Edited"})).await;
    world.person(json!({"name": "New"})).await;
    world.pass(10);
    world.patch(1, json!({"job_title": "Chief"})).await;
    assert_eq!(world.get("v2/persons?updated_since=2026-11-24T12:00:10Z").await.ids(), [1]);
    assert_eq!(world.get("v2/persons?updated_since=2026-11-24T12:00:00Z").await.ids(), [1]);
    assert_eq!(world.get("v2/persons?updated_since=2026-11-24T12:00:11Z").await.ids(), [0; 0]);
    assert_eq!(world.get("v2/persons?updated_until=2026-11-24T12:00:10Z").await.ids(), [0; 0]);
}

#[tokio::test]
async fn hidden_persons_are_not_there_for_that_user() {
    let mut world = World::new();
    world.person(json!({"name": "Ada"})).await;
    world.person(json!({"name": "Own", "visible_to": 1})).await;
    world.set(json!({"hidden": {"bob@acme.example": [1]}})).await;
    world.token = "sandbox:bob@acme.example".to_owned();
    assert_eq!(world.get("v2/persons").await.ids(), [2]);
    assert_eq!(world.get("v2/persons/1").await.status, 404);
    assert_eq!(world.patch(1, json!({"name": "Eve"})).await.status, 404);
    world.set(json!({"regular": ["bob@acme.example"]})).await;
    assert_eq!(world.get("v2/persons").await.ids(), [0; 0], "nor is the owner's alone for who is no administrator");
}

#[tokio::test]
async fn contact_sync_fields_can_be_absent() {
    let world = World::new();
    world.set(json!({"contact_sync": false})).await;
    let person = world.person(json!({"name": "Ada"})).await;
    for key in ["im", "postal_address", "notes", "birthday", "job_title"] {
        assert!(person.get(key).is_none(), "{key}");
    }
    assert_eq!(world.patch(1, json!({"job_title": "Chief"})).await.status, 403);
    let codes = |got: Got| -> Vec<String> {
        got.body["data"].as_array().unwrap().iter().map(|it| it["field_code"].as_str().unwrap().to_owned()).collect()
    };
    assert!(!codes(world.get("v2/personFields?limit=500").await).contains(&"job_title".to_owned()));
    world.set(json!({"contact_sync": true})).await;
    assert!(codes(world.get("v2/personFields?limit=500").await).contains(&"job_title".to_owned()));
    assert_eq!(world.patch(1, json!({"job_title": "Chief"})).await.body["data"]["job_title"], "Chief");
}

#[tokio::test]
async fn four_levels_of_visibility_are_a_setting() {
    let world = World::new();
    world.set(json!({"visibility_levels": 4})).await;
    assert_eq!(world.person(json!({"name": "Ada", "visible_to": 5})).await["visible_to"], 5);
    assert_eq!(world.person(json!({"name": "Eve"})).await["visible_to"], 7);
    assert_eq!(world.get("v1/users/1/roleSettings").await.body["data"]["person_default_visibility"], 7);
    assert_eq!(world.get("v1/roles").await.ids(), [1, 2]);
}

#[tokio::test]
async fn organizations_are_made_found_and_linked() {
    let world = World::new();
    let path = "/pipedrive/api/v2/organizations";
    let made = world.call("POST", path, json!({"name": "Acme", "visible_to": 1})).await;
    assert_eq!(made.body["data"]["id"], 1);
    refused(&world.call("POST", path, json!({})).await);
    refused(&world.call("POST", path, json!({"name": "Acme", "org_id": 1})).await);
    world.person(json!({"name": "Ada", "org_id": 1})).await;
    assert_eq!(world.get("v2/persons?org_id=1").await.ids(), [1]);
    assert_eq!(world.get("v2/persons?org_id=2").await.ids(), [0; 0]);
    let found = world.get("v2/organizations/search?term=acme&fields=name&exact_match=true").await;
    assert_eq!(found.body["data"]["items"][0]["item"]["id"], 1);
    let none = world.get("v2/organizations/search?term=acm&fields=name&exact_match=true").await;
    assert_eq!(none.body["data"]["items"], json!([]));
    let person = world.get("v2/persons/search?term=ada").await;
    assert_eq!(person.body["data"]["items"][0]["item"]["organization"]["name"], "Acme");
}

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

#[tokio::test]
async fn a_merge_unites_and_leaves_one() {
    let world = World::new();
    world.person(json!({"name": "Ada", "emails": [{"value": "a@acme.example"}], "job_title": "Chief"})).await;
    world.person(json!({"name": "Ada L", "emails": [{"value": "b@acme.example"}]})).await;
    let merged = world.call("PUT", "/pipedrive/api/v1/persons/1/merge", json!({"merge_with_id": 2})).await;
    assert_eq!(merged.body["data"]["merge_what_id"], 1);
    let kept = world.get("v2/persons/2").await.body;
    assert_eq!(kept["data"]["name"], "Ada L");
    assert_eq!(kept["data"]["job_title"], "Chief");
    assert_eq!(kept["data"]["emails"].as_array().unwrap().len(), 2);
    assert_eq!(world.get("v2/persons").await.ids(), [2]);
}

#[tokio::test]
async fn custom_fields_are_made_and_always_present() {
    let world = World::new();
    let path = "/pipedrive/api/v2/personFields";
    let made = world.call("POST", path, json!({"field_name": "Born", "field_type": "date"})).await;
    let code = made.body["data"]["field_code"].as_str().unwrap().to_owned();
    assert_eq!(code.len(), 40);
    assert_eq!(world.person(json!({"name": "Ada"})).await["custom_fields"][&code], Value::Null);
    refused(&world.patch(1, json!({"custom_fields": {&code: "soon"}})).await);
    let got = world.patch(1, json!({"custom_fields": {&code: "2000-12-31"}})).await;
    assert_eq!(got.body["data"]["custom_fields"][&code], "2000-12-31");
}

fn form(image: &[u8]) -> Body {
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n".to_vec();
    body.extend_from_slice(image);
    body.extend_from_slice(b"\r\n--b--\r\n");
    Body::from(body)
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(width, height).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn upload(world: &World, image: &[u8]) -> Got {
    let request = Request::post("/pipedrive/api/v1/persons/1/picture")
        .header("x-api-token", &world.token)
        .header("host", "box.example")
        .header("content-type", "multipart/form-data; boundary=b");
    world.send(request.body(form(image)).unwrap()).await
}

#[tokio::test]
async fn a_square_picture_is_stored_replaced_and_removed() {
    let world = World::new();
    world.person(json!({"name": "Ada"})).await;
    for bad in [png(128, 129), png(127, 127), b"GIF89a".to_vec()] {
        assert_eq!(upload(&world, &bad).await.status, 400);
    }
    let got = upload(&world, &png(200, 200)).await;
    assert_eq!(got.body["data"]["pictures"]["128"], "http://box.example/pipedrive/pictures/1/128.jpg");
    assert_eq!(upload(&world, &png(128, 128)).await.body["data"]["id"], 2);
    assert_eq!(world.get("v2/persons/1").await.body["data"]["picture_id"], 2);
    let read = world.get("v2/persons/1/picture").await;
    assert_eq!(read.body["data"]["item_id"], 1);
    assert_eq!(world.call("GET", "/pipedrive/pictures/1/128.jpg", Value::Null).await.status, 404);
    let image = world.call("GET", "/pipedrive/pictures/2/128.jpg", Value::Null).await;
    assert_eq!(image.headers["content-type"], "image/jpeg");
    world.call("DELETE", "/pipedrive/api/v1/persons/1/picture", Value::Null).await;
    assert_eq!(world.get("v2/persons/1/picture").await.status, 404);
    assert_eq!(world.get("v2/persons/1").await.body["data"]["picture_id"], Value::Null);
}

async fn token(world: &World, form: &str) -> Got {
    let request = Request::post("/pipedrive/oauth/token/")
        .header("host", "box.example")
        .header("authorization", "Basic YXBwOnNlY3JldA==")
        .header("content-type", "application/x-www-form-urlencoded");
    world.send(request.body(Body::from(form.to_owned())).unwrap()).await
}

async fn as_bearer(world: &World, token: &str) -> u16 {
    let request = Request::get("/pipedrive/api/v1/users/me").header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::empty()).unwrap()).await.status
}

#[tokio::test]
async fn a_user_lets_an_app_in_and_out_again() {
    let world = World::new();
    let authorize = "/pipedrive/oauth/authorize?client_id=app&redirect_uri=http://localhost:1/cb&state=s";
    assert!(world.call("GET", authorize, Value::Null).await.text.contains("<form"));
    let back = world.call("GET", &format!("{authorize}&user=alice@acme.example"), Value::Null).await;
    let location = back.headers["location"].to_str().unwrap().to_owned();
    let code = location.strip_prefix("http://localhost:1/cb?state=s&code=").unwrap();
    let exchange = format!("grant_type=authorization_code&code={code}&redirect_uri=http://localhost:1/cb");
    let got = token(&world, &exchange).await;
    assert_eq!(got.body["api_domain"], "http://box.example/pipedrive");
    assert_eq!(token(&world, &exchange).await.status, 400, "a code is good once");
    let access = got.body["access_token"].as_str().unwrap();
    assert_eq!(as_bearer(&world, access).await, 200);
    world.pass(3599);
    assert_eq!(as_bearer(&world, access).await, 401);
    let refresh = got.body["refresh_token"].as_str().unwrap();
    let again = token(&world, &format!("grant_type=refresh_token&refresh_token={refresh}")).await;
    assert_eq!(again.body["refresh_token"], refresh, "the same refresh token comes back");
    let access = again.body["access_token"].as_str().unwrap();
    assert_eq!(as_bearer(&world, access).await, 200);
    let revoke = Request::post("/pipedrive/oauth/revoke").header("authorization", "Basic YXBwOnNlY3JldA==");
    let got = world.send(revoke.body(Body::from(format!("token={refresh}"))).unwrap()).await;
    assert_eq!(got.status, 200);
    assert_eq!(as_bearer(&world, access).await, 401);
    assert_eq!(token(&world, &format!("grant_type=refresh_token&refresh_token={refresh}")).await.status, 400);
}

#[tokio::test]
async fn the_page_shows_who_is_there() {
    let world = World::new();
    world.person(json!({"name": "Zoë <b>", "emails": [{"value": "zoe@acme.example"}]})).await;
    let page = world.call("GET", "/pipedrive/", Value::Null).await.text;
    assert!(
        page.contains("Zoë &lt;b&gt;") && page.contains("zoe@acme.example") && page.contains("http-equiv=\"refresh\"")
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_in_shape() {
    let world = World::new();
    assert_eq!(world.get("v2/people").await.status, StatusCode::NOT_FOUND.as_u16());
    let got = world.call("PUT", "/pipedrive/api/v2/persons/1", json!({})).await;
    assert_eq!((got.status, &got.body["success"]), (405, &json!(false)));
    let broken = Request::post("/pipedrive/api/v2/persons").header("x-api-token", &world.token);
    refused(&world.send(broken.body(Body::from(Bytes::from_static(b"{\"name\":"))).unwrap()).await);
}

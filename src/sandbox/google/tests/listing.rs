//! The list of connections: pages, sync tokens, tombstones, lag and churn.

use serde_json::{Value, json};

use super::{World, given_names, name, refused, source, sync_token};
use crate::sandbox::pipedrive::tests::World as Shared;
use crate::sandbox::tests::state;

#[tokio::test]
async fn pages_follow_each_other_and_only_the_last_has_a_sync_token() {
    let world = World::new().await;
    assert!(world.list("").await.body.get("connections").is_none(), "an empty list is left out");
    for name in ["A", "B", "C"] {
        world.named(name).await;
    }
    let first = world.list("&pageSize=2").await;
    assert_eq!((given_names(&first), &first.body["totalItems"]), (vec!["A".to_owned(), "B".to_owned()], &json!(3)));
    assert!(first.body.get("nextSyncToken").is_none());
    let page = first.body["nextPageToken"].as_str().unwrap();
    let last = world.list(&format!("&pageSize=2&pageToken={page}")).await;
    assert_eq!(given_names(&last), ["C"]);
    assert!(last.body.get("nextPageToken").is_none());
    sync_token(&last);
    let other = world.list(&format!("&pageSize=1&pageToken={page}")).await;
    refused(&other, 400, "INVALID_ARGUMENT", "Request contains an invalid argument.");
    refused(&world.list("&pageToken=nonsense").await, 400, "INVALID_ARGUMENT", "");
    world.set(json!({"page_limit": 1})).await;
    assert_eq!(given_names(&world.list("").await), ["A"]);
}

#[tokio::test]
async fn a_delta_holds_what_changed_and_what_went() {
    let world = World::new().await;
    let (ada, eve) = (world.named("Ada").await, world.named("Eve").await);
    world.named("Same").await;
    let token = world.token().await;
    assert_eq!(given_names(&world.since(&token).await), [""; 0]);
    world.rename(&ada, "Ida").await;
    world.delete(&eve).await;
    world.named("New").await;
    let got = world.since(&token).await;
    assert_eq!(given_names(&got), ["Ida", "-", "New"]);
    let stone = &got.body["connections"][1];
    assert_eq!(stone["resourceName"], eve["resourceName"]);
    assert_eq!(stone["metadata"]["deleted"], true);
    assert_eq!(stone["metadata"]["sources"], json!([{"type": "CONTACT", "id": source(&eve)["id"]}]));
    assert!(stone.get("names").is_none());
    assert_eq!(given_names(&world.since(&sync_token(&got)).await), [""; 0]);
    assert_eq!(given_names(&world.since(&token).await).len(), 3, "a token can be used again");
    assert_eq!(given_names(&world.list("").await), ["Same", "Ida", "New"], "a full list has no tombstones");
}

#[tokio::test]
async fn what_changes_during_a_walk_is_not_missed() {
    let world = World::new().await;
    let ada = world.named("A").await;
    for name in ["B", "C"] {
        world.named(name).await;
    }
    let first = world.list("&pageSize=2").await;
    world.rename(&ada, "A2").await;
    let page = first.body["nextPageToken"].as_str().unwrap();
    let last = world.list(&format!("&pageSize=2&pageToken={page}")).await;
    assert_eq!(given_names(&last), ["C", "A2"], "it may come twice");
    let token = sync_token(&last);
    assert_eq!(given_names(&world.list(&format!("&pageSize=2&syncToken={token}")).await), ["A2"]);
}

#[tokio::test]
async fn a_sync_token_belongs_to_its_parameters_and_its_user() {
    let mut world = World::new().await;
    let token = world.token().await;
    let list = "/v1/people/me/connections?requestSyncToken=true&personFields";
    let got = world.get(&format!("{list}=names&syncToken={token}")).await;
    refused(&got, 400, "INVALID_ARGUMENT", "Request contains an invalid argument.");
    let got = world.get(&format!("{list}=memberships,metadata,names&syncToken={token}")).await;
    assert_eq!(got.status, 200, "the order of a mask says nothing: {}", got.text);
    let got = world.list(&format!("&sources=READ_SOURCE_TYPE_CONTACT&syncToken={token}")).await;
    refused(&got, 400, "INVALID_ARGUMENT", "");
    world.token = "sandbox:bob@acme.example".to_owned();
    refused(&world.since(&token).await, 400, "INVALID_ARGUMENT", "");
}

fn expired(got: &super::Got, code: u16, status: &str) {
    refused(got, code, status, "Sync token is expired. Clear local cache and retry call without the sync token.");
    let detail = &got.body["error"]["details"][0];
    assert_eq!(detail["reason"], "EXPIRED_SYNC_TOKEN");
    assert_eq!(detail["domain"], "people.googleapis.com");
}

#[tokio::test]
async fn a_sync_token_dies_seven_days_after_the_full_listing() {
    let world = World::new().await;
    let first = world.token().await;
    world.pass(6 * 86_400);
    let second = sync_token(&world.since(&first).await);
    world.pass(86_400);
    expired(&world.since(&first).await, 400, "INVALID_ARGUMENT");
    expired(&world.since(&second).await, 400, "INVALID_ARGUMENT");
    world.set(json!({"sync_token_error": "failed_precondition"})).await;
    expired(&world.since(&second).await, 400, "FAILED_PRECONDITION");
    world.set(json!({"sync_token_error": "gone"})).await;
    expired(&world.since(&second).await, 410, "FAILED_PRECONDITION");
    world.since(&world.token().await).await;
}

#[tokio::test]
async fn sync_tokens_can_be_made_to_expire() {
    let world = World::new().await;
    let token = world.token().await;
    world.set(json!({"expire_sync_tokens": true})).await;
    expired(&world.since(&token).await, 400, "INVALID_ARGUMENT");
    let token = world.token().await;
    assert_eq!(world.since(&token).await.status, 200, "only those made before");
    world.shared.call("POST", "/_faults", json!({"expired_cursors": 1})).await;
    expired(&world.since(&token).await, 400, "INVALID_ARGUMENT");
    let settings = world.shared.call("GET", "/_faults", Value::Null).await.body;
    assert!(settings["google"].get("expire_sync_tokens").is_none(), "an event is no setting");
}

#[tokio::test]
async fn a_token_of_another_life_has_expired() {
    let token = World::new().await.token().await;
    expired(&World::new().await.since(&token).await, 400, "INVALID_ARGUMENT");
}

#[tokio::test]
async fn a_lagging_write_shows_later_and_is_never_lost() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    let token = world.token().await;
    world.set(json!({"lag_seconds": 120})).await;
    let changed = world.rename(&ada, "Ida").await;
    let eve = world.named("Eve").await;
    assert_eq!(changed["names"][0]["givenName"], "Ida", "the answer of a write knows better");
    assert_eq!(world.read(&ada).await.body["names"][0]["givenName"], "Ada");
    assert_eq!(world.read(&eve).await.status, 404);
    let got = world.since(&token).await;
    assert_eq!(given_names(&got), [""; 0]);
    let stale = world.read(&ada).await.body;
    assert_eq!(world.update(&stale, "names", json!({})).await.status, 400, "the etag of a stale read is stale");
    world.rename(&changed, "Oda").await;
    world.pass(120);
    assert_eq!(given_names(&world.since(&sync_token(&got)).await), ["Eve", "Oda"]);
    assert_eq!(given_names(&world.since(&token).await), ["Eve", "Oda"]);
    assert_eq!(world.read(&ada).await.body["names"][0]["givenName"], "Oda");
}

#[tokio::test]
async fn churn_moves_etags_and_nothing_else() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    let token = world.token().await;
    world.set(json!({"churn": 1})).await;
    world.pass(60);
    let got = world.since(&token).await;
    assert_eq!(given_names(&got), ["Ada"]);
    let churned = &got.body["connections"][0];
    assert_ne!(source(churned)["etag"], source(&ada)["etag"]);
    assert_eq!(source(churned)["updateTime"], "2026-11-24T12:01:00.000000Z");
    assert_eq!(churned["names"], ada["names"]);
    assert_eq!(given_names(&world.since(&sync_token(&got)).await), ["Ada"], "again and again");
}

#[tokio::test]
async fn shuffled_lists_hold_the_same() {
    let world = World::new().await;
    for number in 0..20 {
        world
            .create(json!({"names": [{"givenName": number.to_string()}], "urls": [{"value": "a"}, {"value": "b"}]}))
            .await;
    }
    world.set(json!({"shuffle": true})).await;
    let fields = "/v1/people/me/connections?personFields=names,urls";
    let (one, other) = (world.get(fields).await, world.get(fields).await);
    assert_ne!(given_names(&one), given_names(&other));
    let mut sorted = [given_names(&one), given_names(&other)];
    for names in &mut sorted {
        names.sort();
    }
    assert_eq!(sorted[0], sorted[1]);
    let primaries = |person: &Value| {
        let urls = person["urls"].as_array().unwrap();
        urls.iter().filter(|url| url["metadata"]["primary"] == true).map(|url| url["value"].clone()).collect::<Vec<_>>()
    };
    for person in one.body["connections"].as_array().unwrap() {
        assert_eq!(primaries(person), ["a"], "the primary one is marked wherever it stands");
    }
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (before, token, ada);
    {
        let world = World::over(Shared::open(state(folder.path())).unwrap());
        world.set(json!({"shuffle": false, "lag_seconds": 5})).await;
        world.post("/v1/contactGroups", json!({"contactGroup": {"name": "Clients"}})).await;
        ada = world.named("Ada").await;
        world.pass(5);
        token = world.token().await;
        world.rename(&ada, "Ida").await;
        world.delete(&world.named("Eve").await).await;
        world.set(json!({"churn": 1})).await;
        world.list("").await;
        world.set(json!({"churn": 0})).await;
        before = world.get("/v1/contactGroups").await.body;
    }
    let world = World::over(Shared::open(state(folder.path())).unwrap());
    world.pass(60);
    let again = (world.since(&token).await.body, world.get("/v1/contactGroups").await.body);
    assert_eq!(again.0["connections"][0]["names"][0]["givenName"], "Ida", "what was lagging has come");
    assert_eq!(again.0["connections"][0]["resourceName"], name(&ada));
    assert_eq!(again.1["contactGroups"], before["contactGroups"]);
    assert_ne!(name(&world.named("Next").await), name(&ada), "an id is never used again");
}

//! Quotas: what each call takes, the words of the refusal, and when the buckets are full again.

use serde_json::{Value, json};

use super::{World, refused};

#[tokio::test]
async fn nothing_is_enforced_until_it_is_asked_for() {
    let world = World::new().await;
    for _ in 0..100 {
        assert_eq!(world.list("").await.status, 200);
    }
}

#[tokio::test]
async fn a_minute_holds_so_much_for_each_user() {
    let mut world = World::new().await;
    world.set(json!({"quotas": {"critical_reads": 2, "critical_writes": 1}})).await;
    world.named("Ada").await;
    let got = world.post("/v1/people:createContact", json!({})).await;
    let words = "Quota exceeded for quota metric 'Critical write requests' and limit 'Critical write requests per minute \
                 per user' of service 'people.googleapis.com' for consumer 'project_number:";
    refused(&got, 429, "RESOURCE_EXHAUSTED", words);
    let info = &got.body["error"]["details"][0];
    assert_eq!((&info["reason"], &info["domain"]), (&json!("RATE_LIMIT_EXCEEDED"), &json!("googleapis.com")));
    assert_eq!(info["metadata"]["quota_metric"], "people.googleapis.com/critical_write_requests");
    assert_eq!(info["metadata"]["quota_limit"], "CriticalWritesPerMinutePerProjectPerUser");
    assert!(got.headers.get("retry-after").is_none());
    let get = "/v1/people/c1?personFields=names";
    assert_eq!(world.get(get).await.status, 404, "one read is left");
    assert_eq!(
        world.get(get).await.body["error"]["details"][0]["metadata"]["quota_limit"],
        "CriticalReadsPerMinutePerProjectPerUser"
    );
    world.token = "sandbox:bob@acme.example".to_owned();
    assert_eq!(world.get(get).await.status, 404);
    world.token = format!("sandbox:{}", super::ALICE);
    world.pass(60);
    assert_eq!(world.post("/v1/people:createContact", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_batch_takes_six_of_each_and_the_day_two_hundred() {
    let world = World::new().await;
    world.set(json!({"quotas": {"critical_reads": 20, "critical_writes": 12, "daily_contact_writes": 500}})).await;
    let body = json!({"contacts": [{"contactPerson": {}}], "readMask": "metadata"});
    let create = || world.post("/v1/people:batchCreateContacts", body.clone());
    assert_eq!((create().await.status, create().await.status, create().await.status), (200, 200, 429));
    world.pass(60);
    let got = create().await;
    assert_eq!(got.body["error"]["details"][0]["metadata"]["quota_limit"], "DailyContactWritesPerProject");
    world.pass(86_400);
    assert_eq!(create().await.status, 200);
    let calls = world.shared.call("GET", "/_calls", Value::Null).await.body;
    assert_eq!(calls["routes"]["POST /google/v1/people:batchCreateContacts"]["tokens"], 36);
    assert_eq!(calls["routes"]["POST /google/v1/people:batchCreateContacts"]["too_many"], 2);
}

#[tokio::test]
async fn full_listings_have_a_quota_of_their_own() {
    let world = World::new().await;
    world.set(json!({"quotas": {"full_syncs": 1}})).await;
    let token = world.token().await;
    refused(&world.list("").await, 429, "RESOURCE_EXHAUSTED", "Quota exceeded");
    assert_eq!(world.since(&token).await.status, 200);
}

#[tokio::test]
async fn an_account_can_be_exhausted_for_writes_alone() {
    let world = World::new().await;
    world.set(json!({"exhausted": [super::ALICE]})).await;
    let got = world.post("/v1/people:createContact", json!({})).await;
    refused(&got, 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).");
    assert_eq!(got.body["error"]["details"][0]["violations"][0]["description"], "FBS quota limit exceeded");
    assert_eq!(world.list("").await.status, 200);
}

#[tokio::test]
async fn the_api_can_be_off() {
    let world = World::new().await;
    world.set(json!({"service_disabled": true})).await;
    let got = world.list("").await;
    refused(&got, 403, "PERMISSION_DENIED", "has not been used in project");
    assert_eq!(got.body["error"]["details"][0]["reason"], "SERVICE_DISABLED");
}

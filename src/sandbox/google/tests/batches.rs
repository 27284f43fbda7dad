//! Batches: limits, order, and that they are done whole or not at all.

use serde_json::{Map, Value, json};

use super::{World, given_names, name, refused, source};

fn to_create(names: &[&str]) -> Value {
    let contacts: Vec<Value> =
        names.iter().map(|name| json!({"contactPerson": {"names": [{"givenName": name}]}})).collect();
    json!({"contacts": contacts, "readMask": "names,metadata"})
}

#[tokio::test]
async fn many_are_created_in_order() {
    let world = World::new().await;
    let got = world.post("/v1/people:batchCreateContacts", to_create(&["A", "B"])).await;
    let created = got.body["createdPeople"].as_array().unwrap();
    assert_eq!(created[1]["person"]["names"][0]["givenName"], "B");
    assert_eq!((&created[1]["httpStatusCode"], &created[1]["status"]), (&json!(200), &json!({})));
    source(&created[0]["person"]);
    let mut silent = to_create(&["C"]);
    silent["readMask"] = json!("");
    assert_eq!(world.post("/v1/people:batchCreateContacts", silent).await.body, json!({}));
    assert_eq!(given_names(&world.list("").await), ["A", "B", "C"]);
    let got = world.post("/v1/people:batchCreateContacts", to_create(&["X"; 201])).await;
    refused(&got, 400, "INVALID_ARGUMENT", "");
    assert_eq!(world.post("/v1/people:batchCreateContacts", to_create(&["X"; 200])).await.status, 200);
}

#[tokio::test]
async fn one_wrong_contact_refuses_the_batch_and_is_named() {
    let world = World::new().await;
    let mut contacts = to_create(&["A", "B", "C"]);
    contacts["contacts"][1]["contactPerson"]["names"] = json!([{"givenName": "B"}, {"givenName": "B"}]);
    let got = world.post("/v1/people:batchCreateContacts", contacts).await;
    refused(&got, 400, "INVALID_ARGUMENT", "more than one person.names");
    let detail = &got.body["error"]["details"][0];
    assert_eq!(detail["@type"], "type.googleapis.com/google.people.v1.BatchCreateContactsErrorDetails");
    assert_eq!(detail["contactErrors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1"]);
    assert_eq!(detail["contactErrors"]["1"]["code"], 3);
    assert_eq!(given_names(&world.list("").await), [""; 0]);
}

#[tokio::test]
async fn many_are_updated_under_one_mask() {
    let world = World::new().await;
    let (ada, eve) = (world.named("Ada").await, world.named("Eve").await);
    let renamed =
        |person: &Value, to: &str| json!({"metadata": {"sources": [source(person)]}, "names": [{"givenName": to}]});
    let mut contacts = Map::new();
    contacts.insert(name(&ada).to_owned(), renamed(&ada, "Ida"));
    contacts.insert(name(&eve).to_owned(), renamed(&eve, "Zoe"));
    let body = json!({"contacts": contacts, "updateMask": "names", "readMask": "names,metadata"});
    let got = world.post("/v1/people:batchUpdateContacts", body.clone()).await;
    let result = &got.body["updateResult"][name(&eve)];
    assert_eq!(
        (&result["requestedResourceName"], &result["person"]["names"][0]["givenName"]),
        (&eve["resourceName"], &json!("Zoe"))
    );

    contacts.insert(name(&eve).to_owned(), renamed(&result["person"], "Lea"));
    let got = world.post("/v1/people:batchUpdateContacts", json!({"contacts": contacts, "updateMask": "names"})).await;
    refused(&got, 400, "FAILED_PRECONDITION", "etag is different");
    let errors = got.body["error"]["details"][0]["contactErrors"].as_object().unwrap().clone();
    assert_eq!(errors.keys().collect::<Vec<_>>(), [name(&ada)]);
    assert_eq!(errors[name(&ada)]["code"], 9);
    assert_eq!(given_names(&world.list("").await).iter().filter(|name| *name == "Lea").count(), 0, "nothing was done");
    let got = world.post("/v1/people:batchUpdateContacts", json!({"contacts": contacts, "updateMask": ""})).await;
    refused(&got, 400, "INVALID_ARGUMENT", "updateMask mask is required");
}

#[tokio::test]
async fn many_are_deleted_or_none() {
    let world = World::new().await;
    let (ada, eve) = (world.named("Ada").await, world.named("Eve").await);
    let path = "/v1/people:batchDeleteContacts";
    let got = world.post(path, json!({"resourceNames": [name(&ada), "people/c1"]})).await;
    refused(&got, 404, "NOT_FOUND", "");
    assert_eq!(given_names(&world.list("").await).len(), 2);
    let got = world.post(path, json!({"resourceNames": [name(&ada), name(&eve)]})).await;
    assert_eq!(got.body, json!({}));
    assert_eq!(given_names(&world.list("").await), [""; 0]);
    refused(&world.post(path, json!({"resourceNames": vec!["people/c1"; 501]})).await, 400, "INVALID_ARGUMENT", "");
}

#[tokio::test]
async fn a_lost_create_was_done_and_a_dropped_one_was_not() {
    let world = World::new().await;
    let create = || world.post("/v1/people:batchCreateContacts", to_create(&["A"]));
    world.shared.call("POST", "/_faults", json!({"lost": 1, "times": 1})).await;
    create().await;
    assert_eq!(given_names(&world.list("").await), ["A"]);
    world.shared.call("POST", "/_faults", json!({"lost": 0, "dropped": 1, "times": 1})).await;
    create().await;
    assert_eq!(given_names(&world.list("").await), ["A"]);
    world.shared.call("POST", "/_faults", json!({"dropped": 0, "status": 503, "times": 1, "retry_after": 3})).await;
    let got = create().await;
    refused(&got, 503, "UNAVAILABLE", "The service is currently unavailable.");
    assert_eq!(got.number("retry-after"), 3);
}

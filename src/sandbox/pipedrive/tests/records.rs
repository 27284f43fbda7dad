//! What persons and organizations hold, and what is refused.

use serde_json::{Value, json};

use super::{Got, World, refused};

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

#[tokio::test]
async fn what_sources_leave_open_is_a_setting() {
    let world = World::new();
    world.set(json!({"null_update_time": false, "deleted_readable": false, "open_deals": {"1": 2}})).await;
    assert_eq!(world.person(json!({"name": "Ada"})).await["update_time"], "2026-11-24T12:00:00Z");
    assert_eq!(world.get("v2/persons?updated_since=2026-11-24T12:00:00Z").await.ids(), [1]);
    let deals = world.get("v2/persons/1?include_fields=open_deals_count,notes_count").await;
    assert_eq!(deals.body["data"]["open_deals_count"], 2);
    assert_eq!(deals.body["data"]["notes_count"], 0);
    world.delete(1).await;
    assert_eq!(world.get("v2/persons/1").await.status, 404);
}

#[tokio::test]
async fn labels_are_known_ones_and_named_on_request() {
    let world = World::new();
    world.person(json!({"name": "Ada", "label_ids": [2, 1]})).await;
    let shown = world.get("v2/persons/1?include_labels=true").await;
    assert_eq!(shown.body["data"]["label_ids"], json!([2, 1]));
    assert_eq!(shown.body["data"]["labels"][0], json!({"id": 2, "label": "Hot lead"}));
    assert!(world.get("v2/persons/1").await.body["data"].get("labels").is_none());
}

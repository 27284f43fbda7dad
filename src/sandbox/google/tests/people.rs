//! Single contacts: what is kept, what is made, what is refused.

use serde_json::{Value, json};

use super::{ALICE, World, name, refused, source};

#[tokio::test]
async fn what_the_service_makes_is_there() {
    let world = World::new().await;
    let made = world
        .create(json!({
            "names": [{"givenName": "Ada", "familyName": "Byron", "honorificPrefix": "Dr.", "displayName": "overlooked"}],
            "phoneNumbers": [{"value": "+44 20 7946 0018", "type": "homeFax"}, {"value": "7946 0018", "type": "Boat"}],
            "addresses": [{"streetAddress": "1 Way", "city": "Ely", "postalCode": "CB7", "type": "work"}],
            "emailAddresses": [{"value": ""}, {"value": "ada@x.example"}],
            "birthdays": [{"date": {"month": 2, "day": 29}}],
        }))
        .await;
    let id: u64 = name(&made).strip_prefix("people/c").unwrap().parse().unwrap();
    let from = source(&made);
    assert_eq!(from["id"], format!("{id:x}"));
    assert!(from["etag"].as_str().unwrap().starts_with('#') && made["etag"].as_str().unwrap().starts_with('%'));
    assert_eq!(from["updateTime"], "2026-11-24T12:00:00.000000Z");
    assert_eq!(made["names"][0]["displayName"], "Dr. Ada Byron");
    assert_eq!(made["names"][0]["displayNameLastFirst"], "Byron, Dr. Ada");
    assert_eq!(made["phoneNumbers"][0]["canonicalForm"], "+442079460018");
    assert_eq!(made["phoneNumbers"][0]["formattedType"], "Home Fax");
    assert_eq!(made["phoneNumbers"][0]["metadata"]["primary"], true);
    assert!(
        made["phoneNumbers"][1].get("canonicalForm").is_none() && made["phoneNumbers"][1]["formattedType"] == "Boat"
    );
    assert!(made["phoneNumbers"][1]["metadata"].get("primary").is_none());
    assert_eq!(made["addresses"][0]["formattedValue"], "1 Way\nEly, CB7");
    assert_eq!(made["emailAddresses"].as_array().unwrap().len(), 1);
    assert_eq!(made["birthdays"][0]["date"], json!({"month": 2, "day": 29}));
    assert_eq!(made["memberships"][0]["contactGroupMembership"]["contactGroupId"], "myContacts");
    assert_eq!(made["photos"][0]["default"], true);
}

#[tokio::test]
async fn masks_are_required_and_known() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    let path = format!("/v1/{}", name(&ada));
    refused(&world.get(&path).await, 400, "INVALID_ARGUMENT", "personFields mask is required.");
    let got = world.get(&format!("{path}?personFields=names,fileAses")).await;
    refused(&got, 400, "INVALID_ARGUMENT", "Invalid personFields mask path: \"fileAses\".");
    let got = world.update(&ada, "photos", json!({})).await;
    refused(&got, 400, "INVALID_ARGUMENT", "Invalid updatePersonFields mask path: \"photos\".");
    let got = world.update(&ada, "", json!({})).await;
    refused(&got, 400, "INVALID_ARGUMENT", "updatePersonFields mask is required.");
    let got = world.get(&format!("{path}?personFields=names")).await;
    assert!(got.body.get("metadata").is_none() && got.body.get("memberships").is_none());
    assert_ne!(got.body["etag"], ada["etag"], "a person etag says what was asked for");
}

#[tokio::test]
async fn masked_fields_are_replaced_whole_and_others_left_alone() {
    let world = World::new().await;
    let ada = world
        .create(json!({
            "names": [{"givenName": "Ada", "familyName": "Byron"}], "nicknames": [{"value": "A"}],
            "phoneNumbers": [{"value": "1"}, {"value": "2"}],
        }))
        .await;
    let change = json!({"phoneNumbers": [{"value": "3"}], "nicknames": [{"value": "overlooked"}]});
    let got = world.update(&ada, "phoneNumbers,names", change).await;
    assert_eq!(got.body["phoneNumbers"].as_array().unwrap().len(), 1);
    assert!(got.body.get("names").is_none(), "a masked field that is not sent is cleared");
    assert_eq!(got.body["nicknames"][0]["value"], "A");
    assert_ne!(source(&got.body)["etag"], source(&ada)["etag"]);
}

#[tokio::test]
async fn a_stale_or_missing_etag_is_refused() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    let newer = world.rename(&ada, "Eve").await;
    let got = world.update(&ada, "names", json!({})).await;
    refused(&got, 400, "FAILED_PRECONDITION", "person.metadata.sources.etag is different than the current");
    let path = format!("/v1/{}:updateContact?updatePersonFields=names", name(&ada));
    let got = world.call("PATCH", &path, json!({"etag": ada["etag"], "names": []})).await;
    refused(&got, 400, "FAILED_PRECONDITION", "Request person.etag is different than the current person.etag.");
    let got = world.call("PATCH", &path, json!({"names": []})).await;
    refused(&got, 400, "INVALID_ARGUMENT", "Request must set person.etag or person.metadata.sources.etag");
    let got = world.call("PATCH", &path, json!({"etag": newer["etag"], "names": [{"givenName": "Zoe"}]})).await;
    assert_eq!((got.status, &got.body["names"][0]["givenName"]), (200, &json!("Zoe")));
    let listed = world.list("").await.body["connections"][0].clone();
    let rename = json!({"etag": listed["etag"], "names": [{"givenName": "Ida"}]});
    world.set(json!({"strict_etags": true})).await;
    assert_eq!(world.call("PATCH", &path, rename.clone()).await.status, 400);
    world.set(json!({"strict_etags": false})).await;
    assert_eq!(world.call("PATCH", &path, rename).await.status, 200);
}

#[tokio::test]
async fn what_the_messages_do_not_have_is_refused() {
    let world = World::new().await;
    for (person, words) in [
        (json!({"name": []}), "Unknown name \"name\" at 'person': Cannot find field."),
        (json!({"names": [{"given": "A"}]}), "Unknown name \"given\" at 'person.names[0]': Cannot find field."),
        (json!({"phoneNumbers": [{"value": 5}]}), "Invalid value at 'person.phone_numbers[0].value' (TYPE_STRING), 5"),
        (json!({"nicknames": [{"value": "A", "type": "PET"}]}), "google.people.v1.Nickname.NicknameType"),
        (
            json!({"names": [{"givenName": "A"}, {"givenName": "B"}]}),
            "Cannot have more than one person.names per source.",
        ),
        (json!({"biographies": [{"value": "A"}, {"value": "B"}]}), "more than one person.biographies per source"),
        (json!({"birthdays": [{"date": {"year": 2025, "month": 2, "day": 29}}]}), "invalid argument"),
    ] {
        refused(&world.post("/v1/people:createContact", person).await, 400, "INVALID_ARGUMENT", words);
    }
    let got = world.post("/v1/people:createContact?fullName=A", json!({})).await;
    refused(&got, 400, "INVALID_ARGUMENT", "Unknown name \"fullName\": Cannot bind query parameter.");
    assert_eq!(world.list("").await.body.get("connections"), None, "nothing was created");
}

#[tokio::test]
async fn a_deleted_contact_is_not_found() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    assert_eq!(world.delete(&ada).await.body, json!({}));
    refused(&world.read(&ada).await, 404, "NOT_FOUND", "Requested entity was not found.");
    refused(&world.delete(&ada).await, 404, "NOT_FOUND", "not found");
    refused(&world.update(&ada, "names", json!({})).await, 404, "NOT_FOUND", "not found");
}

#[tokio::test]
async fn several_are_read_at_once_and_missing_ones_named() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    let got = world
        .get(&format!("/v1/people:batchGet?personFields=names&resourceNames={}&resourceNames=people/c1", name(&ada)))
        .await;
    assert_eq!(got.body["responses"][0]["person"]["names"][0]["givenName"], "Ada");
    assert_eq!(got.body["responses"][1]["requestedResourceName"], "people/c1");
    assert_eq!(got.body["responses"][1]["status"]["code"], 5);
    let many: String = "&resourceNames=people/c1".repeat(201);
    let got = world.get(&format!("/v1/people:batchGet?personFields=names{many}")).await;
    refused(&got, 400, "INVALID_ARGUMENT", "");
}

#[tokio::test]
async fn the_account_can_be_full() {
    let world = World::new().await;
    world.set(json!({"contact_cap": 2})).await;
    let ada = world.named("Ada").await;
    world.named("Eve").await;
    let got = world.post("/v1/people:createContact", json!({})).await;
    assert!(got.text.contains("MY_CONTACTS_OVERFLOW_COUNT"), "{}", got.text);
    world.delete(&ada).await;
    assert_ne!(world.post("/v1/people:createContact", json!({})).await.status, 200, "the trash counts");
    world.pass(30 * 86_400);
    assert_eq!(world.post("/v1/people:createContact", json!({})).await.status, 200);
}

#[tokio::test]
async fn users_do_not_see_each_other() {
    let mut world = World::new().await;
    let ada = world.named("Ada").await;
    world.token = "sandbox:bob@acme.example".to_owned();
    assert_eq!(world.read(&ada).await.status, 404);
    assert_eq!(world.list("").await.body.get("connections"), None);
    for token in ["", "sandbox:", "sandbox:bob", "ya29.nonsense"] {
        world.token = token.to_owned();
        refused(&world.list("").await, 401, "UNAUTHENTICATED", "Expected OAuth 2 access token");
    }
    world.token = format!("sandbox:{}", ALICE.to_uppercase());
    assert_eq!(world.read(&ada).await.status, 200);
}

#[tokio::test]
async fn search_finds_what_was_there_when_it_was_warmed() {
    let world = World::new().await;
    world.create(json!({"names": [{"givenName": "Ada", "familyName": "Byron"}]})).await;
    let search = "/v1/people:searchContacts?readMask=names&query=";
    assert_eq!(world.get(&format!("{search}byr")).await.body, json!({}));
    assert_eq!(world.get(search).await.body, json!({}));
    assert_eq!(world.get(&format!("{search}byr")).await.body, json!({}), "warming takes a few seconds");
    world.pass(5);
    let got = world.get(&format!("{search}byr")).await;
    assert_eq!(got.body["results"][0]["person"]["names"][0]["displayName"], "Ada Byron");
    assert_eq!(world.get(&format!("{search}yron")).await.body, json!({}), "prefixes only");
    world.named("Byrne").await;
    assert_eq!(world.get(&format!("{search}byr")).await.body["results"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_can_be_cut_to_some_of_its_fields() {
    let world = World::new().await;
    let ada = world.create(json!({"names": [{"givenName": "Ada"}], "nicknames": [{"value": "A"}]})).await;
    let got = world.list("&fields=connections(resourceName,names/givenName),totalItems").await;
    let wanted = json!({
        "connections": [{"resourceName": ada["resourceName"], "names": [{"givenName": "Ada"}]}], "totalItems": 1,
    });
    assert_eq!(got.body, wanted);
    assert_eq!(world.list("&fields=*").await.body["totalItems"], 1);
    for wrong in ["connections(", "connections)x", "a,,b", "(a)"] {
        refused(&world.list(&format!("&fields={wrong}")).await, 400, "INVALID_ARGUMENT", "Invalid field selection");
    }
}

#[tokio::test]
async fn a_long_query_comes_as_the_body_of_a_post() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    let request = axum::http::Request::post("/google/v1/people:batchGet")
        .header("authorization", format!("Bearer {}", world.token))
        .header("x-http-method-override", "GET");
    let query = format!("personFields=names&resourceNames={}", name(&ada));
    let got = world.shared.send(request.body(axum::body::Body::from(query)).unwrap()).await;
    assert_eq!(got.body["responses"][0]["person"]["resourceName"], ada["resourceName"], "{}", got.text);
    let calls = world.shared.call("GET", "/_calls", Value::Null).await;
    assert_eq!(calls.body["routes"]["GET /google/v1/people:batchGet"]["calls"], 1);
}

//! What happens elsewhere: merges, contacts hidden and brought back, links to profiles; and the pages for people.

use serde_json::{Value, json};

use super::{ALICE, World, given_names, name, source};

#[tokio::test]
async fn a_merge_is_one_changed_contact_and_one_tombstone() {
    let world = World::new().await;
    let one =
        world.create(json!({"names": [{"givenName": "Ada"}], "emailAddresses": [{"value": "a@x.example"}]})).await;
    let other =
        world.create(json!({"names": [{"givenName": "A."}], "emailAddresses": [{"value": "b@x.example"}]})).await;
    let token = world.token().await;
    world.set(json!({"merge": {"user": ALICE, "from": other["resourceName"], "into": one["resourceName"]}})).await;
    let delta = world.since(&token).await;
    let [stone, survivor] = delta.body["connections"].as_array().unwrap().as_slice() else { panic!("{}", delta.text) };
    assert_eq!((&stone["resourceName"], &stone["metadata"]["deleted"]), (&other["resourceName"], &json!(true)));
    assert_eq!(survivor["names"][0]["givenName"], "Ada");
    assert_eq!(survivor["metadata"]["previousResourceNames"], json!([other["resourceName"]]));
    let read = world.get(&format!("/v1/{}?personFields=emailAddresses,metadata", name(&one))).await.body;
    assert_eq!(read["emailAddresses"].as_array().unwrap().len(), 2);
    assert!(read["metadata"].get("previousResourceNames").is_none(), "only listings of changes have it");
    assert_eq!(world.read(&other).await.status, 404);
}

#[tokio::test]
async fn a_hidden_contact_is_gone_and_comes_back_under_its_id() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    let token = world.token().await;
    world.set(json!({"hide": {"user": ALICE, "contact": ada["resourceName"]}})).await;
    let delta = world.since(&token).await;
    assert_eq!(delta.body["connections"][0]["metadata"]["deleted"], true);
    assert_eq!(world.read(&ada).await.status, 404);
    world.set(json!({"restore": {"user": ALICE, "contact": ada["resourceName"]}})).await;
    let delta = world.since(&token).await;
    assert_eq!(given_names(&delta), ["Ada"]);
    assert_eq!(source(&delta.body["connections"][0])["id"], source(&ada)["id"]);
}

#[tokio::test]
async fn a_linked_contact_gets_another_name_and_keeps_its_source() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    let token = world.token().await;
    world.set(json!({"profile_link": {"user": ALICE, "contact": ada["resourceName"]}})).await;
    let delta = world.since(&token).await;
    let linked = &delta.body["connections"][0];
    assert_ne!(linked["resourceName"], ada["resourceName"]);
    assert_eq!(linked["metadata"]["previousResourceNames"], json!([ada["resourceName"]]));
    assert_eq!(source(linked)["id"], source(&ada)["id"]);
    assert_eq!(linked["names"].as_array().unwrap().len(), 2, "the profile's name is mixed in");
    let only = "personFields=names,metadata&sources=READ_SOURCE_TYPE_CONTACT";
    let read = world.get(&format!("/v1/{}?{only}", name(linked))).await.body;
    assert_eq!(read["names"].as_array().unwrap().len(), 1);
    assert_eq!(read["metadata"]["sources"].as_array().unwrap().len(), 1);
    let old = world.get(&format!("/v1/people:batchGet?{only}&resourceNames={}", name(&ada))).await.body;
    assert_eq!(old["responses"][0]["requestedResourceName"], ada["resourceName"]);
    assert_eq!(old["responses"][0]["person"]["resourceName"], linked["resourceName"]);
    let both = json!({"names": linked["names"]});
    assert_eq!(world.update(linked, "names", both).await.status, 400, "all names copied back are two");
}

#[tokio::test]
async fn wrong_settings_and_events_are_refused_and_name_themselves() {
    let world = World::new().await;
    world.list("").await;
    for (settings, named) in [
        (json!({"lag": 1}), "lag"),
        (json!({"churn": 2}), "churn"),
        (json!({"page_limit": 0}), "page_limit"),
        (json!({"sync_token_error": "lost"}), "lost"),
        (json!({"quotas": {"reads_per_minute": 1}}), "reads_per_minute"),
        (json!({"service_accounts": {"a@b": "no key"}}), "a@b"),
        (json!({"merge": {"user": ALICE, "from": "people/c1"}}), "into"),
        (json!({"hide": {"user": ALICE, "contact": "people/c1"}}), "people/c1"),
        (json!({"hide": {"user": "nobody@x.example", "contact": "people/c1"}}), "nobody@x.example"),
        (json!({"revoke": {"user": "nobody@x.example"}}), "nobody@x.example"),
        (json!({"expire_sync_tokens": 1}), "expire_sync_tokens"),
    ] {
        let got = world.shared.call("POST", "/_faults", json!({"google": settings})).await;
        assert_eq!(got.status, 400, "{}", got.text);
        assert!(got.text.contains(named) && got.text.contains("in `google`"), "{} should name {named}", got.text);
    }
}

#[tokio::test]
async fn the_demo_user_has_an_address_book_and_others_have_none() {
    let mut world = World::new().await;
    assert_eq!(given_names(&world.list("").await), [""; 0]);
    world.token = "sandbox:demo@sandbox.example".to_owned();
    let people = world.list("").await.body["connections"].as_array().unwrap().clone();
    assert_eq!(people.len(), 12);
    let groups = world.get("/v1/contactGroups").await.body;
    let clients =
        groups["contactGroups"].as_array().unwrap().iter().find(|it| it["name"] == "Clients").unwrap().clone();
    assert_eq!(clients["memberCount"], 11);
    let page = world.shared.call("GET", "/google/", Value::Null).await.text;
    for text in ["demo@sandbox.example", "佐藤", "Clients", "+44 20 7946 0018", "/google/photos/"] {
        assert!(page.contains(text), "the page should show {text}");
    }
    let front = world.shared.call("GET", "/", Value::Null).await.text;
    assert!(front.contains("href=\"/pipedrive/\"") && front.contains("href=\"/google/\""));
    assert_eq!(world.get("/v1/unknown").await.status, 404);
}

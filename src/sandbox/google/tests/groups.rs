//! Contact groups and who is in them.

use serde_json::{Value, json};

use super::{World, given_names, name, refused, source};

async fn group(world: &World, name: &str) -> Value {
    let got = world.post("/v1/contactGroups", json!({"contactGroup": {"name": name}})).await;
    assert_eq!(got.status, 200, "{}", got.text);
    got.body
}

async fn modify(world: &World, group: &str, add: &[&Value], remove: &[&Value]) -> super::Got {
    let names = |people: &[&Value]| people.iter().map(|person| name(person).to_owned()).collect::<Vec<_>>();
    let body = json!({"resourceNamesToAdd": names(add), "resourceNamesToRemove": names(remove)});
    world.post(&format!("/v1/{group}/members:modify"), body).await
}

fn groups_of(person: &Value) -> Vec<&str> {
    let memberships = person["memberships"].as_array().unwrap();
    memberships.iter().map(|it| it["contactGroupMembership"]["contactGroupResourceName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn groups_are_listed_with_those_of_the_system() {
    let world = World::new().await;
    world.named("Ada").await;
    let made = group(&world, "Clients").await;
    let all = world.get("/v1/contactGroups?pageSize=1000").await.body;
    let groups = all["contactGroups"].as_array().unwrap();
    let find = |name: &str| groups.iter().find(|group| group["name"] == name).unwrap();
    assert_eq!(find("myContacts")["memberCount"], 1);
    assert_eq!(find("myContacts")["groupType"], "SYSTEM_CONTACT_GROUP");
    assert!(find("starred").get("memberCount").is_none() && find("starred").get("etag").is_none());
    assert_eq!(
        (&find("Clients")["etag"], &find("Clients")["groupType"]),
        (&made["etag"], &json!("USER_CONTACT_GROUP"))
    );
    assert_eq!(all["totalItems"], groups.len());
    let page = world.get("/v1/contactGroups?pageSize=5").await.body;
    assert!(page.get("nextSyncToken").is_none());
    let next = page["nextPageToken"].as_str().unwrap();
    assert_eq!(world.get(&format!("/v1/contactGroups?pageSize=5&pageToken={next}")).await.body["totalItems"], 9);
}

#[tokio::test]
async fn names_are_unique_and_etags_looked_at() {
    let world = World::new().await;
    let clients = group(&world, "Clients").await;
    let other = group(&world, "Other").await;
    let got = world.post("/v1/contactGroups", json!({"contactGroup": {"name": "Clients"}})).await;
    refused(&got, 409, "ALREADY_EXISTS", "Contact group name already exists.");
    let rename = |name: &str, etag: &Value| json!({"contactGroup": {"name": name, "etag": etag}});
    let path = format!("/v1/{}", name(&other));
    refused(&world.call("PUT", &path, rename("Clients", &other["etag"])).await, 409, "ALREADY_EXISTS", "");
    refused(&world.call("PUT", &path, rename("New", &clients["etag"])).await, 400, "FAILED_PRECONDITION", "");
    refused(&world.call("PUT", &path, rename("New", &Value::Null)).await, 400, "INVALID_ARGUMENT", "etag");
    let token = world.get("/v1/contactGroups").await.body["nextSyncToken"].as_str().unwrap().to_owned();
    let renamed = world.call("PUT", &path, rename("New", &other["etag"])).await.body;
    assert_eq!((&renamed["name"], &renamed["resourceName"]), (&json!("New"), &other["resourceName"]));
    world.call("DELETE", &format!("/v1/{}", name(&clients)), Value::Null).await;
    let delta = world.get(&format!("/v1/contactGroups?syncToken={token}")).await.body;
    assert_eq!(delta["contactGroups"][0]["name"], "New");
    assert_eq!(delta["contactGroups"][1]["metadata"]["deleted"], true);
    assert_eq!(delta["totalItems"], 2);
    assert_eq!(world.get(&format!("/v1/{}", name(&clients))).await.status, 404);
}

#[tokio::test]
async fn members_come_and_go_and_what_cannot_be_is_listed() {
    let world = World::new().await;
    let clients = group(&world, "Clients").await;
    let clients = name(&clients);
    let (ada, eve) = (world.named("Ada").await, world.named("Eve").await);
    let token = world.token().await;
    let ghost = json!({"resourceName": "people/c1"});
    let got = modify(&world, clients, &[&ada, &ghost], &[]).await;
    assert_eq!(got.body, json!({"notFoundResourceNames": ["people/c1"]}));
    let shown = world.get(&format!("/v1/{clients}?maxMembers=5")).await.body;
    assert_eq!((&shown["memberCount"], &shown["memberResourceNames"]), (&json!(1), &json!([ada["resourceName"]])));
    assert_eq!(given_names(&world.since(&token).await), ["Ada"], "a label alone brings the contact into the delta");
    let got = modify(&world, "contactGroups/myContacts", &[], &[&ada, &eve]).await;
    assert_eq!(got.body, json!({"canNotRemoveLastContactGroupResourceNames": [eve["resourceName"]]}));
    assert_eq!(groups_of(&world.read(&ada).await.body), [clients]);
    assert_eq!(groups_of(&world.read(&eve).await.body), ["contactGroups/myContacts"]);
    let got = modify(&world, "contactGroups/friends", &[&ada], &[]).await;
    refused(&got, 400, "INVALID_ARGUMENT", "Cannot add contacts to deprecated system contact group");
    assert_eq!(modify(&world, "contactGroups/starred", &[&ada], &[]).await.body, json!({}));
    assert_eq!(modify(&world, "contactGroups/1234", &[&ada], &[]).await.status, 404);
    refused(&modify(&world, clients, &[&ghost; 1001], &[]).await, 400, "INVALID_ARGUMENT", "");
}

#[tokio::test]
async fn memberships_are_written_whole_and_never_none() {
    let world = World::new().await;
    let clients = group(&world, "Clients").await;
    let to = |name: &str| json!({"contactGroupMembership": {"contactGroupResourceName": name}});
    let ada = world.create(json!({"memberships": [to(name(&clients))]})).await;
    assert_eq!(groups_of(&ada), [name(&clients)]);
    let got = world.update(&ada, "memberships", json!({"memberships": []})).await;
    refused(&got, 400, "INVALID_ARGUMENT", "at least one contact group");
    let got = world.update(&ada, "memberships", json!({"memberships": [to("contactGroups/family")]})).await;
    refused(&got, 400, "INVALID_ARGUMENT", "Cannot add contacts to deprecated system contact group");
    let got = world.update(&ada, "memberships", json!({"memberships": [to("contactGroups/none")]})).await;
    refused(&got, 400, "INVALID_ARGUMENT", "does not exist");
    let starred = json!({"memberships": [to("contactGroups/myContacts"), to("contactGroups/starred")]});
    let got = world.update(&ada, "memberships", starred).await;
    assert_eq!(groups_of(&got.body), ["contactGroups/myContacts", "contactGroups/starred"]);
    assert_ne!(source(&got.body)["etag"], source(&ada)["etag"]);
}

#[tokio::test]
async fn a_deleted_group_leaves_its_people_unless_they_go_too() {
    let world = World::new().await;
    let to = |name: &str| json!({"memberships": [{"contactGroupMembership": {"contactGroupResourceName": name}}]});
    let (one, two) = (group(&world, "One").await, group(&world, "Two").await);
    let (ada, eve) = (world.create(to(name(&one))).await, world.create(to(name(&two))).await);
    world.call("DELETE", &format!("/v1/{}", name(&one)), Value::Null).await;
    world.call("DELETE", &format!("/v1/{}?deleteContacts=true", name(&two)), Value::Null).await;
    assert_eq!(groups_of(&world.read(&ada).await.body), ["contactGroups/myContacts"]);
    assert_eq!(world.read(&eve).await.status, 404);
    let got = world.call("DELETE", "/v1/contactGroups/starred", Value::Null).await;
    refused(&got, 400, "INVALID_ARGUMENT", "system contact group");
}

#[tokio::test]
async fn several_groups_are_read_at_once() {
    let world = World::new().await;
    let got =
        world.get("/v1/contactGroups:batchGet?resourceNames=contactGroups/starred&resourceNames=contactGroups/1").await;
    assert_eq!(got.body["responses"][0]["contactGroup"]["name"], "starred");
    assert_eq!(got.body["responses"][1]["status"]["code"], 5);
}

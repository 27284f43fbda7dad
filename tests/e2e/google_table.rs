//! The decision table with an account at Google, and what only Google does to its contacts.

use std::io::Cursor;

use base64::Engine as _;
use carnetd::account::AccountName;
use carnetd::contact::Digest;
use carnetd::http::Method;
use carnetd::status::Outcome;
use serde_json::{Value, json};

use super::google_world::{Google, LAG, google_account, shown, somebody, title};
use super::world::values;

const DIRECTIONS: [&str; 2] = ["one-way", "two-way"];

/// A few pairs beside those that a test is about, so that no side is emptied and few deletions are a small share.
async fn others(world: &Google) -> usize {
    for n in 0..8 {
        world.add(somebody(&format!("Other N{n}"))).await;
    }
    8
}

fn person(name: &str) -> Value {
    let email = format!("{}@home.example", name.replace(' ', ".").to_lowercase());
    json!({"name": name, "emails": [{"value": email}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_of_the_label_come_in_and_their_changes_follow() {
    for direction in DIRECTIONS {
        let mut world = Google::new(direction).await;
        let others = others(&world).await;
        let mut anna = somebody("Anna Weber");
        anna["phoneNumbers"] = json!([{"value": "+1 555 010 0111", "type": "mobile"}]);
        anna["organizations"] = json!([{"name": "Acme", "title": "Buyer"}]);
        anna["biographies"] = json!([{"value": "Likes tea"}]);
        let anna = world.add(anna).await;
        world.user(Method::POST, "people:createContact", Some(somebody("Not Wanted"))).await;
        assert_eq!(world.pass().await, (9, 0, 0, 0), "{direction}");
        let made = world.person("Anna Weber").await;
        assert_eq!(values(&made, "emails"), ["anna.weber@home.example"]);
        assert_eq!(values(&made, "phones").len(), 1);
        assert_eq!((&made["job_title"], &made["notes"]), (&json!("Buyer"), &json!("Likes tea")));
        assert_eq!(world.persons().await.len(), others + 1, "{direction}: nobody without the label");
        world.idle().await;

        world.change(&anna, "organizations", json!([{"name": "Acme", "title": "Head of Buying"}])).await;
        assert_eq!(world.pass().await, (0, 1, 0, 0), "{direction}");
        assert_eq!(world.person("Anna Weber").await["job_title"], "Head of Buying");
        world.idle().await;

        world.remove(&anna).await;
        assert_eq!(world.pass().await, (0, 0, 1, 0), "{direction}");
        assert_eq!(world.persons().await.len(), others);
        world.idle().await;
        world.restart();
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_carnetd_does_not_know_survives_an_edit_in_pipedrive() {
    for direction in DIRECTIONS {
        let mut world = Google::new(direction).await;
        let mut anna = somebody("Anna Weber");
        anna["phoneNumbers"] =
            json!([{"value": "+15550100111", "type": "bat phone"}, {"value": "+15550100112", "type": "pager"}]);
        anna["organizations"] =
            json!([{"name": "Acme", "title": "Buyer", "department": "Tea", "current": true}, {"name": "Club"}]);
        anna["relations"] = json!([{"person": "Emil", "type": "brother"}]);
        anna["userDefined"] = json!([{"key": "shoe", "value": "38"}]);
        anna["nicknames"] = json!([{"value": "Annie"}]);
        world.add(anna).await;
        world.pass().await;
        let id = world.person("Anna Weber").await["id"].clone();
        let before = world.contact("Anna Weber").await;
        let phones =
            json!([{"value": "+15550100111"}, {"value": "+15550100112"}, {"value": "+15550100113", "label": "mobile"}]);
        world.change_person(&id, json!({"job_title": "Director", "phones": phones})).await;
        world.pass().await;
        let after = world.contact("Anna Weber").await;
        if direction == "one-way" {
            assert_eq!(after["metadata"], before["metadata"], "nothing goes out");
            continue;
        }
        let organizations = after["organizations"].as_array().expect("two");
        let acme = organizations.iter().find(|o| o["name"] == "Acme").expect("kept");
        assert_eq!((&acme["title"], &acme["department"]), (&json!("Director"), &json!("Tea")), "{after:#}");
        assert!(organizations.iter().any(|o| o["name"] == "Club"), "{after:#}");
        let typed = |value: &str| {
            let phones = after["phoneNumbers"].as_array().expect("phones").iter();
            phones.filter(|p| p["value"] == value).map(|p| p["type"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(typed("+15550100111"), ["bat phone"], "{after:#}");
        assert_eq!(typed("+15550100112"), ["pager"]);
        assert_eq!(typed("+15550100113").len(), 1);
        for field in ["relations", "userDefined", "nicknames", "memberships"] {
            assert_eq!(
                after[field].as_array().map(Vec::len),
                before[field].as_array().map(Vec::len),
                "{field}: {after:#}"
            );
        }
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_person_becomes_a_contact_with_the_label_and_a_marker() {
    for direction in DIRECTIONS {
        let mut world = Google::new(direction).await;
        world.add(somebody("Anna Weber")).await;
        world.pass().await;
        world.add_person(person("Bob Stone")).await;
        world.pass().await;
        if direction == "one-way" {
            assert_eq!(world.contacts().await.len(), 1, "nothing goes out");
            continue;
        }
        let bob = world.contact("Bob Stone").await;
        assert!(world.is_marked(&bob), "{bob:#}");
        assert_eq!(bob["clientData"].as_array().map(Vec::len), Some(1), "{bob:#}");
        assert_eq!(bob["clientData"][0]["key"], "carnetd");
        let mut groups: Vec<&str> = bob["memberships"]
            .as_array()
            .expect("memberships")
            .iter()
            .filter_map(|m| m["contactGroupMembership"]["contactGroupResourceName"].as_str())
            .collect();
        groups.sort_unstable();
        assert!(groups.contains(&"contactGroups/myContacts"), "{groups:?}");
        world.idle().await;
        world.restart();
        world.idle().await;
        let bob = world.person("Bob Stone").await;
        world.delete_person(&bob["id"]).await;
        assert_eq!(world.pass().await, (0, 0, 1, 0), "a deleted person deletes its contact");
        assert_eq!(world.contacts().await.len(), 1);
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_people_are_linked_and_filled_and_never_doubled() {
    for direction in DIRECTIONS {
        let mut world = Google::new(direction).await;
        let mut known = person("Anna Weber");
        known["phones"] = json!([{"value": "+15550100111"}]);
        world.add_person(known).await;
        let mut anna = somebody("Anna Weber");
        anna["organizations"] = json!([{"title": "Buyer"}]);
        world.add(anna).await;
        world.pass().await;
        assert_eq!((world.persons().await.len(), world.contacts().await.len()), (1, 1), "{direction}");
        let person = world.person("Anna Weber").await;
        assert_eq!((&person["job_title"], values(&person, "phones").len()), (&json!("Buyer"), 1));
        let phones = world.contact("Anna Weber").await["phoneNumbers"].as_array().map_or(0, Vec::len);
        assert_eq!(phones, usize::from(direction == "two-way"), "{direction}");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_change_and_nothing_is_lost() {
    for (direction, policy, wins) in [
        ("one-way", "", "Head of Buying"),
        ("two-way", "", "Head of Buying"),
        ("two-way", "conflict = \"pipedrive\"", "Director"),
    ] {
        let mut world = Google::with(direction, policy).await;
        let mut anna = somebody("Anna Weber");
        anna["organizations"] = json!([{"title": "Buyer"}]);
        let anna = world.add(anna).await;
        world.pass().await;
        let id = world.person("Anna Weber").await["id"].clone();
        world.change(&anna, "organizations", json!([{"title": "Head of Buying"}])).await;
        world.change(&anna, "biographies", json!([{"value": "from Google"}])).await;
        let phones = json!([{"value": "+15550100111"}]);
        world.change_person(&id, json!({"job_title": "Director", "phones": phones})).await;
        world.pass().await;
        let (person, contact) = (world.person("Anna Weber").await, world.contact("Anna Weber").await);
        assert_eq!(
            (&person["job_title"], &person["notes"]),
            (&json!(wins), &json!("from Google")),
            "{direction} {policy}"
        );
        assert_eq!(values(&person, "phones").len(), 1, "its own edit stays");
        let there = if direction == "one-way" { "Head of Buying" } else { wins };
        assert_eq!(title(&contact), there, "{direction} {policy}");
        assert_eq!(contact["phoneNumbers"].is_array(), direction == "two-way");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_here_and_edited_there() {
    for direction in DIRECTIONS {
        let two_way = direction == "two-way";
        let mut world = Google::new(direction).await;
        let others = others(&world).await;
        let (anna, bob) = (world.add(somebody("Anna Weber")).await, world.add(somebody("Bob Stone")).await);
        world.pass().await;
        // Her contact goes, her person is edited; with him it is the other way round.
        let (annas, bobs) = (world.person("Anna Weber").await, world.person("Bob Stone").await);
        world.remove(&anna).await;
        world.change_person(&annas["id"], json!({"job_title": "Director"})).await;
        world.delete_person(&bobs["id"]).await;
        world.retitle(&bob, "Baker").await;
        world.pass().await;
        let names: Vec<String> = world.contacts().await.iter().map(|c| shown(c).to_owned()).collect();
        let persons = world.persons().await.len();
        assert_eq!(names.contains(&"Anna Weber".to_owned()), two_way, "{direction}: {names:?}");
        assert!(names.contains(&"Bob Stone".to_owned()), "{direction}: his contact stays");
        assert_eq!(persons, others + if two_way { 2 } else { 0 }, "{direction}");
        if two_way {
            assert_eq!(title(&world.contact("Anna Weber").await), "Director");
            assert_eq!(world.person("Bob Stone").await["job_title"], "Baker");
        }
        world.idle().await;
        world.restart();
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_the_label_sleeps_and_wakes() {
    for direction in DIRECTIONS {
        let mut world = Google::new(direction).await;
        let (anna, _) = (world.add(somebody("Anna Weber")).await, world.add(somebody("Bob Stone")).await);
        world.pass().await;
        world.mark(&anna, false).await;
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}");
        assert_eq!((world.links().await, world.persons().await.len(), world.codes().await.len()), (1, 2, 0));
        world.idle().await;
        world.restart();
        world.idle().await;
        world.retitle(&anna, "Director").await;
        world.mark(&anna, true).await;
        assert_eq!(world.pass().await, (0, 1, 0, 0), "{direction}");
        assert_eq!(world.person("Anna Weber").await["job_title"], "Director");
        assert_eq!(world.links().await, 2);
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_brings_a_sleeping_contact_back_into_the_label() {
    let mut world = Google::new("two-way").await;
    let (anna, _) = (world.add(somebody("Anna Weber")).await, world.add(somebody("Bob Stone")).await);
    world.pass().await;
    world.mark(&anna, false).await;
    world.pass().await;
    let digests = world.sleeping();
    assert_eq!(digests.len(), 1);
    let (digest, alice) = (Digest::parse(&digests[0]).expect("a digest"), AccountName::new("alice").expect("a name"));
    world.operator().await.confirm(&alice, digest).await.expect("confirmed");
    let synced = world.sync().await;
    assert_eq!((synced.outcome, synced.failed, synced.deleted), (Outcome::Ok, 0, 0), "{synced:?}");
    assert!(world.is_marked(&world.contact("Anna Weber").await));
    assert_eq!((world.links().await, world.persons().await.len()), (2, 2));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_the_label_is_deleted_where_told_to() {
    let mut world = Google::with("one-way", "on_leave_group = \"delete\"").await;
    let others = others(&world).await;
    let anna = world.add(somebody("Anna Weber")).await;
    world.pass().await;
    world.mark(&anna, false).await;
    assert_eq!(world.pass().await, (0, 0, 1, 0));
    assert_eq!((world.persons().await.len(), world.contacts().await.len()), (others, others + 1));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_label_is_an_error_that_tells_its_new_name() {
    let mut world = Google::new("two-way").await;
    world.add(somebody("Anna Weber")).await;
    world.pass().await;
    let label = world.label.clone();
    let group = world.user(Method::GET, &label, None).await;
    let renamed = json!({"contactGroup": {"name": "Customers", "etag": group["etag"]}});
    world.user(Method::PUT, &label, Some(renamed)).await;
    for restart in [false, true] {
        if restart {
            world.restart();
        }
        world.later(std::time::Duration::from_hours(25));
        let synced = world.operator().await.sync(None, true).await.expect("a pass").remove(0);
        let message = synced.message.clone().unwrap_or_default();
        assert_eq!(synced.outcome, Outcome::Failed, "{synced:?}");
        assert!(message.contains("Customers") && message.contains("Clients"), "{message}");
        assert_eq!((world.persons().await.len(), world.contacts().await.len()), (1, 1), "nothing is deleted");
    }
    let accounts = google_account("alice", "Customers", "two-way", "");
    world.declare(&format!("{}{accounts}", super::google_world::connection()));
    let synced = world.sync().await;
    assert_eq!((synced.added, synced.deleted), (0, 0), "{synced:?}");
    assert_eq!(world.persons().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_in_the_web_page_never_deletes_the_person() {
    for direction in DIRECTIONS {
        let mut world = Google::new(direction).await;
        let others = others(&world).await;
        let (anna, twin) = (world.add(somebody("Anna Weber")).await, world.add(somebody("Ann Weber")).await);
        world.pass().await;
        let merge = json!({"user": super::world::OWNER, "from": twin["resourceName"], "into": anna["resourceName"]});
        world.google(json!({"merge": merge})).await;
        let synced = world.sync().await;
        assert_eq!((synced.outcome, synced.deleted), (Outcome::Ok, 0), "{direction}: {synced:?}");
        assert_eq!(world.persons().await.len(), others + 2, "{direction}");
        assert_eq!(world.codes().await, ["merged"], "{direction}");
        world.idle().await;
        world.restart();
        world.idle().await;
        let item = world.held().await.remove(0);
        world.confirm(&item).await;
        assert_eq!(world.pass().await, (0, 0, 1, 0), "{direction}");
        assert_eq!(world.codes().await, [""; 0]);
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_contact_is_deleted_and_one_that_comes_back_is_new_again() {
    for direction in DIRECTIONS {
        let mut world = Google::new(direction).await;
        let others = others(&world).await;
        let anna = world.add(somebody("Anna Weber")).await;
        world.pass().await;
        world.event("hide", &anna).await;
        assert_eq!(world.pass().await, (0, 0, 1, 0), "{direction}");
        assert_eq!(world.persons().await.len(), others);
        world.idle().await;
        world.event("restore", &anna).await;
        assert_eq!(world.pass().await, (1, 0, 0, 0), "{direction}");
        assert_eq!(world.persons().await.len(), others + 1);
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_linked_to_a_profile_keeps_its_person() {
    for direction in DIRECTIONS {
        let mut world = Google::new(direction).await;
        let anna = world.add(somebody("Anna Weber")).await;
        world.add(somebody("Bob Stone")).await;
        world.pass().await;
        let id = world.person("Anna Weber").await["id"].clone();
        world.event("profile_link", &anna).await;
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}");
        world.idle().await;
        world.retitle(&world.contact("Anna Weber").await, "Director").await;
        assert_eq!(world.pass().await, (0, 1, 0, 0), "{direction}");
        world.restart();
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}");
        let person = world.person("Anna Weber").await;
        assert_eq!((&person["id"], &person["job_title"]), (&id, &json!("Director")));
        if direction == "two-way" {
            world.change_person(&id, json!({"job_title": "Chair"})).await;
            assert_eq!(world.pass().await, (0, 1, 0, 0));
            assert_eq!(title(&world.contact("Anna Weber").await), "Chair");
        }
        assert_eq!((world.persons().await.len(), world.contacts().await.len()), (2, 2));
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_comes_in_one_way_only() {
    let picture = {
        let mut bytes = Cursor::new(Vec::new());
        let picture =
            image::RgbImage::from_fn(256, 200, |x, y| image::Rgb([x.to_le_bytes()[0], y.to_le_bytes()[0], 7]));
        picture.write_to(&mut bytes, image::ImageFormat::Jpeg).expect("a picture");
        base64::engine::general_purpose::STANDARD.encode(bytes.into_inner())
    };
    for direction in DIRECTIONS {
        let mut world = Google::new(direction).await;
        let anna = world.add(somebody("Anna Weber")).await;
        world.add(somebody("Bob Stone")).await;
        let name = anna["resourceName"].as_str().expect("a name");
        let path = format!("{name}:updateContactPhoto");
        world.user(Method::PATCH, &path, Some(json!({"photoBytes": picture}))).await;
        world.later(LAG);
        world.pass().await;
        let (anna, bob) = (world.person("Anna Weber").await, world.person("Bob Stone").await);
        assert_eq!(anna["picture_id"].is_null(), direction == "two-way", "{direction}: {anna}");
        assert!(bob["picture_id"].is_null(), "a generated placeholder is no picture");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_contact_does_not_stop_the_others() {
    let mut world = Google::new("two-way").await;
    world.add(somebody("Anna Weber")).await;
    world.pass().await;
    // The account has room for three of four more.
    world.google(json!({"contact_cap": 4})).await;
    for name in ["Bob Stone", "Carl Hill", "Dora Dale", "Emil Eden"] {
        world.add_person(person(name)).await;
    }
    let synced = world.sync().await;
    let held = world.held().await;
    let there = world.contacts().await.len();
    assert!(synced.failed >= 1, "{synced:?} {held:#?}");
    assert!(there >= 2, "{there}: {synced:?} {held:#?}");
    let anna = world.contact("Anna Weber").await;
    world.retitle(&anna, "Director").await;
    world.sync().await;
    assert_eq!(world.person("Anna Weber").await["job_title"], "Director", "updates go on");
    world.google(json!({"contact_cap": 25_000})).await;
    world.later(std::time::Duration::from_hours(25));
    world.settle().await;
    assert_eq!(world.contacts().await.len(), 5);
    world.idle().await;
}

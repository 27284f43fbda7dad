//! Google misbehaves, or takes a login away: nothing is lost, doubled or deleted because of it, and others go on.

use std::time::Duration;

use carnetd::http::Method;
use carnetd::status::Outcome;
use serde_json::{Value, json};

use super::google_world::{Google, LAG, google_account, shown, somebody, title};
use super::world::{OWNER, World};

/// No guard may be what saves anything here.
const UNGUARDED: &str = "max_delete = \"100%\"\nmax_delete_count = 1000";

fn person(name: &str) -> Value {
    let email = format!("{}@home.example", name.replace(' ', ".").to_lowercase());
    json!({"name": name, "emails": [{"value": email}]})
}

async fn names(world: &Google) -> Vec<String> {
    world.contacts().await.iter().map(|contact| shown(contact).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_whose_answer_is_lost_makes_no_double() {
    for (persons, fault, killed) in
        [(1, "lost", false), (1, "lost", true), (6, "lost", true), (6, "cut", false), (1, "cut", true)]
    {
        let case = format!("{persons} persons, {fault}, killed {killed}");
        let mut world = Google::with("two-way", UNGUARDED).await;
        world.google(json!({"lag_seconds": 120})).await;
        world.add(somebody("Anna Weber")).await;
        world.later(LAG);
        world.settle().await;
        for n in 0..persons {
            world.add_person(person(&format!("New N{n}"))).await;
        }
        world.faults(json!({fault: 1, "only": "POST /google/v1/people", "times": 1})).await;
        world.sync().await;
        world.well().await;
        if killed {
            world.restart();
        }
        // Before it shows it is looked for in vain.
        world.sync().await;
        assert!(names(&world).await.len() <= persons + 1, "{case}");
        world.later(LAG);
        world.settle().await;
        assert_eq!(names(&world).await.len(), persons + 1, "{case}: {:?}", names(&world).await);
        assert_eq!(world.persons().await.len(), persons + 1, "{case}");
        assert_eq!(world.links().await, persons as u64 + 1, "{case}");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_record_point_nothing_is_made_twice() {
    let mut points = 0;
    loop {
        let mut world = Google::with("two-way", UNGUARDED).await;
        for name in ["Anna Weber", "Bob Stone"] {
            world.add(somebody(name)).await;
        }
        world.pass().await;
        for name in ["Carl Hill", "Dora Dale"] {
            world.add_person(person(name)).await;
        }
        let bob = world.person("Bob Stone").await;
        world.change_person(&bob["id"], json!({"job_title": "Baker"})).await;
        world.add(somebody("Emil Eden")).await;
        eprintln!("stopped after {points} commits");
        let fault = if points % 2 == 1 {
            json!({"lost": 0.4, "only": "POST /google/v1/people", "seed": points})
        } else {
            json!({})
        };
        world.faults(fault).await;
        let stopped = world.stopped_after(points).await;
        world.well().await;
        world.later(LAG);
        world.restart();
        world.settle().await;
        assert_eq!(names(&world).await, ["Anna Weber", "Bob Stone", "Carl Hill", "Dora Dale", "Emil Eden"]);
        assert_eq!(world.persons().await.len(), 5);
        assert_eq!(title(&world.contact("Bob Stone").await), "Baker");
        assert_eq!(world.codes().await, [""; 0]);
        world.idle().await;
        if !stopped {
            break;
        }
        points += 1;
    }
    assert!(points > 5, "a pass has more than {points} commits");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_sync_token_deletes_nothing() {
    for variant in ["invalid_argument", "failed_precondition", "gone"] {
        for direction in ["one-way", "two-way"] {
            let case = format!("{variant} {direction}");
            let mut world = Google::with(direction, UNGUARDED).await;
            world.google(json!({"sync_token_error": variant})).await;
            for n in 0..5 {
                world.add(somebody(&format!("Other N{n}"))).await;
            }
            let anna = world.add(somebody("Anna Weber")).await;
            world.pass().await;
            world.google(json!({"expire_sync_tokens": true})).await;
            assert_eq!(world.pass().await, (0, 0, 0, 0), "{case}");
            assert_eq!(world.persons().await.len(), 6, "{case}");
            world.idle().await;
            // What happened meanwhile is not lost.
            world.retitle(&anna, "Director").await;
            world.remove(&world.contact("Other N0").await).await;
            world.google(json!({"expire_sync_tokens": true})).await;
            world.restart();
            assert_eq!(world.pass().await, (0, 1, 1, 0), "{case}");
            assert_eq!(world.person("Anna Weber").await["job_title"], "Director");
            // Half a listing proves nothing.
            world.google(json!({"expire_sync_tokens": true, "page_limit": 2})).await;
            world.faults(json!({"status": 500, "only": "GET /google/v1/people/me/connections"})).await;
            let synced = world.sync().await;
            assert_ne!(synced.outcome, Outcome::Ok, "{case}");
            world.well().await;
            world.faults(json!({"cut": 0.3, "seed": 3, "only": "GET /google/v1/people/me/connections"})).await;
            for _ in 0..3 {
                world.sync().await;
                assert_eq!(world.persons().await.len(), 5, "{case}");
            }
            world.well().await;
            world.later(Duration::from_mins(20));
            assert_eq!(world.pass().await, (0, 0, 0, 0), "{case}");
            world.idle().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_renewed_on_the_way() {
    let mut world = Google::new("two-way").await;
    let anna = world.add(somebody("Anna Weber")).await;
    world.pass().await;
    world.calls().await;
    world.google(json!({"expire_access_tokens": true})).await;
    world.retitle(&anna, "Director").await;
    assert_eq!(world.pass().await, (0, 1, 0, 0));
    let calls = world.calls().await;
    assert_eq!(calls.get("POST token"), Some(&1), "{calls:?}");
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_may_not_be_acted_for_needs_a_login_and_others_go_on() {
    let accounts = ["alice", "bob"].map(|name| google_account(name, "*", "two-way", "")).concat();
    let mut world = Google::of(&accounts).await;
    World::user(&world, "bob@acme.example").await;
    world.add(somebody("Anna Weber")).await;
    let bobs = |method, path: &'static str, body| world.call_as("bob@acme.example", method, path, body);
    bobs(Method::POST, "google/v1/people:createContact", Some(somebody("Bert Brown"))).await;
    let synced = world.each().await;
    assert!(synced.values().all(|synced| synced.outcome == Outcome::Ok && synced.added == 1), "{synced:#?}");
    // The access tokens in use die too.
    world.google(json!({"unknown_users": ["bob@acme.example"], "expire_access_tokens": true})).await;
    world.add(somebody("Carl Clark")).await;
    let synced = world.each().await;
    assert_eq!((synced["alice"].outcome, synced["alice"].added), (Outcome::Ok, 1), "{synced:#?}");
    let bob = &synced["bob"];
    assert_eq!((bob.outcome, bob.added + bob.updated + bob.deleted), (Outcome::NeedsLogin, 0), "{bob:#?}");
    assert!(bob.message.as_deref().unwrap_or_default().contains("Workspace"), "it says what to do: {bob:#?}");
    assert_eq!(world.persons().await.len(), 3, "nothing is deleted");
    world.google(json!({"unknown_users": []})).await;
    world.later(Duration::from_hours(1));
    let synced = world.each().await;
    assert!(synced.values().all(|synced| synced.outcome == Outcome::Ok), "{synced:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn met_quotas_delay_and_lose_nothing() {
    let mut world = Google::with("two-way", UNGUARDED).await;
    for n in 0..12 {
        world.add(somebody(&format!("Other N{n}"))).await;
    }
    // Less than the adapter counts on: it meets them.
    let quotas = json!({"critical_reads": 14, "critical_writes": 7, "writes": 10, "reads": 3, "full_syncs": 3});
    world.google(json!({"quotas": quotas, "page_limit": 1})).await;
    for n in 0..12 {
        world.add_person(person(&format!("New N{n}"))).await;
    }
    for n in 0..30 {
        world.sync().await;
        world.later(Duration::from_secs(30));
        if n > 4 && world.persons().await.len() == 24 && world.operator().await.snapshot().accounts[0].contacts == 24 {
            break;
        }
    }
    assert!(world.too_many().await > 0, "the limits were met");
    world.google(json!({"quotas": null, "page_limit": null})).await;
    world.later(LAG);
    world.settle().await;
    assert_eq!((world.contacts().await.len(), world.persons().await.len()), (24, 24));
    assert_eq!(world.links().await, 24);
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_account_still_reads_and_catches_up_later() {
    let mut world = Google::with("two-way", UNGUARDED).await;
    let anna = world.add(somebody("Anna Weber")).await;
    world.add(somebody("Bob Stone")).await;
    world.pass().await;
    world.google(json!({"exhausted": [OWNER]})).await;
    let bob = world.person("Bob Stone").await;
    world.change_person(&bob["id"], json!({"job_title": "Baker"})).await;
    world.add_person(person("Carl Hill")).await;
    let synced = world.sync().await;
    assert_eq!(synced.deleted, 0, "{synced:?}");
    world.google(json!({"exhausted": []})).await;
    world.retitle(&anna, "Director").await;
    world.google(json!({"exhausted": [OWNER]})).await;
    world.calls().await;
    for _ in 0..3 {
        world.sync().await;
    }
    let calls = world.calls().await;
    let writes: u64 =
        calls.iter().filter(|(route, _)| !route.starts_with("GET") && *route != "POST token").map(|(_, n)| n).sum();
    assert!(writes <= 1, "it is left alone: {calls:?}");
    assert_eq!(world.person("Anna Weber").await["job_title"], "Director", "what comes in still does");
    world.google(json!({"exhausted": []})).await;
    world.later(Duration::from_hours(5));
    world.settle().await;
    assert_eq!(title(&world.contact("Bob Stone").await), "Baker");
    assert_eq!((world.contacts().await.len(), world.persons().await.len()), (3, 3));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_go_over_in_batches() {
    const MANY: usize = 200;
    let mut world = Google::with("two-way", UNGUARDED).await;
    let label = world.label.clone();
    let groups = json!([{"contactGroupMembership": {"contactGroupResourceName": label}}]);
    let people: Vec<Value> = (0..MANY)
        .map(|n| {
            let mut person = somebody(&format!("Other N{n}"));
            person["memberships"] = groups.clone();
            json!({"contactPerson": person})
        })
        .collect();
    let body = json!({"contacts": people, "readMask": "metadata"});
    world.user(Method::POST, "people:batchCreateContacts", Some(body)).await;
    assert_eq!(world.pass().await, (MANY as u64, 0, 0, 0));
    world.calls().await;
    for person in world.persons().await {
        world.change_person(&person["id"], json!({"job_title": "Director"})).await;
    }
    assert_eq!(world.pass().await, (0, MANY as u64, 0, 0));
    let calls = world.calls().await;
    assert!(calls["POST v1/people:batchUpdateContacts"] <= 2, "{calls:#?}");
    assert!(calls["GET v1/people:batchGet"] <= 2, "one read for each batch: {calls:#?}");
    assert!(calls.values().sum::<u64>() <= 5, "and nothing else: {calls:#?}");
    assert!(world.contacts().await.iter().all(|contact| title(contact) == "Director"));
    world.idle().await;
    for person in world.persons().await.iter().take(MANY / 2) {
        world.delete_person(&person["id"]).await;
    }
    world.calls().await;
    assert_eq!(world.pass().await, (0, 0, MANY as u64 / 2, 0));
    let calls = world.calls().await;
    assert!(calls["POST v1/people:batchDeleteContacts"] <= 2, "{calls:#?}");
    assert_eq!(world.contacts().await.len(), MANY / 2);
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_written_does_not_keep_a_batch_back() {
    let mut world = Google::with("two-way", UNGUARDED).await;
    for n in 0..12 {
        world.add(somebody(&format!("Other N{n}"))).await;
    }
    world.pass().await;
    for person in world.persons().await {
        world.change_person(&person["id"], json!({"job_title": "Director"})).await;
    }
    // Somebody edits three of them in the same minute, and deletes one: the versions that were listed are stale.
    world.google(json!({"lag_seconds": 60})).await;
    for n in 0..3 {
        let contact = world.contact(&format!("Other N{n}")).await;
        world.change(&contact, "biographies", json!([{"value": "edited"}])).await;
    }
    world.remove(&world.contact("Other N3").await).await;
    world.sync().await;
    world.later(LAG);
    world.settle().await;
    for contact in world.contacts().await {
        assert_eq!(title(&contact), "Director", "{contact:#}");
        let name = shown(&contact).to_owned();
        let edited = ["Other N0", "Other N1", "Other N2"].contains(&name.as_str());
        assert_eq!(contact["biographies"].is_array(), edited, "{name}");
        assert_eq!(world.person(&name).await["notes"].is_string(), edited, "{name}");
    }
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_deletes_anything() {
    for fault in [
        json!({"status": 401}),
        json!({"status": 403}),
        json!({"status": 404}),
        json!({"status": 429}),
        json!({"status": 500}),
        json!({"status": 503}),
        json!({"html": 1.0}),
        json!({"cut": 1.0}),
        json!({"dropped": 1.0}),
        json!({"lost": 1.0}),
    ] {
        let mut world = Google::with("two-way", UNGUARDED).await;
        for n in 0..4 {
            world.add(somebody(&format!("Other N{n}"))).await;
        }
        world.pass().await;
        for (nth, only) in ["/google", "/google/v1/contactGroups", "GET /google/v1/people", "POST /google/v1/people"]
            .into_iter()
            .enumerate()
        {
            let case = format!("{fault} on {only}");
            let name = format!("New N{nth}");
            world.add_person(person(&name)).await;
            let some = world.person("Other N0").await;
            world.change_person(&some["id"], json!({"job_title": format!("T{nth}")})).await;
            let mut fault = fault.clone();
            fault["only"] = json!(only);
            world.faults(fault).await;
            world.sync().await;
            world.later(Duration::from_mins(5));
            world.sync().await;
            world.well().await;
            world.faults(json!({"status": null, "html": 0, "cut": 0, "dropped": 0, "lost": 0})).await;
            assert_eq!(world.persons().await.len(), 5 + nth, "{case}");
            world.later(Duration::from_mins(30));
            world.settle().await;
            assert_eq!((world.persons().await.len(), world.contacts().await.len()), (5 + nth, 5 + nth), "{case}");
            assert_eq!(title(&world.contact("Other N0").await), format!("T{nth}"), "{case}");
        }
    }
}

//! What must not happen: mass deletions, links that serve another book, edits by surprise. And what a yes allows.

use std::fs;
use std::time::Duration;

use carnetd::status::{Outcome, Snapshot, State};
use serde_json::json;

use super::live::Live;
use super::world::{OWNER, World, account};

const ANNA: [&str; 2] = ["FN:Anna Weber", "EMAIL:anna@acme.example"];
const HOUR: Duration = Duration::from_hours(1);

fn cards(world: &World, folder: &str, count: usize) {
    for n in 0..count {
        let lines = [&format!("FN:P {folder} {n}"), &format!("EMAIL:{n}@{folder}.example")];
        world.card(&format!("../{folder}/{n}.vcf"), &lines.map(String::as_str));
    }
}

fn remove(world: &World, folder: &str, which: std::ops::Range<usize>) {
    for n in which {
        fs::remove_file(world.path(&format!("{folder}/{n}.vcf"))).expect("removed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_are_counted_over_a_day() {
    let mut world = World::new("one-way").await;
    cards(&world, "cards", 20);
    world.pass().await;
    remove(&world, "cards", 0..5);
    assert_eq!(world.pass().await, (0, 0, 5, 0), "25 % are allowed");
    world.later(23 * HOUR);
    remove(&world, "cards", 5..6);
    let item = world.refused().await;
    assert_eq!(item.code, "deletions");
    assert!(item.what.contains("1 deletions planned and 5 done"), "{}", item.what);
    assert!(item.what.contains("of 20"), "{}", item.what);
    assert_eq!(world.persons().await.len(), 15);
    world.later(2 * HOUR);
    assert_eq!(world.pass().await, (0, 0, 1, 0), "the window has moved on");
    assert_eq!(world.codes().await, [""; 0]);
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_are_counted_over_the_company() {
    let keys = "max_delete = \"40%\"\nmax_delete_count = 6";
    let bob = account("bob", "bobs", "*", "one-way", &format!("owner = \"bob@acme.example\"\n{keys}"));
    let mut world = World::of(&format!("{}{bob}", account("alice", "cards", "*", "one-way", keys))).await;
    world.user("bob@acme.example").await;
    fs::create_dir(world.path("bobs")).expect("a folder");
    cards(&world, "cards", 12);
    cards(&world, "bobs", 12);
    world.each().await;
    remove(&world, "cards", 0..4);
    remove(&world, "bobs", 0..4);
    let synced = world.each().await;
    assert_eq!((synced["alice"].outcome, synced["alice"].deleted), (Outcome::Ok, 4));
    assert_eq!(synced["bob"].outcome, Outcome::Held, "4 of 12, but 8 in the company");
    assert_eq!(world.codes().await, ["deletions-company"]);
    assert_eq!(world.persons().await.len(), 20);
    let item = world.held().await.remove(0);
    world.confirm(&item).await;
    world.each().await;
    assert_eq!(world.persons().await.len(), 16);
}

#[tokio::test]
async fn deletions_that_others_plan_at_the_same_time_are_counted_over_the_company() {
    let names = ["alice", "bob", "carl", "dora"];
    let keys = |name| format!("owner = \"{name}@acme.example\"\nmax_delete = \"40%\"\nmax_delete_count = 6");
    let accounts: Vec<String> = names.iter().map(|name| account(name, name, "*", "one-way", &keys(name))).collect();
    let mut live = Live::of(&accounts.concat()).await;
    for name in names {
        live.user(&format!("{name}@acme.example")).await;
        fs::create_dir(live.path(name)).expect("a folder");
        cards(&live, name, 12);
    }
    let passed = |before: u64| {
        move |s: &Snapshot| {
            s.accounts.iter().all(|a| a.current.is_none() && a.last_pass.as_ref().is_some_and(|pass| pass.id > before))
        }
    };
    live.start().await;
    let first = live.until("all are in", |s| passed(0)(s) && s.accounts.iter().all(|a| a.contacts == 12)).await;
    live.stop().await;
    for name in names {
        remove(&live, name, 0..4);
    }
    live.start().await;
    let last = first.accounts.iter().filter_map(|a| a.last_pass.as_ref()).map(|pass| pass.id).max();
    let then = live.until("all have passed again", passed(last.expect("passes"))).await;
    let held = then.accounts.iter().filter(|a| a.state == State::Held);
    assert_eq!(held.count(), 3, "4 of 12 each, but only one of them keeps within 6 in the company: {then:#?}");
    assert_eq!(live.persons().await.len(), 48 - 4);
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn persons_with_another_visibility_or_owner_than_declared_are_counted() {
    let others = async |world: &mut World| world.status("alice").await.other_visibility;
    let mut world = World::new("one-way").await;
    cards(&world, "cards", 5);
    world.pass().await;
    assert_eq!(others(&mut world).await, 0);
    let (first, second) = (world.person("P cards 0").await, world.person("P cards 1").await);
    world.change_person(&first["id"], json!({"visible_to": 1})).await;
    let bob = world.user("bob@acme.example").await;
    world.change_person(&second["id"], json!({"owner_id": bob})).await;
    world.idle().await;
    assert_eq!(others(&mut world).await, 2);
    world.restart();
    assert_eq!(others(&mut world).await, 2, "as the last pass counted them");
    world.change_person(&second["id"], json!({"owner_id": first["owner_id"]})).await;
    world.idle().await;
    assert_eq!(others(&mut world).await, 1);
    world.declare(&account("alice", "cards", "*", "one-way", "visibility = \"owner\""));
    world.idle().await;
    assert_eq!(others(&mut world).await, 4, "all but the one that somebody narrowed");
    remove(&world, "cards", 3..4);
    assert_eq!(world.pass().await, (0, 0, 1, 0));
    assert_eq!(others(&mut world).await, 3, "nobody counts who is not linked any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_allows_what_was_shown_and_no_more_and_lapses() {
    let mut world = World::new("one-way").await;
    cards(&world, "cards", 10);
    world.pass().await;
    remove(&world, "cards", 0..5);
    let item = world.refused().await;
    assert_eq!(world.status("alice").await.state, State::Held);
    world.confirm(&item).await;
    // One more than was shown: refused anew, whole.
    remove(&world, "cards", 5..6);
    let more = world.refused().await;
    assert_ne!(item.digest, more.digest);
    assert_eq!(world.persons().await.len(), 10);
    // Fewer than were shown.
    for n in 4..6 {
        let lines = [&format!("FN:P cards {n}"), &format!("EMAIL:{n}@cards.example")];
        world.card(&format!("{n}.vcf"), &lines.map(String::as_str));
    }
    assert_eq!(world.pass().await, (0, 0, 4, 0));
    assert_eq!(world.codes().await, [""; 0]);
    world.idle().await;

    world.later(48 * HOUR);
    world.idle().await;
    remove(&world, "cards", 4..8);
    let item = world.refused().await;
    world.confirm(&item).await;
    world.later(25 * HOUR);
    let again = world.refused().await;
    assert_eq!(item.digest, again.digest, "the same waits again");
    assert_eq!(world.persons().await.len(), 6);
    world.restart();
    assert_eq!((world.status("alice").await.held, world.status("alice").await.state), (1, State::Held));
    world.confirm(&again).await;
    assert_eq!(world.pass().await, (0, 0, 4, 0));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_not_there_deletes_nothing() {
    for (direction, count) in [("one-way", 2), ("one-way", 12), ("two-way", 2), ("two-way", 12)] {
        let mut world = World::new(direction).await;
        cards(&world, "cards", count);
        world.pass().await;
        let case = format!("{direction} {count}");
        for restart in [false, true] {
            // The mount point is gone.
            fs::rename(world.path("cards"), world.path("away")).expect("renamed");
            if restart {
                world.restart();
            }
            let synced = world.sync().await;
            assert_eq!(synced.outcome, Outcome::Unreachable, "{case} {restart}: {synced:?}");
            // The mount point is there, and empty.
            fs::create_dir(world.path("cards")).expect("a folder");
            if restart {
                world.restart();
            }
            let item = world.refused().await;
            assert!(item.what.contains("shows no contact any more"), "{case} {restart}: {}", item.what);
            assert_eq!((world.persons().await.len(), world.cards().len()), (count, 0));
            fs::remove_dir(world.path("cards")).expect("removed");
            fs::rename(world.path("away"), world.path("cards")).expect("renamed");
            world.idle().await;
            assert_eq!((world.codes().await.len(), world.links().await), (0, count as u64), "{case} {restart}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_that_shows_nobody_deletes_nothing() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        cards(&world, "cards", 2);
        world.pass().await;
        let ids: Vec<u64> = world.persons().await.iter().filter_map(|p| p["id"].as_u64()).collect();
        world.settings(json!({"hidden": {OWNER: ids}})).await;
        let item = world.refused().await;
        assert!(item.what.contains("Pipedrive shows no person"), "{}", item.what);
        assert_eq!(world.cards().len(), 2);
        world.settings(json!({"hidden": {}})).await;
        world.idle().await;
        assert_eq!((world.links().await, world.codes().await.len()), (2, 0), "{direction}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_person_is_held_and_comes_back_by_itself() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        cards(&world, "cards", 9);
        world.pass().await;
        // The company tells deletions, so a 404 proves nothing.
        let id = world.person("P cards 0").await["id"].clone();
        world.delete_person(&id).await;
        world.pass().await;
        let id = world.person("P cards 1").await["id"].clone();
        world.settings(json!({"hidden": {OWNER: [id]}})).await;
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}");
        assert_eq!(world.codes().await, ["gone-or-hidden"], "{direction}");
        let cards = world.cards().len();
        world.idle().await;
        world.restart();
        world.idle().await;
        assert_eq!((world.codes().await, world.cards().len()), (vec!["gone-or-hidden".to_owned()], cards));
        world.settings(json!({"hidden": {}})).await;
        world.idle().await;
        assert_eq!((world.codes().await.len(), world.links().await), (0, 8), "{direction}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_open_deals_is_held_until_confirmed_or_allowed() {
    for (direction, keys) in [("one-way", ""), ("two-way", ""), ("one-way", "delete_with_open_deals = true")] {
        let mut world = World::with(direction, keys).await;
        cards(&world, "cards", 9);
        world.pass().await;
        let id = world.person("P cards 0").await["id"].as_u64().expect("an id");
        world.settings(json!({"open_deals": {id.to_string(): 2}})).await;
        remove(&world, "cards", 0..1);
        let deleted = world.pass().await.2;
        if !keys.is_empty() {
            assert_eq!(deleted, 1);
            continue;
        }
        assert_eq!((deleted, world.codes().await), (0, vec!["open-deals".to_owned()]), "{direction}");
        world.idle().await;
        world.restart();
        world.idle().await;
        let item = world.held().await.remove(0);
        world.confirm(&item).await;
        assert_eq!(world.pass().await, (0, 0, 1, 0), "{direction}");
        assert_eq!((world.codes().await.len(), world.persons().await.len()), (0, 8));
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deals_that_are_won_let_the_deletion_go_on() {
    let mut world = World::new("one-way").await;
    cards(&world, "cards", 9);
    world.pass().await;
    let id = world.person("P cards 0").await["id"].as_u64().expect("an id");
    world.settings(json!({"open_deals": {id.to_string(): 1}})).await;
    remove(&world, "cards", 0..1);
    world.pass().await;
    world.settings(json!({"open_deals": {}})).await;
    assert_eq!(world.pass().await, (0, 0, 1, 0));
    assert_eq!(world.codes().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_book_under_the_same_name_is_held_and_a_yes_starts_afresh() {
    let mut world = World::new("one-way").await;
    cards(&world, "cards", 3);
    world.pass().await;
    fs::create_dir(world.path("new")).expect("a folder");
    world.card("../new/a.vcf", &ANNA);
    world.declare(&account("alice", "new", "*", "one-way", ""));
    let before = world.writes().await;
    let item = world.refused().await;
    assert_eq!(item.code, "scope-changed");
    assert!(item.what.contains("the 3 links"), "{}", item.what);
    assert_eq!((world.writes().await, world.persons().await.len()), (before, 3));
    // Put back: as if nothing had been.
    world.declare(&account("alice", "cards", "*", "one-way", ""));
    world.idle().await;
    assert_eq!((world.codes().await.len(), world.links().await), (0, 3));
    world.declare(&account("alice", "new", "*", "one-way", ""));
    let item = world.refused().await;
    world.confirm(&item).await;
    assert_eq!(world.pass().await, (1, 0, 0, 0));
    assert_eq!((world.links().await, world.persons().await.len()), (1, 4), "nothing of the old book is deleted");
    world.idle().await;
    // The old links are kept: an account of the old book takes them over.
    let old = account("old", "cards", "*", "one-way", "");
    world.declare(&format!("{}{old}", account("alice", "new", "*", "one-way", "")));
    let before = world.writes().await;
    world.each().await;
    assert_eq!((world.writes().await, world.status("old").await.contacts), (before, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_company_is_held_and_nothing_of_the_old_one_is_mixed_in() {
    let mut world = World::new("two-way").await;
    cards(&world, "cards", 3);
    world.pass().await;
    world.move_to_new_company().await;
    // The same numbers mean other persons there.
    for n in 0..3 {
        let emails = json!([{"value": format!("stranger-{n}@acme.example")}]);
        world.add_person(json!({"name": format!("Stranger {n}"), "emails": emails})).await;
    }
    let before = world.writes().await;
    let item = world.refused().await;
    assert_eq!(item.code, "scope-changed");
    assert!(item.what.contains("the 3 links"), "{}", item.what);
    assert_eq!((world.writes().await, world.cards().len()), (before, 3));
    world.confirm(&item).await;
    assert_eq!(world.pass().await, (6, 0, 0, 0), "three persons and three cards");
    assert_eq!((world.links().await, world.persons().await.len(), world.cards().len()), (6, 6, 6));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_another_company_bind_nobody() {
    let bob = account("bob", "bobs", "*", "one-way", "owner = \"bob@acme.example\"");
    let mut world = World::of(&format!("{}{bob}", account("alice", "cards", "*", "one-way", ""))).await;
    world.user("bob@acme.example").await;
    fs::create_dir(world.path("bobs")).expect("a folder");
    cards(&world, "bobs", 2);
    world.each().await;
    world.move_to_new_company().await;
    world.user("bob@acme.example").await;
    let alice = account("carol", "cards", "*", "one-way", "match = \"company\"");
    world.declare(&format!("{alice}{bob}"));
    for n in 0..2 {
        let emails = json!([{"value": format!("{n}@cards.example")}]);
        world.add_person(json!({"name": format!("P cards {n}"), "emails": emails})).await;
    }
    cards(&world, "cards", 2);
    let synced = world.each().await;
    assert_eq!(synced["bob"].outcome, Outcome::Held);
    assert_eq!(
        world.status("carol").await.contacts,
        2,
        "bob's links to persons 1 and 2 of the old company do not count"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_to_a_changed_scope_lets_no_other_change_through() {
    let declared = |group: &str, direction: &str, owner: &str| {
        account("alice", "cards", group, direction, &format!("owner = \"{owner}\""))
    };
    let mut world = World::of(&declared("Clients", "one-way", OWNER)).await;
    world.user("bob@acme.example").await;
    for n in 0..4 {
        let lines = [format!("FN:P {n}"), format!("EMAIL:{n}@acme.example"), "CATEGORIES:Clients".to_owned()];
        world.card(&format!("{n}.vcf"), &lines.each_ref().map(String::as_str));
    }
    world.pass().await;
    let changes = [
        (declared("*", "one-way", OWNER), "group changed from \"Clients\" to \"*\": 4 links are kept"),
        (declared("*", "two-way", OWNER), "direction changed from \"one-way\" to \"two-way\": 4 links are kept"),
        (declared("*", "one-way", OWNER), "direction changed from \"two-way\" to \"one-way\": 4 links are kept"),
        (declared("*", "two-way", OWNER), "direction changed from \"one-way\" to \"two-way\": 4 links are kept"),
        (declared("*", "two-way", "bob@acme.example"), "owner changed from"),
        // All of them sleep now: somebody else's persons.
        (declared("*", "two-way", OWNER), "4 links are kept (4 of them asleep)"),
    ];
    for (changed, says) in changes {
        world.declare(&changed);
        let item = world.refused().await;
        assert!(item.code == "scope-changed" && item.what.contains(says), "{changed}: {item:?}");
        assert_eq!(item.lines, [""; 0], "its numbers are shown once");
        assert!(item.confirming.contains("owner, group and direction"), "{}", item.confirming);
        world.refused().await;
        world.confirm(&item).await;
        world.pass().await;
        assert_eq!(world.codes().await, [""; 0], "{changed}");
        world.pass().await;
    }
    assert_eq!(world.persons().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_owner_group_or_direction_is_held_with_its_numbers_and_keeps_the_links() {
    let changes = [
        account("alice", "cards", "*", "two-way", ""),
        account("alice", "cards", "*", "one-way", "owner = \"bob@acme.example\""),
        account("alice", "cards", "Clients", "one-way", "on_leave_group = \"delete\""),
    ];
    for changed in changes {
        let mut world = World::new("one-way").await;
        world.user("bob@acme.example").await;
        cards(&world, "cards", 4);
        world.card("a.vcf", &[ANNA[0], ANNA[1], "CATEGORIES:Clients"]);
        world.pass().await;
        world.add_person(json!({"name": "Stranger"})).await;
        remove(&world, "cards", 0..1);
        world.declare(&changed);
        let before = world.writes().await;
        let item = world.refused().await;
        assert_eq!(item.code, "scope-changed", "{changed}");
        assert!(item.what.contains("5 links are kept"), "{}", item.what);
        assert_eq!(world.writes().await, before);
        world.restart();
        let again = world.refused().await;
        assert_eq!(item.digest, again.digest, "{changed}");
        world.confirm(&again).await;
        let counts = world.pass().await;
        assert_eq!((counts.2, world.persons().await.len()), (0, 6), "a first pass never deletes: {changed}");
        // What the first pass spared comes after it, for the guard to judge.
        if changed.contains("Clients") {
            let item = world.refused().await;
            assert!(item.what.contains("4 deletions planned"), "{}", item.what);
            world.confirm(&item).await;
            assert_eq!(world.pass().await.2, 4);
        } else {
            assert_eq!(world.pass().await.2, u64::from(changed.contains("two-way")), "{changed}");
        }
        world.restart();
        let before = world.writes().await;
        let synced = world.sync().await;
        assert_eq!((synced.added, synced.updated, synced.deleted), (0, 0, 0), "{changed}: {synced:?}");
        assert_eq!(world.writes().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn persons_visible_to_more_people_are_written_after_one_yes() {
    let mut world = World::with("one-way", "visibility = \"owner\"").await;
    for n in 0..2 {
        let emails = json!([{"value": format!("{n}@cards.example")}]);
        world.add_person(json!({"name": format!("P cards {n}"), "emails": emails, "visible_to": 3})).await;
    }
    cards(&world, "cards", 3);
    for n in 0..2 {
        world.edit(&format!("{n}.vcf"), "FN:", "TITLE:Buyer\r\nFN:");
    }
    let item = world.refused().await;
    assert_eq!(item.code, "wider-visibility");
    assert!(item.what.contains("2 existing persons"), "{}", item.what);
    assert_eq!(world.persons().await.len(), 2);
    world.confirm(&item).await;
    assert_eq!(world.pass().await, (1, 2, 0, 0));
    world.idle().await;
    world.later(48 * HOUR);
    world.edit("1.vcf", "TITLE:Buyer", "TITLE:Director");
    assert_eq!(world.pass().await, (0, 1, 0, 0), "it is asked once");
    let visible = |name: &str| {
        let name = name.to_owned();
        let world = &world;
        async move { world.person(&name).await["visible_to"].clone() }
    };
    assert_eq!((visible("P cards 0").await, visible("P cards 2").await), (json!(3), json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_fails_does_not_hide_what_waits() {
    let mut world = World::new("one-way").await;
    cards(&world, "cards", 8);
    world.pass().await;
    remove(&world, "cards", 0..4);
    world.refused().await;
    fs::rename(world.path("cards"), world.path("away")).expect("renamed");
    assert_eq!(world.sync().await.outcome, Outcome::Unreachable);
    assert_eq!(world.status("alice").await.held, 1);
    fs::rename(world.path("away"), world.path("cards")).expect("renamed");
    let item = world.refused().await;
    world.confirm(&item).await;
    assert_eq!(world.pass().await, (0, 0, 4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn emptying_one_field_everywhere_is_held() {
    let mut world = World::new("one-way").await;
    for n in 0..8 {
        let lines = [&format!("FN:P {n}"), &format!("EMAIL:{n}@acme.example"), &"TITLE:Buyer".to_owned()];
        world.card(&format!("{n}.vcf"), &lines.map(String::as_str));
    }
    world.pass().await;
    for n in 0..5 {
        world.edit(&format!("{n}.vcf"), "TITLE:Buyer\r\n", "");
    }
    let item = world.refused().await;
    assert_eq!(item.code, "empties");
    assert_eq!(world.person("P 0").await["job_title"], "Buyer");
    world.confirm(&item).await;
    assert_eq!(world.pass().await, (0, 5, 0, 0));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filling_a_group_with_persons_is_held_with_its_numbers() {
    let mut world = World::new("two-way").await;
    cards(&world, "cards", 4);
    for n in 0..101 {
        let emails = json!([{"value": format!("{n}@persons.example")}]);
        world.add_person(json!({"name": format!("Person {n}"), "emails": emails})).await;
    }
    let item = world.refused().await;
    assert_eq!(item.code, "creations");
    assert!(item.what.contains("101 contacts would be created in a group of 4"), "{}", item.what);
    assert_eq!((world.cards().len(), world.persons().await.len()), (4, 101));
    world.confirm(&item).await;
    assert_eq!(world.pass().await, (105, 0, 0, 0));
    assert_eq!((world.cards().len(), world.links().await), (105, 105));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_deletes_nothing_and_names_what_mends_it() {
    let mut world = World::new("two-way").await;
    cards(&world, "cards", 4);
    world.pass().await;
    fs::write(world.path("token"), "wrong\n").expect("a token");
    world.restart();
    let synced = world.sync().await;
    assert_eq!(synced.outcome, Outcome::NeedsLogin, "{synced:?}");
    assert!(!synced.message.unwrap_or_default().is_empty());
    assert_eq!(world.cards().len(), 4);
    fs::write(world.path("token"), format!("sandbox:{OWNER}\n")).expect("a token");
    world.restart();
    world.idle().await;
    assert_eq!((world.links().await, world.persons().await.len()), (4, 4));
}

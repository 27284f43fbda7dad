//! The decision table with both real sides: what is read, found again, merged, left, woken and held.

use std::fs;

use carnetd::account::AccountName;
use carnetd::contact::Digest;
use serde_json::{Value, json};

use super::world::{OWNER, World, account, values};

const ANNA: [&str; 2] = ["FN:Anna Weber", "EMAIL:anna@acme.example"];
const BOB: [&str; 2] = ["FN:Bob Stone", "EMAIL:bob@acme.example"];

fn person(name: &str, email: &str) -> Value {
    json!({"name": name, "emails": [{"value": email}]})
}

/// A few pairs beside those that a test is about, so that no side is emptied and few deletions are a small share.
fn others(world: &World) -> u64 {
    for n in 0..8 {
        world.card(&format!("other-{n}.vcf"), &[&format!("FN:Other {n}"), &format!("EMAIL:other-{n}@acme.example")]);
    }
    8
}

#[tokio::test(flavor = "multi_thread")]
async fn two_new_cards_that_claim_one_person_wait_until_told_apart() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        world.add_person(person("Anna Weber", "anna@acme.example")).await;
        world.card("a.vcf", &ANNA);
        world.card("b.vcf", &ANNA);
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}");
        assert_eq!(world.codes().await, ["claimed-twice", "claimed-twice"]);
        assert_eq!(world.links().await, 0);
        world.idle().await;
        world.restart();
        world.idle().await;
        assert_eq!(world.persons().await.len(), 1);
        // One of them goes: the other is the person.
        fs::remove_file(world.card_path("b.vcf")).expect("removed");
        world.pass().await;
        assert_eq!(world.codes().await, [""; 0], "{direction}");
        assert_eq!((world.links().await, world.persons().await.len()), (1, 1));
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_card_that_matches_a_linked_person_waits_and_a_yes_creates_it_apart() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        world.card("a.vcf", &ANNA);
        world.pass().await;
        world.card("b.vcf", &ANNA);
        assert_eq!(world.pass().await, (0, 0, 0, 0));
        assert_eq!(world.codes().await, ["matches-linked"], "{direction}");
        world.idle().await;
        let item = world.held().await.remove(0);
        world.confirm(&item).await;
        assert_eq!(world.pass().await, (1, 0, 0, 0));
        assert_eq!(world.codes().await, [""; 0]);
        assert_eq!(world.persons().await.len(), 2);
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_looks_alike_is_held_and_never_doubled() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        world.add_person(person("Somebody Else", "anna@acme.example")).await;
        world.add_person(json!({"name": "Bob Stone"})).await;
        world.card("a.vcf", &ANNA);
        world.card("b.vcf", &BOB);
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}");
        let mut codes = world.codes().await;
        codes.sort();
        assert_eq!(codes, ["name-alone", "names-differ"]);
        world.idle().await;
        assert_eq!((world.persons().await.len(), world.cards().len()), (2, 2));
        // The person is told to be Anna: no refresh by hand is needed.
        let id = world.person("Somebody Else").await["id"].clone();
        world.change_person(&id, json!({"name": "Anna W."})).await;
        world.pass().await;
        assert_eq!(world.codes().await, ["name-alone"], "{direction}");
        assert_eq!(world.links().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_person_meets_its_card_or_waits_for_one_outside_the_group() {
    let mut world = World::of(&account("alice", "cards", "Clients", "two-way", "")).await;
    world.card("a.vcf", &[ANNA[0], ANNA[1], "CATEGORIES:Clients", "TITLE:Buyer"]);
    world.card("b.vcf", &BOB);
    let phones = json!([{"value": "+15550100111"}]);
    let emails = json!([{"value": "anna@acme.example"}]);
    world.add_person(json!({"name": "Anna Weber", "emails": emails, "phones": phones})).await;
    world.add_person(person("Bob Stone", "bob@acme.example")).await;
    world.pass().await;
    assert!(world.text("a.vcf").contains("+15550100111"), "the provider is filled");
    assert_eq!(world.person("Anna Weber").await["job_title"], "Buyer");
    assert_eq!(world.codes().await, ["outside-group"]);
    assert_eq!(world.cards().len(), 2);
    world.idle().await;
    // The same with an incremental listing, which does not name the card.
    world.card("c.vcf", &["FN:Carl Hill", "EMAIL:carl@acme.example"]);
    world.pass().await;
    world.add_person(person("Carl Hill", "carl@acme.example")).await;
    world.pass().await;
    assert_eq!(world.codes().await, ["outside-group", "outside-group"]);
    assert_eq!(world.cards().len(), 3);
    world.idle().await;
    // Joined by hand: linked.
    world.edit("b.vcf", "FN:Bob Stone", "FN:Bob Stone\r\nCATEGORIES:Clients");
    world.pass().await;
    assert_eq!(world.codes().await, ["outside-group"]);
    assert_eq!((world.links().await, world.persons().await.len()), (2, 3));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_person_that_matches_a_linked_card_waits() {
    let mut world = World::new("two-way").await;
    world.card("a.vcf", &ANNA);
    world.pass().await;
    world.add_person(person("Anna Weber", "anna@acme.example")).await;
    assert_eq!(world.pass().await, (0, 0, 0, 0));
    assert_eq!(world.codes().await, ["matches-linked"]);
    assert_eq!(world.cards(), ["a.vcf"]);
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_change_one_field_and_the_policy_decides() {
    let cases = [
        ("one-way", "", false, true),
        ("two-way", "", false, true),
        ("two-way", "conflict = \"pipedrive\"", false, false),
        ("two-way", "conflict = \"newest\"", true, false),
        ("two-way", "conflict = \"newest\"", false, true),
    ];
    for (direction, extra, person_later, provider_wins) in cases {
        let mut world = World::with(direction, extra).await;
        world.card("a.vcf", &[ANNA[0], ANNA[1], "TITLE:Buyer"]);
        world.pass().await;
        let id = world.person("Anna Weber").await["id"].clone();
        world.edit("a.vcf", "TITLE:Buyer", "TITLE:Head of Buying");
        if person_later {
            world.later(std::time::Duration::from_mins(10));
        }
        world.change_person(&id, json!({"job_title": "Director"})).await;
        world.pass().await;
        let wins = if provider_wins { "Head of Buying" } else { "Director" };
        let case = format!("{direction} {extra} {person_later}");
        assert_eq!(world.person("Anna Weber").await["job_title"], wins, "{case}");
        let card = if direction == "one-way" { "Head of Buying" } else { wins };
        assert!(world.text("a.vcf").contains(&format!("TITLE:{card}")), "{case}");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_card_and_an_edited_person() {
    for (direction, persons, cards) in [("one-way", 8, 8), ("two-way", 9, 9)] {
        let mut world = World::new(direction).await;
        others(&world);
        world.card("a.vcf", &ANNA);
        world.pass().await;
        let id = world.person("Anna Weber").await["id"].clone();
        fs::remove_file(world.card_path("a.vcf")).expect("removed");
        world.change_person(&id, json!({"job_title": "Director"})).await;
        world.pass().await;
        assert_eq!((world.persons().await.len(), world.cards().len()), (persons, cards), "{direction}");
        assert_eq!(world.links().await, cards as u64);
        if direction == "two-way" {
            let card = world.cards().into_iter().find(|name| !name.starts_with("other")).expect("created again");
            let text = world.text(&card);
            assert!(text.contains("anna@acme.example") && text.contains("TITLE:Director"), "{text}");
        }
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_card_and_a_deleted_person() {
    for (direction, persons, links) in [("one-way", 8, 8), ("two-way", 9, 9)] {
        let mut world = World::new(direction).await;
        others(&world);
        world.card("a.vcf", &ANNA);
        world.pass().await;
        let id = world.person("Anna Weber").await["id"].clone();
        world.delete_person(&id).await;
        world.edit("a.vcf", "FN:Anna Weber", "FN:Anna Weber\r\nTITLE:Director");
        world.pass().await;
        assert_eq!((world.persons().await.len(), world.links().await), (persons, links), "{direction}");
        assert_eq!(world.cards().len(), 9);
        if direction == "two-way" {
            assert_eq!(world.person("Anna Weber").await["job_title"], "Director");
        }
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_on_both_sides_is_forgotten() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        let others = others(&world);
        world.card("a.vcf", &ANNA);
        world.pass().await;
        let id = world.person("Anna Weber").await["id"].clone();
        world.delete_person(&id).await;
        fs::remove_file(world.card_path("a.vcf")).expect("removed");
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}");
        assert_eq!((world.links().await, world.codes().await.len()), (others, 0));
        // It is really forgotten: the same card is new.
        world.card("a.vcf", &ANNA);
        assert_eq!(world.pass().await, (1, 0, 0, 0));
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_merged_into_another_is_held_and_a_yes_deletes_its_person() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        others(&world);
        world.card("a.vcf", &ANNA);
        world.card("b.vcf", &BOB);
        world.pass().await;
        fs::remove_file(world.card_path("a.vcf")).expect("removed");
        world.edit("b.vcf", "EMAIL:bob", "EMAIL:anna@acme.example\r\nEMAIL:bob");
        world.pass().await;
        assert_eq!(world.codes().await, ["merged"], "{direction}");
        assert_eq!(world.persons().await.len(), 10);
        world.idle().await;
        world.restart();
        world.idle().await;
        let item = world.held().await.remove(0);
        world.confirm(&item).await;
        assert_eq!(world.pass().await, (0, 0, 1, 0), "{direction}");
        assert_eq!((world.codes().await.len(), world.persons().await.len()), (0, 9));
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_moves_to_the_person_that_survives_a_merge() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::with(direction, "new_persons = false").await;
        world.card("a.vcf", &ANNA);
        world.card("b.vcf", &BOB);
        world.pass().await;
        let kept = world.add_person(person("Anna W. Weber", "aw@home.example")).await;
        world.pass().await;
        let anna = world.person("Anna Weber").await["id"].clone();
        world.merge_persons(&anna, &kept["id"]).await;
        world.pass().await;
        assert_eq!((world.links().await, world.codes().await.len()), (2, 0), "{direction}");
        assert_eq!(world.persons().await.len(), 2);
        world.idle().await;
        world.edit("a.vcf", "FN:Anna Weber", "FN:Anna Weber\r\nTITLE:Director");
        world.pass().await;
        let persons = world.persons().await;
        assert!(persons.iter().any(|p| p["id"] == kept["id"] && p["job_title"] == "Director"), "{persons:?}");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_merged_into_a_linked_one_is_held() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        world.card("a.vcf", &ANNA);
        world.card("b.vcf", &BOB);
        world.pass().await;
        let (anna, bob) = (world.person("Anna Weber").await, world.person("Bob Stone").await);
        world.merge_persons(&anna["id"], &bob["id"]).await;
        world.pass().await;
        assert_eq!(world.codes().await, ["person-merged"], "{direction}");
        assert_eq!(world.cards(), ["a.vcf", "b.vcf"]);
        world.idle().await;
        world.restart();
        world.idle().await;
        assert_eq!(world.codes().await, ["person-merged"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_that_changes_its_owner() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        world.card("a.vcf", &ANNA);
        world.card("b.vcf", &BOB);
        world.pass().await;
        let (eve, alice) = (world.user("eve@acme.example").await, world.user(OWNER).await);
        let id = world.person("Anna Weber").await["id"].clone();
        world.change_person(&id, json!({"owner_id": eve})).await;
        world.pass().await;
        assert_eq!(world.cards(), ["a.vcf", "b.vcf"], "the contact is kept");
        assert_eq!(world.links().await, if direction == "one-way" { 2 } else { 1 });
        world.idle().await;
        world.edit("a.vcf", "FN:Anna Weber", "FN:Anna Weber\r\nTITLE:Director");
        world.pass().await;
        let title = world.person("Anna Weber").await["job_title"].clone();
        assert_eq!(title, if direction == "one-way" { json!("Director") } else { json!(null) });
        world.idle().await;
        // Deleting the card never deletes somebody else's person.
        if direction == "one-way" {
            fs::remove_file(world.card_path("a.vcf")).expect("removed");
            world.pass().await;
            assert_eq!(world.codes().await, ["not-owners"]);
            assert_eq!(world.persons().await.len(), 2);
            continue;
        }
        world.change_person(&id, json!({"owner_id": alice})).await;
        world.pass().await;
        assert_eq!((world.links().await, world.codes().await.len()), (2, 0), "it wakes");
        assert_eq!(world.person("Anna Weber").await["job_title"], "Director");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_file_keeps_its_link() {
    for (direction, restart) in [("one-way", false), ("one-way", true), ("two-way", false), ("two-way", true)] {
        let mut world = World::new(direction).await;
        world.card("a.vcf", &ANNA);
        world.pass().await;
        let id = world.person("Anna Weber").await["id"].clone();
        fs::create_dir(world.path("cards/friends")).expect("a sub-folder");
        fs::rename(world.card_path("a.vcf"), world.card_path("friends/anna.vcf")).expect("renamed");
        if restart {
            world.restart();
        }
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction} {restart}");
        assert_eq!((world.links().await, world.codes().await.len()), (1, 0));
        world.idle().await;
        world.edit("friends/anna.vcf", "FN:Anna Weber", "FN:Anna Weber\r\nTITLE:Director");
        assert_eq!(world.pass().await, (0, 1, 0, 0));
        let anna = world.person("Anna Weber").await;
        assert_eq!((&anna["id"], &anna["job_title"]), (&id, &json!("Director")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_leaves_the_group_sleeps_and_wakes_when_it_is_back() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::of(&account("alice", "cards", "Clients", direction, "")).await;
        fs::create_dir(world.path("cards/Clients")).expect("a sub-folder");
        world.card("a.vcf", &[ANNA[0], ANNA[1], "CATEGORIES:Clients"]);
        world.card("Clients/b.vcf", &BOB);
        assert_eq!(world.pass().await, (2, 0, 0, 0));
        let all = world.persons().await;
        world.edit("a.vcf", "CATEGORIES:Clients", "CATEGORIES:Friends");
        fs::rename(world.card_path("Clients/b.vcf"), world.card_path("b.vcf")).expect("renamed");
        world.card("Clients/c.vcf", &["FN:Carl Hill", "EMAIL:carl@acme.example"]);
        assert_eq!(world.pass().await, (1, 0, 0, 0), "{direction}");
        assert_eq!((world.links().await, world.codes().await.len()), (1, 0));
        assert_eq!(world.persons().await.len(), all.len() + 1, "both persons are kept");
        world.idle().await;
        world.restart();
        world.idle().await;
        world.edit("a.vcf", "CATEGORIES:Friends", "TITLE:Director\r\nCATEGORIES:Clients");
        fs::rename(world.card_path("b.vcf"), world.card_path("Clients/b.vcf")).expect("renamed");
        assert_eq!(world.pass().await, (0, 1, 0, 0), "{direction}");
        assert_eq!((world.links().await, world.persons().await.len()), (3, 3));
        assert_eq!(world.person("Anna Weber").await["job_title"], "Director");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_leaves_the_group_deletes_its_person_where_told_to() {
    for direction in ["one-way", "two-way"] {
        let keys = "on_leave_group = \"delete\"";
        let mut world = World::of(&account("alice", "cards", "Clients", direction, keys)).await;
        fs::create_dir(world.path("cards/Clients")).expect("a sub-folder");
        world.card("a.vcf", &[ANNA[0], ANNA[1], "CATEGORIES:Clients"]);
        world.card("Clients/b.vcf", &BOB);
        world.card("Clients/c.vcf", &["FN:Carl Hill", "EMAIL:carl@acme.example"]);
        world.pass().await;
        world.edit("a.vcf", "CATEGORIES:Clients", "CATEGORIES:Friends");
        fs::rename(world.card_path("Clients/b.vcf"), world.card_path("b.vcf")).expect("renamed");
        assert_eq!(world.pass().await, (0, 0, 2, 0), "{direction}");
        assert_eq!((world.links().await, world.persons().await.len()), (1, 1));
        assert_eq!(world.cards().len(), 3, "the cards stay");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_that_move_out_of_the_group_are_no_deletions_for_the_guard() {
    let mut world = World::of(&account("alice", "cards", "Clients", "one-way", "")).await;
    fs::create_dir(world.path("cards/Clients")).expect("a sub-folder");
    for n in 0..10 {
        world.card(&format!("Clients/{n}.vcf"), &[&format!("FN:P {n}"), &format!("EMAIL:p{n}@acme.example")]);
    }
    world.pass().await;
    for n in 0..9 {
        fs::rename(world.card_path(&format!("Clients/{n}.vcf")), world.card_path(&format!("{n}.vcf"))).expect("moved");
    }
    assert_eq!(world.pass().await, (0, 0, 0, 0));
    assert_eq!((world.links().await, world.persons().await.len()), (1, 10));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_way_creations_are_in_the_group() {
    let mut world = World::of(&account("alice", "cards", "Clients", "two-way", "")).await;
    world.card("a.vcf", &[ANNA[0], ANNA[1], "CATEGORIES:Clients"]);
    world.pass().await;
    world.add_person(person("Bob Stone", "bob@acme.example")).await;
    assert_eq!(world.pass().await, (1, 0, 0, 0));
    let card = world.cards().into_iter().find(|name| name != "a.vcf").expect("a new card");
    assert!(world.text(&card).contains("Clients"), "{}", world.text(&card));
    world.idle().await;
    world.restart();
    world.idle().await;
    assert_eq!(world.links().await, 2);
    assert_eq!(values(&world.person("Bob Stone").await, "emails"), ["bob@acme.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_wakes_a_sleeping_pair() {
    for (direction, keys) in [("one-way", ""), ("two-way", "deletes = \"never\"")] {
        let mut world = World::with(direction, keys).await;
        others(&world);
        world.card("a.vcf", &ANNA);
        world.pass().await;
        let id = world.person("Anna Weber").await["id"].clone();
        world.delete_person(&id).await;
        world.pass().await;
        assert_eq!((world.links().await, world.codes().await.len()), (8, 0), "{direction}: it sleeps");
        let digests = world.sleeping();
        assert_eq!(digests.len(), 1);
        let digest = Digest::parse(&digests[0]).expect("a digest");
        let alice = AccountName::new("alice").expect("a name");
        world.operator().await.confirm(&alice, digest).await.expect("confirmed");
        assert_eq!(world.pass().await, (1, 0, 0, 0), "{direction}: the person is created again");
        assert_eq!((world.links().await, world.persons().await.len()), (9, 9));
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_ever_deleted_links_sleep() {
    for direction in ["one-way", "two-way"] {
        let mut world = World::with(direction, "deletes = \"never\"").await;
        others(&world);
        world.card("a.vcf", &ANNA);
        world.card("b.vcf", &BOB);
        world.pass().await;
        fs::remove_file(world.card_path("a.vcf")).expect("removed");
        let bob = world.person("Bob Stone").await["id"].clone();
        world.delete_person(&bob).await;
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}");
        assert_eq!((world.links().await, world.persons().await.len(), world.cards().len()), (8, 9, 9));
        world.idle().await;
        world.restart();
        world.idle().await;
        // Back again: it wakes, and nothing is doubled.
        world.card("a.vcf", &ANNA);
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}");
        assert_eq!((world.links().await, world.persons().await.len()), (9, 9));
        world.idle().await;
    }
}

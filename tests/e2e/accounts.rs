//! Several accounts: of one book, of one owner, of one company.

use std::fs;

use carnetd::status::Outcome;

use super::world::{OWNER, World, account};

const ANNA: [&str; 2] = ["FN:Anna Weber", "EMAIL:anna@acme.example"];

/// Every account's pass ends well; what each did, as (added, updated, deleted).
async fn passes(world: &mut World) -> Vec<(u64, u64, u64)> {
    let synced = world.each().await;
    assert!(synced.values().all(|s| s.outcome == Outcome::Ok && s.failed == 0), "{synced:?}");
    synced.values().map(|s| (s.added, s.updated, s.deleted)).collect()
}

async fn idle(world: &mut World) {
    let before = world.writes().await;
    assert!(passes(world).await.iter().all(|did| *did == (0, 0, 0)));
    assert_eq!(world.writes().await, before, "a pass without an outside change writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_in_two_groups_of_one_book_is_one_link_and_leaves_when_it_is_in_neither() {
    for leave in ["keep", "delete"] {
        let keys = format!("on_leave_group = \"{leave}\"");
        let alice = account("alice", "cards", "Clients", "one-way", &keys);
        let vip = account("vip", "cards", "VIP", "one-way", &keys);
        let mut world = World::of(&format!("{alice}{vip}")).await;
        world.card("a.vcf", &[ANNA[0], ANNA[1], "CATEGORIES:Clients,VIP"]);
        for n in 0..4 {
            let group = if n % 2 == 0 { "Clients" } else { "VIP" };
            let lines = [&format!("FN:P {n}"), &format!("EMAIL:p{n}@acme.example"), &format!("CATEGORIES:{group}")];
            world.card(&format!("{n}.vcf"), &lines.map(String::as_str));
        }
        assert_eq!(passes(&mut world).await, [(3, 0, 0), (2, 0, 0)]);
        assert_eq!(world.persons().await.len(), 5);
        idle(&mut world).await;
        world.edit("a.vcf", "CATEGORIES:Clients,VIP", "CATEGORIES:VIP\r\nTITLE:Director");
        passes(&mut world).await;
        passes(&mut world).await;
        assert_eq!(world.persons().await.len(), 5, "{leave}: it is still in a group");
        assert_eq!((world.status("alice").await.contacts, world.status("vip").await.contacts), (2, 3));
        assert_eq!(world.person("Anna Weber").await["job_title"], "Director", "{leave}: the other account goes on");
        idle(&mut world).await;
        world.restart();
        idle(&mut world).await;
        // Back in the first group: it stays where it is.
        world.edit("a.vcf", "CATEGORIES:VIP", "CATEGORIES:VIP,Clients");
        passes(&mut world).await;
        assert_eq!((world.status("alice").await.contacts, world.status("vip").await.contacts), (2, 3));
        world.edit("a.vcf", "CATEGORIES:VIP,Clients", "CATEGORIES:Friends");
        passes(&mut world).await;
        passes(&mut world).await;
        assert_eq!((world.status("alice").await.contacts, world.status("vip").await.contacts), (2, 2));
        assert_eq!(world.persons().await.len(), if leave == "delete" { 4 } else { 5 });
        idle(&mut world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_moves_from_one_groups_folder_to_anothers_keeps_its_person() {
    for (from, to) in [("Clients", "VIP"), ("VIP", "Clients")] {
        let keys = "on_leave_group = \"delete\"";
        let alice = account("alice", "cards", "Clients", "two-way", &format!("{keys}\nnew_persons = false"));
        let vip = account("vip", "cards", "VIP", "two-way", keys);
        let mut world = World::of(&format!("{alice}{vip}")).await;
        for group in ["Clients", "VIP"] {
            fs::create_dir(world.path(&format!("cards/{group}"))).expect("a sub-folder");
            world.card(&format!("{group}/0.vcf"), &[&format!("FN:In {group}"), &format!("EMAIL:{group}@acme.example")]);
        }
        world.card(&format!("{from}/a.vcf"), &ANNA);
        passes(&mut world).await;
        idle(&mut world).await;
        let id = world.person("Anna Weber").await["id"].clone();
        let to_path = world.card_path(&format!("{to}/anna.vcf"));
        fs::rename(world.card_path(&format!("{from}/a.vcf")), to_path).expect("renamed");
        passes(&mut world).await;
        passes(&mut world).await;
        assert_eq!(world.person("Anna Weber").await["id"], id, "{from} to {to}");
        let (mine, other) = (world.status("alice").await.contacts, world.status("vip").await.contacts);
        assert_eq!((mine, other), if to == "VIP" { (1, 2) } else { (2, 1) }, "{from} to {to}");
        assert_eq!(world.codes().await, [""; 0]);
        idle(&mut world).await;
        world.edit(&format!("{to}/anna.vcf"), "FN:Anna Weber", "FN:Anna Weber\r\nTITLE:Director");
        passes(&mut world).await;
        assert_eq!(world.person("Anna Weber").await["job_title"], "Director");
        idle(&mut world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_account_linked_is_taken_once_it_is_free() {
    let keys = "match = \"company\"";
    let alice = account("alice", "cards", "*", "one-way", keys);
    let bob = account("bob", "bobs", "*", "one-way", &format!("{keys}\nowner = \"bob@acme.example\""));
    let mut world = World::of(&format!("{alice}{bob}")).await;
    world.user("bob@acme.example").await;
    fs::create_dir(world.path("bobs")).expect("a folder");
    world.card("a.vcf", &ANNA);
    world.card("b.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example"]);
    world.card("../bobs/a.vcf", &ANNA);
    passes(&mut world).await;
    assert_eq!(world.status("bob").await.contacts, 0);
    fs::remove_file(world.card_path("a.vcf")).expect("removed");
    passes(&mut world).await;
    passes(&mut world).await;
    assert_eq!((world.status("bob").await.contacts, world.persons().await.len()), (1, 2));
    idle(&mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_have_a_person_each_and_company_wide_matching_skips_what_another_account_links() {
    for (matching, persons) in [("owner", 2), ("company", 1)] {
        let keys = format!("match = \"{matching}\"");
        let alice = account("alice", "cards", "*", "one-way", &keys);
        let bob = account("bob", "bobs", "*", "one-way", &format!("{keys}\nowner = \"bob@acme.example\""));
        let mut world = World::of(&format!("{alice}{bob}")).await;
        world.user("bob@acme.example").await;
        fs::create_dir(world.path("bobs")).expect("a folder");
        world.card("a.vcf", &ANNA);
        world.card("../bobs/a.vcf", &ANNA);
        passes(&mut world).await;
        let all = world.persons().await;
        assert_eq!(all.len(), persons, "{matching}: {all:?}");
        assert_eq!(world.codes().await, [""; 0], "{matching}: skipped, not held");
        assert_eq!(world.status("bob").await.contacts, persons as u64 - 1);
        idle(&mut world).await;
        if matching == "company" {
            let plans = world.operator().await.plan(None).await.expect("plans");
            let text = format!("{:?}", plans.iter().find(|plan| plan.account == "bob").expect("bob's").steps);
            assert!(text.contains("alice"), "the plan names the account: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_or_disabled_account_writes_nothing_and_keeps_its_links() {
    let alice = account("alice", "cards", "*", "one-way", "");
    let other = account("other", "others", "*", "one-way", "owner = \"bob@acme.example\"");
    let mut world = World::of(&format!("{alice}{other}")).await;
    world.user("bob@acme.example").await;
    fs::create_dir(world.path("others")).expect("a folder");
    world.card("a.vcf", &ANNA);
    passes(&mut world).await;
    for without in [other.clone(), format!("{}{other}", account("alice", "cards", "*", "one-way", "enabled = false"))] {
        world.declare(&without);
        let before = world.writes().await;
        assert_eq!(passes(&mut world).await.len(), 1);
        assert_eq!((world.writes().await, world.persons().await.len()), (before, 1));
        world.declare(&format!("{alice}{other}"));
        idle(&mut world).await;
        assert_eq!(world.status("alice").await.contacts, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_account_takes_its_links_along() {
    let mut world = World::of(&account("alice", "cards", "*", "one-way", "")).await;
    world.card("a.vcf", &ANNA);
    world.pass().await;
    world.declare(&account("anna", "cards", "*", "one-way", ""));
    world.idle().await;
    assert_eq!(world.status("anna").await.contacts, 1);
    // The old name, declared anew beside it, is another account: it has nothing of this one.
    let both = [
        account("anna", "cards", "*", "one-way", ""),
        account("alice", "others", "*", "one-way", &format!("owner = \"{OWNER}\"")),
    ];
    fs::create_dir(world.path("others")).expect("a folder");
    world.declare(&both.concat());
    idle(&mut world).await;
    assert_eq!((world.status("anna").await.contacts, world.status("alice").await.contacts), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_does_not_take_over_the_link_of_a_card_that_stood_in_the_place_of_another() {
    let mut world = World::of(&account("alice", "cards", "*", "one-way", "")).await;
    world.card("a.vcf", &ANNA);
    world.pass().await;
    world.declare(&account("carol", "cards", "*", "two-way", ""));
    world.card("a.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example"]);
    world.edit("a.vcf", "UID:a.vcf", "UID:bob");
    world.later(std::time::Duration::from_mins(1));
    passes(&mut world).await;
    passes(&mut world).await;
    assert_eq!(world.person("Anna Weber").await["emails"][0]["value"], "anna@acme.example");
    world.person("Bob Stone").await;
}

/// A book of four, one of whom nothing but the name is known.
fn four(world: &World, folder: &str, uid: &str) {
    for n in 0..4 {
        let (name, email) = (format!("FN:Given{n} Family{n}"), format!("EMAIL:p{n}@acme.example"));
        let known = if n < 3 { email.as_str() } else { "NOTE:nothing else" };
        let lines = [&name, known, "CATEGORIES:Clients"].join("\r\n");
        let text = format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}{n}\r\n{lines}\r\nEND:VCARD\r\n");
        fs::create_dir_all(world.path(folder)).expect("a folder");
        fs::write(world.path(&format!("{folder}/{n}.vcf")), text).expect("a card");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_with_another_group_direction_or_owner_takes_over_what_the_old_one_left() {
    let bobs = "owner = \"bob@acme.example\"";
    for (group, direction, keys) in [("Clients", "one-way", ""), ("*", "two-way", ""), ("*", "one-way", bobs)] {
        let mut world = World::of(&account("alice", "cards", "*", "one-way", "")).await;
        world.user("bob@acme.example").await;
        four(&world, "cards", "c");
        assert_eq!(world.pass().await, (4, 0, 0, 0));
        let ids: Vec<u64> = world.persons().await.iter().filter_map(|person| person["id"].as_u64()).collect();
        world.declare(&account("carol", "cards", group, direction, keys));
        let context = format!("{group} {direction} {keys}");
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{context}");
        assert_eq!((world.links().await, world.codes().await), (4, Vec::new()), "{context}");
        world.edit("0.vcf", "FN:Given0 Family0", "FN:Edith Family0");
        world.edit("3.vcf", "NOTE:nothing else", "TITLE:Director");
        world.pass().await;
        let now: Vec<u64> = world.persons().await.iter().filter_map(|person| person["id"].as_u64()).collect();
        assert_eq!(now, ids, "{context}: no doubles");
        assert_eq!(world.person("Given3 Family3").await["job_title"], "Director", "{context}");
        world.person("Edith Family0").await;
        world.idle().await;
        // The old name comes back: what it had is somebody else's.
        let again = account("alice", "cards", "*", "one-way", "");
        let both = if direction == "two-way" { String::new() } else { again };
        world.declare(&format!("{}{both}", account("carol", "cards", group, direction, keys)));
        passes(&mut world).await;
        assert_eq!((world.status("carol").await.contacts, world.persons().await.len()), (4, 4), "{context}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_moved_under_a_new_name_finds_the_persons_that_the_old_one_left() {
    let old = account("old", "cards", "*", "one-way", "");
    let new = account("new", "moved", "*", "one-way", "");
    let mut world = World::of(&old).await;
    four(&world, "cards", "c");
    world.pass().await;
    four(&world, "moved", "m");
    // A disabled account binds what it has.
    world.declare(&format!("{}{new}", account("old", "cards", "*", "one-way", "enabled = false")));
    passes(&mut world).await;
    assert_eq!((world.status("new").await.contacts, world.persons().await.len()), (0, 4));
    world.declare(&new);
    passes(&mut world).await;
    // Of the fourth nothing but the name is known.
    assert_eq!((world.links().await, world.codes().await), (3, vec!["name-alone".to_owned()]));
    assert_eq!(world.persons().await.len(), 4, "no doubles");
    let card = fs::read_to_string(world.path("moved/1.vcf")).expect("a card");
    fs::write(world.path("moved/1.vcf"), card.replace("FN:Given1 Family1", "FN:Edith Family1")).expect("a card");
    passes(&mut world).await;
    world.person("Edith Family1").await;
    world.declare(&format!("{new}{old}"));
    passes(&mut world).await;
    passes(&mut world).await;
    assert_eq!((world.status("old").await.contacts, world.status("new").await.contacts), (1, 3));
    assert_eq!(world.persons().await.len(), 4, "the old one, come back, has only what nobody took");
    world.person("Edith Family1").await;
    let plans = world.operator().await.plan(None).await.expect("plans");
    let of_old = format!("{:?}", plans.iter().find(|plan| plan.account == "old").expect("its plan").steps);
    assert!(of_old.contains("linked by account new"), "{of_old}");
    idle(&mut world).await;
}

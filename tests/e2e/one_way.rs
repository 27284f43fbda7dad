//! Provider to Pipedrive.

use serde_json::{Value, json};

use super::world::{World, account, values};

#[tokio::test(flavor = "multi_thread")]
async fn new_cards_become_persons_once() {
    let mut world = World::new("one-way").await;
    world.card(
        "anna.vcf",
        &["FN:Anna Weber", "EMAIL:anna@acme.example", "TEL:+33 1 99 00 12 34", "ORG:Acme", "NOTE:Hi"],
    );
    world.card("bob.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example", "ORG:acme", "BDAY:1980-02-29"]);
    assert_eq!(world.pass().await, (2, 0, 0, 0));
    let anna = world.person("Anna Weber").await;
    assert_eq!(values(&anna, "emails"), ["anna@acme.example"]);
    assert_eq!(values(&anna, "phones"), ["+33 1 99 00 12 34"]);
    assert_eq!(anna["visible_to"], 3);
    assert_eq!(anna["notes"], "Hi");
    let bob = world.person("Bob Stone").await;
    assert_eq!(bob["birthday"], "1980-02-29");
    assert_eq!(anna["org_id"], bob["org_id"], "one organization for one name");
    assert_eq!(world.organizations().await.len(), 1);
    world.idle().await;
    world.restart();
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_card_updates_its_person_and_keeps_the_persons_own() {
    let mut world = World::new("one-way").await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example", "TITLE:Buyer"]);
    world.pass().await;
    let anna = world.person("Anna Weber").await;
    let own = json!({"emails": [{"value": "anna@acme.example"}, {"value": "own@acme.example"}]});
    world.change_person(&anna["id"], own).await;
    assert_eq!(world.pass().await, (0, 0, 0, 0), "one-way: nothing flows back");
    world.edit("anna.vcf", "TITLE:Buyer", "TITLE:Head of Buying\r\nTEL:+15550100199");
    assert_eq!(world.pass().await, (0, 1, 0, 0));
    let anna = world.person("Anna Weber").await;
    assert_eq!(anna["job_title"], "Head of Buying");
    assert_eq!(values(&anna, "emails"), ["anna@acme.example", "own@acme.example"]);
    assert_eq!(values(&anna, "phones"), ["+15550100199"]);
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_card_deletes_its_person_and_a_deleted_person_stays_deleted() {
    let mut world = World::new("one-way").await;
    for name in ["a", "b", "c", "d", "e"] {
        world.card(&format!("{name}.vcf"), &[&format!("FN:Person {name}"), &format!("EMAIL:{name}@acme.example")]);
    }
    assert_eq!(world.pass().await, (5, 0, 0, 0));
    std::fs::remove_file(world.card_path("a.vcf")).expect("removed");
    assert_eq!(world.pass().await, (0, 0, 1, 0));
    let b = world.person("Person b").await;
    world.delete_person(&b["id"]).await;
    assert_eq!(world.pass().await, (0, 0, 0, 0));
    assert_eq!(world.persons().await.len(), 3, "it is not brought back");
    world.idle().await;
    world.edit("b.vcf", "FN:Person b", "FN:Person Bee");
    world.pass().await;
    assert_eq!(world.persons().await.len(), 3, "changed | deleted: stays deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_deletions_are_refused_until_confirmed() {
    let mut world = World::new("one-way").await;
    for n in 0..8 {
        world.card(&format!("{n}.vcf"), &[&format!("FN:Person {n}"), &format!("EMAIL:{n}@acme.example")]);
    }
    world.pass().await;
    for n in 0..4 {
        std::fs::remove_file(world.card_path(&format!("{n}.vcf"))).expect("removed");
    }
    let synced = world.sync().await;
    assert_eq!(synced.outcome, carnetd::status::Outcome::Held, "{synced:?}");
    assert_eq!(world.persons().await.len(), 8, "nothing was deleted");
    let held = world.held().await;
    assert_eq!(held.len(), 1, "{held:?}");
    let digest = carnetd::contact::Digest::parse(&held[0].digest).expect("a digest");
    let name = carnetd::account::AccountName::new("alice").expect("a name");
    world.operator().await.confirm(&name, digest).await.expect("confirmed");
    assert_eq!(world.pass().await, (0, 0, 4, 0));
    assert_eq!(world.persons().await.len(), 4);
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_matching_person_is_linked_and_two_are_held() {
    let mut world = World::new("one-way").await;
    let phone = json!([{"value": "+15550100111"}]);
    let emails = json!([{"value": "anna@acme.example"}]);
    world.add_person(json!({"name": "Anna Weber", "emails": emails, "phones": phone})).await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example", "EMAIL:a.weber@home.example"]);
    assert_eq!(world.pass().await, (0, 1, 0, 0), "linked and merged, not doubled");
    let anna = world.person("Anna Weber").await;
    assert_eq!(values(&anna, "emails"), ["anna@acme.example", "a.weber@home.example"]);
    assert_eq!(values(&anna, "phones"), ["+15550100111"], "what only the person has is kept");

    for _ in 0..2 {
        world.add_person(json!({"name": "Bob Stone", "emails": [{"value": "bob@acme.example"}]})).await;
    }
    world.card("bob.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example"]);
    assert_eq!(world.pass().await, (0, 0, 0, 0));
    let held = world.held().await;
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!(held[0].code, "several-matches");
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_organization_is_named_and_not_asked_for_again() {
    let mut world = World::new("one-way").await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example", "ORG:Acme"]);
    world.card("bob.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example"]);
    world.faults(json!({"status": 400, "only": "POST /pipedrive/api/v2/organizations"})).await;
    assert_eq!(world.pass().await, (1, 0, 0, 1), "the other contact comes over");
    assert_eq!(world.codes().await, ["refused"]);
    let before = world.writes().await;
    world.sync().await;
    let asked_again = world.writes().await - before;
    assert!(asked_again <= 1, "a refresh asks once more: {asked_again}");
    world.well().await;
    assert_eq!(world.pass().await, (1, 0, 0, 0));
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_says_so_when_it_is_asked_for() {
    let mut world = World::with("one-way", "enabled = false").await;
    let name = carnetd::account::AccountName::new("alice").expect("a name");
    let synced = world.operator().await.sync(Some(&name), false).await.expect("an answer");
    assert_eq!(synced.len(), 1);
    assert!(synced[0].message.as_deref().is_some_and(|why| why.contains("enabled = false")), "{synced:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_organization_is_found_or_made_anew_for_those_who_name_it() {
    let org = |world: &World, name: &str, n: usize, lines: &[&str]| {
        let (full, email) = (format!("FN:Person {n}"), format!("EMAIL:{n}@acme.example"));
        let lines = [&[full.as_str(), &email], lines].concat();
        world.card(name, &lines);
    };
    for direction in ["one-way", "two-way"] {
        let mut world = World::new(direction).await;
        org(&world, "0.vcf", 0, &["ORG:Acme"]);
        org(&world, "1.vcf", 1, &["ORG:Other"]);
        assert_eq!(world.pass().await, (2, 0, 0, 0));
        let acme = world.organizations().await.into_iter().find(|o| o["name"] == "Acme").expect("made")["id"].clone();
        world.delete_organization(&acme).await;

        // New contacts of that name, and a changed one: all of it is written, and one organization is made for all.
        org(&world, "1.vcf", 1, &["ORG:Acme", "TEL:+33199000001"]);
        (2..8).for_each(|n| org(&world, &format!("{n}.vcf"), n, &["ORG: acme "]));
        assert_eq!(world.pass().await, (6, 1, 0, 0), "{direction}: {:?}", world.held().await);
        let again: Vec<Value> = world.organizations().await.into_iter().filter(|o| o["name"] != "Other").collect();
        assert_eq!(again.len(), 1, "{again:?}");
        assert_ne!(again[0]["id"], acme);
        for n in 1..8 {
            let person = world.person(&format!("Person {n}")).await;
            assert_eq!(person["org_id"], again[0]["id"], "{direction}: {person}");
        }
        assert_eq!(values(&world.person("Person 1").await, "phones"), ["+33199000001"]);
        assert_eq!(world.codes().await, [""; 0]);
        world.idle().await;
        world.restart();
        world.idle().await;
        org(&world, "8.vcf", 8, &["ORG:Acme"]);
        assert_eq!(world.pass().await, (1, 0, 0, 0));
        assert_eq!(world.person("Person 8").await["org_id"], again[0]["id"], "{direction}: remembered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_and_skips_are_shown_by_name() {
    let mut world = World::new("one-way").await;
    for n in 0..5 {
        world.card(&format!("{n}.vcf"), &[&format!("FN:Person {n}"), &format!("EMAIL:{n}@acme.example")]);
    }
    world.pass().await;
    std::fs::remove_file(world.card_path("0.vcf")).expect("removed");
    let plans = world.operator().await.plan(None).await.expect("a plan");
    let [step] = plans[0].steps.as_slice() else { panic!("{plans:#?}") };
    assert_eq!((step.action.as_str(), step.contact.as_str()), ("delete", "Person 0"));
    assert_eq!(step.fields[0].before.as_deref(), Some("Person 0"), "whom, not only that there is somebody");
    world.pass().await;
    // A card that cannot be read any more is named as its link knows it.
    std::fs::write(world.card_path("1.vcf"), "BEGIN:VCARD\r\n").expect("a card");
    world.sync().await;
    let held = world.held().await;
    assert!(held[0].what.starts_with("Person 1 (1.vcf): "), "{held:?}");
    let status = format!("{:?}", world.status("alice").await);
    assert!(!status.contains("Person"), "no name in the status: {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_another_account_has_is_skipped_by_name() {
    let accounts = account("alice", "cards", "*", "one-way", "") + &account("bob", "more", "*", "one-way", "");
    let mut world = World::of(&accounts).await;
    std::fs::create_dir(world.path("more")).expect("a folder");
    let anna = ["FN:Anna Weber", "EMAIL:anna@acme.example"];
    world.card("anna.vcf", &anna);
    world.each().await;
    world.card("../more/a.vcf", &anna);
    let plans = world.operator().await.plan(None).await.expect("plans");
    let [step] = plans[1].steps.as_slice() else { panic!("{plans:#?}") };
    assert!(step.reason.contains("linked by account alice"), "{step:?}");
    assert_eq!(step.contact, "Anna Weber");
}

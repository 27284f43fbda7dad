//! Fields that Pipedrive keeps elsewhere than before: the new field is empty, but nobody emptied it.

use serde_json::{Value, json};

use super::world::{World, account};

const CUSTOM: [(&str, &str, &str); 5] = [
    ("job_title", "Function", "varchar"),
    ("birthday", "Born", "date"),
    ("notes", "Remarks", "text"),
    ("im", "Chat", "varchar"),
    ("postal_address", "Home", "address"),
];

/// What `[pipedrive.fields]` says, and one account.
fn declared(direction: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(field, name)| format!("{field} = \"{name}\"\n")).collect();
    format!("[pipedrive.fields]\n{}{}", fields.concat(), account("alice", "cards", "*", direction, ""))
}

/// A company without contact-sync fields, and 12 cards of which 6 say everything, kept in stand-ins.
async fn standing_in(direction: &str) -> (World, Vec<String>) {
    let fields = CUSTOM.map(|(field, name, _)| (field, name));
    let mut world = World::of(&declared(direction, &fields)).await;
    world.settings(json!({"contact_sync": false})).await;
    for (_, name, kind) in CUSTOM {
        world.custom_field(name, kind).await;
    }
    for n in 0..12 {
        let (name, email) = (format!("FN:Person {n}"), format!("EMAIL:{n}@acme.example"));
        let more =
            ["TITLE:Buyer", "BDAY:1980-04-12", "NOTE:tea", "IMPP:xmpp:p@jabber.example", "ADR:;;1 Rue X;Lyon;;;"];
        let lines: Vec<&str> =
            [name.as_str(), &email].into_iter().chain(more).take(if n < 6 { 7 } else { 2 }).collect();
        world.card(&format!("{n}.vcf"), &lines);
    }
    assert_eq!(world.pass().await, (12, 0, 0, 0));
    world.idle().await;
    let texts = texts(&world);
    (world, texts)
}

fn texts(world: &World) -> Vec<String> {
    world.cards().iter().map(|name| world.text(name)).collect()
}

async fn count(world: &World, has: impl Fn(&Value) -> bool) -> usize {
    world.persons().await.iter().filter(|person| has(person)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn contact_sync_fields_that_replace_stand_ins_are_filled_and_empty_no_card() {
    for (direction, restarts) in [("two-way", false), ("two-way", true), ("one-way", false), ("one-way", true)] {
        let (mut world, before) = standing_in(direction).await;
        world.settings(json!({"contact_sync": true})).await;
        if restarts {
            world.restart();
        }
        assert_eq!(world.pass().await, (0, 6, 0, 0), "{direction}, restarted: {restarts}");
        assert_eq!(texts(&world), before, "{direction}, restarted: {restarts}: a card was emptied");
        let full = |p: &Value| ["job_title", "birthday", "notes"].iter().all(|field| p[field].is_string());
        let more = |p: &Value| p["im"][0]["value"].is_string() && p["postal_address"]["value"].is_string();
        assert_eq!(count(&world, |p| full(p) && more(p)).await, 6, "{direction}, restarted: {restarts}");
        world.idle().await;
        world.restart();
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stand_in_is_filled_and_empties_no_card() {
    for direction in ["two-way", "one-way"] {
        let (mut world, before) = standing_in(direction).await;
        let key = world.custom_field("Born again", "date").await;
        world.declare(&declared(direction, &[("birthday", "Born again"), ("job_title", "Function")]));
        assert_eq!(world.pass().await, (0, 6, 0, 0), "{direction}");
        assert_eq!(texts(&world), before, "{direction}: a card was emptied");
        assert_eq!(count(&world, |p| p["custom_fields"][&key] == "1980-04-12").await, 6, "{direction}");
        world.idle().await;
        world.declare(&declared(direction, &[]));
        world.idle().await;
        world.declare(&declared(direction, &CUSTOM.map(|(field, name, _)| (field, name))));
        world.pass().await;
        assert_eq!(texts(&world), before, "{direction}: back in the first stand-ins");
        world.idle().await;
        // What is emptied after that was emptied by somebody.
        let first = world.person("Person 0").await;
        let custom = first["custom_fields"].as_object().expect("custom fields");
        let (function, _) = custom.iter().find(|(_, value)| *value == "Buyer").expect("the stand-in");
        world.change_person(&first["id"], json!({"custom_fields": {function: null}})).await;
        let flows = u64::from(direction == "two-way");
        assert_eq!(world.pass().await, (0, flows, 0, 0), "{direction}");
        assert_eq!(world.text("0.vcf").contains("TITLE"), flows == 0, "{direction}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_moves_however_often_the_process_is_stopped() {
    let mut points = 0;
    loop {
        let (mut world, before) = standing_in("two-way").await;
        world.settings(json!({"contact_sync": true})).await;
        let stopped = world.stopped_after(points).await;
        world.restart();
        world.pass().await;
        assert_eq!(texts(&world), before, "stopped after {points} commits");
        assert_eq!(count(&world, |p| p["birthday"] == "1980-04-12").await, 6, "stopped after {points} commits");
        world.idle().await;
        points += 1;
        if !stopped {
            break;
        }
    }
    assert!(points > 5, "a pass has more than {points} commits");
}

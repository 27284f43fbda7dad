//! Stopped at every record point in turn: whatever was sent and not recorded is found again, and nothing is made twice.
//!
//! A point is one commit of the state: each batch is one here. The process of that pass ends there, with every request under
//! way answered; the next one opens the same file.

use std::io::Cursor;

use base64::Engine as _;
use carnetd::account::AccountName;
use serde_json::{Value, json};

use super::world::{World, account, values};

/// Which writes of a stopped pass happen: a write that is not recorded may be done or not.
#[derive(Clone, Copy)]
enum Sent {
    /// All writes arrive.
    All,
    /// Of the creations some do not arrive, and some are done but not answered.
    SomeCreations,
    /// No call of this method arrives.
    No(&'static str),
}

/// Runs `prepare`, stops the pass that follows after each number of commits in turn (every other time the one after that
/// somewhere, too), and then expects `check` of what one good pass leaves, and nothing to do after it.
async fn at_every_point(
    direction: &'static str,
    sent: &[Sent],
    prepare: impl AsyncFn(&mut World),
    check: impl AsyncFn(&World),
) {
    /// Draws where the second stop is.
    const SEED: u64 = 21;
    let mut chance = fastrand::Rng::with_seed(SEED);
    for &sent in sent {
        let mut points = 0;
        while stopped_at(points, chance.u64(..12), (direction, sent), (&prepare, &check)).await {
            points += 1;
        }
        assert!(points > 5, "a pass has more than {points} commits");
    }
}

/// Says whether the pass was stopped, or ended before that point.
async fn stopped_at(
    first: u64,
    second: u64,
    (direction, sent): (&'static str, Sent),
    (prepare, check): (&impl AsyncFn(&mut World), &impl AsyncFn(&World)),
) -> bool {
    let mut world = World::new(direction).await;
    prepare(&mut world).await;
    let fault = match sent {
        Sent::All => json!({}),
        Sent::SomeCreations => json!({"dropped": 0.4, "lost": 0.3, "only": "POST /pipedrive", "seed": first}),
        Sent::No(method) => json!({"status": 401, "only": format!("{method} /pipedrive/api/v2/persons")}),
    };
    eprintln!("stopped after {first} commits, then after {second}; meanwhile {fault}");
    world.faults(fault).await;
    let stopped = world.stopped_after(first).await;
    if first % 2 == 1 {
        world.stopped_after(second).await;
    }
    world.well().await;
    world.restart();
    let last = world.sync().await;
    let held = world.held().await;
    assert_eq!((last.outcome, last.failed), (carnetd::status::Outcome::Ok, 0), "{last:?}: {held:?}");
    check(&world).await;
    world.idle().await;
    assert_eq!(world.held().await.len(), 0, "nothing waits: {:?}", world.held().await);
    stopped
}

fn names(records: &[Value]) -> Vec<&str> {
    let mut names: Vec<&str> = records.iter().filter_map(|record| record["name"].as_str()).collect();
    names.sort_unstable();
    names
}

/// Ten acquaintances, as cards `0.vcf` to `9.vcf`.
fn ten(world: &World) {
    for n in 0..10 {
        world.card(
            &format!("{n}.vcf"),
            &[&format!("FN:Person {n}"), &format!("EMAIL:{n}@acme.example"), "TITLE:Buyer", "ORG:Acme"],
        );
    }
}

fn picture() -> String {
    let mut bytes = Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(256, 256, |x, y| image::Rgb([x.to_le_bytes()[0], y.to_le_bytes()[0], 7]));
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).expect("a picture");
    base64::engine::general_purpose::STANDARD.encode(bytes.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_with_organizations_and_twins() {
    let picture = picture();
    let prepare = async |world: &mut World| {
        let photo = format!("PHOTO;ENCODING=b;TYPE=JPEG:{picture}");
        world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example", "ORG:Acme", "NOTE:Hi", &photo]);
        world.card("bob.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example", "TEL:+33 1 99 00 12 34", "ORG:acme"]);
        for twin in ["one.vcf", "two.vcf"] {
            world.card(twin, &["FN:Carl Twin", "EMAIL:carl@twin.example", "TEL:+33 1 99 00 12 35", "ORG:Twins"]);
        }
        world.card("dora.vcf", &["FN:Dora", "TEL:+33 1 99 00 12 36"]);
    };
    at_every_point("one-way", &[Sent::All, Sent::SomeCreations], prepare, async |world| {
        let persons = world.persons().await;
        assert_eq!(names(&persons), ["Anna Weber", "Bob Stone", "Carl Twin", "Carl Twin", "Dora"]);
        assert_eq!(names(&world.organizations().await), ["Acme", "Twins"]);
        let anna = world.person("Anna Weber").await;
        assert_eq!(anna["notes"], "Hi");
        assert!(!anna["picture_id"].is_null(), "her picture came over: {anna}");
        assert!(persons.iter().all(|p| p["org_id"].is_null() == (p["name"] == "Dora")), "{persons:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_again_while_pipedrive_cannot_say_what_there_is() {
    let mut world = World::new("one-way").await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example", "ORG:Acme"]);
    world.card("bob.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example"]);
    let mut points = 0;
    while world.persons().await.is_empty() {
        world.stopped_after(points).await;
        points += 1;
    }
    let writes = world.writes().await;
    // Everything can be asked but for which persons there are, newest first: that alone tells what became of the writes.
    world.faults(json!({"status": 403, "only": "GET /pipedrive/api/v2/persons"})).await;
    for _ in 0..2 {
        world.restart();
        let synced = world.sync().await;
        assert_ne!(synced.outcome, carnetd::status::Outcome::Ok, "{synced:?}");
        assert_eq!(world.writes().await, writes, "nothing is written");
    }
    world.well().await;
    world.restart();
    world.pass().await;
    assert_eq!(names(&world.persons().await), ["Anna Weber", "Bob Stone"]);
    assert_eq!(names(&world.organizations().await), ["Acme"]);
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_never_takes_what_this_one_may_have_made() {
    let accounts = ["alice", "bob"].map(|name| account(name, name, "*", "one-way", "")).concat();
    let names_of = ["alice", "bob"].map(|name| AccountName::new(name).expect("a name"));
    for lossy in [false, true] {
        for points in (u64::from(lossy)..26).step_by(2) {
            let mut world = World::of(&accounts).await;
            for name in ["Anna Weber", "Bert Stone", "Carl Clark"] {
                let lines = [&format!("FN:{name}"), &format!("EMAIL:{}@acme.example", &name[..4]), "ORG:Acme"];
                let file = format!("{name}.vcf");
                world.card(&file, &lines.map(|line| line as &str));
                for folder in ["alice", "bob"] {
                    std::fs::create_dir_all(world.path(folder)).expect("a folder");
                    std::fs::copy(world.card_path(&file), world.path(folder).join(&file)).expect("copied");
                }
            }
            if lossy {
                let fault = json!({"dropped": 0.4, "lost": 0.3, "only": "POST /pipedrive", "seed": points});
                world.faults(fault).await;
            }
            world.stopped_after(points).await;
            world.well().await;
            let made = world.persons().await.len();
            world.restart();
            for account in [1, 0, 1] {
                let synced = world.operator().await.sync(Some(&names_of[account]), false).await.expect("a pass");
                assert_eq!(synced[0].outcome, carnetd::status::Outcome::Ok, "{synced:?}");
            }
            let persons = world.persons().await;
            assert_eq!(names(&persons), ["Anna Weber", "Bert Stone", "Carl Clark"], "{points} {lossy}");
            assert_eq!(names(&world.organizations().await), ["Acme"]);
            let before = world.writes().await;
            world.operator().await.sync(None, false).await.expect("a pass");
            assert_eq!(world.writes().await, before, "{points} {lossy}");
            let linked = usize::try_from(world.operator().await.snapshot().accounts[0].contacts).expect("few");
            assert!(lossy || linked >= made, "{points}: alice made {made} and has {linked}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_that_come_later() {
    let prepare = async |world: &mut World| {
        world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
        world.pass().await;
        for twin in ["one.vcf", "two.vcf", "three.vcf"] {
            world.card(twin, &["FN:Carl Twin", "EMAIL:carl@twin.example", "TEL:+33 1 99 00 12 35"]);
        }
    };
    at_every_point("two-way", &[Sent::SomeCreations], prepare, async |world| {
        assert_eq!(names(&world.persons().await), ["Anna Weber", "Carl Twin", "Carl Twin", "Carl Twin"]);
        assert_eq!(world.cards().len(), 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_and_updates() {
    let prepare = async |world: &mut World| {
        world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example", "TITLE:Buyer"]);
        world.card("bob.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example"]);
        world.pass().await;
        let own = json!({"emails": [{"value": "anna@acme.example"}, {"value": "own@acme.example"}]});
        world.change_person(&world.person("Anna Weber").await["id"], own).await;
        world.edit("anna.vcf", "TITLE:Buyer", "TITLE:Head of Buying\r\nTEL:+15550100199\r\nORG:Acme");
        world.edit("bob.vcf", "FN:Bob Stone", "FN:Robert Stone");
        let emails = json!([{"value": "carl@acme.example"}]);
        world.add_person(json!({"name": "Carl Carlson", "emails": emails})).await;
        world.card("carl.vcf", &["FN:Carl Carlson", "EMAIL:carl@acme.example", "TITLE:Clerk", "TEL:+15550100111"]);
    };
    at_every_point("one-way", &[Sent::All, Sent::No("PATCH")], prepare, async |world| {
        assert_eq!(names(&world.persons().await), ["Anna Weber", "Carl Carlson", "Robert Stone"]);
        let anna = world.person("Anna Weber").await;
        assert_eq!(anna["job_title"], "Head of Buying");
        assert_eq!(values(&anna, "emails"), ["anna@acme.example", "own@acme.example"]);
        assert_eq!(values(&anna, "phones"), ["+15550100199"]);
        assert_eq!(names(&world.organizations().await), ["Acme"]);
        let carl = world.person("Carl Carlson").await;
        assert_eq!((&carl["job_title"], values(&carl, "phones").len()), (&json!("Clerk"), 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions() {
    let prepare = async |world: &mut World| {
        ten(world);
        world.pass().await;
        for n in 0..2 {
            std::fs::remove_file(world.card_path(&format!("{n}.vcf"))).expect("removed");
        }
    };
    at_every_point("one-way", &[Sent::All, Sent::No("DELETE")], prepare, async |world| {
        let persons = world.persons().await;
        assert_eq!(names(&persons), (2..10).map(|n| format!("Person {n}")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn creations_both_ways() {
    let prepare = async |world: &mut World| {
        world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
        world.pass().await;
        world.card("bob.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example", "ORG:Acme"]);
        for _ in 0..2 {
            let emails = json!([{"value": "carl@acme.example"}]);
            let phones = json!([{"value": "+15550100111"}]);
            world.add_person(json!({"name": "Carl Twin", "emails": emails, "phones": phones})).await;
        }
    };
    at_every_point("two-way", &[Sent::All, Sent::SomeCreations], prepare, async |world| {
        assert_eq!(names(&world.persons().await), ["Anna Weber", "Bob Stone", "Carl Twin", "Carl Twin"]);
        let cards: Vec<String> = world.cards().iter().map(|name| world.text(name)).collect();
        assert_eq!(cards.len(), 4, "{cards:#?}");
        assert_eq!(cards.iter().filter(|card| card.contains("FN:Carl Twin")).count(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_both_ways() {
    let prepare = async |world: &mut World| {
        for name in ["Anna", "Bob"] {
            let lines =
                [&format!("FN:{name} Weber"), &format!("EMAIL:{name}@acme.example"), "TITLE:Buyer", "X-KEEP:me"];
            world.card(&format!("{name}.vcf"), &lines);
        }
        world.pass().await;
        let phones = json!([{"value": "+15550100111", "label": "mobile"}]);
        let edit = json!({"phones": phones, "job_title": "Seller"});
        world.change_person(&world.person("Anna Weber").await["id"], edit).await;
        world.edit("Anna.vcf", "X-KEEP:me", "X-KEEP:me\r\nNOTE:from the card");
        world.change_person(&world.person("Bob Weber").await["id"], json!({"name": "Robert Weber"})).await;
    };
    at_every_point("two-way", &[Sent::All, Sent::No("PATCH")], prepare, async |world| {
        let text = world.text("Anna.vcf");
        for line in ["+15550100111", "TITLE:Seller", "X-KEEP:me", "NOTE:from the card"] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let anna = world.person("Anna Weber").await;
        assert_eq!((&anna["notes"], &anna["job_title"]), (&json!("from the card"), &json!("Seller")));
        assert_eq!(values(&anna, "phones"), ["+15550100111"]);
        assert!(world.text("Bob.vcf").contains("FN:Robert Weber"), "{}", world.text("Bob.vcf"));
        assert_eq!((world.persons().await.len(), world.cards().len()), (2, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_both_ways() {
    let prepare = async |world: &mut World| {
        ten(world);
        world.pass().await;
        std::fs::remove_file(world.card_path("0.vcf")).expect("removed");
        world.delete_person(&world.person("Person 1").await["id"]).await;
        // Deleted on one side and edited on the other: it is made again.
        std::fs::remove_file(world.card_path("2.vcf")).expect("removed");
        world.change_person(&world.person("Person 2").await["id"], json!({"job_title": "Seller"})).await;
        world.delete_person(&world.person("Person 3").await["id"]).await;
        world.edit("3.vcf", "TITLE:Buyer", "TITLE:Baker");
    };
    at_every_point("two-way", &[Sent::SomeCreations, Sent::No("DELETE")], prepare, async |world| {
        let kept: Vec<String> = (2..10).map(|n| format!("Person {n}")).collect();
        assert_eq!(names(&world.persons().await), kept);
        assert_eq!(world.cards().len(), 8, "{:?}", world.cards());
        assert_eq!(world.person("Person 3").await["job_title"], "Baker");
        let seller = world.cards().iter().filter(|name| world.text(name).contains("TITLE:Seller")).count();
        assert_eq!(seller, 1);
    })
    .await;
}

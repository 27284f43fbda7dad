//! Random worlds with an account at Google: edits on both sides, faults, lag and etag churn; all of it converges.
//!
//! `GOOGLE_SEED=n cargo test --test e2e google_random` replays the world that was printed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::google_world::{Google, LAG, shown, somebody, title};

/// What may befall calls to either side, at its worst.
fn faults(chance: &mut fastrand::Rng) -> Value {
    let mut rate = |most: f64| if chance.bool() { chance.f64() * most } else { 0.0 };
    json!({"too_many": rate(0.1), "server_error": rate(0.2), "dropped": rate(0.2), "lost": rate(0.2), "cut": rate(0.2),
        "html": rate(0.05), "expired_cursors": rate(0.1), "seed": chance.u32(..)})
}

/// Names and titles of all of a side.
type Side = BTreeMap<String, String>;

async fn contacts(world: &Google) -> Side {
    let contacts = world.contacts().await;
    let side: Side = contacts.iter().map(|c| (shown(c).to_owned(), title(c).to_owned())).collect();
    assert_eq!(side.len(), contacts.len(), "nobody is there twice: {side:?}");
    side
}

async fn persons(world: &Google) -> Side {
    let persons = world.persons().await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let side: Side = persons.iter().map(|p| (text(&p["name"]), text(&p["job_title"]))).collect();
    assert_eq!(side.len(), persons.len(), "nobody is there twice: {side:?}");
    side
}

/// One thing that somebody does; `truth` is what both sides hold once all is well. Nobody is touched on both sides.
async fn happen(
    world: &Google,
    (truth, touched): (&mut Side, &mut Vec<String>),
    two_way: bool,
    chance: &mut fastrand::Rng,
) {
    let fresh = format!("Human H{}", chance.u32(..));
    let known: Vec<String> = truth.keys().filter(|name| !touched.contains(name)).cloned().collect();
    let in_pipedrive = two_way && chance.bool();
    let one = chance.choice(known).filter(|_| chance.u8(..4) > 0);
    let (name, new) = match (&one, in_pipedrive) {
        (None, true) => {
            let email = format!("{}@home.example", fresh.replace(' ', ".").to_lowercase());
            world.add_person(json!({"name": fresh, "emails": [{"value": email}]})).await;
            (fresh, Some(String::new()))
        }
        (None, false) => {
            world.add(somebody(&fresh)).await;
            (fresh, Some(String::new()))
        }
        (Some(name), true) => {
            let Some(id) = world.persons().await.into_iter().find(|p| p["name"] == **name).map(|p| p["id"].clone())
            else {
                return;
            };
            let edit = (chance.u8(..5) > 0).then(|| format!("P{}", chance.u16(..)));
            match &edit {
                Some(title) => world.change_person(&id, json!({"job_title": title})).await,
                None => world.delete_person(&id).await,
            }
            (name.clone(), edit)
        }
        (Some(name), false) => {
            let Some(contact) = world.contacts().await.into_iter().find(|c| shown(c) == name) else { return };
            let edit = (chance.u8(..5) > 0).then(|| format!("G{}", chance.u16(..)));
            match &edit {
                Some(title) => world.retitle(&contact, title).await,
                None => world.remove(&contact).await,
            }
            (name.clone(), edit)
        }
    };
    touched.push(name.clone());
    match new {
        Some(title) => truth.insert(name, title),
        None => truth.remove(&name),
    };
}

async fn random_world(direction: &str, seed: u64) {
    let case = format!("{direction}: GOOGLE_SEED={seed} cargo test --test e2e google_random");
    eprintln!("{case}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut world = Google::with(direction, "max_delete = \"100%\"\nmax_delete_count = 1000").await;
    let lag = if chance.bool() { 180 } else { 0 };
    let variant = ["invalid_argument", "failed_precondition", "gone"][chance.usize(..3)];
    world
        .google(json!({"lag_seconds": lag, "churn": chance.f64() / 2.0, "strict_etags": chance.bool(),
            "sync_token_error": variant, "page_limit": chance.usize(2..9)}))
        .await;
    let mut truth = Side::new();
    for n in 0..8 {
        world.add(somebody(&format!("Human N{n}"))).await;
        truth.insert(format!("Human N{n}"), String::new());
    }
    world.later(LAG);
    world.settle().await;
    for round in 0..4 {
        let mut touched = Vec::new();
        for _ in 0..chance.u8(1..6) {
            happen(&world, (&mut truth, &mut touched), direction == "two-way", &mut chance).await;
        }
        for _ in 0..chance.u8(1..4) {
            world.faults(faults(&mut chance)).await;
            match chance.u8(..4) {
                0 => world.restart(),
                1 => {
                    world.stopped_after(chance.u64(..10)).await;
                    world.restart();
                }
                _ => {}
            }
            world.sync().await;
            world.well().await;
            world.later(Duration::from_secs(chance.u64(..400)));
        }
        // All is well again, and the guard counts by the day.
        world.later(Duration::from_hours(25));
        world.settle().await;
        assert_eq!(contacts(&world).await, truth, "round {round}, {case}: Google");
        assert_eq!(persons(&world).await, truth, "round {round}, {case}: Pipedrive");
        assert_eq!(world.codes().await, [""; 0], "round {round}, {case}");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_worlds_with_faults_converge() {
    const SEEDS: u64 = 6;
    let asked = std::env::var("GOOGLE_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = asked.map_or(0..SEEDS, |seed| seed..seed + 1);
    for seed in seeds {
        for direction in ["one-way", "two-way"] {
            random_world(direction, seed).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_passes_with_lag_and_churn_write_nothing() {
    for direction in ["one-way", "two-way"] {
        let mut world = Google::new(direction).await;
        world.google(json!({"lag_seconds": 180, "churn": 0.5})).await;
        for n in 0..10 {
            let mut person = somebody(&format!("Other N{n}"));
            person["organizations"] = json!([{"name": format!("Org {}", n % 3), "title": "Buyer"}]);
            person["phoneNumbers"] =
                json!([{"value": format!("+1555010010{n}")}, {"value": format!("+1555010020{n}")}]);
            world.add(person).await;
        }
        world.later(LAG);
        world.pass().await;
        if direction == "two-way" {
            // Our own writes are still on their way when the passes begin.
            for n in 0..5 {
                let person = world.person(&format!("Other N{n}")).await;
                world.change_person(&person["id"], json!({"job_title": "Seller"})).await;
            }
            let emails = json!([{"value": "new@home.example"}]);
            world.add_person(json!({"name": "Newman New", "emails": emails})).await;
            assert_eq!(world.pass().await, (1, 5, 0, 0));
        }
        world.calls().await;
        let mut reads = 0;
        for pass in 0..100 {
            if pass % 25 == 24 {
                world.restart();
            }
            assert_eq!(world.pass().await, (0, 0, 0, 0), "{direction}, pass {pass}");
            let calls = world.get("_calls").await;
            assert_eq!(world.writes().await, 0, "{direction}, pass {pass}: no write on either side: {calls:#}");
            world.later(Duration::from_secs(20));
            reads += world.calls().await.get("GET v1/people/{id}/connections").copied().unwrap_or_default();
        }
        assert!(reads >= 100, "{direction}: each pass looked: {reads}");
    }
}

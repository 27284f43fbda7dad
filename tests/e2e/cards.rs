//! Bad cards among good ones: the others sync, each bad one is listed with its reason, none is deleted because of it, and
//! each is tried again when it changes.

use std::fs;
use std::os::unix::fs::symlink;

use carnetd::status::{Operator as _, Snapshot, State};

use super::live::{Live, alice};
use super::world::World;

/// What can be wrong with a card, and what is said of it.
const BAD: [(&str, &str); 6] = [
    ("several.vcf", "2 cards"),
    ("truncated.vcf", "cut off"),
    ("binary.vcf", "binary"),
    ("empty.vcf", "empty"),
    ("huge.vcf", "at most"),
    ("dangling.vcf", "symlink"),
];

fn good(live: &Live, name: &str) {
    let stem = name.trim_end_matches(".vcf");
    live.card(name, &[&format!("FN:Good {stem}"), &format!("EMAIL:{stem}@acme.example")]);
}

fn spoil(live: &Live, name: &str) {
    let path = live.card_path(name);
    let text = live.text(name);
    match name {
        "several.vcf" => fs::write(path, format!("{text}{}", text.replace("UID:", "UID:2"))),
        "truncated.vcf" => fs::write(path, &text[..text.len() / 2]),
        "binary.vcf" => fs::write(path, [0, 159, 146, 150, 0, 1]),
        "empty.vcf" => fs::write(path, ""),
        "huge.vcf" => fs::write(path, text.replace("END:", &format!("NOTE:{}\r\nEND:", "x".repeat(10 << 20)))),
        _ => fs::remove_file(&path).and_then(|()| symlink("nowhere", path)),
    }
    .expect("spoilt");
}

async fn listed(live: &Live) -> Vec<(String, String)> {
    let items = live.remote().await.expect("the daemon answers").held(None).await.expect("an answer");
    items.into_iter().map(|item| (item.code, item.what)).collect()
}

#[tokio::test]
async fn cards_that_turn_bad_are_named_and_keep_their_persons() {
    let mut live = Live::new("one-way", "max_delete = \"100%\"\nmax_delete_count = 1000").await;
    for (name, _) in BAD {
        good(&live, name);
    }
    good(&live, "well.vcf");
    live.start().await;
    live.settle().await;
    assert_eq!(live.persons().await.len(), BAD.len() + 1);

    for (name, _) in BAD {
        spoil(&live, name);
    }
    fs::create_dir(live.card_path("folder.vcf")).expect("made");
    live.edit("well.vcf", "FN:Good well", "FN:Still well");
    let named = |s: &Snapshot| alice(s).held == BAD.len() as u64 && alice(s).state == State::Idle;
    let snapshot = live.until("all are named", named).await;
    assert_eq!((alice(&snapshot).state, alice(&snapshot).reason_code.as_deref()), (State::Idle, Some("unreadable")));
    let reason = alice(&snapshot).reason.clone().unwrap_or_default();
    assert!(reason.starts_with("6 contacts cannot be read") && reason.contains("carnetd held alice"), "{reason}");
    let listed_now = listed(&live).await;
    for (name, why) in BAD {
        let named = |(code, what): &(String, String)| code == "unreadable" && what.contains(name) && what.contains(why);
        assert!(listed_now.iter().any(named), "{name}: {listed_now:#?}");
    }
    live.person("Still well").await;
    assert_eq!(live.persons().await.len(), BAD.len() + 1, "nothing is deleted because of them");

    live.stop().await;
    live.start().await;
    live.ask().await;
    live.until("they are named after a restart", named).await;
    assert_eq!(live.persons().await.len(), BAD.len() + 1);

    for (name, _) in BAD {
        let _ = fs::remove_file(live.card_path(name));
        live.card(
            name,
            &[&format!("FN:Mended {name}"), &format!("EMAIL:{}@acme.example", name.trim_end_matches(".vcf"))],
        );
    }
    live.until("all are mended", |s| alice(s).held == 0 && alice(s).reason.is_none()).await;
    live.settle().await;
    for (name, _) in BAD {
        live.person(&format!("Mended {name}")).await;
    }
    assert_eq!(live.persons().await.len(), BAD.len() + 1);
    let log = live.log();
    let loud: Vec<&str> = log.lines().filter(|line| !line.starts_with("DEBUG")).collect();
    for line in &loud {
        assert!(!line.contains("Good") && !line.contains("@acme") && !line.contains(".vcf"), "{line}");
    }
    for (_, why) in BAD {
        assert!(loud.iter().any(|line| line.starts_with(" WARN") && line.contains(why)), "{why}: {loud:#?}");
    }
}

#[tokio::test]
async fn a_bad_card_that_goes_away_is_forgotten() {
    let mut live = Live::new("one-way", "").await;
    good(&live, "well.vcf");
    fs::write(live.card_path("bad.vcf"), "Dear diary").expect("written");
    live.start().await;
    live.until("it is named", |s| alice(s).held == 1).await;
    fs::remove_file(live.card_path("bad.vcf")).expect("removed");
    live.until("it is forgotten", |s| alice(s).held == 0 && alice(s).reason.is_none()).await;
    assert_eq!(live.persons().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_card_make_one_person_from_the_first_pass_on() {
    let mut world = World::new("one-way").await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    std::fs::copy(world.card_path("anna.vcf"), world.card_path("anna (1).vcf")).expect("copied");
    std::fs::hard_link(world.card_path("anna.vcf"), world.card_path("anna 2.vcf")).expect("linked");
    assert_eq!(world.pass().await, (1, 0, 0, 0));
    assert_eq!(world.persons().await.len(), 1);
    assert_eq!(world.codes().await, ["same-identity", "same-identity"]);
    let held = world.held().await;
    let said = world.status("alice").await.reason.expect("what waits is said");
    assert_eq!(said, "2 contacts wait for an answer; all others are in step. `carnetd held alice` shows why");
    assert!(held.iter().all(|item| item.what.contains("remove the copy, or give it a UID of its own")), "{held:?}");
    world.idle().await;
    world.restart();
    world.idle().await;
    std::fs::remove_file(world.card_path("anna 2.vcf")).expect("removed");
    world.edit("anna.vcf", "UID:anna.vcf", "UID:anna");
    world.edit("anna.vcf", "anna@acme.example", "annas.sister@acme.example");
    world.pass().await;
    assert_eq!(world.codes().await, [] as [&str; 0]);
    assert_eq!(world.links().await, 2, "a UID of its own makes it somebody else");
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_original_goes_is_the_contact_itself() {
    for restarts in [true, false] {
        let mut world = World::new("one-way").await;
        for n in 0..6 {
            world.card(&format!("c{n}.vcf"), &[&format!("FN:Given{n} Family{n}"), &format!("EMAIL:p{n}@acme.example")]);
        }
        assert_eq!(world.pass().await, (6, 0, 0, 0));
        fs::copy(world.card_path("c4.vcf"), world.card_path("c4copy.vcf")).expect("copied");
        for step in ["copied", "original removed", "edited"] {
            match step {
                "original removed" => fs::remove_file(world.card_path("c4.vcf")).expect("removed"),
                "edited" => world.edit("c4copy.vcf", "FN:Given4 Family4", "FN:Edith Family4"),
                _ => {}
            }
            if restarts {
                world.restart();
            }
            world.pass().await;
            let waits: &[&str] = if step == "copied" { &["same-identity"] } else { &[] };
            assert_eq!(world.codes().await, waits, "{step}, restarts: {restarts}");
            assert_eq!((world.links().await, world.persons().await.len()), (6, 6), "{step}");
            if restarts {
                world.restart();
            }
            world.idle().await;
        }
        world.person("Edith Family4").await;
        fs::remove_file(world.card_path("c4copy.vcf")).expect("removed");
        world.pass().await;
        assert_eq!((world.links().await, world.persons().await.len()), (5, 5), "it is nobody else's");
        world.idle().await;
    }
}

#[tokio::test]
async fn a_daemon_that_is_not_asked_moves_the_link_to_the_copy_as_well() {
    let mut live = Live::new("one-way", "").await;
    live.card("a.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    live.card("b.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example"]);
    live.start().await;
    live.until("both are in", |s| alice(s).contacts == 2).await;
    fs::copy(live.card_path("a.vcf"), live.card_path("copy.vcf")).expect("copied");
    live.until("the copy waits", |s| alice(s).held == 1).await;
    fs::remove_file(live.card_path("a.vcf")).expect("removed");
    live.until("nothing waits", |s| alice(s).held == 0).await;
    live.edit("copy.vcf", "FN:Anna Weber", "FN:Edith Weber");
    live.until("the edit is in", |s| alice(s).totals.updated == 1).await;
    live.person("Edith Weber").await;
    assert_eq!(live.persons().await.len(), 2);
    live.stop().await;
}

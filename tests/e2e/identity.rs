//! Files that change their names or are replaced: a card is known by its UID, and no human being ever sits in another one's
//! record.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::world::World;

const DIRECTIONS: [&str; 2] = ["one-way", "two-way"];

/// Names and texts of all cards of the folder.
type Files = BTreeMap<String, String>;

fn card(human: u64, title: &str) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:uid-{human}\r\nFN:Human {human:03}x\r\nEMAIL:h{human}@acme.example\r\n\
         TEL:+33199000{human:03}\r\nTITLE:{title}\r\nEND:VCARD\r\n"
    )
}

fn name(number: u64) -> String {
    format!("{number:03}.vcf")
}

fn read(world: &World) -> Files {
    world.cards().into_iter().map(|name| (name.clone(), world.text(&name))).collect()
}

/// Makes the folder hold these. Whoever wrote them is long done.
fn write(world: &World, files: &Files) {
    let before = read(world);
    for name in before.keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(world.card_path(name)).expect("removed");
    }
    for (name, text) in files.iter().filter(|(name, text)| before.get(*name) != Some(text)) {
        fs::write(world.path("new"), text).expect("written");
        fs::rename(world.path("new"), world.card_path(name)).expect("renamed");
        long_ago(world, name);
    }
}

fn long_ago(world: &World, name: &str) {
    let minute = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    File::options().write(true).open(world.card_path(name)).and_then(|f| f.set_modified(minute)).expect("a stamp");
}

/// The human beings of all persons, with the persons' ids and titles.
async fn persons(world: &World) -> BTreeMap<u64, (u64, Value)> {
    let mut found = BTreeMap::new();
    for person in world.persons().await {
        let emails: Vec<&str> =
            person["emails"].as_array().expect("emails").iter().filter_map(|email| email["value"].as_str()).collect();
        let [email] = emails.as_slice() else { panic!("one address: {person}") };
        let human = human(email);
        assert_eq!(person["name"], format!("Human {human:03}x"), "{person}");
        let before = found.insert(human, (person["id"].as_u64().expect("an id"), person["job_title"].clone()));
        assert_eq!(before, None, "human {human} is there twice");
    }
    found
}

fn human(text: &str) -> u64 {
    let at = text.find("@acme").expect("an address");
    let start = text[..at].rfind('h').expect("a human");
    text[start + 1..at].parse().expect("a number")
}

fn title(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("TITLE:")).expect("a title")
}

fn ids(persons: &BTreeMap<u64, (u64, Value)>) -> BTreeMap<u64, u64> {
    persons.iter().map(|(human, (id, _))| (*human, *id)).collect()
}

async fn with_cards(direction: &str, humans: u64) -> (World, BTreeMap<u64, u64>) {
    let mut world = World::new(direction).await;
    write(&world, &(1..=humans).map(|n| (name(n), card(n, "Buyer"))).collect());
    world.pass().await;
    let ids = ids(&persons(&world).await);
    assert_eq!(ids.len() as u64, humans);
    (world, ids)
}

/// Both ways, with the process that saw the files before and with another one.
async fn everywhere(humans: u64, check: impl AsyncFn(&mut World, BTreeMap<u64, u64>, &str)) {
    for direction in DIRECTIONS {
        for restart in [false, true] {
            let (mut world, ids) = with_cards(direction, humans).await;
            if restart {
                world.restart();
            }
            check(&mut world, ids, &format!("{direction}, restarted: {restart}")).await;
            world.idle().await;
            world.restart();
            world.idle().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_follow_cards_whose_files_are_numbered_anew() {
    everywhere(20, async |world, before, case| {
        write(world, &(0..=20).map(|n| (name(n + 1), card(n, "Buyer"))).collect());
        assert_eq!(world.pass().await, (1, 0, 0, 0), "{case}");
        let mut after = ids(&persons(world).await);
        assert!(after.remove(&0).is_some(), "{case}");
        assert_eq!((after, world.codes().await.len()), (before, 0), "{case}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_follow_cards_that_exchange_their_names_and_chains_of_renames() {
    everywhere(8, async |world, before, case| {
        let mut files = read(world);
        let (one, two) = (files[&name(1)].clone(), files[&name(2)].clone());
        files.extend([(name(1), two), (name(2), one)]);
        let (three, four, five) = (files[&name(3)].clone(), files[&name(4)].clone(), files[&name(5)].clone());
        files.remove(&name(3));
        files.extend([(name(4), three), (name(5), four), ("z.vcf".to_owned(), five)]);
        let writes = world.writes().await;
        write(world, &files);
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{case}");
        assert_eq!((ids(&persons(world).await), world.writes().await), (before.clone(), writes), "{case}");
        assert_eq!((world.links().await, world.codes().await.len()), (8, 0), "{case}");

        world.edit(&name(4), "TITLE:Buyer", "TITLE:Head");
        assert_eq!(world.pass().await, (0, 1, 0, 0), "{case}");
        assert_eq!(persons(world).await[&3], (before[&3], json!("Head")), "{case}");
        fs::remove_file(world.card_path(&name(4))).expect("removed");
        assert_eq!(world.pass().await, (0, 0, 1, 0), "{case}");
        assert!(!persons(world).await.contains_key(&3), "{case}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_card_never_takes_over_a_person() {
    everywhere(8, async |world, mut before, case| {
        let stranger = [(name(3), card(99, "Thief"))];
        write(world, &read(world).into_iter().chain(stranger).collect());
        assert_eq!(world.pass().await, (1, 0, 1, 0), "{case}");
        let mut after = ids(&persons(world).await);
        let new = after.remove(&99).expect("created");
        let old = before.remove(&3).expect("was there");
        assert!(new != old && after == before, "{case}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_card_whose_person_has_open_deals_waits_and_may_come_back_under_another_name() {
    everywhere(8, async |world, before, case| {
        world.settings(json!({"open_deals": {before[&3].to_string(): 2}})).await;
        let old = world.text(&name(3));
        write(world, &read(world).into_iter().chain([(name(3), card(99, "Thief"))]).collect());
        assert_eq!(world.pass().await, (1, 0, 0, 0), "{case}");
        assert_eq!(world.codes().await, ["open-deals"], "{case}");
        world.idle().await;
        world.restart();
        world.idle().await;
        world.edit(&name(3), "TITLE:Thief", "TITLE:Clerk");
        assert_eq!(world.pass().await, (0, 1, 0, 0), "{case}");
        let now = persons(world).await;
        assert_eq!((now[&3].0, &now[&99].1), (before[&3], &json!("Clerk")), "{case}");

        write(world, &read(world).into_iter().chain([("back.vcf".to_owned(), old)]).collect());
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{case}");
        assert_eq!((world.codes().await.len(), world.links().await, persons(world).await.len()), (0, 9, 9), "{case}");
        world.edit("back.vcf", "TITLE:Buyer", "TITLE:Head");
        assert_eq!(world.pass().await, (0, 1, 0, 0), "{case}");
        assert_eq!(persons(world).await[&3], (before[&3], json!("Head")), "{case}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_that_get_new_uids_in_place_keep_their_persons() {
    everywhere(8, async |world, before, case| {
        let anew = |text: String| text.replace("UID:uid-", "UID:regenerated-");
        let writes = world.writes().await;
        write(world, &read(world).into_iter().map(|(name, text)| (name, anew(text))).collect());
        assert_eq!(world.pass().await, (0, 0, 0, 0), "{case}");
        assert_eq!((ids(&persons(world).await), world.writes().await), (before, writes), "{case}");
        assert_eq!((world.links().await, world.codes().await.len()), (8, 0), "{case}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_counts_replaced_cards_and_a_yes_lets_them_through() {
    everywhere(8, async |world, before, case| {
        write(world, &(1..=8).map(|n| (name(n), card(n + 100, "Buyer"))).collect());
        let item = world.refused().await;
        assert_eq!(ids(&persons(world).await), before, "{case}: nothing is written");
        world.restart();
        assert_eq!(world.refused().await.digest, item.digest, "{case}: another process says the same");
        world.confirm(&item).await;
        assert_eq!(world.pass().await, (8, 0, 8, 0), "{case}");
        assert_eq!(persons(world).await.into_keys().collect::<Vec<_>>(), (101..=108).collect::<Vec<_>>(), "{case}");
    })
    .await;
}

/// What happens to a folder between two passes.
fn shuffle(files: &mut Files, humans: &mut u64, chance: &mut fastrand::Rng) {
    if chance.u8(..8) == 0 {
        // Some get new UIDs. (Who gets one and another name at once can only be held.)
        for text in files.values_mut() {
            *text = text.replace("UID:", ["UID:", "UID:7"][usize::from(chance.bool())]);
        }
        return;
    }
    for _ in 0..chance.usize(1..4) {
        let mut names: Vec<String> = files.keys().cloned().collect();
        chance.shuffle(&mut names);
        match (chance.u8(..7), names.as_slice()) {
            // Some exchange their names.
            (0 | 1, [..]) => {
                names.truncate(chance.usize(..=names.len()));
                let mut texts: Vec<String> = names.iter().map(|name| files[name].clone()).collect();
                let by = usize::from(!texts.is_empty());
                texts.rotate_left(by);
                files.extend(names.into_iter().zip(texts));
            }
            // All are numbered anew, one comes first.
            (2, [..]) => {
                *humans += 1;
                let texts: Vec<String> = [card(*humans, "Buyer")].into_iter().chain(files.values().cloned()).collect();
                *files = texts.into_iter().enumerate().map(|(n, text)| (name(n as u64), text)).collect();
            }
            // One is renamed, perhaps onto another.
            (3, [one, ..]) => {
                let text = files.remove(one).expect("there");
                files.insert(name(chance.u64(..30)), text);
            }
            // One is replaced.
            (4, [one, ..]) => {
                *humans += 1;
                files.insert(one.clone(), card(*humans, "Buyer"));
            }
            // One is edited.
            (5, [one, ..]) => {
                let text = &files[one];
                let edited = text.replace(&format!("TITLE:{}", title(text)), &format!("TITLE:T{}", chance.u16(..)));
                files.insert(one.clone(), edited);
            }
            // One goes.
            (_, [one, ..]) if files.len() > 5 => {
                files.remove(one);
            }
            _ => {}
        }
    }
}

/// A folder that is shuffled again and again, with passes between by this process, another, or one that was stopped.
async fn random_world(direction: &str, seed: u64) {
    let case = format!("{direction}, seed {seed}");
    eprintln!("{case}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let extra = "max_delete = \"100%\"\nmax_delete_count = 1000";
    let mut world = World::with(direction, extra).await;
    let mut humans = 8;
    let mut known: BTreeMap<u64, u64> = BTreeMap::new();
    write(&world, &(1..=humans).map(|n| (name(n), card(n, "Buyer"))).collect());
    world.pass().await;
    for _ in 0..12 {
        let mut files = read(&world);
        shuffle(&mut files, &mut humans, &mut chance);
        write(&world, &files);
        let mut titles: BTreeMap<u64, String> = files.values().map(|t| (human(t), title(t).to_owned())).collect();
        // A colleague edits somebody who stayed as they were.
        let before = persons(&world).await;
        let is_same = |human: &u64, title: &Value| titles.get(human).is_some_and(|now| *title == **now);
        let same: Vec<_> = before.iter().filter(|(human, (_, title))| is_same(human, title)).collect();
        if let Some((human, (id, _))) = chance.choice(same).filter(|_| direction == "two-way") {
            let title = format!("P{}", chance.u16(..));
            world.change_person(&json!(id), json!({"job_title": title})).await;
            titles.insert(*human, title);
        }
        // The guard counts by the day.
        world.later(Duration::from_hours(48));
        match chance.u8(..4) {
            0 => world.restart(),
            1 => {
                world.stopped_after(chance.u64(..8)).await;
                world.restart();
            }
            _ => {}
        }
        world.pass().await;
        assert_eq!(world.codes().await, [""; 0], "{case}");
        let now = persons(&world).await;
        let shown: BTreeMap<u64, String> =
            now.iter().map(|(human, (_, title))| (*human, title.as_str().unwrap_or_default().to_owned())).collect();
        assert_eq!(shown, titles, "{case}: everybody who has a card is there once, as the card says");
        let cards = read(&world);
        let cards: BTreeMap<u64, String> = cards.values().map(|text| (human(text), title(text).to_owned())).collect();
        assert_eq!(cards, titles, "{case}: every card says what its person says");
        for (human, id) in ids(&now) {
            assert_eq!(*known.entry(human).or_insert(id), id, "{case}: human {human} keeps the person");
        }
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shuffled_folders_everybody_keeps_their_person() {
    const SEEDS: u64 = 6;
    for seed in 0..SEEDS {
        for direction in DIRECTIONS {
            random_world(direction, seed).await;
        }
    }
}

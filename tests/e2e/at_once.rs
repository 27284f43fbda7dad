//! Accounts that pass at the same time: whoever comes first has a contact, as if they had passed one after the other.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use carnetd::status::{Operator as _, Outcome, Synced};

use super::live::Live;
use super::world::{account, values};

/// Writes a card: of a book, under a name, with further lines.
fn card(live: &Live, book: &str, name: &str, lines: &[String]) {
    let uid = format!("{book}-{name}");
    let text = format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\n{}\r\nEND:VCARD\r\n", lines.join("\r\n"));
    fs::write(path(live, book, name), text).expect("a card");
}

fn path(live: &Live, book: &str, name: &str) -> PathBuf {
    live.path(book).join(format!("{name}.vcf"))
}

/// Somebody, by number.
fn human(n: usize) -> Vec<String> {
    vec![format!("FN:Given{n} Family{n}"), format!("EMAIL:p{n}@acme.example"), format!("ORG:Org {}", n % 5)]
}

/// These accounts with their folders, and a daemon that does not run yet.
async fn live(accounts: &[String], books: &[&str]) -> Live {
    let live = Live::of(&accounts.concat()).await;
    for book in books {
        fs::create_dir_all(live.path(book)).expect("a folder");
    }
    live
}

/// All accounts at once, again and again until nobody has anything to do: twice, because what one account gave up is
/// another's only when that one looks again.
async fn settle(live: &Live) {
    let (mut last, mut quiet) = (Vec::new(), 0);
    for _ in 0..12 {
        let remote = live.remote().await.expect("the daemon answers");
        last = remote.sync(None, false).await.expect("an answer");
        let rests = |s: &Synced| s.outcome == Outcome::Ok && s.added + s.updated + s.deleted + s.failed == 0;
        quiet = if last.iter().all(rests) { quiet + 1 } else { 0 };
        if quiet == 2 {
            return;
        }
    }
    panic!("it does not settle: {last:#?}");
}

/// How many persons carry each address, where it is not one.
async fn doubles(live: &Live) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for person in live.persons().await {
        for email in values(&person, "emails") {
            *all.entry(email).or_default() += 1;
        }
    }
    all.retain(|_, count| *count != 1);
    all
}

/// Each account's links and what it holds.
async fn links(live: &Live) -> Vec<(u64, u64)> {
    let snapshot = live.until("it answers", |_| true).await;
    snapshot.accounts.iter().map(|account| (account.contacts, account.held)).collect()
}

/// Everybody in every book has exactly one person, linked by exactly one account, and nobody waits.
async fn each_once(live: &Live, humans: usize) {
    assert_eq!(doubles(live).await, BTreeMap::new());
    assert_eq!(live.persons().await.len(), humans);
    let links = links(live).await;
    assert_eq!(links.iter().map(|(contacts, _)| contacts).sum::<u64>(), humans as u64, "{links:?}");
    assert!(links.iter().all(|(_, held)| *held == 0), "{links:?}");
}

#[tokio::test]
async fn three_books_with_the_same_people_make_one_person_of_each() {
    for direction in ["one-way", "two-way"] {
        let accounts = [
            account("a", "a", "*", direction, ""),
            account("b", "b", "*", "one-way", ""),
            account("c", "c", "*", "one-way", ""),
        ];
        let mut live = live(&accounts, &["a", "b", "c"]).await;
        for book in ["a", "b", "c"] {
            (0..40).for_each(|n| card(&live, book, &n.to_string(), &human(n)));
        }
        live.start().await;
        settle(&live).await;
        each_once(&live, 40).await;
        assert_eq!(live.organizations().await.len(), 5);
        // And what comes later.
        for book in ["a", "b", "c"] {
            (40..60).for_each(|n| card(&live, book, &n.to_string(), &human(n)));
        }
        settle(&live).await;
        each_once(&live, 60).await;
        let plans = live.remote().await.expect("the daemon answers").plan(None).await.expect("plans");
        let skipped =
            plans.iter().flat_map(|plan| &plan.steps).filter(|step| step.reason.contains("linked by account"));
        assert_eq!(skipped.count(), 120, "each of the others is told whose they are");
        live.stop().await;
    }
}

#[tokio::test]
async fn a_contact_in_two_groups_of_one_book_goes_to_one_account() {
    let accounts = [account("a", "book", "A", "one-way", ""), account("b", "book", "B", "one-way", "")];
    let mut live = live(&accounts, &["book"]).await;
    let in_both = |n| [human(n), vec!["CATEGORIES:A,B".to_owned()]].concat();
    (0..60).for_each(|n| card(&live, "book", &n.to_string(), &in_both(n)));
    live.start().await;
    settle(&live).await;
    each_once(&live, 60).await;
    (60..90).for_each(|n| card(&live, "book", &n.to_string(), &in_both(n)));
    settle(&live).await;
    each_once(&live, 90).await;
    // Without an address nothing but the card itself says that it is the same.
    card(&live, "book", "nobody", &["FN:No Address".to_owned(), "CATEGORIES:A,B".to_owned()]);
    settle(&live).await;
    each_once(&live, 91).await;
    live.stop().await;
}

#[tokio::test]
async fn accounts_of_two_owners_that_match_company_wide_share_a_person() {
    let keys = "match = \"company\"";
    let bob = format!("{keys}\nowner = \"bob@acme.example\"");
    let accounts = [account("a", "a", "*", "one-way", keys), account("b", "b", "*", "one-way", &bob)];
    let mut live = live(&accounts, &["a", "b"]).await;
    live.user("bob@acme.example").await;
    for book in ["a", "b"] {
        (0..40).for_each(|n| card(&live, book, &n.to_string(), &human(n)));
    }
    live.start().await;
    settle(&live).await;
    each_once(&live, 40).await;
    live.stop().await;
}

#[tokio::test]
async fn an_account_that_comes_while_another_one_imports_makes_no_doubles() {
    let accounts = [account("a", "a", "*", "one-way", ""), account("b", "b", "*", "one-way", "")];
    let mut live = live(&accounts[..1], &["a", "b"]).await;
    live.faults(serde_json::json!({"pipedrive": {"enforce_burst": true}})).await;
    (0..300).for_each(|n| card(&live, "a", &n.to_string(), &human(n)));
    (0..310).filter(|n| n % 5 == 0 || *n >= 300).for_each(|n| card(&live, "b", &n.to_string(), &human(n)));
    live.start().await;
    live.until("it imports", |s| s.accounts[0].current.as_ref().is_some_and(|pass| pass.added > 0)).await;
    live.declare(&accounts.concat());
    assert!(live.remote().await.expect("the daemon answers").reload().await.ok);
    let meanwhile =
        live.until("the other one has passed", |s| s.accounts.len() == 2 && s.accounts[1].contacts == 10).await;
    assert_eq!(meanwhile.accounts[1].held, 0, "what is not shared need not wait");
    settle(&live).await;
    each_once(&live, 310).await;
    live.stop().await;
}

#[tokio::test]
async fn random_books_that_overlap_come_to_one_person_each() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let accounts = ["a", "b", "c"].map(|name| account(name, name, "*", "one-way", "max_delete = \"100%\""));
    let mut live = live(&accounts, &["a", "b", "c"]).await;
    live.start().await;
    for round in 0..6 {
        for book in ["a", "b", "c"] {
            for n in 0..24 {
                match chance.u32(..6) {
                    0 | 1 => card(&live, book, &n.to_string(), &human(n)),
                    2 => {
                        let phone = format!("TEL:+3319900{:04}", 100 * round + n);
                        card(&live, book, &n.to_string(), &[human(n), vec![phone]].concat());
                    }
                    // Rarely, so that no book is ever emptied.
                    3 if round > 0 && n % 8 == 0 => drop(fs::remove_file(path(&live, book, &n.to_string()))),
                    _ => {}
                }
            }
        }
        settle(&live).await;
        let there = |n: &usize| ["a", "b", "c"].iter().any(|book| path(&live, book, &n.to_string()).exists());
        each_once(&live, (0..24).filter(there).count()).await;
    }
    live.stop().await;
}

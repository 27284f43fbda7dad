//! Trouble of the daemon's own: a pass that panics, a disk that is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use carnetd::adapter::folder::Folder;
use carnetd::adapter::{Book, Error, Found, Page, SharedBook, Wanted, Written};
use carnetd::clock::SharedClock;
use carnetd::config;
use carnetd::contact::{Capability, Change, ContactId, Cursor};
use carnetd::daemon::Engine;
use carnetd::status::{Snapshot, State};
use carnetd::store::{Faults, Store};
use tokio_util::sync::CancellationToken;

use super::live::Live;
use super::world::account;

/// A folder whose listing panics while it is told to.
struct Shaky {
    folder: Folder,
    shakes: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
}

#[async_trait]
impl Book for Shaky {
    fn capability(&self) -> Capability {
        self.folder.capability()
    }

    async fn changes(&self, from: Option<&Cursor>, cancel: &CancellationToken) -> Result<Page, Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        assert!(!self.shakes.load(Ordering::Relaxed), "the ground shakes");
        self.folder.changes(from, cancel).await
    }

    async fn read(&self, wanted: &[Wanted], cancel: &CancellationToken) -> Result<Vec<Found>, Error> {
        self.folder.read(wanted, cancel).await
    }

    async fn write(&self, changes: &[Change], cancel: &CancellationToken) -> Vec<Result<Written, Error>> {
        self.folder.write(changes, cancel).await
    }

    async fn groups(&self, cancel: &CancellationToken) -> Result<Vec<String>, Error> {
        self.folder.groups(cancel).await
    }

    async fn photo(&self, id: &ContactId, cancel: &CancellationToken) -> Result<Option<Vec<u8>>, Error> {
        self.folder.photo(id, cancel).await
    }
}

fn of<'a>(snapshot: &'a Snapshot, name: &str) -> &'a carnetd::status::Account {
    snapshot.accounts.iter().find(|account| account.name == name).expect("it is declared")
}

#[tokio::test]
async fn a_pass_that_panics_is_contained_shown_and_put_off() {
    let accounts = [account("alice", "cards", "*", "one-way", ""), account("bob", "more", "*", "one-way", "")];
    let mut live = Live::of(&accounts.concat()).await;
    std::fs::create_dir(live.path("more")).expect("made");
    live.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    std::fs::rename(live.card_path("anna.vcf"), live.path("more").join("anna.vcf")).expect("moved");
    live.card("carl.vcf", &["FN:Carl Stone", "EMAIL:carl@acme.example"]);
    let shakes = Arc::new(AtomicBool::new(true));
    let begun = live.now();
    let (told, calls) = (Arc::clone(&shakes), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&calls);
    live.start_with(|environment, config, clock| {
        let store = Store::open_or_create(&config.state_dir.join("state.redb")).expect("a state");
        let books = move |account: &config::Account, watcher: Option<&_>, clock: &SharedClock| {
            let config::Book::Folder { path } = &account.book else { panic!("a folder") };
            let folder = Folder::new(path.clone(), account.group.clone(), None, watcher, Arc::clone(clock));
            let (shakes, calls) = (Arc::clone(&told), Arc::clone(&counted));
            let book: SharedBook = if account.name.as_str() == "alice" {
                Arc::new(Shaky { folder, shakes, calls })
            } else {
                Arc::new(folder)
            };
            Ok(book)
        };
        Engine::with(environment, config, store, clock, Box::new(books))
    })
    .await;
    let snapshot =
        live.until("both have run", |s| of(s, "alice").state == State::Error && of(s, "bob").contacts == 1).await;
    let alice = of(&snapshot, "alice");
    let reason = alice.reason.clone().unwrap_or_default();
    assert!(reason.contains("carnetd has a bug") && reason.contains("the ground shakes"), "{reason}");
    assert_eq!(alice.current, None);
    assert!(live.log().contains("ERROR failed: carnetd has a bug"));
    live.until("it was tried four times", |_| calls.load(Ordering::Relaxed) >= 4).await;
    // The pauses are 5, 10 and 20 s, or up to half of that less.
    assert!(live.now().since(begun) >= std::time::Duration::from_secs(15), "each time later");
    shakes.store(false, Ordering::Relaxed);
    live.pass_time(std::time::Duration::from_mins(15));
    live.until("it recovers", |s| of(s, "alice").contacts == 1 && of(s, "alice").state == State::Idle).await;
    assert_eq!(live.persons().await.len(), 2);
}

#[tokio::test]
async fn a_full_disk_loses_and_doubles_nothing() {
    let mut live = Live::new("one-way", "").await;
    live.card("first.vcf", &["FN:First Card", "EMAIL:first@acme.example"]);
    let room = Arc::new(AtomicU64::new(u64::MAX));
    let given = Arc::clone(&room);
    let path = live.path("state").join("state.redb");
    let at = path.clone();
    live.start_with(|environment, config, clock| {
        let faults = Faults { room: Some(given), ..Faults::default() };
        let store = Store::open_with(&at, faults).expect("a state");
        let books = |account: &config::Account, watcher: Option<&_>, clock: &SharedClock| {
            let config::Book::Folder { path } = &account.book else { panic!("a folder") };
            let folder = Folder::new(path.clone(), account.group.clone(), None, watcher, Arc::clone(clock));
            Ok(Arc::new(folder) as SharedBook)
        };
        Engine::with(environment, config, store, clock, Box::new(books))
    })
    .await;
    live.settle().await;
    room.store(std::fs::metadata(&path).expect("there").len(), Ordering::Relaxed);
    let note = "x".repeat(3000);
    for n in 0..300 {
        live.card(
            &format!("{n}.vcf"),
            &[&format!("FN:Person P{n}"), &format!("EMAIL:p{n}@acme.example"), &format!("NOTE:{note}")],
        );
    }
    let full = |s: &Snapshot| {
        let reason = s.accounts[0].reason.as_deref().unwrap_or_default();
        s.accounts[0].state == State::Error && reason.contains("no space left for the state database")
    };
    live.until("the disk is full", full).await;
    assert!(live.log().contains("no space left for the state database"));
    room.store(u64::MAX, Ordering::Relaxed);
    live.pass_time(std::time::Duration::from_mins(15));
    live.settle().await;
    assert_eq!(live.persons().await.len(), 301, "each once");
}

#[tokio::test]
async fn a_state_that_is_moved_away_is_said_and_nothing_is_synced_until_it_is_back() {
    let mut live = Live::new("one-way", "").await;
    live.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    live.start().await;
    live.until("it is in", |s| of(s, "alice").contacts == 1).await;
    let (file, away) = (live.path("state").join("state.redb"), live.path("away.redb"));
    std::fs::rename(&file, &away).expect("moved");
    live.card("bob.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example"]);
    let said = |s: &Snapshot| of(s, "alice").reason.as_deref().is_some_and(|why| why.contains("was moved, removed"));
    let then = live.until("it is said", said).await;
    assert_eq!(of(&then, "alice").state, State::Error);
    assert_eq!(live.persons().await.len(), 1);
    std::fs::rename(&away, &file).expect("put back");
    live.until("it goes on", |s| of(s, "alice").contacts == 2 && of(s, "alice").state == State::Idle).await;
    live.stop().await;
}

//! What a commit promises.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;

use super::*;

fn names(store: &Store) -> Vec<String> {
    let names = store.view().expect("open").names().expect("read");
    names.into_iter().map(|(name, _)| name.to_string()).collect()
}

#[tokio::test]
async fn a_batch_is_all_or_nothing() {
    let store = store_with(vec![]).await;
    let wrong = store.write(vec![put(CP, 1, link("a", 1)), Op::Name(account("bob"), CheckpointId(9))]).await;
    assert!(matches!(wrong, Err(StoreError::NoCheckpoint(CheckpointId(9)))), "{wrong:?}");
    assert_eq!(store.view().expect("open").link(CP, LinkId(1)).expect("read"), None);
    assert_eq!(store.view().expect("open").counts(CP).expect("read"), LinkCounts::default());
}

#[tokio::test]
async fn a_wrong_batch_does_not_harm_those_it_is_committed_with() {
    let store = store_with(vec![]).await;
    let batches = (1..=50).map(|n| {
        let checkpoint = if n == 25 { CheckpointId(9) } else { CP };
        store.write(vec![put(checkpoint, n, link(&n.to_string(), n))])
    });
    let outcomes = join_all(batches).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 49);
    assert!(outcomes[24].is_err());
    assert_eq!(store.view().expect("open").counts(CP).expect("read").active, 49);
}

#[tokio::test]
async fn many_batches_are_few_commits() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open_or_create(&directory.path().join("state.redb")).expect("made");
    store.write(alice()).await.expect("written");
    let before = store.view().expect("open").mark().expect("read");
    let outcomes = join_all((1..=100).map(|n| store.write(vec![put(CP, n, link(&n.to_string(), n))]))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let view = store.view().expect("open");
    assert_eq!(view.counts(CP).expect("read").active, 100);
    // The first may go alone; what queues up meanwhile goes together.
    assert!(view.mark().expect("read").0 - before.0 <= 20, "{:?} {before:?}", view.mark());
}

#[tokio::test]
async fn a_view_does_not_move() {
    let store = store_with(vec![]).await;
    let view = store.view().expect("open");
    store.write(vec![Op::Name(account("bob"), CP)]).await.expect("written");
    assert_eq!(view.names().expect("read").len(), 1);
    assert_eq!(names(&store), ["alice", "bob"]);
}

#[tokio::test]
async fn a_batch_is_written_even_if_nobody_waits() {
    let store = store_with(vec![]).await;
    let mut waiting = Box::pin(store.write(vec![Op::Name(account("bob"), CP)]));
    assert!(futures_util::poll!(waiting.as_mut()).is_pending() || names(&store).len() == 2);
    drop(waiting);
    store.write(vec![]).await.expect("written");
    assert_eq!(names(&store), ["alice", "bob"]);
}

#[tokio::test]
async fn a_touch_that_came_after_the_view_stays() {
    let touch = |person| Op::Touch(CP, PersonId(person));
    let store = store_with(vec![touch(1), touch(2)]).await;
    let seen = store.view().expect("open").mark().expect("read");
    store.write(vec![touch(2)]).await.expect("written");
    let done = [1, 2].map(|person| Op::UntouchSeen(CP, PersonId(person), seen));
    store.write(done.to_vec()).await.expect("written");
    assert_eq!(store.view().expect("open").touched(CP).expect("read"), [PersonId(2)]);
    store.write(vec![Op::Untouch(CP, PersonId(2))]).await.expect("written");
    assert_eq!(store.view().expect("open").touched(CP).expect("read"), []);
}

#[tokio::test]
async fn a_stopped_store_keeps_what_was_committed_and_takes_nothing_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    for n in 0..4 {
        let faults = Faults { stop_after_commits: Some(n), ..Faults::default() };
        let store = Store::open_with(&path, faults).expect("opened");
        let batches = ["a", "b", "c"].map(|name| {
            let id = store.next_checkpoint();
            let checkpoint = Checkpoint::new(scope(name));
            store.write(vec![Op::PutCheckpoint(id, Box::new(checkpoint)), Op::Name(account(name), id)])
        });
        let outcomes = join_all(batches).await;
        for (at, outcome) in (0..).zip(&outcomes) {
            assert_eq!(outcome.is_ok(), at < n, "{outcome:?}");
        }
        drop(store);
        let store = Store::open(&path).expect("opened again");
        assert_eq!(names(&store), ["a", "b", "c"][..usize::try_from(n).expect("small")]);
    }
}

#[tokio::test]
async fn ids_are_never_given_twice() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    let store = Store::open_or_create(&path).expect("made");
    store.write(alice()).await.expect("written");
    let id = store.next_link();
    store.write(vec![put(CP, id.0, link("a", 1))]).await.expect("written");
    store.write(vec![Op::RemoveLink { checkpoint: CP, id }]).await.expect("written");
    drop(store);
    let store = Store::open(&path).expect("opened again");
    assert!(store.next_link() > id);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_is_usable_once_there_is_room() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    let room = std::sync::Arc::new(AtomicU64::new(u64::MAX));
    let faults = Faults { room: Some(room.clone()), ..Faults::default() };
    let store = Store::open_with(&path, faults).expect("made");
    store.write(alice()).await.expect("written");
    let length = std::fs::metadata(&path).expect("there").len();
    room.store(length, Ordering::Relaxed);

    let mut written = 0;
    let full = loop {
        let links = (1..=100).map(|n| put(CP, written * 100 + n, link(&format!("{written}-{n}"), n))).collect();
        match store.write(links).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, StoreError::Full { .. }), "{full:?}");
    let counts = || store.view().expect("the last state can be read").counts(CP).expect("read").active;
    assert_eq!(counts(), written * 100);
    assert!(store.write((1..=300).map(|n| put(CP, 1_000_000 + n, link("z", n))).collect()).await.is_err());
    assert_eq!(counts(), written * 100);

    room.store(u64::MAX, Ordering::Relaxed);
    store.write(vec![put(CP, 2_000_000, link("last", 1))]).await.expect("there is room again");
    assert_eq!(counts(), written * 100 + 1);
}

#[tokio::test]
async fn a_database_that_a_failed_disk_closed_is_opened_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open_or_create(&directory.path().join("state.redb")).expect("made");
    store.write(alice()).await.expect("written");
    let asked = AtomicU64::new(0);
    let second = store.shared.with_database("reading", |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Err(redb::Error::PreviousIo),
        n => Ok(n),
    });
    assert_eq!(second.expect("opened anew"), 1);
    assert_eq!(names(&store), ["alice"]);
    store.write(vec![Op::Unname(account("alice"))]).await.expect("written");
}

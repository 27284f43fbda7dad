//! Opening: what is made, what is refused, and in which words.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use redb::{Database, TableDefinition};

use super::*;
use crate::store::migrate::VERSION;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

fn error(path: &Path) -> String {
    Store::open(path).expect_err("refused").to_string()
}

#[tokio::test]
async fn what_is_made_is_private() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a/b/state.redb");
    drop(Store::open_or_create(&path).expect("made"));
    assert_eq!((mode(&path), mode(path.parent().expect("has one"))), (0o600, 0o700));

    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("own file");
    drop(Store::open(&path).expect("opened"));
    assert_eq!(mode(&path), 0o600, "a file that others could read is closed to them");
}

#[test]
fn a_missing_file_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    let text = error(&path);
    assert!(text.starts_with(&format!("there is no state database at {}: ", path.display())), "{text}");
    assert!(text.contains("`carnetd sync --init`"), "{text}");
    assert!(!path.exists(), "looking makes nothing");
}

#[test]
fn a_second_opener_is_told_of_the_socket() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    let _first = Store::open_or_create(&path).expect("made");
    let text = error(&path);
    assert!(text.contains(&path.display().to_string()) && text.contains("carnetd.sock"), "{text}");
    assert!(matches!(Store::open_or_create(&path), Err(StoreError::Busy { .. })));
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    for garbage in [b"BEGIN:VCARD\n".to_vec(), vec![0; 10_000], vec![0xff; 100_000]] {
        std::fs::write(&path, &garbage).expect("written");
        assert!(matches!(Store::open_or_create(&path), Err(StoreError::Corrupt { .. })), "{}", garbage.len());
        assert_eq!(std::fs::read(&path).expect("read"), garbage);
    }
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_no_panic() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    let store = Store::open_or_create(&path).expect("made");
    store.write(alice()).await.expect("written");
    store.write((1..=500).map(|n| put(CP, n, link(&n.to_string(), n))).collect()).await.expect("written");
    drop(store);
    let whole = std::fs::read(&path).expect("read");
    for keep in [1, 100, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..keep]).expect("written");
        let outcome = Store::open(&path).map(drop);
        assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{keep}: {outcome:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("written");
    let refused = Store::open_or_create(&file.join("state.redb"));
    assert!(matches!(refused, Err(StoreError::Unwritable { .. })), "{refused:?}");
}

#[test]
fn a_newer_file_is_refused_naming_both_versions() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    let database = Database::create(&path).expect("made");
    let transaction = database.begin_write().expect("begun");
    let meta = TableDefinition::<&str, u64>::new("meta");
    transaction.open_table(meta).expect("opened").insert("version", VERSION + 6).expect("inserted");
    transaction.commit().expect("committed");
    drop(database);
    let text = error(&path);
    assert!(text.contains("has version 8") && text.contains("versions up to 2"), "{text}");
    assert_eq!(std::fs::read_dir(directory.path()).expect("read").count(), 1, "nothing is copied");
}

/// What version 0 wrote: links alone. Frozen: this is the fixture.
fn write_version_0(path: &Path) {
    const CHECKPOINT: &str = r#"{"scope":{"company":"acme","provider":"folder","book":"/cards",
        "owner":"anna@acme.example","group":"*","direction":"two-way"},"first_pass_done":true}"#;
    const LINK: &str = r#"{"state":"active","base":{"n":{"d":"Anna"}},
        "contact":{"id":"a.vcf","rev":"r1","seen":{"n":{"d":"Anna"},"e":[{"v":"Anna@x.example","k":"anna@x.example"}]}},
        "person":{"id":7,"seen":{"n":{"d":"Anna"}}}}"#;
    let database = Database::create(path).expect("made");
    let transaction = database.begin_write().expect("begun");
    {
        let meta = TableDefinition::<&str, u64>::new("meta");
        let mut meta = transaction.open_table(meta).expect("opened");
        meta.insert("version", 0).expect("inserted");
        meta.insert("next_link", 4).expect("inserted");
        let checkpoints = TableDefinition::<u32, &[u8]>::new("checkpoints");
        transaction.open_table(checkpoints).expect("opened").insert(1, CHECKPOINT.as_bytes()).expect("inserted");
        let names = TableDefinition::<&str, u32>::new("names");
        transaction.open_table(names).expect("opened").insert("alice", 1).expect("inserted");
        let accounts = TableDefinition::<(u32, &str), ()>::new("named");
        transaction.open_table(accounts).expect("opened").insert((1, "alice"), ()).expect("inserted");
        let books = TableDefinition::<(&str, u32), ()>::new("books");
        transaction.open_table(books).expect("opened").insert(("/cards", 1), ()).expect("inserted");
        let links = TableDefinition::<(u32, u64), &[u8]>::new("links");
        transaction.open_table(links).expect("opened").insert((1, 3), LINK.as_bytes()).expect("inserted");
    }
    transaction.commit().expect("committed");
}

#[tokio::test]
async fn version_0_is_migrated_and_its_file_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    write_version_0(&path);
    let old = std::fs::read(&path).expect("read");

    let store = Store::open(&path).expect("migrated");
    let view = store.view().expect("open");
    let (id, link) = view.link_by_contact(CP, &ContactId::from("a.vcf")).expect("read").expect("found");
    assert_eq!((id, link.person_id()), (LinkId(3), Some(PersonId(7))));
    assert_eq!(view.counts(CP).expect("read"), LinkCounts { active: 1, dormant: 0, held: 0 });
    assert_eq!(view.link_by_person(PersonId(7)).expect("read"), [(CP, LinkId(3))]);
    assert_eq!(view.link_heads(CP).expect("read").count(), 1);
    assert_eq!(store.next_link(), LinkId(4));

    let copy = directory.path().join("state.redb.v0");
    assert_eq!(mode(&copy), 0o600);
    assert_eq!(std::fs::read(&copy).expect("read").len(), old.len());
    drop((view, store));
    assert!(Store::open(&copy).is_ok(), "the copy is whole");
    assert!(Store::open(&path).is_ok(), "a second opening has nothing to do");
}

/// What version 1 wrote: the tables of today without logins. Frozen: this is the fixture.
fn write_version_1(path: &Path) {
    const CHECKPOINT: &str = r#"{"scope":{"company":"acme","provider":"folder","book":"/cards",
        "owner":"anna@acme.example","group":"*","direction":"two-way"},"first_pass_done":true}"#;
    const LINK: &str = r#"{"state":"active","base":{"n":{"d":"Anna"}},
        "contact":{"id":"a.vcf","rev":"r1","seen":{"n":{"d":"Anna"}}},"person":{"id":7,"seen":{"n":{"d":"Anna"}}}}"#;
    type Head = (u8, Option<u64>, Option<&'static str>, Option<&'static str>);
    let database = Database::create(path).expect("made");
    let transaction = database.begin_write().expect("begun");
    {
        let meta = TableDefinition::<&str, u64>::new("meta");
        let mut meta = transaction.open_table(meta).expect("opened");
        meta.insert("version", 1).expect("inserted");
        meta.insert("next_link", 4).expect("inserted");
        let checkpoints = TableDefinition::<u32, &[u8]>::new("checkpoints");
        transaction.open_table(checkpoints).expect("opened").insert(1, CHECKPOINT.as_bytes()).expect("inserted");
        let names = TableDefinition::<&str, u32>::new("names");
        transaction.open_table(names).expect("opened").insert("alice", 1).expect("inserted");
        let accounts = TableDefinition::<(u32, &str), ()>::new("named");
        transaction.open_table(accounts).expect("opened").insert((1, "alice"), ()).expect("inserted");
        let books = TableDefinition::<(&str, u32), ()>::new("books");
        transaction.open_table(books).expect("opened").insert(("/cards", 1), ()).expect("inserted");
        let links = TableDefinition::<(u32, u64), &[u8]>::new("links");
        transaction.open_table(links).expect("opened").insert((1, 3), LINK.as_bytes()).expect("inserted");
        let heads = TableDefinition::<(u32, u64), Head>::new("heads");
        let head = (0, Some(7), Some("a.vcf"), Some("r1"));
        transaction.open_table(heads).expect("opened").insert((1, 3), head).expect("inserted");
        let by_person = TableDefinition::<(u64, u32, u64), ()>::new("by_person");
        transaction.open_table(by_person).expect("opened").insert((7, 1, 3), ()).expect("inserted");
        let counts = TableDefinition::<u32, (u64, u64, u64)>::new("counts");
        transaction.open_table(counts).expect("opened").insert(1, (1, 0, 0)).expect("inserted");
    }
    transaction.commit().expect("committed");
}

#[tokio::test]
async fn version_1_gets_a_place_for_logins_and_keeps_the_rest() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    write_version_1(&path);

    let store = Store::open(&path).expect("migrated");
    let view = store.view().expect("open");
    assert_eq!(view.login("account/alice").expect("read"), None);
    assert!(view.checkpoint_of(&account("alice")).expect("read").is_some_and(|(_, c)| c.first_pass_done));
    assert_eq!(view.counts(CP).expect("read"), LinkCounts { active: 1, dormant: 0, held: 0 });
    assert_eq!(view.link_by_person(PersonId(7)).expect("read"), [(CP, LinkId(3))]);
    assert!(Store::open(&directory.path().join("state.redb.v1")).is_ok(), "the copy is whole");
}

#[tokio::test]
async fn a_crash_loses_nothing_that_was_answered() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    let store = Store::open_or_create(&path).expect("made");
    store.write(alice()).await.expect("written");
    for n in 1..=20 {
        store.write(vec![put(CP, n, link(&n.to_string(), n))]).await.expect("written");
        // What the disk has while the file is open is what a crash would leave.
        let crashed = directory.path().join(format!("crashed-{n}.redb"));
        std::fs::copy(&path, &crashed).expect("copied");
        let crashed = Store::open(&crashed).expect("recovered");
        assert_eq!(crashed.view().expect("open").counts(CP).expect("read").active, n);
    }
}

#[tokio::test]
async fn a_file_damaged_within_is_an_error_and_no_panic() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.redb");
    let store = Store::open_or_create(&path).expect("made");
    store.write(alice()).await.expect("written");
    store.write((1..=200).map(|n| put(CP, n, link(&n.to_string(), n))).collect()).await.expect("written");
    drop(store);
    let whole = std::fs::read(&path).expect("read");
    for from in (4096..whole.len()).step_by(4096) {
        let mut damaged = whole.clone();
        damaged[from..whole.len().min(from + 4096)].fill(0xa5);
        std::fs::write(&path, &damaged).expect("written");
        // What lies in a page that opening does not read is found later; never a panic.
        if let Err(error) = Store::open(&path) {
            assert!(matches!(error, StoreError::Corrupt { .. } | StoreError::Failed { .. }), "{from}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_missed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, away) = (directory.path().join("state.redb"), directory.path().join("away"));
    let store = Store::open_or_create(&path).expect("made");
    store.in_place().expect("it is there");
    std::fs::rename(&path, &away).expect("moved");
    let missed = store.in_place().expect_err("it is away");
    assert!(matches!(&missed, StoreError::Moved { .. }), "{missed:?}");
    assert!(missed.to_string().contains("put it back, or restart carnetd"));
    std::fs::copy(&away, &path).expect("copied");
    assert!(store.in_place().is_err(), "a copy is another file");
    std::fs::rename(&away, &path).expect("put back");
    store.in_place().expect("it is back");
    Store::in_memory().in_place().expect("memory does not move");
}

//! Bad input: nothing is deleted because of it, nothing is written to it, and each is named.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::adapter::Kind;
use crate::adapter::folder::place::failed;
use crate::vcard::MAX_BYTES;

/// A directory on another file system, without cards.
const OTHER_DEVICE: &str = "/proc/sys/vm";

/// A card of exactly so many bytes.
fn long(uid: &str, bytes: usize) -> String {
    let frame = card(uid, "NOTE:\r\n").len();
    card(uid, &format!("NOTE:{}\r\n", "x".repeat(bytes - frame)))
}

/// Takes all rights from a path. A super-user keeps them: then there is nothing to test, and that is said.
fn is_denied(path: &Path) -> bool {
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("changed");
    let denied = if path.is_dir() { fs::read_dir(path).is_err() } else { fs::read(path).is_err() };
    if !denied {
        eprintln!("skipped: this user may read everything");
    }
    denied
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
}

#[tokio::test]
async fn what_is_no_card_is_named_and_left_alone() {
    let place = Place::new("*");
    let good = card("good", "");
    let bad: [(&str, Vec<u8>, &str); 7] = [
        ("binary.vcf", vec![0, 159, 146, 150, 0, 1], "binary"),
        ("cut.vcf", good.replace("END:VCARD\r\n", "").into_bytes(), "cut off"),
        ("empty.vcf", Vec::new(), "empty"),
        ("huge.vcf", long("huge", MAX_BYTES + 1).into_bytes(), "at most 10485760"),
        ("several.vcf", format!("{good}{}", card("other", "")).into_bytes(), "2 cards"),
        ("text.vcf", b"Dear diary".to_vec(), "no vCard"),
        ("utf16.vcf", vec![0xFF, 0xFE, b'B', 0, b'E', 0], "UTF-16"),
    ];
    for (name, bytes, _) in &bad {
        fs::write(place.at(name), bytes).expect("written");
    }
    place.write("good.vcf", &good);
    place.write("largest.vcf", &long("largest", MAX_BYTES));
    let (entries, cursor) = place.walk().await;
    for (name, bytes, expected) in &bad {
        let reason = entries.iter().find_map(|entry| match entry {
            Entry::Unreadable { id, reason } if id.as_str() == *name => Some(reason),
            _ => None,
        });
        let reason = reason.unwrap_or_else(|| panic!("{name} is not named"));
        assert!(reason.contains(expected), "{name}: {reason}");
        assert!(matches!(place.read(name, Some("good")).await, Found::Unreadable(_)), "{name}");
        assert_eq!(place.retitle(name, None, "Boss").await.expect_err("refused").kind, Kind::Invalid, "{name}");
        assert_eq!(place.delete(name).await.expect_err("refused").kind, Kind::Stale, "{name}");
        assert_eq!(fs::read(place.at(name)).expect("read"), *bytes, "{name} is as it was");
    }
    let good = said(&entries).into_iter().filter(|said| !said.starts_with('!')).collect::<Vec<_>>();
    assert_eq!(good, ["*good.vcf good", "*largest.vcf largest"]);
    place.write("cut.vcf", &card("cut", ""));
    place.write("good.vcf", "");
    let (entries, cursor) = place.since(&cursor).await;
    assert_eq!(said(&entries), ["*cut.vcf cut", "!good.vcf"], "what turns readable, or unreadable, is told");
    assert_eq!(place.since(&cursor).await.0, []);
}

#[tokio::test]
async fn a_name_that_is_no_text_is_named_and_never_left_out() {
    let place = Place::new("*");
    let odd = |name: &[u8]| place.directory.path().join(OsStr::from_bytes(name));
    fs::write(odd(b"Andr\xE9.vcf"), card("a", "")).expect("written");
    fs::create_dir(odd(b"Soci\xE9t\xE9")).expect("made");
    fs::write(odd(b"Soci\xE9t\xE9/b.vcf"), card("b", "")).expect("written");
    let (entries, cursor) = place.walk().await;
    assert_eq!(said(&entries), ["!Andr\u{FFFD}.vcf", "!Soci\u{FFFD}t\u{FFFD}/b.vcf"]);
    for id in ["Andr\u{FFFD}.vcf", "Soci\u{FFFD}t\u{FFFD}/b.vcf"] {
        let Found::Unreadable(reason) = place.read(id, None).await else { panic!("it is there") };
        assert!(reason.contains("not UTF-8; rename it"), "{reason}");
        assert_eq!(place.delete(id).await.expect_err("refused").kind, Kind::Invalid);
        assert_eq!(place.retitle(id, None, "Boss").await.expect_err("refused").kind, Kind::Invalid);
    }
    fs::rename(odd(b"Andr\xE9.vcf"), place.at("André.vcf")).expect("renamed");
    assert_eq!(said(&place.since(&cursor).await.0), ["*André.vcf a", "-Andr\u{FFFD}.vcf"]);
}

#[tokio::test]
async fn a_symlink_to_the_folder_itself_doubles_nobody() {
    let place = Place::new("*");
    fs::write(place.at("a.vcf"), card("a", "")).expect("written");
    symlink(".", place.at("self")).expect("linked");
    assert_eq!(said(&place.walk().await.0), ["*a.vcf a"]);
}

#[tokio::test]
async fn a_symlink_that_leads_nowhere_is_no_deletion() {
    let place = Place::new("*");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let target = elsewhere.path().join("target.vcf");
    fs::write(&target, card("a", "")).expect("written");
    symlink(&target, place.at("link.vcf")).expect("linked");
    symlink("loop.vcf", place.at("loop.vcf")).expect("linked");
    let (entries, cursor) = place.walk().await;
    assert_eq!(said(&entries), ["*link.vcf a", "!loop.vcf"]);
    fs::remove_file(&target).expect("removed");
    let (entries, cursor) = place.since(&cursor).await;
    assert_eq!(said(&entries), ["!link.vcf"]);
    assert!(matches!(place.read("link.vcf", Some("a")).await, Found::Unreadable(_)));
    fs::remove_file(place.at("link.vcf")).expect("removed");
    assert_eq!(said(&place.since(&cursor).await.0), ["-link.vcf"]);
    assert_eq!(place.read("link.vcf", Some("a")).await, Found::Gone);
    symlink(elsewhere.path().join("unmounted"), place.at("Clients")).expect("linked");
    let error = place.page(None).await.expect_err("perhaps full of contacts");
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("Clients is a symlink that leads nowhere"), "{error}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    let (place, _marks) = Place::watched("*");
    place.write("a.vcf", &card("a", ""));
    let (_, cursor) = place.walk().await;
    let root = place.directory.path();
    let away = root.with_extension("away");
    fs::rename(root, &away).expect("renamed");
    for from in [None, Some(&cursor)] {
        let error = place.page(from).await.expect_err("not there");
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(error.message.contains("is it mounted? Nothing is taken for deleted"), "{error}");
    }
    let wanted = [Wanted { id: "a.vcf".into(), stable: None }];
    assert!(place.folder.read(&wanted, &CancellationToken::new()).await.is_err(), "not gone");
    assert!(place.delete("a.vcf").await.is_err(), "not deleted");
    fs::write(root, "a file").expect("written");
    assert!(place.page(None).await.expect_err("a file").message.contains("a folder of vCards is expected"));
    fs::remove_file(root).expect("removed");
    fs::rename(&away, root).expect("renamed");
    let (entries, _) = place.since(&cursor).await;
    assert!(!said(&entries).contains(&"-a.vcf".to_owned()));
    assert_eq!(live(place.read("a.vcf", None).await).stable.as_deref(), Some("a"));
}

#[tokio::test]
async fn an_empty_mount_is_an_error_and_an_emptied_folder_is_empty() {
    for folder in ["", "Clients"] {
        let elsewhere = tempfile::tempdir().expect("a directory");
        let cards = elsewhere.path().join("cards");
        fs::create_dir(&cards).expect("made");
        fs::write(cards.join("a.vcf"), card("a", "")).expect("written");
        let mut place = Place::new("*");
        let link = place.directory.path().join("books").join(folder);
        fs::create_dir_all(link.parent().expect("a parent")).expect("made");
        let link = if folder.is_empty() { place.at("books") } else { link };
        let leads_to = |target: &Path| {
            let _ = fs::remove_file(&link);
            symlink(target, &link).expect("linked");
        };
        leads_to(&cards);
        place.folder = Folder::new(place.at("books"), Group::Whole, None, None, place.clock.clone());
        let (entries, cursor) = place.walk().await;
        assert_eq!(entries.len(), 1);
        leads_to(Path::new(OTHER_DEVICE));
        for from in [None, Some(&cursor)] {
            let error = place.page(from).await.expect_err("another file system");
            assert!(error.message.contains("another file system now and holds none"), "{error}");
        }
        leads_to(&cards);
        assert_eq!(place.since(&cursor).await.0, []);
        fs::remove_file(cards.join("a.vcf")).expect("removed");
        assert_eq!(said(&place.since(&cursor).await.0).len(), 1);
        assert_eq!(place.walk().await.0, []);
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_named_alone_or_stops_the_listing() {
    let place = Place::new("*");
    place.write("a.vcf", &card("a", ""));
    place.write("Clients/b.vcf", &card("b", ""));
    let (_, cursor) = place.walk().await;
    if !is_denied(&place.at("a.vcf")) {
        return;
    }
    let (entries, cursor) = place.since(&cursor).await;
    let [Entry::Unreadable { reason, .. }] = entries.as_slice() else { panic!("{entries:?}") };
    assert!(reason.contains("give the user that carnetd runs as access"), "{reason}");
    allow(&place.at("a.vcf"), 0o600);
    let (entries, cursor) = place.since(&cursor).await;
    assert_eq!(said(&entries), ["*a.vcf a"], "readable again although its content is the same");
    assert!(is_denied(&place.at("Clients")));
    let error = place.page(Some(&cursor)).await.expect_err("a part cannot be listed");
    assert_eq!(error.kind, Kind::Forbidden);
    allow(&place.at("Clients"), 0o555);
    let error = place.retitle("Clients/b.vcf", None, "Boss").await.expect_err("read only");
    assert_eq!(error.kind, Kind::Forbidden);
    let error = place.delete("Clients/b.vcf").await.expect_err("read only");
    assert_eq!(error.kind, Kind::Forbidden);
    assert_eq!(place.text("Clients/b.vcf"), card("b", ""));
    allow(&place.at("Clients"), 0o755);
}

#[tokio::test]
async fn a_write_that_fails_leaves_nothing_behind() {
    let place = Place::new("*");
    let chosen = Some(ContactId::from("x".repeat(300)));
    let failed = place.change(Change::Create { contact: Contact::default().into(), chosen }).await;
    assert!(failed.expect_err("too long").message.contains("writing a card in"));
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn an_error_says_what_to_do_and_names_no_file() {
    let say = |kind: io::ErrorKind| failed("writing a card in", Path::new("/books.d"), &kind.into());
    let full = say(io::ErrorKind::StorageFull);
    assert_eq!(full.kind, Kind::Later { until: None });
    assert!(full.message.starts_with("writing a card in /books.d: "), "{full}");
    assert!(full.message.ends_with("make room; the cards there are as they were"), "{full}");
    assert_eq!(say(io::ErrorKind::QuotaExceeded).kind, full.kind);
    assert_eq!(say(io::ErrorKind::ReadOnlyFilesystem).kind, Kind::Forbidden);
    assert_eq!(say(io::ErrorKind::PermissionDenied).kind, Kind::Forbidden);
    assert_eq!(say(io::ErrorKind::NotFound).kind, Kind::Unavailable);
}

/// Names the full disk to the test that runs in a mount namespace of its own.
const SMALL_DISK: &str = "CARNETD_TEST_SMALL_DISK";

#[test]
fn a_full_disk_loses_nothing() {
    let disk = tempfile::tempdir().expect("a directory");
    let script = format!("mount -t tmpfs -o size=64k none \"${SMALL_DISK}\" || exit 99; exec \"$@\"");
    let ran = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", "adapter::folder::tests::bad::on_a_full_disk", "--nocapture"])
        .env(SMALL_DISK, disk.path())
        .output();
    match ran {
        Ok(output) if output.status.success() => {}
        Ok(output) if output.status.code() == Some(101) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        _ => eprintln!("skipped: this user cannot mount a small disk"),
    }
}

#[tokio::test]
async fn on_a_full_disk() {
    // Alone it has no disk that may be filled; the test above gives it one.
    let Some(root) = std::env::var_os(SMALL_DISK).map(PathBuf::from) else { return };
    let mut place = Place::new("*");
    place.folder = Folder::new(root.clone(), Group::Whole, None, None, place.clock.clone());
    fs::write(root.join("a.vcf"), card("a", "")).expect("written");
    while fs::write(root.join(uuid::Uuid::new_v4().to_string()), [0; 4096]).is_ok() {}
    let before = walk(&root).len();
    place.walk().await;
    let create = Change::Create { contact: conformance::ada().into(), chosen: Some("new".into()) };
    for refused in [place.retitle("a.vcf", None, "Boss").await, place.change(create).await] {
        assert_eq!(refused.expect_err("no room").kind, Kind::Later { until: None });
    }
    assert_eq!(fs::read_to_string(root.join("a.vcf")).expect("read"), card("a", ""));
    assert_eq!(walk(&root).len(), before, "nothing is left behind");
    assert_eq!(said(&place.walk().await.0), ["*a.vcf a"]);
}

#[tokio::test]
async fn a_group_whose_cards_cannot_be_read_is_missed_with_the_reason() {
    let place = Place::new("Clients");
    for name in ["a.vcf", "b.vcf"] {
        place.write(name, &card(name, "CATEGORIES:Clients\r\n"));
    }
    let (_, cursor) = place.walk().await;
    for name in ["a.vcf", "b.vcf"] {
        place.write(name, "");
    }
    for from in [None, Some(&cursor)] {
        let error = place.page(from).await.expect_err("no group");
        assert_eq!(error.kind, Kind::Group);
        assert!(error.message.contains("; 2 of 2 files in it cannot be read, and may be what bore it ("), "{error}");
        assert!(error.message.contains("empty") && !error.message.contains("a.vcf"), "{error}");
    }
}

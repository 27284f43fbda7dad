//! What changes while and between listings.

use super::*;
use crate::adapter::Kind;
use crate::adapter::folder::index::Index;

/// Files `0000.vcf` and on.
fn fill(place: &Place, count: usize) {
    for n in 0..count {
        place.write(&format!("{n:04}.vcf"), &card(&format!("u{n}"), ""));
    }
}

#[tokio::test]
async fn only_cards_of_people_in_the_folder_and_one_below_are_listed() {
    let place = Place::new("*");
    let person = card("a", "");
    for name in ["a.vcf", "B.VCF", "Clients/c.vcf", "dir.vcf/d.vcf"] {
        place.write(name, &person.replace("UID:a", &format!("UID:{name}")));
    }
    for name in ["a.vcf.tmp", ".hidden.vcf", ".git/a.vcf", "deep/er/a.vcf", "color", "vcf", "notes.txt"] {
        place.write(name, &person);
    }
    place.write("kind.vcf", &card("g", "KIND:Group\r\nMEMBER:urn:uuid:a\r\n"));
    place.write("apple.vcf", &card("g", "X-ADDRESSBOOKSERVER-KIND:group\r\n"));
    let _socket = std::os::unix::net::UnixListener::bind(place.at("socket.vcf")).expect("bound");
    let (entries, cursor) = place.walk().await;
    let wanted = ["*B.VCF B.VCF", "*Clients/c.vcf Clients/c.vcf", "*a.vcf a.vcf", "*dir.vcf/d.vcf dir.vcf/d.vcf"];
    assert_eq!(said(&entries), wanted);
    assert_eq!(place.since(&cursor).await.0, []);
    place.write("a.vcf", &card("a.vcf", "KIND:group\r\n"));
    assert_eq!(said(&place.since(&cursor).await.0), ["-a.vcf"], "it stands for nobody any more");
}

#[tokio::test]
async fn a_walk_is_complete_although_files_change_under_it() {
    let place = Place::new("*");
    fill(&place, PAGE + 10);
    let first = place.page(None).await.expect("a page");
    // Listed already: deleted, edited, renamed to the front; not listed yet: deleted, edited. And one is new.
    fs::remove_file(place.at("0001.vcf")).expect("removed");
    place.write("0002.vcf", &card("u2", "TITLE:Boss\r\n"));
    fs::rename(place.at("0505.vcf"), place.at("0000a.vcf")).expect("renamed");
    fs::remove_file(place.at("0506.vcf")).expect("removed");
    place.write("0507.vcf", &card("u507", "TITLE:Boss\r\n"));
    place.write("0003a.vcf", &card("new", ""));
    let last = place.page(first.next.as_ref()).await.expect("a page");
    assert!(!first.complete && last.complete);
    let all = [first.entries, last.entries].concat();
    let told = said(&all);
    for there in ["*0000a.vcf u505", "*0002.vcf u2", "*0003a.vcf new", "*0507.vcf u507"] {
        assert!(told.contains(&there.to_owned()), "{there}");
    }
    assert!(!told.iter().any(|said| said.contains("0505") || said.contains("0506")));
    let last_word = |id: &str| all.iter().rev().find(|e| matches!(e, Entry::Live(seen) if seen.id.as_str() == id));
    for edited in ["0002.vcf", "0507.vcf"] {
        let Some(Entry::Live(seen)) = last_word(edited) else { panic!("{edited} is listed") };
        assert_eq!(seen.contact.job_title.as_deref(), Some("Boss"), "{edited}");
    }
    let (later, _) = place.since(&last.cursor.expect("a cursor")).await;
    for gone in ["-0001.vcf", "-0505.vcf", "-0506.vcf"] {
        assert!(said(&later).contains(&gone.to_owned()), "{gone}");
    }
}

#[tokio::test]
async fn two_walks_at_once_do_not_disturb_each_other() {
    let place = Place::new("*");
    fill(&place, PAGE + 10);
    let first = place.page(None).await.expect("a page");
    fs::remove_file(place.at("0000.vcf")).expect("removed");
    assert_eq!(place.walk().await.0.len(), PAGE + 9);
    let last = place.page(first.next.as_ref()).await.expect("a page");
    assert_eq!(said(&[first.entries, last.entries].concat()).len(), PAGE + 10);
}

#[tokio::test]
async fn one_reader_acknowledges_nothing_for_another() {
    let place = Place::new("*");
    fill(&place, 3);
    let (_, cursor) = place.walk().await;
    place.write("0000.vcf", &card("u0", "TITLE:Boss\r\n"));
    fs::remove_file(place.at("0001.vcf")).expect("removed");
    let (first, newer) = place.since(&cursor).await;
    assert_eq!(place.since(&newer).await.0, []);
    place.walk().await;
    let (again, _) = place.since(&cursor).await;
    assert_eq!(said(&again), said(&first));
    assert_eq!(said(&first), ["*0000.vcf u0", "-0001.vcf"]);
}

#[tokio::test]
async fn marks_that_a_failed_pass_took_are_not_lost() {
    let (place, mut marks) = Place::watched("*");
    fill(&place, 2);
    let (_, cursor) = place.walk().await;
    let (_, cursor) = place.since(&cursor).await;
    place.write("0000.vcf", &card("u0", "TITLE:Boss\r\n"));
    noticed(&place, &mut marks).await;
    let (root, away) = (place.directory.path(), place.directory.path().with_extension("away"));
    fs::rename(root, &away).expect("renamed");
    assert!(place.page(Some(&cursor)).await.is_err());
    fs::rename(&away, root).expect("renamed");
    assert!(said(&place.since(&cursor).await.0).contains(&"*0000.vcf u0".to_owned()));
}

#[tokio::test]
async fn a_watched_sub_folder_comes_goes_and_is_renamed() {
    let (place, mut marks) = Place::watched("*");
    let (_, cursor) = place.walk().await;
    place.write("acme.example/a.vcf", &card("a", ""));
    noticed(&place, &mut marks).await;
    let (entries, cursor) = place.since(&cursor).await;
    assert_eq!(said(&entries), ["*acme.example/a.vcf a"]);
    fs::rename(place.at("acme.example"), place.at("new")).expect("renamed");
    noticed(&place, &mut marks).await;
    let (entries, cursor) = place.since(&cursor).await;
    assert_eq!(said(&entries), ["-acme.example/a.vcf", "*new/a.vcf a"]);
    place.write("new/b.vcf", &card("b", ""));
    noticed(&place, &mut marks).await;
    assert!(said(&place.since(&cursor).await.0).contains(&"*new/b.vcf b".to_owned()));
    fs::remove_dir_all(place.at("new")).expect("removed");
    noticed(&place, &mut marks).await;
    assert_eq!(said(&place.since(&cursor).await.0), ["-new/a.vcf", "-new/b.vcf"]);
}

#[tokio::test]
async fn an_edit_that_leaves_the_stamp_as_it_was_is_noticed() {
    let (place, mut marks) = Place::watched("*");
    place.write("a.vcf", &card("a", "TITLE:One\r\n"));
    let modified = fs::metadata(place.at("a.vcf")).and_then(|metadata| metadata.modified()).expect("a time");
    let (_, cursor) = place.walk().await;
    let file = fs::OpenOptions::new().write(true).open(place.at("a.vcf")).expect("opened");
    std::os::unix::fs::FileExt::write_all_at(&file, card("a", "TITLE:Two\r\n").as_bytes(), 0).expect("written");
    file.set_modified(modified).expect("set");
    drop(file);
    noticed(&place, &mut marks).await;
    let (entries, _) = place.since(&cursor).await;
    assert!(matches!(&entries[..], [Entry::Live(seen)] if seen.contact.job_title.as_deref() == Some("Two")));
}

#[tokio::test]
async fn without_a_watch_a_file_that_was_just_written_is_read_again() {
    let mut place = Place::new("*");
    place.write("a.vcf", &card("a", ""));
    let modified = fs::metadata(place.at("a.vcf")).and_then(|metadata| metadata.modified()).expect("a time");
    let since = modified.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let clock = Arc::new(SimulatedClock::new(Moment(0).after(since)));
    place.folder = Folder::new(place.directory.path().to_owned(), Group::Whole, None, None, clock.clone());
    let (_, cursor) = place.walk().await;
    clock.advance(Duration::from_secs(10));
    let (entries, cursor) = place.since(&cursor).await;
    assert_eq!(said(&entries), ["*a.vcf a"]);
    assert_eq!(place.since(&cursor).await.0, [], "once");
}

#[test]
fn everything_is_looked_at_once_an_hour_whatever_is_marked() {
    let directory = Place::new("*");
    let place = &directory.folder.shared.place;
    let mut index = Index::new();
    let start = Moment(0);
    let mut changed = |marked: Marked, now: Moment| {
        let before = index.position();
        index.refresh(place, marked, false, now).expect("looked");
        index.changed_since(before)
    };
    let none = || Marked::Paths(BTreeSet::new());
    assert_eq!(changed(none(), start), []);
    directory.write("a.vcf", &card("a", ""));
    assert_eq!(changed(none(), start.after(Duration::from_secs(3599))), []);
    assert_eq!(changed(none(), start.after(Duration::from_hours(1))), ["a.vcf".into()]);
    directory.write("b.vcf", &card("b", ""));
    assert_eq!(changed(Marked::All, start.after(Duration::from_secs(3601))).len(), 2, "a was not read yet");
}

#[tokio::test]
async fn a_group_is_a_sub_folder_or_a_category_and_contacts_join_and_leave() {
    let place = Place::new("Clients");
    place.write("a.vcf", &card("a", "CATEGORIES:Friends,Clients\r\n"));
    place.write("b.vcf", &card("b", "CATEGORIES:clients\r\n"));
    place.write("Clients/c.vcf", &card("c", ""));
    let (entries, cursor) = place.walk().await;
    assert_eq!(said(&entries), ["*Clients/c.vcf c", "*a.vcf a", "+b.vcf b"]);
    place.write("a.vcf", &card("a", "CATEGORIES:Friends\r\n"));
    place.write("b.vcf", &card("b", "CATEGORIES:clients\r\nCATEGORIES:Clients\r\n"));
    fs::rename(place.at("Clients/c.vcf"), place.at("c.vcf")).expect("renamed");
    let (entries, _) = place.since(&cursor).await;
    assert_eq!(said(&entries), ["-Clients/c.vcf", "+a.vcf a", "*b.vcf b", "+c.vcf c"]);
    assert!(!live(place.read("Clients/c.vcf", Some("c")).await).in_group);
    let groups = place.folder.groups(&CancellationToken::new()).await;
    assert_eq!(groups.expect("groups"), ["Clients", "Friends", "clients"]);
}

#[tokio::test]
async fn a_group_that_goes_is_an_error_and_never_an_empty_group() {
    let place = Place::new("Clients");
    assert_eq!(place.walk().await.0, [], "an empty folder has no group yet");
    place.write("Clients/c.vcf", &card("c", "CATEGORIES:Far away\r\n"));
    let (_, cursor) = place.walk().await;
    fs::rename(place.at("Clients"), place.at("Client")).expect("renamed");
    for from in [None, Some(&cursor)] {
        let error = place.page(from).await.expect_err("no group");
        assert_eq!(error.kind, Kind::Group);
        assert!(error.message.contains("the group \"Clients\" is not in"), "{error}");
        assert!(error.message.ends_with("did you mean \"Client\"?"), "{error}");
    }
    fs::rename(place.at("Client"), place.at("Suppliers")).expect("renamed");
    let error = place.page(None).await.expect_err("no group");
    assert!(error.message.ends_with("`carnetd groups` lists what is there"), "{error}");
    fs::rename(place.at("Suppliers"), place.at("Clients")).expect("renamed");
    assert!(said(&place.since(&cursor).await.0).contains(&"*Clients/c.vcf c".to_owned()));
}

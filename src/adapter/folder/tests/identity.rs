//! Who a card is: ids, UIDs, copies and creations.

use super::*;
use crate::adapter::Kind;
use crate::contact::Name;

fn creation(chosen: &str) -> Change {
    let contact = Contact { name: Name::display("Ada Byron"), ..Contact::default() };
    Change::Create { contact: contact.into(), chosen: Some(chosen.into()) }
}

fn id(written: Result<Written, Error>) -> String {
    match written {
        Ok(Written::Now(seen)) => seen.id.to_string(),
        other => panic!("should be written, is {other:?}"),
    }
}

#[tokio::test]
async fn a_uid_that_two_files_bear_is_no_identity_while_they_do() {
    let place = Place::new("*");
    place.write("b.vcf", &card("twin", ""));
    place.write("z.vcf", &card("z", ""));
    let (entries, cursor) = place.walk().await;
    assert_eq!(said(&entries), ["*b.vcf twin", "*z.vcf z"]);
    fs::copy(place.at("b.vcf"), place.at("a.vcf")).expect("copied");
    let (entries, cursor) = place.since(&cursor).await;
    assert_eq!(said(&entries), ["*a.vcf ?", "*b.vcf ?"]);
    assert_eq!(place.since(&cursor).await.0, [], "said once");
    assert_eq!(said(&place.walk().await.0), ["*a.vcf ?", "*b.vcf ?", "*z.vcf z"]);
    for original in ["a.vcf", "b.vcf"] {
        assert_eq!(live(place.read(original, Some("twin")).await).id.as_str(), original, "a copy is no move");
    }
    fs::remove_file(place.at("b.vcf")).expect("removed");
    let (entries, _) = place.since(&cursor).await;
    assert_eq!(said(&entries), ["*a.vcf twin", "-b.vcf"]);
    assert_eq!(live(place.read("b.vcf", Some("twin")).await).id.as_str(), "a.vcf");
}

#[tokio::test]
async fn twins_of_the_first_walk_are_both_without_identity() {
    let place = Place::new("*");
    place.write("a.vcf", &card("twin", ""));
    place.write("b.vcf", &card("twin", ""));
    assert_eq!(said(&place.walk().await.0), ["*a.vcf ?", "*b.vcf ?"]);
}

#[tokio::test]
async fn a_file_that_holds_another_card_now_is_not_the_contact_asked_for() {
    let place = Place::new("*");
    place.write("a.vcf", &card("old", ""));
    place.walk().await;
    place.write("a.vcf", &card("new", ""));
    assert_eq!(place.read("a.vcf", Some("old")).await, Found::Gone);
    assert_eq!(live(place.read("a.vcf", Some("new")).await).id.as_str(), "a.vcf");
    place.write("Clients/b.vcf", &card("old", ""));
    assert_eq!(live(place.read("a.vcf", Some("old")).await).id.as_str(), "Clients/b.vcf");
    place.write("a.vcf", &card("", ""));
    assert_eq!(live(place.read("a.vcf", Some("new")).await).id.as_str(), "a.vcf", "a card that says no UID");
}

#[tokio::test]
async fn a_uid_is_found_before_anything_was_listed() {
    let place = Place::new("*");
    place.write("Clients/b.vcf", &card("b", ""));
    assert_eq!(live(place.read("a.vcf", Some("b")).await).id.as_str(), "Clients/b.vcf");
}

#[tokio::test]
async fn no_id_leads_out_of_the_folder() {
    let outer = Place::new("*");
    outer.write("x.vcf", &card("x", ""));
    outer.write("inner/y.vcf", &card("y", ""));
    let mut place = Place::new("..");
    place.folder = Folder::new(outer.at("inner"), Group::new(".."), None, None, outer.clock.clone());
    let absolute = outer.at("x.vcf").to_string_lossy().into_owned();
    for id in ["../x.vcf", "a/../../x.vcf", absolute.as_str()] {
        assert_eq!(place.read(id, None).await, Found::Gone, "{id}");
        assert_eq!(place.delete(id).await.expect_err("refused").kind, Kind::NotFound, "{id}");
        assert!(place.retitle(id, None, "Boss").await.is_err(), "{id}");
    }
    assert_eq!(place.change(creation("../z")).await.expect_err("refused").kind, Kind::Invalid);
    assert_eq!(id(place.change(creation("z")).await), "z.vcf", "the group is a category of that name");
    assert_eq!(outer.names(), ["inner/y.vcf", "inner/z.vcf", "x.vcf"]);
    assert!(fs::read_to_string(outer.at("inner/z.vcf")).expect("read").contains("CATEGORIES:..\r\n"));
}

#[tokio::test]
async fn a_creation_goes_into_the_group() {
    for (group, folder, wanted, category) in [
        ("*", None, "new.vcf", false),
        ("Clients", None, "new.vcf", true),
        ("Clients", Some("Clients"), "Clients/new.vcf", false),
    ] {
        let place = Place::new(group);
        if let Some(folder) = folder {
            fs::create_dir(place.at(folder)).expect("made");
        }
        assert_eq!(id(place.change(creation("new")).await), wanted);
        assert_eq!(place.names(), [wanted]);
        let text = place.text(wanted);
        assert_eq!(text.contains("CATEGORIES:Clients\r\n"), category, "{text}");
        assert!(text.contains("UID:new\r\n"), "{text}");
    }
}

#[tokio::test]
async fn a_creation_after_a_crash_finds_its_card_wherever_it_is() {
    let place = Place::new("*");
    assert_eq!(id(place.change(creation("new")).await), "new.vcf");
    let reopened = Place {
        folder: Folder::new(place.directory.path().to_owned(), Group::Whole, None, None, place.clock.clone()),
        clock: place.clock.clone(),
        directory: tempfile::tempdir().expect("a directory"),
    };
    assert_eq!(id(reopened.change(creation("new")).await), "new.vcf");
    fs::rename(place.at("new.vcf"), place.at("Ada.vcf")).expect("renamed");
    reopened.walk().await;
    assert_eq!(id(reopened.change(creation("new")).await), "Ada.vcf");
    assert_eq!(place.names(), ["Ada.vcf"]);
}

#[tokio::test]
async fn a_creation_never_overwrites_somebody_elses_card() {
    let place = Place::new("*");
    place.write("new.vcf", &card("other", ""));
    place.write("cut.vcf", "BEGIN:VCARD\r\n");
    assert_eq!(place.change(creation("new")).await.expect_err("refused").kind, Kind::Invalid);
    assert_eq!(place.change(creation("cut")).await.expect_err("refused").kind, Kind::Invalid);
    let unchosen = Change::Create { contact: Contact::default().into(), chosen: None };
    assert_eq!(place.change(unchosen).await.expect_err("refused").kind, Kind::Invalid);
    assert_eq!((place.text("new.vcf"), place.text("cut.vcf")), (card("other", ""), "BEGIN:VCARD\r\n".to_owned()));
}

#[tokio::test]
async fn a_chosen_id_alone_finds_what_became_of_its_creation() {
    let place = Place::new("*");
    assert_eq!(place.read("new", Some("new")).await, Found::Gone);
    place.change(creation("new")).await.expect("written");
    assert_eq!(live(place.read("new", Some("new")).await).id.as_str(), "new.vcf");
}

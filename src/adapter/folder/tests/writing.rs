//! What a write leaves as it was.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;
use crate::adapter::Kind;

#[tokio::test]
async fn a_patch_keeps_every_other_byte() {
    let place = Place::new("*");
    let apple =
        "item1.EMAIL;type=pref:a@x.example\r\nitem1.X-ABLabel:_$!<Other>!$_\r\nTITLE:Clerk\r\nX-A;b=\"c:d\":e\\;f\r\n";
    place.write("a.vcf", &card("a", apple));
    place.walk().await;
    place.retitle("a.vcf", Some("Clerk"), "Boss").await.expect("written");
    assert_eq!(place.text("a.vcf"), card("a", &apple.replace("Clerk", "Boss")));
    assert_eq!(place.names(), ["a.vcf"], "nothing is left behind");
}

#[tokio::test]
async fn old_cards_are_patched_in_their_own_dialect() {
    let place = Place::new("*");
    let old = "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Eva\r\nTEL;WORK;VOICE:1\r\n\
               TITLE:Clerk\r\nEND:VCARD\r\n";
    place.write("a.vcf", old);
    let (entries, _) = place.walk().await;
    assert_eq!(said(&entries), ["*a.vcf ?"]);
    place.retitle("a.vcf", Some("Clerk"), "Boss").await.expect("written");
    assert_eq!(place.text("a.vcf"), old.replace("Clerk", "Boss"));
}

#[tokio::test]
async fn a_card_that_cannot_be_written_back_says_why_and_stays() {
    let place = Place::new("Clients");
    let latin = [b"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a\r\nFN:Andr\xE9\r\nN:;;;;\r\nEND:VCARD\r\n".as_slice()].concat();
    fs::write(place.at("a.vcf"), &latin).expect("written");
    fs::create_dir(place.at("Clients")).expect("made");
    let (entries, _) = place.walk().await;
    assert_eq!(said(&entries), ["+a.vcf a"], "it is read");
    let join = Change::Patch { id: "a.vcf".into(), fields: vec![FieldChange::JoinGroup] };
    for refused in [place.retitle("a.vcf", None, "Boss").await, place.change(join).await] {
        let error = refused.expect_err("read only");
        assert_eq!(error.kind, Kind::Invalid);
        assert!(error.message.contains("read only") && error.message.contains("UTF-8"), "{error}");
        assert!(!error.message.contains("Andr"), "{error}");
    }
    assert_eq!(fs::read(place.at("a.vcf")).expect("read"), latin);
}

#[tokio::test]
async fn a_contact_joins_a_sub_folder_s_group_where_it_is() {
    let place = Place::new("Clients");
    place.write("a.vcf", &card("a", "CATEGORIES:Friends\r\n"));
    place.write("Clients/b.vcf", &card("b", ""));
    place.walk().await;
    for id in ["a.vcf", "Clients/b.vcf"] {
        let join = Change::Patch { id: id.into(), fields: vec![FieldChange::JoinGroup] };
        let Ok(Written::Now(seen)) = place.change(join).await else { panic!("should be written") };
        assert!(seen.in_group);
    }
    assert_eq!(place.text("a.vcf"), card("a", "CATEGORIES:Friends,Clients\r\n"));
    assert_eq!(place.text("Clients/b.vcf"), card("b", ""), "it was inside");
}

#[tokio::test]
async fn mode_and_owner_stay_and_new_cards_have_those_of_any_new_file() {
    let place = Place::new("*");
    place.write("a.vcf", &card("a", ""));
    fs::set_permissions(place.at("a.vcf"), fs::Permissions::from_mode(0o640)).expect("changed");
    // Only a super-user can give a file away; for others it is their own.
    let _ = std::os::unix::fs::chown(place.at("a.vcf"), Some(12345), Some(54321));
    let before = fs::metadata(place.at("a.vcf")).expect("there");
    place.retitle("a.vcf", None, "Boss").await.expect("written");
    let after = fs::metadata(place.at("a.vcf")).expect("there");
    assert_ne!(before.ino(), after.ino(), "replaced");
    assert_eq!((before.mode(), before.uid(), before.gid()), (after.mode(), after.uid(), after.gid()));
    place.write("any", "");
    let create = Change::Create { contact: Contact::default().into(), chosen: Some("new".into()) };
    place.change(create).await.expect("written");
    let mode = |name: &str| fs::metadata(place.at(name)).expect("there").mode();
    assert_eq!(mode("new.vcf"), mode("any"));
}

#[tokio::test]
async fn a_symlink_stays_one_and_only_the_symlink_is_deleted() {
    let place = Place::new("*");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let target = elsewhere.path().join("target.vcf");
    fs::write(&target, card("a", "")).expect("written");
    symlink(&target, place.at("link.vcf")).expect("linked");
    place.walk().await;
    place.retitle("link.vcf", None, "Boss").await.expect("written");
    assert!(fs::symlink_metadata(place.at("link.vcf")).expect("there").is_symlink());
    assert!(fs::read_to_string(&target).expect("read").contains("TITLE:Boss"));
    place.delete("link.vcf").await.expect("deleted");
    assert_eq!(place.names(), [""; 0]);
    assert!(target.exists());
}

#[tokio::test]
async fn only_what_was_read_as_it_is_now_is_deleted() {
    let place = Place::new("*");
    place.write("a.vcf", &card("a", ""));
    let stale = |deleted: Result<Written, Error>| deleted.expect_err("refused").kind == Kind::Stale;
    assert!(stale(place.delete("a.vcf").await), "never read");
    place.walk().await;
    place.write("a.vcf", &card("a", "TITLE:Boss\r\n"));
    place.folder.groups(&CancellationToken::new()).await.expect("groups");
    place.write("a.vcf", &card("a", "TITLE:Queen\r\n"));
    assert!(stale(place.delete("a.vcf").await), "changed since it was read");
    place.read("a.vcf", None).await;
    assert_eq!(place.delete("a.vcf").await, Ok(Written::Deleted));
    assert_eq!(place.delete("a.vcf").await, Ok(Written::Deleted));
    assert_eq!(place.names(), [""; 0]);
}

#[tokio::test]
async fn a_card_that_took_the_place_of_the_one_to_be_changed_is_left_alone() {
    let place = Place::new("*");
    place.write("a.vcf", &card("a", ""));
    place.walk().await;
    let stranger = card("b", "");
    place.write("a.vcf", &stranger);
    assert_eq!(place.retitle("a.vcf", None, "Boss").await.expect_err("refused").kind, Kind::Stale);
    assert_eq!(fs::read_to_string(place.at("a.vcf")).expect("read"), stranger);
    place.walk().await;
    place.retitle("a.vcf", None, "Boss").await.expect("it is the one that was read");
}

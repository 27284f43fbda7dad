//! What users do in the web page: merging, linking to a profile, hiding, renaming a label.

use super::*;
use crate::adapter::Kind;

fn resource(id: &ContactId) -> String {
    resource_of(id).expect("an id")
}

#[tokio::test]
async fn a_contact_that_was_linked_to_a_profile_stays_itself() {
    let world = World::new().await;
    let id = world.put(&contact("Ada Byron"), true).await;
    let (first, cursor) = world.list(None).await;
    world.set(json!({"profile_link": {"user": ALICE, "contact": resource(&id)}})).await;
    // Known by its old name so far.
    assert_eq!(world.seen(&id).await.contact, live(&first, &id).expect("listed").contact);
    let (entries, _) = world.list(Some(&cursor)).await;
    assert!(!entries.iter().any(|entry| matches!(entry, Entry::Gone(_))), "{entries:?}");
    assert_eq!(live(&entries, &id).map(|seen| &seen.revision), live(&first, &id).map(|seen| &seen.revision));
    assert_eq!(now(world.write(title(&id, None, Some("Countess"))).await).id, id);
    assert_eq!(world.write(Change::Delete { id: id.clone() }).await, Ok(Written::Deleted));
    assert_eq!(world.read(&id).await, Ok(Found::Gone));
}

#[tokio::test]
async fn of_two_merged_contacts_one_is_gone() {
    let world = World::new().await;
    let (from, into) = (world.put(&contact("A Byron"), true).await, world.put(&contact("Ada Byron"), true).await);
    let (_, cursor) = world.list(None).await;
    world.set(json!({"merge": {"user": ALICE, "from": resource(&from), "into": resource(&into)}})).await;
    let (entries, _) = world.list(Some(&cursor)).await;
    assert_eq!(entries.iter().filter(|entry| **entry == Entry::Gone(from.clone())).count(), 1, "{entries:?}");
    let survivor = live(&entries, &into).expect("it changed");
    assert_eq!(survivor.contact.emails.len(), 2);
    assert_eq!(survivor.stable.as_deref(), Some(from.as_str()), "it is what the other one was");
    assert_eq!(world.read(&from).await, Ok(Found::Gone), "its name leads to another contact");
    assert_eq!(world.write(title(&from, None, Some("Boss"))).await.expect_err("gone").kind, Kind::NotFound);
    assert_eq!(world.seen(&into).await.contact.job_title, None);
}

#[tokio::test]
async fn a_hidden_contact_is_gone_and_comes_back_as_itself() {
    let world = World::new().await;
    let id = world.put(&contact("Ada Byron"), true).await;
    let (_, cursor) = world.list(None).await;
    world.set(json!({"hide": {"user": ALICE, "contact": resource(&id)}})).await;
    let (entries, cursor) = world.list(Some(&cursor)).await;
    assert_eq!(entries, [Entry::Gone(id.clone())]);
    world.set(json!({"restore": {"user": ALICE, "contact": resource(&id)}})).await;
    let (entries, _) = world.list(Some(&cursor)).await;
    assert!(live(&entries, &id).is_some());
}

#[tokio::test]
async fn leaving_the_label_is_no_deletion_and_a_label_that_is_gone_is_an_error() {
    let world = World::new().await;
    let ids = [world.put(&contact("Ada Byron"), true).await, world.put(&contact("Charles Babbage"), true).await];
    let (_, cursor) = world.list(None).await;
    world.edit(&ids[0], "memberships", json!([super::super::person::membership("contactGroups/myContacts")])).await;
    let (entries, cursor) = world.list(Some(&cursor)).await;
    assert_eq!(live(&entries, &ids[0]).map(|seen| seen.in_group), Some(false));
    world.advance(Duration::from_mins(2));
    world.user(Method::DELETE, &world.label, Value::Null).await;
    world.retitle(&ids[1], "Boss").await;
    let error = world.page(Some(&cursor)).await.expect_err("the label is gone");
    assert_eq!(error.kind, Kind::Group);
    assert!(error.message.contains(GROUP) && error.message.contains("My Contacts"), "{error}");
}

#[tokio::test]
async fn a_renamed_label_tells_its_new_name() {
    let world = World::new().await;
    world.list(None).await;
    let group = world.user(Method::GET, &world.label, Value::Null).await;
    let body = json!({"contactGroup": {"name": "Kunden", "etag": group["etag"]}});
    world.user(Method::PUT, &world.label, body).await;
    let error = world.page(None).await.expect_err("not under that name");
    assert_eq!(error.kind, Kind::Group);
    assert!(error.message.contains("now called \"Kunden\""), "{error}");
    assert_eq!(world.book.groups(&world.cancel).await.expect("groups"), ["Kunden", "My Contacts", "Starred"]);
}

#[tokio::test]
async fn the_whole_book_needs_no_group_and_what_is_new_is_among_my_contacts() {
    let world = World::new().await;
    let book = world.other("*");
    world.put(&contact("Ada Byron"), false).await;
    world.calls().await;
    let page = book.changes(None, &world.cancel).await.expect("a page");
    assert!(page.entries.iter().all(|entry| matches!(entry, Entry::Live(seen) if seen.in_group)) && page.complete);
    let (change, _) = create(&world, contact("Charles Babbage"));
    let seen = now(book.write(&[change], &world.cancel).await.remove(0));
    assert!(seen.in_group);
    assert!(!world.calls().await.iter().any(|(route, _)| route.contains("contactGroups")));
    assert!(super::super::Person(world.person(&seen.id).await).is_in("contactGroups/myContacts"));
}

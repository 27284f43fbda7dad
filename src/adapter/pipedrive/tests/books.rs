//! Writing persons: what is created, patched and deleted, and what must stay.

use super::*;
use crate::adapter::{Entry, Found, Wanted};
use crate::contact::{Address, AddressPart, Birthday, ElementChange, Field, PhotoHash};

fn full() -> Contact {
    let home = |element: Option<Element>| {
        element.map(|e| e.with_label(Some("home")).with_preferred(true)).into_iter().collect()
    };
    Contact {
        phones: home(Element::phone("+33 1 99 00 12 34", None)),
        addresses: vec![
            Address::default().with(AddressPart::Street, "12 rue des Lilas").with(AddressPart::City, "Lyon"),
        ],
        ims: Element::im(Some("skype"), "anna.k").into_iter().collect(),
        organization: Some("Acme".to_owned()),
        notes: Some("Met in Lyon".to_owned()),
        birthday: Birthday::new(Some(1980), 2, 29),
        job_title: Some("CEO".to_owned()),
        ..contact("Anna Weber", "anna@acme.example")
    }
}

fn patch(seen: &Seen, fields: Vec<FieldChange>) -> Change {
    Change::Patch { id: seen.id.clone(), fields }
}

fn job_title(before: Option<&str>, after: Option<&str>) -> FieldChange {
    FieldChange::Text { field: Field::JobTitle, before: before.map(str::to_owned), after: after.map(str::to_owned) }
}

fn add_email(value: &str) -> FieldChange {
    let element = Element::email(value).expect("not empty");
    FieldChange::Element { field: Field::Emails, change: ElementChange::Add(element) }
}

#[tokio::test]
async fn a_contact_is_created_as_it_is_with_owner_visibility_and_organization() {
    let world = World::new().await;
    world.set(json!({"users": ["bob@acme.example"]})).await;
    let company = world.company().await;
    let owner = company.owner("Bob@acme.example", &world.cancel).await.expect("a user");
    let acme = company.create_organization(" Acme ", owner, 3, &world.cancel).await.expect("created");
    company.names().remember("Acme", acme.id);
    let book = company.book(owner, 1, None);
    book.names().remember("Acme", acme.id);
    let seen = now(write(&book, create(full())).await);
    assert!(seen.contact.same(&full()), "{seen:?}");
    assert!(seen.contact.unsaid.is_empty() && seen.in_group);
    let person = world.colleague(Method::GET, "v2/persons/1", Value::Null).await;
    assert_eq!(person["owner_id"], owner.0);
    assert_eq!((&person["visible_to"], &person["org_id"]), (&json!(1), &json!(acme.id)));
    assert_eq!(person["phones"], json!([{"value": "+33 1 99 00 12 34", "label": "home", "primary": true}]));
    assert_eq!(person["postal_address"]["value"], "12 rue des Lilas, Lyon");
}

#[tokio::test]
async fn what_nobody_resolved_is_not_left_out_silently() {
    let world = World::new().await;
    let book = world.company().await.book(UserId(1), 3, None);
    assert_eq!(write(&book, create(full())).await.expect_err("no such organization").kind, Kind::Stale);
    let nameless = write(&book, create(Contact::default())).await.expect_err("nothing to name it by");
    assert_eq!(nameless.kind, Kind::Invalid);
    assert!(world.colleague(Method::GET, "v2/persons", Value::Null).await.as_array().expect("a list").is_empty());
}

#[tokio::test]
async fn a_colleagues_edit_of_a_minute_ago_survives_a_patch() {
    let world = World::new().await;
    let book = world.company().await.book(UserId(1), 3, None);
    let seen = now(write(&book, create(contact("Anna Weber", "anna@acme.example"))).await);
    let own = json!({"emails": [{"value": "own@x.example", "label": "", "primary": true},
        {"value": "anna@acme.example", "label": "home", "primary": false}], "notes": "mine"});
    world.colleague(Method::PATCH, "v2/persons/1", own).await;
    let changes = vec![add_email("new@x.example"), job_title(None, Some("CEO"))];
    let after = now(write(&book, patch(&seen, changes)).await);
    assert_eq!(after.contact.notes.as_deref(), Some("mine"));
    let person = world.colleague(Method::GET, "v2/persons/1", Value::Null).await;
    assert_eq!(
        person["emails"],
        json!([{"value": "own@x.example", "label": "", "primary": true},
            {"value": "anna@acme.example", "label": "home", "primary": false},
            {"value": "new@x.example", "label": "work", "primary": false}])
    );
}

#[tokio::test]
async fn a_value_that_moved_is_stale_and_nothing_is_written() {
    let world = World::new().await;
    let book = world.company().await.book(UserId(1), 3, None);
    let seen = now(write(&book, create(contact("Anna Weber", "anna@acme.example"))).await);
    world.colleague(Method::PATCH, "v2/persons/1", json!({"job_title": "CFO"})).await;
    let changes = vec![add_email("new@x.example"), job_title(None, Some("CEO"))];
    assert_eq!(write(&book, patch(&seen, changes)).await.expect_err("it moved").kind, Kind::Stale);
    let person = world.colleague(Method::GET, "v2/persons/1", Value::Null).await;
    assert_eq!((&person["job_title"], person["emails"].as_array().map(Vec::len)), (&json!("CFO"), Some(1)));
}

#[tokio::test]
async fn a_patch_that_changes_nothing_writes_nothing() {
    let world = World::new().await;
    let book = world.company().await.book(UserId(1), 3, None);
    let seen = now(write(&book, create(contact("Anna Weber", "anna@acme.example"))).await);
    world.own(Method::DELETE, "/_calls", Value::Null).await;
    let same = FieldChange::Name { before: seen.contact.name.clone(), after: seen.contact.name.clone() };
    let changes = vec![add_email("ANNA@acme.example"), same, job_title(None, None), FieldChange::JoinGroup];
    assert!(now(write(&book, patch(&seen, changes)).await).contact.same(&seen.contact));
    let calls = world.own(Method::GET, "/_calls", Value::Null).await.to_string();
    assert!(calls.contains("GET /pipedrive") && !calls.contains("PATCH /pipedrive"), "{calls}");
}

#[tokio::test]
async fn every_field_can_be_changed_and_cleared() {
    let world = World::new().await;
    let company = world.company().await;
    let book = company.book(UserId(1), 3, None);
    let acme = company.create_organization("Acme", UserId(1), 3, &world.cancel).await.expect("created");
    company.names().remember("Acme", acme.id);
    book.names().remember("Acme", acme.id);
    let seen = now(write(&book, create(full())).await);
    let before = &seen.contact;
    let moved = before.addresses[0].clone().with(AddressPart::City, "Paris");
    let text = |field, after: Option<&str>| FieldChange::Text {
        field,
        before: before.text(field).map(str::to_owned),
        after: after.map(str::to_owned),
    };
    let changes = vec![
        FieldChange::Name { before: before.name.clone(), after: Name::display("Anna Lang") },
        FieldChange::Address { before: Some(Box::new(before.addresses[0].clone())), after: Some(Box::new(moved)) },
        FieldChange::Birthday { before: before.birthday, after: None },
        text(Field::Organization, None),
        text(Field::Notes, None),
        text(Field::JobTitle, Some("CFO")),
        FieldChange::Element { field: Field::Ims, change: ElementChange::Remove(before.ims[0].clone()) },
    ];
    let after = now(write(&book, patch(&seen, changes.clone())).await).contact;
    let wanted = Change::Patch { id: seen.id.clone(), fields: changes }.applied_to(before).expect("no deletion");
    assert!(after.same(&wanted), "{after:?}");
    assert!(after.unsaid.is_empty(), "what is cleared is empty, not unsaid");
    assert_eq!(after.addresses[0].text.as_deref(), Some("12 rue des Lilas, Paris"));
}

#[tokio::test]
async fn a_deletion_ends_in_deleted_however_often() {
    let world = World::new().await;
    let company = world.company().await;
    let book = company.book(UserId(1), 3, None);
    let seen = now(write(&book, create(contact("Anna", "anna@acme.example"))).await);
    for _ in 0..2 {
        assert_eq!(write(&book, Change::Delete { id: seen.id.clone() }).await, Ok(Written::Deleted));
    }
    let gone = write(&book, patch(&seen, vec![job_title(None, Some("CEO"))])).await.expect_err("it is gone");
    assert_eq!(gone.kind, Kind::NotFound);
    let wanted = [Wanted { id: seen.id.clone(), stable: None }];
    assert_eq!(book.read(&wanted, &world.cancel).await, Ok(vec![Found::Gone]));
}

#[tokio::test]
async fn a_picture_is_uploaded_on_its_own_and_then_seen() {
    let world = World::new().await;
    let company = world.company().await;
    let book = company.book(UserId(1), 3, None);
    let seen = now(write(&book, create(contact("Anna", "anna@acme.example"))).await);
    let photo = FieldChange::Photo { source: PhotoHash::of(b"x") };
    assert_eq!(write(&book, patch(&seen, vec![photo])).await.expect_err("not here").kind, Kind::Invalid);
    let mut png = Vec::new();
    image::RgbImage::new(200, 300)
        .write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)
        .expect("it is written to memory");
    company.upload_photo(PersonId(1), &png, &world.cancel).await.expect("large enough");
    let wanted = [Wanted { id: seen.id.clone(), stable: None }];
    match &book.read(&wanted, &world.cancel).await.expect("readable")[0] {
        Found::Live { seen, .. } => assert!(seen.contact.photo.is_some()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn thousands_are_created_in_order_and_listed_whole() {
    let world = World::new().await;
    let book = world.company().await.book(UserId(1), 3, None);
    let wanted: Vec<String> = (0..1200).map(|n| format!("Person {n}")).collect();
    let changes: Vec<Change> = wanted.iter().map(|name| create(contact(name, "a@acme.example"))).collect();
    let written = book.write(&changes, &world.cancel).await;
    let shown = |seen: &Seen| seen.contact.name.display.clone().unwrap_or_default();
    let names: Vec<String> = written.into_iter().map(|written| shown(&now(written))).collect();
    assert_eq!(names, wanted);
    let (mut from, mut listed, mut pages) = (None, 0, 0);
    let cursor = loop {
        let page = book.changes(from.as_ref(), &world.cancel).await.expect("a page");
        pages += 1;
        listed += page.entries.iter().filter(|entry| matches!(entry, Entry::Live(_))).count();
        assert_eq!(page.complete, page.next.is_none());
        match page.next {
            Some(next) => from = Some(next),
            None => break page.cursor.expect("the last page tells where to go on"),
        }
    };
    assert_eq!((listed, pages), (1200, 3));
    let later = book.changes(Some(&cursor), &world.cancel).await.expect("a page");
    assert!(!later.complete, "an incremental listing proves nothing absent");
}

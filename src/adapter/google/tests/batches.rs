//! Writes in batches: how many calls they are, and that each contact gets its own answer.

use super::*;
use crate::adapter::Kind;
use crate::contact::{Birthday, ElementChange};

fn changes(ids: &[ContactId]) -> Vec<Change> {
    let phone = |n: usize| Element::phone(&format!("+44 20 7946 {n:04}"), None).expect("a phone");
    let all = ids.iter().enumerate().map(|(n, id)| {
        let field = match n % 3 {
            0 => return title(id, None, Some("Boss")),
            1 => FieldChange::Birthday { before: None, after: Birthday::new(None, 2, 29) },
            _ => FieldChange::Element { field: Field::Phones, change: ElementChange::Add(phone(n)) },
        };
        Change::Patch { id: id.clone(), fields: vec![field] }
    });
    all.collect()
}

#[tokio::test]
async fn two_hundred_contacts_are_written_back_in_two_calls() {
    let world = World::new().await;
    let ids = world.put_many((0..200).map(|n| contact(&format!("Contact {n}")))).await;
    world.list(None).await;
    world.edit(&ids[0], "nicknames", json!([{"value": "Kept"}])).await;
    world.calls().await;
    let written = world.write_each(changes(&ids)).await;
    let calls = world.calls().await;
    assert_eq!(calls, [("GET people:batchGet".to_owned(), 1), ("POST people:batchUpdateContacts".to_owned(), 1)]);
    for (n, (id, written)) in ids.iter().zip(written).enumerate() {
        let seen = now(written);
        assert_eq!((&seen.id, seen.in_group), (id, true));
        let contact = &seen.contact;
        let has = (contact.job_title.is_some(), contact.birthday.is_some(), !contact.phones.is_empty());
        assert_eq!(has, (n % 3 == 0, n % 3 == 1, n % 3 == 2));
        assert_eq!(
            contact.emails,
            super::contact(&format!("Contact {n}"))
                .emails
                .iter()
                .map(|e| e.clone().with_preferred(true))
                .collect::<Vec<_>>()
        );
    }
    let path = format!("{}?personFields=nicknames", resource_of(&ids[0]).expect("an id"));
    let kept = world.user(Method::GET, &path, Value::Null).await;
    assert_eq!(kept["nicknames"][0]["value"], "Kept");
}

#[tokio::test]
async fn one_bad_contact_does_not_stop_its_batch() {
    let world = World::new().await;
    let ids = world.put_many((0..30).map(|n| contact(&format!("Contact {n}")))).await;
    world.list(None).await;
    world.remove(&ids[3]).await;
    world.retitle(&ids[6], "Countess").await;
    // Not to be seen for now: the batch is refused for it, and it is read again in vain.
    world.set(json!({"lag_seconds": 600})).await;
    world.retitle(&ids[9], "Lady").await;
    let written = world.write_each(changes(&ids)).await;
    let kinds: Vec<Option<Kind>> =
        written.iter().map(|written| written.as_ref().err().map(|error| error.kind)).collect();
    for (n, kind) in kinds.into_iter().enumerate() {
        let expected = match n {
            3 => Some(Kind::NotFound),
            6 | 9 => Some(Kind::Stale),
            _ => None,
        };
        assert_eq!(kind, expected, "contact {n}: {:?}", written[n]);
    }
    world.set(json!({"lag_seconds": 0})).await;
    world.advance(Duration::from_secs(601));
    assert_eq!(world.seen(&ids[9]).await.contact.job_title.as_deref(), Some("Lady"));
}

#[tokio::test]
async fn creations_and_deletions_go_in_batches() {
    let world = World::new().await;
    world.list(None).await;
    let (creations, markers): (Vec<Change>, Vec<ContactId>) =
        (0..250).map(|n| create(&world, contact(&format!("Contact {n}")))).unzip();
    world.calls().await;
    let made: Vec<Seen> = world.write_each(creations.clone()).await.into_iter().map(now).collect();
    assert_eq!(world.calls().await, [("POST people:batchCreateContacts".to_owned(), 2)]);
    for (n, seen) in made.iter().enumerate() {
        assert!(seen.in_group && seen.contact.same(&contact(&format!("Contact {n}"))), "{n}: {seen:?}");
    }
    assert_eq!(world.person(&made[7].id).await["clientData"][0]["value"], markers[7].as_str());
    let again: Vec<ContactId> = world.write_each(creations).await.into_iter().map(|made| now(made).id).collect();
    assert_eq!(again, made.iter().map(|seen| seen.id.clone()).collect::<Vec<_>>());
    assert_eq!(world.calls().await, [("GET people/{id}".to_owned(), 1), ("GET people:batchGet".to_owned(), 2)]);

    world.advance(Duration::from_mins(11));
    world.remove(&made[0].id).await;
    world.calls().await;
    let deletions: Vec<Change> = made.iter().map(|seen| Change::Delete { id: seen.id.clone() }).collect();
    assert!(world.write_each(deletions).await.iter().all(|answer| *answer == Ok(Written::Deleted)));
    let calls = world.calls().await;
    assert_eq!(calls, [("GET people:batchGet".to_owned(), 2), ("POST people:batchDeleteContacts".to_owned(), 1)]);
    assert_eq!(world.list(None).await.0, []);
}

#[tokio::test]
async fn what_was_just_made_is_deleted_whether_it_shows_or_not() {
    for lag in [0, 120] {
        let world = World::new().await;
        world.list(None).await;
        world.set(json!({"lag_seconds": lag})).await;
        let creations = (0..12).map(|n| create(&world, contact(&format!("Contact {n}"))).0).collect();
        let made: Vec<Seen> = world.write_each(creations).await.into_iter().map(now).collect();
        world.remove(&made[0].id).await;
        let deletions = made.iter().map(|seen| Change::Delete { id: seen.id.clone() }).collect();
        assert!(world.write_each(deletions).await.iter().all(|answer| *answer == Ok(Written::Deleted)), "lag {lag}");
        world.advance(Duration::from_secs(700));
        assert_eq!(world.list(None).await.0, [], "lag {lag}");
    }
}

#[tokio::test]
async fn one_change_goes_alone_and_two_of_one_contact_one_after_the_other() {
    let world = World::new().await;
    let id = world.put(&contact("Ada Byron"), false).await;
    world.list(None).await;
    world.calls().await;
    now(world.write(title(&id, None, Some("Boss"))).await);
    assert_eq!(
        world.calls().await,
        [("GET people:batchGet".to_owned(), 1), ("PATCH people/{id}:updateContact".to_owned(), 1)]
    );
    let joining = Change::Patch { id: id.clone(), fields: vec![FieldChange::JoinGroup] };
    let both = [title(&id, Some("Boss"), Some("Lady")), joining];
    let written = world.book.write(&both, &world.cancel).await;
    let seen: Vec<Seen> = written.into_iter().map(now).collect();
    assert_eq!((seen[0].in_group, seen[1].in_group), (false, true));
    assert_eq!(seen[1].contact.job_title.as_deref(), Some("Lady"));
    assert_eq!(world.seen(&id).await, seen[1]);
}

#[tokio::test]
async fn the_users_limits_are_never_met() {
    let world = World::new().await;
    world.set(json!({"quotas": {}})).await;
    world.list(None).await;
    let creations = (0..2000).map(|n| create(&world, contact(&format!("Contact {n}"))).0).collect();
    let made: Vec<Seen> = world.write_each(creations).await.into_iter().map(now).collect();
    let deletions = made.iter().take(1000).map(|seen| Change::Delete { id: seen.id.clone() }).collect();
    assert!(world.write_each(deletions).await.iter().all(|answer| *answer == Ok(Written::Deleted)));
    let counts = world.own(Method::GET, "/_calls", Value::Null).await;
    assert_eq!(counts["too_many"], 0);
}

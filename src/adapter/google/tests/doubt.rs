//! Writes whose answer never came.

use super::*;
use crate::adapter::Kind;

#[tokio::test]
async fn a_creation_without_an_answer_is_found_by_its_marker_and_made_once() {
    for many in [1, 8] {
        let world = World::new().await;
        world.list(None).await;
        let (changes, markers): (Vec<Change>, Vec<ContactId>) =
            (0..many).map(|n| create(&world, contact(&format!("Contact {n}")))).unzip();
        world.set(json!({"lag_seconds": 120})).await;
        world.faults(json!({"lost": 1, "only": "POST /google/v1/people", "times": 1})).await;
        for written in world.write_each(changes).await {
            assert_eq!(written.expect_err("no answer").kind, Kind::UnknownOutcome);
        }
        // It does not show yet, and is not nothing.
        let Err(Error { kind: Kind::Later { until: Some(until) }, .. }) = world.read(&markers[0]).await else {
            panic!("it may still show")
        };
        assert!(until > world.clock.now());
        world.advance(Duration::from_secs(121));
        world.calls().await;
        for (n, marker) in markers.iter().enumerate() {
            let seen = world.seen(marker).await;
            assert!(seen.contact.same(&contact(&format!("Contact {n}"))) && seen.in_group);
        }
        let looks =
            world.calls().await.iter().find(|(route, _)| route.contains("connections")).map(|(_, calls)| *calls);
        assert_eq!(looks, Some(1), "one look for all");
        assert_eq!(world.list(None).await.0.len(), many);
    }
}

#[tokio::test]
async fn a_creation_that_never_arrived_is_nothing_once_it_would_show() {
    let world = World::new().await;
    world.put(&contact("Charles Babbage"), true).await;
    world.list(None).await;
    let (change, marker) = create(&world, contact("Ada Byron"));
    world.faults(json!({"dropped": 1, "only": "POST /google/v1/people:createContact", "times": 1})).await;
    assert_eq!(world.write(change).await.expect_err("no answer").kind, Kind::UnknownOutcome);
    let Err(Error { kind: Kind::Later { until: Some(until) }, .. }) = world.read(&marker).await else {
        panic!("it may still show")
    };
    world.advance(until.since(world.clock.now()));
    assert_eq!(world.read(&marker).await, Ok(Found::Gone));
    let nobodys = ContactId::from("not an id".to_owned());
    assert_eq!(world.read(&nobodys).await, Ok(Found::Gone));
}

#[tokio::test]
async fn an_update_without_an_answer_is_read_back() {
    for (fault, many) in [("lost", 1), ("cut", 1), ("lost", 9), ("cut", 9)] {
        let world = World::new().await;
        let ids = world.put_many((0..many).map(|n| contact(&format!("Contact {n}")))).await;
        world.list(None).await;
        let only = if many == 1 { "PATCH /google/v1/people" } else { "POST /google/v1/people:batchUpdate" };
        world.faults(json!({fault: 1, "only": only, "times": 1})).await;
        let written = world.write_each(ids.iter().map(|id| title(id, None, Some("Boss"))).collect()).await;
        for (id, written) in ids.iter().zip(written) {
            assert_eq!(now(written).contact.job_title.as_deref(), Some("Boss"), "{fault} {many}");
            assert_eq!(world.person(id).await["organizations"].as_array().map(Vec::len), Some(1));
        }
    }
}

#[tokio::test]
async fn a_deletion_without_an_answer_is_done() {
    for many in [1, 12] {
        let world = World::new().await;
        let ids = world.put_many((0..many).map(|n| contact(&format!("Contact {n}")))).await;
        world.list(None).await;
        world.faults(json!({"lost": 1, "only": "/google/v1/people", "times": 0})).await;
        let only = if many == 1 { "DELETE /google/v1/people" } else { "POST /google/v1/people:batchDelete" };
        world.faults(json!({"lost": 1, "only": only, "times": 1})).await;
        let deletions = ids.iter().map(|id| Change::Delete { id: id.clone() }).collect();
        assert!(world.write_each(deletions).await.iter().all(|answer| *answer == Ok(Written::Deleted)));
    }
}

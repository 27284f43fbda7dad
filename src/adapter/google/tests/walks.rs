//! Listings: what they cost, when they begin anew, and what they never say.

use super::*;
use crate::adapter::Kind;

fn named(calls: &[(&str, u64)]) -> Vec<(String, u64)> {
    calls.iter().map(|(route, calls)| ((*route).to_owned(), *calls)).collect()
}

#[tokio::test]
async fn a_first_listing_costs_its_pages_and_an_idle_pass_one_call() {
    let world = World::new().await;
    let ids = world.put_many((0..2500).map(|n| contact(&format!("Contact {n}")))).await;
    world.calls().await;
    let (entries, cursor) = world.list(None).await;
    assert_eq!(entries.len(), ids.len());
    let walk = named(&[("GET contactGroups", 1), ("GET people/{id}/connections", 3)]);
    assert_eq!(world.calls().await, walk);
    let mut cursor = cursor;
    for _ in 0..3 {
        let (entries, next) = world.list(Some(&cursor)).await;
        assert_eq!(entries, []);
        assert_eq!(world.calls().await, named(&[("GET people/{id}/connections", 1)]));
        cursor = next;
    }
}

#[tokio::test]
async fn an_expired_token_is_known_in_every_dress() {
    let world = World::new().await;
    let id = world.put(&contact("Ada Byron"), true).await;
    for dress in ["invalid_argument", "failed_precondition", "gone"] {
        let (_, cursor) = world.list(None).await;
        world.set(json!({"sync_token_error": dress, "expire_sync_tokens": true})).await;
        assert_eq!(world.page(Some(&cursor)).await.expect_err(dress).kind, Kind::CursorExpired);
        let (entries, _) = world.list(None).await;
        assert!(live(&entries, &id).is_some());
    }
}

#[tokio::test]
async fn the_whole_is_listed_before_the_token_dies() {
    let world = World::new().await;
    let (_, mut cursor) = world.list(None).await;
    let started = world.clock.now();
    loop {
        world.advance(Duration::from_hours(12));
        match world.page(Some(&cursor)).await {
            Ok(page) => cursor = page.cursor.expect("a cursor"),
            Err(error) => {
                assert_eq!(error.kind, Kind::CursorExpired);
                break;
            }
        }
    }
    let days = world.clock.now().since(started).as_secs() / 86_400;
    assert!((5..7).contains(&days), "after {days} days");
}

#[tokio::test]
async fn churn_and_shuffled_values_are_no_news() {
    let world = World::new().await;
    let full = crate::adapter::conformance::ada();
    let ids = [world.put(&full, true).await, world.put(&full, true).await];
    world.set(json!({"churn": 1.0})).await;
    let (first, mut cursor) = world.list(None).await;
    for _ in 0..20 {
        world.advance(Duration::from_mins(5));
        let (entries, next) = world.list(Some(&cursor)).await;
        for id in &ids {
            let (before, after) = (live(&first, id).expect("listed"), live(&entries, id).expect("its etag moved"));
            assert_eq!((&before.revision, &before.contact), (&after.revision, &after.contact));
        }
        cursor = next;
    }
}

#[tokio::test]
async fn what_the_service_still_tells_is_not_taken_for_a_change_back() {
    let world = World::new().await;
    let id = world.put(&contact("Ada Byron"), true).await;
    let gone = world.put(&contact("Charles Babbage"), true).await;
    let (_, cursor) = world.list(None).await;
    world.set(json!({"lag_seconds": 240})).await;
    let written = now(world.write(title(&id, None, Some("Countess"))).await);
    assert_eq!(world.write(Change::Delete { id: gone.clone() }).await, Ok(Written::Deleted));
    let told = async || {
        let (entries, _) = world.list(Some(&cursor)).await;
        assert!(live(&entries, &gone).is_none());
        for seen in live(&entries, &id).into_iter().chain([&world.seen(&id).await]) {
            assert_eq!(seen.contact, written.contact);
            assert_eq!(seen.revision, written.revision);
        }
        let (all, _) = world.list(None).await;
        assert_eq!(live(&all, &id).map(|seen| &seen.revision), Some(&written.revision));
        assert!(live(&all, &gone).is_none());
        assert_eq!(world.read(&gone).await, Ok(Found::Gone));
    };
    told().await;
    // Our own write goes on from what we wrote, not from what is still told.
    let again = now(world.write(title(&id, Some("Countess"), Some("Programmer"))).await);
    let back = now(world.write(title(&id, Some("Programmer"), Some("Countess"))).await);
    assert_eq!(again.contact.job_title.as_deref(), Some("Programmer"));
    assert_eq!(back.revision, written.revision);
    world.advance(Duration::from_secs(241));
    told().await;
    world.retitle(&id, "Lady").await;
    world.advance(Duration::from_secs(241));
    let (entries, _) = world.list(Some(&cursor)).await;
    assert_eq!(live(&entries, &id).and_then(|seen| seen.contact.job_title.as_deref()), Some("Lady"));
}

#[tokio::test]
async fn a_walk_that_another_process_began_begins_anew() {
    let world = World::new().await;
    world.set(json!({"page_limit": 2})).await;
    world.put_many((0..5).map(|n| contact(&format!("Contact {n}")))).await;
    let next = world.page(None).await.expect("a page").next.expect("there is more");
    let other = world.other(GROUP);
    assert_eq!(other.changes(Some(&next), &world.cancel).await.expect_err("not its own").kind, Kind::CursorExpired);
    assert_eq!(world.other("*").changes(Some(&next), &world.cancel).await.expect_err("").kind, Kind::CursorExpired);
    assert!(world.page(Some(&next)).await.is_ok());
}

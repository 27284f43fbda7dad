//! Lists: walks, filters, refusals.

use serde_json::json;

use super::{World, refused};

#[tokio::test]
async fn a_walk_by_cursor_sees_every_person_once() {
    let world = World::new();
    for number in 0..7 {
        world.person(json!({"name": format!("P{number}")})).await;
    }
    for query in ["limit=3", "limit=3&sort_by=add_time", "limit=3&sort_direction=desc", "limit=2&sort_by=update_time"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let got = world.get(&format!("v2/persons?{query}{cursor}")).await;
            seen.extend(got.ids());
            match got.body["additional_data"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if query.ends_with("desc") {
            seen.reverse();
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7], "{query}");
    }
}

#[tokio::test]
async fn a_list_refuses_what_it_does_not_know() {
    let world = World::new();
    for query in [
        "status=all",
        "limit=501",
        "limit=0",
        "limit=ten",
        "cursor=x",
        "sort_by=name",
        "updated_since=2026-11-24T12:00:00.5Z",
        "updated_since=2026-11-24%2012:00:00",
        "updated_since=2026-11-24T12:00:00%2B00:00",
        "include_fields=status",
        "include_labels=1",
        "ids=a",
    ] {
        refused(&world.get(&format!("v2/persons?{query}")).await);
    }
    let many = (1..=101).map(|id: u32| id.to_string()).collect::<Vec<_>>().join(",");
    refused(&world.get(&format!("v2/persons?ids={many}")).await);
}

#[tokio::test]
async fn updated_since_is_inclusive_and_blind_to_what_was_never_edited() {
    let world = World::new();
    world.person(json!({"name": "Edited"})).await;
    world.person(json!({"name": "New"})).await;
    world.pass(10);
    world.patch(1, json!({"job_title": "Chief"})).await;
    assert_eq!(world.get("v2/persons?updated_since=2026-11-24T12:00:10Z").await.ids(), [1]);
    assert_eq!(world.get("v2/persons?updated_since=2026-11-24T12:00:00Z").await.ids(), [1]);
    assert_eq!(world.get("v2/persons?updated_since=2026-11-24T12:00:11Z").await.ids(), [0; 0]);
    assert_eq!(world.get("v2/persons?updated_until=2026-11-24T12:00:10Z").await.ids(), [0; 0]);
}

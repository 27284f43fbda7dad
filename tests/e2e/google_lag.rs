//! Google tells old data for minutes after a write, to a process that has just started, too: what we wrote comes never
//! back as somebody's edit, and what we made is not gone.

use std::time::Duration;

use serde_json::json;

use super::google_world::{Google, LAG, somebody, title};

/// What reads the whole book while our writes do not show yet.
#[derive(Debug, Clone, Copy)]
enum Walk {
    /// A sweep that was asked for.
    Full,
    /// The sync token has expired.
    Expired,
    /// Another process has just started.
    Restarted,
}

const WALKS: [Walk; 3] = [Walk::Full, Walk::Expired, Walk::Restarted];

/// A world with lag, eight pairs, and nothing on its way.
async fn quiet() -> Google {
    let world = Google::with("two-way", "max_delete = \"100%\"\nmax_delete_count = 1000").await;
    world.google(json!({"lag_seconds": 180})).await;
    for n in 0..8 {
        world.add(somebody(&format!("Other N{n}"))).await;
    }
    world.later(LAG);
    let mut world = world;
    assert_eq!(world.pass().await, (8, 0, 0, 0));
    world.later(LAG);
    world
}

/// Passes over the whole book before and after our writes show.
async fn walks(world: &mut Google, walk: Walk) {
    for wait in [10, 60, 200, 600] {
        match walk {
            Walk::Full => {}
            Walk::Expired => world.google(json!({"expire_sync_tokens": true})).await,
            Walk::Restarted => world.restart(),
        }
        let full = matches!(walk, Walk::Full);
        let synced = world.operator().await.sync(None, full).await.expect("a pass").remove(0);
        assert_eq!((synced.added, synced.updated, synced.deleted), (0, 0, 0), "{walk:?}: {synced:?}");
        world.later(Duration::from_secs(wait));
    }
    world.later(LAG);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_went_out_does_not_come_back_undone() {
    for walk in WALKS {
        let mut world = quiet().await;
        let id = world.person("Other N0").await["id"].clone();
        world.change_person(&id, json!({"job_title": "Director"})).await;
        assert_eq!(world.pass().await, (0, 1, 0, 0));
        walks(&mut world, walk).await;
        assert_eq!(world.person("Other N0").await["job_title"], "Director", "{walk:?}");
        assert_eq!(title(&world.contact("Other N0").await), "Director", "{walk:?}");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_was_just_made_is_not_gone() {
    for walk in WALKS {
        let mut world = quiet().await;
        world.add_person(json!({"name": "New One", "emails": [{"value": "new@home.example"}]})).await;
        assert_eq!(world.pass().await, (1, 0, 0, 0));
        walks(&mut world, walk).await;
        world.person("New One").await;
        world.contact("New One").await;
        assert_eq!((world.persons().await.len(), world.contacts().await.len()), (9, 9), "{walk:?}");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_was_just_deleted_is_not_new() {
    for walk in WALKS {
        let mut world = quiet().await;
        let id = world.person("Other N0").await["id"].clone();
        world.delete_person(&id).await;
        assert_eq!(world.pass().await, (0, 0, 1, 0));
        walks(&mut world, walk).await;
        assert_eq!((world.persons().await.len(), world.contacts().await.len()), (7, 7), "{walk:?}");
        world.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_just_came_back_into_the_label_has_not_left_it() {
    for walk in WALKS {
        let mut world = quiet().await;
        let contact = world.contact("Other N0").await;
        world.mark(&contact, false).await;
        world.later(LAG);
        world.pass().await;
        let digest = carnetd::contact::Digest::parse(&world.sleeping()[0]).expect("a digest");
        let alice = carnetd::account::AccountName::new("alice").expect("a name");
        world.operator().await.confirm(&alice, digest).await.expect("confirmed");
        world.sync().await;
        walks(&mut world, walk).await;
        assert!(world.is_marked(&world.contact("Other N0").await), "{walk:?}");
        assert_eq!(world.links().await, 8, "{walk:?}");
        world.idle().await;
    }
}

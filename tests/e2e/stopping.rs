//! The end of the daemon: what has begun is finished and recorded, and nothing else is begun.

use serde_json::json;

use super::live::Live;

#[tokio::test]
async fn a_pass_ends_with_the_steps_that_are_under_way() {
    let mut live = Live::new("one-way", "").await;
    for n in 0..100 {
        live.card(&format!("{n}.vcf"), &[&format!("FN:Person {n}"), &format!("EMAIL:{n}@acme.example")]);
    }
    live.settings(json!({"plan": "growth", "enforce_burst": true})).await;
    // Without time there is one window of calls and no other: most of the steps wait for their turn.
    live.hold_time();
    live.start().await;
    live.until("some are in", |s| s.accounts[0].current.as_ref().is_some_and(|pass| pass.added > 0)).await;
    live.stop().await;
    live.release_time();
    let made = live.persons().await.len();
    assert!((1..60).contains(&made), "{made} of 100 were made although the daemon was told to stop");

    live.start().await;
    live.until("each is recorded once", |s| s.accounts[0].totals.added == 100 && s.accounts[0].contacts == 100).await;
    assert_eq!(live.persons().await.len(), 100, "and made once");
    live.stop().await;
}

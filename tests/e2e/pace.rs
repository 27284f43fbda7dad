//! Pipedrive's limits: the burst window is never met, and a restart does not forget what the day has cost.

use serde_json::json;

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_import_never_meets_the_burst_limit() {
    let mut world = World::new("one-way").await;
    for n in 0..70 {
        world.card(&format!("{n}.vcf"), &[&format!("FN:Person {n}"), &format!("EMAIL:{n}@acme.example")]);
    }
    world.settings(json!({"plan": "growth", "enforce_burst": true, "enforce_daily": true})).await;
    let operator = world.operator().await;
    let mut changed = operator.changed();
    let mut shown = 0;
    let mut sync = operator.sync(None, false);
    let synced = loop {
        tokio::select! {
            synced = &mut sync => break synced.expect("a pass"),
            Ok(()) = changed.changed() => {
                shown = operator.snapshot().accounts[0].current.as_ref().map_or(shown, |pass| shown.max(pass.added));
            }
        }
    };
    assert_eq!(synced[0].added, 70, "more than one window of 40 calls: {synced:?}");
    drop(sync);
    assert!(shown > 0, "its counts are shown while it runs");
    assert_eq!(world.too_many().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_does_not_forget_what_the_day_has_cost() {
    let mut world = World::new("one-way").await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example", "ORG:Acme"]);
    world.pass().await;
    let used = world.operator().await.snapshot().pipedrive.tokens.used;
    assert!(used >= 5 + 5 + 10, "a person, an organization and a listing cost {used}");
    world.restart();
    world.pass().await;
    let again = world.operator().await.snapshot().pipedrive.tokens.used;
    assert!(again > used, "{again} after {used}");
}

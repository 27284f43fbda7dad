//! What commands are told where a service does not answer, and what they cost.

use carnetd::account::AccountName;
use carnetd::daemon::{self, Create};
use carnetd::status::{Operator as _, Outcome, RefusedKind, Snapshot, State};
use carnetd::store::Store;
use serde_json::json;

use super::live::Live;
use super::world::{World, account};

#[tokio::test]
async fn a_service_that_does_not_answer_is_not_reached() {
    let mut live = Live::new("one-way", "").await;
    live.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    live.start().await;
    live.settle().await;
    for fault in [
        json!({"status": 500}),
        json!({"status": 503}),
        json!({"html": 1.0}),
        json!({"cut": 1.0}),
        json!({"dropped": 1.0}),
    ] {
        live.faults(fault.clone()).await;
        let synced = live.ask().await;
        assert_eq!(synced.outcome, Outcome::Unreachable, "{fault}: {synced:?}");
        let remote = live.remote().await.expect("the daemon answers");
        let refused = remote.plan(None).await.expect_err("a plan from memory would be a guess");
        assert_eq!(refused.kind, RefusedKind::NotReachable, "{fault}: {refused}");
        let findings = remote.check().await;
        assert!(findings.iter().any(|finding| !finding.ok), "{fault}: {findings:?}");
        live.well().await;
        live.settle().await;
        let remote = live.remote().await.expect("the daemon answers");
        assert!(remote.check().await.iter().all(|finding| finding.ok), "after {fault}");
        remote.plan(None).await.expect("a plan");
    }
    live.stop().await;
}

#[tokio::test]
async fn a_plan_of_the_daemon_sees_what_is_there_now() {
    let mut live = Live::new("two-way", "").await;
    live.start().await;
    live.settle().await;
    live.hold_time();
    live.add_person(json!({"name": "Carl Stone", "emails": [{"value": "carl@acme.example"}], "visible_to": 3})).await;
    let plans = live.remote().await.expect("the daemon answers").plan(None).await.expect("a plan");
    assert_eq!(plans[0].counts.added, 1, "{plans:?}");
    let synced = live.ask().await;
    assert_eq!(synced.added, 1, "the plan wrote nothing, the next pass does what it saw: {synced:?}");
    live.stop().await;
}

#[tokio::test]
async fn a_socket_that_is_removed_is_made_again() {
    let mut live = Live::new("one-way", "").await;
    live.start().await;
    live.settle().await;
    std::fs::remove_file(live.path("state").join("carnetd.sock")).expect("removed");
    assert!(live.remote().await.is_none(), "there is no way to the daemon");
    let (environment, config) = live.load();
    let refused = daemon::local(environment, config, Create::Never).await.err().expect("the daemon has the state");
    assert_eq!(refused.kind, RefusedKind::NotReachable, "{refused}");
    live.until("it answers again", |_| true).await;
    live.stop().await;
    assert!(!live.path("state").join("carnetd.sock").exists(), "it goes with the daemon");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_keep_to_the_daily_share() {
    let mut world = World::new("one-way").await;
    world.settings(json!({"daily_tokens": 400, "enforce_daily": true})).await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    world.pass().await;
    world.restart();
    let used = |world: &World| {
        let store = Store::open(&world.path("state/state.redb")).expect("a state");
        store.view().and_then(|view| view.used()).expect("read").expect("known").1
    };
    let before = used(&world);
    let check = async |world: &World| {
        let (environment, config) = world.load();
        let local = daemon::local(environment, config, Create::InMemory).await.expect("it needs no state");
        local.check().await.iter().all(|finding| finding.ok)
    };
    assert!(check(&world).await);
    let after = used(&world);
    assert!(after >= before + 30, "a check costs {before} → {after}");
    world.operator().await.plan(None).await.expect("a plan");
    world.restart();
    assert!(used(&world) >= after + 30, "a plan connects, and asks for the users: {after} → {}", used(&world));
    let mut refused = 0;
    for _ in 0..8 {
        refused += u32::from(!check(&world).await);
    }
    let spent = world.get("_calls").await["tokens"].as_u64().expect("a number");
    assert!(refused > 3 && spent <= 200 + 8 * 2, "of 400 a day: {spent}, {refused} refused");
}

#[tokio::test]
async fn an_account_that_waits_for_the_budget_says_until_when() {
    let mut live = Live::new("one-way", "").await;
    live.settings(json!({"daily_tokens": 100, "enforce_daily": true})).await;
    for n in 0..30 {
        live.card(&format!("{n}.vcf"), &[&format!("FN:Person {n}"), &format!("EMAIL:{n}@acme.example")]);
    }
    live.start().await;
    let paused = |s: &Snapshot| s.accounts[0].state == State::Paused;
    let snapshot = live.until("the share is used up", paused).await;
    assert!(snapshot.accounts[0].next_pass_at.is_some(), "{snapshot:?}");
    assert_eq!(live.ask().await.outcome, Outcome::Later);
    let snapshot = live.until("it is paused again", paused).await;
    assert!(snapshot.accounts[0].next_pass_at.is_some_and(|at| at.0 > live.now()), "{snapshot:?}");
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_the_path_is_the_same_book() {
    let mut world = World::new("two-way").await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    world.pass().await;
    std::os::unix::fs::symlink("cards", world.path("link")).expect("linked");
    for path in ["cards/../cards", "link", "cards"] {
        world.declare(&account("alice", path, "*", "two-way", ""));
        world.idle().await;
        assert_eq!(world.links().await, 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_answered_alike() {
    let mut world = World::with("one-way", "enabled = false").await;
    let name = AccountName::new("alice").expect("a name");
    let operator = world.operator().await;
    let synced = operator.sync(Some(&name), false).await.expect("an answer").remove(0);
    let plan = operator.plan(Some(&name)).await.expect("an answer").remove(0);
    assert_eq!((synced.outcome, synced.message), (plan.outcome, plan.message));
}

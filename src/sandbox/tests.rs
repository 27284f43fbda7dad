//! What all services share: the log, the faults, the clock, and connections that break.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::pipedrive::tests::World;
use super::{SandboxError, serve};

pub(in crate::sandbox) fn state(folder: &Path) -> std::path::PathBuf {
    folder.join("sandbox.log")
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["v1/users/me", "v1/users", "v2/persons", "v2/organizations", "v2/personFields?limit=500"];
    let mut before = Vec::new();
    {
        let world = World::open(state(folder.path())).unwrap();
        world.call("POST", "/pipedrive/api/v2/organizations", json!({"name": "Acme"})).await;
        world.person(json!({"name": "Ada", "org_id": 1, "notes": "a\nb"})).await;
        world.person(json!({"name": "Gone"})).await;
        world.call("DELETE", "/pipedrive/api/v2/persons/2", Value::Null).await;
        world.call("POST", "/pipedrive/api/v2/personFields", json!({"field_name": "X", "field_type": "text"})).await;
        world.set(json!({"visibility_levels": 4, "users": ["carol@acme.example"]})).await;
        world.call("POST", "/_clock", json!({"advance_seconds": 3600})).await;
        world.patch(1, json!({"job_title": "Chief"})).await;
        for path in paths {
            before.push(world.get(path).await.body);
        }
    }
    let world = World::open(state(folder.path())).unwrap();
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(world.get(path).await.body, before, "{path}");
    }
    assert_eq!(world.person(json!({"name": "Next"})).await["id"], 3);
    assert_eq!(world.get("v2/persons/3").await.body["data"]["add_time"], "2026-11-24T13:00:00Z");
}

#[tokio::test]
async fn an_answered_write_is_in_the_log_whatever_happens_next() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(state(folder.path())).unwrap();
    world.person(json!({"name": "Ada"})).await;
    // What a killed process leaves: the file of this moment, and perhaps half of a write that was never answered.
    let killed = folder.path().join("killed.log");
    let mut log = std::fs::read(folder.path().join("sandbox.log")).unwrap();
    log.extend_from_slice(b"{\"pipedrive\":[{\"person\":{\"head\":");
    std::fs::write(&killed, log).unwrap();
    let again = World::open(killed.clone()).unwrap();
    assert_eq!(again.get("v2/persons").await.ids(), [1]);
    again.person(json!({"name": "Eve"})).await;
    drop(again);
    assert_eq!(World::open(killed).unwrap().get("v2/persons").await.ids(), [1, 2]);
}

#[tokio::test]
async fn a_damaged_line_is_named_and_the_file_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.log");
    drop(World::open(state(folder.path())).unwrap());
    let mut log = std::fs::read_to_string(&path).unwrap();
    log.push_str("nonsense\n{\"ahead\":1}\n");
    std::fs::write(&path, &log).unwrap();
    let error = World::open(state(folder.path())).err().unwrap();
    assert!(matches!(error, SandboxError::Damaged { line: 2, .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), log);
}

#[tokio::test]
async fn a_state_has_one_sandbox_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(state(folder.path())).unwrap();
    let error = World::open(state(folder.path())).err().unwrap();
    assert!(matches!(error, SandboxError::InUse { .. }), "{error}");
    drop(world);
    assert!(World::open(state(folder.path())).is_ok());
}

#[tokio::test]
async fn a_long_log_is_rewritten_as_what_it_amounts_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.log");
    let (me, person);
    {
        let world = World::open(state(folder.path())).unwrap();
        world.person(json!({"name": "Ada"})).await;
        world.person(json!({"name": "Purged"})).await;
        world.call("DELETE", "/pipedrive/api/v2/persons/2", Value::Null).await;
        world.call("POST", "/_clock", json!({"advance_seconds": 31 * 86_400})).await;
        for number in 0..1100 {
            world.patch(1, json!({"job_title": format!("Chief {number}")})).await;
        }
        (me, person) = (world.get("v1/users/me").await.body, world.get("v2/persons/1").await.body);
    }
    let long = std::fs::metadata(&path).unwrap().len();
    for _ in 0..2 {
        let world = World::open(state(folder.path())).unwrap();
        assert_eq!(world.get("v1/users/me").await.body, me);
        assert_eq!(world.get("v2/persons/1").await.body, person);
        assert!(std::fs::metadata(&path).unwrap().len() < long / 100);
        assert!(matches!(World::open(state(folder.path())).err(), Some(SandboxError::InUse { .. })));
    }
    let world = World::open(state(folder.path())).unwrap();
    assert_eq!(world.person(json!({"name": "Next"})).await["id"], 3, "a purged id is not used again");
}

#[tokio::test]
async fn wrong_faults_are_refused_and_change_nothing() {
    let world = World::new();
    world.call("POST", "/_faults", json!({"too_many": 0.5, "seed": 3})).await;
    let before = world.call("GET", "/_faults", Value::Null).await.body;
    assert_eq!((&before["too_many"], &before["seed"]), (&json!(0.5), &json!(3)));
    for (faults, named) in [
        (json!({"toomany": 1}), "toomany"),
        (json!({"too_many": 2}), "too_many"),
        (json!({"status": 200}), "status"),
        (json!({"pipedrive": {"contactsync": true}}), "contactsync"),
        (json!({"pipedrive": {"visibility_levels": 3}}), "visibility_levels"),
        (json!([]), "JSON object"),
    ] {
        let got = world.call("POST", "/_faults", faults).await;
        assert_eq!(got.status, 400);
        assert!(got.text.contains(named), "{} should name {named}", got.text);
    }
    assert_eq!(world.call("GET", "/_faults", Value::Null).await.body, before);
    assert_eq!(world.call("DELETE", "/_faults", Value::Null).await.body["too_many"], 0.0);
}

#[tokio::test]
async fn a_forced_status_strikes_where_and_as_often_as_asked() {
    let world = World::new();
    let only = "GET /pipedrive/api/v2/persons";
    world.call("POST", "/_faults", json!({"status": 503, "only": only, "times": 2, "retry_after": 4})).await;
    assert_eq!(world.get("v2/organizations").await.status, 200);
    world.person(json!({"name": "Ada"})).await;
    let got = world.get("v2/persons").await;
    assert_eq!((got.status, got.number("retry-after")), (503, 4));
    assert_eq!(world.get("v2/persons/1").await.status, 503);
    assert_eq!(world.get("v2/persons").await.status, 200);
}

#[tokio::test]
async fn faults_come_at_their_rate_and_again_from_the_same_seed() {
    let world = World::new();
    let mut walks = Vec::new();
    for _ in 0..2 {
        world.call("POST", "/_faults", json!({"seed": 11, "too_many": 0.2, "server_error": 0.1, "html": 0.1})).await;
        let mut statuses = Vec::new();
        for _ in 0..500 {
            statuses.push(world.get("v1/users/me").await.status);
        }
        walks.push(statuses);
    }
    assert_eq!(walks[0], walks[1]);
    let share = walks[0].iter().filter(|status| **status == 429).count();
    assert!((60..140).contains(&share), "{share} of 500 with seed 11");
}

#[tokio::test]
async fn a_cursor_can_expire() {
    let world = World::new();
    for name in ["A", "B"] {
        world.person(json!({"name": name})).await;
    }
    let first = world.get("v2/persons?limit=1").await;
    let next = format!("v2/persons?limit=1&cursor={}", first.body["additional_data"]["next_cursor"].as_str().unwrap());
    world.call("POST", "/_faults", json!({"expired_cursors": 1})).await;
    assert_eq!(world.get(&next).await.status, 400);
    assert_eq!(world.get("v2/persons?limit=1").await.status, 200);
    world.call("DELETE", "/_faults", Value::Null).await;
    assert_eq!(world.get(&next).await.ids(), [2]);
}

/// Sends one request through a socket; gives everything that came back.
async fn through_a_socket(world: &World, faults: Value) -> String {
    world.call("POST", "/_faults", faults).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, world.sandbox.clone(), async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = json!({"name": "Ada"}).to_string();
    let request = format!(
        "POST /pipedrive/api/v2/persons HTTP/1.1\r\nhost: box\r\nconnection: close\r\nx-api-token: {}\r\n\
         content-length: {}\r\n\r\n{body}",
        world.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that breaks may end as a reset; what came before it is what counts.
    let _ = stream.read_to_end(&mut answer).await;
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    world.call("DELETE", "/_faults", Value::Null).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_dropped_call_is_neither_answered_nor_done() {
    let world = World::new();
    assert_eq!(through_a_socket(&world, json!({"dropped": 1})).await, "");
    assert_eq!(world.get("v2/persons").await.ids(), [0; 0]);
}

#[tokio::test]
async fn a_lost_call_is_done_but_not_answered() {
    let world = World::new();
    assert_eq!(through_a_socket(&world, json!({"lost": 1})).await, "");
    assert_eq!(world.get("v2/persons").await.ids(), [1]);
    assert_eq!(world.call("GET", "/_calls", Value::Null).await.body["statuses"]["lost"], 1);
}

#[tokio::test]
async fn a_cut_answer_promises_more_than_it_holds() {
    let world = World::new();
    let whole = through_a_socket(&world, json!({})).await;
    let cut = through_a_socket(&world, json!({"cut": 1})).await;
    assert_eq!(world.get("v2/persons").await.ids(), [1, 2]);
    let length = |answer: &str| -> usize {
        answer.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap()
    };
    assert_eq!(length(&whole), whole.split("\r\n\r\n").nth(1).unwrap().len());
    assert_eq!(length(&cut) / 2, cut.split("\r\n\r\n").nth(1).unwrap().len());
}

#[tokio::test]
async fn time_only_moves_forward() {
    let world = World::new();
    for wrong in [json!({"advance_seconds": -1}), json!({"advance_seconds": 1.5}), json!({"seconds": 1}), json!(1)] {
        assert_eq!(world.call("POST", "/_clock", wrong).await.status, 400);
    }
    assert_eq!(world.call("GET", "/_clock", Value::Null).await.body["now"], "2026-11-24T12:00:00Z");
}

//! The commands' way: a server on a real socket, and the operator on its other end.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::fake::{CODE, FakeOperator, LINK, STATE, alice, held_item, snapshot, started};
use crate::account::AccountName;
use crate::clock::RealClock;
use crate::config::Environment;
use crate::contact::Digest;
use crate::status::socket::{self, SocketError};
use crate::status::*;

fn name(name: &str) -> AccountName {
    AccountName::new(name).expect("a name")
}

fn full() -> FakeOperator {
    let mut fake = FakeOperator::new(snapshot(vec![alice()]));
    fake.held = vec![held_item("alice", "00000000000000aa", "open-deals")];
    fake.synced = vec![Synced {
        account: "alice".to_owned(),
        outcome: Outcome::Held,
        message: Some("more deletions than allowed".to_owned()),
        added: 1,
        updated: 2,
        deleted: 3,
        failed: 4,
    }];
    fake.plans = vec![AccountPlan {
        account: "alice".to_owned(),
        outcome: Outcome::Ok,
        message: None,
        refusals: vec!["26 of 100".to_owned()],
        digest: "00000000000000cc".to_owned(),
        steps: Vec::new(),
        counts: PlanCounts { added: 1, ..PlanCounts::default() },
    }];
    fake.findings = vec![Finding { account: None, ok: true, message: "logged in".to_owned(), help: None }];
    fake.reloaded.changed = vec!["account alice: group".to_owned()];
    fake
}

/// Serves `operator` at `path` until the sender is used or dropped.
async fn serve(path: &Path, operator: Arc<dyn Operator>) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (listener, file) = socket::bind(path, 0o600).await.expect("a socket");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::control(operator, Arc::new(Metrics::new()), Arc::new(RealClock));
    let task = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        server.serve(Listener::Unix(listener), shutdown).await;
        drop(file);
    });
    (stop, task)
}

async fn connect(path: &Path) -> Option<Remote> {
    Remote::connect(path, Arc::new(RealClock), 1).await.expect("nothing in the way")
}

#[tokio::test]
async fn every_question_and_answer_crosses_the_socket_unchanged() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("carnetd.sock");
    let fake = Arc::new(full());
    let (stop, task) = serve(&path, fake.clone()).await;
    let remote = connect(&path).await.expect("a daemon");

    assert_eq!(remote.snapshot(), fake.snapshot());
    assert!(remote.ready() && remote.alive());
    let alice = name("alice");
    remote.refresh(None).await.expect("queued");
    remote.refresh(Some(&alice)).await.expect("queued");
    assert_eq!(remote.sync(Some(&alice), true).await.expect("synced"), fake.synced);
    assert_eq!(remote.sync(None, false).await.expect("synced"), fake.synced);
    assert_eq!(remote.plan(None).await.expect("plans"), fake.plans);
    assert_eq!(remote.held(Some(&alice)).await.expect("held"), fake.held);
    assert_eq!(remote.confirm(&alice, Digest(0xaa)).await.expect("confirmed"), fake.held[0]);
    assert_eq!(remote.groups(&alice).await.expect("groups"), ["Clients", "Friends"]);
    assert_eq!(remote.check().await, fake.findings);
    assert_eq!(remote.reload().await, fake.reloaded);
    assert_eq!(
        fake.asked(),
        [
            "refresh all",
            "refresh alice",
            "full sync alice",
            "sync all",
            "plan all",
            "held alice",
            "confirm alice",
            "groups alice"
        ]
    );

    let unknown = remote.sync(Some(&name("bob")), false).await.expect_err("no such account");
    assert_eq!(unknown, Refused::unknown_account("bob"));
    let wrong = remote.confirm(&alice, Digest(1)).await.expect_err("no such digest");
    assert_eq!(wrong.kind, RefusedKind::Failed);

    drop((remote, stop));
    task.await.expect("the server ended");
    assert!(!path.exists(), "the socket outlived its server");
}

#[tokio::test]
async fn a_login_crosses_the_socket_and_no_query_holds_any_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("carnetd.sock");
    let fake = Arc::new(full());
    let (_stop, _task) = serve(&path, fake.clone()).await;
    let remote = connect(&path).await.expect("a daemon");

    let (alice, back) = (name("alice"), "http://127.0.0.1:8085/".parse().expect("a URL"));
    let begun = remote.start_login(&Who::Account("alice".to_owned()), &back).await.expect("started");
    assert_eq!((begun, fake.redirects()), (started(), vec![back.clone()]));
    remote.start_login(&Who::Pipedrive, &back).await.expect("started");
    let done = remote.finish_login(STATE, CODE).await.expect("logged in");
    assert_eq!(done, fake.finish_login(STATE, CODE).await.expect("logged in"));
    assert_eq!(remote.link_login(&alice).await.expect("a link"), fake.link_login(&alice).await.expect("a link"));
    assert_eq!(remote.follow_link(LINK).await.expect("followed"), started());

    let unknown = remote.start_login(&Who::Account("bob".to_owned()), &back).await.expect_err("no such account");
    assert_eq!(unknown, Refused::unknown_account("bob"));
    assert_eq!(remote.link_login(&name("bob")).await.expect_err("no such account"), Refused::unknown_account("bob"));
    remote.finish_login("another", CODE).await.expect_err("no such login");
    let asked = fake.asked();
    assert!(asked.contains(&"start login of Pipedrive for all".to_owned()), "{asked:?}");

    // What a query would have done: only a body is read.
    let server = Server::control(fake.clone(), Arc::new(Metrics::new()), Arc::new(RealClock)).router();
    let before = fake.asked().len();
    let queries = ["finish?state=s&code=c", "follow?secret=s", "link?account=alice"];
    for query in queries {
        let request = axum::http::Request::post(format!("http://localhost/control/v1/login/{query}"));
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let answer = tower::ServiceExt::oneshot(server.clone(), request).await.expect("an answer");
        assert!(answer.status().is_client_error(), "{query}");
    }
    assert_eq!(fake.asked().len(), before);
}

#[tokio::test]
async fn every_kind_of_refusal_crosses_the_socket() {
    for kind in [
        RefusedKind::UnknownAccount,
        RefusedKind::NotReachable,
        RefusedKind::NeedsLogin,
        RefusedKind::Later,
        RefusedKind::Failed,
        RefusedKind::Unconfigured,
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("carnetd.sock");
        let refused = Refused::new(kind, "no").help("do this");
        let mut fake = full();
        fake.refuses = Some(refused.clone());
        let (_stop, _task) = serve(&path, Arc::new(fake)).await;
        let remote = connect(&path).await.expect("a daemon");
        assert_eq!(remote.plan(None).await.expect_err("refused"), refused);
    }
}

#[tokio::test]
async fn the_socket_belongs_to_one_user_and_a_stale_one_is_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("carnetd.sock");
    assert!(connect(&path).await.is_none(), "nobody is there");

    // A process that was killed leaves its file behind.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists());
    assert!(connect(&path).await.is_none(), "nobody answers");

    let (_listener, file) = socket::bind(&path, 0o600).await.expect("the stale one is replaced");
    let mode = std::fs::metadata(file.path()).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = socket::bind(&path, 0o600).await.expect_err("somebody answers");
    assert!(matches!(second, SocketError::InUse { .. }), "{second}");
}

#[tokio::test]
async fn what_is_no_socket_is_not_removed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("carnetd.sock");
    std::fs::write(&path, "precious").expect("a file");
    let error = socket::bind(&path, 0o600).await.expect_err("the path is taken");
    assert!(matches!(error, SocketError::Io { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), "precious");
}

#[tokio::test]
async fn too_long_a_path_is_a_clear_error() {
    let path = Path::new("/tmp").join("x".repeat(120)).join("carnetd.sock");
    let error = socket::bind(&path, 0o600).await.expect_err("too long").to_string();
    assert!(error.contains("138 bytes") && error.contains("107") && error.contains("shorter state_dir"), "{error}");
    assert!(connect(&path).await.is_none());
}

#[test]
fn a_daemon_is_looked_for_where_it_may_be_even_if_the_file_is_broken() {
    let directory = tempfile::tempdir().expect("a directory");
    let config_path = directory.path().join("carnetd.toml");
    let mut env = Environment { config_path: config_path.clone(), ..Environment::default() };
    assert_eq!(socket::candidates(&env), [directory.path().join("state/carnetd.sock")]);
    std::fs::write(&config_path, "state_dir = \"here\"\ninterval = = 3\n").expect("a file");
    assert_eq!(socket::candidates(&env), [directory.path().join("here/carnetd.sock")]);
    env.runtime_directory = Some("/run/elsewhere".into());
    assert_eq!(socket::candidates(&env)[0], Path::new("/run/elsewhere/carnetd.sock"));
    assert_eq!(socket::path(&env, directory.path()), Path::new("/run/elsewhere/carnetd.sock"));

    let system = Environment { config_path: "/etc/carnetd/none.toml".into(), ..Environment::default() };
    let expected = ["/run/carnetd/carnetd.sock", "/var/lib/carnetd/carnetd.sock"].map(std::path::PathBuf::from);
    assert_eq!(socket::candidates(&system), expected);
}

//! What is typed, what is printed, and with what a command ends.

mod login;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::args::{Args, Command};
use super::exit::{Exit, gravest};
use super::terminal::{Terminal, wants_colour};
use super::{ask, check, execute, held, parse, plan, status, sync};
use crate::account::AccountName;
use crate::contact::Digest;
use crate::status::tests::fake::{FakeOperator, alice, at, held_item, now, snapshot};
use crate::status::*;

/// What a command wrote.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("text")
    }
}

/// A terminal, its stdout and its stderr.
fn terminal(answer: Option<&'static str>) -> (Terminal, Written, Written) {
    let (out, err) = (Written::default(), Written::default());
    (Terminal::written_to(Box::new(out.clone()), Box::new(err.clone()), answer), out, err)
}

fn typed(line: &str) -> Result<Args, Exit> {
    parse(std::iter::once("carnetd").chain(line.split_whitespace())).map_err(|(_, exit)| exit)
}

fn name(name: &str) -> AccountName {
    AccountName::new(name).expect("a name")
}

#[test]
fn every_command_of_the_contract_is_understood() {
    for line in [
        "run",
        "run --config /tmp/x.toml",
        "--config /tmp/x.toml run",
        "check",
        "check --offline",
        "plan",
        "plan alice --json --out plan.json --detailed-exitcode",
        "reload",
        "sync",
        "sync alice@acme.example --full --init",
        "status",
        "status --json --watch",
        "refresh",
        "refresh alice",
        "groups alice",
        "held",
        "held alice",
        "confirm alice",
        "confirm alice 0123456789abcdef",
        "login alice",
        "login alice --no-browser --port 8085",
        "login --pipedrive --no-browser",
        "login alice --link",
        "sandbox",
        "sandbox --listen 127.0.0.1:9000 --state /tmp/sandbox.log",
    ] {
        assert!(typed(line).is_ok(), "{line}");
    }
}

#[test]
fn mistakes_are_usage_and_questions_are_no_mistakes() {
    for line in [
        "",
        "dance",
        "plan --jsn",
        "groups",
        "groups Alice",
        "confirm alice 12",
        "sandbox --listen here",
        "run x",
        "login",
        "login alice --pipedrive",
        "login --pipedrive --link",
        "login alice --link --no-browser",
        "login alice --link --port 8085",
        "login alice --port 0",
        "login alice --port 65536",
    ] {
        assert_eq!(typed(line).err(), Some(Exit::Usage), "{line}");
    }
    for line in ["--help", "--version", "help plan", "sync --help"] {
        assert_eq!(typed(line).err(), Some(Exit::Done), "{line}");
    }
}

#[test]
fn defaults_are_the_contract_s() {
    let args = typed("sandbox").expect("understood");
    assert_eq!(args.config, std::path::Path::new("/etc/carnetd/carnetd.toml"));
    let Command::Sandbox(sandbox) = args.command else { panic!("another command") };
    assert_eq!(sandbox.listen, ([127, 0, 0, 1], 8700).into());
    let (error, _) = parse(["carnetd", "--version"]).expect_err("the version");
    assert_eq!(error.to_string(), format!("carnetd {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn exit_codes_are_the_contract_s() {
    let outcomes =
        [Outcome::Ok, Outcome::Held, Outcome::NeedsLogin, Outcome::Later, Outcome::Unreachable, Outcome::Failed];
    assert_eq!(outcomes.map(|outcome| Exit::from(outcome).code()), [0, 3, 4, 75, 69, 1]);
    let kinds = [
        (RefusedKind::UnknownAccount, 64),
        (RefusedKind::NotReachable, 69),
        (RefusedKind::NeedsLogin, 4),
        (RefusedKind::Later, 75),
        (RefusedKind::Failed, 1),
        (RefusedKind::Unconfigured, 78),
    ];
    for (kind, code) in kinds {
        assert_eq!(Exit::from(kind).code(), code, "{kind:?}");
    }
    assert_eq!((Exit::Changes.code(), Exit::Usage.code(), Exit::Config.code()), (2, 64, 78));
}

#[test]
fn the_gravest_end_of_several_accounts_counts() {
    assert_eq!(gravest([]), Exit::Done);
    assert_eq!(gravest([Exit::Done, Exit::Held, Exit::Done]), Exit::Held);
    assert_eq!(gravest([Exit::Failed, Exit::NeedsLogin, Exit::Later]), Exit::Failed);
}

#[test]
fn colour_only_where_it_is_wanted() {
    let with = |pairs: &'static [(&str, &str)]| {
        move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    assert!(wants_colour(true, with(&[("TERM", "xterm")])));
    assert!(wants_colour(true, with(&[("NO_COLOR", "")])));
    assert!(!wants_colour(true, with(&[("NO_COLOR", "1")])));
    assert!(!wants_colour(true, with(&[("TERM", "dumb")])));
    assert!(!wants_colour(false, with(&[("TERM", "xterm")])));
}

fn a_plan() -> AccountPlan {
    let line = |field: &str, before: Option<&str>, after: Option<&str>| FieldLine {
        field: field.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    AccountPlan {
        account: "alice".to_owned(),
        outcome: Outcome::Ok,
        message: None,
        refusals: Vec::new(),
        digest: "00000000000000cc".to_owned(),
        steps: vec![
            PlanStep {
                action: "update".to_owned(),
                side: Some("pipedrive".to_owned()),
                reason: "the contact changed".to_owned(),
                contact: "Ann Example".to_owned(),
                person: Some(7),
                fields: vec![
                    line("name", Some("Ann"), Some("Ann Example")),
                    line("phone", None, Some("+33 1 23")),
                    line("note", Some("old"), None),
                ],
                said: vec!["the longer note stays as it is".to_owned()],
                digest: "00000000000000dd".to_owned(),
            },
            PlanStep {
                action: "hold".to_owned(),
                side: None,
                reason: "it matches several".to_owned(),
                contact: "Bob".to_owned(),
                person: None,
                fields: Vec::new(),
                said: Vec::new(),
                digest: "00000000000000ee".to_owned(),
            },
        ],
        counts: PlanCounts { updated: 1, held: 1, ..PlanCounts::default() },
    }
}

#[test]
fn a_plan_is_shown_field_by_field() {
    let (mut terminal, out, err) = terminal(None);
    plan::show(&a_plan(), &mut terminal);
    let expected = "\
alice: 1 to update, 1 held
  ~ update in pipedrive: Ann Example (person 7) because the contact changed
      name   Ann → Ann Example
      phone  +33 1 23
      note   old removed
      the longer note stays as it is
  ? hold: Bob because it matches several
";
    assert_eq!((out.text().as_str(), err.text().as_str()), (expected, ""));
}

#[test]
fn a_plan_that_refuses_itself_says_how_to_allow_it() {
    let (mut terminal, out, _) = terminal(None);
    let refused = AccountPlan {
        refusals: vec!["26 of 80 links would be deleted, more than max_delete (25 %)".to_owned()],
        ..a_plan()
    };
    plan::show(&refused, &mut terminal);
    let text = out.text();
    assert!(text.contains("  refused: 26 of 80 links would be deleted"), "{text}");
    assert!(text.ends_with("  to allow exactly this: carnetd confirm alice 00000000000000cc\n"), "{text}");
    assert_eq!(plan::exit(&[refused], true), Exit::Held);
}

#[test]
fn two_means_changes_and_only_when_asked_for() {
    let idle = AccountPlan { steps: Vec::new(), counts: PlanCounts::default(), ..a_plan() };
    let later = AccountPlan { outcome: Outcome::Later, ..idle.clone() };
    assert_eq!(plan::exit(&[a_plan()], false), Exit::Done);
    assert_eq!(plan::exit(&[a_plan()], true), Exit::Changes);
    assert_eq!(plan::exit(std::slice::from_ref(&idle), true), Exit::Done);
    assert_eq!(plan::exit(&[idle, a_plan(), later], true), Exit::Later);
}

#[test]
fn a_plan_document_reads_back() {
    let document: serde_json::Value = serde_json::from_str(&plan::document(&[a_plan()])).expect("JSON");
    let read: Vec<AccountPlan> = serde_json::from_value(document["accounts"].clone()).expect("plans");
    assert_eq!(read, [a_plan()]);
}

#[test]
fn the_status_is_a_table() {
    let (mut terminal, out, _) = terminal(None);
    let mut carol = alice();
    (carol.name, carol.state, carol.held) = ("carol".to_owned(), State::Held, 3);
    carol.reason = Some("26 of 80 contacts would be deleted".to_owned());
    (carol.last_pass, carol.next_pass_at) = (None, None);
    status::show(&snapshot(vec![alice(), carol]), false, now(), &mut terminal);
    let expected = "\
carnetd 0.1.0 · acme ok · 120 of 30000 tokens used, 15000 kept for people
ACCOUNT  STATE  CONTACTS  ADDED  UPDATED  DELETED  HELD  LAST       NEXT
alice    idle       1234      3        2        1     0  ok 1m ago  in 3m
carol    held       1234      -        -        -     3  -          -
  26 of 80 contacts would be deleted
";
    assert_eq!(out.text(), expected);
}

#[test]
fn the_status_as_json_is_the_document_on_one_line() {
    let (mut terminal, out, _) = terminal(None);
    status::show(&snapshot(vec![alice()]), true, now(), &mut terminal);
    let text = out.text();
    assert_eq!(text.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Snapshot>(&text).expect("a snapshot"), snapshot(vec![alice()]));
}

#[test]
fn a_sync_says_what_it_did_and_ends_with_the_gravest() {
    let (mut terminal, out, _) = terminal(None);
    let synced = |account: &str, outcome, message: Option<&str>| Synced {
        account: account.to_owned(),
        outcome,
        message: message.map(str::to_owned),
        added: 3,
        updated: 2,
        deleted: 1,
        failed: 0,
    };
    let passes =
        [synced("alice", Outcome::Ok, None), synced("bob", Outcome::NeedsLogin, Some("run `carnetd login bob`"))];
    assert_eq!(sync::show(&passes, &mut terminal), Exit::NeedsLogin);
    let expected = "\
alice: in step; 3 added, 2 updated, 1 deleted
bob: needs a login; 3 added, 2 updated, 1 deleted
  run `carnetd login bob`
";
    assert_eq!(out.text(), expected);
}

#[test]
fn a_wrong_finding_makes_the_configuration_wrong() {
    let (mut terminal, out, _) = terminal(None);
    let finding = |account: Option<&str>, ok: bool, message: &str| Finding {
        account: account.map(str::to_owned),
        ok,
        message: message.to_owned(),
        help: (!ok).then(|| "write group = \"Clients\"".to_owned()),
    };
    let findings =
        [finding(None, true, "Pipedrive: acme"), finding(Some("alice"), false, "there is no group \"Client\"")];
    assert_eq!(check::show(&findings[..1], &mut terminal), Exit::Done);
    assert_eq!(check::show(&findings[1..], &mut terminal), Exit::Config);
    let expected = "\
ok    Pipedrive: acme
wrong alice: there is no group \"Client\"
      write group = \"Clients\"
";
    assert_eq!(out.text(), expected);
}

#[test]
fn a_refused_reload_shows_every_problem_and_is_78() {
    let (mut terminal, out, err) = terminal(None);
    let reloaded = Reloaded {
        ok: false,
        problems: Vec::new(),
        rendered: "error: unknown key\n --> carnetd.toml:3:1\n".to_owned(),
        changed: Vec::new(),
    };
    assert_eq!(ask::show_reload(&reloaded, &mut terminal), Exit::Config);
    assert_eq!(out.text(), "");
    assert!(err.text().starts_with("error: unknown key\n --> carnetd.toml:3:1\n"), "{}", err.text());
}

fn holding() -> FakeOperator {
    let mut operator = FakeOperator::new(snapshot(vec![alice()]));
    operator.held = vec![held_item("alice", "00000000000000aa", "several-matches")];
    operator
}

#[tokio::test]
async fn a_digest_confirms_without_a_question() {
    let (mut terminal, out, err) = terminal(None);
    let operator = holding();
    let exit = held::answer(&operator, &name("alice"), Some(Digest(0xaa)), &mut terminal).await.expect("confirmed");
    assert_eq!(exit, Exit::Done);
    assert_eq!(out.text(), "confirmed alice 00000000000000aa: a new person is created\n");
    assert_eq!((operator.asked(), err.text().as_str()), (vec!["confirm alice".to_owned()], ""));
    held::answer(&operator, &name("alice"), Some(Digest(1)), &mut terminal).await.expect_err("an unknown digest");
}

#[tokio::test]
async fn without_a_digest_it_is_shown_and_only_a_yes_confirms() {
    for (answer, asked) in [("yes\n", 2), ("Y", 2), ("\n", 1), ("nay", 1)] {
        let (mut terminal, out, err) = terminal(Some(answer));
        let operator = holding();
        held::answer(&operator, &name("alice"), None, &mut terminal).await.expect("answered");
        assert!(out.text().contains("could be: person 7, person 9"), "{}", out.text());
        assert!(err.text().contains("confirm 00000000000000aa? [y/N]"), "{}", err.text());
        assert_eq!(operator.asked().len(), asked, "{answer:?}");
    }
}

#[test]
fn what_cannot_be_written_is_a_failure_unless_the_reader_left() {
    struct Broken(io::ErrorKind);
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for (kind, exit) in [(io::ErrorKind::StorageFull, Exit::Failed), (io::ErrorKind::BrokenPipe, Exit::Done)] {
        let mut terminal = Terminal::written_to(Box::new(Broken(kind)), Box::new(Written::default()), None);
        terminal.result("x");
        assert_eq!(terminal.finish(Exit::Done), exit, "{kind}");
    }
}

/// Runs a whole command line against a configuration in an otherwise empty directory.
async fn in_directory(directory: &std::path::Path, line: &str) -> (Exit, String, String) {
    let (mut terminal, out, err) = terminal(None);
    let config = directory.join("carnetd.toml").display().to_string();
    let args = typed(&format!("--config {config} {line}")).expect("understood");
    let exit = execute(args, &mut terminal).await;
    (exit, out.text(), err.text())
}

const SANDBOX: &str = "[pipedrive]\nsandbox = true\n";

#[tokio::test]
async fn without_daemon_and_database_the_tried_paths_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("carnetd.toml"), SANDBOX).expect("written");
    let state = directory.path().join("state");
    for line in ["plan", "sync", "status", "groups alice", "held", "confirm alice 00000000000000aa"] {
        let (exit, _, err) = in_directory(directory.path(), line).await;
        assert_eq!(exit, Exit::NotReachable, "{line}: {err}");
        assert!(err.contains(&state.join("state.redb").display().to_string()), "{line}: {err}");
        assert!(err.contains(&state.join("carnetd.sock").display().to_string()), "{line}: {err}");
    }
    for line in ["reload", "refresh", "status --watch"] {
        let (exit, _, err) = in_directory(directory.path(), line).await;
        assert_eq!(exit, Exit::NotReachable, "{line}: {err}");
        assert!(err.contains(&state.join("carnetd.sock").display().to_string()), "{line}: {err}");
    }
    assert!(!state.exists(), "a command that asks has made something");
}

#[tokio::test]
async fn a_wrong_configuration_is_78_with_its_problems() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("carnetd.toml"), "intervall = \"5m\"\n").expect("written");
    for line in ["check", "check --offline", "plan", "sync --init", "run"] {
        let (exit, out, err) = in_directory(directory.path(), line).await;
        assert_eq!((exit, out.as_str()), (Exit::Config, ""), "{line}: {err}");
        assert!(err.contains("intervall") && err.contains("carnetd.toml:1:1"), "{line}: {err}");
    }
}

#[tokio::test]
async fn an_offline_check_needs_nothing_but_the_files() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("carnetd.toml"), SANDBOX).expect("written");
    let (exit, out, err) = in_directory(directory.path(), "check --offline").await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert_eq!(out, "ok    the configuration: 0 accounts in 1 file\n");
}

#[tokio::test]
async fn a_command_reaches_the_daemon_although_the_files_are_broken_by_now() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("carnetd.toml"), "state_dir = \"here\"\nnonsense = 1\n").expect("written");
    std::fs::create_dir(directory.path().join("here")).expect("made");
    let path = directory.path().join("here/carnetd.sock");
    let (listener, _file) = socket::bind(&path, 0o600).await.expect("a socket");
    let clock: crate::clock::SharedClock = Arc::new(crate::clock::RealClock);
    let mut operator = holding();
    operator.reloaded.changed = vec!["account alice: group".to_owned()];
    let operator = Arc::new(operator);
    let server = Server::control(operator.clone(), Arc::new(Metrics::new()), clock);
    let _task = tokio::spawn(server.serve(Listener::Unix(listener), std::future::pending()));

    let (exit, out, err) = in_directory(directory.path(), "status --json").await;
    assert_eq!(exit, Exit::Done, "{err}");
    assert_eq!(serde_json::from_str::<Snapshot>(&out).expect("a snapshot"), operator.snapshot());
    let (exit, out, _) = in_directory(directory.path(), "reload").await;
    assert_eq!((exit, out.as_str()), (Exit::Done, "the configuration is in use\n  account alice: group\n"));
    let (exit, out, _) = in_directory(directory.path(), "groups alice").await;
    assert_eq!((exit, out.as_str()), (Exit::Done, "Clients\nFriends\n"));
    let file = directory.path().join("plan.json");
    let (exit, out, _) = in_directory(directory.path(), &format!("plan --out {}", file.display())).await;
    assert_eq!((exit, out.as_str()), (Exit::Done, ""));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("the plan").permissions());
    assert_eq!(mode & 0o777, 0o600, "a plan holds contacts' data");
    assert_eq!(std::fs::read_to_string(&file).expect("the plan"), plan::document(&[]) + "\n");
    let (exit, _, err) = in_directory(directory.path(), "refresh bob").await;
    assert_eq!(exit, Exit::Usage, "{err}");
    let (exit, _, err) = in_directory(directory.path(), "confirm alice").await;
    assert_eq!(exit, Exit::Usage, "no terminal, no digest: {err}");
    assert!(!operator.asked().contains(&"confirm alice".to_owned()));
    let (exit, out, _) = in_directory(directory.path(), "held alice").await;
    assert_eq!(exit, Exit::Done);
    assert!(
        out.starts_with(&format!("00000000000000aa alice several-matches since {}\n", at("2026-11-24T09:00:00Z").0))
    );
}

//! Texts that others rely on, whole.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake::{alice, at, now, pass, snapshot};
use crate::account::AccountName;
use crate::http::Observer as _;
use crate::plan::Side;
use crate::status::{Action, Metrics, Outcome, ProblemLine, Snapshot, State};

/// DESIGN §7, with its `…` filled in.
const CONTRACT: &str = r#"{"version":"0.1.0","reload":{"ok":true,"at":"2026-11-24T08:00:00Z","problems":[]},
 "pipedrive":{"state":"ok","reason":null,"company":"acme","tokens":{"limit":30000,"used":120,"reserve":15000,"runs_out_at":null}},
 "accounts":[{"name":"alice","provider":"google","address":"alice@acme.example","group":"Clients",
  "direction":"one-way","visibility":"company","state":"idle","reason":null,"reason_code":null,"contacts":1234,"held":0,
  "next_pass_at":"2026-11-24T12:03:00Z","current":null,"last_change":{},
  "last_pass":{"id":17,"started_at":"2026-11-24T11:58:00Z","finished_at":"2026-11-24T11:58:03Z","outcome":"ok","added":3,"updated":2,"deleted":1,"failed":0},
  "totals":{"added":40,"updated":9,"deleted":2}}]}"#;

#[test]
fn the_status_document_is_the_contract_s() {
    let expected: Value = serde_json::from_str(CONTRACT).expect("JSON");
    assert_eq!(serde_json::to_value(snapshot(vec![alice()])).expect("JSON"), expected);
    let read: Snapshot = serde_json::from_str(CONTRACT).expect("a snapshot");
    assert_eq!(read, snapshot(vec![alice()]));
}

#[test]
fn a_change_that_happened_has_the_shape_of_a_pass() {
    let mut account = alice();
    account.last_change = Some(pass(16, [1, 0, 0, 0]));
    let value = serde_json::to_value(&account).expect("JSON");
    assert_eq!(
        value["last_change"],
        json!({"id": 16, "started_at": "2026-11-24T11:58:00Z", "finished_at": "2026-11-24T11:58:03Z",
               "outcome": "ok", "added": 1, "updated": 0, "deleted": 0, "failed": 0})
    );
    assert_eq!(serde_json::from_value::<crate::status::Account>(value).expect("an account"), account);
}

#[test]
fn the_states_are_the_contract_s() {
    let words = State::ALL.map(|state| serde_json::to_value(state).expect("JSON"));
    assert_eq!(json!(words), json!(["starting", "idle", "running", "needs_login", "held", "error", "paused"]));
    assert!(State::ALL.iter().all(|state| json!(state) == json!(state.as_str())));
}

#[test]
fn the_metrics_are_the_contract_s() {
    let metrics = Metrics::new();
    let alice_name = AccountName::new("alice").expect("a name");
    metrics.changed(&alice_name, Side::Pipedrive, Action::Added, 3);
    metrics.passed(&alice_name, Outcome::Ok, now(), Duration::from_millis(1500));
    metrics.passed(&alice_name, Outcome::Failed, at("2026-11-24T13:00:00Z").0, Duration::from_secs(2));
    metrics.reloaded(now());
    metrics.answered("pipedrive", 200);
    metrics.answered("pipedrive", 0);
    let text = metrics.render(&snapshot(vec![alice()]));
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("# HELP")).collect();
    let build = format!("carnetd_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    for expected in [
        build.as_str(),
        "# TYPE carnetd_changes counter",
        "carnetd_changes_total{account=\"alice\",side=\"pipedrive\",action=\"added\"} 3",
        "carnetd_pass_duration_seconds_sum 3.5",
        "carnetd_pass_duration_seconds_count 2",
        "carnetd_pass_duration_seconds_bucket{le=\"1.0\"} 0",
        "carnetd_pass_duration_seconds_bucket{le=\"5.0\"} 2",
        "carnetd_last_success_timestamp_seconds{account=\"alice\"} 1795521600",
        "carnetd_config_last_reload_success_timestamp_seconds 1795521600",
        "carnetd_config_last_reload_successful 1",
        "carnetd_pipedrive_tokens_remaining 29880",
        "carnetd_http_requests_total{service=\"pipedrive\",code=\"200\"} 1",
        "carnetd_http_requests_total{service=\"pipedrive\",code=\"0\"} 1",
        "carnetd_account_state{account=\"alice\",state=\"idle\"} 1",
        "carnetd_account_state{account=\"alice\",state=\"error\"} 0",
        "carnetd_contacts{account=\"alice\"} 1234",
        "carnetd_held{account=\"alice\"} 0",
    ] {
        assert!(lines.contains(&expected), "{expected}\nis not in\n{text}");
    }
    assert_eq!(lines.last(), Some(&"# EOF"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("carnetd_account_state{")).count(), State::ALL.len());
}

#[test]
fn a_problem_of_a_reload_says_what_was_expected_as_the_terminal_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let config_path = directory.path().join("carnetd.toml");
    std::fs::write(&config_path, "watch = 3\n").expect("written");
    let environment = crate::config::Environment { config_path, ..Default::default() };
    let problems = crate::config::load(&environment).expect_err("a number is no switch");
    let lines: Vec<ProblemLine> = problems.iter().map(Into::into).collect();
    let line = lines.iter().find(|line| line.line == Some(1)).expect("the first line is wrong");
    let expected = line.expected.as_deref().expect("it is said");
    assert!(expected.contains("expected") && problems.render(false).contains(expected), "{expected}");
}

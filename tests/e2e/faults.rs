//! Pipedrive misbehaves: nothing is lost, nothing is deleted because of it, each trouble is named where people look, and
//! when it ends everything converges.

use std::fs;
use std::time::Duration;

use carnetd::status::{CompanyState, Operator as _, Outcome, Snapshot, State};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::live::{Live, alice};
use super::world::{OWNER, values};

/// No guard may be what saves anything here.
const UNGUARDED: &str = "max_delete = \"100%\"\nmax_delete_count = 1000";
/// What a fault befalls, and which calls that are.
const STAGES: [(&str, &str); 8] = [
    ("connecting", "GET /pipedrive/api/v1/users/me"),
    ("finding the owner", "GET /pipedrive/api/v1/users"),
    ("looking", "GET /pipedrive/api/v2/persons"),
    ("organizations", "POST /pipedrive/api/v2/organizations"),
    ("creating", "POST /pipedrive/api/v2/persons"),
    ("updating", "PATCH /pipedrive/api/v2/persons"),
    ("deleting", "DELETE /pipedrive/api/v2/persons"),
    ("reading one", "GET /pipedrive/api/v2/persons/"),
];
/// Persons that nobody touches.
const QUIET: usize = 6;

/// One kind of trouble, and what has to be said of it.
struct Trouble {
    fault: Value,
    /// A state the account may be in while it lasts, beside those that go on (`idle`, with a reason).
    state: State,
    /// What the reason says wherever the trouble stops a pass.
    says: &'static [&'static str],
}

impl Trouble {
    fn new(fault: Value, state: State, says: &'static [&'static str]) -> Self {
        Self { fault, state, says }
    }
}

/// Takes the trouble through every stage: a card is added, one edited, one deleted while it lasts.
async fn endure(trouble: Trouble) {
    let mut live = Live::new("one-way", UNGUARDED).await;
    for n in 0..QUIET {
        live.card(&format!("quiet{n}.vcf"), &[&format!("FN:Quiet Q{n}"), &format!("EMAIL:q{n}@acme.example")]);
    }
    live.card("edited.vcf", &["FN:Edith Edited", "EMAIL:edith@acme.example", "TITLE:T"]);
    live.card("gone.vcf", &["FN:Gone Before", "EMAIL:gone@acme.example"]);
    live.start().await;
    live.settle().await;
    for (nth, (stage, only)) in STAGES.iter().enumerate() {
        suffer(&mut live, &trouble, (nth, stage, only)).await;
    }
    discreet(&live.log());
}

async fn suffer(live: &mut Live, trouble: &Trouble, (nth, stage, only): (usize, &str, &str)) {
    let begins_anew = nth < 2;
    if begins_anew {
        live.stop().await;
    }
    let before = live.persons().await.len();
    let mut fault = trouble.fault.clone();
    fault["only"] = json!(only);
    live.faults(fault).await;
    let added = format!("Newman N{nth}");
    live.card(
        &format!("new{nth}.vcf"),
        &[&format!("FN:{added}"), &format!("TEL:+1555010019{nth}"), &format!("ORG:Org {nth}")],
    );
    live.edit("edited.vcf", "TITLE:T", &format!("TITLE:T{nth}"));
    let last = nth.checked_sub(1).map_or_else(|| "gone.vcf".to_owned(), |n| format!("new{n}.vcf"));
    fs::remove_file(live.card_path(&last)).expect("removed");
    if begins_anew {
        live.start().await;
    }
    let synced = live.ask().await;
    let snapshot = live.until("the pass is over", |s| alice(s).current.is_none()).await;
    named(trouble, stage, &snapshot, &live.log());
    if synced.outcome != Outcome::Ok {
        assert!(
            trouble.says.iter().all(|text| synced.message.as_deref().unwrap_or_default().contains(text)),
            "{synced:?}"
        );
    }
    live.faults(json!({"status": null, "html": 0, "cut": 0, "dropped": 0, "lost": 0, "server_error": 0})).await;
    let persons = live.persons().await;
    let quiet = persons.iter().filter(|p| p["name"].as_str().is_some_and(|name| name.starts_with("Quiet"))).count();
    assert_eq!(quiet, QUIET, "{stage}: nothing is deleted because of it");
    assert!(persons.len() + 1 >= before, "{stage}: {persons:#?}");

    live.pass_time(Duration::from_mins(20));
    live.settle().await;
    let new = live.person(&added).await;
    assert_eq!(values(&new, "phones"), [format!("+1555010019{nth}")], "{stage}");
    assert_eq!(live.person("Edith Edited").await["job_title"], format!("T{nth}{}", earlier(nth)), "{stage}");
    assert_eq!(live.persons().await.len(), QUIET + 2, "{stage}: one of each, the deleted one gone");
    let organizations = live.organizations().await;
    let named = organizations.iter().filter(|o| o["name"] == format!("Org {nth}")).count();
    assert_eq!(named, 1, "{stage}: {organizations:#?}");
}

/// What earlier stages left in the title: each writes itself before it.
fn earlier(nth: usize) -> String {
    (0..nth).rev().map(|n| n.to_string()).collect()
}

/// The trouble stands in the status and in the log: in the state of a pass that it stops, else as a reason of its own.
fn named(trouble: &Trouble, stage: &str, snapshot: &Snapshot, log: &str) {
    let account = alice(snapshot);
    let reason = account.reason.as_deref().unwrap_or_default();
    let said = |text: &str| trouble.says.iter().all(|word| text.contains(word));
    let company = snapshot.pipedrive.reason.as_deref().unwrap_or_default();
    let whole = matches!(stage, "connecting" | "looking");
    if whole {
        assert_ne!(snapshot.pipedrive.state, CompanyState::Ok, "{stage}: {snapshot:#?}");
        assert!(said(company), "{stage}: {company}");
    }
    assert!([trouble.state, State::Idle].contains(&account.state), "{stage}: {account:#?}");
    if account.state != State::Idle {
        assert!(said(reason), "{stage}: {account:#?}");
        assert!(account.reason_code.is_some(), "{stage}: {account:#?}");
    }
    let loud: Vec<&str> = log.lines().filter(|line| line.starts_with("ERROR") || line.starts_with(" WARN")).collect();
    assert!(loud.iter().any(|line| said(line)), "{stage}: {loud:#?}");
}

/// No secret anywhere; from info on no contact either.
fn discreet(log: &str) {
    assert!(!log.contains("sandbox:"), "the token is in the log");
    let loud = log.lines().filter(|line| !line.starts_with("DEBUG"));
    for line in loud {
        for contact in ["Quiet", "Edith", "Newman", "Gone Before", "@acme", "5550100", "Org ", "quiet", "edited.vcf"] {
            assert!(!line.contains(contact), "{contact} stands in the log: {line}");
        }
    }
}

#[tokio::test]
async fn a_dead_login() {
    endure(Trouble::new(json!({"status": 401}), State::NeedsLogin, &["401", "token_file", "carnetd reload"])).await;
}

#[tokio::test]
async fn an_unpaid_company() {
    endure(Trouble::new(json!({"status": 402}), State::Paused, &["billing"])).await;
}

#[tokio::test]
async fn a_missing_permission() {
    endure(Trouble::new(json!({"status": 403}), State::Error, &["403", "administrator"])).await;
}

#[tokio::test]
async fn too_many_calls() {
    endure(Trouble::new(json!({"status": 429}), State::Paused, &["429"])).await;
}

#[tokio::test]
async fn a_service_in_trouble() {
    endure(Trouble::new(json!({"status": 500}), State::Error, &["500"])).await;
}

#[tokio::test]
async fn a_service_that_is_down() {
    endure(Trouble::new(json!({"status": 503}), State::Error, &["503"])).await;
}

#[tokio::test]
async fn a_page_instead_of_json() {
    endure(Trouble::new(json!({"html": 1.0}), State::Error, &["pipedrive: "])).await;
}

#[tokio::test]
async fn a_block_by_the_gateway() {
    endure(Trouble::new(json!({"status": 403, "html": 1.0}), State::Paused, &["gateway"])).await;
}

#[tokio::test]
async fn half_an_answer() {
    endure(Trouble::new(json!({"cut": 1.0}), State::Error, &["pipedrive: "])).await;
}

#[tokio::test]
async fn no_answer_and_nothing_done() {
    endure(Trouble::new(json!({"dropped": 1.0}), State::Error, &["pipedrive: "])).await;
}

#[tokio::test]
async fn no_answer_and_everything_done() {
    endure(Trouble::new(json!({"lost": 1.0}), State::Error, &["pipedrive: "])).await;
}

#[tokio::test]
async fn a_mended_login_is_used_after_a_reload() {
    let mut live = Live::new("one-way", "").await;
    live.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    fs::write(live.path("token"), "expired-token\n").expect("written");
    live.start().await;
    let snapshot = live.until("it needs a login", |s| alice(s).state == State::NeedsLogin).await;
    assert_eq!(snapshot.pipedrive.state, CompanyState::NeedsLogin);
    assert_eq!(alice(&snapshot).reason_code.as_deref(), Some("login"));
    mend(&live).await;
    live.until("it is synced", |s| alice(s).contacts == 1 && s.pipedrive.state == CompanyState::Ok).await;

    // The same where the login dies while the daemon runs.
    live.settle().await;
    live.faults(json!({"status": 401})).await;
    live.ask().await;
    live.until("it needs a login", |s| alice(s).state == State::NeedsLogin).await;
    live.faults(json!({"status": null})).await;
    live.edit("anna.vcf", "FN:Anna Weber", "FN:Anna Lang");
    mend(&live).await;
    live.settle().await;
    live.person("Anna Lang").await;
    assert!(!live.log().contains("expired-token"), "the token is in the log");
}

/// What the reason says: the right token where it is read, and a reload.
async fn mend(live: &Live) {
    fs::write(live.path("token"), format!("sandbox:{OWNER}\n")).expect("written");
    let reloaded = live.remote().await.expect("the daemon answers").reload().await;
    assert!(reloaded.ok && reloaded.changed.is_empty(), "{reloaded:?}");
}

#[tokio::test]
async fn nobody_there() {
    let mut live = Live::new("one-way", "").await;
    live.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    let config = fs::read_to_string(live.path("carnetd.toml")).expect("read");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nobody = listener.local_addr().expect("an address");
    drop(listener);
    let root = config.lines().find(|line| line.starts_with("url")).expect("a URL").to_owned();
    fs::write(live.path("carnetd.toml"), config.replace(&root, &format!("url = \"http://{nobody}/pipedrive\"")))
        .expect("written");
    live.start().await;
    let snapshot = live.until("it says why", |s| alice(s).state == State::Error).await;
    for reason in [&alice(&snapshot).reason, &snapshot.pipedrive.reason] {
        assert!(reason.as_deref().is_some_and(|reason| reason.contains(&nobody.to_string())), "{snapshot:#?}");
    }
    assert!(live.log().contains(&nobody.to_string()));
    fs::write(live.path("carnetd.toml"), config).expect("written");
    live.until("the edit is in use", |s| s.pipedrive.state == CompanyState::Ok && alice(s).contacts == 1).await;
    live.person("Anna Weber").await;
}

#[tokio::test]
async fn a_used_up_day() {
    let mut live = Live::new("one-way", "").await;
    live.faults(json!({"pipedrive": {"enforce_daily": true, "daily_tokens": 120}})).await;
    for n in 0..20 {
        live.card(&format!("{n}.vcf"), &[&format!("FN:Person P{n}"), &format!("EMAIL:p{n}@acme.example")]);
    }
    live.start().await;
    let snapshot = live.until("the day is used up", |s| alice(s).state == State::Paused).await;
    assert_eq!(alice(&snapshot).reason_code.as_deref(), Some("later"));
    live.pass_time(Duration::from_mins(6));
    live.until("the next look says so too", |s| s.pipedrive.state == CompanyState::Paused).await;
    let some = live.persons().await.len();
    assert!(some < 20, "the budget does not reach for all");
    live.faults(json!({"pipedrive": {"enforce_daily": false}})).await;
    live.pass_time(Duration::from_hours(25));
    live.until("all are there", |s| alice(s).contacts == 20 && alice(s).state == State::Idle).await;
    assert_eq!(live.persons().await.len(), 20);
}

#[tokio::test]
async fn a_service_that_fails_at_every_creation_is_not_hammered() {
    let mut live = Live::new("one-way", "").await;
    live.start().await;
    live.settle().await;
    live.faults(json!({"status": 500, "only": "POST /pipedrive/api/v2/persons"})).await;
    live.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    let begun = live.now();
    let snapshot = live.until("it says why", |s| alice(s).reason.is_some() && alice(s).current.is_none()).await;
    assert!(alice(&snapshot).reason.as_deref().is_some_and(|reason| reason.contains("500")), "{snapshot:#?}");
    live.until("time passes", |_| live.now().since(begun) > Duration::from_mins(3)).await;
    let calls = live.get("_calls").await;
    let sent = calls["routes"]["POST /pipedrive/api/v2/persons"]["calls"].as_u64().expect("a number");
    assert!((2..=12).contains(&sent), "{sent} times within three minutes: ever more seldom");
    live.faults(json!({"status": null})).await;
    live.settle().await;
    live.person("Anna Weber").await;
}

#[tokio::test]
async fn silence_ends_when_the_daemon_does() {
    let mut live = Live::new("one-way", "").await;
    live.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    live.start().await;
    live.settle().await;
    // Accepts connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let config = fs::read_to_string(live.path("carnetd.toml")).expect("read");
    let root = config.lines().find(|line| line.starts_with("url")).expect("a URL").to_owned();
    let mute = config.replace(&root, &format!("url = \"http://{address}/pipedrive\""));
    fs::write(live.path("carnetd.toml"), mute).expect("written");
    let _heard = silent.accept().await.expect("it is called");
    let snapshot = live.until("status answers all the same", |_| true).await;
    assert_ne!(snapshot.pipedrive.state, CompanyState::Ok, "{snapshot:#?}");
    live.stop().await;
    live.start().await;
    let _heard = silent.accept().await.expect("it is called");
    let remote = live.remote().await.expect("it answers though nobody answers it");
    assert!(remote.ready());
    live.stop().await;
    fs::write(live.path("carnetd.toml"), config).expect("written");
    live.start().await;
    live.settle().await;
    live.person("Anna Weber").await;
}

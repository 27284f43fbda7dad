//! The real program, as an administrator runs it: its output, its exit codes, its signals, its commands.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carnetd::clock::{Clock as _, RealClock};
use carnetd::http::{Client, Method, Request, Settings, Unpaced, Url};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);
const OWNER: &str = "alice@acme.example";

/// A directory with a configuration like the quick start's.
struct Place {
    directory: TempDir,
    client: Client,
}

/// A running daemon; killed where a test does not end it.
struct Daemon {
    child: Child,
    lines: Receiver<String>,
    said: Arc<Mutex<String>>,
    dashboard: Url,
    persons: Url,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.said.lock().expect("nobody panics while holding it"));
        }
    }
}

impl Place {
    fn new() -> Self {
        let client = Client::new(&Settings::default(), Arc::new(RealClock), 1).expect("a client");
        let place = Self { directory: tempfile::tempdir().expect("a directory"), client };
        fs::create_dir(place.path("contacts")).expect("made");
        place.configure("");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "[pipedrive]\nsandbox = true\nvisibility_levels = 2\n[status]\nlisten = \"127.0.0.1:0\"\n\
             [defaults]\nowner = \"{OWNER}\"\ngroup = \"*\"\ndirection = \"one-way\"\nvisibility = \"company\"\n\
             [accounts.quickstart]\nprovider = \"folder\"\npath = \"contacts\"\n{more}\n"
        );
        fs::write(self.path("carnetd.toml"), text).expect("written");
    }

    fn card(&self, folder: &str, name: &str, title: &str) {
        let text = format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{name}\r\nFN:Card {name}\r\nEMAIL:{name}@acme.example\r\nTITLE:{title}\r\n\
             END:VCARD\r\n"
        );
        fs::write(self.path(folder).join(format!("{name}.vcf")), text).expect("written");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carnetd"));
        let config = self.path("carnetd.toml");
        command.args(arguments).arg("--config").arg(config).stdin(Stdio::null()).env_remove("CARNETD_LOG");
        for variable in ["STATE_DIRECTORY", "RUNTIME_DIRECTORY", "NOTIFY_SOCKET", "JOURNAL_STREAM", "INVOCATION_ID"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs a command to its end.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().expect("it starts");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    /// Starts the daemon and waits until it has said where everything is.
    fn start(&self) -> Daemon {
        let mut child = self.command(&["run"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (sender, lines) = channel();
        let said = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut kept = kept.lock().expect("nobody panics while holding it");
                kept.extend([line.as_str(), "\n"]);
                drop(kept);
                let _ = sender.send(line);
            }
        });
        let nowhere = Url::parse("http://127.0.0.1:1/").expect("a URL");
        let mut daemon = Daemon { child, lines, said, dashboard: nowhere.clone(), persons: nowhere };
        daemon.dashboard = daemon.told("dashboard: ");
        daemon.persons = daemon.told("the sandbox's persons: ");
        daemon
    }

    async fn get(&self, url: Url) -> Option<Value> {
        let request =
            Request::new("test", Method::GET, url).secret_header("x-api-token", format!("sandbox:{OWNER}").into());
        let answer = self.client.send(request, &Unpaced, &CancellationToken::new()).await.ok()?;
        answer.is_success().then(|| answer.json().unwrap_or_default())
    }

    /// Asks until the answer is as wanted, and says how long that took.
    async fn until(&self, url: Url, what: &str, wanted: impl Fn(&Value) -> bool) -> Duration {
        let begun = RealClock.now();
        let mut ticks = tokio::time::interval(Duration::from_millis(25));
        let mut last = None;
        loop {
            ticks.tick().await;
            last = self.get(url.clone()).await.or(last);
            let took = RealClock.now().since(begun);
            match &last {
                Some(answer) if wanted(answer) => return took,
                _ => assert!(took < PATIENCE, "waited in vain until {what}: {last:#?}"),
            }
        }
    }

    /// Waits until the person of that card has that title.
    async fn titled(&self, daemon: &Daemon, name: &str, title: &str) -> Duration {
        let wanted = |answer: &Value| {
            let persons = answer["data"].as_array().cloned().unwrap_or_default();
            persons.iter().any(|p| p["name"] == format!("Card {name}") && p["job_title"] == title)
        };
        self.until(daemon.all_persons(), title, wanted).await
    }
}

impl Daemon {
    /// Waits for a line with this in it, and gives what follows as a URL.
    fn told(&self, mark: &str) -> Url {
        let line = self.line(mark);
        let url = line.split_once(mark).map(|(_, url)| url.trim()).expect("it is in the line");
        Url::parse(url).expect("a URL")
    }

    fn line(&self, mark: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(mark) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{mark:?} was not said: {}", self.said())
                }
            }
        }
    }

    fn said(&self) -> String {
        self.said.lock().expect("nobody panics while holding it").clone()
    }

    fn status(&self) -> Url {
        self.dashboard.join("api/v1/status").expect("a path")
    }

    fn all_persons(&self) -> Url {
        self.persons.join("api/v2/persons?limit=500").expect("a path")
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Ends it, and gives its exit code.
    fn end(&mut self, signal: &str) -> i32 {
        self.signal(signal);
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }
}

fn all_idle(status: &Value, contacts: u64) -> bool {
    let accounts = status["accounts"].as_array().cloned().unwrap_or_default();
    let sum: u64 = accounts.iter().filter_map(|account| account["contacts"].as_u64()).sum();
    sum == contacts && accounts.iter().all(|account| account["state"] == "idle")
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[tokio::test]
async fn the_quick_start_syncs_shows_edits_at_once_and_ends_cleanly() {
    let place = Place::new();
    place.card("contacts", "anna", "Buyer");
    place.card("contacts", "bob", "Seller");
    let mut daemon = place.start();
    place.until(daemon.status(), "both are synced", |status| all_idle(status, 2)).await;
    place.titled(&daemon, "anna", "Buyer").await;
    place.card("contacts", "anna", "Head of Buying");
    let took = place.titled(&daemon, "anna", "Head of Buying").await;
    assert!(took < Duration::from_secs(2), "an edit shows within two seconds, not {took:?}");
    assert_eq!(daemon.end("TERM"), 0);
    let said = daemon.said();
    assert!(said.contains("synced") && !said.contains("anna") && !said.contains("Card "), "{said}");

    place.card("contacts", "carl", "New");
    let mut daemon = place.start();
    place.until(daemon.status(), "the third is synced", |status| all_idle(status, 3)).await;
    let persons = place.get(daemon.all_persons()).await.expect("an answer");
    assert_eq!(persons["data"].as_array().map(Vec::len), Some(3), "everything was recorded: nothing is doubled");
    assert_eq!(daemon.end("INT"), 0);
}

#[tokio::test]
async fn commands_reach_the_daemon() {
    let place = Place::new();
    place.card("contacts", "anna", "Buyer");
    let (code, _, error) = place.run(&["status"]);
    assert_eq!(code, 69, "{error}");
    contains(&error, &["state.redb", "carnetd.sock"]);
    let daemon = place.start();
    place.until(daemon.status(), "it is synced", |status| all_idle(status, 1)).await;

    let (code, out, _) = place.run(&["status", "--json"]);
    assert_eq!(code, 0);
    let status: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(status["accounts"][0]["contacts"], 1);
    contains(&place.run(&["status"]).1, &["quickstart"]);
    assert_eq!(place.run(&["sync"]).0, 0);
    assert_eq!(place.run(&["plan", "--detailed-exitcode"]).0, 0, "nothing to change");
    assert_eq!(place.run(&["refresh"]).0, 0);
    assert_eq!(place.run(&["held"]).0, 0);
    let (code, out, error) = place.run(&["groups", "quickstart"]);
    assert_eq!((code, out.as_str()), (0, ""));
    contains(&error, &["quickstart has no groups", "\"*\" is the whole book"]);
    assert_eq!(place.run(&["check"]).0, 0);
    let (code, _, error) = place.run(&["sync", "nobody"]);
    assert_ne!(code, 0);
    contains(&error, &["nobody", "carnetd status"]);
    assert_eq!(place.run(&["sync", "--no-such-flag"]).0, 64);

    let (code, _, error) = place.run(&["run"]);
    assert_eq!(code, 1, "{error}");
    contains(&error, &["in use by another process", "state_dir"]);
    place.titled(&daemon, "anna", "Buyer").await;
}

#[tokio::test]
async fn a_daemon_without_its_socket_is_not_reached() {
    let place = Place::new();
    let daemon = place.start();
    place.until(daemon.status(), "it runs", |status| all_idle(status, 0)).await;
    fs::remove_file(place.path("state/carnetd.sock")).expect("removed");
    for command in ["status", "sync", "plan"] {
        refused(&place, &[command], 69, &["in use by another process", "no carnetd answers on", "carnetd.sock"]);
    }
}

#[tokio::test]
async fn a_plan_in_a_file_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    assert_eq!(place.run(&["sync", "--init"]).0, 0);
    let file = place.path("plan.json");
    fs::write(&file, "an older plan, longer than nothing").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("opened to all");
    assert_eq!(place.run(&["plan", "--out", file.to_str().expect("text")]).0, 0);
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let plan: Value = serde_json::from_slice(&fs::read(&file).expect("read")).expect("JSON");
    assert_eq!(plan["accounts"][0]["account"], "quickstart");
    assert_eq!(place.run(&["plan", "--out", "/dev/null"]).0, 0, "what is no file stays what it is");
}

#[tokio::test]
async fn a_plan_has_an_exit_code_of_its_own() {
    let place = Place::new();
    assert_eq!(place.run(&["sync", "--init"]).0, 0);
    place.card("contacts", "anna", "Buyer");
    let (code, out, error) = place.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(code, 2, "{out}{error}");
    contains(&out, &["Card anna"]);
    assert_eq!(place.run(&["plan"]).0, 0);
}

#[tokio::test]
async fn an_edited_configuration_is_used_and_a_bad_one_is_not() {
    let place = Place::new();
    place.card("contacts", "anna", "Buyer");
    fs::create_dir(place.path("more")).expect("made");
    place.card("more", "bob", "Seller");
    let daemon = place.start();
    place.until(daemon.status(), "it is synced", |status| all_idle(status, 1)).await;
    let first = place.get(daemon.status()).await.expect("an answer")["accounts"][0]["last_pass"]["id"].clone();

    let more = "[accounts.more]\nprovider = \"folder\"\npath = \"more\"";
    place.configure(more);
    place.until(daemon.status(), "the new account is synced", |status| all_idle(status, 2)).await;
    let status = place.get(daemon.status()).await.expect("an answer");
    let accounts = status["accounts"].as_array().expect("accounts");
    let quick = accounts.iter().find(|account| account["name"] == "quickstart").expect("it is there");
    assert_eq!(quick["last_pass"]["id"], first, "an account that did not change did not run");

    place.configure(&format!("{more}\ndirection = \"sideways\"\ngruop = \"x\""));
    let (code, _, error) = place.run(&["reload"]);
    assert_eq!(code, 78, "{error}");
    contains(&error, &["sideways", "gruop", "carnetd.toml"]);
    place.until(daemon.status(), "the refusal is shown", |status| status["reload"]["ok"] == false).await;
    place.card("contacts", "anna", "Still served");
    place.titled(&daemon, "anna", "Still served").await;

    place.configure("");
    assert_eq!(place.run(&["reload"]).0, 0);
    let status = place.get(daemon.status()).await.expect("an answer");
    assert_eq!(status["reload"]["ok"], true);
    assert_eq!(status["accounts"].as_array().map(Vec::len), Some(1));
    let persons = place.get(daemon.all_persons()).await.expect("an answer");
    assert_eq!(persons["data"].as_array().map(Vec::len), Some(2), "an account that is removed writes nothing");
}

#[tokio::test]
async fn a_hangup_reloads_and_refreshes() {
    let place = Place::new();
    place.card("contacts", "anna", "Buyer");
    let daemon = place.start();
    place.until(daemon.status(), "it is synced", |status| all_idle(status, 1)).await;
    let before = place.get(daemon.status()).await.expect("an answer");
    let pass = before["accounts"][0]["last_pass"]["id"].as_u64().expect("a pass");
    fs::create_dir(place.path("more")).expect("made");
    place.card("more", "bob", "Seller");
    place.configure("[accounts.more]\nprovider = \"folder\"\npath = \"more\"");
    daemon.signal("HUP");
    let all_ran = |status: &Value| {
        let of = |name: &str| status["accounts"].as_array()?.iter().find(|a| a["name"] == name).cloned();
        let again = of("quickstart").and_then(|a| a["last_pass"]["id"].as_u64()).is_some_and(|id| id > pass);
        again && all_idle(status, 2)
    };
    place.until(daemon.status(), "every account ran again", all_ran).await;
    daemon.signal("USR1");
    contains(&daemon.line("status {"), &["quickstart"]);
}

/// What is wrong with the place, the command, its exit code, and what it says.
fn refused(place: &Place, arguments: &[&str], code: i32, parts: &[&str]) {
    let (found, out, error) = place.run(arguments);
    assert_eq!(found, code, "{out}{error}");
    contains(&error, parts);
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn a_bad_place_is_named() {
    let place = Place::new();
    fs::write(place.path("state"), "a file").expect("written");
    refused(&place, &["run"], 1, &["state", "must be a directory"]);
    fs::remove_file(place.path("state")).expect("removed");

    fs::remove_file(place.path("carnetd.toml")).expect("removed");
    refused(&place, &["run"], 78, &["carnetd.toml"]);
    place.configure("colour = \"red\"");
    refused(&place, &["run"], 78, &["colour", "carnetd.toml"]);
    assert!(!place.path("state").exists(), "a bad configuration makes no state");
    place.configure("");
    refused(&place, &["plan"], 69, &["state.redb", "carnetd sync --init"]);
    assert!(!place.path("state").exists(), "only `run` and `sync --init` make a state");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let text = fs::read_to_string(place.path("carnetd.toml")).expect("read").replace("127.0.0.1:0", &address);
    fs::write(place.path("carnetd.toml"), text).expect("written");
    refused(&place, &["run"], 1, &[&address, "[status] listen"]);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_of_its_account_alone() {
    let place = Place::new();
    place.card("contacts", "anna", "Buyer");
    place.configure("[accounts.lost]\nprovider = \"folder\"\npath = \"not-here\"");
    let daemon = place.start();
    let known = |status: &Value| {
        let accounts = status["accounts"].as_array().cloned().unwrap_or_default();
        let of = |name: &str| accounts.iter().find(|a| a["name"] == name).cloned().unwrap_or_default();
        of("quickstart")["contacts"] == 1 && of("lost")["state"] == "error"
    };
    place.until(daemon.status(), "one works and one does not", known).await;
    let status = place.get(daemon.status()).await.expect("an answer").to_string();
    contains(&status, &["not-here", "is it mounted?"]);
    fs::create_dir(place.path("not-here")).expect("made");
    place.card("not-here", "bob", "Seller");
    let (code, _, error) = place.run(&["sync", "lost"]);
    assert_eq!(code, 0, "{error}");
    place.titled(&daemon, "bob", "Seller").await;
}

#[test]
fn an_unwritable_state_directory_is_named() {
    let place = Place::new();
    let text = fs::read_to_string(place.path("carnetd.toml")).expect("read");
    // A file system that nobody may write to.
    fs::write(place.path("carnetd.toml"), format!("state_dir = \"/proc/carnetd\"\n{text}")).expect("written");
    assert!(Path::new("/proc").is_dir());
    refused(&place, &["run"], 1, &["/proc/carnetd", "may write to"]);
}

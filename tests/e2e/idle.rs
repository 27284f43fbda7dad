//! What an hour without any change costs: the daemon's own loop on a clock that jumps from one thing due to the next.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carnetd::clock::{Clock as _, Moment, RealClock, SimulatedClock};
use carnetd::config::{self, Environment};
use carnetd::daemon::{self, Create, Engine};
use carnetd::http::{Client, Method, Request, Settings, Unpaced, Url};
use carnetd::sandbox::{Options, Sandbox, serve};
use carnetd::status::{Notice, Notices};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The persons' listing.
const LIST: &str = "GET /pipedrive/api/v2/persons";
/// 2026-03-02, 08:00 UTC: no day begins within the hour.
const START: Moment = Moment(1_772_438_400_000);

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_hour_of_one_account_costs_twelve_lists() {
    let idle = Idle::new(1).await;
    let calls = idle.hour().await;
    assert_eq!(calls, BTreeMap::from([(LIST.to_owned(), 12)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_idle_accounts_cost_what_one_costs() {
    let idle = Idle::new(50).await;
    let calls = idle.hour().await;
    assert_eq!(calls, BTreeMap::from([(LIST.to_owned(), 12)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn above_one_page_an_idle_hour_asks_only_for_changes() {
    let idle = Idle::new(1).await;
    for n in 0..600 {
        idle.call(Method::POST, "pipedrive/api/v2/persons", Some(json!({"name": format!("Other {n}")}))).await;
    }
    let calls = idle.hour().await;
    // The daily share allows a sweep of these two pages in this hour; each takes the place of a poll.
    assert_eq!(calls, BTreeMap::from([(LIST.to_owned(), 13)]));
}

/// Some accounts of two contacts each, none of which changes.
pub(crate) struct Idle {
    directory: TempDir,
    root: Url,
    client: Client,
    clock: SimulatedClock,
    _stop: DropGuard,
}

impl Idle {
    /// Folder accounts.
    async fn new(accounts: usize) -> Self {
        let idle = Self::empty().await;
        idle.folders(accounts).await;
        idle
    }

    /// The stand-in, and nothing declared yet.
    pub(crate) async fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = SimulatedClock::new(START);
        let options = Options { state: None, clock: Arc::new(clock.clone()), seed: 7 };
        let sandbox = Sandbox::open(options).expect("a sandbox");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = Url::parse(&format!("http://{}/", listener.local_addr().expect("an address"))).expect("a URL");
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, sandbox, stop.clone().cancelled_owned()));
        let client = Client::new(&Settings::default(), Arc::new(RealClock), 1).expect("a client");
        Self { directory, root, client, clock, _stop: stop.drop_guard() }
    }

    async fn folders(&self, accounts: usize) {
        let at = |name: &str| self.path(name);
        let mut text = String::new();
        for n in 0..accounts {
            let owner = user(n);
            fs::create_dir(at(&format!("cards-{n}"))).expect("a folder");
            for card in 0..2 {
                let (name, email) = (format!("Person {n} {card}"), format!("{n}.{card}@home.example"));
                let text = format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{name}\r\nEMAIL:{email}\r\nEND:VCARD\r\n");
                fs::write(at(&format!("cards-{n}/{card}.vcf")), text).expect("a card");
            }
            let _ = write!(
                text,
                "[accounts.user-{n}]\nprovider = \"folder\"\npath = \"cards-{n}\"\nowner = \"{owner}\"\ngroup = \"*\"\n\
                 direction = \"two-way\"\nvisibility = \"company\"\n"
            );
        }
        self.declare(&text, accounts).await;
    }

    /// A path in the directory of the configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The address of the stand-in services.
    pub(crate) fn root(&self) -> &Url {
        &self.root
    }

    /// Declares so many accounts, the nth of which is the nth [`user`]'s.
    pub(crate) async fn declare(&self, accounts: &str, number: usize) {
        let at = |name: &str| self.path(name);
        let text = format!(
            "state_dir = \"state\"\ninterval = \"5m\"\n[pipedrive]\nurl = \"{}pipedrive\"\ntoken_file = \"token\"\n\
             visibility_levels = 2\n[status]\nlisten = \"off\"\n{accounts}",
            self.root
        );
        let owners: Vec<String> = (0..number).map(user).collect();
        // Where the socket for commands stands; the state itself is kept in memory, since no pass waits for a disk here.
        fs::create_dir(at("state")).expect("a folder");
        fs::write(at("token"), "sandbox:admin@acme.example\n").expect("a token");
        fs::write(at("carnetd.toml"), text).expect("a configuration");
        self.call(Method::POST, "_faults", Some(json!({"pipedrive": {"users": owners}}))).await;
    }

    /// Runs the daemon until it is idle, lets an hour pass, and says what it called in that hour, by route.
    async fn hour(&self) -> BTreeMap<String, u64> {
        self.hour_of_passes().await.0
    }

    /// The same, with the number of passes in that hour.
    pub(crate) async fn hour_of_passes(&self) -> (BTreeMap<String, u64>, u64) {
        let environment =
            Environment { config_path: self.directory.path().join("carnetd.toml"), ..Environment::default() };
        let config = config::load(&environment).unwrap_or_else(|problems| panic!("{problems}"));
        let accounts = config.accounts.len();
        let clock = Arc::new(self.clock.clone());
        let engine = Engine::open(environment, config, Create::InMemory, clock).await.expect("a state");
        let running = tokio::spawn(daemon::serve(Arc::clone(&engine), Arc::new(Deaf)));
        // The first passes, and those that look at what the first ones wrote.
        self.pass_by(&engine, Duration::from_mins(12)).await;
        let persons = self.calls().await.get("POST /pipedrive/api/v2/persons").copied();
        assert!(persons >= Some(2 * accounts as u64), "everything is imported: {persons:?}");
        self.call(Method::DELETE, "_calls", None).await;
        let before = passes(&engine);
        self.pass_by(&engine, Duration::from_hours(1)).await;
        let (calls, passes) = (self.calls().await, passes(&engine) - before);
        assert!(!running.is_finished(), "it runs on");
        running.abort();
        (calls, passes)
    }

    /// Moves the clock from one thing due to the next.
    async fn pass_by(&self, engine: &Engine, time: Duration) {
        let mut rests = engine.rests_until();
        let end = self.clock.now().after(time);
        loop {
            let now = self.clock.now();
            let rested = rests.wait_for(|until| until.is_some_and(|until| until > now)).await;
            let next = rested.expect("the engine lives").expect("just seen");
            self.clock.advance(next.min(end).since(now));
            if next > end {
                break;
            }
        }
    }

    async fn calls(&self) -> BTreeMap<String, u64> {
        let calls = self.call(Method::GET, "_calls", None).await;
        let routes = calls["routes"].as_object().expect("routes");
        let count = |(route, count): (&String, &Value)| (route.clone(), count["calls"].as_u64().expect("a number"));
        routes.iter().map(count).filter(|(route, _)| !route.contains("/_")).collect()
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.call_as("admin@acme.example", method, path, body).await
    }

    /// A call as that user in another program.
    pub(crate) async fn call_as(&self, user: &str, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = self.root.join(path).expect("a path");
        let bearer = format!("Bearer sandbox:{user}");
        let mut request = Request::new("test", method, url).secret_header("authorization", bearer.into());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = self.client.send(request, &Unpaced, &CancellationToken::new()).await.expect("an answer");
        assert!(answer.is_success(), "{path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        if answer.body.is_empty() { json!(null) } else { answer.json().unwrap_or(json!(null)) }
    }
}

/// How many passes there have been: they are numbered one after the other.
fn passes(engine: &Arc<Engine>) -> u64 {
    let accounts = daemon::commands(Arc::clone(engine)).snapshot().accounts;
    accounts.iter().filter_map(|account| account.last_pass.as_ref()).map(|pass| pass.id).max().unwrap_or_default()
}

/// The address of the nth account's user.
pub(crate) fn user(n: usize) -> String {
    format!("user-{n}@acme.example")
}

/// Nobody listens.
struct Deaf;

impl Notices for Deaf {
    fn tell(&self, _notice: Notice) {}
}

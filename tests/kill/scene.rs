//! The cards, the stand-in, and the program that is killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use carnetd::clock::{Clock as _, RealClock};
use carnetd::http::{Client, Method, Request, Settings, Unpaced, Url};
use carnetd::sandbox::{Options, Sandbox, serve};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

const OWNER: &str = "alice@acme.example";
/// A life without news for so long is killed all the same: the program may be waiting before it tries again.
const PATIENCE: Duration = Duration::from_secs(8);
/// The stand-in is asked what it has seen so often, which leaves the program some of the machine.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
/// How many single passes may be needed at the end while answers get lost.
const PASSES: usize = 8;

/// One import into one company.
pub(crate) struct Scene {
    name: &'static str,
    cards: usize,
    kills: usize,
    chance: fastrand::Rng,
    directory: TempDir,
    root: Url,
    client: Client,
    stop: CancellationToken,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What the stand-in has seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    calls: u64,
    writes: u64,
}

/// When a life ends.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Calls(u64),
    Writes(u64),
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}; expected a number")))
}

impl Scene {
    /// The cards, written, and an empty company.
    pub(crate) async fn new(name: &'static str) -> Self {
        let seed = number("CARNETD_KILL_SEED").unwrap_or_else(|| fastrand::u64(..));
        let (cards, kills) = (number("CARNETD_CARDS").unwrap_or(60), number("CARNETD_KILLS").unwrap_or(5));
        eprintln!(
            "again: CARNETD_KILL_SEED={seed} CARNETD_CARDS={cards} CARNETD_KILLS={kills} cargo test --test kill {name}"
        );
        let directory = tempfile::tempdir().expect("a directory");
        let stop = CancellationToken::new();
        let sandbox = Sandbox::open(Options { state: None, clock: Arc::new(RealClock), seed }).expect("a sandbox");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let root = Url::parse(&format!("http://{}/", listener.local_addr().expect("an address"))).expect("a URL");
        tokio::spawn(serve(listener, sandbox, stop.clone().cancelled_owned()));
        let client = Client::new(&Settings::default(), Arc::new(RealClock), 1).expect("a client");
        let chance = fastrand::Rng::with_seed(seed);
        let scene = Self { name, cards, kills, chance, directory, root, client, stop };
        scene.write_cards();
        scene.configure();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn organizations(&self) -> usize {
        (self.cards / 10).max(1)
    }

    /// Who stands on card `n`: the last ones are the first ones' twins.
    fn human(&self, n: usize) -> usize {
        let twins = (self.cards / 100).max(1);
        if n >= self.cards - twins { n - (self.cards - twins) } else { n }
    }

    fn write_cards(&self) {
        fs::create_dir(self.path("cards")).expect("a folder");
        for n in 0..self.cards {
            let human = self.human(n);
            let text = format!(
                "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:card-{n}\r\nFN:Human {human}\r\nEMAIL:human{human}@acme.example\r\n\
                 TEL:+33 1 99 {:02} {:02} {:02}\r\nORG:Company {}\r\nEND:VCARD\r\n",
                human / 10_000 % 100,
                human / 100 % 100,
                human % 100,
                human % self.organizations(),
            );
            fs::write(self.path("cards").join(format!("{n}.vcf")), text).expect("a card");
        }
    }

    fn configure(&self) {
        let text = format!(
            "state_dir = \"state\"\n[pipedrive]\nurl = \"{}pipedrive\"\ntoken_file = \"token\"\nvisibility_levels = 2\n\
             [status]\nlisten = \"off\"\n[accounts.alice]\nprovider = \"folder\"\npath = \"cards\"\nowner = \"{OWNER}\"\n\
             group = \"*\"\ndirection = \"one-way\"\nvisibility = \"company\"\n",
            self.root
        );
        fs::write(self.path("carnetd.toml"), text).expect("a configuration");
        fs::write(self.path("token"), format!("sandbox:{OWNER}\n")).expect("a token");
    }

    /// Imports under `faults`, killed on the way, and says what must hold in the end.
    pub(crate) async fn import(&mut self, faults: Value) {
        let started = RealClock.now();
        let mut reached = Vec::new();
        for left in (1..=self.kills).rev() {
            let moment = self.draw(left).await;
            self.fault(&faults).await;
            self.live_until(moment).await;
            self.call(Method::DELETE, "_faults", None).await;
            reached.push(self.all("persons").await.len());
        }
        self.fault(&faults).await;
        let mut passes = 1;
        while !self.sync().await.success() {
            assert!(passes < PASSES, "{passes} passes did not bring it to an end: {}", self.log());
            passes += 1;
        }
        self.call(Method::DELETE, "_faults", None).await;
        self.check().await;
        let before = self.seen().await;
        assert!(self.sync().await.success(), "an idle pass: {}", self.log());
        assert_eq!(self.seen().await.writes, before.writes, "an idle pass writes nothing");
        self.check().await;
        let took = RealClock.now().since(started);
        eprintln!(
            "{}: killed {} times in {took:?}, at {reached:?} persons; {passes} passes after",
            self.name, self.kills
        );
    }

    /// Makes the stand-in misbehave, and slow enough that many a kill falls between a write and its answer. What this
    /// test asks itself is asked while all is well.
    async fn fault(&mut self, faults: &Value) {
        let mut faults = faults.clone();
        faults["seed"] = json!(self.chance.u32(..));
        faults["slow"] = json!(self.chance.choice([0, 5, 20]));
        faults["slow_rate"] = json!(0.5);
        self.call(Method::POST, "_faults", Some(faults)).await;
    }

    /// Draws the next moment so that about as many writes are done in each life that is left.
    async fn draw(&mut self, left: usize) -> Moment {
        let done = self.all("persons").await.len() + self.all("organizations").await.len();
        let rest = (self.cards + self.organizations()).saturating_sub(done);
        if rest == 0 || self.chance.u8(..4) == 0 {
            return Moment::Calls(self.chance.u64(..8));
        }
        let most = (2 * rest / (left + 1)).clamp(1, rest);
        Moment::Writes(self.chance.u64(1..=u64::try_from(most).expect("few")))
    }

    /// Starts the program and kills it at that moment.
    async fn live_until(&self, moment: Moment) {
        let start = self.seen().await;
        let mut child = self.start("run");
        let mut news = (start, RealClock.now());
        loop {
            let seen = self.seen().await;
            let is_over = match moment {
                Moment::Calls(calls) => seen.calls - start.calls >= calls,
                Moment::Writes(writes) => seen.writes - start.writes >= writes,
            };
            if seen != news.0 {
                news = (seen, RealClock.now());
            }
            if is_over || RealClock.now().since(news.1) > PATIENCE {
                break;
            }
            if let Some(status) = child.try_wait().expect("a process") {
                panic!("the program ended by itself, {status}: {}", self.log());
            }
            RealClock.sleep_until(RealClock.now().after(BETWEEN_LOOKS)).await;
        }
        child.kill().await.expect("killed");
    }

    async fn sync(&self) -> ExitStatus {
        self.start("sync").wait().await.expect("a process")
    }

    fn start(&self, command: &str) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).expect("a log");
        Command::new(env!("CARGO_BIN_EXE_carnetd"))
            .args([command, "--config"])
            .arg(self.path("carnetd.toml"))
            .env_remove("STATE_DIRECTORY")
            .env_remove("RUNTIME_DIRECTORY")
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the program")
    }

    /// Everybody is there once, and every organization.
    async fn check(&self) {
        let mut expected: BTreeMap<String, usize> = BTreeMap::new();
        for n in 0..self.cards {
            *expected.entry(format!("Human {}", self.human(n))).or_default() += 1;
        }
        let persons = self.all("persons").await;
        assert_eq!(count(&persons), expected, "persons (left: there, right: expected): {}", self.log());
        assert_eq!(persons.len(), self.cards);
        let expected = (0..self.organizations()).map(|n| (format!("Company {n}"), 1)).collect();
        assert_eq!(count(&self.all("organizations").await), expected, "organizations: {}", self.log());
    }

    async fn seen(&self) -> Seen {
        let counts = self.call(Method::GET, "_calls", None).await;
        let routes = counts["routes"].as_object().expect("routes");
        let writes = routes.iter().filter(|(route, _)| !route.starts_with("GET "));
        let writes = writes.filter_map(|(_, count)| count["calls"].as_u64()).sum();
        Seen { calls: counts["calls"].as_u64().expect("a number"), writes }
    }

    /// All persons or organizations, as the service lists them to somebody whose answers are not lost.
    async fn all(&self, what: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.call(Method::GET, &format!("pipedrive/api/v2/{what}?limit=500{cursor}"), None).await;
            all.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["additional_data"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = self.root.join(path).expect("a path");
        let token = format!("sandbox:{OWNER}");
        let mut request = Request::new("test", method, url).secret_header("x-api-token", token.into());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = self.client.send(request, &Unpaced, &CancellationToken::new()).await.expect("an answer");
        assert!(answer.is_success(), "{path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        answer.json().unwrap_or(Value::Null)
    }

    /// The end of what the program logged.
    fn log(&self) -> String {
        let text = fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("its log ends with\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
    }
}

fn count(records: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(record["name"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

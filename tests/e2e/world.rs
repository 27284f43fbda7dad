//! A folder, a sandbox and a configuration, and what a test does with them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use carnetd::account::AccountName;
use carnetd::adapter::SharedBook;
use carnetd::adapter::folder::Folder;
use carnetd::clock::{Clock, Moment, RealClock, SharedClock, Sleep};
use carnetd::config::{self, Config, Environment};
use carnetd::contact::Digest;
use carnetd::daemon::{self, Engine};
use carnetd::http::{Client, Method, Request, Settings, Unpaced, Url};
use carnetd::link::State;
use carnetd::sandbox::{Options, Sandbox, serve};
use carnetd::status::{Account, HeldItem, Operator, Outcome, Synced};
use carnetd::store::{Faults, Store, StoreError};
use carnetd::watch::Watcher;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::tee;

/// The owner of what comes in, who is also the token's user.
pub(crate) const OWNER: &str = "alice@acme.example";

/// The longest wait of a call; whoever waits longer leaves the call.
const CALLS_WAIT: i64 = 30_000;

/// What stands in declarations for the address of the stand-in services.
pub(crate) const ROOT: &str = "http://sandbox.invalid/";

/// The machine's clock, moved ahead.
#[derive(Debug, Default)]
struct Ahead {
    by: AtomicI64,
    /// Whether the waits between calls take no time: who waits moves the clock to the moment they wait for.
    hurried: AtomicBool,
}

impl Ahead {
    fn by(&self) -> i64 {
        self.by.load(Ordering::Relaxed)
    }
}

impl Clock for Ahead {
    fn now(&self) -> Moment {
        Moment(RealClock.now().0 + self.by())
    }

    fn sleep_until(&self, until: Moment) -> Sleep {
        let wait = until.0 - self.now().0;
        if !self.hurried.load(Ordering::Relaxed) || wait > CALLS_WAIT {
            return RealClock.sleep_until(Moment(until.0 - self.by()));
        }
        self.by.fetch_add(wait.max(0), Ordering::Relaxed);
        // Others get their turn.
        Box::pin(tokio::task::yield_now())
    }
}

/// A world of folder accounts; most tests have one, `alice`, whose folder is `cards`.
pub(crate) struct World {
    clock: Arc<Ahead>,
    /// The stand-in's clock, where it has one of its own.
    theirs: Option<SharedClock>,
    directory: TempDir,
    root: Url,
    /// The stand-in as carnetd reaches it, where what it asks is kept.
    asked: Option<Url>,
    client: Client,
    stop: CancellationToken,
    operator: Option<Box<dyn Operator>>,
    accounts: String,
}

/// An account's declaration: a folder below the world's, its group and direction, and further keys.
pub(crate) fn account(name: &str, folder: &str, group: &str, direction: &str, extra: &str) -> String {
    let owner = if extra.contains("owner =") { String::new() } else { format!("owner = \"{OWNER}\"\n") };
    let visibility = if extra.contains("visibility =") { "" } else { "visibility = \"company\"\n" };
    format!(
        "[accounts.{name}]\nprovider = \"folder\"\npath = \"{folder}\"\n{owner}{visibility}group = \"{group}\"\n\
         direction = \"{direction}\"\n{extra}\n"
    )
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    /// An empty folder, one-way or two-way, and an empty company.
    pub(crate) async fn new(direction: &str) -> Self {
        Self::with(direction, "").await
    }

    /// The same with more keys of the account.
    pub(crate) async fn with(direction: &str, extra: &str) -> Self {
        Self::of(&account("alice", "cards", "*", direction, extra)).await
    }

    /// The same with these accounts.
    pub(crate) async fn of(accounts: &str) -> Self {
        Self::at(None, accounts).await
    }

    /// The same with a clock of the stand-in's own.
    pub(crate) async fn at(theirs: Option<SharedClock>, accounts: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let client = Client::new(&Settings::default(), Arc::new(RealClock), 1).expect("a client");
        let root = Url::parse("http://127.0.0.1:1/").expect("a URL");
        let stop = CancellationToken::new();
        let (accounts, clock) = (accounts.to_owned(), Arc::default());
        let mut world = Self { clock, theirs, directory, root, asked: None, client, stop, operator: None, accounts };
        fs::create_dir(world.path("cards")).expect("a folder");
        fs::write(world.path("token"), format!("sandbox:{OWNER}\n")).expect("a token");
        fs::set_permissions(world.path("token"), fs::Permissions::from_mode(0o600)).expect("a secret");
        world.start_sandbox().await;
        world
    }

    /// Another company, empty, under another address.
    pub(crate) async fn move_to_new_company(&mut self) {
        self.stop.cancel();
        self.stop = CancellationToken::new();
        self.operator = None;
        self.start("sandbox-2.log").await;
    }

    async fn start_sandbox(&mut self) {
        self.start("sandbox.log").await;
    }

    async fn start(&mut self, log: &str) {
        let ours: SharedClock = Arc::clone(&self.clock) as _;
        let clock = self.theirs.clone().unwrap_or(ours);
        let options = Options { state: Some(self.path(log)), clock, seed: 7 };
        let sandbox = Sandbox::open(options).expect("a sandbox");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        self.root = Url::parse(&format!("http://{address}/")).expect("a URL");
        if let Some(folder) = tee::folder() {
            self.asked = Some(tee::before(&self.root, folder, self.stop.clone()).await);
        }
        let stop = self.stop.clone();
        tokio::spawn(async move {
            let _ = serve(listener, sandbox, stop.cancelled_owned()).await;
        });
        self.configure();
    }

    fn configure(&self) {
        let text = format!(
            "state_dir = \"state\"\n[pipedrive]\nurl = \"{}pipedrive\"\ntoken_file = \"token\"\nvisibility_levels = 2\n\
             [status]\nlisten = \"off\"\n{}",
            self.root,
            self.accounts.replace(ROOT, self.asked.as_ref().unwrap_or(&self.root).as_str())
        );
        fs::write(self.path("carnetd.toml"), text).expect("a configuration");
    }

    /// Declares other accounts; the next command is another process.
    pub(crate) fn declare(&mut self, accounts: &str) {
        accounts.clone_into(&mut self.accounts);
        self.configure();
        self.operator = None;
    }

    /// Lets time pass.
    pub(crate) fn later(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).expect("a time");
        self.clock.by.fetch_add(by, Ordering::Relaxed);
    }

    /// Lets the waits between calls take no time from now on.
    pub(crate) fn hurry(&self) {
        self.clock.hurried.store(true, Ordering::Relaxed);
    }

    /// A path in the world's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A card's path.
    pub(crate) fn card_path(&self, name: &str) -> PathBuf {
        self.path("cards").join(name)
    }

    /// Writes a card of one line each.
    pub(crate) fn card(&self, name: &str, lines: &[&str]) {
        let text = format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{name}\r\n{}\r\nEND:VCARD\r\n", lines.join("\r\n"));
        fs::write(self.card_path(name), text).expect("a card");
    }

    /// Replaces text in a card.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.card_path(name)).expect("a card");
        assert!(text.contains(from), "{name} holds {from}");
        fs::write(self.card_path(name), text.replace(from, to)).expect("a card");
    }

    /// A card's text.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.card_path(name)).expect("a card")
    }

    /// The names of all cards.
    pub(crate) fn cards(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path("cards"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    }

    /// What commands talk to: one for the life of the world, as a daemon would be.
    #[expect(clippy::unused_async, reason = "every command of a world is awaited")]
    pub(crate) async fn operator(&mut self) -> &dyn Operator {
        if self.operator.is_none() {
            let (environment, config) = self.load();
            let store = Store::open_or_create(&config.state_dir.join("state.redb")).expect("a state");
            let clock: SharedClock = Arc::clone(&self.clock) as _;
            let engine = Engine::with(environment, config, store, clock, Box::new(folder));
            self.operator = Some(daemon::commands(engine));
        }
        self.operator.as_deref().expect("just made")
    }

    /// The configuration as a process would have loaded it.
    pub(crate) fn load(&self) -> (Environment, Config) {
        let environment = Environment { config_path: self.path("carnetd.toml"), ..Environment::default() };
        let config = config::load(&environment).unwrap_or_else(|problems| panic!("{problems}"));
        (environment, config)
    }

    /// One pass of a process whose state takes this many commits and then no more, like one that is killed after them.
    /// Says whether it was stopped.
    pub(crate) async fn stopped_after(&mut self, commits: u64) -> bool {
        self.restart();
        let (environment, config) = self.load();
        let faults = Faults { stop_after_commits: Some(commits), ..Faults::default() };
        let store = Store::open_with(&config.state_dir.join("state.redb"), faults).expect("a state");
        let clock: SharedClock = Arc::clone(&self.clock) as _;
        let engine = Engine::with(environment, config, store.clone(), clock, Box::new(folder));
        let _ = daemon::commands(engine).sync(None, false).await;
        matches!(store.write(Vec::new()).await, Err(StoreError::Stopped))
    }

    /// Ends the process's memory: the next command starts from what is on disk.
    pub(crate) fn restart(&mut self) {
        self.operator = None;
    }

    /// One pass.
    pub(crate) async fn sync(&mut self) -> Synced {
        let mut synced = self.operator().await.sync(None, false).await.expect("a pass");
        synced.pop().expect("one account")
    }

    /// One pass of every account, by its name.
    pub(crate) async fn each(&mut self) -> BTreeMap<String, Synced> {
        let synced = self.operator().await.sync(None, false).await.expect("passes");
        synced.into_iter().map(|synced| (synced.account.clone(), synced)).collect()
    }

    /// One pass that is held whole; gives back what it says of itself.
    pub(crate) async fn refused(&mut self) -> HeldItem {
        let synced = self.sync().await;
        assert_eq!(synced.outcome, Outcome::Held, "{synced:?}");
        let account = synced.account;
        let mut held = self.held().await;
        held.retain(|item| item.account == account && item.what == synced.message.clone().unwrap_or_default());
        assert_eq!(held.len(), 1, "{held:?}");
        assert!(self.status(&account).await.held > 0, "status shows that something waits");
        held.remove(0)
    }

    /// The codes of what waits.
    pub(crate) async fn codes(&mut self) -> Vec<String> {
        let codes: Vec<String> = self.held().await.into_iter().map(|item| item.code).collect();
        let mut shown = 0;
        for account in self.operator().await.snapshot().accounts {
            shown += account.held;
        }
        assert_eq!(shown, codes.len() as u64, "status counts what waits: {codes:?}");
        codes
    }

    /// Somebody's yes.
    pub(crate) async fn confirm(&mut self, item: &HeldItem) {
        let digest = Digest::parse(&item.digest).expect("a digest");
        let name = AccountName::new(&item.account).expect("a name");
        self.operator().await.confirm(&name, digest).await.expect("confirmed");
    }

    /// The digests under which the sleeping pairs of the only account can be woken. Ends the process.
    pub(crate) fn sleeping(&mut self) -> Vec<String> {
        self.operator = None;
        let store = Store::open(&self.path("state/state.redb")).expect("a state");
        let view = store.view().expect("a view");
        let mut digests = Vec::new();
        for (_, checkpoint) in view.names().expect("names") {
            for link in view.links(checkpoint).expect("links") {
                let (_, link) = link.expect("a link");
                let digest = carnetd::plan::hold_digest(&link).filter(|_| matches!(link.state, State::Dormant(_)));
                digests.extend(digest.map(|digest| digest.to_string()));
            }
        }
        digests
    }

    /// What the status document says of an account.
    pub(crate) async fn status(&mut self, name: &str) -> Account {
        let accounts = self.operator().await.snapshot().accounts;
        accounts.into_iter().find(|account| account.name == name).expect("the account")
    }

    /// The only account's active links.
    pub(crate) async fn links(&mut self) -> u64 {
        self.operator().await.snapshot().accounts[0].contacts
    }

    /// One pass that must end well, as (added, updated, deleted, failed).
    pub(crate) async fn pass(&mut self) -> (u64, u64, u64, u64) {
        let synced = self.sync().await;
        assert_eq!((synced.outcome, synced.message.clone()), (Outcome::Ok, None), "{synced:?}");
        (synced.added, synced.updated, synced.deleted, synced.failed)
    }

    /// A pass that must change nothing and write nothing.
    pub(crate) async fn idle(&mut self) {
        let before = self.writes().await;
        assert_eq!(self.pass().await, (0, 0, 0, 0), "a pass without an outside change");
        assert_eq!(self.writes().await, before, "a pass without an outside change writes nothing");
    }

    /// What waits for a human being.
    pub(crate) async fn held(&mut self) -> Vec<HeldItem> {
        self.operator().await.held(None).await.expect("an answer")
    }

    /// Writes that the stand-ins have answered so far.
    pub(crate) async fn writes(&self) -> u64 {
        let calls = self.get("_calls").await;
        let routes = calls["routes"].as_object().expect("routes");
        let write = |(route, count): (&String, &Value)| {
            (!route.starts_with("GET ") && !route.ends_with("/token"))
                .then(|| count["calls"].as_u64().or(count.as_u64()).unwrap_or_default())
        };
        routes.iter().filter_map(write).sum()
    }

    /// Calls that the stand-in has refused as too many.
    pub(crate) async fn too_many(&self) -> u64 {
        self.get("_calls").await["too_many"].as_u64().expect("a number")
    }

    /// Persons as the service has them, by id.
    pub(crate) async fn persons(&self) -> Vec<Value> {
        let answer = self.get("pipedrive/api/v2/persons?limit=500").await;
        answer["data"].as_array().cloned().unwrap_or_default()
    }

    /// Organizations as the service has them.
    pub(crate) async fn organizations(&self) -> Vec<Value> {
        let answer = self.get("pipedrive/api/v2/organizations?limit=500").await;
        answer["data"].as_array().cloned().unwrap_or_default()
    }

    /// A colleague deletes an organization.
    pub(crate) async fn delete_organization(&self, id: &Value) {
        self.call(Method::DELETE, &format!("pipedrive/api/v2/organizations/{id}"), None).await;
    }

    /// The one person of that name.
    pub(crate) async fn person(&self, name: &str) -> Value {
        let mut found: Vec<Value> = self.persons().await.into_iter().filter(|p| p["name"] == name).collect();
        assert_eq!(found.len(), 1, "one person called {name}: {found:?}");
        found.remove(0)
    }

    /// A colleague changes a person.
    pub(crate) async fn change_person(&self, id: &Value, body: Value) {
        self.call(Method::PATCH, &format!("pipedrive/api/v2/persons/{id}"), Some(body)).await;
    }

    /// A colleague deletes a person.
    pub(crate) async fn delete_person(&self, id: &Value) {
        self.call(Method::DELETE, &format!("pipedrive/api/v2/persons/{id}"), None).await;
    }

    /// A colleague adds a person.
    pub(crate) async fn add_person(&self, body: Value) -> Value {
        self.call(Method::POST, "pipedrive/api/v2/persons", Some(body)).await["data"].clone()
    }

    /// An administrator makes a custom field of persons; its key.
    pub(crate) async fn custom_field(&self, name: &str, kind: &str) -> String {
        let body = json!({"field_name": name, "field_type": kind});
        let made = self.call(Method::POST, "pipedrive/api/v2/personFields", Some(body)).await;
        made["data"]["field_code"].as_str().expect("a key").to_owned()
    }

    /// Two persons are merged by a colleague: the second one stays.
    pub(crate) async fn merge_persons(&self, gone: &Value, kept: &Value) {
        let body = json!({"merge_with_id": kept});
        self.call(Method::PUT, &format!("pipedrive/api/v1/persons/{gone}/merge"), Some(body)).await;
    }

    /// The id of a user, who springs into being.
    pub(crate) async fn user(&self, email: &str) -> Value {
        self.call_as(email, Method::GET, "pipedrive/api/v1/users/me", None).await["data"]["id"].clone()
    }

    /// Makes the stand-in misbehave.
    pub(crate) async fn faults(&self, body: Value) {
        self.call(Method::POST, "_faults", Some(body)).await;
    }

    /// Sets the company up.
    pub(crate) async fn settings(&self, settings: Value) {
        self.faults(json!({"pipedrive": settings})).await;
    }

    /// Ends all misbehaviour.
    pub(crate) async fn well(&self) {
        self.call(Method::DELETE, "_faults", None).await;
    }

    /// What the stand-in says under a path.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.call_as(OWNER, method, path, body).await
    }

    /// A call as that user in another program.
    pub(crate) async fn call_as(&self, user: &str, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = self.root.join(path).expect("a path");
        let token = format!("sandbox:{user}");
        let mut request = Request::new("test", method, url)
            .secret_header("authorization", format!("Bearer {token}").into())
            .secret_header("x-api-token", token.into());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = self.client.send(request, &Unpaced, &CancellationToken::new()).await.expect("an answer");
        assert!(answer.is_success(), "{path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        if answer.body.is_empty() { json!(null) } else { answer.json().unwrap_or(json!(null)) }
    }
}

/// A folder without a watch: an edit may come to the next pass before its event does, and a test cannot wait for that.
#[expect(clippy::unnecessary_wraps, reason = "the type of what makes books")]
fn folder(
    account: &config::Account,
    _: Option<&Watcher>,
    clock: &SharedClock,
) -> Result<SharedBook, carnetd::adapter::Error> {
    let config::Book::Folder { path } = &account.book else { panic!("a folder") };
    let country = account.policy.country;
    Ok(Arc::new(Folder::new(path.clone(), account.group.clone(), country, None, Arc::clone(clock))))
}

/// The values of a person's e-mails or phones.
pub(crate) fn values(person: &Value, field: &str) -> Vec<String> {
    let list = person[field].as_array().cloned().unwrap_or_default();
    list.iter().filter_map(|e| e["value"].as_str().map(str::to_owned)).collect()
}

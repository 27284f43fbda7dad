//! Logins from a configuration file to a token, against a scripted authorization server.

use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::account::AccountName;
use crate::auth::tests::{Endpoint, Hurried, client, id_token, shared};
use crate::auth::token::{LoginError, LoginErrorKind};
use crate::config;
use crate::status::{LoggedIn, LoginStarted, RefusedKind};
use crate::store::{Op, SealedLogin};

const CONTACTS: &str = "https://www.googleapis.com/auth/contacts";

/// Logins of two accounts, with everything around them.
struct World {
    directory: tempfile::TempDir,
    server: Endpoint,
    clock: Hurried,
    store: Store,
    client: Client,
    config: Config,
    logins: Logins,
}

fn load(directory: &Path, text: &str) -> (Environment, Config) {
    std::fs::write(directory.join("carnetd.toml"), text).expect("written");
    let environment = Environment { config_path: directory.join("carnetd.toml"), ..Environment::default() };
    let config = config::load(&environment).unwrap_or_else(|problems| panic!("{problems}"));
    (environment, config)
}

fn text(root: &Url, client_id: &str, status: &str) -> String {
    format!(
        r#"
state_dir = "state"
[pipedrive]
url = "http://127.0.0.1:1/pipedrive"
[pipedrive.oauth]
client_id = "p-{client_id}"
client_secret_file = "secret"
oauth_url = "{root}"
[google]
client_id = "{client_id}"
client_secret_file = "secret"
auth_url = "{root}"
token_url = "{root}"
[status]
{status}
[defaults]
provider = "google"
group = "*"
direction = "one-way"
visibility = "company"
[accounts.alice]
address = "Alice@acme.example"
[accounts.bob]
address = "bob@acme.example"
[accounts.cards]
provider = "folder"
path = "cards"
owner = "alice@acme.example"
"#
    )
}

impl World {
    async fn new() -> Self {
        let (directory, server, clock) =
            (tempfile::tempdir().expect("a directory"), Endpoint::start().await, Hurried::new());
        std::fs::create_dir(directory.path().join("state")).expect("made");
        std::fs::write(directory.path().join("secret"), "s3cret").expect("written");
        let around =
            load(directory.path(), &text(&server.root, "ours", "public_url = \"https://sync.acme.example/c\""));
        let store = Store::in_memory();
        let logins = logins(&around, &store, &clock);
        let client = client(&clock);
        Self { directory, server, store, client, config: around.1, logins, clock }
    }

    /// The same state in another process, with this configuration.
    fn restarted(&self, text: &str) -> (Logins, Config) {
        let around = load(self.directory.path(), text);
        (logins(&around, &self.store, &self.clock), around.1)
    }

    fn start(&self, who: &Who) -> LoginStarted {
        let redirect = Url::parse("http://127.0.0.1:4567/").expect("a URL");
        self.logins.start(&self.config, who, &redirect, &self.client).expect("started")
    }

    /// What the server gives next.
    fn grants(&self, email: &str, refresh: &str, scope: &str) {
        self.server.say(
            200,
            json!({"access_token": format!("access-{refresh}"), "expires_in": 3600, "token_type": "Bearer",
            "refresh_token": refresh, "scope": scope, "id_token": id_token(email)}),
        );
    }

    async fn finish(&self, state: &str) -> Result<LoggedIn, Refused> {
        let finished = self.logins.finish(&self.config, (state, "code"), &self.client).await;
        finished.map(|(_, login)| login)
    }

    async fn log_in(&self, name: &str) {
        let address = self.config.accounts[&account(name)].address.clone().expect("it has one");
        self.grants(&address, &format!("refresh-{name}"), &format!("openid {CONTACTS}"));
        self.finish(&self.start(&who(name)).state).await.expect("logged in");
    }

    async fn token(&self, name: &str) -> Result<String, LoginError> {
        token(&self.logins, &self.config, name, &self.client).await
    }
}

fn logins((environment, config): &(Environment, Config), store: &Store, clock: &Hurried) -> Logins {
    Logins::new((environment, config), store.clone(), shared(clock), CancellationToken::new())
}

async fn token(logins: &Logins, config: &Config, name: &str, client: &Client) -> Result<String, LoginError> {
    let tokens = logins.tokens(config, &config.accounts[&account(name)], client).expect("a source");
    tokens.token(None, &CancellationToken::new()).await.map(|token| token.expose_secret().to_owned())
}

fn account(name: &str) -> AccountName {
    AccountName::new(name).expect("a name")
}

fn who(name: &str) -> Who {
    Who::Account(name.to_owned())
}

#[tokio::test]
async fn a_login_gives_tokens_at_once_and_after_a_restart() {
    let world = World::new().await;
    let before = world.token("alice").await.expect_err("nobody has logged in");
    assert_eq!(before.message, "nobody has logged in yet: run `carnetd login alice`");
    // As an adapter holds it: it was made before anybody logged in.
    let tokens = world.logins.tokens(&world.config, &world.config.accounts[&account("alice")], &world.client);
    let started = world.start(&who("alice"));
    assert!(started.url.as_str().starts_with(&format!("{}o/oauth2/v2/auth?", world.server.root)), "{}", started.url);
    assert!(started.url.query_pairs().any(|(key, value)| key == "login_hint" && value == "Alice@acme.example"));
    world.grants("alice@ACME.example", "refresh-1", &format!("openid email {CONTACTS}"));
    let login = world.finish(&started.state).await.expect("kept");
    assert_eq!(login, LoggedIn { what: "account alice".to_owned(), address: Some("alice@ACME.example".to_owned()) });
    let token = tokens.expect("a source").token(None, &CancellationToken::new()).await.expect("its access token");
    assert_eq!((token.expose_secret(), world.server.asked().len()), ("access-refresh-1", 1));
    assert!(world.token("bob").await.is_err(), "another account has none of it");

    let (again, config) = world.restarted(&text(&world.server.root, "ours", ""));
    world.server.say(200, json!({"access_token": "second", "token_type": "Bearer"}));
    assert_eq!(super::tests::token(&again, &config, "alice", &world.client).await.as_deref(), Ok("second"));
    assert_eq!(world.server.asked()[1].form["refresh_token"], "refresh-1");

    let sealed = world.store.view().expect("open").login("account/alice").expect("read").expect("kept");
    let plain = String::from_utf8_lossy(&sealed.bytes).into_owned();
    assert!(!plain.contains("refresh-1") && !plain.contains("acme"), "it is sealed");
    assert!(!format!("{:?}", world.logins).contains("refresh-1"));
}

#[tokio::test]
async fn a_state_is_good_once_and_for_ten_minutes() {
    let world = World::new().await;
    let first = world.start(&who("alice"));
    world.grants("alice@acme.example", "r", CONTACTS);
    world.finish(&first.state).await.expect("kept");
    for state in [first.state.as_str(), "", "made-up"] {
        let refused = world.finish(state).await.expect_err(state);
        assert!(refused.message.contains("finished before"), "{refused}");
    }
    let late = world.start(&who("alice"));
    world.clock.advance(Duration::from_mins(10));
    assert!(world.finish(&late.state).await.is_err());
    assert_eq!(world.server.asked().len(), 1, "no code was sent for any of them");
    // One that fails is used up as well.
    let third = world.start(&who("alice"));
    world.server.say(400, json!({"error": "invalid_grant", "error_description": "Bad Request"}));
    assert!(world.finish(&third.state).await.is_err());
    assert!(world.finish(&third.state).await.is_err());
    assert_eq!(world.server.asked().len(), 2);
}

#[tokio::test]
async fn a_login_as_somebody_else_is_refused_named_and_given_back() {
    let world = World::new().await;
    world.grants("mallory@acme.example", "r-mallory", CONTACTS);
    world.server.say(200, json!({}));
    let refused = world.finish(&world.start(&who("alice")).state).await.expect_err("somebody else");
    assert!(refused.message.contains("Alice@acme.example") && refused.message.contains("mallory@acme.example"));
    assert!(refused.message.contains("nothing was kept: the grant was given back"), "{refused}");
    let revoked = world.server.asked().pop().expect("asked");
    assert_eq!((revoked.path.as_str(), revoked.form["token"].as_str()), ("/revoke", "r-mallory"));
    assert!(world.token("alice").await.is_err());

    // Bob has a login of his own: giving the grant back would end that one, too.
    let bob = world.logins.tokens(&world.config, &world.config.accounts[&account("bob")], &world.client);
    world.log_in("bob").await;
    world.grants("bob@acme.example", "r-bob-2", CONTACTS);
    let refused = world.finish(&world.start(&who("alice")).state).await.expect_err("somebody else");
    assert!(refused.message.contains("carnetd keeps another login of that user"), "{refused}");
    assert_eq!(world.server.asked().last().expect("asked").path, "/token");
    let token = bob.expect("a source").token(None, &CancellationToken::new()).await.expect("his own");
    assert_eq!(token.expose_secret(), "access-refresh-bob");
}

#[tokio::test]
async fn what_was_not_granted_is_named_and_nothing_is_kept() {
    let world = World::new().await;
    world.grants("alice@acme.example", "r", "openid email");
    let refused = world.finish(&world.start(&who("alice")).state).await.expect_err("unticked");
    assert!(refused.message.contains(&format!("does not allow {CONTACTS}")), "{refused}");
    assert!(refused.help.is_some_and(|help| help.contains("leave the box for contacts ticked")));
    world
        .server
        .say(200, json!({"access_token": "a", "token_type": "Bearer", "id_token": id_token("alice@acme.example")}));
    let refused = world.finish(&world.start(&who("alice")).state).await.expect_err("no refresh token");
    assert!(refused.message.contains("gave no refresh token"), "{refused}");
    assert_eq!(world.store.view().expect("open").login("account/alice").expect("read"), None);
}

#[tokio::test]
async fn a_login_is_good_only_for_what_it_was_made_for() {
    let world = World::new().await;
    world.log_in("alice").await;
    // A row of the database that is moved to another account does not open there.
    let row = world.store.view().expect("open").login("account/alice").expect("read").expect("kept");
    world.store.write(vec![Op::PutLogin("account/bob".to_owned(), row.clone())]).await.expect("written");
    let moved = world.token("bob").await.expect_err("not his");
    assert!(
        moved.message.contains("sealed with another key") && moved.message.contains("`carnetd login bob`"),
        "{moved}"
    );

    let (other, config) = world.restarted(&text(&world.server.root, "another", ""));
    let error = token(&other, &config, "alice", &world.client).await.expect_err("another application");
    assert!(error.message.contains("made for client_id \"ours\", the configuration says \"another\""), "{error}");

    let key = world.directory.path().join("state/key");
    let right = std::fs::read(&key).expect("a key");
    for wrong in [Some("f".repeat(64)), None] {
        match wrong {
            Some(text) => std::fs::write(&key, text).expect("written"),
            None => std::fs::remove_file(&key).expect("removed"),
        }
        let (again, config) = world.restarted(&text(&world.server.root, "ours", ""));
        let error = token(&again, &config, "alice", &world.client).await.expect_err("the key is gone");
        assert_eq!(error.kind, LoginErrorKind::NeedsLogin);
        assert!(error.message.contains("`carnetd login alice`"), "{error}");
    }
    assert_eq!(
        world.store.view().expect("open").login("account/alice").expect("read"),
        Some(row),
        "nothing is deleted"
    );
    std::fs::write(&key, right).expect("written");
    let (again, config) = world.restarted(&text(&world.server.root, "ours", ""));
    world.server.say(200, json!({"access_token": "back", "token_type": "Bearer"}));
    assert_eq!(token(&again, &config, "alice", &world.client).await.as_deref(), Ok("back"));
}

#[tokio::test]
async fn a_link_is_used_up_by_the_login_it_leads_to() {
    let world = World::new().await;
    let link = world.logins.link(&world.config, &account("alice")).await.expect("a link");
    let secret =
        link.url.as_str().strip_prefix("https://sync.acme.example/c/login/").expect("below public_url").to_owned();
    assert!(secret.len() >= 43 && !format!("{link:?}").contains(&secret));
    assert!(!format!("{:?}", world.store.view().expect("open")).contains(&secret));

    let follow = || world.logins.follow(&world.config, &secret, &world.client);
    let scanner = follow().await.expect("a mail scanner opens it");
    let reader = follow().await.expect("and then its reader");
    assert_ne!(scanner.state, reader.state);
    let done = "https://sync.acme.example/c/login/done";
    assert!(reader.url.query_pairs().any(|(key, value)| key == "redirect_uri" && value == done), "{}", reader.url);
    world.grants("alice@acme.example", "r", "openid email");
    assert!(world.finish(&scanner.state).await.is_err(), "a login that is refused uses nothing up");
    world.grants("alice@acme.example", "r", CONTACTS);
    world.finish(&reader.state).await.expect("logged in");
    let used = follow().await.expect_err("used up");
    assert!(used.message.contains("used before"), "{used}");
    assert!(world.logins.follow(&world.config, "made-up", &world.client).await.is_err());

    let late = world.logins.link(&world.config, &account("bob")).await.expect("a link");
    let secret = late.url.path_segments().and_then(|mut parts| parts.next_back()).expect("a secret").to_owned();
    world.clock.advance(Duration::from_hours(24) - Duration::from_millis(1));
    assert!(world.logins.follow(&world.config, &secret, &world.client).await.is_ok());
    world.clock.advance(Duration::from_millis(1));
    assert!(world.logins.follow(&world.config, &secret, &world.client).await.is_err(), "after a day it has lapsed");
}

#[tokio::test]
async fn what_cannot_be_logged_in_says_why() {
    let world = World::new().await;
    let redirect = Url::parse("http://127.0.0.1:4567/").expect("a URL");
    let start = |who: &Who, redirect: &Url| {
        world.logins.start(&world.config, who, redirect, &world.client).expect_err("refused")
    };
    assert_eq!(start(&who("nobody"), &redirect).kind, RefusedKind::UnknownAccount);
    assert!(start(&who("cards"), &redirect).message.contains("its provider is \"folder\""));
    let elsewhere = Url::parse("https://evil.example/login/done").expect("a URL");
    assert!(start(&who("alice"), &elsewhere).message.contains("not to https://evil.example"));
    let (logins, config) = world.restarted(&text(&world.server.root, "ours", ""));
    let refused = logins.link(&config, &account("alice")).await.expect_err("no public_url");
    assert!(refused.kind == RefusedKind::Unconfigured && refused.message.contains("[status] public_url"), "{refused}");
    let sealed = SealedLogin { bytes: vec![9; 40], until: None };
    world.store.write(vec![Op::PutLogin("account/alice".to_owned(), sealed)]).await.expect("written");
    let error = world.token("alice").await.expect_err("rubbish");
    assert_eq!(error.kind, LoginErrorKind::NeedsLogin);
}

#[tokio::test]
async fn pipedrives_own_login_brings_its_root_and_needs_its_scopes() {
    let world = World::new().await;
    let (_, root) = world.logins.pipedrive(&world.config, &world.client).await.expect("a source");
    assert_eq!(root, None);
    let grant = |scope: &str, domain: &str| {
        json!({"access_token": "a", "token_type": "Bearer", "expires_in": 3599, "refresh_token": "r", "scope": scope,
            "api_domain": domain})
    };
    world.server.say(200, grant("base,contacts:read", "https://acme.pipedrive.com"));
    let refused = world.finish(&world.start(&Who::Pipedrive).state).await.expect_err("too little");
    assert!(refused.message.contains("contacts:full, users:read"), "{refused}");
    world.server.say(200, grant("base,contacts:full,users:read", "http://acme.pipedrive.com"));
    let refused = world.finish(&world.start(&Who::Pipedrive).state).await.expect_err("plain http");
    assert!(refused.message.contains("neither https nor this machine"), "{refused}");
    world.server.say(200, grant("base,contacts:full,users:read", "https://acme.pipedrive.com"));
    let started = world.start(&Who::Pipedrive);
    assert_eq!(started.url.path(), "/oauth/authorize");
    let login = world.finish(&started.state).await.expect("kept");
    assert_eq!(login, LoggedIn { what: "Pipedrive (acme.pipedrive.com)".to_owned(), address: None });
    let (_, root) = world.logins.pipedrive(&world.config, &world.client).await.expect("a source");
    assert_eq!(root.as_ref().map(Url::as_str), Some("https://acme.pipedrive.com/"));
}

/// The whole of it against the stand-ins: a browser allows it, the company is connected, an account has its login.
#[cfg(feature = "sandbox")]
#[tokio::test]
async fn people_log_in_at_the_stand_ins() {
    use crate::clock::RealClock;
    use crate::daemon::{Engine, commands};
    use crate::sandbox::{Options, Sandbox, serve};

    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("secret"), "s3cret").expect("written");
    std::fs::create_dir(directory.path().join("state")).expect("made");
    let clock: SharedClock = Arc::new(RealClock);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let root = Url::parse(&format!("http://{}", listener.local_addr().expect("bound"))).expect("a URL");
    let options = Options { state: None, clock: Arc::clone(&clock), seed: 7 };
    tokio::spawn(serve(listener, Sandbox::open(options).expect("in memory"), std::future::pending()));
    let of = |key: &str, service: &str| (format!("{key} = \"{root}\""), format!("{key} = \"{root}{service}\""));
    let mut file = text(&root, "ours", "");
    for (from, to) in [of("oauth_url", "pipedrive"), of("auth_url", "google"), of("token_url", "google")] {
        file = file.replace(&format!("\n{from}"), &format!("\n{to}"));
    }
    let around = load(directory.path(), &file);
    let store = Store::in_memory();
    let books = Box::new(|_: &Account, _: Option<&_>, _: &SharedClock| Err(Error::new(Kind::Group, "no book here")));
    let operator = commands(Engine::with(around.0, around.1, store.clone(), clock, books));
    let log_in = async |who: Who, parameters: &[(&str, &str)]| {
        let back = Url::parse("http://127.0.0.1:4567/").expect("a URL");
        let started = operator.start_login(&who, &back).await.expect("started");
        let mut browser = started.url.clone();
        browser.query_pairs_mut().extend_pairs(parameters);
        // Nobody listens where the browser is sent; the address is all that counts.
        let came_back = browser_follows(&browser).await;
        let part = |name: &str| came_back.query_pairs().find(|(key, _)| key == name).expect(name).1.into_owned();
        assert_eq!(part("state"), started.state);
        operator.finish_login(&started.state, &part("code")).await
    };

    let before = operator.check().await;
    assert!(before[0].message.contains("run `carnetd login --pipedrive`"), "{before:?}");
    log_in(Who::Pipedrive, &[("user", "admin@acme.example")]).await.expect("logged in");
    let after = operator.check().await;
    assert!(after[0].ok && after[0].message.starts_with("Pipedrive company"), "{after:?}");

    let somebody = log_in(who("alice"), &[("user", "mallory@acme.example")]).await.expect_err("somebody else");
    assert!(somebody.message.contains("the grant was given back"), "{somebody}");
    let unticked = log_in(who("alice"), &[("user", "alice@acme.example"), ("granted_scopes", "")]).await;
    assert!(unticked.expect_err("unticked").message.contains(CONTACTS));
    let alice = log_in(who("alice"), &[("user", "alice@acme.example")]).await.expect("logged in");
    assert_eq!(alice, LoggedIn { what: "account alice".to_owned(), address: Some("alice@acme.example".to_owned()) });
    assert!(store.view().expect("open").login("account/alice").expect("read").is_some());
}

/// Where a browser is sent by this address.
async fn browser_follows(url: &Url) -> Url {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = url.socket_addrs(|| None).expect("an address")[0];
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("reached");
    let target = &url[url::Position::BeforePath..];
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).expect("a redirect");
    Url::parse(location.trim()).expect("a URL")
}

//! An account that waits for its user's login, gets it, syncs, and loses it again; the account beside it goes on.

use std::sync::Arc;

use carnetd::clock::RealClock;
use carnetd::http::{Client, Method, Request, Settings, Unpaced, Url};
use carnetd::status::{Account, LoggedIn, Operator as _, Refused, Snapshot, State, Who};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::live::Live;

const GINA: &str = "gina@acme.example";

fn of<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Account {
    snapshot.accounts.iter().find(|account| account.name == name).expect("declared")
}

fn gina(snapshot: &Snapshot) -> &Account {
    of(snapshot, "gina")
}

/// A world with a folder account and one at Google, which is the stand-in.
async fn world() -> (Live, Url) {
    let live = Live::new("one-way", "").await;
    let path = live.path("carnetd.toml");
    let text = std::fs::read_to_string(&path).expect("a configuration");
    let start = text.find("http://").expect("the stand-in's address");
    let root = text[start..].split("pipedrive").next().expect("a root");
    let google = format!(
        "[google]\nclient_id = \"ours\"\nclient_secret_file = \"google.secret\"\napi_url = \"{root}google\"\nauth_url = \"{root}google\"\n\
         token_url = \"{root}google\"\n[accounts.gina]\nprovider = \"google\"\naddress = \"{GINA}\"\n\
         owner = \"alice@acme.example\"\nvisibility = \"company\"\ngroup = \"*\"\ndirection = \"one-way\"\n"
    );
    std::fs::write(live.path("google.secret"), "s3cret").expect("written");
    std::fs::write(&path, format!("{text}{google}")).expect("written");
    (live, Url::parse(root).expect("a URL"))
}

fn client() -> Client {
    Client::new(&Settings::default(), Arc::new(RealClock), 1).expect("a client")
}

/// Somebody logs in as `user` in a browser.
async fn log_in(live: &Live, user: &str) -> Result<LoggedIn, Refused> {
    let operator = live.remote().await.expect("the daemon answers");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let back = Url::parse(&format!("http://{}/", listener.local_addr().expect("bound"))).expect("a URL");
    let started = operator.start_login(&Who::Account("gina".to_owned()), &back).await?;
    let mut page = started.url;
    page.query_pairs_mut().append_pair("user", user);
    let browser = tokio::spawn(async move {
        let request = Request::new("browser", Method::GET, page);
        client().send(request, &Unpaced, &CancellationToken::new()).await
    });
    let (mut stream, _) = listener.accept().await.expect("the browser comes back");
    let mut head = vec![0; 4096];
    let length = stream.read(&mut head).await.expect("a request");
    stream.write_all(b"HTTP/1.1 204 X\r\nconnection: close\r\n\r\n").await.expect("answered");
    browser.await.expect("no panic").expect("answered");
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let answer = back.join(head.split(' ').nth(1).expect("a target")).expect("a URL");
    let part = |name: &str| answer.query_pairs().find(|(key, _)| key == name).expect(name).1.into_owned();
    assert_eq!(part("state"), started.state);
    operator.finish_login(&started.state, &part("code")).await
}

async fn add_contact(root: &Url, name: &str, email: &str) {
    let url = root.join("google/v1/people:createContact?personFields=names").expect("a URL");
    let body = json!({"names": [{"givenName": name}], "emailAddresses": [{"value": email}]});
    let request = Request::new("browser", Method::POST, url).json(&body);
    let request = request.secret_header("authorization", format!("Bearer sandbox:{GINA}").into());
    let answer = client().send(request, &Unpaced, &CancellationToken::new()).await.expect("an answer");
    assert!(answer.is_success(), "{:?}", answer.json::<Value>());
}

#[tokio::test]
async fn an_account_waits_for_its_login_uses_it_at_once_and_says_when_it_is_dead() {
    let (mut live, root) = world().await;
    live.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    add_contact(&root, "Carl", "carl@acme.example").await;
    live.start().await;
    let waits = live.until("it waits for a login", |s| gina(s).state == State::NeedsLogin).await;
    let reason = gina(&waits).reason.clone().unwrap_or_default();
    assert!(reason.contains("run `carnetd login gina`"), "{reason}");
    live.until("the other one is synced", |s| of(s, "alice").contacts == 1 && of(s, "alice").state == State::Idle)
        .await;

    let refused = log_in(&live, "mallory@acme.example").await.expect_err("somebody else");
    assert!(refused.message.contains(GINA) && refused.message.contains("mallory@acme.example"), "{refused}");
    let login = log_in(&live, GINA).await.expect("logged in");
    assert_eq!(login.address.as_deref(), Some(GINA));
    live.until("its contacts are here", |s| gina(s).state == State::Idle && gina(s).contacts == 1).await;

    // Access tokens that are refused are renewed, and nobody notices.
    live.faults(json!({"google": {"expire_access_tokens": true}})).await;
    add_contact(&root, "Dora", "dora@acme.example").await;
    live.until("it goes on", |s| gina(s).contacts == 2).await;
    assert_eq!(live.persons().await.len(), 3);

    // A login that outlives the process, until its user takes it back.
    live.stop().await;
    live.start().await;
    live.until("it is back", |s| gina(s).state == State::Idle).await;
    live.faults(json!({"google": {"revoke": {"user": GINA}}})).await;
    let dead = live.until("the login is dead", |s| gina(s).state == State::NeedsLogin).await;
    let reason = gina(&dead).reason.clone().unwrap_or_default();
    assert!(reason.contains("invalid_grant") && reason.contains("run `carnetd login gina`"), "{reason}");
    assert_eq!((gina(&dead).contacts, live.persons().await.len()), (2, 3), "nothing looks deleted");
    log_in(&live, GINA).await.expect("logged in");
    live.until("it is mended", |s| gina(s).state == State::Idle && gina(s).contacts == 2).await;
    assert_eq!(of(&dead, "alice").state, State::Idle);

    let log = live.log();
    for secret in ["ya29.", "1//", "s3cret", "4/0A", "Bearer"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    live.stop().await;
}

//! A running daemon, asked through its Unix socket: an [`Operator`] like any other.
//!
//! The other end is `server` with `control`. It asks once for the snapshot when it connects, and while somebody listens
//! to [`Operator::changed`] once a second.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::answer::ErrorBody;
use super::control::{Finish, Follow, Link, Start};
use super::operator::{
    AccountPlan, Finding, HeldItem, LoggedIn, LoginLink, LoginStarted, Operator, Refused, RefusedKind, Reloaded,
    Synced, Who,
};
use super::snapshot::Snapshot;
use super::socket;
use crate::account::AccountName;
use crate::clock::SharedClock;
use crate::contact::Digest;
use crate::http::{Client, Method, Request, Response, Unpaced, Url};

/// How often a snapshot is fetched while somebody looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A pass may take hours, and the daemon knows best when to give up.
const PATIENCE: Duration = Duration::from_hours(24);
/// The socket has no name; HTTP wants one.
const ORIGIN: &str = "http://localhost";

/// The way to a running daemon.
#[derive(Debug, Clone)]
pub struct Remote {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    clock: SharedClock,
    path: PathBuf,
    last: Mutex<Seen>,
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Seen {
    snapshot: Snapshot,
    alive: bool,
    ready: bool,
    watched: bool,
}

impl Remote {
    /// Connects to the daemon at `path`; `None` where nobody listens there.
    ///
    /// # Errors
    /// [`RefusedKind::NotReachable`] where somebody listens who may not be asked or does not answer.
    pub async fn connect(path: &Path, clock: SharedClock, seed: u64) -> Result<Option<Self>, Refused> {
        if socket::fits(path).is_err() || !listens(path).await? {
            return Ok(None);
        }
        let client = Client::over_unix(path, clock.clone(), seed)
            .map_err(|error| Refused::new(RefusedKind::Failed, error.to_string()))?;
        let way = Way { client: &client, path };
        let snapshot = way.snapshot().await?;
        let ready = way.ask_bit("/readyz").await;
        let last = Mutex::new(Seen { snapshot, alive: true, ready, watched: false });
        let path = path.to_owned();
        Ok(Some(Self { shared: Arc::new(Shared { client, clock, path, last, changed: watch::Sender::new(0) }) }))
    }

    /// Where the daemon listens.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    async fn get<T: DeserializeOwned>(&self, route: &'static str, query: &[(&str, &str)]) -> Result<T, Refused> {
        let way = self.shared.way();
        way.ask(way.request(Method::GET, route)?.query(query)).await
    }

    async fn post<T: DeserializeOwned>(&self, route: &'static str, query: &[(&str, &str)]) -> Result<T, Refused> {
        let way = self.shared.way();
        way.ask(way.request(Method::POST, route)?.query(query)).await
    }

    /// As [`Self::post`], for what must not stand in a query.
    async fn tell<T: DeserializeOwned>(&self, route: &'static str, body: &impl Serialize) -> Result<T, Refused> {
        let way = self.shared.way();
        let body = serde_json::to_value(body).map_err(|error| way.unexpected(&error.to_string()))?;
        way.ask(way.request(Method::POST, route)?.json(&body)).await
    }
}

async fn listens(path: &Path) -> Result<bool, Refused> {
    match UnixStream::connect(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let message = format!("the daemon's socket {} may not be opened: {error}", path.display());
            Err(Refused::new(RefusedKind::NotReachable, message)
                .help("run the command as root or as the daemon's user"))
        }
        Err(_) => Ok(false),
    }
}

struct Way<'a> {
    client: &'a Client,
    path: &'a Path,
}

impl Way<'_> {
    fn request(&self, method: Method, route: &'static str) -> Result<Request, Refused> {
        let url = Url::parse(ORIGIN).and_then(|origin| origin.join(route));
        let url = url.map_err(|error| self.unexpected(&error.to_string()))?;
        Ok(Request::new("carnetd", method, url).timeout(PATIENCE))
    }

    async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, Refused> {
        let call = request.call();
        let response = self.send(request).await?;
        if response.is_success() {
            return response.json().map_err(|error| self.unexpected(&error.to_string()));
        }
        match response.json::<ErrorBody>() {
            Ok(body) => Err(body.error),
            Err(_) => Err(self.unexpected(&format!("{} was answered with {}", call.route, response.status))),
        }
    }

    async fn snapshot(&self) -> Result<Snapshot, Refused> {
        self.ask(self.request(Method::GET, "/api/v1/status")?).await
    }

    async fn ask_bit(&self, route: &'static str) -> bool {
        let Ok(request) = self.request(Method::GET, route) else { return false };
        self.send(request).await.is_ok_and(|response| response.is_success())
    }

    async fn send(&self, request: Request) -> Result<Response, Refused> {
        let sent = self.client.send(request, &Unpaced, &CancellationToken::new()).await;
        sent.map_err(|error| {
            let message = format!("the daemon at {} does not answer: {error}", self.path.display());
            Refused::new(RefusedKind::NotReachable, message).help("see `systemctl status carnetd` and its log")
        })
    }

    fn unexpected(&self, problem: &str) -> Refused {
        let message = format!("the daemon at {} gave an unexpected answer: {problem}", self.path.display());
        Refused::new(RefusedKind::Failed, message)
            .help("it may be of another version than this command: restart it after an upgrade")
    }
}

impl Shared {
    fn way(&self) -> Way<'_> {
        Way { client: &self.client, path: &self.path }
    }

    /// Fetches snapshots until nobody listens any more.
    async fn look(self: Arc<Self>) {
        loop {
            let pause = self.clock.sleep_until(self.clock.now().after(LOOK_EVERY));
            tokio::select! {
                () = self.changed.closed() => break,
                () = pause => {}
            }
            let fresh = self.way().snapshot().await;
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let alive = fresh.is_ok();
            let snapshot = fresh.unwrap_or_else(|_| last.snapshot.clone());
            if snapshot != last.snapshot || alive != last.alive {
                (last.snapshot, last.alive) = (snapshot, alive);
                drop(last);
                self.changed.send_modify(|number| *number += 1);
            }
        }
        self.last.lock().unwrap_or_else(PoisonError::into_inner).watched = false;
    }
}

#[async_trait]
impl Operator for Remote {
    fn snapshot(&self) -> Snapshot {
        self.shared.last.lock().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        let changed = self.shared.changed.subscribe();
        let mut last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut last.watched, true) {
            tokio::spawn(self.shared.clone().look());
        }
        changed
    }

    fn ready(&self) -> bool {
        self.shared.last.lock().unwrap_or_else(PoisonError::into_inner).ready
    }

    fn alive(&self) -> bool {
        self.shared.last.lock().unwrap_or_else(PoisonError::into_inner).alive
    }

    async fn refresh(&self, account: Option<&AccountName>) -> Result<(), Refused> {
        self.post::<serde::de::IgnoredAny>("/api/v1/refresh", &of(account)).await.map(|_| ())
    }

    async fn reload(&self) -> Reloaded {
        self.post("/control/v1/reload", &[]).await.unwrap_or_else(|refused| Reloaded {
            ok: false,
            problems: Vec::new(),
            rendered: format!("error: {refused}\n"),
            changed: Vec::new(),
        })
    }

    async fn sync(&self, account: Option<&AccountName>, full: bool) -> Result<Vec<Synced>, Refused> {
        let mut query = of(account);
        query.extend(full.then_some(("full", "true")));
        self.post("/control/v1/sync", &query).await
    }

    async fn plan(&self, account: Option<&AccountName>) -> Result<Vec<AccountPlan>, Refused> {
        self.get("/control/v1/plan", &of(account)).await
    }

    async fn held(&self, account: Option<&AccountName>) -> Result<Vec<HeldItem>, Refused> {
        self.get("/control/v1/held", &of(account)).await
    }

    async fn confirm(&self, account: &AccountName, digest: Digest) -> Result<HeldItem, Refused> {
        let digest = digest.to_string();
        self.post("/control/v1/confirm", &[("account", account.as_str()), ("digest", &digest)]).await
    }

    async fn groups(&self, account: &AccountName) -> Result<Vec<String>, Refused> {
        self.get("/control/v1/groups", &of(Some(account))).await
    }

    async fn check(&self) -> Vec<Finding> {
        self.get("/control/v1/check", &[]).await.unwrap_or_else(|refused: Refused| {
            vec![Finding { account: None, ok: false, message: refused.message, help: refused.help }]
        })
    }

    async fn start_login(&self, who: &Who, redirect: &Url) -> Result<LoginStarted, Refused> {
        let start = Start { who: who.clone(), redirect: redirect.clone() };
        self.tell("/control/v1/login/start", &start).await
    }

    async fn finish_login(&self, state: &str, code: &str) -> Result<LoggedIn, Refused> {
        self.tell("/control/v1/login/finish", &Finish { state: state.to_owned(), code: code.to_owned() }).await
    }

    async fn link_login(&self, account: &AccountName) -> Result<LoginLink, Refused> {
        self.tell("/control/v1/login/link", &Link { account: account.to_string() }).await
    }

    async fn follow_link(&self, secret: &str) -> Result<LoginStarted, Refused> {
        self.tell("/control/v1/login/follow", &Follow { secret: secret.to_owned() }).await
    }
}

fn of(account: Option<&AccountName>) -> Vec<(&'static str, &str)> {
    account.map(|account| ("account", account.as_str())).into_iter().collect()
}

//! An authorization server that answers what a test says, and remembers what it was asked.

mod renewal;
mod service_account;
mod user;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::sync::watch;
use url::Url;

use crate::auth::oauth::{Application, OAuth, SecretIn};
use crate::auth::secret::{SecretPlace, SecretSource};
use crate::clock::{Clock, Moment, SharedClock, Sleep};
use crate::http::{Client, Settings};

/// Where the scripted server stands in time: 2026-11-24.
pub(crate) const NOW: Moment = Moment(1_795_521_600_000);

/// A clock that never makes anybody wait: who sleeps moves it to the moment they wait for.
#[derive(Debug, Clone)]
pub(crate) struct Hurried(Arc<Mutex<Moment>>);

impl Hurried {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(NOW)))
    }

    pub(crate) fn advance(&self, by: std::time::Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.after(by);
    }
}

impl Clock for Hurried {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, until: Moment) -> Sleep {
        let now = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut now = now.lock().unwrap();
            *now = (*now).max(until);
        })
    }
}

/// What the server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) form: HashMap<String, String>,
}

/// The server. Asked more often than it has answers, it answers 400.
pub(crate) struct Endpoint {
    pub(crate) root: Url,
    directory: tempfile::TempDir,
    inner: Arc<Inner>,
}

struct Inner {
    answers: Mutex<VecDeque<(u16, Value)>>,
    asked: watch::Sender<Vec<Asked>>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let root = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let inner = Arc::new(Inner { answers: Mutex::default(), asked: watch::Sender::new(Vec::new()) });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { root, directory: tempfile::tempdir().unwrap(), inner }
    }

    /// What is answered next, after what was said before.
    pub(crate) fn say(&self, status: u16, body: Value) {
        self.inner.answers.lock().unwrap().push_back((status, body));
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.borrow().clone()
    }

    /// Waits until so many requests are there.
    pub(crate) async fn arrived(&self, count: usize) {
        self.inner.asked.subscribe().wait_for(|asked| asked.len() >= count).await.unwrap();
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let form = url::form_urlencoded::parse(&body).into_owned().collect();
    inner.asked.send_modify(|asked| asked.push(Asked { path, authorization, form }));
    let answer = inner.answers.lock().unwrap().pop_front();
    let (status, body) = answer.unwrap_or((400, json!({"error": "nobody_expected_this"})));
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    match body {
        Value::String(location) if status.is_redirection() => (status, [("location", location)]).into_response(),
        Value::String(text) => (status, text).into_response(),
        body => (status, axum::Json(body)).into_response(),
    }
}

/// A client on this clock.
pub(crate) fn client(clock: &Hurried) -> Client {
    Client::new(&Settings::default(), shared(clock), 7).expect("the defaults are right")
}

pub(crate) fn shared(clock: &Hurried) -> SharedClock {
    Arc::new(clock.clone())
}

/// An application of the scripted server.
pub(crate) fn application(server: &Endpoint) -> Application {
    let at = |path: &str| server.root.join(path).unwrap();
    let secret = server.directory.path().join("secret");
    std::fs::write(&secret, "s3cret-client").unwrap();
    Application {
        service: "google",
        declared_in: "[google]".to_owned(),
        client_id: "ours".to_owned(),
        client_secret: Some(SecretPlace { source: SecretSource::File(secret), credentials: None }),
        secret_in: SecretIn::Body,
        authorize_url: at("/auth"),
        token_url: at("/token"),
        revoke_url: at("/revoke"),
        scopes: vec!["openid", "email", "contacts"],
        parameters: vec![("access_type", "offline"), ("prompt", "consent")],
        pkce: true,
        issuers: vec!["https://accounts.google.com".to_owned()],
    }
}

pub(crate) fn oauth(application: Application, clock: &Hurried) -> OAuth {
    OAuth::new(application, client(clock), shared(clock))
}

/// An id token for our application.
pub(crate) fn id_token(email: &str) -> String {
    let claims = json!({"iss": "https://accounts.google.com", "aud": "ours", "exp": NOW.0 / 1000 + 3600, "email": email,
        "email_verified": true});
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

//! The HTTP server of all services, and the routes that belong to none: `/_faults`, `/_calls`, `/_clock`.
//!
//! It also gives an answer the fate that was drawn for it ([`spoil`]); what a refused call looks like is the service's.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value, json};

use super::faults::{Draw, Fault};
use super::line::{Lines, Switch};
use super::{Sandbox, Shared, google, pipedrive};

/// Serves the sandbox until `shutdown` ends and the last running call is answered.
pub async fn serve(
    listener: tokio::net::TcpListener,
    sandbox: Sandbox,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = sandbox.router().into_make_service_with_connect_info::<Switch>();
    axum::serve(Lines(listener), service).with_graceful_shutdown(shutdown).await
}

/// All routes.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/_faults", get(show_faults).post(set_faults).delete(clear_faults))
        .route("/_calls", get(show_calls).delete(reset_calls))
        .route("/_clock", get(show_clock).post(move_clock))
        .route("/pipedrive", get(|| async { Redirect::temporary("/pipedrive/") }))
        .merge(pipedrive::router())
        .route("/google", get(|| async { Redirect::temporary("/google/") }))
        .merge(google::router())
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

/// The way to the services' pages.
async fn front() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta name="viewport" content="width=device-width"; title { "carnetd sandbox" } }
            body {
                h1 { "carnetd sandbox" }
                p { "Stand-ins for cloud services. Nothing here is in a real one." }
                ul { li { a href="/pipedrive/" { "Pipedrive" } } li { a href="/google/" { "Google Contacts" } } }
            }
        }
    }
}

async fn show_faults(State(shared): State<Arc<Shared>>) -> Response {
    faults(&shared)
}

fn faults(shared: &Shared) -> Response {
    let mut shown = json!(shared.faults.show());
    shown["pipedrive"] = shared.pipedrive.settings();
    shown["google"] = shared.google.settings();
    Json(shown).into_response()
}

/// Sets the keys it is given; `pipedrive` and `google` hold the settings of those services.
async fn set_faults(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let mut keys: Map<String, Value> = match serde_json::from_slice(&body) {
        Ok(keys) => keys,
        Err(error) => return refuse(&format!("the body is not a JSON object: {error}")),
    };
    let services = ["pipedrive", "google"].map(|name| (name, keys.remove(name)));
    if let Err(reason) = shared.faults.set(keys) {
        return refuse(&reason);
    }
    let now = shared.time.now();
    for (name, given) in services {
        let set = match given {
            None => continue,
            Some(Value::Object(keys)) if name == "google" => shared.google.set(keys, now),
            Some(Value::Object(keys)) => shared.pipedrive.set(keys, now),
            Some(_) => return refuse(&format!("`{name}` must be an object of its settings")),
        };
        if let Err(reason) = set {
            return refuse(&format!("in `{name}`: {reason}"));
        }
    }
    faults(&shared)
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.faults.clear();
    faults(&shared)
}

async fn show_calls(State(shared): State<Arc<Shared>>) -> Response {
    Json(shared.calls.counts()).into_response()
}

async fn reset_calls(State(shared): State<Arc<Shared>>) -> Response {
    shared.calls.reset();
    StatusCode::NO_CONTENT.into_response()
}

async fn show_clock(State(shared): State<Arc<Shared>>) -> Response {
    clock(&shared)
}

fn clock(shared: &Shared) -> Response {
    Json(json!({"now": shared.time.now().rfc3339(), "ahead_seconds": shared.time.ahead() / 1000})).into_response()
}

/// `{"advance_seconds": n}`: time only ever moves forward.
async fn move_clock(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let seconds = match asked.as_object() {
        Some(keys) if keys.len() == 1 => keys.get("advance_seconds").and_then(Value::as_u64),
        _ => None,
    };
    let Some(seconds) = seconds.and_then(|seconds| i64::try_from(seconds).ok()) else {
        return refuse("expected {\"advance_seconds\": n} with a whole number of at least 0");
    };
    let ahead = shared.time.ahead().saturating_add(seconds.saturating_mul(1000));
    if let Err(error) = shared.journal.append("ahead", &ahead) {
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": error.to_string()}))).into_response();
    }
    shared.time.set_ahead(ahead);
    clock(&shared)
}

fn refuse(reason: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": reason}))).into_response()
}

/// What of a request outlives its body: how to cut its connection, and how the caller named this server.
#[derive(Debug)]
pub(super) struct Caller {
    /// Absent where the router runs without [`serve`].
    switch: Option<Switch>,
    /// The root that the caller used, such as `http://127.0.0.1:8700`.
    pub(super) root: String,
    /// Upper case.
    pub(super) method: Method,
    /// Without the query.
    pub(super) path: String,
}

impl Caller {
    /// Who sent `request`.
    pub(super) fn of(request: &Request) -> Self {
        let switch = request.extensions().get::<ConnectInfo<Switch>>().map(|ConnectInfo(switch)| switch.clone());
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
        Self {
            switch,
            root: format!("http://{host}"),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
        }
    }
}

/// Whether the call is not to be done at all.
pub(super) fn instead(draw: Draw) -> bool {
    matches!(draw.fault, Some(Fault::Status(_) | Fault::Html(_) | Fault::Dropped))
}

/// Gives an answer its fate. The second part is how it is counted where it did not arrive whole.
pub(super) async fn spoil(
    shared: &Shared,
    caller: &Caller,
    draw: Draw,
    response: Response,
) -> (Response, Option<&'static str>) {
    if draw.slow > 0 {
        shared.time.wait(Duration::from_millis(draw.slow)).await;
    }
    match draw.fault {
        Some(Fault::Dropped) => (unanswered(caller, response), Some("dropped")),
        Some(Fault::Lost) => (unanswered(caller, response), Some("lost")),
        Some(Fault::Cut) => (halve(response).await, Some("cut")),
        _ => (response, None),
    }
}

fn unanswered(caller: &Caller, response: Response) -> Response {
    match &caller.switch {
        Some(switch) => {
            switch.cut();
            response
        }
        // Without a line to cut, a body that breaks at once is the nearest thing.
        None => Response::new(breaking(Bytes::new())),
    }
}

/// The head promises the whole body; half of it comes.
async fn halve(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(whole) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    parts.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    Response::from_parts(parts, breaking(whole.slice(..whole.len() / 2)))
}

/// A body that sends `part` and then breaks.
fn breaking(part: Bytes) -> Body {
    let broken = async {
        // Once around the scheduler, so that what was sent has left before the connection is torn down.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    };
    let first = futures_util::stream::once(async { Ok::<_, io::Error>(part) });
    Body::from_stream(futures_util::StreamExt::chain(first, futures_util::stream::once(broken)))
}

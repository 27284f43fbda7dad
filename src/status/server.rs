//! The status server: dashboard, JSON, metrics, health, and refresh as its only order.
//!
//! A [`Server`] is handed its listener and its shutdown future. Over TCP it answers what DESIGN §7 lists; over the
//! commands' socket also `control`. Every request passes the [`Door`] first, and every answer carries the headers that
//! keep other sites out. It never waits for a pass: whatever it shows is a snapshot.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::json;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

use super::accept::{self, Limits};
use super::answer::{Query, turned_away};
use super::control;
use super::door::{Door, Visitor};
use super::login;
use super::metrics::{self, Metrics};
use super::operator::{Operator, Refused};
use super::page;
use crate::account::AccountName;
use crate::clock::SharedClock;

/// Live pages are told of changes at most this often: a pass over thousands of contacts changes the counts all the time.
const LIVE_EVERY: Duration = Duration::from_millis(500);
/// Longest body that anything here reads.
const LONGEST_BODY: usize = 64 * 1024;
/// How long answers under way may take once the server is to end.
const GRACE: Duration = Duration::from_secs(5);

/// What a server needs beside its listener. Cloning is cheap.
#[derive(Clone)]
pub struct Server {
    pub(super) operator: Arc<dyn Operator>,
    metrics: Arc<Metrics>,
    clock: SharedClock,
    pub(super) door: Arc<Door>,
    control: bool,
    limits: Limits,
    /// Ends live pages, which would go on for ever.
    stop: CancellationToken,
}

/// Where a server listens.
#[derive(Debug)]
pub enum Listener {
    /// `IP:PORT`
    Tcp(TcpListener),
    /// `unix:PATH`, or the commands' socket.
    Unix(UnixListener),
}

/// `?account=NAME`, and nothing else: a mistyped key must not mean every account.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    pub(super) account: Option<String>,
}

impl Which {
    /// The account it names; no account is all of them.
    pub(super) fn account(&self) -> Result<Option<AccountName>, Refused> {
        let Some(name) = self.account.as_deref() else { return Ok(None) };
        AccountName::new(name).map(Some).ok_or_else(|| Refused::unknown_account(name))
    }

    /// The account it must name.
    pub(super) fn the_account(&self) -> Result<AccountName, Refused> {
        self.account()?.ok_or_else(|| Refused::unknown_account(""))
    }
}

impl Server {
    /// The server that `[status] listen` asks for.
    pub fn public(operator: Arc<dyn Operator>, metrics: Arc<Metrics>, clock: SharedClock, door: Door) -> Self {
        let (door, stop) = (Arc::new(door), CancellationToken::new());
        Self { operator, metrics, clock, door, control: false, limits: Limits::default(), stop }
    }

    /// The server on the commands' socket.
    pub fn control(operator: Arc<dyn Operator>, metrics: Arc<Metrics>, clock: SharedClock) -> Self {
        Self { control: true, ..Self::public(operator, metrics, clock, Door::trusted()) }
    }

    /// Answers until `shutdown` ends, and then what is under way for 5 s at most.
    pub async fn serve(self, listener: Listener, shutdown: impl Future<Output = ()> + Send + 'static) {
        let (router, limits, stop, clock) = (self.router(), self.limits, self.stop.clone(), self.clock.clone());
        let serving = async {
            let (clock, stop) = (clock.clone(), stop.clone());
            match listener {
                Listener::Tcp(listener) => accept::serve(listener, router, limits, clock, stop).await,
                Listener::Unix(listener) => accept::serve(listener, router, limits, clock, stop).await,
            }
        };
        let ending = async {
            shutdown.await;
            stop.cancel();
            clock.sleep_until(clock.now().after(GRACE)).await;
        };
        tokio::select! {
            () = serving => {}
            () = ending => {}
        }
    }

    /// The same with other limits.
    #[cfg(test)]
    pub(super) fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// All routes as a service, for a listener or for calls without one.
    pub fn router(&self) -> Router {
        let mut router = Router::new()
            .route("/", get(dashboard))
            .route("/events", get(events))
            .route(
                "/api/v1/status",
                get(|State(server): State<Server>| async move { Json(server.operator.snapshot()) }),
            )
            .route("/api/v1/refresh", post(refresh))
            .route("/metrics", get(scrape))
            .route("/healthz", get(|State(server): State<Server>| async move { health(server.operator.alive()) }))
            .route("/readyz", get(|State(server): State<Server>| async move { health(server.operator.ready()) }));
        if self.door.has_token() {
            router = router.route("/login", get(login_form).post(log_in));
        }
        if self.door.is_public() {
            router = router.merge(login::routes());
        }
        if self.control {
            router = router.merge(control::routes());
        }
        router
            .fallback(|| async { turned_away(StatusCode::NOT_FOUND, "there is nothing at this path", "start at /") })
            .layer(middleware::from_fn_with_state(self.clone(), guard))
            .layer(middleware::map_response(secure))
            .with_state(self.clone())
    }
}

/// Asks the door.
async fn guard(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    if let Err(host) = server.door.serves(request.headers(), request.uri()) {
        let message = format!("this server does not serve the host {host:?}");
        return turned_away(StatusCode::MISDIRECTED_REQUEST, message, "add it to [status] hosts, or use 127.0.0.1");
    }
    if request.method() == Method::POST
        && let Err(reason) = server.door.may_post(request.headers())
    {
        let message = format!("the POST was not accepted: {reason}");
        return turned_away(
            StatusCode::FORBIDDEN,
            message,
            "use the dashboard's own buttons, or a client that is no browser",
        );
    }
    let visitor = server.door.visitor(request.headers());
    // Probes carry no token, and what they learn is one bit. Whoever was mailed a link has its secret instead.
    let path = request.uri().path();
    let open = matches!(path, "/healthz" | "/readyz" | "/login") || (server.door.is_public() && login::is_path(path));
    if visitor == Visitor::Stranger && !open {
        return unauthorized(request.headers());
    }
    request.extensions_mut().insert(visitor);
    match whole(request, &server).await {
        Ok(request) => next.run(request).await,
        Err((status, problem)) => turned_away(status, problem, "send a short body together with the request"),
    }
}

/// The request with all of its body, which is short here and comes at once: nobody keeps a connection by sending half of it.
async fn whole(request: Request, server: &Server) -> Result<Request, (StatusCode, String)> {
    let (parts, body) = request.into_parts();
    let late = server.clock.sleep_until(server.clock.now().after(server.limits.head));
    let read = tokio::select! {
        read = axum::body::to_bytes(body, LONGEST_BODY) => read,
        () = late => return Err((StatusCode::REQUEST_TIMEOUT, "the request's body did not arrive".to_owned())),
    };
    let failed = |error| (StatusCode::BAD_REQUEST, format!("the request's body could not be read: {error}"));
    read.map(|bytes| Request::from_parts(parts, Body::from(bytes))).map_err(failed)
}

fn unauthorized(headers: &HeaderMap) -> Response {
    let mut response = if wants_html(headers) {
        (StatusCode::UNAUTHORIZED, page::login(false)).into_response()
    } else {
        let help = "send it as `Authorization: Bearer TOKEN`, or log in at /login";
        turned_away(StatusCode::UNAUTHORIZED, "the token of [status] is needed here", help)
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn wants_html(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// What every answer carries, unless it says otherwise. Not `no-referrer`: with it browsers send `Origin: null` from our
/// own forms.
async fn secure(mut response: Response) -> Response {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.entry(name).or_insert(value);
        }
    }
    response
}

async fn dashboard(State(server): State<Server>, Extension(visitor): Extension<Visitor>) -> Response {
    let seen = *server.operator.changed().borrow();
    let snapshot = server.operator.snapshot();
    let held = if snapshot.accounts.iter().any(|account| account.held > 0) {
        // What is held is shown as a count by the snapshot; that its causes cannot be read now is no reason for no page.
        server.operator.held(None).await.unwrap_or_default()
    } else {
        Vec::new()
    };
    let now = server.clock.now();
    let names = visitor == Visitor::Known;
    page::dashboard(&page::View { snapshot: &snapshot, held: &held, names, now, seen }).into_response()
}

async fn scrape(State(server): State<Server>) -> Response {
    let text = server.metrics.render(&server.operator.snapshot());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

fn health(well: bool) -> Response {
    if well { "ok\n".into_response() } else { (StatusCode::SERVICE_UNAVAILABLE, "not yet\n").into_response() }
}

/// 202 for everybody. A browser without scripts is led back to the dashboard.
async fn refresh(
    State(server): State<Server>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let account = which.account()?;
    server.operator.refresh(account.as_ref()).await?;
    let mut response = if wants_html(&headers) {
        let mut response = page::refreshing(account.as_ref()).into_response();
        response.headers_mut().insert(header::REFRESH, HeaderValue::from_static("1; url=../../"));
        response
    } else {
        Json(json!({ "queued": account.as_ref().map_or("all", AccountName::as_str) })).into_response()
    };
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// One event now and one after each change; its data is the number of [`Operator::changed`].
async fn events(State(server): State<Server>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changed = server.operator.changed();
    let stop = server.stop.clone();
    let stream =
        stream::unfold((changed, stop, server.clock.clone(), true), |(mut changed, stop, clock, first)| async move {
            if !first {
                let change = async {
                    changed.changed().await.ok()?;
                    clock.sleep_until(clock.now().after(LIVE_EVERY)).await;
                    Some(())
                };
                tokio::select! {
                    () = stop.cancelled() => return None,
                    change = change => change?,
                }
            }
            let number = *changed.borrow_and_update();
            Some((Ok(Event::default().data(number.to_string())), (changed, stop, clock, false)))
        });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

async fn login_form(Extension(visitor): Extension<Visitor>) -> Response {
    if visitor == Visitor::Known { Redirect::to("./").into_response() } else { page::login(false).into_response() }
}

async fn log_in(State(server): State<Server>, body: String) -> Response {
    let typed = url::form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "token");
    match typed.and_then(|(_, token)| server.door.log_in(&token)) {
        Some(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to("./")).into_response(),
        None => (StatusCode::UNAUTHORIZED, page::login(true)).into_response(),
    }
}

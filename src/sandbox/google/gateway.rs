//! The way of a call: faults, route, credential, quotas, query, body, handler; and the headers of every answer.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::input::{self, Query};
use super::partial::Selection;
use super::quota::Cost;
use super::refusal::{Refusal, html};
use super::routes::{self, Route};
use super::{Google, auth};
use crate::clock::Moment;
use crate::sandbox::Shared;
use crate::sandbox::faults::{Draw, Fault};
use crate::sandbox::server::{Caller, instead, spoil};

/// What a handler gives: the whole body, or a refusal.
pub(super) type Answer = Result<Value, Refusal>;

/// One call that was let in.
#[derive(Debug)]
pub(super) struct Call {
    /// Who calls: an e-mail address.
    pub(super) user: String,
    /// The word in the path.
    pub(super) id: String,
    /// The query, whose names are known ones.
    pub(super) query: Query,
    /// The body; null where there is none.
    pub(super) body: Value,
    /// The moment of the call.
    pub(super) now: Moment,
    /// The root of this server, such as `http://127.0.0.1:8700`.
    pub(super) root: String,
    /// A fault says that its sync token or page token has expired.
    pub(super) expired: bool,
}

impl Call {
    /// The person that the path names.
    pub(super) fn person(&self) -> String {
        format!("people/{}", self.id)
    }

    /// The body as a message with these fields.
    pub(super) fn message(&self, known: &[&str]) -> Result<&Map<String, Value>, Refusal> {
        input::object("", &self.body, known)
    }
}

/// The longest body read, in bytes.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Answers any call below `/google/v1`.
pub(super) async fn answer(Extract(shared): Extract<Arc<Shared>>, request: Request) -> Response {
    let caller = Caller::of(&request);
    let draw = shared.faults.draw(caller.method.as_str(), &caller.path);
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await.ok();
    // Official clients send a GET whose query is too long for an address as the body of a POST.
    let overridden = parts.headers.get("x-http-method-override").and_then(|method| method.to_str().ok());
    let method = overridden.unwrap_or(caller.method.as_str()).to_owned();
    let path = caller.path.strip_prefix("/google").unwrap_or(&caller.path).replace("%3A", ":").replace("%2F", "/");
    let found = routes::find(&method, &path);
    let template = found.as_ref().map(|(route, _)| format!("{} /google{}", route.method, route.path));
    let template = template.unwrap_or_else(|| format!("{method} (unknown)"));
    let (units, response) = match (instead(draw), found, body) {
        (true, ..) => (0, fault(draw, |status| Refusal::of_status(status).response())),
        (_, None, _) => (0, html(404)),
        (_, _, None) => (0, Refusal::of_status(413).response()),
        (_, Some((route, id)), Some(body)) => {
            let overridden = overridden.is_some() && route.reads();
            let query = if overridden { &body[..] } else { parts.uri.query().unwrap_or_default().as_bytes() };
            let call = Call {
                user: String::new(),
                id,
                query: Query::parse(query),
                body: Value::Null,
                now: shared.time.now(),
                root: caller.root.clone(),
                expired: draw.expired_cursor,
            };
            let body = if overridden { Bytes::new() } else { body };
            admit(&shared.google, route, &parts.headers, (call, body))
        }
    };
    let response = dress(response, shared.time.now());
    let status = response.status().as_u16().to_string();
    let (response, fate) = spoil(&shared, &caller, draw, response).await;
    shared.calls.count(template, units, fate.unwrap_or(&status));
    response
}

/// The answer that a fault gives instead of the call's own; `refuse` dresses a status.
pub(super) fn fault(draw: Draw, refuse: impl Fn(u16) -> Response) -> Response {
    let (status, mut response) = match draw.fault {
        Some(Fault::Html(status)) => (status, html(status)),
        Some(Fault::Status(status)) => (status, refuse(status)),
        _ => (200, ().into_response()),
    };
    if let (Some(seconds), 429 | 503) = (draw.retry_after, status) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Adds the headers that every answer has.
pub(super) fn dress(mut response: Response, now: Moment) -> Response {
    let date =
        jiff::Timestamp::from_millisecond(now.0).map(|time| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    if let Some(date) = date.ok().and_then(|date| HeaderValue::from_str(&date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// Lets a call in or not: credential, quotas, then what it says. The first part is what was charged.
fn admit(google: &Google, route: &Route, headers: &HeaderMap, (mut call, body): (Call, Bytes)) -> (u64, Response) {
    let mut state = google.state();
    let refuse = |refusal: Refusal| (0, refusal.response());
    match auth::identify(&mut state, headers, &call.query, route, call.now) {
        Ok(user) => call.user = user,
        Err(refusal) => return refuse(refusal),
    }
    if state.settings.service_disabled {
        return refuse(Refusal::disabled());
    }
    if state.settings.exhausted.contains(&call.user) && route.cost.writes_something() {
        return refuse(Refusal::account_exhausted());
    }
    let cost = Cost { full_syncs: u64::from(begins_full_sync(&call.query)), ..route.cost };
    if let Some(quotas) = &state.settings.quotas
        && let Err(refusal) = google.ledger().charge(&call.user, quotas, cost, call.now)
    {
        return refuse(refusal);
    }
    let answer = call.query.only(route.query).and_then(|()| {
        let selection = call.query.get("fields").map(Selection::parse).transpose()?;
        call.body = read(&body)?;
        let answer = (route.run)(&mut state, &call)?;
        Ok(match selection {
            Some(selection) => selection.cut(answer),
            None => answer,
        })
    });
    drop(state);
    let response = match answer {
        Ok(body) => Json(body).into_response(),
        Err(refusal) => refusal.response(),
    };
    (cost.units(), response)
}

fn begins_full_sync(query: &Query) -> bool {
    query.get("requestSyncToken") == Some("true")
        && query.get("syncToken").is_none()
        && query.get("pageToken").is_none()
}

fn read(body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body)
        .map_err(|error| Refusal::payload("", &format!("Invalid JSON payload received. {error}")))
}

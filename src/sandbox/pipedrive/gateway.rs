//! The way of a call: faults, route, credential, limits, body, handler; and the headers of every answer.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::input::Query;
use super::limit::Verdict;
use super::picture::{self, Upload};
use super::refusal::{Refusal, Version, html};
use super::routes::{self, Found, Route, Takes};
use super::{Pipedrive, auth};
use crate::clock::Moment;
use crate::sandbox::Shared;
use crate::sandbox::faults::{Draw, Fault};
use crate::sandbox::server::{Caller, instead, spoil};

/// What a handler gives: the whole body, or a refusal.
pub(super) type Answer = Result<Value, Refusal>;

/// One call that was let in.
#[derive(Debug)]
pub(super) struct Call {
    /// Who calls.
    pub(super) user: u64,
    /// The numbers in the path.
    ids: Vec<u64>,
    /// The words in the path.
    words: Vec<String>,
    /// The query, whose names are known ones.
    pub(super) query: Query,
    /// The body.
    body: Given,
    /// Seconds since 1970.
    pub(super) now: i64,
    /// The root of this server, such as `http://127.0.0.1:8700`.
    pub(super) root: String,
    /// A fault says that its cursor has expired.
    pub(super) expired_cursor: bool,
}

#[derive(Debug)]
enum Given {
    Nothing,
    Json(Value),
    Picture(Box<Upload>),
}

impl Call {
    /// The `{id}` of the path.
    pub(super) fn id(&self) -> u64 {
        self.ids.first().copied().unwrap_or_default()
    }

    /// The `{code}` of the path.
    pub(super) fn word(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<&Map<String, Value>, Refusal> {
        match &self.body {
            Given::Json(Value::Object(object)) => Ok(object),
            _ => Err(Refusal::invalid("the body must be a JSON object")),
        }
    }

    /// The image of the body.
    pub(super) fn picture(&self) -> Result<&Upload, Refusal> {
        match &self.body {
            Given::Picture(upload) => Ok(upload),
            _ => Err(Refusal::invalid("the body must be a form with a file")),
        }
    }
}

/// The longest body read, in bytes.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Answers any call below `/pipedrive/api` and `/pipedrive/v1`.
pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let caller = Caller::of(&request);
    let draw = shared.faults.draw(caller.method.as_str(), &caller.path);
    let found = routes::find(caller.method.as_str(), &caller.path);
    let template = match &found {
        Found::Route(route, ..) => format!("{} /pipedrive{}", route.method, route.path),
        _ => format!("{} (unknown)", caller.method),
    };
    let version = routes::version(&caller.path);
    let (tokens, response) =
        if instead(draw) { (0, fault(draw, version)) } else { admit(&shared, &caller, found, request, draw).await };
    let response = dress(response, shared.time.now());
    let status = response.status().as_u16().to_string();
    let (response, fate) = spoil(&shared, &caller, draw, response).await;
    shared.calls.count(template, tokens, fate.unwrap_or(&status));
    response
}

/// The answer that a fault gives instead of the call's own.
pub(super) fn fault(draw: Draw, version: Version) -> Response {
    let (status, mut response) = match draw.fault {
        Some(Fault::Html(status)) => (status, html(status)),
        Some(Fault::Status(status)) => (status, Refusal::of_status(status).response(version)),
        _ => (200, ().into_response()),
    };
    if let (Some(seconds), 429 | 503) = (draw.retry_after, status) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Adds the headers that every answer has.
pub(super) fn dress(mut response: Response, now: Moment) -> Response {
    let headers = response.headers_mut();
    let date =
        jiff::Timestamp::from_millisecond(now.0).map(|time| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    if let Some(date) = date.ok().and_then(|date| HeaderValue::from_str(&date).ok()) {
        headers.insert(header::DATE, date);
    }
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("x-correlation-id", id);
    }
    response
}

/// Reads the call, then lets it in. The first part is what was charged.
async fn admit(shared: &Shared, caller: &Caller, found: Found, request: Request, draw: Draw) -> (u64, Response) {
    let version = routes::version(&caller.path);
    let (route, ids, words) = match found {
        Found::Route(route, ids, words) => (route, ids, words),
        Found::OtherMethod => return (0, Refusal::of_status(405).response(version)),
        Found::Nothing => return (0, Refusal::not_found().response(version)),
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return (0, Refusal::of_status(413).response(version));
    };
    // Pictures take time to read, which must not be spent while the company is locked.
    let body = read(route, &parts, body).await;
    let now = shared.time.now();
    let prepared = body.map(|body| Call {
        user: 0,
        ids,
        words,
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        body,
        now: now.0.div_euclid(1000),
        root: caller.root.clone(),
        expired_cursor: draw.expired_cursor,
    });
    run(&shared.pipedrive, route, &parts.headers, prepared, now)
}

async fn read(route: &Route, parts: &Parts, body: Bytes) -> Result<Given, Refusal> {
    match route.takes {
        Takes::Nothing => Ok(Given::Nothing),
        Takes::Json => serde_json::from_slice(&body)
            .map(Given::Json)
            .map_err(|_| Refusal::invalid("the body must be a JSON object")),
        Takes::Picture => picture::receive(parts, body).await.map(|upload| Given::Picture(Box::new(upload))),
    }
}

/// Lets a call in or not: credential, limits, then what it says.
fn run(
    pipedrive: &Pipedrive,
    route: &Route,
    headers: &HeaderMap,
    call: Result<Call, Refusal>,
    now: Moment,
) -> (u64, Response) {
    let version = routes::version(&format!("/pipedrive{}", route.path));
    let mut company = pipedrive.company();
    let who = match auth::identify(&mut company, headers, now) {
        Ok(who) => who,
        Err(refusal) => return (0, refusal.response(version)),
    };
    let limits = match pipedrive.limits().charge(&company.settings, who, route, now) {
        Verdict::Go(limits) => limits,
        Verdict::TooMany(limits) => return (0, (limits, Refusal::of_status(429).response(version)).into_response()),
        Verdict::Blocked => return (0, html(403)),
    };
    let answer = call.and_then(|mut call| {
        call.user = who.user;
        if version == Version::V2 {
            call.query.only(route.query)?;
        }
        (route.run)(&mut company, &call)
    });
    drop(company);
    let response = match answer {
        Ok(body) => Json(body).into_response(),
        Err(refusal) => refusal.response(version),
    };
    (route.tokens, (limits, response).into_response())
}

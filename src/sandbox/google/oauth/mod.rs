//! The OAuth server: the consent page, tokens, revocation. Its refusals are those of RFC 6749, not the API's.
//!
//! Any client is accepted until the settings name some. Next: [`consent`] for what a user sees, [`token`] for what a
//! client gets, [`jwt`] for service accounts, [`grant`] for what is kept.

mod consent;
pub(super) mod grant;
mod jwt;
mod token;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State as Extract};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::actions;
use super::gateway::{dress, fault};
use super::input::Query;
use super::refusal::{Refusal, html, status};
use super::state::State;
use crate::clock::Moment;
use crate::sandbox::Shared;
use crate::sandbox::server::{Caller, instead, spoil};

/// Codes that were handed out and not yet exchanged. They live ten minutes, and no restart.
#[derive(Debug, Default)]
pub(super) struct Codes(HashMap<String, consent::Code>);

/// A refused request.
#[derive(Debug)]
struct Denial {
    status: u16,
    error: &'static str,
    description: String,
}

impl Denial {
    fn new(status: u16, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into() }
    }

    /// 400 `invalid_grant`.
    fn grant(description: &str) -> Self {
        Self::new(400, "invalid_grant", description)
    }

    /// 400 `invalid_request`.
    fn request(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    /// The denial with only a status known, as a fault asks for it.
    fn of_status(status: u16) -> Self {
        match status {
            401 => Self::new(401, "invalid_client", "The OAuth client was not found."),
            403 => Self::new(403, "org_internal", "This client is restricted to users within its organization."),
            429 => Self::new(429, "rate_limit_exceeded", "Rate limit exceeded."),
            503 => Self::new(503, "temporarily_unavailable", "The service is currently unavailable."),
            400..500 => Self::new(status, "invalid_grant", "Bad Request"),
            _ => Self::new(status, "internal_failure", "Internal error."),
        }
    }

    fn response(&self) -> Response {
        let body = json!({"error": self.error, "error_description": self.description});
        (status(self.status), Json(body)).into_response()
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, "internal_failure", refusal.message)
    }
}

/// Answers everything below `/google/o`, `/google/token` and `/google/revoke`.
pub(super) async fn answer(Extract(shared): Extract<Arc<Shared>>, request: Request) -> Response {
    let caller = Caller::of(&request);
    let draw = shared.faults.draw(caller.method.as_str(), &caller.path);
    let path = caller.path.trim_end_matches('/').to_owned();
    let response = if instead(draw) {
        fault(draw, |status| Denial::of_status(status).response())
    } else {
        run(&shared, &caller, &path, request).await
    };
    let response = dress(response, shared.time.now());
    let status = response.status().as_u16().to_string();
    let (response, fate) = spoil(&shared, &caller, draw, response).await;
    shared.calls.count(format!("{} {path}", caller.method), 0, fate.unwrap_or(&status));
    response
}

/// The longest form read, in bytes.
const MAX_FORM: usize = 65_536;

async fn run(shared: &Shared, caller: &Caller, path: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let now = shared.time.now();
    let query = Query::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let Ok(body) = axum::body::to_bytes(body, MAX_FORM).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match (&caller.method, path) {
        (&Method::GET, "/google/o/oauth2/v2/auth" | "/google/o/oauth2/auth") => {
            consent::authorize(&shared.google, &query, now)
        }
        (&Method::POST, "/google/token") => {
            let form = Query::parse(&body);
            let client = token::basic(&parts.headers);
            let asked = token::Asked { form: &form, basic: client, root: &caller.root, now };
            token::give(&shared.google, &asked).unwrap_or_else(|denial| denial.response())
        }
        (&Method::POST, "/google/revoke") => {
            let form = Query::parse(&body);
            let token = query.get("token").or_else(|| form.get("token")).unwrap_or_default();
            revoke(&mut shared.google.state(), token, now).unwrap_or_else(|denial| denial.response())
        }
        _ => html(404),
    }
}

/// Kills all grants of the user of `token`, whichever clients of the project have them.
fn revoke(state: &mut State, token: &str, now: Moment) -> Result<Response, Denial> {
    let access = state.access.get(token).filter(|access| now.0 < access.until * 1000).map(|access| &access.user);
    let user = access.or_else(|| state.grants.get(token).map(|grant| &grant.user)).cloned();
    let user = user.ok_or_else(|| Denial::new(400, "invalid_token", "Token expired or revoked"))?;
    let records = actions::revoke(state, &user);
    state.commit(records)?;
    Ok(Json(json!({})).into_response())
}

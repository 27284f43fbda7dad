//! The OAuth server: authorize, token, revoke.
//!
//! Any client is accepted until the settings name some, but a grant belongs to the client that got it. The refresh
//! token stays the same and lives for 60 days after each use; what these answers look like when they refuse is not
//! documented, so ours is a guess.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, html};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::company::{Company, Record};
use super::gateway::{dress, fault};
use super::input::Query;
use super::refusal::{Refusal, Version};
use crate::clock::Moment;
use crate::sandbox::Shared;
use crate::sandbox::server::{Caller, instead, spoil};

const CODE_SECONDS: i64 = 300;
const ACCESS_SECONDS: i64 = 3599;
const REFRESH_SECONDS: i64 = 60 * 86_400;
const SCOPE: &str = "base,contacts:full,users:read,search:read";

/// What a user allowed a client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Grant {
    pub(super) refresh_token: String,
    pub(super) user: u64,
    client: String,
    /// Seconds since 1970 at which the refresh token was last used.
    used: i64,
    /// Access tokens with the second at which each expires.
    access: Vec<(String, i64)>,
}

impl Grant {
    /// Whether `token` is a live access token of this grant.
    pub(super) fn allows(&self, token: &str, now: Moment) -> bool {
        self.access.iter().any(|(known, until)| known == token && now.0 < until * 1000)
    }
}

/// Codes that were handed out and not yet exchanged. They live five minutes, and no restart.
#[derive(Debug, Default)]
pub(super) struct Codes(HashMap<String, Code>);

#[derive(Debug)]
struct Code {
    client: String,
    redirect: String,
    user: u64,
    until: i64,
}

/// Answers everything below `/pipedrive/oauth`.
pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let caller = Caller::of(&request);
    let draw = shared.faults.draw(caller.method.as_str(), &caller.path);
    let path = caller.path.trim_end_matches('/').to_owned();
    let response =
        if instead(draw) { fault(draw, Version::OAuth) } else { run(&shared, &caller, &path, request).await };
    let response = dress(response, shared.time.now());
    let status = response.status().as_u16().to_string();
    let (response, fate) = spoil(&shared, &caller, draw, response).await;
    shared.calls.count(format!("{} {path}", caller.method), 0, fate.unwrap_or(&status));
    response
}

async fn run(shared: &Shared, caller: &Caller, path: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 64 * 1024).await else {
        return Refusal::of_status(413).response(Version::OAuth);
    };
    let now = shared.time.now();
    let form = Query::parse(std::str::from_utf8(&body).unwrap_or_default());
    let answer = match (path, &caller.method) {
        ("/pipedrive/oauth/authorize", &Method::GET) => {
            authorize(shared, &Query::parse(parts.uri.query().unwrap_or_default()), now)
        }
        ("/pipedrive/oauth/token", &Method::POST) => token(shared, &parts.headers, &form, caller, now),
        ("/pipedrive/oauth/revoke", &Method::POST) => revoke(shared, &parts.headers, &form),
        _ => Err(Refusal::not_found()),
    };
    answer.unwrap_or_else(|refusal| refusal.response(Version::OAuth))
}

/// Shows the page that asks; with `user=EMAIL` (the page's own field) the user has allowed it, with `deny` not.
fn authorize(shared: &Shared, query: &Query, now: Moment) -> Result<Response, Refusal> {
    let need = |name| query.get(name).ok_or_else(|| Refusal::invalid(format!("{name} is missing")));
    let (client, redirect) = (need("client_id")?, need("redirect_uri")?);
    let mut back = url::Url::parse(redirect).map_err(|_| Refusal::invalid("redirect_uri is invalid"))?;
    if let Some(state) = query.get("state") {
        back.query_pairs_mut().append_pair("state", state);
    }
    if query.get("deny").is_some() {
        back.query_pairs_mut().append_pair("error", "user_denied");
        return Ok(Redirect::to(back.as_str()).into_response());
    }
    let Some(email) = query.get("user") else { return Ok(ask(client, redirect, query.get("state"))) };
    let user = shared.pipedrive.company().user(email, now)?;
    let code = uuid::Uuid::new_v4().simple().to_string();
    back.query_pairs_mut().append_pair("code", &code);
    let code_given =
        Code { client: client.to_owned(), redirect: redirect.to_owned(), user, until: now.0 / 1000 + CODE_SECONDS };
    shared.pipedrive.codes().0.insert(code, code_given);
    Ok(Redirect::to(back.as_str()).into_response())
}

fn ask(client: &str, redirect: &str, state: Option<&str>) -> Response {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Sandbox: allow access?" } }
            body {
                h1 { "Allow " (client) " to read and write contacts?" }
                form method="get" {
                    input type="hidden" name="client_id" value=(client);
                    input type="hidden" name="redirect_uri" value=(redirect);
                    @if let Some(state) = state { input type="hidden" name="state" value=(state); }
                    label { "You are " input type="email" name="user" required autofocus placeholder="you@acme.example"; }
                    button { "Allow and install" }
                    button name="deny" value="1" formnovalidate { "Cancel" }
                }
            }
        }
    }
    .into_response()
}

fn token(
    shared: &Shared,
    headers: &HeaderMap,
    form: &Query,
    caller: &Caller,
    now: Moment,
) -> Result<Response, Refusal> {
    let mut company = shared.pipedrive.company();
    let client = client(&company, headers, form)?;
    let seconds = now.0.div_euclid(1000);
    let mut grant = match form.get("grant_type") {
        Some("authorization_code") => exchange(&mut shared.pipedrive.codes(), form, &client, seconds)?,
        Some("refresh_token") => form
            .get("refresh_token")
            .and_then(|token| company.grants.get(token))
            .filter(|grant| grant.client == client && seconds - grant.used < REFRESH_SECONDS)
            .cloned()
            .ok_or_else(|| Refusal::invalid("refresh token is invalid"))?,
        Some(_) => return Err(Refusal::invalid("unsupported grant type")),
        None => return Err(Refusal::invalid("grant_type is missing")),
    };
    let access = format!("v1u:{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    grant.used = seconds;
    grant.access.retain(|(_, until)| *until > seconds);
    grant.access.push((access.clone(), seconds + ACCESS_SECONDS));
    let body = json!({
        "access_token": access, "token_type": "Bearer", "expires_in": ACCESS_SECONDS,
        "refresh_token": grant.refresh_token, "scope": SCOPE, "api_domain": format!("{}/pipedrive", caller.root),
    });
    company.commit(vec![Record::Grant(grant)])?;
    Ok(Json(body).into_response())
}

/// A code is good once, for five minutes, for the client and the address that it was made for.
fn exchange(codes: &mut Codes, form: &Query, client: &str, now: i64) -> Result<Grant, Refusal> {
    let code = form.get("code").and_then(|code| codes.0.remove(code));
    let code = code.ok_or_else(|| Refusal::invalid("code is invalid or was already exchanged"))?;
    if now >= code.until {
        return Err(Refusal::invalid("code has expired"));
    }
    if code.client != client {
        return Err(Refusal::invalid("client is invalid"));
    }
    if form.get("redirect_uri") != Some(&code.redirect) {
        return Err(Refusal::invalid("redirect_uri is invalid"));
    }
    let refresh_token = format!("{}:{}", code.user, uuid::Uuid::new_v4().simple());
    Ok(Grant { refresh_token, user: code.user, client: code.client, used: now, access: Vec::new() })
}

/// RFC 7009: unknown tokens are none of our concern and answer 200 as well.
fn revoke(shared: &Shared, headers: &HeaderMap, form: &Query) -> Result<Response, Refusal> {
    let mut company = shared.pipedrive.company();
    let client = client(&company, headers, form)?;
    let token = form.get("token").unwrap_or_default();
    let grant = company.grants.values().find(|grant| {
        grant.client == client && (grant.refresh_token == token || grant.access.iter().any(|(known, _)| known == token))
    });
    let record = grant.cloned().map(|mut grant| {
        if grant.refresh_token == token {
            return Record::GrantGone(grant.refresh_token);
        }
        grant.access.retain(|(known, _)| known != token);
        Record::Grant(grant)
    });
    company.commit(Vec::from_iter(record))?;
    Ok(Json(json!({"success": true})).into_response())
}

/// The client by HTTP Basic, or by `client_id` and `client_secret` in the body, which works too.
fn client(company: &Company, headers: &HeaderMap, form: &Query) -> Result<String, Refusal> {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| {
        let encoded = value.to_str().ok()?.strip_prefix("Basic ")?;
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        decoded.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
    });
    let body = || Some((form.get("client_id")?.to_owned(), form.get("client_secret")?.to_owned()));
    let known = &company.settings.oauth_clients;
    basic
        .or_else(body)
        .filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
        .filter(|(id, secret)| known.is_empty() || known.get(id) == Some(secret))
        .map(|(id, _)| id)
        .ok_or_else(|| Refusal::invalid("client is missing or invalid"))
}

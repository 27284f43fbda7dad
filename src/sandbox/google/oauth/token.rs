//! The token endpoint: codes, refresh tokens and the assertions of service accounts become access tokens.

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::consent::{Code, is_identity};
use super::grant::{ACCESS_SECONDS, Access, Grant};
use super::{Denial, jwt};
use crate::clock::Moment;
use crate::sandbox::google::Google;
use crate::sandbox::google::input::Query;
use crate::sandbox::google::state::{Record, State};

/// A request for a token.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) form: &'a Query,
    /// The client by HTTP Basic.
    pub(super) basic: Option<(String, String)>,
    /// The root of this server.
    pub(super) root: &'a str,
    pub(super) now: Moment,
}

impl Asked<'_> {
    /// Seconds since 1970.
    pub(super) fn seconds(&self) -> i64 {
        self.now.0.div_euclid(1000)
    }

    fn need(&self, name: &'static str) -> Result<&str, Denial> {
        self.form.get(name).ok_or_else(|| Denial::request(format!("{name} is missing.")))
    }
}

/// Live refresh tokens of one user and client; one more, and the oldest dies without a word.
const MOST_GRANTS: usize = 100;
const TESTING_SECONDS: i64 = 7 * 86_400;

/// `POST /token`.
pub(super) fn give(google: &Google, asked: &Asked) -> Result<Response, Denial> {
    let body = match asked.form.get("grant_type") {
        Some("authorization_code") => exchange(google, asked)?,
        Some("refresh_token") => refresh(&mut google.state(), asked)?,
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => {
            let state = &mut google.state();
            let access = jwt::access(state, asked)?;
            let body = answer(&access);
            state.commit(vec![Record::Access(access)])?;
            body
        }
        Some(other) => {
            return Err(Denial::new(400, "unsupported_grant_type", format!("Invalid grant_type: {other}")));
        }
        None => return Err(Denial::request("Required parameter is missing: grant_type")),
    };
    Ok(Json(body).into_response())
}

fn answer(access: &Access) -> Value {
    json!({
        "access_token": access.token, "expires_in": ACCESS_SECONDS, "token_type": "Bearer",
        "scope": access.scopes.join(" "),
    })
}

/// The client of HTTP Basic, if the request has one.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    // RFC 6749 has both form-encoded before they are joined.
    let plain = |text: &str| {
        let pair = format!("x={text}");
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

/// Also the client of an installed app must send its secret.
fn client(state: &State, asked: &Asked) -> Result<String, Denial> {
    let (id, secret) = match &asked.basic {
        Some((id, secret)) => (id.clone(), secret.clone()),
        None => (
            asked
                .form
                .get("client_id")
                .ok_or_else(|| Denial::request("Could not determine client ID from request."))?
                .to_owned(),
            asked.need("client_secret")?.to_owned(),
        ),
    };
    let known = &state.settings.oauth_clients;
    match known.get(&id) {
        None if !known.is_empty() => Err(Denial::new(401, "invalid_client", "The OAuth client was not found.")),
        Some(right) if *right != secret => {
            Err(Denial::new(401, "invalid_client", "The provided client secret is invalid."))
        }
        _ => Ok(id),
    }
}

fn exchange(google: &Google, asked: &Asked) -> Result<Value, Denial> {
    let mut state = google.state();
    let client = client(&state, asked)?;
    // Taken out whatever follows: a code is good for one try.
    let code = google.codes().0.remove(asked.need("code")?);
    let now = asked.seconds();
    let code = code.filter(|code| {
        now < code.until
            && code.client == client
            && asked.form.get("redirect_uri") == Some(&code.redirect)
            && proven(code, asked.form.get("code_verifier"))
    });
    let code = code.ok_or_else(|| Denial::grant("Bad Request"))?;
    let access = Access::new(&code.user, &code.scopes, now);
    let mut body = answer(&access);
    let mut records = vec![Record::Access(access)];
    let has_one = state.grants.values().any(|it| it.user == code.user && it.client == client && it.is_live(now));
    if code.offline && (code.consented || !has_one) {
        let (grant, dead) = grant(&mut state, &code, now);
        body["refresh_token"] = json!(grant.refresh_token);
        if let Some(until) = grant.until {
            body["refresh_token_expires_in"] = json!(until - now);
        }
        records.extend(dead.map(Record::GrantGone));
        records.push(Record::Grant(grant));
    }
    if code.scopes.iter().any(|scope| scope == "openid") {
        body["id_token"] = json!(id_token(&state, &code, now));
    }
    state.commit(records)?;
    Ok(body)
}

/// A new grant, and the refresh token that dies of it.
fn grant(state: &mut State, code: &Code, now: i64) -> (Grant, Option<String>) {
    let testing = state.settings.testing && !code.scopes.iter().all(|scope| is_identity(scope));
    let mut old: Vec<&Grant> = state
        .grants
        .values()
        .filter(|it| it.user == code.user && it.client == code.client && it.is_live(now))
        .collect();
    old.sort_by_key(|grant| grant.made);
    let dead = old.first().filter(|_| old.len() >= MOST_GRANTS).map(|grant| grant.refresh_token.clone());
    let made = old.last().map_or(0, |grant| grant.made) + 1;
    let grant = Grant {
        refresh_token: format!("1//0{}", uuid::Uuid::new_v4().simple()),
        user: code.user.clone(),
        client: code.client.clone(),
        scopes: code.scopes.clone(),
        made,
        used: now,
        until: testing.then_some(now + TESTING_SECONDS),
    };
    (grant, dead)
}

fn refresh(state: &mut State, asked: &Asked) -> Result<Value, Denial> {
    let client = client(state, asked)?;
    let now = asked.seconds();
    let grant = state.grants.get(asked.need("refresh_token")?);
    let grant = grant.filter(|grant| grant.client == client && grant.is_live(now)).cloned();
    let grant = grant.ok_or_else(|| Denial::grant("Token has been expired or revoked."))?;
    let access = Access::new(&grant.user, &grant.scopes, now);
    let mut body = answer(&access);
    if let Some(until) = grant.until {
        body["refresh_token_expires_in"] = json!(until - now);
    }
    state.commit(vec![Record::Access(access), Record::Grant(Grant { used: now, ..grant })])?;
    Ok(body)
}

/// Whether the verifier is the one whose challenge came with the code.
fn proven(code: &Code, verifier: Option<&str>) -> bool {
    match (&code.challenge, verifier) {
        (None, None) => true,
        (Some((challenge, method)), Some(verifier)) => {
            let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-._~".contains(letter);
            let made = match method.as_str() {
                "S256" => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
                _ => verifier.to_owned(),
            };
            (43..=128).contains(&verifier.len()) && verifier.chars().all(allowed) && made == *challenge
        }
        _ => false,
    }
}

/// Who logged in, in the form of a JWT. Its signature is of the right length, but nobody's.
fn id_token(state: &State, code: &Code, now: i64) -> String {
    let sub = state.accounts.get(&code.user).map_or("", |account| &account.owner.id);
    let mut claims = json!({
        "iss": "https://accounts.google.com", "azp": code.client, "aud": code.client, "sub": sub,
        "iat": now, "exp": now + 3600,
    });
    if code.scopes.iter().any(|scope| scope == "email" || scope.ends_with("/userinfo.email")) {
        claims["email"] = json!(code.user);
        claims["email_verified"] = json!(true);
    }
    if let Some(nonce) = &code.nonce {
        claims["nonce"] = json!(nonce);
    }
    let header = json!({"alg": "RS256", "kid": "sandbox", "typ": "JWT"});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature: Vec<u8> =
        (0..8u8).flat_map(|block| Sha256::new().chain_update([block]).chain_update(&signed).finalize()).collect();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

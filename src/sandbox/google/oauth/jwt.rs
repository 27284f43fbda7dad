//! Service accounts: a signed assertion becomes an access token for a user of a domain that allowed it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Denial;
use super::grant::Access;
use super::token::Asked;
use crate::sandbox::google::state::State;

const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// How far a clock may be ahead of ours.
const SKEW_SECONDS: i64 = 300;
const LONGEST_SECONDS: i64 = 3600;

/// The access token that the `assertion` of the form is good for.
pub(super) fn access(state: &mut State, asked: &Asked) -> Result<Access, Denial> {
    let assertion =
        asked.form.get("assertion").ok_or_else(|| Denial::request("Required parameter is missing: assertion"))?;
    let claims = read(assertion)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let issuer = text("iss").ok_or_else(|| Denial::grant("Invalid issuer: Not a service account."))?;
    check_signature(state, assertion, issuer)?;
    let here = format!("{}/google/token", asked.root);
    if !text("aud").is_some_and(|audience| audience == AUDIENCE || audience == here) {
        return Err(Denial::grant(
            "Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token",
        ));
    }
    check_time(&claims, asked.seconds())?;
    let scopes: Vec<String> = text("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() {
        return Err(Denial::new(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    let user = match text("sub") {
        Some(subject) => delegated(state, subject, &scopes)?,
        None => issuer.to_owned(),
    };
    let user = state.enter(&user, asked.now).map_err(|_| Denial::grant("Invalid email or User ID"))?;
    Ok(Access::new(&user, &scopes, asked.seconds()))
}

/// The claims of a JWT whose form is right.
fn read(assertion: &str) -> Result<Value, Denial> {
    let malformed = || Denial::grant("Invalid JWT: Not a valid JWT.");
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts[..] else { return Err(malformed()) };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
    let header: Value = serde_json::from_slice(&decode(header)?).map_err(|_| malformed())?;
    if header.get("alg") != Some(&json!("RS256")) || decode(signature)?.is_empty() {
        return Err(Denial::grant("Invalid JWT Signature."));
    }
    serde_json::from_slice(&decode(claims)?).map_err(|_| malformed())
}

fn check_signature(state: &State, assertion: &str, issuer: &str) -> Result<(), Denial> {
    let known = &state.settings.service_accounts;
    if known.is_empty() {
        return Ok(());
    }
    let key = known.get(issuer).ok_or_else(|| Denial::grant("Invalid grant: account not found"))?;
    let key = jsonwebtoken::DecodingKey::from_rsa_pem(key.as_bytes());
    let (signed, signature) = assertion.rsplit_once('.').unwrap_or_default();
    let good = key.and_then(|key| {
        jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, jsonwebtoken::Algorithm::RS256)
    });
    if good.unwrap_or(false) { Ok(()) } else { Err(Denial::grant("Invalid JWT Signature.")) }
}

fn check_time(claims: &Value, now: i64) -> Result<(), Denial> {
    let second = |name: &str| claims.get(name).and_then(Value::as_i64);
    let right = second("iat")
        .zip(second("exp"))
        .is_some_and(|(iat, exp)| iat <= now + SKEW_SECONDS && exp > now && exp > iat && exp - iat <= LONGEST_SECONDS);
    if right {
        return Ok(());
    }
    Err(Denial::grant(
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and \
         exp values in the JWT claim.",
    ))
}

/// The user to act for, if their domain allowed the account these scopes.
fn delegated(state: &State, subject: &str, scopes: &[String]) -> Result<String, Denial> {
    let subject = subject.to_lowercase();
    let settings = &state.settings;
    let domain = subject.rsplit_once('@').map(|(_, domain)| domain.to_owned());
    let domain = domain.ok_or_else(|| Denial::grant("Invalid email or User ID"))?;
    let domain_allows = settings.delegated_domains.as_ref().is_none_or(|domains| domains.contains(&domain));
    let scopes_allowed =
        settings.delegated_scopes.as_ref().is_none_or(|known| scopes.iter().all(|it| known.contains(it)));
    if !domain_allows || !scopes_allowed {
        return Err(Denial::new(
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of \
             the scopes requested.",
        ));
    }
    if settings.unknown_users.contains(&subject) {
        return Err(Denial::grant("Invalid email or User ID"));
    }
    Ok(subject)
}

//! Who logged in: the claims of an `id_token`.
//!
//! It comes straight from the token endpoint over TLS, so its signature need not be checked (item 6 of
//! <https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation>). That it was made for us, by whom we asked, and just now, is checked.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::clock::Moment;

/// How far the server's clock and ours may differ.
const SKEW: Duration = Duration::from_mins(5);

/// Who is asked, and as whom.
pub(super) struct Expected<'a> {
    pub(super) client_id: &'a str,
    pub(super) issuers: &'a [String],
    pub(super) now: Moment,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    /// Seconds since 1970.
    exp: f64,
    email: Option<String>,
    /// Some servers send it as text.
    email_verified: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The address of whoever logged in, or why the token does not prove it. The reason holds nothing of the token.
pub(super) fn address(id_token: &str, expected: &Expected<'_>) -> Result<String, &'static str> {
    let payload = id_token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Option<Claims> = payload.and_then(|json| serde_json::from_slice(&json).ok());
    let claims = claims.ok_or("its id_token cannot be read")?;
    let for_us = match &claims.aud {
        Audience::One(client) => client == expected.client_id,
        Audience::Many(clients) => clients.iter().any(|client| client == expected.client_id),
    };
    if !for_us {
        return Err("its id_token was made for another application");
    }
    if !expected.issuers.contains(&claims.iss) {
        return Err("its id_token was made by another server than the one that was asked");
    }
    #[expect(clippy::cast_precision_loss, reason = "exact for the next 200 000 years")]
    let earliest = expected.now.before(SKEW).0 as f64 / 1000.0;
    if claims.exp < earliest {
        return Err("its id_token has expired; is this machine's clock right?");
    }
    let unproven = claims.email_verified.is_some_and(|verified| verified == false || verified == "false");
    match claims.email {
        Some(_) if unproven => Err("it says that this user's e-mail address was never verified"),
        Some(email) if !email.trim().is_empty() => Ok(email.trim().to_owned()),
        _ => Err("its id_token does not say the user's e-mail address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(claims: &Value) -> Result<String, &'static str> {
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let issuers = ["https://accounts.google.com".to_owned()];
        address(&token, &Expected { client_id: "ours", issuers: &issuers, now: Moment(1_000_000_000) })
    }

    #[test]
    fn a_token_proves_an_address_only_if_all_of_it_fits() {
        let good = json!({"iss": "https://accounts.google.com", "aud": "ours", "exp": 1_000_000,
            "email": "Alice@acme.example", "email_verified": true});
        assert_eq!(read(&good).as_deref(), Ok("Alice@acme.example"));
        let with = |key: &str, value: Value| {
            let mut claims = good.clone();
            claims[key] = value;
            read(&claims)
        };
        assert!(with("aud", json!(["x", "ours"])).is_ok());
        assert!(with("exp", json!(999_800)).is_ok(), "clocks differ a little");
        for (key, value, part) in [
            ("aud", json!("theirs"), "another application"),
            ("iss", json!("https://evil.example"), "another server"),
            ("exp", json!(999_000), "expired"),
            ("email", Value::Null, "does not say"),
            ("email_verified", json!(false), "never verified"),
            ("email_verified", json!("false"), "never verified"),
        ] {
            let refused = with(key, value).expect_err(key);
            assert!(refused.contains(part), "{refused}");
        }
        assert!(address("no token", &Expected { client_id: "", issuers: &[], now: Moment(0) }).is_err());
    }
}

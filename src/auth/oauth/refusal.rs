//! What a token endpoint's refusal means, and the words for it.
//!
//! The body is RFC 6749 §5.2 (`error`, `error_description`), or what comes close to it. Its description is quoted without
//! whatever could be a secret or an address. Which error means what beyond the RFC was observed at Google, as its own client
//! libraries handle it.

use serde_json::Value;

use crate::auth::token::{LoginError, LoginErrorKind};
use crate::http;

/// Longest text quoted from a body, in characters.
const QUOTED: usize = 160;

/// Errors by which a server asks for patience, whatever their status.
const PASSING: [&str; 4] = ["internal_failure", "server_error", "temporarily_unavailable", "slow_down"];

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::auth) enum About {
    /// What was presented (refresh token, code, assertion) is good for nothing any more.
    Grant,
    /// The times in an assertion: this machine's clock is wrong.
    ClockSkew,
    /// The application's id or secret.
    Client,
    /// The application may not act for this user: domain-wide delegation is missing.
    Delegation,
    /// The user's administrator does not let the application in.
    Policy,
    /// The server is in trouble, or asks for patience.
    Trouble,
    /// Something else that an authorization server says.
    Other,
    /// No authorization server answered.
    Stranger,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::auth) struct Refusal {
    pub(in crate::auth) about: About,
    /// What was asked, what was answered: to be followed by what to do.
    pub(in crate::auth) said: String,
}

impl Refusal {
    /// Reads an answer outside 2xx.
    pub(in crate::auth) fn read(response: &http::Response) -> Self {
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let (error, description) = (text("error"), text("error_description"));
        let quoted: Vec<String> = [error, text("error_subtype"), description]
            .into_iter()
            .map(quote)
            .filter(|word| !word.is_empty())
            .collect();
        let quoted = if quoted.is_empty() { "without a reason".to_owned() } else { quoted.join(": ") };
        let request = response.request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
        Self {
            about: about(response.status, error, description),
            said: format!("{}: answered {}, {quoted}{request}", response.call, response.status),
        }
    }
}

fn about(status: u16, error: &str, description: &str) -> About {
    let says = |part: &str| description.to_ascii_lowercase().contains(part);
    match error {
        _ if status >= 500 || status == 429 || PASSING.contains(&error) => About::Trouble,
        "invalid_grant" if says("reasonable timeframe") || says("iat and exp") => About::ClockSkew,
        "invalid_grant" => About::Grant,
        "invalid_client" => About::Client,
        "unauthorized_client" => About::Delegation,
        "admin_policy_enforced" | "org_internal" | "access_denied" => About::Policy,
        // Pipedrive documents that these are refused, and not in which shape.
        _ if status == 400 && error.to_ascii_lowercase().contains("refresh token") => About::Grant,
        _ if status == 400 && error.to_ascii_lowercase().starts_with("client") => About::Client,
        "" => About::Stranger,
        _ => About::Other,
    }
}

/// Printable words only; one that holds `@` or a digit may be an address or a part of a secret, and so may a long one.
fn quote(text: &str) -> String {
    let risky = |word: &str| word.len() > 40 || word.contains(|c: char| c == '@' || c.is_ascii_digit());
    let words: Vec<&str> = text.split_whitespace().map(|word| if risky(word) { "…" } else { word }).collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(QUOTED).collect()
}

/// No answer at all: the server was not asked, or may have answered somebody who no longer heard it.
pub(in crate::auth) fn unanswered(error: &http::Error) -> LoginError {
    let kind = match error {
        http::Error::Cancelled { .. } => LoginErrorKind::Cancelled,
        _ => LoginErrorKind::Later { until: error.retry_at() },
    };
    LoginError::new(kind, error.to_string())
}

/// Passing trouble.
pub(in crate::auth) fn later(message: impl Into<String>) -> LoginError {
    LoginError::new(LoginErrorKind::Later { until: None }, message)
}

/// What only a human being can mend.
pub(in crate::auth) fn needs_login(message: impl Into<String>) -> LoginError {
    LoginError::new(LoginErrorKind::NeedsLogin, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_refusals_are_told_apart() {
        let skew = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat \
                    and exp values in the JWT claim.";
        let table = [
            (400, "invalid_grant", "Token has been expired or revoked.", About::Grant),
            (400, "invalid_grant", "Bad Request", About::Grant),
            (400, "invalid_grant", "Invalid JWT Signature.", About::Grant),
            (400, "invalid_grant", skew, About::ClockSkew),
            (401, "invalid_client", "The OAuth client was not found.", About::Client),
            (401, "unauthorized_client", "Client is unauthorized to retrieve access tokens", About::Delegation),
            (400, "admin_policy_enforced", "", About::Policy),
            (403, "org_internal", "", About::Policy),
            (500, "", "", About::Trouble),
            (503, "invalid_grant", "", About::Trouble),
            (429, "rate_limit_exceeded", "", About::Trouble),
            (400, "internal_failure", "", About::Trouble),
            (400, "temporarily_unavailable", "", About::Trouble),
            (400, "refresh token is invalid", "", About::Grant),
            (400, "client is missing or invalid", "", About::Client),
            (400, "invalid_request", "client_secret is missing.", About::Other),
            (404, "", "", About::Stranger),
        ];
        for (status, error, description, expected) in table {
            assert_eq!(about(status, error, description), expected, "{status} {error} {description}");
        }
    }

    #[test]
    fn what_could_be_secret_is_not_quoted() {
        let quoted = quote("The token 1//0gAbc of alice@acme.example\u{7} is bad");
        assert_eq!(quoted, "The token … of … is bad");
        assert_eq!(quote(&"a".repeat(50)), "…");
    }
}

//! What is kept of a consent: the refresh token, and the access tokens of users and service accounts.

use serde::{Deserialize, Serialize};

/// What a user allowed a client. Times are seconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Grant {
    /// The token itself.
    pub(in crate::sandbox::google) refresh_token: String,
    /// The user's address.
    pub(in crate::sandbox::google) user: String,
    pub(super) client: String,
    pub(super) scopes: Vec<String>,
    /// Rises with every grant: the oldest goes first.
    pub(super) made: i64,
    /// When it was used last.
    pub(super) used: i64,
    /// When it dies, if the consent screen was in testing.
    pub(super) until: Option<i64>,
}

/// Half a year: an unused refresh token dies.
const UNUSED_SECONDS: i64 = 183 * 86_400;

impl Grant {
    /// Whether the refresh token is good at this second.
    pub(super) fn is_live(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until) && now - self.used < UNUSED_SECONDS
    }
}

/// An access token. Times are seconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Access {
    /// The token itself.
    pub(in crate::sandbox::google) token: String,
    /// As whom it acts.
    pub(in crate::sandbox::google) user: String,
    /// What it may.
    pub(in crate::sandbox::google) scopes: Vec<String>,
    /// When it was given.
    pub(in crate::sandbox::google) made: i64,
    /// When it expires.
    pub(in crate::sandbox::google) until: i64,
}

/// How long an access token lives.
pub(super) const ACCESS_SECONDS: i64 = 3599;

impl Access {
    /// A new token.
    pub(super) fn new(user: &str, scopes: &[String], now: i64) -> Self {
        let random = || uuid::Uuid::new_v4().simple().to_string();
        Self {
            token: format!("ya29.{}{}", random(), random()),
            user: user.to_owned(),
            scopes: scopes.to_vec(),
            made: now,
            until: now + ACCESS_SECONDS,
        }
    }
}

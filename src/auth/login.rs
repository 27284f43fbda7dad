//! A login as it is kept: what a user once allowed, and exactly for what.

use std::borrow::Cow;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::token::LoginError;

/// What a login is good for. If any of it changes in the configuration, the login is not used any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The kind of service, in the configuration's word.
    pub provider: String,
    /// The user, in lower case; empty where the service does not say who logs in.
    pub address: String,
    /// The connection's name in the configuration.
    pub connection: String,
    /// The application's id at the service.
    pub client_id: String,
}

impl Bound {
    /// What differs, in words for `carnetd login`'s user; `None` where nothing does.
    pub fn differs(&self, now: &Self) -> Option<String> {
        let pairs = [
            ("provider", &self.provider, &now.provider),
            ("address", &self.address, &now.address),
            ("connection", &self.connection, &now.connection),
            ("client_id", &self.client_id, &now.client_id),
        ];
        let (key, was, is) = pairs.into_iter().find(|(_, was, is)| was != is)?;
        Some(format!("the kept login was made for {key} {was:?}, the configuration says {is:?}"))
    }
}

/// A login. `Debug` shows no token.
#[derive(Debug, Clone)]
pub struct Login {
    /// Another one for each login that a user makes; renewals keep it.
    pub id: String,
    /// What it is good for.
    pub bound: Bound,
    /// What gives access tokens.
    pub refresh_token: SecretString,
    /// What the user allowed, where the service said so.
    pub scopes: Option<Vec<String>>,
    /// Where the service's API is, where the service said so (Pipedrive's `api_domain`).
    pub api_root: Option<Url>,
}

/// What is sealed. A change is a new format; a new field that may be absent is none.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    bound: Bound,
    #[serde(borrow)]
    refresh_token: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_root: Option<Url>,
}

impl Login {
    /// The bytes to be sealed.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let record = Record {
            id: Cow::from(&self.id),
            bound: self.bound.clone(),
            refresh_token: Cow::from(self.refresh_token.expose_secret()),
            scopes: self.scopes.clone(),
            api_root: self.api_root.clone(),
        };
        // Texts and lists of texts always have a JSON.
        Zeroizing::new(serde_json::to_vec(&record).unwrap_or_default())
    }

    /// Reads what [`Login::to_bytes`] made. `None`: a later carnetd made it, or a bug.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let record: Record<'_> = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            id: record.id.into_owned(),
            bound: record.bound,
            refresh_token: record.refresh_token.into_owned().into(),
            scopes: record.scopes,
            api_root: record.api_root,
        })
    }
}

/// Where one login is kept between its renewals.
#[async_trait::async_trait]
pub trait Keep: Send + Sync + std::fmt::Debug {
    /// The login; `None` where there is none.
    async fn load(&self) -> Result<Option<Login>, LoginError>;

    /// Keeps a renewed login, durably, in place of the one with the same id. Where a user has logged in anew meanwhile
    /// that login stays, and the answer is `false`.
    async fn replace(&self, renewed: &Login) -> Result<bool, LoginError>;
}

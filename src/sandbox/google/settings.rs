//! What kind of service the sandbox is: lag, churn, quotas, who may log in. Set through `/_faults`, kept in the log.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// In which dress an expired sync token is refused; sources disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SyncTokenError {
    /// 400 `INVALID_ARGUMENT`.
    InvalidArgument,
    /// 400 `FAILED_PRECONDITION`.
    FailedPrecondition,
    /// 410 `FAILED_PRECONDITION`.
    Gone,
}

impl SyncTokenError {
    /// The refusal.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::InvalidArgument => Refusal::expired_sync_token(400, "INVALID_ARGUMENT"),
            Self::FailedPrecondition => Refusal::expired_sync_token(400, "FAILED_PRECONDITION"),
            Self::Gone => Refusal::expired_sync_token(410, "FAILED_PRECONDITION"),
        }
    }
}

/// How much each user may do, per minute unless said otherwise. Keys that are not given have the value that was seen
/// in somebody's console.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Quotas {
    /// Reads of persons, and creates and updates, which read too.
    pub(super) critical_reads: u64,
    /// Creates and updates of contacts.
    pub(super) critical_writes: u64,
    /// Photos set or removed.
    pub(super) photo_writes: u64,
    /// Reads of groups.
    pub(super) reads: u64,
    /// Deletes of contacts, and writes of groups.
    pub(super) writes: u64,
    /// Contacts created or updated in a day.
    pub(super) daily_contact_writes: u64,
    /// First pages of listings that ask for a sync token and bring none. The real number is not known.
    pub(super) full_syncs: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            critical_reads: 60,
            critical_writes: 30,
            photo_writes: 50,
            reads: 90,
            writes: 30,
            daily_contact_writes: 100_000,
            full_syncs: 5,
        }
    }
}

/// The settings of the service. All have defaults; an unknown key is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each named in the JSON")]
pub(in crate::sandbox) struct Settings {
    /// Seconds of the sandbox's time until a write shows in listings and reads.
    pub(super) lag_seconds: u32,
    /// Share of the contacts whose etag and update time each listing moves, though nothing of theirs has changed.
    pub(super) churn: f64,
    /// Whether listings are shuffled within their page, and the values within each field.
    pub(super) shuffle: bool,
    /// No page of connections is longer than this.
    pub(super) page_limit: Option<usize>,
    /// How an expired sync token is refused.
    pub(super) sync_token_error: SyncTokenError,
    /// Whether person etags made by a listing are refused by updates.
    pub(super) strict_etags: bool,
    /// Enforced where it is given; null: practically unlimited.
    pub(super) quotas: Option<Quotas>,
    /// Users whose account takes no more writes for now, by e-mail address.
    pub(super) exhausted: BTreeSet<String>,
    /// Contacts that an account can hold, trash included.
    pub(super) contact_cap: usize,
    /// Whether the project has not switched the API on.
    pub(super) service_disabled: bool,
    /// Whether the consent screen is in testing: refresh tokens given now live 7 days.
    pub(super) testing: bool,
    /// The only OAuth clients accepted, id to secret; while empty, any.
    pub(super) oauth_clients: BTreeMap<String, String>,
    /// The only service accounts accepted, e-mail address to PEM public key; while empty, any, and no signature is
    /// checked.
    pub(super) service_accounts: BTreeMap<String, String>,
    /// Domains whose users a service account may act for; null: any.
    pub(super) delegated_domains: Option<BTreeSet<String>>,
    /// Scopes that a service account may ask for; null: any.
    pub(super) delegated_scopes: Option<BTreeSet<String>>,
    /// Addresses that are nobody's account.
    pub(super) unknown_users: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lag_seconds: 0,
            churn: 0.0,
            shuffle: true,
            page_limit: None,
            sync_token_error: SyncTokenError::InvalidArgument,
            strict_etags: false,
            quotas: None,
            exhausted: BTreeSet::new(),
            contact_cap: 25_000,
            service_disabled: false,
            testing: false,
            oauth_clients: BTreeMap::new(),
            service_accounts: BTreeMap::new(),
            delegated_domains: None,
            delegated_scopes: None,
            unknown_users: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// The settings with every address folded, or what is wrong with them.
    pub(super) fn checked(mut self) -> Result<Self, String> {
        if !(0.0..=1.0).contains(&self.churn) {
            return Err(format!("`churn` is {}; a share lies between 0 and 1", self.churn));
        }
        if self.page_limit == Some(0) {
            return Err("`page_limit` must be at least 1".to_owned());
        }
        for (email, key) in &self.service_accounts {
            jsonwebtoken::DecodingKey::from_rsa_pem(key.as_bytes())
                .map_err(|error| format!("`service_accounts`: the key of {email} is no PEM public key: {error}"))?;
        }
        for names in [Some(&mut self.exhausted), Some(&mut self.unknown_users), self.delegated_domains.as_mut()]
            .into_iter()
            .flatten()
        {
            *names = names.iter().map(|name| name.to_lowercase()).collect();
        }
        Ok(self)
    }
}

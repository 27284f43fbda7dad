//! Every key that a file may hold, as data.
//!
//! One list drives three things: unknown keys and what they resemble, where a key that stands in the wrong table
//! belongs, and the test that `config.example.toml` leaves nothing out. What a key means stands in `check`.

use crate::account::Provider;

/// The keys of one table.
#[derive(Debug)]
pub(super) struct Table {
    /// How messages name it.
    pub(super) title: &'static str,
    /// Plain keys.
    pub(super) keys: &'static [&'static str],
    /// Secrets: each X may be written as `X_file`, `X_command` or `X_credential`.
    pub(super) secrets: &'static [&'static str],
    /// Tables within it.
    pub(super) tables: &'static [&'static str],
}

/// The three ways to give a secret.
pub(super) const SECRET_FORMS: [&str; 3] = ["file", "command", "credential"];

pub(super) const TOP: Table = Table {
    title: "the top of the file",
    keys: &["state_dir", "accounts_dir", "watch", "interval", "history"],
    secrets: &["state_key"],
    tables: &["pipedrive", "google", "microsoft", "connections", "status", "log", "http", "defaults", "accounts"],
};

/// What a file of the accounts directory may hold.
pub(super) const ACCOUNT_FILE: Table =
    Table { title: "a file of the accounts directory", keys: &[], secrets: &[], tables: &["accounts"] };

pub(super) const PIPEDRIVE: Table = Table {
    title: "[pipedrive]",
    keys: &["url", "visibility_levels", "daily_tokens", "burst", "daily_share", "sweep", "sandbox"],
    secrets: &["token"],
    tables: &["oauth", "fields"],
};

pub(super) const OAUTH: Table =
    Table { title: "[pipedrive.oauth]", keys: &["client_id", "oauth_url"], secrets: &["client_secret"], tables: &[] };

pub(super) const FIELDS: Table = Table {
    title: "[pipedrive.fields]",
    keys: &["job_title", "birthday", "notes", "im", "postal_address"],
    secrets: &[],
    tables: &[],
};

pub(super) const GOOGLE: Table = Table {
    title: "[google]",
    keys: &["login", "client_id", "api_url", "auth_url", "token_url"],
    secrets: &["client_secret", "service_account"],
    tables: &[],
};

pub(super) const MICROSOFT: Table = Table {
    title: "[microsoft]",
    keys: &["login", "tenant", "client_id", "certificate_file", "graph_url", "login_url"],
    secrets: &["client_secret"],
    tables: &[],
};

/// `[connections.NAME]` with `provider = "google"`.
pub(super) const GOOGLE_CONNECTION: Table = Table {
    title: "[connections.NAME]",
    keys: &["provider", "login", "client_id", "api_url", "auth_url", "token_url"],
    ..GOOGLE
};

/// `[connections.NAME]` with `provider = "microsoft"`.
pub(super) const MICROSOFT_CONNECTION: Table = Table {
    title: "[connections.NAME]",
    keys: &["provider", "login", "tenant", "client_id", "certificate_file", "graph_url", "login_url"],
    ..MICROSOFT
};

pub(super) const STATUS: Table =
    Table { title: "[status]", keys: &["listen", "hosts", "public_url"], secrets: &["token"], tables: &[] };

pub(super) const LOG: Table = Table { title: "[log]", keys: &["level", "format"], secrets: &[], tables: &[] };

pub(super) const HTTP: Table = Table { title: "[http]", keys: &["proxy", "ca_file"], secrets: &[], tables: &[] };

pub(super) const ACCOUNT: Table = Table {
    title: "[accounts.NAME] or [defaults]",
    keys: &[
        "enabled",
        "provider",
        "address",
        "owner",
        "group",
        "direction",
        "visibility",
        "match",
        "conflict",
        "deletes",
        "delete_with_open_deals",
        "on_leave_group",
        "max_delete",
        "max_delete_count",
        "new_persons",
        "country",
        "interval",
        "connection",
        "path",
        "url",
        "username",
    ],
    secrets: &["password"],
    tables: &[],
};

/// Every table whose title says where it stands, for "that key belongs to …" and for the example's test.
pub(super) const ALL: [&Table; 10] =
    [&TOP, &PIPEDRIVE, &OAUTH, &FIELDS, &GOOGLE, &MICROSOFT, &STATUS, &LOG, &HTTP, &ACCOUNT];

/// Account keys that only some providers have.
const OF_PROVIDERS: [(&str, &[Provider]); 5] = [
    ("path", &[Provider::Folder]),
    ("url", &[Provider::CardDav]),
    ("username", &[Provider::CardDav]),
    ("password", &[Provider::CardDav, Provider::Icloud]),
    ("connection", &[Provider::Google, Provider::Microsoft]),
];

/// The providers that have this account key (a secret by its bare name); `None`: all.
pub(super) fn providers_with(key: &str) -> Option<&'static [Provider]> {
    OF_PROVIDERS.iter().find(|(name, _)| *name == key).map(|(_, providers)| *providers)
}

impl Table {
    /// Every name that may stand in it.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + '_ {
        let secrets = self.secrets.iter().flat_map(|x| SECRET_FORMS.iter().map(move |form| format!("{x}_{form}")));
        let plain = self.keys.iter().chain(self.tables).map(|name| (*name).to_owned());
        plain.chain(secrets)
    }

    /// Whether it may hold `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.keys.contains(&name) || self.tables.contains(&name) || self.secret_of(name).is_some()
    }

    /// The secret that `name` is a form of.
    pub(super) fn secret_of(&self, name: &str) -> Option<&'static str> {
        let (secret, form) = name.rsplit_once('_')?;
        SECRET_FORMS.contains(&form).then(|| self.secrets.iter().copied().find(|x| *x == secret)).flatten()
    }

    /// The known name that `name` resembles most, if any does.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        nearest(name, self.names())
    }
}

/// The candidate that resembles `name` most: at most a third of it differs.
pub(super) fn nearest<S: AsRef<str>>(name: &str, candidates: impl IntoIterator<Item = S>) -> Option<S> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&name, &candidate.as_ref().to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.as_ref().len().max(name.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        assert_eq!(PIPEDRIVE.nearest("tokn_file").as_deref(), Some("token_file"));
        assert_eq!(ACCOUNT.nearest("Visibilty").as_deref(), Some("visibility"));
        assert_eq!(ACCOUNT.nearest("colour"), None);
    }

    #[test]
    fn a_secret_is_known_in_its_three_forms_only() {
        assert!(PIPEDRIVE.has("token_file") && PIPEDRIVE.has("token_command") && PIPEDRIVE.has("token_credential"));
        assert!(!PIPEDRIVE.has("token"));
    }
}

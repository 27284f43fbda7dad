//! A reload is the difference of two checked configurations.

use crate::account::AccountName;

use super::model::{Account, Config};

/// What changes from one configuration to the next. Names are in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Accounts that were not there.
    pub added: Vec<AccountName>,
    /// Accounts that are no longer there.
    pub removed: Vec<AccountName>,
    /// Accounts of which anything differs, their connection included.
    pub changed: Vec<AccountName>,
    /// Pipedrive or the way to the network differs: all accounts are rebuilt.
    pub service: bool,
    /// What else is applied at once, by its key: it concerns all accounts ([`Diff::service`]), or none.
    pub settings: Vec<&'static str>,
    /// What the running process cannot change, by its key.
    pub needs_restart: Vec<&'static str>,
}

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What changes from `old` to `new`. Which files say it, and in which order, makes no difference.
pub fn diff(old: &Config, new: &Config) -> Diff {
    let names = |of: &Config, and_not: &Config| {
        of.accounts.keys().filter(|name| !and_not.accounts.contains_key(name)).cloned().collect()
    };
    let differs = |account: &&Account| {
        let connection = new.connection(account);
        old.accounts.get(&account.name).is_some_and(|was| was != *account || old.connection(was) != connection)
    };
    let changed_of = |pairs: &[(&'static str, bool)]| pairs.iter().filter(|(_, is)| *is).map(|(key, _)| *key).collect();
    Diff {
        added: names(new, old),
        removed: names(old, new),
        changed: new.accounts.values().filter(differs).map(|account| account.name.clone()).collect(),
        service: old.pipedrive != new.pipedrive || old.http != new.http,
        settings: changed_of(&[
            ("pipedrive.url", old.pipedrive.url != new.pipedrive.url),
            ("pipedrive.token", old.pipedrive.token != new.pipedrive.token),
            ("pipedrive.oauth", old.pipedrive.oauth != new.pipedrive.oauth),
            ("pipedrive.visibility_levels", old.pipedrive.levels != new.pipedrive.levels),
            ("pipedrive.daily_tokens", old.pipedrive.daily_tokens != new.pipedrive.daily_tokens),
            ("pipedrive.burst", old.pipedrive.burst != new.pipedrive.burst),
            ("pipedrive.daily_share", old.pipedrive.daily_share != new.pipedrive.daily_share),
            ("pipedrive.sweep", old.pipedrive.sweep != new.pipedrive.sweep),
            ("pipedrive.fields", old.pipedrive.fields != new.pipedrive.fields),
            ("http.proxy", old.http.proxy != new.http.proxy || old.http.no_proxy != new.http.no_proxy),
            ("http.ca_file", old.http.ca_file != new.http.ca_file),
            ("watch", old.watch != new.watch),
            ("history", old.history != new.history),
            ("log.level", old.log.level != new.log.level),
        ]),
        needs_restart: changed_of(&[
            ("state_dir", old.state_dir != new.state_dir),
            ("state_key", old.state_key != new.state_key),
            ("log.format", old.log.format != new.log.format),
            ("status.listen", old.status.listen != new.status.listen),
            ("status.token", old.status.token != new.status.token),
            ("status.hosts", old.status.hosts != new.status.hosts),
            ("status.public_url", old.status.public_url != new.status.public_url),
            ("pipedrive.sandbox", old.pipedrive.sandbox != new.pipedrive.sandbox),
        ]),
    }
}

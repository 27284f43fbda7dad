//! Logins: from the configuration to access tokens, and the way to make a login.
//!
//! | file | what is there |
//! |---|---|
//! | here | a token source per account and for the company |
//! | `target` | what a login is for: applications, scopes, addresses of the vendors |
//! | `asked` | what people may ask, handed on |
//! | `flow`, `pending` | starting and finishing a login, links that can be mailed |
//! | `vault` | where logins are kept, sealed |
//!
//! How tokens are renewed is [`crate::auth`]'s affair; whether a pass runs is the loop's. Nothing here is logged that
//! could be used to log in.

mod asked;
mod flow;
mod pending;
mod target;
#[cfg(test)]
mod tests;
mod vault;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio_util::sync::CancellationToken;
use url::Url;

use self::pending::Waiting;
use self::target::{Credentials, Google, Target};
use self::vault::{Place, Vault};
use crate::adapter::{Error, Kind};
use crate::auth::oauth::OAuth;
use crate::auth::renewal::Source;
use crate::auth::seal::{KeyPlace, Seal};
use crate::auth::secret::SecretPlace;
use crate::auth::service_account::{Delegated, ServiceAccount};
use crate::auth::token::{FixedToken, Tokens};
use crate::auth::user::{UserLogin, usable};
use crate::clock::SharedClock;
use crate::config::{Account, Config, Environment, StateKey};
use crate::http::Client;
use crate::status::{Refused, Who};
use crate::store::Store;

/// The logins of one process.
#[derive(Debug)]
pub(super) struct Logins {
    vault: Arc<Vault>,
    clock: SharedClock,
    credentials: Credentials,
    cancel: CancellationToken,
    known: Mutex<Known>,
    waiting: Waiting,
}

/// What is shared between those who log in the same way.
#[derive(Debug, Default)]
struct Known {
    /// By the key of the login; gone with the last book that uses it.
    sources: HashMap<String, (Target, Weak<Source>)>,
    /// By the table that declares it.
    service_accounts: HashMap<String, Arc<ServiceAccount>>,
}

impl Logins {
    /// The logins that `store` keeps. Reads nothing yet.
    pub(super) fn new(
        (environment, config): (&Environment, &Config),
        store: Store,
        clock: SharedClock,
        cancel: CancellationToken,
    ) -> Self {
        let credentials = environment.credentials_directory.clone();
        let place = match &config.state_key {
            StateKey::Made(path) => KeyPlace::Made(path.clone()),
            StateKey::Given(source) => {
                KeyPlace::Given(SecretPlace { source: source.clone(), credentials: credentials.clone() })
            }
        };
        let vault = Arc::new(Vault::new(store, Seal::new(place, Arc::clone(&clock))));
        Self { vault, clock, credentials, cancel, known: Mutex::default(), waiting: Waiting::default() }
    }

    /// The token source of an account. An account without a login has one, too: it says what to do.
    pub(super) fn tokens(&self, config: &Config, account: &Account, client: &Client) -> Result<Tokens, Error> {
        match target::google(config, &self.credentials, account) {
            Some(Google::User(target)) => Ok(self.source(*target, client)),
            Some(Google::Sandbox(address)) => Ok(Arc::new(FixedToken::new(format!("sandbox:{address}").into()))),
            Some(Google::ServiceAccount(declared, user)) => {
                let mut known = self.known();
                let kept = known.service_accounts.get(&declared.declared_in);
                let shared = kept.filter(|kept| kept.declared == *declared).cloned().unwrap_or_else(|| {
                    Arc::new(ServiceAccount::new((*declared).clone(), client.clone(), Arc::clone(&self.clock)))
                });
                known.service_accounts.insert(declared.declared_in, Arc::clone(&shared));
                let renew = Box::new(Delegated::new(shared, user));
                Ok(Arc::new(Source::new(renew, Arc::clone(&self.clock), self.cancel.clone())))
            }
            None => {
                let text =
                    format!("provider {:?} has no login through OAuth in this version", account.provider.as_str());
                Err(Error::new(Kind::Forbidden, text))
            }
        }
    }

    /// The company's token source, and where its API is by the login that is kept.
    pub(super) async fn pipedrive(&self, config: &Config, client: &Client) -> Result<(Tokens, Option<Url>), Error> {
        let target = Target::of(config, &self.credentials, &Who::Pipedrive);
        let target = target.map_err(|refused| Error::new(Kind::Login, refused.message))?;
        let kept = self.vault.load(&target.key).await.map_err(|error| error.for_login(&target.mend));
        let kept = kept.and_then(|login| usable(login, &target.bound, &target.mend))?;
        Ok((self.source(target, client), kept.and_then(|login| login.api_root)))
    }

    /// Another way to the network: who is seated from now on renews through it.
    pub(super) fn forget_sources(&self) {
        *self.known() = Known::default();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one source for a login: two would renew it twice.
    fn source(&self, target: Target, client: &Client) -> Arc<Source> {
        let mut known = self.known();
        let kept = known.sources.get(&target.key).filter(|(kept, _)| kept.application == target.application);
        if let Some(source) = kept.filter(|(kept, _)| kept.bound == target.bound).and_then(|(_, kept)| kept.upgrade()) {
            return source;
        }
        let place = Place { vault: Arc::clone(&self.vault), key: target.key.clone(), mend: target.mend.clone() };
        let oauth = Arc::new(self.oauth(&target, client));
        let renew = UserLogin::new(oauth, Box::new(place), target.bound.clone(), target.mend.clone());
        let source = Arc::new(Source::new(Box::new(renew), Arc::clone(&self.clock), self.cancel.clone()));
        known.sources.insert(target.key.clone(), (target, Arc::downgrade(&source)));
        source
    }

    fn oauth(&self, target: &Target, client: &Client) -> OAuth {
        OAuth::new(target.application.clone(), client.clone(), Arc::clone(&self.clock))
    }

    fn target(&self, config: &Config, who: &Who) -> Result<Target, Refused> {
        Target::of(config, &self.credentials, who)
    }
}

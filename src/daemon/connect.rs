//! The ways out of the process: the network, the company, the accounts' books, the embedded sandbox.
//!
//! Each is made when first needed, once, and forgotten when the configuration says another.

use std::sync::{Arc, PoisonError};

use super::engine::Engine;
use super::parts::{self, Embedded};
use crate::adapter::{Error, Kind, SharedBook};
use crate::config::{self, Config};
use crate::http::Client;
use crate::reconcile::{Feed, Shared};
use crate::status::{Refused, RefusedKind};

impl Engine {
    /// The provider's book of an account.
    pub(super) fn book(&self, config: &Config, account: &config::Account) -> Result<SharedBook, Error> {
        if let config::Book::Google { .. } = &account.book {
            let client = self.client()?;
            let tokens = self.logins.tokens(config, account, &client)?;
            return parts::google((config, account), tokens, client, &self.clock);
        }
        (self.books)(account, self.watcher.as_ref(), &self.clock)
    }

    /// The way to the network, which everybody shares.
    pub(super) fn client(&self) -> Result<Client, Error> {
        let mut state = self.state();
        if let Some(client) = &state.client {
            return Ok(client.clone());
        }
        let client = parts::client(&state.config, &self.clock)?.with_observer(Arc::clone(&self.metrics) as _);
        state.client = Some(client.clone());
        Ok(client)
    }

    /// Forgets the way to the network: who is seated or connected from now on goes the one that the configuration says.
    pub(super) fn forget_network(&self) {
        self.state().client = None;
        self.logins.forget_sources();
    }

    /// The company, connected if it is not yet.
    pub(super) async fn shared(&self) -> Result<Arc<Shared>, Error> {
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(shared) = self.state().shared.clone() {
            return Ok(shared);
        }
        let connected = self.connect().await;
        let mut state = self.state();
        match connected {
            Ok(shared) => {
                state.shared = Some(Arc::clone(&shared));
                Ok(shared)
            }
            Err(error) => {
                state.trouble = Some(error.clone());
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<Arc<Shared>, Error> {
        let config = self.config();
        let client = self.client()?;
        let sandbox = if config.pipedrive.sandbox { Some(self.sandbox(&config).await?) } else { None };
        let state = |error: crate::store::StoreError| Error::new(Kind::State, error.to_string());
        let used = self.store.view().and_then(|view| view.used()).map_err(state)?;
        let (around, way) = ((&self.environment, &*config), (&client, &self.clock));
        let company = parts::company(around, &self.logins, way, (sandbox.as_deref(), used), &self.cancel).await?;
        if let Some(note) = company.unsaid_fields_note() {
            tracing::info!("{note}");
        }
        let shared = Shared::open(self.store.clone(), Arc::clone(&self.clock), company, Arc::clone(&self.homes)).await;
        shared.map(Arc::new).map_err(state)
    }

    /// The embedded sandbox, started if it is not yet.
    pub(super) async fn sandbox(&self, config: &Config) -> Result<Arc<Embedded>, Error> {
        let mut embedded = self.embedded.lock().await;
        if let Some(running) = &*embedded {
            return Ok(Arc::clone(running));
        }
        let started = Arc::new(parts::embed(config, &self.clock).await?);
        *embedded = Some(Arc::clone(&started));
        Ok(started)
    }

    /// Where the embedded sandbox's persons can be seen, if one runs.
    pub(super) async fn sandbox_page(&self) -> Option<String> {
        self.embedded.lock().await.as_ref().map(|sandbox| parts::sandbox_page(&sandbox.root))
    }

    /// Stops the embedded sandbox, once nobody talks to it any more.
    pub(super) async fn stop_sandbox(&self) {
        let embedded = self.embedded.lock().await.take();
        if let Some(embedded) = embedded.and_then(Arc::into_inner) {
            embedded.stop().await;
        }
    }

    /// Forgets the company: the next use connects anew.
    pub(super) fn disconnect(&self) {
        let mut state = self.state();
        state.shared = None;
        let sweep = state.config.pipedrive.sweep;
        drop(state);
        *self.feed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Feed::new(sweep));
    }
}

/// An adapter's error as a command's refusal.
pub(super) fn refused(error: &Error) -> Refused {
    let kind = match error.kind {
        Kind::Login => RefusedKind::NeedsLogin,
        Kind::Later { .. } => RefusedKind::Later,
        Kind::Unavailable => RefusedKind::NotReachable,
        _ => RefusedKind::Failed,
    };
    Refused::new(kind, error.message.clone())
}

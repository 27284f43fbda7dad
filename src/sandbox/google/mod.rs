//! The Google stand-in: the People API with every user's contacts and groups, and the OAuth server in front of it.
//!
//! A call goes through the [`gateway`] (route, credential, quotas, faults), is read by [`body`], handled by
//! [`people`], [`batch`], [`connections`], [`groups`], [`members`], [`photo`] or [`search`], and written by [`state`],
//! which appends to the log before anything is answered. What happens elsewhere (a merge in the web page, a
//! revocation) is done by [`actions`]. Other contacts, the directory and multipart batches are not here.

mod account;
mod actions;
mod auth;
mod batch;
mod body;
mod connections;
mod contact;
mod demo;
mod gateway;
mod groups;
mod input;
mod mask;
mod members;
mod oauth;
mod page;
mod partial;
mod people;
mod person;
mod photo;
mod quota;
mod refusal;
mod routes;
mod schema;
mod search;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod tokens;
mod values;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{any, get};
use serde_json::{Map, Value, json};

pub(super) use state::{Record, State};

use super::Shared;
use super::faults::overlay;
use crate::clock::Moment;

/// The service: its state, and what the quotas have counted.
#[derive(Debug)]
pub(super) struct Google {
    state: Mutex<State>,
    ledger: Mutex<quota::Ledger>,
    codes: Mutex<oauth::Codes>,
}

impl Google {
    /// Serves `state`.
    pub(super) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), ledger: Mutex::default(), codes: Mutex::default() }
    }

    /// The settings, as `/_faults` shows them.
    pub(super) fn settings(&self) -> Value {
        json!(self.state().settings)
    }

    /// Sets the given keys of the settings, then does what is asked; the other keys stay. The error says what is wrong.
    pub(super) fn set(&self, mut keys: Map<String, Value>, now: Moment) -> Result<(), String> {
        let mut state = self.state();
        let actions = actions::take(&mut keys)?;
        let settings: settings::Settings = overlay(&state.settings, keys)?;
        let settings = settings.checked()?;
        state.commit(vec![Record::Settings(Box::new(settings))]).map_err(|refusal| refusal.message)?;
        actions.into_iter().try_for_each(|action| action.run(&mut state, now))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, quota::Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn codes(&self) -> MutexGuard<'_, oauth::Codes> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes under `/google`.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/google/", get(page::show))
        .route("/google/photos/{name}", get(photo::serve))
        .route("/google/o/{*path}", any(oauth::answer))
        .route("/google/token", any(oauth::answer))
        .route("/google/revoke", any(oauth::answer))
        .route("/google/{*path}", any(gateway::answer))
}

//! The Pipedrive stand-in: one company with its users, persons and organizations.
//!
//! A call goes through the [`gateway`] (route, credential, limits, faults), is checked by [`input`], handled by
//! [`record`] (persons and organizations alike), [`list`], [`search`], [`users`], [`picture`], [`fields`] or
//! [`merge`], and written by [`company`], which appends to the log before anything is answered. Webhooks, deals,
//! activities and filters are not here.

mod auth;
mod company;
mod fields;
mod gateway;
mod input;
mod limit;
mod list;
mod merge;
mod oauth;
mod organization;
mod page;
mod person;
mod picture;
mod record;
mod refusal;
mod routes;
mod search;
mod settings;
#[cfg(test)]
pub(super) mod tests;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{any, get};
use serde_json::{Map, Value, json};

pub(super) use company::{Company, Record};

use super::Shared;
use super::faults::overlay;
use crate::clock::Moment;

/// The service: the company, and what its limits have counted.
#[derive(Debug)]
pub(super) struct Pipedrive {
    company: Mutex<Company>,
    limits: Mutex<limit::Limits>,
    oauth: Mutex<oauth::Codes>,
}

impl Pipedrive {
    /// Serves `company`.
    pub(super) fn new(company: Company) -> Self {
        Self { company: Mutex::new(company), limits: Mutex::default(), oauth: Mutex::default() }
    }

    /// The settings, as `/_faults` shows them.
    pub(super) fn settings(&self) -> Value {
        json!(self.company().settings)
    }

    /// Sets the given keys of the settings; the others stay. The error says which key is wrong.
    pub(super) fn set(&self, keys: Map<String, Value>, now: Moment) -> Result<(), String> {
        let mut company = self.company();
        let settings: settings::Settings = overlay(&company.settings, keys)?;
        let settings = settings.checked()?;
        for email in &settings.users {
            company.user(email, now).map_err(|_| format!("`users`: \"{email}\" is no e-mail address"))?;
        }
        company.commit(vec![Record::Settings(Box::new(settings))]).map_err(|refusal| refusal.error)
    }

    fn company(&self) -> MutexGuard<'_, Company> {
        self.company.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limits(&self) -> MutexGuard<'_, limit::Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn codes(&self) -> MutexGuard<'_, oauth::Codes> {
        self.oauth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes under `/pipedrive`.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/pipedrive/", get(page::show))
        .route("/pipedrive/pictures/{id}/{size}", get(picture::serve))
        .route("/pipedrive/oauth/{*path}", any(oauth::answer))
        .route("/pipedrive/{*path}", any(gateway::answer))
}

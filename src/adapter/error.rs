//! What an adapter reports: kind says what happened, and so what a caller can do.

use std::fmt;

use crate::auth::token::{LoginError, LoginErrorKind};
use crate::clock::Moment;
use crate::http;

/// What happened, by what a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The login is dead: nothing works until a human being mends it.
    Login,
    /// This account may not do this.
    Forbidden,
    /// It is not there.
    NotFound,
    /// The group or folder is not there (any more).
    Group,
    /// The contact changed since it was planned: observe and plan anew.
    Stale,
    /// The book refuses this contact's content.
    Invalid,
    /// Not now: a limit, a budget, maintenance.
    Later {
        /// When trying again makes sense, where known.
        until: Option<Moment>,
    },
    /// The service or folder cannot be reached or does not answer as documented.
    Unavailable,
    /// Our own state database cannot be read or written.
    State,
    /// A write was sent and its answer never came: it may be done or not.
    UnknownOutcome,
    /// A cursor is too old: walk the whole book.
    CursorExpired,
    /// The work was cancelled.
    Cancelled,
}

/// An adapter's error: what we were doing, what we found, what to do next. Never holds secrets or a contact's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What a caller can do.
    pub kind: Kind,
    /// In words.
    pub message: String,
}

impl Error {
    /// An error in words.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// No answer at all.
impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        let kind = match &error {
            _ if error.outcome_unknown() => Kind::UnknownOutcome,
            http::Error::Cancelled { .. } => Kind::Cancelled,
            http::Error::RetryLater { until, .. } => Kind::Later { until: Some(*until) },
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

/// No token to ask with: nothing was sent.
impl From<LoginError> for Error {
    fn from(error: LoginError) -> Self {
        let kind = match error.kind {
            LoginErrorKind::NeedsLogin => Kind::Login,
            LoginErrorKind::Later { until } => Kind::Later { until },
            LoginErrorKind::Cancelled => Kind::Cancelled,
        };
        Self::new(kind, error.message)
    }
}

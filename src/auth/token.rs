//! Access tokens: where adapters get them from, and why there is none.
//!
//! An adapter never sees a refresh token, a key or an authorization server: it asks for a token that should be accepted
//! now, and says which one was refused. Who makes them: the modules beside this one.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::clock::Moment;

/// Gives access tokens for one user of one service. Everybody who waits shares one renewal.
#[async_trait]
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// A token that should be accepted now.
    ///
    /// `refused` is the token that the service has just answered with 401: it is never given again, and a source whose
    /// new token is refused as well says [`LoginErrorKind::NeedsLogin`] rather than to ask for ever.
    async fn token(
        &self,
        refused: Option<&SecretString>,
        cancel: &CancellationToken,
    ) -> Result<SecretString, LoginError>;
}

/// A source shared by whoever needs it.
pub type Tokens = Arc<dyn TokenSource>;

/// What can be done about a missing token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginErrorKind {
    /// Nothing works until a human being logs in, or mends what the message names.
    NeedsLogin,
    /// The authorization server cannot be reached, or asks for patience.
    Later {
        /// When trying again makes sense, where known.
        until: Option<Moment>,
    },
    /// The work was cancelled.
    Cancelled,
}

/// Why there is no token: what was being done, what was found, and the command that mends it. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LoginError {
    /// What can be done.
    pub kind: LoginErrorKind,
    /// In words.
    pub message: String,
}

impl LoginError {
    /// An error in words.
    pub fn new(kind: LoginErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// A token that never changes: the sandbox's.
#[derive(Debug)]
pub struct FixedToken(SecretString);

impl FixedToken {
    /// The token that is always given.
    pub fn new(token: SecretString) -> Self {
        Self(token)
    }
}

#[async_trait]
impl TokenSource for FixedToken {
    async fn token(&self, refused: Option<&SecretString>, _: &CancellationToken) -> Result<SecretString, LoginError> {
        match refused {
            None => Ok(self.0.clone()),
            Some(_) => Err(LoginError::new(
                LoginErrorKind::NeedsLogin,
                "the service refused the sandbox's token: is it a sandbox? See api_url and login in the configuration",
            )),
        }
    }
}

//! A user's own login: a refresh token that is kept, and what comes of it.
//!
//! The login is read from where it is kept at each renewal, so that a thousand idle accounts hold none in memory. A server that
//! rotates refresh tokens gives a new one with the access token: it is kept, durably, before the access token is handed out.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::login::{Bound, Keep, Login};
use super::oauth::refusal::{later, needs_login};
use super::oauth::{Grant, OAuth};
use super::renewal::{Access, Renew};
use super::token::LoginError;
use crate::http::is_loopback;

/// Renews through a user's login.
pub struct UserLogin {
    oauth: Arc<OAuth>,
    keep: Box<dyn Keep>,
    bound: Bound,
    /// How a dead login is mended: ``run `carnetd login alice` ``.
    mend: String,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// A renewed login that could not be kept yet.
    unkept: Option<Login>,
    /// The id of a login that is dead, and why: its server is not asked again.
    dead: Option<(String, LoginError)>,
}

impl UserLogin {
    /// The login kept by `keep`, if it is good for `bound`.
    pub fn new(oauth: Arc<OAuth>, keep: Box<dyn Keep>, bound: Bound, mend: String) -> Self {
        Self { oauth, keep, bound, mend, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The login to renew, or why there is none.
    async fn login(&self) -> Result<Login, LoginError> {
        let unkept = self.memory().unkept.clone();
        if let Some(login) = unkept {
            return self.kept(login).await;
        }
        let none = || needs_login(format!("nobody has logged in yet: {}", self.mend));
        let login = usable(self.keep.load().await?, &self.bound, &self.mend)?.ok_or_else(none)?;
        match &self.memory().dead {
            Some((id, error)) if *id == login.id => Err(error.clone()),
            _ => Ok(login),
        }
    }

    /// Keeps a renewed login. While that fails it is remembered here, and kept before anything else is done.
    async fn kept(&self, login: Login) -> Result<Login, LoginError> {
        self.memory().unkept = Some(login.clone());
        let kept = self.keep.replace(&login).await?;
        self.memory().unkept = None;
        if kept {
            Ok(login)
        } else {
            Err(later("somebody has logged in anew meanwhile; that login is used from now on"))
        }
    }
}

#[async_trait]
impl Renew for UserLogin {
    async fn renew(&self, cancel: &CancellationToken) -> Result<Access, LoginError> {
        let login = self.login().await?;
        let refreshed = self.oauth.refresh(&login.refresh_token, &self.mend, cancel).await;
        let grant = refreshed.map_err(|failure| {
            if failure.dead {
                self.memory().dead = Some((login.id.clone(), failure.error.clone()));
            }
            failure.error
        })?;
        if let Some(renewed) = renewed(&login, &grant) {
            self.kept(renewed).await?;
        }
        Ok(Access { token: grant.access, lifetime: grant.lifetime })
    }

    fn mend(&self) -> String {
        self.mend.clone()
    }
}

/// Nothing of a login.
impl fmt::Debug for UserLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserLogin").field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// A login that is good for what the configuration says now. One made for something else is an error that says so.
pub fn usable(login: Option<Login>, bound: &Bound, mend: &str) -> Result<Option<Login>, LoginError> {
    match login.as_ref().and_then(|login| login.bound.differs(bound)) {
        Some(why) => Err(needs_login(format!("{why}: {mend}"))),
        None => Ok(login),
    }
}

/// The login after a renewal, where anything of it is new.
fn renewed(login: &Login, grant: &Grant) -> Option<Login> {
    let rotated = grant.refresh.as_ref().filter(|new| new.expose_secret() != login.refresh_token.expose_secret());
    let moved = grant.api_root.as_deref().and_then(api_root).filter(|root| login.api_root.as_ref() != Some(root));
    if rotated.is_none() && moved.is_none() {
        return None;
    }
    let mut login = login.clone();
    login.refresh_token = rotated.cloned().unwrap_or(login.refresh_token);
    login.api_root = moved.or(login.api_root);
    Some(login)
}

/// A root that a token may be sent to: https, or plain http on this machine.
pub fn api_root(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (safe && url.has_host() && url.username().is_empty() && url.password().is_none()).then_some(url)
}

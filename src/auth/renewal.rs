//! A token source: one access token, renewed once for everybody who waits.
//!
//! A renewal is a task of its own: whoever asked for it may go away, and it still ends, so that a rotated refresh token is
//! never lost half-way. How a token is renewed is a [`Renew`]'s business.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::oauth::refusal::{later, needs_login};
use super::token::{LoginError, LoginErrorKind, TokenSource};
use crate::clock::{Moment, SharedClock};

/// A token is renewed this long before its end, but not before half of its life.
const EARLY: Duration = Duration::from_mins(1);
/// The life of a token whose server does not say it; a shorter one is told by a refusal.
const ASSUMED: Duration = Duration::from_hours(1);
/// A token that followed a refused one and is refused within this time as well: a third would fare no better.
const AT_ONCE: Duration = Duration::from_mins(1);

/// One way to get an access token.
#[async_trait]
pub trait Renew: Send + Sync + fmt::Debug {
    /// Gets one. What has to be kept of the answer is kept before this returns.
    async fn renew(&self, cancel: &CancellationToken) -> Result<Access, LoginError>;

    /// What mends a login whose tokens are refused although they are new, as a sentence.
    fn mend(&self) -> String;
}

/// An access token and how long it lives, where its server says so.
#[derive(Debug, Clone)]
pub struct Access {
    /// The token.
    pub token: SecretString,
    /// Its life from now on.
    pub lifetime: Option<Duration>,
}

/// The source for one user of one service.
#[derive(Debug)]
pub struct Source(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    renew: Box<dyn Renew>,
    clock: SharedClock,
    /// Ends renewals with the program.
    cancel: CancellationToken,
    state: Mutex<State>,
}

type Ended = Option<Result<SecretString, LoginError>>;

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// The renewal under way.
    renewal: Option<watch::Receiver<Ended>>,
    /// Counts how often the login was another one: what an older renewal brings is not held.
    generation: u64,
}

#[derive(Debug)]
struct Held {
    token: SecretString,
    since: Moment,
    renew_at: Moment,
    /// It took the place of one that was refused.
    after_refusal: bool,
}

impl Held {
    fn new(access: &Access, now: Moment, after_refusal: bool) -> Self {
        let life = access.lifetime.unwrap_or(ASSUMED);
        let renew_at = now.after(life.saturating_sub(EARLY).max(life / 2));
        Self { token: access.token.clone(), since: now, renew_at, after_refusal }
    }
}

impl Source {
    /// A source that has nothing yet. Asks nobody until it is asked. `cancel` ends the program.
    pub fn new(renew: Box<dyn Renew>, clock: SharedClock, cancel: CancellationToken) -> Self {
        Self(Arc::new(Inner { renew, clock, cancel, state: Mutex::default() }))
    }

    /// The login is another one from now on; its access token, where there is one already.
    pub fn replaced(&self, access: Option<&Access>) {
        let now = self.0.clock.now();
        let mut state = self.0.state();
        state.generation += 1;
        state.renewal = None;
        state.held = access.map(|access| Held::new(access, now, false));
    }
}

#[async_trait]
impl TokenSource for Source {
    async fn token(
        &self,
        refused: Option<&SecretString>,
        cancel: &CancellationToken,
    ) -> Result<SecretString, LoginError> {
        let mut renewal = match self.0.judge(refused) {
            Judged::Use(token) => return Ok(token),
            Judged::Refused => return Err(self.0.refused()),
            Judged::Wait(renewal) => renewal,
        };
        let ended = tokio::select! {
            ended = renewal.wait_for(Option::is_some) => ended.map(|ended| ended.clone()),
            () = cancel.cancelled() => {
                return Err(LoginError::new(LoginErrorKind::Cancelled, "stopped while waiting for an access token"));
            }
        };
        let lost = || later("the renewal of the access token ended unexpectedly; it is tried again by itself");
        let token = ended.ok().flatten().ok_or_else(lost)??;
        if refused.is_some_and(|refused| same(refused, &token)) { Err(self.0.refused()) } else { Ok(token) }
    }
}

enum Judged {
    Use(SecretString),
    /// What replaced a refused token was refused as well.
    Refused,
    Wait(watch::Receiver<Ended>),
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(self: &Arc<Self>, refused: Option<&SecretString>) -> Judged {
        let now = self.clock.now();
        let mut state = self.state();
        let mut after_refusal = false;
        if let Some(held) = &state.held {
            // A refusal of an older token was heard by others already, and has led to this one.
            let this_one = refused.is_some_and(|refused| same(refused, &held.token));
            if !this_one && now < held.renew_at {
                return Judged::Use(held.token.clone());
            }
            let in_vain = this_one && held.after_refusal && now.since(held.since) < AT_ONCE;
            state.held = None;
            if in_vain {
                return Judged::Refused;
            }
            after_refusal = this_one;
        }
        // A renewal whose sender is gone without a word has panicked.
        let under_way = state.renewal.as_ref().filter(|renewal| renewal.has_changed().is_ok()).cloned();
        let renewal = under_way.unwrap_or_else(|| self.begin(state.generation, after_refusal));
        state.renewal = Some(renewal.clone());
        Judged::Wait(renewal)
    }

    fn begin(self: &Arc<Self>, generation: u64, after_refusal: bool) -> watch::Receiver<Ended> {
        let (ended, renewal) = watch::channel(None);
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            let result = inner.renew.renew(&inner.cancel).await;
            let now = inner.clock.now();
            {
                let mut state = inner.state();
                if state.generation == generation {
                    state.renewal = None;
                    state.held = result.as_ref().ok().map(|access| Held::new(access, now, after_refusal));
                }
            }
            ended.send_replace(Some(result.map(|access| access.token)));
        });
        renewal
    }

    fn refused(&self) -> LoginError {
        needs_login(format!("the service refuses even a new access token: {}", self.renew.mend()))
    }
}

/// Tokens are compared without telling by the time it takes how much of them fits.
fn same(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret().as_bytes().ct_eq(b.expose_secret().as_bytes()).into()
}

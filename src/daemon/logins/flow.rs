//! Making a login: start, finish, and links that can be mailed.
//!
//! What comes back is kept only if the state is one that we gave out, everything that is needed was granted, and whoever
//! logged in is whom the account names. A link lets its reader log in for one account without access to the machine. It is
//! used up by the login that it led to, not by being opened: mail scanners open links before people do.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Logins;
use super::pending::Pending;
use super::target::{Target, below, unconfigured};
use super::vault::VaultError;
use crate::account::AccountName;
use crate::auth::login::Login;
use crate::auth::oauth::{Grant, OAuth};
use crate::auth::renewal::Access;
use crate::auth::token::{LoginError, LoginErrorKind};
use crate::auth::user::api_root;
use crate::config::Config;
use crate::http::{Client, is_loopback};
use crate::status::{At, LoggedIn, LoginLink, LoginStarted, Refused, RefusedKind, Who};

/// How long a link is good.
const LINK_LIFE: Duration = Duration::from_hours(24);

impl Logins {
    /// Starts a login whose answer comes back to `redirect`: a loopback address, or the status server's public one.
    pub(in crate::daemon) fn start(
        &self,
        config: &Config,
        who: &Who,
        redirect: &Url,
        client: &Client,
    ) -> Result<LoginStarted, Refused> {
        let loopback = redirect.scheme() == "http" && is_loopback(redirect);
        if !loopback && done_url(config).ok().as_ref() != Some(redirect) {
            let origin = redirect.origin().ascii_serialization();
            return Err(failed(format!(
                "a login's answer goes to this machine or to [status] public_url, not to {origin}"
            )));
        }
        self.begin(config, who.clone(), (redirect, None), client)
    }

    /// Makes a link for an account. The state database has only the hash of its secret.
    pub(in crate::daemon) async fn link(&self, config: &Config, account: &AccountName) -> Result<LoginLink, Refused> {
        let public = public_url(config)?;
        self.target(config, &Who::Account(account.to_string()))?;
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| failed("the system gives no random numbers"))?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let now = self.clock.now();
        let until = now.after(LINK_LIFE);
        let put = self.vault.put_link(&link_key(&secret), account.as_str(), (now, until)).await;
        put.map_err(|error| unkept(&error))?;
        Ok(LoginLink { url: below(public, &format!("/login/{secret}")), until: At(until) })
    }

    /// Starts the login that a link is for.
    pub(in crate::daemon) async fn follow(
        &self,
        config: &Config,
        secret: &str,
        client: &Client,
    ) -> Result<LoginStarted, Refused> {
        let redirect = done_url(config)?;
        let key = link_key(secret);
        let account = self.vault.link(&key, self.clock.now()).await.map_err(|error| unkept(&error))?;
        let account = account.ok_or_else(|| {
            failed("this link was used before, is older than 24 hours, or was never one")
                .help("ask the administrator who sent it for another one (carnetd login ACCOUNT --link)")
        })?;
        self.begin(config, Who::Account(account), (&redirect, Some(key)), client)
    }

    fn begin(
        &self,
        config: &Config,
        who: Who,
        (redirect, link): (&Url, Option<String>),
        client: &Client,
    ) -> Result<LoginStarted, Refused> {
        use secrecy::ExposeSecret;
        let target = self.target(config, &who)?;
        let started = self.oauth(&target, client).start(redirect, target.address.as_deref());
        let url = Url::parse(started.url.expose_secret()).map_err(|error| failed(error.to_string()))?;
        let state = started.state.expose_secret().to_owned();
        self.waiting.add(Pending { who, target, started, link, at: self.clock.now() });
        Ok(LoginStarted { url, state })
    }

    /// Ends the login whose state came back with this code. Gives back for whom it was.
    pub(in crate::daemon) async fn finish(
        &self,
        config: &Config,
        (state, code): (&str, &str),
        client: &Client,
    ) -> Result<(Who, LoggedIn), Refused> {
        let pending = self.waiting.take(state, self.clock.now()).ok_or_else(|| {
            failed("this login was finished before, took longer than 10 minutes, or was not started here")
                .help("start it again with `carnetd login`, or open the link again")
        })?;
        let target = self.target(config, &pending.who)?;
        if target.application != pending.target.application || target.bound != pending.target.bound {
            return Err(failed(format!("the configuration of {} changed while somebody logged in", target.what))
                .help("start the login again"));
        }
        let oauth = self.oauth(&target, client);
        let grant = oauth.exchange(&pending.started, code, &self.cancel).await.map_err(|error| refused(&error))?;
        let address = self.who_it_is(config, &target, &oauth, &grant).await?;
        let login = accepted(&target, &grant)?;
        let put = self.vault.put(&target.key, &login, pending.link.as_deref()).await;
        put.map_err(|error| unkept(&error))?;
        if let Some((_, source)) = self.known().sources.get(&target.key)
            && let Some(source) = source.upgrade()
        {
            source.replaced(Some(&Access { token: grant.access, lifetime: grant.lifetime }));
        }
        let at = login.api_root.as_ref().and_then(Url::host_str).map(|host| format!(" ({host})"));
        Ok((pending.who, LoggedIn { what: format!("{}{}", target.what, at.unwrap_or_default()), address }))
    }

    /// Who logged in, where the service says it. Somebody else than the account names is refused, and the grant given back.
    async fn who_it_is(
        &self,
        config: &Config,
        target: &Target,
        oauth: &OAuth,
        grant: &Grant,
    ) -> Result<Option<String>, Refused> {
        let Some(wanted) = &target.address else { return Ok(None) };
        let address = oauth.address(grant).map_err(|error| refused(&error))?;
        if address.to_lowercase() == wanted.to_lowercase() {
            return Ok(Some(address));
        }
        let token = grant.refresh.as_ref().unwrap_or(&grant.access);
        let given_back = if self.has_login_of(config, target, &address).await {
            // Google revokes everything that a user granted to the project, whichever token is named.
            "carnetd keeps another login of that user, so the grant was not given back".to_owned()
        } else {
            match oauth.revoke(token, &CancellationToken::new()).await {
                Ok(()) => "the grant was given back".to_owned(),
                Err(error) => format!("the grant could not be given back ({error}); the user can remove it"),
            }
        };
        let message =
            format!("{} is for {wanted}, but {address} logged in; nothing was kept: {given_back}", target.what);
        Err(failed(message).help(format!("log in as {wanted}, for example in a private window")))
    }

    /// Whether a login of this user, at the same kind of service, is kept for another account.
    async fn has_login_of(&self, config: &Config, target: &Target, address: &str) -> bool {
        for name in config.accounts.keys() {
            let Ok(other) = self.target(config, &Who::Account(name.to_string())) else { continue };
            let same = other.bound.provider == target.bound.provider && other.bound.address == address.to_lowercase();
            // One that cannot be read may still be of use tomorrow.
            if same && !matches!(self.vault.load(&other.key).await, Ok(None)) {
                return true;
            }
        }
        false
    }
}

/// The login of a grant, if it is good for what we need.
fn accepted(target: &Target, grant: &Grant) -> Result<Login, Refused> {
    let missing = target.missing(grant.scopes.as_ref());
    if !missing.is_empty() {
        let help = match target.address {
            Some(_) => "log in again and leave the box for contacts ticked",
            None => "give the application these scopes in Pipedrive's Developer Hub, then log in again",
        };
        return Err(failed(format!(
            "{}: the login does not allow {}; nothing was kept",
            target.what,
            missing.join(", ")
        ))
        .help(help));
    }
    let refresh_token = grant.refresh.clone().ok_or_else(|| {
        failed(format!("{}: the service gave no refresh token; nothing was kept", target.what))
            .help("remove carnetd from the user's connected applications there, then log in again")
    })?;
    let root = match grant.api_root.as_deref() {
        None => None,
        Some(text) => Some(api_root(text).ok_or_else(|| {
            failed(format!(
                "{}: the service names an API at an address that is neither https nor this machine",
                target.what
            ))
        })?),
    };
    let id = uuid::Uuid::new_v4().to_string();
    Ok(Login { id, bound: target.bound.clone(), refresh_token, scopes: grant.scopes.clone(), api_root: root })
}

/// Under which key a link is kept: its secret cannot be had back from it.
fn link_key(secret: &str) -> String {
    format!("link/{}", URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes())))
}

fn public_url(config: &Config) -> Result<&Url, Refused> {
    config.status.public_url.as_ref().ok_or_else(|| {
        unconfigured("a link needs [status] public_url: where browsers reach this server from outside")
            .help("add public_url = \"https://…\" to [status], with a proxy in front that serves it; or run `carnetd login ACCOUNT` without --link")
    })
}

/// Where browsers come back to after following a link.
fn done_url(config: &Config) -> Result<Url, Refused> {
    public_url(config).map(|url| below(url, "/login/done"))
}

fn failed(message: impl Into<String>) -> Refused {
    Refused::new(RefusedKind::Failed, message)
}

fn refused(error: &LoginError) -> Refused {
    let kind = match error.kind {
        LoginErrorKind::NeedsLogin => RefusedKind::Failed,
        LoginErrorKind::Later { .. } => RefusedKind::Later,
        LoginErrorKind::Cancelled => RefusedKind::NotReachable,
    };
    Refused::new(kind, error.message.clone())
}

fn unkept(error: &VaultError) -> Refused {
    failed(format!("the login cannot be kept: {error}"))
}

//! Who may come in: the host a request was sent to, the token, and where a POST came from.
//!
//! Three dangers, three questions. A page of another site whose name was pointed at 127.0.0.1 (DNS rebinding) names a
//! host that is not ours: [`Door::serves`]. A stranger on the network lacks the token: [`Door::visitor`]. A page of
//! another site that posts here with the visitor's cookie says so in `Sec-Fetch-Site` or `Origin`:
//! [`Door::may_post`]. All are pure; `server` asks them in this order, before anything else is looked at.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use crate::config;

/// The name of the cookie that stands for the token.
const COOKIE_NAME: &str = "carnetd";

/// The rules of one listener.
#[derive(Debug)]
pub struct Door {
    hosts: Vec<String>,
    public_url: Option<Url>,
    token: Option<SecretString>,
    /// Whoever reaches the listener at all may see names: the socket in the state directory.
    trusted: bool,
}

/// What a visitor may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// Knows the token, or came through the socket: contacts' names too.
    Known,
    /// There is no token to know: counts only.
    Anybody,
    /// Lacks the token: nothing but the login form.
    Stranger,
}

impl Door {
    /// The door of the status server. `token` is what `[status] token_…` led to; without one, pages show counts only.
    pub fn new(status: &config::Status, token: Option<SecretString>) -> Self {
        Self { hosts: status.hosts.clone(), public_url: status.public_url.clone(), token, trusted: false }
    }

    /// The door of the commands' socket, whose mode is what keeps others out.
    pub fn trusted() -> Self {
        Self { hosts: Vec::new(), public_url: None, token: None, trusted: true }
    }

    /// Whether there is a token to log in with.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether there is an address under which people reach this server from elsewhere.
    pub fn is_public(&self) -> bool {
        self.public_url.is_some()
    }

    /// Whether the host a request names is this machine's loopback or listed. The error is the name, for the answer.
    pub fn serves(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), String> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        // With an absolute target (`GET http://x/ HTTP/1.1`) that one counts; neither may name somebody else.
        for authority in [Some(host), uri.authority().map(axum::http::uri::Authority::as_str)].into_iter().flatten() {
            if !self.knows(authority) {
                return Err(authority.to_owned());
            }
        }
        Ok(())
    }

    fn knows(&self, authority: &str) -> bool {
        let host = host_of(authority).to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let public = self.public_url.as_ref().and_then(Url::host_str);
        host == "localhost"
            || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
            || bare.parse::<Ipv6Addr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
            || self.hosts.iter().map(String::as_str).chain(public).any(|listed| listed.eq_ignore_ascii_case(&host))
    }

    /// What the sender of these headers may see.
    pub fn visitor(&self, headers: &HeaderMap) -> Visitor {
        let Some(token) = &self.token else {
            return if self.trusted { Visitor::Known } else { Visitor::Anybody };
        };
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, given) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| given.trim())
        });
        let known = bearer.is_some_and(|given| same(given, token.expose_secret()))
            || cookies(headers).any(|given| same(given, &pass(token)));
        if known { Visitor::Known } else { Visitor::Stranger }
    }

    /// The cookie for a visitor who typed this token, or `None` where it is not the token.
    ///
    /// It holds a digest: whoever finds it in a browser cannot use it as a bearer token, and a new token ends it.
    pub fn log_in(&self, typed: &str) -> Option<String> {
        let token = self.token.as_ref().filter(|token| same(typed.trim(), token.expose_secret()))?;
        let https = self.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let secure = if https { "; Secure" } else { "" };
        Some(format!("{COOKIE_NAME}={}; Path=/; HttpOnly; SameSite=Strict{secure}", pass(token)))
    }

    /// Whether a POST comes from our own page or from no page at all; else why not.
    pub fn may_post(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        if !matches!(text("sec-fetch-site"), None | Some("same-origin" | "none")) {
            return Err("Sec-Fetch-Site says that another site sent it");
        }
        match text(ORIGIN.as_str()) {
            Some(origin) if !self.is_own(origin, text(HOST.as_str()).unwrap_or_default()) => {
                Err("its Origin is another site")
            }
            _ => Ok(()),
        }
    }

    /// Whether a browser says that a page of ours sent it. Unlike [`Door::may_post`], silence is no answer: for what
    /// only a person at a browser should do.
    pub fn is_from_own_page(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(ORIGIN) && self.may_post(headers).is_ok()
    }

    /// Behind a proxy that ends TLS, the scheme differs from ours, and the host may: then `public_url` knows it.
    fn is_own(&self, origin: &str, host: &str) -> bool {
        let own = |scheme: &str| origin.strip_prefix(scheme).is_some_and(|rest| rest.eq_ignore_ascii_case(host));
        let public = self.public_url.as_ref().map(|url| url.origin().ascii_serialization());
        own("http://") || own("https://") || public.is_some_and(|public| public == origin)
    }
}

/// `localhost:8787` → `localhost`, `[::1]:8787` → `[::1]`.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => authority,
    }
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    })
}

/// What the cookie holds instead of the token.
fn pass(token: &SecretString) -> String {
    let mut hash = Sha256::new();
    hash.update(b"carnetd status cookie\0");
    hash.update(token.expose_secret().as_bytes());
    format!("{:x}", hash.finalize())
}

/// Compares in a time that tells nothing of where they differ.
fn same(given: &str, expected: &str) -> bool {
    given.as_bytes().ct_eq(expected.as_bytes()).into()
}

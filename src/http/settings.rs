//! How the client reaches the world: proxy, further CA certificates, and what counts as this machine.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::Certificate;
use url::{Host, Url};

/// What `[http]` and the environment say.
#[derive(Clone, Default)]
pub struct Settings {
    /// The proxy for everything but loopback; `http://` or `https://`, with `user:password@` where it wants a login.
    pub proxy: Option<Url>,
    /// Hosts, domains, addresses and networks that are reached without the proxy; the entries of `NO_PROXY`.
    pub no_proxy: Vec<String>,
    /// PEM certificates that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
}

impl Settings {
    /// What the process's environment says, and nothing else.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::default().or_env(|name| std::env::var(name).ok())
    }

    /// Fills what is not set from `HTTPS_PROXY` and `NO_PROXY` (or their lower-case forms), asked for by name. An empty
    /// variable counts as unset.
    pub fn or_env(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self, BuildError> {
        let either = |upper: &str, lower: &str| {
            variable(upper).or_else(|| variable(lower)).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
        };
        if self.proxy.is_none()
            && let Some(text) = either("HTTPS_PROXY", "https_proxy")
        {
            // "proxy:3128" is what people write and what curl accepts.
            let text = if text.contains("://") { text } else { format!("http://{text}") };
            self.proxy = Some(Url::parse(&text).map_err(|_| BuildError::ProxyUrl)?);
        }
        if self.no_proxy.is_empty()
            && let Some(text) = either("NO_PROXY", "no_proxy")
        {
            self.no_proxy = text.split(',').map(|e| e.trim().to_owned()).filter(|e| !e.is_empty()).collect();
        }
        Ok(self)
    }

    /// The proxy for reqwest, with loopback and [`Settings::no_proxy`] left out of it.
    pub(super) fn reqwest_proxy(&self) -> Result<Option<reqwest::Proxy>, BuildError> {
        let Some(url) = &self.proxy else { return Ok(None) };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(BuildError::ProxyScheme(url.scheme().to_owned()));
        }
        let around = self.no_proxy.iter().map(String::as_str).chain(["localhost", "127.0.0.0/8", "::1"]);
        let around = around.collect::<Vec<_>>().join(",");
        // reqwest's error would show the password in the address.
        let proxy = reqwest::Proxy::all(url.clone()).map_err(|_| BuildError::ProxyUrl)?;
        Ok(Some(proxy.no_proxy(reqwest::NoProxy::from_string(&around))))
    }

    /// The certificates in [`Settings::ca_file`].
    pub(super) fn certificates(&self) -> Result<Vec<Certificate>, BuildError> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        let pem = std::fs::read(path).map_err(|cause| BuildError::CaUnreadable { path: path.clone(), cause })?;
        match Certificate::from_pem_bundle(&pem) {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            _ => Err(BuildError::CaInvalid { path: path.clone() }),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = self.proxy.as_ref().map(super::redact::origin);
        f.debug_struct("Settings")
            .field("proxy", &proxy)
            .field("no_proxy", &self.no_proxy)
            .field("ca_file", &self.ca_file)
            .finish()
    }
}

/// Why there is no client. All of these are mistakes of the configuration or of the installation.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The proxy's address cannot be read. It is not shown, because it may hold a password.
    #[error("the proxy's address cannot be read; expected http://HOST:PORT; correct [http] proxy or HTTPS_PROXY")]
    ProxyUrl,
    /// The proxy's address has another scheme.
    #[error(
        "the proxy's address starts with {0}:; expected http:// or https:// and a host; correct [http] proxy or HTTPS_PROXY"
    )]
    ProxyScheme(String),
    /// The CA file cannot be read.
    #[error("[http] ca_file {path:?} cannot be read: {cause}; correct the path or its permissions")]
    CaUnreadable {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The CA file holds no certificate.
    #[error(
        "[http] ca_file {path:?} holds no certificate that can be read; expected PEM (-----BEGIN CERTIFICATE-----)"
    )]
    CaInvalid {
        /// Its path.
        path: PathBuf,
    },
    /// The library refused.
    #[error("the HTTP client cannot be set up: {0}")]
    Library(String),
}

/// Whether a URL names this machine: `localhost`, `127.0.0.0/8` or `::1`. Names below `localhost` are not accepted,
/// because not every resolver keeps them on the machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
        None => false,
    }
}

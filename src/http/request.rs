//! A request as a value, and what may be shown of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::bytes::Bytes;
use url::Url;

use super::redact;

/// How long a whole exchange may take unless the request says otherwise.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How large a body may be, after decompression, unless the request says otherwise: 16 MiB.
const MAX_BYTES: usize = 16 << 20;

/// Whether a request may be sent a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// It may be repeated after any failure: a read, a delete, or a write that sets the same values again.
    Idempotent,
    /// A create. It is repeated only when it surely did nothing: no connection came about, or the answer says so (429,
    /// or 503 with `Retry-After`; any other 5xx may come from a proxy in front of a service that did act).
    OnlyIfUnsent,
}

/// One part of a multipart body.
#[derive(Debug, Clone)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The file's name, for a file.
    pub file_name: Option<String>,
    /// The media type, such as `image/jpeg`.
    pub content_type: Option<String>,
    /// What is sent.
    pub bytes: Bytes,
}

#[derive(Clone)]
pub(super) enum Body {
    None,
    Bytes { bytes: Bytes, content_type: String },
    Multipart(Vec<Part>),
}

/// What is to be sent. `Debug` shows neither header values nor query values nor the body.
#[derive(Clone)]
pub struct Request {
    pub(super) service: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Dropped for good when a redirect leaves the origin.
    pub(super) secrets: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Body,
    pub(super) safety: Safety,
    pub(super) max_bytes: usize,
    pub(super) timeout: Duration,
    pub(super) price: u32,
    route: Option<&'static str>,
    /// The first thing that was wrong with it, told when it is sent.
    pub(super) problem: Option<String>,
}

impl Request {
    /// A request to `url`. Reads (GET, HEAD, OPTIONS, PROPFIND, REPORT, SEARCH), PUT and DELETE are
    /// [`Safety::Idempotent`] unless told otherwise, everything else is [`Safety::OnlyIfUnsent`].
    ///
    /// `service` is the name in logs, errors and metrics, such as `"pipedrive"`.
    pub fn new(service: &'static str, method: Method, url: Url) -> Self {
        let repeatable = reads(&method) || matches!(method, Method::PUT | Method::DELETE);
        Self {
            service,
            url,
            headers: Vec::new(),
            secrets: Vec::new(),
            body: Body::None,
            safety: if repeatable { Safety::Idempotent } else { Safety::OnlyIfUnsent },
            max_bytes: MAX_BYTES,
            timeout: TIMEOUT,
            price: 1,
            route: None,
            problem: None,
            method,
        }
    }

    /// Adds a header that may be shown and may follow a redirect to another origin.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match header(name, value) {
            Ok(header) => self.headers.push(header),
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// Adds a header that is never shown and never leaves the origin, such as `authorization`.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a secret is handed over, not lent")]
    pub fn secret_header(mut self, name: &str, value: SecretString) -> Self {
        match header(name, value.expose_secret()) {
            Ok((name, mut value)) => {
                value.set_sensitive(true);
                self.secrets.push((name, value));
            }
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// Appends to the query.
    #[must_use]
    pub fn query<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: &[(K, V)]) -> Self {
        if !pairs.is_empty() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.body(value.to_string(), "application/json")
    }

    /// Sends a form, URL-encoded.
    #[must_use]
    pub fn form<K: AsRef<str>, V: AsRef<str>>(self, pairs: &[(K, V)]) -> Self {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.body(encoded, "application/x-www-form-urlencoded")
    }

    /// Sends `multipart/form-data`.
    #[must_use]
    pub fn multipart(mut self, parts: Vec<Part>) -> Self {
        self.body = Body::Multipart(parts);
        self
    }

    /// Sends bytes as they are.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Bytes>, content_type: &str) -> Self {
        self.body = Body::Bytes { bytes: bytes.into(), content_type: content_type.to_owned() };
        self
    }

    /// Says whether it may be sent again.
    #[must_use]
    pub fn safety(mut self, safety: Safety) -> Self {
        self.safety = safety;
        self
    }

    /// The largest body to accept, in bytes after decompression; 16 MiB by default.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long one attempt may take from connecting to the body's last byte; 60 s by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What one attempt costs, in the service's own unit; handed to the [`Pace`](super::Pace). 1 by default.
    #[must_use]
    pub fn price(mut self, price: u32) -> Self {
        self.price = price;
        self
    }

    /// What logs and errors call the path, such as `"/api/v2/persons/{id}"`; the path itself by default.
    #[must_use]
    pub fn route(mut self, route: &'static str) -> Self {
        self.route = Some(route);
        self
    }

    /// What may be shown of it.
    pub fn call(&self) -> Arc<Call> {
        Arc::new(Call {
            service: self.service,
            method: self.method.clone(),
            origin: redact::origin(&self.url),
            route: self.route.map_or_else(|| redact::route(&self.url), str::to_owned),
        })
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().chain(&self.secrets).map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("call", &self.call().to_string())
            .field("headers", &headers)
            .field("safety", &self.safety)
            .finish_non_exhaustive()
    }
}

/// What may be shown of a request: `pipedrive: GET https://acme.pipedrive.com/api/v2/persons?limit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The service's name.
    pub service: &'static str,
    /// The method.
    pub method: Method,
    /// Scheme, host and port.
    pub origin: String,
    /// The path, and the names of the query's keys.
    pub route: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}{}", self.service, self.method, self.origin, self.route)
    }
}

/// Whether a method only reads (RFC 9110 §9.2.1, and the safe methods of WebDAV): such a request may be dropped half-way
/// and follows redirects.
pub(super) fn reads(method: &Method) -> bool {
    method.is_safe() || matches!(method.as_str(), "PROPFIND" | "REPORT" | "SEARCH")
}

/// The message never holds the value: it may be a secret.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = HeaderName::try_from(name).map_err(|_| format!("{name:?} is no name for a header"))?;
    let value = HeaderValue::try_from(value)
        .map_err(|_| format!("the value of header {name} has a character that cannot be sent, such as a line break"))?;
    Ok((parsed, value))
}

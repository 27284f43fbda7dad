//! The client, and the loop around one request: admit, send, judge, wait.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::error::Error;
use super::pace::Pace;
use super::request::Request;
use super::response::Response;
use super::settings::{BuildError, Settings};
use super::trip::Trip;
use crate::clock::SharedClock;

/// How long connecting may take, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// Idle connections are closed before the services close them (their shortest is 60 s): a create that meets a closing
/// connection would be of unknown outcome.
const IDLE: Duration = Duration::from_secs(30);

/// Told of every attempt: the hook for `carnetd_http_requests_total`.
pub trait Observer: Send + Sync {
    /// An attempt at `service` has ended with this status; 0 where no answer came.
    fn answered(&self, service: &str, code: u16);
}

/// The client. Cloning is cheap, and clones share their connections.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

pub(super) struct Inner {
    pub(super) clock: SharedClock,
    rng: Mutex<fastrand::Rng>,
    /// For plain http, which is loopback or the socket: no proxy, no certificates.
    plain: reqwest::Client,
    /// For https. Made when first needed: a machine without CA certificates can still talk to itself.
    secure: OnceCell<reqwest::Client>,
    settings: Settings,
}

impl Client {
    /// A client; `seed` is the source of the jitter.
    pub fn new(settings: &Settings, clock: SharedClock, seed: u64) -> Result<Self, BuildError> {
        // Read again when first needed; here so that a mistake is told at the start.
        settings.certificates()?;
        settings.reqwest_proxy()?;
        Self::build(builder(), settings.clone(), clock, seed)
    }

    /// A client whose every request goes to the Unix socket at `path`; their URLs are `http://localhost/…`.
    pub fn over_unix(path: &Path, clock: SharedClock, seed: u64) -> Result<Self, BuildError> {
        Self::build(builder().unix_socket(path), Settings::default(), clock, seed)
    }

    fn build(
        plain: reqwest::ClientBuilder,
        settings: Settings,
        clock: SharedClock,
        seed: u64,
    ) -> Result<Self, BuildError> {
        let plain = plain.tls_certs_only([]).build().map_err(|error| BuildError::Library(error.to_string()))?;
        let rng = Mutex::new(fastrand::Rng::with_seed(seed));
        Ok(Self { inner: Arc::new(Inner { clock, rng, plain, secure: OnceCell::new(), settings }), observer: None })
    }

    /// The same client, telling `observer` of every attempt.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Sends a request, and again where [`super::retry`] says so. Any answer is `Ok`, whatever its status.
    ///
    /// `cancel` is looked at before each attempt and in every wait; a read under way is dropped, a write under way is
    /// waited for, so that its outcome is known. The future itself must not be dropped while a write is under way.
    pub async fn send(&self, request: Request, pace: &dyn Pace, cancel: &CancellationToken) -> Result<Response, Error> {
        let call = request.call();
        let span = tracing::debug_span!(
            "http",
            service = call.service,
            method = %call.method,
            route = call.route,
            attempt = tracing::field::Empty,
            elapsed_ms = tracing::field::Empty,
            request_id = tracing::field::Empty,
            status = tracing::field::Empty,
        );
        let started = self.inner.clock.now();
        let trip = Trip::new(self, request, call, pace, cancel);
        let result = trip.run().instrument(span.clone()).await;
        let elapsed = self.inner.clock.now().since(started).as_millis();
        span.record("elapsed_ms", u64::try_from(elapsed).unwrap_or(u64::MAX));
        let _inside = span.enter();
        match &result {
            Ok(response) => {
                span.record("attempt", response.attempts).record("status", response.status);
                if let Some(id) = &response.request_id {
                    span.record("request_id", id.as_str());
                }
                tracing::debug!("answered");
            }
            Err(error) => tracing::debug!(%error, "not answered"),
        }
        result
    }

    pub(super) fn observe(&self, service: &str, code: u16) {
        if let Some(observer) = &self.observer {
            observer.answered(service, code);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Inner {
    /// The chance of one request: its own generator, so that requests do not disturb each other's schedules.
    pub(super) fn fork_rng(&self) -> fastrand::Rng {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }

    /// The connections for a URL's scheme, or why there can be none.
    pub(super) async fn connections(&self, scheme: &str) -> Result<reqwest::Client, String> {
        if scheme != "https" {
            return Ok(self.plain.clone());
        }
        let secure = self.secure.get_or_try_init(|| async {
            let settings = self.settings.clone();
            // Reading some hundred certificates from disk takes tens of milliseconds.
            let built = tokio::task::spawn_blocking(move || secure(&settings)).await;
            built.map_err(|error| error.to_string())?
        });
        secure.await.cloned()
    }
}

fn builder() -> reqwest::ClientBuilder {
    #[expect(clippy::disallowed_methods, reason = "the one place where clients are made")]
    let builder = reqwest::Client::builder();
    builder
        .user_agent(concat!("carnetd/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .default_headers(HeaderMap::new())
        .no_proxy()
}

fn secure(settings: &Settings) -> Result<reqwest::Client, String> {
    let told = |error: BuildError| error.to_string();
    let mut builder = builder().https_only(true).tls_certs_merge(settings.certificates().map_err(told)?);
    if let Some(proxy) = settings.reqwest_proxy().map_err(told)? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        cause.to_string()
    })
}

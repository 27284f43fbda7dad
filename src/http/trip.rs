//! One request's way through the client: its attempts, its redirects and what is known of its outcome so far.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use tokio_util::sync::CancellationToken;
use url::Origin;

use super::client::Client;
use super::error::Error;
use super::pace::Pace;
use super::redirect;
use super::request::{Body, Call, Request, reads};
use super::response::{Response, request_id};
use super::retry::{self, Backoff, Ending, Verdict};
use super::wire::{self, Answer, Fault};
use crate::clock::Moment;

/// The advice for a connection that cannot be trusted.
const UNTRUSTED: &str = "check the address and the machine's time; a CA of your own is named in [http] ca_file";
/// The advice for a machine that trusts nobody.
const NO_ROOTS: &str = "install the package ca-certificates, or name a PEM file in [http] ca_file";

/// The state of one request under way.
pub(super) struct Trip<'a> {
    client: &'a Client,
    request: Request,
    call: Arc<Call>,
    pace: &'a dyn Pace,
    cancel: &'a CancellationToken,
    backoff: Backoff,
    attempts: u32,
    hops: u32,
    /// Where the request was to go. What others answer on the way is not the service's word on its limits.
    home: Origin,
    /// The next sending goes where a redirect led.
    following: bool,
    /// What happened to an attempt that the service may have acted on; writes only.
    doubt: Option<String>,
}

/// What an attempt leads to.
enum Step {
    Done(Box<Response>),
    /// Wait, then send again.
    Again(Duration),
    /// Send to the place a redirect named; not an attempt of its own.
    Follow,
}

impl<'a> Trip<'a> {
    pub(super) fn new(
        client: &'a Client,
        request: Request,
        call: Arc<Call>,
        pace: &'a dyn Pace,
        cancel: &'a CancellationToken,
    ) -> Self {
        let backoff = Backoff::new(client.inner.fork_rng());
        let home = request.url.origin();
        Self { client, request, call, pace, cancel, backoff, attempts: 0, hops: 0, home, following: false, doubt: None }
    }

    pub(super) async fn run(mut self) -> Result<Response, Error> {
        let problem = self.request.problem.take().or_else(|| redirect::may_be_sent(&self.request.url).err());
        if let Some(problem) = problem {
            return Err(Error::Build { call: self.call, problem });
        }
        loop {
            let result = self.attempt().await?;
            match self.judge(result)? {
                Step::Done(response) => return Ok(*response),
                Step::Follow => {}
                Step::Again(wait) => {
                    tracing::debug!(attempt = self.attempts, wait_ms = wait.as_millis(), "again after a wait");
                    let until = self.client.inner.clock.now().after(wait);
                    tokio::select! {
                        () = self.client.inner.clock.sleep_until(until) => {}
                        () = self.cancel.cancelled() => return Err(self.cancelled()),
                    }
                }
            }
        }
    }

    /// Asks for permission and sends. The outer error ends the trip, the inner one is to be judged.
    async fn attempt(&mut self) -> Result<Result<Answer, Fault>, Error> {
        if self.cancel.is_cancelled() {
            return Err(self.cancelled());
        }
        let connections = self.client.inner.connections(self.request.url.scheme()).await;
        let connections = connections.map_err(|cause| self.failed(Fault::NoRoots(cause)))?;
        let mut permission = match self.pace.admit(self.request.price, self.cancel).await {
            Ok(()) => Permission::new(self),
            Err(_) if self.cancel.is_cancelled() => return Err(self.cancelled()),
            Err(later) => return Err(self.later(later.until, later.reason, None)),
        };
        if self.cancel.is_cancelled() {
            return Err(self.cancelled());
        }
        permission.sent = true;
        // A redirect is followed within the attempt that met it.
        if !std::mem::take(&mut self.following) {
            self.attempts += 1;
        }
        let exchange =
            wire::exchange(&connections, &self.request, |status, headers| permission.answered(status, headers));
        if !reads(&self.request.method) {
            return Ok(exchange.await);
        }
        tokio::select! {
            result = exchange => Ok(result),
            () = self.cancel.cancelled() => Err(self.cancelled()),
        }
    }

    fn judge(&mut self, result: Result<Answer, Fault>) -> Result<Step, Error> {
        let now = self.client.inner.clock.now();
        let ending = match &result {
            Ok(answer) if self.follow(answer)? => return Ok(Step::Follow),
            Ok(answer) => {
                Ending::Answer { status: answer.status, retry_after: retry::retry_after(&answer.headers, now) }
            }
            Err(Fault::NotSent(_) | Fault::Proxy(_)) => Ending::NotSent,
            Err(Fault::Lost(_)) => Ending::Lost,
            Err(fault) => return Err(self.failed(fault.clone())),
        };
        match self.backoff.judge(self.attempts, ending, self.request.safety, now) {
            Verdict::Again(wait) => {
                self.remember(&result);
                Ok(Step::Again(wait))
            }
            Verdict::Later(until) => {
                self.remember(&result);
                let status = result.ok().map(|answer| answer.status);
                let reason = format!("the service asked for it with status {}", status.unwrap_or_default());
                Err(self.later(until, reason, status))
            }
            Verdict::GiveUp => match result {
                Ok(answer) => Ok(Step::Done(Box::new(self.response(answer)))),
                Err(fault) => Err(self.failed(fault)),
            },
        }
    }

    /// Turns to where a redirect leads, and says whether there was one.
    fn follow(&mut self, answer: &Answer) -> Result<bool, Error> {
        if !reads(&self.request.method) {
            return Ok(false);
        }
        let Some(target) = redirect::next(&self.request.url, answer.status, &answer.headers) else { return Ok(false) };
        let refuse = |problem| Error::Redirect { call: self.call.clone(), problem };
        if self.hops == redirect::HOPS {
            return Err(refuse(format!("it is the {}th in a row", redirect::HOPS + 1)));
        }
        let target = target.map_err(refuse)?;
        if target.origin() != self.request.url.origin() {
            self.request.secrets.clear();
        }
        if answer.status == 303 && self.request.method != Method::HEAD {
            self.request.method = Method::GET;
            self.request.body = Body::None;
        }
        self.request.url = target;
        self.hops += 1;
        self.following = true;
        Ok(true)
    }

    /// Keeps in mind that an attempt at a write may have been acted on.
    fn remember(&mut self, result: &Result<Answer, Fault>) {
        if reads(&self.request.method) {
            return;
        }
        match result {
            Err(Fault::Lost(cause)) => self.doubt = Some(cause.clone()),
            Ok(answer) if retry::in_doubt(answer.status, &answer.headers) => {
                self.doubt = Some(format!("an answer with status {}", answer.status));
            }
            _ => {}
        }
    }

    fn response(&self, Answer { status, headers, body }: Answer) -> Response {
        let request_id = request_id(&headers);
        let (attempts, call, doubt) = (self.attempts, self.call.clone(), self.doubt.is_some());
        Response { status, headers, body, request_id, attempts, call, doubt }
    }

    fn failed(&self, fault: Fault) -> Error {
        let (call, attempts) = (self.call.clone(), self.attempts);
        match fault {
            Fault::NotSent(cause) => self.surely_nothing(Error::Unreachable { call, attempts, cause }),
            Fault::Proxy(cause) => self.surely_nothing(Error::Proxy { call, cause }),
            Fault::Tls(cause) => self.surely_nothing(Error::Tls { call, cause, advice: UNTRUSTED }),
            Fault::NoRoots(cause) => self.surely_nothing(Error::Tls { call, cause, advice: NO_ROOTS }),
            Fault::Unsendable(problem) => self.surely_nothing(Error::Build { call, problem }),
            Fault::Lost(cause) => Error::UnknownOutcome { call, attempts, cause, until: None },
            Fault::TooLarge(status) => Error::TooLarge { call, status, limit: self.request.max_bytes },
        }
    }

    fn cancelled(&self) -> Error {
        self.surely_nothing(Error::Cancelled { call: self.call.clone() })
    }

    fn later(&self, until: Moment, reason: String, status: Option<u16>) -> Error {
        self.surely_nothing(Error::RetryLater { call: self.call.clone(), until, reason, status })
    }

    /// "It surely did nothing" holds for the last attempt only: an earlier one in doubt makes the whole doubtful.
    fn surely_nothing(&self, error: Error) -> Error {
        match &self.doubt {
            None => error,
            Some(doubt) => Error::UnknownOutcome {
                call: self.call.clone(),
                attempts: self.attempts,
                cause: format!("{doubt} (and then: {error})"),
                until: error.retry_at(),
            },
        }
    }
}

/// A permission that was taken: told exactly once how it ended, even if the request's future is dropped.
struct Permission<'a> {
    client: &'a Client,
    pace: &'a dyn Pace,
    service: &'static str,
    /// The request goes to the service itself, not to where it redirected to.
    home: bool,
    sent: bool,
    told: bool,
}

impl<'a> Permission<'a> {
    fn new(trip: &Trip<'a>) -> Self {
        let home = trip.request.url.origin() == trip.home;
        Self { client: trip.client, pace: trip.pace, service: trip.call.service, home, sent: false, told: false }
    }

    fn answered(&mut self, status: u16, headers: &HeaderMap) {
        self.told = true;
        if self.sent {
            self.client.observe(self.service, status);
        }
        let now = self.client.inner.clock.now();
        if self.home {
            self.pace.answered(status, headers, now);
        } else {
            self.pace.answered(0, &HeaderMap::new(), now);
        }
    }
}

impl Drop for Permission<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.answered(0, &HeaderMap::new());
        }
    }
}

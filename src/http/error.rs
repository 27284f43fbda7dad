//! Why there is no answer. An answer with a bad status is a [`Response`](super::Response), not an error.

use std::sync::Arc;

use super::request::{Call, reads};
use crate::clock::Moment;

/// What kept a request from being answered. Every text says what was done, what was found and what to do next, and
/// holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No connection came about: the service surely did not act.
    #[error("{call}: not reached in {attempts} attempts: {cause}; check the address, the network and the service")]
    Unreachable {
        /// What was asked.
        call: Arc<Call>,
        /// How often it was tried.
        attempts: u32,
        /// The last attempt's cause.
        cause: String,
    },
    /// It was sent and no whole answer came: a timeout, a reset, a cut body. The service may have acted on a write.
    #[error("{call}: sent, but no whole answer in {attempts} attempts: {cause}; {}", advice(call))]
    UnknownOutcome {
        /// What was asked.
        call: Arc<Call>,
        /// How often it was tried.
        attempts: u32,
        /// What happened to the attempt that may have been acted on, and to the last.
        cause: String,
        /// When to look again, where the service or the budget said so.
        until: Option<Moment>,
    },
    /// The answer is larger than the request allows.
    #[error("{call}: the answer ({status}) is larger than {limit} bytes and was not read; nothing of it was used")]
    TooLarge {
        /// What was asked.
        call: Arc<Call>,
        /// The answer's status.
        status: u16,
        /// The limit, in bytes after decompression.
        limit: usize,
    },
    /// The caller gave up before it was sent, or while a read was under way. Nothing was changed.
    #[error("{call}: stopped before it was done; nothing was changed")]
    Cancelled {
        /// What was asked.
        call: Arc<Call>,
    },
    /// The next attempt is further away than a request may wait. The service did not act.
    #[error("{call}: put off until {until}: {reason}; it is tried again then")]
    RetryLater {
        /// What was asked.
        call: Arc<Call>,
        /// When to try again.
        until: Moment,
        /// Who asked for it: the service, with its status, or the budget.
        reason: String,
        /// The last answer's status, where there was one.
        status: Option<u16>,
    },
    /// The proxy did not let it through: the service surely did not act.
    #[error("{call}: the proxy does not let it through: {cause}; check [http] proxy, HTTPS_PROXY and NO_PROXY")]
    Proxy {
        /// What was asked.
        call: Arc<Call>,
        /// What the proxy did.
        cause: String,
    },
    /// No trusted connection came about: the service surely did not act.
    #[error("{call}: no trusted connection: {cause}; {advice}")]
    Tls {
        /// What was asked.
        call: Arc<Call>,
        /// What TLS found.
        cause: String,
        /// What to do.
        advice: &'static str,
    },
    /// The request itself cannot be sent: a header with a line break, or plain http to another machine.
    #[error("{call}: not sent: {problem}")]
    Build {
        /// What was asked.
        call: Arc<Call>,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// A redirect that must not be followed.
    #[error("{call}: redirect not followed: {problem}; check the address")]
    Redirect {
        /// What was asked.
        call: Arc<Call>,
        /// Why it is not followed.
        problem: String,
    },
}

/// What to do where no whole answer came.
fn advice(call: &Call) -> &'static str {
    if reads(&call.method) {
        "nothing was changed; it is asked again"
    } else {
        "the service may have acted on it, so look before sending it again"
    }
}

impl Error {
    /// Whether the service may have acted on a write although there is no answer. Always false for reads.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::UnknownOutcome { call, .. } | Self::TooLarge { call, .. } => !reads(&call.method),
            _ => false,
        }
    }

    /// When it makes sense to try again, where that is known.
    pub fn retry_at(&self) -> Option<Moment> {
        match self {
            Self::RetryLater { until, .. } => Some(*until),
            Self::UnknownOutcome { until, .. } => *until,
            _ => None,
        }
    }

    /// What was asked.
    pub fn call(&self) -> &Call {
        match self {
            Self::Unreachable { call, .. }
            | Self::UnknownOutcome { call, .. }
            | Self::TooLarge { call, .. }
            | Self::Cancelled { call }
            | Self::RetryLater { call, .. }
            | Self::Proxy { call, .. }
            | Self::Tls { call, .. }
            | Self::Build { call, .. }
            | Self::Redirect { call, .. } => call,
        }
    }
}

//! An answer, whatever its status.

use std::sync::Arc;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use tokio_util::bytes::Bytes;

use super::redact;
use super::request::Call;
use super::retry;

/// Headers that name a request in the service's own logs, the first that is present counts.
const REQUEST_IDS: [&str; 4] = ["x-request-id", "request-id", "x-correlation-id", "cf-ray"];

/// A whole answer.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status: anything from 200 to 599, also after all attempts were used up.
    pub status: u16,
    /// The headers as they came; `content-encoding` is gone where the body was decompressed.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
    /// What the service calls this request in its logs.
    pub request_id: Option<String>,
    /// How many attempts it took.
    pub attempts: u32,
    /// What was asked.
    pub call: Arc<Call>,
    /// An earlier attempt may have been acted on.
    pub(super) doubt: bool,
}

impl Response {
    /// Reads the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        serde_json::from_slice(&self.body).map_err(|cause| DecodeError {
            call: self.call.clone(),
            status: self.status,
            problem: redact::serde(&cause),
            excerpt: redact::excerpt(&self.body),
            request_id: self.request_id.clone(),
        })
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the service may have acted although it does not say so: a 5xx that is no plain "come back later", or a
    /// refusal after an earlier attempt that got no answer.
    pub fn outcome_unknown(&self) -> bool {
        !self.is_success() && (self.doubt || retry::in_doubt(self.status, &self.headers))
    }

    /// A header as text; `None` where it is missing or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Neither header values nor the body: they hold contacts, and from a login, tokens.
impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("call", &self.call.to_string())
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .field("request_id", &self.request_id)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// An answer that is not what the service promises.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call}: the answer ({status}) is not what was expected: {problem}; it starts: {excerpt}{}", id_suffix(.request_id.as_deref()))]
pub struct DecodeError {
    /// What was asked.
    pub call: Arc<Call>,
    /// The answer's status.
    pub status: u16,
    /// What does not fit, without the values that were found.
    pub problem: String,
    /// The beginning of the body with its values masked.
    pub excerpt: String,
    /// What the service calls this request in its logs.
    pub request_id: Option<String>,
}

fn id_suffix(id: Option<&str>) -> String {
    id.map(|id| format!(" (request {id})")).unwrap_or_default()
}

/// The service's name for a request, kept to 128 printable characters.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let value = REQUEST_IDS.iter().find_map(|name| headers.get(*name))?;
    let id: String = value.to_str().ok()?.chars().filter(char::is_ascii_graphic).take(128).collect();
    (!id.is_empty()).then_some(id)
}

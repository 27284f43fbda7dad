//! Building a request, sending it under the governor, and opening the envelope of its answer.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::endpoint::Endpoint;
use super::governor::Governor;
use super::refusal;
use crate::adapter::{Error, Kind};
use crate::auth::token::Tokens;
use crate::clock::{Moment, SharedClock};
use crate::http::{Client, Request, Response, Url};

/// The vendor's shared host: there v1 answers reliably only without `/api`.
const SHARED_HOST: &str = "api.pipedrive.com";
/// A page of 500 persons, each with notes of 10 000 characters and a company's custom fields.
const LARGEST_ANSWER: usize = 64 << 20;

/// How long a company whose account is not open is left alone.
const NOT_OPEN: Duration = Duration::from_hours(1);

/// How we log in. Both kinds act as one user of one company.
#[derive(Clone)]
pub enum Credential {
    /// A user's API token, from their personal preferences.
    ApiToken(SecretString),
    /// Access tokens of a login through OAuth.
    Bearer(Tokens),
}

/// The secret is not shown.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiToken(_) => "ApiToken",
            Self::Bearer(_) => "Bearer",
        })
    }
}

/// The way to the service.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    root: Url,
    credential: Credential,
    pub(super) governor: Governor,
    pub(super) clock: SharedClock,
}

/// A success, out of its envelope.
pub(super) struct Answer {
    /// `data`.
    pub(super) data: Value,
    /// `additional_data.next_cursor`.
    pub(super) next: Option<String>,
    /// The service's own time, from the `Date` header.
    pub(super) date: Option<Moment>,
}

impl Api {
    pub(super) fn new(
        client: Client,
        root: Url,
        credential: Credential,
        governor: Governor,
        clock: SharedClock,
    ) -> Self {
        Self { client, root, credential, governor, clock }
    }

    /// A request to an endpoint without an id.
    pub(super) fn to(&self, endpoint: &Endpoint) -> Request {
        self.request(endpoint, endpoint.route)
    }

    /// A request to the endpoint's thing with this id.
    pub(super) fn to_one(&self, endpoint: &Endpoint, id: u64) -> Request {
        self.request(endpoint, &endpoint.route.replace("{id}", &id.to_string()))
    }

    fn request(&self, endpoint: &Endpoint, path: &str) -> Request {
        // Without `/api` only where the host asks for it, and only v1 (its v2 has no other form).
        let shared = self.root.host_str() == Some(SHARED_HOST) && path.starts_with("/api/v1");
        let path = if shared { path.trim_start_matches("/api") } else { path };
        let mut url = self.root.clone();
        url.set_path(&format!("{}{path}", self.root.path().trim_end_matches('/')));
        Request::new("pipedrive", endpoint.method.clone(), url)
            .route(endpoint.route)
            .price(endpoint.price)
            .max_bytes(LARGEST_ANSWER)
            .header("accept", "application/json")
    }

    /// Sends it with our credential. An access token that is not accepted is renewed once: what was answered with 401 was
    /// not acted on.
    async fn call(&self, request: Request, cancel: &CancellationToken) -> Result<Response, Error> {
        let tokens = match &self.credential {
            Credential::ApiToken(token) => {
                return self.exchange(request.secret_header("x-api-token", token.clone()), cancel).await;
            }
            Credential::Bearer(tokens) => tokens,
        };
        let token = tokens.token(None, cancel).await?;
        let response = self.exchange(bearing(request.clone(), &token), cancel).await?;
        if response.status != 401 || response.outcome_unknown() {
            return Ok(response);
        }
        let token = tokens.token(Some(&token), cancel).await?;
        let response = self.exchange(bearing(request, &token), cancel).await?;
        if response.status == 401 {
            // So that the next caller does not begin with it.
            tokens.token(Some(&token), cancel).await?;
        }
        Ok(response)
    }

    async fn exchange(&self, request: Request, cancel: &CancellationToken) -> Result<Response, Error> {
        // Boxed: it would lie three times in every future above.
        let sent = Box::pin(self.client.send(request, &self.governor, cancel)).await;
        Ok(sent?)
    }

    /// Sends it; anything but a success in the documented envelope is an error.
    pub(super) async fn send(&self, request: Request, cancel: &CancellationToken) -> Result<Answer, Error> {
        let response = self.call(request, cancel).await?;
        if !response.is_success() {
            let later = match response.status {
                402 => Some(self.clock.now().after(NOT_OPEN)),
                _ => self.governor.budget().exhausted_until,
            };
            return Err(refusal::refused(&response, &self.credential, later));
        }
        open(&response)
    }

    /// An answer that has not the documented shape, after the envelope was opened.
    pub(super) fn malformed(endpoint: &Endpoint, problem: &str) -> Error {
        let text = format!(
            "pipedrive: {} {}: {problem}; nothing of the answer was used, it is asked again later",
            endpoint.method, endpoint.route
        );
        Error::new(Kind::Unavailable, text)
    }
}

fn bearing(request: Request, token: &SecretString) -> Request {
    request.secret_header("authorization", format!("Bearer {}", token.expose_secret()).into())
}

/// Opens the envelope of a success.
fn open(response: &Response) -> Result<Answer, Error> {
    let mut body: Value = response.json().map_err(|error| refusal::undecodable(response, &error.to_string()))?;
    if body.get("success").and_then(Value::as_bool) != Some(true) || body.get("data").is_none() {
        let problem = "the answer has no `success: true` with `data`; is [pipedrive] url right?";
        return Err(refusal::undecodable(response, &format!("{}: {problem}", response.call)));
    }
    let next = body.pointer("/additional_data/next_cursor").and_then(Value::as_str);
    let next = next.filter(|next| !next.is_empty()).map(str::to_owned);
    let date = response.header("date").and_then(http_date);
    Ok(Answer { data: body["data"].take(), next, date })
}

/// An HTTP date (RFC 9110 §5.6.7), `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<Moment> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(Moment(date.as_millisecond()))
}

//! Building a request, sending it with a token and at the user's pace, and opening its answer.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use super::quota::{Cost, Quota};
use super::refusal::{self, Refusal};
use crate::adapter::{Error, Kind};
use crate::auth::token::Tokens;
use crate::clock::SharedClock;
use crate::http::{Client, Method, Request, Response, Safety, Unpaced, Url};

/// A page of 1000 contacts, each with long notes.
const LARGEST_ANSWER: usize = 64 << 20;
/// After this a limit per minute is open again.
const MINUTE: Duration = Duration::from_secs(61);

/// What is called: how, at what price, and whether it may be sent again without knowing what became of it.
#[derive(Debug)]
pub(super) struct Endpoint {
    method: Method,
    route: &'static str,
    cost: Cost,
    safety: Safety,
}

const fn reading(route: &'static str, cost: Cost) -> Endpoint {
    Endpoint { method: Method::GET, route, cost, safety: Safety::Idempotent }
}

const fn writing(method: Method, route: &'static str, cost: Cost) -> Endpoint {
    Endpoint { method, route, cost, safety: Safety::Idempotent }
}

/// There is no key that would make a second creation the first one.
const fn creating(route: &'static str, cost: Cost) -> Endpoint {
    Endpoint { method: Method::POST, route, cost, safety: Safety::OnlyIfUnsent }
}

pub(super) const CONNECTIONS: Endpoint = reading("/v1/people/me/connections", Cost::READ);
pub(super) const BATCH_GET: Endpoint = reading("/v1/people:batchGet", Cost::READ);
pub(super) const GROUPS: Endpoint = reading("/v1/contactGroups", Cost::GROUPS);
pub(super) const CREATE: Endpoint = creating("/v1/people:createContact", Cost::WRITE);
pub(super) const BATCH_CREATE: Endpoint = creating("/v1/people:batchCreateContacts", Cost::BATCH);
// An update that was done already is refused for its etag, and so never done twice.
pub(super) const UPDATE: Endpoint = writing(Method::PATCH, "/v1/{resourceName}:updateContact", Cost::WRITE);
pub(super) const BATCH_UPDATE: Endpoint = writing(Method::POST, "/v1/people:batchUpdateContacts", Cost::BATCH);
pub(super) const DELETE: Endpoint = writing(Method::DELETE, "/v1/{resourceName}:deleteContact", Cost::OTHER_WRITE);
pub(super) const BATCH_DELETE: Endpoint = writing(Method::POST, "/v1/people:batchDeleteContacts", Cost::BATCH_DELETE);
pub(super) const MEMBERS: Endpoint = writing(Method::POST, "/v1/{resourceName}/members:modify", Cost::OTHER_WRITE);

/// The way to the service, as one user.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    root: Url,
    tokens: Tokens,
    quota: Quota,
    pub(super) clock: SharedClock,
}

impl Api {
    pub(super) fn new(client: Client, root: Url, tokens: Tokens, clock: SharedClock) -> Self {
        Self { client, root, tokens, quota: Quota::new(clock.clone()), clock }
    }

    /// A request to an endpoint without a name.
    pub(super) fn to(&self, endpoint: &Endpoint) -> Request {
        self.to_one(endpoint, "")
    }

    /// A request to the endpoint's thing with this resource name.
    pub(super) fn to_one(&self, endpoint: &Endpoint, resource_name: &str) -> Request {
        let path = endpoint.route.replace("{resourceName}", resource_name);
        let mut url = self.root.clone();
        url.set_path(&format!("{}{path}", self.root.path().trim_end_matches('/')));
        Request::new("google", endpoint.method.clone(), url)
            .route(endpoint.route)
            .safety(endpoint.safety)
            .max_bytes(LARGEST_ANSWER)
            .header("accept", "application/json")
            // Display names and the names of system groups come in this language, whoever asks.
            .header("accept-language", "en")
    }

    /// Sends it; anything but a success is a refusal. A refused token is renewed once.
    pub(super) async fn send(
        &self,
        request: Request,
        endpoint: &Endpoint,
        cancel: &CancellationToken,
    ) -> Result<Value, Refusal> {
        let token = self.tokens.token(None, cancel).await?;
        let mut response = self.attempt(request.clone(), endpoint, &token, cancel).await?;
        if response.status == 401 {
            let token = self.tokens.token(Some(&token), cancel).await?;
            response = self.attempt(request, endpoint, &token, cancel).await?;
        }
        if response.is_success() {
            if endpoint.method != Method::GET {
                self.quota.rested();
            }
            return response.json().map_err(|error| refusal::undecodable(&response, &error.to_string()).into());
        }
        let mut refusal = refusal::refused(&response);
        if let Kind::Later { until } = &mut refusal.error.kind {
            let then = if refusal.rest { self.quota.rest() } else { self.clock.now().after(MINUTE) };
            until.get_or_insert(then);
        }
        Err(refusal)
    }

    async fn attempt(
        &self,
        request: Request,
        endpoint: &Endpoint,
        token: &SecretString,
        cancel: &CancellationToken,
    ) -> Result<Response, Error> {
        let bearer = format!("Bearer {}", token.expose_secret()).into();
        let request = request.secret_header("authorization", bearer);
        let sent = self.client.send(request, &self.quota.toll(endpoint.cost), cancel).await;
        Ok(sent?)
    }

    /// A picture's bytes, which need no token and cost nothing; `None` where there is none, or a larger one.
    pub(super) async fn picture(
        &self,
        url: Url,
        most: usize,
        cancel: &CancellationToken,
    ) -> Result<Option<Vec<u8>>, Error> {
        let request = Request::new("google", Method::GET, url).route("/photo").max_bytes(most);
        match self.client.send(request, &Unpaced, cancel).await {
            Ok(response) if response.is_success() => Ok(Some(response.body.to_vec())),
            Ok(response) if response.status < 500 && response.status != 429 => Ok(None),
            Ok(response) => Err(refusal::refused(&response).error),
            Err(crate::http::Error::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// An answer that has not the documented shape.
pub(super) fn malformed(endpoint: &Endpoint, problem: &str) -> Error {
    let (kind, advice) = if endpoint.method == Method::GET {
        (Kind::Unavailable, "nothing of it was used, it is asked again later")
    } else {
        (Kind::UnknownOutcome, "it may have been done, so it is looked for before it is sent again")
    };
    Error::new(kind, format!("google: {} {}: {problem}; {advice}", endpoint.method, endpoint.route))
}

//! The library's requests through our client.

use std::pin::Pin;

use oauth2::http::StatusCode;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::refusal::Refusal;
use super::{LARGEST, TIMEOUT};
use crate::http::{self, Client, Method, Request, Safety, Unpaced};

/// The way of one request.
pub(super) struct Way {
    pub(super) client: Client,
    pub(super) service: &'static str,
    pub(super) safety: Safety,
    pub(super) cancel: CancellationToken,
}

/// Why there is nothing for the library.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wire {
    #[error(transparent)]
    Unanswered(#[from] http::Error),
    #[error("{}", .0.said)]
    Refused(Refusal),
    #[error("the address of its token endpoint is no URL")]
    NoUrl,
}

impl<'c> AsyncHttpClient<'c> for Way {
    type Error = Wire;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Wire>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Way {
    /// What is not a success is judged here, not by the library: it knows less of the servers' bodies, and would carry them
    /// in its errors.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Wire> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| Wire::NoUrl)?;
        let mut ours = Request::new(self.service, Method::POST, url)
            .safety(self.safety)
            .timeout(TIMEOUT)
            .max_bytes(LARGEST)
            .header("accept", "application/json")
            .body(body, "application/x-www-form-urlencoded");
        if let Some(login) = parts.headers.get("authorization").and_then(|value| value.to_str().ok()) {
            ours = ours.secret_header("authorization", login.into());
        }
        let response = self.client.send(ours, &Unpaced, &self.cancel).await?;
        if !response.is_success() {
            return Err(Wire::Refused(Refusal::read(&response)));
        }
        let mut answer = HttpResponse::new(response.body.to_vec());
        // The library takes 200 alone for a success.
        *answer.status_mut() = StatusCode::OK;
        Ok(answer)
    }
}

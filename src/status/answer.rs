//! A refusal as an HTTP answer, and back.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::operator::{Refused, RefusedKind};

/// The body of every answer that is an error.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ErrorBody {
    /// What went wrong.
    pub(super) error: Refused,
}

impl RefusedKind {
    /// The HTTP status of a refusal. None of them is one that clients repeat by themselves (429, 5xx): asking again
    /// without a change changes nothing here.
    pub fn status(self) -> StatusCode {
        match self {
            Self::UnknownAccount => StatusCode::NOT_FOUND,
            Self::NotReachable => StatusCode::FAILED_DEPENDENCY,
            Self::NeedsLogin | Self::Later => StatusCode::CONFLICT,
            Self::Failed | Self::Unconfigured => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.kind.status(), Json(ErrorBody { error: self })).into_response()
    }
}

/// The query of a request, as [`axum::extract::Query`] reads it; one that it cannot read is answered like every error.
pub(super) struct Query<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|axum::extract::Query(query)| Self(query)).map_err(|rejection| {
            let help = "write each key once, as in ?account=NAME";
            turned_away(StatusCode::BAD_REQUEST, rejection.body_text(), help)
        })
    }
}

/// An answer of the server itself, before anybody was asked.
pub(super) fn turned_away(status: StatusCode, message: impl Into<String>, help: &str) -> Response {
    let error = Refused::new(RefusedKind::Failed, message).help(help);
    (status, Json(ErrorBody { error })).into_response()
}

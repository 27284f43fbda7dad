//! The service's "no", in the shapes that were seen or documented (they differ between v1 and v2).

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Which of the two APIs answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// The legacy API.
    V1,
    /// The present API.
    V2,
    /// The OAuth server.
    OAuth,
}

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// `error` of the body.
    pub(super) error: String,
    /// `error_info` of the body.
    info: &'static str,
    /// `code` of the body (v2).
    code: Option<&'static str>,
}

const ADVICE: &str = "Please check developers.pipedrive.com";

impl Refusal {
    fn new(status: u16, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), info: ADVICE, code: None }
    }

    /// 400: what was sent does not fit the schema.
    pub(super) fn invalid(error: impl Into<String>) -> Self {
        Self { code: Some("ERR_SCHEMA_VALIDATION_FAILED"), ..Self::new(400, error) }
    }

    /// 404: unknown, invisible or deleted; the service does not tell which.
    pub(super) fn not_found() -> Self {
        Self { info: "Object was not found.", ..Self::new(404, "Entity was not found") }
    }

    /// 404 of `GET /users/{id}`.
    pub(super) fn no_user() -> Self {
        Self::new(404, "User not found or not accessible.")
    }

    /// 403: this user may not.
    pub(super) fn forbidden(info: &'static str) -> Self {
        Self { info, ..Self::new(403, "You do not have permissions to do this.") }
    }

    /// The refusal with only a status known, as a fault asks for it.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            400 => Self::invalid("Validation failed"),
            401 => Self::new(401, "unauthorized access"),
            402 => Self::new(402, "company account is not open"),
            403 => Self::forbidden(ADVICE),
            404 => Self::not_found(),
            405 => Self::new(405, "Method not allowed"),
            410 => Self::new(410, "Entity was deleted"),
            413 => Self::new(413, "Payload too large"),
            415 => Self::new(415, "Unsupported media type"),
            422 => Self::new(422, "Unprocessable entity"),
            429 => Self::new(429, "request over limit"),
            501 => Self::new(501, "Not implemented"),
            502 => Self::new(502, "Bad gateway"),
            503 => Self::new(503, "Scheduled maintenance"),
            other => Self::new(other, "Internal error"),
        }
    }

    /// The answer, in the shape of the API that was called.
    pub(super) fn response(&self, version: Version) -> Response {
        let body = match (version, self.status) {
            // Said by the gateway before either API is reached.
            (_, 401 | 429) => json!({
                "success": false, "error": self.error, "errorCode": self.status, "error_info": self.info,
            }),
            (Version::V1, _) => json!({
                "success": false, "error": self.error, "errorCode": self.status, "error_info": self.info,
                "data": null, "additional_data": null,
            }),
            (Version::V2, _) => {
                let mut body = json!({
                    "success": false, "error": self.error, "error_info": self.info,
                    "data": null, "additional_data": null,
                });
                if let Some(code) = self.code {
                    body["code"] = json!(code);
                }
                body
            }
            (Version::OAuth, _) => json!({"success": false, "error": self.error, "message": self.info}),
        };
        (status(self.status), Json(body)).into_response()
    }
}

/// A page where JSON was expected: the way of proxies, of maintenance, and of Cloudflare once it has had enough.
pub(super) fn html(code: u16) -> Response {
    let words = if code == 403 { "Sorry, you have been blocked" } else { "We are down for maintenance" };
    let page = format!("<!DOCTYPE html><html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>");
    (status(code), [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], page).into_response()
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

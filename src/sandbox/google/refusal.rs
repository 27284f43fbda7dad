//! The API's "no": Google's error envelope, with the messages and details that were seen or documented.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// A refused call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) code: u16,
    /// The canonical status word.
    status: &'static str,
    /// What the caller reads.
    pub(super) message: String,
    /// Typed details.
    details: Vec<Value>,
}

const SERVICE: &str = "people.googleapis.com";
/// The project that the answers name.
pub(super) const PROJECT: &str = "project_number:700000000001";

impl Refusal {
    fn new(code: u16, status: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), details: Vec::new() }
    }

    fn info(mut self, reason: &str, domain: &str, metadata: &Value) -> Self {
        self.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain,
            "metadata": metadata,
        }));
        self
    }

    /// 400: what was sent is wrong by itself.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    /// 400 where no source tells the words.
    pub(super) fn argument() -> Self {
        Self::invalid("Request contains an invalid argument.")
    }

    /// 400: the JSON or the query does not fit the message; `field` is where, empty for the request itself.
    pub(super) fn payload(field: &str, description: &str) -> Self {
        let mut violation = json!({"description": description});
        if !field.is_empty() {
            violation["field"] = json!(field);
        }
        let mut refusal = Self::invalid(description);
        refusal.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation],
        }));
        refusal
    }

    /// 400: a value of the wrong type, such as `TYPE_STRING`.
    pub(super) fn value(field: &str, kind: &str, value: &Value) -> Self {
        Self::payload(field, &format!("Invalid value at '{field}' ({kind}), {value}"))
    }

    /// 404: unknown or deleted.
    pub(super) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "Requested entity was not found.")
    }

    /// 409: the name of a group is taken.
    pub(super) fn taken() -> Self {
        Self::new(409, "ALREADY_EXISTS", "Contact group name already exists.")
    }

    /// 400: the state is not what the caller believes.
    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Self::new(400, "FAILED_PRECONDITION", message)
    }

    /// 400: the etag, found in `place`, is an old one.
    pub(super) fn stale(place: &str) -> Self {
        Self::precondition(format!(
            "Request {place} is different than the current {place}. Clear local cache and get the latest person."
        ))
    }

    /// The sync token is too old, in one of the dresses that were seen.
    pub(super) fn expired_sync_token(code: u16, status: &'static str) -> Self {
        let message = "Sync token is expired. Clear local cache and retry call without the sync token.";
        Self::new(code, status, message).info("EXPIRED_SYNC_TOKEN", SERVICE, &json!({}))
    }

    /// 401: no access token, or one that is not good any more.
    pub(super) fn unauthenticated() -> Self {
        Self::new(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
             valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )
    }

    /// 403: the token lacks the scope that the call needs.
    pub(super) fn scope() -> Self {
        Self::new(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.").info(
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "googleapis.com",
            &json!({"service": SERVICE}),
        )
    }

    /// 403: the project has not switched the API on.
    pub(super) fn disabled() -> Self {
        let message = format!(
            "People API has not been used in project {PROJECT} before or it is disabled. Enable it by visiting \
             https://console.developers.google.com/apis/api/people.googleapis.com/overview then retry."
        );
        let metadata = json!({"service": SERVICE, "consumer": PROJECT.replace("project_number:", "projects/")});
        Self::new(403, "PERMISSION_DENIED", message).info("SERVICE_DISABLED", "googleapis.com", &metadata)
    }

    /// 429: a bucket of the minute or the day is empty. `metric` and `limit` are the words people read, `limit_id` is
    /// the limit's name.
    pub(super) fn quota(metric: &str, limit: &str, limit_id: &str) -> Self {
        let message = format!(
            "Quota exceeded for quota metric '{metric}' and limit '{limit}' of service '{SERVICE}' for consumer \
             '{PROJECT}'."
        );
        let metadata = json!({
            "quota_metric": format!("{SERVICE}/{}", metric.to_lowercase().replace(' ', "_")),
            "quota_limit": limit_id, "service": SERVICE, "consumer": PROJECT.replace("project_number:", "projects/"),
        });
        Self::new(429, "RESOURCE_EXHAUSTED", message).info("RATE_LIMIT_EXCEEDED", "googleapis.com", &metadata)
    }

    /// 429: the account itself takes no more writes, perhaps for hours.
    pub(super) fn account_exhausted() -> Self {
        let mut refusal = Self::new(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).");
        refusal.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"description": "FBS quota limit exceeded"}],
        }));
        refusal
    }

    /// The account holds as many contacts as it can. The status is not known from any source.
    pub(super) fn full() -> Self {
        Self::new(429, "RESOURCE_EXHAUSTED", "MY_CONTACTS_OVERFLOW_COUNT: the account has too many contacts.")
    }

    /// A batch fails whole: `errors` by index or resource name; `kind` is `BatchCreateContacts` or the like.
    pub(super) fn batch(kind: &str, errors: &[(String, Refusal)]) -> Self {
        let mut refusal = errors.first().map_or_else(Self::argument, |(_, first)| first.clone());
        let contact_errors: Map<String, Value> = errors.iter().map(|(key, error)| (key.clone(), error.rpc())).collect();
        refusal.details = vec![json!({
            "@type": format!("type.googleapis.com/google.people.v1.{kind}ErrorDetails"),
            "contactErrors": contact_errors,
        })];
        refusal
    }

    /// The refusal with only a status known, as a fault asks for it.
    pub(super) fn of_status(code: u16) -> Self {
        match code {
            400 => Self::argument(),
            401 => Self::unauthenticated(),
            403 => Self::new(403, "PERMISSION_DENIED", "The caller does not have permission"),
            404 => Self::not_found(),
            409 => Self::new(409, "ABORTED", "The operation was aborted."),
            410 => Self::expired_sync_token(410, "FAILED_PRECONDITION"),
            429 => Self::quota(
                "Critical read requests",
                "Critical read requests per minute per user",
                "CriticalReadsPerMinutePerProjectPerUser",
            ),
            501 => Self::new(501, "UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled."),
            502 => Self::new(502, "UNAVAILABLE", "Bad Gateway"),
            503 => Self::new(503, "UNAVAILABLE", "The service is currently unavailable."),
            504 => Self::new(504, "DEADLINE_EXCEEDED", "The request timed out."),
            other => Self::new(other, "INTERNAL", "Internal error encountered."),
        }
    }

    /// The refusal as a `google.rpc.Status` inside an answer.
    pub(super) fn rpc(&self) -> Value {
        let code = match self.status {
            "INVALID_ARGUMENT" => 3,
            "NOT_FOUND" => 5,
            "ALREADY_EXISTS" => 6,
            "PERMISSION_DENIED" => 7,
            "RESOURCE_EXHAUSTED" => 8,
            "FAILED_PRECONDITION" => 9,
            _ => 13,
        };
        let mut status = json!({"code": code, "message": self.message});
        if !self.details.is_empty() {
            status["details"] = json!(self.details);
        }
        status
    }

    /// The answer.
    pub(super) fn response(&self) -> Response {
        let mut error = json!({"code": self.code, "message": self.message, "status": self.status});
        if !self.details.is_empty() {
            error["details"] = json!(self.details);
        }
        (status(self.code), Json(json!({"error": error}))).into_response()
    }
}

/// A page where JSON was expected: what an unknown address, a proxy or maintenance gives.
pub(super) fn html(code: u16) -> Response {
    let words = if code == 404 { "Error 404 (Not Found)!!1" } else { "Error (Server Error)!!1" };
    let page = format!("<!DOCTYPE html><html lang=en><title>{words}</title><p>That's an error.</html>");
    (status(code), [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], page).into_response()
}

/// `code`, or 500 where it is no status.
pub(super) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

//! What a refusal means: the service's statuses, reasons and bodies turned into [`Kind`]s, with words for an administrator.
//!
//! Told apart by the reason first: 400 alone covers four different recoveries. The body's own words may quote what was
//! sent, and are not repeated; its canonical names are.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::adapter::{Error, Kind};
use crate::auth::token::LoginError;
use crate::http::{Method, Response};

/// Why a call was not done, and in a batch which contacts were to blame.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    /// By resource name, or by place in a batch of creations. Empty where the whole call was refused.
    pub(super) contacts: BTreeMap<String, Error>,
    /// The refusal is about groups that were named.
    pub(super) about_groups: bool,
    /// The account's own write limit was met.
    pub(super) rest: bool,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, contacts: BTreeMap::new(), about_groups: false, rest: false }
    }
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        Error::from(error).into()
    }
}

/// A success that is not what the service documents.
pub(super) fn undecodable(response: &Response, problem: &str) -> Error {
    let (kind, advice) = if response.call.method == Method::GET {
        (Kind::Unavailable, "nothing of it was used, it is asked again later")
    } else {
        (Kind::UnknownOutcome, "it may have been done, so it is looked for before it is sent again")
    };
    Error::new(kind, format!("{problem}; {advice}"))
}

/// An answer outside 2xx.
pub(super) fn refused(response: &Response) -> Refusal {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let said = Said::read(&body["error"]);
    let (kind, advice) = judge(response, &said);
    let request = response.request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
    let words = said.words();
    let text = format!("{}: answered {}{words}{request}; {advice}", response.call, response.status);
    let contacts = if kind == Kind::UnknownOutcome { BTreeMap::new() } else { contact_errors(&body) };
    let about_groups = said.message.contains("group") || said.message.contains("membership");
    let rest = matches!(kind, Kind::Later { .. }) && said.text.contains("FBS");
    Refusal { error: Error::new(kind, text), contacts, about_groups, rest }
}

/// What the error envelope says.
#[derive(Debug, Default)]
struct Said {
    /// The canonical status, such as `FAILED_PRECONDITION`.
    status: String,
    /// The reasons of its details.
    reasons: Vec<String>,
    message: String,
    /// All of it.
    text: String,
}

impl Said {
    fn read(error: &Value) -> Self {
        let field = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let lists = ["details", "errors"].iter().filter_map(|key| error.get(*key)?.as_array()).flatten();
        let reasons = lists.map(|detail| field(detail, "reason")).filter(|reason| !reason.is_empty()).collect();
        Self { status: field(error, "status"), reasons, message: field(error, "message"), text: error.to_string() }
    }

    fn has(&self, reason: &str) -> bool {
        self.status == reason || self.reasons.iter().any(|said| said == reason)
    }

    /// The names it gives; never its sentences.
    fn words(&self) -> String {
        let names = [&self.status].into_iter().chain(&self.reasons).filter(|name| !name.is_empty());
        let names: Vec<&str> = names.map(String::as_str).filter(|name| name.len() < 80).collect();
        if names.is_empty() { String::new() } else { format!(", {}", names.join(" ")) }
    }

    fn expired_sync_token(&self) -> bool {
        self.has("EXPIRED_SYNC_TOKEN") || self.message.to_lowercase().contains("sync token is expired")
    }

    fn stale_etag(&self) -> bool {
        self.has("FAILED_PRECONDITION") || self.message.contains("is different than the current person.etag")
    }

    fn limited(&self) -> bool {
        ["RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded"]
            .iter()
            .any(|reason| self.has(reason))
    }
}

fn judge(response: &Response, said: &Said) -> (Kind, &'static str) {
    let creates = response.call.route.contains("reate");
    let writes = response.call.method != Method::GET;
    match response.status {
        _ if said.text.contains("MY_CONTACTS_OVERFLOW_COUNT") => (
            Kind::Forbidden,
            "the account is full: Google holds about 25,000 contacts, those in the trash of 30 days included; delete some for good",
        ),
        400 | 410 if said.expired_sync_token() => (Kind::CursorExpired, "the whole book is listed again"),
        400 | 409 | 412 if said.stale_etag() => {
            (Kind::Stale, "the contact changed meanwhile; it is read and merged again")
        }
        403 | 429 if said.limited() || response.status == 429 => {
            (Kind::Later { until: None }, "a limit is reached; it is tried again by itself")
        }
        404 if said.has("NOT_FOUND") && !creates => (Kind::NotFound, "it is deleted"),
        // Also after an attempt without an answer. A creation has been seen to be answered 404 though it was done.
        _ if writes && (response.outcome_unknown() || (creates && response.status == 404)) => {
            (Kind::UnknownOutcome, "it may have been done, so it is looked for before it is sent again")
        }
        401 => (Kind::Login, "the login is not accepted any more: run `carnetd login` for this account"),
        403 if said.has("ACCESS_TOKEN_SCOPE_INSUFFICIENT") || said.message.contains("authentication scopes") => (
            Kind::Login,
            "the login does not allow contacts: run `carnetd login` for this account and leave the box for contacts ticked",
        ),
        403 if said.has("SERVICE_DISABLED") || said.has("accessNotConfigured") => (
            Kind::Forbidden,
            "the People API is off in the Google Cloud project of [google] client_id: turn it on at https://console.cloud.google.com/apis/library/people.googleapis.com and wait some minutes",
        ),
        403 => (Kind::Forbidden, "this login may not do that: does the administrator of its domain allow it?"),
        400 | 409 | 412 | 413 | 422 => {
            (Kind::Invalid, "the service refuses what was sent; it is tried again when it changes")
        }
        404 | 405 | 410 => (Kind::Unavailable, "this is not how Google answers: check [google] api_url and any proxy"),
        _ => (Kind::Unavailable, "the service is in trouble; it is tried again by itself"),
    }
}

/// The contacts that kept a batch from being done: those that are not named would have been.
fn contact_errors(body: &Value) -> BTreeMap<String, Error> {
    let details = body.pointer("/error/details").and_then(Value::as_array).into_iter().flatten();
    let named = details.filter_map(|detail| detail.get("contactErrors")?.as_object()).flatten();
    named.map(|(which, status)| (which.clone(), contact_error(status))).collect()
}

/// One contact's status in a batch (`google.rpc.Status`): its code is canonical.
pub(super) fn contact_error(status: &Value) -> Error {
    let said = Said::read(status);
    let code = status.get("code").and_then(Value::as_i64).unwrap_or(2);
    let (kind, text) = match code {
        _ if said.text.contains("MY_CONTACTS_OVERFLOW_COUNT") => {
            (Kind::Forbidden, "the account is full (about 25,000 contacts with its trash); delete some for good")
        }
        5 => (Kind::NotFound, "the contact is deleted"),
        9 => (Kind::Stale, "the contact changed meanwhile; it is read and merged again"),
        3 | 6 | 11 => (Kind::Invalid, "the service refuses this contact's content; it is tried again when it changes"),
        7 => (Kind::Forbidden, "this contact may not be written"),
        8 => (Kind::Later { until: None }, "a limit is reached; it is tried again by itself"),
        _ => (Kind::Unavailable, "the service is in trouble with this contact; it is tried again by itself"),
    };
    Error::new(kind, format!("google: {text} (code {code})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_expired_token_is_known_by_its_reason_or_its_words() {
        let reason =
            json!({"status": "INVALID_ARGUMENT", "message": "x", "details": [{"reason": "EXPIRED_SYNC_TOKEN"}]});
        let words =
            json!({"status": "FAILED_PRECONDITION", "message": "Sync token is expired. Clear local cache and retry."});
        for error in [reason, words] {
            assert!(Said::read(&error).expired_sync_token(), "{error}");
        }
        assert!(!Said::read(&json!({"status": "FAILED_PRECONDITION", "message": "etag"})).expired_sync_token());
    }

    #[test]
    fn a_batch_names_who_is_to_blame_and_no_sentence_is_repeated() {
        let body = json!({"error": {"status": "INVALID_ARGUMENT", "message": "Anna Weber is bad", "details": [
            {"@type": "type.googleapis.com/google.people.v1.BatchUpdateContactsErrorDetails", "contactErrors": {
                "people/c1": {"code": 9, "message": "Anna"}, "people/c2": {"code": 3, "message": "Anna"}}}]}});
        let errors = contact_errors(&body);
        let kinds: Vec<Kind> = errors.values().map(|error| error.kind).collect();
        assert_eq!(kinds, [Kind::Stale, Kind::Invalid]);
        assert!(errors.values().all(|error| !error.message.contains("Anna")));
        assert_eq!(Said::read(&body["error"]).words(), ", INVALID_ARGUMENT");
    }
}

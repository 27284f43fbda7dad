//! What a refusal means: the service's statuses and bodies turned into [`Kind`]s, with words for an administrator.
//!
//! The body's own words help, but may quote what was sent: whatever could be a contact's is left out.

use serde_json::Value;

use super::api::Credential;
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::http::{Method, Response};

/// A success that is not what the service documents. For a write that leaves open whether it was done.
pub(super) fn undecodable(response: &Response, problem: &str) -> Error {
    if response.call.method == Method::GET {
        return Error::new(Kind::Unavailable, format!("{problem}; nothing of it was used, it is asked again later"));
    }
    let text = format!("{problem}; it may have been done, so it is looked for before it is sent again");
    Error::new(Kind::UnknownOutcome, text)
}

/// An answer outside 2xx. `later` is when the governor would send again.
pub(super) fn refused(response: &Response, credential: &Credential, later: Option<Moment>) -> Error {
    let body: Option<Value> = serde_json::from_slice(&response.body).ok();
    let page = body.as_ref().is_none_or(|body| !body.is_object());
    let (kind, advice) = match response.status {
        // Even after an attempt without an answer: a deletion that is not there is done. A proxy's 404 is a page, and says
        // nothing of a person.
        404 | 410 if !page && response.call.route.contains("{id}") => {
            (Kind::NotFound, "it is deleted, or this login may not see it")
        }
        _ if response.outcome_unknown() && response.call.method != Method::GET => {
            (Kind::UnknownOutcome, "it may have been done, so it is looked for before it is sent again")
        }
        401 => (Kind::Login, login(credential)),
        402 => (
            Kind::Later { until: later },
            "the company's account is not open (its trial is over, or it is unpaid): mend that in Pipedrive's billing",
        ),
        403 if page => (
            Kind::Later { until: later },
            "the gateway blocks us after too many calls: nothing is sent for some minutes; do other programs use the same token?",
        ),
        403 => (Kind::Forbidden, forbidden(body.as_ref())),
        404 | 405 | 410 => {
            (Kind::Unavailable, "this is not how Pipedrive answers: check [pipedrive] url and any proxy")
        }
        400 | 413 | 415 | 422 => {
            (Kind::Invalid, "the service refuses what was sent; it is tried again when it changes")
        }
        429 => (Kind::Later { until: later }, "a limit is reached; it is tried again by itself"),
        300..400 => (Kind::Unavailable, "it redirects elsewhere: check [pipedrive] url"),
        _ => (Kind::Unavailable, "the service is in trouble; it is tried again by itself"),
    };
    let said = body.as_ref().map_or_else(
        || "a page instead of JSON".to_owned(),
        |body| words(body, response.status).unwrap_or_else(|| "no reason given".to_owned()),
    );
    let request = response.request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
    Error::new(kind, format!("{}: answered {}, {said}{request}; {advice}", response.call, response.status))
}

fn login(credential: &Credential) -> &'static str {
    match credential {
        Credential::ApiToken(_) => {
            "the API token is not accepted: copy the user's present one (Pipedrive, Personal preferences, API) to where [pipedrive] token_file, token_command or token_credential reads it, then `carnetd reload`"
        }
        Credential::Bearer(_) => "the login is not accepted any more: run `carnetd login --pipedrive`",
    }
}

fn forbidden(body: Option<&Value>) -> &'static str {
    let says = |part: &str| {
        let field = |name| body.and_then(|body| body.get(name)).and_then(Value::as_str);
        [field("error"), field("code")].into_iter().flatten().any(|text| text.contains(part))
    };
    if says("Scope and URL mismatch") {
        "the app lacks a scope: give it contacts:full and users:read in Developer Hub, then run `carnetd login --pipedrive`"
    } else if says("feature_capping") {
        "the plan's limit is reached: raise it in Pipedrive, or remove what is not needed"
    } else {
        "this user may not do this: ask a Pipedrive administrator for the permission, or use another user's login"
    }
}

/// Longest text quoted from a body, in characters.
const QUOTED: usize = 160;

/// Keys that a refusal of what was sent may be about.
const KEYS: [&str; 24] = [
    "name",
    "owner_id",
    "org_id",
    "emails",
    "phones",
    "visible_to",
    "postal_address",
    "notes",
    "im",
    "birthday",
    "job_title",
    "custom_fields",
    "value",
    "label",
    "primary",
    "cursor",
    "limit",
    "updated_since",
    "sort_by",
    "sort_direction",
    "include_fields",
    "file",
    "id",
    "success",
];

/// The body's own reason, without anything that could have been copied from what was sent: of a refusal of content only
/// the code and the keys it names.
fn words(body: &Value, status: u16) -> Option<String> {
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    let code = field("code").map(masked).filter(|code| !code.is_empty());
    let error = field("error").or_else(|| field("message"));
    let error = if matches!(status, 400 | 413 | 415 | 422) {
        let split = error.unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let mut keys: Vec<&str> = split.filter(|word| KEYS.contains(word)).collect();
        keys.dedup();
        (!keys.is_empty()).then(|| format!("about {}", keys.join(", ")))
    } else {
        error.map(masked).filter(|error| !error.is_empty()).map(|error| format!("\"{error}\""))
    };
    match (code, error) {
        (Some(code), Some(error)) => Some(format!("{code} {error}")),
        (code, error) => code.or(error),
    }
}

/// Words that hold `@` or digits may be a contact's and are masked.
fn masked(text: &str) -> String {
    let risky = |word: &str| word.contains('@') || word.contains(|c: char| c.is_ascii_digit());
    let words: Vec<&str> = text.split_whitespace().map(|word| if risky(word) { "…" } else { word }).collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_is_quoted_without_what_was_sent() {
        let body = json!({"code": "ERR_SCHEMA_VALIDATION_FAILED",
            "error": "emails[0].value anna@acme.example is not 'Anna Weber', \"owner_id\" must be +33199000000"});
        let words = words(&body, 400).expect("it has a reason");
        for secret in ["anna", "Anna", "Weber", "33199"] {
            assert!(!words.contains(secret), "{words}");
        }
        assert!(words.contains("ERR_SCHEMA_VALIDATION_FAILED") && words.contains("owner_id"), "{words}");
    }
}

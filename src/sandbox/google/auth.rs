//! Who calls: `sandbox:EMAIL` as a bearer token, or an access token of the OAuth server.

use axum::http::{HeaderMap, header};

use super::input::Query;
use super::refusal::Refusal;
use super::routes::Route;
use super::state::State;
use crate::clock::Moment;

/// Read and write.
pub(super) const CONTACTS: &str = "https://www.googleapis.com/auth/contacts";
/// Read only.
pub(super) const CONTACTS_READONLY: &str = "https://www.googleapis.com/auth/contacts.readonly";

/// The caller of `route`; a user who was never seen before springs into being.
pub(super) fn identify(
    state: &mut State,
    headers: &HeaderMap,
    query: &Query,
    route: &Route,
    now: Moment,
) -> Result<String, Refusal> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let token = bearer.or_else(|| query.get("access_token")).or_else(|| query.get("oauth_token"));
    let token = token.ok_or_else(Refusal::unauthenticated)?;
    if let Some(email) = token.strip_prefix("sandbox:") {
        return state.enter(email, now);
    }
    let access = state.access.get(token).filter(|access| now.0 < access.until * 1000);
    let access = access.ok_or_else(Refusal::unauthenticated)?;
    let enough = |scope: &String| scope == CONTACTS || (route.reads() && scope == CONTACTS_READONLY);
    if access.scopes.iter().any(enough) { Ok(access.user.clone()) } else { Err(Refusal::scope()) }
}

//! The table of all calls: path, price in tokens, what is allowed in the query, what the body is, who handles it.
//!
//! Prices are those of the vendor's description (`x-token-cost`).

use super::company::Company;
use super::gateway::{Answer, Call};
use super::organization::Organization;
use super::person::Person;
use super::refusal::Version;
use super::{fields, list, merge, picture, record, search, users};

/// What a call brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// No body; one that is sent is not looked at.
    Nothing,
    /// JSON.
    Json,
    /// A form with an image.
    Picture,
}

/// One call.
#[derive(Debug)]
pub(super) struct Route {
    /// The HTTP method.
    pub(super) method: &'static str,
    /// The path below `/pipedrive`; `{id}` is a positive integer, `{code}` any word.
    pub(super) path: &'static str,
    /// Its price.
    pub(super) tokens: u64,
    /// Whether the burst limit of searches counts it.
    pub(super) search: bool,
    /// Names allowed in the query. v1 overlooks others, v2 refuses them.
    pub(super) query: &'static [&'static str],
    /// The body.
    pub(super) takes: Takes,
    /// The handler.
    pub(super) run: fn(&mut Company, &Call) -> Answer,
}

const ONE: &[&str] = &["include_fields", "custom_fields", "include_option_labels", "include_labels"];
const PERSONS: &[&str] = &[
    "filter_id",
    "ids",
    "owner_id",
    "org_id",
    "deal_id",
    "updated_since",
    "updated_until",
    "sort_by",
    "sort_direction",
    "include_fields",
    "custom_fields",
    "include_option_labels",
    "include_labels",
    "limit",
    "cursor",
];
const ORGANIZATIONS: &[&str] = &[
    "filter_id",
    "ids",
    "owner_id",
    "updated_since",
    "updated_until",
    "sort_by",
    "sort_direction",
    "include_fields",
    "custom_fields",
    "include_option_labels",
    "include_labels",
    "limit",
    "cursor",
];
const FIELDS: &[&str] = &["include_fields", "limit", "cursor"];
const SEARCH_PERSONS: &[&str] =
    &["term", "fields", "exact_match", "organization_id", "include_fields", "limit", "cursor"];
const SEARCH_ORGANIZATIONS: &[&str] = &["term", "fields", "exact_match", "limit", "cursor"];

/// A call without a body.
const fn plain(
    method: &'static str,
    path: &'static str,
    tokens: u64,
    query: &'static [&'static str],
    run: fn(&mut Company, &Call) -> Answer,
) -> Route {
    Route { method, path, tokens, search: false, query, takes: Takes::Nothing, run }
}

/// A call with a JSON body.
const fn write(method: &'static str, path: &'static str, tokens: u64, run: fn(&mut Company, &Call) -> Answer) -> Route {
    Route { method, path, tokens, search: false, query: &[], takes: Takes::Json, run }
}

/// All calls.
pub(super) const ROUTES: &[Route] = &[
    plain("GET", "/api/v2/persons", 10, PERSONS, list::list::<Person>),
    write("POST", "/api/v2/persons", 5, record::create::<Person>),
    Route { search: true, ..plain("GET", "/api/v2/persons/search", 20, SEARCH_PERSONS, search::persons) },
    plain("GET", "/api/v2/persons/{id}", 1, ONE, record::read::<Person>),
    write("PATCH", "/api/v2/persons/{id}", 5, record::change::<Person>),
    plain("DELETE", "/api/v2/persons/{id}", 3, &[], record::delete::<Person>),
    plain("GET", "/api/v2/persons/{id}/picture", 1, &[], picture::read),
    plain("GET", "/api/v2/organizations", 10, ORGANIZATIONS, list::list::<Organization>),
    write("POST", "/api/v2/organizations", 5, record::create::<Organization>),
    Route {
        search: true,
        ..plain("GET", "/api/v2/organizations/search", 20, SEARCH_ORGANIZATIONS, search::organizations)
    },
    plain("GET", "/api/v2/organizations/{id}", 1, ONE, record::read::<Organization>),
    write("PATCH", "/api/v2/organizations/{id}", 5, record::change::<Organization>),
    plain("DELETE", "/api/v2/organizations/{id}", 3, &[], record::delete::<Organization>),
    plain("GET", "/api/v2/personFields", 10, FIELDS, fields::list::<Person>),
    write("POST", "/api/v2/personFields", 5, fields::create::<Person>),
    plain("GET", "/api/v2/personFields/{code}", 1, &["include_fields"], fields::read::<Person>),
    plain("GET", "/api/v2/organizationFields", 10, FIELDS, fields::list::<Organization>),
    write("POST", "/api/v2/organizationFields", 5, fields::create::<Organization>),
    plain("GET", "/api/v2/organizationFields/{code}", 1, &["include_fields"], fields::read::<Organization>),
    plain("GET", "/api/v1/users/me", 2, &[], users::me),
    plain("GET", "/api/v1/users", 20, &[], users::list),
    plain("GET", "/api/v1/users/find", 40, &["term", "search_by_email"], users::find),
    plain("GET", "/api/v1/users/{id}", 2, &[], users::read),
    plain("GET", "/api/v1/users/{id}/roleSettings", 10, &[], users::role_settings),
    plain("GET", "/api/v1/users/{id}/permissions", 10, &[], users::permissions),
    plain("GET", "/api/v1/roles", 20, &["start", "limit"], users::roles),
    plain("GET", "/api/v1/userSettings", 2, &[], users::settings),
    plain("GET", "/api/v1/persons/{id}/permittedUsers", 10, &[], users::permitted),
    Route { takes: Takes::Picture, ..plain("POST", "/api/v1/persons/{id}/picture", 10, &[], picture::upload) },
    plain("DELETE", "/api/v1/persons/{id}/picture", 6, &[], picture::delete),
    write("PUT", "/api/v1/persons/{id}/merge", 40, merge::persons),
];

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Found {
    /// To a call, with the numbers and words that its path holds.
    Route(&'static Route, Vec<u64>, Vec<String>),
    /// To calls of other methods only.
    OtherMethod,
    /// Nowhere.
    Nothing,
}

/// Looks up a call. `/v1` is `/api/v1`, as on the shared host; a trailing slash is overlooked.
pub(super) fn find(method: &str, path: &str) -> Found {
    let below = path.strip_prefix("/pipedrive").unwrap_or(path).trim_end_matches('/');
    let below = if below.starts_with("/v1/") { format!("/api{below}") } else { below.to_owned() };
    let mut found = Found::Nothing;
    for route in ROUTES {
        if let Some((ids, words)) = matches(route.path, &below) {
            if route.method == method {
                return Found::Route(route, ids, words);
            }
            found = Found::OtherMethod;
        }
    }
    found
}

fn matches(template: &str, path: &str) -> Option<(Vec<u64>, Vec<String>)> {
    let (mut ids, mut words) = (Vec::new(), Vec::new());
    let mut parts = path.split('/');
    for wanted in template.split('/') {
        let part = parts.next()?;
        match wanted {
            "{id}" => ids.push(part.parse().ok()?),
            "{code}" => words.push(part.to_owned()),
            word if word == part => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some((ids, words))
}

/// Which API a path belongs to.
pub(super) fn version(path: &str) -> Version {
    if path.starts_with("/pipedrive/api/v2") { Version::V2 } else { Version::V1 }
}

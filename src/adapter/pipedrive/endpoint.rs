//! Every call that is made, with its price in tokens (the vendor's `x-token-cost`).

use crate::http::Method;

/// One operation of the API.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The HTTP method.
    pub(super) method: Method,
    /// The path below the root, with `{id}` for the one id that some have. Also what logs and errors show. v2 for persons
    /// and organizations, v1 for what it lacks.
    pub(super) route: &'static str,
    /// Tokens per call.
    pub(super) price: u32,
}

const fn at(method: Method, route: &'static str, price: u32) -> Endpoint {
    Endpoint { method, route, price }
}

pub(super) const PERSONS: Endpoint = at(Method::GET, "/api/v2/persons", 10);
pub(super) const PERSON: Endpoint = at(Method::GET, "/api/v2/persons/{id}", 1);
pub(super) const CREATE_PERSON: Endpoint = at(Method::POST, "/api/v2/persons", 5);
pub(super) const PATCH_PERSON: Endpoint = at(Method::PATCH, "/api/v2/persons/{id}", 5);
pub(super) const DELETE_PERSON: Endpoint = at(Method::DELETE, "/api/v2/persons/{id}", 3);
pub(super) const ORGANIZATIONS: Endpoint = at(Method::GET, "/api/v2/organizations", 10);
pub(super) const ORGANIZATION: Endpoint = at(Method::GET, "/api/v2/organizations/{id}", 1);
pub(super) const CREATE_ORGANIZATION: Endpoint = at(Method::POST, "/api/v2/organizations", 5);
pub(super) const PERSON_FIELDS: Endpoint = at(Method::GET, "/api/v2/personFields", 10);
pub(super) const UPLOAD_PICTURE: Endpoint = at(Method::POST, "/api/v1/persons/{id}/picture", 10);
pub(super) const ME: Endpoint = at(Method::GET, "/api/v1/users/me", 2);
pub(super) const USERS: Endpoint = at(Method::GET, "/api/v1/users", 20);
pub(super) const ROLE_SETTINGS: Endpoint = at(Method::GET, "/api/v1/users/{id}/roleSettings", 10);

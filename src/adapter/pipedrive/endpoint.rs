//! Every call that is made, with its price in tokens (the vendor's `x-token-cost`).

use crate::http::Method;

/// One operation of the API.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// 2 for persons and organizations; 1 for what v2 lacks.
    pub(super) version: u8,
    /// The HTTP method.
    pub(super) method: Method,
    /// The path below the version, with `{id}` for the one id that some have. Also what logs and errors show.
    pub(super) route: &'static str,
    /// Tokens per call.
    pub(super) price: u32,
}

const fn v2(method: Method, route: &'static str, price: u32) -> Endpoint {
    Endpoint { version: 2, method, route, price }
}

const fn v1(method: Method, route: &'static str, price: u32) -> Endpoint {
    Endpoint { version: 1, method, route, price }
}

pub(super) const PERSONS: Endpoint = v2(Method::GET, "/persons", 10);
pub(super) const PERSON: Endpoint = v2(Method::GET, "/persons/{id}", 1);
pub(super) const CREATE_PERSON: Endpoint = v2(Method::POST, "/persons", 5);
pub(super) const PATCH_PERSON: Endpoint = v2(Method::PATCH, "/persons/{id}", 5);
pub(super) const DELETE_PERSON: Endpoint = v2(Method::DELETE, "/persons/{id}", 3);
pub(super) const ORGANIZATIONS: Endpoint = v2(Method::GET, "/organizations", 10);
pub(super) const CREATE_ORGANIZATION: Endpoint = v2(Method::POST, "/organizations", 5);
pub(super) const PERSON_FIELDS: Endpoint = v2(Method::GET, "/personFields", 10);
pub(super) const UPLOAD_PICTURE: Endpoint = v1(Method::POST, "/persons/{id}/picture", 10);
pub(super) const ME: Endpoint = v1(Method::GET, "/users/me", 2);
pub(super) const USERS: Endpoint = v1(Method::GET, "/users", 20);
pub(super) const ROLE_SETTINGS: Endpoint = v1(Method::GET, "/users/{id}/roleSettings", 10);

//! The table of all calls of the People API: path, cost, what is allowed in the query, who handles it.
//!
//! Costs are those of the official guide; the weight of the listings is not documented and taken as one read.

use super::gateway::{Answer, Call};
use super::quota::Cost;
use super::state::State;
use super::{batch, connections, groups, members, people, photo, search};

/// One call.
#[derive(Debug)]
pub(super) struct Route {
    /// The HTTP method.
    pub(super) method: &'static str,
    /// The path below `/google`; `{id}` is any word without a slash or a colon.
    pub(super) path: &'static str,
    /// What it takes from the quotas.
    pub(super) cost: Cost,
    /// Names allowed in the query, beside those that all calls take.
    pub(super) query: &'static [&'static str],
    /// The handler.
    pub(super) run: fn(&mut State, &Call) -> Answer,
}

impl Route {
    /// Whether the scope `contacts.readonly` is enough.
    pub(super) fn reads(&self) -> bool {
        self.method == "GET"
    }
}

const PERSON: &[&str] = &["personFields", "requestMask.includeField", "sources"];
const PEOPLE: &[&str] = &["personFields", "requestMask.includeField", "resourceNames", "sources"];
const CONNECTIONS: &[&str] = &[
    "pageSize",
    "pageToken",
    "personFields",
    "requestMask.includeField",
    "requestSyncToken",
    "sortOrder",
    "sources",
    "syncToken",
];
const UPDATE: &[&str] = &["personFields", "sources", "updatePersonFields"];
const GROUPS: &[&str] = &["groupFields", "pageSize", "pageToken", "syncToken"];

const fn route(
    method: &'static str,
    path: &'static str,
    cost: Cost,
    query: &'static [&'static str],
    run: fn(&mut State, &Call) -> Answer,
) -> Route {
    Route { method, path, cost, query, run }
}

const READ: Cost = Cost { critical_reads: 1, ..Cost::NONE };
const WRITE: Cost = Cost { critical_reads: 1, critical_writes: 1, daily: 1, ..Cost::NONE };
const BATCH: Cost = Cost { critical_reads: 6, critical_writes: 6, daily: 200, ..Cost::NONE };
const PHOTO: Cost = Cost { photo_writes: 1, ..Cost::NONE };
const GROUP_READ: Cost = Cost { reads: 1, ..Cost::NONE };
const SMALL: Cost = Cost { writes: 1, ..Cost::NONE };

/// All calls.
pub(super) const ROUTES: &[Route] = &[
    route("GET", "/v1/people/{id}/connections", READ, CONNECTIONS, connections::list),
    route("GET", "/v1/people:batchGet", READ, PEOPLE, people::batch_get),
    route("GET", "/v1/people:searchContacts", READ, &["pageSize", "query", "readMask", "sources"], search::search),
    route("GET", "/v1/people/{id}", READ, PERSON, people::get),
    route("POST", "/v1/people:createContact", WRITE, &["personFields", "sources"], people::create),
    route("PATCH", "/v1/people/{id}:updateContact", WRITE, UPDATE, people::update),
    route("DELETE", "/v1/people/{id}:deleteContact", SMALL, &[], people::delete),
    route("PATCH", "/v1/people/{id}:updateContactPhoto", PHOTO, &[], photo::update),
    route("DELETE", "/v1/people/{id}:deleteContactPhoto", PHOTO, &["personFields", "sources"], photo::delete),
    route("POST", "/v1/people:batchCreateContacts", BATCH, &[], batch::create),
    route("POST", "/v1/people:batchUpdateContacts", BATCH, &[], batch::update),
    route("POST", "/v1/people:batchDeleteContacts", Cost { writes: 10, ..Cost::NONE }, &[], batch::delete),
    route("GET", "/v1/contactGroups", GROUP_READ, GROUPS, groups::list),
    route(
        "GET",
        "/v1/contactGroups:batchGet",
        GROUP_READ,
        &["groupFields", "maxMembers", "resourceNames"],
        groups::batch_get,
    ),
    route("GET", "/v1/contactGroups/{id}", GROUP_READ, &["groupFields", "maxMembers"], groups::get),
    route("POST", "/v1/contactGroups", SMALL, &[], groups::create),
    route("PUT", "/v1/contactGroups/{id}", SMALL, &[], groups::update),
    route("DELETE", "/v1/contactGroups/{id}", SMALL, &["deleteContacts"], groups::delete),
    route("POST", "/v1/contactGroups/{id}/members:modify", SMALL, &[], members::modify),
];

/// The call that `path` below `/google` leads to, with the word in its path.
pub(super) fn find(method: &str, path: &str) -> Option<(&'static Route, String)> {
    ROUTES
        .iter()
        .filter(|route| route.method == method)
        .find_map(|route| matches(route.path, path).map(|id| (route, id)))
}

fn matches(template: &str, path: &str) -> Option<String> {
    let Some((before, after)) = template.split_once("{id}") else {
        return (template == path).then(String::new);
    };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains(['/', ':'])).then(|| id.to_owned())
}

//! Single contacts: get, batch get, create, update, delete.

use serde_json::{Value, json};

use super::account::Account;
use super::body::{self, Sent};
use super::contact::{Body, Contact, Is};
use super::gateway::{Answer, Call};
use super::groups::{self, MY_CONTACTS};
use super::mask::Mask;
use super::person::{self, View};
use super::refusal::Refusal;
use super::state::{Record, State};

const MAX_GET: usize = 200;

/// `GET /v1/people/{id}`.
pub(super) fn get(state: &mut State, call: &Call) -> Answer {
    let view = View::of_query(call, None)?;
    if call.id == "me" {
        return Ok(me(state.account(&call.user)?, &view));
    }
    find(state, call, &view, &call.person())
}

fn find(state: &mut State, call: &Call, view: &View, name: &str) -> Answer {
    let mut chance = state.settings.shuffle.then(|| state.chance.fork());
    let contact = state.account(&call.user)?.named(name).ok_or_else(Refusal::not_found)?;
    let version = contact.seen(call.now.0).filter(|version| version.body().is_some());
    Ok(view.show(contact, version.ok_or_else(Refusal::not_found)?, chance.as_mut()))
}

/// The caller's own profile.
fn me(account: &Account, view: &View) -> Value {
    let metadata = json!({"primary": true, "source": {"type": "PROFILE", "id": account.owner.id}});
    let mut me = json!({"resourceName": format!("people/{}", account.owner.id), "etag": "%EgMBAgM="});
    if view.mask.has("metadata") {
        me["metadata"] = json!({"objectType": "PERSON", "sources": [{"type": "PROFILE", "id": account.owner.id}]});
    }
    if view.mask.has("emailAddresses") {
        me["emailAddresses"] = json!([{"metadata": metadata, "value": account.owner.email}]);
    }
    me
}

/// `GET /v1/people:batchGet`.
pub(super) fn batch_get(state: &mut State, call: &Call) -> Answer {
    let view = View::of_query(call, None)?;
    let names: Vec<String> = call.query.all("resourceNames").map(str::to_owned).collect();
    if names.is_empty() || names.len() > MAX_GET {
        return Err(Refusal::argument());
    }
    let responses: Vec<Value> = names
        .iter()
        .map(|name| match find(state, call, &view, name) {
            Ok(person) => response(name, &person),
            Err(refusal) => json!({
                "requestedResourceName": name, "httpStatusCode": refusal.code, "status": refusal.rpc(),
            }),
        })
        .collect();
    Ok(json!({"responses": responses}))
}

/// A `PersonResponse` that went well.
pub(super) fn response(name: &str, person: &Value) -> Value {
    json!({"requestedResourceName": name, "httpStatusCode": 200, "status": {}, "person": person})
}

/// `POST /v1/people:createContact`.
pub(super) fn create(state: &mut State, call: &Call) -> Answer {
    let view = View::of_query(call, Some(Mask::all()))?;
    let sent = body::person("person", &call.body)?;
    let body = new(state.account(&call.user)?, sent)?;
    room(state, call, 1)?;
    let contact = born(state, call, body);
    store(state, call, &view, contact)
}

/// Refuses what the account cannot hold any more.
pub(super) fn room(state: &State, call: &Call, more: usize) -> Result<(), Refusal> {
    let size = state.account(&call.user)?.size(call.now.0);
    if size + more > state.settings.contact_cap { Err(Refusal::full()) } else { Ok(()) }
}

/// What a new contact holds. Without a group it lands in "myContacts".
pub(super) fn new(account: &Account, sent: Sent) -> Result<Body, Refusal> {
    groups::check(account, &sent.groups, &[])?;
    let groups = if sent.groups.is_empty() { vec![MY_CONTACTS.to_owned()] } else { sent.groups };
    Ok(Body { fields: sent.fields, groups, photo: None })
}

/// A new contact.
pub(super) fn born(state: &mut State, call: &Call, body: Body) -> Contact {
    let id = state.new_id(&call.user);
    let first = state.version(Is::Here(Box::new(body)), call.now);
    Contact::new(id, first)
}

fn store(state: &mut State, call: &Call, view: &View, contact: Contact) -> Answer {
    let shown = contact.latest().map(|version| view.show(&contact, version, None));
    state.commit(vec![Record::Contact { user: call.user.clone(), contact: Box::new(contact) }])?;
    Ok(shown.unwrap_or_default())
}

/// `PATCH /v1/people/{id}:updateContact`.
pub(super) fn update(state: &mut State, call: &Call) -> Answer {
    let mask = Mask::write("updatePersonFields", call.query.get("updatePersonFields"))?;
    let view = View::of_query(call, Some(Mask::all()))?;
    let sent = body::person("person", &call.body)?;
    let (mut contact, body) = changed(state, call, &call.person(), (sent, &mask))?;
    contact.push(state.version(Is::Here(Box::new(body)), call.now));
    store(state, call, &view, contact)
}

/// The contact `name`, and what it holds once the fields of the mask are replaced by what was sent.
pub(super) fn changed(
    state: &State,
    call: &Call,
    name: &str,
    (sent, mask): (Sent, &Mask),
) -> Result<(Contact, Body), Refusal> {
    let account = state.account(&call.user)?;
    let contact = account.live(name).ok_or_else(Refusal::not_found)?;
    check_etag(contact, &sent, state.settings.strict_etags)?;
    let mut body = contact.body().cloned().ok_or_else(Refusal::not_found)?;
    let mut fields = sent.fields;
    for name in mask.fields() {
        match fields.remove(name) {
            _ if name == "memberships" => {
                groups::check(account, &sent.groups, &body.groups)?;
                if sent.groups.is_empty() {
                    return Err(Refusal::invalid("Person must have at least one contact group membership."));
                }
                body.groups.clone_from(&sent.groups);
            }
            Some(values) => {
                body.fields.insert(name.to_owned(), values);
            }
            None => {
                body.fields.remove(name);
            }
        }
    }
    Ok((contact.clone(), body))
}

/// Either etag will do: that of the contact's source, or that of the person.
fn check_etag(contact: &Contact, sent: &Sent, strict: bool) -> Result<(), Refusal> {
    let current = contact.latest().map(|version| contact.etag(version)).unwrap_or_default();
    let read = |etag: &str| match person::read_etag(etag) {
        Some((_, true)) if strict => None,
        Some((source, _)) => Some(source),
        None => Some(etag.to_owned()),
    };
    match (&sent.source_etag, &sent.etag) {
        (Some(etag), _) if read(etag).as_ref() == Some(&current) => Ok(()),
        (Some(_), _) => Err(Refusal::stale("person.metadata.sources.etag")),
        (None, Some(etag)) if read(etag).as_ref() == Some(&current) => Ok(()),
        (None, Some(_)) => Err(Refusal::stale("person.etag")),
        (None, None) => Err(Refusal::invalid(
            "Request must set person.etag or person.metadata.sources.etag for the source that is being updated.",
        )),
    }
}

/// `DELETE /v1/people/{id}:deleteContact`.
pub(super) fn delete(state: &mut State, call: &Call) -> Answer {
    let contact = state.account(&call.user)?.live(&call.person()).cloned().ok_or_else(Refusal::not_found)?;
    let record = state.remove(&call.user, contact, Is::Trashed, call.now);
    state.commit(vec![record])?;
    Ok(json!({}))
}

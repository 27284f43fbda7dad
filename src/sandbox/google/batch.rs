//! Batches of contacts. A batch is done whole or, if one of its contacts is wrong, not at all.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::body;
use super::contact::Is;
use super::gateway::{Answer, Call};
use super::input::{self, text, texts};
use super::mask::Mask;
use super::people;
use super::person::View;
use super::refusal::Refusal;
use super::state::{Record, State};

const MAX_WRITES: usize = 200;
const MAX_DELETES: usize = 500;

/// How the contacts are read back; not at all where the mask is empty.
fn view(call: &Call, message: &Map<String, Value>) -> Result<Option<View>, Refusal> {
    let mask = text("", message, "readMask")?.unwrap_or_default();
    if mask.is_empty() {
        return Ok(None);
    }
    View::new(call, Mask::read("readMask", Some(mask))?, &texts(message, "sources")?).map(Some)
}

fn size(found: usize, most: usize) -> Result<(), Refusal> {
    if (1..=most).contains(&found) { Ok(()) } else { Err(Refusal::argument()) }
}

/// `POST /v1/people:batchCreateContacts`.
pub(super) fn create(state: &mut State, call: &Call) -> Answer {
    let message = call.message(&["contacts", "readMask", "sources"])?;
    let view = view(call, message)?;
    let given = input::list("", message, "contacts")?;
    size(given.len(), MAX_WRITES)?;
    let (mut bodies, mut errors) = (Vec::new(), Vec::new());
    for (index, contact) in given.iter().enumerate() {
        let at = format!("contacts[{index}]");
        let contact = input::object(&at, contact, &["contactPerson"])?;
        let person = contact.get("contactPerson").unwrap_or(&Value::Null);
        let sent = body::person(&format!("{at}.contact_person"), person);
        match sent.and_then(|sent| people::new(state.account(&call.user)?, sent)) {
            Ok(body) => bodies.push(body),
            Err(error) => errors.push((index.to_string(), error)),
        }
    }
    if !errors.is_empty() {
        return Err(Refusal::batch("BatchCreateContacts", &errors));
    }
    people::room(state, call, bodies.len())?;
    let (mut records, mut created) = (Vec::new(), Vec::new());
    for body in bodies {
        let contact = people::born(state, call, body);
        if let (Some(view), Some(version)) = (&view, contact.latest()) {
            created.push(people::response(&contact.name, &view.show(&contact, version, None)));
        }
        records.push(Record::Contact { user: call.user.clone(), contact: Box::new(contact) });
    }
    state.commit(records)?;
    Ok(if created.is_empty() { json!({}) } else { json!({"createdPeople": created}) })
}

/// `POST /v1/people:batchUpdateContacts`.
pub(super) fn update(state: &mut State, call: &Call) -> Answer {
    let message = call.message(&["contacts", "readMask", "sources", "updateMask"])?;
    let mask = Mask::write("updateMask", text("", message, "updateMask")?)?;
    let view = view(call, message)?;
    let given = match message.get("contacts") {
        Some(Value::Object(given)) => given,
        Some(other) => return Err(Refusal::value("contacts", "TYPE_MESSAGE", other)),
        None => return Err(Refusal::argument()),
    };
    size(given.len(), MAX_WRITES)?;
    let (mut changes, mut errors) = (Vec::new(), Vec::new());
    for (name, person) in given {
        let sent = body::person(&format!("contacts[{name}].value"), person);
        match sent.and_then(|sent| people::changed(state, call, name, (sent, &mask))) {
            Ok(change) => changes.push((name, change)),
            Err(error) => errors.push((name.clone(), error)),
        }
    }
    if !errors.is_empty() {
        return Err(Refusal::batch("BatchUpdateContacts", &errors));
    }
    let (mut records, mut updated) = (Vec::new(), Map::new());
    for (name, (mut contact, body)) in changes {
        contact.push(state.version(Is::Here(Box::new(body)), call.now));
        if let (Some(view), Some(version)) = (&view, contact.latest()) {
            updated.insert(name.clone(), people::response(name, &view.show(&contact, version, None)));
        }
        records.push(Record::Contact { user: call.user.clone(), contact: Box::new(contact) });
    }
    state.commit(records)?;
    Ok(if updated.is_empty() { json!({}) } else { json!({"updateResult": updated}) })
}

/// `POST /v1/people:batchDeleteContacts`. That one unknown name refuses the whole batch is the harsher reading.
pub(super) fn delete(state: &mut State, call: &Call) -> Answer {
    let names = texts(call.message(&["resourceNames"])?, "resourceNames")?;
    size(names.len(), MAX_DELETES)?;
    let account = state.account(&call.user)?;
    let mut contacts = Vec::new();
    for name in names.into_iter().collect::<BTreeSet<_>>() {
        contacts.push(account.live(&name).cloned().ok_or_else(Refusal::not_found)?);
    }
    let records = contacts.into_iter().map(|it| state.remove(&call.user, it, Is::Trashed, call.now)).collect();
    state.commit(records)?;
    Ok(json!({}))
}

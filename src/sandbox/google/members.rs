//! `contactGroups.members.modify`: who is in a group.

use serde_json::{Map, Value, json};

use super::contact::Is;
use super::gateway::{Answer, Call};
use super::groups;
use super::input::texts;
use super::refusal::Refusal;
use super::state::State;

const MOST: usize = 1000;

/// `POST /v1/contactGroups/{id}/members:modify`. What cannot be done is listed in the answer, which is 200.
///
/// That it moves the contact's etag is not documented, and the harsher reading.
pub(super) fn modify(state: &mut State, call: &Call) -> Answer {
    let message = call.message(&["resourceNamesToAdd", "resourceNamesToRemove"])?;
    let (add, remove) = (texts(message, "resourceNamesToAdd")?, texts(message, "resourceNamesToRemove")?);
    if add.len() + remove.len() > MOST || add.iter().any(|name| remove.contains(name)) {
        return Err(Refusal::argument());
    }
    let account = state.account(&call.user)?;
    if !groups::is_system(&call.id) && account.groups.get(&call.id).is_none_or(|group| group.deleted) {
        return Err(Refusal::not_found());
    }
    if !add.is_empty() {
        groups::takes_members(account, &call.id)?;
    }
    let (mut changed, mut missing, mut last) = (Vec::new(), Vec::new(), Vec::new());
    let wanted = add.iter().map(|name| (name, true)).chain(remove.iter().map(|name| (name, false)));
    for (name, into) in wanted {
        let Some(contact) = account.live(name) else {
            missing.push(name.clone());
            continue;
        };
        let mut body = contact.body().cloned().unwrap_or_default();
        let is_in = body.groups.contains(&call.id);
        if is_in == into {
            continue;
        }
        if into {
            body.groups.push(call.id.clone());
        } else {
            body.groups.retain(|id| *id != call.id);
        }
        if body.groups.is_empty() {
            last.push(name.clone());
        } else {
            changed.push((contact.clone(), body));
        }
    }
    let records = changed
        .into_iter()
        .map(|(contact, body)| state.rewrite(&call.user, contact, Is::Here(Box::new(body)), call.now))
        .collect();
    state.commit(records)?;
    let mut answer: Map<String, Value> = Map::new();
    for (key, names) in [("notFoundResourceNames", missing), ("canNotRemoveLastContactGroupResourceNames", last)] {
        if !names.is_empty() {
            answer.insert(key.to_owned(), json!(names));
        }
    }
    Ok(answer.into())
}

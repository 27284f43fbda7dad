//! What happens to accounts elsewhere: in the web page, in the settings of a user. Asked for beside the settings, done
//! once, and not kept as one.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::account::Account;
use super::contact::{Body, Contact, Is};
use super::refusal::Refusal;
use super::state::{Record, State};
use crate::clock::Moment;

/// One event.
#[derive(Debug)]
pub(super) enum Action {
    /// Sync tokens made so far are dead.
    ExpireSyncTokens,
    /// Access tokens given so far are dead.
    ExpireAccessTokens,
    /// The user takes back all grants of the project.
    Revoke(Who),
    /// The user merges one contact into another.
    Merge(Merge),
    /// The user moves a contact to the "Other contacts".
    Hide(Which),
    /// The user brings it back, or out of the trash.
    Restore(Which),
    /// The contact is linked to a Google profile and gets another resource name.
    ProfileLink(Which),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Who {
    user: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    user: String,
    /// Its resource name.
    contact: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Merge {
    user: String,
    /// The resource name of the one that goes.
    from: String,
    /// The resource name of the one that stays.
    into: String,
}

/// Takes the events out of the keys of the settings.
pub(super) fn take(keys: &mut Map<String, Value>) -> Result<Vec<Action>, String> {
    let mut actions = Vec::new();
    for (key, action) in
        [("expire_sync_tokens", Action::ExpireSyncTokens), ("expire_access_tokens", Action::ExpireAccessTokens)]
    {
        match keys.remove(key) {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => actions.push(action),
            Some(other) => return Err(format!("`{key}` is {other}; expected true")),
        }
    }
    actions.extend(one(keys, "revoke")?.map(Action::Revoke));
    actions.extend(one(keys, "profile_link")?.map(Action::ProfileLink));
    actions.extend(one(keys, "merge")?.map(Action::Merge));
    actions.extend(one(keys, "hide")?.map(Action::Hide));
    actions.extend(one(keys, "restore")?.map(Action::Restore));
    Ok(actions)
}

fn one<T: DeserializeOwned>(keys: &mut Map<String, Value>, key: &str) -> Result<Option<T>, String> {
    let given = keys.remove(key).filter(|value| !value.is_null());
    given.map(|value| serde_json::from_value(value).map_err(|error| format!("`{key}`: {error}"))).transpose()
}

impl Action {
    /// Makes it happen. The error says what is not there.
    pub(super) fn run(self, state: &mut State, now: Moment) -> Result<(), String> {
        let records = match self {
            Self::ExpireSyncTokens => {
                let seq = state.next_seq();
                vec![Record::Marks { seq, floor: seq }]
            }
            Self::ExpireAccessTokens => vec![Record::AccessGone(None)],
            Self::Revoke(who) => {
                let user = who.user.to_lowercase();
                known(state, &user)?;
                revoke(state, &user)
            }
            Self::Hide(which) => {
                let (user, contact) = which.find(state, |contact| contact.body().is_some())?;
                vec![state.remove(&user, contact, Is::Elsewhere, now)]
            }
            Self::Restore(which) => {
                let (user, contact) = which.find(state, |contact| contact.body().is_none())?;
                let body = contact.gone_body().ok_or("`restore`: nothing is left of the contact")?;
                vec![state.rewrite(&user, contact, Is::Here(body), now)]
            }
            Self::ProfileLink(which) => link(state, &which, now)?,
            Self::Merge(merge) => merge.records(state, now)?,
        };
        state.commit(records).map_err(|refusal: Refusal| refusal.message)
    }
}

/// The records by which all grants of `user` die.
pub(super) fn revoke(state: &State, user: &str) -> Vec<Record> {
    let mut records = vec![Record::AccessGone(Some(user.to_owned()))];
    let grants = state.grants.values().filter(|grant| grant.user == user);
    records.extend(grants.map(|grant| Record::GrantGone(grant.refresh_token.clone())));
    records
}

fn known<'a>(state: &'a State, user: &str) -> Result<&'a Account, String> {
    state.accounts.get(user).ok_or_else(|| format!("there is no user {user}"))
}

impl Which {
    fn find(self, state: &State, fits: impl Fn(&Contact) -> bool) -> Result<(String, Contact), String> {
        find(state, &self.user, &self.contact, fits)
    }
}

fn find(state: &State, user: &str, name: &str, fits: impl Fn(&Contact) -> bool) -> Result<(String, Contact), String> {
    let user = user.to_lowercase();
    let contact = known(state, &user)?.named(name).filter(|contact| fits(contact));
    let contact = contact.cloned().ok_or_else(|| format!("{user} has no such contact {name}"))?;
    Ok((user, contact))
}

/// The contact gets a name that is not made of its id, and a profile beside its own source.
fn link(state: &mut State, which: &Which, now: Moment) -> Result<Vec<Record>, String> {
    let (user, mut contact) = find(state, &which.user, &which.contact, |contact| contact.body().is_some())?;
    let name = format!("people/c{}", state.new_id(&user));
    contact.former.push(std::mem::replace(&mut contact.name, name));
    let body = contact.body().cloned().unwrap_or_default();
    let shown = body.fields.get("names").and_then(|names| names.get(0)?.get("displayName")?.as_str());
    contact.profile = Some(format!("{} (Google)", shown.unwrap_or("Somebody")));
    Ok(vec![state.rewrite(&user, contact, Is::Here(Box::new(body)), now)])
}

impl Merge {
    /// The survivor keeps its values where there can be only one, and gets the other's beside its own.
    fn records(self, state: &mut State, now: Moment) -> Result<Vec<Record>, String> {
        let live = |contact: &Contact| contact.body().is_some();
        let (user, from) = find(state, &self.user, &self.from, live)?;
        let (_, mut into) = find(state, &self.user, &self.into, live)?;
        if from.id == into.id {
            return Err("`merge`: a contact cannot be merged into itself".to_owned());
        }
        let body = united(into.body().cloned().unwrap_or_default(), from.body().cloned().unwrap_or_default());
        into.former.extend(from.former.iter().cloned().chain([from.name.clone()]));
        Ok(vec![
            state.remove(&user, from, Is::Elsewhere, now),
            state.rewrite(&user, into, Is::Here(Box::new(body)), now),
        ])
    }
}

fn united(mut into: Body, from: Body) -> Body {
    for (name, values) in from.fields {
        let kept = into.fields.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
        let (Value::Array(kept), Value::Array(values)) = (kept, values) else { continue };
        if !super::body::is_singleton(&name) || kept.is_empty() {
            let fresh: Vec<Value> = values.into_iter().filter(|value| !kept.contains(value)).collect();
            kept.extend(fresh);
        }
    }
    for group in from.groups {
        if !into.groups.contains(&group) {
            into.groups.push(group);
        }
    }
    into.photo = into.photo.or(from.photo);
    into
}

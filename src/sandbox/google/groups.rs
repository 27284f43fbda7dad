//! Contact groups, which people know as labels: the user's own, and those of the system.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::account::Account;
use super::connections::page_size;
use super::contact::Is;
use super::gateway::{Answer, Call};
use super::input::{list as list_of, object, text};
use super::mask::Mask;
use super::person::time;
use super::refusal::Refusal;
use super::state::{Record, State};
use super::tokens::{Binding, Point};

/// A user's group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Group {
    /// Hexadecimal.
    pub(super) id: String,
    /// Unique among the live ones of the user.
    pub(super) name: String,
    /// The version of the last change.
    pub(super) seq: u64,
    /// Milliseconds since 1970 of the last change.
    pub(super) at: i64,
    /// Deleted groups stay as tombstones.
    pub(super) deleted: bool,
    /// Keys and values of clients.
    pub(super) client_data: Vec<Value>,
}

/// The group that new contacts land in.
pub(super) const MY_CONTACTS: &str = "myContacts";
/// The groups of the system with their names for people. Only the first two take new members.
const SYSTEM: &[(&str, &str)] = &[
    (MY_CONTACTS, "My Contacts"),
    ("starred", "Starred"),
    ("all", "All Contacts"),
    ("friends", "Friends"),
    ("family", "Family"),
    ("coworkers", "Coworkers"),
    ("chatBuddies", "Chat contacts"),
    ("blocked", "Blocked"),
];
const MAX_PAGE: usize = 1000;
const MAX_GET: usize = 200;

/// Whether `id` is a group of the system.
pub(super) fn is_system(id: &str) -> bool {
    SYSTEM.iter().any(|(system, _)| *system == id)
}

/// Whether contacts may be added to the group: none of the deprecated ones, and one that exists.
pub(super) fn takes_members(account: &Account, id: &str) -> Result<(), Refusal> {
    match SYSTEM.iter().position(|(system, _)| *system == id) {
        Some(0 | 1) => Ok(()),
        Some(_) => Err(Refusal::invalid("Cannot add contacts to deprecated system contact group")),
        None if account.groups.get(id).is_some_and(|group| !group.deleted) => Ok(()),
        None => Err(Refusal::invalid(format!("Contact group \"contactGroups/{id}\" does not exist."))),
    }
}

/// Checks the groups that a contact is to be in; in `before` it already is.
pub(super) fn check(account: &Account, groups: &[String], before: &[String]) -> Result<(), Refusal> {
    groups.iter().filter(|id| !before.contains(id)).try_for_each(|id| takes_members(account, id))
}

/// One group as it is shown.
struct Shown<'a> {
    account: &'a Account,
    mask: Mask,
    now: i64,
}

impl Shown<'_> {
    fn members(&self, id: &str) -> impl Iterator<Item = &str> {
        let contacts = self.account.contacts.values();
        let id = id.to_owned();
        contacts
            .filter(move |it| it.seen(self.now).and_then(|it| it.body()).is_some_and(|body| body.groups.contains(&id)))
            .map(|contact| contact.name.as_str())
    }

    fn common(&self, id: &str, kind: &str, (name, formatted): (&str, &str)) -> Map<String, Value> {
        let mut shown = Map::new();
        shown.insert("resourceName".to_owned(), json!(format!("contactGroups/{id}")));
        if self.mask.has("groupType") {
            shown.insert("groupType".to_owned(), json!(kind));
        }
        if self.mask.has("name") {
            shown.insert("name".to_owned(), json!(name));
            shown.insert("formattedName".to_owned(), json!(formatted));
        }
        let count = if self.mask.has("memberCount") { self.members(id).count() } else { 0 };
        if count > 0 {
            shown.insert("memberCount".to_owned(), json!(count));
        }
        shown
    }

    fn user(&self, group: &Group) -> Value {
        if group.deleted {
            return json!({
                "resourceName": format!("contactGroups/{}", group.id), "etag": group.etag(),
                "metadata": {"deleted": true, "updateTime": time(group.at)},
            });
        }
        let mut shown = self.common(&group.id, "USER_CONTACT_GROUP", (&group.name, &group.name));
        shown.insert("etag".to_owned(), json!(group.etag()));
        if self.mask.has("metadata") {
            shown.insert("metadata".to_owned(), json!({"updateTime": time(group.at)}));
        }
        if self.mask.has("clientData") && !group.client_data.is_empty() {
            shown.insert("clientData".to_owned(), json!(group.client_data));
        }
        shown.into()
    }

    fn named(&self, id: &str) -> Option<Value> {
        match SYSTEM.iter().find(|(system, _)| *system == id) {
            Some((id, formatted)) => Some(self.common(id, "SYSTEM_CONTACT_GROUP", (id, formatted)).into()),
            None => self.account.groups.get(id).filter(|group| !group.deleted).map(|group| self.user(group)),
        }
    }
}

impl Group {
    fn etag(&self) -> String {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode((self.seq ^ (0x5a5a << 48)).to_be_bytes())
    }

    /// A new one, or the same with something changed.
    fn written(self, state: &mut State, call: &Call) -> Self {
        Self { seq: state.next_seq(), at: call.now.0, ..self }
    }
}

const LIST_FIELDS: &str = "groupType,memberCount,metadata,name";
const WRITE_FIELDS: &str = "metadata,groupType,name";

/// `GET /v1/contactGroups`.
pub(super) fn list(state: &mut State, call: &Call) -> Answer {
    let mask = Mask::group("groupFields", call.query.get("groupFields"), LIST_FIELDS)?;
    let size = page_size(call, 30, MAX_PAGE)?;
    let account = state.account(&call.user)?;
    let binding = Binding::new("groups", &account.owner, &format!("{} {size}", mask.line()));
    let since = binding.since(state, call)?;
    let params = format!("{} {size} {}", mask.line(), call.query.get("syncToken").unwrap_or_default());
    let pages = Binding::new("groups page", &account.owner, &params);
    let begun = Point { at: call.now.0, seq: state.seq(), full: since.map_or(call.now.0, |point| point.full) };
    let (point, after) = pages.page(call)?.unwrap_or((begun, 0));
    let shown = Shown { account, mask, now: call.now.0 };
    let mut groups: Vec<&Group> = account.groups.values().collect();
    groups.sort_by_key(|group| group.seq);
    let mut rows: Vec<Value> = match since {
        Some(since) => groups.iter().filter(|it| it.seq > since.seq).map(|it| shown.user(it)).collect(),
        None => SYSTEM.iter().filter_map(|(id, _)| shown.named(id)).collect(),
    };
    if since.is_none() {
        rows.extend(groups.iter().filter(|group| !group.deleted).map(|group| shown.user(group)));
    }
    let total = rows.len();
    let start = usize::try_from(after).unwrap_or(usize::MAX).min(total);
    let end = total.min(start + size);
    let mut answer = Map::new();
    if start < end {
        answer.insert("contactGroups".to_owned(), rows.drain(start..end).collect());
    }
    if total > 0 {
        answer.insert("totalItems".to_owned(), json!(total));
    }
    if end < total {
        answer.insert("nextPageToken".to_owned(), json!(pages.page_token(point, end as u64)));
    } else {
        answer.insert("nextSyncToken".to_owned(), json!(binding.sync_token(point)));
    }
    Ok(answer.into())
}

fn one(state: &State, call: &Call, id: &str) -> Answer {
    let mask = Mask::group("groupFields", call.query.get("groupFields"), LIST_FIELDS)?;
    let shown = Shown { account: state.account(&call.user)?, mask, now: call.now.0 };
    let mut group = shown.named(id).ok_or_else(Refusal::not_found)?;
    let members: Vec<&str> = shown.members(id).take(call.query.number("maxMembers")?).collect();
    if !members.is_empty() {
        group["memberResourceNames"] = json!(members);
    }
    Ok(group)
}

/// `GET /v1/contactGroups/{id}`.
pub(super) fn get(state: &mut State, call: &Call) -> Answer {
    one(state, call, &call.id)
}

/// `GET /v1/contactGroups:batchGet`.
pub(super) fn batch_get(state: &mut State, call: &Call) -> Answer {
    let names: Vec<&str> = call.query.all("resourceNames").collect();
    if names.is_empty() || names.len() > MAX_GET {
        return Err(Refusal::argument());
    }
    let mut responses = Vec::new();
    for name in names {
        let group = one(state, call, name.strip_prefix("contactGroups/").unwrap_or_default());
        responses.push(match group {
            Ok(group) => json!({"requestedResourceName": name, "status": {}, "contactGroup": group}),
            Err(refusal) if refusal.code != 404 => return Err(refusal),
            Err(refusal) => json!({"requestedResourceName": name, "status": refusal.rpc()}),
        });
    }
    Ok(json!({"responses": responses}))
}

const GROUP_KEYS: &[&str] = &[
    "clientData",
    "etag",
    "formattedName",
    "groupType",
    "memberCount",
    "memberResourceNames",
    "metadata",
    "name",
    "resourceName",
];

/// Reads the group of a request: its name, its etag, its client data.
fn sent(message: &Map<String, Value>) -> Result<(String, Option<String>, Vec<Value>), Refusal> {
    let at = "contact_group";
    let group = object(at, message.get("contactGroup").unwrap_or(&Value::Null), GROUP_KEYS)?;
    let name = text(at, group, "name")?.unwrap_or_default().trim().to_owned();
    let data = list_of(at, group, "clientData")?.to_vec();
    for (index, pair) in data.iter().enumerate() {
        object(&format!("{at}.client_data[{index}]"), pair, &["key", "value"])?;
    }
    Ok((name, text(at, group, "etag")?.map(str::to_owned), data))
}

/// A name that is free, or belongs to the group `own`.
fn free(account: &Account, name: &str, own: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::invalid("Contact group name must not be empty."));
    }
    let taken = account.groups.values().any(|group| !group.deleted && group.name == name && group.id != own);
    if taken || is_system(name) { Err(Refusal::taken()) } else { Ok(()) }
}

fn store(state: &mut State, call: &Call, group: &Group, mask: Mask) -> Answer {
    state.commit(vec![Record::Group { user: call.user.clone(), group: group.clone() }])?;
    Ok(Shown { account: state.account(&call.user)?, mask, now: call.now.0 }.user(group))
}

/// `POST /v1/contactGroups`.
pub(super) fn create(state: &mut State, call: &Call) -> Answer {
    let message = call.message(&["contactGroup", "readGroupFields"])?;
    let mask = Mask::group("readGroupFields", text("", message, "readGroupFields")?, WRITE_FIELDS)?;
    let (name, _, client_data) = sent(message)?;
    free(state.account(&call.user)?, &name, "")?;
    let id = format!("{:x}", state.chance.u64(1 << 56..1 << 63));
    let group = Group { id, name, seq: 0, at: 0, deleted: false, client_data }.written(state, call);
    store(state, call, &group, mask)
}

/// The live group of the user that the path names; those of the system cannot be changed.
fn own(state: &State, call: &Call) -> Result<Group, Refusal> {
    if is_system(&call.id) {
        return Err(Refusal::invalid("Cannot modify a system contact group."));
    }
    let group = state.account(&call.user)?.groups.get(&call.id).filter(|group| !group.deleted);
    group.cloned().ok_or_else(Refusal::not_found)
}

/// `PUT /v1/contactGroups/{id}`. That an etag is needed is what one source says, and the harsher reading.
pub(super) fn update(state: &mut State, call: &Call) -> Answer {
    let message = call.message(&["contactGroup", "readGroupFields", "updateGroupFields"])?;
    let mask = Mask::group("readGroupFields", text("", message, "readGroupFields")?, WRITE_FIELDS)?;
    let fields = Mask::group("updateGroupFields", text("", message, "updateGroupFields")?, "name")?;
    let (name, etag, client_data) = sent(message)?;
    let mut group = own(state, call)?;
    match etag {
        None => return Err(Refusal::invalid("Request must set contactGroup.etag.")),
        Some(etag) if etag != group.etag() => return Err(Refusal::stale("contactGroup.etag")),
        Some(_) => {}
    }
    if fields.has("name") {
        free(state.account(&call.user)?, &name, &group.id)?;
        group.name = name;
    }
    if fields.has("clientData") {
        group.client_data = client_data;
    }
    let group = group.written(state, call);
    store(state, call, &group, mask)
}

/// `DELETE /v1/contactGroups/{id}`. People whose only group it was stay in "myContacts", unless they go with it.
pub(super) fn delete(state: &mut State, call: &Call) -> Answer {
    let with_contacts = call.query.flag("deleteContacts")?;
    let group = Group { deleted: true, ..own(state, call)? }.written(state, call);
    let members = state.account(&call.user)?.contacts.values();
    let members: Vec<_> = members.filter(|it| it.body().is_some_and(|it| it.groups.contains(&group.id))).collect();
    let members: Vec<_> = members.into_iter().cloned().collect();
    let mut records = Vec::new();
    for contact in members {
        let mut body = contact.body().cloned().unwrap_or_default();
        body.groups.retain(|id| *id != group.id);
        if body.groups.is_empty() {
            body.groups.push(MY_CONTACTS.to_owned());
        }
        records.push(if with_contacts {
            state.remove(&call.user, contact, Is::Trashed, call.now)
        } else {
            state.rewrite(&call.user, contact, Is::Here(Box::new(body)), call.now)
        });
    }
    records.push(Record::Group { user: call.user.clone(), group });
    state.commit(records)?;
    Ok(json!({}))
}

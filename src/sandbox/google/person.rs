//! A contact as a Person: the fields that were asked for, their metadata, and the etags.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::contact::{Contact, Version};
use super::gateway::Call;
use super::input::Query;
use super::mask::Mask;
use super::photo;
use super::refusal::Refusal;
use crate::clock::Moment;

/// How persons are shown.
#[derive(Debug)]
pub(super) struct View {
    /// The fields.
    pub(super) mask: Mask,
    /// Values of a linked Google profile are mixed in.
    profile: bool,
    root: String,
    /// Whether this is for a listing, which shortens long fields.
    pub(super) listed: bool,
    /// Whether this is for a listing of changes, which knows former names.
    pub(super) delta: bool,
}

/// E-mail addresses, and phone numbers, that a listing shows.
const LISTED: usize = 100;
const SOURCES: &[&str] = &[
    "READ_SOURCE_TYPE_PROFILE",
    "READ_SOURCE_TYPE_CONTACT",
    "READ_SOURCE_TYPE_DOMAIN_CONTACT",
    "READ_SOURCE_TYPE_OTHER_CONTACT",
];

impl View {
    /// Shows the fields of `mask` from `sources`, of which none means contacts and profiles.
    pub(super) fn new(call: &Call, mask: Mask, sources: &[String]) -> Result<Self, Refusal> {
        if let Some(wrong) = sources.iter().find(|source| !SOURCES.contains(&source.as_str())) {
            let kind = "type.googleapis.com/google.people.v1.ReadSourceType";
            return Err(Refusal::value("sources", kind, &json!(wrong)));
        }
        let profile = sources.is_empty() || sources.iter().any(|source| source == SOURCES[0]);
        Ok(Self { mask, profile, root: call.root.clone(), listed: false, delta: false })
    }

    /// Reads `sources` and the mask `personFields` (or its forerunner `requestMask.includeField`) from the query.
    /// `default` stands for a mask that is not given.
    pub(super) fn of_query(call: &Call, default: Option<Mask>) -> Result<Self, Refusal> {
        let query: &Query = &call.query;
        let legacy = query.all("requestMask.includeField").flat_map(|it| it.split(','));
        let legacy: Vec<&str> = legacy.map(|it| it.trim_start_matches("person.")).collect();
        let legacy = legacy.join(",");
        let given = query.get("personFields").or(Some(legacy.as_str()).filter(|it| !it.is_empty()));
        let mask = match (given, default) {
            (None, Some(default)) => default,
            (given, _) => Mask::read("personFields", given)?,
        };
        let sources: Vec<String> = query.all("sources").map(str::to_owned).collect();
        Self::new(call, mask, &sources)
    }

    /// What of the view a sync token is bound to.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.mask.line(), self.profile)
    }

    /// The etag of the whole person, which also says what was asked for.
    fn etag(&self, source_etag: &str) -> String {
        let way = if self.listed { "listed" } else { "read" };
        format!("%{}", STANDARD.encode(format!("{}|{}|{way}|{source_etag}", self.mask.line(), self.profile)))
    }

    /// The person. `chance` orders the values, unless there is none.
    pub(super) fn show(&self, contact: &Contact, version: &Version, chance: Option<&mut fastrand::Rng>) -> Value {
        let source_etag = contact.etag(version);
        let mut shown = Map::new();
        shown.insert("resourceName".to_owned(), json!(contact.name));
        shown.insert("etag".to_owned(), json!(self.etag(&source_etag)));
        if self.mask.has("metadata") || version.body().is_none() {
            shown.insert("metadata".to_owned(), self.metadata(contact, version, &source_etag));
        }
        let Some(body) = version.body() else { return shown.into() };
        let source = json!({"type": "CONTACT", "id": contact.source_id()});
        for name in self.mask.fields() {
            let mut values: Vec<Value> = match name {
                "memberships" => body.groups.iter().map(|id| membership(id)).collect(),
                "photos" => vec![photo::show(&self.root, contact, body)],
                name => body.fields.get(name).and_then(Value::as_array).cloned().unwrap_or_default(),
            };
            if self.listed && matches!(name, "emailAddresses" | "phoneNumbers") {
                values.truncate(LISTED);
            }
            for (index, value) in values.iter_mut().enumerate() {
                let primary = index == 0 && name != "memberships";
                value["metadata"] = if primary {
                    json!({"primary": true, "sourcePrimary": true, "source": source})
                } else {
                    json!({"source": source})
                };
            }
            if name == "names" {
                values.extend(self.profile_name(contact));
            }
            if !values.is_empty() {
                shown.insert(name.to_owned(), values.into());
            }
        }
        if let Some(chance) = chance {
            for list in shown.values_mut().filter_map(Value::as_array_mut) {
                chance.shuffle(list);
            }
        }
        shown.into()
    }

    fn metadata(&self, contact: &Contact, version: &Version, source_etag: &str) -> Value {
        if version.body().is_none() {
            let sources = json!([{"type": "CONTACT", "id": contact.source_id()}]);
            return json!({"sources": sources, "deleted": true, "objectType": "PERSON"});
        }
        let mut sources = vec![json!({
            "type": "CONTACT", "id": contact.source_id(), "etag": source_etag, "updateTime": time(version.at),
        })];
        if let (true, Some(name)) = (self.profile, &contact.profile) {
            sources.push(json!({
                "type": "PROFILE", "id": profile_id(contact), "etag": format!("#{}", STANDARD.encode(name)),
                "profileMetadata": {"objectType": "PERSON", "userTypes": ["GOOGLE_USER"]},
            }));
        }
        let mut metadata = json!({"sources": sources, "objectType": "PERSON"});
        if self.delta && !contact.former.is_empty() {
            metadata["previousResourceNames"] = json!(contact.former);
        }
        metadata
    }

    /// The name that a linked profile adds. Its id is made of the contact's.
    fn profile_name(&self, contact: &Contact) -> Option<Value> {
        let name = contact.profile.as_ref().filter(|_| self.profile)?;
        Some(json!({
            "displayName": name, "givenName": name, "unstructuredName": name, "displayNameLastFirst": name,
            "metadata": {"source": {"type": "PROFILE", "id": profile_id(contact)}},
        }))
    }
}

fn profile_id(contact: &Contact) -> String {
    format!("1{:020}", contact.id)
}

fn membership(group: &str) -> Value {
    json!({"contactGroupMembership": {
        "contactGroupId": group, "contactGroupResourceName": format!("contactGroups/{group}"),
    }})
}

/// Milliseconds as the service writes a time.
pub(super) fn time(millis: i64) -> String {
    let millis = Moment(millis);
    jiff::Timestamp::from_millisecond(millis.0).map_or_else(|_| millis.rfc3339(), |time| format!("{time:.6}"))
}

/// What of a person etag is the contact's, and whether a listing made it. Nothing where it is no person etag.
pub(super) fn read_etag(etag: &str) -> Option<(String, bool)> {
    let text = String::from_utf8(STANDARD.decode(etag.strip_prefix('%')?).ok()?).ok()?;
    let mut parts = text.rsplit('|');
    let source = parts.next()?.to_owned();
    Some((source, parts.next()? == "listed"))
}

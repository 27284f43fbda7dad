//! A person as the People API sends it, and who it is.
//!
//! Identity is the id of its CONTACT source. The resource name is only where it is asked for: it can change when Google
//! links the contact to a profile. Values of other sources, which a linked profile would mix in, are not the contact's.

use serde_json::{Map, Value};

use crate::clock::Moment;
use crate::contact::ContactId;

/// The fields of which a contact is made; the same in every call, because a sync token belongs to them.
pub(super) const MASK: &str = "addresses,biographies,birthdays,emailAddresses,imClients,memberships,metadata,names,organizations,phoneNumbers,photos";

/// Keys that the service writes and nobody else may.
const OUTPUT_ONLY: [&str; 5] =
    ["canonicalForm", "displayNameLastFirst", "formattedProtocol", "formattedType", "metadata"];

/// A person's JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person(pub(super) Value);

impl Person {
    /// The contact's id; `None` for what is no contact, such as a bare profile.
    pub(super) fn id(&self) -> Option<ContactId> {
        let said = self.source().and_then(|source| source.get("id")).and_then(Value::as_str);
        let said = said.filter(|id| number(id).is_some()).map(str::to_ascii_lowercase);
        said.map(ContactId::from).or_else(|| id_of(self.resource_name()?))
    }

    /// The version of the contact. A person's own etag also depends on what was asked for, and is not looked at.
    pub(super) fn etag(&self) -> Option<&str> {
        self.source()?.get("etag")?.as_str()
    }

    /// When this version was made, in microseconds since 1970.
    pub(super) fn updated(&self) -> Option<i64> {
        let text = self.source()?.get("updateTime")?.as_str()?;
        text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
    }

    /// When this version was made.
    pub(super) fn changed_at(&self) -> Option<Moment> {
        self.updated().map(|micros| Moment(micros.div_euclid(1000)))
    }

    /// Where it is asked for now.
    pub(super) fn resource_name(&self) -> Option<&str> {
        self.0.get("resourceName")?.as_str()
    }

    /// A tombstone: deleted, or hidden in no group any more.
    pub(super) fn is_deleted(&self) -> bool {
        self.0.pointer("/metadata/deleted").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The ids it had under earlier resource names, where they differ from its id.
    pub(super) fn earlier_ids(&self) -> Vec<ContactId> {
        let names = self.0.pointer("/metadata/previousResourceNames").and_then(Value::as_array);
        let ids = names.into_iter().flatten().filter_map(|name| id_of(name.as_str()?));
        let own = self.id();
        ids.filter(|id| Some(id) != own.as_ref()).collect()
    }

    /// The contact's own values of a field.
    pub(super) fn items<'a>(&'a self, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let all = self.0.get(field).and_then(Value::as_array);
        all.into_iter().flatten().filter(|item| {
            let kind = item.pointer("/metadata/source/type").and_then(Value::as_str);
            kind.is_none_or(|kind| kind == "CONTACT")
        })
    }

    /// The contact's own values of a field as they are sent back: without what only the service writes, but with the
    /// mark of the value that its user prefers.
    pub(super) fn own(&self, field: &str) -> Vec<Value> {
        self.items(field).map(|item| sendable(field, item)).collect()
    }

    /// Whether it is in the group with this resource name.
    pub(super) fn is_in(&self, group: &str) -> bool {
        self.items("memberships").any(|membership| {
            let name = membership.pointer("/contactGroupMembership/contactGroupResourceName");
            name.and_then(Value::as_str) == Some(group)
        })
    }

    /// Puts it into a group, as a write that was confirmed did.
    pub(super) fn join(&mut self, group: &str) {
        if self.is_in(group) {
            return;
        }
        let membership = membership(group);
        match self.0.get_mut("memberships").and_then(Value::as_array_mut) {
            Some(memberships) => memberships.push(membership),
            None => self.0["memberships"] = Value::Array(vec![membership]),
        }
    }

    /// The marker of the creation that made it, if carnetd did.
    pub(super) fn marker(&self) -> Option<&str> {
        let mut data = self.items("clientData");
        let own = data.find(|item| item.get("key").and_then(Value::as_str) == Some(super::marker::KEY))?;
        own.get("value")?.as_str()
    }

    /// The version that an update is meant for, as the body of an update names it.
    pub(super) fn version(&self) -> Option<Value> {
        let (id, etag) = (self.source()?.get("id")?, self.etag()?);
        Some(serde_json::json!({"sources": [{"type": "CONTACT", "id": id, "etag": etag}]}))
    }

    fn source(&self) -> Option<&Value> {
        let sources = self.0.pointer("/metadata/sources")?.as_array()?;
        sources.iter().find(|source| source.get("type").and_then(Value::as_str) == Some("CONTACT"))
    }
}

/// A membership as it is written.
pub(super) fn membership(group: &str) -> Value {
    serde_json::json!({"contactGroupMembership": {"contactGroupResourceName": group}})
}

/// The number that an id stands for; `None` for what is no id of Google's, such as a marker.
pub(super) fn number(id: &str) -> Option<u64> {
    u64::from_str_radix(id, 16).ok().filter(|_| !id.starts_with('+'))
}

/// The resource name of a contact with this id, unless it was linked to a profile.
pub(super) fn resource_of(id: &ContactId) -> Option<String> {
    number(id.as_str()).map(|number| format!("people/c{number}"))
}

fn id_of(resource_name: &str) -> Option<ContactId> {
    let number: u64 = resource_name.strip_prefix("people/c")?.parse().ok()?;
    Some(ContactId::from(format!("{number:x}")))
}

fn sendable(field: &str, item: &Value) -> Value {
    let Some(item) = item.as_object() else { return item.clone() };
    let display = |key: &str| field == "names" && key == "displayName";
    let kept = item.iter().filter(|(key, _)| !OUTPUT_ONLY.contains(&key.as_str()) && !display(key));
    let mut sent: Map<String, Value> = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
    if item.get("metadata").and_then(|metadata| metadata.get("sourcePrimary")) == Some(&Value::Bool(true)) {
        sent.insert("metadata".to_owned(), serde_json::json!({"sourcePrimary": true}));
    }
    sent.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_resource_name_is_the_id_in_decimal() {
        let id = ContactId::from("249cd98b0b527a8b");
        assert_eq!(resource_of(&id).as_deref(), Some("people/c2638222672945904267"));
        assert_eq!(id_of("people/c2638222672945904267"), Some(id));
        assert_eq!(id_of("people/110"), None, "a profile is no contact");
        assert_eq!(resource_of(&"0192d3a5-7c1e-7000-8000-000000000000".into()), None, "a marker is no id");
    }

    #[test]
    fn the_contact_source_counts_wherever_it_stands() {
        let person = Person(json!({"resourceName": "people/c7", "etag": "%x", "metadata": {"sources": [
            {"type": "PROFILE", "id": "110", "etag": "#profile"},
            {"type": "CONTACT", "id": "AB", "etag": "#contact", "updateTime": "2026-11-24T12:00:00.123456Z"}],
            "previousResourceNames": ["people/c171", "people/c5"]}}));
        assert_eq!(person.id(), Some("ab".into()));
        assert_eq!(person.etag(), Some("#contact"));
        assert_eq!(person.updated().map(|micros| micros % 1_000_000), Some(123_456));
        assert_eq!(person.earlier_ids(), [ContactId::from("5")], "171 is the id itself");
        assert_eq!(person.version(), Some(json!({"sources": [{"type": "CONTACT", "id": "AB", "etag": "#contact"}]})));
    }

    #[test]
    fn what_is_sent_back_is_the_contacts_own() {
        let person = Person(json!({"emailAddresses": [
            {"value": "a@x", "type": "Yacht", "formattedType": "Yacht",
             "metadata": {"primary": true, "sourcePrimary": true, "source": {"type": "CONTACT", "id": "ab"}}},
            {"value": "p@x", "metadata": {"source": {"type": "PROFILE", "id": "110"}}},
            {"value": "b@x", "displayName": "B", "metadata": {"source": {"type": "CONTACT", "id": "ab"}}}]}));
        assert_eq!(
            person.own("emailAddresses"),
            [
                json!({"value": "a@x", "type": "Yacht", "metadata": {"sourcePrimary": true}}),
                json!({"value": "b@x", "displayName": "B"})
            ]
        );
    }
}

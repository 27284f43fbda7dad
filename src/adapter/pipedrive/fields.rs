//! Which of the five contact-sync fields this company has, and which custom fields stand in for them.
//!
//! `im`, `postal_address`, `notes`, `birthday` and `job_title` do not exist in a fresh company: Pipedrive makes them for
//! everybody when the first user sets up its own contact sync, and no call switches them on. They are recognised by
//! their key, never by their name, because custom fields may carry the same names. A field that is nowhere is unsaid.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::adapter::{Error, Kind};
use crate::config::StandIn;
use crate::contact::{Field, Fields, Homes};

/// The field of a contact that it holds.
pub(super) fn field_of(which: StandIn) -> Field {
    match which {
        StandIn::JobTitle => Field::JobTitle,
        StandIn::Birthday => Field::Birthday,
        StandIn::Notes => Field::Notes,
        StandIn::Im => Field::Ims,
        StandIn::PostalAddress => Field::Addresses,
    }
}

/// The types of custom field that can hold it.
fn types_of(which: StandIn) -> &'static [&'static str] {
    match which {
        StandIn::JobTitle | StandIn::Notes | StandIn::Im => &["text", "varchar", "varchar_auto"],
        StandIn::Birthday => &["date"],
        StandIn::PostalAddress => &["address"],
    }
}

/// Where one of them is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In the contact-sync field, at the person's root.
    Sync,
    /// In the custom field with this key.
    Custom(String),
    /// Nowhere.
    Nowhere,
}

/// Where all of them are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldMap([Place; 5]);

impl FieldMap {
    /// Reads the definitions that `GET /personFields` listed; `named` are the stand-ins of the configuration, by key or
    /// by name.
    pub(super) fn read(definitions: &[Value], named: &BTreeMap<StandIn, String>) -> Result<Self, Error> {
        let mut places = [const { Place::Nowhere }; 5];
        for which in StandIn::ALL {
            // A mistake in the configuration is told even while the contact-sync field makes it unimportant.
            let custom = named.get(&which).map(|name| custom(definitions, which, name)).transpose()?;
            let sync = definitions.iter().any(|field| {
                !is_custom(field)
                    && code(field).is_some_and(|c| c == which.as_str() || (which == StandIn::Im && c == "ims"))
            });
            places[which as usize] = match custom {
                _ if sync => Place::Sync,
                Some(key) => Place::Custom(key),
                None => Place::Nowhere,
            };
        }
        Ok(Self(places))
    }

    fn place(&self, which: StandIn) -> &Place {
        &self.0[which as usize]
    }

    /// Whether a custom field stands in for it.
    pub(super) fn is_custom(&self, which: StandIn) -> bool {
        matches!(self.place(which), Place::Custom(_))
    }

    /// The fields of a contact that are kept nowhere.
    pub(super) fn unsaid(&self) -> Fields {
        let nowhere = StandIn::ALL.into_iter().filter(|&which| *self.place(which) == Place::Nowhere);
        nowhere.map(field_of).collect()
    }

    /// Under which key each field of a contact is kept.
    pub(super) fn homes(&self) -> Homes {
        let home = |which: StandIn| match self.place(which) {
            Place::Sync => Some((field_of(which), which.as_str().to_owned())),
            Place::Custom(key) => Some((field_of(which), key.clone())),
            Place::Nowhere => None,
        };
        StandIn::ALL.into_iter().filter_map(home).collect()
    }

    /// Whether a person, as sent, has a contact-sync field that this map does not know: somebody set up the company's
    /// contact sync since.
    pub(super) fn is_outdated_by(&self, person: &Value) -> bool {
        let sent = |which: StandIn| {
            person.get(which.as_str()).is_some() || (which == StandIn::Im && person.get("ims").is_some())
        };
        StandIn::ALL.into_iter().any(|which| *self.place(which) != Place::Sync && sent(which))
    }

    /// What a person says: `None` where it cannot say, null where it is empty.
    pub(super) fn get<'a>(&self, person: &'a Value, which: StandIn) -> Option<&'a Value> {
        match self.place(which) {
            Place::Sync if which == StandIn::Im => person.get("im").or_else(|| person.get("ims")),
            Place::Sync => person.get(which.as_str()),
            Place::Custom(key) => person.get("custom_fields")?.get(key),
            Place::Nowhere => None,
        }
    }

    /// Puts a value into the body of a write. What is kept nowhere is left out.
    pub(super) fn put(&self, body: &mut Map<String, Value>, which: StandIn, value: Value) {
        match self.place(which) {
            Place::Sync => {
                body.insert(which.as_str().to_owned(), value);
            }
            Place::Custom(key) => {
                let custom = body.entry("custom_fields").or_insert_with(|| Value::Object(Map::new()));
                if let Some(custom) = custom.as_object_mut() {
                    custom.insert(key.clone(), value);
                }
            }
            Place::Nowhere => {}
        }
    }
}

fn code(field: &Value) -> Option<&str> {
    field.get("field_code").and_then(Value::as_str)
}

fn name(field: &Value) -> Option<&str> {
    field.get("field_name").and_then(Value::as_str)
}

fn is_custom(field: &Value) -> bool {
    field.get("is_custom_field").and_then(Value::as_bool).unwrap_or(false)
}

/// The key of the custom field that the configuration names.
fn custom(definitions: &[Value], which: StandIn, wanted: &str) -> Result<String, Error> {
    let wrong = |found: String| {
        let text = format!(
            "[pipedrive.fields] {} = {wanted:?}: {found}; expected the name or the key of a custom person field of type {}",
            which.as_str(),
            types_of(which).join(" or "),
        );
        Err(Error::new(Kind::Invalid, text))
    };
    let customs = || definitions.iter().filter(|field| is_custom(field));
    let by_key = customs().find(|field| code(field) == Some(wanted));
    let mut by_name =
        customs().filter(|field| name(field).is_some_and(|n| n.trim().eq_ignore_ascii_case(wanted.trim())));
    let field = match (by_key, by_name.next(), by_name.next()) {
        (Some(field), _, _) | (None, Some(field), None) => field,
        (None, Some(_), Some(_)) => {
            return wrong("several custom fields have that name, so its key is needed".to_owned());
        }
        (None, None, _) => {
            let names: Vec<&str> = customs().filter_map(name).collect();
            let near = nearest(wanted, &names).map(|near| format!(", the nearest is {near:?}")).unwrap_or_default();
            return wrong(format!("there is no such custom field{near}"));
        }
    };
    let kind = field.get("field_type").and_then(Value::as_str).unwrap_or_default();
    match code(field) {
        Some(key) if types_of(which).contains(&kind) => Ok(key.to_owned()),
        _ => wrong(format!("that field is of type {kind:?}")),
    }
}

/// The candidate most like `wanted`, if any is like it at all.
pub(super) fn nearest<'a>(wanted: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let like = |candidate: &str| strsim::jaro_winkler(&wanted, &candidate.to_lowercase());
    let best = candidates.iter().copied().max_by(|a, b| like(a).total_cmp(&like(b)));
    best.filter(|best| like(best) > 0.7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition(name: &str, code: &str, kind: &str, custom: bool) -> Value {
        json!({"field_name": name, "field_code": code, "field_type": kind, "is_custom_field": custom})
    }

    #[test]
    fn a_custom_field_is_never_taken_for_a_contact_sync_field() {
        let definitions =
            [definition("Job title", "abc", "varchar", true), definition("Notes", "notes", "text", false)];
        let map = FieldMap::read(&definitions, &BTreeMap::new()).expect("nothing is named");
        assert_eq!(map.place(StandIn::JobTitle), &Place::Nowhere);
        assert_eq!(map.place(StandIn::Notes), &Place::Sync);
        assert!(map.unsaid().contains(Field::JobTitle) && !map.unsaid().contains(Field::Notes));
    }

    #[test]
    fn a_stand_in_is_found_by_name_or_key_and_must_fit() {
        let definitions = [definition("Function", "abc", "varchar", true), definition("Born", "def", "varchar", true)];
        for named in ["function ", "abc"] {
            let named = BTreeMap::from([(StandIn::JobTitle, named.to_owned())]);
            let map = FieldMap::read(&definitions, &named).expect("it is there");
            assert_eq!(map.place(StandIn::JobTitle), &Place::Custom("abc".to_owned()));
        }
        let wrong = |which, name: &str| {
            let named = BTreeMap::from([(which, name.to_owned())]);
            FieldMap::read(&definitions, &named).expect_err("it does not fit").message
        };
        assert_eq!(
            wrong(StandIn::JobTitle, "Funktion"),
            "[pipedrive.fields] job_title = \"Funktion\": there is no such custom field, the nearest is \"Function\"; \
             expected the name or the key of a custom person field of type text or varchar or varchar_auto"
        );
        assert!(wrong(StandIn::Birthday, "Born").contains("of type \"varchar\"; expected"));
    }

    #[test]
    fn null_is_empty_and_a_missing_key_cannot_say() {
        let map = FieldMap::read(&[definition("Notes", "notes", "text", false)], &BTreeMap::new()).expect("fine");
        assert_eq!(map.get(&json!({"notes": null}), StandIn::Notes), Some(&Value::Null));
        assert_eq!(map.get(&json!({}), StandIn::Notes), None);
        assert_eq!(map.get(&json!({"job_title": "CEO"}), StandIn::JobTitle), None);
        assert!(map.is_outdated_by(&json!({"job_title": null})) && map.is_outdated_by(&json!({"ims": []})));
        assert!(!map.is_outdated_by(&json!({"notes": null, "name": "Anna"})));
    }
}

//! Records of changes.

use serde::{Deserialize, Serialize};

use super::contact::{AddressRecord, ContactRecord, ElementRecord, NameRecord};
use super::{Mirror, Unreadable};
use crate::contact::{Change, ContactId, ElementChange, Field, FieldChange, PhotoHash};

type Day = (Option<i16>, u8, u8);

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum ChangeRecord {
    Create { contact: Box<ContactRecord>, chosen: Option<String> },
    Patch { id: String, fields: Vec<FieldChangeRecord> },
    Delete { id: String },
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum FieldChangeRecord {
    Name { before: NameRecord, after: NameRecord },
    Element { field: u8, change: ElementChangeRecord },
    Address { before: Option<AddressRecord>, after: Option<AddressRecord> },
    Text { field: u8, before: Option<String>, after: Option<String> },
    Birthday { before: Option<Day>, after: Option<Day> },
    Photo { source: String },
    JoinGroup,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum ElementChangeRecord {
    Add(ElementRecord),
    Replace { before: ElementRecord, after: ElementRecord },
    Remove(ElementRecord),
}

impl Mirror for Change {
    type Record = ChangeRecord;

    fn record(&self) -> ChangeRecord {
        match self {
            Self::Create { contact, chosen } => {
                ChangeRecord::Create { contact: Box::new(contact.record()), chosen: chosen.record() }
            }
            Self::Patch { id, fields } => ChangeRecord::Patch { id: id.record(), fields: fields.record() },
            Self::Delete { id } => ChangeRecord::Delete { id: id.record() },
        }
    }

    fn read(record: ChangeRecord) -> Result<Self, Unreadable> {
        Ok(match record {
            ChangeRecord::Create { contact, chosen } => {
                Self::Create { contact: Mirror::read(*contact)?, chosen: chosen.map(ContactId::from) }
            }
            ChangeRecord::Patch { id, fields } => {
                Self::Patch { id: ContactId::from(id), fields: Mirror::read(fields)? }
            }
            ChangeRecord::Delete { id } => Self::Delete { id: ContactId::from(id) },
        })
    }
}

impl Mirror for FieldChange {
    type Record = FieldChangeRecord;

    fn record(&self) -> FieldChangeRecord {
        use FieldChangeRecord as R;
        match self {
            Self::Name { before, after } => R::Name { before: before.record(), after: after.record() },
            Self::Element { field, change } => R::Element { field: field.record(), change: change.record() },
            Self::Address { before, after } => R::Address { before: before.record(), after: after.record() },
            Self::Text { field, before, after } => {
                R::Text { field: field.record(), before: before.clone(), after: after.clone() }
            }
            Self::Birthday { before, after } => R::Birthday { before: before.record(), after: after.record() },
            Self::Photo { source } => R::Photo { source: source.record() },
            Self::JoinGroup => R::JoinGroup,
        }
    }

    fn read(record: FieldChangeRecord) -> Result<Self, Unreadable> {
        use FieldChangeRecord as R;
        Ok(match record {
            R::Name { before, after } => Self::Name { before: Mirror::read(before)?, after: Mirror::read(after)? },
            R::Element { field, change } => Self::Element { field: Field::read(field)?, change: Mirror::read(change)? },
            R::Address { before, after } => {
                Self::Address { before: Mirror::read(before)?, after: Mirror::read(after)? }
            }
            R::Text { field, before, after } => Self::Text { field: Field::read(field)?, before, after },
            R::Birthday { before, after } => {
                Self::Birthday { before: Mirror::read(before)?, after: Mirror::read(after)? }
            }
            R::Photo { source } => Self::Photo { source: PhotoHash(source) },
            R::JoinGroup => Self::JoinGroup,
        })
    }
}

impl Mirror for ElementChange {
    type Record = ElementChangeRecord;

    fn record(&self) -> ElementChangeRecord {
        use ElementChangeRecord as R;
        match self {
            Self::Add(element) => R::Add(element.record()),
            Self::Replace { before, after } => R::Replace { before: before.record(), after: after.record() },
            Self::Remove(element) => R::Remove(element.record()),
        }
    }

    fn read(record: ElementChangeRecord) -> Result<Self, Unreadable> {
        use ElementChangeRecord as R;
        Ok(match record {
            R::Add(element) => Self::Add(Mirror::read(element)?),
            R::Replace { before, after } => {
                Self::Replace { before: Mirror::read(before)?, after: Mirror::read(after)? }
            }
            R::Remove(element) => Self::Remove(Mirror::read(element)?),
        })
    }
}

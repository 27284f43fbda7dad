//! Records of contacts and of what they are made of.

use serde::{Deserialize, Serialize};

use super::{Mirror, Unreadable, absent, mirror, names, wrapped};
use crate::contact::{
    Address, AddressPart, Birthday, Contact, ContactId, Cursor, Digest, Element, Field, Fields, Homes, Name, PersonId,
    PhotoHash, Revision, UserId,
};

names!(ContactId, Revision, Cursor);
wrapped!(PhotoHash(String), PersonId(u64), UserId(u64), Digest(u64));

mirror!(Name as NameRecord may {
    display: Option<String> = "d",
    given: Option<String> = "g",
    family: Option<String> = "f",
});

mirror!(Contact as ContactRecord may {
    name: Name = "n",
    emails: Vec<Element> = "e",
    phones: Vec<Element> = "p",
    addresses: Vec<Address> = "a",
    ims: Vec<Element> = "i",
    organization: Option<String> = "o",
    notes: Option<String> = "t",
    birthday: Option<Birthday> = "b",
    job_title: Option<String> = "j",
    photo: Option<PhotoHash> = "h",
    unsaid: Fields = "u",
});

/// An element; its normal form only where it is not the value itself.
#[derive(PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct ElementRecord {
    #[serde(rename = "v")]
    value: String,
    #[serde(rename = "k", default, skip_serializing_if = "absent")]
    key: Option<String>,
    #[serde(rename = "l", default, skip_serializing_if = "absent")]
    label: Option<String>,
    #[serde(rename = "p", default, skip_serializing_if = "absent")]
    preferred: bool,
}

impl Mirror for Element {
    type Record = ElementRecord;

    fn record(&self) -> ElementRecord {
        let key = (self.key != self.value).then(|| self.key.clone());
        ElementRecord { value: self.value.clone(), key, label: self.label.clone(), preferred: self.preferred }
    }

    fn read(record: ElementRecord) -> Result<Self, Unreadable> {
        let ElementRecord { value, key, label, preferred } = record;
        Ok(Self { key: key.unwrap_or_else(|| value.clone()), value, label, preferred })
    }
}

/// An address; its parts in the order of [`AddressPart::ALL`], the absent ones empty, none at all left out.
#[derive(PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct AddressRecord {
    #[serde(rename = "a", default, skip_serializing_if = "absent")]
    parts: Vec<String>,
    #[serde(rename = "t", default, skip_serializing_if = "absent")]
    text: Option<String>,
    #[serde(rename = "l", default, skip_serializing_if = "absent")]
    label: Option<String>,
    #[serde(rename = "p", default, skip_serializing_if = "absent")]
    preferred: bool,
}

impl Mirror for Address {
    type Record = AddressRecord;

    fn record(&self) -> AddressRecord {
        let part = |part| self.part(part).unwrap_or_default().to_owned();
        let parts = if self.has_parts() { AddressPart::ALL.map(part).to_vec() } else { Vec::new() };
        AddressRecord { parts, text: self.text.clone(), label: self.label.clone(), preferred: self.preferred }
    }

    fn read(record: AddressRecord) -> Result<Self, Unreadable> {
        let AddressRecord { parts, text, label, preferred } = record;
        let mut address = Self::default();
        (address.text, address.label, address.preferred) = (text, label, preferred);
        for (part, value) in AddressPart::ALL.into_iter().zip(&parts) {
            address.set(part, Some(value));
        }
        Ok(address)
    }
}

impl Mirror for Birthday {
    type Record = (Option<i16>, u8, u8);

    fn record(&self) -> Self::Record {
        (self.year, self.month, self.day)
    }

    fn read((year, month, day): Self::Record) -> Result<Self, Unreadable> {
        Self::new(year, month, day).ok_or_else(|| Unreadable("a birthday is no day of the calendar".to_owned()))
    }
}

/// By its place in [`Field::ALL`], as in [`Fields::bits`]: the shown words may change.
impl Mirror for Field {
    type Record = u8;

    fn record(&self) -> u8 {
        *self as u8
    }

    fn read(record: u8) -> Result<Self, Unreadable> {
        let field = Self::ALL.get(usize::from(record)).copied();
        field.ok_or_else(|| Unreadable(format!("unknown field {record}")))
    }
}

impl Mirror for Fields {
    type Record = u16;

    fn record(&self) -> u16 {
        self.bits()
    }

    fn read(record: u16) -> Result<Self, Unreadable> {
        Ok(Self::from_bits(record))
    }
}

impl Mirror for Homes {
    type Record = Vec<(u8, String)>;

    fn record(&self) -> Self::Record {
        self.iter().map(|(field, key)| (field.record(), key.to_owned())).collect()
    }

    fn read(record: Self::Record) -> Result<Self, Unreadable> {
        record.into_iter().map(|(field, key)| Ok((Field::read(field)?, key))).collect()
    }
}

//! A person's JSON and the contact it says, both ways.

use serde_json::{Map, Value};

use super::fields::{FieldMap, field_of};
use super::organization::OrganizationNames;
use super::{address, list};
use crate::account::Country;
use crate::clock::Moment;
use crate::config::StandIn;
use crate::contact::{Birthday, Contact, Element, Field, Name, PersonId, PhotoHash, UserId};

/// A person, as Pipedrive holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRecord {
    /// Its id.
    pub id: PersonId,
    /// Who owns it.
    pub owner: UserId,
    /// Who may see it, as a number whose meaning depends on the plan ([`crate::account::Visibility::visible_to`]).
    pub visible_to: u8,
    /// The organization's id.
    pub organization: Option<u64>,
    /// When it was made.
    pub add_time: Option<Moment>,
    /// When it was last changed, for whatever reason; perhaps absent until the first change.
    pub update_time: Option<Moment>,
    /// It has a picture.
    pub picture: bool,
    /// Its open deals; known only from a direct read.
    pub open_deals: Option<u32>,
    /// It is in the trash.
    pub deleted: bool,
    /// What it says. Phone numbers are compared without a country until [`PersonRecord::rekey`].
    pub contact: Contact,
}

impl PersonRecord {
    /// Reads one; the problem in words where it is not as documented.
    pub(super) fn read(object: &Value, fields: &FieldMap, names: &OrganizationNames) -> Result<Self, &'static str> {
        let organization = id(object, "org_id");
        let mut record = Self {
            id: PersonId(id(object, "id").ok_or("a person without an id")?),
            owner: UserId(id(object, "owner_id").ok_or("a person without an owner")?),
            visible_to: level(object).ok_or("a person without visible_to")?,
            organization,
            add_time: moment(object, "add_time"),
            update_time: moment(object, "update_time"),
            picture: id(object, "picture_id").is_some(),
            open_deals: id(object, "open_deals_count").and_then(|count| u32::try_from(count).ok()),
            deleted: deleted(object),
            contact: contact(object, fields),
        };
        record.name_organization(names);
        Ok(record)
    }

    /// Compares phone numbers that do not name their country as dialled in `country`.
    pub fn rekey(&mut self, country: Option<Country>) {
        let Some(country) = country else { return };
        for phone in &mut self.contact.phones {
            if let Some(keyed) = Element::phone(&phone.value, Some(country)) {
                phone.key = keyed.key;
            }
        }
    }

    /// Names the organization anew: listings may be older than the names. An organization without a known name is
    /// unsaid.
    pub fn name_organization(&mut self, names: &OrganizationNames) {
        self.contact.organization = self.organization.and_then(|id| names.name_of(id));
        let unnamed = self.organization.is_some() && self.contact.organization.is_none();
        self.contact.unsaid.set(Field::Organization, unnamed);
    }
}

/// Reads what a person says, without its organization.
fn contact(object: &Value, fields: &FieldMap) -> Contact {
    let said = |which| fields.get(object, which);
    let text = |which| said(which).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
    let items = |key: &str, field| object.get(key).map(|items| list::read(items, field, None)).unwrap_or_default();
    let mut contact = Contact {
        name: Name::display(object.get("name").and_then(Value::as_str).unwrap_or_default()),
        emails: items("emails", Field::Emails),
        phones: items("phones", Field::Phones),
        addresses: said(StandIn::PostalAddress).and_then(address::read).into_iter().collect(),
        ims: said(StandIn::Im).map(|items| list::read(items, Field::Ims, None)).unwrap_or_default(),
        notes: text(StandIn::Notes).map(|notes| notes.replace("\r\n", "\n")),
        birthday: text(StandIn::Birthday).and_then(birthday),
        job_title: text(StandIn::JobTitle).map(str::to_owned),
        photo: id(object, "picture_id").map(|id| PhotoHash(format!("picture:{id}"))),
        ..Contact::default()
    };
    for which in StandIn::ALL {
        contact.unsaid.set(field_of(which), said(which).is_none());
    }
    for (key, field) in [("emails", Field::Emails), ("phones", Field::Phones)] {
        contact.unsaid.set(field, object.get(key).is_none());
    }
    // A date that no calendar has is neither a birthday nor none.
    if contact.birthday.is_none() && text(StandIn::Birthday).is_some() {
        contact.unsaid.set(Field::Birthday, true);
    }
    contact
}

/// The body that creates a person. `None` where nothing gives it a name.
pub(super) fn creation(contact: &Contact, fields: &FieldMap) -> Option<Map<String, Value>> {
    let mut body = Map::new();
    body.insert("name".to_owned(), contact.shown_name()?.into());
    for (key, elements) in [("emails", &contact.emails), ("phones", &contact.phones)] {
        if !elements.is_empty() {
            body.insert(key.to_owned(), list::write(elements));
        }
    }
    let mut put = |which, value: Value| {
        if !value.is_null() {
            fields.put(&mut body, which, value);
        }
    };
    put(StandIn::PostalAddress, contact.addresses.first().map_or(Value::Null, address::write));
    put(StandIn::Notes, written_text(contact.notes.as_deref()));
    put(StandIn::Birthday, written_birthday(contact.birthday));
    put(StandIn::JobTitle, written_text(contact.job_title.as_deref()));
    if !contact.ims.is_empty() {
        put(StandIn::Im, written_ims(&contact.ims, fields));
    }
    Some(body)
}

/// Messengers as the field that holds them takes them.
pub(super) fn written_ims(ims: &[Element], fields: &FieldMap) -> Value {
    if fields.is_custom(StandIn::Im) { list::write_text(ims) } else { list::write(ims) }
}

pub(super) fn written_text(text: Option<&str>) -> Value {
    text.map(str::trim).filter(|t| !t.is_empty()).map_or(Value::Null, Value::from)
}

/// `YYYY-MM-DD`; null for a birthday without a year, which Pipedrive cannot hold.
pub(super) fn written_birthday(birthday: Option<Birthday>) -> Value {
    birthday.filter(|b| b.year.is_some()).map_or(Value::Null, |b| b.to_string().into())
}

fn birthday(text: &str) -> Option<Birthday> {
    let mut parts = text.get(..10)?.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Birthday::new(Some(year.parse().ok()?), month.parse().ok()?, day.parse().ok()?)
}

/// An id; v1 wraps some as `{value, …}`.
pub(super) fn id(object: &Value, key: &str) -> Option<u64> {
    let value = object.get(key)?;
    value.as_u64().or_else(|| value.get("value").and_then(Value::as_u64))
}

/// `visible_to`: a number in v2, a string elsewhere.
pub(super) fn level(object: &Value) -> Option<u8> {
    number(object, "visible_to").and_then(|level| u8::try_from(level).ok())
}

/// A number, or a string that holds one.
pub(super) fn number(object: &Value, key: &str) -> Option<u64> {
    let value = object.get(key)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

pub(super) fn moment(object: &Value, key: &str) -> Option<Moment> {
    object.get(key).and_then(Value::as_str).and_then(Moment::parse)
}

pub(super) fn deleted(object: &Value) -> bool {
    object.get("is_deleted").and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::contact::{Address, AddressPart};
    use serde_json::json;

    fn all_fields() -> FieldMap {
        let definitions: Vec<Value> = StandIn::ALL
            .iter()
            .map(|which| json!({"field_name": "x", "field_code": which.as_str(), "is_custom_field": false}))
            .collect();
        FieldMap::read(&definitions, &BTreeMap::new()).expect("nothing is named")
    }

    fn no_fields() -> FieldMap {
        FieldMap::read(&[], &BTreeMap::new()).expect("nothing is named")
    }

    fn anna() -> Contact {
        Contact {
            name: Name::display("Anna Weber"),
            emails: Element::email("anna@acme.example")
                .map(|e| e.with_label(Some("home")).with_preferred(true))
                .into_iter()
                .collect(),
            phones: Element::phone("01 99 00 12 34", None)
                .map(|e| e.with_label(Some("work")).with_preferred(true))
                .into_iter()
                .collect(),
            addresses: vec![Address::default().with(AddressPart::City, "Lyon")],
            ims: Element::im(Some("skype"), "anna.k").map(|e| e.with_preferred(true)).into_iter().collect(),
            organization: Some("Acme".to_owned()),
            notes: Some("Met in Lyon".to_owned()),
            birthday: Birthday::new(Some(1980), 2, 29),
            job_title: Some("CEO".to_owned()),
            ..Contact::default()
        }
    }

    fn answer(mut body: Map<String, Value>) -> Value {
        for (key, value) in [("id", 1), ("owner_id", 2), ("visible_to", 3), ("org_id", 7)] {
            body.insert(key.to_owned(), value.into());
        }
        body.insert("add_time".to_owned(), "2026-08-01T10:00:00Z".into());
        body.into()
    }

    #[test]
    fn what_is_created_reads_back_the_same() {
        let names = OrganizationNames::default();
        names.remember("Acme", 7);
        let body = creation(&anna(), &all_fields()).expect("it has a name");
        assert_eq!(body["name"], "Anna Weber");
        assert_eq!(body["emails"], json!([{"value": "anna@acme.example", "label": "home", "primary": true}]));
        assert_eq!(body["birthday"], "1980-02-29");
        let record = PersonRecord::read(&answer(body), &all_fields(), &names).expect("a person");
        assert!(record.contact.same(&anna()), "{record:?}");
        assert!(record.contact.unsaid.is_empty());
        assert_eq!(record.update_time, None);
    }

    #[test]
    fn what_the_company_lacks_is_not_written_and_not_said() {
        let body = creation(&anna(), &no_fields()).expect("it has a name");
        let mut keys: Vec<&str> = body.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["emails", "name", "phones"]);
        let mut person = answer(body);
        person["job_title"] = Value::Null;
        let record = PersonRecord::read(&person, &no_fields(), &OrganizationNames::default()).expect("a person");
        for field in [Field::Notes, Field::Birthday, Field::JobTitle, Field::Ims, Field::Addresses, Field::Organization]
        {
            assert!(!record.contact.says(field), "{field}");
        }
    }

    #[test]
    fn a_date_that_no_calendar_has_is_unsaid() {
        let person = json!({"id": 1, "owner_id": 1, "visible_to": "3", "birthday": "0000-00-00", "emails": []});
        let contact =
            PersonRecord::read(&person, &all_fields(), &OrganizationNames::default()).expect("a person").contact;
        assert!(!contact.says(Field::Birthday) && contact.birthday.is_none());
        assert!(contact.says(Field::Emails) && !contact.says(Field::Phones));
    }

    #[test]
    fn a_person_without_an_id_is_no_person() {
        assert!(PersonRecord::read(&json!({"name": "x"}), &no_fields(), &OrganizationNames::default()).is_err());
    }

    #[test]
    fn national_numbers_are_compared_in_the_accounts_country() {
        let person = json!({"id": 1, "owner_id": 1, "visible_to": 3, "phones": [{"value": "01 99 00 12 34"}]});
        let mut record = PersonRecord::read(&person, &no_fields(), &OrganizationNames::default()).expect("a person");
        record.rekey(Country::new("FR"));
        assert_eq!(record.contact.phones[0].key, "+33199001234");
    }
}

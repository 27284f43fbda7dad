//! What a person's JSON says as a contact, and as a body that creates it.

use serde_json::{Map, Value, json};

use super::person::{Person, membership};
use super::{address, elements, name, organization, photo};
use crate::account::Country;
use crate::contact::{Address, Birthday, Capability, Contact, Digest, Element, Field, Fields, Name, Revision};

/// A listing tells no more e-mail addresses or phone numbers of a person than this: where it tells as many, there may be
/// more.
const LISTED: usize = 100;

/// What Google Contacts holds. It sets no documented limit to notes; what it refuses is said of that contact.
pub(super) const CAPABILITY: Capability =
    Capability { emails: LISTED - 1, phones: LISTED - 1, ..Capability::EVERYTHING };

/// Reads a person. What is there but cannot be told as a contact's value is unsaid. Google lists values in no order that
/// means anything, so they come in one of ours: the preferred one first.
pub(super) fn contact(person: &Person, country: Option<Country>) -> Contact {
    let mut contact = Contact {
        name: person.items("names").next().map(name::read).unwrap_or_default(),
        addresses: addresses(person),
        photo: photo::of(person),
        ..Contact::default()
    };
    for field in Field::ELEMENTS {
        let items = person.items(elements::place(field).0);
        let mut read: Vec<Element> = items.filter_map(|item| elements::element(field, item, country)).collect();
        read.sort_by(|a, b| (!a.preferred, &a.key).cmp(&(!b.preferred, &b.key)));
        contact.unsaid.set(field, field != Field::Ims && read.len() >= LISTED);
        if let (true, Some(elements)) = (contact.says(field), contact.elements_mut(field)) {
            *elements = read;
        }
    }
    let organizations: Vec<Value> = person.items("organizations").cloned().collect();
    if let Some(at) = organization::chosen(&organizations) {
        let of = |field| text(organizations[at].get(organization::key(field)));
        (contact.organization, contact.job_title) = (of(Field::Organization), of(Field::JobTitle));
    }
    if let Some(notes) = person.items("biographies").next() {
        contact.notes = text(notes.get("value")).map(|notes| notes.replace("\r\n", "\n"));
        if notes.get("contentType").and_then(Value::as_str) == Some("TEXT_HTML") && contact.notes.is_some() {
            contact.notes = None;
            contact.unsaid.set(Field::Notes, true);
        }
    }
    if let Some(item) = person.items("birthdays").next() {
        contact.birthday = birthday(item);
        // Free text, or a date that no calendar has, is neither a birthday nor none.
        contact.unsaid.set(Field::Birthday, contact.birthday.is_none());
    }
    contact.shrink();
    contact
}

fn addresses(person: &Person) -> Vec<Address> {
    let mut addresses: Vec<Address> = person.items("addresses").filter_map(address::read).collect();
    addresses.sort_by_cached_key(|address| (!address.preferred, address.one_line(), address.label.clone()));
    addresses
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn birthday(item: &Value) -> Option<Birthday> {
    let part = |key: &str| item.pointer(key).and_then(Value::as_i64).unwrap_or(0);
    let year = i16::try_from(part("/date/year")).ok()?;
    let (month, day) = (u8::try_from(part("/date/month")).ok()?, u8::try_from(part("/date/day")).ok()?);
    Birthday::new((year != 0).then_some(year), month, day)
}

/// The one value of `birthdays`.
pub(super) fn written_birthday(birthday: Birthday) -> Value {
    let Birthday { year, month, day } = birthday;
    match year {
        Some(year) => json!({"date": {"year": year, "month": month, "day": day}}),
        None => json!({"date": {"month": month, "day": day}}),
    }
}

/// The one value of `biographies`.
pub(super) fn written_notes(notes: &str) -> Value {
    json!({"value": notes, "contentType": "TEXT_PLAIN"})
}

/// The body that creates a contact in these groups, with the marker by which it is found again.
pub(super) fn creation(contact: &Contact, groups: &[&str], marker: Option<&str>) -> Value {
    let mut body = Map::new();
    let mut put = |field: &str, items: Vec<Value>| {
        if !items.is_empty() {
            body.insert(field.to_owned(), items.into());
        }
    };
    put("names", name::write(&contact.name).into_iter().collect());
    for field in Field::ELEMENTS {
        let items = contact.elements(field).iter().map(|element| elements::item(field, element));
        put(elements::place(field).0, items.collect());
    }
    put("addresses", contact.addresses.iter().map(address::write).collect());
    let said = [(Field::Organization, &contact.organization), (Field::JobTitle, &contact.job_title)];
    let said: Vec<_> = said.iter().map(|(field, text)| (*field, text.as_deref())).collect();
    let mut organizations = Vec::new();
    organization::edit(&mut organizations, None, &said);
    if let Some(entry) = organizations.first_mut() {
        entry["current"] = true.into();
    }
    put("organizations", organizations);
    put("biographies", contact.notes.iter().map(|notes| written_notes(notes)).collect());
    put("birthdays", contact.birthday.into_iter().map(written_birthday).collect());
    put("memberships", groups.iter().map(|group| membership(group)).collect());
    put("clientData", marker.iter().map(|marker| json!({"key": super::marker::KEY, "value": marker})).collect());
    body.into()
}

/// What a contact says, in short. Google's etags change without any visible change, and the order of values means
/// nothing: neither makes another revision.
pub(super) fn revision(contact: &Contact, in_group: bool) -> Revision {
    let Contact { name, organization, notes, job_title, photo, .. } = contact;
    let Name { display, given, family } = name;
    let mut parts: Vec<String> = vec![in_group.to_string(), unsaid(contact.unsaid)];
    let mut say = |text: Option<&str>| parts.push(text.map(|text| format!("={text}")).unwrap_or_default());
    for text in [display, given, family, organization, notes, job_title] {
        say(text.as_deref());
    }
    say(photo.as_ref().map(|photo| photo.0.as_str()));
    say(contact.birthday.map(|birthday| birthday.to_string()).as_deref());
    for field in Field::ELEMENTS {
        let label = |element: &Element| element.label.clone().unwrap_or_default();
        let elements = contact.elements(field).iter().map(|e| format!("{}\n{}\n{}", e.key, e.value, label(e)));
        parts.push(sorted(elements.collect()));
    }
    let addresses = contact.addresses.iter().map(|address| {
        let label = address.label.as_deref().unwrap_or_default();
        let parts: Vec<_> = crate::contact::AddressPart::ALL.iter().map(|&part| address.part(part)).collect();
        format!("{parts:?}{:?}{label}", address.text)
    });
    parts.push(sorted(addresses.collect()));
    Revision::from(Digest::of(parts.iter().map(String::as_str)).to_string())
}

fn unsaid(fields: Fields) -> String {
    fields.bits().to_string()
}

fn sorted(mut texts: Vec<String>) -> String {
    texts.sort_unstable();
    texts.join("\0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::conformance::ada;
    use crate::contact::AddressPart;

    fn full() -> Contact {
        let home = Address::default().with(AddressPart::Street, "1 High St").with(AddressPart::City, "Leeds");
        Contact { addresses: vec![home], ..ada() }
    }

    #[test]
    fn what_is_created_is_what_is_read() {
        let body = creation(&full(), &["contactGroups/myContacts", "contactGroups/1"], Some("m"));
        assert_eq!(body["clientData"], json!([{"key": "carnetd", "value": "m"}]));
        let person = Person(body);
        assert!(contact(&person, None).same(&full()), "{:?}", contact(&person, None));
        assert!(person.is_in("contactGroups/1") && person.marker() == Some("m"));
        assert_eq!(creation(&Contact::default(), &[], None), json!({}));
    }

    #[test]
    fn what_cannot_be_told_is_unsaid() {
        let many: Vec<Value> = (0..100).map(|n| json!({"value": format!("{n}@x")})).collect();
        let person = Person(json!({"biographies": [{"value": "<b>x</b>", "contentType": "TEXT_HTML"}],
            "birthdays": [{"text": "in spring"}], "emailAddresses": many}));
        let contact = contact(&person, None);
        for field in [Field::Notes, Field::Birthday, Field::Emails] {
            assert!(!contact.says(field) && contact.is_empty(field), "{field}");
        }
        assert!(contact.says(Field::Phones));
    }

    #[test]
    fn a_birthday_may_lack_its_year() {
        let read = |date: Value| contact(&Person(json!({"birthdays": [{ "date": date }]})), None);
        assert_eq!(read(json!({"month": 12, "day": 10})).birthday, Birthday::new(None, 12, 10));
        assert_eq!(read(json!({"year": 0, "month": 12, "day": 10})).birthday, Birthday::new(None, 12, 10));
        assert!(!read(json!({"year": 1815})).says(Field::Birthday), "a part of a date");
        assert_eq!(
            written_birthday(Birthday::new(None, 2, 29).expect("a day")),
            json!({"date": {"month": 2, "day": 29}})
        );
    }

    #[test]
    fn order_makes_no_revision_and_a_value_does() {
        let (one, mut other) = (full(), full());
        other.emails.reverse();
        assert_eq!(revision(&one, true), revision(&other, true));
        assert_ne!(revision(&one, true), revision(&one, false));
        other.emails.pop();
        assert_ne!(revision(&one, true), revision(&other, true));
        let (mut given, mut family) = (Contact::default(), Contact::default());
        given.name.given = Some("Ada".into());
        family.name.family = Some("Ada".into());
        assert_ne!(revision(&given, true), revision(&family, true));
    }
}

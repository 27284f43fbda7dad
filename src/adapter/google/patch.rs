//! An update: the fields that differ once the changes are made to a person as it was just read.
//!
//! A masked field is replaced whole, so everything that is not ours in it (types, custom labels, other entries) is carried
//! back. A value that is neither what the plan saw nor what it wants is [`Kind::Stale`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::person::Person;
use super::{address, elements, name, organization, said};
use crate::account::Country;
use crate::adapter::{Error, Kind};
use crate::contact::{Address, Contact, Field, FieldChange, Name};

/// The names of the fields that a call writes.
pub(super) type Mask = BTreeSet<&'static str>;

/// A person with its changes.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    person: Person,
    fields: BTreeMap<&'static str, Vec<Value>>,
}

/// Applies changes to a person; joining a group is none of a person's fields.
pub(super) fn apply(person: Person, changes: &[FieldChange], country: Option<Country>) -> Result<Edit, Error> {
    let now = said::contact(&person, country);
    let mut draft = Draft { edit: Edit { person, fields: BTreeMap::new() }, now };
    let mut work = Vec::new();
    for change in changes {
        match change {
            FieldChange::Name { before, after } => draft.name(before, after)?,
            FieldChange::Element { field, change } => {
                draft.sayable(*field)?;
                let items = draft.edit.items(elements::place(*field).0);
                elements::change(*field, change, items, country);
            }
            FieldChange::Address { before, after } => draft.address(before.as_deref(), after.as_deref())?,
            FieldChange::Text { field: field @ (Field::Organization | Field::JobTitle), before, after } => {
                if draft.differs(*field, before.as_deref(), after.as_deref())? {
                    work.push((*field, after.as_deref()));
                }
            }
            FieldChange::Text { field, before, after } => {
                if draft.differs(*field, before.as_deref(), after.as_deref())? {
                    let notes = after.as_deref().map(said::written_notes);
                    draft.edit.fields.insert("biographies", notes.into_iter().collect());
                }
            }
            FieldChange::Birthday { before, after } => {
                draft.sayable(Field::Birthday)?;
                if draft.now.birthday != *after {
                    fresh(draft.now.birthday == *before, Field::Birthday)?;
                    let birthday = after.map(said::written_birthday);
                    draft.edit.fields.insert("birthdays", birthday.into_iter().collect());
                }
            }
            FieldChange::Photo { .. } => {
                return Err(Error::new(Kind::Invalid, "pictures only flow from Google, never to it"));
            }
            FieldChange::JoinGroup => {}
        }
    }
    draft.organization(&work);
    Ok(draft.edit)
}

struct Draft {
    edit: Edit,
    now: Contact,
}

impl Draft {
    fn name(&mut self, before: &Name, after: &Name) -> Result<(), Error> {
        // Where the parts stay as they are, Google may have made others of what is shown.
        let parts_stay = before.given == after.given && before.family == after.family;
        let goal = if parts_stay { Name { display: after.shown(), ..Name::default() } } else { after.clone() };
        if self.now.name.same(&goal) {
            return Ok(());
        }
        fresh(self.now.name.same(before), Field::Name)?;
        let names = self.edit.items("names");
        match names.first_mut() {
            Some(item) => name::edit(item, before, after),
            None => names.extend(name::write(after)),
        }
        names.retain(|item| item.as_object().is_none_or(|item| !item.is_empty()));
        Ok(())
    }

    fn address(&mut self, before: Option<&Address>, after: Option<&Address>) -> Result<(), Error> {
        let items = self.edit.items("addresses");
        let at = |wanted: &Address| items.iter().position(|item| address::read(item).is_some_and(|a| a.same(wanted)));
        let there = after.and_then(at).is_some();
        match (before.and_then(at), before, after) {
            (Some(at), _, None) => drop(items.remove(at)),
            (Some(at), Some(before), Some(after)) if !before.same(after) => {
                address::edit(&mut items[at], before, after);
            }
            (None, None, Some(after)) if !there => items.push(address::write(after)),
            (None, Some(_), Some(_)) => return fresh(there, Field::Addresses),
            _ => {}
        }
        Ok(())
    }

    /// Whether a text is to be written.
    fn differs(&self, field: Field, before: Option<&str>, after: Option<&str>) -> Result<bool, Error> {
        self.sayable(field)?;
        let says = |text: Option<&str>| {
            let mut contact = Contact::default();
            if let Some(of) = contact.text_mut(field) {
                *of = text.map(str::to_owned);
            }
            self.now.same_in(&contact, field)
        };
        if says(after) {
            return Ok(false);
        }
        fresh(says(before), field).map(|()| true)
    }

    fn organization(&mut self, changes: &[(Field, Option<&str>)]) {
        if changes.is_empty() {
            return;
        }
        // Chosen by marks that are not sent back.
        let all: Vec<Value> = self.edit.person.items("organizations").cloned().collect();
        organization::edit(self.edit.items("organizations"), organization::chosen(&all), changes);
    }

    fn sayable(&self, field: Field) -> Result<(), Error> {
        fresh(self.now.says(field), field)
    }
}

fn fresh(is_fresh: bool, field: Field) -> Result<(), Error> {
    if is_fresh {
        return Ok(());
    }
    Err(Error::new(Kind::Stale, format!("the contact's {field} is no longer what the plan saw; it is planned anew")))
}

impl Edit {
    /// The person as it was read.
    pub(super) fn person(&self) -> &Person {
        &self.person
    }

    /// The fields that differ.
    pub(super) fn mask(&self) -> Mask {
        let differs = |(field, items): &(&&'static str, &Vec<Value>)| **items != self.person.own(field);
        self.fields.iter().filter(differs).map(|(field, _)| *field).collect()
    }

    /// The body of an update of these fields: also of those that do not differ, since others of its batch do.
    pub(super) fn body(&self, mask: &Mask) -> Result<Value, Error> {
        let missing =
            || Error::new(Kind::Unavailable, "google: a contact came without its version; it is asked again later");
        let mut body = json!({ "metadata": self.person.version().ok_or_else(missing)? });
        for field in mask {
            let items = self.fields.get(field).cloned().unwrap_or_else(|| self.person.own(field));
            body[*field] = items.into();
        }
        Ok(body)
    }

    fn items(&mut self, field: &'static str) -> &mut Vec<Value> {
        self.fields.entry(field).or_insert_with(|| self.person.own(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::{AddressPart, Birthday, Element, ElementChange};

    fn person() -> Person {
        let contact = |id: &str| json!({"source": {"type": "CONTACT", "id": id}});
        Person(
            json!({"resourceName": "people/c171", "metadata": {"sources": [{"type": "CONTACT", "id": "ab", "etag": "#1"}]},
            "names": [{"displayName": "Ada Byron", "givenName": "Ada", "familyName": "Byron", "metadata": contact("ab")}],
            "organizations": [{"name": "Old"}, {"name": "Engines", "title": "Programmer", "department": "Cards",
                "metadata": {"primary": true, "source": {"type": "CONTACT"}}}],
            "addresses": [{"streetAddress": "1 High St", "city": "Leeds", "formattedValue": "1 High St\nLeeds"}],
            "emailAddresses": [{"value": "a@x", "type": "Yacht", "metadata": contact("ab")}]}),
        )
    }

    fn text(field: Field, before: Option<&str>, after: Option<&str>) -> FieldChange {
        FieldChange::Text { field, before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    fn edited(changes: &[FieldChange]) -> (Vec<&'static str>, Value) {
        let edit = apply(person(), changes, None).expect("it is as planned");
        let mask = edit.mask();
        let body = edit.body(&mask).expect("it has a version");
        (mask.into_iter().collect(), body)
    }

    #[test]
    fn only_what_differs_is_sent_and_whole() {
        let email = |value: &str| Element::email(value).expect("not empty");
        let (mask, body) = edited(&[
            text(Field::JobTitle, Some("Programmer"), Some("Countess")),
            FieldChange::Element { field: Field::Emails, change: ElementChange::Add(email("b@x")) },
            FieldChange::Element { field: Field::Phones, change: ElementChange::Remove(email("1")) },
            text(Field::Notes, Some("whatever"), None),
            FieldChange::JoinGroup,
        ]);
        assert_eq!(mask, ["emailAddresses", "organizations"]);
        assert_eq!(
            body,
            json!({"metadata": {"sources": [{"type": "CONTACT", "id": "ab", "etag": "#1"}]},
                "emailAddresses": [{"value": "a@x", "type": "Yacht"}, {"value": "b@x"}],
                "organizations": [{"name": "Old"}, {"name": "Engines", "title": "Countess", "department": "Cards"}]})
        );
    }

    #[test]
    fn every_single_value_can_be_set_and_cleared() {
        let before =
            Name { display: Some("Ada Byron".into()), given: Some("Ada".into()), family: Some("Byron".into()) };
        let (mask, body) = edited(&[
            FieldChange::Name { before: before.clone(), after: Name::default() },
            FieldChange::Birthday { before: None, after: Birthday::new(Some(1815), 12, 10) },
            text(Field::Notes, None, Some("One")),
            FieldChange::Address {
                before: Some(
                    Address::default().with(AddressPart::Street, "1 High St").with(AddressPart::City, "Leeds").into(),
                ),
                after: None,
            },
        ]);
        assert_eq!(mask, ["addresses", "biographies", "birthdays", "names"]);
        assert_eq!((&body["names"], &body["addresses"]), (&json!([]), &json!([])));
        assert_eq!(body["birthdays"], json!([{"date": {"year": 1815, "month": 12, "day": 10}}]));
        assert_eq!(body["biographies"], json!([{"value": "One", "contentType": "TEXT_PLAIN"}]));
    }

    #[test]
    fn what_moved_is_stale_and_what_is_done_is_done() {
        let stale = |change: FieldChange| apply(person(), &[change], None).expect_err("it moved").kind;
        let lost = Address::default().with(AddressPart::City, "York");
        assert_eq!(stale(text(Field::JobTitle, Some("Nobody"), Some("Boss"))), Kind::Stale);
        assert_eq!(
            stale(FieldChange::Birthday { before: Birthday::new(None, 1, 1), after: Birthday::new(None, 2, 2) }),
            Kind::Stale
        );
        let change = FieldChange::Address {
            before: Some(lost.clone().into()),
            after: Some(lost.with(AddressPart::City, "Bath").into()),
        };
        assert_eq!(stale(change), Kind::Stale);
        let name = FieldChange::Name { before: Name::display("Bob"), after: Name::display("Rob") };
        assert_eq!(stale(name), Kind::Stale);
        let (mask, _) = edited(&[text(Field::JobTitle, Some("Nobody"), Some("Programmer"))]);
        assert!(mask.is_empty());
    }
}

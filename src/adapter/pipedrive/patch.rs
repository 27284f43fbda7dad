//! The body of an update, computed from the person as it was just read.

use serde_json::{Map, Value};

use super::fields::FieldMap;
use super::organization::OrganizationNames;
use super::person::PersonRecord;
use super::{address, list, person};
use crate::adapter::{Error, Kind};
use crate::config::StandIn;
use crate::contact::{Address, Birthday, Contact, ElementChange, Field, FieldChange, Name};

/// The person that an update starts from.
pub(super) struct Fresh<'a> {
    /// As sent.
    pub(super) data: &'a Value,
    /// As read, with phone numbers compared in the account's country.
    pub(super) record: &'a PersonRecord,
    /// Where its fields are.
    pub(super) fields: &'a FieldMap,
    /// What its organization is called.
    pub(super) names: &'a OrganizationNames,
}

impl Fresh<'_> {
    /// The keys that differ once `changes` are made; empty where nothing does. A single value that is neither what the
    /// plan saw nor what it wants is [`Kind::Stale`].
    pub(super) fn body(&self, changes: &[FieldChange]) -> Result<Map<String, Value>, Error> {
        let mut body = Map::new();
        for field in Field::ELEMENTS {
            let edits = changes.iter().filter_map(|change| match change {
                FieldChange::Element { field: of, change } if *of == field => Some(change),
                _ => None,
            });
            self.elements(field, &edits.collect::<Vec<_>>(), &mut body)?;
        }
        for change in changes {
            match change {
                // A person is in no group, and elements were written above.
                FieldChange::Element { .. } | FieldChange::JoinGroup => {}
                FieldChange::Name { before, after } => self.name(before, after, changes, &mut body)?,
                FieldChange::Address { before, after } => {
                    self.address(before.as_deref(), after.as_deref(), &mut body)?;
                }
                FieldChange::Text { field: Field::Organization, before, after } => {
                    self.organization(before.as_deref(), after.as_deref(), &mut body)?;
                }
                FieldChange::Text { field, before, after } => {
                    self.text(*field, before.as_deref(), after.as_deref(), &mut body)?;
                }
                FieldChange::Birthday { before, after } => self.birthday(*before, *after, &mut body)?,
                FieldChange::Photo { .. } => {
                    return Err(Error::new(Kind::Invalid, "a picture is uploaded on its own, not by an update"));
                }
            }
        }
        Ok(body)
    }

    fn elements(&self, field: Field, edits: &[&ElementChange], body: &mut Map<String, Value>) -> Result<(), Error> {
        let contact = &self.record.contact;
        let Some(edited) = list::edited(contact.elements(field), edits) else { return Ok(()) };
        self.sayable(field)?;
        let mut put = |key: &str| {
            let now = self.data.get(key).unwrap_or(&Value::Null);
            body.insert(key.to_owned(), list::rewrite(&edited, now, field));
        };
        match field {
            Field::Emails => put("emails"),
            Field::Phones => put("phones"),
            _ if self.fields.is_custom(StandIn::Im) => self.fields.put(body, StandIn::Im, list::write_text(&edited)),
            _ => {
                let now = self.fields.get(self.data, StandIn::Im).unwrap_or(&Value::Null);
                self.fields.put(body, StandIn::Im, list::rewrite(&edited, now, field));
            }
        }
        Ok(())
    }

    fn name(
        &self,
        before: &Name,
        after: &Name,
        changes: &[FieldChange],
        body: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        let contact = &self.record.contact;
        // Without a name of its own a person carries one that was derived from what else it says.
        let mut wanted = contact.clone();
        for change in changes {
            change.apply(&mut wanted);
        }
        wanted.name = after.clone();
        let Some(shown) = wanted.shown_name() else {
            return Err(Error::new(Kind::Invalid, "nothing would be left to name the person by"));
        };
        if contact.name.same(&Name::display(&shown)) {
            return Ok(());
        }
        let nameless = Contact { name: Name::default(), ..contact.clone() };
        let derived = before.is_empty()
            && nameless.shown_name().is_some_and(|derived| Name::display(&derived).same(&contact.name));
        if !contact.name.same(&Name { display: before.shown(), ..Name::default() }) && !derived {
            return Err(stale(Field::Name));
        }
        body.insert("name".to_owned(), shown.into());
        Ok(())
    }

    fn address(
        &self,
        before: Option<&Address>,
        after: Option<&Address>,
        body: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        self.sayable(Field::Addresses)?;
        let now = self.record.contact.addresses.first();
        let same = |a: Option<&Address>, b: Option<&Address>| match (a, b) {
            (Some(a), Some(b)) => a.same(b),
            (None, None) => true,
            _ => false,
        };
        if same(now, after) {
            return Ok(());
        }
        if !same(now, before) {
            return Err(stale(Field::Addresses));
        }
        let value = match (before, after) {
            (_, None) => Value::Null,
            (None, Some(after)) => address::write(after),
            (Some(before), Some(after)) => {
                let now = self.fields.get(self.data, StandIn::PostalAddress).unwrap_or(&Value::Null);
                address::patch(now, before, after)
            }
        };
        self.fields.put(body, StandIn::PostalAddress, value);
        Ok(())
    }

    fn organization(
        &self,
        before: Option<&str>,
        after: Option<&str>,
        body: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        let id_of = |name: &str| self.names.id_of(name);
        let wanted = match after {
            None => None,
            Some(after) => Some(id_of(after).ok_or_else(unresolved)?),
        };
        let now = self.record.organization;
        if now == wanted {
            return Ok(());
        }
        let known = self.record.contact.organization.as_deref();
        let as_seen = match before {
            None => now.is_none(),
            Some(before) => {
                now.is_some()
                    && (id_of(before) == now
                        || known.is_some_and(|k| OrganizationNames::key(k) == OrganizationNames::key(before)))
            }
        };
        if !as_seen {
            return Err(stale(Field::Organization));
        }
        body.insert("org_id".to_owned(), wanted.map_or(Value::Null, Value::from));
        Ok(())
    }

    fn text(
        &self,
        field: Field,
        before: Option<&str>,
        after: Option<&str>,
        body: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        self.sayable(field)?;
        let saying = |text: Option<&str>| {
            let mut contact = Contact::default();
            if let Some(of) = contact.text_mut(field) {
                *of = text.map(str::to_owned);
            }
            contact
        };
        if self.record.contact.same_in(&saying(after), field) {
            return Ok(());
        }
        if !self.record.contact.same_in(&saying(before), field) {
            return Err(stale(field));
        }
        let which = if field == Field::Notes { StandIn::Notes } else { StandIn::JobTitle };
        self.fields.put(body, which, person::written_text(after));
        Ok(())
    }

    fn birthday(
        &self,
        before: Option<Birthday>,
        after: Option<Birthday>,
        body: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        self.sayable(Field::Birthday)?;
        let now = self.record.contact.birthday;
        if now == after {
            return Ok(());
        }
        if now != before {
            return Err(stale(Field::Birthday));
        }
        if after.is_some_and(|day| day.year.is_none()) {
            return Err(Error::new(Kind::Invalid, "Pipedrive holds no birthday without a year"));
        }
        self.fields.put(body, StandIn::Birthday, person::written_birthday(after));
        Ok(())
    }

    fn sayable(&self, field: Field) -> Result<(), Error> {
        if self.record.contact.says(field) { Ok(()) } else { Err(stale(field)) }
    }
}

fn stale(field: Field) -> Error {
    Error::new(Kind::Stale, format!("the person's {field} is no longer what the plan saw; it is planned anew"))
}

/// A name of an organization that nobody resolved.
pub(super) fn unresolved() -> Error {
    Error::new(Kind::Stale, "the organization is not found or created yet; it is planned anew")
}

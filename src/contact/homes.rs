//! Where a book keeps those fields whose place may move.

use std::collections::BTreeMap;

use super::{Contact, Field, Fields};

/// The book's own key for each field that is kept under one that may change: a Pipedrive person's birthday may stand in a
/// custom field today and in the contact-sync field tomorrow. A field that is kept nowhere is not in it.
///
/// What a side was seen to hold in one place says nothing of another place: see [`Homes::moved`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Homes(BTreeMap<Field, String>);

impl Homes {
    /// The key of each field.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        self.0.iter().map(|(field, key)| (*field, key.as_str()))
    }

    /// The fields that have another home, or none, or one for the first time, in `now`.
    pub fn moved(&self, now: &Self) -> Fields {
        Field::ALL.into_iter().filter(|field| self.0.get(field) != now.0.get(field)).collect()
    }
}

impl FromIterator<(Field, String)> for Homes {
    fn from_iter<I: IntoIterator<Item = (Field, String)>>(homes: I) -> Self {
        Self(homes.into_iter().collect())
    }
}

impl Contact {
    /// Takes back what was said of these fields; whether anything was.
    pub fn unsay(&mut self, fields: Fields) -> bool {
        let nothing = Self { unsaid: Fields::ALL, ..Self::default() };
        let said: Vec<Field> = fields.iter().filter(|&field| self.says(field)).collect();
        for &field in &said {
            self.take(&nothing, field);
        }
        !said.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn homes(of: &[(Field, &str)]) -> Homes {
        of.iter().map(|(field, key)| (*field, (*key).to_owned())).collect()
    }

    #[test]
    fn a_field_moves_when_its_key_is_another() {
        let before = homes(&[(Field::Birthday, "ab12"), (Field::Notes, "notes"), (Field::Ims, "im")]);
        let now = homes(&[(Field::Birthday, "birthday"), (Field::Notes, "notes"), (Field::JobTitle, "job_title")]);
        let moved: Fields = [Field::Birthday, Field::Ims, Field::JobTitle].into_iter().collect();
        assert_eq!(before.moved(&now), moved);
        assert!(now.moved(&now).is_empty());
    }

    #[test]
    fn what_is_unsaid_is_neither_a_value_nor_empty() {
        let mut contact = Contact { job_title: Some("Buyer".into()), notes: Some("tea".into()), ..Contact::default() };
        let fields = Fields::NONE.with(Field::JobTitle).with(Field::Birthday);
        assert!(contact.unsay(fields));
        assert_eq!(
            (contact.unsaid, contact.job_title.as_deref(), contact.notes.as_deref()),
            (fields, None, Some("tea"))
        );
        assert!(!contact.unsay(fields), "it says nothing of them any more");
    }
}

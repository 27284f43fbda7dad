//! What a book can hold, and what becomes of a contact in it.

use super::{Birthday, Contact, Element, Field, Fields, Name};

/// What one book can hold. What it cannot is *cannot say*: neither a change nor something to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// The fields it holds at all.
    pub fields: Fields,
    /// Whether it keeps given and family name apart; else only the display name counts.
    pub name_parts: bool,
    /// Most e-mail addresses.
    pub emails: usize,
    /// Most phone numbers.
    pub phones: usize,
    /// Most messengers.
    pub ims: usize,
    /// Most postal addresses.
    pub addresses: usize,
    /// Longest notes, in characters.
    pub notes_chars: usize,
    /// Whether it holds a birthday whose year is unknown.
    pub birthday_without_year: bool,
}

impl Capability {
    /// A book without limits, such as a vCard.
    pub const EVERYTHING: Self = Self {
        fields: Fields::ALL,
        name_parts: true,
        emails: usize::MAX,
        phones: usize::MAX,
        ims: usize::MAX,
        addresses: usize::MAX,
        notes_chars: usize::MAX,
        birthday_without_year: true,
    };

    /// Most elements of a multi-valued field.
    pub fn limit(&self, field: Field) -> usize {
        match field {
            Field::Emails => self.emails,
            Field::Phones => self.phones,
            Field::Ims => self.ims,
            Field::Addresses => self.addresses,
            _ => 1,
        }
    }

    /// What the book would say if it were asked to hold `wanted` and now holds `has`.
    ///
    /// Where there are more elements than it can hold it keeps what it already has, then takes the first of the others.
    /// What it cannot hold as it is (a note too long, a birthday without a year) is *cannot say*, not cut.
    #[must_use]
    pub fn project(&self, wanted: &Contact, has: &Contact) -> Contact {
        let mut held = wanted.clone();
        for field in Field::ELEMENTS {
            if let Some(elements) = held.elements_mut(field) {
                keep_within(elements, has.elements(field), self.limit(field));
            }
        }
        held.addresses.truncate(self.addresses);
        if !self.name_parts {
            held.name = Name { display: wanted.name.shown(), ..Name::default() };
        }
        if held.notes.as_ref().is_some_and(|n| n.chars().count() > self.notes_chars) {
            held.notes = None;
            held.unsaid.set(Field::Notes, true);
        }
        if held.birthday.is_some_and(|Birthday { year, .. }| year.is_none() && !self.birthday_without_year) {
            held.birthday = None;
            held.unsaid.set(Field::Birthday, true);
        }
        let nothing = Contact { unsaid: Fields::ALL, ..Contact::default() };
        for field in self.fields.complement().iter() {
            held.take(&nothing, field);
        }
        held
    }
}

fn keep_within(elements: &mut Vec<Element>, has: &[Element], limit: usize) {
    if elements.len() > limit {
        elements.sort_by_key(|e| !has.iter().any(|h| h.same(e)));
        elements.truncate(limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emails(values: &[&str]) -> Vec<Element> {
        values.iter().filter_map(|v| Element::email(v)).collect()
    }

    #[test]
    fn a_small_book_keeps_what_it_has_before_anything_else() {
        let small = Capability { emails: 2, ..Capability::EVERYTHING };
        let wanted = Contact { emails: emails(&["a@x", "b@x", "c@x"]), ..Contact::default() };
        let has = Contact { emails: emails(&["c@x"]), ..Contact::default() };
        assert_eq!(small.project(&wanted, &has).emails, emails(&["c@x", "a@x"]));
    }

    #[test]
    fn what_does_not_fit_cannot_be_said() {
        let book = Capability {
            notes_chars: 3,
            birthday_without_year: false,
            fields: Fields::ALL.without(Field::Ims),
            ..Capability::EVERYTHING
        };
        let wanted = Contact {
            notes: Some("long".into()),
            birthday: Birthday::new(None, 2, 29),
            ims: Element::im(Some("xmpp"), "a@x").into_iter().collect(),
            ..Contact::default()
        };
        let held = book.project(&wanted, &Contact::default());
        assert_eq!(held.unsaid, [Field::Notes, Field::Birthday, Field::Ims].into_iter().collect());
        assert!(held.same(&wanted), "cannot say equals everything");
    }
}

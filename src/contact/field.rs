//! The fields that are synced, and sets of them.

use std::fmt;

/// A field of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Display name and its parts.
    Name,
    /// E-mail addresses.
    Emails,
    /// Phone numbers.
    Phones,
    /// Postal addresses.
    Addresses,
    /// Instant messengers.
    Ims,
    /// The organization's name.
    Organization,
    /// Notes.
    Notes,
    /// The birthday.
    Birthday,
    /// The job title.
    JobTitle,
    /// The picture.
    Photo,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 10] = [
        Self::Name,
        Self::Emails,
        Self::Phones,
        Self::Addresses,
        Self::Ims,
        Self::Organization,
        Self::Notes,
        Self::Birthday,
        Self::JobTitle,
        Self::Photo,
    ];

    /// The fields made of elements.
    pub const ELEMENTS: [Self; 3] = [Self::Emails, Self::Phones, Self::Ims];

    /// The word shown in plans and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Emails => "e-mail",
            Self::Phones => "phone",
            Self::Addresses => "address",
            Self::Ims => "messenger",
            Self::Organization => "organization",
            Self::Notes => "notes",
            Self::Birthday => "birthday",
            Self::JobTitle => "job title",
            Self::Photo => "photo",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Fields(u16);

impl Fields {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// Every field.
    pub const ALL: Self = Self((1 << 10) - 1);

    /// The set as bits, for a record in the store.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Reads what [`Fields::bits`] gave; unknown bits are dropped.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Whether `field` is in it.
    pub fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u16) != 0
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Puts `field` in or takes it out.
    pub fn set(&mut self, field: Field, inside: bool) {
        if inside {
            self.0 |= 1 << field as u16;
        } else {
            self.0 &= !(1 << field as u16);
        }
    }

    /// This set and `field`.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.set(field, true);
        self
    }

    /// This set without `field`.
    #[must_use]
    pub fn without(mut self, field: Field) -> Self {
        self.set(field, false);
        self
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is not in it.
    #[must_use]
    pub fn complement(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }

    /// Its fields.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |&field| self.contains(field))
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        fields.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: Fields = [Field::Name, Field::Photo].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Field::Name, Field::Photo]);
        assert_eq!(set.complement().union(set), Fields::ALL);
        assert_eq!(Fields::from_bits(u16::MAX), Fields::ALL);
    }
}

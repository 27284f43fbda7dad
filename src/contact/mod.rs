//! The neutral value in which both sides are compared.
//!
//! A [`Contact`] is what one book says of one human being, as far as carnetd syncs it. It is three-valued: a field holds a
//! *value*, is *empty*, or the book *cannot say* ([`Contact::unsaid`]), which equals everything and is never written or
//! cleared. A multi-valued field is made of [`Element`]s, the unit of change and conflict.
//!
//! Nothing here knows a provider, a file format or a clock. What a book can hold: [`Capability`]. What is written:
//! [`Change`]. Who decides what is written: [`crate::plan`].

mod address;
mod capability;
mod change;
mod digest;
mod element;
mod field;
mod homes;
mod ids;
mod name;
pub mod phone;

pub use address::{Address, AddressPart};
pub use capability::Capability;
pub use change::{Change, ElementChange, FieldChange};
pub use digest::{Digest, DigestBuilder, PhotoHash};
pub use element::Element;
pub use field::{Field, Fields};
pub use homes::Homes;
pub use ids::{ContactId, Cursor, PersonId, Revision, UserId};
pub use name::Name;

/// A calendar day, perhaps without its year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Birthday {
    /// Absent where only day and month are known.
    pub year: Option<i16>,
    /// 1–12.
    pub month: u8,
    /// 1–31.
    pub day: u8,
}

impl Birthday {
    /// The day, or `None` where no calendar has it.
    pub fn new(year: Option<i16>, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_none_or(|y| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0);
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        };
        ((1..=last).contains(&day) && year.is_none_or(|y| (1..=9999).contains(&y))).then_some(Self { year, month, day })
    }
}

impl std::fmt::Display for Birthday {
    /// `1980-02-29`, or `--02-29` without a year.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.year {
            Some(year) => write!(f, "{year:04}-{:02}-{:02}", self.month, self.day),
            None => write!(f, "--{:02}-{:02}", self.month, self.day),
        }
    }
}

/// What one book says of one human being.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Display name and its parts.
    pub name: Name,
    /// E-mail addresses, the preferred one marked.
    pub emails: Vec<Element>,
    /// Phone numbers.
    pub phones: Vec<Element>,
    /// Postal addresses. Pipedrive holds one; a provider may hold several, of which one is chosen
    /// ([`crate::link::Chosen`]).
    pub addresses: Vec<Address>,
    /// Instant messengers: the label is the protocol.
    pub ims: Vec<Element>,
    /// The organization's name.
    pub organization: Option<String>,
    /// Plain text; lines end with `\n`.
    pub notes: Option<String>,
    /// The birthday.
    pub birthday: Option<Birthday>,
    /// The job title.
    pub job_title: Option<String>,
    /// Which picture it has, by the hash of the source's bytes.
    pub photo: Option<PhotoHash>,
    /// The fields of which this book cannot say whether they are empty.
    pub unsaid: Fields,
}

impl Contact {
    /// Whether this book says anything of `field`: a value or that it is empty.
    pub fn says(&self, field: Field) -> bool {
        !self.unsaid.contains(field)
    }

    /// Whether `field` holds nothing. A field that cannot be said counts as empty here; ask [`Contact::says`] first.
    pub fn is_empty(&self, field: Field) -> bool {
        match field {
            Field::Name => self.name.is_empty(),
            Field::Emails => self.emails.is_empty(),
            Field::Phones => self.phones.is_empty(),
            Field::Addresses => self.addresses.is_empty(),
            Field::Ims => self.ims.is_empty(),
            Field::Organization => self.organization.is_none(),
            Field::Notes => self.notes.is_none(),
            Field::Birthday => self.birthday.is_none(),
            Field::JobTitle => self.job_title.is_none(),
            Field::Photo => self.photo.is_none(),
        }
    }

    /// The elements of a multi-valued field; none for the others.
    pub fn elements(&self, field: Field) -> &[Element] {
        match field {
            Field::Emails => &self.emails,
            Field::Phones => &self.phones,
            Field::Ims => &self.ims,
            _ => &[],
        }
    }

    /// The elements of a multi-valued field, to change them. `None` for the others.
    pub fn elements_mut(&mut self, field: Field) -> Option<&mut Vec<Element>> {
        match field {
            Field::Emails => Some(&mut self.emails),
            Field::Phones => Some(&mut self.phones),
            Field::Ims => Some(&mut self.ims),
            _ => None,
        }
    }

    /// Organization, notes or job title; `None` for the others.
    pub fn text(&self, field: Field) -> Option<&str> {
        match field {
            Field::Organization => self.organization.as_deref(),
            Field::Notes => self.notes.as_deref(),
            Field::JobTitle => self.job_title.as_deref(),
            _ => None,
        }
    }

    /// Organization, notes or job title, to change it. `None` for the others.
    pub fn text_mut(&mut self, field: Field) -> Option<&mut Option<String>> {
        match field {
            Field::Organization => Some(&mut self.organization),
            Field::Notes => Some(&mut self.notes),
            Field::JobTitle => Some(&mut self.job_title),
            _ => None,
        }
    }

    /// Whether `field` says the same on both: labels, order, the preferred mark and white space do not count, and a side
    /// that cannot say equals everything.
    pub fn same_in(&self, other: &Self, field: Field) -> bool {
        if !self.says(field) || !other.says(field) {
            return true;
        }
        match field {
            Field::Name => self.name.same(&other.name),
            Field::Emails | Field::Phones | Field::Ims => {
                element::same_keys(self.elements(field), other.elements(field))
            }
            Field::Addresses => address::same_set(&self.addresses, &other.addresses),
            Field::Organization | Field::Notes | Field::JobTitle => {
                name::folded_opt(self.text(field)) == name::folded_opt(other.text(field))
            }
            Field::Birthday => self.birthday == other.birthday,
            Field::Photo => self.photo == other.photo,
        }
    }

    /// Whether no field differs in the sense of [`Contact::same_in`].
    pub fn same(&self, other: &Self) -> bool {
        Field::ALL.iter().all(|&field| self.same_in(other, field))
    }

    /// The name written to Pipedrive where there is no display name: given + family, else organization, e-mail, phone.
    /// `None` for a contact without any of them.
    pub fn shown_name(&self) -> Option<String> {
        let first = |elements: &[Element]| elements.first().map(|e| e.value.clone());
        self.name
            .shown()
            .or_else(|| self.organization.clone())
            .or_else(|| first(&self.emails))
            .or_else(|| first(&self.phones))
    }

    /// Reads the phone numbers' normal forms anew, as in `country`.
    pub fn read_phones_in(&mut self, country: Option<crate::account::Country>) {
        for phone in &mut self.phones {
            phone.key = phone::key(&phone.value, country);
        }
    }

    /// Gives back the room that its lists do not use: a pass holds many contacts.
    pub fn shrink(&mut self) {
        for list in [&mut self.emails, &mut self.phones, &mut self.ims] {
            list.shrink_to_fit();
        }
        self.addresses.shrink_to_fit();
    }

    /// Takes `field` over from `other`, including that it cannot be said.
    pub fn take(&mut self, other: &Self, field: Field) {
        match field {
            Field::Name => self.name = other.name.clone(),
            // Not `clone_from`, which keeps room for more: a pass holds many contacts.
            Field::Emails => self.emails = other.emails.as_slice().to_vec(),
            Field::Phones => self.phones = other.phones.as_slice().to_vec(),
            Field::Addresses => self.addresses = other.addresses.as_slice().to_vec(),
            Field::Ims => self.ims = other.ims.as_slice().to_vec(),
            Field::Organization => self.organization.clone_from(&other.organization),
            Field::Notes => self.notes.clone_from(&other.notes),
            Field::Birthday => self.birthday = other.birthday,
            Field::JobTitle => self.job_title.clone_from(&other.job_title),
            Field::Photo => self.photo.clone_from(&other.photo),
        }
        self.unsaid.set(field, !other.says(field));
    }
}

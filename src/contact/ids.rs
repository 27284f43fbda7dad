//! Names that books give to things. Opaque: nobody but the book's adapter reads anything out of them.

use std::fmt;
use std::sync::Arc;

// Indexes, links and steps all hold the names of the same contacts: a clone shares the text.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Arc<str>);

        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    };
}

text_id! {
    /// A contact's name inside its book: a resource name, an href, a path below the folder. For Pipedrive's book the
    /// person's id in decimal.
    ContactId
}
text_id! {
    /// What a book says changed: an etag, a change key, a hash. Equal means unchanged; order means nothing.
    Revision
}
text_id! {
    /// Where the next incremental listing of a book starts.
    Cursor
}

/// A Pipedrive person's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(pub u64);

/// A Pipedrive user's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u64);

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<PersonId> for ContactId {
    fn from(id: PersonId) -> Self {
        Self(id.to_string().into())
    }
}

impl PersonId {
    /// Reads what `ContactId::from` made of a person's id.
    pub fn parse(id: &ContactId) -> Option<Self> {
        id.0.parse().ok().map(Self)
    }
}

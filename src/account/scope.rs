//! What a checkpoint describes: it is stamped with its scope, and another scope never inherits its links by accident.

use super::Direction;

/// The kind of service that holds the address book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Google Contacts (People API).
    Google,
    /// Outlook (Microsoft Graph).
    Microsoft,
    /// iCloud, a preset of CardDAV.
    Icloud,
    /// Any CardDAV server.
    CardDav,
    /// A folder of vCards (vdir).
    Folder,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 5] = [Self::Google, Self::Microsoft, Self::Icloud, Self::CardDav, Self::Folder];

    /// The word written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Microsoft => "microsoft",
            Self::Icloud => "icloud",
            Self::CardDav => "carddav",
            Self::Folder => "folder",
        }
    }
}

/// The segment of a book that is synced.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Group {
    /// `"*"`: the whole book.
    Whole,
    /// By the name that the provider's own program shows.
    Named(String),
}

impl Group {
    /// Reads the configuration's word.
    pub fn new(word: &str) -> Self {
        if word == "*" { Self::Whole } else { Self::Named(word.to_owned()) }
    }

    /// The configuration's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Whole => "*",
            Self::Named(name) => name,
        }
    }
}

/// What a checkpoint describes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The Pipedrive company (`company_domain`); a sandbox is a company of its own.
    pub company: String,
    /// The kind of service.
    pub provider: Provider,
    /// The book's identity: address, url or absolute path.
    pub book: String,
    /// The owner's Pipedrive login e-mail, as declared.
    pub owner: String,
    /// The synced segment.
    pub group: Group,
    /// Which way changes flow.
    pub direction: Direction,
}

/// How a stored scope differs from the declared one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeChange {
    /// Nothing differs.
    None,
    /// Owner, group or direction: the links stay, and the next pass counts as a first one.
    Narrow,
    /// Company, provider or book: the links and cursors describe something else and are never used.
    Foreign,
}

impl Scope {
    /// Compares the scope of a stored checkpoint with the declared one.
    pub fn change(&self, declared: &Self) -> ScopeChange {
        let same_book =
            self.company == declared.company && self.provider == declared.provider && self.book == declared.book;
        if !same_book {
            ScopeChange::Foreign
        } else if self == declared {
            ScopeChange::None
        } else {
            ScopeChange::Narrow
        }
    }
}

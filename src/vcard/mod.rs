//! A vCard codec that keeps what it does not understand.
//!
//! A [`Card`] is a document of content lines with their exact bytes. Reading ([`Card::contact`]) interprets the lines
//! that carnetd knows; writing ([`Card::patch`]) rewrites single lines and leaves all others as they are, because other
//! programs keep labels, relatives, picture crops and their own ids in them. vCard 2.1, 3.0 and 4.0 are read and
//! written back in their own dialect: version, line ends, item groups, quoted-printable.
//!
//! It never rebuilds a card from a model, never reads a file and has no clock: `REV` stays as it is, because readers of
//! a card compare its bytes or etag, and vdirsyncer ignores `REV`. `UID` and `PRODID` are never changed either.
//!
//! Where to look: which physical lines belong together in `split`, one content line in `line` and `rewrite`, escapes,
//! character sets and folds in `text`; what the properties mean in `read`, `element` (with `tel` and `im`), `address`
//! and `birthday`; how they are changed there and in `patch`, where lines go in `edit`; new cards in `create`.
//!
//! Facts: RFC 2426, RFC 6350, RFC 6868, vCard 2.1 (versit, 1996), and the habits of the programs named in the tests.

mod address;
mod birthday;
mod category;
mod create;
mod edit;
mod element;
mod error;
mod im;
mod line;
mod param;
mod patch;
mod photo;
mod read;
mod rewrite;
mod split;
mod style;
mod tel;
#[cfg(test)]
mod tests;
mod text;

pub use error::CardError;

use crate::account::Country;
use crate::contact::{Contact, FieldChange};
use line::Line;

/// Longest document that is read, in bytes.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// Most content lines of a document; a photo is one, however it is folded.
pub const MAX_LINES: usize = 2_000;

/// The version of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// 2.1, of Outlook and older phones.
    V21,
    /// 3.0, RFC 2426: what most programs exchange.
    V3,
    /// 4.0, RFC 6350.
    V4,
}

impl Version {
    /// As written in a card.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V21 => "2.1",
            Self::V3 => "3.0",
            Self::V4 => "4.0",
        }
    }
}

/// One card. Written back without a change it is what was read, byte for byte.
#[derive(Clone)]
pub struct Card {
    lines: Vec<Line>,
    version: Version,
    read_only: Option<CardError>,
}

impl std::fmt::Debug for Card {
    /// Without any value: a card is somebody's private data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Card").field("version", &self.version).field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}

impl Card {
    /// Reads a document of exactly one card, at most [`MAX_BYTES`] long.
    pub fn parse(bytes: &[u8]) -> Result<Self, CardError> {
        read::card(bytes)
    }

    /// A card for a contact that is made here: `FN` always, `N` always in 3.0, where programs that show only `N` get
    /// the display name split at its last space if no parts are known. A photo is left out: a contact has only its hash.
    pub fn new(contact: &Contact, uid: &str, version: Version, category: Option<&str>) -> Self {
        create::card(contact, uid, version, category)
    }

    /// What the card says of its contact, as far as carnetd syncs it. Never fails: what cannot be read is empty, or
    /// *cannot say* where a value stands that carnetd cannot hold (a birthday in words).
    ///
    /// `country` reads phone numbers that do not name theirs. An element that stands there twice is given once.
    pub fn contact(&self, country: Option<Country>) -> Contact {
        read::contact(self, country)
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The `UID` as it stands there, perhaps with `urn:uuid:`.
    pub fn uid(&self) -> Option<String> {
        self.first("UID").map(Line::text).filter(|uid| !uid.is_empty())
    }

    /// The exact names of all its categories.
    pub fn categories(&self) -> Vec<String> {
        category::all(self)
    }

    /// Whether it stands for a group and not for a human being (`KIND:group`, Apple's `X-ADDRESSBOOKSERVER-KIND`).
    pub fn is_group(&self) -> bool {
        self.named("KIND")
            .chain(self.named("X-ADDRESSBOOKSERVER-KIND"))
            .any(|line| line.text().eq_ignore_ascii_case("group"))
    }

    /// The members of a group as they stand there, mostly `urn:uuid:` and a `UID`.
    pub fn members(&self) -> Vec<String> {
        self.named("MEMBER").chain(self.named("X-ADDRESSBOOKSERVER-MEMBER")).map(Line::text).collect()
    }

    /// The bytes of the embedded picture; none where the card only names a URL.
    pub fn photo(&self) -> Option<Vec<u8>> {
        self.named("PHOTO").find_map(photo::embedded)
    }

    /// Why the card must not be written, if so: it is text in an undeclared character set, or of no known version.
    pub fn writable(&self) -> Result<(), CardError> {
        self.read_only.clone().map_or(Ok(()), Err)
    }

    /// What is to be stored: the bytes that were read, but for the lines that were changed.
    pub fn bytes(&self) -> Vec<u8> {
        self.lines.iter().map(Line::raw).collect::<Vec<_>>().concat()
    }

    /// Changes single lines. A card that is read only stays as it is, and says why.
    ///
    /// Afterwards [`Card::contact`] says what [`crate::contact::Change::applied_to`] foretells, except for what a card is
    /// not given: [`FieldChange::JoinGroup`] is [`Card::join`], photos are never written, and an address that is only a
    /// text goes into `LABEL` and into no structured part.
    pub fn patch(&mut self, changes: &[FieldChange], country: Option<Country>) -> Result<(), CardError> {
        self.writable()?;
        patch::apply(self, changes, country);
        Ok(())
    }

    /// Puts the card into a category, if it is not there. Nothing happens to a card that is read only.
    pub fn join(&mut self, category: &str) {
        if self.read_only.is_none() {
            category::join(self, category);
        }
    }

    /// Takes the card out of a category; the others keep their order. Nothing happens to a card that is read only.
    pub fn leave(&mut self, category: &str) {
        if self.read_only.is_none() {
            category::leave(self, category);
        }
    }

    /// The lines of a property.
    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    /// The first line of a property, which is the one that counts.
    fn first(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    /// Where the first line of a property stands.
    fn first_at(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.name == name)
    }

    /// The card's line end.
    fn end(&self) -> String {
        self.lines.first().map_or("\r\n", Line::end).to_owned()
    }
}

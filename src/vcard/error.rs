//! Why a card cannot be read, or cannot be written.

use super::{MAX_BYTES, MAX_LINES};

/// What was found in place of a card that can be read, or be written back. Names no value of the card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// Nothing but white space.
    #[error("the card is empty; expected BEGIN:VCARD. Restore it from a backup, or delete it where it is of no use")]
    Empty,
    /// Text, but no vCard.
    #[error("this is no vCard: the first line is not BEGIN:VCARD. Export the contact again, as vCard 3.0 or 4.0")]
    NotACard,
    /// No text at all.
    #[error("this is no vCard but binary data; expected text that begins with BEGIN:VCARD. Export the contact again")]
    Binary,
    /// UTF-16 text, which no version of vCard allows.
    #[error("this is UTF-16 text; expected UTF-8. Save or export the contact again as UTF-8")]
    Utf16,
    /// `BEGIN:VCARD` without its `END:VCARD`: what is missing must not be taken for deleted.
    #[error("the card is cut off: BEGIN:VCARD has no END:VCARD. Wait until it is written whole, or restore it")]
    Truncated,
    /// More than one card in one document.
    #[error("{count} cards in one; expected exactly one. Split them, one card to a file")]
    SeveralCards {
        /// How many.
        count: usize,
    },
    /// Longer than [`MAX_BYTES`].
    #[error("the card has {bytes} bytes; at most {MAX_BYTES} are read. Make its photo smaller")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// More content lines than [`MAX_LINES`].
    #[error("the card has more than {MAX_LINES} lines; no contact needs so many. Export the contact again")]
    TooManyLines,
    /// Read only: bytes that are not text in the character set the card declares, UTF-8 where it declares none.
    #[error(
        "read only: {property} in content line {line} is not text in its declared character set (UTF-8 where none \
         is). Save the contact again in its own program, or convert the card to UTF-8"
    )]
    Undecodable {
        /// Which content line, from 1; folded lines count once.
        line: usize,
        /// The property's name.
        property: String,
    },
    /// Read only: no version, several, or an unknown one.
    #[error("read only: the card says {found}; expected one VERSION, 2.1, 3.0 or 4.0. Export the contact again")]
    Version {
        /// What was found.
        found: String,
    },
}

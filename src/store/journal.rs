//! The journal of intended writes, and the history of what was done.

use std::fmt;

use super::{CheckpointId, PassId};
pub use crate::account::Side;
use crate::clock::Moment;
use crate::contact::{Change, Contact, ContactId, PersonId, UserId};
use crate::link::{ContactHalf, LinkId};

/// An intent's name in the store; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub u64);

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A write that is about to be sent. It stays until [`super::Op::Done`]; what is found at start has an unknown outcome
/// and is looked for, never sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Whose write it is.
    pub checkpoint: CheckpointId,
    /// The pass that intended it.
    pub pass: PassId,
    /// The link it is for; `None` for an organization.
    pub link: Option<LinkId>,
    /// Where it goes.
    pub side: Side,
    /// What is written.
    pub what: IntentKind,
    /// The highest person id (organization id for an organization) seen when it was intended: what it created has a
    /// higher one.
    pub highest: Option<u64>,
    /// When it was intended.
    pub at: Moment,
    /// Why, for history.
    pub reason: String,
    /// The other half, so that recovery can link what it finds.
    pub contact: Option<ContactHalf>,
}

/// What an [`Intent`] writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentKind {
    /// A contact of either book.
    Contact(Change),
    /// A new organization.
    Organization {
        /// Its name.
        name: String,
        /// The Pipedrive user it shall belong to.
        owner: UserId,
        /// Pipedrive's number for who may see it.
        visible_to: u8,
    },
}

/// One applied step, kept for undo and for `why`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Whose step it was.
    pub checkpoint: CheckpointId,
    /// The pass that did it.
    pub pass: PassId,
    /// When.
    pub at: Moment,
    /// The book that was written to.
    pub side: Side,
    /// The link it was for.
    pub link: LinkId,
    /// The contact of the provider's book.
    pub contact: Option<ContactId>,
    /// The person.
    pub person: Option<PersonId>,
    /// What was written.
    pub change: Change,
    /// What that side held before.
    pub before: Option<Contact>,
    /// The record read as witness before a deletion: the vendor's JSON, or the card. No photo.
    pub raw: Option<String>,
    /// Why, for people.
    pub reason: String,
    /// Values that lost a conflict, for people.
    pub losers: Vec<String>,
}

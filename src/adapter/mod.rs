//! One folder per kind of book; the trait [`Book`] is the contract.
//!
//! An adapter reads and writes one kind of book and tells the truth about what it can hold. It never decides what should
//! be written, keeps nothing on disk, and has no retry loop of its own ([`crate::http`] has). Adapters never know each
//! other.
//!
//! # What every adapter promises
//!
//! - A page says [`Page::complete`] only if everything that the book holds was listed since the walk began: nothing else
//!   may imply that something is absent.
//! - A contact that cannot be read is [`Entry::Unreadable`], never left out: left out of a complete listing it would
//!   look deleted.
//! - [`Book::write`] answers once per change, in order, and says when the outcome is unknown.
//! - What a book cannot hold is unsaid in every contact it returns.

#[cfg(test)]
mod conformance;
mod error;
pub mod folder;
pub mod google;
pub mod pipedrive;

pub use error::{Error, Kind};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::clock::Moment;
use crate::contact::{Capability, Change, Contact, ContactId, Cursor, Revision};

/// An account's view of one book: for a provider the synced group and what is around it, for Pipedrive the persons.
#[async_trait]
pub trait Book: Send + Sync {
    /// What the book can hold. May change between passes (a field that is switched on later), never within one.
    fn capability(&self) -> Capability;

    /// The next page of what changed since `from`; `None` starts a full walk. Pages are pulled: a page's
    /// [`Page::next`] is the `from` of the next one, until it is `None`.
    async fn changes(&self, from: Option<&Cursor>, cancel: &CancellationToken) -> Result<Page, Error>;

    /// Reads contacts by id in the whole book, batched where the service allows it: one answer per id, in order.
    /// `stable` identities are looked up as well, so that a moved contact is found.
    async fn read(&self, wanted: &[Wanted], cancel: &CancellationToken) -> Result<Vec<Found>, Error>;

    /// Writes changes: one answer per change, in order.
    async fn write(&self, changes: &[Change], cancel: &CancellationToken) -> Vec<Result<Written, Error>>;

    /// The picture whose hash a contact named.
    async fn photo(&self, id: &ContactId, cancel: &CancellationToken) -> Result<Option<Vec<u8>>, Error>;

    /// The first other contact of the group that bears the same stable identity, as far as the book was listed: a copied
    /// card. `None` where identities are the service's own, and so unique.
    fn double(&self, _id: &ContactId) -> Option<ContactId> {
        None
    }

    /// For how long after a write the book may go on telling what was there before it. Zero for most.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }

    /// Before the first listing of a process: what earlier processes wrote to the book within its [`Book::lag`], each
    /// contact once.
    fn remind(&self, _writes: Vec<Recalled>) {}

    /// The names that may be written in `group`.
    async fn groups(&self, cancel: &CancellationToken) -> Result<Vec<String>, Error>;
}

/// A book shared by whoever needs it.
pub type SharedBook = Arc<dyn Book>;

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What it lists.
    pub entries: Vec<Entry>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<Cursor>,
    /// On the last page: where the next incremental listing starts. `None` where the book only knows full walks.
    pub cursor: Option<Cursor>,
    /// On the last page: whether the walk listed the whole book, so that what it did not list is gone.
    pub complete: bool,
}

/// One thing that a listing says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A contact, in or outside the group.
    Live(Box<Seen>),
    /// The book says that this contact is gone (incremental listings only).
    Gone(ContactId),
    /// A contact that is there but cannot be read; the text says why and what to do.
    Unreadable {
        /// Which.
        id: ContactId,
        /// What was found, expected, and what to do. Without the contact's data.
        reason: String,
    },
}

/// A contact as its book holds it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id in the book.
    pub id: ContactId,
    /// The identity that survives a move, where there is one.
    pub stable: Option<String>,
    /// Its revision.
    pub revision: Revision,
    /// What it holds.
    pub contact: Contact,
    /// Whether it is in the account's group.
    pub in_group: bool,
    /// When it was last changed, where the book says so.
    pub changed_at: Option<Moment>,
}

/// What an earlier process wrote to a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// Which contact.
    pub id: ContactId,
    /// When the write was answered, by our clock.
    pub at: Moment,
    /// What the contact has held since; `None` for one that was deleted.
    pub contact: Option<Contact>,
    /// Whether it was created within that time.
    pub created: bool,
}

/// A contact asked for by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its id.
    pub id: ContactId,
    /// The identity that survives a move, where it is known.
    pub stable: Option<String>,
}

/// What a direct read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is there, perhaps under another id.
    Live {
        /// As it is now.
        seen: Box<Seen>,
        /// The record as the book keeps it, for history.
        raw: String,
    },
    /// It is nowhere in the book.
    Gone,
    /// It is there but cannot be read.
    Unreadable(String),
}

/// A change that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Created or patched: as the book holds it now, by its answer or a read-back.
    Now(Box<Seen>),
    /// Deleted, or was gone already.
    Deleted,
}

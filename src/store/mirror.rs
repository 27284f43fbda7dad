//! The mirror: what the watcher knows of the company's persons and organizations.

use crate::clock::Moment;
use crate::contact::{Contact, Homes, PersonId, UserId};

/// A visible person, as last listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its id.
    pub id: PersonId,
    /// The Pipedrive user it belongs to.
    pub owner: UserId,
    /// Pipedrive's number for who may see it ([`crate::account::Visibility::visible_to`]).
    pub visible_to: u8,
    /// The id of its organization.
    pub organization: Option<u64>,
    /// When Pipedrive last changed it; null there until the first change after creation.
    pub update_time: Option<Moment>,
    /// When it was created.
    pub add_time: Option<Moment>,
    /// Whether it has a picture.
    pub picture: bool,
    /// Its open deals, where the listing said how many.
    pub open_deals: Option<u32>,
    /// What it holds.
    pub contact: Contact,
}

/// An organization, as last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: u64,
    /// Its name as spelled in Pipedrive.
    pub name: String,
    /// The Pipedrive user it belongs to.
    pub owner: UserId,
    /// Pipedrive's number for who may see it.
    pub visible_to: u8,
    /// It was deleted, or hidden from us: it is still called so, but no name means it any more.
    pub gone: bool,
}

/// Where the watcher stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    /// The company whose mirror this is. Another company's ids mean something else: [`super::Op::ForgetMirror`].
    pub company: String,
    /// Where the next walk of changed persons starts.
    pub since: Option<Moment>,
    /// When the last full sweep ended.
    pub swept_at: Option<Moment>,
    /// The highest person id ever seen; the journal needs it.
    pub highest_person: Option<PersonId>,
    /// The highest organization id ever seen.
    pub highest_organization: Option<u64>,
    /// Whether the service was seen to say of a deleted person that it is deleted: then a 404 proves nothing.
    pub tells_deletions: bool,
    /// Where the fields are kept in which the mirror's persons were read; `None`: by a program that did not say.
    pub homes: Option<Homes>,
}

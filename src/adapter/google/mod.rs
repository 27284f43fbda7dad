//! Google Contacts over the People API: one user's contacts, of which a label or a system group is synced.
//!
//! A contact's id is that of its CONTACT source, and so is its stable identity; resource names are only where it is asked
//! for. What a contact says decides whether it changed, never an etag, which Google renews without a visible change.
//! The service may tell old data for minutes after a write: what we wrote is remembered that long and stands in for it.
//! Mutations of one user go one after another, as the service demands, and so what many steps write at once is gathered
//! into batches.
//!
//! Never here: other users' directories, "other contacts", a login (that is behind [`crate::auth::token`]), a
//! retry loop ([`crate::http`] has it), a write made from a listing alone: each update reads first and edits what it finds.
//!
//! | file | what is there |
//! |---|---|
//! | `listing`, `cursor` | full walks and what changed since; where a listing stands |
//! | `read` | contacts by id |
//! | `gather`, `write` | what many ask at once; a round of writes |
//! | `create`, `update`, `delete`, `join` | the four kinds of writes |
//! | `marker` | finding a contact whose creation was never answered |
//! | `recent`, `known` | what we wrote a moment ago; where each contact is, and what it last said |
//! | `groups`, `photo` | labels; pictures |
//! | `person`, `said`, `patch` | a person's JSON; what it says; its edits |
//! | `name`, `elements`, `address`, `organization` | single fields, read and edited |
//! | `api`, `quota`, `refusal` | sending; who may send now; what a refusal means |
//!
//! Facts: the vendor's discovery document and guides, <https://developers.google.com/people>.

mod address;
mod api;
mod create;
mod cursor;
mod delete;
mod elements;
mod gather;
mod groups;
mod join;
mod known;
mod listing;
mod marker;
mod name;
mod organization;
mod patch;
mod person;
mod photo;
mod quota;
mod read;
mod recent;
mod refusal;
mod said;
#[cfg(test)]
mod tests;
mod update;
mod write;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use self::api::Api;
use self::gather::{Asked, Gather};
use self::groups::{Groups, Scope};
use self::known::Known;
use self::listing::Walk;
use self::marker::Markers;
use self::person::Person;
use self::recent::Recent;
use super::{Book, Error, Found, Kind, Page, Recalled, Seen, Wanted, Written};
use crate::account::{Country, Group};
use crate::auth::token::Tokens;
use crate::clock::SharedClock;
use crate::contact::{Capability, Change, Contact, ContactId, Cursor, Digest};
use crate::http::{Client, Url};

/// Which contacts, and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The service's root, to which `/v1/…` is appended; Google's own is `https://people.googleapis.com`.
    pub api_url: Url,
    /// The user's address. Cursors belong to it, and the day of its full listing follows from it.
    pub address: String,
    /// A label, a system group (`My Contacts`, `Starred`), or the whole book.
    pub group: Group,
    /// Reads phone numbers that do not name their country.
    pub country: Option<Country>,
}

/// One user's Google Contacts, seen by one account.
#[derive(Debug)]
pub struct Google {
    api: Api,
    address: String,
    country: Option<Country>,
    fingerprint: Digest,
    groups: Groups,
    known: Known,
    recent: Recent,
    markers: Markers,
    walk: Mutex<Walk>,
    writes: Gather<Change, Result<Written, Error>>,
    pictures: Gather<ContactId, Result<Option<Url>, Error>>,
}

/// A change that waits for its answer.
type Task = Asked<Change, Result<Written, Error>>;

impl Google {
    /// A view of a user's contacts. Nothing is asked until it is used; `tokens` decide as whom.
    pub fn new(settings: Settings, tokens: Tokens, client: Client, clock: SharedClock) -> Self {
        let Settings { api_url, address, group, country } = settings;
        Self {
            api: Api::new(client, api_url, tokens, clock),
            fingerprint: cursor::fingerprint(&address, &group),
            address,
            country,
            groups: Groups::new(group),
            known: Known::default(),
            recent: Recent::default(),
            markers: Markers::default(),
            walk: Mutex::default(),
            writes: Gather::default(),
            pictures: Gather::default(),
        }
    }

    /// A contact as it is handed out, which is remembered.
    fn seen(&self, id: ContactId, person: &Person, scope: &Scope) -> Seen {
        let contact = said::contact(person, self.country);
        let in_group = scope.holds(person);
        let revision = said::revision(&contact, in_group);
        self.known.met(&id, person);
        self.known.gave(&id, &revision);
        let (stable, changed_at) = (Some(id.0.to_string()), person.changed_at());
        Seen { id, stable, revision, contact, in_group, changed_at }
    }

    /// A contact as an earlier process left it, which the service does not tell yet.
    fn recalled(&self, id: ContactId, contact: Contact) -> Seen {
        let revision = said::revision(&contact, true);
        self.known.gave(&id, &revision);
        let stable = Some(id.0.to_string());
        Seen { id, stable, revision, contact, in_group: true, changed_at: None }
    }

    fn walk(&self) -> MutexGuard<'_, Walk> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unless(cancel: &CancellationToken) -> Result<(), Error> {
    if cancel.is_cancelled() { Err(Error::new(Kind::Cancelled, "carnetd is stopping")) } else { Ok(()) }
}

/// Whoever worked on it was stopped half-way.
fn stopped() -> Error {
    Error::new(Kind::UnknownOutcome, "google: a call was stopped half-way; what it did is looked for")
}

#[async_trait]
impl Book for Google {
    fn capability(&self) -> Capability {
        said::CAPABILITY
    }

    async fn changes(&self, from: Option<&Cursor>, cancel: &CancellationToken) -> Result<Page, Error> {
        unless(cancel)?;
        self.page(from, cancel).await
    }

    async fn read(&self, wanted: &[Wanted], cancel: &CancellationToken) -> Result<Vec<Found>, Error> {
        unless(cancel)?;
        self.find(wanted, cancel).await
    }

    async fn write(&self, changes: &[Change], cancel: &CancellationToken) -> Vec<Result<Written, Error>> {
        self.write_gathered(changes, cancel).await
    }

    async fn photo(&self, id: &ContactId, cancel: &CancellationToken) -> Result<Option<Vec<u8>>, Error> {
        unless(cancel)?;
        self.picture(id, cancel).await
    }

    fn lag(&self) -> Duration {
        recent::LAG
    }

    fn remind(&self, writes: Vec<Recalled>) {
        self.recent.remind(writes);
    }

    async fn groups(&self, cancel: &CancellationToken) -> Result<Vec<String>, Error> {
        unless(cancel)?;
        groups::names(&self.api, cancel).await
    }
}

//! What a plan is made from: plain values, and one set of questions that the world outside answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::account::{AccountName, Policy, Scope};
use crate::contact::{Capability, Contact, ContactId, Digest, Name, PersonId, Revision, UserId};
use crate::link::{Link, LinkId};

/// Everything a plan depends on.
pub struct Input<'a> {
    /// Whose plan it is.
    pub account: &'a AccountName,
    /// What the administrator declared.
    pub policy: &'a Policy,
    /// The Pipedrive user who owns what comes in.
    pub owner: UserId,
    /// What the provider's book can hold.
    pub provider: &'a Capability,
    /// What Pipedrive can hold.
    pub pipedrive: &'a Capability,
    /// What observing found: one row for each pair or half that something was said of.
    pub rows: &'a [Row],
    /// Answers about everybody else.
    pub directory: &'a dyn Directory,
    /// The numbers that the guard compares with.
    pub ledger: Ledger,
    /// Digests of steps and holds that a human being has allowed, less than 24 hours ago.
    pub confirmed: &'a BTreeSet<Digest>,
}

/// One pair or half, and what this pass saw of it.
///
/// An active link has a row when a side changed or is gone. What sleeps or waits is looked at when a side or a candidate
/// changes, on refresh or confirm, or daily; then what is there is [`ContactSight::Live`] or [`PersonSight::Live`], changed
/// or not, because being there is what wakes it. When something stops waiting, its candidates are to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What is remembered of it. Never an active link of another account.
    pub link: Option<(LinkId, Box<Link>)>,
    /// What the provider's book said.
    pub contact: ContactSight,
    /// What Pipedrive said.
    pub person: PersonSight,
    /// The second look at what the listing called gone. Asked for by [`super::Step::needs_witness`].
    pub witness: Witness,
}

/// What the provider's book said of a contact in this pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactSight {
    /// Nothing since it was last seen.
    Quiet,
    /// It is there.
    Live(Box<ContactNow>),
    /// A listing that proves it says that it is not there any more.
    Gone,
}

/// A contact as its book holds it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactNow {
    /// Its id in the book.
    pub id: ContactId,
    /// The identity that survives a move.
    pub stable: Option<String>,
    /// Its revision.
    pub revision: Revision,
    /// What it holds, as far as the book can say.
    pub contact: Arc<Contact>,
    /// Whether it is in the account's group.
    pub in_group: bool,
    /// When it was last changed, in milliseconds since 1970, where the book says so.
    pub changed_at: Option<i64>,
}

/// What Pipedrive said of a person in this pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonSight {
    /// Nothing since it was last seen.
    Quiet,
    /// It is there.
    Live(Box<PersonNow>),
    /// A complete sweep does not hold it, or it is marked as deleted.
    Gone,
}

/// A person as Pipedrive holds it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonNow {
    /// Its id.
    pub id: PersonId,
    /// What it holds, as far as Pipedrive can say.
    pub contact: Arc<Contact>,
    /// Who owns it.
    pub owner: UserId,
    /// Whether more people see it than the account's visibility says.
    pub wider: bool,
    /// When it was last changed, in milliseconds since 1970.
    pub changed_at: Option<i64>,
}

/// What a direct read found of halves that a listing called gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witness {
    /// Of the contact; `None`: not asked yet.
    pub contact: Option<ContactWitness>,
    /// Of the person; `None`: not asked yet.
    pub person: Option<PersonWitness>,
}

/// What reading a contact's stable identity in the whole book found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactWitness {
    /// It is nowhere in the book.
    Gone,
    /// It is in the book: moved (another id), or out of the group.
    Found(Box<ContactNow>),
    /// The read failed: nothing is concluded.
    Unknown,
}

/// What reading a person by its id found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonWitness {
    /// The record says that it is deleted.
    Deleted,
    /// Not found, by a credential proven to see every person of this owner at this visibility.
    NotFoundProven,
    /// Not found, but perhaps only hidden.
    NotFoundUnproven,
    /// It is there.
    Found {
        /// As it is now.
        now: Box<PersonNow>,
        /// Its open deals.
        open_deals: u64,
    },
    /// The read failed: nothing is concluded.
    Unknown,
}

/// Whose half something already is. Where several hold, the first of these counts: what is linked may also be a
/// candidate of something that waits, and then it is linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// By an active link of this account, or by a pair of it that waits.
    Linked(LinkId),
    /// By a dormant link of this account.
    Dormant(LinkId),
    /// It is a half without partner, or else a candidate, of something of this account that waits for a human being.
    Held(LinkId),
    /// By a link of another account.
    Elsewhere(AccountName),
    /// Not yet: another account is about to link it.
    BeingLinked(AccountName),
}

/// Questions about contacts and persons, those of this pass's rows included, as they are now. Answers do not change while
/// a plan is made.
pub trait Directory {
    /// The persons with this e-mail address (by [`crate::contact::Element::key`]), within the account's `match` scope.
    fn persons_with_email(&self, key: &str) -> Vec<PersonId>;
    /// The persons with this phone number (by key), within the account's `match` scope.
    fn persons_with_phone(&self, key: &str) -> Vec<PersonId>;
    /// The persons whose name has the same words, within the account's `match` scope.
    fn persons_named(&self, name: &Name) -> Vec<PersonId>;
    /// A person, if it is visible.
    fn person(&self, id: PersonId) -> Option<PersonNow>;
    /// Whose half a person already is.
    fn person_taken(&self, id: PersonId) -> Option<Taken>;
    /// The contacts of the provider's whole book, as far as known, with this e-mail address.
    fn contacts_with_email(&self, key: &str) -> Vec<ContactId>;
    /// The contacts of the provider's whole book, as far as known, with this phone number.
    fn contacts_with_phone(&self, key: &str) -> Vec<ContactId>;
    /// The contacts of the provider's whole book, as far as known, whose name has the same words.
    fn contacts_named(&self, name: &Name) -> Vec<ContactId>;
    /// A contact, if it is known.
    fn contact(&self, id: &ContactId) -> Option<ContactNow>;
    /// Whose half a contact already is.
    fn contact_taken(&self, id: &ContactId) -> Option<Taken>;
    /// The other account, if any, that is just now about to create or link a person as whom this contact could be taken.
    /// By default nobody is.
    fn being_linked(&self, _contact: &Contact) -> Option<AccountName> {
        None
    }
    /// The first other contact of the group that bears the same stable identity.
    fn contact_double(&self, id: &ContactId) -> Option<ContactId>;
}

/// A scope in which owner, group or direction are others than before, and the links that it takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescoped {
    /// What the links were made under.
    pub was: Scope,
    /// What is declared now.
    pub now: Scope,
    /// When a pass last ended well under the old one, in milliseconds since 1970: each change is one of its own, also the
    /// same one a second time.
    pub since: Option<i64>,
    /// Links that are kept in step.
    pub active: u64,
    /// Links that sleep.
    pub dormant: u64,
    /// Links that wait for a human being.
    pub held: u64,
}

/// The numbers that the guard compares with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, not states of one thing")]
pub struct Ledger {
    /// Whether no pass of this checkpoint has succeeded yet: it never deletes.
    pub first_pass: bool,
    /// Active links of the account 24 hours ago, or at its first pass where that is later.
    pub links: u64,
    /// Deletions the account has made in the last 24 hours.
    pub deleted: u64,
    /// Active links of the whole company 24 hours ago.
    pub company_links: u64,
    /// Deletions that all accounts have made in the last 24 hours.
    pub company_deleted: u64,
    /// Contacts now in the group.
    pub group: u64,
    /// Whether a complete listing of the provider's group was empty although the account has links.
    pub provider_emptied: bool,
    /// Whether Pipedrive shows no person at all although the account has links.
    pub pipedrive_emptied: bool,
    /// The administrator changed owner, group or direction: counts as a first pass and is held with its numbers.
    pub scope_changed: Option<Rescoped>,
    /// Writing into persons that more people see than declared was allowed before.
    pub wider_accepted: bool,
}

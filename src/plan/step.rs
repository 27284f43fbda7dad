//! What a plan consists of: steps, and its own "no".

use crate::account::{Provider, Share};
use crate::contact::{Change, ContactId, Digest, Field, PersonId};
use crate::link::{Cause, HoldCause, Link, LinkId};

/// One of the two books of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The provider's address book.
    Provider,
    /// Pipedrive's persons.
    Pipedrive,
}

/// All steps of a pass, and the plan's own refusals. Plain data, always in the same order: creations and updates by
/// contact id, deletions last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is intended.
    pub steps: Vec<Step>,
    /// Why nothing of it may be done before a human being allows it. Empty: it may be done.
    pub refusals: Vec<Refusal>,
}

/// One row of the decision table, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The link it is about; `None` for one that does not exist yet.
    pub link: Option<LinkId>,
    /// The contact it is about, where there is one.
    pub contact: Option<ContactId>,
    /// The person it is about, where there is one.
    pub person: Option<PersonId>,
    /// Which row of the table.
    pub reason: Reason,
    /// What is written, in this order; at most one change per side, and a photo after it.
    pub writes: Vec<Write>,
    /// What becomes of the link once all of it is written. What a side was seen to hold is as observed: whoever writes
    /// replaces it with the book's answer.
    pub then: Then,
    /// Values that lost a conflict or an edit that a deletion swallowed, for history and `why`: field and value.
    pub losers: Vec<(Field, String)>,
    /// What a human being should be told; never contains a contact's data.
    pub said: Vec<&'static str>,
}

/// One change of one book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which book.
    pub side: Side,
    /// What.
    pub change: Change,
}

/// What becomes of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// It is kept like this. A half whose id the book will choose is filled in by whoever writes.
    Keep(Box<Link>),
    /// It is forgotten.
    Forget,
    /// There is none, and none is made.
    Nothing,
}

/// Which row of the decision table (DESIGN §3.2) was taken. [`Reason::as_str`] is what people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A new contact without a match: a person is created.
    NewContact,
    /// A new contact and an unlinked person are the same: linked and merged.
    Matched,
    /// A new person without a match: a contact is created (two-way).
    NewPerson,
    /// It is linked by another account.
    LinkedElsewhere(crate::account::AccountName),
    /// The contact changed.
    ContactChanged,
    /// The person changed.
    PersonChanged,
    /// Both changed.
    BothChanged,
    /// Only what the sides were last seen to hold is renewed.
    Seen,
    /// The contact was deleted.
    ContactDeleted,
    /// The person was deleted.
    PersonDeleted,
    /// Both were deleted.
    BothDeleted,
    /// The contact was deleted, but the person was edited: the edit wins.
    ContactRevived,
    /// The person was deleted, but the contact was edited: the edit wins.
    PersonRevived,
    /// The contact moved inside its book.
    Moved,
    /// The contact left the group.
    LeftGroup,
    /// The contact that carnetd created is not in the group yet: it is joined again.
    JoinedAgain,
    /// The person is gone and its e-mails or phones live on in another: the link moves there.
    Survivor,
    /// The person now belongs to somebody else.
    OwnerChanged,
    /// A dormant link wakes.
    Woken,
    /// It falls asleep, or stays so.
    Dormant(Cause),
    /// It waits for a human being.
    Held(HoldCause),
}

/// A plan's own "no", with its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// More deletions than the account allows.
    Deletions {
        /// Planned now.
        planned: u64,
        /// Done in the last 24 hours.
        done: u64,
        /// Links at the start of that window.
        links: u64,
        /// The share allowed.
        max: Share,
        /// The number allowed.
        max_count: u64,
        /// Whether it is the whole company's numbers.
        company: bool,
    },
    /// One field is emptied on more links than the share allows.
    Empties {
        /// Which field.
        field: Field,
        /// On how many links.
        count: u64,
        /// Of how many.
        links: u64,
        /// The share allowed.
        max: Share,
    },
    /// More than 100 contacts and more than a quarter of the group would be created in the provider's book.
    Creations {
        /// How many.
        count: u64,
        /// Contacts now in the group.
        group: u64,
    },
    /// A side that had contacts shows none.
    Emptied {
        /// Which.
        side: Side,
        /// How many links there are.
        links: u64,
    },
    /// Existing persons that more people see than declared would be written.
    Wider {
        /// How many.
        count: u64,
    },
    /// Owner, group or direction changed.
    ScopeChanged {
        /// Steps that write.
        writes: u64,
        /// Active links kept.
        links: u64,
    },
}

/// A provider's word in a sentence; kept here so that every message says it alike.
pub fn book_name(provider: Provider) -> &'static str {
    match provider {
        Provider::Google => "Google Contacts",
        Provider::Microsoft => "Outlook",
        Provider::Icloud => "iCloud",
        Provider::CardDav => "the CardDAV server",
        Provider::Folder => "the folder",
    }
}

impl Step {
    /// A name for exactly this step: what a human being confirms.
    pub fn digest(&self) -> Digest {
        // {:?} of plain values is stable for one version of the program; a confirmation lapses after 24 hours anyway.
        let text = |t: &dyn std::fmt::Debug| format!("{t:?}");
        Digest::of([
            text(&self.contact).as_str(),
            text(&self.person).as_str(),
            text(&self.reason).as_str(),
            text(&self.writes).as_str(),
        ])
    }

    /// Whether it writes anything.
    pub fn writes(&self) -> bool {
        !self.writes.is_empty()
    }
}

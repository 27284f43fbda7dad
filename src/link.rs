//! The pair of a contact and a person, and its states.
//!
//! A [`Link`] remembers that a contact of a provider's book and a person of Pipedrive are the same human being, what both
//! sides last agreed on, and what each side was last seen to hold. A side has changed only if it differs from that last
//! sight, never because it differs from the base or from the other side.
//!
//! What a side holds is shared, not copied: in a first import the row, the link and the journal all speak of the same
//! contact, for every contact of the book.
//!
//! Plain values: [`crate::plan`] decides on them, [`crate::store`] keeps them. They stand on the lowest floor because both
//! of those need them and neither may know the other.

use std::fmt;
use std::sync::Arc;

use crate::contact::{Contact, ContactId, Fields, PersonId, PhotoHash, Revision};

/// A link's name in the store; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A pair, or one half that waits for the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Active, dormant or held.
    pub state: State,
    /// What both sides last agreed on; fields on which they never agreed are unsaid. Empty for a half.
    pub base: Arc<Contact>,
    /// The provider's half.
    pub contact: Option<ContactHalf>,
    /// Pipedrive's half.
    pub person: Option<PersonHalf>,
    /// Which of the contact's postal addresses is synced.
    pub chosen: Chosen,
    /// The picture that was uploaded or refused: it is not tried again.
    pub photo: Option<PhotoHash>,
}

/// The provider's half of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactHalf {
    /// Its id in the provider's book.
    pub id: ContactId,
    /// The identity that survives a move inside the book (a card's UID), where there is one.
    pub stable: Option<String>,
    /// The revision last seen.
    pub revision: Revision,
    /// What the book was last seen to hold.
    pub seen: Arc<Contact>,
    /// Whether it was once seen in the group. A contact that carnetd created has left the group only after that.
    pub joined: bool,
}

/// Pipedrive's half of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonHalf {
    /// The person's id.
    pub id: PersonId,
    /// What Pipedrive was last seen to hold.
    pub seen: Arc<Contact>,
}

/// Which of the provider's postal addresses is synced: chosen once (preferred, work, first), and then it stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Chosen {
    /// There was none yet.
    #[default]
    NotYet,
    /// The one at this place in [`ContactHalf::seen`].
    At(usize),
    /// It was removed. No other slides into its place; one that is added later may be chosen.
    Removed,
}

/// What a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Both halves are kept in step.
    Active,
    /// Remembered, but neither half is new or a match candidate until it wakes.
    Dormant(Cause),
    /// Waits for a human being.
    Held(Hold),
}

/// Why a link sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The person was deleted in Pipedrive (one-way, or the contact had changed one-way).
    PersonDeleted,
    /// The contact was deleted and `deletes = "never"`.
    ContactDeleted,
    /// The contact left the group and `on_leave_group = "keep"`.
    LeftGroup,
    /// The person now belongs to somebody else (two-way).
    OwnerChanged,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 4] = [Self::PersonDeleted, Self::ContactDeleted, Self::LeftGroup, Self::OwnerChanged];

    /// The word kept in the store and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PersonDeleted => "person-deleted",
            Self::ContactDeleted => "contact-deleted",
            Self::LeftGroup => "left-group",
            Self::OwnerChanged => "owner-changed",
        }
    }
}

/// What waits for a human being, and among whom to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub cause: HoldCause,
    /// The persons it could be. None of them is new while this waits.
    pub persons: Vec<PersonId>,
    /// The contacts it could be. None of them is new while this waits.
    pub contacts: Vec<ContactId>,
}

/// Why something waits for a human being.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldCause {
    /// A new contact or person matches several.
    SeveralMatches,
    /// Two new contacts claim one person.
    ClaimedTwice,
    /// It matches one that is linked already.
    MatchesLinked,
    /// A new person matches a contact outside the group.
    OutsideGroup,
    /// Equal e-mail, but the names share no word.
    NamesDiffer,
    /// Equal names, where either side has neither e-mail nor phone.
    NameAlone,
    /// Another contact of the group bears the same stable identity: one of them is a copy.
    SameIdentity,
    /// The contact is gone and its e-mails or phones are now on another contact.
    ContactMerged,
    /// The person is gone and its e-mails or phones are now on another person that cannot be taken over.
    PersonMerged,
    /// The person is gone, or hidden from the credential.
    GoneOrHidden,
    /// The person has open deals.
    OpenDeals,
    /// The person to be deleted belongs to somebody else.
    NotOwners,
    /// The contact was created in the group, but the book does not show it there.
    NotJoined,
}

impl HoldCause {
    /// Every cause.
    pub const ALL: [Self; 13] = [
        Self::SeveralMatches,
        Self::ClaimedTwice,
        Self::MatchesLinked,
        Self::OutsideGroup,
        Self::NamesDiffer,
        Self::NameAlone,
        Self::SameIdentity,
        Self::ContactMerged,
        Self::PersonMerged,
        Self::GoneOrHidden,
        Self::OpenDeals,
        Self::NotOwners,
        Self::NotJoined,
    ];

    /// The word kept in the store, in JSON and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SeveralMatches => "several-matches",
            Self::ClaimedTwice => "claimed-twice",
            Self::MatchesLinked => "matches-linked",
            Self::OutsideGroup => "outside-group",
            Self::NamesDiffer => "names-differ",
            Self::NameAlone => "name-alone",
            Self::SameIdentity => "same-identity",
            Self::ContactMerged => "merged",
            Self::PersonMerged => "person-merged",
            Self::GoneOrHidden => "gone-or-hidden",
            Self::OpenDeals => "open-deals",
            Self::NotOwners => "not-owners",
            Self::NotJoined => "not-joined",
        }
    }
}

impl Link {
    /// A half: a contact without its person, or the other way round.
    pub fn half(state: State, contact: Option<ContactHalf>, person: Option<PersonHalf>) -> Self {
        let base = Contact { unsaid: Fields::ALL, ..Contact::default() };
        Self { state, base: Arc::new(base), contact, person, chosen: Chosen::NotYet, photo: None }
    }

    /// Whether both halves are kept in step.
    pub fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// The contact's id, if it has that half.
    pub fn contact_id(&self) -> Option<&ContactId> {
        self.contact.as_ref().map(|half| &half.id)
    }

    /// The person's id, if it has that half.
    pub fn person_id(&self) -> Option<PersonId> {
        self.person.as_ref().map(|half| half.id)
    }
}

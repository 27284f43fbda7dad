//! What a pass leaves behind for its account.

use std::fmt;

use crate::account::Scope;
use crate::clock::Moment;
use crate::contact::{ContactId, Cursor, Digest, Homes, PersonId, Revision};

/// A checkpoint's name in the store; never reused. An account is joined to its checkpoint by [`super::Op::Name`], so
/// that a renamed account keeps it and a changed scope can start another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointId(pub u32);

/// A pass's number; never reused. Later passes have higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassId(pub u64);

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All that is remembered of one account beside its links and its work to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// What it describes.
    pub scope: Scope,
    /// Where the next incremental listing of the provider's book starts; `None` asks for a full one.
    pub cursor: Option<Cursor>,
    /// Whether a first pass, which never deletes, was finished.
    pub first_pass_done: bool,
    /// What holds the whole account.
    pub hold: Option<AccountHold>,
    /// Contacts changed on either side since the checkpoint began.
    pub totals: Counts,
    /// The last finished pass.
    pub last_pass: Option<PassRecord>,
    /// The last pass that changed anything.
    pub last_change: Option<PassRecord>,
    /// How many active links there were, sampled about hourly, oldest first, at most 26 samples: the guard judges
    /// deletions against the links at the start of the last 24 hours.
    pub links_window: Vec<(Moment, u64)>,
    /// The id of the group in the provider's book, resolved once.
    pub group_id: Option<String>,
    /// Whether somebody confirmed that existing persons are visible to more people than the account says.
    pub visibility_accepted: bool,
    /// Linked persons whose visibility or owner is not what is declared, when a pass last counted them.
    pub other_visibility: u64,
    /// When a pass last ended well.
    pub last_success: Option<Moment>,
    /// Where Pipedrive kept the fields in which its links' persons were seen; `None`: by a program that did not say, or not
    /// at all yet.
    pub homes: Option<Homes>,
}

impl Checkpoint {
    /// The checkpoint of an account that was never synced.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            cursor: None,
            first_pass_done: false,
            hold: None,
            totals: Counts::default(),
            last_pass: None,
            last_change: None,
            links_window: Vec::new(),
            group_id: None,
            visibility_accepted: false,
            other_visibility: 0,
            last_success: None,
            homes: None,
        }
    }
}

/// Why a whole account waits for a human being.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountHold {
    /// The reason's fixed word, for status and metrics.
    pub code: String,
    /// The reason with its numbers, for people. Holds no contact's name.
    pub message: String,
    /// What is confirmed when all of it is confirmed.
    pub digest: Digest,
    /// The digests of the single steps that were shown.
    pub shown: Vec<Digest>,
    /// Since when.
    pub at: Moment,
}

/// Somebody's "yes" to what was held. It lapses after 24 hours, which whoever reads it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// What was confirmed.
    pub digest: Digest,
    /// The steps that this lets through; no other.
    pub steps: Vec<Digest>,
    /// When it was given.
    pub at: Moment,
}

/// Contacts changed on either side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Created.
    pub added: u64,
    /// Patched.
    pub updated: u64,
    /// Deleted.
    pub deleted: u64,
}

/// One pass and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassRecord {
    /// Its number.
    pub id: PassId,
    /// Whose pass it was.
    pub checkpoint: CheckpointId,
    /// When it began.
    pub started: Moment,
    /// When it ended; `None` while it runs, or where it never came to an end.
    pub finished: Option<Moment>,
    /// How it ended, in the word that status shows (`ok`); empty while it runs.
    pub outcome: String,
    /// Contacts created on either side.
    pub added: u64,
    /// Contacts patched on either side.
    pub updated: u64,
    /// Contacts deleted on either side.
    pub deleted: u64,
    /// Steps that failed.
    pub failed: u64,
}

/// Work that a pass uncovered and could not do: it failed, is held, or was not affordable. It stays until done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Todo {
    /// What it is about.
    pub key: TodoKey,
    /// Why it was not done, for people.
    pub reason: String,
    /// The reason's fixed word.
    pub code: String,
    /// Since when it waits.
    pub since: Moment,
    /// When it was last tried.
    pub tried: Moment,
    /// How often it was tried.
    pub attempts: u32,
    /// The contact's revision when it was tried: another one is worth another try.
    pub revision: Option<Revision>,
}

/// What a [`Todo`] is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TodoKey {
    /// A contact of the provider's book.
    Contact(ContactId),
    /// A person.
    Person(PersonId),
}

//! What can be written.

use super::{
    Checkpoint, CheckpointId, Confirmation, HistoryEntry, Intent, IntentId, Mark, Organization, PassRecord, Person,
    SealedLogin, Todo, TodoKey, Watcher,
};
use crate::account::AccountName;
use crate::clock::Moment;
use crate::contact::{Digest, PersonId};
use crate::link::{Link, LinkId};

/// One write. A `Vec` of them is a batch: all of it or nothing, in its order.
///
/// Putting replaces what has the same id; removing what is not there does nothing. Indexes and counts are the store's
/// own affair and always agree with the links.
#[derive(Debug, Clone)]
pub enum Op {
    /// Keeps a checkpoint under an id from [`super::Store::next_checkpoint`], or changes it.
    PutCheckpoint(CheckpointId, Box<Checkpoint>),
    /// Joins an account to a checkpoint and leaves the one it had, which is kept. The checkpoint must be there.
    Name(AccountName, CheckpointId),
    /// Leaves an account without a checkpoint; the checkpoint is kept.
    Unname(AccountName),
    /// Keeps a link. The checkpoint must be there.
    PutLink {
        /// Whose link.
        checkpoint: CheckpointId,
        /// From [`super::Store::next_link`], or the one it has.
        id: LinkId,
        /// What is kept.
        link: Box<Link>,
    },
    /// Forgets a link.
    RemoveLink {
        /// Whose link.
        checkpoint: CheckpointId,
        /// Which.
        id: LinkId,
    },
    /// Keeps work that failed, is held or was not affordable.
    PutTodo(CheckpointId, Todo),
    /// That work is done.
    RemoveTodo(CheckpointId, TodoKey),
    /// The watcher saw a person change that concerns this account.
    Touch(CheckpointId, PersonId),
    /// Clears a touch, even one that came a moment ago. A pass wants [`Op::UntouchSeen`].
    Untouch(CheckpointId, PersonId),
    /// Clears a touch that a pass has dealt with, unless the watcher touched the person again since the pass took its
    /// view ([`super::View::mark`]).
    UntouchSeen(CheckpointId, PersonId, Mark),
    /// Keeps a person of the mirror.
    PutPerson(Box<Person>),
    /// Forgets a person of the mirror.
    RemovePerson(PersonId),
    /// Keeps an organization of the mirror.
    PutOrganization(Organization),
    /// Forgets an organization, and every name remembered for it.
    RemoveOrganization(u64),
    /// Remembers that a name, in its normal form, means an organization, whatever that is called later.
    RememberOrganization(String, u64),
    /// Moves the watcher. Belongs in one batch with what the walk found.
    PutWatcher(Box<Watcher>),
    /// Keeps how many tokens carnetd has used of the company's day in all.
    PutUsed {
        /// When that was: it says in which day.
        at: Moment,
        /// How many.
        tokens: u64,
    },
    /// Forgets persons, organizations, remembered names, touches, the watcher and the tokens used: another company's ids
    /// mean something else, and its budget is another one.
    ForgetMirror,
    /// A write is about to be sent.
    Intend(IntentId, Box<Intent>),
    /// A write's outcome is known and recorded in this batch.
    Done(IntentId),
    /// Adds to the history.
    History(Box<HistoryEntry>),
    /// Forgets history entries and finished passes from before a moment.
    PruneHistory {
        /// The first moment that stays.
        before: Moment,
    },
    /// Keeps a pass, or changes it.
    PutPass(Box<PassRecord>),
    /// Counts one deletion for the guard.
    CountDeletion {
        /// Whose.
        checkpoint: CheckpointId,
        /// When.
        at: Moment,
    },
    /// Forgets counted deletions from before a moment.
    PruneDeletions {
        /// The first moment that stays.
        before: Moment,
    },
    /// Keeps somebody's "yes".
    PutConfirmation(CheckpointId, Confirmation),
    /// Keeps a sealed login under what it belongs to, such as `account/alice`.
    PutLogin(String, SealedLogin),
    /// Forgets a login.
    RemoveLogin(String),
    /// Forgets what was kept only until before a moment.
    PruneLogins {
        /// The first moment that stays.
        before: Moment,
    },
    /// Forgets a "yes": used up or lapsed.
    RemoveConfirmation(CheckpointId, Digest),
}

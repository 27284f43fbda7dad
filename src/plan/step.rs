//! What a plan consists of: steps, and its own "no".

use super::input::Rescoped;
use crate::account::Share;
pub use crate::account::Side;
use crate::contact::{Change, ContactId, Digest, Field, PersonId};
use crate::link::{Cause, HoldCause, Link, LinkId};

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
    /// What waited by itself and is part of this one now, a person that is its other half or a copy that is its contact: its
    /// link is forgotten in the same transaction.
    pub absorbs: Option<LinkId>,
    /// Values that lost a conflict or an edit that a deletion swallowed, for history and `why`: field and value.
    pub losers: Vec<(Field, String)>,
    /// What a human being should be told; never contains a contact's data.
    pub said: Vec<&'static str>,
    /// Which second looks it still lacks. Ask [`Step::needs_witness`].
    pub(super) lacks: WitnessNeeded,
    /// Whether it rests on something not being there any more.
    pub(super) absence: bool,
    /// Whether it writes into an existing person that more people see than declared.
    pub(super) wider: bool,
}

/// Which halves must be read directly before a step may be carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WitnessNeeded {
    /// The contact, by its stable identity, in the whole book.
    pub contact: bool,
    /// The person, by its id.
    pub person: bool,
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
    /// Another account is about to link or create it: left for later.
    BeingLinked(crate::account::AccountName),
    /// The contact changed.
    ContactChanged,
    /// The person changed.
    PersonChanged,
    /// Both changed.
    BothChanged,
    /// A field merges that one side could not say before.
    NewlySaid,
    /// Only what the sides were last seen to hold is renewed.
    Seen,
    /// A new contact without name, organization, e-mail and phone: Pipedrive holds no such person.
    Nameless,
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
        /// From what to what, and which links are kept.
        change: Box<Rescoped>,
        /// Steps that write.
        writes: u64,
    },
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

    /// Whether it deletes a contact or a person.
    pub fn deletes(&self) -> bool {
        self.writes.iter().any(|w| matches!(w.change, Change::Delete { .. }))
    }

    /// Which second looks it lacks; `None`: it may be carried out. It rests on a listing that calls a half gone, or
    /// deletes one: the pass reads those halves directly, puts what it found into [`super::Row::witness`], and plans
    /// these rows again.
    pub fn needs_witness(&self) -> Option<WitnessNeeded> {
        (self.lacks != WitnessNeeded::default()).then_some(self.lacks)
    }

    /// The id in a change of a person that a creation before it in the same step makes: whoever writes puts the new id
    /// in its place.
    pub fn id_to_come() -> ContactId {
        ContactId::from("")
    }
}

/// How many contacts of one book a plan changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SideCounts {
    /// Created.
    pub create: u64,
    /// Updated; a contact that gets several changes, or a picture, counts once.
    pub update: u64,
    /// Deleted.
    pub delete: u64,
}

/// How many contacts a plan changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the provider's book.
    pub provider: SideCounts,
    /// In Pipedrive.
    pub pipedrive: SideCounts,
    /// Steps that wait for a human being.
    pub held: u64,
}

impl Plan {
    /// What it changes, by side.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for step in &self.steps {
            counts.held += u64::from(matches!(step.reason, Reason::Held(_)));
            for (side, of) in [(Side::Provider, &mut counts.provider), (Side::Pipedrive, &mut counts.pipedrive)] {
                // A picture after a creation, or after a patch, belongs to it.
                match step.writes.iter().find(|w| w.side == side).map(|w| &w.change) {
                    Some(Change::Create { .. }) => of.create += 1,
                    Some(Change::Patch { .. }) => of.update += 1,
                    Some(Change::Delete { .. }) => of.delete += 1,
                    None => {}
                }
            }
        }
        counts
    }

    /// How many existing persons it writes that more people see than declared.
    pub fn wider(&self) -> u64 {
        self.steps.iter().filter(|step| step.wider).count() as u64
    }

    /// How many contacts and persons it deletes.
    pub fn deletions(&self) -> u64 {
        self.steps.iter().filter(|step| step.deletes()).count() as u64
    }

    /// The digests that a human being's yes to this plan allows: the steps for whose sake it refused itself, or all that
    /// write where it did not; and the change of scope.
    pub fn allows(&self) -> Vec<Digest> {
        let dangerous = |step: &&Step| {
            if self.refusals.is_empty() { step.writes() } else { self.refusals.iter().any(|r| r.is_about(step)) }
        };
        let change = |refusal: &Refusal| match refusal {
            Refusal::ScopeChanged { change, .. } => Some(change.digest()),
            _ => None,
        };
        let steps = self.steps.iter().filter(dangerous).map(Step::digest);
        steps.chain(self.refusals.iter().filter_map(change)).collect()
    }

    /// A name for the plan: what `carnetd confirm` takes. Changes with the steps it would allow and with its refusals.
    pub fn digest(&self) -> Digest {
        let steps = self.allows().into_iter().fold(Digest::builder(), |b, digest| b.part(&digest.to_string()));
        self.refusals.iter().fold(steps, |b, refusal| b.part(&format!("{refusal:?}"))).finish()
    }
}

//! The decision table (DESIGN §3.2): one row in, one step out.

use super::case::{Case, contact_half, person_half};
use super::input::{ContactNow, PersonNow};
use super::join::Joining;
use super::merge::edited;
use super::sight::{self, ContactView, PersonView};
use super::step::{Reason, Side, Step, Then};
use super::{matching, show};
use crate::account::{Deletes, OnLeaveGroup};
use crate::contact::{Change, Contact, ContactId, Field, Fields, PersonId};
use crate::link::{Cause, ContactHalf, Hold, HoldCause, Link, PersonHalf, State};

const STAYS_DELETED: &str = "the contact changed, but its person was deleted in Pipedrive: it stays deleted";
const OWNER_CHANGED: &str = "the person now belongs to somebody else: the contact is kept, and nothing flows any more";
const DELETES_NEVER: &str = "deletes = \"never\": the other side is kept, and the link sleeps";
const EDIT_DELETED: &str = "the person was edited, but its contact was deleted: the edit is in the history";

/// What a row comes to.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    link: &'a Link,
    half: &'a ContactHalf,
    person_half: &'a PersonHalf,
    contact: ContactView<'a>,
    person: PersonView<'a>,
}

impl<'a> Case<'a> {
    /// Decides the row. `None`: nothing to do, or not now.
    pub(super) fn decide(&self) -> Option<Step> {
        let Some((_, link)) = &self.row.link else { return self.fresh() };
        let (Some(half), Some(person_half)) = (&link.contact, &link.person) else { return self.fresh() };
        let contact = sight::contact(self.row, link, self.claims.moved(Some(half)));
        let person = sight::person(self.row, link);
        if matches!(contact, ContactView::Unknown) || matches!(person, PersonView::Unknown) {
            return None;
        }
        let pair = Pair { link, half, person_half, contact, person };
        let mut step = match &link.state {
            State::Dormant(cause) => self.dormant(pair, *cause),
            State::Held(hold) if self.waits_for_a_look(pair, hold.cause) => {
                let mut step = self.step(Reason::Held(hold.cause), Then::Keep(link.clone()));
                step.lacks.person = true;
                // Where the person is gone after all, the contact is deleted.
                step.lacks.contact = self.two_way() && self.row.witness.contact.is_none();
                Some(step)
            }
            State::Active | State::Held(_) => self.linked(pair),
        }?;
        let absent = matches!(contact, ContactView::Gone { .. });
        let lost = matches!(person, PersonView::Gone { .. } | PersonView::Hidden);
        let deletes = |side| step.writes.iter().any(|w| w.side == side && matches!(w.change, Change::Delete { .. }));
        step.absence = absent || lost;
        step.lacks.contact |= matches!(contact, ContactView::Gone { sure: false })
            || (deletes(Side::Provider) && self.row.witness.contact.is_none());
        step.lacks.person |= matches!(person, PersonView::Gone { sure: false })
            || (deletes(Side::Pipedrive) && self.row.witness.person.is_none());
        Some(step)
    }

    /// Whether only a second look can tell if the person still waits to be seen or has open deals: until then it stays
    /// held, so that the guard does not count it again in every pass.
    fn waits_for_a_look(&self, pair: Pair<'a>, cause: HoldCause) -> bool {
        let silent = match cause {
            HoldCause::GoneOrHidden => matches!(pair.person, PersonView::Gone { .. }),
            HoldCause::OpenDeals => matches!(pair.contact, ContactView::Gone { .. } | ContactView::Outside(_)),
            _ => false,
        };
        silent && self.row.witness.person.is_none() && !self.is_confirmed(pair.link)
    }

    /// A pair that is kept in step, or waits.
    ///
    /// ```text
    /// provider          Pipedrive             one-way                     two-way
    /// deleted           deleted               forget the link             same
    /// deleted, merged   any                   hold                        same
    /// deleted           same                  delete person               same
    /// deleted           changed               delete person               create the contact again
    /// left the group    any                   on_leave_group              same
    /// any               gone, merged          move to the survivor, or hold
    /// same              deleted               dormant                     delete contact
    /// changed           deleted               dormant, said               create the person again
    /// any               somebody else's       updates come in             dormant, said
    /// changed           same                  update                      same
    /// same              changed               nothing                     update
    /// changed           changed               merge                       same
    /// ```
    fn linked(&self, pair: Pair<'a>) -> Option<Step> {
        match (pair.contact, pair.person) {
            (ContactView::Unknown, _) | (_, PersonView::Unknown) => None,
            (ContactView::Gone { .. }, PersonView::Gone { .. }) => Some(self.step(Reason::BothDeleted, Then::Forget)),
            (ContactView::Gone { .. }, PersonView::Hidden) => match self.hold(pair, HoldCause::GoneOrHidden) {
                Wait::Held(step) => step,
                Wait::Allowed => Some(self.step(Reason::BothDeleted, Then::Forget)),
            },
            (ContactView::Gone { .. }, _) => self.contact_deleted(pair),
            (ContactView::Outside(now), _) => self.outside(pair, now),
            (ContactView::Quiet | ContactView::Here(_), PersonView::Gone { .. }) => self.person_gone(pair),
            (ContactView::Quiet | ContactView::Here(_), PersonView::Hidden) => {
                match self.hold(pair, HoldCause::GoneOrHidden) {
                    Wait::Held(step) => step,
                    Wait::Allowed => self.person_gone(pair),
                }
            }
            (ContactView::Quiet | ContactView::Here(_), PersonView::Quiet | PersonView::Here(..)) => self.both(pair),
        }
    }

    /// Both are there.
    fn both(&self, pair: Pair<'a>) -> Option<Step> {
        let (contact, person) = (pair.contact_now(), pair.person_now());
        if self.two_way() && person.is_some_and(|now| now.owner != self.input.owner) {
            let link = pair.asleep(Cause::OwnerChanged);
            return self.keep(Reason::OwnerChanged, link).map(|step| step.saying(OWNER_CHANGED));
        }
        let moved = contact.is_some_and(|now| now.id != pair.half.id);
        let woken = matches!(pair.link.state, State::Dormant(_));
        let reason = match (woken, moved) {
            (true, _) => Some(Reason::Woken),
            (false, true) => Some(Reason::Moved),
            (false, false) => None,
        };
        self.in_step(Joining { reason, ..Joining::of(pair.awake()) }, contact, person)
    }

    /// A complete listing does not hold the contact any more.
    fn contact_deleted(&self, pair: Pair<'a>) -> Option<Step> {
        let merged = matching::contacts_like(self.input, &pair.half.id, &pair.half.seen);
        if !merged.is_empty()
            && let Wait::Held(step) = self.hold_among(pair, HoldCause::ContactMerged, Vec::new(), merged)
        {
            return step;
        }
        let person = pair.person_now();
        let edits = person.map_or(Fields::NONE, |now| edited(&pair.person_half.seen, &now.contact));
        if self.two_way()
            && let Some(now) = person.filter(|_| !edits.is_empty())
            && self.is_owners(now.id, person)
        {
            return self.revive_contact(pair.link, now);
        }
        self.delete_person(pair, Reason::ContactDeleted, Cause::ContactDeleted)
    }

    /// Deletes the person, if everything allows it.
    fn delete_person(&self, pair: Pair<'a>, reason: Reason, cause: Cause) -> Option<Step> {
        let person = pair.person_now();
        let id = pair.person_half.id;
        if self.input.policy.deletes == Deletes::Never {
            return self.keep(Reason::Dormant(cause), pair.asleep(cause)).map(|s| s.saying(DELETES_NEVER));
        }
        if !self.is_owners(id, person) {
            return match self.hold(pair, HoldCause::NotOwners) {
                Wait::Held(step) => step,
                Wait::Allowed => self.keep(Reason::Dormant(cause), pair.asleep(cause)),
            };
        }
        if matching::first_pass(self.input) {
            return None;
        }
        let deals = matches!(pair.person, PersonView::Here(_, Some(deals)) if deals > 0);
        if deals
            && !self.input.policy.delete_with_open_deals
            && let Wait::Held(step) = self.hold(pair, HoldCause::OpenDeals)
        {
            return step;
        }
        let mut step = self.step(reason, Then::Forget).with(Side::Pipedrive, Change::Delete { id: id.into() });
        if let Some(now) = person {
            step.losers = losers(&pair.person_half.seen, &now.contact);
            if !step.losers.is_empty() {
                step = step.saying(EDIT_DELETED);
            }
        }
        Some(step)
    }

    /// The contact is in the book, but not in the group.
    fn outside(&self, pair: Pair<'a>, now: Option<&'a ContactNow>) -> Option<Step> {
        if !pair.half.joined && self.two_way() && !matches!(pair.person, PersonView::Gone { .. } | PersonView::Hidden) {
            return self.not_joined(pair, now);
        }
        if matches!(pair.person, PersonView::Gone { .. }) {
            let link = pair.asleep(Cause::PersonDeleted);
            return self.keep(Reason::Dormant(Cause::PersonDeleted), link);
        }
        match self.input.policy.on_leave_group {
            OnLeaveGroup::Delete if !matches!(pair.person, PersonView::Hidden) => {
                self.delete_person(pair, Reason::LeftGroup, Cause::LeftGroup)
            }
            OnLeaveGroup::Keep | OnLeaveGroup::Delete => self.keep(Reason::LeftGroup, pair.asleep(Cause::LeftGroup)),
        }
    }

    /// A contact that carnetd created has left the group only after it was once seen in it: until then it is joined
    /// again. Whoever writes makes it wait as [`HoldCause::NotJoined`] where the book's answer still shows it outside.
    fn not_joined(&self, pair: Pair<'a>, now: Option<&'a ContactNow>) -> Option<Step> {
        let waits = matches!(&pair.link.state, State::Held(hold) if hold.cause == HoldCause::NotJoined);
        if waits && self.is_confirmed(pair.link) {
            return self.keep(Reason::LeftGroup, pair.asleep(Cause::LeftGroup));
        }
        let now = now.filter(|_| !waits)?;
        let joining = Joining { join_group: true, ..Joining::because(pair.awake(), Reason::JoinedAgain) };
        self.in_step(joining, Some(now), pair.person_now())
    }

    /// The person is gone.
    fn person_gone(&self, pair: Pair<'a>) -> Option<Step> {
        let found = matching::survivors(self.input, pair.person_half.id, &pair.person_half.seen);
        if let [(id, true)] = found.as_slice()
            && let Some(survivor) = self.free_survivor(*id)
        {
            let link = Link {
                base: Contact { unsaid: Fields::ALL, ..Contact::default() }.into(),
                person: Some(person_half(&survivor)),
                ..pair.awake()
            };
            return self.in_step(Joining::because(link, Reason::Survivor), pair.contact_now(), Some(&survivor));
        }
        let persons: Vec<PersonId> = found.into_iter().map(|(id, _)| id).collect();
        if !persons.is_empty()
            && let Wait::Held(step) = self.hold_among(pair, HoldCause::PersonMerged, persons, Vec::new())
        {
            return step;
        }
        self.person_deleted(pair)
    }

    /// A survivor that nobody else has or wants, and that belongs to the owner.
    fn free_survivor(&self, id: PersonId) -> Option<PersonNow> {
        let free = self.input.directory.person_taken(id).is_none() && self.claims.claimants(id) <= 1;
        self.input.directory.person(id).filter(|now| free && now.owner == self.input.owner)
    }

    fn person_deleted(&self, pair: Pair<'a>) -> Option<Step> {
        let contact = pair.contact_now();
        let changed = contact.is_some_and(|now| !edited(&pair.half.seen, &now.contact).is_empty());
        if self.two_way()
            && changed
            && let Some(step) = self.revive_person(pair.link, contact)
        {
            return Some(step);
        }
        let sleep = || self.keep(Reason::PersonDeleted, pair.asleep(Cause::PersonDeleted));
        if !self.two_way() {
            return sleep().map(|step| if changed { step.saying(STAYS_DELETED) } else { step });
        }
        if self.input.policy.deletes == Deletes::Never {
            return sleep().map(|step| step.saying(DELETES_NEVER));
        }
        if matching::first_pass(self.input) {
            return None;
        }
        let id = contact.map_or(&pair.half.id, |now| &now.id).clone();
        Some(self.step(Reason::PersonDeleted, Then::Forget).with(Side::Provider, Change::Delete { id }))
    }

    /// A pair that sleeps. It wakes when the contact is back in the group, when a deleted side is live again, when the
    /// person is the owner's again, or by `confirm`; it is forgotten when both sides are gone.
    fn dormant(&self, pair: Pair<'a>, cause: Cause) -> Option<Step> {
        let confirmed = self.is_confirmed(pair.link);
        let (contact, person) = (pair.contact, pair.person);
        let gone = matches!(contact, ContactView::Gone { .. });
        let lost = matches!(person, PersonView::Gone { .. } | PersonView::Hidden);
        if gone && matches!(person, PersonView::Gone { .. }) {
            return Some(self.step(Reason::BothDeleted, Then::Forget));
        }
        let live = matches!(person, PersonView::Here(..));
        let owners = matches!(person, PersonView::Here(now, _) if now.owner == self.input.owner);
        let wakes = match cause {
            Cause::LeftGroup => matches!(contact, ContactView::Here(_)),
            Cause::ContactDeleted => matches!(contact, ContactView::Here(_) | ContactView::Outside(_)),
            Cause::PersonDeleted => live && !gone,
            Cause::OwnerChanged => (owners || !self.two_way()) && !gone,
        };
        if wakes {
            return self.linked(pair);
        }
        if confirmed {
            match (cause, contact, person) {
                (Cause::PersonDeleted, ContactView::Quiet | ContactView::Here(_), _) => {
                    return self.revive_person(pair.link, pair.contact_now());
                }
                (Cause::ContactDeleted, _, PersonView::Quiet | PersonView::Here(..)) if self.two_way() => {
                    let known = || self.input.directory.person(pair.person_half.id);
                    return self.revive_contact(pair.link, &pair.person_now().cloned().or_else(known)?);
                }
                (Cause::LeftGroup, ContactView::Outside(Some(now)), _) if self.two_way() && !lost => {
                    let joining = Joining { join_group: true, ..Joining::because(pair.awake(), Reason::Woken) };
                    return self.in_step(joining, Some(now), pair.person_now());
                }
                _ => {}
            }
        }
        let cause = match cause {
            Cause::LeftGroup | Cause::OwnerChanged if gone => Cause::ContactDeleted,
            Cause::LeftGroup | Cause::OwnerChanged if lost => Cause::PersonDeleted,
            other => other,
        };
        self.keep(Reason::Dormant(cause), pair.asleep(cause))
    }

    fn hold(&self, pair: Pair<'a>, cause: HoldCause) -> Wait {
        self.hold_among(pair, cause, Vec::new(), Vec::new())
    }

    /// Makes the pair wait, with what was last seen of it, unless a human being has allowed what it waits for.
    fn hold_among(&self, pair: Pair<'a>, cause: HoldCause, persons: Vec<PersonId>, contacts: Vec<ContactId>) -> Wait {
        let link = Link { state: State::Held(Hold { cause, persons, contacts }), ..pair.link.clone() };
        if self.is_confirmed(&link) { Wait::Allowed } else { Wait::Held(self.keep(Reason::Held(cause), link)) }
    }
}

impl<'a> Pair<'a> {
    fn contact_now(self) -> Option<&'a ContactNow> {
        match self.contact {
            ContactView::Here(now) | ContactView::Outside(Some(now)) => Some(now),
            _ => None,
        }
    }

    fn person_now(self) -> Option<&'a PersonNow> {
        match self.person {
            PersonView::Here(now, _) => Some(now),
            _ => None,
        }
    }

    /// The link asleep: where its contact is now is remembered, but not what it says, so that everything that happens
    /// meanwhile counts as a change when it wakes.
    fn asleep(self, cause: Cause) -> Link {
        let mut link = Link { state: State::Dormant(cause), ..self.link.clone() };
        let now = match self.contact {
            ContactView::Here(now) | ContactView::Outside(Some(now)) => Some(now),
            _ => None,
        };
        if let Some(now) = now {
            link.contact = Some(ContactHalf { seen: self.half.seen.clone(), ..contact_half(now, Some(self.half)) });
        }
        link
    }

    fn awake(self) -> Link {
        Link { state: State::Active, ..self.link.clone() }
    }
}

/// Whether a pair waits for a human being or goes on.
enum Wait {
    /// It waits; `None`: as it did.
    Held(Option<Step>),
    /// It was allowed.
    Allowed,
}

/// The edits that a deletion swallows: field and value.
fn losers(seen: &Contact, now: &Contact) -> Vec<(Field, String)> {
    edited(seen, now).iter().map(|field| (field, show::value(now, field))).collect()
}

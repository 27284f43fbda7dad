//! Rows without a link, and halves that wait: new contacts, new persons.

use super::case::{Case, contact_half, contact_is_taken, new_contact, new_person, original, person_half};
use super::input::{ContactNow, ContactSight, PersonNow, PersonSight, Taken};
use super::matching::{self, Match, Own};
use super::step::{Reason, Step, Then};
use crate::account::AccountName;
use crate::contact::{ContactId, PersonId};
use crate::link::{Hold, HoldCause, Link, State};

impl Case<'_> {
    /// ```text
    /// provider   Pipedrive                    one-way            two-way
    /// new        no match                     create person      same
    /// new        one unlinked person          link and merge     same, and fill the provider
    /// new        several, or claimed twice    hold               same
    /// new        a linked person              hold; skip if by another account
    /// not there  new, the owner's, no match   nothing            create contact
    /// not there  new, matches a contact       nothing            unlinked in the group: link and merge; else hold
    /// ```
    pub(super) fn fresh(&self) -> Option<Step> {
        if let (None, ContactSight::Live(contact), PersonSight::Live(person)) =
            (&self.row.link, &self.row.contact, &self.row.person)
        {
            // Our own marker, or a creation of unknown outcome that was found again.
            return self.link_up(contact, person);
        }
        if let Some(now) = new_contact(self.row) {
            return self.new_contact(&now);
        }
        match new_person(self.input, self.row) {
            Some(now) => self.new_person(&now),
            None => self.forget_half(),
        }
    }

    fn new_contact(&self, now: &ContactNow) -> Option<Step> {
        if !now.in_group {
            return self.forget_half();
        }
        if self.claims.is_moved(now) {
            return None;
        }
        match contact_is_taken(self.input, &now.id, self.own()) {
            Some(Taken::Elsewhere(account)) => {
                return Some(self.elsewhere(Reason::LinkedElsewhere(account), Some(&now.id), None));
            }
            Some(Taken::BeingLinked(account)) => return Some(self.being_linked(account, Some(&now.id), None)),
            // It waited, but is linked by now: its pair speaks of it.
            Some(Taken::Linked(_) | Taken::Dormant(_)) if self.own().is_some() => {
                return Some(self.step(Reason::Seen, Then::Forget));
            }
            Some(_) => return None,
            None => {}
        }
        let wait_for = |cause, persons, contacts| {
            let old = self.row.link.as_ref().and_then(|(_, link)| link.contact.as_ref());
            let state = State::Held(Hold { cause, persons, contacts });
            self.hold_half(Link::half(state, Some(contact_half(now, old)), None))
        };
        if let Some(double) = original(self.input, now, Own::of(self.row)) {
            return match wait_for(HoldCause::SameIdentity, Vec::new(), vec![double]) {
                Wait::Held(step) => step,
                Wait::Apart => self.create_person(now),
            };
        }
        let outcome = match matching::person_for(self.input, now, Own::of(self.row), &self.claims.waiting) {
            Match::None => Wait::Apart,
            Match::Elsewhere(account) => {
                return Some(self.elsewhere(Reason::LinkedElsewhere(account), Some(&now.id), None));
            }
            Match::BeingLinked(account) => return Some(self.being_linked(account, Some(&now.id), None)),
            Match::Hold(cause, persons) => wait_for(cause, persons, Vec::new()),
            Match::One(id) => {
                let rivals = self.rivals_for(now, id);
                if self.claims.claimants(id) > 1 || rivals.len() > 1 {
                    wait_for(HoldCause::ClaimedTwice, vec![id], rivals)
                } else {
                    let absorbs = match self.input.directory.person_taken(id) {
                        Some(Taken::Held(link)) if self.own() != Some(link) => Some(link),
                        _ => None,
                    };
                    return self.link_up(now, &self.input.directory.person(id)?).map(|step| Step { absorbs, ..step });
                }
            }
        };
        match outcome {
            Wait::Held(step) => step,
            Wait::Apart => self.create_person(now),
        }
    }

    fn new_person(&self, now: &PersonNow) -> Option<Step> {
        if self.claims.wants(now.id) {
            return None;
        }
        if let Some(Taken::BeingLinked(account)) = self.input.directory.person_taken(now.id) {
            return Some(self.being_linked(account, None, Some(now.id)));
        }
        let wait_for = |cause, persons, contacts| {
            let state = State::Held(Hold { cause, persons, contacts });
            self.hold_half(Link::half(state, None, Some(person_half(now))))
        };
        let outcome = match matching::contact_for(self.input, now, Own::of(self.row)) {
            Match::None => Wait::Apart,
            Match::Elsewhere(account) => {
                return Some(self.elsewhere(Reason::LinkedElsewhere(account), None, Some(now.id)));
            }
            Match::BeingLinked(account) => return Some(self.being_linked(account, None, Some(now.id))),
            Match::Hold(cause, contacts) => wait_for(cause, Vec::new(), contacts),
            Match::One(id) => {
                if let Some(account) = self.claims.left_for(&id) {
                    return Some(self.being_linked(account.clone(), None, Some(now.id)));
                }
                let contact = self.input.directory.contact(&id)?;
                let suitors = self.suitors_for(now, &id);
                if !contact.in_group {
                    wait_for(HoldCause::OutsideGroup, Vec::new(), vec![id])
                } else if suitors.len() > 1 {
                    wait_for(HoldCause::ClaimedTwice, suitors, vec![id])
                } else if self.claims.is_fresh(&id) || self.claims.is_moved(&contact) {
                    // It is new as well, and found somebody else or nobody; or it is linked, and moved just now.
                    wait_for(HoldCause::MatchesLinked, Vec::new(), vec![id])
                } else {
                    return self.link_up(&contact, now);
                }
            }
        };
        match outcome {
            Wait::Held(step) => step,
            Wait::Apart => Some(self.create_contact(now)),
        }
    }

    /// The contacts that claim `person`, this one among them: new ones of this pass, and those that waited beside it and
    /// still match.
    fn rivals_for(&self, now: &ContactNow, person: PersonId) -> Vec<ContactId> {
        let mut rivals = self.claims.rivals(person).to_vec();
        for id in self.old_hold().map_or(&[][..], |hold| &hold.contacts) {
            let taken = self.input.directory.contact_taken(id);
            let link = if let Some(Taken::Held(link)) = taken { Some(link) } else { None };
            let waits = *id != now.id && (taken.is_none() || link.is_some());
            if let Some(other) = self.input.directory.contact(id).filter(|c| waits && c.in_group) {
                match matching::person_for(self.input, &other, Own::held(link), &self.claims.waiting) {
                    Match::One(id) if id == person => rivals.push(other.id),
                    Match::Hold(_, persons) if persons.contains(&person) => rivals.push(other.id),
                    _ => {}
                }
            }
        }
        rivals.push(now.id.clone());
        rivals.sort();
        rivals.dedup();
        rivals
    }

    /// The persons that claim `contact`, likewise.
    fn suitors_for(&self, now: &PersonNow, contact: &ContactId) -> Vec<PersonId> {
        let mut suitors = self.claims.suitors(contact).to_vec();
        for id in self.old_hold().map_or(&[][..], |hold| &hold.persons) {
            let taken = self.input.directory.person_taken(*id);
            let link = if let Some(Taken::Held(link)) = taken { Some(link) } else { None };
            let waits = *id != now.id && (taken.is_none() || link.is_some());
            if let Some(other) = self.input.directory.person(*id).filter(|_| waits) {
                match matching::contact_for(self.input, &other, Own::held(link)) {
                    Match::One(id) if id == *contact => suitors.push(other.id),
                    Match::Hold(_, contacts) if contacts.contains(contact) => suitors.push(other.id),
                    _ => {}
                }
            }
        }
        suitors.push(now.id);
        suitors.sort();
        suitors.dedup();
        suitors
    }

    fn old_hold(&self) -> Option<&Hold> {
        match &self.row.link.as_ref()?.1.state {
            State::Held(hold) => Some(hold),
            _ => None,
        }
    }

    /// Waits, unless a human being has said that it is nobody else: of exactly this, or of the same candidates or more.
    fn hold_half(&self, mut link: Link) -> Wait {
        if self.is_confirmed(&link) {
            return Wait::Apart;
        }
        if let (Some((_, old)), Some(hold), State::Held(new)) = (&self.row.link, self.old_hold(), &link.state) {
            let within = new.persons.iter().all(|p| hold.persons.contains(p))
                && new.contacts.iter().all(|c| hold.contacts.contains(c));
            if within && self.is_confirmed(old) {
                return Wait::Apart;
            }
            if within && hold.cause == new.cause && hold.persons.len() == new.persons.len() {
                link.state = old.state.clone();
            }
        }
        let cause = match &link.state {
            State::Held(hold) => hold.cause,
            State::Active | State::Dormant(_) => return Wait::Apart,
        };
        Wait::Held(self.keep(Reason::Held(cause), link))
    }

    /// A half that waited has nothing to wait for any more.
    fn forget_half(&self) -> Option<Step> {
        let (_, link) = self.row.link.as_ref()?;
        let reason = if link.contact.is_some() { Reason::ContactDeleted } else { Reason::PersonDeleted };
        let left = matches!(&self.row.contact, ContactSight::Live(_)) && link.contact.is_some();
        let reason = if left { Reason::LeftGroup } else { reason };
        match (&self.row.contact, &self.row.person) {
            (ContactSight::Quiet, PersonSight::Quiet) => None,
            _ => Some(self.step(reason, Then::Forget)),
        }
    }

    /// Nothing is decided of it before the other account is done; what waited goes on waiting.
    fn being_linked(&self, account: AccountName, contact: Option<&ContactId>, person: Option<PersonId>) -> Step {
        Step { contact: contact.cloned(), person, ..self.step(Reason::BeingLinked(account), Then::Nothing) }
    }

    fn elsewhere(&self, reason: Reason, contact: Option<&ContactId>, person: Option<PersonId>) -> Step {
        let then = if self.own().is_some() { Then::Forget } else { Then::Nothing };
        Step { contact: contact.cloned(), person, ..self.step(reason, then) }
    }
}

/// Whether something new waits for a human being or is created beside what it resembles.
enum Wait {
    /// It waits; `None`: as it did.
    Held(Option<Step>),
    /// It is somebody else.
    Apart,
}

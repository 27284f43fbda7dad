//! The steps that bring two halves together: a merge, a creation, a creation again.

use super::case::{Case, contact_half, person_half};
use super::input::{ContactNow, PersonNow, Taken};
use super::merge::{Book, Merged, edited, merge};
use super::step::{Reason, Side, Step, Then};
use crate::contact::{Capability, Change, Contact, ContactId, Field, FieldChange, Fields};
use crate::link::{Cause, Chosen, Link, LinkId, State};

const SOMEBODY_ELSES: &str = "the person belongs to somebody else: nothing of it flows out, and the link sleeps";
const CREATED_AGAIN: &str =
    "it was created again from what was last seen of it; what carnetd does not sync is in the history, not in it";

/// How a pair is brought in step.
pub(super) struct Joining {
    /// The link before, with its halves.
    pub link: Link,
    /// The reason, where it is not simply what changed.
    pub reason: Option<Reason>,
    /// Whether the contact joins the group as well.
    pub join_group: bool,
    /// Said beside it.
    pub said: Option<&'static str>,
}

impl Joining {
    pub(super) fn of(link: Link) -> Self {
        Self { link, reason: None, join_group: false, said: None }
    }

    pub(super) fn because(link: Link, reason: Reason) -> Self {
        Self { reason: Some(reason), ..Self::of(link) }
    }
}

impl Case<'_> {
    /// Brings a link with both halves in step; a half that is `None` is as last seen. `None` where there is nothing to
    /// do at all.
    pub(super) fn in_step(
        &self,
        joining: Joining,
        contact: Option<&ContactNow>,
        person: Option<&PersonNow>,
    ) -> Option<Step> {
        let Joining { mut link, reason, join_group, said } = joining;
        let (old_contact, old_person) = (link.contact.clone()?, link.person.clone()?);
        let provider = Book {
            seen: &old_contact.seen,
            now: contact.map_or(&old_contact.seen, |n| &n.contact),
            changed_at: contact.and_then(|n| n.changed_at),
        };
        let pipedrive = Book {
            seen: &old_person.seen,
            now: person.map_or(&old_person.seen, |n| &n.contact),
            changed_at: person.and_then(|n| n.changed_at),
        };
        let outward = self.two_way() && self.is_owners(old_person.id, person);
        let merged = merge(self.terms(outward), &link.base, link.chosen, provider, pipedrive);
        let changed =
            (!edited(provider.seen, provider.now).is_empty(), !edited(pipedrive.seen, pipedrive.now).is_empty());
        link.base = merged.base.into();
        link.chosen = merged.chosen;
        if let Some(now) = contact {
            link.contact = Some(contact_half(now, Some(&old_contact)));
        }
        if let Some(now) = person {
            link.person = Some(person_half(now));
        }
        let contact_id = link.contact_id().cloned()?;
        let person_id = ContactId::from(link.person_id()?);
        let photo = self.photo(&mut link, provider.now, pipedrive.now);
        let mut to_provider = merged.to_provider;
        if join_group {
            to_provider.push(FieldChange::JoinGroup);
        }
        let same = self.row.link.as_ref().is_some_and(|(_, old)| **old == link);
        let idle = to_provider.is_empty() && merged.to_person.is_empty() && photo.is_none();
        if same && idle && said.is_none() {
            return None;
        }
        let reason = reason.unwrap_or(match changed {
            _ if idle => Reason::Seen,
            (true, true) => Reason::BothChanged,
            (true, false) => Reason::ContactChanged,
            (false, true) => Reason::PersonChanged,
            (false, false) => Reason::NewlySaid,
        });
        let mut step = self.step(reason, Then::Keep(Box::new(link)));
        if !to_provider.is_empty() {
            step = step.with(Side::Provider, Change::Patch { id: contact_id, fields: to_provider });
        }
        if !merged.to_person.is_empty() {
            step = step.with(Side::Pipedrive, Change::Patch { id: person_id.clone(), fields: merged.to_person });
        }
        if let Some(photo) = photo {
            step = step.with(Side::Pipedrive, Change::Patch { id: person_id, fields: vec![photo] });
        }
        step.wider = step.writes.iter().any(|w| w.side == Side::Pipedrive) && self.is_wider(old_person.id, person);
        step.losers = merged.losers;
        step.said = merged.said;
        step.said.extend(said);
        step.absorbs = contact.filter(|now| now.id != old_contact.id).and_then(|now| self.copy_that_waits(&now.id));
        Some(step)
    }

    /// What waits under the id to which a contact moved: its copy, which is the contact itself now.
    fn copy_that_waits(&self, id: &ContactId) -> Option<LinkId> {
        match self.input.directory.contact_taken(id) {
            Some(Taken::Held(link)) if self.own() != Some(link) => Some(link),
            _ => None,
        }
    }

    /// Two unlinked halves are the same human being.
    pub(super) fn link_up(&self, contact: &ContactNow, person: &PersonNow) -> Option<Step> {
        let old = self.row.link.as_ref().and_then(|(_, link)| link.contact.as_ref());
        let mut link = Link::half(State::Active, Some(contact_half(contact, old)), Some(person_half(person)));
        let foreign = self.two_way() && person.owner != self.input.owner;
        if foreign {
            link.state = State::Dormant(Cause::OwnerChanged);
        }
        let said = foreign.then_some(SOMEBODY_ELSES);
        let joining = Joining { link, reason: Some(Reason::Matched), join_group: false, said };
        self.in_step(joining, Some(contact), Some(person))
    }

    /// A person is created from a contact.
    pub(super) fn create_person(&self, now: &ContactNow) -> Option<Step> {
        let empty = nothing(self.input.pipedrive);
        let unsaid = Contact { unsaid: Fields::ALL, ..Contact::default() };
        let provider = Book { seen: &now.contact, now: &now.contact, changed_at: None };
        let person = Book { seen: &empty, now: &empty, changed_at: None };
        let merged = merge(self.terms(false), &unsaid, Chosen::NotYet, provider, person);
        let old = self.row.link.as_ref().and_then(|(_, link)| link.contact.as_ref());
        let link = Link::half(State::Active, Some(contact_half(now, old)), None);
        let step = self.person_creation(Reason::NewContact, link, &empty, merged);
        if step.is_some() {
            return step;
        }
        let then = if self.own().is_some() { Then::Forget } else { Then::Nothing };
        Some(Step { contact: Some(now.id.clone()), ..self.step(Reason::Nameless, then) })
    }

    /// A contact is created from a person.
    pub(super) fn create_contact(&self, now: &PersonNow) -> Step {
        let empty = nothing(self.input.provider);
        let unsaid = Contact { unsaid: Fields::ALL, ..Contact::default() };
        let provider = Book { seen: &empty, now: &empty, changed_at: None };
        let person = Book { seen: &now.contact, now: &now.contact, changed_at: None };
        let merged = merge(self.terms(true), &unsaid, Chosen::NotYet, provider, person);
        let link = Link::half(State::Active, None, Some(person_half(now)));
        self.contact_creation(Reason::NewPerson, link, &empty, merged)
    }

    /// The contact was deleted but its person was edited: the contact is created again.
    pub(super) fn revive_contact(&self, link: &Link, now: &PersonNow) -> Option<Step> {
        let (contact, person) = (link.contact.as_ref()?, link.person.as_ref()?);
        let provider = Book { seen: &contact.seen, now: &contact.seen, changed_at: None };
        let pipedrive = Book { seen: &person.seen, now: &now.contact, changed_at: None };
        let merged = merge(self.terms(true), &link.base, link.chosen, provider, pipedrive);
        let half = Link { state: State::Active, contact: None, person: Some(person_half(now)), ..link.clone() };
        // A field that could not be said before goes the other way.
        let fields = merged.to_person.clone();
        let mut step = self.contact_creation(Reason::ContactRevived, half, &contact.seen, merged);
        if !fields.is_empty() {
            step = step.with(Side::Pipedrive, Change::Patch { id: now.id.into(), fields });
            step.wider = now.wider;
        }
        Some(step.saying(CREATED_AGAIN))
    }

    /// The person was deleted but its contact was edited, or somebody asked for it: the person is created again.
    pub(super) fn revive_person(&self, link: &Link, now: Option<&ContactNow>) -> Option<Step> {
        let (contact, person) = (link.contact.as_ref()?, link.person.as_ref()?);
        let wanted = now.map_or(&contact.seen, |n| &n.contact);
        let provider = Book { seen: &contact.seen, now: wanted, changed_at: None };
        let pipedrive = Book { seen: &person.seen, now: &person.seen, changed_at: None };
        let merged = merge(self.terms(self.two_way()), &link.base, link.chosen, provider, pipedrive);
        // What had no room in the provider's book may have some now.
        let fields = merged.to_provider.clone();
        let half = now.map_or_else(|| contact.clone(), |n| contact_half(n, Some(contact)));
        let id = half.id.clone();
        let link = Link { state: State::Active, contact: Some(half), person: None, photo: None, ..link.clone() };
        let mut step = self.person_creation(Reason::PersonRevived, link, &person.seen, merged)?;
        if !fields.is_empty() {
            step = step.with(Side::Provider, Change::Patch { id, fields });
        }
        Some(step.saying(CREATED_AGAIN))
    }

    /// `None` for a person without a name, which Pipedrive does not know.
    fn person_creation(&self, reason: Reason, mut link: Link, from: &Contact, merged: Merged) -> Option<Step> {
        let person = created(from, &merged.to_person, self.input.pipedrive);
        if person.name.is_empty() {
            return None;
        }
        let source = link.contact.as_ref().map(|half| half.seen.clone()).unwrap_or_default();
        let photo = self.photo(&mut link, &source, &person);
        link.base = merged.base.into();
        link.chosen = merged.chosen;
        let create = Change::Create { contact: Box::new(person), chosen: None };
        let mut step = self.step(reason, Then::Keep(Box::new(link))).with(Side::Pipedrive, create);
        step.person = None;
        if let Some(photo) = photo {
            step = step.with(Side::Pipedrive, Change::Patch { id: Step::id_to_come(), fields: vec![photo] });
        }
        step.losers = merged.losers;
        step.said = merged.said;
        Some(step)
    }

    fn contact_creation(&self, reason: Reason, mut link: Link, from: &Contact, merged: Merged) -> Step {
        let contact = created(from, &merged.to_provider, self.input.provider);
        link.base = merged.base.into();
        link.chosen = merged.chosen;
        let create = Change::Create { contact: Box::new(contact), chosen: None };
        let mut step = self.step(reason, Then::Keep(Box::new(link))).with(Side::Provider, create);
        step.contact = None;
        step.losers = merged.losers;
        step.said = merged.said;
        step
    }

    /// The picture goes over one-way, once per source, and only where the person shows none.
    fn photo(&self, link: &mut Link, provider: &Contact, person: &Contact) -> Option<FieldChange> {
        let source = provider.photo.as_ref().filter(|_| provider.says(Field::Photo))?;
        let room = person.says(Field::Photo) && person.photo.is_none();
        let held = self.input.pipedrive.fields.contains(Field::Photo);
        if self.two_way() || !room || !held || link.photo.as_ref() == Some(source) {
            return None;
        }
        link.photo = Some(source.clone());
        Some(FieldChange::Photo { source: source.clone() })
    }

    fn is_wider(&self, id: crate::contact::PersonId, now: Option<&PersonNow>) -> bool {
        now.map_or_else(|| self.input.directory.person(id).is_some_and(|n| n.wider), |n| n.wider)
    }
}

/// What a book holds of somebody who is not in it.
fn nothing(capability: &Capability) -> Contact {
    Contact { unsaid: capability.fields.complement(), ..Contact::default() }
}

/// The contact to be created: `from` with its changes, fitted to what the book can hold. Pictures are no part of it.
fn created(from: &Contact, changes: &[FieldChange], capability: &Capability) -> Contact {
    let mut contact = from.clone();
    for change in changes {
        change.apply(&mut contact);
    }
    contact.photo = None;
    capability.project(&contact, from)
}

//! One row while it is being decided, and what the rows of one pass claim from each other.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::hold::hold_digest;
use super::input::{ContactNow, ContactSight, Input, PersonNow, PersonSight, Row, Taken};
use super::matching::{self, Match, Own};
use super::merge::Terms;
use super::step::{Reason, Side, Step, Then, WitnessNeeded, Write};
use crate::account::{AccountName, Direction};
use crate::contact::{Change, ContactId, PersonId};
use crate::link::{ContactHalf, Link, LinkId, PersonHalf, State};

/// One row while it is being decided.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub input: &'a Input<'a>,
    pub claims: &'a Claims<'a>,
    pub row: &'a Row,
}

/// What the rows of one pass say of each other.
#[derive(Default)]
pub(super) struct Claims<'a> {
    /// New contacts by the person they match.
    persons: BTreeMap<PersonId, Vec<ContactId>>,
    /// Links whose person is gone, by the survivor they would move to.
    survivors: BTreeMap<PersonId, Vec<LinkId>>,
    /// New persons by the contact they match.
    contacts: BTreeMap<ContactId, Vec<PersonId>>,
    /// Persons among whom a new contact waits to choose.
    candidates: BTreeSet<PersonId>,
    /// New contacts of this pass.
    fresh: BTreeSet<ContactId>,
    /// New contacts that are a known one in another place, by stable identity.
    moved: BTreeMap<&'a str, &'a ContactNow>,
    /// New contacts that wait for another account.
    left: BTreeMap<ContactId, AccountName>,
    /// Stable identities of contacts that a listing calls gone.
    gone: BTreeSet<&'a str>,
    /// Persons that wait by themselves, and of which nobody has said that they are somebody else.
    pub waiting: BTreeMap<PersonId, LinkId>,
}

impl<'a> Claims<'a> {
    /// Collects what every row claims. Looks at the rows alone, never at all links.
    pub(super) fn of(input: &'a Input<'a>) -> Self {
        let mut claims = Self::default();
        for row in input.rows {
            let half = row.link.as_ref().and_then(|(_, link)| link.contact.as_ref());
            if let (ContactSight::Gone, Some(stable)) = (&row.contact, half.and_then(|h| h.stable.as_deref())) {
                claims.gone.insert(stable);
            }
            if let Some((id, link)) = &row.link {
                let half = link.person.as_ref().filter(|_| link.contact.is_none());
                if let Some(half) = half.filter(|_| matches!(link.state, State::Held(_)))
                    && hold_digest(link).is_none_or(|digest| !input.confirmed.contains(&digest))
                {
                    claims.waiting.insert(half.id, *id);
                }
            }
        }
        for row in input.rows {
            claims.add(input, row);
        }
        claims
    }

    fn add(&mut self, input: &'a Input<'a>, row: &'a Row) {
        let own = row.link.as_ref().map(|(id, _)| *id);
        if let (None, ContactSight::Live(contact), PersonSight::Live(person)) = (&row.link, &row.contact, &row.person) {
            self.persons.entry(person.id).or_default().push(contact.id.clone());
        } else if let Some(now) = new_contact(row) {
            if let Cow::Borrowed(now) = now
                && let Some(stable) = now.stable.as_deref().filter(|s| may_be_moved(row) && self.gone.contains(s))
            {
                self.moved.insert(stable, now);
                return;
            }
            if !now.in_group || contact_is_taken(input, &now.id, own).is_some() {
                return;
            }
            self.fresh.insert(now.id.clone());
            if original(input, &now, Own::of(row)).is_some() {
                return;
            }
            match matching::person_for(input, &now, Own::of(row), &self.waiting) {
                Match::One(person) => self.persons.entry(person).or_default().push(now.id.clone()),
                Match::Hold(_, persons) => self.candidates.extend(persons),
                Match::BeingLinked(account) => drop(self.left.insert(now.id.clone(), account)),
                Match::None | Match::Elsewhere(_) => {}
            }
        } else if let Some(now) = new_person(input, row) {
            if let Some(Taken::BeingLinked(_)) = input.directory.person_taken(now.id) {
                return;
            }
            if let Match::One(contact) = matching::contact_for(input, &now, Own::of(row)) {
                self.contacts.entry(contact).or_default().push(now.id);
            }
        } else if let (Some((id, link)), PersonSight::Gone) = (&row.link, &row.person)
            && let Some(half) = &link.person
            && let [(survivor, _)] = matching::survivors(input, half.id, &half.seen).as_slice()
        {
            self.survivors.entry(*survivor).or_default().push(*id);
        }
    }

    /// The other new contacts that claim `person`.
    pub(super) fn rivals(&self, person: PersonId) -> &[ContactId] {
        self.persons.get(&person).map_or(&[], Vec::as_slice)
    }

    /// How many links and new contacts want `person`.
    pub(super) fn claimants(&self, person: PersonId) -> usize {
        self.rivals(person).len() + self.survivors.get(&person).map_or(0, Vec::len)
    }

    /// The new persons that claim `contact`.
    pub(super) fn suitors(&self, contact: &ContactId) -> &[PersonId] {
        self.contacts.get(contact).map_or(&[], Vec::as_slice)
    }

    /// Whether a new contact, or a link whose person is gone, wants `person` or waits to choose it.
    pub(super) fn wants(&self, person: PersonId) -> bool {
        self.claimants(person) > 0 || self.candidates.contains(&person)
    }

    /// Whether `contact` is new in this pass.
    pub(super) fn is_fresh(&self, contact: &ContactId) -> bool {
        self.fresh.contains(contact)
    }

    /// The account that has to be done before `contact`, which is new, can be decided.
    pub(super) fn left_for(&self, contact: &ContactId) -> Option<&AccountName> {
        self.left.get(contact)
    }

    /// Where a contact that a listing calls gone is now.
    pub(super) fn moved(&self, half: Option<&ContactHalf>) -> Option<&'a ContactNow> {
        half.and_then(|h| h.stable.as_deref()).and_then(|stable| self.moved.get(stable)).copied()
    }

    /// Whether a new contact is a known one that moved: its link's row speaks of it.
    pub(super) fn is_moved(&self, now: &ContactNow) -> bool {
        now.stable.as_deref().and_then(|stable| self.moved.get(stable)).is_some_and(|m| m.id == now.id)
    }
}

impl<'a> Case<'a> {
    pub(super) fn two_way(&self) -> bool {
        self.input.policy.direction == Direction::TwoWay
    }

    pub(super) fn terms(&self, outward: bool) -> Terms<'a> {
        let Input { policy, provider, pipedrive, .. } = *self.input;
        Terms { policy, provider, pipedrive, outward }
    }

    /// The link's id, where there is one.
    pub(super) fn own(&self) -> Option<LinkId> {
        self.row.link.as_ref().map(|(id, _)| *id)
    }

    /// Whether a person belongs to the account's owner, as far as known; unknown counts as yes, because then the second
    /// look tells.
    pub(super) fn is_owners(&self, id: PersonId, now: Option<&PersonNow>) -> bool {
        let owner = now.map(|n| n.owner).or_else(|| self.input.directory.person(id).map(|n| n.owner));
        owner.is_none_or(|owner| owner == self.input.owner)
    }

    /// A step without writes.
    pub(super) fn step(&self, reason: Reason, then: Then) -> Step {
        let link = self.row.link.as_ref().map(|(_, link)| &**link);
        let kept = if let Then::Keep(link) = &then { Some(&**link) } else { None };
        let contact = kept.and_then(Link::contact_id).or_else(|| link.and_then(Link::contact_id)).cloned();
        let person = kept.and_then(Link::person_id).or_else(|| link.and_then(Link::person_id));
        Step {
            link: self.own(),
            contact,
            person,
            reason,
            writes: Vec::new(),
            then,
            absorbs: None,
            losers: Vec::new(),
            said: Vec::new(),
            lacks: WitnessNeeded::default(),
            absence: false,
            wider: false,
        }
    }

    /// A step that only keeps `link`; `None` where that is what is kept already.
    pub(super) fn keep(&self, reason: Reason, link: Link) -> Option<Step> {
        let same = self.row.link.as_ref().is_some_and(|(_, old)| **old == link);
        (!same).then(|| self.step(reason, Then::Keep(Box::new(link))))
    }

    /// Whether a human being has allowed what `link`, held or dormant, stands for.
    pub(super) fn is_confirmed(&self, link: &Link) -> bool {
        hold_digest(link).is_some_and(|digest| self.input.confirmed.contains(&digest))
    }
}

impl Step {
    pub(super) fn with(mut self, side: Side, change: Change) -> Self {
        // Most steps write once, and a first import has as many steps as the book has contacts.
        self.writes.reserve_exact(1);
        self.writes.push(Write { side, change });
        self
    }

    pub(super) fn saying(mut self, said: &'static str) -> Self {
        self.said.push(said);
        self
    }
}

/// The contact of a row that has no person: new, or one that waits. `None` for every other row.
pub(super) fn new_contact(row: &Row) -> Option<Cow<'_, ContactNow>> {
    let half = match row.link.as_ref().map(|(_, link)| &**link) {
        None => None,
        Some(Link { contact: Some(half), person: None, state: State::Held(_) | State::Active, .. }) => Some(half),
        Some(_) => return None,
    };
    match (&row.contact, half) {
        (ContactSight::Live(_), None) if matches!(row.person, PersonSight::Live(_)) => None,
        (ContactSight::Live(now), _) => Some(Cow::Borrowed(now)),
        (ContactSight::Quiet, Some(half)) => Some(Cow::Owned(ContactNow {
            id: half.id.clone(),
            stable: half.stable.clone(),
            revision: half.revision.clone(),
            contact: half.seen.clone(),
            in_group: true,
            changed_at: None,
        })),
        _ => None,
    }
}

/// The person of a row that has no contact, if the account lets it flow out: new, or one that waits, here or for another
/// account.
pub(super) fn new_person<'a>(input: &Input<'_>, row: &'a Row) -> Option<Cow<'a, PersonNow>> {
    let half = match row.link.as_ref().map(|(_, link)| &**link) {
        None => None,
        Some(Link { contact: None, person: Some(half), state: State::Held(_) | State::Active, .. }) => Some(half),
        Some(_) => return None,
    };
    let now = match (&row.person, half) {
        (PersonSight::Live(_), None) if matches!(row.contact, ContactSight::Live(_)) => return None,
        (PersonSight::Live(now), _) => Cow::Borrowed(&**now),
        (PersonSight::Quiet, Some(half)) => {
            let now = input.directory.person(half.id)?;
            Cow::Owned(PersonNow { contact: half.seen.clone(), ..now })
        }
        _ => return None,
    };
    let own = row.link.as_ref().map(|(id, _)| *id);
    let flows = input.policy.direction == Direction::TwoWay && input.policy.new_persons && now.owner == input.owner;
    let taken = |taken: Taken| !is_own(&taken, own) && !matches!(taken, Taken::BeingLinked(_));
    let taken = input.directory.person_taken(now.id).is_some_and(taken);
    (flows && !taken).then_some(now)
}

/// Whose half a contact already is, other than this row's.
pub(super) fn contact_is_taken(input: &Input<'_>, id: &ContactId, own: Option<LinkId>) -> Option<Taken> {
    input.directory.contact_taken(id).filter(|taken| !is_own(taken, own))
}

/// The contact of which a new one is a copy: of those that bear one stable identity, the linked one or else the first is
/// the original, and at most that one gets a person.
pub(super) fn original(input: &Input<'_>, now: &ContactNow, own: Own) -> Option<ContactId> {
    let double = input.directory.contact_double(&now.id).filter(|_| !own.is_decided())?;
    let known = !matches!(input.directory.contact_taken(&double), None | Some(Taken::Held(_)));
    (known || double < now.id).then_some(double)
}

/// Whether a contact without a person may be a known one in another place: also one that waited as its copy.
fn may_be_moved(row: &Row) -> bool {
    row.link.as_ref().is_none_or(|(_, link)| matches!(link.state, State::Held(_)))
}

fn is_own(taken: &Taken, own: Option<LinkId>) -> bool {
    match taken {
        // Something that waits itself may also be a candidate of another one that waits: that does not silence it.
        Taken::Held(_) => own.is_some(),
        Taken::Linked(link) | Taken::Dormant(link) => own == Some(*link),
        Taken::Elsewhere(_) | Taken::BeingLinked(_) => false,
    }
}

/// A contact half as it is seen now.
pub(super) fn contact_half(now: &ContactNow, old: Option<&ContactHalf>) -> ContactHalf {
    ContactHalf {
        id: now.id.clone(),
        stable: now.stable.clone().or_else(|| old.and_then(|h| h.stable.clone())),
        revision: now.revision.clone(),
        seen: now.contact.clone(),
        joined: now.in_group || old.is_some_and(|h| h.joined),
    }
}

/// A person half as it is seen now.
pub(super) fn person_half(now: &PersonNow) -> PersonHalf {
    PersonHalf { id: now.id, seen: now.contact.clone() }
}

//! A model of both books, of what is linked, and of a pass: small, slow and obvious.

use std::collections::{BTreeMap, BTreeSet};

use crate::account::{AccountName, Direction, Policy, Visibility};
use crate::contact::{
    Address, AddressPart, Capability, Change, Contact, ContactId, Digest, Element, Field, FieldChange, Fields, Name,
    PersonId, Revision, UserId,
};
use crate::link::{ContactHalf, Hold, HoldCause, Link, LinkId, PersonHalf, State};
use crate::plan::{
    ContactNow, ContactSight, ContactWitness, Directory, Input, Ledger, PersonNow, PersonSight, PersonWitness, Plan,
    Row, Side, Step, Taken, Then, Witness, follow, plan,
};

pub(super) const OWNER: UserId = UserId(1);
pub(super) const COLLEAGUE: UserId = UserId(2);

/// A contact in the provider's book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    pub contact: Contact,
    pub stable: String,
    pub in_group: bool,
    pub revision: u64,
    pub changed_at: Option<i64>,
}

/// A person in Pipedrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Human {
    pub contact: Contact,
    pub owner: UserId,
    pub deals: u64,
    pub wider: bool,
    pub hidden: bool,
    pub changed_at: Option<i64>,
}

/// Whether a contact that is created in the group is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Groups {
    /// At once.
    Prompt,
    /// Once it is joined again.
    Forgetful,
    /// Never.
    Stubborn,
}

/// Both books and what is remembered of them.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub policy: Policy,
    pub provider: Capability,
    pub pipedrive: Capability,
    pub cards: BTreeMap<ContactId, Card>,
    pub humans: BTreeMap<PersonId, Human>,
    pub links: BTreeMap<LinkId, Link>,
    pub elsewhere: BTreeMap<PersonId, AccountName>,
    /// Who is about to create a person with this address.
    pub making: BTreeMap<String, AccountName>,
    pub ledger: Ledger,
    pub confirmed: BTreeSet<Digest>,
    /// Losers of conflicts, and the records that were deleted.
    pub history: Vec<String>,
    pub deleted: u64,
    /// What the provider's book does with a contact created in the group.
    pub groups: Groups,
    next: u64,
}

impl World {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            policy: Policy::new(direction, Visibility::Company),
            provider: Capability::EVERYTHING,
            pipedrive: Capability { name_parts: false, addresses: 1, notes_chars: 40, ..Capability::EVERYTHING },
            cards: BTreeMap::new(),
            humans: BTreeMap::new(),
            links: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            making: BTreeMap::new(),
            ledger: Ledger { links: 1000, company_links: 1000, group: 1000, ..Ledger::default() },
            confirmed: BTreeSet::new(),
            history: Vec::new(),
            deleted: 0,
            groups: Groups::Prompt,
            next: 1,
        }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn card(&mut self, contact: Contact) -> ContactId {
        let n = self.next();
        let id = ContactId::from(format!("c{n:04}"));
        let card = Card { contact, stable: format!("uid{n}"), in_group: true, revision: n, changed_at: None };
        self.cards.insert(id.clone(), card);
        id
    }

    /// A person, who has a name as all do in Pipedrive.
    pub(super) fn human(&mut self, mut contact: Contact) -> PersonId {
        contact.name = Name { display: contact.shown_name(), ..Name::default() };
        let id = PersonId(self.next());
        let human = Human { contact, owner: OWNER, deals: 0, wider: false, hidden: false, changed_at: None };
        self.humans.insert(id, human);
        id
    }

    /// Both halves of somebody, linked and in step.
    pub(super) fn pair(&mut self, contact: Contact) -> (ContactId, PersonId, LinkId) {
        let (card, human) = (self.card(contact.clone()), self.human(contact.clone()));
        let id = LinkId(self.next());
        let now = self.contact_now(&card).expect("it");
        let half = ContactHalf {
            id: card.clone(),
            stable: now.stable,
            revision: now.revision,
            seen: now.contact,
            joined: true,
        };
        let seen = self.person_now(human).expect("it").contact;
        let mut link = Link::half(State::Active, Some(half), Some(PersonHalf { id: human, seen }));
        link.chosen = follow(link.chosen, &[], &contact.addresses);
        let mut base = contact;
        base.unsaid.set(Field::Photo, true);
        link.base = base.into();
        self.links.insert(id, link);
        (card, human, id)
    }

    /// Edits a contact as a human being does.
    pub(super) fn edit_card(&mut self, id: &ContactId, edit: impl FnOnce(&mut Contact)) {
        let revision = self.next();
        let card = self.cards.get_mut(id).expect("a known card");
        edit(&mut card.contact);
        card.revision = revision;
    }

    pub(super) fn edit_human(&mut self, id: PersonId, edit: impl FnOnce(&mut Contact)) {
        edit(&mut self.humans.get_mut(&id).expect("a known person").contact);
    }

    fn contact_now(&self, id: &ContactId) -> Option<ContactNow> {
        let card = self.cards.get(id)?;
        Some(ContactNow {
            id: id.clone(),
            stable: Some(card.stable.clone()),
            revision: Revision::from(card.revision.to_string()),
            contact: card.contact.clone().into(),
            in_group: card.in_group,
            changed_at: card.changed_at,
        })
    }

    fn person_now(&self, id: PersonId) -> Option<PersonNow> {
        let human = self.humans.get(&id).filter(|h| !h.hidden)?;
        Some(PersonNow {
            id,
            contact: self.as_pipedrive_says(&human.contact).into(),
            owner: human.owner,
            wider: human.wider,
            changed_at: human.changed_at,
        })
    }

    /// A field that Pipedrive does not have (contact-sync fields that nobody switched on) is unsaid.
    fn as_pipedrive_says(&self, contact: &Contact) -> Contact {
        let nothing = Contact { unsaid: Fields::ALL, ..Contact::default() };
        let mut said = contact.clone();
        self.pipedrive.fields.complement().iter().for_each(|field| said.take(&nothing, field));
        said
    }

    /// What a pass sees. `everything`: also what is as it was (a full listing).
    pub(super) fn observe(&self, everything: bool) -> Vec<Row> {
        let mut rows: Vec<Row> =
            self.links.iter().map(|(id, link)| self.row(*id, link, everything)).filter(said).collect();
        let linked = |id: &ContactId| self.links.values().any(|l| l.contact_id() == Some(id));
        for id in self.cards.keys().filter(|id| !linked(id)) {
            let now = self.contact_now(id).expect("listed");
            rows.push(row(None, ContactSight::Live(Box::new(now)), PersonSight::Quiet));
        }
        let linked = |id: PersonId| self.links.values().any(|l| l.person_id() == Some(id));
        for id in self.humans.keys().filter(|id| !linked(**id)) {
            if let Some(now) = self.person_now(*id) {
                rows.push(row(None, ContactSight::Quiet, PersonSight::Live(Box::new(now))));
            }
        }
        rows
    }

    /// Of what sleeps or waits, whatever is there is said, changed or not.
    fn row(&self, id: LinkId, link: &Link, everything: bool) -> Row {
        let everything = everything || !link.is_active() || link.contact.as_ref().is_some_and(|half| !half.joined);
        let contact = link.contact.as_ref().map_or(ContactSight::Quiet, |half| match self.contact_now(&half.id) {
            None => ContactSight::Gone,
            Some(now) if everything || now.revision != half.revision || now.in_group != half.joined => {
                ContactSight::Live(Box::new(now))
            }
            Some(_) => ContactSight::Quiet,
        });
        let person = link.person.as_ref().map_or(PersonSight::Quiet, |half| match self.person_now(half.id) {
            None => PersonSight::Gone,
            Some(now) if everything || now.contact != half.seen || now.owner != OWNER => {
                PersonSight::Live(Box::new(now))
            }
            Some(_) => PersonSight::Quiet,
        });
        row(Some((id, link.clone())), contact, person)
    }

    pub(super) fn plan(&self, rows: &[Row]) -> Plan {
        let account = AccountName::new("alice").expect("a name");
        plan(&Input {
            account: &account,
            policy: &self.policy,
            owner: OWNER,
            provider: &self.provider,
            pipedrive: &self.pipedrive,
            rows,
            directory: self,
            ledger: self.ledger.clone(),
            confirmed: &self.confirmed,
        })
    }

    /// What a direct read finds.
    pub(super) fn witness(&self, row: &Row, step: &Step) -> Witness {
        let needed = step.needs_witness().unwrap_or_default();
        let (_, link) = row.link.as_ref().expect("only links need a second look");
        let contact = needed.contact.then(|| {
            let half = link.contact.as_ref().expect("a contact");
            let stable = half.stable.as_deref();
            let place = self.cards.iter().find(|(id, c)| **id == half.id || Some(c.stable.as_str()) == stable);
            place
                .and_then(|(id, _)| self.contact_now(id))
                .map_or(ContactWitness::Gone, |now| ContactWitness::Found(Box::new(now)))
        });
        let person = needed.person.then(|| {
            let id = link.person_id().expect("a person");
            match (self.humans.get(&id), self.person_now(id)) {
                (Some(human), Some(now)) => PersonWitness::Found { now: Box::new(now), open_deals: human.deals },
                (Some(_), None) => PersonWitness::NotFoundUnproven,
                (None, _) => PersonWitness::Deleted,
            }
        });
        Witness { contact, person }
    }

    /// A pass: observe, plan, guard, look again, plan again, apply. The steps that were carried out, or the refusal.
    pub(super) fn pass(&mut self, everything: bool, mut carried_out: impl FnMut(&Step) -> bool) -> (Vec<Step>, Plan) {
        let mut rows = self.observe(everything);
        let first = self.plan(&rows);
        let mut done = Vec::new();
        if !first.refusals.is_empty() {
            return (done, first);
        }
        for step in first.steps.iter().filter(|step| step.needs_witness().is_some()) {
            let row = rows.iter_mut().find(|r| step.link.is_some() && own(r) == step.link).expect("its row");
            row.witness = self.witness(row, step);
        }
        let second = self.plan(&rows);
        if !second.refusals.is_empty() {
            return (done, second);
        }
        for step in &second.steps {
            assert_eq!(step.needs_witness(), None, "one look is enough: {}, after {first:#?}", told(step));
            if carried_out(step) {
                self.apply(step);
                done.push(step.clone());
            }
        }
        (done, second)
    }

    /// Writes a step as the books would, and records it.
    pub(super) fn apply(&mut self, step: &Step) {
        let mut link = match &step.then {
            Then::Keep(link) => Some((**link).clone()),
            Then::Forget | Then::Nothing => None,
        };
        self.history.extend(step.losers.iter().map(|(_, value)| value.clone()));
        let mut created = None;
        for write in &step.writes {
            match write.side {
                Side::Provider => self.write_provider(&write.change, link.as_mut()),
                Side::Pipedrive => self.write_pipedrive(&write.change, link.as_mut(), &mut created),
            }
        }
        if let Some(id) = step.absorbs {
            self.links.remove(&id).expect("something that waited");
        }
        match (link, step.link) {
            (Some(link), Some(id)) => drop(self.links.insert(id, link)),
            (Some(link), None) => {
                let id = LinkId(self.next());
                self.links.insert(id, link);
            }
            (None, Some(id)) if step.then == Then::Forget => drop(self.links.remove(&id)),
            (None, _) => {}
        }
    }

    fn write_provider(&mut self, change: &Change, link: Option<&mut Link>) {
        let revision = self.next();
        let mut asked = false;
        let id = match change {
            Change::Delete { id } => {
                self.deleted += 1;
                let card = self.cards.remove(id).expect("a card to delete");
                self.history.push(format!("{card:?}"));
                return;
            }
            Change::Create { contact, .. } => {
                let id = ContactId::from(format!("c{revision:04}"));
                let contact = provider_rewrites(contact, &self.provider);
                let card = Card {
                    contact,
                    stable: format!("uid{revision}"),
                    in_group: self.groups == Groups::Prompt,
                    revision,
                    changed_at: None,
                };
                self.cards.insert(id.clone(), card);
                id
            }
            Change::Patch { id, fields } => {
                assert!(!fields.is_empty(), "a patch changes something");
                let card = self.cards.get_mut(id).expect("a card to patch");
                asked = fields.contains(&FieldChange::JoinGroup);
                card.in_group |= asked && self.groups != Groups::Stubborn;
                let after = change.applied_to(&card.contact).expect("a patch");
                card.contact = provider_rewrites(&after, &self.provider);
                card.revision = revision;
                id.clone()
            }
        };
        let link = link.expect("what is written is linked");
        let expected = match (&link.contact, change) {
            (Some(half), _) => change.applied_to(&half.seen),
            (None, change) => change.applied_to(&Contact::default()),
        };
        let now = self.contact_now(&id).expect("written");
        link.chosen = follow(link.chosen, &expected.expect("no deletion").addresses, &now.contact.addresses);
        let joined = now.in_group || link.contact.as_ref().is_some_and(|h| h.joined);
        link.contact = Some(ContactHalf { id, stable: now.stable, revision: now.revision, seen: now.contact, joined });
        if asked && !joined {
            let hold = Hold { cause: HoldCause::NotJoined, persons: Vec::new(), contacts: Vec::new() };
            link.state = State::Held(hold);
        }
    }

    fn write_pipedrive(&mut self, change: &Change, link: Option<&mut Link>, created: &mut Option<PersonId>) {
        let id = match change {
            Change::Delete { id } => {
                self.deleted += 1;
                let human = self.humans.remove(&PersonId::parse(id).expect("a person's id")).expect("to delete");
                assert_eq!(human.owner, OWNER, "only the owner's persons are ever deleted");
                self.history.push(format!("{human:?}"));
                return;
            }
            Change::Create { contact, .. } => {
                assert!(!contact.name.is_empty(), "Pipedrive knows no person without a name");
                let id = self.human(pipedrive_rewrites(contact));
                *created = Some(id);
                id
            }
            Change::Patch { id, fields } => {
                assert!(!fields.is_empty(), "a patch changes something");
                let id = if *id == Step::id_to_come() {
                    created.expect("created before")
                } else {
                    PersonId::parse(id).expect("a person's id")
                };
                let human = self.humans.get_mut(&id).expect("a person to patch");
                human.contact = pipedrive_rewrites(&change.applied_to(&human.contact).expect("a patch"));
                id
            }
        };
        let seen = self.as_pipedrive_says(&self.humans[&id].contact);
        link.expect("what is written is linked").person = Some(PersonHalf { id, seen: seen.into() });
    }

    /// The only plan, and its only step.
    pub(super) fn only_step(&self) -> Step {
        let plan = self.plan(&self.observe(false));
        let [step] = plan.steps.as_slice() else { panic!("one step: {:#?}", plan.steps) };
        step.clone()
    }

    /// Passes until nothing is left to do.
    pub(super) fn settle(&mut self) {
        for _ in 0..6 {
            let (done, plan) = self.pass(false, |_| true);
            assert_eq!(plan.refusals, [], "not refused");
            if done.iter().all(|s| s.then == Then::Nothing) {
                self.assert_idle(false);
                self.assert_idle(true);
                return;
            }
        }
        let steps = self.plan(&self.observe(false)).steps;
        panic!("does not converge: {:#?}", steps.iter().map(told).collect::<Vec<_>>());
    }

    /// Nothing is written, whether the books list what changed or everything.
    pub(super) fn assert_idle(&self, everything: bool) {
        let (done, _) = self.clone().pass(everything, |_| true);
        let writing: Vec<String> = done.iter().filter(|s| s.writes()).map(told).collect();
        assert!(writing.is_empty(), "idle costs nothing (everything: {everything}): {writing:#?}");
    }
}

/// A step in short.
pub(super) fn told(step: &Step) -> String {
    let lines: Vec<String> = step.lines().iter().map(ToString::to_string).collect();
    format!("{:?} {:?} {:?}: {:?} {lines:?} {:?}", step.link, step.contact, step.person, step.reason, step.said)
}

pub(super) fn own(row: &Row) -> Option<LinkId> {
    row.link.as_ref().map(|(id, _)| *id)
}

pub(super) fn row(link: Option<(LinkId, Link)>, contact: ContactSight, person: PersonSight) -> Row {
    let link = link.map(|(id, link)| (id, Box::new(link)));
    Row { link, contact, person, witness: Witness::default() }
}

/// Whether a pass would look at it: something was said, or it waits (and this is a refresh).
fn said(row: &Row) -> bool {
    let held = row.link.as_ref().is_some_and(|(_, link)| matches!(link.state, State::Held(_) | State::Dormant(_)));
    held || row.contact != ContactSight::Quiet || row.person != PersonSight::Quiet
}

/// The provider writes labels its own way, and refuses what is too much.
fn provider_rewrites(contact: &Contact, capability: &Capability) -> Contact {
    let mut now = contact.clone();
    for field in Field::ELEMENTS {
        if let Some(list) = now.elements_mut(field) {
            list.truncate(capability.limit(field));
            for element in list.iter_mut().filter(|_| field != Field::Ims) {
                element.label = element.label.as_ref().map(|l| l.to_uppercase());
            }
        }
    }
    now.addresses.truncate(capability.addresses);
    now
}

/// Pipedrive drops what it has no part for, and spells countries its own way.
fn pipedrive_rewrites(contact: &Contact) -> Contact {
    let mut now = contact.clone();
    for address in &mut now.addresses {
        address.set(AddressPart::PoBox, None);
        let country = address.part(AddressPart::Country).map(str::to_uppercase);
        address.set(AddressPart::Country, country.as_deref());
    }
    for element in &mut now.emails {
        element.label = element.label.take().or_else(|| Some("work".into()));
    }
    now
}

impl Directory for World {
    fn persons_with_email(&self, key: &str) -> Vec<PersonId> {
        self.persons_where(|c| c.emails.iter().any(|e| e.key == key))
    }
    fn persons_with_phone(&self, key: &str) -> Vec<PersonId> {
        self.persons_where(|c| c.phones.iter().any(|e| e.key == key))
    }
    fn persons_named(&self, name: &Name) -> Vec<PersonId> {
        self.persons_where(|c| c.name.equal_words(name))
    }
    fn person(&self, id: PersonId) -> Option<PersonNow> {
        self.person_now(id)
    }
    fn person_taken(&self, id: PersonId) -> Option<Taken> {
        if let Some(account) = self.elsewhere.get(&id) {
            return Some(Taken::Elsewhere(account.clone()));
        }
        self.taken(|l| l.person_id() == Some(id), |h| h.persons.contains(&id))
    }
    fn contacts_with_email(&self, key: &str) -> Vec<ContactId> {
        self.contacts_where(|c| c.emails.iter().any(|e| e.key == key))
    }
    fn contacts_with_phone(&self, key: &str) -> Vec<ContactId> {
        self.contacts_where(|c| c.phones.iter().any(|e| e.key == key))
    }
    fn contacts_named(&self, name: &Name) -> Vec<ContactId> {
        self.contacts_where(|c| c.name.equal_words(name))
    }
    fn contact(&self, id: &ContactId) -> Option<ContactNow> {
        self.contact_now(id)
    }
    fn contact_taken(&self, id: &ContactId) -> Option<Taken> {
        self.taken(|l| l.contact_id() == Some(id), |h| h.contacts.contains(id))
    }
    fn being_linked(&self, contact: &Contact) -> Option<AccountName> {
        contact.emails.iter().find_map(|email| self.making.get(&email.key)).cloned()
    }
    fn contact_double(&self, id: &ContactId) -> Option<ContactId> {
        let stable = &self.cards.get(id)?.stable;
        self.cards
            .iter()
            .find(|(other, card)| *other != id && card.in_group && card.stable == *stable)
            .map(|(o, _)| o.clone())
    }
}

impl World {
    fn persons_where(&self, is: impl Fn(&Contact) -> bool) -> Vec<PersonId> {
        let found = self.humans.iter().filter(|(_, h)| !h.hidden && h.owner == OWNER && is(&h.contact));
        found.map(|(id, _)| *id).collect()
    }

    fn contacts_where(&self, is: impl Fn(&Contact) -> bool) -> Vec<ContactId> {
        self.cards.iter().filter(|(_, c)| is(&c.contact)).map(|(id, _)| id.clone()).collect()
    }

    fn taken(&self, half: impl Fn(&Link) -> bool, candidate: impl Fn(&Hold) -> bool) -> Option<Taken> {
        let whose = |(id, link): (&LinkId, &Link)| match &link.state {
            State::Active if half(link) => Some(Taken::Linked(*id)),
            State::Held(_) if half(link) && link.contact.is_some() && link.person.is_some() => Some(Taken::Linked(*id)),
            State::Dormant(_) if half(link) => Some(Taken::Dormant(*id)),
            _ => None,
        };
        let waits = |(id, link): (&LinkId, &Link)| {
            (matches!(link.state, State::Held(_)) && half(link)).then_some(Taken::Held(*id))
        };
        let candidate = |(id, link): (&LinkId, &Link)| match &link.state {
            State::Held(hold) if candidate(hold) => Some(Taken::Held(*id)),
            _ => None,
        };
        let links = || self.links.iter();
        links().find_map(whose).or_else(|| links().find_map(waits)).or_else(|| links().find_map(candidate))
    }
}

/// A contact in one line: `Anna Weber; anna@x; +33 1; note`.
pub(super) fn contact(text: &str) -> Contact {
    let mut parts = text.split(';').map(str::trim);
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (name, emails, phones, notes) = (next(), next(), next(), next());
    Contact {
        name: Name::display(&name),
        emails: emails.split(' ').filter_map(Element::email).collect(),
        phones: phones.split(',').filter_map(|p| Element::phone(p, None)).collect(),
        notes: Some(notes).filter(|n| !n.is_empty()),
        ..Contact::default()
    }
}

pub(super) fn address(city: &str) -> Address {
    Address::default().with(AddressPart::City, city).with(AddressPart::Country, "France")
}

//! Random worlds: both books edited at random, passes between, and what must hold in the end.
//!
//! One world again: `CARNETD_SEED=N cargo test --lib plan::tests::worlds`.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use fastrand::Rng;

use super::kit::{COLLEAGUE, Groups, OWNER, World, address, told};
use crate::account::{Conflict, Deletes, Direction, OnLeaveGroup};
use crate::contact::{AddressPart, Birthday, Contact, ContactId, Element, Field, Fields, Name, PersonId};
use crate::link::{LinkId, State};
use crate::plan::{Refusal, Step, Then};

const WORLDS: u64 = 10_000;

#[test]
fn ten_thousand_random_worlds() {
    let one = std::env::var("CARNETD_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let mut tally = Tally::default();
    for seed in one.map_or(0..WORLDS, |seed| seed..seed + 1) {
        let run = catch_unwind(AssertUnwindSafe(|| Story::new(seed, one.is_some()).run()));
        match run {
            Ok(story) => tally.add(&story),
            Err(panic) => {
                eprintln!("again with: CARNETD_SEED={seed} cargo test --lib plan::tests::worlds");
                resume_unwind(panic);
            }
        }
    }
    if one.is_none() {
        tally.assert_worth();
    }
}

/// How much happened: worlds in which nothing happens prove nothing.
#[derive(Default)]
struct Tally {
    steps: usize,
    refused: usize,
    reasons: BTreeSet<String>,
}

impl Tally {
    fn add(&mut self, story: &Story) {
        self.steps += story.steps.len();
        self.refused += story.refused;
        self.reasons.extend(story.steps.iter().map(|s| format!("{:?}", s.reason)));
    }

    fn assert_worth(&self) {
        assert!(self.steps > 50_000, "{} steps", self.steps);
        assert!(self.refused > 50, "{} refused plans", self.refused);
        for reason in [
            "NewContact",
            "NewPerson",
            "Matched",
            "ContactChanged",
            "PersonChanged",
            "BothChanged",
            "NewlySaid",
            "ContactDeleted",
            "PersonDeleted",
            "BothDeleted",
            "ContactRevived",
            "PersonRevived",
            "Moved",
            "LeftGroup",
            "JoinedAgain",
            "Survivor",
            "OwnerChanged",
            "Woken",
            "Held(SeveralMatches)",
            "Held(ClaimedTwice)",
            "Held(MatchesLinked)",
            "Held(OutsideGroup)",
            "Held(NamesDiffer)",
            "Held(NameAlone)",
            "Held(ContactMerged)",
            "Held(PersonMerged)",
            "Held(GoneOrHidden)",
            "Held(OpenDeals)",
            "Held(NotOwners)",
            "Dormant(PersonDeleted)",
            "Dormant(ContactDeleted)",
        ] {
            assert!(self.reasons.contains(reason), "no world came to {reason}: {:?}", self.reasons);
        }
    }
}

struct Story {
    world: World,
    rng: Rng,
    /// What human beings have put in and nobody has taken out.
    alive: BTreeSet<u64>,
    steps: Vec<Step>,
    refused: usize,
    /// Tells what every pass does: when one world is replayed.
    trace: bool,
}

impl Story {
    fn new(seed: u64, trace: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let direction = if rng.bool() { Direction::OneWay } else { Direction::TwoWay };
        let mut world = World::new(direction);
        let policy = &mut world.policy;
        policy.conflict = choose(&mut rng, &[Conflict::Provider, Conflict::Pipedrive, Conflict::Newest]);
        policy.deletes = if rng.u8(..5) == 0 { Deletes::Never } else { Deletes::Propagate };
        policy.on_leave_group = if rng.u8(..3) == 0 { OnLeaveGroup::Delete } else { OnLeaveGroup::Keep };
        policy.delete_with_open_deals = rng.u8(..4) == 0;
        if rng.u8(..4) == 0 {
            world.provider.emails = 2;
            world.provider.phones = 1;
            world.provider.addresses = 1;
        }
        if rng.u8(..6) == 0 {
            world.pipedrive.fields = Fields::ALL.without(Field::Notes).without(Field::Addresses);
        }
        world.groups = choose(&mut rng, &[Groups::Prompt, Groups::Prompt, Groups::Forgetful, Groups::Stubborn]);
        Self { world, rng, alive: BTreeSet::new(), steps: Vec::new(), refused: 0, trace }
    }

    fn run(mut self) -> Self {
        let births = if self.rng.u8(..10) == 0 { 9 } else { self.rng.usize(1..5) };
        for _ in 0..births {
            self.birth();
        }
        self.world.ledger.first_pass = true;
        self.settle();
        self.world.ledger.first_pass = false;
        for _ in 0..self.rng.usize(1..4) {
            for _ in 0..self.rng.usize(1..6) {
                self.happen();
            }
            if births == 9 && self.rng.u8(..3) == 0 {
                self.catastrophe();
            }
            if self.rng.u8(..4) == 0 {
                // A pass that is cut short: the rest is for later.
                self.pass(|rng, _| rng.bool());
            }
            self.settle();
        }
        self
    }

    /// Passes until nothing is left to do, or the plan refuses itself.
    fn settle(&mut self) {
        for round in 0.. {
            let steps = || self.world.plan(&self.world.observe(false)).steps;
            assert!(round < 8, "does not converge: {:#?}", steps().iter().map(told).collect::<Vec<_>>());
            match self.pass(|_, _| true) {
                None => return,
                Some(0) => break,
                Some(_) => {}
            }
        }
        self.world.assert_idle(self.rng.bool());
        self.assert_agreed();
    }

    /// How many steps did anything; `None` where the plan refused itself.
    fn pass(&mut self, carried_out: impl Fn(&mut Rng, &Step) -> bool) -> Option<usize> {
        let everything = self.rng.bool();
        let links = self.world.links.values().filter(|l| l.is_active()).count() as u64;
        self.world.ledger.links = links;
        self.world.ledger.company_links = links;
        let cards = self.world.cards.clone();
        let deleted = self.world.deleted;
        let mut rng = self.rng.fork();
        let (done, plan) = self.world.pass(everything, |step| carried_out(&mut rng, step));
        if self.trace {
            eprintln!("pass: {:#?} {:?}", done.iter().map(told).collect::<Vec<_>>(), plan.refusals);
        }
        let confirmed = !self.world.confirmed.is_empty();
        if self.world.policy.direction == Direction::OneWay {
            assert_eq!(cards, self.world.cards, "one-way never writes the provider's book");
        }
        let deleted = self.world.deleted - deleted;
        let allowed = (links / 4).max(3);
        assert!(deleted <= allowed || confirmed, "{deleted} deletions of {links} links are too many");
        assert!(deleted == 0 || !self.world.ledger.first_pass, "a first pass never deletes");
        self.assert_nothing_lost();
        self.assert_unique();
        self.steps.extend(done.iter().cloned());
        if plan.refusals.is_empty() {
            return Some(done.iter().filter(|s| s.then != Then::Nothing).count());
        }
        self.refused += 1;
        assert!(plan.refusals.iter().all(|r| matches!(r, Refusal::Deletions { .. } | Refusal::Empties { .. })));
        if self.rng.bool() {
            self.world.confirmed.extend(plan.allows());
            let again = self.world.plan(&self.world.observe(everything));
            assert_eq!(again.refusals, [], "confirmed");
            return Some(1);
        }
        None
    }

    fn assert_nothing_lost(&self) {
        let mut books = self.world.history.join(" ");
        self.world.cards.values().for_each(|card| books.push_str(&values(&card.contact)));
        self.world.humans.values().for_each(|human| books.push_str(&values(&human.contact)));
        for token in &self.alive {
            assert!(books.contains(&format!("<{token}>")), "<{token}> is lost");
        }
    }

    /// A contact, and a person, is the half of one link only.
    fn assert_unique(&self) {
        let mut contacts = BTreeSet::new();
        let mut persons = BTreeSet::new();
        for link in self.world.links.values() {
            assert!(link.contact_id().is_none_or(|id| contacts.insert(id)), "{:?} is linked twice", link.contact_id());
            assert!(link.person_id().is_none_or(|id| persons.insert(id)), "{:?} is linked twice", link.person_id());
        }
    }

    /// Where both sides can hold it, they hold the same (two-way).
    fn assert_agreed(&self) {
        let two_way = self.world.policy.direction == Direction::TwoWay;
        for (id, link) in self.world.links.iter().filter(|(_, l)| two_way && l.state == State::Active) {
            let (contact, person) = (link.contact.as_ref().expect("both"), link.person.as_ref().expect("both"));
            let Some(card) = self.world.cards.get(&contact.id) else { continue };
            let human = &self.world.humans[&person.id];
            for field in self.world.pipedrive.fields.iter() {
                self.assert_field_agreed(*id, field, &card.contact, &human.contact);
            }
        }
    }

    fn assert_field_agreed(&self, id: LinkId, field: Field, card: &Contact, human: &Contact) {
        let full = card.elements(field).len() >= self.world.provider.limit(field);
        let same = match field {
            // Nobody's name: what it was derived from may be gone since.
            Field::Name if card.name.is_empty() => true,
            Field::Name => card.shown_name() == human.name.shown() || human.name.same(&card.name),
            Field::Emails | Field::Phones | Field::Ims if full => {
                card.elements(field).iter().all(|e| human.elements(field).iter().any(|h| h.same(e)))
            }
            Field::Notes if card.notes.as_ref().is_some_and(|n| n.len() > self.world.pipedrive.notes_chars) => true,
            Field::Addresses | Field::Photo => true,
            _ => super::super::merge::same(card, human, field),
        };
        assert!(same, "link {id}: {field} differs:\n{card:#?}\n{human:#?}");
    }

    // What human beings do.

    fn happen(&mut self) {
        match self.rng.u8(..24) {
            0..2 => self.birth(),
            2..8 => self.edit_card(),
            8..14 => self.edit_human(),
            14 | 15 => self.delete_card(),
            16 => self.delete_human(),
            17 => self.move_card(),
            18 => self.regroup(),
            19 => self.change_owner(),
            20 => self.merge_humans(),
            21 => self.merge_cards(),
            22 => self.trouble(),
            _ => {
                self.edit_card();
                self.edit_human();
            }
        }
    }

    fn token(&mut self) -> u64 {
        let token = self.world.next();
        self.alive.insert(token);
        token
    }

    fn email(&mut self) -> Element {
        let token = self.token();
        let label = choose(&mut self.rng, &[None, Some("work"), Some("home")]);
        Element::email(&format!("e<{token}>@x")).expect("not empty").with_label(label)
    }

    fn phone(&mut self) -> Element {
        let token = self.token();
        Element::phone(&format!("+49 30 {token} <{token}>"), None).expect("not empty")
    }

    fn contact(&mut self) -> Contact {
        let names = ["Anna Weber", "Bob Weber", "Eva Lang", "Anna Lang", "Jo Kim"];
        let mut contact = Contact { name: Name::display(choose(&mut self.rng, &names)), ..Contact::default() };
        if self.rng.u8(..8) == 0 {
            contact.name = Name::default();
        }
        for _ in 0..self.rng.u8(..3) {
            let email = self.email();
            contact.emails.push(email);
        }
        if self.rng.bool() {
            let phone = self.phone();
            contact.phones.push(phone);
        }
        if contact.name.is_empty() && contact.emails.is_empty() {
            contact.name = Name::display("Solo");
        }
        for _ in 0..self.rng.u8(..4) {
            self.edit(&mut contact);
        }
        contact
    }

    /// Somebody new on one side, or on both.
    fn birth(&mut self) {
        let contact = self.contact();
        match self.rng.u8(..8) {
            0..4 => {
                let fitted = self.fitting(&contact);
                self.bury(&values(&contact), &values(&fitted));
                self.world.card(fitted);
            }
            4 | 5 => {
                self.world.human(contact);
            }
            _ => {
                let mut twin = contact.clone();
                for _ in 0..self.rng.u8(..3) {
                    self.edit(&mut twin);
                }
                self.world.card(self.fitting(&contact));
                self.world.human(twin);
                if self.rng.u8(..3) == 0 {
                    let again = self.world.cards.values().last().expect("one").contact.clone();
                    if self.rng.bool() {
                        self.world.card(again);
                    } else {
                        self.world.human(again);
                    }
                }
            }
        }
    }

    fn fitting(&self, contact: &Contact) -> Contact {
        self.world.provider.project(contact, contact)
    }

    /// One edit of one field.
    fn edit(&mut self, contact: &mut Contact) {
        let token = self.token();
        let text = Some(format!("<{token}>")).filter(|_| self.rng.u8(..5) > 0);
        let before = values(contact);
        match self.rng.u8(..16) {
            0..3 => self.edit_elements(contact, Field::Emails),
            3..6 => self.edit_elements(contact, Field::Phones),
            6 => contact.organization = text,
            7 | 8 => contact.notes = text,
            9 => contact.notes = Some(format!("<{token}> {}", "long ".repeat(12))),
            10 => contact.job_title = text,
            11 => contact.birthday = Birthday::new(Some(1980), self.rng.u8(1..13), 1),
            12 => {
                let names = ["Anna Weber", "Anna Weber-Lang", "Bob Weber", "Eva Lang", "weber anna", "Weber, Anna"];
                contact.name = Name::display(choose(&mut self.rng, &names));
            }
            13 => contact.addresses.clear(),
            14 => contact.addresses.push(address(&format!("<{token}>"))),
            _ => {
                if let Some(address) = contact.addresses.last_mut() {
                    address.set(AddressPart::City, Some(&format!("<{token}>")));
                }
            }
        }
        self.bury(&before, &values(contact));
    }

    fn edit_elements(&mut self, contact: &mut Contact, field: Field) {
        let new = if field == Field::Emails { self.email() } else { self.phone() };
        let list = contact.elements_mut(field).expect("elements");
        let at = if list.is_empty() { 0 } else { self.rng.usize(..list.len()) };
        match self.rng.u8(..4) {
            0 if !list.is_empty() => drop(list.remove(at)),
            1 if !list.is_empty() => list[at] = new.with_label(list[at].label.clone().as_deref()),
            2 if !list.is_empty() => {
                list[at].preferred = true;
                list.rotate_left(1);
            }
            _ => list.push(new),
        }
    }

    /// What an edit took out is nobody's loss.
    fn bury(&mut self, before: &str, after: &str) {
        self.alive.retain(|token| {
            let mark = format!("<{token}>");
            after.contains(&mark) || !before.contains(&mark)
        });
        let newest: Vec<u64> = self.alive.iter().rev().take(2).copied().collect();
        for token in newest {
            let mark = format!("<{token}>");
            if !after.contains(&mark) && !before.contains(&mark) {
                self.alive.remove(&token);
            }
        }
    }

    fn some_card(&mut self) -> Option<ContactId> {
        let ids: Vec<ContactId> = self.world.cards.keys().cloned().collect();
        (!ids.is_empty()).then(|| choose(&mut self.rng, &ids))
    }

    fn some_human(&mut self) -> Option<PersonId> {
        let ids: Vec<PersonId> = self.world.humans.keys().copied().collect();
        (!ids.is_empty()).then(|| choose(&mut self.rng, &ids))
    }

    fn edit_card(&mut self) {
        let Some(id) = self.some_card() else { return };
        let before = self.world.cards[&id].contact.clone();
        let mut after = before.clone();
        self.edit(&mut after);
        let fitted = self.fitting(&after);
        self.bury(&values(&after), &values(&fitted));
        self.world.edit_card(&id, |c| *c = fitted);
        let at = self.rng.i64(0..1_000_000);
        self.world.cards.get_mut(&id).expect("it").changed_at = Some(at);
    }

    fn edit_human(&mut self) {
        let Some(id) = self.some_human() else { return };
        let mut after = self.world.humans[&id].contact.clone();
        self.edit(&mut after);
        if after.addresses.len() > 1 || after.notes.as_ref().is_some_and(|n| n.len() > 40) {
            let mut less = after.clone();
            less.addresses.truncate(1);
            less.notes = less.notes.filter(|n| n.len() <= 40);
            self.bury(&values(&after), &values(&less));
            after = less;
        }
        self.world.edit_human(id, |c| *c = after);
        self.world.humans.get_mut(&id).expect("it").changed_at = Some(self.rng.i64(0..1_000_000));
    }

    fn delete_card(&mut self) {
        let Some(id) = self.some_card() else { return };
        let card = self.world.cards.remove(&id).expect("it");
        self.bury(&values(&card.contact), "");
    }

    fn delete_human(&mut self) {
        let Some(id) = self.some_human() else { return };
        let human = self.world.humans.remove(&id).expect("it");
        self.bury(&values(&human.contact), "");
        if self.rng.u8(..4) == 0 && self.world.humans.len() < 4 {
            // Deleted and restored later: the same id is live again.
            self.pass(|_, _| true);
            self.world.humans.insert(id, human);
        }
    }

    /// Most of one side vanishes.
    fn catastrophe(&mut self) {
        let cards = self.rng.bool();
        for _ in 0..6 {
            if cards { self.delete_card() } else { self.delete_human() }
        }
    }

    fn move_card(&mut self) {
        let Some(id) = self.some_card() else { return };
        let card = self.world.cards.remove(&id).expect("it");
        let new = ContactId::from(format!("m{:04}", self.world.next()));
        self.world.cards.insert(new, card);
    }

    fn regroup(&mut self) {
        let Some(id) = self.some_card() else { return };
        let revision = self.world.next();
        let card = self.world.cards.get_mut(&id).expect("it");
        card.in_group = !card.in_group;
        card.revision = revision;
    }

    fn change_owner(&mut self) {
        let Some(id) = self.some_human() else { return };
        let human = self.world.humans.get_mut(&id).expect("it");
        human.owner = if human.owner == OWNER { COLLEAGUE } else { OWNER };
    }

    fn merge_humans(&mut self) {
        let (Some(gone), Some(stays)) = (self.some_human(), self.some_human()) else { return };
        if gone != stays {
            let gone = self.world.humans.remove(&gone).expect("it");
            self.world.edit_human(stays, |c| {
                c.emails.extend(gone.contact.emails.iter().cloned());
                c.phones.extend(gone.contact.phones.iter().cloned());
            });
            self.bury(&values(&gone.contact), &values(&self.world.humans[&stays].contact));
        }
    }

    fn merge_cards(&mut self) {
        let (Some(gone), Some(stays)) = (self.some_card(), self.some_card()) else { return };
        if gone != stays {
            let gone = self.world.cards.remove(&gone).expect("it");
            let limit = self.world.provider.emails;
            self.world.edit_card(&stays, |c| {
                c.emails.extend(gone.contact.emails.iter().cloned());
                c.emails.truncate(limit);
            });
            let books: String = self.world.cards.values().map(|card| values(&card.contact)).collect();
            self.bury(&values(&gone.contact), &books);
        }
    }

    /// Hidden persons, open deals, fields that are switched on.
    fn trouble(&mut self) {
        match (self.rng.u8(..3), self.some_human()) {
            (0, Some(id)) => {
                let human = self.world.humans.get_mut(&id).expect("it");
                human.hidden = !human.hidden;
            }
            (1, Some(id)) => self.world.humans.get_mut(&id).expect("it").deals = 1,
            _ => self.world.pipedrive.fields = Fields::ALL,
        }
    }
}

/// All that a contact holds that may carry a token.
fn values(contact: &Contact) -> String {
    let elements = contact.emails.iter().chain(&contact.phones).map(|e| e.value.as_str());
    let texts = [&contact.organization, &contact.notes, &contact.job_title];
    let cities = contact.addresses.iter().filter_map(|a| a.part(AddressPart::City));
    elements.chain(texts.into_iter().flatten().map(String::as_str)).chain(cities).collect()
}

fn choose<T: Clone>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())].clone()
}

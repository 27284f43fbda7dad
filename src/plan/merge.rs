//! Merging one pair, field by field.
//!
//! A field on which both sides once agreed is merged by what each side did since it was last seen; any other (a first
//! link, a field that could not be said before) is united. A field that one side cannot say is left alone, and so is one
//! whose value the other side could not hold as it is: nothing is cut and nothing is cleared because of it.

use super::{address, element, name, show};
use crate::account::{Conflict, Policy};
use crate::contact::{Address, Capability, Contact, Field, FieldChange, Fields, Name};
use crate::link::Chosen;

/// One side of a pair.
#[derive(Clone, Copy)]
pub(super) struct Book<'a> {
    /// What it was last seen to hold.
    pub seen: &'a Contact,
    /// What it holds.
    pub now: &'a Contact,
    /// When it was last changed, in milliseconds since 1970.
    pub changed_at: Option<i64>,
}

/// What does not depend on the pair.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub policy: &'a Policy,
    pub provider: &'a Capability,
    pub pipedrive: &'a Capability,
    /// Whether the provider's book may be written.
    pub outward: bool,
}

/// What both sides are to become.
pub(super) struct Merged {
    pub base: Contact,
    pub chosen: Chosen,
    pub to_provider: Vec<FieldChange>,
    pub to_person: Vec<FieldChange>,
    pub losers: Vec<(Field, String)>,
    pub said: Vec<&'static str>,
}

/// A later change wins only by more than this: services round their times and clocks differ.
const NEWER_BY_MS: i64 = 60_000;

const TOO_MUCH_FOR_PIPEDRIVE: &str = "a value was left alone because Pipedrive cannot hold it as it is";
const TOO_MUCH_FOR_PROVIDER: &str = "a value was left alone because the provider's book cannot hold it as it is";
const ADDRESS_WITHOUT_PARTS: &str =
    "the address changed in Pipedrive, which returned no parts of it: the contact keeps its own";
const ADDRESS_NO_ROOM: &str = "the provider's book has no room for the address";
const NAME_PARTS_STAY: &str =
    "the name changed in Pipedrive in a way that does not say which part: only the display name was changed";

/// Whether `field` says the same on both. Beyond [`Contact::same_in`], case and spacing of an organization do not count.
pub(super) fn same(a: &Contact, b: &Contact, field: Field) -> bool {
    let folded = |contact: &Contact| {
        let text = contact.organization.as_deref().unwrap_or_default().to_lowercase();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    match field {
        Field::Organization => !a.says(field) || !b.says(field) || folded(a) == folded(b),
        _ => a.same_in(b, field),
    }
}

/// The fields in which `now` differs from what the same side was last seen to hold. Pictures do not count: a person's
/// picture goes nowhere, and a contact's only where there is none.
pub(super) fn edited(seen: &Contact, now: &Contact) -> Fields {
    Field::ALL.into_iter().filter(|&field| field != Field::Photo && !same(seen, now, field)).collect()
}

/// Merges a pair. `base` is unsaid in the fields on which both sides never agreed.
pub(super) fn merge(terms: Terms<'_>, base: &Contact, chosen: Chosen, provider: Book<'_>, person: Book<'_>) -> Merged {
    let provider_wins = !terms.outward
        || match terms.policy.conflict {
            Conflict::Provider => true,
            Conflict::Pipedrive => false,
            Conflict::Newest => !matches!((provider.changed_at, person.changed_at),
                (Some(provider), Some(person)) if person.saturating_sub(provider) > NEWER_BY_MS),
        };
    let out = Merged {
        base: base.clone(),
        chosen,
        to_provider: Vec::new(),
        to_person: Vec::new(),
        losers: Vec::new(),
        said: Vec::new(),
    };
    let mut merger = Merger { terms, base, provider, person, provider_wins, out };
    let inward = terms.pipedrive.project(provider.now, person.now);
    let outward = terms.provider.project(person.now, provider.now);
    for field in Field::ALL {
        let said = provider.now.says(field) && person.now.says(field);
        let held = terms.provider.fields.contains(field) && terms.pipedrive.fields.contains(field);
        if field == Field::Photo || !said || !held {
            merger.out.base.take(&Contact { unsaid: Fields::ALL, ..Contact::default() }, field);
        } else if !inward.says(field) {
            if !same(provider.seen, provider.now, field) || merger.first(field) {
                merger.out.said.push(TOO_MUCH_FOR_PIPEDRIVE);
            }
        } else if terms.outward && !outward.says(field) {
            if !same(person.seen, person.now, field) || merger.first(field) {
                merger.out.said.push(TOO_MUCH_FOR_PROVIDER);
            }
        } else {
            merger.field(field);
        }
    }
    merger.out
}

struct Merger<'a> {
    terms: Terms<'a>,
    base: &'a Contact,
    provider: Book<'a>,
    person: Book<'a>,
    provider_wins: bool,
    out: Merged,
}

/// Which way a single value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Agreed,
    Inward,
    Outward,
    Rest,
}

/// Whether each side has something to say to the other.
#[derive(Clone, Copy)]
struct Asks {
    inward: bool,
    outward: bool,
}

impl<'a> Merger<'a> {
    fn field(&mut self, field: Field) {
        match field {
            Field::Name => self.name(),
            Field::Emails | Field::Phones | Field::Ims => self.elements(field),
            Field::Addresses => self.address(),
            Field::Organization | Field::Notes | Field::JobTitle | Field::Birthday => self.single(field),
            Field::Photo => {}
        }
    }

    /// Whether both sides never agreed on the field, as far as both could say.
    fn first(&self, field: Field) -> bool {
        !self.base.says(field) || !self.provider.seen.says(field) || !self.person.seen.says(field)
    }

    fn flow(&self, equal: bool, asks: Asks) -> Flow {
        let outward = if self.terms.outward { Flow::Outward } else { Flow::Rest };
        match asks {
            _ if equal => Flow::Agreed,
            Asks { inward: true, outward: true } if self.provider_wins => Flow::Inward,
            Asks { outward: true, .. } => outward,
            Asks { inward: true, .. } => Flow::Inward,
            Asks { .. } => Flow::Rest,
        }
    }

    /// Remembers what both sides agree on now, and the value that lost unless the other side knew it. `provider` and
    /// `person` are what each holds of the field.
    fn settle(&mut self, field: Field, flow: Flow, (provider, person): (&Contact, &Contact), known: bool) {
        let (winner, loser) = match flow {
            Flow::Agreed => (provider, None),
            Flow::Inward => (provider, Some(person)),
            Flow::Outward => (person, Some(provider)),
            // One-way: what only the person has stays its own.
            Flow::Rest if self.first(field) => (provider, None),
            Flow::Rest => return,
        };
        if let Some(loser) = loser
            && !known
            && !loser.is_empty(field)
        {
            self.out.losers.push((field, show::value(loser, field)));
        }
        self.out.base.take(winner, field);
    }

    /// Whether the base holds what `flow` overwrites.
    fn known(&self, field: Field, flow: Flow) -> bool {
        let loser = if flow == Flow::Outward { self.provider.now } else { self.person.now };
        self.base.says(field) && same(self.base, loser, field)
    }

    fn single(&mut self, field: Field) {
        let (provider, person) = (self.provider, self.person);
        let asks = if self.first(field) {
            Asks { inward: !provider.now.is_empty(field), outward: !person.now.is_empty(field) }
        } else {
            Asks { inward: !same(provider.seen, provider.now, field), outward: !same(person.seen, person.now, field) }
        };
        let flow = self.flow(same(provider.now, person.now, field), asks);
        match flow {
            Flow::Inward => self.out.to_person.push(write_single(field, person.now, provider.now)),
            Flow::Outward => self.out.to_provider.push(write_single(field, provider.now, person.now)),
            Flow::Agreed | Flow::Rest => {}
        }
        self.settle(field, flow, (provider.now, person.now), self.known(field, flow));
    }

    fn elements(&mut self, field: Field) {
        let first = self.first(field);
        let list = |book: Book<'a>, limit, wins| element::List {
            seen: if first { &[] } else { book.seen.elements(field) },
            now: book.now.elements(field),
            limit,
            wins,
        };
        let contacts = list(self.provider, self.terms.provider.limit(field), self.provider_wins);
        let persons = list(self.person, self.terms.pipedrive.limit(field), !self.provider_wins);
        let wrap = |change| FieldChange::Element { field, change };
        let inward = element::outcome(field, &persons, &contacts);
        let mut losers = inward.losers;
        let mut agreed = contacts.now.to_vec();
        if self.terms.outward {
            let outward = element::outcome(field, &contacts, &persons);
            self.out.to_provider.extend(outward.changes.into_iter().map(wrap));
            losers.extend(outward.losers);
            agreed = outward.list;
            for element in inward.list {
                if !agreed.iter().any(|a| a.same(&element)) {
                    agreed.push(element);
                }
            }
        }
        self.out.to_person.extend(inward.changes.into_iter().map(wrap));
        self.out.losers.extend(losers.into_iter().map(|e| (field, e.value)));
        self.out.base.unsaid.set(field, false);
        if let Some(base) = self.out.base.elements_mut(field) {
            *base = agreed;
        }
    }

    /// A derived name is nobody's: it follows what it was derived from and is never written back. A name is never
    /// cleared, because neither Pipedrive nor most books know a human being without one.
    fn name(&mut self) {
        let (provider, person) = (self.provider, self.person);
        let shown = |contact: &Contact| Name { display: contact.shown_name(), ..Name::default() };
        let (nameless, unnamed) = (provider.now.name.is_empty(), person.now.name.is_empty());
        let derived = unnamed || name::is_derived(person.now);
        let asks = if self.first(Field::Name) {
            Asks { inward: !nameless || unnamed, outward: !derived }
        } else {
            let followed = provider.seen.name.is_empty() && shown(provider.seen).same(&person.now.name);
            let renamed = !same(provider.seen, provider.now, Field::Name);
            let outward = !derived && !same(person.seen, person.now, Field::Name);
            Asks { inward: if nameless { followed } else { renamed }, outward }
        };
        let asks = Asks { inward: asks.inward && provider.now.shown_name().is_some(), ..asks };
        let flow = self.flow(shown(provider.now).same(&person.now.name), asks);
        match flow {
            Flow::Inward => {
                let after = name::inward(provider.now, self.terms.pipedrive.name_parts);
                self.out.to_person.push(FieldChange::Name { before: person.now.name.clone(), after });
            }
            Flow::Outward => {
                let new = person.now.name.shown().unwrap_or_default();
                let (after, clear) = name::outward(&provider.now.name, &new, self.terms.provider.name_parts);
                if !clear {
                    self.out.said.push(NAME_PARTS_STAY);
                }
                self.out.to_provider.push(FieldChange::Name { before: provider.now.name.clone(), after });
            }
            Flow::Agreed | Flow::Rest => {}
        }
        let known = self.known(Field::Name, flow) || (flow == Flow::Inward && derived);
        self.settle(Field::Name, flow, (provider.now, person.now), known);
    }

    fn address(&mut self) {
        let (provider, person) = (self.provider, self.person);
        let before = self.out.chosen;
        let chosen = address::follow(before, &provider.seen.addresses, &provider.now.addresses);
        self.out.chosen = chosen;
        let was = address::chosen(before, &provider.seen.addresses);
        let now = address::chosen(chosen, &provider.now.addresses);
        let (person_was, person_now) = (person.seen.addresses.first(), person.now.addresses.first());
        let first = self.first(Field::Addresses);
        let (inward_edit, outward_edit) = (!address::same(was, now), !address::same(person_was, person_now));
        let asks = if first {
            Asks { inward: now.is_some(), outward: person_now.is_some() }
        } else {
            Asks { inward: inward_edit, outward: outward_edit }
        };
        let mut flow = self.flow(address::same(now, person_now), asks);
        let mut agreed = now.cloned();
        match flow {
            Flow::Inward => {
                let after = now.map(address::inward).map(Box::new);
                let before = person_now.cloned().map(Box::new);
                self.out.to_person.push(FieldChange::Address { before, after });
            }
            Flow::Outward => (flow, agreed) = self.address_outward(now, person_was.filter(|_| !first), person_now),
            Flow::Agreed | Flow::Rest => {}
        }
        let (mine, theirs) = (address::alone(agreed), address::alone(person_now.cloned()));
        if flow == Flow::Outward {
            let lost = now.filter(|_| first || inward_edit).map(show::address);
            self.out.losers.extend(lost.map(|value| (Field::Addresses, value)));
            self.out.base.take(&mine, Field::Addresses);
        } else {
            let base = self.base.addresses.first();
            let known = !first && !outward_edit && address::is_form_of(person_now, base);
            self.settle(Field::Addresses, flow, (&mine, &theirs), known);
        }
    }

    /// Writes the person's address out: the way it went, and the provider's address then.
    fn address_outward(
        &mut self,
        old: Option<&Address>,
        person_was: Option<&Address>,
        person_now: Option<&Address>,
    ) -> (Flow, Option<Address>) {
        let room = self.provider.now.addresses.len() < self.terms.provider.addresses;
        let after = person_now.map(|now| address::outward(old, person_was, now));
        let refused = match &after {
            Some(Some(_)) if old.is_none() && !room => Some(ADDRESS_NO_ROOM),
            Some(None) => Some(ADDRESS_WITHOUT_PARTS),
            _ => None,
        };
        if let Some(refused) = refused {
            self.out.said.push(refused);
            return (Flow::Rest, old.cloned());
        }
        let after = after.flatten();
        match (old, &after) {
            (None, _) => self.out.chosen = Chosen::At(self.provider.now.addresses.len()),
            (Some(_), None) => self.out.chosen = Chosen::Removed,
            (Some(old), Some(after)) if old.same(after) => return (Flow::Outward, Some(after.clone())),
            (Some(_), Some(_)) => {}
        }
        let boxed = |address: Option<&Address>| address.cloned().map(Box::new);
        self.out.to_provider.push(FieldChange::Address { before: boxed(old), after: boxed(after.as_ref()) });
        (Flow::Outward, after)
    }
}

/// Makes a single value that `before` holds what `after` holds.
fn write_single(field: Field, before: &Contact, after: &Contact) -> FieldChange {
    if field == Field::Birthday {
        return FieldChange::Birthday { before: before.birthday, after: after.birthday };
    }
    let text = |contact: &Contact| contact.text(field).map(str::to_owned);
    FieldChange::Text { field, before: text(before), after: text(after) }
}

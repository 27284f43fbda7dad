//! Whether something new on one side is somebody already there on the other.
//!
//! Evidence, in order: equal e-mail; equal phone with equal name; never the name alone. (A stored link or our own marker
//! comes before: such a pair arrives as one row.) What looks alike but is not enough is held, never created beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::input::{ContactNow, Directory, Input, PersonNow, Row, Taken};
use super::name;
use crate::account::AccountName;
use crate::contact::{Contact, ContactId, Element, Name, PersonId};
use crate::link::{HoldCause, Link, LinkId};

/// What was found of one new thing among the candidates `Id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match<Id> {
    /// Nobody.
    None,
    /// Exactly one, and it is free.
    One(Id),
    /// It is linked by another account.
    Elsewhere(AccountName),
    /// Another account is about to link it: nothing is known of it until then.
    BeingLinked(AccountName),
    /// Something, but a human being has to say what.
    Hold(HoldCause, Vec<Id>),
}

/// What is remembered of the one that is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    link: Option<LinkId>,
    /// Whether an earlier pass decided that it is new, and was cut before the other half was there.
    decided: bool,
}

impl Own {
    /// Of a row.
    pub(super) fn of(row: &Row) -> Self {
        let link = row.link.as_ref();
        let decided =
            |(_, link): &(LinkId, Box<Link>)| link.is_active() && (link.contact.is_none() || link.person.is_none());
        Self { link: link.map(|(id, _)| *id), decided: link.is_some_and(decided) }
    }

    /// Whether an earlier pass decided that it is new.
    pub(super) fn is_decided(self) -> bool {
        self.decided
    }

    /// Of a half that waits.
    pub(super) fn held(link: Option<LinkId>) -> Self {
        Self { link, decided: false }
    }
}

/// Among the persons of the account's `match` scope. A person in `waiting`, which waits by itself, is free: its row is
/// looked at in the same pass.
pub(super) fn person_for(
    input: &Input<'_>,
    contact: &ContactNow,
    own: Own,
    waiting: &BTreeMap<PersonId, LinkId>,
) -> Match<PersonId> {
    if let Some(account) = input.directory.being_linked(&contact.contact) {
        return Match::BeingLinked(account);
    }
    let free = |id: &PersonId, link| waiting.get(id) == Some(&link);
    let twins = first_pass(input) || own.decided;
    Seeker { pool: &Persons(input.directory), me: &contact.contact, own: own.link, twins, free: &free }.seek()
}

/// Among the contacts of the provider's whole book.
pub(super) fn contact_for(input: &Input<'_>, person: &PersonNow, own: Own) -> Match<ContactId> {
    if let Some(account) = input.directory.being_linked(&person.contact) {
        return Match::BeingLinked(account);
    }
    let free = |_: &ContactId, _| false;
    let twins = first_pass(input) || own.decided;
    Seeker { pool: &Contacts(input.directory), me: &person.contact, own: own.link, twins, free: &free }.seek()
}

/// Whether `now`, where `before` was seen, is evidently the same human being although nothing else says so: they share an
/// e-mail address or a phone number, or, where neither has any, the name. Names that somebody gave and that share no word
/// speak against it: a household has one number.
pub fn is_same_human(before: &Contact, now: &Contact) -> bool {
    let shared = |a: &[Element], b: &[Element]| a.iter().any(|a| b.iter().any(|b| a.key == b.key));
    let unreachable = |c: &Contact| c.emails.is_empty() && c.phones.is_empty();
    if unreachable(before) && unreachable(now) {
        return before.name.equal_words(&now.name);
    }
    (shared(&before.emails, &now.emails) || shared(&before.phones, &now.phones)) && !names_differ(before, now)
}

/// Who carries an e-mail or phone of a person that is gone, and whether it may be taken for the same human being: by
/// e-mail, or by phone where the names share a word.
pub(super) fn survivors(input: &Input<'_>, gone: PersonId, seen: &Contact) -> Vec<(PersonId, bool)> {
    let directory = input.directory;
    let mut found: Vec<(PersonId, bool)> = Vec::new();
    let by_email = seen.emails.iter().flat_map(|e| directory.persons_with_email(&e.key));
    for id in by_email {
        found.push((id, true));
    }
    for id in seen.phones.iter().flat_map(|e| directory.persons_with_phone(&e.key)) {
        let same = directory.person(id).is_some_and(|p| p.contact.name.shares_word(&seen.name));
        found.push((id, same));
    }
    found.retain(|&(id, _)| id != gone);
    found.sort_by_key(|&(id, sure)| (id, !sure));
    found.dedup_by_key(|&mut (id, _)| id);
    found
}

/// The contacts that carry an e-mail or phone of a contact that is gone.
pub(super) fn contacts_like(input: &Input<'_>, gone: &ContactId, seen: &Contact) -> Vec<ContactId> {
    let emails = seen.emails.iter().flat_map(|e| input.directory.contacts_with_email(&e.key));
    let phones = seen.phones.iter().flat_map(|e| input.directory.contacts_with_phone(&e.key));
    let found: BTreeSet<ContactId> = emails.chain(phones).filter(|id| id != gone).collect();
    found.into_iter().collect()
}

/// Whether this pass counts as the first: it never deletes.
pub(super) fn first_pass(input: &Input<'_>) -> bool {
    input.ledger.first_pass || input.ledger.scope_changed.is_some()
}

/// The candidates of one side.
trait Pool {
    type Id: Ord + Clone;
    fn with_email(&self, key: &str) -> Vec<Self::Id>;
    fn with_phone(&self, key: &str) -> Vec<Self::Id>;
    fn named(&self, name: &Name) -> Vec<Self::Id>;
    fn look(&self, id: &Self::Id) -> Option<Arc<Contact>>;
    fn taken(&self, id: &Self::Id) -> Option<Taken>;
    /// Whether the other half of `link` carries one of these itself.
    fn partner_has(&self, link: LinkId, evidence: &Evidence<'_>) -> bool;

    /// Those that `evidence` leads to, each once.
    fn found(&self, evidence: &Evidence<'_>) -> BTreeSet<Self::Id> {
        match evidence {
            Evidence::Emails(list) => list.iter().flat_map(|e| self.with_email(&e.key)).collect(),
            Evidence::Phones(list) => list.iter().flat_map(|e| self.with_phone(&e.key)).collect(),
            Evidence::Name(name) => self.named(name).into_iter().collect(),
        }
    }
}

/// By what candidates were found.
enum Evidence<'a> {
    Emails(&'a [Element]),
    Phones(&'a [Element]),
    Name(&'a Name),
}

struct Seeker<'a, P: Pool> {
    pool: &'a P,
    me: &'a Contact,
    own: Option<LinkId>,
    /// Whether one that is linked to a twin of this is no candidate.
    twins: bool,
    /// Whether what waits by itself in this link may be taken.
    free: &'a dyn Fn(&P::Id, LinkId) -> bool,
}

impl<P: Pool> Seeker<'_, P> {
    fn seek(&self) -> Match<P::Id> {
        let emails = self.candidates(&Evidence::Emails(&self.me.emails), |_| true);
        if !emails.is_empty() {
            return self.settle(emails);
        }
        let equal = |c: &Contact| c.name.equal_words(&self.me.name);
        let phones = self.candidates(&Evidence::Phones(&self.me.phones), equal);
        if !phones.is_empty() {
            return self.settle(phones);
        }
        let unreachable = |c: &Contact| c.emails.is_empty() && c.phones.is_empty();
        let alone = |c: &Contact| equal(c) && (unreachable(c) || unreachable(self.me));
        let named = self.candidates(&Evidence::Name(&self.me.name), alone);
        if named.is_empty() { Match::None } else { Match::Hold(HoldCause::NameAlone, ids(named)) }
    }

    /// Those found by `evidence`, without what is no candidate: a half of a dormant pair, and, while a first pass is
    /// under way or where it was decided before that this one is new, a twin: one that the same import made of another
    /// that carries the same evidence. (Had both been written together, both would have been created; a crash between
    /// them must not make a difference.)
    fn candidates(&self, evidence: &Evidence<'_>, fits: impl Fn(&Contact) -> bool) -> Vec<(P::Id, Arc<Contact>)> {
        let candidate = |id: &P::Id| match self.pool.taken(id) {
            Some(Taken::Dormant(link)) => self.own == Some(link),
            Some(Taken::Linked(link)) => !(self.twins && self.pool.partner_has(link, evidence)),
            _ => true,
        };
        let looked = self
            .pool
            .found(evidence)
            .into_iter()
            .filter(candidate)
            .filter_map(|id| self.pool.look(&id).map(|c| (id, c)));
        looked.filter(|(_, contact)| fits(contact)).collect()
    }

    fn settle(&self, found: Vec<(P::Id, Arc<Contact>)>) -> Match<P::Id> {
        let [(id, contact)] = found.as_slice() else {
            return Match::Hold(HoldCause::SeveralMatches, ids(found));
        };
        let hold = |cause| Match::Hold(cause, vec![id.clone()]);
        match self.pool.taken(id) {
            Some(Taken::Elsewhere(account)) => Match::Elsewhere(account),
            Some(Taken::BeingLinked(account)) => Match::BeingLinked(account),
            Some(Taken::Linked(_)) => hold(HoldCause::MatchesLinked),
            Some(Taken::Held(link)) if self.own != Some(link) && !(self.free)(id, link) => {
                hold(HoldCause::ClaimedTwice)
            }
            _ if names_differ(self.me, contact) => hold(HoldCause::NamesDiffer),
            _ => Match::One(id.clone()),
        }
    }
}

/// Whether both have names that somebody gave, and these share no word.
fn names_differ(a: &Contact, b: &Contact) -> bool {
    !name::is_derived(a) && !name::is_derived(b) && !a.name.shares_word(&b.name)
}

fn ids<Id>(found: Vec<(Id, Arc<Contact>)>) -> Vec<Id> {
    found.into_iter().map(|(id, _)| id).collect()
}

struct Persons<'a>(&'a dyn Directory);
struct Contacts<'a>(&'a dyn Directory);

impl Pool for Persons<'_> {
    type Id = PersonId;

    fn with_email(&self, key: &str) -> Vec<PersonId> {
        self.0.persons_with_email(key)
    }

    fn with_phone(&self, key: &str) -> Vec<PersonId> {
        self.0.persons_with_phone(key)
    }

    fn named(&self, name: &Name) -> Vec<PersonId> {
        self.0.persons_named(name)
    }

    fn look(&self, id: &PersonId) -> Option<Arc<Contact>> {
        self.0.person(*id).map(|p| p.contact)
    }

    fn taken(&self, id: &PersonId) -> Option<Taken> {
        self.0.person_taken(*id)
    }

    fn partner_has(&self, link: LinkId, evidence: &Evidence<'_>) -> bool {
        let contacts = Contacts(self.0);
        contacts.found(evidence).iter().any(|id| contacts.taken(id) == Some(Taken::Linked(link)))
    }
}

impl Pool for Contacts<'_> {
    type Id = ContactId;

    fn with_email(&self, key: &str) -> Vec<ContactId> {
        self.0.contacts_with_email(key)
    }

    fn with_phone(&self, key: &str) -> Vec<ContactId> {
        self.0.contacts_with_phone(key)
    }

    fn named(&self, name: &Name) -> Vec<ContactId> {
        self.0.contacts_named(name)
    }

    fn look(&self, id: &ContactId) -> Option<Arc<Contact>> {
        self.0.contact(id).map(|c| c.contact)
    }

    fn taken(&self, id: &ContactId) -> Option<Taken> {
        self.0.contact_taken(id)
    }

    fn partner_has(&self, link: LinkId, evidence: &Evidence<'_>) -> bool {
        let persons = Persons(self.0);
        persons.found(evidence).iter().any(|id| persons.taken(id) == Some(Taken::Linked(link)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(name: &str, email: &str, phone: &str) -> Contact {
        Contact {
            name: Name::display(name),
            emails: Element::email(email).into_iter().collect(),
            phones: Element::phone(phone, None).into_iter().collect(),
            ..Contact::default()
        }
    }

    #[test]
    fn the_same_human_being_shares_more_than_a_place() {
        let anna = contact("Anna Weber", "anna@acme.example", "+33199000001");
        assert!(is_same_human(&anna, &contact("Anna Stone", "ANNA@acme.example", "")));
        assert!(is_same_human(&anna, &contact("Weber", "", "+33199000001")));
        assert!(is_same_human(&anna, &contact("", "", "+33199000001")), "nobody gave it a name");
        assert!(!is_same_human(&anna, &contact("Anna Weber", "other@acme.example", "+33199000002")));
        assert!(!is_same_human(&anna, &contact("Bob Stone", "", "+33199000001")), "a household has one number");
        assert!(!is_same_human(&anna, &contact("Anna Weber", "", "")), "never by the name alone");
        let named = contact("Anna Weber", "", "");
        assert!(is_same_human(&named, &contact("Weber, Anna", "", "")), "there is nothing but the name");
        assert!(!is_same_human(&named, &contact("Anna Stone", "", "")));
    }
}

//! The company's desk: what passes under way are about to link or create, for the next one that plans.
//!
//! Accounts pass side by side, each with its own snapshot of the store, and a person that is being created is in no snapshot.
//! A pass therefore plans in its turn, with a fresh snapshot, and in the same turn lays down here what its plan will bind:
//! persons, contacts of its book, and what the persons it creates can be matched by. Whoever plans after it leaves what it
//! finds here for later, and is told when that pass has ended. Carrying plans out needs no turn.
//!
//! A claim ends with its pass: by then the store shows its links, or, where an outcome is unknown, the journal shows its
//! intents, which count like claims ([`super::directory`]). Nothing here outlives the process.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::finder::Finder;
use crate::account::AccountName;
use crate::contact::{Change, Contact, ContactId, PersonId, UserId};
use crate::link::{Link, LinkId};
use crate::plan::{Plan, Reason, Row, Side, Step, Then};

/// Shared by all passes of a company.
#[derive(Debug, Default)]
pub(super) struct Desk {
    turn: tokio::sync::Mutex<()>,
    papers: Mutex<Papers>,
}

#[derive(Debug, Default)]
struct Papers {
    next: u64,
    claims: BTreeMap<u64, Claims>,
    /// By account, who left something for later because of it.
    waiting: BTreeMap<AccountName, BTreeSet<AccountName>>,
}

/// What one pass is about to bind.
#[derive(Debug)]
struct Claims {
    account: AccountName,
    owner: UserId,
    book: String,
    contacts: HashSet<ContactId>,
    persons: HashSet<PersonId>,
    likenesses: Likenesses,
}

impl Desk {
    /// The right to plan. Never held while anything is sent.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// A place for the claims of a pass: of this account, whose persons are this owner's, in this book.
    pub(super) fn place(&self, account: &AccountName, owner: UserId, book: String) -> Place<'_> {
        let mut papers = self.lock();
        let id = papers.next;
        papers.next += 1;
        let claims = Claims {
            account: account.clone(),
            owner,
            book,
            contacts: HashSet::new(),
            persons: HashSet::new(),
            likenesses: Likenesses::default(),
        };
        papers.claims.insert(id, claims);
        Place { desk: self, id }
    }

    /// Whether a pass of another account is about to link a person.
    pub(super) fn has_person(&self, id: PersonId, account: &AccountName) -> bool {
        self.lock().claims.values().any(|claims| claims.account != *account && claims.persons.contains(&id))
    }

    /// The accounts that waited for this one, whose pass has ended.
    pub(super) fn freed(&self, account: &AccountName) -> BTreeSet<AccountName> {
        self.lock().waiting.remove(account).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one pass. What lies on it is gone when it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    desk: &'a Desk,
    id: u64,
}

impl Place<'_> {
    /// Lays down what a plan will bind, in place of what was there, and who it waits for. To be called in the turn in which
    /// the plan was made.
    pub(super) fn lay(&self, plan: &Plan, rows: &[Row]) {
        let known: HashMap<LinkId, &Link> =
            rows.iter().filter_map(|row| row.link.as_ref().map(|(id, link)| (*id, &**link))).collect();
        let mut papers = self.desk.lock();
        let Papers { claims, waiting, .. } = &mut *papers;
        let Some(mine) = claims.get_mut(&self.id) else { return };
        (mine.contacts, mine.persons) = (HashSet::new(), HashSet::new());
        mine.likenesses = Likenesses::default();
        for step in &plan.steps {
            if let Reason::BeingLinked(other) = &step.reason {
                waiting.entry(other.clone()).or_default().insert(mine.account.clone());
            }
            mine.claim(step, step.link.and_then(|id| known.get(&id).copied()));
        }
    }

    /// The other account that is about to link this person.
    pub(super) fn person(&self, id: PersonId) -> Option<AccountName> {
        self.of_others(|claims| claims.persons.contains(&id))
    }

    /// The other account that is about to link this contact of the same book.
    pub(super) fn contact(&self, id: &ContactId) -> Option<AccountName> {
        let papers = self.desk.lock();
        let book = &papers.claims.get(&self.id)?.book;
        let mut others = papers.claims.iter().filter(|(other, _)| **other != self.id).map(|(_, claims)| claims);
        others.find(|claims| claims.book == *book && claims.contacts.contains(id)).map(|claims| claims.account.clone())
    }

    /// The other account that is about to create or link a person as whom this contact could be taken: one of this owner's
    /// persons, or of anybody's.
    pub(super) fn like(&self, contact: &Contact, owner: Option<UserId>) -> Option<AccountName> {
        let in_scope = |claims: &Claims| owner.is_none_or(|owner| claims.owner == owner);
        self.of_others(|claims| in_scope(claims) && claims.likenesses.any(contact))
    }

    fn of_others(&self, is: impl Fn(&Claims) -> bool) -> Option<AccountName> {
        let papers = self.desk.lock();
        let mut others = papers.claims.iter().filter(|(id, _)| **id != self.id).map(|(_, claims)| claims);
        others.find(|claims| is(claims)).map(|claims| claims.account.clone())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.desk.lock().claims.remove(&self.id);
    }
}

impl Claims {
    /// What a step binds that its link, as it was `before`, did not.
    fn claim(&mut self, step: &Step, before: Option<&Link>) {
        let Then::Keep(link) = &step.then else { return };
        let contact = link.contact_id().filter(|id| before.and_then(Link::contact_id) != Some(*id));
        let person = link.person_id().filter(|id| before.and_then(Link::person_id) != Some(*id));
        let created = step.writes.iter().find_map(|write| match &write.change {
            Change::Create { contact, .. } if write.side == Side::Pipedrive => Some(contact),
            _ => None,
        });
        self.contacts.extend(contact.cloned());
        self.persons.extend(person);
        if let Some(created) = created {
            self.likenesses.add(created);
        }
        // What is merged into a person is soon to be found there.
        if let Some(half) = link.contact.as_ref().filter(|_| person.is_some() || created.is_some()) {
            self.likenesses.add(&half.seen);
        }
    }
}

/// By what persons in the making can be matched. It rather finds too much than too little: what it finds only waits.
#[derive(Debug, Default)]
pub(super) struct Likenesses {
    finder: Finder<usize>,
    /// Whether each has neither e-mail nor phone.
    unreachable: Vec<bool>,
}

impl Likenesses {
    pub(super) fn add(&mut self, contact: &Contact) {
        self.finder.put(&self.unreachable.len(), contact);
        self.unreachable.push(is_unreachable(contact));
    }

    /// Whether one of them could be taken for this contact, or be alike enough to wait beside it.
    pub(super) fn any(&self, contact: &Contact) -> bool {
        if self.unreachable.is_empty() {
            return false;
        }
        if contact.emails.iter().any(|email| !self.finder.with_email(&email.key).is_empty()) {
            return true;
        }
        let named: BTreeSet<usize> = self.finder.named(&contact.name).into_iter().collect();
        let alone = |id: &usize| is_unreachable(contact) || self.unreachable.get(*id) == Some(&true);
        let mut phones = contact.phones.iter().flat_map(|phone| self.finder.with_phone(&phone.key));
        !named.is_empty() && (named.iter().any(alone) || phones.any(|id| named.contains(&id)))
    }
}

fn is_unreachable(contact: &Contact) -> bool {
    contact.emails.is_empty() && contact.phones.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::{Element, Name};

    const OWNER: UserId = UserId(1);

    fn contact(name: &str, email: &str, phone: &str) -> Contact {
        Contact {
            name: Name::display(name),
            emails: Element::email(email).into_iter().collect(),
            phones: Element::phone(phone, None).into_iter().collect(),
            ..Contact::default()
        }
    }

    #[test]
    fn likeness_is_an_address_or_a_name_with_a_number_or_a_name_alone_where_nothing_else_is_known() {
        let mut likenesses = Likenesses::default();
        assert!(!likenesses.any(&contact("Anna Weber", "anna@x.example", "")));
        likenesses.add(&contact("Anna Weber", "anna@x.example", "+33199001234"));
        likenesses.add(&contact("Bob Stone", "", ""));
        assert!(likenesses.any(&contact("A. W.", "Anna@X.example", "")), "by e-mail, whatever the name");
        assert!(likenesses.any(&contact("weber anna", "", "+33199001234")));
        assert!(!likenesses.any(&contact("Carl Weber", "", "+33199001234")), "a number of somebody else");
        assert!(!likenesses.any(&contact("Anna Weber", "aw@y.example", "")), "never by name alone");
        assert!(likenesses.any(&contact("Anna Weber", "", "")), "which would be held beside it");
        assert!(likenesses.any(&contact("Bob Stone", "bob@x.example", "")), "likewise");
    }

    #[test]
    fn a_claim_is_seen_by_others_within_their_scope_until_its_pass_ends() {
        let (desk, name) = (Desk::default(), |name| AccountName::new(name).expect("a name"));
        let first = desk.place(&name("first"), OWNER, "book".into());
        let same = desk.place(&name("same"), OWNER, "book".into());
        let other = desk.place(&name("other"), UserId(2), "another".into());
        let (anna, id) = (contact("Anna Weber", "anna@x.example", ""), ContactId::from("a.vcf"));
        {
            let mut papers = desk.lock();
            let claims = papers.claims.get_mut(&first.id).expect("it");
            claims.contacts.insert(id.clone());
            claims.persons.insert(PersonId(7));
            claims.likenesses.add(&anna);
        }
        assert_eq!(first.person(PersonId(7)), None, "nobody waits for himself");
        assert_eq!(same.person(PersonId(7)), Some(name("first")));
        assert_eq!((same.contact(&id), other.contact(&id)), (Some(name("first")), None), "another book");
        assert_eq!(other.like(&anna, Some(UserId(2))), None, "another owner's persons");
        assert_eq!(other.like(&anna, None), Some(name("first")));
        assert!(desk.has_person(PersonId(7), &name("same")) && !desk.has_person(PersonId(7), &name("first")));
        drop(first);
        assert_eq!((same.person(PersonId(7)), same.contact(&id), same.like(&anna, None)), (None, None, None));
    }
}

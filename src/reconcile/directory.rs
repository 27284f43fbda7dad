//! Answers a plan's questions about contacts and persons that are no row of it.
//!
//! Indexes find candidates; the store says what they hold, and only what really holds the value asked for is an answer. A
//! failing store answers "nobody" and is remembered: the pass that asked must not act on its plan.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::desk::{Likenesses, Place};
use super::member::{Member, Seat, Shared};
use super::observe::Observed;
use super::peers::Peers;
use super::recover;
use super::stock::Stock;
use crate::account::{AccountName, MatchIn};
use crate::contact::{Change, Contact, ContactId, Name, PersonId};
use crate::link::{Link, LinkId, State};
use crate::plan::{ContactNow, ContactSight, Directory, PersonNow, Row, Taken};
use crate::store::{CheckpointId, Intent, IntentId, IntentKind, StoreError, View};

/// Persons that other accounts meant to create and whose creation is not recorded. Those accounts will look for them; until
/// then it may be that they are there.
#[derive(Debug, Default)]
pub(super) struct Journal {
    sought: Vec<(IntentId, Intent)>,
    /// Within the account's `match` scope, of accounts that will look for them.
    likenesses: BTreeMap<AccountName, Likenesses>,
}

impl Journal {
    /// What the journal holds of others than this account's checkpoint.
    pub(super) fn of(view: &View, member: &Member, own: CheckpointId) -> Result<Self, StoreError> {
        let sought = recover::creations_of_others(view, member, own)?;
        let mut journal = Self { sought, ..Self::default() };
        let mut who: BTreeMap<CheckpointId, Option<AccountName>> = BTreeMap::new();
        for (_, intent) in &journal.sought {
            let account = match who.entry(intent.checkpoint) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(looks_for(view, member, intent.checkpoint)?),
            };
            if let (Some(account), IntentKind::Contact(Change::Create { contact, .. })) = (account, &intent.what) {
                journal.likenesses.entry(account.clone()).or_default().add(contact);
            }
        }
        Ok(journal)
    }

    fn like(&self, contact: &Contact) -> Option<AccountName> {
        self.likenesses.iter().find(|(_, likenesses)| likenesses.any(contact)).map(|(account, _)| account.clone())
    }
}

/// The account of a checkpoint, if it will run and its persons are within this account's `match` scope.
fn looks_for(view: &View, member: &Member, checkpoint: CheckpointId) -> Result<Option<AccountName>, StoreError> {
    let Some(account) = view.name_of(checkpoint)?.filter(|account| member.shelf.has(account)) else { return Ok(None) };
    let owner = member.declared.owner.to_lowercase();
    let in_scope = match member.declared.policy.match_in {
        MatchIn::Company => true,
        MatchIn::Owner => view.checkpoint(checkpoint)?.is_some_and(|theirs| theirs.scope.owner == owner),
    };
    Ok(in_scope.then_some(account))
}

/// The world around one plan, as it stood in one snapshot of the store.
pub(super) struct Surroundings<'a> {
    pub(super) shared: &'a Shared,
    pub(super) member: &'a Member,
    pub(super) seat: &'a Seat,
    pub(super) checkpoint: CheckpointId,
    pub(super) view: &'a View,
    pub(super) peers: &'a Peers,
    pub(super) stock: &'a Stock,
    /// What this pass saw: it is newer than the store.
    pub(super) observed: &'a Observed,
    pub(super) rows: &'a [Row],
    /// What passes under way are about to bind.
    pub(super) place: &'a Place<'a>,
    /// What other accounts may have created without knowing.
    pub(super) journal: &'a Journal,
    pub(super) failed: RefCell<Option<StoreError>>,
}

impl Surroundings<'_> {
    fn or_nothing<T: Default>(&self, answer: Result<T, StoreError>) -> T {
        answer.unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            T::default()
        })
    }

    fn persons(&self, candidates: Vec<PersonId>, holds: impl Fn(&Contact) -> bool) -> Vec<PersonId> {
        let in_scope = |id: &PersonId| match self.member.declared.policy.match_in {
            MatchIn::Company => true,
            MatchIn::Owner => self.shared.mirror.owner(*id) == Some(self.seat.owner),
        };
        let holds = |id: &PersonId| self.person(*id).is_some_and(|now| holds(&now.contact));
        candidates.into_iter().filter(in_scope).filter(holds).collect()
    }

    fn contacts(&self, candidates: Vec<ContactId>, holds: impl Fn(&Contact) -> bool) -> Vec<ContactId> {
        let holds = |id: &ContactId| self.contact(id).is_some_and(|now| holds(&now.contact));
        candidates.into_iter().filter(holds).collect()
    }

    fn link_of(&self, id: &ContactId) -> Option<(LinkId, Link)> {
        match self.observed.places.get(id) {
            // What this pass saw is newer than the store.
            Some(place) => place.and_then(|link| Some((link, self.or_nothing(self.view.link(self.checkpoint, link))?))),
            None => self.or_nothing(self.view.link_by_contact(self.checkpoint, id)),
        }
    }

    /// Whether a contact stands only where another account's was: its pass will see that, too.
    fn has_replaced(&self, id: &ContactId, other: CheckpointId) -> bool {
        let theirs = self.or_nothing(self.view.link_by_contact(other, id)).and_then(|(_, link)| link.contact?.stable);
        let ours = self.contact(id).and_then(|now| now.stable);
        theirs.is_some_and(|theirs| ours.is_some_and(|ours| ours != theirs))
    }

    /// The account that will take an unlinked person for one of its own creation.
    fn sought_by(&self, id: PersonId) -> Option<Taken> {
        if self.journal.sought.is_empty() || !self.is_free(id) {
            return None;
        }
        let person = self.or_nothing(self.view.person(id))?;
        let country = self.member.declared.policy.country;
        let mut sought = self.journal.sought.iter();
        let (_, intent) = sought.find(|(_, intent)| recover::may_have_made(intent, &person, country))?;
        Some(Taken::Elsewhere(self.account_of(intent.checkpoint)))
    }

    /// The account that is about to link an unlinked person.
    fn claimed_by(&self, id: PersonId) -> Option<Taken> {
        self.place.person(id).filter(|_| self.is_free(id)).map(Taken::BeingLinked)
    }

    fn is_free(&self, id: PersonId) -> bool {
        self.or_nothing(recover::is_free(self.view, self.peers, id).map(Some)).unwrap_or(false)
    }

    fn account_of(&self, checkpoint: CheckpointId) -> AccountName {
        self.or_nothing(self.view.name_of(checkpoint)).unwrap_or_else(|| self.member.name.clone())
    }
}

fn taken(id: LinkId, link: &Link) -> Taken {
    match link.state {
        State::Active => Taken::Linked(id),
        State::Dormant(_) => Taken::Dormant(id),
        State::Held(_) => Taken::Held(id),
    }
}

fn has(elements: &[crate::contact::Element], key: &str) -> bool {
    elements.iter().any(|e| e.key == key)
}

impl Directory for Surroundings<'_> {
    fn persons_with_email(&self, key: &str) -> Vec<PersonId> {
        self.persons(self.shared.mirror.with_email(key), |c| has(&c.emails, key))
    }

    fn persons_with_phone(&self, key: &str) -> Vec<PersonId> {
        self.persons(self.shared.mirror.with_phone(key), |c| has(&c.phones, key))
    }

    fn persons_named(&self, name: &Name) -> Vec<PersonId> {
        self.persons(self.shared.mirror.named(name), |c| c.name.equal_words(name))
    }

    fn person(&self, id: PersonId) -> Option<PersonNow> {
        let person = self.or_nothing(self.view.person(id))?;
        Some(self.seat.person_now(self.member, person))
    }

    fn person_taken(&self, id: PersonId) -> Option<Taken> {
        let links = self.or_nothing(self.peers.links_to(self.view, id));
        // An active link anywhere says more than a hold that merely lists the person.
        let mut best = None;
        for (checkpoint, link_id) in links {
            if checkpoint != self.checkpoint {
                best = Some(Taken::Elsewhere(self.account_of(checkpoint)));
                continue;
            }
            let Some(link) = self.or_nothing(self.view.link(checkpoint, link_id)) else { continue };
            let taken = taken(link_id, &link);
            if link.is_active() {
                return Some(taken);
            }
            best = best.or(Some(taken));
        }
        self.claimed_by(id).or_else(|| self.sought_by(id)).or(best)
    }

    fn contacts_with_email(&self, key: &str) -> Vec<ContactId> {
        self.contacts(self.stock.with_email(key), |c| has(&c.emails, key))
    }

    fn contacts_with_phone(&self, key: &str) -> Vec<ContactId> {
        self.contacts(self.stock.with_phone(key), |c| has(&c.phones, key))
    }

    fn contacts_named(&self, name: &Name) -> Vec<ContactId> {
        self.contacts(self.stock.named(name), |c| c.name.equal_words(name))
    }

    fn contact(&self, id: &ContactId) -> Option<ContactNow> {
        if let Some(now) = self.observed.others.get(id) {
            return Some(now.clone());
        }
        if let Some(ContactSight::Live(now)) =
            self.observed.at.get(id).and_then(|&at| self.rows.get(at)).map(|r| &r.contact)
        {
            return Some((**now).clone());
        }
        let half = self.link_of(id)?.1.contact?;
        Some(ContactNow {
            in_group: self.stock.in_group(id).unwrap_or(false),
            id: half.id,
            stable: half.stable,
            revision: half.revision,
            contact: half.seen,
            changed_at: None,
        })
    }

    fn contact_taken(&self, id: &ContactId) -> Option<Taken> {
        if let Some((link_id, link)) = self.link_of(id) {
            let pair = link.contact.is_some() && link.person.is_some();
            let waits = matches!(link.state, State::Held(_));
            return Some(if waits && pair { Taken::Linked(link_id) } else { taken(link_id, &link) });
        }
        let book = self.member.declared.book.identity();
        let Some(checkpoint) = self.or_nothing(self.peers.contact_of(self.view, &book, id)) else {
            return self.place.contact(id).map(Taken::BeingLinked);
        };
        let elsewhere = checkpoint != self.checkpoint && !self.has_replaced(id, checkpoint);
        elsewhere.then(|| Taken::Elsewhere(self.account_of(checkpoint)))
    }

    fn being_linked(&self, contact: &Contact) -> Option<AccountName> {
        let owner = match self.member.declared.policy.match_in {
            MatchIn::Company => None,
            MatchIn::Owner => Some(self.seat.owner),
        };
        self.place.like(contact, owner).or_else(|| self.journal.like(contact))
    }

    fn contact_double(&self, id: &ContactId) -> Option<ContactId> {
        self.member.provider.double(id)
    }
}

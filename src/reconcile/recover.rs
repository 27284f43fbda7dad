//! What may have been written: looked for, never sent again.
//!
//! After a crash, a cut or a timeout the journal holds intents whose outcome nobody knows. A created contact is looked for
//! under the id that we chose. Pipedrive lets nobody choose: its persons are listed by id downwards to the highest one known
//! when the write was intended, and one unlinked person of the owner with equal name, e-mails and phones is adopted (of twins
//! one each). Changed and deleted ones are read anew; the next pass plans from what is there.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tokio_util::sync::CancellationToken;

use super::feed::to_person;
use super::member::{Member, Seat, Shared};
use super::organizations::store_error;
use super::peers::Peers;
use crate::account::Country;
use crate::adapter::pipedrive::PersonFound;
use crate::adapter::{Error, Found, Wanted};
use crate::contact::{Change, ContactId, Field, Name, PersonId};
use crate::link::{ContactHalf, Link, LinkId, PersonHalf};
use crate::store::{CheckpointId, Intent, IntentId, IntentKind, Op, Person, Side, StoreError, View};

/// Clears the checkpoint's journal. Returns whether there was anything in it.
pub(super) async fn recover(
    shared: &Shared,
    member: &Member,
    seat: &Seat,
    checkpoint: CheckpointId,
    cancel: &CancellationToken,
) -> Result<bool, Error> {
    let all = shared.store.view().and_then(|view| view.intents()).map_err(|error| store_error(&error))?;
    let mine: Vec<(IntentId, Intent)> = all.into_iter().filter(|(_, i)| i.checkpoint == checkpoint).collect();
    if mine.is_empty() {
        return Ok(false);
    }
    tracing::info!(account = %member.name, writes = mine.len(), "looking for writes whose outcome is unknown");
    let _alone = shared.creating.write().await;
    let recovery = Recovery { shared, member, seat, checkpoint, cancel };
    let mut creations = Vec::new();
    for (id, intent) in mine {
        match (&intent.what, intent.side) {
            (IntentKind::Contact(Change::Create { .. }), Side::Pipedrive) => creations.push((id, intent)),
            (IntentKind::Contact(change), Side::Provider) => recovery.contact(id, &intent, change).await?,
            (IntentKind::Contact(change), Side::Pipedrive) => recovery.person(id, &intent, change).await?,
            (IntentKind::Organization { .. }, _) => {
                shared.organizations.relist(shared, cancel).await?;
                shared.store.write(vec![Op::Done(id)]).await.map_err(|error| store_error(&error))?;
            }
        }
    }
    recovery.creations(creations).await?;
    Ok(true)
}

struct Recovery<'a> {
    shared: &'a Shared,
    member: &'a Member,
    seat: &'a Seat,
    checkpoint: CheckpointId,
    cancel: &'a CancellationToken,
}

impl Recovery<'_> {
    /// Persons that may have been created. Of those that look alike each goes to one intent, oldest first, also where that
    /// is another account's of the same owner: what that one will look for later is not taken from it.
    async fn creations(&self, intents: Vec<(IntentId, Intent)>) -> Result<(), Error> {
        if intents.is_empty() {
            return Ok(());
        }
        let mut all = self.of_others()?;
        all.extend(intents);
        all.sort_by_key(|(id, _)| *id);
        let Some(mark) = all.iter().map(|(_, intent)| intent.highest.unwrap_or(0)).min() else { return Ok(()) };
        let mut orphans = self.unlinked_above(PersonId(mark)).await?;
        let country = self.member.declared.policy.country;
        for (id, intent) in all {
            let at = orphans.iter().position(|person| may_have_made(&intent, person, country));
            let person = at.map(|at| orphans.remove(at));
            if intent.checkpoint != self.checkpoint {
                continue;
            }
            let mut ops = vec![Op::Done(id)];
            if let Some(person) = person {
                ops.extend(self.adopt(&intent, &person)?);
                self.shared.mirror.put(&person);
                ops.push(Op::PutPerson(Box::new(person)));
            }
            self.shared.store.write(ops).await.map_err(|error| store_error(&error))?;
        }
        Ok(())
    }

    /// Persons that other accounts of the same owner may have created without knowing.
    fn of_others(&self) -> Result<Vec<(IntentId, Intent)>, Error> {
        let read = || {
            let view = self.shared.store.view()?;
            let owner = self.member.declared.owner.to_lowercase();
            let mut all = creations_of_others(&view, self.member, self.checkpoint)?;
            let mut owners = HashMap::new();
            for (_, intent) in &all {
                if let Entry::Vacant(vacant) = owners.entry(intent.checkpoint) {
                    let theirs = view.checkpoint(intent.checkpoint)?;
                    vacant.insert(theirs.is_some_and(|theirs| theirs.scope.owner == owner));
                }
            }
            all.retain(|(_, intent)| owners.get(&intent.checkpoint) == Some(&true));
            Ok(all)
        };
        read().map_err(|error: StoreError| store_error(&error))
    }

    /// The owner's persons above a mark that no link names; lowest id first.
    async fn unlinked_above(&self, mark: PersonId) -> Result<Vec<Person>, Error> {
        let mut orphans = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self.shared.company.persons_descending(cursor.as_deref(), self.cancel).await?;
            let reached = page.persons.iter().any(|record| record.id <= mark);
            let view = self.shared.store.view().map_err(|error| store_error(&error))?;
            let peers = Peers::of(self.shared.company.identity());
            for record in page.persons {
                // One that another account's pass is about to link is that account's.
                let claimed = self.shared.desk.has_person(record.id, &self.member.name);
                let candidate = record.id > mark && record.owner == self.seat.owner && !record.deleted && !claimed;
                if candidate && is_free(&view, &peers, record.id).map_err(|error| store_error(&error))? {
                    orphans.push(to_person(self.shared, record));
                }
            }
            cursor = page.next;
            if reached || cursor.is_none() {
                break;
            }
        }
        orphans.sort_by_key(|person| person.id);
        orphans.dedup_by_key(|person| person.id);
        Ok(orphans)
    }

    /// Completes the link that waited for its person; the next pass brings over what is still missing of it.
    fn adopt(&self, intent: &Intent, person: &Person) -> Result<Vec<Op>, Error> {
        let Some(id) = intent.link else { return Ok(Vec::new()) };
        let Some(mut link) = self.link(id)? else { return Ok(Vec::new()) };
        let mut seen = person.contact.clone();
        seen.read_phones_in(self.member.declared.policy.country);
        link.person = Some(PersonHalf { id: person.id, seen: seen.into() });
        let put = Op::PutLink { checkpoint: self.checkpoint, id, link: Box::new(link) };
        Ok(vec![put, Op::Touch(self.checkpoint, person.id)])
    }

    fn link(&self, id: LinkId) -> Result<Option<Link>, Error> {
        self.shared.store.view().and_then(|view| view.link(self.checkpoint, id)).map_err(|error| store_error(&error))
    }

    /// A contact in the provider's book: the listing will say what became of it; a creation is looked for by its id.
    async fn contact(&self, id: IntentId, intent: &Intent, change: &Change) -> Result<(), Error> {
        let mut ops = vec![Op::Done(id)];
        if let Change::Create { chosen: Some(chosen), .. } = change
            && let Some(link_id) = intent.link
            && let Some(mut link) = self.link(link_id)?
        {
            let wanted = [Wanted { id: chosen.clone(), stable: Some(stable_of(chosen)) }];
            let found = self.member.provider.read(&wanted, self.cancel).await?;
            if let Some(Found::Live { seen, .. }) = found.into_iter().next() {
                let joined = seen.in_group;
                let (revision, stable) = (seen.revision, seen.stable);
                link.contact = Some(ContactHalf { id: seen.id, stable, revision, seen: seen.contact.into(), joined });
                ops.push(Op::PutLink { checkpoint: self.checkpoint, id: link_id, link: Box::new(link) });
            }
        }
        if let Change::Delete { id: deleted } = change {
            let link = intent.link.map(|link| self.link(link)).transpose()?.flatten();
            let stable = link.and_then(|link| link.contact?.stable);
            let found = self.member.provider.read(&[Wanted { id: deleted.clone(), stable }], self.cancel).await?;
            if matches!(found.first(), Some(Found::Gone)) {
                ops.push(Op::CountDeletion { checkpoint: self.checkpoint, at: intent.at });
            }
        }
        self.shared.store.write(ops).await.map_err(|error| store_error(&error))
    }

    /// A person that was to be changed or deleted: read, and looked at by the next pass.
    async fn person(&self, id: IntentId, intent: &Intent, change: &Change) -> Result<(), Error> {
        let mut ops = vec![Op::Done(id)];
        if let Some(person) = change.id().and_then(PersonId::parse) {
            ops.push(Op::Touch(self.checkpoint, person));
            match self.shared.company.person(person, self.cancel).await? {
                PersonFound::Live { record, .. } => {
                    let person = to_person(self.shared, *record);
                    self.shared.mirror.put(&person);
                    ops.push(Op::PutPerson(Box::new(person)));
                }
                PersonFound::Deleted { .. } | PersonFound::NotFound => {
                    self.shared.mirror.remove(person);
                    ops.push(Op::RemovePerson(person));
                    if matches!(change, Change::Delete { .. }) {
                        ops.push(Op::CountDeletion { checkpoint: self.checkpoint, at: intent.at });
                    }
                }
            }
        }
        self.shared.store.write(ops).await.map_err(|error| store_error(&error))
    }
}

/// Whether a person is no half of any link of this company. A hold that merely lists it does not count.
pub(super) fn is_free(view: &View, peers: &Peers, id: PersonId) -> Result<bool, StoreError> {
    for (checkpoint, link) in peers.links_to(view, id)? {
        if view.link(checkpoint, link)?.is_some_and(|link| link.person_id() == Some(id)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The persons that declared accounts other than this checkpoint's intended to create, and may have.
pub(super) fn creations_of_others(
    view: &View,
    member: &Member,
    own: CheckpointId,
) -> Result<Vec<(IntentId, Intent)>, StoreError> {
    let mut named: HashMap<CheckpointId, bool> = HashMap::new();
    let mut sought = Vec::new();
    for (id, intent) in view.intents()? {
        let creation = matches!(&intent.what, IntentKind::Contact(Change::Create { .. }));
        if !creation || intent.side != Side::Pipedrive || intent.checkpoint == own {
            continue;
        }
        let is_named = match named.entry(intent.checkpoint) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                *new.insert(view.name_of(intent.checkpoint)?.is_some_and(|name| member.is_declared(&name)))
            }
        };
        sought.extend(is_named.then_some((id, intent)));
    }
    Ok(sought)
}

/// Whether this intent, if it was carried out, may have made this person: it is newer, with equal name, e-mails and phones.
pub(super) fn may_have_made(intent: &Intent, person: &Person, country: Option<Country>) -> bool {
    let IntentKind::Contact(Change::Create { contact, .. }) = &intent.what else { return false };
    if person.id.0 <= intent.highest.unwrap_or(0) {
        return false;
    }
    // The cheap questions first: this is asked of every intent and every person that nobody has.
    let name = Name::display(&contact.shown_name().unwrap_or_default());
    if !name.same(&person.contact.name) || !contact.same_in(&person.contact, Field::Emails) {
        return false;
    }
    let (mut intended, mut found) = ((**contact).clone(), person.contact.clone());
    intended.read_phones_in(country);
    found.read_phones_in(country);
    intended.same_in(&found, Field::Phones)
}

/// The stable identity of a contact whose id we chose: the same text.
fn stable_of(chosen: &ContactId) -> String {
    chosen.to_string()
}

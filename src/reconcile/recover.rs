//! What may have been written: looked for, never sent again.
//!
//! After a crash, a cut or a timeout the journal holds intents whose outcome nobody knows. A created contact is looked for
//! under the id that we chose. Pipedrive lets nobody choose: its persons are listed by id downwards to the highest one known
//! when the write was intended, and one unlinked person of the owner with equal name, e-mails and phones is adopted (of twins
//! one each). Changed and deleted ones are read anew; the next pass plans from what is there.

use tokio_util::sync::CancellationToken;

use super::feed::to_person;
use super::member::{Member, Seat, Shared};
use super::organizations::store_error;
use super::peers::Peers;
use crate::adapter::pipedrive::{PersonFound, PersonRecord};
use crate::adapter::{Error, Found, Wanted};
use crate::contact::{Change, Contact, ContactId, Field, PersonId};
use crate::link::{ContactHalf, Link, LinkId, PersonHalf};
use crate::store::{CheckpointId, Intent, IntentId, IntentKind, Op, Person, Side, View};

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
            (IntentKind::Contact(change), Side::Pipedrive) => recovery.person(id, change).await?,
            (IntentKind::Organization { .. }, _) => {
                shared.organizations.refresh(shared, cancel).await?;
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
    /// Persons that may have been created.
    async fn creations(&self, intents: Vec<(IntentId, Intent)>) -> Result<(), Error> {
        let Some(mark) = intents.iter().filter_map(|(_, intent)| intent.highest).min() else { return Ok(()) };
        let mut orphans = self.unlinked_above(PersonId(mark)).await?;
        for (id, intent) in intents {
            let IntentKind::Contact(Change::Create { contact, .. }) = &intent.what else { continue };
            let above = PersonId(intent.highest.unwrap_or(0));
            let at = orphans.iter().position(|p| p.id > above && self.is_same(contact, &p.contact));
            let mut ops = vec![Op::Done(id)];
            if let Some(at) = at {
                let person = orphans.remove(at);
                ops.extend(self.adopt(&intent, &person)?);
                self.shared.mirror.put(&person);
                ops.push(Op::PutPerson(Box::new(person)));
            }
            self.shared.store.write(ops).await.map_err(|error| store_error(&error))?;
        }
        Ok(())
    }

    /// The owner's persons above a mark that no link names; lowest id first.
    async fn unlinked_above(&self, mark: PersonId) -> Result<Vec<Person>, Error> {
        let mut orphans = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = self.shared.company.persons_descending(cursor.as_deref(), self.cancel).await?;
            let reached = page.persons.iter().any(|record| record.id <= mark);
            let view = self.shared.store.view().map_err(|error| store_error(&error))?;
            let peers = Peers::of(&view, self.shared.company.identity()).map_err(|error| store_error(&error))?;
            for record in page.persons {
                if record.id > mark
                    && record.owner == self.seat.owner
                    && !record.deleted
                    && is_free(&view, &peers, &record)?
                {
                    orphans.push(to_person(self.shared, record));
                }
            }
            cursor = page.next;
            if reached || cursor.is_none() {
                break;
            }
        }
        orphans.sort_by_key(|person| person.id);
        Ok(orphans)
    }

    fn is_same(&self, intended: &Contact, found: &Contact) -> bool {
        let country = self.member.declared.policy.country;
        let (mut intended, mut found) = (intended.clone(), found.clone());
        intended.read_phones_in(country);
        found.read_phones_in(country);
        intended.name = crate::contact::Name::display(&intended.shown_name().unwrap_or_default());
        [Field::Name, Field::Emails, Field::Phones].into_iter().all(|field| intended.same_in(&found, field))
    }

    /// Completes the link that waited for its person.
    fn adopt(&self, intent: &Intent, person: &Person) -> Result<Vec<Op>, Error> {
        let Some(id) = intent.link else { return Ok(Vec::new()) };
        let Some(mut link) = self.link(id)? else { return Ok(Vec::new()) };
        let mut seen = person.contact.clone();
        seen.read_phones_in(self.member.declared.policy.country);
        link.person = Some(PersonHalf { id: person.id, seen });
        Ok(vec![Op::PutLink { checkpoint: self.checkpoint, id, link: Box::new(link) }])
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
                link.contact = Some(ContactHalf { id: seen.id, stable, revision, seen: seen.contact, joined });
                ops.push(Op::PutLink { checkpoint: self.checkpoint, id: link_id, link: Box::new(link) });
            }
        }
        self.shared.store.write(ops).await.map_err(|error| store_error(&error))
    }

    /// A person that was to be changed or deleted: read, and looked at by the next pass.
    async fn person(&self, id: IntentId, change: &Change) -> Result<(), Error> {
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
                }
            }
        }
        self.shared.store.write(ops).await.map_err(|error| store_error(&error))
    }
}

fn is_free(view: &View, peers: &Peers, record: &PersonRecord) -> Result<bool, Error> {
    let links = peers.links_to(view, record.id).map_err(|error| store_error(&error))?;
    Ok(links.is_empty())
}

/// The stable identity of a contact whose id we chose: the same text.
fn stable_of(chosen: &ContactId) -> String {
    chosen.0.clone()
}

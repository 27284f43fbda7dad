//! One step: its writes in order, and the transaction that records them.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::apply::{Apply, Prepared, key_of, organization_of};
use super::feed::to_person;
use super::inherit::taken_over;
use super::organizations::store_error;
use super::settle::seen_after;
use crate::adapter::pipedrive::PersonFound;
use crate::adapter::{Book, Error, Kind, Seen, Written};
use crate::contact::{Change, Contact, ContactId, Field, FieldChange, Fields, PersonId, PhotoHash, Revision};
use crate::link::{ContactHalf, Hold, HoldCause, Link, LinkId, PersonHalf, State};
use crate::plan::{self, Reason, Side, Step, Then};
use crate::store::{Counts, HistoryEntry, IntentId, Op, Person, StoreError, TodoKey};

/// How a step ended.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) provider: Counts,
    pub(super) pipedrive: Counts,
    pub(super) reason: &'static str,
    /// The contact as the provider's book holds it now, and whether it is in the group.
    pub(super) provider_now: Option<(ContactHalf, bool)>,
    pub(super) provider_gone: Option<ContactId>,
    pub(super) touch: Vec<PersonId>,
    /// Somebody else changed it between the plan and the write.
    pub(super) look_again: Option<TodoKey>,
    pub(super) failed: Option<(Option<TodoKey>, Error)>,
}

impl Done {
    fn of(&mut self, side: Side) -> &mut Counts {
        match side {
            Side::Provider => &mut self.provider,
            Side::Pipedrive => &mut self.pipedrive,
        }
    }
}

/// A step being carried out.
pub(super) struct Doing<'a> {
    pub(super) apply: &'a Apply<'a>,
    /// Another step of the pass has met something that stops them all.
    pub(super) stop: &'a CancellationToken,
    /// Who may hold a picture.
    pub(super) pictures: &'a Semaphore,
}

/// A step's link and its transaction in the making.
struct Draft {
    step: Step,
    link: LinkId,
    value: Option<Link>,
    ops: Vec<Op>,
    done: Done,
}

impl Doing<'_> {
    /// Carries the step out. An error is the store's: nothing more can be recorded, so nothing more may be written.
    pub(super) async fn run(self, prepared: Prepared) -> Result<Done, Error> {
        let Prepared { mut step, link, intents } = prepared;
        let mut value = if let Then::Keep(link) = &step.then { Some((**link).clone()) } else { None };
        let writes = std::mem::take(&mut step.writes);
        let pictured = writes.iter().any(|write| fields(&write.change).any(|field| field == Field::Photo));
        if let Some(link) = value.as_mut().filter(|_| pictured) {
            // Noted once it is uploaded or refused.
            link.photo = None;
        }
        let done = Done { reason: step.reason.as_str(), ..Done::default() };
        let mut draft = Draft { step, link, value, ops: Vec::new(), done };
        let mut rest = writes.into_iter().zip(intents);
        for (write, intent) in rest.by_ref() {
            let touched: Vec<Field> = fields(&write.change).collect();
            let outcome = if self.stop.is_cancelled() || self.apply.cancel.is_cancelled() {
                Err(Error::new(Kind::Cancelled, "the pass stopped before this contact's turn"))
            } else {
                self.write(&mut draft, write.side, write.change, intent).await
            };
            if let Err(error) = outcome {
                // An unknown outcome stays in the journal until it is looked for.
                if error.kind != Kind::UnknownOutcome {
                    draft.ops.push(Op::Done(intent));
                }
                draft.done.failed = Some((key_of(&draft.step), error));
                draft.disagree(touched);
                break;
            }
        }
        for (write, intent) in rest {
            draft.disagree(fields(&write.change));
            draft.ops.push(Op::Done(intent));
        }
        self.finish(draft).await
    }

    async fn write(&self, draft: &mut Draft, on: Side, change: Change, intent: IntentId) -> Result<(), Error> {
        let (change, photo) = without_photo(change);
        if let Some(change) = change {
            let before = draft.seen(on).cloned();
            let written = self.send(draft, on, &change).await?;
            self.took(draft, on, &change, written);
            self.remember(draft, on, change, before);
        }
        if let Some(source) = photo {
            self.photo(draft, source).await?;
        }
        draft.ops.push(Op::Done(intent));
        Ok(())
    }

    async fn send(&self, draft: &mut Draft, on: Side, change: &Change) -> Result<Written, Error> {
        let book: &dyn Book = match on {
            Side::Provider => &*self.apply.member.provider,
            Side::Pipedrive => &self.apply.seat.persons,
        };
        let organization = organization_of(change).filter(|_| on == Side::Pipedrive);
        let named = organization.and_then(|name| Some((name, self.apply.seat.persons.names().id_of(name)?)));
        let mut answer = put(book, change, self.apply.cancel).await;
        if let (Err(Error { kind: Kind::Invalid | Kind::Forbidden, .. }), Some(named)) = (&answer, named)
            && self.apply.shared.organizations.renew(&self.apply.asked(), named, self.apply.cancel).await?
        {
            // Refused because of its organization, and not done.
            answer = put(book, change, self.apply.cancel).await;
        }
        if let (Err(Error { kind: Kind::Stale, .. }), Side::Pipedrive, Some(id)) = (&answer, on, change.id()) {
            self.freshen(draft, PersonId::parse(id)).await?;
        }
        answer
    }

    /// Reads a person that changed since it was planned, so that the next pass merges what is there now.
    async fn freshen(&self, draft: &mut Draft, person: Option<PersonId>) -> Result<(), Error> {
        let Some(id) = person else { return Ok(()) };
        draft.done.touch.push(id);
        if let PersonFound::Live { record, .. } = self.apply.shared.company.person(id, self.apply.cancel).await? {
            let person = to_person(self.apply.shared, *record);
            self.apply.shared.mirror.put(&person);
            draft.ops.push(Op::PutPerson(Box::new(person)));
        }
        Ok(())
    }

    /// Takes a book's answer into the link and the mirror.
    fn took(&self, draft: &mut Draft, on: Side, change: &Change, written: Written) {
        match (on, written) {
            (Side::Provider, Written::Now(seen)) => {
                let expected = draft.seen(on).and_then(|before| change.applied_to(before)).unwrap_or_default();
                let joined = seen.in_group || draft.joined();
                let mut half = ContactHalf {
                    id: seen.id,
                    stable: seen.stable,
                    revision: seen.revision,
                    seen: seen.contact.into(),
                    joined,
                };
                draft.done.provider_now = Some((half.clone(), seen.in_group));
                if let Some(before) = draft.seen(on) {
                    let (seen, news) = seen_after(before, change, half.seen);
                    half.seen = seen;
                    if news {
                        // No revision is known: whatever is listed next is news.
                        half.revision = Revision::from("");
                        draft.done.look_again = Some(TodoKey::Contact(half.id.clone()));
                    }
                }
                if let Some(link) = &mut draft.value {
                    link.chosen = plan::follow(link.chosen, &expected.addresses, &half.seen.addresses);
                    if !joined && joins(change) {
                        // The book would say so again after every pass.
                        let (persons, contacts) = (Vec::new(), Vec::new());
                        link.state = State::Held(Hold { cause: HoldCause::NotJoined, persons, contacts });
                    }
                    link.contact = Some(half);
                }
            }
            (Side::Provider, Written::Deleted) => draft.done.provider_gone = change.id().cloned(),
            (Side::Pipedrive, Written::Now(seen)) => self.person_now(draft, change, *seen),
            (Side::Pipedrive, Written::Deleted) => {
                if let Some(id) = change.id().and_then(PersonId::parse) {
                    self.apply.shared.mirror.remove(id);
                    draft.ops.push(Op::RemovePerson(id));
                }
            }
        }
        let counts = draft.done.of(on);
        match change {
            Change::Create { .. } => counts.added = 1,
            Change::Patch { .. } => counts.updated = 1,
            Change::Delete { .. } => {
                counts.deleted = 1;
                let at = self.apply.shared.clock.now();
                draft.ops.push(Op::CountDeletion { checkpoint: self.apply.work, at });
            }
        }
    }

    fn person_now(&self, draft: &mut Draft, change: &Change, seen: Seen) {
        let Some(id) = PersonId::parse(&seen.id) else { return };
        let stored = self.apply.shared.store.view().and_then(|view| view.person(id)).ok().flatten();
        let seat = self.apply.seat;
        let names = seat.persons.names();
        let person = Person {
            id,
            owner: stored.as_ref().map_or(seat.owner, |p| p.owner),
            visible_to: stored.as_ref().map_or(seat.visible_to, |p| p.visible_to),
            organization: seen.contact.organization.as_deref().and_then(|name| names.id_of(name)),
            update_time: seen.changed_at,
            add_time: stored.as_ref().and_then(|p| p.add_time),
            picture: seen.contact.photo.is_some(),
            open_deals: stored.as_ref().and_then(|p| p.open_deals),
            contact: seen.contact.clone(),
        };
        self.apply.shared.mirror.put(&person);
        draft.ops.push(Op::PutPerson(Box::new(person)));
        let mut contact = seen.contact;
        contact.read_phones_in(self.apply.member.declared.policy.country);
        let mut contact = Arc::new(contact);
        if let Some(before) = draft.seen(Side::Pipedrive) {
            let (seen, news) = seen_after(before, change, contact);
            contact = seen;
            if news {
                draft.done.look_again = Some(TodoKey::Person(id));
            }
        }
        if let Some(link) = &mut draft.value {
            link.person = Some(PersonHalf { id, seen: contact });
        }
    }

    fn remember(&self, draft: &mut Draft, on: Side, change: Change, before: Option<Contact>) {
        let contact = draft.step.contact.clone();
        let person = draft.value.as_ref().and_then(Link::person_id).or(draft.step.person);
        let raw = match on {
            Side::Provider => contact.as_ref().and_then(|id| self.apply.records.contacts.get(id)).cloned(),
            Side::Pipedrive => person.and_then(|id| self.apply.records.persons.get(&id)).cloned(),
        };
        draft.ops.push(Op::History(Box::new(HistoryEntry {
            checkpoint: self.apply.work,
            pass: self.apply.pass,
            at: self.apply.shared.clock.now(),
            side: on,
            link: draft.link,
            contact,
            person,
            change,
            before,
            raw,
            reason: draft.step.reason.as_str().to_owned(),
            losers: draft.step.losers.iter().map(|(field, value)| format!("{field}: {value}")).collect(),
        })));
    }

    /// Uploads a picture. One that is too small or refused is noted and never fails its contact.
    async fn photo(&self, draft: &mut Draft, source: PhotoHash) -> Result<(), Error> {
        let Some(link) = &mut draft.value else { return Ok(()) };
        let (Some(contact), Some(person)) = (link.contact_id().cloned(), link.person_id()) else { return Ok(()) };
        let member = self.apply.member;
        // Never closed; without a permit it would only be one picture more.
        let _turn = self.pictures.acquire().await;
        let bytes = member.provider.photo(&contact, self.apply.cancel).await?;
        let Some(bytes) = bytes.filter(|bytes| source.may_be(bytes)) else { return Ok(()) };
        match self.apply.shared.company.upload_photo(person, &bytes, self.apply.cancel).await {
            Ok(()) => draft.done.pipedrive.updated = u64::from(draft.done.pipedrive.added == 0),
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::Forbidden | Kind::UnknownOutcome) => {
                tracing::info!(account = %member.name, link = %draft.link, error = %error, "a picture was not uploaded");
            }
            Err(error) => return Err(error),
        }
        link.photo = Some(source);
        Ok(())
    }

    /// What accounts that are no longer declared lose by a pair that is linked anew.
    fn taken_over(&self, step: &Step) -> Result<Vec<Op>, StoreError> {
        let Apply { shared, member, work, .. } = *self.apply;
        let Some(person) = step.person else { return Ok(Vec::new()) };
        taken_over(&shared.store.view()?, &member.peers(shared, work), person)
    }

    /// Records the step: its link as far as it came, its history, and that its writes are done.
    async fn finish(&self, mut draft: Draft) -> Result<Done, Error> {
        let (checkpoint, id) = (self.apply.work, draft.link);
        let failed = draft.done.failed.is_some();
        match (&draft.step.then, draft.value.take()) {
            // What was not carried out keeps its link as it was, but for what was written before it failed.
            (Then::Keep(_), Some(link)) if !failed => {
                draft.ops.push(Op::PutLink { checkpoint, id, link: Box::new(link) });
            }
            (Then::Keep(_), Some(link)) if draft.done.provider.added + draft.done.pipedrive.added > 0 => {
                draft.ops.push(Op::PutLink { checkpoint, id, link: Box::new(link) });
            }
            (Then::Forget, _) if !failed => draft.ops.push(Op::RemoveLink { checkpoint, id }),
            _ => {}
        }
        if matches!(draft.step.reason, Reason::Matched | Reason::Survivor) && !failed {
            draft.ops.extend(self.taken_over(&draft.step).map_err(|error| store_error(&error))?);
        }
        if let Some(id) = draft.step.absorbs.filter(|_| !failed) {
            draft.ops.push(Op::RemoveLink { checkpoint, id });
        }
        if !draft.ops.is_empty() {
            self.apply.shared.store.write(draft.ops).await.map_err(|error| store_error(&error))?;
        }
        Ok(draft.done)
    }
}

impl Draft {
    fn seen(&self, on: Side) -> Option<&Contact> {
        let link = self.value.as_ref()?;
        match on {
            Side::Provider => link.contact.as_ref().map(|half| &*half.seen),
            Side::Pipedrive => link.person.as_ref().map(|half| &*half.seen),
        }
    }

    /// These fields were not written: both sides do not agree on them, whatever the plan meant the link to say.
    fn disagree(&mut self, fields: impl IntoIterator<Item = Field>) {
        let unsaid = Contact { unsaid: Fields::ALL, ..Contact::default() };
        if let Some(link) = &mut self.value {
            fields.into_iter().for_each(|field| Arc::make_mut(&mut link.base).take(&unsaid, field));
        }
    }

    fn joined(&self) -> bool {
        self.value.as_ref().and_then(|link| link.contact.as_ref()).is_some_and(|half| half.joined)
    }
}

async fn put(book: &dyn Book, change: &Change, cancel: &CancellationToken) -> Result<Written, Error> {
    let answer = book.write(std::slice::from_ref(change), cancel).await.pop();
    answer.unwrap_or_else(|| Err(Error::new(Kind::Unavailable, "the book gave no answer to a change")))
}

/// The fields that a patch writes.
fn fields(change: &Change) -> impl Iterator<Item = Field> + use<'_> {
    let fields = if let Change::Patch { fields, .. } = change { fields.as_slice() } else { &[] };
    fields.iter().filter_map(FieldChange::field)
}

/// Whether a change asks the book to put the contact into the group.
fn joins(change: &Change) -> bool {
    matches!(change, Change::Patch { fields, .. } if fields.contains(&FieldChange::JoinGroup))
}

/// Parts a change from the picture in it: its bytes go another way.
fn without_photo(change: Change) -> (Option<Change>, Option<PhotoHash>) {
    let Change::Patch { id, fields } = change else { return (Some(change), None) };
    let (photos, fields): (Vec<_>, Vec<_>) = fields.into_iter().partition(|f| matches!(f, FieldChange::Photo { .. }));
    let photo =
        photos.into_iter().find_map(|f| if let FieldChange::Photo { source } = f { Some(source) } else { None });
    ((!fields.is_empty()).then_some(Change::Patch { id, fields }), photo)
}

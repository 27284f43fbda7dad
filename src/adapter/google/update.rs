//! Updates: read, compared with what the plan saw, edited, and sent with the version that was read.
//!
//! A contact that changes between our read and our write is read and edited again, three times at most. Where nobody knows
//! whether an update was done, reading it again tells.

use serde_json::{Map, Value, json};

use super::listing::SOURCE;
use super::patch::{self, Edit, Mask};
use super::person::{MASK, Person};
use super::refusal::contact_error;
use super::write::{BATCH, BATCH_PAYS, Round, TRIES, refuse_all};
use super::{Task, api};
use crate::adapter::{Error, Kind, Written};
use crate::contact::{Change, ContactId, FieldChange};

/// A patch on its way.
pub(super) struct Update {
    task: Task,
    id: ContactId,
    /// It was sent, and nobody knows whether it was done.
    doubt: Option<Error>,
}

/// An update with the body that it will have.
struct Ready {
    update: Update,
    edit: Edit,
    mask: Mask,
    name: String,
}

/// What became of the updates of one try.
#[derive(Default)]
struct Sent {
    /// To be read again.
    again: Vec<Update>,
    /// Done but for joining the group.
    joining: Vec<(Task, ContactId)>,
}

impl Round<'_> {
    pub(super) async fn update(&self, tasks: Vec<Task>) {
        let mut sent = Sent { again: tasks.into_iter().filter_map(Update::new).collect(), joining: Vec::new() };
        for attempt in 0..=TRIES {
            let open = std::mem::take(&mut sent.again);
            if open.is_empty() {
                break;
            }
            let ready = self.prepare(open, attempt, &mut sent).await;
            self.send(ready, &mut sent).await;
        }
        self.join(sent.joining).await;
    }

    /// Reads the contacts and edits them; answers what is gone, stale, done already, or was tried too often.
    async fn prepare(&self, open: Vec<Update>, attempt: usize, sent: &mut Sent) -> Vec<Ready> {
        let ids: Vec<ContactId> = open.iter().map(|update| update.id.clone()).collect();
        let people = match self.fetch(&ids).await {
            Ok(people) => people,
            Err(error) => {
                for update in open {
                    update.fail(error.clone());
                }
                return Vec::new();
            }
        };
        let mut ready = Vec::new();
        for update in open {
            let Some(person) = people.get(&update.id) else {
                update.fail(Error::new(Kind::NotFound, "google: the contact to update is deleted"));
                continue;
            };
            let edit = match patch::apply(person.clone(), update.fields(), self.book.country) {
                Ok(edit) => edit,
                Err(error) => {
                    update.task.answer(Err(error));
                    continue;
                }
            };
            let mask = edit.mask();
            if mask.is_empty() {
                self.done(update, edit.person(), sent);
            } else if let Some(error) = update.doubt {
                update.task.answer(Err(error));
            } else if attempt == TRIES {
                let text = "google: the contact kept changing while it was being written; it is planned anew";
                update.task.answer(Err(Error::new(Kind::Stale, text)));
            } else if let Some(name) = self.book.known.resource_name(&update.id) {
                ready.push(Ready { update, edit, mask, name });
            }
        }
        ready
    }

    /// Sends what is ready: one by one where that is cheaper, else in batches of those that write the same fields.
    async fn send(&self, mut ready: Vec<Ready>, sent: &mut Sent) {
        if ready.len() < BATCH_PAYS {
            for one in ready {
                self.send_one(one, sent).await;
            }
            return;
        }
        ready.sort_by(|a, b| a.mask.cmp(&b.mask));
        let mut ready = ready.into_iter().peekable();
        while ready.peek().is_some() {
            let batch: Vec<Ready> = ready.by_ref().take(BATCH).collect();
            self.send_batch(batch, sent).await;
        }
    }

    async fn send_one(&self, ready: Ready, sent: &mut Sent) {
        let body = match ready.edit.body(&ready.mask) {
            Ok(body) => body,
            Err(error) => return ready.update.fail(error),
        };
        let fields = joined(&ready.mask);
        let query = [("updatePersonFields", fields.as_str()), ("personFields", MASK), ("sources", SOURCE)];
        let request = self.book.api.to_one(&api::UPDATE, &ready.name).query(&query).json(&body);
        match self.call(request, &api::UPDATE).await {
            Ok(person) => self.wrote(ready.update, &Person(person), sent),
            Err(refusal) => ready.update.refused(refusal.error, sent),
        }
    }

    /// One call for all: each sends every field that any of them writes, since a masked field that is left out is cleared.
    async fn send_batch(&self, mut batch: Vec<Ready>, sent: &mut Sent) {
        let mut alone = Vec::new();
        while !batch.is_empty() {
            let mask: Mask = batch.iter().flat_map(|ready| ready.mask.iter().copied()).collect();
            let mut contacts = Map::new();
            for ready in &batch {
                // One without a version was refused when it was read.
                contacts.insert(ready.name.clone(), ready.edit.body(&mask).unwrap_or_default());
            }
            let body =
                json!({"contacts": contacts, "updateMask": joined(&mask), "readMask": MASK, "sources": [SOURCE]});
            let request = self.book.api.to(&api::BATCH_UPDATE).json(&body);
            match self.call(request, &api::BATCH_UPDATE).await {
                Ok(mut answer) => {
                    for ready in batch.drain(..) {
                        match result(&mut answer, &ready.name) {
                            Ok(person) => self.wrote(ready.update, &person, sent),
                            Err(error) => ready.update.refused(error, sent),
                        }
                    }
                }
                Err(refusal) => {
                    let (blamed, rest): (Vec<Ready>, Vec<Ready>) =
                        batch.into_iter().partition(|ready| refusal.contacts.contains_key(&ready.name));
                    if blamed.is_empty() {
                        for ready in rest {
                            ready.update.refused(refusal.error.clone(), sent);
                        }
                        break;
                    }
                    for ready in blamed {
                        match refusal.contacts.get(&ready.name) {
                            // Perhaps for a field that only others write.
                            Some(error) if error.kind == Kind::Invalid && ready.mask != mask => alone.push(ready),
                            Some(error) => ready.update.refused(error.clone(), sent),
                            None => {}
                        }
                    }
                    batch = rest;
                }
            }
        }
        for ready in alone {
            self.send_one(ready, sent).await;
        }
    }

    fn wrote(&self, update: Update, person: &Person, sent: &mut Sent) {
        if person.id().is_none() || person.etag().is_none() {
            return update.refused(api::malformed(&api::UPDATE, "the updated contact has no id or version"), sent);
        }
        self.book.recent.wrote(&update.id, person, self.book.api.clock.now());
        self.done(update, person, sent);
    }

    fn done(&self, update: Update, person: &Person, sent: &mut Sent) {
        let id = person.id().unwrap_or_else(|| update.id.clone());
        let seen = self.seen(id.clone(), person);
        if seen.in_group || !update.fields().contains(&FieldChange::JoinGroup) {
            update.task.answer(Ok(Written::Now(seen)));
        } else {
            sent.joining.push((update.task, id));
        }
    }
}

impl Update {
    fn new(task: Task) -> Option<Self> {
        let Change::Patch { id, .. } = &task.ask else {
            refuse_all([task], &super::stopped());
            return None;
        };
        let id = id.clone();
        Some(Self { task, id, doubt: None })
    }

    fn fields(&self) -> &[FieldChange] {
        if let Change::Patch { fields, .. } = &self.task.ask { fields } else { &[] }
    }

    /// It cannot be read: what was sent before is still unknown.
    fn fail(self, error: Error) {
        let error = self.doubt.unwrap_or(error);
        self.task.answer(Err(error));
    }

    /// It was sent and refused, or never answered.
    fn refused(self, error: Error, sent: &mut Sent) {
        match error.kind {
            Kind::Stale => sent.again.push(self),
            Kind::UnknownOutcome => sent.again.push(Self { doubt: Some(error), ..self }),
            _ => self.task.answer(Err(error)),
        }
    }
}

/// One contact of a batch's answer.
fn result(answer: &mut Value, name: &str) -> Result<Person, Error> {
    let unclear = || api::malformed(&api::BATCH_UPDATE, "a contact of the batch is not in the answer");
    let response = answer.get_mut("updateResult").and_then(|results| results.get_mut(name)).ok_or_else(unclear)?;
    if let Some(person) = response.get_mut("person").map(Value::take) {
        return Ok(Person(person));
    }
    Err(response.get("status").map_or_else(unclear, contact_error))
}

fn joined(mask: &Mask) -> String {
    mask.iter().copied().collect::<Vec<_>>().join(",")
}

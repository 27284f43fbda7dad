//! Deletions: only of a contact that still says what it last said here. Google keeps them in its trash for 30 days.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::person::Person;
use super::write::{Round, TRIES, refuse_all};
use super::{Task, api, said};
use crate::adapter::{Error, Kind, Written};
use crate::contact::{Change, ContactId};

/// The most that a call takes.
const BATCH: usize = 500;
/// From how many on a batch costs no more units than single calls.
const BATCH_PAYS: usize = 10;

/// A deletion on its way.
struct Deletion {
    task: Task,
    id: ContactId,
    name: String,
    person: Person,
}

impl Round<'_> {
    pub(super) async fn delete(&self, tasks: Vec<Task>) {
        let mut tasks = tasks.into_iter().peekable();
        while tasks.peek().is_some() {
            self.delete_batch(tasks.by_ref().take(BATCH).collect()).await;
        }
    }

    /// Reads, compares and deletes; where a call leaves open what it did, reading again tells.
    async fn delete_batch(&self, mut tasks: Vec<Task>) {
        let mut last = None;
        for _ in 0..TRIES {
            let ids: Vec<ContactId> = tasks.iter().filter_map(|task| task.ask.id().cloned()).collect();
            let people = match self.fetch(&ids).await {
                Ok(people) => people,
                Err(error) => return refuse_all(tasks, &last.unwrap_or(error)),
            };
            let ready = self.comparing(std::mem::take(&mut tasks), people);
            if let Some(error) = last.take_if(|error: &mut Error| error.kind == Kind::UnknownOutcome) {
                // It is still there: whoever looks later may know more.
                return refuse_all(ready.into_iter().map(|deletion| deletion.task), &error);
            }
            let (open, error) = if ready.len() < BATCH_PAYS {
                self.delete_singly(ready).await
            } else {
                self.delete_together(ready).await
            };
            (tasks, last) = (open, error);
            if tasks.is_empty() {
                return;
            }
        }
        refuse_all(tasks, &last.unwrap_or_else(super::stopped));
    }

    /// Answers deletions of what is gone already, and of what has changed.
    fn comparing(&self, tasks: Vec<Task>, mut people: HashMap<ContactId, Person>) -> Vec<Deletion> {
        let mut ready = Vec::with_capacity(tasks.len());
        for task in tasks {
            let Change::Delete { id } = &task.ask else { continue };
            let id = id.clone();
            let found = people.remove(&id).and_then(|person| Some((self.book.known.resource_name(&id)?, person)));
            let Some((name, person)) = found else {
                self.book.known.forget(&id);
                task.answer(Ok(Written::Deleted));
                continue;
            };
            let revision = said::revision(&said::contact(&person, self.book.country), self.scope.holds(&person));
            if self.book.known.is_current(&id, &revision) {
                ready.push(Deletion { task, id, name, person });
            } else {
                let text = "google: the contact was changed since its deletion was planned; it was left alone";
                task.answer(Err(Error::new(Kind::Stale, text)));
            }
        }
        ready
    }

    async fn delete_singly(&self, ready: Vec<Deletion>) -> (Vec<Task>, Option<Error>) {
        let (mut open, mut doubt) = (Vec::new(), None);
        for deletion in ready {
            let request = self.book.api.to_one(&api::DELETE, &deletion.name);
            match self.call(request, &api::DELETE).await.map_err(|refusal| refusal.error) {
                Ok(_) | Err(Error { kind: Kind::NotFound, .. }) => self.deleted(deletion),
                Err(error) if error.kind == Kind::UnknownOutcome => {
                    open.push(deletion.task);
                    doubt = Some(error);
                }
                Err(error) => deletion.task.answer(Err(error)),
            }
        }
        (open, doubt)
    }

    async fn delete_together(&self, ready: Vec<Deletion>) -> (Vec<Task>, Option<Error>) {
        let names: Value = ready.iter().map(|deletion| deletion.name.as_str()).collect();
        let request = self.book.api.to(&api::BATCH_DELETE).json(&json!({ "resourceNames": names }));
        let sent = self.call(request, &api::BATCH_DELETE).await.map_err(|refusal| refusal.error);
        match sent {
            Ok(_) => ready.into_iter().for_each(|deletion| self.deleted(deletion)),
            // What we have just created may not be told although it is there: the service alone can say which one is gone.
            Err(error) if error.kind == Kind::NotFound => {
                let now = self.book.api.clock.now();
                let is_new = |deletion: &Deletion| self.book.recent.unseen(&deletion.id, now).is_some();
                let (new, old): (Vec<_>, Vec<_>) = ready.into_iter().partition(is_new);
                let (mut open, doubt) = self.delete_singly(new).await;
                open.extend(old.into_iter().map(|deletion| deletion.task));
                return (open, doubt.or(Some(error)));
            }
            // It may have been done and nobody said so.
            Err(error) if error.kind == Kind::UnknownOutcome => {
                return (ready.into_iter().map(|deletion| deletion.task).collect(), Some(error));
            }
            Err(error) => refuse_all(ready.into_iter().map(|deletion| deletion.task), &error),
        }
        (Vec::new(), None)
    }

    fn deleted(&self, deletion: Deletion) {
        self.book.recent.deleted(&deletion.id, &deletion.person, self.book.api.clock.now());
        self.book.known.forget(&deletion.id);
        deletion.task.answer(Ok(Written::Deleted));
    }
}

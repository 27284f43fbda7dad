//! A round of writes: everything that was asked at once, creations before updates before deletions.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::api::Endpoint;
use super::groups::Scope;
use super::person::Person;
use super::refusal::Refusal;
use super::{Google, Task, stopped, unless};
use crate::adapter::{Error, Seen, Written};
use crate::contact::{Change, ContactId};
use crate::http::Request;

/// From how many on a batch costs no more units than single calls (one of creations or updates costs six).
pub(super) const BATCH_PAYS: usize = 6;
/// The most creations or updates that a call takes.
pub(super) const BATCH: usize = 200;
/// How often a contact that changes under our hands is read again.
pub(super) const TRIES: usize = 3;

impl Google {
    /// Writes changes together with what others write at the same time.
    pub(super) async fn write_gathered(
        &self,
        changes: &[Change],
        cancel: &CancellationToken,
    ) -> Vec<Result<Written, Error>> {
        if let Err(error) = unless(cancel) {
            return vec![Err(error); changes.len()];
        }
        let answers = self.writes.ask(changes.to_vec(), async |tasks| self.round(tasks, cancel).await).await;
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(stopped()))).collect()
    }

    async fn round(&self, mut tasks: Vec<Task>, cancel: &CancellationToken) {
        while !tasks.is_empty() {
            // Two changes of one contact go one after the other.
            let mut taken: BTreeSet<ContactId> = BTreeSet::new();
            let first = |task: &Task| task.ask.id().is_none_or(|id| taken.insert(id.clone()));
            let (wave, rest): (Vec<Task>, Vec<Task>) = tasks.into_iter().partition(first);
            tasks = rest;
            let scope = match unless(cancel) {
                Ok(()) => self.groups.scope(&self.api, cancel).await,
                Err(error) => Err(error),
            };
            match scope {
                Ok(scope) => Round { book: self, scope, cancel }.write(wave).await,
                Err(error) => refuse_all(wave, &error),
            }
        }
    }
}

/// Changes of different contacts that are written together.
pub(super) struct Round<'a> {
    pub(super) book: &'a Google,
    pub(super) scope: Scope,
    cancel: &'a CancellationToken,
}

impl Round<'_> {
    async fn write(&self, wave: Vec<Task>) {
        let (mut creations, mut patches, mut deletions) = (Vec::new(), Vec::new(), Vec::new());
        for task in wave {
            match &task.ask {
                Change::Create { .. } => creations.push(task),
                Change::Patch { .. } => patches.push(task),
                Change::Delete { .. } => deletions.push(task),
            }
        }
        self.create(creations).await;
        self.update(patches).await;
        self.delete(deletions).await;
    }

    pub(super) async fn call(&self, request: Request, endpoint: &Endpoint) -> Result<Value, Refusal> {
        self.book.api.send(request, endpoint, self.cancel).await
    }

    pub(super) async fn fetch(&self, ids: &[ContactId]) -> Result<HashMap<ContactId, Person>, Error> {
        self.book.fetch(ids, self.cancel).await
    }

    pub(super) fn seen(&self, id: ContactId, person: &Person) -> Box<Seen> {
        Box::new(self.book.seen(id, person, &self.scope))
    }
}

/// Answers all of them with one error.
pub(super) fn refuse_all(tasks: impl IntoIterator<Item = Task>, error: &Error) {
    for task in tasks {
        task.answer(Err(error.clone()));
    }
}

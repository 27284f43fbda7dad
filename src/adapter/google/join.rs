//! Contacts join the account's group.

use serde_json::{Value, json};

use super::groups::Scope;
use super::write::{Round, refuse_all};
use super::{Task, api};
use crate::adapter::{Error, Kind, Written};
use crate::contact::ContactId;

/// The most that a call takes.
const BATCH: usize = 1000;

impl Round<'_> {
    /// Puts contacts into the group and answers with what they are then.
    pub(super) async fn join(&self, joining: Vec<(Task, ContactId)>) {
        let Scope::Members(group) = &self.scope else {
            // Everything is in the whole book.
            let (tasks, _): (Vec<_>, Vec<_>) = joining.into_iter().unzip();
            return refuse_all(tasks, &super::stopped());
        };
        let mut joining = joining.into_iter().peekable();
        while joining.peek().is_some() {
            let batch: Vec<(Task, ContactId)> = joining.by_ref().take(BATCH).collect();
            self.join_batch(batch, group).await;
        }
    }

    async fn join_batch(&self, batch: Vec<(Task, ContactId)>, group: &str) {
        let ids: Vec<ContactId> = batch.iter().map(|(_, id)| id.clone()).collect();
        let mut people = match self.modify(&ids, group).await {
            Ok(()) => self.fetch(&ids).await,
            Err(error) => Err(error),
        };
        for (task, id) in batch {
            let answer = match &mut people {
                Err(error) => Err(error.clone()),
                Ok(people) => people.remove(&id).ok_or_else(gone).map(|mut person| {
                    // The service has confirmed it, whatever it still tells.
                    person.join(group);
                    self.book.recent.joined(&id, &person, self.book.api.clock.now());
                    Written::Now(self.seen(id, &person))
                }),
            };
            task.answer(answer);
        }
    }

    /// A second time changes nothing. Contacts that are not there any more are told by the read that follows.
    async fn modify(&self, ids: &[ContactId], group: &str) -> Result<(), Error> {
        let names: Value = ids.iter().filter_map(|id| self.book.known.resource_name(id)).collect();
        let request = self.book.api.to_one(&api::MEMBERS, group).json(&json!({ "resourceNamesToAdd": names }));
        match self.call(request, &api::MEMBERS).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.error.kind == Kind::NotFound => {
                let text = "google: the group is not there any more; correct `group`, or make the label again";
                Err(Error::new(Kind::Group, text))
            }
            Err(refusal) => Err(refusal.error),
        }
    }
}

fn gone() -> Error {
    Error::new(Kind::NotFound, "google: the contact that was to join the group is deleted")
}

//! Creations. Each carries its marker and names its groups; one that was surely not made says so, one that may have been
//! made is looked for by its marker.

use serde_json::{Value, json};

use super::listing::SOURCE;
use super::person::{MASK, Person};
use super::refusal::{Refusal, contact_error};
use super::write::{BATCH, BATCH_PAYS, Round, refuse_all};
use super::{Task, api, said};
use crate::adapter::{Error, Kind, Written};
use crate::contact::{Change, Contact, ContactId};

impl Round<'_> {
    pub(super) async fn create(&self, tasks: Vec<Task>) {
        let tasks = self.already_made(tasks).await;
        let mut outside = Vec::new();
        if tasks.len() < BATCH_PAYS {
            for task in tasks {
                self.create_one(task, &mut outside).await;
            }
        } else {
            let mut tasks = tasks.into_iter().peekable();
            while tasks.peek().is_some() {
                let batch = tasks.by_ref().take(BATCH).collect();
                self.create_batch(batch, &mut outside).await;
            }
        }
        // Those that were not taken into the group when they were made.
        self.join(outside).await;
    }

    /// Answers creations that this process has made before; what became of them since is left as it is.
    async fn already_made(&self, tasks: Vec<Task>) -> Vec<Task> {
        let made = |task: &Task| self.book.markers.known(marker(task)?);
        let ids: Vec<ContactId> = tasks.iter().filter_map(made).collect();
        if ids.is_empty() {
            return tasks;
        }
        let people = match self.fetch(&ids).await {
            Ok(people) => people,
            Err(error) => {
                refuse_all(tasks, &error);
                return Vec::new();
            }
        };
        let mut new = Vec::new();
        for task in tasks {
            match made(&task).and_then(|id| Some((people.get(&id)?, id))) {
                Some((person, id)) => task.answer(Ok(Written::Now(self.seen(id, person)))),
                None => new.push(task),
            }
        }
        new
    }

    async fn create_one(&self, task: Task, outside: &mut Vec<(Task, ContactId)>) {
        let mut made = self.post_one(&body(&task, &self.scope.of_new())).await;
        if made.as_ref().is_err_and(names_groups) {
            // Some say that groups are not taken here: then it joins afterwards.
            made = self.post_one(&body(&task, &[])).await;
        }
        match made {
            Ok(person) => self.created(task, &Person(person), outside),
            Err(refusal) => task.answer(Err(refusal.error)),
        }
    }

    async fn post_one(&self, body: &Value) -> Result<Value, Refusal> {
        let request = self.book.api.to(&api::CREATE).query(&[("personFields", MASK), ("sources", SOURCE)]).json(body);
        self.call(request, &api::CREATE).await
    }

    async fn create_batch(&self, mut tasks: Vec<Task>, outside: &mut Vec<(Task, ContactId)>) {
        let mut groups = self.scope.of_new();
        while !tasks.is_empty() {
            let contacts = tasks.iter().map(|task| json!({"contactPerson": body(task, &groups)}));
            let contacts: Value = contacts.collect();
            let body = json!({"contacts": contacts, "readMask": MASK, "sources": [SOURCE]});
            let request = self.book.api.to(&api::BATCH_CREATE).json(&body);
            match self.call(request, &api::BATCH_CREATE).await {
                Ok(mut answer) => {
                    let people = answer.get_mut("createdPeople").and_then(Value::as_array_mut).map(std::mem::take);
                    let mut people = people.unwrap_or_default().into_iter();
                    for task in tasks.drain(..) {
                        match made(people.next()) {
                            Ok(person) => self.created(task, &person, outside),
                            Err(error) => task.answer(Err(error)),
                        }
                    }
                }
                Err(refusal) if names_groups(&refusal) && !groups.is_empty() => groups.clear(),
                Err(refusal) => tasks = without_blamed(tasks, &refusal),
            }
        }
    }

    fn created(&self, task: Task, person: &Person, outside: &mut Vec<(Task, ContactId)>) {
        let Some(id) = person.id() else {
            return task.answer(Err(api::malformed(&api::CREATE, "the new contact has no id")));
        };
        self.book.recent.created(&id, person, self.book.api.clock.now());
        if let Some(marker) = marker(&task) {
            self.book.markers.made(marker, &id);
        }
        let seen = self.seen(id.clone(), person);
        if seen.in_group {
            task.answer(Ok(Written::Now(seen)));
        } else {
            outside.push((task, id));
        }
    }
}

/// Answers those that kept a batch from being made, and gives back the others: they would have been made.
fn without_blamed(tasks: Vec<Task>, refusal: &Refusal) -> Vec<Task> {
    let before = tasks.len();
    let mut rest = Vec::with_capacity(before);
    for (at, task) in tasks.into_iter().enumerate() {
        match refusal.contacts.get(&at.to_string()) {
            Some(error) => task.answer(Err(error.clone())),
            None => rest.push(task),
        }
    }
    if rest.len() == before {
        refuse_all(rest.drain(..), &refusal.error);
    }
    rest
}

/// Whether a creation was refused for the groups that it names.
fn names_groups(refusal: &Refusal) -> bool {
    refusal.error.kind == Kind::Invalid && refusal.contacts.is_empty() && refusal.about_groups
}

fn made(response: Option<Value>) -> Result<Person, Error> {
    let unclear = || api::malformed(&api::BATCH_CREATE, "a contact of the batch is not in the answer");
    let mut response = response.ok_or_else(unclear)?;
    if let Some(person) = response.get_mut("person").map(Value::take) {
        return Ok(Person(person));
    }
    Err(response.get("status").map_or_else(unclear, contact_error))
}

fn body(task: &Task, groups: &[&str]) -> Value {
    let nothing = Contact::default();
    let contact = if let Change::Create { contact, .. } = &task.ask { &**contact } else { &nothing };
    said::creation(contact, groups, marker(task))
}

fn marker(task: &Task) -> Option<&str> {
    if let Change::Create { chosen, .. } = &task.ask { chosen.as_ref().map(ContactId::as_str) } else { None }
}

//! Contacts by id, 200 to a call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Google;
use super::api;
use super::listing::SOURCE;
use super::marker::Sought;
use super::person::{MASK, Person, number};
use super::recent::Ours;
use crate::adapter::{Error, Found, Kind, Wanted};
use crate::contact::ContactId;

/// The most that a call takes.
const BATCH: usize = 200;

impl Google {
    /// Answers one by one what was wanted. An id that is none of Google's is a marker of a creation.
    pub(super) async fn find(&self, wanted: &[Wanted], cancel: &CancellationToken) -> Result<Vec<Found>, Error> {
        let mut ids = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            let made = if number(wanted.id.as_str()).is_some() {
                Some(wanted.id.clone())
            } else {
                match self.markers.seek(&self.api, wanted.id.as_str(), cancel).await? {
                    Sought::Made(id) => Some(id),
                    Sought::Nothing => None,
                }
            };
            ids.push(made);
        }
        let all: Vec<ContactId> = ids.iter().flatten().cloned().collect();
        if all.is_empty() {
            return Ok(vec![Found::Gone; wanted.len()]);
        }
        let scope = self.groups.scope(&self.api, cancel).await?;
        let people = self.fetch(&all, cancel).await?;
        let now = self.api.clock.now();
        let found = |id: Option<ContactId>| {
            let Some(id) = id else { return Found::Gone };
            let person = people.get(&id);
            let ours = person.map_or_else(|| self.recent.unseen(&id, now), |person| self.recent.instead(person, now));
            let raw = person.map_or_else(String::new, |person| person.0.to_string());
            let seen = match (ours, person) {
                (Some(Ours::Contact(contact)), _) => self.recalled(id, *contact),
                (_, Some(person)) => self.seen(id, person, &scope),
                (_, None) => return Found::Gone,
            };
            Found::Live { seen: Box::new(seen), raw }
        };
        Ok(ids.into_iter().map(found).collect())
    }

    /// Reads persons by their contacts' ids; those that are gone are left out. What we wrote a moment ago stands in for
    /// what is older.
    pub(super) async fn fetch(
        &self,
        ids: &[ContactId],
        cancel: &CancellationToken,
    ) -> Result<HashMap<ContactId, Person>, Error> {
        let named = ids.iter().filter_map(|id| Some((self.known.resource_name(id)?, id)));
        let named: Vec<(String, &ContactId)> = named.collect::<BTreeMap<_, _>>().into_iter().collect();
        let mut people = HashMap::with_capacity(named.len());
        for batch in named.chunks(BATCH) {
            let found = self.fetch_batch(batch, cancel).await?;
            let now = self.api.clock.now();
            let mut untold: BTreeSet<&ContactId> = batch.iter().map(|(_, id)| *id).collect();
            for (id, person) in found {
                untold.remove(&id);
                // One that was merged into another is gone, although its name leads to that other.
                if person.id().as_ref() != Some(&id) {
                    continue;
                }
                match self.recent.instead(&person, now) {
                    Some(Ours::Gone) => {}
                    Some(Ours::Person(ours)) => drop(people.insert(id, ours)),
                    // Of what an earlier process wrote there is no version that could be edited.
                    Some(Ours::Contact(_)) | None => drop(people.insert(id, person)),
                }
            }
            for id in untold {
                if let Some(Ours::Person(ours)) = self.recent.unseen(id, now) {
                    people.insert(id.clone(), ours);
                }
            }
        }
        Ok(people)
    }

    async fn fetch_batch(
        &self,
        batch: &[(String, &ContactId)],
        cancel: &CancellationToken,
    ) -> Result<Vec<(ContactId, Person)>, Error> {
        let mut query = vec![("personFields", MASK), ("sources", SOURCE)];
        query.extend(batch.iter().map(|(name, _)| ("resourceNames", name.as_str())));
        let request = self.api.to(&api::BATCH_GET).query(&query);
        let mut answer = match self.api.send(request, &api::BATCH_GET, cancel).await {
            Ok(answer) => answer,
            Err(refusal) if refusal.error.kind == Kind::NotFound && batch.len() == 1 => return Ok(Vec::new()),
            Err(refusal) => return Err(refusal.error),
        };
        let responses = answer.get_mut("responses").and_then(Value::as_array_mut).map(std::mem::take);
        let mut missing: BTreeSet<&str> = batch.iter().map(|(name, _)| name.as_str()).collect();
        let mut found = Vec::with_capacity(batch.len());
        for mut response in responses.unwrap_or_default() {
            let name = response.get("requestedResourceName").and_then(Value::as_str);
            let Some((name, id)) = batch.iter().find(|(asked, _)| Some(asked.as_str()) == name) else { continue };
            match read(&mut response) {
                Read::Person(person) => found.push(((*id).clone(), person)),
                Read::Gone => {}
                Read::Failed => return Err(api::malformed(&api::BATCH_GET, "one of the contacts could not be read")),
            }
            missing.remove(name.as_str());
        }
        if missing.is_empty() {
            return Ok(found);
        }
        Err(api::malformed(&api::BATCH_GET, "contacts that were asked for are not in the answer"))
    }
}

/// What one response of a batch says.
enum Read {
    Person(Person),
    Gone,
    Failed,
}

fn read(response: &mut Value) -> Read {
    const NOT_FOUND: [i64; 2] = [5, 404];
    let code = |pointer: &str| response.pointer(pointer).and_then(Value::as_i64);
    let codes = [code("/status/code"), code("/httpStatusCode")];
    if codes.iter().flatten().any(|code| NOT_FOUND.contains(code)) {
        return Read::Gone;
    }
    match response.get_mut("person").map(Value::take).map(Person) {
        Some(person) if person.is_deleted() => Read::Gone,
        // Only the profile is left of a contact that was linked to one.
        Some(person) if person.etag().is_none() => Read::Gone,
        Some(person) => Read::Person(person),
        None => Read::Failed,
    }
}

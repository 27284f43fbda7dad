//! Listings: full walks, and what changed since a sync token; page by page, always asked for in the same words.
//!
//! A page is never taken for the whole book: only the end of a full walk that comes with a sync token is complete. A
//! tombstone counts only once the walk is over, since a contact that was linked to a profile leaves one behind.

use std::collections::HashSet;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Google;
use super::api;
use super::cursor::{Position, full_after};
use super::groups::Scope;
use super::person::{MASK, Person};
use super::recent::{LAG, Ours};
use crate::adapter::{Entry, Error, Kind, Page};
use crate::contact::{ContactId, Cursor};

/// Only what the user keeps: a linked profile's values would be mixed in else.
pub(super) const SOURCE: &str = "READ_SOURCE_TYPE_CONTACT";
/// The largest page.
pub(super) const PAGE: &str = "1000";

/// What a walk has met so far.
#[derive(Debug, Default)]
pub(super) struct Walk {
    number: u64,
    live: HashSet<ContactId>,
    gone: Vec<ContactId>,
    /// Something of it was taken from memory, which a later walk has to confirm.
    doubted: bool,
}

impl Google {
    /// One page, or the error that says to begin anew.
    pub(super) async fn page(&self, from: Option<&Cursor>, cancel: &CancellationToken) -> Result<Page, Error> {
        let position = self.position(from, cancel).await?;
        let scope = self.groups.scope(&self.api, cancel).await?;
        let mut answer = self.ask(&position, cancel).await?;
        let people = answer.get_mut("connections").and_then(Value::as_array_mut).map(std::mem::take);
        let entries = self.entries(people.unwrap_or_default(), &scope, &position);
        let outside = |entry: &Entry| matches!(entry, Entry::Live(seen) if !seen.in_group);
        if position.sync.is_some() && entries.iter().any(outside) {
            // They may have left a group that is not there any more: each time, since a label that was there a moment ago
            // may be what was just deleted.
            self.groups.look(&self.api, cancel).await?;
        }
        self.turn(position, &answer, entries, &scope)
    }

    /// Where the page starts. A new walk is counted; a full one finds the group anew.
    async fn position(&self, from: Option<&Cursor>, cancel: &CancellationToken) -> Result<Position, Error> {
        let now = self.api.clock.now();
        let mut position = match from {
            Some(cursor) => Position::read(cursor, self.fingerprint)
                .ok_or_else(|| expired("the cursor was made for another listing"))?,
            None => Position { full_at: now, walk: None, sync: None, page: None },
        };
        if let Some(number) = position.walk {
            let known = self.walk().number == number;
            return if known { Ok(position) } else { Err(expired("the walk was begun by another process")) };
        }
        if from.is_none() {
            self.groups.look(&self.api, cancel).await?;
        } else if now.since(position.full_at) >= full_after(&self.address) {
            return Err(expired("the last full listing is almost seven days old"));
        }
        let mut walk = self.walk();
        *walk = Walk { number: walk.number + 1, ..Walk::default() };
        position.walk = Some(walk.number);
        Ok(position)
    }

    async fn ask(&self, position: &Position, cancel: &CancellationToken) -> Result<Value, Error> {
        let mut request = self.api.to(&api::CONNECTIONS).query(&[
            ("personFields", MASK),
            ("pageSize", PAGE),
            ("sources", SOURCE),
            ("requestSyncToken", "true"),
        ]);
        for (key, token) in [("syncToken", &position.sync), ("pageToken", &position.page)] {
            if let Some(token) = token {
                request = request.query(&[(key, token)]);
            }
        }
        let with_token = position.sync.is_some() || position.page.is_some();
        let answer = self.api.send(request, &api::CONNECTIONS, cancel).await;
        answer.map_err(|refusal| match refusal.error.kind {
            // A token that the service cannot read is answered like any bad argument.
            Kind::Invalid | Kind::Stale if with_token => expired(&refusal.error.message),
            _ => refusal.error,
        })
    }

    fn entries(&self, people: Vec<Value>, scope: &Scope, position: &Position) -> Vec<Entry> {
        let now = self.api.clock.now();
        let mut walk = self.walk();
        let mut entries = Vec::with_capacity(people.len());
        for person in people.into_iter().map(Person) {
            let Some(id) = person.id() else { continue };
            if person.is_deleted() {
                walk.gone.push(id);
                continue;
            }
            walk.live.insert(id.clone());
            let (person, mut seen) = match self.recent.instead(&person, now) {
                None => {
                    let seen = self.seen(id, &person, scope);
                    (person, seen)
                }
                Some(Ours::Person(ours)) => {
                    let seen = self.seen(id, &ours, scope);
                    (ours, seen)
                }
                Some(Ours::Contact(contact)) => {
                    walk.doubted = true;
                    (person, self.recalled(id, *contact))
                }
                Some(Ours::Gone) => continue,
            };
            let earlier = person.earlier_ids();
            if position.sync.is_some() {
                // The contact that was known under that id is this one.
                seen.stable = earlier.first().map(|id| id.0.to_string()).or(seen.stable);
                walk.gone.extend(earlier);
            }
            entries.push(Entry::Live(Box::new(seen)));
        }
        entries
    }

    /// The end of a page: where the next one starts, or how the walk ends.
    fn turn(&self, position: Position, answer: &Value, mut entries: Vec<Entry>, scope: &Scope) -> Result<Page, Error> {
        let token = |key: &str| answer.get(key).and_then(Value::as_str).filter(|token| !token.is_empty());
        if let Some(next) = token("nextPageToken") {
            if position.page.as_deref() == Some(next) {
                return Err(api::malformed(&api::CONNECTIONS, "a page leads to itself"));
            }
            let next = Position { page: Some(next.to_owned()), ..position };
            return Ok(Page { entries, next: Some(next.write(self.fingerprint)), cursor: None, complete: false });
        }
        let full = position.sync.is_none();
        let sync = token("nextSyncToken").ok_or_else(|| {
            api::malformed(&api::CONNECTIONS, "the last page has no nextSyncToken, so it may not be the last")
        })?;
        let mut walk = std::mem::take(&mut *self.walk());
        self.walk().number = walk.number;
        if full {
            entries.extend(self.untold(&mut walk, scope));
        } else {
            let mut told = HashSet::new();
            for id in walk.gone.into_iter().filter(|id| !walk.live.contains(id)) {
                if told.insert(id.clone()) {
                    self.recent.forget(&id);
                    entries.push(Entry::Gone(id));
                }
            }
        }
        // What was taken from memory is looked at again once everything shows.
        let full_at = if walk.doubted {
            self.api.clock.now().after(LAG).before(full_after(&self.address))
        } else {
            position.full_at
        };
        let end = Position { full_at, walk: None, sync: Some(sync.to_owned()), page: None };
        Ok(Page { entries, next: None, cursor: Some(end.write(self.fingerprint)), complete: full })
    }

    /// What we created and a full walk did not tell yet.
    fn untold(&self, walk: &mut Walk, scope: &Scope) -> Vec<Entry> {
        let now = self.api.clock.now();
        let mut entries = Vec::new();
        for id in self.recent.new_ones(now).into_iter().filter(|id| !walk.live.contains(id)) {
            let seen = match self.recent.unseen(&id, now) {
                Some(Ours::Person(person)) => self.seen(id, &person, scope),
                Some(Ours::Contact(contact)) => self.recalled(id, *contact),
                Some(Ours::Gone) | None => continue,
            };
            walk.doubted = true;
            entries.push(Entry::Live(Box::new(seen)));
        }
        entries
    }
}

fn expired(why: &str) -> Error {
    Error::new(Kind::CursorExpired, format!("google: {why}; the whole book is listed again"))
}

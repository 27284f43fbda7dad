//! What we wrote in the last minutes: the service may go on telling what was there before.
//!
//! A person as listed or read is older than our write where its version was made before ours; then what we wrote is taken
//! for what is there. What we created may not be told at all yet. What an earlier process wrote is known by the time of its
//! answer only. Bounded in time, and in number by what the limits let us write in that time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::person::{Person, number};
use crate::adapter::Recalled;
use crate::clock::Moment;
use crate::contact::{Contact, ContactId};

/// "Several minutes", says the documentation.
pub(super) const LAG: Duration = Duration::from_mins(10);
/// What five batches of 200 a minute write in that time.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    written: HashMap<u64, Wrote>,
    /// When each was written, oldest first.
    order: VecDeque<(Moment, u64)>,
}

#[derive(Debug)]
struct Wrote {
    id: ContactId,
    at: Moment,
    version: Option<i64>,
    /// Our write made no version of its own: one that is as old is older than it.
    beyond: bool,
    /// It was not there before: that it is not told means nothing yet.
    created: bool,
    left: Left,
}

/// What our write left.
#[derive(Debug)]
enum Left {
    /// A person, as JSON.
    Person(Box<str>),
    /// A contact that an earlier process wrote.
    Contact(Box<Contact>),
    Nothing,
}

/// What we wrote, in the place of what the service tells.
#[derive(Debug, PartialEq)]
pub(super) enum Ours {
    /// A person.
    Person(Person),
    /// A contact that an earlier process wrote.
    Contact(Box<Contact>),
    /// It is deleted.
    Gone,
}

impl Recent {
    /// A contact was created and is now this.
    pub(super) fn created(&self, id: &ContactId, person: &Person, now: Moment) {
        let wrote = Wrote { created: true, ..Wrote::new(id, person.updated(), text(person), now) };
        self.note(wrote);
    }

    /// A contact was updated and is now this.
    pub(super) fn wrote(&self, id: &ContactId, person: &Person, now: Moment) {
        self.note(Wrote::new(id, person.updated(), text(person), now));
    }

    /// A contact joined the group, which may make no new version of it.
    pub(super) fn joined(&self, id: &ContactId, person: &Person, now: Moment) {
        self.note(Wrote { beyond: true, ..Wrote::new(id, person.updated(), text(person), now) });
    }

    /// A contact was deleted, whose last version was this.
    pub(super) fn deleted(&self, id: &ContactId, last: &Person, now: Moment) {
        self.note(Wrote { beyond: true, ..Wrote::new(id, last.updated(), Left::Nothing, now) });
    }

    /// What an earlier process wrote, unless this one has written it since.
    pub(super) fn remind(&self, mut writes: Vec<Recalled>) {
        writes.sort_by_key(|write| write.at);
        for Recalled { id, at, contact, created } in writes {
            if number(id.as_str()).is_some_and(|number| self.state().written.contains_key(&number)) {
                continue;
            }
            let left = contact.map_or(Left::Nothing, |contact| Left::Contact(Box::new(contact)));
            self.note(Wrote { created, ..Wrote::new(&id, Some(at.0.saturating_mul(1000)), left, at) });
        }
    }

    /// What we wrote, where that is newer than the person as the service tells it.
    pub(super) fn instead(&self, person: &Person, now: Moment) -> Option<Ours> {
        let number = person.id().and_then(|id| number(id.as_str()))?;
        let state = self.state();
        let wrote = state.written.get(&number).filter(|wrote| now.since(wrote.at) < LAG)?;
        let (told, ours) = person.updated().zip(wrote.version)?;
        let older = told < ours || (wrote.beyond && told == ours);
        if older { wrote.ours() } else { None }
    }

    /// What we created, of a contact that the service does not tell.
    pub(super) fn unseen(&self, id: &ContactId, now: Moment) -> Option<Ours> {
        let state = self.state();
        let wrote = state.written.get(&number(id.as_str())?)?;
        if wrote.created && now.since(wrote.at) < LAG { wrote.ours() } else { None }
    }

    /// Contacts that may be there and not be told yet.
    pub(super) fn new_ones(&self, now: Moment) -> Vec<ContactId> {
        let state = self.state();
        let new = state.written.values().filter(|wrote| wrote.created && now.since(wrote.at) < LAG);
        new.map(|wrote| wrote.id.clone()).collect()
    }

    /// A contact is gone: the service says so, who knows what we wrote.
    pub(super) fn forget(&self, id: &ContactId) {
        let Some(number) = number(id.as_str()) else { return };
        let mut state = self.state();
        if state.written.get(&number).is_some_and(|wrote| !matches!(wrote.left, Left::Nothing)) {
            state.written.remove(&number);
        }
    }

    fn note(&self, mut wrote: Wrote) {
        let Some(number) = number(wrote.id.as_str()) else { return };
        let now = wrote.at;
        let mut state = self.state();
        let created = state.written.get(&number).is_some_and(|before| before.created);
        wrote.created |= created && !matches!(wrote.left, Left::Nothing);
        state.written.insert(number, wrote);
        state.order.push_back((now, number));
        while state.order.front().is_some_and(|(at, _)| now.since(*at) >= LAG) || state.order.len() > MOST {
            let Some((at, number)) = state.order.pop_front() else { break };
            // It may have been written again since.
            if state.written.get(&number).is_some_and(|wrote| wrote.at == at) {
                state.written.remove(&number);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wrote {
    fn new(id: &ContactId, version: Option<i64>, left: Left, at: Moment) -> Self {
        Self { id: id.clone(), at, version, beyond: false, created: false, left }
    }

    fn ours(&self) -> Option<Ours> {
        match &self.left {
            Left::Person(text) => serde_json::from_str(text).ok().map(|person| Ours::Person(Person(person))),
            Left::Contact(contact) => Some(Ours::Contact(contact.clone())),
            Left::Nothing => Some(Ours::Gone),
        }
    }
}

fn text(person: &Person) -> Left {
    Left::Person(person.0.to_string().into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn person(second: u32, title: &str) -> Person {
        let time = format!("2026-11-24T12:00:{second:02}.000001Z");
        Person(json!({"resourceName": "people/c171", "title": title,
            "metadata": {"sources": [{"type": "CONTACT", "id": "ab", "updateTime": time}]}}))
    }

    #[test]
    fn what_is_older_than_our_write_is_what_we_wrote() {
        let (recent, id, now) = (Recent::default(), ContactId::from("ab"), Moment(0));
        recent.wrote(&id, &person(5, "ours"), now);
        assert_eq!(recent.instead(&person(4, "before"), now), Some(Ours::Person(person(5, "ours"))));
        assert_eq!(recent.instead(&person(5, "ours"), now), None);
        assert_eq!(recent.instead(&person(6, "theirs"), now), None);
        assert_eq!(recent.instead(&person(4, "before"), now.after(LAG)), None, "after ten minutes");
        assert_eq!(recent.unseen(&id, now), None, "it was there before: it is gone");
    }

    #[test]
    fn a_deletion_and_a_joining_hold_against_the_same_version() {
        let (recent, id, now) = (Recent::default(), ContactId::from("ab"), Moment(0));
        recent.joined(&id, &person(5, "joined"), now);
        assert_eq!(recent.instead(&person(5, "before"), now), Some(Ours::Person(person(5, "joined"))));
        recent.deleted(&id, &person(5, ""), now);
        assert_eq!(recent.instead(&person(5, "before"), now), Some(Ours::Gone));
        assert_eq!(recent.instead(&person(6, "back again"), now), None);
    }

    #[test]
    fn what_was_created_is_there_before_it_is_told_until_it_is_told_to_be_gone() {
        let (recent, id, now) = (Recent::default(), ContactId::from("ab"), Moment(0));
        recent.created(&id, &person(5, "new"), now);
        recent.wrote(&id, &person(6, "changed"), now);
        assert_eq!(recent.unseen(&id, now), Some(Ours::Person(person(6, "changed"))));
        assert_eq!(recent.new_ones(now), std::slice::from_ref(&id));
        assert_eq!((recent.unseen(&id, now.after(LAG)), recent.new_ones(now.after(LAG))), (None, Vec::new()));
        recent.forget(&id);
        assert_eq!((recent.unseen(&id, now), recent.new_ones(now)), (None, Vec::new()));
    }

    #[test]
    fn an_earlier_process_is_believed_by_the_time_of_its_answers() {
        let (recent, [ab, cd, ef], now) = (Recent::default(), ["ab", "cd", "ef"].map(ContactId::from), Moment(0));
        let written = person(5, "").updated().expect("a time");
        let at = Moment(written / 1000 + 40);
        let recalled =
            |id: &ContactId, contact: Option<Contact>, created: bool| Recalled { id: id.clone(), at, contact, created };
        recent.wrote(&ef, &person(7, "by us"), at.after(LAG / 2));
        let contact = Contact::default();
        recent.remind(vec![
            recalled(&ab, Some(contact.clone()), false),
            recalled(&cd, Some(contact.clone()), true),
            recalled(&ef, None, false),
        ]);
        assert_eq!(recent.instead(&person(5, "before"), at), Some(Ours::Contact(contact.clone().into())));
        assert_eq!(recent.instead(&person(6, "since"), at), None);
        assert_eq!((recent.unseen(&ab, at), recent.unseen(&cd, at)), (None, Some(Ours::Contact(contact.into()))));
        assert_eq!(recent.new_ones(at), [cd]);
        assert_eq!(recent.unseen(&ef, now), None, "what this process wrote is not overwritten");
    }

    #[test]
    fn it_is_bounded() {
        let recent = Recent::default();
        for n in 1..=MOST + 7 {
            recent.wrote(&ContactId::from(format!("{n:x}")), &person(5, ""), Moment(0));
        }
        assert_eq!(recent.state().written.len(), MOST);
        // Ten minutes later all of them are forgotten at once.
        recent.wrote(&"1".into(), &person(5, ""), Moment(0).after(LAG));
        let state = recent.state();
        assert_eq!((state.written.len(), state.order.len()), (1, 1));
    }
}

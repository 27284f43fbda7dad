//! What we wrote in the last minutes: the service may go on telling what was there before.
//!
//! A person as listed or read is older than our write where its version was made before ours; then what we wrote is taken
//! for what is there. Bounded in time, and in number by what the limits let us write in that time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::person::{Person, number};
use crate::clock::Moment;
use crate::contact::ContactId;

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
    at: Moment,
    version: Option<i64>,
    /// Our write made no version of its own: one that is as old is older than it.
    beyond: bool,
    /// As JSON; absent once deleted.
    person: Option<Box<str>>,
}

impl Recent {
    /// A contact was created or updated and is now this.
    pub(super) fn wrote(&self, id: &ContactId, person: &Person, now: Moment) {
        self.note(id, now, Wrote { at: now, version: person.updated(), beyond: false, person: Some(text(person)) });
    }

    /// A contact joined the group, which may make no new version of it.
    pub(super) fn joined(&self, id: &ContactId, person: &Person, now: Moment) {
        self.note(id, now, Wrote { at: now, version: person.updated(), beyond: true, person: Some(text(person)) });
    }

    /// A contact was deleted, whose last version was this.
    pub(super) fn deleted(&self, id: &ContactId, last: &Person, now: Moment) {
        self.note(id, now, Wrote { at: now, version: last.updated(), beyond: true, person: None });
    }

    /// The person, or what we made of it where that is newer; `None` where we deleted it.
    pub(super) fn freshest(&self, person: Person, now: Moment) -> Option<Person> {
        let Some(number) = person.id().and_then(|id| number(id.as_str())) else { return Some(person) };
        let state = self.state();
        let wrote = state.written.get(&number).filter(|wrote| now.since(wrote.at) < LAG);
        let Some(wrote) = wrote else { return Some(person) };
        let older = match (person.updated(), wrote.version) {
            (Some(listed), Some(ours)) => listed < ours || (wrote.beyond && listed == ours),
            _ => false,
        };
        if !older {
            return Some(person);
        }
        let ours = wrote.person.as_ref()?;
        Some(serde_json::from_str(ours).map_or(person, Person))
    }

    fn note(&self, id: &ContactId, now: Moment, wrote: Wrote) {
        let Some(number) = number(id.as_str()) else { return };
        let mut state = self.state();
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

fn text(person: &Person) -> Box<str> {
    person.0.to_string().into_boxed_str()
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
        assert_eq!(recent.freshest(person(4, "before"), now), Some(person(5, "ours")));
        assert_eq!(recent.freshest(person(5, "ours"), now), Some(person(5, "ours")));
        assert_eq!(recent.freshest(person(6, "theirs"), now), Some(person(6, "theirs")));
        assert_eq!(
            recent.freshest(person(4, "before"), now.after(LAG)),
            Some(person(4, "before")),
            "after ten minutes"
        );
    }

    #[test]
    fn a_deletion_and_a_joining_hold_against_the_same_version() {
        let (recent, id, now) = (Recent::default(), ContactId::from("ab"), Moment(0));
        recent.joined(&id, &person(5, "joined"), now);
        assert_eq!(recent.freshest(person(5, "before"), now), Some(person(5, "joined")));
        recent.deleted(&id, &person(5, ""), now);
        assert_eq!(recent.freshest(person(5, "before"), now), None);
        assert_eq!(recent.freshest(person(6, "back again"), now), Some(person(6, "back again")));
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

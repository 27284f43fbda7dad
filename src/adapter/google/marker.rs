//! Markers: each creation carries the id that we chose, so that a contact whose creation was never answered is found.
//!
//! A marker is a UUID of version 7 and tells when it was made. What was created since stands among the contacts that
//! changed since, which the service lists newest first.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api::{self, Api};
use super::listing::{PAGE, SOURCE};
use super::person::Person;
use super::recent::LAG;
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::contact::ContactId;

/// Under which key of `clientData` a marker stands.
pub(super) const KEY: &str = "carnetd";
/// How far Google's clock may be from ours.
const MARGIN: Duration = Duration::from_mins(10);
/// How long a look is good for: many are asked for together.
const FRESH: Duration = Duration::from_secs(20);
/// How many are remembered, newest first.
const MOST: usize = 10_000;

/// The contacts that markers stand for.
#[derive(Debug, Default)]
pub(super) struct Markers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    made: BTreeMap<Uuid, ContactId>,
    /// When the newest contacts were last looked at, and back to when.
    looked: Option<(Moment, Moment)>,
}

/// What is known of a marker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// It stands for this contact.
    Made(ContactId),
    /// Nothing has it.
    Nothing,
}

impl Markers {
    /// A contact was created with this marker.
    pub(super) fn made(&self, marker: &str, id: &ContactId) {
        let Ok(marker) = Uuid::parse_str(marker) else { return };
        let mut state = self.state();
        state.made.insert(marker, id.clone());
        if state.made.len() > MOST {
            // Version 7 sorts by time.
            state.made.pop_first();
        }
    }

    /// The contact that this process knows to have a marker.
    pub(super) fn known(&self, marker: &str) -> Option<ContactId> {
        self.state().made.get(&Uuid::parse_str(marker).ok()?).cloned()
    }

    /// Looks for a marker. While what was just created may not be listed yet, what is not found is [`Kind::Later`], never
    /// nothing: it would be created a second time.
    pub(super) async fn seek(&self, api: &Api, marker: &str, cancel: &CancellationToken) -> Result<Sought, Error> {
        let Some(time) = Uuid::parse_str(marker).ok().map(|marker| time_of(&marker)) else {
            return Ok(Sought::Nothing);
        };
        let since = time.map_or(Moment(0), |time| time.before(MARGIN));
        let now = api.clock.now();
        let fresh = |(at, back_to): (Moment, Moment)| now.since(at) < FRESH && back_to <= since;
        let looked = self.state().looked;
        if self.known(marker).is_none() && !looked.is_some_and(fresh) {
            self.look(api, since, cancel).await?;
            self.state().looked = Some((now, since));
        }
        if let Some(id) = self.known(marker) {
            return Ok(Sought::Made(id));
        }
        match time.map(|time| time.after(LAG)).filter(|until| *until > now) {
            Some(until) => {
                let text =
                    "google: a contact may just have been created and not be listed yet; it is looked for again then";
                Err(Error::new(Kind::Later { until: Some(until) }, text))
            }
            None => Ok(Sought::Nothing),
        }
    }

    /// Reads the markers of what changed since a moment.
    async fn look(&self, api: &Api, since: Moment, cancel: &CancellationToken) -> Result<(), Error> {
        let mut page: Option<String> = None;
        loop {
            let mut request = api.to(&api::CONNECTIONS).query(&[
                ("personFields", "clientData,metadata"),
                ("pageSize", PAGE),
                ("sources", SOURCE),
                ("sortOrder", "LAST_MODIFIED_DESCENDING"),
            ]);
            if let Some(page) = &page {
                request = request.query(&[("pageToken", page)]);
            }
            let mut answer = api.send(request, &api::CONNECTIONS, cancel).await?;
            let people = answer.get_mut("connections").and_then(Value::as_array_mut).map(std::mem::take);
            let people: Vec<Person> = people.unwrap_or_default().into_iter().map(Person).collect();
            for person in &people {
                if let (Some(marker), Some(id)) = (person.marker(), person.id()) {
                    self.made(marker, &id);
                }
            }
            let older = people.iter().filter_map(Person::changed_at).any(|at| at < since);
            let next = answer.get("nextPageToken").and_then(Value::as_str).filter(|next| !next.is_empty());
            match next {
                Some(next) if !older && page.as_deref() != Some(next) => page = Some(next.to_owned()),
                _ => return Ok(()),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a marker was made; `None` for one of another version.
fn time_of(marker: &Uuid) -> Option<Moment> {
    let (seconds, nanos) = marker.get_timestamp()?.to_unix();
    let seconds = i64::try_from(seconds).ok()?;
    Some(Moment(seconds.saturating_mul(1000).saturating_add(i64::from(nanos / 1_000_000))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_tells_its_time() {
        let time = uuid::Timestamp::from_unix(uuid::NoContext, 1_763_982_000, 123_000_000);
        assert_eq!(time_of(&Uuid::new_v7(time)), Some(Moment(1_763_982_000_123)));
        assert_eq!(time_of(&Uuid::new_v4()), None);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let markers = Markers::default();
        let at = |second: u64| Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, second, 0)).to_string();
        let (old, new) = (at(1), at(2_000_000_000));
        markers.made(&old, &"1".into());
        for n in 0..MOST - 1 {
            markers.made(&at(1000 + n as u64), &"2".into());
        }
        assert!(markers.known(&old).is_some());
        markers.made(&new, &"3".into());
        assert_eq!((markers.known(&old), markers.known(&new)), (None, Some("3".into())));
        markers.made("not a marker", &"4".into());
        assert_eq!(markers.known("not a marker"), None);
    }
}

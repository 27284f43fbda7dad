//! `people.searchContacts`: prefixes of words, found in a cache that must be warmed by an empty query first.

use serde_json::{Map, Value, json};

use super::contact::{Body, Contact};
use super::gateway::{Answer, Call};
use super::mask::Mask;
use super::person::View;
use super::refusal::Refusal;
use super::state::State;

/// What one user's searches find: contacts whose last version is not newer.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Cache {
    /// The newest version in it.
    newest: u64,
    /// What is being warmed, and from when on it is the cache.
    warming: Option<(u64, i64)>,
}

/// How long an empty query warms the cache: "a few seconds".
const WARMING_MS: i64 = 3_000;
const DEFAULT_SIZE: usize = 10;
const MOST: usize = 30;

/// `GET /v1/people:searchContacts`. More than the most is cut to it.
pub(super) fn search(state: &mut State, call: &Call) -> Answer {
    let query = call.query.raw("query").ok_or_else(Refusal::argument)?.trim().to_lowercase();
    let mask = Mask::read("readMask", call.query.get("readMask"))?;
    let sources: Vec<String> = call.query.all("sources").map(str::to_owned).collect();
    let view = View::new(call, mask, &sources)?;
    let size = match call.query.number("pageSize")? {
        0 => DEFAULT_SIZE,
        size => size.min(MOST),
    };
    let seq = state.seq();
    let cache = state.caches.entry(call.user.clone()).or_default();
    if let Some((newest, _)) = cache.warming.filter(|(_, ready)| *ready <= call.now.0) {
        *cache = Cache { newest, warming: None };
    }
    if query.is_empty() {
        cache.warming = cache.warming.or(Some((seq, call.now.0 + WARMING_MS)));
        return Ok(json!({}));
    }
    let newest = cache.newest;
    let found = |contact: &&Contact| {
        let version = contact.seen(call.now.0).filter(|version| version.seq <= newest);
        version.and_then(|version| version.body()).is_some_and(|body| matches(body, &query))
    };
    let contacts = state.account(&call.user)?.contacts.values().filter(found).take(size);
    let results: Vec<Value> = contacts
        .filter_map(|contact| contact.seen(call.now.0).map(|version| view.show(contact, version, None)))
        .map(|person| json!({"person": person}))
        .collect();
    let mut answer = Map::new();
    if !results.is_empty() {
        answer.insert("results".to_owned(), results.into());
    }
    Ok(answer.into())
}

fn matches(body: &Body, query: &str) -> bool {
    let keys: [(&str, &[&str]); 5] = [
        ("names", &["displayName"]),
        ("nicknames", &["value"]),
        ("emailAddresses", &["value"]),
        ("phoneNumbers", &["value", "canonicalForm"]),
        ("organizations", &["name", "title"]),
    ];
    keys.iter().any(|(field, keys)| {
        let values = body.fields.get(*field).and_then(Value::as_array).into_iter().flatten();
        let mut texts = values.flat_map(|value| keys.iter().filter_map(|key| value.get(*key)?.as_str()));
        texts.any(|text| {
            let text = text.to_lowercase();
            text.starts_with(query) || text.split_whitespace().any(|word| word.starts_with(query))
        })
    })
}

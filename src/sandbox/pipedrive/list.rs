//! Lists: filters, order, and opaque keyset cursors.
//!
//! A cursor marks the last record sent, not a snapshot: a walk in the order of `update_time` meets edited records
//! again, and only the order of ids neither repeats nor leaves out.

use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::company::Company;
use super::gateway::{Answer, Call};
use super::input;
use super::record::{Kind, View};
use super::refusal::Refusal;

/// Where a list goes on, in the form seen in the wild.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cursor {
    field: String,
    field_value: i64,
    sort_direction: String,
    id: u64,
}

/// The order of a list.
#[derive(Debug, Clone, Copy)]
struct Order {
    field: &'static str,
    direction: &'static str,
}

impl Order {
    fn descends(self) -> bool {
        self.direction == "desc"
    }

    /// The key that a record is sorted by. What was never edited sorts by when it came.
    fn key<K: Kind>(self, it: &K) -> (i64, u64) {
        let head = it.head();
        match self.field {
            "add_time" => (head.add_time, head.id),
            "update_time" => (head.update_time.unwrap_or(head.add_time), head.id),
            _ => (i64::try_from(head.id).unwrap_or(i64::MAX), head.id),
        }
    }
}

/// `GET /persons` and `GET /organizations`. Deleted records are never listed.
pub(super) fn list<K: Kind>(company: &mut Company, call: &Call) -> Answer {
    let query = &call.query;
    let view = View::read::<K>(query)?;
    let filter = Filter::read(call)?;
    let limit = limit(call)?;
    let order = Order {
        field: query.one_of("sort_by", &["id", "update_time", "add_time"])?,
        direction: query.one_of("sort_direction", &["asc", "desc"])?,
    };
    let after = cursor(call, order.field, order.direction)?;
    let wanted = |it: &&K| !it.head().deleted && company.sees(call.user, *it) && filter.takes(company, *it);
    let all = K::all(company);
    // One more than asked for tells whether there is a next page.
    let mut page: Vec<&K> = if let Some(ids) = &filter.ids {
        sorted(ids.iter().filter_map(|id| all.get(id)).filter(wanted), order, after, limit + 1)
    } else if order.field != "id" {
        sorted(all.values().filter(wanted), order, after, limit + 1)
    } else if order.descends() {
        let end = after.map_or(Bound::Unbounded, |(_, id)| Bound::Excluded(id));
        all.range((Bound::Unbounded, end)).rev().map(|(_, it)| it).filter(wanted).take(limit + 1).collect()
    } else {
        let start = after.map_or(Bound::Unbounded, |(_, id)| Bound::Excluded(id));
        all.range((start, Bound::Unbounded)).map(|(_, it)| it).filter(wanted).take(limit + 1).collect()
    };
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|last| encode(order.field, order.direction, order.key(*last)));
    let shown: Vec<Value> = page.iter().map(|it| it.show(company, &view)).collect();
    Ok(json!({"success": true, "data": shown, "additional_data": {"next_cursor": next}}))
}

fn sorted<'a, K: Kind>(
    records: impl Iterator<Item = &'a K>,
    order: Order,
    after: Option<(i64, u64)>,
    limit: usize,
) -> Vec<&'a K> {
    let passed = |key: (i64, u64)| after.is_none_or(|after| if order.descends() { key < after } else { key > after });
    let mut records: Vec<&K> = records.filter(|it| passed(order.key(*it))).collect();
    records.sort_by_key(|it| order.key(*it));
    if order.descends() {
        records.reverse();
    }
    records.truncate(limit);
    records
}

/// Which records a list holds.
struct Filter {
    ids: Option<Vec<u64>>,
    owner: Option<u64>,
    organization: Option<u64>,
    since: Option<i64>,
    until: Option<i64>,
    /// Deals are not here, so a deal has no persons.
    nothing: bool,
}

impl Filter {
    fn read(call: &Call) -> Result<Self, Refusal> {
        let query = &call.query;
        if query.number("filter_id")?.is_some() {
            return Err(Refusal::not_found());
        }
        let ids = query.list("ids", 100)?.map(|words| {
            let ids = words.iter().map(|word| word.parse().map_err(|_| input::wrong("ids", "integers")));
            ids.collect::<Result<Vec<u64>, _>>()
        });
        let mut ids = ids.transpose()?;
        if let Some(ids) = &mut ids {
            ids.sort_unstable();
            ids.dedup();
        }
        Ok(Self {
            ids,
            owner: query.number("owner_id")?,
            organization: query.number("org_id")?,
            since: query.time("updated_since")?,
            until: query.time("updated_until")?,
            nothing: query.number("deal_id")?.is_some(),
        })
    }

    fn takes<K: Kind>(&self, company: &Company, it: &K) -> bool {
        let head = it.head();
        let organization = || company.persons.get(&head.id).and_then(|person| person.org_id);
        !self.nothing
            && self.owner.is_none_or(|owner| head.owner_id == owner)
            && self.organization.is_none_or(|wanted| organization() == Some(wanted))
            && self.since.is_none_or(|since| head.update_time.is_some_and(|time| time >= since))
            && self.until.is_none_or(|until| head.update_time.is_some_and(|time| time < until))
    }
}

/// How many records a page holds: 100 unless asked, at most 500.
pub(super) fn limit(call: &Call) -> Result<usize, Refusal> {
    match call.query.number("limit")? {
        None => Ok(100),
        Some(limit @ 1..=500) => Ok(usize::try_from(limit).unwrap_or(500)),
        Some(_) => Err(input::wrong("limit", "between 1 and 500")),
    }
}

/// The mark after which a page begins. One of another order, or that is none at all, is refused.
pub(super) fn cursor(call: &Call, field: &str, direction: &str) -> Result<Option<(i64, u64)>, Refusal> {
    let Some(text) = call.query.get("cursor") else { return Ok(None) };
    let decoded = URL_SAFE_NO_PAD.decode(text).ok().and_then(|json| serde_json::from_slice::<Cursor>(&json).ok());
    let cursor = decoded.filter(|cursor| cursor.field == field && cursor.sort_direction == direction);
    match cursor {
        Some(cursor) if !call.expired_cursor => Ok(Some((cursor.field_value, cursor.id))),
        _ => Err(Refusal::invalid("Provided cursor is invalid or has expired")),
    }
}

/// The cursor that goes on after `key`.
pub(super) fn encode(field: &str, direction: &str, key: (i64, u64)) -> String {
    let cursor =
        Cursor { field: field.to_owned(), field_value: key.0, sort_direction: direction.to_owned(), id: key.1 };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
}

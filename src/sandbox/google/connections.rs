//! `people.connections.list`: full listings, and changes since a sync token.

use serde_json::{Map, Value, json};

use super::contact::{Contact, Version};
use super::gateway::{Answer, Call};
use super::person::View;
use super::refusal::Refusal;
use super::state::{Record, State};
use super::tokens::{Binding, Point};

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// In which order a full listing without a sync token comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
    FirstName,
    LastName,
}

impl Order {
    fn read(call: &Call) -> Result<Self, Refusal> {
        match call.query.get("sortOrder") {
            None | Some("LAST_MODIFIED_ASCENDING") => Ok(Self::Ascending),
            Some("LAST_MODIFIED_DESCENDING") => Ok(Self::Descending),
            Some("FIRST_NAME_ASCENDING") => Ok(Self::FirstName),
            Some("LAST_NAME_ASCENDING") => Ok(Self::LastName),
            Some(other) => Err(Refusal::value(
                "sort_order",
                "type.googleapis.com/google.people.v1.ListConnectionsRequest.SortOrder",
                &json!(other),
            )),
        }
    }

    fn sort(self, rows: &mut [(&Contact, &Version)]) {
        let name = |version: &Version, key: &str| {
            let name = version.body().and_then(|body| body.fields.get("names")?.get(0)?.get(key)?.as_str());
            name.map(str::to_lowercase).unwrap_or_default()
        };
        match self {
            Self::Ascending => rows.sort_by_key(|(_, version)| version.seq),
            Self::Descending => rows.sort_by_key(|(_, version)| std::cmp::Reverse(version.seq)),
            Self::FirstName => rows.sort_by_key(|(_, version)| (name(version, "displayName"), version.seq)),
            Self::LastName => rows.sort_by_key(|(_, version)| (name(version, "displayNameLastFirst"), version.seq)),
        }
    }
}

/// `GET /v1/people/me/connections`.
pub(super) fn list(state: &mut State, call: &Call) -> Answer {
    if call.id != "me" {
        return Err(Refusal::invalid("Resource name must be \"people/me\" for connections."));
    }
    let mut view = View::of_query(call, None)?;
    let order = Order::read(call)?;
    let size = page_size(call, DEFAULT_PAGE, MAX_PAGE)?;
    let wants_token = call.query.flag("requestSyncToken")?;
    if wants_token && order == Order::Descending {
        return Err(Refusal::argument());
    }
    let params = format!("{} {order:?} {size} {wants_token}", view.line());
    let binding = Binding::new("connections", &state.account(&call.user)?.owner, &params);
    let since = binding.since(state, call)?;
    let params = format!("{params} {}", call.query.get("syncToken").unwrap_or_default());
    let pages = Binding::new("connections page", &state.account(&call.user)?.owner, &params);
    let page = pages.page(call)?;
    if page.is_none() {
        churn(state, call)?;
    }
    let begun = Point { at: call.now.0, seq: state.seq(), full: since.map_or(call.now.0, |point| point.full) };
    let (point, after) = page.unwrap_or((begun, 0));
    (view.listed, view.delta) = (true, since.is_some());

    let mut chance = state.settings.shuffle.then(|| state.chance.fork());
    let mut rows = rows(state, call, since)?;
    order.sort(&mut rows);
    let total = rows.len();
    let (rows, next) = cut(&rows, order, after, size.min(state.settings.page_limit.unwrap_or(size)));
    let mut shown: Vec<Value> =
        rows.iter().map(|(contact, version)| view.show(contact, version, chance.as_mut())).collect();
    if let Some(chance) = &mut chance {
        chance.shuffle(&mut shown);
    }
    let mut answer = Map::new();
    if !shown.is_empty() {
        answer.insert("connections".to_owned(), shown.into());
    }
    if total > 0 {
        answer.insert("totalPeople".to_owned(), json!(total));
        answer.insert("totalItems".to_owned(), json!(total));
    }
    match next {
        Some(after) => answer.insert("nextPageToken".to_owned(), json!(pages.page_token(point, after))),
        // The changes of a long walk come again with the next listing: nothing of them may be missed.
        None if wants_token => answer.insert("nextSyncToken".to_owned(), json!(binding.sync_token(point))),
        None => None,
    };
    Ok(answer.into())
}

/// `pageSize` of a listing. That more than the most is refused is the harsher reading.
pub(super) fn page_size(call: &Call, default: usize, most: usize) -> Result<usize, Refusal> {
    match call.query.number("pageSize")? {
        0 => Ok(default),
        size if size <= most => Ok(size),
        _ => Err(Refusal::invalid(format!("Page size must be less than or equal to {most}."))),
    }
}

/// The contacts that are there; or, since a point, all that have changed, also the gone ones.
fn rows<'a>(state: &'a State, call: &Call, since: Option<Point>) -> Result<Vec<(&'a Contact, &'a Version)>, Refusal> {
    let contacts = state.account(&call.user)?.contacts.values();
    let seen = contacts.filter_map(|contact| contact.seen(call.now.0).map(|version| (contact, version)));
    Ok(match since {
        Some(point) => seen.filter(|(_, version)| point.is_before(version)).collect(),
        None => seen.filter(|(_, version)| version.body().is_some()).collect(),
    })
}

/// The page after `after`, and where the next one starts. By time the place is a version, so that what changes during
/// the walk is never passed over but comes again; in other orders it is a count.
fn cut<'a>(
    rows: &[(&'a Contact, &'a Version)],
    order: Order,
    after: u64,
    size: usize,
) -> (Vec<(&'a Contact, &'a Version)>, Option<u64>) {
    let by_version = order == Order::Ascending;
    let start = if by_version {
        rows.partition_point(|(_, version)| version.seq <= after)
    } else {
        usize::try_from(after).unwrap_or(usize::MAX).min(rows.len())
    };
    let end = rows.len().min(start.saturating_add(size));
    let page = rows[start..end].to_vec();
    let next = (end < rows.len()).then(|| match page.last() {
        Some((_, version)) if by_version => version.seq,
        _ => end as u64,
    });
    (page, next)
}

/// Moves the etags of some contacts, as indexing in the background does.
fn churn(state: &mut State, call: &Call) -> Result<(), Refusal> {
    let share = state.settings.churn;
    if share <= 0.0 {
        return Ok(());
    }
    let mut chance = state.chance.fork();
    let contacts = state.account(&call.user)?.contacts.values();
    let live = contacts.filter(|contact| contact.body().is_some() && !contact.is_pending(call.now.0));
    let ids: Vec<u64> = live.filter(|_| chance.f64() < share).map(|contact| contact.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let first = state.seq() + 1;
    state.commit(vec![Record::Touched { user: call.user.clone(), ids, first, at: call.now.0 }])
}

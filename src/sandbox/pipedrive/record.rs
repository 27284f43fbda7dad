//! What persons and organizations have in common, and the calls on one of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::company::{Company, Record};
use super::fields;
use super::gateway::{Answer, Call};
use super::input::{self, Query};
use super::refusal::Refusal;
use crate::clock::Moment;

/// The part of a record that both kinds have. Times are seconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) id: u64,
    pub(super) owner_id: u64,
    pub(super) visible_to: u8,
    pub(super) add_time: i64,
    pub(super) update_time: Option<i64>,
    /// In the trash since `update_time`.
    pub(super) deleted: bool,
    pub(super) label_ids: Vec<u64>,
    pub(super) custom_fields: Map<String, Value>,
}

/// A kind of record: persons, or organizations.
pub(super) trait Kind: Clone + Sized {
    /// The word in `item_type`, and of the custom fields that this kind has.
    const NAME: &'static str;
    /// Whether these are persons, of whom alone the settings `hidden` and `open_deals` speak.
    const IS_PERSON: bool;
    /// Values of `include_fields`.
    const INCLUDABLE: &'static [&'static str];

    /// The common part.
    fn head(&self) -> &Head;
    /// The common part, to change it.
    fn head_mut(&mut self) -> &mut Head;
    /// All records of this kind, by id.
    fn all(company: &Company) -> &BTreeMap<u64, Self>;
    /// The id that the next one gets.
    fn next_id(company: &Company) -> u64;
    /// An empty one.
    fn blank(head: Head) -> Self;
    /// Writes the keys of a body; an unknown key or a wrong value is a refusal, and then nothing of it is kept.
    fn write(&mut self, body: &Map<String, Value>, company: &Company, call: &Call) -> Result<(), Refusal>;
    /// What is still missing in a new one.
    fn missing(&self) -> Option<&'static str>;
    /// The object as v2 sends it, without what was not asked for.
    fn show(&self, company: &Company, view: &View) -> Value;
    /// The fact that this is the record now.
    fn into_record(self) -> Record;
}

/// How much of a record is shown.
#[derive(Debug, Default)]
pub(super) struct View {
    include: Vec<String>,
    custom: Option<Vec<String>>,
    /// `labels` beside `label_ids`.
    pub(super) labels: bool,
}

impl View {
    /// Reads it from the query of a call on `K`.
    pub(super) fn read<K: Kind>(query: &Query) -> Result<Self, Refusal> {
        let include = query.list("include_fields", usize::MAX)?.unwrap_or_default();
        if let Some(unknown) = include.iter().find(|name| !K::INCLUDABLE.contains(&name.as_str())) {
            return Err(Refusal::invalid(format!("include_fields: \"{unknown}\" is not an allowed value")));
        }
        query.flag("include_option_labels")?;
        Ok(Self { include, custom: query.list("custom_fields", 15)?, labels: query.flag("include_labels")? })
    }

    /// Adds to `shown` what both kinds show in the same way.
    pub(super) fn complete<K: Kind>(&self, it: &K, company: &Company, shown: &mut Map<String, Value>) {
        let head = it.head();
        let custom: Map<String, Value> = company
            .fields
            .values()
            .filter(|field| field.kind == K::NAME)
            .filter(|field| self.custom.as_ref().is_none_or(|wanted| wanted.contains(&field.code)))
            .map(|field| (field.code.clone(), head.custom_fields.get(&field.code).cloned().unwrap_or_default()))
            .collect();
        shown.insert("custom_fields".to_owned(), custom.into());
        if self.labels {
            let labels: Vec<Value> = head.label_ids.iter().filter_map(|id| fields::label(*id)).collect();
            shown.insert("labels".to_owned(), labels.into());
        }
        for name in &self.include {
            let open_deals = K::IS_PERSON.then(|| company.settings.open_deals.get(&head.id)).flatten();
            let value = match name.as_str() {
                "open_deals_count" => json!(open_deals.copied().unwrap_or(0)),
                counted if counted.ends_with("_count") => json!(0),
                _ => Value::Null,
            };
            shown.insert(name.clone(), value);
        }
    }
}

/// `POST`: a new record, owned by the caller and visible as the settings say unless the body says otherwise.
pub(super) fn create<K: Kind>(company: &mut Company, call: &Call) -> Answer {
    let head = Head {
        id: K::next_id(company),
        owner_id: call.user,
        visible_to: company.settings.default_visibility(),
        add_time: call.now,
        update_time: (!company.settings.null_update_time).then_some(call.now),
        deleted: false,
        label_ids: Vec::new(),
        custom_fields: Map::new(),
    };
    let mut body = call.object()?.clone();
    let mut new = K::blank(head);
    if let Some(add_time) = body.remove("add_time") {
        new.head_mut().add_time = input::time("add_time", &add_time)?;
    }
    new.write(&body, company, call)?;
    if let Some(missing) = new.missing() {
        return Err(Refusal::invalid(format!("\"{missing}\" is required")));
    }
    store(company, new)
}

/// `GET` by id.
pub(super) fn read<K: Kind>(company: &mut Company, call: &Call) -> Answer {
    let view = View::read::<K>(&call.query)?;
    let it: &K = company.find(call.user, call.id(), call.now)?;
    if it.head().deleted && !company.settings.deleted_readable {
        return Err(Refusal::not_found());
    }
    Ok(json!({"success": true, "data": it.show(company, &view)}))
}

/// `PATCH`: the keys that are present.
pub(super) fn change<K: Kind>(company: &mut Company, call: &Call) -> Answer {
    let mut changed: K = company.find_live::<K>(call.user, call.id(), call.now)?.clone();
    changed.write(call.object()?, company, call)?;
    changed.head_mut().update_time = Some(call.now);
    store(company, changed)
}

/// `DELETE`: into the trash.
pub(super) fn delete<K: Kind>(company: &mut Company, call: &Call) -> Answer {
    let mut gone: K = company.find_live::<K>(call.user, call.id(), call.now)?.clone();
    gone.head_mut().deleted = true;
    gone.head_mut().update_time = Some(call.now);
    company.commit(vec![gone.into_record()])?;
    Ok(json!({"success": true, "data": {"id": call.id()}}))
}

fn store<K: Kind>(company: &mut Company, it: K) -> Answer {
    let shown = it.show(company, &View::default());
    company.commit(vec![it.into_record()])?;
    Ok(json!({"success": true, "data": shown}))
}

/// Writes the keys that both kinds have. Gives false for any other.
pub(super) fn write_common<K: Kind>(it: &mut K, key: &str, value: &Value, company: &Company) -> Result<bool, Refusal> {
    match key {
        "owner_id" => {
            let owner = input::id(key, value)?;
            if !company.is_active(owner) {
                return Err(Refusal::invalid(format!("owner_id: there is no active user {owner}")));
            }
            it.head_mut().owner_id = owner;
        }
        "visible_to" => {
            let levels = company.settings.levels();
            let level = input::id(key, value)?;
            let known = levels.iter().find(|known| u64::from(**known) == level);
            let Some(known) = known else {
                return Err(Refusal::invalid(format!("visible_to: {level} is not one of {levels:?}")));
            };
            it.head_mut().visible_to = *known;
        }
        "label_ids" => it.head_mut().label_ids = fields::labels(value)?,
        "custom_fields" => {
            let given = value.as_object().ok_or_else(|| input::wrong(key, "an object"))?;
            for (code, value) in given {
                let field = company.fields.get(code).filter(|field| field.kind == K::NAME);
                let field = field.ok_or_else(|| Refusal::invalid(format!("custom_fields: unknown field {code}")))?;
                let value = field.check(value)?;
                it.head_mut().custom_fields.insert(code.clone(), value);
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Seconds as v2 writes them.
pub(super) fn v2_time(seconds: i64) -> String {
    Moment(seconds.saturating_mul(1000)).rfc3339()
}

/// Seconds as v1 writes them: UTC, without saying so.
pub(super) fn v1_time(seconds: i64) -> String {
    v2_time(seconds).replace('T', " ").replace('Z', "")
}

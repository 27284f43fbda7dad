//! Reading what a caller sent, strictly: types are not converted, and every refusal names the key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::clock::Moment;

/// The decoded query string.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a query string; the last of equal names counts.
    pub(super) fn parse(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Refuses names that are not `known`.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(Refusal::invalid(format!("query parameter \"{unknown}\" is not allowed"))),
            None => Ok(()),
        }
    }

    /// A value as it came.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.get(name).map(|text| text.parse().map_err(|_| wrong(name, "an integer"))).transpose()
    }

    /// `true` or `false`; absent is false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }

    /// One of `known`, the first of which is the default.
    pub(super) fn one_of(&self, name: &str, known: &[&'static str]) -> Result<&'static str, Refusal> {
        let Some(given) = self.get(name) else { return Ok(known.first().copied().unwrap_or_default()) };
        known.iter().find(|word| **word == given).copied().ok_or_else(|| wrong(name, &format!("one of {known:?}")))
    }

    /// A comma-separated list of at most `max` words.
    pub(super) fn list(&self, name: &str, max: usize) -> Result<Option<Vec<String>>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let words: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
        if words.iter().any(String::is_empty) || words.len() > max {
            return Err(wrong(name, &format!("a comma-separated list of 1 to {max} values")));
        }
        Ok(Some(words))
    }

    /// A whole-second RFC 3339 time in UTC, as seconds since 1970.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.get(name).map(|text| time(name, &json!(text))).transpose()
    }
}

/// The refusal of `key` for not being `expected`.
pub(super) fn wrong(key: &str, expected: &str) -> Refusal {
    Refusal::invalid(format!("\"{key}\" must be {expected}"))
}

/// A positive integer.
pub(super) fn id(key: &str, value: &Value) -> Result<u64, Refusal> {
    value.as_u64().filter(|id| *id > 0).ok_or_else(|| wrong(key, "a positive integer"))
}

/// A string.
pub(super) fn text(key: &str, value: &Value) -> Result<String, Refusal> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong(key, "a string"))
}

/// Null, or what `read` reads.
pub(super) fn nullable<T>(
    key: &str,
    value: &Value,
    read: impl FnOnce(&str, &Value) -> Result<T, Refusal>,
) -> Result<Option<T>, Refusal> {
    if value.is_null() { Ok(None) } else { read(key, value).map(Some) }
}

/// `2026-01-14T18:16:56Z`: fractions, offsets and the v1 form are refused.
pub(super) fn time(key: &str, value: &Value) -> Result<i64, Refusal> {
    let read = value.as_str().and_then(|text| Moment::parse(text).filter(|moment| moment.rfc3339() == text));
    read.map(|moment| moment.0.div_euclid(1000)).ok_or_else(|| wrong(key, "RFC 3339 with whole seconds and Z"))
}

/// `2000-12-31`.
pub(super) fn date(key: &str, value: &Value) -> Result<String, Refusal> {
    let text = value.as_str().filter(|text| {
        text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == *text)
    });
    text.map(str::to_owned).ok_or_else(|| wrong(key, "a date as YYYY-MM-DD"))
}

/// An e-mail address, a phone number or an instant messenger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) value: String,
    pub(super) primary: bool,
    pub(super) label: String,
}

/// A list of channels: only `value` is needed, the label is `work` by default, exactly one is primary in the end.
pub(super) fn channels(key: &str, value: &Value) -> Result<Vec<Channel>, Refusal> {
    let items = value.as_array().ok_or_else(|| wrong(key, "an array of objects"))?;
    let mut channels = items.iter().map(|item| channel(key, item)).collect::<Result<Vec<_>, _>>()?;
    match channels.iter().filter(|channel| channel.primary).count() {
        0 => {
            if let Some(first) = channels.first_mut() {
                first.primary = true;
            }
        }
        1 => {}
        _ => return Err(Refusal::invalid(format!("\"{key}\" must not have more than one primary item"))),
    }
    Ok(channels)
}

fn channel(key: &str, item: &Value) -> Result<Channel, Refusal> {
    let item = item.as_object().ok_or_else(|| wrong(key, "an array of objects"))?;
    let mut channel = Channel { value: String::new(), primary: false, label: "work".to_owned() };
    for (name, value) in item {
        match name.as_str() {
            "value" => channel.value = text("value", value)?,
            "label" => channel.label = text("label", value)?,
            "primary" => channel.primary = value.as_bool().ok_or_else(|| wrong("primary", "a boolean"))?,
            unknown => return Err(Refusal::invalid(format!("\"{key}.{unknown}\" is not allowed"))),
        }
    }
    if channel.value.is_empty() {
        return Err(Refusal::invalid(format!("\"{key}.value\" is required")));
    }
    Ok(channel)
}

/// The parts of an address beside `value`.
pub(super) const ADDRESS_PARTS: [&str; 9] = [
    "country",
    "admin_area_level_1",
    "admin_area_level_2",
    "locality",
    "sublocality",
    "route",
    "street_number",
    "subpremise",
    "postal_code",
];

/// An address with every part: those left out are null, whatever they were before.
pub(super) fn address(key: &str, value: &Value) -> Result<Map<String, Value>, Refusal> {
    let given = value.as_object().ok_or_else(|| wrong(key, "an object"))?;
    if let Some(unknown) = given.keys().find(|part| *part != "value" && !ADDRESS_PARTS.contains(&part.as_str())) {
        return Err(Refusal::invalid(format!("\"{key}.{unknown}\" is not allowed")));
    }
    let whole = given.get("value").ok_or_else(|| Refusal::invalid(format!("\"{key}.value\" is required")))?;
    let mut address = Map::new();
    address.insert("value".to_owned(), json!(text("value", whole)?));
    for part in ADDRESS_PARTS {
        let value = given.get(part).map(|value| nullable(part, value, text)).transpose()?.flatten();
        address.insert(part.to_owned(), json!(value));
    }
    Ok(address)
}

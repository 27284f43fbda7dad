//! Reading what a caller sent: the query, whose names may repeat, and the JSON of a request, as strictly as the
//! service's own reader (unknown names are refused).

use serde_json::{Map, Value, json};

use super::refusal::Refusal;

/// The decoded query string, or form.
#[derive(Debug, Default, Clone)]
pub(super) struct Query(Vec<(String, String)>);

/// Parameters that every call takes.
const COMMON: &[&str] = &[
    "$.xgafv",
    "$alt",
    "access_token",
    "alt",
    "callback",
    "fields",
    "key",
    "oauth_token",
    "prettyPrint",
    "quotaUser",
    "uploadType",
    "upload_protocol",
];

impl Query {
    /// Reads a query string or an urlencoded form.
    pub(super) fn parse(query: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(query).into_owned().collect())
    }

    /// Refuses names that are neither `known` nor common to all calls.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let unknown =
            self.0.iter().find(|(name, _)| !known.contains(&name.as_str()) && !COMMON.contains(&name.as_str()));
        match unknown {
            Some((name, _)) => Err(Refusal::payload(
                "",
                &format!(
                    "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field \
                     '{name}' could not be found in request message."
                ),
            )),
            None => Ok(()),
        }
    }

    /// A value; the last of several, and an empty one is none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// A value as it came, even an empty one.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a repeated name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number of at least 0; absent is 0.
    pub(super) fn number(&self, name: &str) -> Result<usize, Refusal> {
        let Some(text) = self.get(name) else { return Ok(0) };
        text.parse::<i32>()
            .ok()
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| Refusal::value(&snake(name), "TYPE_INT32", &json!(text)))
    }

    /// `true` or `false`; absent is false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => Err(Refusal::value(&snake(name), "TYPE_BOOL", &json!(text))),
        }
    }
}

/// A JSON name as the service writes it in errors: `givenName` is `given_name`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The object at `at`, which has only `known` names. Null is an empty one.
pub(super) fn object<'a>(at: &str, value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>, Refusal> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    let object = match value {
        Value::Object(object) => object,
        Value::Null => &EMPTY,
        other => return Err(Refusal::value(at, "TYPE_MESSAGE", other)),
    };
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(unknown(at, name)),
        None => Ok(object),
    }
}

fn unknown(at: &str, name: &str) -> Refusal {
    let place = if at.is_empty() { String::new() } else { format!(" at '{at}'") };
    Refusal::payload(at, &format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."))
}

/// The list under `name`; absent or null is an empty one.
pub(super) fn list<'a>(at: &str, object: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(Refusal::value(&below(at, name), "TYPE_MESSAGE", other)),
    }
}

/// The text under `name`; absent or null is none.
pub(super) fn text<'a>(at: &str, object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Refusal::value(&below(at, name), "TYPE_STRING", other)),
    }
}

/// The texts under `name`.
pub(super) fn texts(object: &Map<String, Value>, name: &str) -> Result<Vec<String>, Refusal> {
    list("", object, name)?
        .iter()
        .map(|value| match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(Refusal::value(&snake(name), "TYPE_STRING", other)),
        })
        .collect()
}

/// The path of `name` below `at`.
pub(super) fn below(at: &str, name: &str) -> String {
    if at.is_empty() { snake(name) } else { format!("{at}.{}", snake(name)) }
}

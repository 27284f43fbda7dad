//! Reading a Person that a caller sends: unknown names and wrong types are refused, what only the service makes is
//! overlooked, empty values are dropped.

use serde_json::{Map, Value, json};

use super::input::{below, list, object, text};
use super::refusal::Refusal;
use super::schema::{self, FIELDS, Field, Kind, OTHER_KEYS};
use super::values;

/// What a caller sent of a person.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The values of the fields that were sent, the primary one first, completed with what the service makes.
    pub(super) fields: Map<String, Value>,
    /// The ids of the groups that were sent.
    pub(super) groups: Vec<String>,
    /// `etag`.
    pub(super) etag: Option<String>,
    /// The `etag` of its contact source.
    pub(super) source_etag: Option<String>,
}

const METADATA: &[&str] = &["deleted", "linkedPeopleResourceNames", "objectType", "previousResourceNames", "sources"];
const SOURCE: &[&str] = &["etag", "id", "profileMetadata", "type", "updateTime"];
const FIELD_METADATA: &[&str] = &["primary", "source", "sourcePrimary", "verified"];

/// Reads the person that stands at `at`.
pub(super) fn person(at: &str, json: &Value) -> Result<Sent, Refusal> {
    let known: Vec<&str> = FIELDS.iter().map(|field| field.name).chain(OTHER_KEYS.iter().copied()).collect();
    let given = object(at, json, &known)?;
    let mut sent = Sent { etag: text(at, given, "etag")?.map(str::to_owned), ..Sent::default() };
    sent.source_etag = source_etag(&below(at, "metadata"), given.get("metadata").unwrap_or(&Value::Null))?;
    for field in FIELDS {
        let values = read_field(at, given, field)?;
        if !values.is_empty() {
            sent.fields.insert(field.name.to_owned(), values.into());
        }
    }
    for (index, value) in list(at, given, "memberships")?.iter().enumerate() {
        sent.groups.extend(membership(&format!("{}[{index}]", below(at, "memberships")), value)?);
    }
    sent.groups.dedup();
    Ok(sent)
}

fn source_etag(at: &str, metadata: &Value) -> Result<Option<String>, Refusal> {
    let metadata = object(at, metadata, METADATA)?;
    let mut found = None;
    for (index, source) in list(at, metadata, "sources")?.iter().enumerate() {
        let at = format!("{at}.sources[{index}]");
        let source = object(&at, source, SOURCE)?;
        if text(&at, source, "type")? == Some("CONTACT") {
            found = text(&at, source, "etag")?.map(str::to_owned).or(found);
        }
    }
    Ok(found)
}

fn read_field(at: &str, given: &Map<String, Value>, field: &Field) -> Result<Vec<Value>, Refusal> {
    let sent = list(at, given, field.name)?;
    let (mut values, mut primary) = (Vec::new(), None);
    for (index, value) in sent.iter().enumerate() {
        let at = format!("{}[{index}]", below(at, field.name));
        let keys: Vec<&str> = field.keys.iter().map(|(key, _)| *key).chain(["metadata"]).collect();
        let value = object(&at, value, &keys)?;
        let origin = origin(&below(&at, "metadata"), value.get("metadata").unwrap_or(&Value::Null))?;
        let read = read_value(&at, value, field)?;
        if read.is_empty() || !origin.contact {
            continue;
        }
        if origin.primary {
            primary = primary.or(Some(values.len()));
        }
        values.push(Value::Object(values::complete(field.name, read)));
    }
    if field.singleton && sent.len() > 1 {
        return Err(Refusal::invalid(format!("Cannot have more than one person.{} per source.", snake(field.name))));
    }
    if let Some(primary) = primary {
        let first = values.remove(primary);
        values.insert(0, first);
    }
    // What can only be read is overlooked as a whole.
    if field.keys.iter().all(|(_, kind)| *kind == Kind::Output) {
        values.clear();
    }
    Ok(values)
}

fn snake(name: &str) -> String {
    super::input::snake(name)
}

/// What the metadata of a value say.
struct Origin {
    /// It belongs to the contact, not to a profile.
    contact: bool,
    primary: bool,
}

fn origin(at: &str, metadata: &Value) -> Result<Origin, Refusal> {
    let metadata = object(at, metadata, FIELD_METADATA)?;
    let at_source = below(at, "source");
    let source = object(&at_source, metadata.get("source").unwrap_or(&Value::Null), SOURCE)?;
    let contact = text(&at_source, source, "type")?.is_none_or(|kind| kind == "CONTACT");
    Ok(Origin { contact, primary: metadata.get("sourcePrimary") == Some(&json!(true)) })
}

fn read_value(at: &str, value: &Map<String, Value>, field: &Field) -> Result<Map<String, Value>, Refusal> {
    let mut read = Map::new();
    for (key, kind) in field.keys {
        let Some(given) = value.get(*key).filter(|given| !given.is_null()) else { continue };
        let at = below(at, key);
        let kept = match (kind, given) {
            (Kind::Output, _) => None,
            (Kind::Text, Value::String(text)) => Some(json!(text)).filter(|_| !text.is_empty()),
            (Kind::Text, other) => return Err(Refusal::value(&at, "TYPE_STRING", other)),
            (Kind::Flag, Value::Bool(flag)) => flag.then(|| json!(true)),
            (Kind::Flag, other) => return Err(Refusal::value(&at, "TYPE_BOOL", other)),
            (Kind::Whole, Value::Number(number)) if number.is_i64() => Some(json!(number)),
            (Kind::Whole, other) => return Err(Refusal::value(&at, "TYPE_INT32", other)),
            (Kind::Choice(words), Value::String(word)) if words.contains(&word.as_str()) => {
                // The first word is the default, which is never written out.
                Some(json!(word)).filter(|_| words[0] != word)
            }
            (Kind::Choice(_), other) => {
                let name = if *key == "type" { format!("{}Type", field.message) } else { "ContentType".to_owned() };
                let kind = format!("type.googleapis.com/google.people.v1.{}.{name}", field.message);
                return Err(Refusal::value(&at, &kind, other));
            }
            (Kind::Date, given) => date(&at, given)?,
        };
        if let Some(kept) = kept {
            read.insert((*key).to_owned(), kept);
        }
    }
    // A label without anything labelled is empty.
    let labels = ["type", "current", "contentType", "protocol"];
    if read.keys().all(|key| labels.contains(&key.as_str())) {
        read.clear();
    }
    Ok(read)
}

/// A date, whose year, or month and day, may be absent or 0.
fn date(at: &str, given: &Value) -> Result<Option<Value>, Refusal> {
    let parts = object(at, given, &["day", "month", "year"])?;
    let mut kept = Map::new();
    for (name, most) in [("year", 9999), ("month", 12), ("day", 31)] {
        match parts.get(name) {
            None | Some(Value::Null) => {}
            Some(part) => match part.as_i64() {
                Some(0) => {}
                Some(number) if (1..=most).contains(&number) => {
                    kept.insert(name.to_owned(), json!(number));
                }
                Some(_) => return Err(Refusal::argument()),
                None => return Err(Refusal::value(&below(at, name), "TYPE_INT32", part)),
            },
        }
    }
    let number = |name: &str| kept.get(name).and_then(Value::as_i64).and_then(|number| i16::try_from(number).ok());
    if let (Some(month), Some(day)) = (number("month"), number("day")) {
        // Without a year the 29th of February is a day.
        let year = number("year").unwrap_or(2000);
        let fits = i8::try_from(month).ok().zip(i8::try_from(day).ok());
        if fits.is_none_or(|(month, day)| jiff::civil::Date::new(year, month, day).is_err()) {
            return Err(Refusal::argument());
        }
    }
    Ok((!kept.is_empty()).then_some(Value::Object(kept)))
}

fn membership(at: &str, value: &Value) -> Result<Option<String>, Refusal> {
    let membership = object(at, value, &["contactGroupMembership", "domainMembership", "metadata"])?;
    origin(&below(at, "metadata"), membership.get("metadata").unwrap_or(&Value::Null))?;
    let at = below(at, "contactGroupMembership");
    let group = membership.get("contactGroupMembership").unwrap_or(&Value::Null);
    let group = object(&at, group, &["contactGroupId", "contactGroupResourceName"])?;
    let Some(name) = text(&at, group, "contactGroupResourceName")? else { return Ok(None) };
    match name.strip_prefix("contactGroups/") {
        Some(id) if !id.is_empty() => Ok(Some(id.to_owned())),
        _ => Err(Refusal::invalid(format!("Invalid contact group resource name: \"{name}\"."))),
    }
}

/// Whether `name` is a field that holds one value only.
pub(super) fn is_singleton(name: &str) -> bool {
    schema::field(name).is_some_and(|field| field.singleton)
}

//! The fields of persons and organizations: the built-in ones, custom ones, and the labels.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::company::{Company, Record};
use super::gateway::{Answer, Call};
use super::input::{self, text};
use super::person::CONTACT_SYNC;
use super::record::Kind;
use super::refusal::Refusal;

/// A field that somebody made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct CustomField {
    /// [`Kind::NAME`] of the records that have it.
    pub(super) kind: String,
    /// 40 hexadecimal digits.
    pub(super) code: String,
    name: String,
    field_type: String,
    /// Labels; an option's id is its place, counted from 1.
    options: Vec<String>,
}

const TYPES: [&str; 16] = [
    "varchar",
    "text",
    "double",
    "phone",
    "date",
    "daterange",
    "time",
    "timerange",
    "set",
    "enum",
    "varchar_auto",
    "address",
    "monetary",
    "org",
    "people",
    "user",
];

const LABELS: [(u64, &str, &str); 4] =
    [(1, "Customer", "green"), (2, "Hot lead", "red"), (3, "Warm lead", "yellow"), (4, "Cold lead", "blue")];

/// `{id, label}` of a label.
pub(super) fn label(id: u64) -> Option<Value> {
    LABELS.iter().find(|(known, ..)| *known == id).map(|(id, label, _)| json!({"id": id, "label": label}))
}

/// Label ids that exist.
pub(super) fn labels(value: &Value) -> Result<Vec<u64>, Refusal> {
    let ids = value.as_array().ok_or_else(|| input::wrong("label_ids", "an array of integers"))?;
    let known = |id: &Value| {
        let id = input::id("label_ids", id)?;
        let found = LABELS.iter().any(|(known, ..)| *known == id);
        if found { Ok(id) } else { Err(Refusal::invalid(format!("label_ids: there is no label {id}"))) }
    };
    ids.iter().map(known).collect()
}

impl CustomField {
    /// The value to store, in the form that v2 wants for this type.
    pub(super) fn check(&self, value: &Value) -> Result<Value, Refusal> {
        let expected = |expected: &str| input::wrong(&format!("custom_fields.{}", self.code), expected);
        let key = self.code.as_str();
        let option = |value: &Value| {
            value.as_u64().is_some_and(|id| id >= 1 && usize::try_from(id).is_ok_and(|id| id <= self.options.len()))
        };
        let fits = match self.field_type.as_str() {
            _ if value.is_null() => true,
            "double" => value.is_number(),
            "date" => return input::date(key, value).map(Value::String),
            "address" => return input::address(key, value).map(Value::Object),
            "org" | "people" | "user" => return input::id(key, value).map(Value::from),
            "enum" => option(value),
            "set" => value.as_array().is_some_and(|ids| !ids.is_empty() && ids.iter().all(option)),
            "daterange" | "timerange" | "time" | "monetary" => value.is_object(),
            _ => value.is_string(),
        };
        if fits { Ok(value.clone()) } else { Err(expected(&format!("a value of type {}", self.field_type))) }
    }

    fn show(&self) -> Value {
        let options: Vec<Value> =
            self.options.iter().zip(1..).map(|(label, id): (_, u64)| json!({"id": id, "label": label})).collect();
        let mut field = built_in(&self.code, &self.name, &self.field_type);
        field["is_custom_field"] = json!(true);
        if !options.is_empty() {
            field["options"] = json!(options);
        }
        field
    }
}

/// `GET /personFields`, `GET /organizationFields`.
pub(super) fn list<K: Kind>(company: &mut Company, call: &Call) -> Answer {
    let limit = super::list::limit(call)?;
    let start = super::list::cursor(call, "id", "asc")?.map_or(0, |(_, passed)| passed);
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let all = all::<K>(company);
    let shown: Vec<&Value> = all.iter().skip(start).take(limit).collect();
    let end = start.saturating_add(shown.len());
    let next = (end < all.len()).then(|| {
        let mark = u64::try_from(end).unwrap_or(u64::MAX);
        super::list::encode("id", "asc", (0, mark))
    });
    Ok(json!({"success": true, "data": shown, "additional_data": {"next_cursor": next}}))
}

/// `GET /personFields/{field_code}`.
pub(super) fn read<K: Kind>(company: &mut Company, call: &Call) -> Answer {
    let field = all::<K>(company).into_iter().find(|field| field["field_code"] == call.word());
    Ok(json!({"success": true, "data": field.ok_or_else(Refusal::not_found)?}))
}

/// `POST /personFields`.
pub(super) fn create<K: Kind>(company: &mut Company, call: &Call) -> Answer {
    let mut field = CustomField {
        kind: K::NAME.to_owned(),
        code: code(),
        name: String::new(),
        field_type: String::new(),
        options: Vec::new(),
    };
    for (key, value) in call.object()? {
        match key.as_str() {
            "field_name" => field.name = text(key, value)?,
            "field_type" => field.field_type = text(key, value)?,
            "options" => field.options = options(value)?,
            "description" | "ui_visibility" | "important_fields" | "required_fields" => {}
            unknown => return Err(Refusal::invalid(format!("\"{unknown}\" is not allowed"))),
        }
    }
    if field.name.is_empty() || field.name.chars().count() > 255 {
        return Err(input::wrong("field_name", "a string of 1 to 255 characters"));
    }
    if !TYPES.contains(&field.field_type.as_str()) {
        return Err(input::wrong("field_type", &format!("one of {TYPES:?}")));
    }
    if matches!(field.field_type.as_str(), "enum" | "set") == field.options.is_empty() {
        return Err(Refusal::invalid("\"options\" belong to the types enum and set, which need them"));
    }
    let shown = field.show();
    company.commit(vec![Record::Field(field)])?;
    Ok(json!({"success": true, "data": shown}))
}

fn options(value: &Value) -> Result<Vec<String>, Refusal> {
    let items = value.as_array().ok_or_else(|| input::wrong("options", "an array of objects"))?;
    items.iter().map(|item| text("options.label", &item["label"])).collect()
}

/// 40 hexadecimal digits that nobody has yet.
fn code() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), &uuid::Uuid::new_v4().simple().to_string()[..8])
}

fn all<K: Kind>(company: &Company) -> Vec<Value> {
    let own: &[(&str, &str, &str)] = if K::IS_PERSON { &PERSON } else { &ORGANIZATION };
    let there = |code: &str| company.settings.contact_sync || !K::IS_PERSON || !CONTACT_SYNC.contains(&code);
    let mut fields: Vec<Value> = own
        .iter()
        .filter(|(code, ..)| there(code))
        .map(|(code, name, field_type)| {
            let mut field = built_in(code, name, field_type);
            match *code {
                "visible_to" => field["options"] = json!(levels(company)),
                "label_ids" => {
                    let option =
                        |(id, label, color): &(u64, &str, &str)| json!({"id": id, "label": label, "color": color});
                    field["options"] = LABELS.iter().map(option).collect();
                }
                _ => {}
            }
            field
        })
        .collect();
    fields.extend(company.fields.values().filter(|field| field.kind == K::NAME).map(CustomField::show));
    fields
}

/// The values of `visible_to` that the plan has. That the options tell them is expected, not documented.
fn levels(company: &Company) -> Vec<Value> {
    let levels = company.settings.levels();
    let names: &[&str] = if levels.len() == 4 {
        &["Item owner", "Item owner's visibility group", "Item owner's visibility group and sub-groups", "All users"]
    } else {
        &["Item owner", "All users"]
    };
    levels.iter().zip(names).map(|(id, label)| json!({"id": id, "label": label})).collect()
}

fn built_in(code: &str, name: &str, field_type: &str) -> Value {
    let subfields = (field_type == "address").then(|| {
        let part = |part: &&str| json!({"field_code": part, "field_name": part, "field_type": "varchar"});
        input::ADDRESS_PARTS.iter().map(part).collect::<Vec<_>>()
    });
    json!({
        "field_name": name, "field_code": code, "field_type": field_type, "options": null,
        "subfields": subfields, "is_custom_field": false, "is_optional_response_field": false,
    })
}

const PERSON: [(&str, &str, &str); 20] = [
    ("id", "ID", "int"),
    ("name", "Name", "varchar"),
    ("first_name", "First name", "varchar"),
    ("last_name", "Last name", "varchar"),
    ("emails", "Email", "varchar"),
    ("phones", "Phone", "phone"),
    ("owner_id", "Owner", "user"),
    ("org_id", "Organization", "org"),
    ("label_ids", "Labels", "set"),
    ("visible_to", "Visible to", "visible_to"),
    ("picture_id", "Profile picture", "picture"),
    ("add_time", "Person created", "date"),
    ("update_time", "Update time", "date"),
    ("marketing_status", "Marketing status", "enum"),
    ("is_deleted", "Deleted", "boolean"),
    ("im", "Instant messenger", "varchar"),
    ("postal_address", "Postal address", "address"),
    ("notes", "Notes", "text"),
    ("birthday", "Birthday", "date"),
    ("job_title", "Job title", "varchar"),
];

const ORGANIZATION: [(&str, &str, &str); 14] = [
    ("id", "ID", "int"),
    ("name", "Name", "varchar"),
    ("owner_id", "Owner", "user"),
    ("address", "Address", "address"),
    ("label_ids", "Labels", "set"),
    ("visible_to", "Visible to", "visible_to"),
    ("add_time", "Organization created", "date"),
    ("update_time", "Update time", "date"),
    ("is_deleted", "Deleted", "boolean"),
    ("website", "Website", "varchar"),
    ("linkedin", "LinkedIn profile", "varchar"),
    ("industry", "Industry", "enum"),
    ("annual_revenue", "Annual revenue", "double"),
    ("employee_count", "Number of employees", "double"),
];

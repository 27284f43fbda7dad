//! Organizations: their fields, what may be written, and how v2 shows them. Names are not unique.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::company::{Company, Record};
use super::gateway::Call;
use super::input::{self, nullable, text};
use super::record::{Head, Kind, View, v2_time, write_common};
use super::refusal::Refusal;

/// An organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Organization {
    pub(super) head: Head,
    pub(super) name: String,
    pub(super) address: Option<Map<String, Value>>,
    website: Option<String>,
    linkedin: Option<String>,
    industry: Option<i64>,
    annual_revenue: Option<i64>,
    employee_count: Option<i64>,
}

impl Kind for Organization {
    const NAME: &'static str = "organization";
    const IS_PERSON: bool = false;
    const INCLUDABLE: &'static [&'static str] = &[
        "next_activity_id",
        "last_activity_id",
        "open_deals_count",
        "related_open_deals_count",
        "closed_deals_count",
        "related_closed_deals_count",
        "email_messages_count",
        "people_count",
        "activities_count",
        "done_activities_count",
        "undone_activities_count",
        "files_count",
        "notes_count",
        "followers_count",
        "won_deals_count",
        "related_won_deals_count",
        "lost_deals_count",
        "related_lost_deals_count",
        "smart_bcc_email",
    ];

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    fn all(company: &Company) -> &BTreeMap<u64, Self> {
        &company.organizations
    }

    fn next_id(company: &Company) -> u64 {
        company.marks.organization + 1
    }

    fn blank(head: Head) -> Self {
        Self {
            head,
            name: String::new(),
            address: None,
            website: None,
            linkedin: None,
            industry: None,
            annual_revenue: None,
            employee_count: None,
        }
    }

    fn write(&mut self, body: &Map<String, Value>, company: &Company, _: &Call) -> Result<(), Refusal> {
        for (key, value) in body {
            match key.as_str() {
                "name" => self.name = name(key, value)?,
                "address" => self.address = nullable(key, value, input::address)?,
                "website" => self.website = nullable(key, value, text)?,
                "linkedin" => self.linkedin = nullable(key, value, text)?,
                "industry" => self.industry = nullable(key, value, integer)?,
                "annual_revenue" => self.annual_revenue = nullable(key, value, integer)?,
                "employee_count" => self.employee_count = nullable(key, value, integer)?,
                _ if write_common(self, key, value, company)? => {}
                unknown => return Err(Refusal::invalid(format!("\"{unknown}\" is not allowed"))),
            }
        }
        Ok(())
    }

    fn missing(&self) -> Option<&'static str> {
        self.name.is_empty().then_some("name")
    }

    fn show(&self, company: &Company, view: &View) -> Value {
        let head = &self.head;
        let mut shown = Map::new();
        let mut put = |key: &str, value: Value| shown.insert(key.to_owned(), value);
        put("id", json!(head.id));
        put("name", json!(self.name));
        put("owner_id", json!(head.owner_id));
        put("add_time", json!(v2_time(head.add_time)));
        put("update_time", json!(head.update_time.map(v2_time)));
        put("address", json!(self.address));
        put("is_deleted", json!(head.deleted));
        put("visible_to", json!(head.visible_to));
        put("label_ids", json!(head.label_ids));
        put("website", json!(self.website));
        put("linkedin", json!(self.linkedin));
        put("industry", json!(self.industry));
        put("annual_revenue", json!(self.annual_revenue));
        put("employee_count", json!(self.employee_count));
        view.complete(self, company, &mut shown);
        shown.into()
    }

    fn into_record(self) -> Record {
        Record::Organization(Box::new(self))
    }
}

fn name(key: &str, value: &Value) -> Result<String, Refusal> {
    let name = text(key, value)?.trim().to_owned();
    if name.is_empty() { Err(input::wrong(key, "a string that is not empty")) } else { Ok(name) }
}

fn integer(key: &str, value: &Value) -> Result<i64, Refusal> {
    value.as_i64().ok_or_else(|| input::wrong(key, "an integer"))
}

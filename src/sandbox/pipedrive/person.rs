//! Persons: their fields, what may be written, and how v2 shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::company::{Company, Record};
use super::gateway::Call;
use super::input::{self, Channel, nullable, text};
use super::organization::Organization;
use super::record::{Head, Kind, View, v2_time, write_common};
use super::refusal::Refusal;

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Person {
    pub(super) head: Head,
    pub(super) name: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) org_id: Option<u64>,
    pub(super) emails: Vec<Channel>,
    pub(super) phones: Vec<Channel>,
    pub(super) picture_id: Option<u64>,
    pub(super) marketing_status: String,
    pub(super) im: Vec<Channel>,
    pub(super) postal_address: Option<Map<String, Value>>,
    pub(super) notes: Option<String>,
    pub(super) birthday: Option<String>,
    pub(super) job_title: Option<String>,
}

/// The fields that exist only after somebody set up Pipedrive's own contact sync.
pub(super) const CONTACT_SYNC: [&str; 5] = ["im", "postal_address", "notes", "birthday", "job_title"];

const MAX_NOTES: usize = 10_000;

impl Kind for Person {
    const NAME: &'static str = "person";
    const IS_PERSON: bool = true;
    const INCLUDABLE: &'static [&'static str] = &[
        "next_activity_id",
        "last_activity_id",
        "open_deals_count",
        "related_open_deals_count",
        "closed_deals_count",
        "related_closed_deals_count",
        "participant_open_deals_count",
        "participant_closed_deals_count",
        "email_messages_count",
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
        "last_incoming_mail_time",
        "last_outgoing_mail_time",
        "marketing_status",
        "doi_status",
        "smart_bcc_email",
    ];

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    fn all(company: &Company) -> &BTreeMap<u64, Self> {
        &company.persons
    }

    fn next_id(company: &Company) -> u64 {
        company.marks.person + 1
    }

    fn blank(head: Head) -> Self {
        Self {
            head,
            name: String::new(),
            first_name: None,
            last_name: None,
            org_id: None,
            emails: Vec::new(),
            phones: Vec::new(),
            picture_id: None,
            marketing_status: "no_consent".to_owned(),
            im: Vec::new(),
            postal_address: None,
            notes: None,
            birthday: None,
            job_title: None,
        }
    }

    fn write(&mut self, body: &Map<String, Value>, company: &Company, call: &Call) -> Result<(), Refusal> {
        self.rename(body)?;
        for (key, value) in body {
            if CONTACT_SYNC.contains(&key.as_str()) && !company.settings.contact_sync {
                return Err(Refusal::forbidden("Contact sync fields are not enabled for this company."));
            }
            match key.as_str() {
                "name" | "first_name" | "last_name" => {}
                "org_id" => {
                    self.org_id = nullable(key, value, input::id)?;
                    if let Some(id) = self.org_id {
                        company
                            .find_live::<Organization>(call.user, id, call.now)
                            .map_err(|_| Refusal::invalid(format!("org_id: there is no organization {id}")))?;
                    }
                }
                "emails" => self.emails = input::channels(key, value)?,
                "phones" => self.phones = input::channels(key, value)?,
                "im" => self.im = input::channels(key, value)?,
                "postal_address" => self.postal_address = nullable(key, value, input::address)?,
                "notes" => self.notes = nullable(key, value, notes)?.filter(|notes| !notes.is_empty()),
                "birthday" => self.birthday = nullable(key, value, input::date)?,
                "job_title" => self.job_title = nullable(key, value, text)?.filter(|title| !title.is_empty()),
                "marketing_status" => self.marketing_status = marketing_status(key, value)?,
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
        put("first_name", json!(self.first_name));
        put("last_name", json!(self.last_name));
        put("owner_id", json!(head.owner_id));
        put("org_id", json!(self.org_id));
        put("add_time", json!(v2_time(head.add_time)));
        put("update_time", json!(head.update_time.map(v2_time)));
        put("emails", json!(self.emails));
        put("phones", json!(self.phones));
        put("is_deleted", json!(head.deleted));
        put("visible_to", json!(head.visible_to));
        put("label_ids", json!(head.label_ids));
        put("picture_id", json!(self.picture_id));
        if company.settings.contact_sync {
            put("im", json!(self.im));
            put("postal_address", json!(self.postal_address));
            put("notes", json!(self.notes));
            put("birthday", json!(self.birthday));
            put("job_title", json!(self.job_title));
        }
        view.complete(self, company, &mut shown);
        if let Some(status) = shown.get_mut("marketing_status") {
            *status = json!(self.marketing_status);
        }
        shown.into()
    }

    fn into_record(self) -> Record {
        Record::Person(Box::new(self))
    }
}

impl Person {
    /// `name` derives the pair, splitting at the first space; the pair derives `name`. Half a pair is refused, since no
    /// source says what it would mean.
    fn rename(&mut self, body: &Map<String, Value>) -> Result<(), Refusal> {
        let read = |key| body.get(key).map(|value| nullable(key, value, text)).transpose();
        let pair = (read("first_name")?, read("last_name")?);
        let name = body.get("name").map(|value| text("name", value)).transpose()?;
        match (&name, &pair) {
            (None, (None, None)) => return Ok(()),
            (Some(name), (None, None)) => {
                let (first, last) = name.trim().split_once(' ').unwrap_or((name.trim(), ""));
                (self.first_name, self.last_name) = (filled(first), filled(last.trim()));
            }
            (_, (Some(first), Some(last))) => {
                (self.first_name, self.last_name) =
                    (first.as_deref().and_then(filled), last.as_deref().and_then(filled));
            }
            _ => return Err(Refusal::invalid("\"first_name\" and \"last_name\" must be sent together")),
        }
        let parts = [self.first_name.as_deref(), self.last_name.as_deref()];
        let joined = || parts.iter().flatten().copied().collect::<Vec<_>>().join(" ");
        self.name = name.map_or_else(joined, |name| name.trim().to_owned());
        if self.name.is_empty() {
            return Err(Refusal::invalid("\"name\" must not be empty"));
        }
        Ok(())
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn notes(key: &str, value: &Value) -> Result<String, Refusal> {
    let notes = text(key, value)?;
    if notes.chars().count() > MAX_NOTES {
        return Err(input::wrong(key, "at most 10000 characters long"));
    }
    Ok(notes)
}

fn marketing_status(key: &str, value: &Value) -> Result<String, Refusal> {
    let status = text(key, value)?;
    if !["no_consent", "unsubscribed", "subscribed", "archived"].contains(&status.as_str()) {
        return Err(input::wrong(key, "one of no_consent, unsubscribed, subscribed, archived"));
    }
    Ok(status)
}

//! Searches. The real index lags behind writes; this one does not.

use serde_json::{Value, json};

use super::company::Company;
use super::gateway::{Answer, Call};
use super::input::{self, Channel};
use super::list;
use super::organization::Organization;
use super::person::Person;
use super::record::{Kind, v1_time};
use super::refusal::Refusal;

/// What is looked for, and where.
struct Search {
    term: String,
    exact: bool,
    fields: Option<Vec<String>>,
}

impl Search {
    fn read(call: &Call, known: &[&str]) -> Result<Self, Refusal> {
        let exact = call.query.flag("exact_match")?;
        let term = call.query.get("term").unwrap_or_default().trim().to_lowercase();
        let least = if exact { 1 } else { 2 };
        if term.chars().count() < least {
            return Err(input::wrong("term", &format!("at least {least} characters long")));
        }
        let fields = call.query.list("fields", known.len())?;
        let unknown = fields.iter().flatten().find(|field| !known.contains(&field.as_str()));
        if let Some(unknown) = unknown {
            return Err(Refusal::invalid(format!("fields: \"{unknown}\" is not an allowed value")));
        }
        Ok(Self { term, exact, fields })
    }

    /// Whether a value of `field` is found.
    fn finds(&self, field: &str, value: &str) -> bool {
        let value = value.to_lowercase();
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(|wanted| wanted == field))
            && if self.exact { value == self.term } else { value.contains(&self.term) }
    }

    fn finds_custom<K: Kind>(&self, it: &K) -> bool {
        it.head().custom_fields.values().filter_map(Value::as_str).any(|text| self.finds("custom_fields", text))
    }
}

/// `GET /persons/search`.
pub(super) fn persons(company: &mut Company, call: &Call) -> Answer {
    let search = Search::read(call, &["custom_fields", "email", "notes", "phone", "name"])?;
    let organization = call.query.number("organization_id")?;
    call.query.one_of("include_fields", &["person.picture"])?;
    let found = |person: &Person| {
        let any = |field: &str, items: &[Channel]| items.iter().any(|it| search.finds(field, &it.value));
        organization.is_none_or(|id| person.org_id == Some(id))
            && (search.finds("name", &person.name)
                || any("email", &person.emails)
                || any("phone", &person.phones)
                || person.notes.as_deref().is_some_and(|notes| search.finds("notes", notes))
                || search.finds_custom(person))
    };
    page(company, call, found, |person: &Person| {
        let organization = person.org_id.and_then(|id| company.organizations.get(&id)).map(|it| {
            let address = it.address.as_ref().and_then(|address| address.get("value"));
            json!({"id": it.head.id, "name": it.name, "address": address})
        });
        let values = |items: &[Channel]| items.iter().map(|it| it.value.clone()).collect::<Vec<_>>();
        let primary = person.emails.iter().find(|email| email.primary).map(|email| &email.value);
        json!({
            "id": person.head.id, "type": "person", "name": person.name, "phones": values(&person.phones),
            "emails": values(&person.emails), "primary_email": primary, "visible_to": person.head.visible_to,
            "owner": {"id": person.head.owner_id}, "organization": organization, "custom_fields": [],
            "notes": person.notes.iter().collect::<Vec<_>>(), "update_time": person.head.update_time.map(v1_time),
        })
    })
}

/// `GET /organizations/search`.
pub(super) fn organizations(company: &mut Company, call: &Call) -> Answer {
    let search = Search::read(call, &["address", "custom_fields", "notes", "name"])?;
    let address = |it: &Organization| -> Option<String> {
        it.address.as_ref().and_then(|address| address.get("value")).and_then(Value::as_str).map(str::to_owned)
    };
    let found = |it: &Organization| {
        search.finds("name", &it.name)
            || address(it).is_some_and(|text| search.finds("address", &text))
            || search.finds_custom(it)
    };
    page(company, call, found, |it: &Organization| {
        json!({
            "id": it.head.id, "type": "organization", "name": it.name, "address": address(it),
            "visible_to": it.head.visible_to, "owner": {"id": it.head.owner_id}, "custom_fields": [], "notes": [],
        })
    })
}

/// One page of what was found, in the order of ids.
fn page<K: Kind>(company: &Company, call: &Call, found: impl Fn(&K) -> bool, show: impl Fn(&K) -> Value) -> Answer {
    let limit = list::limit(call)?;
    let after = list::cursor(call, "id", "asc")?.map_or(0, |(_, id)| id);
    let all = K::all(company).range(after + 1..).map(|(_, it)| it);
    let hits = all.filter(|it| !it.head().deleted && company.sees(call.user, *it) && found(it));
    let mut hits: Vec<&K> = hits.take(limit + 1).collect();
    let more = hits.len() > limit;
    hits.truncate(limit);
    let next = hits.last().filter(|_| more).map(|last| list::encode("id", "asc", (0, last.head().id)));
    let items: Vec<Value> = hits.iter().map(|it| json!({"result_score": 0.5, "item": show(it)})).collect();
    Ok(json!({"success": true, "data": {"items": items}, "additional_data": {"next_cursor": next}}))
}

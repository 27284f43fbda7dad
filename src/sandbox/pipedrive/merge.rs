//! `PUT /v1/persons/{id}/merge`: `merge_with_id` survives and wins, `{id}` goes to the trash.

use serde_json::{Value, json};

use super::company::{Company, Record};
use super::gateway::{Answer, Call};
use super::input::{self, Channel};
use super::person::Person;
use super::record::{v1_time, v2_time};
use super::refusal::Refusal;

/// Merges two persons. Single values are filled from the one that disappears; e-mails, phones and messengers are united.
pub(super) fn persons(company: &mut Company, call: &Call) -> Answer {
    let body = call.object()?;
    let with = body.get("merge_with_id").ok_or_else(|| Refusal::invalid("\"merge_with_id\" is required"))?;
    let with = input::id("merge_with_id", with)?;
    if with == call.id() {
        return Err(Refusal::invalid("a person cannot be merged with itself"));
    }
    let mut gone = company.find_live::<Person>(call.user, call.id(), call.now)?.clone();
    let mut kept = company.find_live::<Person>(call.user, with, call.now)?.clone();
    unite(&mut kept.emails, &gone.emails);
    unite(&mut kept.phones, &gone.phones);
    unite(&mut kept.im, &gone.im);
    kept.org_id = kept.org_id.or(gone.org_id);
    kept.picture_id = kept.picture_id.or(gone.picture_id);
    kept.postal_address = kept.postal_address.or_else(|| gone.postal_address.clone());
    kept.notes = kept.notes.or_else(|| gone.notes.clone());
    kept.birthday = kept.birthday.or_else(|| gone.birthday.clone());
    kept.job_title = kept.job_title.or_else(|| gone.job_title.clone());
    for (code, value) in &gone.head.custom_fields {
        let slot = kept.head.custom_fields.entry(code.clone()).or_insert(Value::Null);
        if slot.is_null() {
            *slot = value.clone();
        }
    }
    kept.head.update_time = Some(call.now);
    gone.head.update_time = Some(call.now);
    gone.head.deleted = true;
    let mut shown = show(company, &kept);
    shown["merge_what_id"] = json!(call.id());
    company.commit(vec![Record::Person(Box::new(kept)), Record::Person(Box::new(gone))])?;
    Ok(json!({"success": true, "data": shown}))
}

fn unite(kept: &mut Vec<Channel>, gone: &[Channel]) {
    for item in gone {
        if !kept.iter().any(|known| known.value.eq_ignore_ascii_case(&item.value)) {
            kept.push(Channel { primary: kept.is_empty(), ..item.clone() });
        }
    }
}

/// A person as v1 shows it, where an empty list holds one empty item and `visible_to` is a string.
fn show(company: &Company, person: &Person) -> Value {
    let head = &person.head;
    let list = |items: &[Channel]| match items {
        [] => json!([{"value": "", "primary": true}]),
        items => json!(items),
    };
    let organization = person.org_id.and_then(|id| company.organizations.get(&id));
    json!({
        "id": head.id, "company_id": company.id, "owner_id": head.owner_id, "org_id": person.org_id,
        "name": person.name, "first_name": person.first_name, "last_name": person.last_name,
        "active_flag": !head.deleted, "phone": list(&person.phones), "email": list(&person.emails),
        "first_char": person.name.chars().next().map(|first| first.to_lowercase().to_string()),
        "add_time": v1_time(head.add_time), "update_time": head.update_time.map(v1_time),
        "visible_to": head.visible_to.to_string(), "label_ids": head.label_ids,
        "picture_id": person.picture_id.and_then(|id| company.pictures.get(&id)).map(|it| json!({
            "item_type": "person", "item_id": it.person, "active_flag": true, "value": it.id,
            "add_time": v2_time(it.added),
        })),
        "org_name": organization.map(|it| &it.name),
        "owner_name": company.users.get(&head.owner_id).map(super::users::User::name),
        "cc_email": null,
    })
}

//! The page for people: who is in this company. It needs no script and looks again every second.

use std::sync::Arc;

use axum::extract::State;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::company::Company;
use super::input::Channel;
use super::person::Person;
use crate::sandbox::Shared;

/// How many persons the page shows, the last changed first.
const SHOWN: usize = 200;

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.5rem;\
    border-bottom:1px solid #8884}img{border-radius:50%;display:block}small{opacity:.7}\
    @media(prefers-color-scheme:dark){body{background:#111;color:#eee}}";

/// `GET /pipedrive/`.
pub(super) async fn show(State(shared): State<Arc<Shared>>) -> Markup {
    let company = shared.pipedrive.company();
    let mut persons: Vec<&Person> = company.persons.values().filter(|person| !person.head.deleted).collect();
    let count = persons.len();
    let organizations = company.organizations.values().filter(|it| !it.head.deleted).count();
    persons.sort_by_key(|person| {
        std::cmp::Reverse((person.head.update_time.unwrap_or(person.head.add_time), person.head.id))
    });
    persons.truncate(SHOWN);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content="1";
                meta name="viewport" content="width=device-width";
                title { "Pipedrive sandbox: " (count) " persons" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Pipedrive sandbox" }
                p {
                    (count) " persons, " (organizations) " organizations in company " (company.id) ". "
                    @if count > SHOWN { "The " (SHOWN) " last changed are shown. " }
                    "This is a stand-in: nothing here is in the real Pipedrive."
                }
                table {
                    thead { tr {
                        th {} th { "Name" } th { "E-mail" } th { "Phone" } th { "Organization" } th { "Owner" }
                        th { "Visible to" }
                    } }
                    tbody { @for person in persons { (row(&company, person)) } }
                }
            }
        }
    }
}

fn row(company: &Company, person: &Person) -> Markup {
    let organization = person.org_id.and_then(|id| company.organizations.get(&id));
    let owner = company.users.get(&person.head.owner_id);
    html! {
        tr {
            td {
                @if let Some(id) = person.picture_id {
                    img src={ "/pipedrive/pictures/" (id) "/128.jpg" } width="48" height="48" alt="";
                }
            }
            td {
                strong { (person.name) } " " small { "#" (person.head.id) }
                @if let Some(title) = &person.job_title { br; (title) }
                @if let Some(birthday) = &person.birthday { br; small { "born " (birthday) } }
                @if let Some(address) = person.postal_address.as_ref().and_then(|it| it.get("value")?.as_str()) {
                    br; small { (address) }
                }
                @if let Some(notes) = &person.notes { br; small { (notes) } }
            }
            td { (channels(&person.emails)) }
            td { (channels(&person.phones)) (channels(&person.im)) }
            td { @if let Some(organization) = organization { (organization.name) } }
            td { @if let Some(owner) = owner { (owner.email) } }
            td { (visibility(company, person.head.visible_to)) }
        }
    }
}

fn channels(channels: &[Channel]) -> Markup {
    html! { @for it in channels { div { (it.value) " " small { (it.label) @if it.primary { " ★" } } } } }
}

fn visibility(company: &Company, level: u8) -> &'static str {
    match level {
        1 => "owner",
        level if level == company.settings.everyone() => "company",
        3 => "visibility group",
        5 => "group and sub-groups",
        _ => "company",
    }
}

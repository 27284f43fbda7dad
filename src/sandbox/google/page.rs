//! The page for people: who is here, and whom they know. It needs no script and looks again every second.

use std::sync::Arc;

use axum::extract::State as Extract;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::account::Account;
use super::contact::{Body, Contact};
use crate::sandbox::Shared;

/// How many contacts of a user the page shows, the last changed first.
const SHOWN: usize = 100;

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.5rem;\
    border-bottom:1px solid #8884}img{border-radius:50%;display:block}small{opacity:.7}\
    @media(prefers-color-scheme:dark){body{background:#111;color:#eee}}";

/// `GET /google/`.
pub(in crate::sandbox) async fn show(Extract(shared): Extract<Arc<Shared>>) -> Markup {
    let now = shared.time.now().0;
    let state = shared.google.state();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content="1";
                meta name="viewport" content="width=device-width";
                title { "Google sandbox: " (state.accounts.len()) " users" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Google Contacts sandbox" }
                p { "This is a stand-in: nothing here is in the real Google. Users appear when somebody acts as them." }
                @for account in state.accounts.values() { (book(account, now)) }
            }
        }
    }
}

fn book(account: &Account, now: i64) -> Markup {
    let mut contacts: Vec<(&Contact, &Body)> = account
        .contacts
        .values()
        .filter_map(|contact| contact.seen(now).and_then(|it| it.body()).map(|body| (contact, body)))
        .collect();
    let count = contacts.len();
    contacts.sort_by_key(|(contact, _)| std::cmp::Reverse(contact.latest().map(|version| version.seq)));
    contacts.truncate(SHOWN);
    html! {
        h2 { (account.owner.email) }
        p { (count) " contacts. " @if count > SHOWN { "The " (SHOWN) " last changed are shown." } }
        @if count > 0 {
            table {
                thead { tr {
                    th {} th { "Name" } th { "E-mail" } th { "Phone" } th { "Organization" } th { "Labels" }
                } }
                tbody { @for (contact, body) in contacts { (row(account, contact, body)) } }
            }
        }
    }
}

fn texts<'a>(body: &'a Body, field: &str, key: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let values = body.fields.get(field).and_then(Value::as_array).into_iter().flatten();
    values.filter_map(move |value| {
        let label = value.get("formattedType").and_then(Value::as_str).unwrap_or_default();
        value.get(key).and_then(Value::as_str).map(|text| (text, label))
    })
}

fn row(account: &Account, contact: &Contact, body: &Body) -> Markup {
    let name = texts(body, "names", "displayName").chain(texts(body, "organizations", "name")).next();
    html! {
        tr {
            td {
                @if let Some(id) = body.photo {
                    img src={ "/google/photos/" (format!("{id:x}")) "=s96" } width="48" height="48" alt="";
                }
            }
            td {
                strong { (name.map_or("(no name)", |(name, _)| name)) } " " small { (contact.name) }
                @for (note, _) in texts(body, "biographies", "value") { br; small { (note) } }
            }
            td { (channels(texts(body, "emailAddresses", "value"))) }
            td { (channels(texts(body, "phoneNumbers", "value"))) (channels(texts(body, "imClients", "username"))) }
            td {
                (channels(texts(body, "organizations", "name"))) (channels(texts(body, "organizations", "title")))
                (channels(texts(body, "addresses", "formattedValue")))
            }
            td {
                @for id in &body.groups {
                    div { (account.groups.get(id).map_or(id.as_str(), |group| group.name.as_str())) }
                }
            }
        }
    }
}

fn channels<'a>(channels: impl Iterator<Item = (&'a str, &'a str)>) -> Markup {
    html! { @for (text, label) in channels { div { (text) " " small { (label) } } } }
}

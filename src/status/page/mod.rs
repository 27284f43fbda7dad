//! The dashboard as HTML. Whole without scripts; a small script keeps it live by swapping in what the server draws.
//!
//! Without a token it holds counts and causes, never a contact's name: [`View::names`]. Style and script stand in the page
//! and are allowed by their hashes, so nothing else can run in it. The parts: `account` (one account), `numbers` (the
//! company's totals and its budget), `link` (what somebody sees who logs in by a browser).

mod account;
pub(in crate::status) mod link;
mod numbers;
mod words;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::operator::HeldItem;
use super::snapshot::{Account, ProblemLine, Snapshot, State};
use crate::account::AccountName;
use crate::clock::Moment;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("live.js");
/// An address card with a tick.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%230f766e'/%3E%3Cpath d='M9 16.5l5 5 9-11' fill='none' stroke='white' stroke-width='3.5' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";

/// Nothing from elsewhere, nothing inline but what [`STYLE`] and [`SCRIPT`] are.
pub(super) static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// What the dashboard is drawn from.
pub(super) struct View<'a> {
    /// What can be seen.
    pub(super) snapshot: &'a Snapshot,
    /// What waits for a human being.
    pub(super) held: &'a [HeldItem],
    /// Whether contacts' names may be shown.
    pub(super) names: bool,
    /// The present.
    pub(super) now: Moment,
    /// The snapshot's number, for the script.
    pub(super) seen: u64,
}

/// The dashboard.
pub(super) fn dashboard(view: &View<'_>) -> Markup {
    let snapshot = view.snapshot;
    let attention = snapshot.accounts.iter().filter(|account| account.state.wants_attention()).count();
    let company = snapshot.pipedrive.company.as_deref();
    let title = match (attention, company) {
        (0, None) => "carnetd".to_owned(),
        (0, Some(company)) => format!("{company} · carnetd"),
        (n, None) => format!("({n}) carnetd"),
        (n, Some(company)) => format!("({n}) {company} · carnetd"),
    };
    let body = html! {
        main id="live" data-seen=(view.seen) {
            header.top {
                div.brand {
                    (mark())
                    div {
                        h1 { @if let Some(company) = company { (company) } @else { "carnetd" } }
                        p { "carnetd " (snapshot.version) " · address books in step with Pipedrive" }
                    }
                }
                div.side {
                    span.live id="link" hidden { "live" }
                    form method="post" action="api/v1/refresh" {
                        button.primary id="refresh-all" { "Refresh all" }
                    }
                }
            }
            @if !snapshot.reload.ok { (reload(view)) }
            (numbers::section(snapshot))
            (accounts(view))
        }
        footer {
            a href="api/v1/status" { "JSON" } a href="metrics" { "Metrics" }
            span { "Times are UTC. Drawn " (words::time(view.now, view.now)) "." }
            @if !view.names { span { "Contacts' names are shown to visitors with the token only." } }
        }
        script { (PreEscaped(SCRIPT)) }
    };
    shell(&title, &body, true)
}

/// What a visitor without the token sees.
pub(super) fn login(wrong: bool) -> Markup {
    let body = html! {
        main.narrow {
            (mark())
            h1 { "carnetd" }
            form.login method="post" action="/login" {
                label for="token" { "Token" }
                input id="token" name="token" type="password" autocomplete="current-password" required autofocus;
                @if wrong { p.wrong role="alert" { "That is not the token." } }
                button.primary { "Log in" }
            }
            p.hint { "It is the one that " code { "[status] token_file" } " in the configuration names." }
        }
    };
    shell("carnetd: log in", &body, false)
}

/// What a browser without scripts sees for a second after it pressed a button.
pub(super) fn refreshing(account: Option<&AccountName>) -> Markup {
    let body = html! {
        main.narrow {
            (mark())
            h1 { "Refresh queued" }
            p { @match account { Some(name) => (name), None => "Every account" } " is reconciled now." }
            p { a href="../../" { "Back to the dashboard" } }
        }
    };
    shell("carnetd: refresh queued", &body, false)
}

fn shell(title: &str, body: &Markup, live: bool) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if live { noscript { meta http-equiv="refresh" content="20"; } }
                title { (title) }
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
}

fn mark() -> Markup {
    html! { img.mark src=(ICON) alt="" width="40" height="40"; }
}

fn reload(view: &View<'_>) -> Markup {
    let reload = &view.snapshot.reload;
    html! {
        section.banner role="alert" {
            h2 { "The configuration was not taken over" }
            p {
                "The one before it is still in use. Tried "
                @if let Some(at) = reload.at { (words::time(at.0, view.now)) } @else { "just now" } "."
            }
            @if !reload.problems.is_empty() {
                ul { @for problem in &reload.problems { li { (place(problem)) (problem.message)
                    @if let Some(expected) = &problem.expected { " (" (expected) ")" }
                    @if let Some(help) = &problem.help { span.help { (help) } }
                } } }
            }
        }
    }
}

fn place(problem: &ProblemLine) -> Markup {
    html! {
        @if let Some(path) = &problem.path {
            code {
                (path)
                @if let Some(line) = problem.line { ":" (line) }
                @if let Some(column) = problem.column { ":" (column) }
            } " "
        }
    }
}

/// Those that want somebody first; else by name, as they come.
fn accounts(view: &View<'_>) -> Markup {
    let mut accounts: Vec<&Account> = view.snapshot.accounts.iter().collect();
    accounts.sort_by_key(|account| !account.state.wants_attention());
    let counted = State::ALL.map(|state| (state, accounts.iter().filter(|account| account.state == state).count()));
    html! {
        section.accounts {
            div.heading {
                h2 { "Accounts" }
                @for (state, count) in counted { @if count > 0 {
                    span class={ "chip " (state.as_str()) } { (count) " " (words::state(state)) }
                } }
            }
            @if accounts.is_empty() {
                p.empty { "No account is declared yet. Add an " code { "[accounts.NAME]" } " table to the configuration." }
            }
            @for account in accounts { (account::row(account, view)) }
        }
    }
}

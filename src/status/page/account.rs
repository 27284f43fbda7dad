//! One account of the dashboard.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{View, words};
use crate::status::operator::HeldItem;
use crate::status::snapshot::{Account, Outcome, Pass, State};

/// How many held things are listed; `carnetd held` lists all.
const LISTED: usize = 50;

pub(super) fn row(account: &Account, view: &View<'_>) -> Markup {
    let held: Vec<_> = view.held.iter().filter(|item| item.account == account.name).collect();
    html! {
        article class=(account.state.as_str()) id={ "account-" (account.name) } {
            div.who {
                h3 { (account.name) " " span class={ "chip " (account.state.as_str()) } { (words::state(account.state)) } }
                (declared(account))
            }
            div.count { strong { (words::number(account.contacts)) } span.note { "contacts" } }
            (changes(account))
            (times(account, view))
            form method="post" action={ "api/v1/refresh?account=" (account.name) } {
                button id={ "refresh-" (account.name) } aria-label={ "Refresh " (account.name) }
                    disabled[account.state == State::Running] { "Refresh" }
            }
            @if let Some(reason) = &account.reason { p.reason { (reason) } }
            @if account.other_visibility > 0 {
                @let (n, have) = (account.other_visibility, if account.other_visibility == 1 { " has" } else { "s have" });
                p.reason.mild {
                    (words::number(n)) " linked person" (have) " another visibility or owner than declared; both are written at creation only."
                }
            }
            @if account.held > 0 { (held_list(account, &held, view)) }
        }
    }
}

fn declared(account: &Account) -> Markup {
    let two_way = account.direction == "two-way";
    let group = if account.group == "*" { "whole book" } else { account.group.as_str() };
    html! {
        p.declared {
            span { (account.provider) }
            @if let Some(address) = account.address.as_deref().filter(|address| *address != account.name) {
                span { (address) }
            }
            span { (group) }
            span title=(account.direction) { @if two_way { "⇄ " } @else { "→ " } (account.direction) }
            span title="visibility in Pipedrive" { "visible to " (words::code(&account.visibility)) }
        }
    }
}

fn changes(account: &Account) -> Markup {
    let Some(pass) = account.shown_pass() else {
        return html! { div.changes { span.note { "no sync yet" } } };
    };
    let running = account.current.is_some();
    html! {
        div.changes {
            span.added.zero[pass.added == 0] title="added" { "+" (words::number(pass.added)) }
            span.updated.zero[pass.updated == 0] title="updated" { "~" (words::number(pass.updated)) }
            span.deleted.zero[pass.deleted == 0] title="deleted" { "−" (words::number(pass.deleted)) }
            @if pass.failed > 0 { span.failed title="failed" { "!" (words::number(pass.failed)) } }
            @if running { (progress(pass)) } @else { span.note { "last sync" } }
        }
    }
}

fn progress(pass: &Pass) -> Markup {
    html! {
        @match pass.planned {
            Some(planned) if planned > 0 => {
                progress max=(planned) value=(pass.done().min(planned)) {}
                span.note { (words::number(pass.done())) " of " (words::number(planned)) }
            }
            _ => span.note { "this sync" }
        }
    }
}

fn times(account: &Account, view: &View<'_>) -> Markup {
    html! {
        div.times {
            @if let Some(pass) = &account.current {
                span { "since " (words::time(pass.started_at.0, view.now)) }
            }
            @if let Some(pass) = &account.last_pass { (last(pass, view)) }
            @if let Some(at) = account.next_pass_at { span.note { "next " (words::time(at.0, view.now)) } }
            @if let Some(pass) = account.last_change.as_ref().filter(|_| !just_changed(account)) {
                span.note {
                    "last change " (words::time(pass.finished_at.unwrap_or(pass.started_at).0, view.now))
                    ": +" (pass.added) " ~" (pass.updated) " −" (pass.deleted)
                }
            }
        }
    }
}

fn just_changed(account: &Account) -> bool {
    account.last_pass.as_ref().is_some_and(|pass| pass.added + pass.updated + pass.deleted > 0)
}

fn last(pass: &Pass, view: &View<'_>) -> Markup {
    let took = pass.finished_at.map(|finished| words::duration(finished.0.since(pass.started_at.0)));
    let outcome = match pass.outcome {
        Some(Outcome::Ok) | None => "synced",
        Some(Outcome::Held) => "held",
        Some(Outcome::NeedsLogin) => "needed a login",
        Some(Outcome::Later) => "put off",
        Some(Outcome::Unreachable | Outcome::Failed) => "failed",
    };
    html! {
        span {
            (outcome) " " (words::time(pass.finished_at.unwrap_or(pass.started_at).0, view.now))
            @if let Some(took) = took { span.quiet { " in " (took) } }
        }
    }
}

/// Causes with their counts for everybody; what is held only for visitors who may see names.
fn held_list(account: &Account, held: &[&HeldItem], view: &View<'_>) -> Markup {
    let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
    for item in held {
        *causes.entry(item.code.as_str()).or_default() += 1;
    }
    html! {
        details.held id={ "held-" (account.name) } open[!view.names] {
            summary {
                b { (words::number(account.held)) " held" }
                @for (code, count) in &causes { span.cause { (words::code(code)) " " b { (words::number(*count)) } } }
            }
            @if view.names {
                ul { @for item in held.iter().take(LISTED) { li {
                    span { (item.what) }
                    @if !item.candidates.is_empty() { span.note { "could be " (item.candidates.join(", ")) } }
                    @for line in &item.lines { span.note { (line) } }
                    span.note { "confirming: " (item.confirming) }
                    code { "carnetd confirm " (item.account) " " (item.digest) }
                } } }
                @if held.len() > LISTED { p.note { "and " (held.len() - LISTED) " more" } }
            }
            p.note { "See " code { "carnetd held " (account.name) } ", and answer with " code { "carnetd confirm" } "." }
        }
    }
}

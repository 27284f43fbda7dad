//! The figures of the whole company: contacts, what this sync changed, and the day's tokens.

use maud::{Markup, html};

use super::words;
use crate::status::snapshot::{CompanyState, Pass, Snapshot, Tokens, Totals};

pub(super) fn section(snapshot: &Snapshot) -> Markup {
    let accounts = &snapshot.accounts;
    let passes = || accounts.iter().filter_map(|account| account.shown_pass());
    let sum = |count: fn(&Pass) -> u64| passes().map(count).sum::<u64>();
    let contacts: u64 = accounts.iter().map(|account| account.contacts).sum();
    let held: u64 = accounts.iter().map(|account| account.held).sum();
    let failed = sum(|pass| pass.failed);
    let totals = |count: fn(&Totals) -> u64| accounts.iter().map(|a| count(&a.totals)).sum::<u64>();
    html! {
        section.numbers aria-label="All accounts" {
            div.figures {
                (figure("contacts", "Contacts", contacts, &format!("in {}", plural(accounts.len()))))
                (figure("added", "Added", sum(|pass| pass.added), &of_all(totals(|t| t.added))))
                (figure("updated", "Updated", sum(|pass| pass.updated), &of_all(totals(|t| t.updated))))
                (figure("deleted", "Deleted", sum(|pass| pass.deleted), &of_all(totals(|t| t.deleted))))
                @if held > 0 { (figure("held", "Held", held, "wait for an answer")) }
                @if failed > 0 { (figure("failed", "Failed", failed, "tried again later")) }
            }
            (budget(snapshot))
        }
    }
}

fn plural(accounts: usize) -> String {
    if accounts == 1 { "1 account".to_owned() } else { format!("{accounts} accounts") }
}

fn of_all(total: u64) -> String {
    format!("this sync · {} ever", words::number(total))
}

fn figure(class: &str, label: &str, count: u64, note: &str) -> Markup {
    html! {
        div class={ "figure " (class) @if count == 0 { " zero" } } {
            span.label { (label) }
            strong { (words::number(count)) }
            span.note { (note) }
        }
    }
}

fn budget(snapshot: &Snapshot) -> Markup {
    let (pipedrive, tokens) = (&snapshot.pipedrive, snapshot.pipedrive.tokens);
    html! {
        div.figure.budget {
            div {
                span.label {
                    "Pipedrive budget today"
                    @if pipedrive.state != CompanyState::Ok {
                        " " span class={ "chip " (pipedrive.state.as_str()) } { (words::code(pipedrive.state.as_str())) }
                    }
                }
                strong {
                    (words::number(tokens.used))
                    small { @if !tokens.are_boundless() { " of " (words::number(tokens.limit)) } " tokens" }
                }
            }
            @if tokens.are_boundless() { span.note { "no daily limit" } }
            @else if tokens.limit > 0 { (gauge(tokens)) } @else { span.note { "not known yet" } }
            @if let Some(reason) = &pipedrive.reason { span.reason { (reason) } }
        }
    }
}

/// It changes its colour where use goes into what is kept for people and other programs.
fn gauge(tokens: Tokens) -> Markup {
    html! {
        meter aria-label="tokens used" min="0" max=(tokens.limit) low=(tokens.limit.saturating_sub(tokens.reserve))
            high=(tokens.limit) optimum="0" value=(tokens.used) {}
        span.note {
            (words::number(tokens.remaining())) " left, " (words::number(tokens.reserve)) " of them kept for people" br;
            @if let Some(at) = tokens.runs_out_at { b { "Runs out at " (words::time(at.0, at.0)) } }
            @else { "Lasts the day" }
        }
    }
}

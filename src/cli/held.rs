//! `carnetd held` and `carnetd confirm`: what waits for a human being, and the answer.

use super::exit::Exit;
use super::reach::{Reach, Stop};
use super::terminal::{Paint, Terminal};
use crate::account::AccountName;
use crate::contact::Digest;
use crate::daemon::Create;
use crate::status::{HeldItem, Operator};

pub(super) async fn held(
    reach: &Reach,
    account: Option<&AccountName>,
    json: bool,
    terminal: &mut Terminal,
) -> Result<Exit, Stop> {
    let operator = reach.operator(Create::Never).await?;
    let items = operator.held(account).await?;
    if json {
        terminal.result(&format!("{:#}", serde_json::json!(items)));
        return Ok(Exit::Done);
    }
    if items.is_empty() {
        terminal.note("nothing waits for an answer");
    }
    for item in &items {
        show(item, terminal);
    }
    Ok(Exit::Done)
}

pub(super) fn show(item: &HeldItem, terminal: &mut Terminal) {
    let head = format!("{} {}", item.digest, item.account);
    let since = item.since.map(|at| format!(" since {}", at.0)).unwrap_or_default();
    let code = terminal.paint(Paint::Warn, &item.code);
    terminal.result(&format!("{} {code}{}", terminal.paint(Paint::Bold, &head), terminal.paint(Paint::Quiet, &since)));
    terminal.result(&format!("  {}", item.what));
    for line in &item.lines {
        terminal.result(&format!("  {line}"));
    }
    if !item.candidates.is_empty() {
        terminal.result(&format!("  could be: {}", item.candidates.join(", ")));
    }
    terminal.result(&format!("  confirming: {}", item.confirming));
}

pub(super) async fn confirm(
    reach: &Reach,
    account: &AccountName,
    digest: Option<Digest>,
    terminal: &mut Terminal,
) -> Result<Exit, Stop> {
    if digest.is_none() && !terminal.can_ask() {
        return Ok(not_without_digest(account, terminal));
    }
    let operator = reach.operator(Create::Never).await?;
    Ok(answer(operator.as_ref(), account, digest, terminal).await?)
}

fn not_without_digest(account: &AccountName, terminal: &mut Terminal) -> Exit {
    let help = format!("`carnetd held {account}` shows the digests; then `carnetd confirm {account} DIGEST`");
    terminal.error("without a terminal the digest of what is confirmed must be given", Some(&help));
    Exit::Usage
}

/// With a digest that is the answer; without one everything held is shown and asked for, one by one.
pub(super) async fn answer(
    operator: &dyn Operator,
    account: &AccountName,
    digest: Option<Digest>,
    terminal: &mut Terminal,
) -> Result<Exit, crate::status::Refused> {
    if let Some(digest) = digest {
        let item = operator.confirm(account, digest).await?;
        confirmed(&item, terminal);
        return Ok(Exit::Done);
    }
    let items = operator.held(Some(account)).await?;
    if items.is_empty() {
        terminal.note(&format!("nothing of {account} waits for an answer"));
    }
    for item in &items {
        show(item, terminal);
        let Some(digest) = Digest::parse(&item.digest) else { continue };
        if terminal.asks(&format!("confirm {}?", item.digest)) {
            let item = operator.confirm(account, digest).await?;
            confirmed(&item, terminal);
        }
    }
    Ok(Exit::Done)
}

fn confirmed(item: &HeldItem, terminal: &mut Terminal) {
    let word = terminal.paint(Paint::Good, "confirmed");
    terminal.result(&format!("{word} {} {}: {}", item.account, item.digest, item.confirming));
}

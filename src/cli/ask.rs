//! The short commands: one question, one answer. `reload`, `refresh`, `groups`.

use super::exit::Exit;
use super::reach::{Reach, Stop};
use super::terminal::{Paint, Terminal};
use crate::account::AccountName;
use crate::daemon::Create;
use crate::status::{Operator, Reloaded};

pub(super) async fn reload(reach: &Reach, terminal: &mut Terminal) -> Result<Exit, Stop> {
    let reloaded = reach.running().await?.reload().await;
    Ok(show_reload(&reloaded, terminal))
}

pub(super) fn show_reload(reloaded: &Reloaded, terminal: &mut Terminal) -> Exit {
    if !reloaded.ok {
        terminal.note(reloaded.rendered.trim_end());
        terminal.error("the configuration was not taken over; the one before it is still in use", None);
        return Exit::Config;
    }
    terminal.result(&terminal.paint(Paint::Good, "the configuration is in use"));
    if reloaded.changed.is_empty() {
        terminal.result("  nothing in it changed");
    }
    for change in &reloaded.changed {
        terminal.result(&format!("  {change}"));
    }
    Exit::Done
}

pub(super) async fn refresh(
    reach: &Reach,
    account: Option<&AccountName>,
    terminal: &mut Terminal,
) -> Result<Exit, Stop> {
    reach.running().await?.refresh(account).await?;
    let who = account.map_or("every account", AccountName::as_str);
    terminal.note(&format!("{who} is reconciled now; `carnetd status --watch` shows it"));
    Ok(Exit::Done)
}

pub(super) async fn groups(reach: &Reach, account: &AccountName, terminal: &mut Terminal) -> Result<Exit, Stop> {
    let operator = reach.operator(Create::Never).await?;
    let groups = operator.groups(account).await?;
    if groups.is_empty() {
        terminal.note(&format!("the book of {account} has no groups; group = \"*\" is the whole book"));
    }
    for group in groups {
        terminal.result(&group);
    }
    Ok(Exit::Done)
}

//! `carnetd check`: the files first, then everything that only the network can tell.

use super::exit::Exit;
use super::reach::{Reach, Stop};
use super::terminal::{Paint, Terminal};
use crate::daemon::{self, Create};
use crate::status::{Finding, Operator};

pub(super) async fn check(reach: &Reach, offline: bool, terminal: &mut Terminal) -> Result<Exit, Stop> {
    let config = reach.load()?;
    let (accounts, files) = (config.accounts.len(), config.files.len());
    let counted = format!("{} in {}", plural(accounts, "account"), plural(files, "file"));
    terminal.result(&format!("{} the configuration: {counted}", terminal.paint(Paint::Good, "ok   ")));
    if offline {
        return Ok(Exit::Done);
    }
    let operator: Box<dyn Operator> = match reach.daemon().await? {
        Some(remote) => {
            terminal
                .note("the running daemon checks the configuration it uses; `carnetd reload` gives it an edited one");
            Box::new(remote)
        }
        None => daemon::local(reach.environment().clone(), config, Create::InMemory).await?,
    };
    Ok(show(&operator.check().await, terminal))
}

fn plural(count: usize, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

/// A finding that is not as it should be makes the whole configuration wrong.
pub(super) fn show(findings: &[Finding], terminal: &mut Terminal) -> Exit {
    for finding in findings {
        let word = if finding.ok { terminal.paint(Paint::Good, "ok   ") } else { terminal.paint(Paint::Bad, "wrong") };
        let about = finding.account.as_deref().map(|account| format!("{account}: ")).unwrap_or_default();
        terminal.result(&format!("{word} {about}{}", finding.message));
        if let Some(help) = &finding.help {
            terminal.result(&format!("      {help}"));
        }
    }
    if findings.iter().all(|finding| finding.ok) { Exit::Done } else { Exit::Config }
}

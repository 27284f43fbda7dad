//! `carnetd sync`: one pass now, with progress while it runs.

use indicatif::{ProgressBar, ProgressStyle};

use super::args;
use super::exit::{Exit, gravest};
use super::reach::{Reach, Stop};
use super::terminal::{Paint, Terminal};
use crate::daemon::Create;
use crate::status::{Operator, Outcome, Pass, Refused, Snapshot, Synced};

pub(super) async fn sync(reach: &Reach, what: &args::Sync, terminal: &mut Terminal) -> Result<Exit, Stop> {
    let create = if what.init { Create::IfMissing } else { Create::Never };
    let operator = reach.operator(create).await?;
    let bar = if terminal.draws_progress() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let synced = with_progress(operator.as_ref(), what, &bar).await;
    bar.finish_and_clear();
    Ok(show(&synced?, terminal))
}

/// Runs the pass and draws what the snapshot says of it meanwhile.
async fn with_progress(operator: &dyn Operator, what: &args::Sync, bar: &ProgressBar) -> Result<Vec<Synced>, Refused> {
    let mut pass = operator.sync(what.account.as_ref(), what.full);
    if bar.is_hidden() {
        return pass.await;
    }
    let mut changed = operator.changed();
    bar.set_message("reading what changed");
    bar.tick();
    loop {
        tokio::select! {
            synced = &mut pass => return synced,
            Ok(()) = changed.changed() => draw(&operator.snapshot(), bar),
        }
    }
}

/// One bar for all running passes: with a thousand accounts one each would scroll away.
fn draw(snapshot: &Snapshot, bar: &ProgressBar) {
    let running: Vec<_> =
        snapshot.accounts.iter().filter_map(|a| Some((a.name.as_str(), a.current.as_ref()?))).collect();
    let Some((first, _)) = running.first() else { return };
    let done: u64 = running.iter().map(|(_, pass)| pass.done()).sum();
    let planned: u64 = running.iter().filter_map(|(_, pass)| pass.planned).sum();
    let who = if running.len() > 1 { format!("{first} and {} more", running.len() - 1) } else { (*first).to_owned() };
    let sum = |count: fn(&Pass) -> u64| running.iter().map(|(_, pass)| count(pass)).sum::<u64>();
    bar.set_message(format!("{who}: +{} ~{} -{}", sum(|p| p.added), sum(|p| p.updated), sum(|p| p.deleted)));
    if planned > 0
        && let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}  {eta} left")
    {
        bar.set_style(style);
        bar.set_length(planned);
        bar.set_position(done.min(planned));
    }
    bar.tick();
}

pub(super) fn show(synced: &[Synced], terminal: &mut Terminal) -> Exit {
    for pass in synced {
        let (word, paint) = match pass.outcome {
            Outcome::Ok => ("in step", Paint::Good),
            Outcome::Held => ("held", Paint::Warn),
            Outcome::NeedsLogin => ("needs a login", Paint::Bad),
            Outcome::Later => ("put off", Paint::Warn),
            Outcome::Unreachable => ("not reached", Paint::Bad),
            Outcome::Failed => ("failed", Paint::Bad),
        };
        let (name, word) = (terminal.paint(Paint::Bold, &pass.account), terminal.paint(paint, word));
        let failed = if pass.failed > 0 { format!(", {} failed", pass.failed) } else { String::new() };
        let counts = format!("{} added, {} updated, {} deleted{failed}", pass.added, pass.updated, pass.deleted);
        terminal.result(&format!("{name}: {word}; {counts}"));
        if let Some(message) = &pass.message {
            terminal.result(&format!("  {message}"));
        }
    }
    gravest(synced.iter().map(|pass| pass.outcome.into()))
}

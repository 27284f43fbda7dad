//! `carnetd status`: the dashboard in the terminal.

use super::exit::Exit;
use super::reach::{Reach, Stop};
use super::terminal::{Paint, Terminal};
use crate::clock::Moment;
use crate::daemon::Create;
use crate::status::{Account, Operator, Refused, RefusedKind, Snapshot, State};

pub(super) async fn status(reach: &Reach, json: bool, watch: bool, terminal: &mut Terminal) -> Result<Exit, Stop> {
    if watch {
        return follow(&reach.running().await?, json, reach, terminal).await;
    }
    let operator = reach.operator(Create::Never).await?;
    if !operator.alive() {
        terminal.note("no carnetd is running; this is what the last one left");
    }
    show(&operator.snapshot(), json, reach.clock().now(), terminal);
    Ok(Exit::Done)
}

/// Shows every change until the reader or the daemon leaves.
async fn follow(operator: &dyn Operator, json: bool, reach: &Reach, terminal: &mut Terminal) -> Result<Exit, Stop> {
    let mut changed = operator.changed();
    loop {
        terminal.clear();
        show(&operator.snapshot(), json, reach.clock().now(), terminal);
        if terminal.is_broken() || changed.changed().await.is_err() {
            return Ok(Exit::Done);
        }
        if !operator.alive() {
            return Err(Refused::new(RefusedKind::NotReachable, "the daemon does not answer any more").into());
        }
    }
}

pub(super) fn show(snapshot: &Snapshot, json: bool, now: Moment, terminal: &mut Terminal) {
    if json {
        // A snapshot is numbers and text, which JSON always takes.
        terminal.result(&serde_json::to_string(snapshot).unwrap_or_default());
        return;
    }
    for line in head(snapshot, terminal) {
        terminal.result(&line);
    }
    let rows: Vec<_> = snapshot.accounts.iter().map(|account| row(account, now)).collect();
    let titles =
        ["ACCOUNT", "STATE", "CONTACTS", "ADDED", "UPDATED", "DELETED", "HELD", "LAST", "NEXT"].map(str::to_owned);
    let widths = widths(std::iter::once(&titles).chain(&rows));
    terminal.result(&terminal.paint(Paint::Bold, &line(&titles, &widths, |_, cell| cell)));
    for (account, cells) in snapshot.accounts.iter().zip(&rows) {
        let text = line(cells, &widths, |column, cell| match column {
            1 => terminal.paint(paint(account.state), &cell),
            _ => cell,
        });
        terminal.result(&text);
        if let Some(reason) = &account.reason {
            terminal.result(&format!("  {}", terminal.paint(paint(account.state), reason)));
        }
    }
}

fn head(snapshot: &Snapshot, terminal: &Terminal) -> Vec<String> {
    let (pipedrive, tokens) = (&snapshot.pipedrive, snapshot.pipedrive.tokens);
    let company = pipedrive.company.as_deref().unwrap_or("Pipedrive");
    let budget = if tokens.are_boundless() {
        format!(" · {} tokens used, no daily limit", tokens.used)
    } else if tokens.limit > 0 {
        let ends = tokens.runs_out_at.map(|at| format!(", runs out at {}", at.0)).unwrap_or_default();
        format!(" · {} of {} tokens used, {} kept for people{ends}", tokens.used, tokens.limit, tokens.reserve)
    } else {
        String::new()
    };
    let company = terminal.paint(Paint::Bold, company);
    let mut lines = vec![format!("carnetd {} · {company} {}{budget}", snapshot.version, pipedrive.state.as_str())];
    lines.extend(pipedrive.reason.as_ref().map(|reason| format!("  {}", terminal.paint(Paint::Bad, reason))));
    if !snapshot.reload.ok {
        lines.push(
            terminal.paint(Paint::Bad, "the configuration was not taken over; the one before it is still in use"),
        );
        for problem in &snapshot.reload.problems {
            let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
            let place = problem.path.as_ref().map(|path| format!("{path}{line}: ")).unwrap_or_default();
            let expected = problem.expected.as_ref().map(|expected| format!(" ({expected})")).unwrap_or_default();
            lines.push(format!("  {place}{}{expected}", problem.message));
        }
    }
    lines
}

type Row = [String; 9];

/// The counts are those of the running pass, else of the last.
fn row(account: &Account, now: Moment) -> Row {
    let count = |of: fn(&crate::status::Pass) -> u64| {
        account.shown_pass().map_or_else(|| "-".to_owned(), |pass| of(pass).to_string())
    };
    let last = account.last_pass.as_ref().map(|pass| {
        let outcome = pass.outcome.map_or("", crate::status::Outcome::as_str);
        format!("{outcome} {} ago", span(now.since(pass.finished_at.unwrap_or(pass.started_at).0)))
    });
    let next = account.next_pass_at.map(|at| format!("in {}", span(at.0.since(now))));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        account.name.clone(),
        account.state.as_str().to_owned(),
        account.contacts.to_string(),
        count(|pass| pass.added),
        count(|pass| pass.updated),
        count(|pass| pass.deleted),
        account.held.to_string(),
        or_none(last),
        or_none(next),
    ]
}

fn span(span: std::time::Duration) -> String {
    match span.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

fn widths<'a>(rows: impl Iterator<Item = &'a Row>) -> [usize; 9] {
    rows.fold([0; 9], |mut widths, row| {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
        widths
    })
}

/// Numbers to the right, words to the left; padded before they are painted.
fn line(cells: &Row, widths: &[usize; 9], paint: impl Fn(usize, String) -> String) -> String {
    let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, &width))| {
        let number = (2..=6).contains(&column);
        paint(column, if number { format!("{cell:>width$}") } else { format!("{cell:<width$}") })
    });
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn paint(state: State) -> Paint {
    match state {
        State::Idle => Paint::Good,
        State::Starting | State::Running => Paint::Info,
        State::Held | State::Paused => Paint::Warn,
        State::NeedsLogin | State::Error => Paint::Bad,
    }
}

//! `carnetd plan`: what a pass would do, field by field.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use super::args;
use super::exit::{Exit, gravest};
use super::reach::{Reach, Stop};
use super::terminal::{Paint, Terminal};
use crate::daemon::Create;
use crate::status::{AccountPlan, FieldLine, Outcome, PlanStep, Refused, RefusedKind};

pub(super) async fn plan(reach: &Reach, what: &args::Plan, terminal: &mut Terminal) -> Result<Exit, Stop> {
    let operator = reach.operator(Create::Never).await?;
    let plans = operator.plan(what.account.as_ref()).await?;
    if let Some(path) = &what.out {
        write(path, &document(&plans))?;
    }
    if what.json {
        terminal.result(&document(&plans));
    } else {
        for plan in &plans {
            show(plan, terminal);
        }
    }
    Ok(exit(&plans, what.detailed_exitcode))
}

/// The file that `--out` writes and `--json` prints.
pub(super) fn document(plans: &[AccountPlan]) -> String {
    let document = json!({ "version": env!("CARGO_PKG_VERSION"), "accounts": plans });
    format!("{document:#}")
}

pub(super) fn exit(plans: &[AccountPlan], detailed: bool) -> Exit {
    gravest(plans.iter().map(|plan| match Exit::from(plan.outcome) {
        Exit::Done if !plan.refusals.is_empty() => Exit::Held,
        Exit::Done if detailed && plan.counts.changes() => Exit::Changes,
        exit => exit,
    }))
}

/// It holds contacts' data, so it is its owner's alone: also where a file that others may read stood there before.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Refused> {
    // What is no file (a pipe, `/dev/stdout`) cannot be replaced, and keeps nothing.
    let elsewhere = std::fs::metadata(path).is_ok_and(|there| !there.is_file());
    let written = if elsewhere {
        OpenOptions::new().write(true).open(path).and_then(|mut file| writeln!(file, "{text}"))
    } else {
        replace(path, text)
    };
    written.map_err(|error| {
        Refused::new(RefusedKind::Failed, format!("the plan could not be written to {}: {error}", path.display()))
    })
}

/// All of the text or the file as it was.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A new file of this kind is 0600.
    let mut file = tempfile::Builder::new().prefix(".carnetd-plan").tempfile_in(directory)?;
    writeln!(file, "{text}")?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

pub(super) fn show(plan: &AccountPlan, terminal: &mut Terminal) {
    let title = terminal.paint(Paint::Bold, &plan.account);
    terminal.result(&format!("{title}: {}", summary(plan)));
    if let Some(message) = &plan.message {
        terminal.result(&format!("  {message}"));
    }
    for step in &plan.steps {
        show_step(step, terminal);
    }
    for refusal in &plan.refusals {
        terminal.result(&format!("  {} {refusal}", terminal.paint(Paint::Warn, "refused:")));
    }
    if !plan.refusals.is_empty() {
        terminal.result(&format!("  to allow exactly this: carnetd confirm {} {}", plan.account, plan.digest));
    }
}

fn summary(plan: &AccountPlan) -> String {
    let counts = plan.counts;
    let parts = [
        (counts.added, "to add"),
        (counts.linked, "to link"),
        (counts.updated, "to update"),
        (counts.deleted, "to delete"),
        (counts.held, "held"),
    ];
    let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    match plan.outcome {
        Outcome::NeedsLogin => "needs a login".to_owned(),
        Outcome::Later => "put off".to_owned(),
        Outcome::Unreachable | Outcome::Failed => "no plan".to_owned(),
        Outcome::Ok | Outcome::Held if parts.is_empty() => "nothing to do".to_owned(),
        Outcome::Ok | Outcome::Held => parts.join(", "),
    }
}

fn show_step(step: &PlanStep, terminal: &mut Terminal) {
    let (sign, paint) = match step.action.as_str() {
        "create" => ("+", Paint::Good),
        "update" => ("~", Paint::Info),
        "delete" => ("-", Paint::Bad),
        "link" => ("=", Paint::Good),
        "hold" => ("?", Paint::Warn),
        _ => ("·", Paint::Quiet),
    };
    let action = match &step.side {
        Some(side) => format!("{} in {side}", step.action),
        None => step.action.clone(),
    };
    let person = step.person.map(|id| format!(" (person {id})")).unwrap_or_default();
    let head = terminal.paint(paint, &format!("{sign} {action}"));
    let why = terminal.paint(Paint::Quiet, &format!("because {}", step.reason));
    terminal.result(&format!("  {head}: {}{person} {why}", step.contact));
    let width = step.fields.iter().map(|line| line.field.chars().count()).max().unwrap_or(0);
    for line in &step.fields {
        terminal.result(&format!("      {:width$}  {}", line.field, change(line, terminal)));
    }
    for said in &step.said {
        terminal.result(&format!("      {}", terminal.paint(Paint::Quiet, said)));
    }
}

fn change(line: &FieldLine, terminal: &Terminal) -> String {
    let (before, after) = (line.before.as_deref(), line.after.as_deref());
    match (before, after) {
        (None, Some(after)) => terminal.paint(Paint::Good, after),
        (Some(before), None) => format!("{} removed", terminal.paint(Paint::Bad, before)),
        (Some(before), Some(after)) => {
            format!("{} → {}", terminal.paint(Paint::Bad, before), terminal.paint(Paint::Good, after))
        }
        (None, None) => String::new(),
    }
}

//! What is known of each account while the program runs, and how the status document says it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::left;
use crate::account::AccountName;
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::config;
use crate::reconcile::{Ended, Live, Member, Outcome, Wish};
use crate::status::{Account, At, CompanyState, Pass, State, Totals};
use crate::store::{PassRecord, StoreError, View};

/// One account in this process.
pub(super) struct Standing {
    /// What was declared.
    pub(super) declared: config::Account,
    /// The account as passes see it, or why it cannot run.
    pub(super) member: Result<Arc<Member>, Error>,
    /// The running pass's counters.
    pub(super) live: Live,
    /// Ends the running pass between two steps: it is new, or the daemon stops. Always a child of the daemon's own.
    pub(super) cancel: CancellationToken,
    /// Whether a pass runs now.
    pub(super) running: bool,
    /// A pass that was asked for and has not started.
    pub(super) wish: Option<Wish>,
    /// When the next pass is due; `None` while one runs, or where none will.
    pub(super) next: Option<Moment>,
    /// How the last pass of this process ended.
    pub(super) ended: Option<Ended>,
    /// Failed passes in a row.
    pub(super) failures: u32,
}

impl Standing {
    /// An account whose passes end where `cancel` does: with the daemon, or with its declaration.
    pub(super) fn new(
        declared: config::Account,
        member: Result<Arc<Member>, Error>,
        due: Moment,
        cancel: CancellationToken,
    ) -> Self {
        let next = (declared.enabled && member.is_ok()).then_some(due);
        Self {
            declared,
            member,
            live: Live::default(),
            cancel,
            running: false,
            wish: None,
            next,
            ended: None,
            failures: 0,
        }
    }

    /// Whether passes of this account can run at all.
    pub(super) fn can_run(&self) -> bool {
        self.declared.enabled && self.member.is_ok()
    }

    /// Why no pass of this account can run, if so.
    pub(super) fn why_not(&self) -> Option<Ended> {
        if !self.declared.enabled {
            return Some(Ended::Failed("enabled = false: the account is not synced".to_owned()));
        }
        self.member.as_ref().err().cloned().map(Ended::of)
    }

    /// Takes the end of a pass in.
    pub(super) fn end(&mut self, outcome: &Outcome) {
        self.running = false;
        self.live.clear();
        self.failures = match outcome.ended {
            Ended::Failed(_) | Ended::Unreachable(_) | Ended::Later(..) => self.failures.saturating_add(1),
            // What comes to light again and again without getting done is no reason to hurry.
            Ended::Ok if outcome.again && outcome.counts().3 > 0 => self.failures.saturating_add(1),
            _ => 0,
        };
        self.ended = Some(outcome.ended.clone());
    }

    fn state(&self) -> (State, Option<String>, Option<&'static str>) {
        if !self.declared.enabled {
            return (State::Paused, Some("enabled = false".to_owned()), Some("disabled"));
        }
        if let Err(error) = &self.member {
            return (State::Error, Some(error.message.clone()), Some(code(error.kind)));
        }
        if self.running {
            return (State::Running, None, None);
        }
        match &self.ended {
            None => (State::Starting, None, None),
            Some(Ended::Ok | Ended::Cancelled) => (State::Idle, None, None),
            Some(Ended::Held(hold)) => (State::Held, Some(hold.message.clone()), None),
            Some(Ended::NeedsLogin(message)) => (State::NeedsLogin, Some(message.clone()), Some("login")),
            Some(Ended::Later(message, _)) => (State::Paused, Some(message.clone()), Some("later")),
            Some(Ended::Unreachable(message)) => (State::Error, Some(message.clone()), Some("unavailable")),
            Some(Ended::Failed(message)) => (State::Error, Some(message.clone()), Some("failed")),
        }
    }

    /// The account's part of the status document. One whose state cannot be read says so; it never goes missing.
    pub(super) fn show(&self, name: &AccountName, view: Result<&View, &StoreError>) -> Account {
        let mut account = self.without_state(name);
        let read = view.map_err(Clone::clone).and_then(|view| add_state(&mut account, name, view));
        if let Err(error) = read {
            tracing::error!(account = %name, %error, "the state cannot be read");
            // Why a pass failed says more than that the database is being opened again because of it.
            if account.state != State::Error {
                account.state = State::Error;
                (account.reason, account.reason_code) = (Some(error.to_string()), Some("state".to_owned()));
            }
        }
        account
    }

    /// From when on it may run that waits for a budget or a limit; the loop knows when to ask, and that is not sooner.
    fn put_off_until(&self) -> Option<Moment> {
        match &self.ended {
            Some(Ended::Later(_, until)) if !self.running && self.can_run() => *until,
            _ => None,
        }
    }

    /// What is known without the state database.
    fn without_state(&self, name: &AccountName) -> Account {
        let (state, reason, code) = self.state();
        Account {
            name: name.to_string(),
            provider: self.declared.provider.as_str().to_owned(),
            address: self.declared.address.clone(),
            group: self.declared.group.as_str().to_owned(),
            direction: self.declared.policy.direction.as_str().to_owned(),
            visibility: self.declared.policy.visibility.to_string(),
            state,
            reason,
            reason_code: code.map(str::to_owned),
            contacts: 0,
            held: 0,
            other_visibility: 0,
            next_pass_at: self.next.or_else(|| self.put_off_until()).map(At),
            current: self.live.current().map(|progress| Pass {
                planned: Some(progress.planned).filter(|planned| *planned > 0),
                outcome: None,
                ..pass(&progress.record)
            }),
            last_change: None,
            last_pass: None,
            totals: Totals::default(),
        }
    }
}

/// Adds what the state database knows of an account.
fn add_state(account: &mut Account, name: &AccountName, view: &View) -> Result<(), StoreError> {
    let Some((id, checkpoint)) = view.checkpoint_of(name)? else { return Ok(()) };
    let (counts, todos) = (view.counts(id)?, view.todos(id)?);
    let left = todos.iter().filter(|todo| left::is_left(todo)).count() as u64;
    account.contacts = counts.active;
    account.other_visibility = checkpoint.other_visibility;
    account.held = counts.held + u64::from(checkpoint.hold.is_some()) + left;
    account.totals = Totals {
        added: checkpoint.totals.added,
        updated: checkpoint.totals.updated,
        deleted: checkpoint.totals.deleted,
    };
    account.last_pass = checkpoint.last_pass.as_ref().map(pass);
    account.last_change = checkpoint.last_change.as_ref().map(pass);
    if let (State::Starting, Some(hold)) = (account.state, &checkpoint.hold) {
        (account.state, account.reason) = (State::Held, Some(hold.message.clone()));
    }
    if let (State::Held, Some(hold)) = (account.state, &checkpoint.hold) {
        account.reason_code = Some(hold.code.clone());
    }
    let failed = checkpoint.last_pass.as_ref().map_or(0, |pass| pass.failed);
    let why = left::sum(name, &todos, failed).or_else(|| left::held(name, counts.held));
    if let (State::Idle | State::Starting, Some((text, code))) = (account.state, why) {
        (account.reason, account.reason_code) = (Some(text), Some(code));
    }
    Ok(())
}

/// All accounts, by name.
pub(super) type Standings = BTreeMap<AccountName, Standing>;

fn pass(record: &PassRecord) -> Pass {
    Pass {
        id: record.id.0,
        started_at: At(record.started),
        finished_at: record.finished.map(At),
        outcome: outcome(&record.outcome),
        added: record.added,
        updated: record.updated,
        deleted: record.deleted,
        failed: record.failed,
        planned: None,
    }
}

/// The status document's word for a stored outcome.
pub(super) fn outcome(word: &str) -> Option<crate::status::Outcome> {
    use crate::status::Outcome;
    match word {
        "ok" => Some(Outcome::Ok),
        "held" => Some(Outcome::Held),
        "needs_login" => Some(Outcome::NeedsLogin),
        "later" | "cancelled" => Some(Outcome::Later),
        "failed" => Some(Outcome::Failed),
        _ => None,
    }
}

/// A fixed word for what happened.
pub(super) fn code(kind: Kind) -> &'static str {
    match kind {
        Kind::Login => "login",
        Kind::Forbidden => "forbidden",
        Kind::NotFound => "not-found",
        Kind::Group => "group",
        Kind::Stale => "stale",
        Kind::Invalid => "invalid",
        Kind::Later { .. } => "later",
        Kind::Unavailable => "unavailable",
        Kind::State => "state",
        Kind::UnknownOutcome => "unknown-outcome",
        Kind::CursorExpired => "cursor-expired",
        Kind::Cancelled => "cancelled",
    }
}

/// What an error of the company means for its state.
pub(super) fn company_state(error: &Error) -> CompanyState {
    match error.kind {
        Kind::Login => CompanyState::NeedsLogin,
        Kind::Later { .. } => CompanyState::Paused,
        _ => CompanyState::Error,
    }
}

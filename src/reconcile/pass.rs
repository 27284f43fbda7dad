//! The four steps of a pass, and the dry run that stops after the second.

use std::cell::RefCell;
use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::apply::{Applied, Apply};
use super::directory::Surroundings;
use super::ledger::{self, LAPSE};
use super::member::{Member, Seat, Shared, Work};
use super::observe::{LATER, Observed, Observer};
use super::organizations::store_error;
use super::outcome::{Ended, Live, Outcome, Wish};
use super::recover;
use super::scope::{self, Standing};
use super::stock::Stock;
use super::witness;
use crate::account::ScopeChange;
use crate::adapter::Error;
use crate::clock::Moment;
use crate::contact::{ContactId, Digest};
use crate::link::{Hold, State};
use crate::plan::{Input, Ledger, Plan, Row, Then, plan};
use crate::store::{AccountHold, Checkpoint, CheckpointId, Confirmation, Op, PassRecord, Todo, TodoKey, View};

/// What a pass would do.
#[derive(Debug)]
pub struct Intended {
    /// The plan, with its own refusals.
    pub plan: Plan,
    /// Contacts that cannot be read, by id, and why.
    pub unreadable: Vec<(ContactId, String)>,
}

/// Why a pass stops before its end.
enum Stop {
    Held(Box<AccountHold>),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<crate::store::StoreError> for Stop {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Error(store_error(&error))
    }
}

/// One pass of one account.
pub async fn run(shared: &Shared, member: &Member, wish: Wish, live: &Live, cancel: &CancellationToken) -> Outcome {
    let mut stock = member.stock.lock().await;
    let mut pass = Pass { shared, member, wish, live, cancel };
    let ended = pass.run(&mut stock).await;
    let (ended, again) = match ended {
        Ok(again) => (Ended::Ok, again),
        Err(Stop::Held(hold)) => (Ended::Held(hold), false),
        Err(Stop::Error(error)) => (Ended::of(error), false),
    };
    live.count(|progress| {
        progress.record.finished = Some(shared.clock.now());
        ended.as_str().clone_into(&mut progress.record.outcome);
    });
    let record = live.current();
    pass.remember(record.as_ref().map(|progress| &progress.record), &ended).await;
    Outcome { ended, record, again }
}

/// What a pass would do now. Nothing is written to either book.
pub async fn intend(
    shared: &Shared,
    member: &Member,
    wish: Wish,
    cancel: &CancellationToken,
) -> Result<Intended, Ended> {
    let mut stock = member.stock.lock().await;
    let live = Live::default();
    let pass = Pass { shared, member, wish, live: &live, cancel };
    match pass.intend(&mut stock).await {
        Ok(intended) => Ok(intended),
        Err(Stop::Held(hold)) => Err(Ended::Held(hold)),
        Err(Stop::Error(error)) => Err(Ended::of(error)),
    }
}

/// What a plan is made in: who, one snapshot of the store, and the numbers it is judged by.
struct Frame<'a> {
    seat: &'a Seat,
    view: &'a View,
    checkpoint: CheckpointId,
    ledger: Ledger,
    confirmed: BTreeSet<Digest>,
    observed: &'a Observed,
}

struct Pass<'a> {
    shared: &'a Shared,
    member: &'a Member,
    wish: Wish,
    live: &'a Live,
    cancel: &'a CancellationToken,
}

impl Pass<'_> {
    async fn run(&mut self, stock: &mut Stock) -> Result<bool, Stop> {
        let seat = self.member.seat(self.shared, self.cancel).await?;
        let (mut work, scope_changed) = self.work().await?;
        let record = self.start(work.0);
        if recover::recover(self.shared, self.member, seat, work.0, self.cancel).await? {
            self.wish.retry = true;
        }
        let view = self.shared.store.view()?;
        let mut observed = self.observer(seat, &view, &work).observe(stock).await?;
        let ledger = ledger::take(&view, &work, (stock, &self.shared.mirror), scope_changed, self.shared.clock.now())?;
        let confirmed = self.confirmed(&view, work.0)?;
        let (plan, records, released) = {
            let mut rows = std::mem::take(&mut observed.rows);
            let frame = Frame { seat, view: &view, checkpoint: work.0, ledger, confirmed, observed: &observed };
            let first = self.plan(&frame, stock, &rows)?;
            if !first.refusals.is_empty() {
                return Err(Stop::Held(Box::new(self.hold(&first))));
            }
            if first.steps.iter().all(|step| step.needs_witness().is_none()) {
                let released = released(&rows, &first);
                (first, witness::Records::default(), released)
            } else {
                let parties = (self.shared, self.member, seat);
                let records = witness::read(parties, &first, &mut rows, self.cancel).await?;
                let second = self.plan(&frame, stock, &rows)?;
                if !second.refusals.is_empty() {
                    return Err(Stop::Held(Box::new(self.hold(&second))));
                }
                let released = released(&rows, &second);
                (second, records, released)
            }
        };
        // What was only needed to decide is not kept while the steps run.
        observed.others.clear();
        drop(view);

        work.1.hold = None;
        let apply = Apply {
            shared: self.shared,
            member: self.member,
            seat,
            work: work.0,
            pass: record.id,
            live: self.live,
            records: &records,
            cancel: self.cancel,
        };
        self.live.count(|progress| progress.planned = plan.steps.iter().filter(|step| step.writes()).count() as u64);
        let mut applied = apply.run(plan.steps, stock).await?;
        applied.look_again(released, self.shared.clock.now());
        self.record(work, &observed, &applied).await?;
        match applied.stopped {
            Some(error) => Err(error.into()),
            None => Ok(applied.again),
        }
    }

    async fn intend(&self, stock: &mut Stock) -> Result<Intended, Stop> {
        let seat = self.member.seat(self.shared, self.cancel).await?;
        let view = self.shared.store.view()?;
        let scope = self.member.scope(&self.shared.company);
        let (work, scope_changed) = match scope::standing(&view, self.member, &scope)? {
            Standing::Same(id, checkpoint) | Standing::Renamed(id, checkpoint) => ((id, *checkpoint), false),
            Standing::Narrow(id, checkpoint) => ((id, Checkpoint { scope, ..*checkpoint }), true),
            Standing::Foreign(id, checkpoint) => return Err(Stop::Held(self.foreign(&view, id, &checkpoint)?)),
            Standing::New => ((CheckpointId(u32::MAX), Checkpoint::new(scope)), false),
        };
        let observed = self.observer(seat, &view, &work).observe(stock).await?;
        let ledger = ledger::take(&view, &work, (stock, &self.shared.mirror), scope_changed, self.shared.clock.now())?;
        let confirmed = self.confirmed(&view, work.0)?;
        let frame = Frame { seat, view: &view, checkpoint: work.0, ledger, confirmed, observed: &observed };
        let plan = self.plan(&frame, stock, &observed.rows)?;
        Ok(Intended { plan, unreadable: observed.unreadable })
    }

    fn observer<'b>(&'b self, seat: &'b Seat, view: &'b View, work: &'b Work) -> Observer<'b> {
        Observer { shared: self.shared, member: self.member, seat, view, work, wish: self.wish, cancel: self.cancel }
    }

    fn plan(&self, frame: &Frame<'_>, stock: &Stock, rows: &[Row]) -> Result<Plan, Stop> {
        let directory = Surroundings {
            shared: self.shared,
            member: self.member,
            seat: frame.seat,
            checkpoint: frame.checkpoint,
            view: frame.view,
            stock,
            observed: frame.observed,
            rows,
            failed: RefCell::default(),
        };
        let plan = plan(&Input {
            account: &self.member.name,
            policy: &self.member.declared.policy,
            owner: frame.seat.owner,
            provider: &self.member.provider.capability(),
            pipedrive: &self.shared.company.capability(),
            rows,
            directory: &directory,
            ledger: frame.ledger.clone(),
            confirmed: &frame.confirmed,
        });
        match directory.failed.into_inner() {
            Some(error) => Err(error.into()),
            None => Ok(plan),
        }
    }

    /// The account's checkpoint, and whether its scope changed.
    async fn work(&self) -> Result<(Work, bool), Stop> {
        let scope = self.member.scope(&self.shared.company);
        let standing = {
            let view = self.shared.store.view()?;
            let standing = scope::standing(&view, self.member, &scope)?;
            if let Standing::Foreign(id, checkpoint) = &standing {
                let hold = self.foreign(&view, *id, checkpoint)?;
                if !self.confirmed(&view, *id)?.contains(&hold.digest) {
                    return Err(Stop::Held(hold));
                }
            }
            standing
        };
        Ok(match standing {
            Standing::Same(id, checkpoint) => ((id, *checkpoint), false),
            Standing::Narrow(id, checkpoint) => ((id, Checkpoint { scope, ..*checkpoint }), true),
            Standing::Renamed(id, checkpoint) => {
                scope::adopt(self.shared, self.member, id).await?;
                ((id, *checkpoint), false)
            }
            Standing::New | Standing::Foreign(..) => (scope::start(self.shared, self.member, scope).await?, false),
        })
    }

    fn start(&self, checkpoint: CheckpointId) -> PassRecord {
        let record = PassRecord {
            id: self.shared.store.next_pass(),
            checkpoint,
            started: self.shared.clock.now(),
            finished: None,
            outcome: "running".to_owned(),
            added: 0,
            updated: 0,
            deleted: 0,
            failed: 0,
        };
        self.live.start(record.clone());
        record
    }

    /// What human beings have allowed less than a day ago.
    fn confirmed(&self, view: &View, checkpoint: CheckpointId) -> Result<BTreeSet<Digest>, Stop> {
        let now = self.shared.clock.now();
        let all = view.confirmations(checkpoint)?;
        let fresh = all.into_iter().filter(|c: &Confirmation| now.since(c.at) < LAPSE);
        Ok(fresh.flat_map(|c| c.steps.into_iter().chain([c.digest])).collect())
    }

    /// A plan that refused itself, as it is kept and shown.
    fn hold(&self, plan: &Plan) -> AccountHold {
        let refusals: Vec<String> = plan.refusals.iter().map(ToString::to_string).collect();
        let digest = plan.digest();
        AccountHold {
            code: plan.refusals.first().map_or("refused", crate::plan::Refusal::code).to_owned(),
            message: refusals.join("; "),
            digest,
            shown: plan.allows(),
            at: self.shared.clock.now(),
            lines: refusals,
        }
    }

    /// Another company, provider or book under the same name.
    fn foreign(&self, view: &View, id: CheckpointId, stored: &Checkpoint) -> Result<Box<AccountHold>, Stop> {
        let declared = self.member.scope(&self.shared.company);
        debug_assert_eq!(stored.scope.change(&declared), ScopeChange::Foreign);
        let links = view.counts(id)?.active;
        let what = |scope: &crate::account::Scope| {
            format!("{} {} with Pipedrive company {}", scope.provider.as_str(), scope.book, scope.company)
        };
        let message = format!(
            "scope changed: the {links} links kept for this account describe {}, but the configuration now says {}; nothing was \
             written. Put the old value back, or confirm to start afresh (the old links are kept)",
            what(&stored.scope),
            what(&declared)
        );
        let digest = Digest::of(["scope", &message]);
        let at = self.shared.clock.now();
        let shown = vec![message.clone()];
        Ok(Box::new(AccountHold { code: "scope-changed".into(), message, digest, shown: Vec::new(), at, lines: shown }))
    }

    /// Stores what the pass found and did: the cursor moves in the same transaction as the work it uncovered.
    async fn record(&self, (id, mut checkpoint): Work, observed: &Observed, applied: &Applied) -> Result<(), Stop> {
        let now = self.shared.clock.now();
        let mut ops = applied.left.iter().map(|todo| Op::PutTodo(id, todo.clone())).collect::<Vec<_>>();
        for (contact, reason) in &observed.unreadable {
            ops.push(Op::PutTodo(id, todo(TodoKey::Contact(contact.clone()), "unreadable", reason, now)));
        }
        let kept: BTreeSet<&TodoKey> = applied.left.iter().map(|todo| &todo.key).collect();
        let answered = observed.answered.iter().filter(|key| !kept.contains(key));
        ops.extend(answered.map(|key| Op::RemoveTodo(id, key.clone())));
        ops.extend(observed.touched.iter().map(|&person| Op::Untouch(id, person)));
        ops.extend(applied.touch.iter().map(|&person| Op::Touch(id, person)));
        if applied.stopped.is_none() {
            checkpoint.cursor.clone_from(&observed.cursor);
            checkpoint.first_pass_done = true;
            checkpoint.last_success = Some(now);
        }
        checkpoint.hold = None;
        ops.push(Op::PutCheckpoint(id, Box::new(checkpoint)));
        self.live.count(|progress| progress.record.failed += applied.failed + observed.unreadable.len() as u64);
        self.shared.store.write(ops).await?;
        Ok(())
    }

    /// Stores how the pass ended. A store that cannot is named in the log: the books are as they are.
    async fn remember(&self, record: Option<&PassRecord>, ended: &Ended) {
        let result: Result<(), crate::store::StoreError> = async {
            let view = self.shared.store.view()?;
            let Some((id, mut checkpoint)) = view.checkpoint_of(&self.member.name)? else { return Ok(()) };
            let now = self.shared.clock.now();
            let mut ops = Vec::new();
            checkpoint.hold = if let Ended::Held(hold) = ended { Some((**hold).clone()) } else { None };
            if let Some(record) = record {
                let changed = record.added + record.updated + record.deleted > 0;
                checkpoint.totals.added += record.added;
                checkpoint.totals.updated += record.updated;
                checkpoint.totals.deleted += record.deleted;
                checkpoint.last_pass = Some(record.clone());
                if changed {
                    checkpoint.last_change = Some(record.clone());
                    ops.push(Op::PutPass(Box::new(record.clone())));
                }
            }
            ledger::sample(&mut checkpoint, now, view.counts(id)?.active);
            ops.push(Op::PutCheckpoint(id, Box::new(checkpoint)));
            ops.push(Op::PruneDeletions { before: now.before(LAPSE * 2) });
            drop(view);
            self.shared.store.write(ops).await
        }
        .await;
        if let Err(error) = result {
            tracing::error!(account = %self.member.name, %error, "the end of the pass could not be stored");
        }
    }
}

/// The candidates of holds that this plan ends: what they are is to be looked at anew.
fn released(rows: &[Row], plan: &Plan) -> Vec<Hold> {
    let waits = |then: &Then| matches!(then, Then::Keep(link) if matches!(link.state, State::Held(_)));
    let ended: BTreeSet<_> = plan.steps.iter().filter(|s| !waits(&s.then)).filter_map(|s| s.link).collect();
    let hold = |row: &Row| match &row.link {
        Some((id, link)) if ended.contains(id) => match &link.state {
            State::Held(hold) => Some(hold.clone()),
            _ => None,
        },
        _ => None,
    };
    rows.iter().filter_map(hold).collect()
}

/// Something left to do, as it is kept.
pub(super) fn todo(key: TodoKey, code: &str, reason: &str, now: Moment) -> Todo {
    Todo { key, reason: reason.to_owned(), code: code.to_owned(), since: now, tried: now, attempts: 1, revision: None }
}

/// Work for the next pass.
pub(super) fn later(key: TodoKey, reason: &str, now: Moment) -> Todo {
    todo(key, LATER, reason, now)
}

//! How a pass decides: it plans in its turn, has what is gone read a second time, and plans again.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::company_ledger::Reservation;
use super::desk::Place;
use super::directory::{Journal, Surroundings};
use super::handover::hand_over;
use super::leftover::{ELSEWHERE, Leftover, later, leftover};
use super::member::Seat;
use super::observe::Observed;
use super::pass::{Pass, Stop};
use super::peers::Peers;
use super::stock::Stock;
use super::witness;
use crate::contact::Digest;
use crate::plan::{Input, Ledger, Plan, Row, plan};
use crate::store::{CheckpointId, Todo, TodoKey, View};

/// What a plan is made in: who, one snapshot of the store, and the numbers it is judged by.
pub(super) struct Frame<'a> {
    pub(super) seat: &'a Seat,
    pub(super) view: &'a View,
    pub(super) peers: &'a Peers,
    pub(super) checkpoint: CheckpointId,
    pub(super) ledger: Ledger,
    pub(super) reserved: &'a Reservation<'a>,
    /// Where it lays down what its plan will bind.
    pub(super) place: &'a Place<'a>,
    pub(super) confirmed: BTreeSet<Digest>,
    pub(super) observed: &'a Observed,
}

/// What a pass has decided to do, with what it read for that, and what it leaves.
pub(super) struct Decided {
    pub(super) plan: Plan,
    pub(super) records: witness::Records,
    pub(super) left: Leftover,
}

impl Pass<'_> {
    /// Plans, has what is gone read a second time, and plans again with what that found.
    pub(super) async fn decide(&self, frame: &Frame<'_>, stock: &Stock, mut rows: Vec<Row>) -> Result<Decided, Stop> {
        let (around, checkpoint) = ((frame.view, frame.peers), frame.checkpoint);
        let mut wait = self.hand_over(around, checkpoint, &mut rows).await?;
        let first = self.in_turn(frame, stock, &rows).await?;
        if !first.refusals.is_empty() {
            return Err(Stop::Held(Box::new(self.hold(&first))));
        }
        let (plan, records) = if first.steps.iter().all(|step| step.needs_witness().is_none()) {
            (first, witness::Records::default())
        } else {
            let parties = (self.shared, self.member, frame.seat);
            let records = witness::read(parties, &first, &mut rows, self.cancel).await?;
            wait.extend(self.hand_over(around, checkpoint, &mut rows).await?);
            let second = self.in_turn(frame, stock, &rows).await?;
            // What waited for a second look may have become a deletion that nobody counted.
            if second.deletions() > first.deletions() && !second.refusals.is_empty() {
                return Err(Stop::Held(Box::new(self.hold(&second))));
            }
            (second, records)
        };
        let now = self.shared.clock.now();
        let mut left = leftover(&rows, &plan, frame.ledger.first_pass, now);
        // A contact of this book that another account has comes over by itself when it leaves that account's group.
        let book = self.member.declared.book.identity();
        let (view, peers) = (self.shared.store.view()?, self.member.peers(self.shared, checkpoint));
        for todo in std::mem::take(&mut left.todos) {
            let comes_over = match &todo.key {
                TodoKey::Contact(id) if todo.code == ELSEWHERE => peers.contact_of(&view, &book, id)?.is_some(),
                _ => false,
            };
            left.todos.extend((!comes_over).then_some(todo));
        }
        left.todos.extend(wait);
        Ok(Decided { plan, records, left })
    }

    /// Lets contacts that left the group go over to another account's; what has to wait for that account is answered.
    async fn hand_over(
        &self,
        around: (&View, &Peers),
        checkpoint: CheckpointId,
        rows: &mut [Row],
    ) -> Result<Vec<Todo>, Stop> {
        let handover = hand_over((self.shared, self.member, checkpoint), around, rows, self.cancel).await?;
        if !handover.ops.is_empty() {
            self.shared.store.write(handover.ops).await?;
        }
        let now = self.shared.clock.now();
        let wait = |id| later(TodoKey::Contact(id), "it is in the group of an account that has not run yet", now);
        Ok(handover.wait.into_iter().map(wait).collect())
    }

    /// Plans in the company's turn: reserves the deletions of a plan that may be carried out, and lays down what it will
    /// bind. No other pass is judged without the ones, or plans without the others.
    async fn in_turn(&self, frame: &Frame<'_>, stock: &Stock, rows: &[Row]) -> Result<Plan, Stop> {
        let _turn = self.shared.desk.turn().await;
        // What others have bound since this pass began is in the store by now, or on the desk.
        let view = self.shared.store.view()?;
        let plan = loop {
            let others = frame.reserved.others();
            let plan = self.plan((&view, frame), stock, rows, others)?;
            // Where others planned or made more meanwhile, it is judged by that.
            if !plan.refusals.is_empty() || frame.reserved.reserve(plan.deletions(), others) {
                break plan;
            }
        };
        frame.place.lay(&plan, rows);
        Ok(plan)
    }

    /// Plans by what a view shows, judged with the deletions of other passes that the snapshot does not show.
    pub(super) fn plan(
        &self,
        (view, frame): (&View, &Frame<'_>),
        stock: &Stock,
        rows: &[Row],
        others: u64,
    ) -> Result<Plan, Stop> {
        let peers = self.member.peers(self.shared, frame.checkpoint);
        let journal = Journal::of(view, self.member, frame.checkpoint)?;
        let directory = Surroundings {
            shared: self.shared,
            member: self.member,
            seat: frame.seat,
            checkpoint: frame.checkpoint,
            view,
            peers: &peers,
            stock,
            observed: frame.observed,
            rows,
            place: frame.place,
            journal: &journal,
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
            ledger: Ledger {
                company_deleted: frame.ledger.company_deleted.saturating_add(others),
                ..frame.ledger.clone()
            },
            confirmed: &frame.confirmed,
        });
        match directory.failed.into_inner() {
            Some(error) => Err(error.into()),
            None => Ok(plan),
        }
    }
}

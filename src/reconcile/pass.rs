//! The four steps of a pass, and the dry run that stops after the second.

use std::collections::{BTreeSet, HashMap};

use tokio_util::sync::CancellationToken;

use super::apply::Apply;
use super::deciding::{Decided, Frame};
use super::desk::Place;
use super::inherit::{inherit, orphans};
use super::ledger::{self};
use super::member::{Member, Seat, Shared, Work};
use super::names::names;
use super::observe::Observer;
use super::organizations::store_error;
use super::outcome::{Ended, Live, Outcome, Wish};
use super::peers::Peers;
use super::recover;
use super::scope::{self, Standing};
use super::stock::Stock;
use crate::account::Scope;
use crate::adapter::Error;
use crate::contact::{ContactId, Digest, PersonId};
use crate::plan::{Plan, Row};
use crate::store::{AccountHold, Checkpoint, CheckpointId, PassRecord, View};

/// What a pass would do.
#[derive(Debug)]
pub struct Intended {
    /// The plan, with its own refusals.
    pub plan: Plan,
    /// What each step's contact is called, where that is known; in the order of the steps. Never for logs.
    pub names: Vec<Option<String>>,
    /// Contacts that cannot be read, by id, and why.
    pub unreadable: Vec<(ContactId, String)>,
}

/// Why a pass stops before its end.
pub(super) enum Stop {
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

/// One pass of one account. How it is held: `held`; how it is stored: `record`.
pub(super) struct Pass<'a> {
    pub(super) shared: &'a Shared,
    pub(super) member: &'a Member,
    wish: Wish,
    pub(super) live: &'a Live,
    pub(super) cancel: &'a CancellationToken,
}

impl Pass<'_> {
    async fn run(&mut self, stock: &mut Stock) -> Result<bool, Stop> {
        let _at_home = self.shared.at_home().await?;
        let seat = self.member.seat(self.shared, self.cancel).await?;
        let (mut work, was) = self.work().await?;
        self.shared.settle_links(work.0).await?;
        work.1.homes = Some(self.shared.company.homes());
        let record = self.start(work.0);
        if recover::recover(self.shared, self.member, seat, work.0, self.cancel).await? {
            self.wish.retry = true;
        }
        let (reservation, place) = (self.shared.ledger.reservation(), self.place(seat));
        let view = self.shared.store.view()?;
        let peers = self.member.peers(self.shared, work.0);
        let around = (&view, &peers);
        let confirmed = self.confirmed(&view, work.0)?;
        let mut observed = self.observer(seat, around, (&work, &confirmed)).observe(stock).await?;
        let displacements = observed.displacements(work.0, self.shared.clock.now());
        if !displacements.is_empty() {
            self.shared.store.write(displacements).await?;
        }
        self.inherit(seat, work.0, &mut observed.rows).await?;
        let ledger = ledger::take(around, &work, (self.shared, stock), was)?;
        let decided = {
            let rows = std::mem::take(&mut observed.rows);
            let frame = Frame {
                seat,
                view: &view,
                peers: &peers,
                checkpoint: work.0,
                ledger,
                reserved: &reservation,
                place: &place,
                confirmed,
                observed: &observed,
            };
            self.decide(&frame, stock, rows).await?
        };
        let Decided { plan, records, left } = decided;
        work.1.visibility_accepted |= plan.wider() > 0;
        // What was only needed to decide is not kept while the steps run.
        (observed.others, observed.at) = (HashMap::new(), HashMap::new());
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
            reserved: &reservation,
            cancel: self.cancel,
        };
        self.live.count(|progress| progress.planned = plan.steps.iter().filter(|step| step.writes()).count() as u64);
        let touched: Vec<PersonId> = plan.steps.iter().filter_map(|step| step.person).collect();
        let applied = apply.run(plan.steps, stock).await?;
        work.1.other_visibility = self.others(seat, work.0, stock, touched.iter().chain(&observed.touched))?;
        // What failed would fail again at once.
        let again = applied.again || (left.released && applied.left.is_empty());
        self.record(work, &observed, (&applied, left)).await?;
        match applied.stopped {
            Some(error) => Err(error.into()),
            None => Ok(again),
        }
    }

    async fn intend(&self, stock: &mut Stock) -> Result<Intended, Stop> {
        let _at_home = self.shared.at_home().await?;
        let seat = self.member.seat(self.shared, self.cancel).await?;
        let (reservation, place) = (self.shared.ledger.reservation(), self.place(seat));
        let scope = self.member.scope(&self.shared.company);
        let standing = scope::standing(&self.shared.store.view()?, self.member, &scope)?;
        if let Standing::Same(id, _) | Standing::Renamed(id, _) | Standing::Narrow(id, _) = &standing {
            // No write to a book: what the account remembers is taken back as by a pass.
            self.shared.settle_links(*id).await?;
        }
        let view = self.shared.store.view()?;
        let (work, was) = match standing {
            Standing::Same(id, checkpoint) | Standing::Renamed(id, checkpoint) => ((id, *checkpoint), None),
            Standing::Narrow(id, checkpoint) => narrowed(id, *checkpoint, scope),
            Standing::Foreign(id, checkpoint) => return Err(Stop::Held(self.foreign(&view, id, &checkpoint)?)),
            Standing::New => ((CheckpointId(u32::MAX), Checkpoint::new(scope)), None),
        };
        let peers = self.member.peers(self.shared, work.0);
        let around = (&view, &peers);
        let confirmed = self.confirmed(&view, work.0)?;
        let mut observed = self.observer(seat, around, (&work, &confirmed)).observe(stock).await?;
        inherit((self.shared, self.member, seat), (&view, &peers, work.0), &mut observed.rows)?;
        let ledger = ledger::take(around, &work, (self.shared, stock), was)?;
        let frame = Frame {
            seat,
            view: &view,
            peers: &peers,
            checkpoint: work.0,
            ledger,
            reserved: &reservation,
            place: &place,
            confirmed,
            observed: &observed,
        };
        let plan = self.plan((&view, &frame), stock, &observed.rows, reservation.others())?;
        Ok(Intended { names: names(&plan, &observed.rows), plan, unreadable: observed.unreadable })
    }

    /// Takes over what accounts that are no longer declared have left of this book. In turn: no other account does.
    async fn inherit(&self, seat: &Seat, own: CheckpointId, rows: &mut [Row]) -> Result<(), Stop> {
        let _turn = self.shared.desk.turn().await;
        let peers = self.member.peers(self.shared, own);
        let orphans = orphans(&self.shared.store.view()?, &peers, self.member)?;
        for &orphan in &orphans {
            // They may have been seen before Pipedrive's fields moved.
            self.shared.settle_links(orphan).await?;
        }
        let view = self.shared.store.view()?;
        let inheritance = inherit((self.shared, self.member, seat), (&view, &peers, own), rows)?;
        if inheritance.ops.is_empty() {
            return Ok(());
        }
        for (from, links) in inheritance.from {
            tracing::info!(account = %self.member.name, links, "took over links of account {from}, which is no longer declared");
        }
        Ok(self.shared.store.write(inheritance.ops).await?)
    }

    /// How many linked persons have another visibility or owner than declared, after what this pass touched.
    fn others<'p>(
        &self,
        seat: &Seat,
        id: CheckpointId,
        stock: &mut Stock,
        touched: impl Iterator<Item = &'p PersonId>,
    ) -> Result<u64, Stop> {
        if self.wish.retry || self.wish.full {
            stock.others.forget();
        }
        let view = self.shared.store.view()?;
        Ok(stock.others.count((self.shared, seat), (&view, id), touched.copied())?)
    }

    fn observer<'b>(
        &'b self,
        seat: &'b Seat,
        (view, peers): (&'b View, &'b Peers),
        (work, confirmed): (&'b Work, &'b BTreeSet<Digest>),
    ) -> Observer<'b> {
        let (shared, member, wish, cancel) = (self.shared, self.member, self.wish, self.cancel);
        Observer { shared, member, seat, view, peers, work, wish, confirmed, cancel }
    }

    fn place(&self, seat: &Seat) -> Place<'_> {
        self.shared.desk.place(&self.member.name, seat.owner, self.member.declared.book.identity())
    }

    /// The account's checkpoint, and its scope before where that changed.
    async fn work(&self) -> Result<(Work, Option<Scope>), Stop> {
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
            Standing::Same(id, checkpoint) => ((id, *checkpoint), None),
            Standing::Narrow(id, checkpoint) => narrowed(id, *checkpoint, scope),
            Standing::Renamed(id, checkpoint) => {
                scope::adopt(self.shared, self.member, id).await?;
                ((id, *checkpoint), None)
            }
            Standing::New | Standing::Foreign(..) => (scope::start(self.shared, self.member, scope).await?, None),
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
}

/// A checkpoint under a changed owner, group or direction: the links stay, and the whole book is looked at as the first
/// time. With the scope before.
fn narrowed(id: CheckpointId, mut old: Checkpoint, scope: Scope) -> (Work, Option<Scope>) {
    let was = std::mem::replace(&mut old.scope, scope);
    ((id, Checkpoint { cursor: None, first_pass_done: false, ..old }), Some(was))
}

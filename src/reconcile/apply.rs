//! Carries out a plan's steps: intended in the journal, sent, recorded as done.
//!
//! # Guarantees
//!
//! Every write is in the journal before it is sent. A step's result, its link and its history stand in one transaction. A
//! write whose outcome is unknown stays in the journal; [`super::recover`] looks for it. Deletions run last. Cancellation is
//! looked at between steps: nothing drops a write in flight.

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::company_ledger::Reservation;
use super::leftover::{later, todo};
use super::member::{Member, Seat, Shared};
use super::organizations::{Asked, store_error};
use super::outcome::Live;
use super::recover;
use super::step::{Doing, Done};
use super::stock::Stock;
use super::witness::Records;
use crate::adapter::pipedrive::OrganizationNames;
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::contact::{Change, ContactId, Field, FieldChange, PersonId};
use crate::link::{ContactHalf, Link, LinkId};
use crate::plan::{Side, Step, Then};
use crate::store::{CheckpointId, Counts, Intent, IntentId, IntentKind, Op, PassId, Todo, TodoKey};

/// Steps whose intents share one transaction. All of them are under way at once, so that a book which writes in batches
/// meets their writes together; how many calls that makes is each book's own business.
const CHUNK: usize = 500;
/// Pictures under way at once: each is held in memory until it is uploaded.
const PICTURES: usize = 8;

/// Who applies what.
pub(super) struct Apply<'a> {
    pub(super) shared: &'a Shared,
    pub(super) member: &'a Member,
    pub(super) seat: &'a Seat,
    pub(super) work: CheckpointId,
    pub(super) pass: PassId,
    pub(super) live: &'a Live,
    pub(super) records: &'a Records,
    pub(super) reserved: &'a Reservation<'a>,
    pub(super) cancel: &'a CancellationToken,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// What is left to do, with its reason.
    pub(super) left: Vec<Todo>,
    /// Persons to look at again in the next pass.
    pub(super) touch: BTreeSet<PersonId>,
    /// Contacts that could not be written.
    pub(super) failed: u64,
    /// Whether the next pass should follow at once.
    pub(super) again: bool,
    /// What stopped the pass before its end.
    pub(super) stopped: Option<Error>,
}

/// A step on its way: its link has a name, its writes stand in the journal.
pub(super) struct Prepared {
    pub(super) step: Step,
    pub(super) link: LinkId,
    pub(super) intents: Vec<IntentId>,
}

impl Apply<'_> {
    /// Carries out all steps; deletions last.
    pub(super) async fn run(&self, steps: Vec<Step>, stock: &mut Stock) -> Result<Applied, Error> {
        let mut applied = Applied::default();
        // What could not be witnessed stays for a later pass.
        let (unproven, steps): (Vec<_>, Vec<_>) = steps.into_iter().partition(|s| s.needs_witness().is_some());
        self.leave(unproven.into_iter(), &mut applied);
        let steps = self.with_organizations(steps, &mut applied).await?;
        let is_deletion = |step: &Step| step.writes.iter().any(|w| matches!(w.change, Change::Delete { .. }));
        let (deletions, others): (Vec<_>, Vec<_>) = steps.into_iter().partition(is_deletion);
        for phase in [others, deletions] {
            let mut phase = phase.into_iter().peekable();
            while phase.peek().is_some() && applied.stopped.is_none() {
                let chunk: Vec<Step> = phase.by_ref().take(CHUNK).collect();
                self.chunk(chunk, stock, &mut applied).await?;
            }
            self.leave(phase, &mut applied);
        }
        Ok(applied)
    }

    /// One chunk: intents first, then the steps side by side, then what may have been written is looked for.
    async fn chunk(&self, steps: Vec<Step>, stock: &mut Stock, applied: &mut Applied) -> Result<(), Error> {
        let mut unknown = false;
        let mut broken = None;
        {
            // Before the intents are written: whoever looks for lost persons takes every intent in the journal for one
            // whose write may be done.
            let _creating = self.shared.creating.read().await;
            let (prepared, ops) = self.prepare(steps)?;
            if !ops.is_empty() {
                self.shared.store.write(ops).await.map_err(|error| store_error(&error))?;
            }
            let (stop, pictures) = (CancellationToken::new(), Semaphore::new(PICTURES));
            let doing = || Doing { apply: self, stop: &stop, pictures: &pictures };
            let mut running: FuturesUnordered<BoxFuture<'_, _>> =
                prepared.into_iter().map(|prepared| doing().run(prepared).boxed()).collect();
            while let Some(done) = running.next().await {
                match done {
                    Ok(done) => unknown |= self.note(done, stock, applied, &stop),
                    // The store's: nothing more is begun, but what is under way ends.
                    Err(error) => {
                        stop.cancel();
                        broken.get_or_insert(error);
                    }
                }
            }
        }
        if let Some(error) = broken {
            return Err(error);
        }
        if unknown {
            match recover::recover(self.shared, self.member, self.seat, self.work, self.cancel).await {
                Ok(found) => applied.again |= found,
                // What may have been made does not show yet: its intent stays, and what was done is recorded.
                Err(error) if matches!(error.kind, Kind::Later { .. }) => drop(applied.stopped.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives every step its link's name and writes its intents; a creation also leaves its half, so that what was once
    /// decided to be new is not taken for a double of its twin after a crash.
    fn prepare(&self, steps: Vec<Step>) -> Result<(Vec<Prepared>, Vec<Op>), Error> {
        let highest = self.shared.store.view().and_then(|view| view.watcher()).map_err(|error| store_error(&error))?;
        let highest = self.shared.mirror.highest().max(highest.and_then(|w| w.highest_person));
        let mut ops = Vec::new();
        let mut prepared = Vec::with_capacity(steps.len());
        for mut step in steps {
            let link = step.link.unwrap_or_else(|| self.shared.store.next_link());
            if let Then::Keep(half) = &step.then
                && step.link.is_none()
                && step.writes()
                && (half.contact.is_none() || half.person.is_none())
            {
                // Its picture is not uploaded yet. A pair is not kept before its writes: it would say that both agree.
                let half = Link { photo: None, ..(**half).clone() };
                ops.push(Op::PutLink { checkpoint: self.work, id: link, link: Box::new(half) });
            }
            let mut intents = Vec::new();
            for write in &mut step.writes {
                choose_id(write.side, &mut write.change, self.shared.clock.now());
                let id = self.shared.store.next_intent();
                let intent = Intent {
                    checkpoint: self.work,
                    pass: self.pass,
                    link: Some(link),
                    side: write.side,
                    what: IntentKind::Contact(write.change.clone()),
                    highest: Some(highest.map_or(0, |person| person.0)),
                    at: self.shared.clock.now(),
                    reason: step.reason.as_str().to_owned(),
                    contact: contact_half(&step.then),
                };
                ops.push(Op::Intend(id, Box::new(intent)));
                intents.push(id);
            }
            prepared.push(Prepared { step, link, intents });
        }
        Ok((prepared, ops))
    }

    /// Takes a step's end in; says whether its outcome is unknown.
    fn note(&self, done: Done, stock: &mut Stock, applied: &mut Applied, stop: &CancellationToken) -> bool {
        if let Some((contact, in_group)) = &done.provider_now {
            stock.put(&contact.id, &contact.seen, *in_group);
        }
        if let Some(id) = &done.provider_gone {
            stock.remove(id);
        }
        self.live.count(|progress| {
            let sides = [(&mut progress.provider, done.provider), (&mut progress.pipedrive, done.pipedrive)];
            for (counts, more) in sides {
                counts.added += more.added;
                counts.updated += more.updated;
                counts.deleted += more.deleted;
            }
            // A contact counts once, for the most that was done to it on either side.
            let done = |count: fn(&Counts) -> u64| count(&done.provider).max(count(&done.pipedrive)) > 0;
            if done(|c| c.deleted) {
                progress.record.deleted += 1;
            } else if done(|c| c.added) {
                progress.record.added += 1;
            } else if done(|c| c.updated) {
                progress.record.updated += 1;
            }
        });
        let deletions = done.provider.deleted + done.pipedrive.deleted;
        (0..deletions).for_each(|_| self.reserved.made());
        applied.touch.extend(done.touch);
        match done.look_again {
            Some(TodoKey::Person(person)) => {
                applied.again = true;
                applied.touch.insert(person);
            }
            Some(key @ TodoKey::Contact(_)) => {
                applied.again = true;
                applied.left.push(later(key, "it was changed while it was being written", self.shared.clock.now()));
            }
            None => {}
        }
        let Some((key, error)) = done.failed else { return false };
        let now = self.shared.clock.now();
        applied.failed += u64::from(error.kind != Kind::Stale);
        match error.kind {
            Kind::Stale => {
                applied.again = true;
                applied.left.extend(key.map(|key| later(key, &error.message, now)));
            }
            Kind::UnknownOutcome => {
                applied.left.extend(key.map(|key| later(key, &error.message, now)));
                return true;
            }
            Kind::Login | Kind::Later { .. } | Kind::Unavailable | Kind::State | Kind::Cancelled => {
                applied.left.extend(key.map(|key| later(key, &error.message, now)));
                stop.cancel();
                applied.stopped.get_or_insert(error);
            }
            _ => {
                tracing::warn!(account = %self.member.name, step = done.reason, error = %error, "a contact was not written");
                applied.left.extend(key.map(|key| todo(key, "refused", &error.message, now)));
            }
        }
        false
    }

    /// Lists what a stopped pass did not come to.
    fn leave(&self, steps: impl Iterator<Item = Step>, applied: &mut Applied) {
        let now = self.shared.clock.now();
        let reason = applied.stopped.as_ref().map_or_else(String::new, |error| error.message.clone());
        for step in steps {
            if let Some(key) = key_of(&step) {
                applied.failed += 1;
                applied.left.push(later(key, &reason, now));
            }
        }
    }

    /// As whom it asks for organizations.
    pub(super) fn asked(&self) -> Asked<'_> {
        Asked { shared: self.shared, seat: self.seat, checkpoint: self.work, pass: self.pass }
    }

    /// Finds or creates the organizations that the steps name. Steps whose organization failed are left for later.
    async fn with_organizations(&self, steps: Vec<Step>, applied: &mut Applied) -> Result<Vec<Step>, Error> {
        let names: BTreeSet<String> = steps.iter().filter_map(organization).collect();
        if names.is_empty() {
            return Ok(steps);
        }
        let organizations = &self.shared.organizations;
        let failed: BTreeMap<String, Error> = organizations.resolve(&self.asked(), &names, self.cancel).await?;
        if failed.is_empty() {
            return Ok(steps);
        }
        let now = self.shared.clock.now();
        let error_of = |step: &Step| failed.get(&OrganizationNames::key(&organization(step)?));
        let mut ready = Vec::new();
        for step in steps {
            match error_of(&step) {
                None => ready.push(step),
                Some(error) => {
                    let left = if passes(error.kind) { later } else { refused };
                    applied.failed += 1;
                    applied.left.extend(key_of(&step).map(|key| left(key, &error.message, now)));
                }
            }
        }
        for error in failed.values().filter(|error| !passes(error.kind)) {
            tracing::warn!(account = %self.member.name, error = %error, "an organization was not made; its contacts wait");
        }
        let ends_pass = |error: &Error| passes(error.kind) && error.kind != Kind::UnknownOutcome;
        applied.stopped = failed.into_values().find(ends_pass);
        Ok(ready)
    }
}

/// Whether what failed may work by itself later.
fn passes(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Login
            | Kind::Later { .. }
            | Kind::Unavailable
            | Kind::State
            | Kind::Cancelled
            | Kind::UnknownOutcome
            | Kind::Stale
    )
}

/// What the book refused: looked at again when the contact changes, on refresh, and daily.
fn refused(key: TodoKey, reason: &str, now: Moment) -> Todo {
    todo(key, "refused", reason, now)
}

/// The organization that a step's write to Pipedrive names.
fn organization(step: &Step) -> Option<String> {
    let change = &step.writes.iter().find(|w| w.side == Side::Pipedrive)?.change;
    organization_of(change).map(str::to_owned)
}

/// The organization that a change names.
pub(super) fn organization_of(change: &Change) -> Option<&str> {
    match change {
        Change::Create { contact, .. } => contact.organization.as_deref(),
        Change::Patch { fields, .. } => fields.iter().find_map(|field| match field {
            FieldChange::Text { field: Field::Organization, after, .. } => after.as_deref(),
            _ => None,
        }),
        Change::Delete { .. } => None,
    }
}

/// Under what a step that was not done is kept for later.
pub(super) fn key_of(step: &Step) -> Option<TodoKey> {
    let contact = step.contact.clone().map(TodoKey::Contact);
    contact.or_else(|| step.person.map(TodoKey::Person))
}

/// A contact created in a provider's book gets an id of our choosing, which the journal keeps before it is sent. It tells
/// when it was chosen: a book that lets nobody choose keeps it as a mark, and knows how far back to look for it.
fn choose_id(side: Side, change: &mut Change, now: Moment) {
    if let Change::Create { chosen, .. } = change
        && side == Side::Provider
        && chosen.is_none()
    {
        let millis = u64::try_from(now.0).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
        let time = uuid::Timestamp::from_unix(uuid::NoContext, millis / 1000, nanos);
        *chosen = Some(ContactId::from(uuid::Uuid::new_v7(time).to_string()));
    }
}

fn contact_half(then: &Then) -> Option<ContactHalf> {
    let Then::Keep(link) = then else { return None };
    let link: &Link = link;
    link.contact.clone()
}

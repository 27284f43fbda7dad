//! The company's one watcher: keeps the mirror of Pipedrive's persons, and notes per account which of them were touched.
//!
//! # Expected flow
//!
//! While all visible persons fit one page, a poll is the full list. Above that a poll asks for what changed since the last
//! one (by the server's own clock, minus a minute), and a full **sweep** every so often finds what a poll cannot: deleted
//! persons, and new ones whose `update_time` is still null.
//!
//! # Guarantees
//!
//! A person's row in the mirror and the accounts it touches are stored in one transaction; where the next poll starts is
//! stored only when a walk is finished. A person is missing only if a complete sweep did not list it, and even then only
//! its accounts are told: whether it is deleted is found out by a direct read ([`super::witness`]).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::member::Shared;
use super::organizations::store_error;
use super::peers::Peers;
use crate::adapter::pipedrive::{PersonRecord, PersonsPage, PersonsQuery};
use crate::adapter::{Error, Kind};
use crate::contact::{Field, PersonId, UserId};
use crate::store::{CheckpointId, Op, Person, View, Watcher};

/// How many persons one page of the list holds.
const PAGE: usize = 500;
/// Where persons have fields that the definitions do not name, these are not asked more often than this.
const FIELDS_AGE: Duration = Duration::from_hours(1);
/// How long a poll waits for running passes before it leaves new fields to the next one.
const PATIENCE: Duration = Duration::from_secs(30);
/// Clocks and the service's own delay differ by less than this.
const OVERLAP: Duration = Duration::from_mins(1);

/// The watcher.
#[derive(Debug)]
pub struct Feed {
    /// Accounts to which persons of an owner are news although no link names them (two-way).
    interests: RwLock<HashMap<UserId, BTreeSet<CheckpointId>>>,
    sweep_every: Duration,
    turn: tokio::sync::Mutex<()>,
}

/// What a poll found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Polled {
    /// Checkpoints that have something to look at.
    pub touched: BTreeSet<CheckpointId>,
    /// Whether every person was listed.
    pub swept: bool,
    /// Persons that are new or changed.
    pub changed: usize,
    /// Persons that a complete sweep does not list any more.
    pub missing: usize,
}

impl Feed {
    /// A watcher that sweeps at least this often.
    pub fn new(sweep_every: Duration) -> Self {
        Self { interests: RwLock::default(), sweep_every, turn: tokio::sync::Mutex::default() }
    }

    /// Says which accounts want to hear of an owner's new persons.
    pub fn set_interests(&self, interests: HashMap<UserId, BTreeSet<CheckpointId>>) {
        *self.interests.write().unwrap_or_else(PoisonError::into_inner) = interests;
    }

    /// Looks what changed in Pipedrive; with `sweep`, at every person. One poll at a time; one that waited for another
    /// runs as well.
    pub async fn poll(&self, shared: &Shared, sweep: bool, cancel: &CancellationToken) -> Result<Polled, Error> {
        let _turn = self.turn.lock().await;
        if !shared.is_settled().map_err(|error| store_error(&error))? {
            let moving = shared.moving().await;
            shared.settle_mirror(&moving).await.map_err(|error| store_error(&error))?;
        }
        let mut polled = Polled::default();
        let mut asked = false;
        loop {
            let at_home = shared.at_home().await?;
            let view = shared.store.view().map_err(|error| store_error(&error))?;
            let watcher = Self::watcher(shared, &view)?;
            let full = sweep || self.is_sweep_due(shared, &watcher);
            shared.mirror.start_walk();
            let walk = Walk { feed: self, shared, full, asks: !asked && fields_are_old(shared) };
            if walk.run(watcher, &mut polled, cancel).await? {
                return Ok(polled);
            }
            drop(at_home);
            look_at_fields(shared, cancel).await?;
            asked = true;
        }
    }

    fn is_sweep_due(&self, shared: &Shared, watcher: &Watcher) -> bool {
        let Some(swept_at) = watcher.swept_at else { return true };
        let persons = shared.mirror.len();
        // A sweep costs 10 tokens a page; spread so that sweeps stay within a tenth of the daily share.
        let pages = u64::try_from(persons / PAGE + 1).unwrap_or(u64::MAX);
        let share = shared.company.budget().limit.saturating_sub(shared.company.budget().reserve);
        let a_day = (share / 10 / pages.saturating_mul(10)).max(1);
        let every = Duration::from_hours(24) / u32::try_from(a_day).unwrap_or(u32::MAX);
        persons <= PAGE * 9 / 10 || shared.clock.now().since(swept_at) >= every.max(self.sweep_every)
    }

    /// Where the last poll stopped.
    fn watcher(shared: &Shared, view: &View) -> Result<Watcher, Error> {
        let start = || Watcher {
            company: shared.company.identity().to_owned(),
            since: None,
            swept_at: None,
            highest_person: None,
            highest_organization: None,
            tells_deletions: false,
            homes: Some(shared.company.homes()),
        };
        Ok(view.watcher().map_err(|error| store_error(&error))?.unwrap_or_else(start))
    }

    fn interested(&self, owner: UserId) -> BTreeSet<CheckpointId> {
        let interests = self.interests.read().unwrap_or_else(PoisonError::into_inner);
        interests.get(&owner).cloned().unwrap_or_default()
    }
}

struct Walk<'a> {
    feed: &'a Feed,
    shared: &'a Shared,
    full: bool,
    /// Whether it stops where a person has fields that the company is not known to have.
    asks: bool,
}

impl Walk<'_> {
    /// Walks to the end; whether it came there, or met a field that is to be asked for first.
    async fn run(&self, mut watcher: Watcher, polled: &mut Polled, cancel: &CancellationToken) -> Result<bool, Error> {
        let started = self.shared.clock.now();
        let since = watcher.since.filter(|_| !self.full);
        let mut query = PersonsQuery { updated_since: since, cursor: None };
        polled.swept = self.full;
        let mut seen = HashSet::new();
        let mut server_date = None;
        loop {
            let page = self.shared.company.persons(&query, cancel).await?;
            if page.new_fields && self.asks {
                return Ok(false);
            }
            server_date = server_date.or(page.server_date);
            seen.extend(page.persons.iter().map(|record| record.id));
            let next = page.next.clone();
            self.take(page, polled, cancel).await?;
            match next {
                Some(next) => query.cursor = Some(next),
                None => break,
            }
        }
        watcher.highest_person = watcher.highest_person.max(seen.iter().copied().max());
        watcher.tells_deletions |= self.shared.company.tells_deletions();
        watcher.since = server_date.map(|date| date.before(OVERLAP)).or(watcher.since);
        if self.full {
            watcher.swept_at = Some(started);
        }
        self.finish(&seen, watcher, polled).await?;
        Ok(true)
    }

    /// Takes one page in: what differs from the mirror, and whom it touches, in one transaction.
    async fn take(&self, page: PersonsPage, polled: &mut Polled, cancel: &CancellationToken) -> Result<(), Error> {
        let names = self.shared.company.names();
        let unknown = |r: &PersonRecord| r.organization.is_some_and(|id| names.name_of(id).is_none());
        if page.persons.iter().any(unknown) {
            self.shared.organizations.refresh(self.shared, cancel).await?;
        }
        let view = self.shared.store.view().map_err(|error| store_error(&error))?;
        let peers = self.peers();
        let mut ops = Vec::new();
        let mut changed = Vec::new();
        for record in page.persons.into_iter().filter(|record| !record.deleted) {
            let person = to_person(self.shared, record);
            let before = view.person(person.id).map_err(|error| store_error(&error))?;
            // What was written or read while the page was under way is newer than the page.
            if before.as_ref() == Some(&person) || (before.is_some() && self.shared.mirror.is_fresh(person.id)) {
                continue;
            }
            if before.as_ref().is_none_or(|before| is_news(before, &person)) {
                polled.changed += 1;
                let accounts = self.cared_for((&view, &peers), &person, before.as_ref())?;
                ops.extend(accounts.iter().map(|&account| Op::Touch(account, person.id)));
                polled.touched.extend(accounts);
            }
            ops.push(Op::PutPerson(Box::new(person.clone())));
            changed.push(person);
        }
        if !ops.is_empty() {
            self.shared.store.write(ops).await.map_err(|error| store_error(&error))?;
        }
        for person in &changed {
            self.shared.mirror.put(person);
        }
        Ok(())
    }

    /// The accounts that care for a person: those with a link to it, and those who look for new persons of its owner.
    fn cared_for(
        &self,
        (view, peers): (&View, &Peers),
        person: &Person,
        before: Option<&Person>,
    ) -> Result<BTreeSet<CheckpointId>, Error> {
        let mut accounts = self.feed.interested(person.owner);
        if let Some(before) = before.filter(|before| before.owner != person.owner) {
            accounts.extend(self.feed.interested(before.owner));
        }
        accounts.extend(linked(view, peers, person.id)?);
        Ok(accounts)
    }

    /// The accounts of this company: a person's id means somebody else in another one.
    fn peers(&self) -> Peers {
        Peers::of(self.shared.company.identity())
    }

    /// Ends a walk: what a complete one did not list is missing, and the next poll starts where this one did.
    async fn finish(&self, seen: &HashSet<PersonId>, watcher: Watcher, polled: &mut Polled) -> Result<(), Error> {
        let mut ops = vec![Op::PutWatcher(Box::new(watcher))];
        let missing = self.shared.mirror.finish_walk(seen);
        let missing = if self.full { missing } else { Vec::new() };
        let view = self.shared.store.view().map_err(|error| store_error(&error))?;
        let peers = self.peers();
        for &id in &missing {
            for account in linked(&view, &peers, id)? {
                ops.push(Op::Touch(account, id));
                polled.touched.insert(account);
            }
            ops.push(Op::RemovePerson(id));
        }
        polled.missing = missing.len();
        self.shared.store.write(ops).await.map_err(|error| store_error(&error))?;
        for id in missing {
            self.shared.mirror.remove(id);
        }
        Ok(())
    }
}

/// Whether it is time to ask for the fields again.
fn fields_are_old(shared: &Shared) -> bool {
    shared.company.fields_read().is_none_or(|at| shared.clock.now().since(at) >= FIELDS_AGE)
}

/// Reads anew which fields the company has, between two passes. Where passes take long that is left to a later poll, so that
/// nobody waits for them. What fails is no reason to know less of the persons.
async fn look_at_fields(shared: &Shared, cancel: &CancellationToken) -> Result<(), Error> {
    let until = shared.clock.now().after(PATIENCE);
    let moving = tokio::select! {
        moving = shared.moving() => moving,
        () = shared.clock.sleep_until(until) => return Ok(()),
    };
    match shared.company.refresh_fields(cancel).await {
        Ok(false) => Ok(()),
        Ok(true) => {
            let left = shared.company.unsaid_fields_note().unwrap_or_default();
            tracing::info!("Pipedrive has other contact fields than before: they are merged now. {left}");
            shared.settle_mirror(&moving).await.map_err(|error| store_error(&error))
        }
        Err(error) if matches!(error.kind, Kind::Invalid) => {
            tracing::warn!(%error, "Pipedrive's fields could not be read anew");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn linked(view: &View, peers: &Peers, person: PersonId) -> Result<Vec<CheckpointId>, Error> {
    let links = peers.links_to(view, person).map_err(|error| store_error(&error))?;
    Ok(links.into_iter().map(|(checkpoint, _)| checkpoint).collect())
}

/// Whether a person differs in something that an account cares about. `update_time` moves for many other reasons.
fn is_news(before: &Person, now: &Person) -> bool {
    !before.contact.same(&now.contact)
        || before.contact.unsaid != now.contact.unsaid
        || before.owner != now.owner
        || before.visible_to != now.visible_to
}

/// What Pipedrive sent, as the mirror keeps it.
pub(super) fn to_person(shared: &Shared, record: PersonRecord) -> Person {
    let mut contact = record.contact;
    if let Some(name) = record.organization.and_then(|id| shared.company.names().name_of(id)) {
        contact.organization = Some(name);
        contact.unsaid.set(Field::Organization, false);
    }
    Person {
        id: record.id,
        owner: record.owner,
        visible_to: record.visible_to,
        organization: record.organization,
        update_time: record.update_time,
        add_time: record.add_time,
        picture: record.picture,
        open_deals: record.open_deals,
        contact,
    }
}

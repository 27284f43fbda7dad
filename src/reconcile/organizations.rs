//! The company's one resolver of organizations: a name becomes an id, and the same name always the same.
//!
//! Among organizations of one name (trimmed, case-folded) it takes the exact spelling first, then the lowest id, and only one
//! that belongs to the account's owner or is visible to the whole company. The name under which an organization was first
//! known stays its name here, so that a rename in Pipedrive neither flows out nor makes a second one. One that a complete
//! list does not show any more, or that a refused write finds deleted, is **gone**: persons that still point to it are said
//! to be in it, but its name is resolved anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::member::{Seat, Shared};
use crate::account::Visibility;
use crate::adapter::pipedrive::{Company, OrganizationNames, OrganizationRecord, OrganizationsQuery};
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::store::{CheckpointId, Intent, IntentKind, Op, Organization, PassId, Side, StoreError, View};

/// Organizations created at once.
const AT_ONCE: usize = 16;

/// Finds or creates organizations.
#[derive(Debug, Default)]
pub struct Organizations {
    known: RwLock<Known>,
    /// One account resolves at a time: two that need the same new name must not both create it.
    turn: tokio::sync::Mutex<Turn>,
}

#[derive(Debug, Default)]
struct Known {
    by_id: BTreeMap<u64, Organization>,
    /// By every name they were ever listed under.
    by_key: HashMap<String, BTreeSet<u64>>,
}

#[derive(Debug, Default)]
struct Turn {
    /// From which moment on changes were not yet listed; `None`: nothing was.
    listed: Option<Moment>,
}

impl Organizations {
    /// What the store remembers, told to the company as well.
    pub(super) fn load(view: &View, company: &Company) -> Result<Self, StoreError> {
        let mut known = Known::default();
        for organization in view.organizations()? {
            let organization = organization?;
            company.names().remember(&organization.name, organization.id);
            known.put(organization);
        }
        Ok(Self { known: RwLock::new(known), turn: tokio::sync::Mutex::default() })
    }

    /// Lists what is new since the last time: 10 tokens per 500.
    pub(super) async fn refresh(&self, shared: &Shared, cancel: &CancellationToken) -> Result<(), Error> {
        let mut turn = self.turn.lock().await;
        self.list(&mut turn, shared, cancel).await
    }

    /// Lists all of them: a new one may not be shown as changed until it is edited.
    pub(super) async fn relist(&self, shared: &Shared, cancel: &CancellationToken) -> Result<(), Error> {
        let mut turn = self.turn.lock().await;
        turn.listed = None;
        self.list(&mut turn, shared, cancel).await
    }

    async fn list(&self, turn: &mut Turn, shared: &Shared, cancel: &CancellationToken) -> Result<(), Error> {
        let mut query = OrganizationsQuery { updated_since: turn.listed, cursor: None };
        let mut since = None;
        let mut listed = BTreeSet::new();
        loop {
            let page = shared.company.organizations(&query, cancel).await?;
            since = since.or(page.server_date);
            listed.extend(page.organizations.iter().filter(|record| !record.deleted).map(|record| record.id));
            let news: Vec<Op> = page.organizations.into_iter().filter_map(|record| self.take(shared, record)).collect();
            if !news.is_empty() {
                shared.store.write(news).await.map_err(|error| store_error(&error))?;
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => break,
            }
        }
        if query.updated_since.is_none() {
            let gone: Vec<Op> = self.gone(|id| !listed.contains(&id));
            shared.store.write(gone).await.map_err(|error| store_error(&error))?;
        }
        turn.listed = since.map(|date| date.before(std::time::Duration::from_mins(1)));
        Ok(())
    }

    /// Takes a listed organization in; what is to be stored, if it is news.
    fn take(&self, shared: &Shared, record: OrganizationRecord) -> Option<Op> {
        shared.company.names().remember(&record.name, record.id);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.by_id.get(&record.id).cloned();
        known.by_key.entry(OrganizationNames::key(&record.name)).or_default().insert(record.id);
        let name = before.as_ref().map_or(record.name, |before| before.name.clone());
        let (id, gone) = (record.id, record.deleted);
        let now = Organization { id, name, owner: record.owner, visible_to: record.visible_to, gone };
        let news = before.as_ref() != Some(&now);
        known.put(now.clone());
        news.then_some(Op::PutOrganization(now))
    }

    /// Notes which organizations are gone; what is to be stored.
    fn gone(&self, is: impl Fn(u64) -> bool) -> Vec<Op> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let gone = known.by_id.values_mut().filter(|organization| !organization.gone && is(organization.id));
        let gone = gone.map(|organization| {
            organization.gone = true;
            Op::PutOrganization(organization.clone())
        });
        gone.collect()
    }

    fn is_gone(&self, id: u64) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.by_id.get(&id).is_some_and(|organization| organization.gone)
    }

    /// A write was refused that named the organization `used`. Where that is gone, its name is resolved anew, as on the first
    /// time; says whether the name means another one now.
    pub(super) async fn renew(
        &self,
        asked: &Asked<'_>,
        (name, used): (&str, u64),
        cancel: &CancellationToken,
    ) -> Result<bool, Error> {
        {
            let _turn = self.turn.lock().await;
            if !self.is_gone(used) {
                if !asked.shared.company.organization_is_gone(used, cancel).await? {
                    return Ok(false);
                }
                let gone = self.gone(|id| id == used);
                asked.shared.store.write(gone).await.map_err(|error| store_error(&error))?;
            }
        }
        let failed = self.resolve(asked, &BTreeSet::from([name.to_owned()]), cancel).await?;
        match failed.into_values().next() {
            Some(error) => Err(error),
            None => Ok(self.find(asked, name).is_some_and(|id| id != used)),
        }
    }

    /// Makes sure that every name has an id for this account, creating what is missing. Returns the names that failed, by
    /// [`OrganizationNames::key`].
    pub(super) async fn resolve(
        &self,
        asked: &Asked<'_>,
        names: &BTreeSet<String>,
        cancel: &CancellationToken,
    ) -> Result<BTreeMap<String, Error>, Error> {
        if self.missing(asked, names).is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut turn = self.turn.lock().await;
        self.list(&mut turn, asked.shared, cancel).await?;
        let mut failed = BTreeMap::new();
        let missing = self.missing(asked, names);
        let creations: Vec<BoxFuture<'_, _>> = missing
            .iter()
            .map(|name| async { (OrganizationNames::key(name), self.create(asked, name, cancel).await) }.boxed())
            .collect();
        let mut creations = futures_util::stream::iter(creations).buffer_unordered(AT_ONCE);
        while let Some((key, created)) = creations.next().await {
            if let Err(error) = created {
                failed.insert(key, error);
            }
        }
        drop(creations);
        for name in &missing {
            self.find(asked, name);
        }
        Ok(failed)
    }

    /// The names without an organization that this account may use; of several spellings of one name the first.
    fn missing(&self, asked: &Asked<'_>, names: &BTreeSet<String>) -> Vec<String> {
        let mut keys = BTreeSet::new();
        let unresolved = names.iter().filter(|name| self.find(asked, name).is_none());
        unresolved.filter(|name| keys.insert(OrganizationNames::key(name))).cloned().collect()
    }

    /// The organization that this account uses for a name; told to its book.
    fn find(&self, asked: &Asked<'_>, name: &str) -> Option<u64> {
        let names = asked.seat.persons.names();
        if let Some(id) = names.id_of(name) {
            if !self.is_gone(id) {
                return Some(id);
            }
            names.forget(id);
        }
        let everybody = Visibility::Company.visible_to(asked.seat.levels);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let of_that_name = known.by_key.get(&OrganizationNames::key(name))?.iter().filter_map(|id| known.by_id.get(id));
        let ours = |o: &Organization| o.owner == asked.seat.owner || Some(o.visible_to) == everybody;
        let usable = of_that_name.filter(|o| !o.gone && ours(o));
        let id = usable.min_by_key(|o| (o.name.trim() != name.trim(), o.id)).map(|o| o.id)?;
        names.remember(name, id);
        Some(id)
    }

    async fn create(&self, asked: &Asked<'_>, name: &str, cancel: &CancellationToken) -> Result<(), Error> {
        let Asked { shared, seat, .. } = *asked;
        let intent = shared.store.next_intent();
        let mark = self.highest();
        let what = IntentKind::Organization { name: name.to_owned(), owner: seat.owner, visible_to: seat.visible_to };
        let intended = Intent {
            checkpoint: asked.checkpoint,
            pass: asked.pass,
            link: None,
            side: Side::Pipedrive,
            what,
            highest: Some(mark),
            at: shared.clock.now(),
            reason: "new organization".to_owned(),
            contact: None,
        };
        shared.store.write(vec![Op::Intend(intent, Box::new(intended))]).await.map_err(|error| store_error(&error))?;
        let mut created = shared.company.create_organization(name, seat.owner, seat.visible_to, cancel).await;
        for _ in 0..LOOKS {
            if !created.as_ref().is_err_and(|error| error.kind == Kind::UnknownOutcome) {
                break;
            }
            created = match self.look_for(asked, name, mark, cancel).await? {
                Some(record) => Ok(record),
                // Its outcome is known now: it was not made.
                None => shared.company.create_organization(name, seat.owner, seat.visible_to, cancel).await,
            };
        }
        match created {
            Ok(record) => {
                let ops = self.take(shared, record).into_iter().chain([Op::Done(intent)]).collect();
                shared.store.write(ops).await.map_err(|error| store_error(&error))
            }
            // Left in the journal: the next pass lists all organizations before it creates any.
            Err(error) if error.kind == Kind::UnknownOutcome => Err(error),
            Err(error) => {
                shared.store.write(vec![Op::Done(intent)]).await.map_err(|error| store_error(&error))?;
                Err(error)
            }
        }
    }

    /// An organization whose creation was not answered, if it is there: ours, of that name, above the mark.
    async fn look_for(
        &self,
        asked: &Asked<'_>,
        name: &str,
        mark: u64,
        cancel: &CancellationToken,
    ) -> Result<Option<OrganizationRecord>, Error> {
        let key = OrganizationNames::key(name);
        let mut cursor: Option<String> = None;
        loop {
            let page = asked.shared.company.organizations_descending(cursor.as_deref(), cancel).await?;
            let reached = page.organizations.iter().any(|record| record.id <= mark);
            let mut new = page.organizations.into_iter().filter(|record| record.id > mark);
            if let Some(found) = new.find(|r| OrganizationNames::key(&r.name) == key && r.owner == asked.seat.owner) {
                return Ok(Some(found));
            }
            cursor = page.next;
            if reached || cursor.is_none() {
                return Ok(None);
            }
        }
    }

    fn highest(&self) -> u64 {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.by_id.keys().next_back().copied().unwrap_or(0)
    }
}

/// How often a creation without an answer is looked for before it is left to the next pass.
const LOOKS: usize = 5;

impl Known {
    fn put(&mut self, organization: Organization) {
        self.by_key.entry(OrganizationNames::key(&organization.name)).or_default().insert(organization.id);
        self.by_id.insert(organization.id, organization);
    }
}

/// Who asks for organizations.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) shared: &'a Shared,
    pub(super) seat: &'a Seat,
    pub(super) checkpoint: CheckpointId,
    pub(super) pass: PassId,
}

/// A store that fails stops the pass; in words.
pub(super) fn store_error(error: &StoreError) -> Error {
    Error::new(Kind::State, error.to_string())
}

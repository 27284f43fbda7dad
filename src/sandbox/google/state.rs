//! The service's state, and the one way to change it: [`State::commit`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::account::{Account, Owner};
use super::contact::{Body, Contact, Is, Version};
use super::groups::Group;
use super::oauth::grant::{Access, Grant};
use super::photo::Photo;
use super::refusal::Refusal;
use super::settings::Settings;
use super::{demo, search};
use crate::clock::Moment;
use crate::sandbox::journal::Journal;

/// A fact that one write made true. Replaying all of them in order gives the state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum Record {
    /// The highest version number given, and the one from which on sync tokens are good.
    Marks { seq: u64, floor: u64 },
    /// This user exists.
    Owner(Owner),
    /// This is the user's contact now.
    Contact { user: String, contact: Box<Contact> },
    /// These contacts got a new version, numbered upwards from `first`, with nothing changed.
    Touched { user: String, ids: Vec<u64>, first: u64, at: i64 },
    /// This is the user's group now.
    Group { user: String, group: Group },
    /// This is the photo now.
    Photo(Box<Photo>),
    /// The photo is gone.
    PhotoGone(u64),
    /// These are the settings now.
    Settings(Box<Settings>),
    /// This is the OAuth grant now.
    Grant(Grant),
    /// The grant of this refresh token is dead.
    GrantGone(String),
    /// This access token was given.
    Access(Access),
    /// Every access token of this user, or of all, is dead.
    AccessGone(Option<String>),
}

/// Everything that is kept.
#[derive(Debug)]
pub(in crate::sandbox) struct State {
    seq: u64,
    /// Sync tokens that were made before this version are dead.
    pub(super) floor: u64,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) photos: BTreeMap<u64, Photo>,
    pub(super) grants: BTreeMap<String, Grant>,
    pub(super) access: HashMap<String, Access>,
    pub(super) settings: Settings,
    /// What searches find, which no restart survives.
    pub(super) caches: HashMap<String, search::Cache>,
    /// For ids, the order of answers, and churn.
    pub(super) chance: fastrand::Rng,
    journal: Arc<Journal>,
}

/// Tombstones are kept so long: longer than any sync token lives.
const TOMBSTONE_MS: i64 = 37 * 86_400_000;

impl State {
    /// An empty state; replay its log to fill it.
    pub(in crate::sandbox) fn new(journal: Arc<Journal>, seed: u64) -> Self {
        Self {
            seq: 0,
            floor: 0,
            accounts: BTreeMap::new(),
            photos: BTreeMap::new(),
            grants: BTreeMap::new(),
            access: HashMap::new(),
            settings: Settings::default(),
            caches: HashMap::new(),
            chance: fastrand::Rng::with_seed(seed),
            journal,
        }
    }

    /// Writes `records` to the log, all or none, then makes them true. A log that cannot be written is a 500, and
    /// nothing has changed.
    pub(super) fn commit(&mut self, records: Vec<Record>) -> Result<(), Refusal> {
        if records.is_empty() {
            return Ok(());
        }
        self.journal.append("google", &records).map_err(|error| {
            tracing::error!(%error, "the sandbox cannot write its state");
            Refusal::of_status(500)
        })?;
        self.replay(records);
        Ok(())
    }

    /// Makes `records` true.
    pub(in crate::sandbox) fn replay(&mut self, records: Vec<Record>) {
        for record in records {
            self.apply(record);
        }
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Marks { seq, floor } => (self.seq, self.floor) = (self.seq.max(seq), floor),
            Record::Owner(owner) => {
                self.accounts.insert(owner.email.clone(), Account::new(owner));
            }
            Record::Contact { user, contact } => {
                self.seq = self.seq.max(contact.latest().map_or(0, |version| version.seq));
                if let Some(account) = self.accounts.get_mut(&user) {
                    account.put(*contact);
                }
            }
            Record::Touched { user, ids, first, at } => {
                self.seq = self.seq.max(first + ids.len() as u64);
                let Some(account) = self.accounts.get_mut(&user) else { return };
                for (seq, id) in (first..).zip(ids) {
                    if let Some(contact) = account.contacts.get_mut(&id) {
                        contact.touch(seq, at);
                    }
                }
            }
            Record::Group { user, group } => {
                self.seq = self.seq.max(group.seq);
                if let Some(account) = self.accounts.get_mut(&user) {
                    account.groups.insert(group.id.clone(), group);
                }
            }
            Record::Photo(photo) => {
                self.photos.insert(photo.id, *photo);
            }
            Record::PhotoGone(id) => {
                self.photos.remove(&id);
            }
            Record::Settings(settings) => self.settings = *settings,
            Record::Grant(grant) => {
                self.grants.insert(grant.refresh_token.clone(), grant);
            }
            Record::GrantGone(token) => {
                self.grants.remove(&token);
            }
            Record::Access(access) => {
                if self.access.len() % 1000 == 999 {
                    self.access.retain(|_, old| old.until > access.made);
                }
                self.access.insert(access.token.clone(), access);
            }
            Record::AccessGone(user) => self.access.retain(|_, it| user.as_ref().is_some_and(|user| it.user != *user)),
        }
    }

    /// The number of the next version.
    pub(super) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// The number of the last version.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// A version that is written at `now` and shows when the settings say.
    pub(super) fn version(&mut self, is: Is, now: Moment) -> Version {
        let lag = i64::from(self.settings.lag_seconds) * 1000;
        Version { seq: self.next_seq(), at: now.0, visible: now.0 + lag, is }
    }

    /// Gives `contact` of `user` a new version.
    pub(super) fn rewrite(&mut self, user: &str, mut contact: Contact, is: Is, now: Moment) -> Record {
        contact.push(self.version(is, now));
        Record::Contact { user: user.to_owned(), contact: Box::new(contact) }
    }

    /// Takes `contact` away from `user`: into the trash, or elsewhere.
    pub(super) fn remove(&mut self, user: &str, contact: Contact, how: fn(Box<Body>) -> Is, now: Moment) -> Record {
        let body = contact.body().cloned().unwrap_or_default();
        self.rewrite(user, contact, how(Box::new(body)), now)
    }

    /// An id that no contact of `user` has.
    pub(super) fn new_id(&mut self, user: &str) -> u64 {
        loop {
            let id = self.chance.u64(1 << 40..1 << 62);
            if self.accounts.get(user).is_none_or(|account| !account.contacts.contains_key(&id)) {
                return id;
            }
        }
    }

    /// The account of `user`. 401 where there is none, which [`State::enter`] prevents.
    pub(super) fn account(&self, user: &str) -> Result<&Account, Refusal> {
        self.accounts.get(user).ok_or_else(Refusal::unauthenticated)
    }

    /// The user with this e-mail address, who springs into being where there is none. 401 where it is no address.
    pub(super) fn enter(&mut self, email: &str, now: Moment) -> Result<String, Refusal> {
        let email = email.trim().to_lowercase();
        if self.accounts.contains_key(&email) {
            return Ok(email);
        }
        if !email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty()) {
            return Err(Refusal::unauthenticated());
        }
        let number = 10u128.pow(20) + uuid::Uuid::new_v4().as_u128() % 10u128.pow(20);
        let owner = Owner { email: email.clone(), id: number.to_string() };
        let mut records = vec![Record::Owner(owner)];
        if email == demo::USER {
            records.extend(demo::records(self, now));
        }
        self.commit(records)?;
        Ok(email)
    }

    /// How many records [`State::dump`] has, or a few more.
    pub(in crate::sandbox) fn len(&self) -> usize {
        let books = self.accounts.values().map(|account| 1 + account.contacts.len() + account.groups.len());
        books.sum::<usize>() + self.photos.len() + self.grants.len() + self.access.len()
    }

    /// The records that give this state, without tombstones that no sync token can ask for.
    pub(in crate::sandbox) fn dump(&self, now: Moment) -> Vec<Record> {
        let mut records =
            vec![Record::Marks { seq: self.seq, floor: self.floor }, Record::Settings(Box::new(self.settings.clone()))];
        for (user, account) in &self.accounts {
            records.push(Record::Owner(account.owner.clone()));
            let groups = account.groups.values().cloned();
            records.extend(groups.map(|group| Record::Group { user: user.clone(), group }));
            let kept = account.contacts.values().filter(|contact| {
                contact.body().is_some() || contact.latest().is_some_and(|last| now.0 - last.visible < TOMBSTONE_MS)
            });
            records.extend(kept.map(|it| Record::Contact { user: user.clone(), contact: Box::new(it.clone()) }));
        }
        records.extend(self.photos.values().map(|photo| Record::Photo(Box::new(photo.clone()))));
        records.extend(self.grants.values().cloned().map(Record::Grant));
        records.extend(self.access.values().filter(|it| it.until > now.0 / 1000).cloned().map(Record::Access));
        records
    }
}

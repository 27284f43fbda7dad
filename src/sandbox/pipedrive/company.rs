//! The company's state, and the one way to change it: [`Company::commit`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fields::CustomField;
use super::oauth::Grant;
use super::organization::Organization;
use super::person::Person;
use super::picture::Picture;
use super::record::Kind;
use super::refusal::Refusal;
use super::settings::Settings;
use super::users::User;
use crate::clock::Moment;
use crate::sandbox::journal::Journal;

/// A fact that one write made true. Replaying all of them in order gives the company.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum Record {
    /// The company exists, under this id, since this second.
    Founded { id: u64, at: i64 },
    /// The highest ids ever given, where no record shows them any more.
    Marks(Marks),
    /// This is the user now.
    User(User),
    /// This is the person now.
    Person(Box<Person>),
    /// This is the organization now.
    Organization(Box<Organization>),
    /// This is the picture now.
    Picture(Box<Picture>),
    /// The picture is gone.
    PictureGone(u64),
    /// This is the custom field now.
    Field(CustomField),
    /// These are the settings now.
    Settings(Box<Settings>),
    /// This is the OAuth grant now.
    Grant(Grant),
    /// The grant of this refresh token was revoked.
    GrantGone(String),
}

/// The highest ids ever given.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sandbox) struct Marks {
    /// Of persons.
    pub(super) person: u64,
    /// Of organizations.
    pub(super) organization: u64,
    /// Of pictures.
    pub(super) picture: u64,
}

/// Everything that is kept.
#[derive(Debug)]
pub(in crate::sandbox) struct Company {
    pub(super) id: u64,
    pub(super) founded: i64,
    pub(super) marks: Marks,
    pub(super) users: BTreeMap<u64, User>,
    emails: HashMap<String, u64>,
    pub(super) persons: BTreeMap<u64, Person>,
    pub(super) organizations: BTreeMap<u64, Organization>,
    pub(super) pictures: BTreeMap<u64, Picture>,
    pub(super) fields: BTreeMap<String, CustomField>,
    pub(super) grants: BTreeMap<String, Grant>,
    pub(super) settings: Settings,
    journal: Arc<Journal>,
}

/// Deleted records are kept so long.
const TRASH_SECONDS: i64 = 30 * 86_400;

impl Company {
    /// A company that does not exist yet: replay its log, then [`Company::found`] it.
    pub(in crate::sandbox) fn new(journal: Arc<Journal>) -> Self {
        Self {
            id: 0,
            founded: 0,
            marks: Marks::default(),
            users: BTreeMap::new(),
            emails: HashMap::new(),
            persons: BTreeMap::new(),
            organizations: BTreeMap::new(),
            pictures: BTreeMap::new(),
            fields: BTreeMap::new(),
            grants: BTreeMap::new(),
            settings: Settings::default(),
            journal,
        }
    }

    /// Gives a company without an id one. It is not from the seeded chance: two states made from one seed must be two
    /// companies, or a client could take one for the other.
    pub(in crate::sandbox) fn found(&mut self, now: Moment) -> std::io::Result<()> {
        if self.id != 0 {
            return Ok(());
        }
        let id = 10_000_000 + uuid::Uuid::new_v4().as_u128() % 4_000_000_000;
        let founded = vec![Record::Founded { id: u64::try_from(id).unwrap_or(1), at: now.0.div_euclid(1000) }];
        self.journal.append("pipedrive", &founded)?;
        self.replay(founded);
        Ok(())
    }

    /// Writes `records` to the log, all or none, then makes them true. A log that cannot be written is a 500, and
    /// nothing has changed.
    pub(super) fn commit(&mut self, records: Vec<Record>) -> Result<(), Refusal> {
        self.journal.append("pipedrive", &records).map_err(|error| {
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
            Record::Founded { id, at } => (self.id, self.founded) = (id, at),
            Record::Marks(marks) => self.marks = marks,
            Record::User(user) => {
                self.emails.insert(user.email.clone(), user.id);
                self.users.insert(user.id, user);
            }
            Record::Person(person) => {
                self.marks.person = self.marks.person.max(person.head.id);
                self.persons.insert(person.head.id, *person);
            }
            Record::Organization(organization) => {
                self.marks.organization = self.marks.organization.max(organization.head.id);
                self.organizations.insert(organization.head.id, *organization);
            }
            Record::Picture(picture) => {
                self.marks.picture = self.marks.picture.max(picture.id);
                self.pictures.insert(picture.id, *picture);
            }
            Record::PictureGone(id) => {
                self.pictures.remove(&id);
            }
            Record::Field(field) => {
                self.fields.insert(field.code.clone(), field);
            }
            Record::Settings(settings) => self.settings = *settings,
            Record::Grant(grant) => {
                self.grants.insert(grant.refresh_token.clone(), grant);
            }
            Record::GrantGone(refresh_token) => {
                self.grants.remove(&refresh_token);
            }
        }
    }

    /// How many records [`Company::dump`] has, or a few more.
    pub(in crate::sandbox) fn len(&self) -> usize {
        self.users.len()
            + self.persons.len()
            + self.organizations.len()
            + self.pictures.len()
            + self.fields.len()
            + self.grants.len()
    }

    /// The records that give this company, without what the trash has let go.
    pub(in crate::sandbox) fn dump(&self, now: Moment) -> Vec<Record> {
        let now = now.0.div_euclid(1000);
        let mut records = vec![
            Record::Founded { id: self.id, at: self.founded },
            Record::Marks(self.marks),
            Record::Settings(Box::new(self.settings.clone())),
        ];
        records.extend(self.users.values().cloned().map(Record::User));
        records.extend(self.fields.values().cloned().map(Record::Field));
        records.extend(self.grants.values().cloned().map(Record::Grant));
        records.extend(self.organizations.values().filter(|it| !purged(*it, now)).cloned().map(Kind::into_record));
        records.extend(self.persons.values().filter(|it| !purged(*it, now)).cloned().map(Kind::into_record));
        records.extend(self.pictures.values().cloned().map(|picture| Record::Picture(Box::new(picture))));
        records
    }

    /// The user with this e-mail address, folded.
    pub(super) fn user_id(&self, email: &str) -> Option<u64> {
        self.emails.get(email).copied()
    }

    /// Whether this user exists and was not deactivated.
    pub(super) fn is_active(&self, user: u64) -> bool {
        self.users.get(&user).is_some_and(|user| !self.settings.inactive.contains(&user.email))
    }

    /// Whether `user` may see `it` at all: an administrator everything, others what is theirs, followed or shared. All
    /// users are in one visibility group. What `hidden` names is seen by neither.
    pub(super) fn sees<K: Kind>(&self, user: u64, it: &K) -> bool {
        let head = it.head();
        let email = self.users.get(&user).map_or("", |user| &user.email);
        if K::IS_PERSON && self.settings.hidden.get(email).is_some_and(|hidden| hidden.contains(&head.id)) {
            return false;
        }
        !self.settings.regular.contains(email) || head.owner_id == user || head.visible_to != 1
    }

    /// The record that `user` asks for by its id: there, visible, not purged. It may be deleted.
    pub(super) fn find<K: Kind>(&self, user: u64, id: u64, now: i64) -> Result<&K, Refusal> {
        K::all(self).get(&id).filter(|it| !purged(*it, now) && self.sees(user, *it)).ok_or_else(Refusal::not_found)
    }

    /// As [`Company::find`], and not deleted.
    pub(super) fn find_live<K: Kind>(&self, user: u64, id: u64, now: i64) -> Result<&K, Refusal> {
        self.find(user, id, now).and_then(|it: &K| if it.head().deleted { Err(Refusal::not_found()) } else { Ok(it) })
    }
}

/// Whether the trash has let `it` go: no call shows it any more.
fn purged<K: Kind>(it: &K, now: i64) -> bool {
    let head = it.head();
    head.deleted && now - head.update_time.unwrap_or(head.add_time) >= TRASH_SECONDS
}

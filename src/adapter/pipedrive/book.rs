//! An account's view of the company's persons.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::company::Company;
use super::endpoint;
use super::listing::{PersonFound, PersonsQuery};
use super::organization::OrganizationNames;
use super::patch::{self, Fresh};
use super::person::{self, PersonRecord};
use crate::account::Country;
use crate::adapter::{Book, Entry, Error, Found, Kind, Page, Seen, Wanted, Written};
use crate::clock::Moment;
use crate::contact::{Capability, Change, Contact, ContactId, Cursor, FieldChange, PersonId, Revision, UserId};
use crate::http::Safety;

/// How many reads, and how many writes, of one account are under way at once; the governor paces them.
const AT_ONCE: usize = 32;
/// What a listing may have missed between two clocks.
const OVERLAP: Duration = Duration::from_mins(1);

/// A book of persons: they are all listed; those of the owner are the group.
#[derive(Debug, Clone)]
pub struct PersonBook {
    company: Arc<Company>,
    owner: UserId,
    visible_to: u8,
    country: Option<Country>,
    /// Which organization each name means to this account: what it may use depends on its owner.
    names: Arc<OrganizationNames>,
    /// However many steps write at once.
    writing: Arc<Semaphore>,
}

impl PersonBook {
    pub(super) fn new(company: Arc<Company>, owner: UserId, visible_to: u8, country: Option<Country>) -> Self {
        let writing = Arc::new(Semaphore::new(AT_ONCE));
        Self { company, owner, visible_to, country, names: Arc::default(), writing }
    }

    /// Which organization each name means to this account: told by whoever resolves them, before it is written.
    pub fn names(&self) -> &OrganizationNames {
        &self.names
    }

    fn seen(&self, mut record: PersonRecord) -> Box<Seen> {
        record.rekey(self.country);
        let changed_at = record.update_time.or(record.add_time);
        Box::new(Seen {
            id: record.id.into(),
            stable: None,
            revision: Revision::from(changed_at.map(Moment::rfc3339).unwrap_or_default()),
            in_group: record.owner == self.owner,
            changed_at,
            contact: record.contact,
        })
    }

    async fn write_one(&self, change: &Change, cancel: &CancellationToken) -> Result<Written, Error> {
        // Never closed; without a permit it would only be one call more.
        let _turn = self.writing.acquire().await;
        match change {
            Change::Create { contact, .. } => self.create(contact, cancel).await,
            Change::Patch { id, fields } => self.patch(person_id(id)?, fields, cancel).await,
            Change::Delete { id } => self.delete(person_id(id)?, cancel).await,
        }
    }

    async fn create(&self, contact: &Contact, cancel: &CancellationToken) -> Result<Written, Error> {
        let body = person::creation(contact, &self.company.fields());
        let mut body = body.ok_or_else(|| Error::new(Kind::Invalid, "nothing to name the person by"))?;
        body.insert("owner_id".to_owned(), self.owner.0.into());
        body.insert("visible_to".to_owned(), self.visible_to.into());
        if let Some(name) = &contact.organization {
            let id = self.names.id_of(name).ok_or_else(patch::unresolved)?;
            body.insert("org_id".to_owned(), id.into());
        }
        let request = self.company.api().to(&endpoint::CREATE_PERSON).json(&Value::Object(body));
        let answer = self.company.api().send(request.safety(Safety::OnlyIfUnsent), cancel).await?;
        self.written(&answer.data)
    }

    async fn patch(&self, id: PersonId, changes: &[FieldChange], cancel: &CancellationToken) -> Result<Written, Error> {
        let data = self.company.fetch(id, cancel).await?.filter(|data| !person::deleted(data));
        let gone = || Error::new(Kind::NotFound, "the person to update is deleted or not for this login to see");
        let data = data.ok_or_else(gone)?;
        let mut record = self.company.record(&data)?;
        record.rekey(self.country);
        let fields = self.company.fields();
        let fresh = Fresh { data: &data, record: &record, fields: &fields, names: &self.names };
        let body: Map<String, Value> = fresh.body(changes)?;
        if body.is_empty() {
            return Ok(Written::Now(self.seen(record)));
        }
        // The same values a second time change nothing.
        let request = self.company.api().to_one(&endpoint::PATCH_PERSON, id.0).json(&Value::Object(body));
        let answer = self.company.api().send(request.safety(Safety::Idempotent), cancel).await?;
        self.written(&answer.data)
    }

    async fn delete(&self, id: PersonId, cancel: &CancellationToken) -> Result<Written, Error> {
        let request = self.company.api().to_one(&endpoint::DELETE_PERSON, id.0);
        match self.company.api().send(request, cancel).await {
            Ok(_) | Err(Error { kind: Kind::NotFound, .. }) => Ok(Written::Deleted),
            Err(error) => Err(error),
        }
    }

    /// A write was answered; an answer without a person leaves open what was written.
    fn written(&self, data: &Value) -> Result<Written, Error> {
        let record = self.company.record(data).map_err(|error| Error::new(Kind::UnknownOutcome, error.message))?;
        Ok(Written::Now(self.seen(record)))
    }
}

#[async_trait]
impl Book for PersonBook {
    fn capability(&self) -> Capability {
        self.company.capability()
    }

    async fn changes(&self, from: Option<&Cursor>, cancel: &CancellationToken) -> Result<Page, Error> {
        let walk = from.map_or_else(|| Some(Walk::default()), Walk::read);
        let expired = || Error::new(Kind::CursorExpired, "the cursor of the persons is none of ours");
        let mut walk = walk.ok_or_else(expired)?;
        let query = PersonsQuery { updated_since: walk.since, cursor: walk.page.take() };
        let page = self.company.persons(&query, cancel).await?;
        walk.began = walk.began.or(page.server_date);
        let next = page.next.map(|next| Walk { page: Some(next), ..walk.clone() }.write());
        let last = next.is_none();
        let resume = walk.began.map(|began| Walk { since: Some(began.before(OVERLAP)), ..Walk::default() }.write());
        Ok(Page {
            entries: page.persons.into_iter().map(|person| self.entry(person)).collect(),
            next,
            cursor: resume.filter(|_| last),
            complete: last && walk.since.is_none(),
        })
    }

    async fn read(&self, wanted: &[Wanted], cancel: &CancellationToken) -> Result<Vec<Found>, Error> {
        let reads: Vec<_> = wanted.iter().map(|wanted| self.read_one(wanted, cancel).boxed()).collect();
        stream::iter(reads).buffered(AT_ONCE).try_collect().await
    }

    async fn write(&self, changes: &[Change], cancel: &CancellationToken) -> Vec<Result<Written, Error>> {
        let writes: Vec<_> = changes.iter().map(|change| self.write_one(change, cancel).boxed()).collect();
        stream::iter(writes).buffered(AT_ONCE).collect().await
    }

    /// Pictures never leave Pipedrive.
    async fn photo(&self, _id: &ContactId, _cancel: &CancellationToken) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    /// Persons have no groups.
    async fn groups(&self, _cancel: &CancellationToken) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

impl PersonBook {
    fn entry(&self, person: PersonRecord) -> Entry {
        if person.deleted { Entry::Gone(person.id.into()) } else { Entry::Live(self.seen(person)) }
    }

    async fn read_one(&self, wanted: &Wanted, cancel: &CancellationToken) -> Result<Found, Error> {
        Ok(match self.company.person(person_id(&wanted.id)?, cancel).await? {
            PersonFound::Live { record, raw } => Found::Live { seen: self.seen(*record), raw },
            PersonFound::Deleted { .. } => Found::Gone,
            // A 404 is proof only for a login that would see it; `Company::person` tells the caller more.
            PersonFound::NotFound if self.company.sees_everything(self.owner, self.visible_to, cancel).await? => {
                Found::Gone
            }
            PersonFound::NotFound => {
                Found::Unreadable("gone or hidden: this login may not see every person".to_owned())
            }
        })
    }
}

fn person_id(id: &ContactId) -> Result<PersonId, Error> {
    PersonId::parse(id).ok_or_else(|| Error::new(Kind::Invalid, "the id of a Pipedrive person is a number"))
}

/// Where a listing stands: `since|began|page`, times in milliseconds, each part perhaps empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Walk {
    since: Option<Moment>,
    began: Option<Moment>,
    page: Option<String>,
}

impl Walk {
    fn write(&self) -> Cursor {
        let millis = |moment: Option<Moment>| moment.map(|m| m.0.to_string()).unwrap_or_default();
        let page = self.page.as_deref().unwrap_or_default();
        Cursor::from(format!("{}|{}|{page}", millis(self.since), millis(self.began)))
    }

    fn read(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.0.splitn(3, '|');
        let mut moment = || match parts.next()? {
            "" => Some(None),
            text => text.parse().ok().map(|millis| Some(Moment(millis))),
        };
        let (since, began) = (moment()?, moment()?);
        let page = parts.next()?;
        Some(Self { since, began, page: (!page.is_empty()).then(|| page.to_owned()) })
    }
}

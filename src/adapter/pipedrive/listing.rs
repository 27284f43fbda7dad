//! Pages of persons and organizations, and single persons.
//!
//! Lists are sorted by id, the only order without doubles or gaps by construction, and always 500 long: a page costs 10
//! tokens whatever its length.

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::api::{Answer, Api};
use super::company::Company;
use super::endpoint::{self, Endpoint};
use super::organization::OrganizationRecord;
use super::person::{self, PersonRecord};
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::contact::PersonId;

/// The most that the service puts on a page.
const PAGE: &str = "500";

/// Which persons to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonsQuery {
    /// Only those changed then or later, by the service's clock in whole seconds. Persons whose `update_time` is still
    /// null may be passed over.
    pub updated_since: Option<Moment>,
    /// [`PersonsPage::next`] of the page before.
    pub cursor: Option<String>,
}

/// Which organizations to list; as [`PersonsQuery`].
pub type OrganizationsQuery = PersonsQuery;

/// A page of persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonsPage {
    /// The persons that our user may see, by id. Their open deals are not known.
    pub persons: Vec<PersonRecord>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<String>,
    /// The service's own time of the answer.
    pub server_date: Option<Moment>,
    /// Whether a person on it has fields that the company was not known to have: [`Company::refresh_fields`] tells.
    pub new_fields: bool,
}

/// A page of organizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationsPage {
    /// The organizations that our user may see, by id.
    pub organizations: Vec<OrganizationRecord>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<String>,
    /// The service's own time of the answer.
    pub server_date: Option<Moment>,
}

/// What a direct read of a person found. `raw` is the record as the service sent it, for history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonFound {
    /// It is there.
    Live {
        /// As it is now, with its open deals.
        record: Box<PersonRecord>,
        /// As sent.
        raw: String,
    },
    /// The service says that it is in the trash: the proof of a deletion.
    Deleted {
        /// As sent.
        raw: String,
    },
    /// Deleted for good, or not for our eyes ([`Company::sees_everything`] tells which).
    NotFound,
}

impl Company {
    /// A page of persons, ids upwards (10 tokens). A cursor that is no longer known is [`Kind::CursorExpired`].
    pub async fn persons(&self, query: &PersonsQuery, cancel: &CancellationToken) -> Result<PersonsPage, Error> {
        let answer = self.list(&endpoint::PERSONS, query, "asc", cancel).await?;
        self.persons_page(&answer)
    }

    /// A page of persons, ids downwards from the newest: how a create of unknown outcome is looked for.
    pub async fn persons_descending(
        &self,
        cursor: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<PersonsPage, Error> {
        let query = PersonsQuery { updated_since: None, cursor: cursor.map(str::to_owned) };
        let answer = self.list(&endpoint::PERSONS, &query, "desc", cancel).await?;
        self.persons_page(&answer)
    }

    /// A page of organizations, ids upwards (10 tokens).
    pub async fn organizations(
        &self,
        query: &OrganizationsQuery,
        cancel: &CancellationToken,
    ) -> Result<OrganizationsPage, Error> {
        let answer = self.list(&endpoint::ORGANIZATIONS, query, "asc", cancel).await?;
        organizations_page(answer)
    }

    /// A page of organizations, ids downwards from the newest: how a create of unknown outcome is looked for.
    pub async fn organizations_descending(
        &self,
        cursor: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<OrganizationsPage, Error> {
        let query = OrganizationsQuery { updated_since: None, cursor: cursor.map(str::to_owned) };
        let answer = self.list(&endpoint::ORGANIZATIONS, &query, "desc", cancel).await?;
        organizations_page(answer)
    }

    /// Reads one person with its open deals (1 token).
    pub async fn person(&self, id: PersonId, cancel: &CancellationToken) -> Result<PersonFound, Error> {
        Ok(match self.fetch(id, cancel).await? {
            None => PersonFound::NotFound,
            Some(data) if person::deleted(&data) => {
                self.saw_deletion();
                PersonFound::Deleted { raw: data.to_string() }
            }
            Some(data) => PersonFound::Live { record: Box::new(self.record(&data)?), raw: data.to_string() },
        })
    }

    /// The person's JSON; `None` for 404.
    pub(super) async fn fetch(&self, id: PersonId, cancel: &CancellationToken) -> Result<Option<Value>, Error> {
        let request = self.api().to_one(&endpoint::PERSON, id.0).query(&[("include_fields", "open_deals_count")]);
        match self.api().send(request, cancel).await {
            Ok(answer) if person::id(&answer.data, "id") == Some(id.0) => Ok(Some(answer.data)),
            Ok(_) => Err(Api::malformed(&endpoint::PERSON, "the answer is about another person")),
            Err(Error { kind: Kind::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a person's JSON.
    pub(super) fn record(&self, data: &Value) -> Result<PersonRecord, Error> {
        PersonRecord::read(data, &self.fields(), self.names())
            .map_err(|problem| Api::malformed(&endpoint::PERSON, &format!("the answer holds {problem}")))
    }

    fn persons_page(&self, answer: &Answer) -> Result<PersonsPage, Error> {
        let fields = self.fields();
        let read = |object: &Value| PersonRecord::read(object, &fields, self.names());
        let persons = read_all(answer, &endpoint::PERSONS, read)?;
        let new_fields =
            answer.data.as_array().is_some_and(|all| all.iter().any(|person| fields.is_outdated_by(person)));
        Ok(PersonsPage { persons, next: answer.next.clone(), server_date: answer.date, new_fields })
    }

    async fn list(
        &self,
        endpoint: &Endpoint,
        query: &PersonsQuery,
        direction: &str,
        cancel: &CancellationToken,
    ) -> Result<Answer, Error> {
        let request = self.api().to(endpoint);
        let mut request = request.query(&[("sort_by", "id"), ("sort_direction", direction), ("limit", PAGE)]);
        if let Some(since) = query.updated_since {
            request = request.query(&[("updated_since", since.rfc3339())]);
        }
        if let Some(cursor) = &query.cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let answer = self.api().send(request, cancel).await.map_err(|error| match error.kind {
            // Nothing else in such a request could be wrong on its second page and right on its first.
            Kind::Invalid if query.cursor.is_some() => Error::new(Kind::CursorExpired, error.message),
            _ => error,
        })?;
        if answer.next.is_some() && answer.next == query.cursor {
            return Err(Api::malformed(endpoint, "the list's next page is the same page again"));
        }
        Ok(answer)
    }
}

fn organizations_page(answer: Answer) -> Result<OrganizationsPage, Error> {
    let organizations = read_all(&answer, &endpoint::ORGANIZATIONS, OrganizationRecord::read)?;
    Ok(OrganizationsPage { organizations, next: answer.next, server_date: answer.date })
}

/// Reads a whole page or none of it: what is left out of a listing would look deleted.
fn read_all<T>(
    answer: &Answer,
    endpoint: &Endpoint,
    read: impl Fn(&Value) -> Result<T, &'static str>,
) -> Result<Vec<T>, Error> {
    let list = answer.data.as_array().ok_or_else(|| Api::malformed(endpoint, "`data` is no list"))?;
    let page: Result<Vec<T>, _> = list.iter().map(read).collect();
    page.map_err(|problem| Api::malformed(endpoint, &format!("the list holds {problem}")))
}

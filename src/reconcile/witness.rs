//! The second witness of a deletion: a direct read of the contact's stable identity in the whole book, and of the person by
//! its id.
//!
//! A read that fails proves nothing: the row stays for a later pass.

use std::collections::HashMap;

use super::member::{Member, Seat, Shared};
use super::rows::contact_now;
use crate::adapter::pipedrive::PersonFound;
use crate::adapter::{Error, Found, Kind, Wanted};
use crate::contact::{ContactId, PersonId};
use crate::plan::{ContactWitness, PersonWitness, Plan, Row};
use tokio_util::sync::CancellationToken;

/// The raw records read as witnesses, for history.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) contacts: HashMap<ContactId, String>,
    pub(super) persons: HashMap<PersonId, String>,
}

/// Reads the witnesses that a plan's steps need into its rows. A dead login or a cancelled pass ends it.
pub(super) async fn read(
    (shared, member, seat): (&Shared, &Member, &Seat),
    plan: &Plan,
    rows: &mut [Row],
    cancel: &CancellationToken,
) -> Result<Records, Error> {
    let mut records = Records::default();
    for step in &plan.steps {
        let Some(needed) = step.needs_witness() else { continue };
        let of_step = |row: &&mut Row| row.link.as_ref().map(|(id, _)| *id) == step.link && step.link.is_some();
        let Some(row) = rows.iter_mut().find(of_step) else { continue };
        let Some((_, link)) = &row.link else { continue };
        if needed.contact
            && row.witness.contact.is_none()
            && let Some(half) = &link.contact
        {
            let wanted = Wanted { id: half.id.clone(), stable: half.stable.clone() };
            row.witness.contact = Some(contact(member, wanted, &mut records, cancel).await?);
        }
        if needed.person
            && row.witness.person.is_none()
            && let Some(half) = &link.person
        {
            row.witness.person = Some(person((shared, member, seat), half.id, &mut records, cancel).await?);
        }
    }
    Ok(records)
}

async fn contact(
    member: &Member,
    wanted: Wanted,
    records: &mut Records,
    cancel: &CancellationToken,
) -> Result<ContactWitness, Error> {
    let id = wanted.id.clone();
    Ok(match member.provider.read(&[wanted], cancel).await {
        Ok(found) => match found.into_iter().next() {
            Some(Found::Gone) => ContactWitness::Gone,
            Some(Found::Live { seen, raw }) => {
                records.contacts.insert(id, raw);
                ContactWitness::Found(Box::new(contact_now(*seen)))
            }
            Some(Found::Unreadable(_)) | None => ContactWitness::Unknown,
        },
        Err(error) if matches!(error.kind, Kind::Login | Kind::Cancelled) => return Err(error),
        Err(_) => ContactWitness::Unknown,
    })
}

async fn person(
    (shared, member, seat): (&Shared, &Member, &Seat),
    id: PersonId,
    records: &mut Records,
    cancel: &CancellationToken,
) -> Result<PersonWitness, Error> {
    Ok(match shared.company.person(id, cancel).await {
        Ok(PersonFound::Deleted { raw }) => {
            records.persons.insert(id, raw);
            PersonWitness::Deleted
        }
        Ok(PersonFound::Live { record, raw }) => {
            records.persons.insert(id, raw);
            let open_deals = u64::from(record.open_deals.unwrap_or(0));
            let person = super::feed::to_person(shared, *record);
            PersonWitness::Found { now: Box::new(seat.person_now(member, person)), open_deals }
        }
        Ok(PersonFound::NotFound) => {
            if shared.company.sees_everything(seat.owner, seat.visible_to, cancel).await.unwrap_or(false) {
                PersonWitness::NotFoundProven
            } else {
                PersonWitness::NotFoundUnproven
            }
        }
        Err(error) if matches!(error.kind, Kind::Login | Kind::Cancelled) => return Err(error),
        Err(_) => PersonWitness::Unknown,
    })
}

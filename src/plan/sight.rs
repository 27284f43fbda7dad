//! What a row comes to once the second looks and the link's state are taken into account.

use super::input::{ContactNow, ContactSight, ContactWitness, PersonNow, PersonSight, PersonWitness, Row};
use crate::link::{Cause, HoldCause, Link, State};

/// Where a link's contact is.
#[derive(Debug, Clone, Copy)]
pub(super) enum ContactView<'a> {
    /// As last seen.
    Quiet,
    /// In the group.
    Here(&'a ContactNow),
    /// In the book, outside the group; `None`: as it was found earlier.
    Outside(Option<&'a ContactNow>),
    /// Nowhere. `sure`: read directly, or concluded earlier.
    Gone { sure: bool },
    /// Nothing can be concluded.
    Unknown,
}

/// Where a link's person is.
#[derive(Debug, Clone, Copy)]
pub(super) enum PersonView<'a> {
    /// As last seen.
    Quiet,
    /// There, with its open deals where they were counted.
    Here(&'a PersonNow, Option<u64>),
    /// Nowhere. `sure`: read directly, or concluded earlier.
    Gone { sure: bool },
    /// Not found, but perhaps only hidden.
    Hidden,
    /// Nothing can be concluded.
    Unknown,
}

/// The contact of a row. `moved` is a new contact of this pass with the same stable identity. What is silent now stays
/// what its link's state says of it.
pub(super) fn contact<'a>(row: &'a Row, link: &Link, moved: Option<&'a ContactNow>) -> ContactView<'a> {
    let place =
        |now: &'a ContactNow| if now.in_group { ContactView::Here(now) } else { ContactView::Outside(Some(now)) };
    match (&row.witness.contact, &row.contact) {
        (Some(ContactWitness::Unknown), _) => ContactView::Unknown,
        (Some(ContactWitness::Gone), _) => ContactView::Gone { sure: true },
        (Some(ContactWitness::Found(now)), _) | (None, ContactSight::Live(now)) => place(now),
        (None, ContactSight::Gone) => moved.map_or(ContactView::Gone { sure: false }, place),
        (None, ContactSight::Quiet) => match &link.state {
            State::Dormant(Cause::ContactDeleted) => ContactView::Gone { sure: true },
            State::Dormant(Cause::LeftGroup) => ContactView::Outside(None),
            State::Held(hold) => match hold.cause {
                HoldCause::ContactMerged | HoldCause::OpenDeals | HoldCause::NotOwners => {
                    ContactView::Gone { sure: false }
                }
                HoldCause::NotJoined => ContactView::Outside(None),
                _ => ContactView::Quiet,
            },
            State::Active | State::Dormant(_) => ContactView::Quiet,
        },
    }
}

/// The person of a row; what is silent now stays what its link's state says of it.
pub(super) fn person<'a>(row: &'a Row, link: &Link) -> PersonView<'a> {
    match (&row.witness.person, &row.person) {
        (Some(PersonWitness::Found { now, open_deals }), _) => PersonView::Here(now, Some(*open_deals)),
        (Some(PersonWitness::Unknown), _) => PersonView::Unknown,
        (Some(PersonWitness::NotFoundUnproven), _) => PersonView::Hidden,
        (Some(PersonWitness::Deleted | PersonWitness::NotFoundProven), _) => PersonView::Gone { sure: true },
        (None, PersonSight::Live(now)) => PersonView::Here(now, None),
        (None, PersonSight::Gone) => PersonView::Gone { sure: false },
        (None, PersonSight::Quiet) => match &link.state {
            State::Dormant(Cause::PersonDeleted) => PersonView::Gone { sure: true },
            State::Held(hold) if matches!(hold.cause, HoldCause::PersonMerged | HoldCause::GoneOrHidden) => {
                PersonView::Gone { sure: false }
            }
            _ => PersonView::Quiet,
        },
    }
}

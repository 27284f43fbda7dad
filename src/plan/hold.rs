//! What waits for a human being, and what a yes would do.

use crate::account::Direction;
use crate::contact::Digest;
use crate::link::{Cause, HoldCause, Link, State};

/// A name for exactly this wait: what `carnetd confirm` takes. `None` for an active link.
///
/// Made of the cause, the halves and the candidates, so that it stays the same while the same thing waits, and changes
/// with what a human being is shown. A dormant link has one as well: confirming it wakes it.
pub fn hold_digest(link: &Link) -> Option<Digest> {
    let (cause, hold) = match &link.state {
        State::Active => return None,
        State::Dormant(cause) => (cause.as_str(), None),
        State::Held(hold) => (hold.cause.as_str(), Some(hold)),
    };
    let halves = [
        link.contact_id().map(ToString::to_string).unwrap_or_default(),
        link.person_id().map(|id| id.to_string()).unwrap_or_default(),
    ];
    let persons = hold.iter().flat_map(|h| &h.persons).map(ToString::to_string);
    let contacts = hold.iter().flat_map(|h| &h.contacts).map(ToString::to_string);
    let parts: Vec<String> = [cause.to_owned()].into_iter().chain(halves).chain(persons).chain(contacts).collect();
    Some(Digest::of(parts.iter().map(String::as_str)))
}

/// Why it waits, as a sentence.
pub fn hold_sentence(cause: HoldCause) -> &'static str {
    match cause {
        HoldCause::SeveralMatches => "it matches several, and nothing says which one it is",
        HoldCause::ClaimedTwice => "another one claims the same match",
        HoldCause::MatchesLinked => "its match is linked already",
        HoldCause::OutsideGroup => "its match is a contact outside the group",
        HoldCause::NamesDiffer => "the e-mail address is the same, but the names share no word",
        HoldCause::NameAlone => "the names are the same, but one of them has neither e-mail nor phone",
        HoldCause::SameIdentity => {
            "another contact has the same UID, so one is a copy of the other: remove the copy, or give it a UID of its own"
        }
        HoldCause::ContactMerged => "the contact is gone, and its e-mails or phones are now on another contact",
        HoldCause::PersonMerged => "the person is gone, and its e-mails or phones are now on another person",
        HoldCause::GoneOrHidden => "the person is gone, or hidden from carnetd's Pipedrive user",
        HoldCause::OpenDeals => "the person to be deleted has open deals",
        HoldCause::NotOwners => "the person to be deleted belongs to somebody else",
        HoldCause::NotJoined => "the contact was created in the group, but the book does not show it there",
    }
}

/// What confirming it does.
pub fn confirm_sentence(cause: HoldCause) -> &'static str {
    match cause {
        HoldCause::SeveralMatches
        | HoldCause::ClaimedTwice
        | HoldCause::MatchesLinked
        | HoldCause::OutsideGroup
        | HoldCause::NamesDiffer
        | HoldCause::NameAlone
        | HoldCause::SameIdentity => "confirm: they are different; it is created on the other side",
        HoldCause::ContactMerged => "confirm: it was deleted; the deletion goes on",
        HoldCause::PersonMerged | HoldCause::GoneOrHidden => "confirm: the person was deleted",
        HoldCause::OpenDeals => "confirm: the person is deleted all the same",
        HoldCause::NotOwners => "confirm: the link sleeps; the person is not deleted",
        HoldCause::NotJoined => "confirm: the contact left the group",
    }
}

/// What confirming a sleeping link does; `None` where it wakes only by itself.
pub fn wake_sentence(cause: Cause, direction: Direction) -> Option<&'static str> {
    match (cause, direction) {
        (Cause::PersonDeleted, _) => Some("confirm: the person is created again"),
        (Cause::ContactDeleted, Direction::TwoWay) => Some("confirm: the contact is created again"),
        (Cause::LeftGroup, Direction::TwoWay) => Some("confirm: the contact joins the group again"),
        (Cause::ContactDeleted | Cause::LeftGroup, Direction::OneWay) | (Cause::OwnerChanged, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::PersonId;
    use crate::link::Hold;

    #[test]
    fn a_hold_is_named_by_what_is_shown() {
        let held = |cause, persons: &[u64]| {
            let persons = persons.iter().map(|&id| PersonId(id)).collect();
            Link::half(State::Held(Hold { cause, persons, contacts: Vec::new() }), None, None)
        };
        let one = hold_digest(&held(HoldCause::NameAlone, &[1]));
        assert_eq!(one, hold_digest(&held(HoldCause::NameAlone, &[1])));
        assert_ne!(one, hold_digest(&held(HoldCause::NameAlone, &[1, 2])));
        assert_ne!(one, hold_digest(&held(HoldCause::NamesDiffer, &[1])));
        assert_eq!(hold_digest(&Link::half(State::Active, None, None)), None);
        assert!(HoldCause::ALL.iter().all(|&c| confirm_sentence(c).starts_with("confirm: ")));
    }
}

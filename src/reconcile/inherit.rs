//! What accounts that are no longer declared have left behind. Their links bind nobody ([`super::peers`]), but of a contact
//! of the same book they are the best evidence there is: they come over to the account in whose group it is now, with their
//! base and their state. A person that is linked anew leaves them: should the account be declared again, it finds what
//! another one has, as at a first link.

use std::collections::{BTreeMap, BTreeSet};

use super::member::{Member, Seat, Shared};
use super::peers::Peers;
use super::rows::nothing;
use crate::account::AccountName;
use crate::contact::PersonId;
use crate::link::{Link, LinkId};
use crate::plan::{ContactNow, ContactSight, PersonSight, Row};
use crate::store::{CheckpointId, Op, StoreError, View};

/// What a pass inherits.
#[derive(Debug, Default)]
pub(super) struct Inheritance {
    /// What has to be stored: each link in its new place.
    pub(super) ops: Vec<Op>,
    /// How many came from whom.
    pub(super) from: BTreeMap<AccountName, u64>,
}

/// Gives rows of new contacts the links that they once had in this book under accounts that are no longer declared, unless
/// their person is another account's by now.
pub(super) fn inherit(
    (shared, member, seat): (&Shared, &Member, &Seat),
    (view, peers, own): (&View, &Peers, CheckpointId),
    rows: &mut [Row],
) -> Result<Inheritance, StoreError> {
    let mut inheritance = Inheritance::default();
    let orphans = orphans(view, peers, member)?;
    if orphans.is_empty() {
        return Ok(inheritance);
    }
    let mut persons = BTreeSet::new();
    for row in rows.iter_mut() {
        let (None, ContactSight::Live(now)) = (&row.link, &row.contact) else { continue };
        let Some((from, id, link)) = left(view, &orphans, now)? else { continue };
        let Some(person) = link.person_id().filter(|person| !persons.contains(person)) else { continue };
        if !peers.links_to(view, person)?.is_empty() || shared.desk.has_person(person, &member.name) {
            continue;
        }
        let new = shared.store.next_link();
        inheritance.ops.push(Op::RemoveLink { checkpoint: from, id });
        inheritance.ops.push(Op::PutLink { checkpoint: own, id: new, link: Box::new(link.clone()) });
        if let Some(account) = view.name_of(from)? {
            *inheritance.from.entry(account).or_default() += 1;
        }
        row.person = view
            .person(person)?
            .map_or(PersonSight::Gone, |person| PersonSight::Live(Box::new(seat.person_now(member, person))));
        row.link = Some((new, Box::new(link)));
        persons.insert(person);
    }
    // A person without a link is a row of its own, which these are no more.
    let found = |row: &Row| matches!(&row.person, PersonSight::Live(now) if persons.contains(&now.id));
    for row in rows.iter_mut().filter(|row| row.link.is_none() && found(row)) {
        *row = nothing();
    }
    Ok(inheritance)
}

/// The last pair that one of them left of a contact, not of another one that had its place.
fn left(
    view: &View,
    orphans: &[CheckpointId],
    now: &ContactNow,
) -> Result<Option<(CheckpointId, LinkId, Link)>, StoreError> {
    for &from in orphans {
        let Some((id, link)) = view.link_by_contact(from, &now.id)? else { continue };
        let Some(half) = link.contact.as_ref().filter(|_| link.person.is_some()) else { continue };
        if half.stable.is_none() || now.stable.is_none() || half.stable == now.stable {
            return Ok(Some((from, id, link)));
        }
    }
    Ok(None)
}

/// The checkpoints of this book whose account is no longer declared; what was left behind last comes first.
pub(super) fn orphans(view: &View, peers: &Peers, member: &Member) -> Result<Vec<CheckpointId>, StoreError> {
    let mut orphans = Vec::new();
    for id in view.checkpoints_of_book(&member.declared.book.identity())?.into_iter().rev() {
        let same = view.checkpoint(id)?.is_some_and(|theirs| theirs.scope.provider == member.declared.provider);
        if same && peers.is_orphan(view, id)? {
            orphans.push(id);
        }
    }
    Ok(orphans)
}

/// Takes a person that is linked anew away from those who are no longer declared.
pub(super) fn taken_over(view: &View, peers: &Peers, person: PersonId) -> Result<Vec<Op>, StoreError> {
    let mut ops = Vec::new();
    for (checkpoint, id) in view.link_by_person(person)? {
        let half = view.link(checkpoint, id)?.is_some_and(|link| link.person_id() == Some(person));
        if half && peers.is_orphan(view, checkpoint)? {
            ops.push(Op::RemoveLink { checkpoint, id });
        }
    }
    Ok(ops)
}

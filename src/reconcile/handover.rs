//! A contact that leaves one account's group may be in the group of another account of the same book: then it leaves
//! nothing. Its link, which is one for the whole book, moves to that account.

use tokio_util::sync::CancellationToken;

use super::leftover::todo;
use super::member::{Member, Shared};
use super::observe::LATER;
use super::organizations::store_error;
use super::peers::Peers;
use super::rows::nothing;
use crate::account::AccountName;
use crate::adapter::{Error, Found, Kind, SharedBook, Wanted};
use crate::contact::ContactId;
use crate::link::{Cause, ContactHalf, Link, LinkId, State};
use crate::plan::{ContactNow, ContactSight, ContactWitness, Row};
use crate::store::{CheckpointId, Op, TodoKey, View};

/// What became of the contacts that left the group for another account's.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// What has to be stored: each link in its new place.
    pub(super) ops: Vec<Op>,
    /// Contacts of whose new account nothing is known yet: they are looked at again.
    pub(super) wait: Vec<ContactId>,
}

/// Empties the rows whose contact is in another account's group. The others are left to the plan.
pub(super) async fn hand_over(
    (shared, member, checkpoint): (&Shared, &Member, CheckpointId),
    (view, peers): (&View, &Peers),
    rows: &mut [Row],
    cancel: &CancellationToken,
) -> Result<Handover, Error> {
    let mut handover = Handover::default();
    let others = member.shelf.beside(&member.declared);
    let book = member.declared.book.identity();
    if others.is_empty() {
        return Ok(handover);
    }
    for row in rows {
        let Some((id, link, now)) = outside(row) else { continue };
        let Some(taker) = taker(&others, now, cancel).await? else { continue };
        match peers.named(view, taker, &book).map_err(|error| store_error(&error))? {
            // It has a link there: this one is left to the plan.
            Some(to) if view.link_by_contact(to, &now.id).map_err(|error| store_error(&error))?.is_some() => continue,
            Some(to) => {
                tracing::info!(account = %member.name, link = %id, "a contact went over to the group of account {taker}");
                handover.ops.extend(moved((checkpoint, id, link), (to, shared.store.next_link()), now, shared));
            }
            None => handover.wait.push(now.id.clone()),
        }
        *row = nothing();
    }
    Ok(handover)
}

/// The account in whose group a contact is.
async fn taker<'a>(
    others: &'a [(AccountName, SharedBook)],
    now: &ContactNow,
    cancel: &CancellationToken,
) -> Result<Option<&'a AccountName>, Error> {
    let wanted = [Wanted { id: now.id.clone(), stable: now.stable.clone() }];
    for (name, book) in others {
        match book.read(&wanted, cancel).await {
            Ok(found) if matches!(found.first(), Some(Found::Live { seen, .. }) if seen.in_group) => {
                return Ok(Some(name));
            }
            Err(error) if error.kind == Kind::Cancelled => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

/// The link and the contact of a row whose contact is in the book, but not in the group.
fn outside(row: &Row) -> Option<(LinkId, &Link, &ContactNow)> {
    let (id, link) = row.link.as_ref()?;
    let pair = link.contact.is_some() && link.person.is_some();
    let moves = matches!(link.state, State::Active | State::Dormant(Cause::LeftGroup));
    let ((Some(ContactWitness::Found(now)), _) | (None, ContactSight::Live(now))) =
        (&row.witness.contact, &row.contact)
    else {
        return None;
    };
    (pair && moves && !now.in_group).then_some((*id, link, now))
}

/// The link in its new place. What its contact says now is for the new account to take in, so that it is asked for.
fn moved(
    (from, id, link): (CheckpointId, LinkId, &Link),
    (to, new): (CheckpointId, LinkId),
    now: &ContactNow,
    shared: &Shared,
) -> Vec<Op> {
    let half = link.contact.clone().map(|old| ContactHalf {
        id: now.id.clone(),
        stable: now.stable.clone().or(old.stable),
        revision: now.revision.clone(),
        seen: old.seen,
        joined: true,
    });
    let link = Link { contact: half, ..link.clone() };
    let todo = todo(TodoKey::Contact(now.id.clone()), LATER, "it came from another account", shared.clock.now());
    vec![
        Op::RemoveLink { checkpoint: from, id },
        Op::PutLink { checkpoint: to, id: new, link: Box::new(link) },
        Op::PutTodo(to, todo),
    ]
}

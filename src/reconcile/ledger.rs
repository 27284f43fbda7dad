//! The numbers that the guard compares with: links a day ago, deletions since, sides that look emptied.

use std::time::Duration;

use super::member::Work;
use super::mirror::Mirror;
use super::peers::Peers;
use super::stock::Stock;
use crate::clock::Moment;
use crate::plan::Ledger;
use crate::store::{Checkpoint, StoreError, View};

/// The guard's window, and how long a confirmation holds.
pub(super) const LAPSE: Duration = Duration::from_hours(24);

/// Takes the numbers from one snapshot of the store.
pub(super) fn take(
    (view, peers): (&View, &Peers),
    (id, checkpoint): &Work,
    (stock, mirror): (&Stock, &Mirror),
    scope_changed: bool,
    now: Moment,
) -> Result<Ledger, StoreError> {
    let since = now.before(LAPSE);
    let active = view.counts(*id)?.active;
    let mut company_links = 0;
    for (other, theirs) in peers.checkpoints() {
        company_links += links_before(theirs, since).unwrap_or(view.counts(other)?.active);
    }
    Ok(Ledger {
        first_pass: !checkpoint.first_pass_done,
        links: links_before(checkpoint, since).unwrap_or(active),
        deleted: view.deletions_since(*id, since)?,
        company_links,
        company_deleted: peers.deletions_since(view, since)?,
        group: stock.group(),
        provider_emptied: stock.group() == 0 && active > 0,
        pipedrive_emptied: mirror.is_empty() && active > 0,
        scope_changed,
        wider_accepted: checkpoint.visibility_accepted,
    })
}

/// Active links a day ago, or at the oldest moment since that is known.
fn links_before(checkpoint: &Checkpoint, since: Moment) -> Option<u64> {
    let samples = &checkpoint.links_window;
    let before = samples.iter().rev().find(|(at, _)| *at <= since);
    before.or(samples.first()).map(|(_, links)| *links)
}

/// Keeps two numbers of links an hour, for a day and what was before it.
pub(super) fn sample(checkpoint: &mut Checkpoint, now: Moment, links: u64) {
    let hour = Duration::from_hours(1);
    // The first passes fill an account: the window starts with what it held when it was first complete.
    if !checkpoint.first_pass_done {
        return;
    }
    let samples = &mut checkpoint.links_window;
    // What an hour began with stays, and what it came to last.
    match samples.as_mut_slice() {
        [.., (_, last)] if *last == links => {}
        [.., (first, _), last] if now.since(*first) < hour => *last = (now, links),
        _ => samples.push((now, links)),
    }
    let start = now.before(LAPSE + hour);
    let old = samples.iter().take_while(|(at, _)| *at < start).count();
    samples.drain(..old.saturating_sub(1));
}

//! The numbers that the guard compares with: links a day ago, deletions since, sides that look emptied.

use std::time::Duration;

use super::member::{Shared, Work};
use super::peers::Peers;
use super::stock::Stock;
use crate::account::Scope;
use crate::clock::Moment;
use crate::plan::{Ledger, Rescoped};
use crate::store::{Checkpoint, LinkCounts, StoreError, View};

/// The guard's window, and how long a confirmation holds.
pub(super) const LAPSE: Duration = Duration::from_hours(24);

/// Takes the numbers from one snapshot of the store; `was` is the scope before, where it changed. What other passes are about to delete comes on top of them.
pub(super) fn take(
    (view, peers): (&View, &Peers),
    (id, checkpoint): &Work,
    (shared, stock): (&Shared, &Stock),
    was: Option<Scope>,
) -> Result<Ledger, StoreError> {
    let now = shared.clock.now();
    let since = now.before(LAPSE);
    let LinkCounts { active, dormant, held } = view.counts(*id)?;
    let since_then = checkpoint.last_success.map(|at| at.0);
    let scope = || checkpoint.scope.clone();
    let scope_changed = was.map(|was| Rescoped { was, now: scope(), since: since_then, active, dormant, held });
    let links = links_before(checkpoint, since).unwrap_or(active);
    let company = (view, shared.company.identity());
    Ok(Ledger {
        first_pass: !checkpoint.first_pass_done,
        links,
        deleted: view.deletions_since(*id, since)?,
        company_links: shared.ledger.links(company, (*id, links), now)?,
        company_deleted: deleted_in_company((view, peers), since)?,
        group: stock.group(),
        provider_emptied: stock.group() == 0 && active > 0,
        pipedrive_emptied: shared.mirror.is_empty() && active > 0,
        scope_changed,
        wider_accepted: checkpoint.visibility_accepted,
    })
}

/// Deletions of all accounts of the company since a moment, as far as the snapshot shows them.
fn deleted_in_company((view, peers): (&View, &Peers), since: Moment) -> Result<u64, StoreError> {
    let mut all = 0;
    for (id, count) in view.deletions_by_checkpoint(since)? {
        all += if peers.has(view, id)? { count } else { 0 };
    }
    Ok(all)
}

/// Active links a day ago, or at the oldest moment since that is known.
pub(super) fn links_before(checkpoint: &Checkpoint, since: Moment) -> Option<u64> {
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

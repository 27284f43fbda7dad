//! The company's side of the guard: the links of all its accounts, and the deletions that passes under way have planned or
//! made.
//!
//! Accounts pass side by side. What one of them is about to delete is reserved here before anything is deleted, so that the
//! guard of the next one counts it; what is done is in the store, and counts here for those whose snapshot is older. A
//! reservation ends with its pass.
//!
//! The links are a running sum: each pass puts in its own account's number, and once an hour all are counted anew from the
//! store. What a pass costs does not depend on how many accounts there are.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ledger::{LAPSE, links_before};
use crate::clock::Moment;
use crate::store::{CheckpointId, StoreError, View};

/// How old the sum may become: accounts come, go, and are not synced for a while.
const RECOUNT: Duration = Duration::from_hours(1);

/// Shared by all passes of a company.
#[derive(Debug, Default)]
pub(super) struct CompanyLedger(Mutex<Sums>);

#[derive(Debug, Default)]
struct Sums {
    recounted: Option<Moment>,
    /// Links a day ago, by checkpoint, and their sum.
    links: HashMap<CheckpointId, u64>,
    all_links: u64,
    /// Deletions that are reserved.
    planned: u64,
    /// Deletions made since the process began.
    made: u64,
}

impl CompanyLedger {
    /// The links of all accounts a day ago, where this one had `own`.
    pub(super) fn links(
        &self,
        (view, company): (&View, &str),
        (id, own): (CheckpointId, u64),
        now: Moment,
    ) -> Result<u64, StoreError> {
        let mut sums = self.lock();
        if sums.recounted.is_none_or(|at| now.since(at) >= RECOUNT) {
            sums.recount((view, company), now)?;
        }
        if let Some(links) = sums.links.get_mut(&id) {
            let before = std::mem::replace(links, own);
            sums.all_links = sums.all_links - before + own;
        } else if view.is_named(id)? {
            sums.links.insert(id, own);
            sums.all_links += own;
        }
        Ok(sums.all_links)
    }

    /// A place for the deletions of a pass. To be taken before its snapshot of the store.
    pub(super) fn reservation(&self) -> Reservation<'_> {
        Reservation { ledger: self, made_before: self.lock().made, mine: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    /// Counts all accounts anew: the only look at every checkpoint.
    fn recount(&mut self, (view, company): (&View, &str), now: Moment) -> Result<(), StoreError> {
        let since = now.before(LAPSE);
        self.links.clear();
        for (_, id) in view.names()? {
            let Some(checkpoint) = view.checkpoint(id)?.filter(|checkpoint| checkpoint.scope.company == company) else {
                continue;
            };
            let active = view.counts(id)?.active;
            self.links.insert(id, links_before(&checkpoint, since).unwrap_or(active));
        }
        self.all_links = self.links.values().sum();
        self.recounted = Some(now);
        Ok(())
    }
}

/// The deletions of one pass: planned, then made. What is left of them when it is dropped was not made.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    ledger: &'a CompanyLedger,
    made_before: u64,
    mine: Mutex<Mine>,
}

#[derive(Debug, Default)]
struct Mine {
    planned: u64,
    made: u64,
}

impl Reservation<'_> {
    /// Deletions of other passes that this one's snapshot of the store does not show: planned, or made since.
    pub(super) fn others(&self) -> u64 {
        let sums = self.ledger.lock();
        self.others_in(&sums, &self.mine())
    }

    /// Reserves `planned` deletions in place of what was reserved, if others are still what the plan was judged by.
    pub(super) fn reserve(&self, planned: u64, others: u64) -> bool {
        let mut sums = self.ledger.lock();
        let mut mine = self.mine();
        let same = planned == 0 || self.others_in(&sums, &mine) == others;
        if same {
            sums.planned = sums.planned - mine.planned + planned;
            mine.planned = planned;
        }
        same
    }

    /// One of them was made, and is in the store.
    pub(super) fn made(&self) {
        let mut sums = self.ledger.lock();
        let mut mine = self.mine();
        sums.made += 1;
        mine.made += 1;
        if mine.planned > 0 {
            mine.planned -= 1;
            sums.planned -= 1;
        }
    }

    fn others_in(&self, sums: &Sums, mine: &Mine) -> u64 {
        (sums.planned - mine.planned) + (sums.made - self.made_before - mine.made)
    }

    // Always taken after the ledger's own lock.
    fn mine(&self) -> MutexGuard<'_, Mine> {
        self.mine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut sums = self.ledger.lock();
        sums.planned -= self.mine().planned;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_pass_plans_counts_for_the_other_until_it_is_made_or_given_up() {
        let ledger = CompanyLedger::default();
        let (first, second) = (ledger.reservation(), ledger.reservation());
        assert!(first.reserve(3, first.others()));
        assert_eq!((first.others(), second.others()), (0, 3));
        assert!(!second.reserve(2, 0), "judged by numbers of before");
        assert!(second.reserve(2, 3));
        first.made();
        assert_eq!((first.others(), second.others()), (2, 3), "made or planned, it counts once");
        drop(first);
        assert_eq!(second.others(), 1, "what was made after its snapshot, not what was given up");
        assert_eq!(ledger.reservation().others(), 2, "a later snapshot shows what was made");
        drop(second);
        assert_eq!(ledger.reservation().others(), 0);
    }

    #[test]
    fn a_reservation_is_replaced_and_none_is_always_to_be_had() {
        let ledger = CompanyLedger::default();
        let (first, second) = (ledger.reservation(), ledger.reservation());
        assert!(first.reserve(5, 0) && first.reserve(2, 0));
        assert_eq!(second.others(), 2);
        assert!(second.reserve(0, 77), "who deletes nothing is judged by nobody's numbers");
        first.made();
        first.made();
        first.made();
        assert_eq!(second.others(), 3, "more than was planned counts as well");
    }
}

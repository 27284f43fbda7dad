//! The quotas: buckets that each user has per minute, and one per day. Off until the settings give them.
//!
//! A refused call takes nothing. What was used is not kept over a restart.

use std::collections::HashMap;

use super::refusal::Refusal;
use super::settings::Quotas;
use crate::clock::Moment;

/// What a call takes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Reads of persons.
    pub(super) critical_reads: u64,
    /// Creates and updates.
    pub(super) critical_writes: u64,
    /// Photos.
    pub(super) photo_writes: u64,
    /// Reads of groups.
    pub(super) reads: u64,
    /// Deletes, and writes of groups.
    pub(super) writes: u64,
    /// Contact writes of the day.
    pub(super) daily: u64,
    /// First pages of full listings that end in a sync token.
    pub(super) full_syncs: u64,
}

impl Cost {
    /// Nothing.
    pub(super) const NONE: Self =
        Self { critical_reads: 0, critical_writes: 0, photo_writes: 0, reads: 0, writes: 0, daily: 0, full_syncs: 0 };

    /// The units that `/_calls` counts: all but those of the day.
    pub(super) fn units(self) -> u64 {
        self.critical_reads + self.critical_writes + self.photo_writes + self.reads + self.writes
    }

    /// Whether it writes.
    pub(super) fn writes_something(self) -> bool {
        self.critical_writes + self.photo_writes + self.writes > 0
    }
}

/// What each user has used.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashMap<String, Used>);

#[derive(Debug, Default)]
struct Used {
    minute: i64,
    day: i64,
    cost: Cost,
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

impl Ledger {
    /// Charges `user`, or refuses.
    pub(super) fn charge(&mut self, user: &str, quotas: &Quotas, cost: Cost, now: Moment) -> Result<(), Refusal> {
        let account = self.0.entry(user.to_owned()).or_default();
        let (minute, day) = (now.0.div_euclid(MINUTE_MS), now.0.div_euclid(DAY_MS));
        if account.day != day {
            account.cost.daily = 0;
        }
        if account.minute != minute {
            account.cost = Cost { daily: account.cost.daily, ..Cost::NONE };
        }
        (account.minute, account.day) = (minute, day);
        let sum = account.cost + cost;
        let per_minute = |bucket: &str, id: &str| {
            Refusal::quota(bucket, &format!("{bucket} per minute per user"), &format!("{id}PerMinutePerProjectPerUser"))
        };
        for (taken, sum, limit, words, id) in [
            (cost.critical_reads, sum.critical_reads, quotas.critical_reads, "Critical read requests", "CriticalReads"),
            (
                cost.critical_writes,
                sum.critical_writes,
                quotas.critical_writes,
                "Critical write requests",
                "CriticalWrites",
            ),
            (cost.photo_writes, sum.photo_writes, quotas.photo_writes, "Photo write requests", "PhotoWrites"),
            (cost.reads, sum.reads, quotas.reads, "Read requests", "Reads"),
            (cost.writes, sum.writes, quotas.writes, "Write requests", "Writes"),
            (cost.full_syncs, sum.full_syncs, quotas.full_syncs, "Full sync requests", "FullSyncs"),
        ] {
            if taken > 0 && sum > limit {
                return Err(per_minute(words, id));
            }
        }
        if cost.daily > 0 && sum.daily > quotas.daily_contact_writes {
            let words = "Daily Contact Writes (Total)";
            return Err(Refusal::quota("Daily contact writes", words, "DailyContactWritesPerProject"));
        }
        account.cost = sum;
        Ok(())
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            critical_reads: self.critical_reads + other.critical_reads,
            critical_writes: self.critical_writes + other.critical_writes,
            photo_writes: self.photo_writes + other.photo_writes,
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
            daily: self.daily + other.daily,
            full_syncs: self.full_syncs + other.full_syncs,
        }
    }
}

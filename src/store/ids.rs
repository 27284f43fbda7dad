//! The next ids: handed out without waiting, and kept with every commit so that none is given twice.

use std::sync::atomic::{AtomicU64, Ordering};

use redb::{ReadableTable, Table};

/// The next free number of each kind. Numbers handed out and never written are free again after a restart: nobody saw
/// them.
#[derive(Debug)]
pub(super) struct Ids {
    /// Of checkpoints.
    pub(super) checkpoint: AtomicU64,
    /// Of links, over all checkpoints.
    pub(super) link: AtomicU64,
    /// Of passes.
    pub(super) pass: AtomicU64,
    /// Of intents.
    pub(super) intent: AtomicU64,
    history: AtomicU64,
}

impl Default for Ids {
    fn default() -> Self {
        Self {
            checkpoint: AtomicU64::new(1),
            link: AtomicU64::new(1),
            pass: AtomicU64::new(1),
            intent: AtomicU64::new(1),
            history: AtomicU64::new(1),
        }
    }
}

impl Ids {
    /// Reads what was kept.
    pub(super) fn load(meta: &impl ReadableTable<&'static str, u64>) -> Result<Self, redb::Error> {
        let ids = Self::default();
        for (key, id) in ids.all() {
            if let Some(kept) = meta.get(key)? {
                id.store(kept.value(), Ordering::Relaxed);
            }
        }
        Ok(ids)
    }

    /// Keeps what changed.
    pub(super) fn save(&self, meta: &mut Table<'_, &'static str, u64>) -> Result<(), redb::Error> {
        for (key, id) in self.all() {
            let next = id.load(Ordering::Relaxed);
            if meta.get(key)?.is_none_or(|kept| kept.value() != next) {
                meta.insert(key, next)?;
            }
        }
        Ok(())
    }

    /// Takes the next number.
    pub(super) fn take(id: &AtomicU64) -> u64 {
        id.fetch_add(1, Ordering::Relaxed)
    }

    /// The next running number of the history.
    pub(super) fn next_history(&self) -> u64 {
        self.history.load(Ordering::Relaxed)
    }

    /// Goes on with the history from `next`; only the writing thread does.
    pub(super) fn advance_history(&self, next: u64) {
        self.history.store(next, Ordering::Relaxed);
    }

    fn all(&self) -> [(&'static str, &AtomicU64); 5] {
        [
            ("next_checkpoint", &self.checkpoint),
            ("next_link", &self.link),
            ("next_pass", &self.pass),
            ("next_intent", &self.intent),
            ("next_history", &self.history),
        ]
    }
}

//! Reading what was intended, done, counted and confirmed.

use std::collections::BTreeMap;

use super::View;
use crate::clock::Moment;
use crate::store::record::decode;
use crate::store::tables::{CONFIRMATIONS, DELETIONS, HISTORY, INTENTS, PASSES};
use crate::store::{CheckpointId, Confirmation, HistoryEntry, Intent, IntentId, PassId, PassRecord, StoreError};

impl View {
    /// Writes whose outcome is not known, oldest first.
    pub fn intents(&self) -> Result<Vec<(IntentId, Intent)>, StoreError> {
        self.rows(INTENTS, 0.., |id, row| Ok((IntentId(id), decode(row)?)))?.collect()
    }

    /// The history of a checkpoint from pass `first` on, oldest first; read it from its end for the newest.
    pub fn history(
        &self,
        checkpoint: CheckpointId,
        first: PassId,
    ) -> Result<impl DoubleEndedIterator<Item = Result<HistoryEntry, StoreError>> + '_, StoreError> {
        let all = (checkpoint.0, first.0, 0)..=(checkpoint.0, u64::MAX, u64::MAX);
        self.rows(HISTORY, all, |_, (_, row)| decode(row))
    }

    /// What one pass did, in its order.
    pub fn history_of(&self, checkpoint: CheckpointId, pass: PassId) -> Result<Vec<HistoryEntry>, StoreError> {
        let all = (checkpoint.0, pass.0, 0)..=(checkpoint.0, pass.0, u64::MAX);
        self.rows(HISTORY, all, |_, (_, row)| decode(row))?.collect()
    }

    /// The kept passes of a checkpoint, oldest first; read them from their end for the newest.
    pub fn passes(
        &self,
        checkpoint: CheckpointId,
    ) -> Result<impl DoubleEndedIterator<Item = Result<PassRecord, StoreError>> + '_, StoreError> {
        self.rows(PASSES, (checkpoint.0, 0)..=(checkpoint.0, u64::MAX), |_, (_, row)| decode(row))
    }

    /// One pass of a checkpoint.
    pub fn pass(&self, checkpoint: CheckpointId, id: PassId) -> Result<Option<PassRecord>, StoreError> {
        self.row(PASSES, (checkpoint.0, id.0), |(_, row)| decode(row))
    }

    /// How many deletions a checkpoint counted at or after a moment.
    pub fn deletions_since(&self, checkpoint: CheckpointId, since: Moment) -> Result<u64, StoreError> {
        let count = |(_, counted), count| Ok(if counted == checkpoint.0 { count } else { 0 });
        self.rows(DELETIONS, (since.0, 0).., count)?.sum()
    }

    /// How many deletions each checkpoint counted at or after a moment; those without any are left out.
    pub fn deletions_by_checkpoint(&self, since: Moment) -> Result<BTreeMap<CheckpointId, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for row in self.rows(DELETIONS, (since.0, 0).., |(_, counted), count| Ok((CheckpointId(counted), count)))? {
            let (id, count) = row?;
            *counts.entry(id).or_default() += count;
        }
        Ok(counts)
    }

    /// The latest "yes" for a checkpoint.
    pub fn confirmation(&self, checkpoint: CheckpointId) -> Result<Option<Confirmation>, StoreError> {
        Ok(self.confirmations(checkpoint)?.into_iter().max_by_key(|yes| yes.at))
    }

    /// Every "yes" for a checkpoint that was neither used up nor forgotten.
    pub fn confirmations(&self, checkpoint: CheckpointId) -> Result<Vec<Confirmation>, StoreError> {
        self.rows(CONFIRMATIONS, (checkpoint.0, 0)..=(checkpoint.0, u64::MAX), |_, row| decode(row))?.collect()
    }
}

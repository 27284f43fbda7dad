//! What a pass leaves in the store: its results in one transaction, and how it ended.

use std::collections::BTreeMap;

use super::apply::Applied;
use super::ledger::{self, LAPSE};
use super::leftover::{Leftover, name_unreadable, todo};
use super::member::Work;
use super::observe::Observed;
use super::outcome::Ended;
use super::pass::{Pass, Stop};
use crate::store::{AccountHold, Op, PassRecord, Todo, TodoKey};

impl Pass<'_> {
    /// Stores what the pass found and did: the cursor moves in the same transaction as the work it uncovered.
    pub(super) async fn record(
        &self,
        (id, mut checkpoint): Work,
        observed: &Observed,
        (applied, left): (&Applied, Leftover),
    ) -> Result<(), Stop> {
        let now = self.shared.clock.now();
        // What failed says more than what was left by intent.
        let mut kept: BTreeMap<TodoKey, Todo> = left.todos.into_iter().map(|todo| (todo.key.clone(), todo)).collect();
        kept.extend(applied.left.iter().map(|todo| (todo.key.clone(), todo.clone())));
        let mut ops = kept.values().map(|todo| Op::PutTodo(id, todo.clone())).collect::<Vec<_>>();
        name_unreadable(&self.member.name, &self.shared.store.view()?.todos(id)?, &observed.unreadable);
        for (contact, reason) in &observed.unreadable {
            ops.push(Op::PutTodo(id, todo(TodoKey::Contact(contact.clone()), "unreadable", reason, now)));
        }
        let unreadable = |key: &TodoKey| observed.unreadable.iter().any(|(c, _)| *key == TodoKey::Contact(c.clone()));
        let answered = observed.answered.iter().filter(|key| !kept.contains_key(key) && !unreadable(key));
        ops.extend(answered.map(|key| Op::RemoveTodo(id, key.clone())));
        ops.extend(observed.touched.iter().map(|&person| Op::UntouchSeen(id, person, observed.mark)));
        ops.extend(applied.touch.union(&left.touch).map(|&person| Op::Touch(id, person)));
        if applied.stopped.is_none() {
            checkpoint.cursor.clone_from(&observed.cursor);
            checkpoint.first_pass_done = true;
            checkpoint.last_success = Some(now);
        }
        checkpoint.hold = None;
        ops.push(Op::PutCheckpoint(id, Box::new(checkpoint)));
        self.live.count(|progress| progress.record.failed += applied.failed + observed.unreadable.len() as u64);
        self.shared.store.write(ops).await?;
        Ok(())
    }

    /// Stores how the pass ended. A store that cannot is named in the log: the books are as they are.
    pub(super) async fn remember(&self, record: Option<&PassRecord>, ended: &Ended) {
        let result: Result<(), crate::store::StoreError> = async {
            let view = self.shared.store.view()?;
            let Some((id, mut checkpoint)) = view.checkpoint_of(&self.member.name)? else { return Ok(()) };
            let now = self.shared.clock.now();
            let mut ops = Vec::new();
            match ended {
                Ended::Held(hold) => {
                    let before = checkpoint.hold.filter(|before| before.digest == hold.digest);
                    checkpoint.hold = Some(AccountHold { at: before.map_or(hold.at, |b| b.at), ..(**hold).clone() });
                }
                Ended::Ok => checkpoint.hold = None,
                // What waited before a pass that failed still waits.
                _ => {}
            }
            if let Some(record) = record {
                let changed = record.added + record.updated + record.deleted > 0;
                checkpoint.totals.added += record.added;
                checkpoint.totals.updated += record.updated;
                checkpoint.totals.deleted += record.deleted;
                checkpoint.last_pass = Some(record.clone());
                if changed {
                    checkpoint.last_change = Some(record.clone());
                    ops.push(Op::PutPass(Box::new(record.clone())));
                }
            }
            ledger::sample(&mut checkpoint, now, view.counts(id)?.active);
            ops.push(Op::PutCheckpoint(id, Box::new(checkpoint)));
            ops.push(Op::PruneDeletions { before: now.before(LAPSE * 2) });
            let lapsed = view.confirmations(id)?.into_iter().filter(|yes| now.since(yes.at) >= LAPSE);
            ops.extend(lapsed.map(|yes| Op::RemoveConfirmation(id, yes.digest)));
            drop(view);
            self.shared.store.write(ops).await
        }
        .await;
        if let Err(error) = result {
            tracing::error!(account = %self.member.name, %error, "the end of the pass could not be stored");
        }
    }
}

//! What follows from a look at Pipedrive.

use std::time::Duration;

use super::control::Control;
use crate::account::AccountName;
use crate::adapter::{Error, Kind};
use crate::reconcile::{Ended, Outcome, Polled, Wish, next_pass};

impl Control {
    pub(super) fn polled(&mut self, result: Result<Polled, Error>) {
        self.polling = false;
        let now = self.engine.clock.now();
        let interval = self.interval();
        let waiting = std::mem::take(&mut self.after_poll);
        match result {
            Ok(polled) => {
                self.polled = true;
                self.poll_failures = 0;
                self.next_poll = now.after(interval);
                self.wake(&polled);
                for name in waiting {
                    self.want(&name, Wish::default());
                }
            }
            Err(error) if error.kind == Kind::Cancelled => {}
            Err(error) => {
                tracing::warn!(%error, "Pipedrive's persons could not be listed");
                self.reconnect |= error.kind == Kind::Login;
                self.poll_failures = self.poll_failures.saturating_add(1);
                let outcome = Outcome::without_pass(Ended::of(error));
                self.next_poll = next_pass(&outcome, now, interval, self.poll_failures, self.spread.f64());
                // Before the first look at Pipedrive nothing runs, and each account says why.
                let due = if self.polled { Vec::new() } else { self.waiting.iter().cloned().collect() };
                for name in waiting.iter().cloned().chain(due) {
                    self.blocked(&name, &outcome);
                }
                // What was asked for is done once Pipedrive answers again.
                self.after_poll = waiting;
                self.after_poll.sort_unstable();
                self.after_poll.dedup();
            }
        }
    }

    /// An account that waited for a poll which failed.
    pub(super) fn blocked(&mut self, name: &AccountName, outcome: &Outcome) {
        {
            let mut state = self.engine.state();
            if let Some(standing) = state.accounts.get_mut(name).filter(|s| s.can_run() && !s.running) {
                standing.ended = Some(outcome.ended.clone());
            }
        }
        self.answer(name, outcome);
    }

    /// Runs the accounts whose persons a poll touched.
    pub(super) fn wake(&mut self, polled: &Polled) {
        let Ok(names) = self.engine.store.view().and_then(|view| view.names()) else { return };
        for (name, _) in names.into_iter().filter(|(_, id)| polled.touched.contains(id)) {
            self.want(&name, Wish::default());
        }
    }

    /// How often Pipedrive is looked at: the shortest interval of the accounts, or `sweep` where that is shorter.
    pub(super) fn interval(&self) -> Duration {
        let state = self.engine.state();
        let intervals = state.accounts.values().filter(|s| s.can_run()).map(|s| s.declared.interval);
        intervals.min().unwrap_or(state.config.interval).min(state.config.pipedrive.sweep)
    }
}

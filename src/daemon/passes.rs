//! Asking for passes, starting them, and what follows from their end.

use std::sync::Arc;

use super::control::Control;
use super::engine::ByAccount;
use super::event::{Event, Sync};
use super::show;
use crate::account::AccountName;
use crate::reconcile::{Ended, Outcome, Wish, next_pass};
use crate::status::{Action, Synced, Who};
use crate::store::Side;

impl Control {
    /// Counts a pass for the metrics.
    fn measure(&self, name: &AccountName, outcome: &Outcome) {
        let Some(progress) = &outcome.record else { return };
        let metrics = &self.engine.metrics;
        for (side, counts) in [(Side::Provider, progress.provider), (Side::Pipedrive, progress.pipedrive)] {
            metrics.changed(name, side, Action::Added, counts.added);
            metrics.changed(name, side, Action::Updated, counts.updated);
            metrics.changed(name, side, Action::Deleted, counts.deleted);
        }
        let finished = progress.record.finished.unwrap_or_else(|| self.engine.clock.now());
        let took = finished.since(progress.record.started);
        metrics.passed(name, show::outcome(&outcome.ended), finished, took);
    }

    /// Asks for a pass; one that waits already is that one.
    pub(super) fn want(&mut self, name: &AccountName, wish: Wish) {
        let mut state = self.engine.state();
        let Some(standing) = state.accounts.get_mut(name).filter(|s| s.can_run()) else { return };
        standing.next = None;
        standing.wish = Some(standing.wish.unwrap_or_default().and(wish));
        if !standing.running && !self.waiting.contains(name) {
            self.waiting.push_back(name.clone());
        }
    }

    pub(super) fn pass(&mut self, name: &AccountName) {
        let wish = {
            let mut state = self.engine.state();
            let Some(standing) = state.accounts.get_mut(name).filter(|s| s.can_run() && !s.running) else { return };
            standing.running = true;
            standing.wish.take().unwrap_or_default()
        };
        let Some(ticket) = self.engine.ticket(name) else { return };
        self.running += 1;
        let (engine, events, name) = (Arc::clone(&self.engine), self.events.clone(), name.clone());
        self.passes.spawn(async move {
            let passing = tokio::spawn(async move { engine.pass(ticket, wish).await });
            let result = passing.await.map_err(panic_message);
            let _ = events.send(Event::Passed(name, result));
        });
    }

    pub(super) fn passed(&mut self, name: &AccountName, result: Result<Outcome, String>) {
        self.running = self.running.saturating_sub(1);
        let outcome = result.unwrap_or_else(|message| Outcome::without_pass(Ended::Failed(message)));
        let now = self.engine.clock.now();
        log(name, &outcome);
        if matches!(outcome.ended, Ended::NeedsLogin(_)) {
            // Is it the company's login? The next look, with the login as it stands by then, will tell.
            self.reconnect = true;
            self.poll_wanted.get_or_insert(false);
        }
        self.measure(name, &outcome);
        let freed = self.engine.state().shared.as_ref().map(|shared| shared.freed(name)).unwrap_or_default();
        for waiter in freed {
            self.want(&waiter, Wish::default());
        }
        let more = {
            let mut state = self.engine.state();
            let Some(standing) = state.accounts.get_mut(name) else { return };
            standing.end(&outcome);
            let (interval, failures) = (standing.declared.interval, standing.failures);
            let next = next_pass(&outcome, now, interval, failures, self.spread.f64());
            standing.next = standing.can_run().then_some(next);
            standing.wish
        };
        if let Some(wish) = more {
            self.want(name, wish);
        } else {
            self.answer(name, &outcome);
        }
        // A poll that failed meanwhile, which it waits for, has the last word.
        let trouble = self.engine.state().trouble.clone().filter(|_| self.after_poll.contains(name));
        if let Some(trouble) = trouble {
            self.blocked(name, &Outcome::without_pass(Ended::of(trouble)));
        }
    }

    pub(super) fn refresh(&mut self, account: Option<&AccountName>) {
        let Ok(names) = self.engine.meant(account) else { return };
        for name in &names {
            let mut state = self.engine.state();
            if let Some(standing) = state.accounts.get_mut(name) {
                standing.wish = Some(standing.wish.unwrap_or_default().and(Wish { retry: true, full: false }));
            }
        }
        self.poll_wanted = Some(true);
        self.after_poll.extend(names);
    }

    /// What waited for this login goes on at once, and no longer says that it needs one.
    pub(super) fn logged_in(&mut self, who: &Who) {
        let Who::Account(name) = who else {
            self.reconnect = true;
            return self.refresh(None);
        };
        let Some(name) = AccountName::new(name) else { return };
        if let Some(standing) = self.engine.state().accounts.get_mut(&name) {
            standing.ended.take_if(|ended| matches!(ended, Ended::NeedsLogin(_)));
        }
        self.want(&name, Wish { retry: true, full: false });
    }

    pub(super) fn sync(&mut self, sync: Sync) {
        let names = match self.engine.meant(sync.account.as_ref()) {
            Ok(names) => names,
            Err(refused) => {
                let _ = sync.reply.send(Err(refused));
                return;
            }
        };
        let mut waiting = ByAccount::new();
        for name in names {
            let blocked = {
                let mut state = self.engine.state();
                let Some(standing) = state.accounts.get_mut(&name) else { continue };
                standing.wish = Some(standing.wish.unwrap_or_default().and(sync.wish));
                standing.why_not()
            };
            let answer = blocked.map(|ended| synced(&name, &Outcome::without_pass(ended)));
            self.after_poll.push(name.clone());
            waiting.insert(name, answer);
        }
        self.poll_wanted = Some(sync.wish.full);
        self.syncs.push((sync, waiting));
        self.reply_to_syncs();
    }

    /// Tells those who wait for this account's pass.
    pub(super) fn answer(&mut self, name: &AccountName, outcome: &Outcome) {
        for (_, waiting) in &mut self.syncs {
            if let Some(answer) = waiting.get_mut(name) {
                answer.get_or_insert_with(|| synced(name, outcome));
            }
        }
        self.reply_to_syncs();
    }

    pub(super) fn reply_to_syncs(&mut self) {
        let complete = |(_, waiting): &(Sync, ByAccount<Option<Synced>>)| waiting.values().all(Option::is_some);
        let (done, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.syncs).into_iter().partition(complete);
        self.syncs = rest;
        for (sync, waiting) in done {
            let _ = sync.reply.send(Ok(waiting.into_values().flatten().collect()));
        }
    }
}

fn panic_message(error: tokio::task::JoinError) -> String {
    let what = error.try_into_panic().ok().and_then(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
    });
    format!(
        "carnetd has a bug: the pass panicked ({}); other accounts go on, this one is tried again later",
        what.as_deref().unwrap_or("without a message")
    )
}

pub(super) fn synced(name: &AccountName, outcome: &Outcome) -> Synced {
    let (added, updated, deleted, failed) = outcome.counts();
    Synced {
        account: name.to_string(),
        outcome: show::outcome(&outcome.ended),
        message: show::message(&outcome.ended),
        added,
        updated,
        deleted,
        failed,
    }
}

fn log(name: &AccountName, outcome: &Outcome) {
    let pass = outcome.record.as_ref().map_or(0, |progress| progress.record.id.0);
    let (added, updated, deleted, failed) = outcome.counts();
    match &outcome.ended {
        Ended::Ok if added + updated + deleted + failed > 0 => {
            tracing::info!(account = %name, pass, added, updated, deleted, failed, "synced");
        }
        Ended::Ok | Ended::Cancelled => tracing::debug!(account = %name, pass, "nothing to do"),
        Ended::Held(hold) => tracing::warn!(account = %name, pass, digest = %hold.digest, "held: {}", hold.message),
        Ended::NeedsLogin(message) => tracing::error!(account = %name, pass, "needs a login: {message}"),
        Ended::Later(message, _) => tracing::warn!(account = %name, pass, "later: {message}"),
        Ended::Unreachable(message) | Ended::Failed(message) => {
            tracing::error!(account = %name, pass, "failed: {message}");
        }
    }
}

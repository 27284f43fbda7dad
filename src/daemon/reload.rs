//! Taking an edited configuration into use.

use std::sync::Arc;

use super::control::Control;
use crate::account::AccountName;
use crate::adapter::Kind;
use crate::config;
use crate::reconcile::{Ended, Outcome, Wish};
use crate::status::{self, Notice, Reloaded};

impl Control {
    /// Checks the files; a good configuration is taken into use, a bad one changes nothing.
    pub(super) async fn reload(&mut self, refresh: bool) -> Reloaded {
        let environment = self.engine.environment.clone();
        let loaded = tokio::task::spawn_blocking(move || config::load(&environment)).await;
        let now = self.engine.clock.now();
        let reloaded = match loaded {
            Ok(Ok(config)) => {
                let changed = self.swap(config);
                self.engine.state().reload = status::Reload { ok: true, at: Some(now.into()), problems: Vec::new() };
                Reloaded { ok: true, problems: Vec::new(), rendered: String::new(), changed }
            }
            Ok(Err(problems)) => {
                let lines: Vec<status::ProblemLine> = problems.iter().map(Into::into).collect();
                tracing::error!("the configuration is not taken into use; the running one stays:\n{problems}");
                self.engine.state().reload =
                    status::Reload { ok: false, at: Some(now.into()), problems: lines.clone() };
                Reloaded { ok: false, problems: lines, rendered: problems.render(false), changed: Vec::new() }
            }
            Err(error) => {
                let problem = status::ProblemLine {
                    path: None,
                    line: None,
                    column: None,
                    message: format!("the configuration could not be checked: {error}"),
                    expected: None,
                    help: None,
                };
                let rendered = problem.message.clone();
                Reloaded { ok: false, problems: vec![problem], rendered, changed: Vec::new() }
            }
        };
        if refresh || (reloaded.ok && self.waits_for_login()) {
            self.refresh(None);
        }
        reloaded
    }

    /// Whether a mended login is what the reload is about: the configuration names the file, not what it holds.
    fn waits_for_login(&mut self) -> bool {
        let state = self.engine.state();
        let company = state.trouble.as_ref().is_some_and(|error| error.kind == Kind::Login);
        let dead = company || state.accounts.values().any(|s| matches!(s.ended, Some(Ended::NeedsLogin(_))));
        drop(state);
        self.reconnect |= dead;
        dead
    }

    /// Takes a checked configuration into use: only what changed is rebuilt and run.
    pub(super) fn swap(&mut self, config: config::Config) -> Vec<String> {
        let diff = config::diff(&self.engine.config(), &config);
        for key in &diff.needs_restart {
            tracing::warn!("{key} changed: it is used from the next start on");
        }
        let all: Vec<AccountName> = config.accounts.keys().cloned().collect();
        self.notices.tell(Notice::Log(config.log.clone()));
        self.engine.metrics.reloaded(self.engine.clock.now());
        self.engine.state().config = Arc::new(config);
        self.engine.unseat(&diff.removed);
        for name in &diff.removed {
            let removed = Ended::Failed("the account was removed from the configuration".to_owned());
            self.answer(name, &Outcome::without_pass(removed));
        }
        let mut names: Vec<AccountName> = diff.added.iter().chain(&diff.changed).cloned().collect();
        if diff.service {
            self.engine.forget_network();
            self.engine.disconnect();
            self.polled = false;
            self.poll_wanted = Some(true);
            names = all;
        }
        self.engine.seat(&names);
        self.watch_folders();
        for name in &names {
            self.want(name, Wish { retry: true, full: false });
        }
        tracing::info!(
            added = diff.added.len(),
            removed = diff.removed.len(),
            changed = diff.changed.len(),
            "the configuration is in use"
        );
        self.next_poll = self.next_poll.min(self.engine.clock.now().after(self.interval()));
        let accounts = diff.added.iter().chain(&diff.removed).chain(&diff.changed).map(ToString::to_string);
        let settings = diff.settings.iter().map(|key| (*key).to_owned());
        let restart = diff.needs_restart.iter().map(|key| format!("{key}: used from the next start on"));
        accounts.chain(settings).chain(restart).collect()
    }
}

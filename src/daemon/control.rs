//! The loop.
//!
//! # Guarantees
//!
//! One pass per account at a time; a request while one runs or waits is that one. No pass before the first poll of the
//! process: without knowing who is in Pipedrive everything would look new. A pass that panics ends like one that failed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::engine::{ByAccount, Engine};
use super::event::{Event, Sync};
use super::operator::Running;
use super::signals;
use crate::account::AccountName;
use crate::clock::Moment;

use crate::reconcile::Wish;
use crate::status::{self, Notice, Notices, Synced};

/// Passes at once.
const AT_ONCE: usize = 8;
/// How often the counters of running passes are shown.
pub(super) const LOOK: Duration = Duration::from_millis(500);
/// How long a stopping daemon waits for running steps.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs until a signal. Errors are those of the start: a socket that cannot be opened.
pub(super) async fn run(engine: Arc<Engine>, notices: Arc<dyn Notices>) -> Result<(), String> {
    let (events, inbox) = mpsc::unbounded_channel();
    signals::listen(events.clone()).map_err(|error| format!("signals cannot be received: {error}"))?;
    let operator = Arc::new(Running { engine: Arc::clone(&engine), events: events.clone() });
    let (servers, _files) = super::serve::serve(&engine, &operator, &*notices).await?;
    let mut control = Control::new(engine, events, inbox, notices);
    control.start().await;
    control.run().await;
    control.stop().await;
    for server in servers {
        let _ = server.await;
    }
    Ok(())
}

/// The loop and what it remembers between events.
#[expect(clippy::struct_excessive_bools, reason = "independent facts of one loop")]
pub(super) struct Control {
    pub(super) engine: Arc<Engine>,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) inbox: mpsc::UnboundedReceiver<Event>,
    pub(super) notices: Arc<dyn Notices>,
    /// Passes that may start as soon as there is room.
    pub(super) waiting: VecDeque<AccountName>,
    pub(super) passes: JoinSet<()>,
    pub(super) running: usize,
    /// Whether a poll runs, and whether another is asked for (with a sweep?).
    pub(super) polling: bool,
    pub(super) poll_wanted: Option<bool>,
    /// Whether to connect anew before the next poll: a login may have been mended.
    pub(super) reconnect: bool,
    /// Whether a poll has succeeded since the company was connected.
    pub(super) polled: bool,
    pub(super) next_poll: Moment,
    pub(super) poll_failures: u32,
    /// Accounts to run once the poll that was asked for with them is done.
    pub(super) after_poll: Vec<AccountName>,
    pub(super) syncs: Vec<(Sync, ByAccount<Option<Synced>>)>,
    pub(super) folders: ByAccount<tokio::task::AbortHandle>,
    pub(super) stopping: bool,
    /// How often systemd's watchdog wants to hear of us, and when next.
    pub(super) heartbeat: Option<(Duration, Moment)>,
    /// When the counters of running passes are shown next.
    pub(super) next_look: Moment,
    pub(super) spread: fastrand::Rng,
}

impl Control {
    fn new(
        engine: Arc<Engine>,
        events: mpsc::UnboundedSender<Event>,
        inbox: mpsc::UnboundedReceiver<Event>,
        notices: Arc<dyn Notices>,
    ) -> Self {
        let now = engine.clock.now();
        Self {
            engine,
            events,
            inbox,
            notices,
            waiting: VecDeque::new(),
            passes: JoinSet::new(),
            running: 0,
            polling: false,
            poll_wanted: Some(false),
            reconnect: false,
            polled: false,
            next_poll: now,
            poll_failures: 0,
            after_poll: Vec::new(),
            syncs: Vec::new(),
            folders: ByAccount::new(),
            stopping: false,
            heartbeat: signals::watchdog().map(|every| (every, now)),
            next_look: now,
            spread: fastrand::Rng::with_seed(now.0.unsigned_abs()),
        }
    }

    async fn start(&mut self) {
        self.engine.metrics.reloaded(self.engine.clock.now());
        self.watch_config();
        self.watch_folders();
        // A real Pipedrive is called by the first poll, beside the loop: while it is silent, signals and status are heard.
        if self.engine.config().pipedrive.sandbox
            && self.engine.shared().await.is_ok()
            && let Some(page) = self.engine.sandbox_page().await
        {
            self.notices.tell(Notice::Persons(page));
        }
        self.engine.state().ready = true;
        self.engine.show();
        signals::tell(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status("running")]);
    }

    /// One event after the other, until the program stops.
    async fn run(&mut self) {
        while !self.stopping {
            self.begin();
            let wake = self.next_wake();
            let rests = !self.polling && self.running == 0 && self.inbox.is_empty();
            self.engine.rest(rests.then_some(wake));
            let wake = self.engine.clock.sleep_until(wake);
            tokio::select! {
                event = self.inbox.recv() => match event {
                    Some(event) => self.handle(event).await,
                    None => break,
                },
                Some(ended) = self.passes.join_next(), if !self.passes.is_empty() => drop(ended),
                () = wake => self.tick(),
                () = self.engine.cancel.cancelled() => break,
            }
        }
    }

    /// What is done by the clock alone: the watchdog's beat, and the counters of running passes.
    fn tick(&mut self) {
        let now = self.engine.clock.now();
        if let Some((every, next)) = &mut self.heartbeat
            && *next <= now
        {
            *next = now.after(*every);
            signals::tell(&[sd_notify::NotifyState::Watchdog]);
        }
        if self.running > 0 && self.next_look <= now {
            self.next_look = now.after(LOOK);
            self.engine.show();
        }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Edited => drop(self.reload(false).await),
            Event::FolderChanged(name) => self.want(&name, Wish::default()),
            Event::Refresh(account) => self.refresh(account.as_ref()),
            Event::Sync(sync) => self.sync(sync),
            Event::Reload { refresh, reply } => {
                let reloaded = self.reload(refresh).await;
                if let Some(reply) = reply {
                    let _ = reply.send(reloaded);
                }
            }
            Event::Confirmed(name) => self.want(&name, Wish { retry: true, full: false }),
            Event::LoggedIn(who) => self.logged_in(&who),
            Event::LogStatus => self.log_status(),
            Event::Stop => self.stopping = true,
            Event::Polled(result) => self.polled(result),
            Event::Passed(name, result) => self.passed(&name, result),
        }
        self.engine.show();
    }

    /// Starts what is due and has room.
    fn begin(&mut self) {
        let now = self.engine.clock.now();
        if self.next_poll <= now {
            self.poll_wanted.get_or_insert(false);
        }
        // While a pass runs there is one company in use, never two.
        if self.reconnect && !self.polling && self.running == 0 {
            self.engine.disconnect();
            (self.reconnect, self.polled) = (false, false);
        }
        if !self.polling
            && let Some(sweep) = self.poll_wanted.take()
        {
            self.polling = true;
            self.next_poll = Moment(i64::MAX);
            let (engine, events) = (Arc::clone(&self.engine), self.events.clone());
            tokio::spawn(async move {
                let polled = engine.poll(sweep).await;
                let _ = events.send(Event::Polled(polled));
            });
        }
        let due: Vec<AccountName> = {
            let state = self.engine.state();
            let due = |s: &&super::standing::Standing| s.next.is_some_and(|at| at <= now) && !s.running;
            state.accounts.iter().filter(|(_, s)| due(s)).map(|(name, _)| name.clone()).collect()
        };
        for name in due {
            self.want(&name, Wish::default());
        }
        // Without knowing who is in Pipedrive everything would look new.
        while self.polled && self.running < AT_ONCE {
            let Some(name) = self.waiting.pop_front() else { break };
            self.pass(&name);
        }
    }

    fn next_wake(&self) -> Moment {
        let state = self.engine.state();
        let passes = state.accounts.values().filter(|s| !s.running).filter_map(|s| s.next).min();
        let poll = if self.polling { None } else { Some(self.next_poll) };
        let beat = self.heartbeat.map(|(_, next)| next);
        let look = (self.running > 0).then_some(self.next_look);
        [passes, poll, beat, look].into_iter().flatten().min().unwrap_or(Moment(i64::MAX))
    }

    fn log_status(&self) {
        match serde_json::to_string(&status::Operator::snapshot(&Running {
            engine: Arc::clone(&self.engine),
            events: self.events.clone(),
        })) {
            Ok(json) => tracing::info!("status {json}"),
            Err(error) => tracing::error!(%error, "the status cannot be written"),
        }
    }

    /// Ends running passes between two steps, and waits for them.
    async fn stop(&mut self) {
        signals::tell(&[sd_notify::NotifyState::Stopping]);
        tracing::info!("stopping");
        self.engine.cancel.cancel();
        let until = self.engine.clock.now().after(PATIENCE);
        let patience = self.engine.clock.sleep_until(until);
        tokio::select! {
            () = async { while self.passes.join_next().await.is_some() {} } => {}
            () = patience => tracing::warn!("some writes are still under way; the next start looks for them"),
        }
        self.engine.stop_sandbox().await;
    }
}

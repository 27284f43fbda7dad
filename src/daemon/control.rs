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
use super::show;
use super::signals;
use crate::account::AccountName;
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::config::{self, ConfigWatch, Listen};
use crate::reconcile::{Ended, Outcome, Polled, Wish, next_pass};
use crate::status::socket::SocketFile;
use crate::status::{self, Notice, Notices, Reloaded, Synced};

/// Passes at once.
const AT_ONCE: usize = 8;
/// How long a stopping daemon waits for running steps.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs until a signal. Errors are those of the start: a socket that cannot be opened.
pub(super) async fn run(engine: Arc<Engine>, notices: Arc<dyn Notices>) -> Result<(), String> {
    let (events, inbox) = mpsc::unbounded_channel();
    signals::listen(events.clone()).map_err(|error| format!("signals cannot be received: {error}"))?;
    let operator = Arc::new(Running { engine: Arc::clone(&engine), events: events.clone() });
    let (servers, _files) = serve(&engine, &operator, &*notices).await?;
    let mut control = Control::new(engine, events, inbox, notices);
    control.start().await;
    control.run().await;
    control.stop().await;
    for server in servers {
        let _ = server.await;
    }
    Ok(())
}

type Server = tokio::task::JoinHandle<()>;

/// Opens the commands' socket and the status server, and says where the dashboard is. The sockets' files live as long as
/// what is returned.
async fn serve(
    engine: &Arc<Engine>,
    operator: &Arc<Running>,
    notices: &dyn Notices,
) -> Result<(Vec<Server>, Vec<SocketFile>), String> {
    let config = engine.config();
    let operator: Arc<dyn status::Operator> = Arc::clone(operator) as _;
    let around = || (Arc::clone(&operator), Arc::clone(&engine.metrics), Arc::clone(&engine.clock));
    let (mut servers, mut files) = (Vec::new(), Vec::new());
    let mut start = |server: status::Server, listener| {
        let serving = server.serve(listener, engine.cancel.clone().cancelled_owned());
        servers.push(tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "a server stopped");
            }
        }));
    };
    let path = status::socket::path(&engine.environment, &config.state_dir);
    let (socket, file) = status::socket::bind(&path, 0o600).await.map_err(|error| error.to_string())?;
    files.push(file);
    let (asked, metrics, clock) = around();
    start(status::Server::control(asked, metrics, clock), status::Listener::Unix(socket));

    let listener = match &config.status.listen {
        Listen::Off => return Ok((servers, files)),
        Listen::Tcp(address) => {
            let failed =
                |error| format!("the dashboard cannot listen on {address}: {error}; choose another [status] listen");
            let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            let shown =
                config.status.public_url.as_ref().map_or_else(|| format!("http://{address}/"), ToString::to_string);
            notices.tell(Notice::Dashboard(shown));
            status::Listener::Tcp(listener)
        }
        Listen::Unix(path) => {
            let (listener, file) = status::socket::bind(path, 0o660).await.map_err(|error| error.to_string())?;
            files.push(file);
            notices.tell(Notice::Dashboard(format!("unix:{}", path.display())));
            status::Listener::Unix(listener)
        }
    };
    let token = match &config.status.token {
        Some(source) => {
            let token = source.read(engine.environment.credentials_directory.as_deref(), &engine.clock).await;
            Some(token.map_err(|error| format!("the status server's token: {error}"))?)
        }
        None => None,
    };
    let (asked, metrics, clock) = around();
    let door = status::Door::new(&config.status, token);
    start(status::Server::public(asked, metrics, clock, door), listener);
    Ok((servers, files))
}

struct Control {
    engine: Arc<Engine>,
    events: mpsc::UnboundedSender<Event>,
    inbox: mpsc::UnboundedReceiver<Event>,
    notices: Arc<dyn Notices>,
    /// Passes that may start as soon as there is room.
    waiting: VecDeque<AccountName>,
    passes: JoinSet<()>,
    running: usize,
    /// Whether a poll runs, and whether another is asked for (with a sweep?).
    polling: bool,
    poll_wanted: Option<bool>,
    /// Whether a poll has succeeded since the company was connected.
    polled: bool,
    next_poll: Moment,
    poll_failures: u32,
    /// Accounts to run once the poll that was asked for with them is done.
    after_poll: Vec<AccountName>,
    syncs: Vec<(Sync, ByAccount<Option<Synced>>)>,
    folders: ByAccount<tokio::task::AbortHandle>,
    stopping: bool,
    spread: fastrand::Rng,
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
            polled: false,
            next_poll: now,
            poll_failures: 0,
            after_poll: Vec::new(),
            syncs: Vec::new(),
            folders: ByAccount::new(),
            stopping: false,
            spread: fastrand::Rng::with_seed(now.0.unsigned_abs()),
        }
    }

    async fn start(&mut self) {
        self.watch_config();
        self.watch_folders();
        if self.engine.shared().await.is_ok()
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
        let mut heartbeat = signals::watchdog().map(tokio::time::interval);
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        while !self.stopping {
            self.begin();
            let wake = self.engine.clock.sleep_until(self.next_wake());
            tokio::select! {
                event = self.inbox.recv() => match event {
                    Some(event) => self.handle(event).await,
                    None => break,
                },
                Some(ended) = self.passes.join_next(), if !self.passes.is_empty() => drop(ended),
                () = wake => {}
                _ = ticks.tick(), if self.running > 0 => self.engine.show(),
                () = beat(&mut heartbeat) => signals::tell(&[sd_notify::NotifyState::Watchdog]),
            }
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

    /// Asks for a pass; one that waits already is that one.
    fn want(&mut self, name: &AccountName, wish: Wish) {
        let mut state = self.engine.state();
        let Some(standing) = state.accounts.get_mut(name).filter(|s| s.can_run()) else { return };
        standing.next = None;
        standing.wish = Some(standing.wish.unwrap_or_default().and(wish));
        if !standing.running && !self.waiting.contains(name) {
            self.waiting.push_back(name.clone());
        }
    }

    fn pass(&mut self, name: &AccountName) {
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

    fn passed(&mut self, name: &AccountName, result: Result<Outcome, String>) {
        self.running = self.running.saturating_sub(1);
        let outcome =
            result.unwrap_or_else(|message| Outcome { ended: Ended::Failed(message), record: None, again: false });
        let now = self.engine.clock.now();
        log(name, &outcome);
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
    }

    fn refresh(&mut self, account: Option<&AccountName>) {
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

    fn sync(&mut self, sync: Sync) {
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
                standing.member.as_ref().err().map(|error| error.message.clone())
            };
            let answer = blocked
                .map(|message| synced(&name, &Outcome { ended: Ended::Failed(message), record: None, again: false }));
            self.after_poll.push(name.clone());
            waiting.insert(name, answer);
        }
        self.poll_wanted = Some(sync.wish.full);
        self.syncs.push((sync, waiting));
        self.reply_to_syncs();
    }

    /// Tells those who wait for this account's pass.
    fn answer(&mut self, name: &AccountName, outcome: &Outcome) {
        for (_, waiting) in &mut self.syncs {
            if let Some(answer) = waiting.get_mut(name) {
                answer.get_or_insert_with(|| synced(name, outcome));
            }
        }
        self.reply_to_syncs();
    }

    fn reply_to_syncs(&mut self) {
        let complete = |(_, waiting): &(Sync, ByAccount<Option<Synced>>)| waiting.values().all(Option::is_some);
        let (done, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.syncs).into_iter().partition(complete);
        self.syncs = rest;
        for (sync, waiting) in done {
            let _ = sync.reply.send(Ok(waiting.into_values().flatten().collect()));
        }
    }

    fn polled(&mut self, result: Result<Polled, Error>) {
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
                self.poll_failures = self.poll_failures.saturating_add(1);
                let outcome = Outcome { ended: Ended::of(error), record: None, again: false };
                self.next_poll = next_pass(&outcome, now, interval, self.poll_failures, self.spread.f64());
                for name in waiting {
                    self.blocked(&name, &outcome);
                }
            }
        }
    }

    /// An account that waited for a poll which failed.
    fn blocked(&mut self, name: &AccountName, outcome: &Outcome) {
        {
            let mut state = self.engine.state();
            if let Some(standing) = state.accounts.get_mut(name).filter(|s| s.can_run() && !s.running) {
                standing.ended = Some(outcome.ended.clone());
            }
        }
        self.answer(name, outcome);
    }

    /// Runs the accounts whose persons a poll touched.
    fn wake(&mut self, polled: &Polled) {
        let Ok(names) = self.engine.store.view().and_then(|view| view.names()) else { return };
        for (name, _) in names.into_iter().filter(|(_, id)| polled.touched.contains(id)) {
            self.want(&name, Wish::default());
        }
    }

    /// The shortest interval of the accounts.
    fn interval(&self) -> Duration {
        let state = self.engine.state();
        let intervals = state.accounts.values().filter(|s| s.can_run()).map(|s| s.declared.interval);
        intervals.min().unwrap_or(state.config.interval)
    }

    fn next_wake(&self) -> Moment {
        let state = self.engine.state();
        let passes = state.accounts.values().filter(|s| !s.running).filter_map(|s| s.next).min();
        let poll = if self.polling { None } else { Some(self.next_poll) };
        passes.into_iter().chain(poll).min().unwrap_or(Moment(i64::MAX))
    }

    /// Checks the files; a good configuration is taken into use, a bad one changes nothing.
    async fn reload(&mut self, refresh: bool) -> Reloaded {
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
                    help: None,
                };
                let rendered = problem.message.clone();
                Reloaded { ok: false, problems: vec![problem], rendered, changed: Vec::new() }
            }
        };
        if refresh {
            self.refresh(None);
        }
        reloaded
    }

    /// Takes a checked configuration into use: only what changed is rebuilt and run.
    fn swap(&mut self, config: config::Config) -> Vec<String> {
        let diff = config::diff(&self.engine.config(), &config);
        for key in &diff.needs_restart {
            tracing::warn!("{key} changed: it is used from the next start on");
        }
        let all: Vec<AccountName> = config.accounts.keys().cloned().collect();
        self.engine.state().config = Arc::new(config);
        self.engine.unseat(&diff.removed);
        let mut names: Vec<AccountName> = diff.added.iter().chain(&diff.changed).cloned().collect();
        if diff.service {
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
        diff.added.iter().chain(&diff.removed).chain(&diff.changed).map(ToString::to_string).collect()
    }

    fn watch_config(&self) {
        let config = self.engine.config();
        let (Some(watcher), true) = (&self.engine.watcher, config.watch) else { return };
        let mut watch = match ConfigWatch::new(watcher, &config, Arc::clone(&self.engine.clock)) {
            Ok(watch) => watch,
            Err(error) => {
                tracing::warn!(%error, "edits of the configuration need a reload");
                return;
            }
        };
        let (engine, events) = (Arc::clone(&self.engine), self.events.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = watch.edited() => {}
                    () = engine.cancel.cancelled() => break,
                }
                let environment = engine.environment.clone();
                let loaded = tokio::task::spawn_blocking(move || config::load(&environment)).await;
                if let Ok(loaded) = &loaded
                    && let Err(error) = watch.follow(loaded)
                {
                    tracing::warn!(%error, "edits of the configuration need a reload");
                }
                if events.send(Event::Edited).is_err() {
                    break;
                }
            }
        });
    }

    /// Wakes folder accounts when their files change.
    fn watch_folders(&mut self) {
        let Some(watcher) = &self.engine.watcher else { return };
        let config = self.engine.config();
        for (_, task) in std::mem::take(&mut self.folders) {
            task.abort();
        }
        for (name, account) in &config.accounts {
            let config::Book::Folder { path } = &account.book else { continue };
            let Ok(mut marks) = watcher.watch(path, true) else { continue };
            let (events, account) = (self.events.clone(), name.clone());
            let clock = Arc::clone(&self.engine.clock);
            let task = tokio::spawn(async move {
                loop {
                    marks.changed().await;
                    // Editors write in bursts; a short wait makes one pass of them.
                    clock.sleep_until(clock.now().after(Duration::from_millis(300))).await;
                    marks.take();
                    if events.send(Event::FolderChanged(account.clone())).is_err() {
                        break;
                    }
                }
            });
            self.folders.insert(name.clone(), task.abort_handle());
        }
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

/// A beat of systemd's watchdog; never, where there is none.
async fn beat(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
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

fn synced(name: &AccountName, outcome: &Outcome) -> Synced {
    let record = outcome.record.as_ref();
    Synced {
        account: name.to_string(),
        outcome: show::outcome(&outcome.ended),
        message: show::message(&outcome.ended),
        added: record.map_or(0, |r| r.added),
        updated: record.map_or(0, |r| r.updated),
        deleted: record.map_or(0, |r| r.deleted),
        failed: record.map_or(0, |r| r.failed),
    }
}

fn log(name: &AccountName, outcome: &Outcome) {
    let record = outcome.record.clone();
    let pass = record.as_ref().map_or(0, |r| r.id.0);
    let (added, updated, deleted, failed) =
        record.as_ref().map_or((0, 0, 0, 0), |r| (r.added, r.updated, r.deleted, r.failed));
    match &outcome.ended {
        Ended::Ok if added + updated + deleted + failed > 0 => {
            tracing::info!(account = %name, pass, added, updated, deleted, failed, "synced");
        }
        Ended::Ok | Ended::Cancelled => tracing::debug!(account = %name, pass, "nothing to do"),
        Ended::Held(hold) => tracing::warn!(account = %name, pass, digest = %hold.digest, "held: {}", hold.message),
        Ended::NeedsLogin(message) => tracing::error!(account = %name, pass, "needs a login: {message}"),
        Ended::Later(message, _) => tracing::warn!(account = %name, pass, "later: {message}"),
        Ended::Failed(message) => tracing::error!(account = %name, pass, "failed: {message}"),
    }
}

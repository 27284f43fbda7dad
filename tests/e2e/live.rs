//! The daemon's loop in this process, on a clock that runs fifty times as fast as the machine's, with its log kept.
//!
//! The runtime of such a test has one thread, so that the log of one test is not mixed with another's.

use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use carnetd::clock::{Clock as _, Moment, RealClock, SharedClock, SimulatedClock};
use carnetd::config::{Config, Environment};
use carnetd::daemon::{self, Create, Engine};
use carnetd::status::{Account, Notice, Notices, Operator as _, Outcome, Remote, Snapshot, Synced};
use tokio::task::JoinHandle;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::world::{World, account};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A world in which the daemon runs.
pub(crate) struct Live {
    world: World,
    clock: SimulatedClock,
    log: Log,
    _logging: DefaultGuard,
    ticking: JoinHandle<()>,
    daemon: Option<(Weak<Engine>, JoinHandle<()>)>,
}

impl Deref for Live {
    type Target = World;
    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Live {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.ticking.abort();
        if std::thread::panicking() {
            eprintln!("{}", self.log.text());
        }
    }
}

impl Live {
    /// An empty folder and company, and no daemon yet.
    pub(crate) async fn new(direction: &str, extra: &str) -> Self {
        Self::of(&account("alice", "cards", "*", direction, extra)).await
    }

    /// The same with these accounts.
    pub(crate) async fn of(accounts: &str) -> Self {
        let log = Log::default();
        let lines = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("carnetd=debug"))
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .with_writer(log.clone())
            .finish();
        let logging = tracing::subscriber::set_default(lines);
        let clock = SimulatedClock::new(RealClock.now());
        let shared: SharedClock = Arc::new(clock.clone());
        let world = World::at(Some(shared), accounts).await;
        let ticking = tokio::spawn(tick(clock.clone()));
        Self { world, clock, log, _logging: logging, ticking, daemon: None }
    }

    /// Starts the daemon and waits until it can be asked.
    pub(crate) async fn start(&mut self) {
        let (environment, config) = self.load();
        let clock: SharedClock = Arc::new(self.clock.clone());
        let engine = Engine::open(environment, config, Create::IfMissing, clock).await;
        self.run(engine.unwrap_or_else(|refused| panic!("{refused}"))).await;
    }

    /// The same with parts made by the caller.
    pub(crate) async fn start_with(&mut self, make: impl FnOnce(Environment, Config, SharedClock) -> Arc<Engine>) {
        let (environment, config) = self.load();
        self.run(make(environment, config, Arc::new(self.clock.clone()))).await;
    }

    async fn run(&mut self, engine: Arc<Engine>) {
        let weak = Arc::downgrade(&engine);
        let daemon = tokio::spawn(async move {
            daemon::serve(engine, Arc::new(Silent)).await;
        });
        self.daemon = Some((weak, daemon));
        self.until("the daemon answers", |_| true).await;
    }

    /// Ends the daemon, and waits until its state can be opened again.
    pub(crate) async fn stop(&mut self) {
        let Some((engine, daemon)) = self.daemon.take() else { return };
        if let Some(engine) = engine.upgrade() {
            engine.stop();
        }
        let ended = tokio::time::timeout(PATIENCE, daemon).await;
        ended.expect("it does not wait for what has not begun").expect("it ends");
        while engine.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Stops the clock of the daemon and the stand-in: it moves no more by itself.
    pub(crate) fn hold_time(&self) {
        self.ticking.abort();
    }

    /// Lets the clock run again.
    pub(crate) fn release_time(&mut self) {
        self.ticking = tokio::spawn(tick(self.clock.clone()));
    }

    /// Lets time pass.
    pub(crate) fn pass_time(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The way to the daemon, if it answers.
    pub(crate) async fn remote(&self) -> Option<Remote> {
        let socket = self.path("state").join("carnetd.sock");
        Remote::connect(&socket, Arc::new(RealClock), 1).await.ok().flatten()
    }

    /// The status once it is as wanted; fails after a while that is far longer than that takes.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let mut last = None;
        let looking = async {
            let mut pause = tokio::time::interval(Duration::from_millis(10));
            loop {
                pause.tick().await;
                if let Some(remote) = self.remote().await {
                    let snapshot = remote.snapshot();
                    if wanted(&snapshot) {
                        return snapshot;
                    }
                    last = Some(snapshot);
                }
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(snapshot) => snapshot,
            Err(late) => panic!("waited in vain until {what} ({late}): {last:#?}"),
        }
    }

    /// One pass of the one account, through the daemon.
    pub(crate) async fn ask(&self) -> Synced {
        let remote = self.remote().await.expect("the daemon answers");
        let answer = tokio::time::timeout(PATIENCE, remote.sync(None, false)).await;
        answer.expect("it does not wait for ever").expect("an answer").pop().expect("one account")
    }

    /// Passes until one finds nothing to do, and nothing is said of the account any more.
    pub(crate) async fn settle(&self) {
        let mut last = None;
        for _ in 0..8 {
            let synced = self.ask().await;
            let changed = synced.added + synced.updated + synced.deleted + synced.failed;
            if synced.outcome == Outcome::Ok && changed == 0 {
                self.until("nothing is said", |s| alice(s).reason.is_none() && alice(s).held == 0).await;
                return;
            }
            last = Some(synced);
        }
        panic!("it does not settle: {last:#?}");
    }

    /// What the log says so far, at debug and above.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// The present moment of the daemon and the stand-in.
    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }
}

/// The one account.
pub(crate) fn alice(snapshot: &Snapshot) -> &Account {
    &snapshot.accounts[0]
}

async fn tick(clock: SimulatedClock) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    loop {
        ticks.tick().await;
        clock.advance(Duration::from_millis(250));
    }
}

struct Silent;

impl Notices for Silent {
    fn tell(&self, _notice: Notice) {}
}

/// What was logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panics while writing")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics while writing").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

//! The working parts in use, with what is known of each account.
//!
//! Serves the loop and single commands alike; it never decides when something runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::logins::Logins;
use super::parts::{self, Embedded};
use super::spent;
use super::standing::{Standing, Standings};
use crate::account::AccountName;
use crate::adapter::{Error, SharedBook};
use crate::clock::{Moment, SharedClock};
use crate::config::{self, Config, Environment};
use crate::http::Client;
use crate::reconcile::{Feed, Live, Member, Outcome, Polled, Shared, Shelf, Wish};
use crate::status::{Metrics, Refused, RefusedKind};
use crate::store::{Op, Store, StoreError};
use crate::watch::Watcher;

/// How often the tokens that a pass uses are kept, at least.
const KEEP_USED: Duration = Duration::from_mins(1);

/// Whether a missing state database is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// It must be there.
    Never,
    /// It is made: only `run` and `sync --init`.
    IfMissing,
    /// None is made: `check` asks the services only. One that is there is opened for its logins, where there may be some.
    InMemory,
}

/// From an account's declaration to its provider's book, or why there is none.
pub type Books =
    Box<dyn Fn(&config::Account, Option<&Watcher>, &SharedClock) -> Result<SharedBook, Error> + Send + Sync>;

/// What a pass of an account needs: the account, where it counts, and what ends it.
pub(super) type Ticket = (Arc<Member>, Live, CancellationToken);

/// The parts of one process.
pub struct Engine {
    pub(super) environment: Environment,
    pub(super) clock: SharedClock,
    pub(super) store: Store,
    /// The database that remembers what this process uses of the day's tokens, where its own is in memory.
    lender: OnceLock<PathBuf>,
    pub(super) books: Books,
    /// The books in use.
    shelf: Arc<Shelf>,
    pub(super) watcher: Option<Watcher>,
    pub(super) cancel: CancellationToken,
    pub(super) changed: watch::Sender<u64>,
    /// See [`Engine::rests_until`].
    rests: watch::Sender<Option<Moment>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) logins: Logins,
    pub(super) embedded: tokio::sync::Mutex<Option<Arc<Embedded>>>,
    pub(super) connecting: tokio::sync::Mutex<()>,
    /// See [`Shared::open`].
    pub(super) homes: Arc<tokio::sync::RwLock<()>>,
    state: Mutex<State>,
    pub(super) feed: RwLock<Arc<Feed>>,
}

/// What changes while the program runs.
pub(super) struct State {
    pub(super) config: Arc<Config>,
    pub(super) accounts: Standings,
    /// The way to the network, once somebody has asked for it.
    pub(super) client: Option<Client>,
    /// The company in use.
    pub(super) shared: Option<Arc<Shared>>,
    /// Why there is none, or why the last poll failed; forgotten once a poll succeeds.
    pub(super) trouble: Option<Error>,
    pub(super) reload: crate::status::Reload,
    pub(super) ready: bool,
    /// When old history was last forgotten.
    pub(super) pruned: Option<Moment>,
}

impl Engine {
    /// Opens the state and prepares every account. Talks to nobody yet.
    pub async fn open(
        environment: Environment,
        config: Config,
        create: Create,
        clock: SharedClock,
    ) -> Result<Arc<Self>, Refused> {
        let path = state_path(&config);
        let create = match create {
            Create::InMemory if keeps_logins(&config) && path.exists() => Create::Never,
            create => create,
        };
        if create == Create::InMemory {
            let engine = Self::with(environment, config, spent::borrow(&path).await, clock, Box::new(parts::book));
            // Only set here, and once.
            let _ = engine.lender.set(path);
            return Ok(engine);
        }
        let store = tokio::task::spawn_blocking(move || match create {
            Create::IfMissing => Store::open_or_create(&path),
            Create::Never | Create::InMemory => Store::open(&path),
        });
        let store = store
            .await
            .map_err(|e| Refused::new(RefusedKind::Failed, e.to_string()))?
            .map_err(|error| refused_store(&error))?;
        Ok(Self::with(environment, config, store, clock, Box::new(parts::book)))
    }

    /// The same on a state that is open already, with books of the caller's making. Talks to nobody yet.
    pub fn with(environment: Environment, config: Config, store: Store, clock: SharedClock, books: Books) -> Arc<Self> {
        let watcher = Watcher::new().inspect_err(|error| tracing::warn!(%error, "changes are found at the interval"));
        let now = clock.now();
        let feed = RwLock::new(Arc::new(Feed::new(config.pipedrive.sweep)));
        let cancel = CancellationToken::new();
        let logins = Logins::new((&environment, &config), store.clone(), Arc::clone(&clock), cancel.clone());
        let engine = Self {
            environment,
            clock,
            store,
            lender: OnceLock::new(),
            books,
            shelf: Arc::default(),
            watcher: watcher.ok(),
            cancel,
            logins,
            changed: watch::Sender::new(0),
            rests: watch::Sender::new(None),
            metrics: Arc::default(),
            embedded: tokio::sync::Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            homes: Arc::default(),
            state: Mutex::new(State {
                config: Arc::new(config),
                accounts: Standings::new(),
                client: None,
                shared: None,
                trouble: None,
                reload: crate::status::Reload { ok: true, at: Some(now.into()), problems: Vec::new() },
                ready: false,
                pruned: None,
            }),
            feed,
        };
        let names: Vec<AccountName> = engine.state().config.accounts.keys().cloned().collect();
        engine.seat(&names);
        Arc::new(engine)
    }

    /// Ends the daemon that runs on these parts, as `SIGTERM` does: between two steps, with everything recorded.
    pub fn stop(&self) {
        self.cancel.cancel();
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.state().config)
    }

    /// Tells whoever shows the status that it changed.
    pub(super) fn show(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    /// Until when the loop has nothing to do, unless somebody asks for it; `None` while something is under way, and until the
    /// loop runs. Whoever moves the clock by hand moves it to there.
    pub fn rests_until(&self) -> watch::Receiver<Option<Moment>> {
        self.rests.subscribe()
    }

    pub(super) fn rest(&self, until: Option<Moment>) {
        self.rests.send_if_modified(|now| std::mem::replace(now, until) != until);
    }

    /// (Re)builds these accounts from the configuration in use.
    pub(super) fn seat(&self, names: &[AccountName]) {
        let now = self.clock.now();
        let config = self.config();
        self.shelf.declare(config.accounts.keys().cloned().collect());
        for name in names {
            let Some(account) = config.accounts.get(name) else { continue };
            let book = self.book(&config, account);
            let rehearsed = parts::rehearsed(account.clone(), &config);
            let mut state = self.state();
            self.shelf.remove(name);
            let member = book.map(|book| {
                self.shelf.put(account, &book);
                Arc::new(Member::new(rehearsed, book, Arc::clone(&self.shelf)))
            });
            let mut standing = Standing::new(account.clone(), member, now, self.cancel.child_token());
            if let Some(old) = state.accounts.remove(name) {
                // A pass of the old declaration ends between two steps; the new one starts after it.
                old.cancel.cancel();
                standing.running = old.running;
                standing.live = old.live;
            }
            state.accounts.insert(name.clone(), standing);
        }
    }

    /// Drops accounts that are no longer declared. Their links stay.
    pub(super) fn unseat(&self, names: &[AccountName]) {
        let mut state = self.state();
        for name in names {
            self.shelf.remove(name);
            if let Some(old) = state.accounts.remove(name) {
                old.cancel.cancel();
            }
        }
    }

    /// Looks what changed in Pipedrive.
    pub(super) async fn poll(&self, sweep: bool) -> Result<Polled, Error> {
        let shared = self.shared().await?;
        let feed = Arc::clone(&self.feed.read().unwrap_or_else(PoisonError::into_inner));
        feed.set_interests(self.interests(&shared).await);
        let polled = feed.poll(&shared, sweep, &self.cancel).await;
        shared.keep_used().await;
        self.prune().await;
        self.state().trouble = polled.as_ref().err().cloned();
        polled
    }

    /// Forgets, once a day, the history that `history` does not keep.
    async fn prune(&self) {
        let now = self.clock.now();
        let keep = {
            let mut state = self.state();
            if state.pruned.is_some_and(|at| now.since(at) < Duration::from_hours(24)) {
                return;
            }
            state.pruned = Some(now);
            state.config.history
        };
        if let Err(error) = self.store.write(vec![Op::PruneHistory { before: now.before(keep) }]).await {
            tracing::warn!(%error, "old history could not be forgotten; it is tried again tomorrow");
        }
    }

    /// Which checkpoints want to hear of an owner's new persons. An account whose owner is not known yet asks at its pass.
    async fn interests(
        &self,
        shared: &Shared,
    ) -> HashMap<crate::contact::UserId, BTreeSet<crate::store::CheckpointId>> {
        let members: Vec<Arc<Member>> = self.state().accounts.values().filter_map(|s| s.member.clone().ok()).collect();
        let mut interests: HashMap<_, BTreeSet<_>> = HashMap::new();
        let Ok(view) = self.store.view() else { return interests };
        for member in members {
            let two_way = member.declared.policy.direction == crate::account::Direction::TwoWay;
            if !two_way || !member.declared.policy.new_persons {
                continue;
            }
            let Ok(seat) = member.seat(shared, &self.cancel).await else { continue };
            if let Ok(Some((id, _))) = view.checkpoint_of(&member.name) {
                interests.entry(seat.owner).or_default().insert(id);
            }
        }
        interests
    }

    /// What a pass of this account needs; `None` if it cannot run.
    pub(super) fn ticket(&self, name: &AccountName) -> Option<Ticket> {
        let state = self.state();
        let standing = state.accounts.get(name)?;
        let member = standing.member.as_ref().ok().map(Arc::clone)?;
        Some((member, standing.live.clone(), standing.cancel.clone()))
    }

    /// One pass of one account.
    pub(super) async fn pass(&self, (member, live, cancel): Ticket, wish: Wish) -> Outcome {
        if let Err(error) = self.store.in_place() {
            return Outcome::without_pass(crate::reconcile::Ended::Failed(error.to_string()));
        }
        match self.shared().await {
            Ok(shared) => {
                let pass = crate::reconcile::run(&shared, &member, wish, &live, &cancel);
                self.counting_tokens(&shared, pass).await
            }
            Err(error) => Outcome::without_pass(crate::reconcile::Ended::of(error)),
        }
    }

    /// Does something that may take long; what it uses of the day's tokens is kept every minute and at its end.
    async fn counting_tokens<T>(&self, shared: &Shared, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                () = self.clock.sleep_until(self.clock.now().after(KEEP_USED)) => shared.keep_used().await,
            }
        };
        shared.keep_used().await;
        done
    }

    /// Keeps what was used of the day's tokens, here and where it was borrowed from.
    pub(super) async fn keep_used(&self, shared: &Shared) {
        shared.keep_used().await;
        if let Some(path) = self.lender.get() {
            spent::give_back(path, self.clock.now(), shared.company.budget().used).await;
        }
    }

    /// The names of the accounts that are meant: all, or the one.
    pub(super) fn meant(&self, account: Option<&AccountName>) -> Result<Vec<AccountName>, Refused> {
        let state = self.state();
        match account {
            None => {
                Ok(state.accounts.iter().filter(|(_, s)| s.declared.enabled).map(|(name, _)| name.clone()).collect())
            }
            Some(name) if state.accounts.contains_key(name) => Ok(vec![name.clone()]),
            Some(name) => Err(Refused::unknown_account(name.as_str())),
        }
    }
}

/// The state database of a configuration.
pub(super) fn state_path(config: &Config) -> PathBuf {
    config.state_dir.join("state.redb")
}

/// Whether anything in the configuration logs in through a browser.
fn keeps_logins(config: &Config) -> bool {
    use config::{Connection, GoogleLogin};
    let user = |account: &config::Account| match config.connection(account) {
        Some(Connection::Google(google)) => matches!(google.login, GoogleLogin::User { .. }),
        Some(Connection::Microsoft(_)) | None => false,
    };
    config.pipedrive.oauth.is_some() || config.accounts.values().any(user)
}

fn refused_store(error: &StoreError) -> Refused {
    let kind = match error {
        // In use: there is a daemon, and whoever opens the state himself has found no way to it.
        StoreError::Missing { .. } | StoreError::Busy { .. } => RefusedKind::NotReachable,
        _ => RefusedKind::Failed,
    };
    Refused::new(kind, error.to_string())
}

/// Everything by account.
pub(super) type ByAccount<T> = BTreeMap<AccountName, T>;

//! The one thread that writes, and commits in groups.
//!
//! While a commit waits for the disk, further batches queue up; the next commit takes all of them, so that a hundred
//! small batches cost about as much as one. Each batch is all or nothing inside its group: where one cannot be applied,
//! the transaction is begun anew without it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use redb::{Database, ReadableTable};
use tokio::sync::oneshot;

use super::apply::{Commit, Trouble};
use super::faults::Faults;
use super::file::Place;
use super::ids::Ids;
use super::tables::{COMMITS_KEY, Tables};
use super::{Op, StoreError};

/// Most writes in one commit, so that the first caller does not wait for everybody's import. A larger batch is a commit
/// of its own.
const MOST_OPS: usize = 10_000;

/// What the writing thread and the readers share.
pub(super) struct Shared {
    /// Where the database lies.
    pub(super) place: Place,
    /// The open database, or why it is not open.
    database: RwLock<Result<Database, StoreError>>,
    /// The next ids.
    pub(super) ids: Ids,
    faults: Faults,
    commits: AtomicU64,
}

/// A batch and where its outcome goes.
pub(super) struct Request {
    batch: Vec<Op>,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The queue to the writing thread. Dropping it ends the thread once everything queued is written, and waits for that.
#[derive(Default)]
pub(super) struct Writer {
    queue: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (queue, requests) = channel();
        let run = move || shared.run(&requests);
        let thread = std::thread::Builder::new().name("carnetd-store".to_owned()).spawn(run)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues a batch at once; the answer comes when it is durable.
    pub(super) fn queue(&self, batch: Vec<Op>) -> oneshot::Receiver<Result<(), StoreError>> {
        let (answer, outcome) = oneshot::channel();
        if let Some(queue) = &self.queue {
            // Where the thread is gone the answer is dropped with the request, and that says so.
            let _ = queue.send(Request { batch, answer });
        }
        outcome
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was already reported to whoever waited for it.
            let _ = thread.join();
        }
    }
}

/// Why a group was not committed.
enum Failure {
    /// One batch of it is at fault.
    Batch(usize, StoreError),
    /// The database is at fault and must be opened anew.
    Database(StoreError),
}

impl Shared {
    /// Shares an open database, or the reason why there is none.
    pub(super) fn new(place: Place, opened: Result<Database, StoreError>, ids: Ids, faults: Faults) -> Self {
        Self { place, database: RwLock::new(opened), ids, faults, commits: AtomicU64::new(0) }
    }

    /// Asks the database something. One that a failed disk closed is opened anew first: redb refuses everything after an
    /// I/O error until then.
    pub(super) fn with_database<T>(
        &self,
        doing: &'static str,
        ask: impl Fn(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let once = || self.opened().as_ref().map_err(Clone::clone).map(&ask);
        let mut answer = once()?;
        if let Err(error @ redb::Error::PreviousIo) = answer {
            self.close(self.place.sort(error, doing));
            answer = once()?;
        }
        answer.map_err(|error| self.place.sort(error, doing))
    }

    fn opened(&self) -> RwLockReadGuard<'_, Result<Database, StoreError>> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if database.is_ok() {
            return database;
        }
        drop(database);
        let mut broken = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if broken.is_err()
            && let Some(reopened) = self.place.reopen()
        {
            *broken = reopened;
        }
        drop(broken);
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, error: StoreError) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = Err(error);
    }

    fn run(&self, requests: &Receiver<Request>) {
        let mut next = None;
        while let Some(first) = next.take().or_else(|| requests.recv().ok()) {
            let mut ops = first.batch.len();
            let mut group = vec![first];
            while !self.faults.one_by_one()
                && let Ok(request) = requests.try_recv()
            {
                ops += request.batch.len();
                if ops > MOST_OPS {
                    next = Some(request);
                    break;
                }
                group.push(request);
            }
            self.commit_group(group);
        }
    }

    /// Commits a group and answers everybody in it.
    fn commit_group(&self, mut group: Vec<Request>) {
        while !group.is_empty() {
            match self.try_commit(&group) {
                Ok(()) => return answer(group, &Ok(())),
                Err(Failure::Batch(at, error)) => answer([group.remove(at)], &Err(error)),
                Err(Failure::Database(error)) => {
                    self.close(error.clone());
                    return answer(group, &Err(error));
                }
            }
        }
    }

    fn try_commit(&self, group: &[Request]) -> Result<(), Failure> {
        let stopped = self.faults.stop_after_commits.is_some_and(|n| self.commits.load(Ordering::Relaxed) >= n);
        if stopped {
            return Err(Failure::Batch(0, StoreError::Stopped));
        }
        let failed = |error: redb::Error| Failure::Database(self.place.sort(error, "writing"));
        let sort = |at: usize, trouble: Trouble| match trouble {
            Trouble::Batch(error) => Failure::Batch(at, error),
            Trouble::Database(error) => failed(error),
        };
        // Durability::Immediate is the default: `commit` returns once the disk has it.
        let begun = self.with_database("writing", |database| Ok(database.begin_write()?));
        let transaction = begun.map_err(Failure::Database)?;
        let tables = Tables::open(&transaction).map_err(|e| failed(e.into()))?;
        let mut commit = self.begin(tables).map_err(failed)?;
        for (at, request) in group.iter().enumerate() {
            for op in &request.batch {
                commit.apply(op).map_err(|trouble| sort(at, trouble))?;
            }
        }
        self.end(commit).map_err(failed)?;
        transaction.commit().map_err(|e| failed(e.into()))?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn begin<'t>(&self, tables: Tables<'t>) -> Result<Commit<'t>, redb::Error> {
        let number = tables.meta.get(COMMITS_KEY)?.map_or(0, |number| number.value()) + 1;
        Ok(Commit { tables, number, next_history: self.ids.next_history() })
    }

    fn end(&self, commit: Commit<'_>) -> Result<(), redb::Error> {
        let Commit { mut tables, number, next_history } = commit;
        tables.meta.insert(COMMITS_KEY, number)?;
        self.ids.advance_history(next_history);
        self.ids.save(&mut tables.meta)
    }
}

fn answer(requests: impl IntoIterator<Item = Request>, outcome: &Result<(), StoreError>) {
    for request in requests {
        // Whoever no longer waits has what it asked for all the same.
        let _ = request.answer.send(outcome.clone());
    }
}

//! What people and commands may ask of carnetd: the trait between those who decide and those who show.
//!
//! The daemon implements it, so does a single command that works on the state database itself, and so does
//! [`Remote`](super::Remote), which hands every question to a running daemon. Whoever shows something (the server, the
//! commands) is written once against this trait. It never speaks HTTP and never prints.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use url::Url;

use super::snapshot::{At, Outcome, ProblemLine, Snapshot};
use crate::account::AccountName;
use crate::contact::Digest;

/// A running, or one-shot, carnetd.
#[async_trait]
pub trait Operator: Send + Sync {
    /// What can be seen at this moment.
    fn snapshot(&self) -> Snapshot;

    /// A number that grows whenever the snapshot has changed: for live pages and `--watch`.
    fn changed(&self) -> watch::Receiver<u64>;

    /// Whether the first configuration is in use.
    fn ready(&self) -> bool;

    /// Whether the loop answers.
    fn alive(&self) -> bool;

    /// Asks for a pass of this account, or of all with one sweep, now. Returns at once; a request while one is queued or
    /// running is that one.
    async fn refresh(&self, account: Option<&AccountName>) -> Result<(), Refused>;

    /// Reads the configuration again and returns once it is in use, or refused.
    async fn reload(&self) -> Reloaded;

    /// One pass of this account, or of all, now; returns when it is done. `full` drops the cursors first.
    async fn sync(&self, account: Option<&AccountName>, full: bool) -> Result<Vec<Synced>, Refused>;

    /// What a pass of this account, or of all, would do. Nothing is written.
    async fn plan(&self, account: Option<&AccountName>) -> Result<Vec<AccountPlan>, Refused>;

    /// What waits for a human being in this account, or in all.
    async fn held(&self, account: Option<&AccountName>) -> Result<Vec<HeldItem>, Refused>;

    /// Allows exactly what the digest names, for 24 hours, and asks for a pass. Gives back what was allowed.
    async fn confirm(&self, account: &AccountName, digest: Digest) -> Result<HeldItem, Refused>;

    /// The groups that may be written as this account's `group`.
    async fn groups(&self, account: &AccountName) -> Result<Vec<String>, Refused>;

    /// The online part of `check`: logins, groups, owners, visibility.
    async fn check(&self) -> Vec<Finding>;

    /// Starts a login in a browser, whose answer comes back to `redirect`.
    async fn start_login(&self, who: &Who, redirect: &Url) -> Result<LoginStarted, Refused>;

    /// Ends the login whose `state` came back with this `code`: exchanges it, checks scope and address, keeps the login
    /// and wakes whoever waited for it. A state is good once and for ten minutes.
    async fn finish_login(&self, state: &str, code: &str) -> Result<LoggedIn, Refused>;

    /// Makes a link, good once and for 24 hours, that lets whoever opens it log in for this account.
    async fn link_login(&self, account: &AccountName) -> Result<LoginLink, Refused>;

    /// Takes a link's secret up: starts the login, whose answer comes back to the status server's public address.
    async fn follow_link(&self, secret: &str) -> Result<LoginStarted, Refused>;
}

/// For whom a login is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// An account's provider.
    Account(String),
    /// Pipedrive itself.
    Pipedrive,
}

/// A login that waits for its browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginStarted {
    /// Where the browser has to go.
    pub url: Url,
    /// What comes back with the answer.
    pub state: String,
}

/// A login that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// For whom, in words: `account alice`, `Pipedrive`.
    pub what: String,
    /// As whom, where the service says so.
    pub address: Option<String>,
}

/// A link that can be mailed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginLink {
    /// Whoever has it can log in for the account.
    pub url: Url,
    /// When it ends.
    pub until: At,
}

/// Without the link: it is a secret.
impl std::fmt::Debug for LoginLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginLink").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Why carnetd did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What a caller can do about it.
    pub kind: RefusedKind,
    /// What was being done, what was found and what was expected.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl Refused {
    /// A refusal without advice.
    pub fn new(kind: RefusedKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// There is no account of this name.
    pub fn unknown_account(name: &str) -> Self {
        Self::new(RefusedKind::UnknownAccount, format!("there is no account {name:?} in the configuration in use"))
            .help("`carnetd status` lists the accounts")
    }
}

/// What a caller can do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedKind {
    /// Name another account.
    UnknownAccount,
    /// Start the daemon, or mend the service or the network.
    NotReachable,
    /// Log in.
    NeedsLogin,
    /// Wait: the budget is used up, or a service asked for patience.
    Later,
    /// Read the message: it did not work.
    Failed,
    /// Mend the configuration.
    Unconfigured,
}

/// What a reload led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether the files as they stand are in use now.
    pub ok: bool,
    /// What is wrong with them.
    pub problems: Vec<ProblemLine>,
    /// The problems as text for people, with the offending lines.
    pub rendered: String,
    /// What the new configuration changed, one line each; empty where nothing did.
    pub changed: Vec<String>,
}

/// How one account's pass went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// The account.
    pub account: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What there is to say beside the counts.
    pub message: Option<String>,
    /// Contacts created on either side.
    pub added: u64,
    /// Contacts updated.
    pub updated: u64,
    /// Contacts deleted.
    pub deleted: u64,
    /// Contacts that could not be brought in step.
    pub failed: u64,
}

/// What a pass of one account would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPlan {
    /// The account.
    pub account: String,
    /// `ok` where there is a plan that may be done; `held` where it refuses itself.
    pub outcome: Outcome,
    /// What there is to say beside the steps.
    pub message: Option<String>,
    /// Why the plan refuses itself, with its numbers; empty where it does not.
    pub refusals: Vec<String>,
    /// What `confirm` would take to allow all of it.
    pub digest: String,
    /// What is intended, in the order in which it would be done.
    pub steps: Vec<PlanStep>,
    /// How many of which.
    pub counts: PlanCounts,
}

/// One intended change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    /// `create`, `update`, `delete`, `link`, `hold` and so on.
    pub action: String,
    /// The book that is written, where one is: `provider` or `pipedrive`.
    pub side: Option<String>,
    /// Which row of the decision table, in words.
    pub reason: String,
    /// The contact's name, for people.
    pub contact: String,
    /// The person's id in Pipedrive, where there is one.
    pub person: Option<u64>,
    /// What changes, field by field.
    pub fields: Vec<FieldLine>,
    /// What else a human being should be told.
    pub said: Vec<String>,
    /// What names this step.
    pub digest: String,
}

/// One field of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldLine {
    /// The field's name.
    pub field: String,
    /// What it holds; `None`: nothing.
    pub before: Option<String>,
    /// What it would hold; `None`: nothing.
    pub after: Option<String>,
}

/// A plan in numbers; contacts, as in [`Pass`](super::Pass).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCounts {
    /// Contacts to be created on either side.
    pub added: u64,
    /// Contacts to be updated.
    pub updated: u64,
    /// Contacts to be deleted.
    pub deleted: u64,
    /// Pairs to be linked without a creation.
    pub linked: u64,
    /// Contacts that wait for a human being.
    pub held: u64,
}

impl PlanCounts {
    /// Whether either book would be changed.
    pub fn changes(&self) -> bool {
        self.added + self.updated + self.deleted + self.linked > 0
    }
}

/// Something that waits for a human being.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldItem {
    /// The account.
    pub account: String,
    /// What `confirm` takes.
    pub digest: String,
    /// Why it is held, for programs: `several-matches`, `deletions` and so on. Never a contact's name: pages group by it.
    pub code: String,
    /// What is held, for people.
    pub what: String,
    /// Whom it could belong to.
    pub candidates: Vec<String>,
    /// What `confirm` would do.
    pub confirming: String,
    /// More of it, one line each.
    pub lines: Vec<String>,
    /// Since when.
    pub since: Option<At>,
}

/// One result of the online check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The account it is about; `None`: the company.
    pub account: Option<String>,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

//! The status document: what `/api/v1/status` answers, what the dashboard and `carnetd status` draw.
//!
//! Its keys are a contract (DESIGN §7); `tests/golden.rs` compares them with the contract's own example. It never holds
//! a contact's name, address or number: everybody on the machine may read it. Who fills it: the daemon, through
//! [`Operator::snapshot`](super::Operator::snapshot).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Moment;

/// A moment as JSON: RFC 3339 in UTC, whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Moment);

impl From<Moment> for At {
    fn from(moment: Moment) -> Self {
        Self(moment)
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = Moment::parse(&text);
        moment.map(Self).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no RFC 3339 time")))
    }
}

/// Everything that can be seen of carnetd at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The program's version.
    pub version: String,
    /// How the last load of the configuration went.
    pub reload: Reload,
    /// The company's CRM.
    pub pipedrive: Pipedrive,
    /// The accounts that are declared, by name.
    pub accounts: Vec<Account>,
}

impl Snapshot {
    /// The account of this name.
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }
}

/// How the last load of the configuration went. Where it failed, the configuration before it is still in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// Whether the files as they stand are in use.
    pub ok: bool,
    /// When they were last read; `None` before the first time.
    pub at: Option<At>,
    /// What is wrong with them; empty where `ok`.
    pub problems: Vec<ProblemLine>,
}

/// One problem of the configuration. The whole text with the offending line is in [`super::Reloaded::rendered`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemLine {
    /// The file, where it is about one.
    pub path: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1, in characters.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What was expected at that place.
    #[serde(default)]
    pub expected: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl From<&crate::config::Problem> for ProblemLine {
    fn from(problem: &crate::config::Problem) -> Self {
        Self {
            path: problem.path().map(|path| path.display().to_string()),
            line: problem.line(),
            column: problem.column(),
            message: problem.message().to_owned(),
            expected: Some(problem.expected().to_owned()).filter(|text| !text.is_empty()),
            help: problem.to_do().map(str::to_owned),
        }
    }
}

/// What is known of the company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipedrive {
    /// How it is with its API.
    pub state: CompanyState,
    /// Why, for people; `None` where there is nothing to say.
    pub reason: Option<String>,
    /// The company's domain, once known.
    pub company: Option<String>,
    /// The company's daily budget.
    pub tokens: Tokens,
}

/// How it is with Pipedrive's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompanyState {
    /// Not asked yet.
    Starting,
    /// It answers.
    Ok,
    /// Its token or login is refused.
    NeedsLogin,
    /// The budget for today is used up.
    Paused,
    /// It does not answer as it should.
    Error,
}

impl CompanyState {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ok => "ok",
            Self::NeedsLogin => "needs_login",
            Self::Paused => "paused",
            Self::Error => "error",
        }
    }
}

/// Pipedrive's daily tokens, of the whole company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Those of a day.
    pub limit: u64,
    /// Those used today, by everybody.
    pub used: u64,
    /// Those kept for people and other programs.
    pub reserve: u64,
    /// When carnetd's share is used up at the present pace; `None`: not before the day ends.
    pub runs_out_at: Option<At>,
}

/// A daily limit from here on is none that anybody meets.
const BOUNDLESS: u64 = 100_000_000;

impl Tokens {
    /// Whether there are as good as endlessly many: a stand-in's.
    pub fn are_boundless(&self) -> bool {
        self.limit >= BOUNDLESS
    }

    /// Those left today.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name in the configuration.
    pub name: String,
    /// `google`, `microsoft`, `icloud`, `carddav` or `folder`.
    pub provider: String,
    /// Who; for a folder its path where no address is declared.
    pub address: Option<String>,
    /// The synced segment; `*` is the whole book.
    pub group: String,
    /// `one-way` or `two-way`.
    pub direction: String,
    /// The word of the configuration.
    pub visibility: String,
    /// What it is doing.
    pub state: State,
    /// Why, for people; `None` where there is nothing to say. Never a contact's name.
    pub reason: Option<String>,
    /// Why, for programs.
    pub reason_code: Option<String>,
    /// Active links.
    pub contacts: u64,
    /// What waits for a human being.
    pub held: u64,
    /// Linked persons whose visibility or owner is not what is declared: both are written at creation only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other_visibility: u64,
    /// When the next pass is due; `None` while one runs or none is planned.
    pub next_pass_at: Option<At>,
    /// The running pass with its live counters.
    pub current: Option<Pass>,
    /// The last pass that changed anything; `{}` where none did yet.
    #[serde(with = "empty_object", default)]
    pub last_change: Option<Pass>,
    /// The last finished pass; null before the first.
    pub last_pass: Option<Pass>,
    /// What was changed since the checkpoint began.
    pub totals: Totals,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Account {
    /// The pass that the numbers of "this sync" come from: the running one, else the last finished.
    pub fn shown_pass(&self) -> Option<&Pass> {
        self.current.as_ref().or(self.last_pass.as_ref())
    }
}

/// What an account is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// No pass yet since the daemon started.
    Starting,
    /// In step; waiting for the next pass.
    Idle,
    /// A pass runs.
    Running,
    /// The provider wants a login.
    NeedsLogin,
    /// A plan, or all of the account, waits for a human being.
    Held,
    /// The last pass failed.
    Error,
    /// Nothing runs: it is disabled, or the budget is used up.
    Paused,
}

impl State {
    /// Every state, in the contract's order.
    pub const ALL: [Self; 7] =
        [Self::Starting, Self::Idle, Self::Running, Self::NeedsLogin, Self::Held, Self::Error, Self::Paused];

    /// The word in JSON and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Running => "running",
            Self::NeedsLogin => "needs_login",
            Self::Held => "held",
            Self::Error => "error",
            Self::Paused => "paused",
        }
    }

    /// Whether somebody has to do something.
    pub fn wants_attention(self) -> bool {
        matches!(self, Self::NeedsLogin | Self::Held | Self::Error)
    }
}

/// One pass of an account. The counts are contacts, changed on either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Its number, unique in the state database.
    pub id: u64,
    /// When it began.
    pub started_at: At,
    /// When it ended; null while it runs.
    pub finished_at: Option<At>,
    /// How it ended; null while it runs.
    pub outcome: Option<Outcome>,
    /// Contacts created.
    pub added: u64,
    /// Contacts updated.
    pub updated: u64,
    /// Contacts deleted.
    pub deleted: u64,
    /// Contacts that could not be brought in step.
    pub failed: u64,
    /// How many contacts the plan of the running pass changes; absent before it is planned and after it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<u64>,
}

impl Pass {
    /// How many contacts have been dealt with.
    pub fn done(&self) -> u64 {
        self.added + self.updated + self.deleted + self.failed
    }
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Both sides are in step, save what is listed as failed.
    Ok,
    /// The plan refused itself, or all of the account waits for a human being.
    Held,
    /// The provider or Pipedrive wants a login.
    NeedsLogin,
    /// Put off: the budget is used up, or a service asked for patience.
    Later,
    /// It broke off because a service or a folder is not reachable. Commands tell it from [`Outcome::Failed`]; a kept pass
    /// does not.
    Unreachable,
    /// It broke off.
    Failed,
}

impl Outcome {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Held => "held",
            Self::NeedsLogin => "needs_login",
            Self::Later => "later",
            Self::Unreachable => "unreachable",
            Self::Failed => "failed",
        }
    }
}

/// What was changed since the checkpoint began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Contacts created.
    pub added: u64,
    /// Contacts updated.
    pub updated: u64,
    /// Contacts deleted.
    pub deleted: u64,
}

/// `last_change` is an object in every document, so that a reader may ask for its keys without looking first.
mod empty_object {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Pass;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum PassOrEmpty {
        Pass(Pass),
        Empty {},
    }

    #[expect(clippy::ref_option, reason = "serde calls it with a reference")]
    pub(super) fn serialize<S: Serializer>(pass: &Option<Pass>, serializer: S) -> Result<S::Ok, S::Error> {
        match pass {
            Some(pass) => pass.serialize(serializer),
            None => serde_json::Map::new().serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pass>, D::Error> {
        Ok(match Option::deserialize(deserializer)? {
            Some(PassOrEmpty::Pass(pass)) => Some(pass),
            Some(PassOrEmpty::Empty {}) | None => None,
        })
    }
}

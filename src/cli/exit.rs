//! Exit codes (DESIGN §6, a contract), and what leads to which.

use std::process::ExitCode;

use crate::status::{Outcome, RefusedKind};

/// How a command ended. The order is that of gravity: of several accounts' ends the gravest is the command's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// It was done.
    Done,
    /// There are changes (`plan --detailed-exitcode` only).
    Changes,
    /// Something waits for a human being, or a plan refused itself.
    Held,
    /// The budget is used up, or a service asks for patience.
    Later,
    /// Somebody has to log in.
    NeedsLogin,
    /// A service or the daemon is not reachable.
    NotReachable,
    /// The configuration is wrong.
    Config,
    /// What was typed is wrong.
    Usage,
    /// It failed.
    Failed,
}

impl Exit {
    /// The number; those above 63 are `sysexits.h`'s.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Held => 3,
            Self::NeedsLogin => 4,
            Self::Usage => 64,
            Self::NotReachable => 69,
            Self::Later => 75,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<RefusedKind> for Exit {
    fn from(kind: RefusedKind) -> Self {
        match kind {
            RefusedKind::UnknownAccount => Self::Usage,
            RefusedKind::NotReachable => Self::NotReachable,
            RefusedKind::NeedsLogin => Self::NeedsLogin,
            RefusedKind::Later => Self::Later,
            RefusedKind::Failed => Self::Failed,
            RefusedKind::Unconfigured => Self::Config,
        }
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Done,
            Outcome::Held => Self::Held,
            Outcome::NeedsLogin => Self::NeedsLogin,
            Outcome::Later => Self::Later,
            Outcome::Unreachable => Self::NotReachable,
            Outcome::Failed => Self::Failed,
        }
    }
}

/// The gravest of several ends.
pub(super) fn gravest(exits: impl IntoIterator<Item = Exit>) -> Exit {
    exits.into_iter().max().unwrap_or(Exit::Done)
}

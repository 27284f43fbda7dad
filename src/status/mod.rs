//! What people see of carnetd, and how they ask something of it.
//!
//! [`Operator`] is the trait in the middle: the daemon implements it, the server here and the commands of
//! [`crate::cli`] use it, and [`Remote`] carries it over the Unix socket to a running daemon.
//!
//! | file | what is there |
//! |---|---|
//! | `operator` | the questions and their answers |
//! | `snapshot` | the status document, whose keys are a contract |
//! | `notice` | what the daemon tells whoever started it |
//! | `accept` | connections, and how many of them for how long |
//! | `server`, `control` | the routes for everybody, and those of the commands' socket |
//! | `door` | who may come in |
//! | `login` | the pages behind a mailed link, by which somebody logs in for an account |
//! | `answer` | a refusal as an HTTP answer |
//! | `page/` | the dashboard |
//! | `metrics` | what Prometheus reads |
//! | [`socket`], `remote` | the commands' way to a running daemon |
//!
//! Nothing here decides about contacts, and without a token no page holds a contact's name.

mod accept;
mod answer;
mod control;
mod door;
mod login;
mod metrics;
mod notice;
mod operator;
mod page;
mod remote;
mod server;
mod snapshot;
pub mod socket;
#[cfg(test)]
pub(crate) mod tests;

pub use door::{Door, Visitor};
pub(crate) use login::confided;
pub use metrics::{Action, Metrics};
pub use notice::{Notice, Notices};
pub use operator::{
    AccountPlan, FieldLine, Finding, HeldItem, LoggedIn, LoginLink, LoginStarted, Operator, PlanCounts, PlanStep,
    Refused, RefusedKind, Reloaded, Synced, Who,
};
pub(crate) use page::link::told;
pub use remote::Remote;
pub use server::{Listener, Server};
pub use snapshot::{
    Account, At, CompanyState, Outcome, Pass, Pipedrive, ProblemLine, Reload, Snapshot, State, Tokens, Totals,
};

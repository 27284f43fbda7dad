//! When passes run.
//!
//! The daemon is one loop over a closed set of events: time, an edited folder or configuration, a signal, a
//! request, the end of a poll or a pass. Each makes at most one pass per account run at a time; requests made meanwhile
//! become one more. A pass runs as a task of its own: when it panics, that is contained, shown, and tried again later.
//!
//! Decisions about contacts are never made here ([`crate::plan`]); how one pass goes is [`crate::reconcile`]'s.
//!
//! | file | what is there |
//! |---|---|
//! | `event`, `control` | what can start work, and the loop over it |
//! | `passes`, `polls`, `reload`, `watching` | the loop's parts: asking for passes, after a poll, a new configuration, the disk |
//! | `signals`, `serve` | the operating system's and people's ways in |
//! | `engine`, `connect`, `parts`, `spent` | working parts (client, company, books, sandbox), from a checked configuration; the tokens of commands |
//! | `logins` | from the configuration to access tokens; making a login |
//! | `standing`, `show`, `left`, `check`, `operator` | what is said of accounts, plans, held things and declarations, and who answers |

mod check;
mod connect;
mod control;
mod engine;
mod event;
mod left;
mod logins;
mod operator;
mod parts;
mod passes;
mod polls;
mod reload;
mod serve;
mod show;
mod signals;
mod spent;
mod standing;
mod watching;

use std::sync::Arc;

use crate::clock::RealClock;
use crate::config::{Config, Environment};
use crate::status::{Notices, Operator, Refused, RefusedKind};

pub use engine::{Books, Create, Engine};

/// How `run` ended, for the exit code.
#[derive(Debug)]
pub enum Stopped {
    /// By a signal, everything recorded.
    Cleanly,
    /// It could not start.
    Refused(Refused),
}

/// The daemon, until a signal ends it. Tells where the dashboard is.
pub async fn run(environment: Environment, config: Config, notices: Arc<dyn Notices>) -> Stopped {
    let engine = match Engine::open(environment, config, Create::IfMissing, Arc::new(RealClock)).await {
        Ok(engine) => engine,
        // Whoever is to be the daemon looks for none.
        Err(refused) => return Stopped::Refused(Refused { kind: RefusedKind::Failed, ..refused }),
    };
    serve(engine, notices).await
}

/// The daemon on parts that are open already, until a signal ends it.
pub async fn serve(engine: Arc<Engine>, notices: Arc<dyn Notices>) -> Stopped {
    match control::run(engine, notices).await {
        Ok(()) => Stopped::Cleanly,
        Err(message) => Stopped::Refused(Refused::new(RefusedKind::Failed, message)),
    }
}

/// What a single command works with when no daemon runs: the same parts without the loop.
pub async fn local(environment: Environment, config: Config, create: Create) -> Result<Box<dyn Operator>, Refused> {
    Ok(commands(Engine::open(environment, config, create, Arc::new(RealClock)).await?))
}

/// Single commands on parts that are open already.
pub fn commands(engine: Arc<Engine>) -> Box<dyn Operator> {
    Box::new(operator::Local(engine))
}

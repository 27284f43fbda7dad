//! The two calls into [`crate::daemon`], in one place until they are there: then this file becomes
//! `pub(super) use crate::daemon::{Create, Stopped, local, run};`.

use std::sync::Arc;

use crate::config::{Config, Environment};
use crate::status::{Notices, Operator, Refused, RefusedKind};

/// Whether a missing state database is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Create {
    /// It must be there.
    Never,
    /// It is made: only `run` and `sync --init`.
    IfMissing,
}

/// How `run` ended.
#[derive(Debug)]
pub(super) enum Stopped {
    /// By a signal, everything recorded.
    #[expect(dead_code, reason = "nothing runs yet")]
    Cleanly,
    /// It could not start.
    Refused(Refused),
}

/// The daemon, until a signal ends it.
pub(super) async fn run(_env: Environment, _config: Config, _notices: Arc<dyn Notices>) -> Stopped {
    std::future::ready(Stopped::Refused(not_yet())).await
}

/// What a single command works with when no daemon runs.
pub(super) async fn local(_env: Environment, config: Config, _create: Create) -> Result<Box<dyn Operator>, Refused> {
    let path = config.state_dir.join("state.redb");
    let message = format!("there is no state database {}", path.display());
    std::future::ready(Err(Refused::new(RefusedKind::NotReachable, message))).await
}

fn not_yet() -> Refused {
    Refused::new(RefusedKind::Failed, "this build has no daemon yet")
}

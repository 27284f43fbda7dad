//! `carnetd run`: the daemon in the foreground.

use std::sync::Arc;

use super::exit::Exit;
use super::log::{self, Levels};
use super::reach::{Reach, Stop};
use super::terminal::Terminal;
use crate::daemon::{self, Stopped};
use crate::status::{Notice, Notices};

pub(super) async fn run(reach: &Reach, terminal: &mut Terminal) -> Result<Exit, Stop> {
    let config = reach.load()?;
    let levels = log::start(&config.log, terminal.colour_on_stderr());
    let notices = Arc::new(Teller { levels });
    match daemon::run(reach.environment().clone(), config, notices).await {
        Stopped::Cleanly => Ok(Exit::Done),
        Stopped::Refused(refused) => Err(refused.into()),
    }
}

/// Tells a person at a terminal where to look, and the journal the same as a log line.
struct Teller {
    levels: Levels,
}

impl Notices for Teller {
    fn tell(&self, notice: Notice) {
        match notice {
            Notice::Dashboard(url) => self.place("dashboard", &url),
            Notice::Persons(url) => self.place("the sandbox's persons", &url),
            Notice::Log(log) => self.levels.apply(&log),
        }
    }
}

impl Teller {
    /// Said whatever the level is, except where every line must have the log's form.
    fn place(&self, what: &str, url: &str) {
        if self.levels.is_plain() {
            use std::io::Write as _;
            // Where stderr is gone there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{what}: {url}");
        } else {
            tracing::info!("{what}: {url}");
        }
    }
}

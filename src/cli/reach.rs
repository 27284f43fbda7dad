//! Whom a command asks: the running daemon where one answers, else the same parts in this process.

use crate::clock::SharedClock;
use crate::config::{self, Config, Environment, Problems};
use crate::daemon::{self, Create};
use crate::status::{Operator, Refused, RefusedKind, Remote, socket};

/// The way from a command to an answer.
pub(super) struct Reach {
    env: Environment,
    clock: SharedClock,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(super) enum Stop {
    /// It was refused.
    Refused(Refused),
    /// The configuration is wrong.
    Problems(Problems),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Reach {
    /// The way in this environment.
    pub(super) fn new(env: Environment, clock: SharedClock) -> Self {
        Self { env, clock }
    }

    /// What the process was given.
    pub(super) fn environment(&self) -> &Environment {
        &self.env
    }

    /// Where time comes from.
    pub(super) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// The configuration as it stands in the files.
    pub(super) fn load(&self) -> Result<Config, Stop> {
        config::load(&self.env).map_err(Stop::Problems)
    }

    /// The running daemon, where one answers. The files are not checked: it runs whatever they hold by now.
    pub(super) async fn daemon(&self) -> Result<Option<Remote>, Refused> {
        let mut closed = None;
        let seed = self.clock.now().0.unsigned_abs();
        for path in socket::candidates(&self.env) {
            match Remote::connect(&path, self.clock.clone(), seed).await {
                Ok(Some(remote)) => return Ok(Some(remote)),
                Ok(None) => {}
                Err(refused) => closed = closed.or(Some(refused)),
            }
        }
        closed.map_or(Ok(None), Err)
    }

    /// The running daemon, for what only it can do.
    pub(super) async fn running(&self) -> Result<Remote, Refused> {
        self.daemon().await?.ok_or_else(|| {
            Refused::new(RefusedKind::NotReachable, self.nobody())
                .help("start it: `systemctl start carnetd`, or `carnetd run`")
        })
    }

    /// The running daemon, else the work in this process. `create` says whether a missing state database is made.
    pub(super) async fn operator(&self, create: Create) -> Result<Box<dyn Operator>, Stop> {
        if let Some(remote) = self.daemon().await? {
            return Ok(Box::new(remote));
        }
        let local = daemon::local(self.env.clone(), self.load()?, create).await;
        Ok(local.map_err(|refused| match refused.kind {
            RefusedKind::NotReachable => {
                Refused { message: format!("{}; {}", refused.message, self.nobody()), ..refused }
            }
            _ => refused,
        })?)
    }

    /// Which paths were tried.
    fn nobody(&self) -> String {
        let tried: Vec<_> = socket::candidates(&self.env).iter().map(|path| path.display().to_string()).collect();
        format!("no carnetd answers on {}", tried.join(" or "))
    }
}

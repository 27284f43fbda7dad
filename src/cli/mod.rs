//! The command line: what is typed becomes a question to an [`Operator`](crate::status::Operator), and its answer text.
//!
//! A command reaches a running daemon through its socket, else it works in this process (`reach`); it is written once,
//! against the trait. Results go to stdout and everything else to stderr; the exit codes are a contract (`exit`).
//!
//! | file | what is there |
//! |---|---|
//! | `args` | what may be typed |
//! | `exit` | exit codes, and what leads to which |
//! | `reach` | the running daemon, or the work in this process |
//! | `terminal` | where text goes, and whether in colour |
//! | `log` | the log of this process |
//! | `run`, `check`, `plan`, `sync`, `status`, `ask`, `held`, `login`, `sandbox` | the commands; `ask` has the short ones |
//! | `loopback` | where a login's browser comes back to |
//!
//! Nothing here decides about contacts.

mod args;
mod ask;
mod check;
mod exit;
mod held;
mod log;
mod login;
mod loopback;
mod plan;
mod reach;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod status;
mod sync;
mod terminal;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::clock::RealClock;
use crate::config::{Environment, Log, LogFormat, LogLevel};

use args::{Args, Command};
use exit::Exit;
use reach::{Reach, Stop};
use terminal::Terminal;

/// Does what the process's arguments say.
pub fn main() -> ExitCode {
    let args = match parse(std::env::args_os()) {
        Ok(args) => args,
        Err((error, exit)) => {
            // Where it cannot be printed there is nobody to tell.
            let _ = error.print();
            return exit.into();
        }
    };
    let mut terminal = Terminal::of_process();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.error(&format!("the program's threads cannot be started: {error}"), None);
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(execute(args, &mut terminal));
    terminal.finish(exit).into()
}

/// What was typed, or what clap says of it: help and version (done), or a mistake (usage).
fn parse<T: Into<OsString> + Clone>(typed: impl IntoIterator<Item = T>) -> Result<Args, (clap::Error, Exit)> {
    Args::try_parse_from(typed).map_err(|error| {
        let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
        (error, exit)
    })
}

async fn execute(args: Args, terminal: &mut Terminal) -> Exit {
    let env = Environment::from_process(&args.config);
    let reach = Reach::new(env, Arc::new(RealClock));
    if !matches!(args.command, Command::Run) {
        let quiet = Log { level: LogLevel::Warn, format: LogFormat::Text };
        log::start(&quiet, terminal.colour_on_stderr());
    }
    let done = match args.command {
        Command::Run => run::run(&reach, terminal).await,
        Command::Check { offline } => check::check(&reach, offline, terminal).await,
        Command::Plan(what) => plan::plan(&reach, &what, terminal).await,
        Command::Reload => ask::reload(&reach, terminal).await,
        Command::Sync(what) => sync::sync(&reach, &what, terminal).await,
        Command::Status { json, watch } => status::status(&reach, json, watch, terminal).await,
        Command::Refresh { account } => ask::refresh(&reach, account.as_ref(), terminal).await,
        Command::Groups { account } => ask::groups(&reach, &account, terminal).await,
        Command::Held { account, json } => held::held(&reach, account.as_ref(), json, terminal).await,
        Command::Confirm { account, digest } => held::confirm(&reach, &account, digest, terminal).await,
        Command::Login(what) => login::login(&reach, what, terminal).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(what) => sandbox::sandbox(what, reach.clock(), terminal).await,
    };
    done.unwrap_or_else(|stop| stopped(&stop, terminal))
}

/// Says why a command could not do its work.
fn stopped(stop: &Stop, terminal: &mut Terminal) -> Exit {
    match stop {
        Stop::Refused(refused) => {
            terminal.error(&refused.message, refused.help.as_deref());
            refused.kind.into()
        }
        Stop::Problems(problems) => {
            let colour = terminal.colour_on_stderr();
            terminal.note(problems.render(colour).trim_end());
            Exit::Config
        }
    }
}

//! What may be typed (DESIGN §6, a contract). Nothing is done here.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::account::AccountName;
use crate::contact::Digest;

/// Keeps the address books of a whole company in step with its Pipedrive CRM.
#[derive(Debug, Parser)]
#[command(name = "carnetd", version, arg_required_else_help = true, subcommand_required = true)]
pub(super) struct Args {
    /// The configuration
    #[arg(long, global = true, value_name = "PATH", default_value = "/etc/carnetd/carnetd.toml")]
    pub(super) config: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the daemon in the foreground; it logs to stderr and notifies systemd
    Run,
    /// Check the configuration, and online also logins, groups, owners and visibility
    Check {
        /// Do not use the network
        #[arg(long)]
        offline: bool,
    },
    /// Show what a pass would do, field by field; nothing is written
    Plan(Plan),
    /// Have the running daemon take over the edited configuration, and wait until it is in use
    Reload,
    /// Run one pass now, through the running daemon or else in this process
    Sync(Sync),
    /// Show the dashboard in the terminal
    Status {
        /// Print the status document
        #[arg(long)]
        json: bool,
        /// Go on, and show every change
        #[arg(long)]
        watch: bool,
    },
    /// Ask the running daemon to run every account (or this one) now
    Refresh {
        /// Only this account
        #[arg(value_parser = account)]
        account: Option<AccountName>,
    },
    /// List the groups that may be written as the account's `group`
    Groups {
        /// The account
        #[arg(value_parser = account)]
        account: AccountName,
    },
    /// Log in for an account, or for Pipedrive, with a browser
    Login(Login),
    /// Show what waits for a human being, each with its digest
    Held {
        /// Only this account
        #[arg(value_parser = account)]
        account: Option<AccountName>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Allow exactly what was shown, for 24 hours
    Confirm {
        /// The account
        #[arg(value_parser = account)]
        account: AccountName,
        /// What `held` or `plan` showed; may be left out on a terminal, which then shows it and asks
        #[arg(value_parser = digest)]
        digest: Option<Digest>,
    },
    /// Run the stand-in services alone
    #[cfg(feature = "sandbox")]
    Sandbox(Sandbox),
}

/// `carnetd plan`
#[derive(Debug, clap::Args)]
pub(super) struct Plan {
    /// Only this account
    #[arg(value_parser = account)]
    pub(super) account: Option<AccountName>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Write the plan as JSON to this file, readable by you alone
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Exit with 2 when there are changes
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
}

/// `carnetd sync`
#[derive(Debug, clap::Args)]
pub(super) struct Sync {
    /// Only this account
    #[arg(value_parser = account)]
    pub(super) account: Option<AccountName>,
    /// Read everything anew instead of what changed
    #[arg(long)]
    pub(super) full: bool,
    /// Make the state database where there is none and no daemon runs
    #[arg(long)]
    pub(super) init: bool,
}

/// `carnetd login`
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("who").required(true).args(["account", "pipedrive"])))]
pub(super) struct Login {
    /// The account
    #[arg(value_parser = account)]
    pub(super) account: Option<AccountName>,
    /// Log in to Pipedrive itself, by the app of `[pipedrive.oauth]`
    #[arg(long)]
    pub(super) pipedrive: bool,
    /// Print the address as the only line on stdout, for a browser elsewhere; then wait for it, or for its final address
    /// on stdin
    #[arg(long)]
    pub(super) no_browser: bool,
    /// Print a link, good once and for 24 hours, by which the account's owner can log in from anywhere; needs
    /// `[status] public_url`
    #[arg(long, conflicts_with_all = ["pipedrive", "no_browser", "port"])]
    pub(super) link: bool,
    /// Have the browser come back to http://127.0.0.1:PORT/ instead of any free port: for `ssh -L`, and where the
    /// provider takes only registered addresses (Pipedrive, and web clients of Google)
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
}

/// `carnetd sandbox`
#[cfg(feature = "sandbox")]
#[derive(Debug, clap::Args)]
pub(super) struct Sandbox {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8700")]
    pub(super) listen: std::net::SocketAddr,
    /// The file that keeps its state; without it everything is forgotten at the end
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
}

fn account(typed: &str) -> Result<AccountName, String> {
    AccountName::new(typed).ok_or_else(|| "an account's name has 1 to 64 of a-z 0-9 . _ @ -".to_owned())
}

fn digest(typed: &str) -> Result<Digest, String> {
    Digest::parse(typed).ok_or_else(|| "a digest has 16 hex digits; `carnetd held` shows them".to_owned())
}

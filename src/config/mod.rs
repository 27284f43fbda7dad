//! The declared state: TOML files, checked whole.
//!
//! [`load`] reads `carnetd.toml` and the accounts directory and gives a [`Config`] in which everything is meaningful,
//! or [`Problems`]: every one of them, with its place and what to do. [`diff`] says what a reload changes, and
//! [`ConfigWatch`] when one is due.
//!
//! | file | what it knows |
//! |---|---|
//! | `environment` | what the process was given beside the file |
//! | `files` | which files are loaded, and whether they changed |
//! | `keys` | every key, as data |
//! | `source`, `raw`, `syntax` | files, places, tables: shapes without meaning |
//! | `value`, `secret` | what single values mean |
//! | `check/` | what may and must stand together |
//! | `model` | the outcome |
//! | `problem` | what is wrong, and how it is shown |
//! | `diff`, `watch` | reloading |
//!
//! It never uses the network, never writes, and never does anything of a provider: their keys are data here.

mod check;
mod diff;
mod environment;
mod files;
mod keys;
mod model;
mod problem;
mod raw;
mod secret;
mod source;
mod syntax;
mod value;
mod watch;

pub use check::load;
pub use diff::{Diff, diff};
pub use environment::{Environment, ProxyText};
pub use model::{
    Account, Book, Config, Connection, GoogleConnection, GoogleLogin, Http, Levels, Listen, Log, LogFormat, LogLevel,
    MicrosoftConnection, MicrosoftLogin, Pipedrive, PipedriveOauth, ProxyUrl, StandIn, StateKey, Status,
    is_same_folder,
};
pub use problem::{Problem, Problems};
pub use watch::ConfigWatch;

#[cfg(test)]
mod tests;

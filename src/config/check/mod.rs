//! From tables to a [`Config`]: what every key means and which may stand together.
//!
//! The parts: [`service`] (all but accounts), [`connection`] (Google and Microsoft), [`account`] (one account),
//! [`whole`] (accounts among each other).

mod account;
mod connection;
mod service;
mod whole;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::account::AccountName;

use super::environment::Environment;
use super::keys;
use super::model::Config;
use super::problem::{Problem, Problems};
use super::raw::{Complaint, File, Given, Section, Sink, Value, absolute};
use super::source::Place;
use super::value;

use account::{Checked, Context, Declared};

/// Reads the configuration and checks all of it, without the network and without writing anything.
///
/// # Errors
/// Every problem at once.
pub fn load(env: &Environment) -> Result<Config, Problems> {
    let mut sink = Sink::new(env);
    let mut files = vec![env.config_path.clone()];
    let main = match File::read(&env.config_path) {
        Ok(main) => main,
        Err(problem) => return Err(Problems::new(vec![problem], &files, Some(default_accounts_dir(env)))),
    };
    let table = main.parse(&mut sink);
    let top = Section::open("the top of the file".to_owned(), main.start(), &table, &keys::TOP, &mut sink);

    let named = top.get("accounts_dir", &mut sink, accounts_dir);
    let accounts_dir = match &named {
        Given::Yes(directory, _) => directory.clone(),
        Given::No | Given::Wrong => default_accounts_dir(env),
    };
    let account_files = read_accounts_dir(&accounts_dir, &named, &mut sink);
    files.extend(account_files.iter().map(|(path, _)| path.clone()));
    let account_files: Vec<File> = account_files.into_iter().filter_map(|(_, file)| file).collect();
    let tables: Vec<_> = account_files.iter().map(|file| (file.start(), file.parse(&mut sink))).collect();

    let mut sections = top.named("accounts", &keys::ACCOUNT, &mut sink);
    for (start, table) in &tables {
        let title = "a file of the accounts directory".to_owned();
        let file = Section::open(title, start.clone(), table, &keys::ACCOUNT_FILE, &mut sink);
        sections.extend(file.named("accounts", &keys::ACCOUNT, &mut sink));
    }

    let config = config(&top, &sections, &mut sink).map(|config| Config {
        accounts_dir: accounts_dir.is_dir().then(|| absolute(Path::new("."), &accounts_dir)),
        files: files.clone(),
        ..config
    });
    match config {
        Some(config) if sink.list.is_empty() => Ok(config),
        _ => Err(Problems::new(sink.list, &files, Some(accounts_dir))),
    }
}

/// The whole; `None` where something is wrong, which the sink then knows.
fn config(top: &Section<'_>, sections: &[(&str, Section<'_>)], sink: &mut Sink<'_>) -> Option<Config> {
    let settings = service::settings(top, sink);
    let pipedrive = service::pipedrive(top, sink);
    let google = top.table("google", &keys::GOOGLE, sink).map(|section| connection::google(&section, sink));
    let microsoft = top.table("microsoft", &keys::MICROSOFT, sink).map(|section| connection::microsoft(&section, sink));
    let connections = connection::named(top, sink);
    let status = service::status(top, sink);
    let log = service::log(top, sink);
    let http = service::http(top, sink);

    let context = Context {
        levels: pipedrive.levels,
        interval: settings.interval,
        google: google.is_some(),
        microsoft: microsoft.is_some(),
        connections: connections.iter().map(|(name, (provider, _))| (name.clone(), *provider)).collect(),
    };
    let accounts = accounts(top, sections, &context, sink);
    Some(Config {
        path: sink.env.config_path.clone(),
        files: Vec::new(),
        state_dir: settings.state_dir,
        accounts_dir: None,
        watch: settings.watch,
        interval: settings.interval,
        history: settings.history,
        state_key: settings.state_key,
        pipedrive: pipedrive.value?,
        google: google.flatten(),
        microsoft: microsoft.flatten(),
        connections: connections.into_iter().filter_map(|(name, (_, value))| Some((name, value?))).collect(),
        status: status?,
        log,
        http,
        accounts: accounts.into_iter().map(|checked| (checked.account.name.clone(), checked.account)).collect(),
    })
}

fn accounts(
    top: &Section<'_>,
    sections: &[(&str, Section<'_>)],
    context: &Context,
    sink: &mut Sink<'_>,
) -> Vec<Checked> {
    let defaults = top
        .table("defaults", &keys::ACCOUNT, sink)
        .map(|section| Declared::read(&section, context, sink))
        .unwrap_or_default();
    let mut seen: BTreeMap<AccountName, Place> = BTreeMap::new();
    let mut accounts = Vec::new();
    for (name, section) in sections {
        let Some(name) = account_name(name, section, sink) else { continue };
        if let Some(first) = seen.get(&name) {
            let problem = Problem::at(&section.place, format!("two accounts are named `{name}`"), "and here")
                .also(first, "first here")
                .help("rename one of them: a name stands for one checkpoint");
            sink.add(problem);
            continue;
        }
        seen.insert(name.clone(), section.place.clone());
        accounts.extend(account::check(name, section, &defaults, context, sink));
    }
    whole::check(&mut accounts, sink);
    accounts
}

fn account_name(name: &str, section: &Section<'_>, sink: &mut Sink<'_>) -> Option<AccountName> {
    let known = AccountName::new(name);
    if known.is_none() {
        let label = format!("expected 1 to {} of a-z 0-9 . _ @ -", AccountName::MAX);
        let problem = Problem::at(&section.place, format!("{name:?} cannot be an account's name"), label);
        let simple: String = name.to_lowercase().replace(' ', "-");
        sink.add(match AccountName::new(&simple) {
            Some(simple) => problem.help(format!("write [accounts.\"{simple}\"]")),
            None => problem,
        });
    }
    known
}

fn default_accounts_dir(env: &Environment) -> PathBuf {
    env.base().join("accounts.d")
}

/// Kept as it was written, so that messages name files the way the administrator does.
fn accounts_dir(value: Value<'_>) -> Result<PathBuf, Complaint> {
    value::path(value)?;
    Ok(value.base.join(value::text(value)?))
}

/// Every `*.toml` of the directory in the order of names; hidden files are editors' and not read.
fn read_accounts_dir(directory: &Path, named: &Given<PathBuf>, sink: &mut Sink<'_>) -> Vec<(PathBuf, Option<File>)> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound && named.place().is_none() => return Vec::new(),
        Err(error) => {
            let message = format!("cannot read the accounts directory: {error}");
            sink.add(match named.place() {
                Some(place) => Problem::at(place, message, "expected a directory")
                    .help(format!("create {}, or remove the line", directory.display())),
                None => Problem::file(directory, message).help("make it a directory that carnetd may read"),
            });
            return Vec::new();
        }
    };
    let main = std::fs::canonicalize(&sink.env.config_path).ok();
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_account_file(path) && (main.is_none() || std::fs::canonicalize(path).ok() != main))
        .collect();
    paths.sort();
    let read = |path: PathBuf| match File::read(&path) {
        Ok(file) => (path, Some(file)),
        Err(problem) => {
            sink.add(problem);
            (path, None)
        }
    };
    paths.into_iter().map(read).collect()
}

/// Whether a file of the accounts directory is read.
pub(super) fn is_account_file(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && path.extension().is_some_and(|extension| extension == "toml")
}

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
use std::path::PathBuf;

use crate::account::AccountName;

use super::environment::Environment;
use super::files::{self, Files};
use super::keys;
use super::model::Config;
use super::problem::{Problem, Problems};
use super::raw::{Complaint, File, Given, Section, Sink, Value};
use super::source::Place;
use super::value;

use account::{Checked, Context, Declared};

/// Reads the configuration and checks all of it, without the network and without writing anything.
///
/// # Errors
/// Every problem at once.
pub fn load(env: &Environment) -> Result<Config, Problems> {
    let mut sink = Sink::new(env);
    let mut paths = vec![env.config_path.clone()];
    let mut files = Files::of(&env.config_path);
    // Fingerprints are taken before the files are read: an edit in between is then noticed later, never missed.
    let before = files::fingerprint_of(&files.main);
    let main = match File::read(&files.main) {
        Ok(main) => main,
        Err(problem) => {
            let fingerprint = files::combine(before, files.fingerprint_of_accounts());
            return Err(Problems::new(vec![*problem], &paths, &files, fingerprint));
        }
    };
    let table = main.parse(&mut sink);
    let top = Section::open("the top of the file".to_owned(), main.start(), &table, &keys::TOP, &mut sink);

    let named = top.get("accounts_dir", &mut sink, accounts_dir);
    if let Given::Yes(directory, _) = &named {
        files.accounts_dir.clone_from(directory);
    }
    let fingerprint = files::combine(before, files.fingerprint_of_accounts());
    let account_files = read_accounts(&files, &named, &mut paths, &mut sink);
    let tables: Vec<_> = account_files.iter().map(|file| (file.start(), file.parse(&mut sink))).collect();

    let mut sections = top.named("accounts", &keys::ACCOUNT, &mut sink);
    for (start, table) in &tables {
        let title = "a file of the accounts directory".to_owned();
        let file = Section::open(title, start.clone(), table, &keys::ACCOUNT_FILE, &mut sink);
        sections.extend(file.named("accounts", &keys::ACCOUNT, &mut sink));
    }

    match config(&top, &sections, &mut sink) {
        Some(config) if sink.list.is_empty() => {
            let accounts_dir = files.accounts_dir.is_dir().then(|| files.absolute().accounts_dir);
            Ok(Config { accounts_dir, files: paths, fingerprint, ..config })
        }
        _ => Err(Problems::new(sink.list, &paths, &files, fingerprint)),
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
        fingerprint: 0,
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
        status,
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

/// Kept as it was written, so that messages name files the way the administrator does.
fn accounts_dir(value: Value<'_>) -> Result<PathBuf, Complaint> {
    value::path(value)?;
    Ok(value.base.join(value::text(value)?))
}

/// Reads the accounts directory's files; their paths are added to `paths`. The default directory may be missing.
fn read_accounts(files: &Files, named: &Given<PathBuf>, paths: &mut Vec<PathBuf>, sink: &mut Sink<'_>) -> Vec<File> {
    let accounts = match files.accounts() {
        Ok(accounts) => accounts,
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_missing() => return Vec::new(),
        Err(error) => {
            let message = format!("cannot read the accounts directory: {error}");
            let shown = files.accounts_dir.display();
            sink.add(match named.place() {
                Some(place) => Problem::at(place, message, "expected a directory")
                    .help(format!("create {shown}, or remove the line")),
                None => Problem::file(&files.accounts_dir, message).help("make it a directory that carnetd may read"),
            });
            return Vec::new();
        }
    };
    paths.extend(accounts.iter().cloned());
    accounts.iter().filter_map(|path| File::read(path).map_err(|problem| sink.add(*problem)).ok()).collect()
}

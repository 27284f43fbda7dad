//! The configuration as a whole: good files, exact texts of mistakes (`tests/config/*.toml` and `.txt`), and the
//! example.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::account::{AccountName, Group, Provider, Share, Visibility};
use crate::auth::secret::SecretSource;

const GOOD: &str = r#"
[pipedrive]
url = "https://acme.pipedrive.com"
token_file = "pipedrive.token"

[defaults]
group = "Clients"
direction = "one-way"
visibility = "company"

[accounts."alice@acme.example"]
provider = "folder"
path = "contacts"
"#;

/// A directory with `carnetd.toml` and `pipedrive.token`.
fn directory(text: &str) -> (TempDir, Environment) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("pipedrive.token"), "sandbox:a@b").expect("written");
    let config_path = directory.path().join("carnetd.toml");
    fs::write(&config_path, text).expect("written");
    (directory, Environment { config_path, ..Environment::default() })
}

fn good(text: &str) -> Config {
    let (_directory, env) = directory(text);
    load(&env).unwrap_or_else(|problems| panic!("{problems}"))
}

fn name(name: &str) -> AccountName {
    AccountName::new(name).expect("a name")
}

#[test]
fn a_short_file_is_filled_with_defaults() {
    let (directory, env) = directory(GOOD);
    let config = load(&env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.state_dir, directory.path().join("state"));
    assert_eq!(config.state_key, StateKey::Made(directory.path().join("state/key")));
    assert_eq!((config.accounts_dir.as_deref(), config.watch), (None, true));
    assert_eq!((config.interval, config.history), (Duration::from_mins(5), Duration::from_hours(2160)));
    assert_eq!(config.status.listen, Listen::Tcp("127.0.0.1:8787".parse().expect("an address")));
    assert_eq!(config.pipedrive.daily_share, Share::percent(50).expect("a share"));
    assert_eq!(config.pipedrive.token, Some(SecretSource::File(directory.path().join("pipedrive.token"))));
    let alice = &config.accounts[&name("alice@acme.example")];
    assert_eq!(alice.book, Book::Folder { path: directory.path().join("contacts") });
    assert_eq!((alice.owner.as_str(), alice.address.as_deref()), ("alice@acme.example", Some("alice@acme.example")));
    assert_eq!((&alice.group, alice.policy.visibility), (&Group::Named("Clients".into()), Visibility::Company));
    assert_eq!((alice.enabled, alice.provider, alice.interval), (true, Provider::Folder, config.interval));
}

#[test]
fn the_sandbox_needs_neither_url_nor_token() {
    let config = good("[pipedrive]\nsandbox = true");
    assert_eq!((config.pipedrive.url, config.pipedrive.token), (None, None));
    let rehearsal = good("[pipedrive]\nsandbox = true\nurl = \"https://a.example\"\ntoken_file = \"not there\"");
    assert!(rehearsal.pipedrive.url.is_some());
}

#[test]
fn state_lives_where_the_environment_says_unless_the_file_does() {
    let (directory, mut env) = directory(GOOD);
    env.state_directory = Some(PathBuf::from("/var/lib/elsewhere"));
    assert_eq!(load(&env).expect("good").state_dir, Path::new("/var/lib/elsewhere"));
    fs::write(&env.config_path, format!("state_dir = \"here\"\n{GOOD}")).expect("written");
    assert_eq!(load(&env).expect("good").state_dir, directory.path().join("here"));
}

/// Each mistake is a file, and its text the file beside it. `SNAPSHOTS=overwrite` writes the texts anew.
#[test]
fn every_mistake_has_its_exact_text() {
    let here = std::env::current_dir().expect("a working directory");
    let mut mistakes: Vec<_> = fs::read_dir("tests/config")
        .expect("the folder of mistakes")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    mistakes.sort();
    assert!(mistakes.len() >= 30, "only {} mistakes", mistakes.len());
    let assert = snapbox::Assert::new().action_env("SNAPSHOTS");
    for path in mistakes {
        let env = Environment { config_path: path.clone(), ..Environment::default() };
        let text = match load(&env) {
            Ok(_) => panic!("{} has no mistake", path.display()),
            Err(problems) => problems.render(false).replace(&here.display().to_string(), "[CWD]"),
        };
        assert.eq(text, snapbox::Data::read_from(&path.with_extension("txt"), None).raw());
    }
}

#[test]
fn a_thousand_account_files_load_in_the_order_of_names() {
    let (directory, env) = directory(GOOD);
    let accounts = directory.path().join("accounts.d");
    fs::create_dir(&accounts).expect("made");
    for number in 0..1000 {
        let text = format!(
            "[accounts.a{number}]\nprovider = \"folder\"\npath = \"../books/{number}\"\nowner = \"u{number}@acme.example\"\n"
        );
        fs::write(accounts.join(format!("{number:04}.toml")), text).expect("written");
    }
    for ignored in [".0000.toml", "0000.toml~", "readme.md"] {
        fs::write(accounts.join(ignored), "not read").expect("written");
    }
    let config = load(&env).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((config.accounts.len(), config.files.len()), (1001, 1001));
    assert_eq!(config.files.last(), Some(&accounts.join("0999.toml")));
    let path = accounts.join("../books/7");
    assert_eq!(config.accounts[&name("a7")].book, Book::Folder { path });
}

#[test]
fn the_main_file_may_stand_in_the_accounts_directory() {
    let config = good(&format!("accounts_dir = \".\"\n{GOOD}"));
    assert_eq!(config.files.len(), 1);
}

#[test]
fn problems_are_there_for_programs_too_and_each_only_once() {
    let (directory, env) = directory(GOOD);
    let bad = GOOD.replace("\"company\"", "\"all\"") + "[accounts.b]\nprovider = \"folder\"\npath = \"é\"\nownr = 1\n";
    fs::write(&env.config_path, bad).expect("written");
    let problems = load(&env).expect_err("three mistakes");
    let list: Vec<_> = problems.iter().map(|p| (p.line(), p.column(), p.message())).collect();
    assert_eq!(
        list,
        [
            (Some(9), Some(14), "`visibility` cannot be \"all\""),
            (Some(14), Some(11), "[accounts.b] does not say `owner`"),
            (Some(17), Some(1), "unknown key `ownr` in [accounts.b]"),
        ]
    );
    assert!(problems.iter().all(|problem| problem.path() == Some(&*directory.path().join("carnetd.toml"))));
    assert!(problems.render(true).contains("\u{1b}["), "coloured when asked");
    assert!(!problems.to_string().contains('\u{1b}'), "plain otherwise");
}

#[test]
fn no_secret_is_shown_wherever_it_stands() {
    for line in
        ["token = \"hunter2\"", "tokn = \"hunter2\"", "token = \"hunter2", "token = hunter2", "Token=[\"hunter2\"]"]
    {
        let (_directory, env) = directory(&format!("[pipedrive]\nurl = 5\n{line}\n"));
        let problems = load(&env).expect_err("a secret in the file");
        assert!(problems.to_string().contains("ok"), "the line is shown: {problems}");
        assert!(!format!("{problems}{problems:?}").contains("hunter2"), "{line}: {problems}");
    }
}

#[test]
fn of_several_two_way_accounts_the_one_that_says_so_takes_new_persons() {
    let two = |first: &str, second: &str| {
        let account = |name: &str, line: &str| {
            format!("[accounts.{name}]\nprovider = \"folder\"\npath = \"{name}\"\nowner = \"a@b\"\n{line}\n")
        };
        let defaults = "[defaults]\ngroup = \"*\"\nvisibility = \"owner\"\ndirection = \"two-way\"\n";
        let text = format!("[pipedrive]\nsandbox = true\n{defaults}{}{}", account("x", first), account("y", second));
        let (_directory, env) = directory(&text);
        load(&env).map(|config| ["x", "y"].map(|x| config.accounts[&name(x)].policy.new_persons)).map_err(|_| ())
    };
    let (yes, no) = ("new_persons = true", "new_persons = false");
    assert_eq!(two(yes, ""), Ok([true, false]));
    assert_eq!(two(yes, no), Ok([true, false]));
    assert_eq!(two("", no), Ok([true, false]));
    assert_eq!(two("", ""), Err(()));
    assert_eq!(two(yes, yes), Err(()));
    assert_eq!(two(no, no), Err(()));
    assert_eq!(two("", "enabled = false"), Ok([true, true]));
    assert_eq!(two("", "direction = \"one-way\""), Ok([true, true]));
}

#[test]
fn a_reload_is_the_difference() {
    let old = good(GOOD);
    let of = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        let mut new = good(&GOOD.replace(from, to));
        // Each stands in a directory of its own.
        new.state_dir.clone_from(&old.state_dir);
        new.state_key.clone_from(&old.state_key);
        new.pipedrive.token.clone_from(&old.pipedrive.token);
        for account in new.accounts.values_mut() {
            account.book = old.accounts.values().next().expect("one").book.clone();
        }
        diff(&old, &new)
    };
    let alice = || vec![name("alice@acme.example")];
    assert!(of("[pipedrive]", "# a comment\n[pipedrive]").is_empty());
    assert_eq!(of("Clients", "Friends"), Diff { changed: alice(), ..Diff::default() });
    assert_eq!(of("[pipedrive]", "interval = \"1m\"\n[pipedrive]"), Diff { changed: alice(), ..Diff::default() });
    let renamed = of("alice@acme", "bob@acme");
    assert_eq!((renamed.added, renamed.removed), (vec![name("bob@acme.example")], alice()));
    let service = |from: &str, to: &str, key| {
        assert_eq!(of(from, to), Diff { service: true, settings: vec![key], ..Diff::default() });
    };
    service("acme.pipedrive", "other.pipedrive", "pipedrive.url");
    service("[defaults]", "daily_share = \"10%\"\n[defaults]", "pipedrive.daily_share");
    service("[defaults]", "sweep = \"2h\"\n[defaults]", "pipedrive.sweep");
    service("[defaults]", "[http]\nproxy = \"http://proxy:3128\"\n[defaults]", "http.proxy");
    assert_eq!(
        of("[defaults]", "[log]\nlevel = \"debug\"\n[defaults]"),
        Diff { settings: vec!["log.level"], ..Diff::default() }
    );
    let moved = of("[defaults]", "[status]\nlisten = \"off\"\n[defaults]");
    assert_eq!(moved, Diff { needs_restart: vec!["status.listen"], ..Diff::default() });
    let hosts = of("[defaults]", "[status]\nhosts = [\"dash.example\"]\n[defaults]");
    assert_eq!(
        hosts,
        Diff { needs_restart: vec!["status.hosts"], ..Diff::default() },
        "a door is fixed when it is made"
    );
}

#[test]
fn an_account_changes_with_its_connection_and_no_other() {
    let text = |id: &str| {
        let connection =
            |name: &str, id: &str| format!("[connections.{name}]\nprovider = \"microsoft\"\nclient_id = \"{id}\"\n");
        let account = |name: &str| {
            format!("[accounts.{name}]\nprovider = \"microsoft\"\naddress = \"{name}@b\"\nconnection = \"{name}\"\n")
        };
        let defaults = "[defaults]\ngroup = \"*\"\nvisibility = \"owner\"\ndirection = \"one-way\"\n";
        let connections = connection("x", id) + &connection("y", "1");
        format!("[pipedrive]\nsandbox = true\n{defaults}{connections}{}{}", account("x"), account("y"))
    };
    let (directory, env) = directory(&text("1"));
    let old = load(&env).unwrap_or_else(|problems| panic!("{problems}"));
    fs::write(directory.path().join("carnetd.toml"), text("2")).expect("written");
    let new = load(&env).expect("good");
    assert_eq!(diff(&old, &new), Diff { changed: vec![name("x")], ..Diff::default() });
}

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Loads an example whose files are all there.
fn load_example(text: &str) -> Config {
    let (directory, env) = directory(text);
    fs::create_dir(directory.path().join("accounts.d")).expect("made");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, value)) = line.split_once(" = ")
            && key.ends_with("_file")
        {
            let text = if key == "ca_file" { "-----BEGIN CERTIFICATE-----" } else { "x" };
            fs::write(directory.path().join(value.trim_matches('"')), text).expect("written");
        }
    }
    load(&env).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The setting in a line that may be taken.
fn setting(line: &str) -> Option<&str> {
    line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()))
}

#[test]
fn the_example_loads_as_it_is_and_with_every_setting_taken() {
    let as_it_is = load_example(EXAMPLE);
    assert_eq!(as_it_is.accounts.len(), 1);
    let taken: Vec<_> = EXAMPLE.lines().map(|line| setting(line).unwrap_or(line)).collect();
    let all = load_example(&taken.join("\n"));
    assert_eq!(all.accounts.len(), 3);
    // What is shown as a default is one.
    let (alice, same) = (&as_it_is.accounts[&name("alice@acme.example")], &all.accounts[&name("alice@acme.example")]);
    let policy = crate::account::Policy { country: None, ..same.policy.clone() };
    assert_eq!((&policy, same.interval, same.enabled), (&alice.policy, alice.interval, alice.enabled));
    assert_eq!((as_it_is.watch, as_it_is.interval, as_it_is.history), (all.watch, all.interval, all.history));
    assert_eq!((&as_it_is.log, &as_it_is.status.listen), (&all.log, &all.status.listen));
    let (mut one, mut other) = (as_it_is.pipedrive, all.pipedrive);
    (one.token, other.token) = (None, None);
    other.fields.clear();
    assert_eq!(one, other);
}

#[test]
fn the_example_leaves_nothing_out() {
    let mut sections = std::collections::BTreeMap::<String, BTreeSet<String>>::new();
    let mut section = String::new();
    for line in EXAMPLE.lines() {
        let line = line.trim_start_matches('#').trim_start();
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let name = header.0.split('.').next().unwrap_or_default();
            let whole = ["pipedrive.oauth", "pipedrive.fields"].contains(&header.0);
            section = if whole { header.0.to_owned() } else { name.replace("defaults", "accounts") };
        }
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned);
        sections.entry(section.clone()).or_default().extend(words);
    }
    for table in keys::ALL {
        let title = table.title.trim_matches(['[', ']']).split(['.', ' ']).next().unwrap_or_default();
        let title = match table.title {
            "[pipedrive.oauth]" | "[pipedrive.fields]" => table.title.trim_matches(['[', ']']),
            _ if table.title.starts_with('[') => title,
            _ => "",
        };
        for key in table.names().filter(|key| !key.ends_with("_command") && !key.ends_with("_credential")) {
            let there = sections.get(title).is_some_and(|words| words.contains(&key));
            assert!(there || table.tables.contains(&key.as_str()), "{key} of {} is not in the example", table.title);
        }
    }
    for table in keys::TOP.tables {
        assert!(sections.contains_key(*table) || *table == "defaults", "[{table}] is not in the example");
    }
}

#[test]
fn no_text_whatever_makes_it_panic() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let (_directory, env) = directory(EXAMPLE);
    let pieces = [
        "\"", "'", "[", "]", "=", "\n", "\r", "\t", "é", "\u{202e}", "\u{0}", "\"\"\"", "#", ".", "日本", "{", "}", ",",
    ];
    for round in 0..100 {
        let mut text: Vec<char> = EXAMPLE.replace("\n#", "\n").chars().collect();
        for _ in 0..random.usize(1..8) {
            let at = random.usize(..text.len());
            if random.bool() {
                text.drain(at..(at + random.usize(..40)).min(text.len()));
            }
            text.splice(at..at, random.choice(pieces).unwrap_or_default().chars());
        }
        let text: String = text.into_iter().collect();
        fs::write(&env.config_path, &text).expect("written");
        let shown =
            std::panic::catch_unwind(|| load(&env).map(|_| ()).map_err(|problems| problems.render(round % 2 == 0)));
        assert!(shown.is_ok(), "seed {seed}, round {round}:\n{text}");
    }
}

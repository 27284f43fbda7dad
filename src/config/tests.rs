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
    assert_eq!((config.interval, config.history), (Duration::from_secs(300), Duration::from_secs(90 * 86_400)));
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

//! The README tells the truth: its two commands stand first, its configurations load, its commands exist.
#![expect(clippy::expect_used, reason = "a helper that fails, fails the test that called it")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use carnetd::config::{self, Environment};

const README: &str = include_str!("../README.md");

/// The fenced blocks of one language, in order.
fn blocks(language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        let Some(named) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if named == language {
            found.push(block.join("\n"));
        }
    }
    found
}

fn carnetd(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_carnetd")).args(arguments).output().expect("carnetd starts")
}

/// The words of every `carnetd …` command line that the README shows, in blocks or in running text.
fn commands() -> BTreeSet<Vec<String>> {
    let in_blocks = blocks("sh");
    let in_text = README.split('`').skip(1).step_by(2);
    in_blocks
        .iter()
        .flat_map(|block| block.lines())
        .chain(in_text)
        .filter_map(|line| line.strip_prefix("carnetd "))
        .map(|rest| rest.split_whitespace().map(str::to_owned).collect())
        .collect()
}

#[test]
fn the_two_commands_stand_first() {
    let first: Vec<String> = blocks("sh").into_iter().take(2).collect();
    assert_eq!(first, ["cargo run --release -- run --config examples/quickstart/carnetd.toml", "cargo test"]);
    let before_them = README.split("```").next().unwrap_or_default();
    assert!(!before_them.contains('`'), "something to type stands before the two commands");
}

#[test]
fn every_configuration_loads() {
    let configurations = blocks("toml");
    assert!(!configurations.is_empty());
    for text in configurations {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path();
        let text = text.replace("/srv/", &format!("{}/", home.display()));
        furnish(home, &text);
        let file = home.join("carnetd.toml");
        fs::write(&file, &text).expect("the file is written");
        if let Err(problems) = config::load(&Environment { config_path: file, ..Environment::default() }) {
            panic!("{problems}");
        }
    }
}

/// Makes the folders and secret files that a configuration names.
fn furnish(home: &Path, text: &str) {
    let value = |line: &str| line.split('"').nth(1).map(str::to_owned);
    for line in text.lines() {
        let key = line.split('=').next().unwrap_or_default().trim();
        let Some(value) = value(line) else { continue };
        if key == "path" {
            fs::create_dir_all(value).expect("a folder is made");
        } else if key.ends_with("_file") {
            let secret = home.join(value);
            fs::write(&secret, "sandbox:alice@acme.example\n").expect("a secret is written");
            fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("only we may read it");
        }
    }
}

#[test]
fn every_command_exists() {
    let shown = commands();
    assert!(shown.len() > 10, "{shown:?}");
    for words in shown {
        let help = carnetd(&[&words[0], "--help"]);
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.status.success(), "carnetd {} is no command", words[0]);
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(text.contains(option.as_str()), "carnetd {} has no {option}", words[0]);
        }
    }
}

#[test]
fn what_it_points_to_is_there() {
    let local = README.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|to| !to.contains("://"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for target in local {
        assert!(root.join(target).exists(), "README points to {target}, which is not there");
    }
}

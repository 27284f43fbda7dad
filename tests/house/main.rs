//! The house keeps its order: floors, bans and sizes of DESIGN's map, read from the source itself.
//!
//! [`rules`] says what is allowed, [`mentions`] finds what the code names, [`source`] reads the files. Each rule is
//! shown here to hold for the crate, and to catch the code it is meant to catch.

#![expect(clippy::expect_used, clippy::panic, reason = "a helper that fails, fails the test that called it")]

mod mentions;
mod rules;
mod source;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use source::Source;

/// The repository, read once for all tests.
static FILES: LazyLock<Vec<Source>> = LazyLock::new(source::all);

fn assert_none(rule: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{rule}:\n{}", complaints.join("\n"));
}

/// The names of all packages that the crate depends on, as they are written in Rust.
fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = include_str!("../../Cargo.toml").parse().expect("Cargo.toml is TOML");
    ["dependencies", "dev-dependencies"]
        .iter()
        .filter_map(|table| manifest.get(*table)?.as_table())
        .flat_map(|table| table.keys().map(|name| name.replace('-', "_")))
        .collect()
}

#[test]
fn the_source_is_found() {
    let found: Vec<&str> = FILES.iter().map(|source| source.path.as_str()).collect();
    for path in ["src/lib.rs", "src/account/policy.rs", "tests/house/main.rs"] {
        assert!(found.contains(&path), "{path} is not among {found:?}");
    }
}

#[test]
fn every_module_has_a_floor() {
    assert_none("modules without a floor", &rules::homeless(&FILES));
}

#[test]
fn nothing_knows_a_higher_floor() {
    assert_none("a lower floor knows a higher one", &rules::floors(&FILES));
}

#[test]
fn providers_never_know_each_other() {
    assert_none("providers know each other", &rules::providers_apart(&FILES));
}

#[test]
fn words_and_decisions_are_pure() {
    assert_none("not pure", &rules::pure(&FILES, &dependencies()));
}

#[test]
fn decisions_have_no_result() {
    assert_none("plan mentions Result", &rules::decisions_have_no_result(&FILES));
}

#[test]
fn nothing_panics_outside_tests() {
    assert_none("a panic", &rules::no_panics(&FILES));
}

#[test]
fn only_the_clock_reads_the_clock() {
    assert_none("the real clock", &rules::one_clock(&FILES));
}

#[test]
fn only_http_builds_a_client() {
    assert_none("a second client", &rules::one_client(&FILES));
}

#[test]
fn only_the_store_knows_its_database() {
    assert_none("the database", &rules::one_store(&FILES));
}

#[test]
fn files_are_short() {
    assert_none("long files", &rules::sizes(&FILES));
}

#[test]
fn files_introduce_themselves() {
    assert_none("files without an introduction", &rules::introduced(&FILES));
}

#[test]
fn tests_are_all_run() {
    assert_none("ignored tests", &rules::no_ignored_tests(&FILES));
}

#[test]
fn tests_do_not_sleep() {
    assert_none("sleeping tests", &rules::no_sleeping_tests(&FILES));
}

/// What a rule says of a single file.
fn said(path: &str, text: &str, rule: impl Fn(&[Source]) -> Vec<String>) -> String {
    rule(&[Source::parse(path, text)]).join("\n")
}

#[test]
fn a_floor_is_caught_however_it_is_written() {
    let written = [
        "use crate::reconcile::Pass;",
        "use crate::{contact::Contact, reconcile};",
        "use super::reconcile as r;",
        "fn f() { crate::reconcile::run(); }",
        "fn f(x: &super::reconcile::Pass) {}",
        "mod inner { fn f(x: super::super::reconcile::Pass) {} }",
        "fn f() { g!(crate::reconcile::run()); }",
        "use crate as c; fn f() { c::reconcile::run(); }",
        "use crate::*;",
        "#[derive(crate::reconcile::Derive)] struct S;",
    ];
    for text in written {
        assert!(said("src/store/mod.rs", text, rules::floors).contains("`store` may know only"), "missed: {text}");
    }
}

#[test]
fn what_is_allowed_is_not_caught() {
    let allowed = [
        "//! See [`crate::reconcile`].\nuse crate::contact::Contact;",
        "use super::clock::Clock;",
        "mod reconcile; fn f() { reconcile::run(); }",
        "#[cfg(test)] mod tests { use crate::reconcile::Pass; fn f() { None::<u8>.unwrap(); } }",
    ];
    for text in allowed {
        assert_eq!(said("src/store/mod.rs", text, rules::floors), "", "{text}");
        assert_eq!(said("src/store/mod.rs", text, rules::no_panics), "", "{text}");
    }
    assert_eq!(said("src/cli/mod.rs", "use crate::sandbox::serve;", rules::floors), "");
    assert_eq!(said("src/sandbox/mod.rs", "use crate::clock::Clock;", rules::floors), "");
    assert_eq!(said("src/plan/mod.rs", "fn f(x: &mut F) -> std::fmt::Result {}", rules::decisions_have_no_result), "");
    assert_eq!(said("src/auth/mod.rs", "use reqwest::StatusCode;", rules::one_client), "");
}

#[test]
fn each_ban_catches_its_breach() {
    type Rule = fn(&[Source]) -> Vec<String>;
    let pure: Rule = |sources| rules::pure(sources, &dependencies());
    let breaches: [(&str, &str, Rule); 29] = [
        ("src/status/mod.rs", "use crate::sandbox::serve;", rules::floors),
        ("src/sandbox/mod.rs", "use crate::http::Http;", rules::floors),
        ("src/clock.rs", "use crate::http::Http;", rules::floors),
        ("src/adapter/mod.rs", "use crate::store::Store;", rules::floors),
        ("src/adapter/mod.rs", "use crate::plan::Plan;", rules::floors),
        ("src/adapter/folder/mod.rs", "use super::pipedrive::Book;", rules::providers_apart),
        ("src/adapter/error.rs", "use crate::adapter::folder::Book;", rules::providers_apart),
        ("src/contact/mod.rs", "#[derive(serde::Serialize)] struct S;", pure),
        ("src/contact/mod.rs", "use serde::Serialize;", pure),
        ("src/plan/merge.rs", "fn f() { std::fs::read(\"x\"); }", pure),
        ("src/plan/merge.rs", "use std::time::Instant;", pure),
        ("src/vcard/mod.rs", "fn f() { tracing::info!(\"x\"); }", pure),
        ("src/plan/mod.rs", "fn f() -> Result<(), ()> {}", rules::decisions_have_no_result),
        ("src/plan/mod.rs", "use std::io::Result as Answer; fn f() -> Answer<()> {}", rules::decisions_have_no_result),
        ("src/store/mod.rs", "fn f() { None::<u8>.unwrap(); }", rules::no_panics),
        ("src/store/mod.rs", "fn f() { x.map(Option::unwrap); }", rules::no_panics),
        ("src/store/mod.rs", "fn f() { info!(\"{}\", x.expect(\"y\")); }", rules::no_panics),
        ("src/store/mod.rs", "fn f() { std::panic!(); }", rules::no_panics),
        ("src/store/mod.rs", "fn f() { std::time::SystemTime::now(); }", rules::one_clock),
        ("src/store/mod.rs", "use std::time as t; fn f() { t::Instant::now(); }", rules::one_clock),
        ("src/store/mod.rs", "use tokio::time::sleep; fn f() { sleep(d); }", rules::one_clock),
        ("src/daemon/mod.rs", "fn f() { tokio::time::timeout(d, x); }", rules::one_clock),
        ("src/auth/mod.rs", "fn f(c: &reqwest::Client) {}", rules::one_client),
        ("src/daemon/mod.rs", "fn f(e: redb::Error) {}", rules::one_store),
        ("src/store/mod.rs", "#[test] #[ignore] fn f() {}", rules::no_ignored_tests),
        ("tests/x.rs", "#[cfg_attr(unix, ignore)] fn f() {}", rules::no_ignored_tests),
        ("tests/x.rs", "use std::thread; fn f() { thread::sleep(d); }", rules::no_sleeping_tests),
        ("src/store/mod.rs", "#[cfg(test)] mod tests { fn f() { tokio::time::sleep(d); } }", rules::no_sleeping_tests),
        ("src/weather/mod.rs", "use crate::contact::Contact;", rules::homeless),
    ];
    for (path, text, rule) in breaches {
        assert_ne!(said(path, text, rule), "", "missed in {path}: {text}");
    }
    assert_ne!(said("src/a.rs", &"use a;\n".repeat(401), rules::sizes), "");
    assert_eq!(said("src/a.rs", &format!("use a;\n#[cfg(test)]\n{}", "use a;\n".repeat(401)), rules::sizes), "");
    assert_ne!(said("src/a.rs", "// not an introduction\nuse a;", rules::introduced), "");
}

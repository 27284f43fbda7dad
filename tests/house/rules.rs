//! What each module may know and do: the floors, the bans and the sizes of the house.
//!
//! A rule is a function from sources to complaints, so that each is also tested on code that breaks it.

use std::collections::BTreeSet;

use crate::mentions::{Mention, What};
use crate::source::Source;

const WORDS: &[&str] = &["contact", "account", "link", "vcard"];
const DECISIONS: &[&str] = &["plan"];
/// In their own order: each may know those before it.
const INSTRUMENTS: &[&str] = &["clock", "watch", "http", "auth", "config", "store"];
const ADAPTERS: &[&str] = &["adapter"];
const PASS: &[&str] = &["reconcile"];
const SERVICE: &[&str] = &["daemon", "status", "cli", "main"];
const SANDBOX: &str = "sandbox";
const PROVIDERS: &[&str] = &["google", "microsoft", "carddav", "folder", "pipedrive"];

/// The small crates of plain values that floors 1 and 2 may use.
const VALUE_CRATES: &[&str] =
    &["base64", "calcard", "encoding_rs", "jiff", "phonenumber", "sha2", "strsim", "thiserror", "url", "vparser"];
/// The parts of `std` that touch the world: files, network, time that passes, other threads.
const WORLDLY_STD: &[&str] = &["env", "fs", "io", "net", "os", "process", "thread"];
/// Ways to read the machine's clock or to wait by it.
const REAL_CLOCK: &[&[&str]] = &[
    &["std", "time", "SystemTime", "now"],
    &["std", "time", "Instant", "now"],
    &["std", "thread", "sleep"],
    &["tokio", "time"],
    &["jiff", "Timestamp", "now"],
    &["jiff", "Zoned", "now"],
];
const SLEEPS: &[&[&str]] = &[&["std", "thread", "sleep"], &["tokio", "time", "sleep"]];
const CLIENTS: &[&[&str]] =
    &[&["reqwest", "Client"], &["reqwest", "ClientBuilder"], &["reqwest", "blocking"], &["reqwest", "get"]];

/// A file holds at most this many lines before its tests.
const LINES: usize = 400;

/// The modules of our own that `module` may mention; `None` if nobody gave it a floor.
fn may_know(module: &str) -> Option<Vec<&'static str>> {
    let known = |floors: &[&[&'static str]]| Some(floors.concat());
    match module {
        m if WORDS.contains(&m) => known(&[WORDS]),
        m if DECISIONS.contains(&m) => known(&[WORDS, DECISIONS]),
        m if INSTRUMENTS.contains(&m) => {
            let before = INSTRUMENTS.iter().position(|instrument| *instrument == m).unwrap_or(0);
            known(&[WORDS, &INSTRUMENTS[..=before]])
        }
        m if ADAPTERS.contains(&m) => {
            let without_store: Vec<_> = INSTRUMENTS.iter().copied().filter(|m| *m != "store").collect();
            known(&[WORDS, &without_store, ADAPTERS])
        }
        m if PASS.contains(&m) => known(&[WORDS, DECISIONS, INSTRUMENTS, ADAPTERS, PASS]),
        "daemon" | "cli" => known(&[WORDS, DECISIONS, INSTRUMENTS, ADAPTERS, PASS, SERVICE, &[SANDBOX]]),
        m if SERVICE.contains(&m) => known(&[WORDS, DECISIONS, INSTRUMENTS, ADAPTERS, PASS, SERVICE]),
        SANDBOX => known(&[WORDS, &["clock", SANDBOX]]),
        _ => None,
    }
}

/// The top-level module that a file of `src` belongs to; none for `lib.rs` and for files outside `src`.
fn top(source: &Source) -> Option<&str> {
    source.path.starts_with("src/").then(|| source.module.get(1).map(String::as_str)).flatten()
}

fn complain(source: &Source, mention: &Mention, why: &str) -> String {
    let what = match &mention.what {
        What::Path(path) => path.join("::"),
        What::Method(name) => format!(".{name}()"),
        What::Macro(name) => format!("{name}!"),
        What::Attribute(name) => format!("#[{name}]"),
    };
    format!("{}:{}: `{what}`: {why}", source.path, mention.line)
}

/// Complaints about the mentions outside tests for which `judge` gives a reason.
fn in_program(sources: &[Source], judge: impl Fn(&Source, &str, &What) -> Option<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let Some(module) = top(source) else { continue };
        for mention in source.in_program() {
            if let Some(why) = judge(source, module, &mention.what) {
                complaints.push(complain(source, mention, &why));
            }
        }
    }
    complaints
}

fn starts(path: &[String], start: &[&str]) -> bool {
    path.len() >= start.len() && path.iter().zip(start).all(|(a, b)| a == b)
}

fn starts_with_any(what: &What, starts_of: &[&[&str]]) -> bool {
    matches!(what, What::Path(path) if starts_of.iter().any(|start| starts(path, start)))
}

/// Data flows down one stair: nothing on a lower floor knows a higher one.
pub(crate) fn floors(sources: &[Source]) -> Vec<String> {
    in_program(sources, |_, module, what| {
        let What::Path(path) = what else { return None };
        let ([own, other, ..], "crate") = (path.as_slice(), path.first()?.as_str()) else { return None };
        let Some(known) = may_know(module) else {
            return Some(format!("module `{module}` has no floor: give it one in tests/house/rules.rs"));
        };
        let is_module = other == "*" || may_know(other).is_some();
        (own == "crate" && is_module && !known.contains(&other.as_str()))
            .then(|| format!("`{module}` may know only {}", known.join(", ")))
    })
}

/// Every top-level module stands on a floor.
pub(crate) fn homeless(sources: &[Source]) -> Vec<String> {
    let modules: BTreeSet<&str> = sources.iter().filter_map(top).collect();
    modules.into_iter().filter(|module| may_know(module).is_none()).map(str::to_owned).collect()
}

/// Providers never know each other, and of the rest of `adapter` only `build` knows them.
pub(crate) fn providers_apart(sources: &[Source]) -> Vec<String> {
    in_program(sources, |source, module, what| {
        let What::Path(path) = what else { return None };
        let within = source.module.get(2).map(String::as_str);
        let (true, Some(within)) = (module == "adapter", within) else { return None };
        let other = path.get(2).filter(|_| starts(path, &["crate", "adapter"]))?.as_str();
        (PROVIDERS.contains(&other) && other != within && within != "build")
            .then(|| "providers never know each other; only adapter::build knows them all".to_owned())
    })
}

/// Floors 1 and 2 are plain values and pure functions: no serde, no time that passes, no chance, no I/O.
pub(crate) fn pure(sources: &[Source], dependencies: &BTreeSet<String>) -> Vec<String> {
    in_program(sources, |_, module, what| {
        let What::Path(path) = what else { return None };
        if !WORDS.contains(&module) && !DECISIONS.contains(&module) || path.len() < 2 {
            return None;
        }
        let first = path[0].as_str();
        let worldly = matches!(first, "std" | "core")
            && (WORLDLY_STD.contains(&path[1].as_str())
                || REAL_CLOCK.iter().any(|clock| starts(path, &clock[..clock.len().min(3)])));
        let foreign = dependencies.contains(first) && !VALUE_CRATES.contains(&first);
        (worldly || foreign).then(|| format!("`{module}` holds plain values: no I/O, serde, clock or chance"))
    })
}

/// Decisions cannot fail: refusals and reasons are values. `fmt::Result` is what `Display` must answer.
pub(crate) fn decisions_have_no_result(sources: &[Source]) -> Vec<String> {
    in_program(sources, |_, module, what| {
        let What::Path(path) = what else { return None };
        let result = path.iter().any(|part| part == "Result") && !path.join("::").ends_with("fmt::Result");
        (DECISIONS.contains(&module) && result).then(|| "a refusal is a value, not an error".to_owned())
    })
}

/// Outside tests nothing panics by intent.
pub(crate) fn no_panics(sources: &[Source]) -> Vec<String> {
    in_program(sources, |_, _, what| {
        let panics = match what {
            What::Method(name) => matches!(name.as_str(), "unwrap" | "expect" | "unwrap_err" | "expect_err"),
            What::Macro(name) => matches!(name.as_str(), "panic" | "todo" | "unimplemented"),
            What::Path(path) => {
                let last = path.last().map(String::as_str);
                path.len() > 1 && matches!(last, Some("unwrap" | "expect" | "unwrap_err" | "expect_err"))
            }
            What::Attribute(_) => false,
        };
        panics.then(|| "say what went wrong instead of panicking".to_owned())
    })
}

/// Time is a parameter everywhere but in `clock`.
pub(crate) fn one_clock(sources: &[Source]) -> Vec<String> {
    in_program(sources, |_, module, what| {
        (module != "clock" && starts_with_any(what, REAL_CLOCK)).then(|| "take a clock::Clock".to_owned())
    })
}

/// One HTTP client for all, built in `http`.
pub(crate) fn one_client(sources: &[Source]) -> Vec<String> {
    in_program(sources, |_, module, what| {
        (module != "http" && starts_with_any(what, CLIENTS)).then(|| "send through crate::http".to_owned())
    })
}

/// One owner of the database, `store`.
pub(crate) fn one_store(sources: &[Source]) -> Vec<String> {
    in_program(sources, |_, module, what| {
        (module != "store" && matches!(what, What::Path(path) if path.len() > 1 && path[0] == "redb"))
            .then(|| "go through crate::store".to_owned())
    })
}

/// Files stay short: what stands before the tests is one idea.
pub(crate) fn sizes(sources: &[Source]) -> Vec<String> {
    let long = |source: &&Source| source.path.starts_with("src/") && !source.test_only;
    let lines = |source: &Source| source.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    sources
        .iter()
        .filter(long)
        .map(|source| (source, lines(source)))
        .filter(|(_, lines)| *lines > LINES)
        .map(|(source, lines)| format!("{}: {lines} lines before the tests, at most {LINES}", source.path))
        .collect()
}

/// Every file says first what it is; the parts of a module's tests say it by their names.
pub(crate) fn introduced(sources: &[Source]) -> Vec<String> {
    let part_of_tests = |source: &Source| source.test_only && source.path.starts_with("src/");
    let silent = |source: &&Source| !part_of_tests(source) && !source.text.starts_with("//!");
    sources.iter().filter(silent).map(|source| format!("{}: begins without `//!`", source.path)).collect()
}

/// Every test runs.
pub(crate) fn no_ignored_tests(sources: &[Source]) -> Vec<String> {
    in_tests(sources, |what| {
        (*what == What::Attribute("ignore".to_owned())).then_some("a test that never runs proves nothing")
    })
}

/// Tests wait for what they wait for, or move the clock; they never sleep.
pub(crate) fn no_sleeping_tests(sources: &[Source]) -> Vec<String> {
    in_tests(sources, |what| starts_with_any(what, SLEEPS).then_some("wait for the condition instead"))
}

fn in_tests(sources: &[Source], judge: impl Fn(&What) -> Option<&'static str>) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        for mention in source.in_tests() {
            complaints.extend(judge(&mention.what).map(|why| complain(source, mention, why)));
        }
    }
    complaints
}

//! The crate's own source files, parsed: what every rule reads.
//!
//! It knows which module a file is, and which files exist for tests alone. What the code mentions is found by
//! [`crate::mentions`]; what is allowed stands in [`crate::rules`].

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, Meta};

use crate::mentions::{self, Mention};

/// One Rust file of the repository.
pub(crate) struct Source {
    /// Relative to the repository, for messages.
    pub(crate) path: String,
    /// `["crate", "adapter", "folder"]` for `src/adapter/folder/mod.rs`.
    pub(crate) module: Vec<String>,
    /// The file as written.
    pub(crate) text: String,
    /// What it names, in order.
    pub(crate) mentions: Vec<Mention>,
    /// Compiled for tests only.
    pub(crate) test_only: bool,
    /// The modules that it declares for tests only.
    test_modules: BTreeSet<Vec<String>>,
}

impl Source {
    /// Parses `text` as the file `path` of the repository.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|e| panic!("{path} does not parse: {e}"));
        let module = module_of(path);
        let mentions = mentions::of(&syntax, &module);
        let mut declared = BTreeSet::new();
        test_modules(&syntax.items, &module, &mut declared);
        let test_only = !path.starts_with("src/");
        Self { path: path.to_owned(), module, text: text.to_owned(), mentions, test_only, test_modules: declared }
    }

    /// What only the program itself mentions, not its tests.
    pub(crate) fn in_program(&self) -> impl Iterator<Item = &Mention> {
        self.mentions.iter().filter(|mention| !self.test_only && !mention.in_test)
    }

    /// What only tests mention.
    pub(crate) fn in_tests(&self) -> impl Iterator<Item = &Mention> {
        self.mentions.iter().filter(|mention| self.test_only || mention.in_test)
    }
}

/// Every `.rs` file under `src`, `tests`, `benches` and `examples`, sorted by path.
pub(crate) fn all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        collect(&root.join(folder), &mut paths);
    }
    paths.sort();
    let mut sources: Vec<Source> = paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
            Source::parse(&name, &text)
        })
        .collect();
    mark_test_files(&mut sources);
    sources
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// A file declared by `#[cfg(test)] mod name;` is test code, and so is everything below it.
fn mark_test_files(sources: &mut [Source]) {
    let roots: Vec<Vec<String>> = sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    for source in sources {
        source.test_only |= roots.iter().any(|root| source.module.starts_with(root));
    }
}

fn test_modules(items: &[Item], module: &[String], found: &mut BTreeSet<Vec<String>>) {
    for item in items {
        let Item::Mod(declared) = item else { continue };
        let mut path = module.to_vec();
        path.push(declared.ident.to_string());
        match &declared.content {
            None if is_test(&declared.attrs) => drop(found.insert(path)),
            None => {}
            Some((_, inner)) => test_modules(inner, &path, found),
        }
    }
}

/// Whether the attributes say `#[cfg(test)]`, alone or as one of `all(…)`, or mark a test function.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let name = attribute.path().segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
        let Meta::List(list) = &attribute.meta else { return name == "test" };
        let condition = list.tokens.to_string().replace(' ', "");
        name == "test" || (name == "cfg" && (condition == "test" || condition.starts_with("all(test,")))
    })
}

fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let parts = inner.split('/').filter(|part| !matches!(*part, "mod" | "lib"));
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

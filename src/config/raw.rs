//! Reading files and tables: shapes, places and complaints, no meaning.
//!
//! Parsing goes on after a syntax error, and reading goes on after a wrong value: every problem goes into one [`Sink`],
//! and what was read is [`Given`]. What values mean: `value`; which may stand together: `check`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::environment::{Environment, base_of};
use super::files::{self, Unreadable};
use super::keys::{self, Table};
use super::problem::Problem;
use super::source::{Place, Source};
use super::syntax;

/// Where all problems of a load go.
#[derive(Debug)]
pub(super) struct Sink<'e> {
    pub(super) env: &'e Environment,
    pub(super) list: Vec<Problem>,
    /// Lines that could not be parsed.
    broken: Vec<Place>,
}

impl<'e> Sink<'e> {
    pub(super) fn new(env: &'e Environment) -> Self {
        Self { env, list: Vec::new(), broken: Vec::new() }
    }

    pub(super) fn add(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// Adds what is wrong with a value, unless its line could not be parsed anyway.
    fn add_unless_broken(&mut self, place: &Place, problem: Problem) {
        let line = place.line_and_column().0;
        if !self.broken.iter().any(|broken| broken.same_file(place) && broken.line_and_column().0 == line) {
            self.add(problem);
        }
    }

    /// Adds that something is missing, unless the file has lines that could not be parsed: it may stand there.
    pub(super) fn missing(&mut self, place: &Place, problem: Problem) {
        if !self.broken.iter().any(|broken| broken.same_file(place)) {
            self.add(problem);
        }
    }
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    text: String,
    pub(super) source: Arc<Source>,
}

impl File {
    /// Reads it, or says why not.
    pub(super) fn read(path: &Path) -> Result<Self, Box<Problem>> {
        let bytes = files::read(path).map_err(|why| Box::new(unreadable(path, &why)))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { source: Source::new(path, &text), text }),
            Err(error) => Err(Box::new(not_utf8(path, &error))),
        }
    }

    /// Its tables. What cannot be parsed becomes problems; the rest is read on.
    pub(super) fn parse<'a>(&'a self, sink: &mut Sink<'_>) -> DeTable<'a> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        for error in errors {
            let (place, problem) = syntax::problem(&self.text, &self.source, &error);
            sink.list.extend(problem);
            sink.broken.push(place);
        }
        table.into_inner()
    }

    /// A place that stands for the whole file: its first line.
    pub(super) fn start(&self) -> Place {
        Place { source: self.source.clone(), span: 0..0 }
    }
}

fn unreadable(path: &Path, why: &Unreadable) -> Problem {
    let (message, help) = match why {
        Unreadable::Io(error) => (
            format!("cannot read the file: {error}"),
            match error.kind() {
                ErrorKind::NotFound => "create it, or name another with --config PATH; config.example.toml is a start",
                ErrorKind::PermissionDenied => "let the user that carnetd runs as read it: chgrp and chmod 640",
                _ => "check the file and its disk",
            },
        ),
        Unreadable::NotAFile => ("this is not a regular file".to_owned(), "name a TOML file"),
        Unreadable::TooLarge(bytes) => (
            format!("the file has {bytes} bytes, and at most {} are read", files::MAX_BYTES),
            "check that it is a TOML file",
        ),
    };
    Problem::file(path, message).help(help)
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Problem {
    let valid = error.utf8_error().valid_up_to();
    let line = error.as_bytes().get(..valid).unwrap_or_default().split(|byte| *byte == b'\n').count();
    Problem::file(path, format!("the file is not UTF-8: line {line} holds a byte that no character has"))
        .help(format!("save it as UTF-8, for example: iconv -f WINDOWS-1252 -t UTF-8 {}", path.display()))
}

/// A value that a file gave, or did not, or gave wrongly (which was said).
#[derive(Debug, Clone, Default)]
pub(super) enum Given<T> {
    #[default]
    No,
    Wrong,
    Yes(T, Place),
}

impl<T> Given<T> {
    /// This, or what `[defaults]` says.
    pub(super) fn or(self, other: Self) -> Self {
        if matches!(self, Self::No) { other } else { self }
    }

    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Yes(value, _) => Some(value),
            Self::No | Self::Wrong => None,
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::No)
    }

    pub(super) fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Yes(value, _) => Some(value),
            Self::No | Self::Wrong => None,
        }
    }

    pub(super) fn place(&self) -> Option<&Place> {
        match self {
            Self::Yes(_, place) => Some(place),
            Self::No | Self::Wrong => None,
        }
    }
}

/// Why a value is refused: what is wrong, what was expected there, what to do.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { message: message.into(), label: label.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// One value and where relative paths in it start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) key: &'a str,
    pub(super) raw: &'a DeValue<'a>,
    pub(super) base: &'a Path,
}

impl Value<'_> {
    /// The path it holds, absolute.
    pub(super) fn absolute(&self, path: &str) -> PathBuf {
        absolute(self.base, Path::new(path))
    }
}

/// `path` seen from `base`, absolute. What cannot be made so (an empty path, no working directory) stays as it is.
pub(super) fn absolute(base: &Path, path: &Path) -> PathBuf {
    let joined = base.join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}

/// One table of a file.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    /// How messages name it: `[accounts.alice]`.
    pub(super) title: String,
    /// Its header.
    pub(super) place: Place,
    table: &'a DeTable<'a>,
    known: &'static Table,
}

impl<'a> Section<'a> {
    /// The table, after complaining of every key it may not hold.
    pub(super) fn open(
        title: String,
        place: Place,
        table: &'a DeTable<'a>,
        known: &'static Table,
        sink: &mut Sink<'_>,
    ) -> Self {
        let section = Self { title, place, table, known };
        for key in table.keys().filter(|key| !known.has(key.get_ref())) {
            let place = section.place_of(key.span());
            let problem = section.unknown(key.get_ref(), &place);
            sink.add_unless_broken(&place, problem);
        }
        section
    }

    pub(super) fn place_of(&self, span: std::ops::Range<usize>) -> Place {
        Place { source: self.place.source.clone(), span }
    }

    fn unknown(&self, key: &str, place: &Place) -> Problem {
        if self.known.secrets.contains(&key) {
            return Problem::at(
                place,
                format!("the secret `{key}` stands in the configuration itself"),
                "secrets never stand here",
            )
            .help(format!(
                "write {key}_file = \"PATH\", {key}_command = [\"PROGRAM\", …] or {key}_credential = \"NAME\", and \
                 change the secret: it was readable here"
            ));
        }
        let within = if self.title.starts_with('[') { format!(" in {}", self.title) } else { String::new() };
        let message = format!("unknown key `{key}`{within}");
        if self.known.title == keys::ACCOUNT.title
            && self.table.get(key).is_some_and(|value| value.get_ref().is_table())
        {
            let name = self.title.trim_start_matches("[accounts.").trim_end_matches(']');
            return Problem::at(place, message, "a dot begins a table within the account")
                .help(format!("a name that holds a dot stands in quotes: [accounts.\"{name}.{key}\"]"));
        }
        if let Some(near) = self.known.nearest(key) {
            return Problem::at(place, message, format!("did you mean `{near}`?"));
        }
        if let Some(table) = keys::ALL.iter().find(|table| table.has(key)) {
            return Problem::at(place, message, "not known here")
                .help(format!("`{key}` is a key of {}: move it there", table.title));
        }
        let names: Vec<_> = self.known.names().filter(|name| !is_other_form(name)).collect();
        Problem::at(place, message, "not known here").help(format!("known here: {}", names.join(", ")))
    }

    /// Whether it holds `key`, right or wrong.
    pub(super) fn key_place(&self, key: &str) -> Option<Place> {
        self.table.get_key_value(key).map(|(key, _)| self.place_of(key.span()))
    }

    /// Reads a value.
    pub(super) fn get<T>(
        &self,
        key: &str,
        sink: &mut Sink<'_>,
        read: impl FnOnce(Value<'_>) -> Result<T, Complaint>,
    ) -> Given<T> {
        let Some(value) = self.table.get(key) else { return Given::No };
        let place = self.place_of(value.span());
        match read(Value { key, raw: value.get_ref(), base: base_of(self.place.source.path()) }) {
            Ok(value) => Given::Yes(value, place),
            Err(Complaint { message, label, help }) => {
                let problem = Problem::at(&place, message, label);
                let problem = if let Some(help) = help { problem.help(help) } else { problem };
                sink.add_unless_broken(&place, problem);
                Given::Wrong
            }
        }
    }

    /// A table within it.
    pub(super) fn table(&self, key: &str, known: &'static Table, sink: &mut Sink<'_>) -> Option<Section<'a>> {
        let title = if self.known.title.starts_with('[') {
            format!("{}.{key}]", self.title.trim_end_matches(']'))
        } else {
            format!("[{key}]")
        };
        let (place, table) = self.child(key, &title, sink)?;
        Some(Section::open(title, place, table, known, sink))
    }

    /// The tables within a table of names, such as `[accounts]`.
    pub(super) fn named(&self, key: &str, known: &'static Table, sink: &mut Sink<'_>) -> Vec<(&'a str, Section<'a>)> {
        self.children(key, sink).into_iter().map(|child| (child.name, child.open(known, sink))).collect()
    }

    /// The same, not opened yet: what they may hold depends on what they say.
    pub(super) fn children(&self, key: &str, sink: &mut Sink<'_>) -> Vec<Child<'a>> {
        let Some((_, table)) = self.child(key, &format!("[{key}.NAME]"), sink) else { return Vec::new() };
        let all = Section { title: format!("[{key}]"), place: self.place.clone(), table, known: self.known };
        let open = |name: &'a str, sink: &mut Sink<'_>| {
            let bare = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            let title = if bare { format!("[{key}.{name}]") } else { format!("[{key}.{name:?}]") };
            let (place, table) = all.child(name, &title, sink)?;
            Some(Child { name, section: Section { title, place, table, known: self.known } })
        };
        table.keys().filter_map(|name| open(name.get_ref(), sink)).collect()
    }

    fn child(&self, key: &str, title: &str, sink: &mut Sink<'_>) -> Option<(Place, &'a DeTable<'a>)> {
        let (name, value) = self.table.get_key_value(key)?;
        let place = self.place_of(name.span());
        let table = value.get_ref().as_table();
        if table.is_none() {
            let found = super::value::kind(value.get_ref());
            let problem =
                Problem::at(&place, format!("`{key}` must be a table, not {found}"), format!("expected {title}"))
                    .help(format!("write {title} on a line of its own, and its keys below"));
            sink.add_unless_broken(&place, problem);
        }
        Some((place, table?))
    }
}

/// A table whose keys were not looked at yet.
#[derive(Debug)]
pub(super) struct Child<'a> {
    /// Its own name, the last part of the title.
    pub(super) name: &'a str,
    section: Section<'a>,
}

impl<'a> Child<'a> {
    /// For reading the key that says what else it may hold.
    pub(super) fn peek(&self) -> &Section<'a> {
        &self.section
    }

    /// See [`Section::open`].
    pub(super) fn open(self, known: &'static Table, sink: &mut Sink<'_>) -> Section<'a> {
        let Section { title, place, table, .. } = self.section;
        Section::open(title, place, table, known, sink)
    }
}

/// Lists name a secret once, by its `_file` form.
fn is_other_form(name: &str) -> bool {
    name.ends_with("_command") || name.ends_with("_credential")
}

//! What is wrong with a configuration, for people and for programs.
//!
//! A problem says what was found, where, what was expected and what to do. All problems of a load travel together as
//! [`Problems`]; their text is laid out like the Rust compiler's. Who finds them: `check`.

use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::files::Files;
use super::source::Place;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    message: String,
    at: At,
    /// Said right under the offending text.
    label: String,
    /// Another place that has to do with it.
    also: Option<(Place, String)>,
    help: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum At {
    Place(Place),
    File(PathBuf),
    Nowhere,
}

impl Problem {
    /// A problem of a stretch of a file; `label` says what was expected there.
    pub(super) fn at(place: &Place, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { message: message.into(), at: At::Place(place.clone()), label: label.into(), also: None, help: None }
    }

    /// A problem of a whole file.
    pub(super) fn file(path: &Path, message: impl Into<String>) -> Self {
        Self { message: message.into(), at: At::File(path.to_owned()), label: String::new(), also: None, help: None }
    }

    /// A problem of no file.
    pub(super) fn nowhere(message: impl Into<String>) -> Self {
        Self { message: message.into(), at: At::Nowhere, label: String::new(), also: None, help: None }
    }

    /// What to do.
    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Shows a second place.
    #[must_use]
    pub(super) fn also(mut self, place: &Place, label: impl Into<String>) -> Self {
        self.also = Some((place.clone(), label.into()));
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file, as its name was given.
    pub fn path(&self) -> Option<&Path> {
        match &self.at {
            At::Place(place) => Some(place.source.path()),
            At::File(path) => Some(path),
            At::Nowhere => None,
        }
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<usize> {
        self.line_and_column().map(|(line, _)| line)
    }

    /// The column, from 1, in characters.
    pub fn column(&self) -> Option<usize> {
        self.line_and_column().map(|(_, column)| column)
    }

    /// What was expected at that place; may be empty.
    pub fn expected(&self) -> &str {
        &self.label
    }

    /// What to do.
    pub fn to_do(&self) -> Option<&str> {
        self.help.as_deref()
    }

    fn line_and_column(&self) -> Option<(usize, usize)> {
        match &self.at {
            At::Place(place) => Some(place.line_and_column()),
            At::File(_) | At::Nowhere => None,
        }
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut group = Level::ERROR.primary_title(self.message.as_str()).elements(Vec::<Origin<'_>>::new());
        match &self.at {
            At::Place(place) => group = group.element(snippet(place, &self.label, AnnotationKind::Primary)),
            At::File(path) => group = group.element(Origin::path(path.display().to_string())),
            At::Nowhere => {}
        }
        if let Some((place, label)) = &self.also {
            group = group.element(snippet(place, label, AnnotationKind::Context));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group] as &[Group<'_>])
    }
}

/// The one line a place starts in; lines above and below would only repeat what the administrator's editor shows.
fn snippet<'a>(
    place: &'a Place,
    label: &'a str,
    kind: AnnotationKind,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let (number, start, line) = place.source.line_at(place.span.start);
    let from = super::source::floor(line, place.span.start.saturating_sub(start));
    let to = super::source::floor(line, place.span.end.saturating_sub(start)).max(from);
    let annotation = kind.span(from..to);
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    Snippet::source(line).line_start(number).path(place.source.path().display().to_string()).annotation(annotation)
}

/// Everything that is wrong with a configuration; never empty. Ordered by file and line.
#[derive(Debug, Clone, PartialEq)]
pub struct Problems {
    list: Vec<Problem>,
    /// What would have been read, so that an edit anywhere in it can mend the load: see [`super::ConfigWatch`].
    pub(super) accounts_dir: PathBuf,
    pub(super) fingerprint: u64,
}

impl Problems {
    pub(super) fn new(mut list: Vec<Problem>, paths: &[PathBuf], files: &Files, fingerprint: u64) -> Self {
        list.sort_by_cached_key(|problem| {
            let file = problem.path().and_then(|path| paths.iter().position(|known| known == path));
            (file, problem.line_and_column())
        });
        // A mistake in [defaults] is found once per account that would take it over.
        list.dedup();
        Self { list, accounts_dir: files.accounts_dir.clone(), fingerprint }
    }

    /// One by one, for the status document.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The text for people, one paragraph per problem, with a newline at its end.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let paragraphs: Vec<_> = self.list.iter().map(|problem| problem.render(&renderer)).collect();
        paragraphs.join("\n\n") + "\n"
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end_matches('\n'))
    }
}

impl std::error::Error for Problems {}

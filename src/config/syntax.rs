//! Syntax errors: the parser's words, with what to do and, for what is there twice, the first place.

use std::ops::Range;
use std::sync::Arc;

use super::problem::Problem;
use super::source::{Place, Source};

/// What to do about the commonest errors, by how the parser's message begins.
const HELP: [(&str, &str); 4] = [
    ("string values must be quoted", "put the text in quotes: key = \"value\""),
    ("duplicate key", "remove one of the two, or give the second table another name"),
    ("invalid unquoted key", "put a name with other characters in quotes: [accounts.\"alice@acme.example\"]"),
    ("invalid basic string", "close the text with a quote; write a backslash as \\\\"),
];

/// The place of an error and its problem; no problem where it only follows from a table that stands there twice.
pub(super) fn problem(text: &str, source: &Arc<Source>, error: &toml::de::Error) -> (Place, Option<Problem>) {
    let place = Place { source: source.clone(), span: error.span().unwrap_or(0..0) };
    let (message, expected) = error.message().split_once(", ").unwrap_or((error.message(), ""));
    let problem = match text.get(place.span.clone()) {
        Some(key) if message == "duplicate key" => twice(text, key, &place),
        _ => Some(Problem::at(&place, message, expected)),
    };
    let help = HELP.iter().find(|(start, _)| message.starts_with(start)).map(|(_, help)| *help);
    let problem = problem.map(|problem| help.into_iter().fold(problem, Problem::help));
    (place, problem)
}

fn twice(text: &str, key: &str, place: &Place) -> Option<Problem> {
    let before = lines(text).take_while(|line| line.start <= place.span.start).collect::<Vec<_>>();
    let (line, before) = before.split_last()?;
    let of = |line: &Range<usize>| text.get(line.clone()).unwrap_or_default().trim();
    let is_header = |line: &Range<usize>| of(line).starts_with('[');
    let first = if is_header(line) {
        before.iter().find(|other| of(other) == of(line))
    } else {
        let header = before.iter().rposition(is_header);
        let (above, within) = before.split_at(header.map_or(0, |at| at + 1));
        let (header, above) = above.split_last().map_or((None, above), |(header, above)| (Some(header), above));
        if header.is_some_and(|header| above.iter().any(|other| of(other) == of(header))) {
            return None;
        }
        within.iter().find(|other| of(other).split('=').next().map(str::trim) == Some(key))
    };
    let problem = Problem::at(place, format!("`{key}` is given twice"), "and here");
    let Some(first) = first else { return Some(problem) };
    let offset = text.get(first.clone()).and_then(|line| line.find(key)).unwrap_or(0);
    let span = first.start + offset..first.start + offset + key.len();
    Some(problem.also(&Place { source: place.source.clone(), span }, "first here"))
}

/// Where each line stands.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.split_inclusive('\n').scan(0, |start, line| {
        let range = *start..*start + line.len();
        *start = range.end;
        Some(range)
    })
}

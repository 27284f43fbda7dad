//! A file's text as messages may show it, and places in it.
//!
//! Messages print the offending line, and the offence may be a secret written into the file. So the text kept here is
//! blotted first: what looks like a secret's value is covered with asterisks of the same length, so that every span
//! still fits. The real text is dropped after it was parsed.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::keys;

/// One file, blotted.
#[derive(PartialEq, Eq)]
pub(super) struct Source {
    path: PathBuf,
    text: String,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({})", self.path.display())
    }
}

impl Source {
    pub(super) fn new(path: &Path, text: &str) -> Arc<Self> {
        Arc::new(Self { path: path.to_owned(), text: blot(text) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The line around `offset`: its number from 1, where it starts, and its text.
    pub(super) fn line_at(&self, offset: usize) -> (usize, usize, &str) {
        let offset = floor(&self.text, offset);
        let before = self.text.get(..offset).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, start, line.trim_end_matches('\r'))
    }
}

/// A stretch of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) source: Arc<Source>,
    pub(super) span: Range<usize>,
}

impl Place {
    /// Line and column of its start, both from 1, the column in characters.
    pub(super) fn line_and_column(&self) -> (usize, usize) {
        let (line, start, text) = self.source.line_at(self.span.start);
        let within = floor(text, self.span.start.saturating_sub(start));
        (line, text.get(..within).unwrap_or_default().chars().count() + 1)
    }

    /// Whether both stand in the same file.
    pub(super) fn same_file(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
    }
}

/// The nearest character boundary at or before `offset`.
pub(super) fn floor(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Covers what looks like a secret: `secretish_key = value`, and passwords within URLs.
fn blot(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for (equals, _) in text.match_indices('=') {
        if key_before(text, equals).is_some_and(is_secretish) {
            let value = value_after(text, equals + 1);
            cover(&mut bytes, value);
        }
    }
    for (scheme, _) in text.match_indices("://") {
        let authority = scheme + 3;
        let rest = text.get(authority..).unwrap_or_default();
        let end = rest.find(|c: char| c == '/' || c == '"' || c == '\'' || c.is_whitespace()).unwrap_or(rest.len());
        let userinfo = rest.get(..end).and_then(|host| host.rfind('@'));
        if let Some(at) = userinfo
            && let Some(colon) = rest.get(..at).and_then(|user| user.find(':'))
        {
            cover(&mut bytes, authority + colon + 1..authority + at);
        }
    }
    // Covered stretches begin and end at ASCII characters, so what is left is still UTF-8.
    String::from_utf8(bytes).unwrap_or_default()
}

fn cover(bytes: &mut [u8], range: Range<usize>) {
    for byte in bytes.get_mut(range).unwrap_or_default().iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b'*';
    }
}

/// The last word of the key in front of an equals sign.
fn key_before(text: &str, equals: usize) -> Option<&str> {
    let before = text.get(..equals)?.trim_end_matches([' ', '\t', '"', '\'']);
    let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').map_or(0, |at| at + 1);
    // `rfind` gives the start of the character; a longer one makes the slice fail, and then it is no key of ours.
    before.get(start..)
}

/// Where the value behind an equals sign stands, without its quotes.
fn value_after(text: &str, from: usize) -> Range<usize> {
    let rest = text.get(from..).unwrap_or_default();
    let start = from + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    let value = text.get(start..).unwrap_or_default();
    let ends_line = |body: &str| body.find('\n').unwrap_or(body.len());
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        if let Some(body) = value.strip_prefix(quote) {
            // Up to the last quote of the line: too much is covered rather than too little.
            let end = match quote.len() {
                3 => body.find(quote).unwrap_or(body.len()),
                _ => body.get(..ends_line(body)).and_then(|line| line.rfind(quote)).unwrap_or(ends_line(body)),
            };
            return start + quote.len()..start + quote.len() + end;
        }
    }
    start..start + ends_line(value)
}

/// Whether a value under this key should not be shown.
fn is_secretish(key: &str) -> bool {
    let key = key.to_lowercase();
    let form = keys::SECRET_FORMS.iter().any(|form| key.ends_with(&format!("_{form}")));
    if form || keys::ALL.iter().any(|table| table.has(&key)) {
        return false;
    }
    let known = || keys::ALL.iter().flat_map(|table| table.secrets);
    ["token", "secret", "passw", "api_key", "apikey", "state_key"].iter().any(|word| key.contains(word))
        || keys::nearest(&key, known()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_covered_and_nothing_else() {
        for (text, shown) in [
            ("token = \"abc\" # mine", "token = \"***\" # mine"),
            ("pipedrive = { pasword = 'abc', url = 'x' }", "pipedrive = { pasword = '**************' }"),
            ("tokn = \"abc\nnext = 1", "tokn = \"***\nnext = 1"),
            ("secret = abc", "secret = ***"),
            ("password = \"\"\"\na\nb\"\"\"\nx = 1", "password = \"\"\"\n*\n*\"\"\"\nx = 1"),
            ("proxy = \"http://me:abc@host:1/\"", "proxy = \"http://me:***@host:1/\""),
            ("token_file = \"abc\"", "token_file = \"abc\""),
            ("token_url = \"https://abc\"", "token_url = \"https://abc\""),
            ("clé = \"é\"", "clé = \"é\""),
        ] {
            assert_eq!(blot(text), shown);
        }
    }
}

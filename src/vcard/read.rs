//! From a document to a card, and from a card to what it says of its contact.

use std::collections::{HashMap, HashSet};

use super::birthday::Said;
use super::line::Line;
use super::split::split;
use super::{Card, CardError, MAX_BYTES, Version, address, birthday, element, photo};
use crate::account::Country;
use crate::contact::{Contact, Field, Name, PhotoHash};

/// Reads a document; see [`Card::parse`].
pub(super) fn card(bytes: &[u8]) -> Result<Card, CardError> {
    if bytes.len() > MAX_BYTES {
        return Err(CardError::TooLarge { bytes: bytes.len() });
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(CardError::Utf16);
    }
    let mut lines = split(bytes)?;
    let begin = lines.iter().find(|line| !line.is_blank()).ok_or(CardError::Empty)?;
    if !is_mark(begin, "BEGIN") {
        return Err(if bytes.contains(&0) { CardError::Binary } else { CardError::NotACard });
    }
    hide_nested(&mut lines)?;
    let (version, problem) = version(&lines);
    for line in &mut lines {
        line.version = version;
    }
    let read_only = problem.or_else(|| undecodable(&lines));
    Ok(Card { lines, version, read_only })
}

/// Hides cards inside the card (`AGENT` of 2.1) and what stands after it, and checks that it is one and whole.
fn hide_nested(lines: &mut [Line]) -> Result<(), CardError> {
    let (mut depth, mut count) = (0_usize, 0);
    for line in lines {
        if is_mark(line, "BEGIN") {
            depth += 1;
            count += usize::from(depth == 1);
        }
        let ends = depth > 0 && is_mark(line, "END");
        if depth != 1 {
            line.hide();
        }
        depth -= usize::from(ends);
    }
    match (depth, count) {
        (1.., _) => Err(CardError::Truncated),
        (0, 1) => Ok(()),
        (0, count) => Err(CardError::SeveralCards { count }),
    }
}

fn is_mark(line: &Line, name: &str) -> bool {
    line.name == name && line.text().eq_ignore_ascii_case("VCARD")
}

/// The version, and why that is not certain.
fn version(lines: &[Line]) -> (Version, Option<CardError>) {
    let mut said: Vec<String> = lines.iter().filter(|line| line.name == "VERSION").map(Line::text).collect();
    said.dedup();
    match said.as_slice() {
        [one] => match one.as_str() {
            "2.1" => (Version::V21, None),
            "3.0" => (Version::V3, None),
            "4.0" => (Version::V4, None),
            other => {
                let found = format!("VERSION {}", other.chars().take(12).collect::<String>());
                (Version::V3, Some(CardError::Version { found }))
            }
        },
        [] => (Version::V3, Some(CardError::Version { found: "no VERSION".to_owned() })),
        several => {
            let found = format!("{} different VERSIONs", several.len());
            (Version::V3, Some(CardError::Version { found }))
        }
    }
}

fn undecodable(lines: &[Line]) -> Option<CardError> {
    let at = lines.iter().position(Line::is_undecodable)?;
    let name = &lines[at].name;
    let property = if name.is_empty() { "text without a property".to_owned() } else { name.clone() };
    Some(CardError::Undecodable { line: at + 1, property })
}

/// What a card says; see [`Card::contact`].
pub(super) fn contact(card: &Card, country: Option<Country>) -> Contact {
    let labels = Labels::of(card);
    let text = |name: &str| card.first(name).map(Line::text).filter(|text| !text.is_empty());
    let mut contact = Contact {
        name: name(card),
        addresses: address::all(card, &labels),
        organization: card.first("ORG").and_then(|line| line.parts(';').into_iter().next()).filter(|o| !o.is_empty()),
        notes: text("NOTE"),
        job_title: text("TITLE"),
        photo: card.named("PHOTO").find_map(photo::embedded).map(|bytes| PhotoHash::of(&bytes)),
        ..Contact::default()
    };
    for field in Field::ELEMENTS {
        let mut seen = HashSet::new();
        let all = card.lines.iter().filter_map(|line| element::read(line, field, labels.of_line(line), country));
        if let Some(elements) = contact.elements_mut(field) {
            *elements = all.filter(|e| seen.insert(e.key.clone())).collect();
        }
    }
    match card.first("BDAY").map_or(Said::Nothing, birthday::read) {
        Said::Day(day) => contact.birthday = Some(day),
        Said::Otherwise => contact.unsaid.set(Field::Birthday, true),
        Said::Nothing => {}
    }
    contact
}

/// Display name, given and family name. A part may be a list in 3.0 and 4.0.
fn name(card: &Card) -> Name {
    let some = |text: String| Some(text).filter(|t| !t.is_empty());
    let parts = card.first("N").map(name_parts).unwrap_or_default();
    let mut parts = parts.into_iter().map(some);
    let (family, given) = (parts.next().flatten(), parts.next().flatten());
    Name { display: card.first("FN").map(Line::text).and_then(some), given, family }
}

fn name_parts(line: &Line) -> Vec<String> {
    let source = line.source();
    let parts = super::text::split_unescaped(&source, ';').into_iter().take(2);
    let list = |part: &str| {
        let words = super::text::split_unescaped(part, ',').into_iter().map(|word| line.plain(word));
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    parts.map(|part| if line.version == Version::V21 { line.plain(part) } else { list(part) }).collect()
}

/// The labels that stand in lines of their own, by item group: Apple's `X-ABLabel`.
pub(super) struct Labels(HashMap<String, String>);

impl Labels {
    /// Finds the labels of a card.
    pub(super) fn of(card: &Card) -> Self {
        Self(card.named("X-ABLABEL").filter_map(|line| Some((line.group()?, line.text()))).collect())
    }

    /// The label of a line; Apple's own words (`_$!<Home>!$_`) in lower case.
    pub(super) fn of_line(&self, line: &Line) -> Option<String> {
        let label = self.0.get(&line.group()?)?;
        let apple = label.strip_prefix("_$!<").and_then(|l| l.strip_suffix(">!$_")).map(str::to_lowercase);
        Some(apple.unwrap_or_else(|| label.clone())).filter(|l| !l.is_empty())
    }
}

//! Changes of a card, field by field. Every change rewrites, adds or removes one line and its partners.

use super::line::Line;
use super::rewrite::Piece;
use super::{Card, address, birthday, element};
use crate::account::Country;
use crate::contact::{Birthday, Field, FieldChange, Name};

/// Applies changes; see [`Card::patch`].
pub(super) fn apply(card: &mut Card, changes: &[FieldChange], country: Option<Country>) {
    for change in changes {
        match change {
            FieldChange::Name { before, after } => name(card, before, after),
            FieldChange::Element { field, change } => element::change(card, *field, change, country),
            FieldChange::Address { before, after } => address::change(card, before.as_deref(), after.as_deref()),
            FieldChange::Text { field, after, .. } => text(card, *field, after.as_deref()),
            FieldChange::Birthday { after, .. } => day(card, *after),
            FieldChange::Photo { .. } | FieldChange::JoinGroup => {}
        }
    }
}

/// Writes the display name where it changes, and those of given and family name that change.
fn name(card: &mut Card, before: &Name, after: &Name) {
    if before.display != after.display {
        display(card, &after.shown().unwrap_or_default());
    }
    let mut parts = Vec::new();
    if before.family != after.family {
        parts.push((0, after.family.as_deref().unwrap_or_default()));
    }
    if before.given != after.given {
        parts.push((1, after.given.as_deref().unwrap_or_default()));
    }
    match card.first_at("N") {
        _ if parts.is_empty() => {}
        Some(at) => card.lines[at].set_parts(&parts),
        None => {
            let mut line = card.line("N", &[], &[Piece::Kept(";;;;")]);
            line.set_parts(&parts);
            card.add_after(vec![line], |line| ["VERSION", "FN"].contains(&line.name.as_str()));
        }
    }
}

fn display(card: &mut Card, shown: &str) {
    match card.first_at("FN") {
        Some(at) => card.lines[at].set_text(shown),
        None if shown.is_empty() => {}
        None => {
            let line = card.line("FN", &[], &[Piece::New(shown)]);
            card.add_after(vec![line], |line| ["VERSION", "N"].contains(&line.name.as_str()));
        }
    }
}

/// Organization, notes, job title: the first line of each is ours. Of the organization only its name, not its units.
fn text(card: &mut Card, field: Field, after: Option<&str>) {
    let name = match field {
        Field::Organization => "ORG",
        Field::Notes => "NOTE",
        Field::JobTitle => "TITLE",
        _ => return,
    };
    let after = after.map(str::trim).filter(|text| !text.is_empty());
    match (card.first_at(name), after) {
        (Some(at), Some(text)) if field == Field::Organization => card.lines[at].set_parts(&[(0, text)]),
        (Some(at), Some(text)) => card.lines[at].set_text(text),
        (Some(at), None) if has_units(&card.lines[at], field) => card.lines[at].set_parts(&[(0, "")]),
        (Some(at), None) => card.clear(at),
        (None, Some(text)) => card.add(card.line(name, &[], &[Piece::New(text)])),
        (None, None) => {}
    }
}

fn has_units(line: &Line, field: Field) -> bool {
    field == Field::Organization && line.parts(';').iter().skip(1).any(|unit| !unit.is_empty())
}

fn day(card: &mut Card, after: Option<Birthday>) {
    match (card.first_at("BDAY"), after) {
        (Some(at), Some(day)) => birthday::write(&mut card.lines[at], day),
        (Some(at), None) => card.clear(at),
        (None, Some(day)) => {
            let mut line = card.line("BDAY", &[], &[]);
            birthday::write(&mut line, day);
            card.add(line);
        }
        (None, None) => {}
    }
}

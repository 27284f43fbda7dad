//! Postal addresses: `ADR`, and `LABEL` where a card knows an address only as a text.

use super::line::Line;
use super::param::Param;
use super::read::Labels;
use super::rewrite::Piece;
use super::style::{self, Style};
use super::{Card, Version, element};
use crate::contact::{Address, AddressPart};

/// The addresses of a card, in its order. `LABEL` lines count only in a card without any `ADR`: beside one they are
/// its rendering.
pub(super) fn all(card: &Card, labels: &Labels) -> Vec<Address> {
    at(card, labels).into_iter().map(|(_, address)| address).collect()
}

/// The addresses of a card, each with where its line stands.
fn at(card: &Card, labels: &Labels) -> Vec<(usize, Address)> {
    let of = |name: &str| -> Vec<(usize, Address)> {
        let lines = card.lines.iter().enumerate().filter(|(_, line)| line.name == name);
        lines.filter_map(|(at, line)| Some((at, read(line, labels)?))).collect()
    };
    of(if card.first("ADR").is_some() { "ADR" } else { "LABEL" })
}

/// The address in a line. `None` where it is empty.
fn read(line: &Line, labels: &Labels) -> Option<Address> {
    let mut address = Address::default();
    address.label = labels.of_line(line).or_else(|| element::label(line));
    address.preferred = line.is_preferred();
    if line.name == "LABEL" {
        address.text = Some(line.text()).filter(|text| !text.is_empty());
    } else {
        for (part, text) in AddressPart::ALL.into_iter().zip(line.parts(';')) {
            address.set(part, Some(&text));
        }
        // Beside parts the label is only their rendering.
        if !address.has_parts() {
            address.text = line.param("LABEL").map(|l| l.trim().to_owned()).filter(|text| !text.is_empty());
        }
    }
    Some(address).filter(|a| !a.is_empty())
}

/// Changes one address. Only parts that differ are written; an address that is only a text is written as such.
pub(super) fn change(card: &mut Card, before: Option<&Address>, after: Option<&Address>) {
    let after = after.filter(|a| !a.is_empty());
    let found = before.and_then(|b| at(card, &Labels::of(card)).into_iter().find(|(_, a)| a.same(b)));
    match (found, after) {
        (Some((at, _)), None) => remove(card, at),
        (Some((at, now)), Some(after)) => write(card, at, &now, after),
        (None, Some(after)) => add(card, after),
        (None, None) => {}
    }
}

/// Removes an address and its rendering. Where other renderings remain an empty `ADR` stays, or they would pass for
/// addresses.
fn remove(card: &mut Card, at: usize) {
    let line = &card.lines[at];
    if line.name == "LABEL" {
        return card.remove(at);
    }
    let (name, kind) = (line.name.clone(), kind(line));
    let rendering = |line: &Line| line.name == "LABEL" && self::kind(line) == kind;
    let others = card.named(&name).count() > 1;
    if !others && card.named("LABEL").any(|line| !rendering(line)) {
        let empty = [""; 7];
        let parts: Vec<(usize, &str)> = empty.into_iter().enumerate().collect();
        card.lines[at].set_parts(&parts);
        card.lines[at].remove_param("LABEL");
    } else {
        card.remove(at);
    }
    card.lines.retain(|line| !rendering(line));
}

fn kind(line: &Line) -> Vec<String> {
    let mut types = line.types();
    types.retain(|t| t != "pref");
    types.sort_unstable();
    types
}

fn write(card: &mut Card, at: usize, now: &Address, after: &Address) {
    let text = after.text.as_deref().map(str::trim).unwrap_or_default();
    let line = &mut card.lines[at];
    match (line.name == "LABEL", after.has_parts()) {
        (true, true) => {
            card.remove(at);
            add(card, after);
        }
        (true, false) => line.set_text(text),
        (false, true) => {
            let changed = now.changed_parts(after);
            let part = |part: &AddressPart| (*part as usize, after.part(*part).unwrap_or_default());
            line.set_parts(&changed.iter().map(part).collect::<Vec<_>>());
        }
        (false, false) if !now.has_parts() => line.put_param(&Param::new("LABEL", text)),
        (false, false) => {}
    }
}

/// Adds an address after the others. One that is only a text becomes a `LABEL`, not a wrong street: a line of its own
/// before 4.0 if there is no `ADR`, else the parameter of an empty `ADR`.
fn add(card: &mut Card, address: &Address) {
    let text = address.text.as_deref().map(str::trim).unwrap_or_default();
    let structured = address.has_parts();
    let name = match card.version {
        Version::V21 | Version::V3 if !structured && card.first("ADR").is_none() => "LABEL",
        _ => "ADR",
    };
    let (kind, own_label) = style::kind(name, address.label.as_deref(), card.version);
    let preferred = address.preferred && !card.named("ADR").any(Line::is_preferred);
    let mut params = Style::of(&card.lines, name, card.version).params(kind, preferred, card.version);
    if !structured && name == "ADR" {
        params.push(Param::new("LABEL", text));
    }
    let build = |card: &Card, label: &str| {
        if name == "LABEL" {
            return card.line(label, &params, &[Piece::New(text)]);
        }
        let mut line = card.line(label, &params, &[Piece::Kept(";;;;;;")]);
        if structured {
            let parts = AddressPart::ALL.map(|part| (part as usize, address.part(part).unwrap_or_default()));
            line.set_parts(&parts);
        }
        line
    };
    card.add_labelled(name, own_label, build, |line| line.name == name);
}

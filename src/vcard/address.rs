//! Postal addresses: `ADR`, and `LABEL` where a card knows an address only as a text.

use super::line::Line;
use super::read::Labels;
use super::{Card, element};
use crate::contact::{Address, AddressPart};

/// The addresses of a card, in its order. `LABEL` lines count where no `ADR` holds anything.
pub(super) fn all(card: &Card, labels: &Labels) -> Vec<Address> {
    at(card, labels).into_iter().map(|(_, address)| address).collect()
}

/// The addresses of a card, each with where its line stands.
pub(super) fn at(card: &Card, labels: &Labels) -> Vec<(usize, Address)> {
    let of = |name: &str| -> Vec<(usize, Address)> {
        let lines = card.lines.iter().enumerate().filter(|(_, line)| line.name == name);
        lines.filter_map(|(at, line)| Some((at, read(line, labels)?))).collect()
    };
    let structured = of("ADR");
    if structured.is_empty() { of("LABEL") } else { structured }
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

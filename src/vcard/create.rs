//! Cards for contacts that are made here: the frame of a card, and then the same changes that any card takes.

use super::line::Line;
use super::rewrite::Piece;
use super::{Card, Version, patch};
use crate::contact::{Contact, ElementChange, Field, FieldChange, Name};

/// Short, because iCloud refuses cards whose `PRODID` is folded.
const PRODID: &str = "-//carnetd//EN";

/// The line end of new cards.
const END: &str = "\r\n";

/// Makes a card; see [`Card::new`].
pub(super) fn card(contact: &Contact, uid: &str, version: Version, category: Option<&str>) -> Card {
    let name = shown(contact, version);
    let text = |name: &str, text: &str| Line::new(version, END, name, &[], &[Piece::New(text)]);
    let lines = vec![
        text("BEGIN", "VCARD"),
        text("VERSION", version.as_str()),
        text("PRODID", PRODID),
        text("UID", uid),
        text("FN", name.display.as_deref().unwrap_or_default()),
        text("END", "VCARD"),
    ];
    let mut card = Card { lines, version, read_only: None };
    if version != Version::V4 || name.given.is_some() || name.family.is_some() {
        let mut n = Line::new(version, END, "N", &[], &[Piece::Kept(";;;;")]);
        let parts = [(0, name.family.as_deref()), (1, name.given.as_deref())];
        n.set_parts(&parts.map(|(at, part)| (at, part.unwrap_or_default())));
        card.add_after(vec![n], |line| line.name == "FN");
    }
    patch::apply(&mut card, &changes(contact), None);
    if let Some(category) = category {
        card.join(category);
    }
    card
}

/// The name to write. Programs that show only `N` get the display name there too, split at its last space; carnetd
/// does not take a display name apart anywhere else.
fn shown(contact: &Contact, version: Version) -> Name {
    let display = contact.shown_name();
    let Name { mut given, mut family, .. } = contact.name.clone();
    if version != Version::V4 && given.is_none() && family.is_none() {
        let (first, last) = display.as_deref().map_or((None, None), |shown| match shown.rsplit_once(' ') {
            Some((first, last)) => (Some(first.trim()), Some(last)),
            None => (Some(shown), None),
        });
        (given, family) = (first.map(str::to_owned), last.map(str::to_owned));
    }
    Name { display, given, family }
}

/// Everything but the name, as changes of an empty card.
fn changes(contact: &Contact) -> Vec<FieldChange> {
    let elements = Field::ELEMENTS.into_iter().flat_map(|field| {
        let add = move |e| FieldChange::Element { field, change: ElementChange::Add(e) };
        contact.elements(field).iter().cloned().map(add)
    });
    let addresses =
        contact.addresses.iter().map(|a| FieldChange::Address { before: None, after: Some(a.clone().into()) });
    let text = |field| FieldChange::Text { field, before: None, after: contact.text(field).map(str::to_owned) };
    let birthday = FieldChange::Birthday { before: None, after: contact.birthday };
    [text(Field::Organization), text(Field::JobTitle)]
        .into_iter()
        .chain(elements)
        .chain(addresses)
        .chain([birthday, text(Field::Notes)])
        .collect()
}

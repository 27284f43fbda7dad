//! E-mail addresses, phone numbers and messengers: one element is one line.

use super::line::Line;
use super::param::Param;
use super::rewrite::Piece;
use super::style::{self, Style};
use super::{Card, im, tel};
use crate::account::Country;
use crate::contact::{Element, ElementChange, Field};

/// `TYPE`s that say nothing of what a value is for.
const NOISE: [&str; 10] = ["internet", "voice", "pref", "intl", "dom", "postal", "parcel", "x400", "text", "other"];

/// `TYPE`s and the word for each; the first that a line has is its label.
const WORDS: [(&str, &str); 8] = [
    ("fax", "fax"),
    ("pager", "pager"),
    ("cell", "mobile"),
    ("iphone", "mobile"),
    ("mobile", "mobile"),
    ("work", "work"),
    ("home", "home"),
    ("main", "main"),
];

/// Whether a line of this name belongs to `field`.
pub(super) fn belongs(name: &str, field: Field) -> bool {
    match field {
        Field::Emails => name == "EMAIL",
        Field::Phones => name == "TEL",
        Field::Ims => im::is_im(name),
        _ => false,
    }
}

/// The property in which a new element of `field` is written.
pub(super) fn property(field: Field) -> &'static str {
    match field {
        Field::Phones => "TEL",
        Field::Ims => "IMPP",
        _ => "EMAIL",
    }
}

/// The element in a line. `own_label`: what `X-ABLabel` calls it. `None` for other properties and empty values.
pub(super) fn read(line: &Line, field: Field, own_label: Option<String>, country: Option<Country>) -> Option<Element> {
    if !belongs(&line.name, field) {
        return None;
    }
    let element = match field {
        Field::Phones => Element::phone(&tel::number(&line.text()), country),
        Field::Ims => {
            let (protocol, handle) = im::read(line);
            Element::im(protocol.as_deref(), &handle)
        }
        _ => Element::email(without(&line.text(), "mailto:")),
    }?;
    let label = if field == Field::Ims { element.label.clone() } else { own_label.or_else(|| label(line)) };
    Some(element.with_label(label.as_deref()).with_preferred(line.is_preferred()))
}

/// What the `TYPE`s of a line call its value.
pub(super) fn label(line: &Line) -> Option<String> {
    let types = line.types();
    let word = WORDS.iter().find(|(name, _)| types.iter().any(|t| t == name)).map(|(_, word)| (*word).to_owned());
    let other = || types.iter().find(|t| !NOISE.contains(&t.as_str()));
    word.or_else(|| other().map(|t| t.strip_prefix("x-").unwrap_or(t).to_owned()))
}

/// Changes one element, wherever it stands: programs write a messenger as `IMPP` and as `X-JABBER` at once.
pub(super) fn change(card: &mut Card, field: Field, change: &ElementChange, country: Option<Country>) {
    let places = |card: &Card, element: &Element| -> Vec<usize> {
        let is_it = |line: &Line| read(line, field, None, country).is_some_and(|e| e.same(element));
        card.lines.iter().enumerate().filter(|(_, line)| is_it(line)).map(|(at, _)| at).collect()
    };
    // One by one: what is removed takes its partners along, and all after them move up.
    let remove = |card: &mut Card, element: &Element| {
        while let Some(&at) = places(card, element).first() {
            card.remove(at);
        }
    };
    match change {
        ElementChange::Add(element) if places(card, element).is_empty() => add(card, field, element),
        ElementChange::Add(_) => {}
        ElementChange::Remove(element) => remove(card, element),
        ElementChange::Replace { before, after } => {
            let found = places(card, before);
            let taken = !before.same(after) && !places(card, after).is_empty();
            let moved = field == Field::Ims && protocol(before) != protocol(after);
            if taken {
                remove(card, before);
            } else if found.is_empty() {
                add(card, field, after);
            } else if moved {
                add(card, field, after);
                remove(card, before);
            } else {
                for at in found {
                    write(&mut card.lines[at], field, &after.value);
                }
            }
        }
    }
}

/// A messenger's protocol, as its normal form has it.
fn protocol(element: &Element) -> &str {
    element.key.split_once(':').map_or("", |(protocol, _)| protocol)
}

/// Adds a line after the field's others, in their style.
fn add(card: &mut Card, field: Field, element: &Element) {
    let name = property(field);
    let siblings = || card.lines.iter().filter(|line| belongs(&line.name, field));
    let preferred = element.preferred && !siblings().any(Line::is_preferred);
    let (kind, own_label) = match field {
        Field::Ims => ("", None),
        _ => style::kind(name, element.label.as_deref(), card.version),
    };
    let mut params = Style::of(&card.lines, name, card.version).params(kind, preferred, card.version);
    let like_uri = field == Field::Phones && siblings().next_back().is_some_and(tel::is_uri);
    let value = match field {
        Field::Ims => {
            let (value, mut service) = im::new(element.label.as_deref(), &element.value, card.version);
            service.append(&mut params);
            params = service;
            value
        }
        _ => element.value.clone(),
    };
    let uri = tel::uri(&element.value).filter(|_| like_uri);
    if uri.is_some() {
        params.insert(0, Param::new("VALUE", "uri"));
    }
    let piece = uri.as_deref().map_or(Piece::New(&value), Piece::Kept);
    let build = |card: &Card, name: &str| card.line(name, &params, std::slice::from_ref(&piece));
    card.add_labelled(name, own_label, build, |line| belongs(&line.name, field));
}

/// Writes another value into a line; its label stays. Not for a messenger of another protocol.
pub(super) fn write(line: &mut Line, field: Field, value: &str) {
    match field {
        Field::Phones => tel::write(line, value),
        Field::Ims => im::set_handle(line, value),
        _ => {
            let text = line.text();
            let scheme = &text[..text.len() - without(&text, "mailto:").len()];
            line.set_text(&format!("{scheme}{value}"));
        }
    }
}

/// Without the scheme of a URI, if it has that.
pub(super) fn without<'a>(text: &'a str, scheme: &str) -> &'a str {
    match text.get(..scheme.len()) {
        Some(start) if start.eq_ignore_ascii_case(scheme) => &text[scheme.len()..],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::parse(format!("{text}\n").into_bytes())
    }

    #[test]
    fn labels_come_from_types_without_their_noise() {
        assert_eq!(label(&line("TEL;TYPE=VOICE,CELL,pref:1")).as_deref(), Some("mobile"));
        assert_eq!(label(&line("TEL;WORK;FAX:1")).as_deref(), Some("fax"));
        assert_eq!(label(&line("EMAIL;TYPE=INTERNET:a@x")), None);
        assert_eq!(label(&line("TEL;TYPE=x-car:1")).as_deref(), Some("car"));
    }
}

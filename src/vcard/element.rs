//! E-mail addresses, phone numbers and messengers: one element is one line.

use super::im;
use super::line::Line;
use crate::account::Country;
use crate::contact::{Element, Field};

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
        Field::Phones => Element::phone(&number(&line.text()), country),
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

/// The `TYPE` that stands for a label. `None`: the label needs a line of its own.
pub(super) fn type_of(label: &str) -> Option<&'static str> {
    match label.to_lowercase().as_str() {
        "work" => Some("WORK"),
        "home" => Some("HOME"),
        "mobile" | "cell" => Some("CELL"),
        "fax" => Some("FAX"),
        "pager" => Some("PAGER"),
        "other" | "" => Some(""),
        _ => None,
    }
}

/// Writes another value into a line; its label stays. Not for a messenger of another protocol.
pub(super) fn write(line: &mut Line, field: Field, value: &str) {
    match field {
        Field::Phones => write_number(line, value),
        Field::Ims => im::set_handle(line, value),
        _ => {
            let text = line.text();
            let scheme = &text[..text.len() - without(&text, "mailto:").len()];
            line.set_text(&format!("{scheme}{value}"));
        }
    }
}

/// A phone number stays text or URI as it was, unless it cannot be said in a URI.
fn write_number(line: &mut Line, value: &str) {
    let now = line.text();
    let is_uri = without(&now, "tel:").len() < now.len();
    match uri(value).filter(|_| is_uri) {
        // The semicolon before an extension is the URI's own, not the card's.
        Some(uri) => line.rewrite(&[super::line::Piece::Kept(&uri)]),
        None => {
            if line.param("VALUE").is_some_and(|v| v.eq_ignore_ascii_case("uri")) {
                line.remove_param("VALUE");
            }
            line.set_text(value);
        }
    }
}

/// A `tel:` URI as people write numbers: `tel:+1-555-010-0199;ext=12` is `+1-555-010-0199 ext. 12`.
fn number(text: &str) -> String {
    let number = without(text, "tel:");
    if number.len() == text.len() {
        return text.to_owned();
    }
    let mut parts = number.split(';');
    let main = parts.next().unwrap_or_default();
    let extension = parts.find_map(|p| p.trim().strip_prefix("ext="));
    extension.map_or_else(|| main.to_owned(), |ext| format!("{main} ext. {ext}"))
}

/// A number as a `tel:` URI (RFC 3966); `None` where it holds what a URI cannot say.
pub(super) fn uri(number: &str) -> Option<String> {
    let lower = number.trim().to_ascii_lowercase();
    let (main, extension) = ["ext.", "ext", ";ext=", "x"]
        .iter()
        .find_map(|mark| lower.split_once(mark))
        .map_or((lower.as_str(), None), |(main, ext)| (main.trim_end_matches(';'), Some(ext.trim_start_matches('='))));
    let main: String = main.trim().chars().map(|c| if c == ' ' { '-' } else { c }).collect();
    let extension = extension.map(str::trim);
    let dialled = main.strip_prefix('+').unwrap_or(&main);
    let is_number = dialled.bytes().any(|b| b.is_ascii_digit())
        && dialled.bytes().all(|b| b.is_ascii_digit() || b"-.()".contains(&b))
        && extension.is_none_or(|e| !e.is_empty() && e.bytes().all(|b| b.is_ascii_digit()));
    let extension = extension.map(|e| format!(";ext={e}")).unwrap_or_default();
    is_number.then(|| format!("tel:{main}{extension}"))
}

fn without<'a>(text: &'a str, scheme: &str) -> &'a str {
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

    #[test]
    fn a_number_stays_a_uri_where_it_can() {
        let mut tel = line("TEL;VALUE=uri;TYPE=\"voice,work\":tel:+1-555-010-0199;ext=12");
        let element = read(&tel, Field::Phones, None, None).expect("a number");
        assert_eq!((element.value.as_str(), element.key.as_str()), ("+1-555-010-0199 ext. 12", "+15550100199;ext=12"));
        write(&mut tel, Field::Phones, "+1 555 010 0200 ext. 7");
        assert_eq!(tel.raw(), b"TEL;VALUE=uri;TYPE=\"voice,work\":tel:+1-555-010-0200;ext=7\n");
        write(&mut tel, Field::Phones, "ask Bob");
        assert_eq!(tel.raw(), b"TEL;TYPE=\"voice,work\":ask Bob\n");
    }

    #[test]
    fn a_phone_context_is_no_extension() {
        let tel = line("TEL;VALUE=uri:tel:863-1234;phone-context=+1-914-555");
        assert_eq!(read(&tel, Field::Phones, None, None).expect("a number").key, "8631234");
    }
}

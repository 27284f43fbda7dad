//! Phone numbers: `TEL` holds a text, or a `tel:` URI (RFC 3966) with `;ext=`.

use super::element::without;
use super::line::Line;
use super::rewrite::Piece;

/// A phone number stays text or URI as it was, unless it cannot be said in a URI.
pub(super) fn write(line: &mut Line, value: &str) {
    if let Some(uri) = uri(value).filter(|_| is_uri(line)) {
        // The semicolon before an extension is the URI's own, not the card's.
        return line.rewrite(&[Piece::Kept(&uri)]);
    }
    if line.param("VALUE").is_some_and(|v| v.eq_ignore_ascii_case("uri")) {
        line.remove_param("VALUE");
    }
    line.set_text(value);
}

/// Whether the line holds a `tel:` URI.
pub(super) fn is_uri(line: &Line) -> bool {
    let text = line.text();
    without(&text, "tel:").len() < text.len()
}

/// A `tel:` URI as people write numbers: `tel:+1-555-010-0199;ext=12` is `+1-555-010-0199 ext. 12`.
pub(super) fn number(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::super::element;
    use super::*;
    use crate::contact::Field;

    fn line(text: &str) -> Line {
        Line::parse(format!("{text}\n").into_bytes())
    }

    #[test]
    fn a_number_stays_a_uri_where_it_can() {
        let mut tel = line("TEL;VALUE=uri;TYPE=\"voice,work\":tel:+1-555-010-0199;ext=12");
        let element = element::read(&tel, Field::Phones, None, None).expect("a number");
        assert_eq!((element.value.as_str(), element.key.as_str()), ("+1-555-010-0199 ext. 12", "+15550100199;ext=12"));
        write(&mut tel, "+1 555 010 0200 ext. 7");
        assert_eq!(tel.raw(), b"TEL;VALUE=uri;TYPE=\"voice,work\":tel:+1-555-010-0200;ext=7\n");
        write(&mut tel, "ask Bob");
        assert_eq!(tel.raw(), b"TEL;TYPE=\"voice,work\":ask Bob\n");
    }

    #[test]
    fn a_phone_context_is_no_extension() {
        let tel = line("TEL;VALUE=uri:tel:863-1234;phone-context=+1-914-555");
        assert_eq!(element::read(&tel, Field::Phones, None, None).expect("a number").key, "8631234");
    }
}

//! One content line: its exact bytes, and how its name, parameters and value are read and rewritten.
//!
//! A line that is not rewritten is written as the bytes it was read from. A rewritten line keeps its group, its
//! parameters and those parts of its value that are not ours; only its folds are new.

use super::Version;
use super::param::{Param, split_unquoted};
use super::split::{Joined, ending, joined, unfolded};
use super::text::{decode, split_unescaped, unescape, unquote};

/// How the value is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not at all.
    Plain,
    /// Quoted-printable.
    Quoted,
    /// Base64.
    Base64,
}

/// A content line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    raw: Vec<u8>,
    joined: Joined,
    /// As written, with its group: `item1.EMAIL`.
    pub(super) label: String,
    /// In upper case, without the group. Empty where the line is no property or stands in a nested card.
    pub(super) name: String,
    /// As written and as meant, in order.
    pub(super) params: Vec<Param>,
    value_at: usize,
    /// The version of its card.
    pub(super) version: Version,
}

/// Properties that carry text or a URI of their own kind, so that a value that begins with `//` is the rest of a URL in
/// an unquoted parameter.
const NEVER_A_PATH: [&str; 9] = ["ADR", "BDAY", "EMAIL", "FN", "IMPP", "N", "ORG", "TEL", "TITLE"];

impl Line {
    /// Reads a content line from its bytes, its end included. Its version is 3.0 until it is set.
    pub(super) fn parse(raw: Vec<u8>) -> Self {
        let joined = joined(&raw).unwrap_or(Joined::Folds);
        let text = unfolded(&raw, joined);
        let mut line = Self {
            raw,
            joined,
            label: String::new(),
            name: String::new(),
            params: Vec::new(),
            value_at: text.len(),
            version: Version::V3,
        };
        let Some(colon) = value_colon(&text) else { return line };
        let head = String::from_utf8_lossy(&text[..colon]);
        let mut parts = split_unquoted(&head, ';').into_iter();
        let label = parts.next().unwrap_or_default();
        let name = label.rsplit('.').next().unwrap_or_default().trim();
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            label.clone_into(&mut line.label);
            line.name = name.to_ascii_uppercase();
            line.params = parts.map(Param::parse).collect();
            line.value_at = colon + 1;
        }
        line
    }

    /// The bytes, the line's end included.
    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The line's end.
    pub(super) fn end(&self) -> &str {
        std::str::from_utf8(ending(&self.raw)).ok().filter(|end| !end.is_empty()).unwrap_or("\r\n")
    }

    /// The line as one, without folds.
    pub(super) fn unfolded(&self) -> Vec<u8> {
        unfolded(&self.raw, self.joined)
    }

    /// Whether nothing stands in it.
    pub(super) fn is_blank(&self) -> bool {
        self.raw.iter().all(|b| b.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(b))
    }

    /// The group in lower case (`item1`).
    pub(super) fn group(&self) -> Option<String> {
        let (group, _) = self.label.rsplit_once('.')?;
        Some(group.trim().to_ascii_lowercase()).filter(|g| !g.is_empty())
    }

    /// Whether nobody may look at it: what stands in a nested card is not this card's.
    pub(super) fn hide(&mut self) {
        self.name.clear();
    }

    /// Whether it ends with a soft break, so that a line after it would be taken for its continuation.
    pub(super) fn is_open(&self) -> bool {
        self.joined == Joined::SoftBreaks
            && self.raw.strip_suffix(self.end().as_bytes()).is_some_and(|r| r.ends_with(b"="))
    }

    /// A parameter's first value.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|p| p.name == name)?.values.first().map(String::as_str)
    }

    /// The `TYPE`s in lower case, however they are listed.
    pub(super) fn types(&self) -> Vec<String> {
        let types = self.params.iter().filter(|p| p.name == "TYPE").flat_map(|p| &p.values);
        types.flat_map(|v| v.split(',')).map(|v| v.trim().to_lowercase()).filter(|v| !v.is_empty()).collect()
    }

    /// Whether it is the one to use first: `PREF=1`, `TYPE=pref` or a bare `PREF`.
    pub(super) fn is_preferred(&self) -> bool {
        self.param("PREF") == Some("1") || self.types().iter().any(|t| t == "pref")
    }

    /// How the value is encoded.
    pub(super) fn encoding(&self) -> Encoding {
        match self.param("ENCODING").map(str::to_ascii_uppercase).as_deref() {
            Some("QUOTED-PRINTABLE" | "Q") => Encoding::Quoted,
            Some("BASE64" | "B") => Encoding::Base64,
            _ => Encoding::Plain,
        }
    }

    /// The value's bytes, still encoded.
    pub(super) fn value(&self) -> Vec<u8> {
        let mut text = self.unfolded();
        text.split_off(self.value_at.min(text.len()))
    }

    /// Whether some of its bytes are not text in its character set, so that reading it loses something.
    pub(super) fn is_undecodable(&self) -> bool {
        let text = self.unfolded();
        let (head, value) = text.split_at(self.value_at.min(text.len()));
        let lost = match self.encoding() {
            Encoding::Plain => decode(value, self.param("CHARSET")).1,
            Encoding::Quoted => decode(&unquote(value), self.param("CHARSET")).1,
            Encoding::Base64 => !value.is_ascii(),
        };
        lost || text.contains(&0) || std::str::from_utf8(head).is_err()
    }

    /// The value in the form in which it is split: quoted-printable still encoded, all else decoded.
    pub(super) fn source(&self) -> String {
        let charset = self.param("CHARSET");
        match self.encoding() {
            Encoding::Plain => decode(&self.value(), charset).0,
            Encoding::Quoted => String::from_utf8_lossy(&self.value()).into_owned(),
            Encoding::Base64 => decode(&super::photo::base64(&self.value()).unwrap_or_default(), charset).0,
        }
    }

    /// A piece of [`Line::source`] as plain text, without white space around it.
    pub(super) fn plain(&self, piece: &str) -> String {
        let text = match self.encoding() {
            Encoding::Quoted => decode(&unquote(piece.as_bytes()), self.param("CHARSET")).0,
            Encoding::Plain | Encoding::Base64 => piece.to_owned(),
        };
        unescape(&text, self.version).trim().to_owned()
    }

    /// The whole value as plain text.
    pub(super) fn text(&self) -> String {
        self.plain(&self.source())
    }

    /// The parts between unescaped `separator`s as plain text.
    pub(super) fn parts(&self, separator: char) -> Vec<String> {
        split_unescaped(&self.source(), separator).into_iter().map(|part| self.plain(part)).collect()
    }
}

/// Where the colon before the value stands: the first outside quotation marks, else the first.
fn value_colon(text: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let outside = |&b: &u8| {
        quoted ^= b == b'"';
        b == b':' && !quoted
    };
    let at = text.iter().position(outside).or_else(|| text.iter().position(|&b| b == b':'))?;
    if !text[at + 1..].starts_with(b"//") {
        return Some(at);
    }
    let head = String::from_utf8_lossy(&text[..at]);
    let name = head.split(';').next().and_then(|label| label.rsplit('.').next()).unwrap_or_default();
    let url_in_param = NEVER_A_PATH.iter().any(|n| n.eq_ignore_ascii_case(name)) && head.contains('=');
    let next = text[at + 1..].iter().position(|&b| b == b':').map(|next| at + 1 + next);
    Some(next.filter(|_| url_in_param).unwrap_or(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::parse(text.as_bytes().to_vec())
    }

    #[test]
    fn the_head_is_read_in_every_dialect() {
        let apple = line("item1.EMAIL;type=INTERNET;type=\"HOME,pref\":a@x\r\n");
        assert_eq!((apple.name.as_str(), apple.group().as_deref()), ("EMAIL", Some("item1")));
        assert_eq!(apple.types(), ["internet", "home", "pref"]);
        assert!(apple.is_preferred());
        assert_eq!(line("TEL;WORK;PREF:1").types(), ["work", "pref"]);
        assert_eq!(line("ADR;LABEL=\"a: b\";TYPE=home:;;c").value(), b";;c");
        assert_eq!(line("EMAIL;X-URL=http://x/y:a@x").value(), b"a@x");
        assert_eq!(line("URL;X-A=b:http://x").value(), b"http://x");
        assert_eq!(line("EMAIL;X-A=\"b:a@x").value(), b"a@x");
    }
}

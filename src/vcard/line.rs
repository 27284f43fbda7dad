//! One content line: its exact bytes, and how its name, parameters and value are read and rewritten.
//!
//! A line that is not rewritten is written as the bytes it was read from. A rewritten line keeps its group, its
//! parameters and those parts of its value that are not ours; only its folds are new.

use super::Version;
use super::param::{Param, split_unquoted};
use super::split::{Joined, ending, joined, unfolded};
use super::text::{decode, escape, folded, quote, soft_broken, split_unescaped, unescape, unquote};

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
    label: String,
    /// In upper case, without the group. Empty where the line is no property or stands in a nested card.
    pub(super) name: String,
    params: Vec<Param>,
    value_at: usize,
    /// The version of its card.
    pub(super) version: Version,
}

/// A piece of a rewritten value.
pub(super) enum Piece<'a> {
    /// As it stands in the line.
    Kept(&'a str),
    /// A plain text to be written.
    New(&'a str),
    /// A plain text to be written into a list, whose commas are escaped in 2.1 too.
    Item(&'a str),
}

impl Piece<'_> {
    fn escaped(&self, version: Version) -> String {
        match self {
            Self::Kept(kept) => (*kept).to_owned(),
            Self::New(text) => escape(text, version),
            Self::Item(text) if version == Version::V21 => escape(text, version).replace(',', "\\,"),
            Self::Item(text) => escape(text, version),
        }
    }
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

    /// A new line.
    pub(super) fn new(version: Version, end: &str, label: &str, params: &[Param], pieces: &[Piece<'_>]) -> Self {
        let mut head = label.to_owned();
        for param in params {
            head.push(';');
            head.push_str(&param.raw);
        }
        let mut line = Self::parse(format!("{head}:{end}").into_bytes());
        line.version = version;
        line.rewrite(pieces);
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

    /// The parameters.
    pub(super) fn params(&self) -> &[Param] {
        &self.params
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

    /// Writes another plain text.
    pub(super) fn set_text(&mut self, text: &str) {
        self.rewrite(&[Piece::New(text)]);
    }

    /// Writes other texts in some places of a structured value (`N`, `ADR`, `ORG`); the other places stay.
    pub(super) fn set_parts(&mut self, texts: &[(usize, &str)]) {
        let source = self.source();
        let mut parts = split_unescaped(&source, ';');
        let len = texts.iter().map(|&(at, _)| at + 1).max().unwrap_or_default().max(parts.len());
        parts.resize(len, "");
        let mut pieces: Vec<Piece<'_>> = Vec::with_capacity(len * 2);
        for (at, &kept) in parts.iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Kept(";"));
            }
            let text = texts.iter().find(|(place, _)| *place == at);
            pieces.push(text.map_or(Piece::Kept(kept), |&(_, text)| Piece::New(text)));
        }
        self.rewrite(&pieces);
    }

    /// Takes a parameter away.
    pub(super) fn remove_param(&mut self, name: &str) {
        if self.param(name).is_some() {
            self.params.retain(|p| p.name != name);
            let source = self.source();
            self.rewrite(&[Piece::Kept(&source)]);
        }
    }

    /// Writes a value made of `pieces`.
    ///
    /// Where 2.1 cannot say it plainly, the whole value becomes quoted-printable in UTF-8. A value in another character
    /// set, and text in base64, become UTF-8.
    pub(super) fn rewrite(&mut self, pieces: &[Piece<'_>]) {
        let was = self.encoding();
        let foreign = self.param("CHARSET").is_some_and(|c| !c.eq_ignore_ascii_case("UTF-8"));
        let decoded = |kept: &str| match was {
            Encoding::Quoted => decode(&unquote(kept.as_bytes()), self.param("CHARSET")).0,
            Encoding::Plain | Encoding::Base64 => kept.to_owned(),
        };
        let mut plain = String::new();
        for piece in pieces {
            match piece {
                Piece::Kept(kept) => plain.push_str(&decoded(kept)),
                Piece::New(_) | Piece::Item(_) => plain.push_str(&piece.escaped(self.version)),
            }
        }
        let hard = !plain.is_ascii() || plain.contains('\n');
        let quoting = was == Encoding::Quoted || (self.version == Version::V21 && hard);
        let body = if quoting && was == Encoding::Quoted && !foreign {
            let encoded = |piece: &Piece<'_>| match piece {
                Piece::Kept(kept) if kept.is_ascii() => (*kept).to_owned(),
                Piece::Kept(kept) => quote(&decoded(kept)),
                Piece::New(_) | Piece::Item(_) => quote(&piece.escaped(self.version)),
            };
            pieces.iter().map(encoded).collect()
        } else if quoting {
            quote(&plain)
        } else {
            plain
        };
        self.declare(was, quoting, hard);
        self.write(&body, quoting);
    }

    /// Says in the parameters what the value will be encoded in.
    fn declare(&mut self, was: Encoding, quoting: bool, hard: bool) {
        let utf8 = self.param("CHARSET").is_some_and(|c| c.eq_ignore_ascii_case("UTF-8"));
        if !utf8 && (quoting && hard || self.param("CHARSET").is_some()) {
            self.set_param("CHARSET", Some("CHARSET=UTF-8"));
        }
        if quoting && was != Encoding::Quoted {
            self.set_param("ENCODING", Some("ENCODING=QUOTED-PRINTABLE"));
        } else if was == Encoding::Base64 {
            self.set_param("ENCODING", None);
        }
    }

    fn set_param(&mut self, name: &str, raw: Option<&str>) {
        let new = raw.map(Param::parse);
        let at = self.params.iter().position(|p| p.name == name).unwrap_or(self.params.len());
        self.params.retain(|p| p.name != name);
        if let Some(param) = new {
            self.params.insert(at.min(self.params.len()), param);
        }
    }

    fn write(&mut self, body: &str, quoted: bool) {
        let mut head = self.label.clone();
        for param in &self.params {
            head.push(';');
            head.push_str(&param.raw);
        }
        head.push(':');
        let raw = if quoted {
            soft_broken(&head, body, self.end())
        } else if self.version == Version::V21 {
            format!("{head}{body}{}", self.end()).into_bytes()
        } else {
            folded(&format!("{head}{body}"), self.end())
        };
        *self = Self { version: self.version, ..Self::parse(raw) };
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

    #[test]
    fn other_parts_keep_their_spelling() {
        let mut n = line("N;X-A=b:Weber;An\\na;M\\,i;Dr.,Prof.\r\n");
        n.set_parts(&[(1, "Eva; B"), (5, "x")]);
        assert_eq!(n.raw(), b"N;X-A=b:Weber;Eva\\; B;M\\,i;Dr.,Prof.;;x\r\n");
    }

    #[test]
    fn version_2_1_becomes_quoted_printable_where_it_must() {
        let mut n = line("N;LANGUAGE=de:Weber;Anna\n");
        n.version = Version::V21;
        n.set_parts(&[(1, "Zoé")]);
        assert_eq!(n.raw(), b"N;LANGUAGE=de;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Weber;Zo=C3=A9\n");
        assert_eq!(n.parts(';'), ["Weber", "Zoé"]);
        n.set_parts(&[(0, "A;b=c")]);
        assert_eq!(n.parts(';'), ["A;b=c", "Zoé"]);
    }
}

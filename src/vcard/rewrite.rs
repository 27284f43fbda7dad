//! How a content line is written anew: its group, its parameters and what is not ours of its value stay; only its folds
//! are new.

use super::Version;
use super::line::{Encoding, Line};
use super::param::Param;
use super::text::{decode, escape, folded, quote, soft_broken, split_unescaped, unquote};

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
            Self::Item(text) if version == Version::V21 => escape(text, version).replace(',', "\\,"),
            Self::New(text) | Self::Item(text) => escape(text, version),
        }
    }
}

impl Line {
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
            let source = self.source();
            self.params.retain(|p| p.name != name);
            self.rewrite(&[Piece::Kept(&source)]);
        }
    }

    /// Writes a parameter in the place of the one with its name, else last.
    pub(super) fn put_param(&mut self, param: &Param) {
        let source = self.source();
        self.set_param(&param.name, Some(&param.raw));
        self.rewrite(&[Piece::Kept(&source)]);
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
        if self.unfolded() == [head.as_bytes(), body.as_bytes()].concat() {
            return; // It says the same: its folds stay too.
        }
        let raw = if quoted {
            soft_broken(&head, body, self.end())
        } else if self.version == Version::V21 {
            format!("{head}{body}{}", self.end()).into_bytes()
        } else {
            folded(&format!("{head}{body}"), self.end())
        };
        let version = self.version;
        *self = Self::parse(raw);
        self.version = version;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::parse(text.as_bytes().to_vec())
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

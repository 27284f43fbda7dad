//! Values between the text of a card and plain text: escapes, quoted-printable, character sets, folds.
//!
//! Pure functions; which of them apply to a line is decided in [`super::line`]. RFC 2426 §2.6 and §4, RFC 6350 §3,
//! vCard 2.1 §2.1, RFC 2045 §6.7.

use super::Version;

/// Longest written line in octets, without its end (RFC 6350 §3.2).
const WIDTH: usize = 75;

/// Splits at `separator` where no backslash stands before it. Always gives at least one piece.
pub(super) fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == separator {
            pieces.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// Takes escapes out. What is no escape stays as it is (`C:\temp`); `\:` is one, because old exporters write
/// `http\://`. vCard 2.1 has no `\n`.
pub(super) fn unescape(text: &str, version: Version) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&next @ ('\\' | ';' | ',' | ':'))) => {
                plain.push(next);
                chars.next();
            }
            ('\\', Some('n' | 'N')) if version != Version::V21 => {
                plain.push('\n');
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    cleaned(&plain)
}

/// Escapes a text. Commas and semicolons everywhere in 3.0 and 4.0: a widespread library (vobject) cuts a value at its
/// first bare comma. In 2.1 semicolons and backslashes only; its line ends are quoted-printable.
pub(super) fn escape(text: &str, version: Version) -> String {
    let text = cleaned(text);
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' if version != Version::V21 => escaped.push_str("\\n"),
            ',' if version == Version::V21 => escaped.push(','),
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// One kind of line end, no control characters, which no version of vCard can carry.
fn cleaned(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|&c| !c.is_control() || c == '\n' || c == '\t').collect()
}

/// Decodes quoted-printable (`=41`).
pub(super) fn unquote(bytes: &[u8]) -> Vec<u8> {
    unhex(bytes, b'=')
}

/// Decodes two hex digits after `mark`; what is no such sequence stays.
pub(super) fn unhex(bytes: &[u8], mark: u8) -> Vec<u8> {
    let hex = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(at + 1), hex(at + 2)) {
            (_, Some(high), Some(low)) if byte == mark => {
                plain.push(high << 4 | low);
                at += 3;
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    plain
}

/// Encodes as quoted-printable, line ends as `=0D=0A`, without soft breaks.
pub(super) fn quote(text: &str) -> String {
    let text = text.replace('\n', "\r\n");
    let last = text.len().saturating_sub(1);
    let mut quoted = String::with_capacity(text.len() * 2);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'=' => quoted.push_str("=3D"),
            b' ' if at == last => quoted.push_str("=20"),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                quoted.push('=');
                quoted.extend([byte >> 4, byte & 15].map(|d| char::from(b"0123456789ABCDEF"[usize::from(d)])));
            }
        }
    }
    quoted
}

/// Decodes bytes by a declared character set, else as UTF-8; the flag says that this lost something. What is not UTF-8
/// is read as Windows-1252, which old exporters mean.
pub(super) fn decode(bytes: &[u8], charset: Option<&str>) -> (String, bool) {
    let declared = charset.and_then(|label| encoding_rs::Encoding::for_label(label.trim().as_bytes()));
    let unknown = charset.is_some() && declared.is_none();
    if let Some(encoding) = declared.filter(|&e| e != encoding_rs::UTF_8) {
        let (text, lost) = encoding.decode_without_bom_handling(bytes);
        return (text.into_owned(), lost);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), unknown && !text.is_ascii()),
        Err(_) => (encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(), true),
    }
}

/// A content line in 3.0 and 4.0: folded at 75 octets, never inside a character, ended by `end`.
pub(super) fn folded(line: &str, end: &str) -> Vec<u8> {
    let mut raw = Vec::with_capacity(line.len() + line.len() / 32 + 2);
    let mut column = 0;
    for c in line.chars() {
        if column + c.len_utf8() > WIDTH {
            raw.extend_from_slice(end.as_bytes());
            raw.push(b' ');
            column = 1;
        }
        raw.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        column += c.len_utf8();
    }
    raw.extend_from_slice(end.as_bytes());
    raw
}

/// A quoted-printable content line: soft breaks, never inside `=41`.
///
/// No continuation begins with a space, which readers of other versions drop, nor with what could be `END:VCARD`.
pub(super) fn soft_broken(head: &str, quoted: &str, end: &str) -> Vec<u8> {
    let mut raw = head.as_bytes().to_vec();
    let mut column = head.len();
    let mut rest = quoted;
    while !rest.is_empty() {
        let (token, tail) = rest.split_at(token_len(rest));
        rest = tail;
        if column + token.len() > WIDTH {
            raw.push(b'=');
            raw.extend_from_slice(end.as_bytes());
            column = 0;
        }
        let token = match (column, token) {
            (0, " ") => "=20",
            (0, "E") => "=45",
            (0, "e") => "=65",
            _ => token,
        };
        raw.extend_from_slice(token.as_bytes());
        column += token.len();
    }
    raw.extend_from_slice(end.as_bytes());
    raw
}

/// The length of the first character, or of the first `=41`.
fn token_len(quoted: &str) -> usize {
    match quoted.as_bytes() {
        [b'=', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => 3,
        _ => quoted.chars().next().map_or(0, char::len_utf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_go_both_ways() {
        for version in [Version::V3, Version::V4] {
            let text = "a, b; c\\d\ne: f";
            assert_eq!(escape(text, version), r"a\, b\; c\\d\ne: f");
            assert_eq!(unescape(&escape(text, version), version), text);
        }
        assert_eq!(escape("a, b; c", Version::V21), r"a, b\; c");
        assert_eq!(unescape(r"http\://x C:\temp", Version::V3), r"http://x C:\temp");
        assert_eq!(unescape(r"C:\new", Version::V21), r"C:\new");
    }

    #[test]
    fn splits_only_where_nothing_is_escaped() {
        assert_eq!(split_unescaped(r"a\;b;c\\;", ';'), [r"a\;b", r"c\\", ""]);
    }

    #[test]
    fn quoted_printable_goes_both_ways() {
        assert_eq!(quote("é=\nx "), "=C3=A9=3D=0D=0Ax=20");
        assert_eq!(unquote(b"=C3=A9=3D=0d=0Ax=20=zz="), "é=\r\nx =zz=".as_bytes());
    }

    #[test]
    fn folds_never_cut_a_character() {
        let raw = folded(&format!("NOTE:{}", "é".repeat(100)), "\r\n");
        let text = String::from_utf8(raw).expect("whole characters");
        assert!(text.split("\r\n").all(|line| line.len() <= WIDTH));
        let raw = soft_broken("NOTE:", &quote(&"é".repeat(100)), "\r\n");
        assert!(raw.split(|&b| b == b'\n').all(|line| line.len() <= WIDTH + 2));
    }

    #[test]
    fn no_soft_break_makes_a_fold_or_an_end() {
        for (text, start) in [(" x", "=20x"), ("END:VCARD", "=45ND:VCARD")] {
            let raw = soft_broken("NOTE:", &format!("{}{text}", "a".repeat(70)), "\n");
            let text = String::from_utf8(raw).expect("text");
            assert_eq!(text.split("=\n").nth(1), Some(format!("{start}\n").as_str()));
        }
    }

    #[test]
    fn undeclared_latin_1_is_read_but_marked() {
        assert_eq!(decode(b"Andr\xe9", None), ("André".to_owned(), true));
        assert_eq!(decode(b"Andr\xe9", Some("ISO-8859-1")), ("André".to_owned(), false));
        assert_eq!(decode("André".as_bytes(), Some("utf-8")), ("André".to_owned(), false));
    }
}

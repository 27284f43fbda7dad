//! From bytes to content lines and back: which physical lines belong together.
//!
//! Three things continue a line: a fold (the next begins with a space or a tab), the soft break of quoted-printable (`=`
//! at the end), and base64 of 2.1 that is not even indented. Every byte lands in exactly one line, so that writing the
//! lines one after another gives the document back.

use super::line::Line;
use super::{CardError, MAX_LINES};

/// How the physical lines of a content line are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    /// By folds alone.
    Folds,
    /// Also by soft breaks.
    SoftBreaks,
    /// Also by base64 that is not indented.
    Base64,
}

/// The head of a line is looked for in so many bytes; a longer one belongs to no encoding that continues lines.
const HEAD: usize = 1024;

/// Splits a document into its content lines.
pub(super) fn split(bytes: &[u8]) -> Result<Vec<Line>, CardError> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    let end = line_end(bytes);
    while !rest.is_empty() {
        if lines.len() == MAX_LINES {
            return Err(CardError::TooManyLines);
        }
        let (line, tail) = rest.split_at(content_line_len(rest, end));
        lines.push(Line::parse(line.to_vec()));
        rest = tail;
    }
    Ok(lines)
}

/// The length of the first content line.
fn content_line_len(bytes: &[u8], end: u8) -> usize {
    let mut len = physical_len(bytes, end);
    let mut last = &bytes[..len];
    let mut joined = joined(last);
    while len < bytes.len() {
        let next = &bytes[len..][..physical_len(&bytes[len..], end)];
        if !continues(joined.unwrap_or(Joined::Folds), last, next) {
            break;
        }
        len += next.len();
        last = next;
        if joined.is_none() && len < HEAD {
            joined = self::joined(&bytes[..len]);
        }
    }
    len
}

/// Whether `next` belongs to the content line that so far ends with `last`.
fn continues(joined: Joined, last: &[u8], next: &[u8]) -> bool {
    let soft = joined == Joined::SoftBreaks && content(last).ends_with(b"=");
    if soft {
        return !content(next).eq_ignore_ascii_case(b"END:VCARD");
    }
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
    is_fold(next) || (joined == Joined::Base64 && !content(next).is_empty() && content(next).iter().all(base64))
}

/// How the line that begins so is joined; `None` while its head has not ended.
pub(super) fn joined(start: &[u8]) -> Option<Joined> {
    let head = &start[..start.iter().take(HEAD).position(|&b| b == b':')?];
    let head = String::from_utf8_lossy(head).to_ascii_uppercase().replace(['\r', '\n', ' ', '\t'], "");
    let has =
        |values: &[&str]| head.split(';').skip(1).any(|p| values.contains(&p.strip_prefix("ENCODING=").unwrap_or(p)));
    Some(if has(&["QUOTED-PRINTABLE"]) {
        Joined::SoftBreaks
    } else if has(&["BASE64", "B"]) {
        Joined::Base64
    } else {
        Joined::Folds
    })
}

/// The content line as one, without what joined its parts, without its end and without a byte order mark.
pub(super) fn unfolded(raw: &[u8], joined: Joined) -> Vec<u8> {
    let mut line: Vec<u8> = Vec::with_capacity(raw.len());
    let mut rest = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    let end = line_end(raw);
    let mut first = true;
    while !rest.is_empty() {
        let (physical, tail) = rest.split_at(physical_len(rest, end));
        let physical = content(physical);
        if !first && joined == Joined::SoftBreaks && line.ends_with(b"=") {
            line.pop();
            line.extend_from_slice(physical);
        } else {
            line.extend_from_slice(if !first && is_fold(physical) { &physical[1..] } else { physical });
        }
        first = false;
        rest = tail;
    }
    line
}

/// Which byte ends a physical line: LF, or CR in a document without any LF.
fn line_end(bytes: &[u8]) -> u8 {
    if bytes.contains(&b'\n') { b'\n' } else { b'\r' }
}

fn physical_len(bytes: &[u8], end: u8) -> usize {
    bytes.iter().position(|&b| b == end).map_or(bytes.len(), |at| at + 1)
}

/// A physical line without its end.
fn content(physical: &[u8]) -> &[u8] {
    &physical[..physical.len() - ending(physical).len()]
}

/// The end of a physical line; empty where the document ends without one.
pub(super) fn ending(physical: &[u8]) -> &[u8] {
    let content = physical.iter().rposition(|b| !b"\r\n".contains(b)).map_or(0, |at| at + 1);
    &physical[content..]
}

fn is_fold(physical: &[u8]) -> bool {
    matches!(physical.first(), Some(b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        let lines = split(text.as_bytes()).expect("few lines");
        lines.iter().map(|line| String::from_utf8(line.unfolded()).expect("text")).collect()
    }

    #[test]
    fn folds_soft_breaks_and_base64_join_lines() {
        assert_eq!(parts("NOTE:a\r\n b\r\n\tc\r\nX:d"), ["NOTE:abc", "X:d"]);
        assert_eq!(
            parts("N;ENCODING=QUOTED-PRINTABLE:a=\r\n b=\nc\nX:d="),
            ["N;ENCODING=QUOTED-PRINTABLE:a bc", "X:d="]
        );
        assert_eq!(parts("PHOTO;BASE64:\r\nAA+/\r\nBB==\r\n\r\nX:d"), ["PHOTO;BASE64:AA+/BB==", "", "X:d"]);
        assert_eq!(parts("N:a\rX:b\r c\r"), ["N:a", "X:bc"]);
    }

    #[test]
    fn a_soft_break_does_not_swallow_the_end() {
        assert_eq!(parts("N;QUOTED-PRINTABLE:a=\r\nEND:VCARD\r\n")[1], "END:VCARD");
    }

    #[test]
    fn a_fold_may_cut_a_character() {
        let lines = split(b"FN:Andr\xc3\r\n \xa9\r\n").expect("few lines");
        assert_eq!(lines[0].unfolded(), "FN:André".as_bytes());
    }
}

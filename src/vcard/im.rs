//! Messengers: `IMPP` and the `X-AIM` family before it.

use super::Version;
use super::line::Line;
use super::param::Param;
use super::text::unhex;

/// Older properties, and the protocol each stands for.
const LEGACY: [(&str, &str); 12] = [
    ("X-AIM", "aim"),
    ("X-ICQ", "icq"),
    ("X-JABBER", "jabber"),
    ("X-MSN", "msn"),
    ("X-YAHOO", "yahoo"),
    ("X-SKYPE", "skype"),
    ("X-SKYPE-USERNAME", "skype"),
    ("X-GTALK", "googletalk"),
    ("X-GOOGLE-TALK", "googletalk"),
    ("X-QQ", "qq"),
    ("X-GADUGADU", "gadugadu"),
    ("X-MS-IMADDRESS", ""),
];

/// URI schemes that are not named like their protocol, and the protocols that they carry.
const SCHEMES: [(&str, &str); 5] =
    [("xmpp", "jabber"), ("xmpp", "googletalk"), ("msnim", "msn"), ("ymsgr", "yahoo"), ("xmpp", "facebook")];

/// Apple's scheme for a messenger that has none.
const NO_SCHEME: &str = "x-apple";

/// Whether the property is a messenger.
pub(super) fn is_im(name: &str) -> bool {
    name == "IMPP" || LEGACY.iter().any(|(legacy, _)| *legacy == name)
}

/// Protocol and handle of a line.
pub(super) fn read(line: &Line) -> (Option<String>, String) {
    let text = line.text();
    if let Some((_, protocol)) = LEGACY.iter().find(|(legacy, _)| *legacy == line.name) {
        return (Some((*protocol).to_owned()).filter(|p| !p.is_empty()), text);
    }
    let (prefix, handle) = split(&text);
    let service = line.param("X-SERVICE-TYPE").or_else(|| line.param("SERVICE-TYPE")).filter(|s| !s.trim().is_empty());
    let protocol = service.map(str::to_owned).or_else(|| prefix.split_once(':').map(|(scheme, _)| of_scheme(scheme)));
    (protocol, decoded(handle).trim().to_owned())
}

/// Writes another handle of the same protocol.
pub(super) fn set_handle(line: &mut Line, handle: &str) {
    let text = line.text();
    let text = if line.name == "IMPP" { format!("{}{}", split(&text).0, encoded(handle)) } else { handle.to_owned() };
    line.set_text(&text);
}

/// The value and the parameters of a new `IMPP`.
pub(super) fn new(protocol: Option<&str>, handle: &str, version: Version) -> (String, Vec<Param>) {
    let Some(protocol) = protocol.map(str::trim).filter(|p| !p.is_empty()) else {
        return (encoded(handle), Vec::new());
    };
    let lower = protocol.to_lowercase();
    let is_scheme = lower.starts_with(|c: char| c.is_ascii_lowercase())
        && lower.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let known = SCHEMES.iter().find(|(_, known)| *known == lower).map(|(scheme, _)| *scheme);
    let scheme = known.unwrap_or(if is_scheme { &lower } else { NO_SCHEME });
    let named = of_scheme(scheme) != lower || version == Version::V3;
    let params = if named { vec![Param::new("X-SERVICE-TYPE", protocol)] } else { Vec::new() };
    (format!("{scheme}:{}", encoded(handle)), params)
}

/// The protocol of a scheme where nothing else names it.
fn of_scheme(scheme: &str) -> String {
    let scheme = scheme.to_lowercase();
    match scheme.as_str() {
        "msnim" => "msn".to_owned(),
        "ymsgr" => "yahoo".to_owned(),
        _ => scheme,
    }
}

/// Splits a URI into what stands before its handle (`aim:goim?screenname=`) and the handle.
fn split(uri: &str) -> (&str, &str) {
    let scheme = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    let Some((_, mut handle)) = uri.split_once(':').filter(|(before, _)| scheme(before)) else { return ("", uri) };
    handle = handle.trim_start_matches('/');
    for verb in ["goim?screenname=", "chat?contact=", "sendim?"] {
        handle = handle.strip_prefix(verb).unwrap_or(handle);
    }
    uri.split_at(uri.len() - handle.len())
}

fn encoded(handle: &str) -> String {
    let mut uri = String::with_capacity(handle.len());
    for byte in handle.trim().bytes() {
        if byte.is_ascii_alphanumeric() || b"@.-_~+!*'$&=#".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push('%');
            uri.extend([byte >> 4, byte & 15].map(|d| char::from(b"0123456789ABCDEF"[usize::from(d)])));
        }
    }
    uri
}

/// Without percent escapes; what is no escape, or no text, stays.
fn decoded(uri: &str) -> String {
    String::from_utf8(unhex(uri.as_bytes(), b'%')).unwrap_or_else(|_| uri.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> (Option<String>, String) {
        read(&Line::parse(text.as_bytes().to_vec()))
    }

    #[test]
    fn every_dialect_names_protocol_and_handle() {
        let is = |p: &str, h: &str| (Some(p.to_owned()), h.to_owned());
        assert_eq!(said("IMPP;X-SERVICE-TYPE=Skype;type=HOME:skype:anna.k"), is("Skype", "anna.k"));
        assert_eq!(said("IMPP:xmpp:a@b"), is("xmpp", "a@b"));
        assert_eq!(said("IMPP;X-SERVICE-TYPE=AIM:aim:goim?screenname=anna"), is("AIM", "anna"));
        assert_eq!(said("IMPP;X-SERVICE-TYPE=Signal:x-apple:anna%20k"), is("Signal", "anna k"));
        assert_eq!(said("X-JABBER;type=HOME:a@b"), is("jabber", "a@b"));
        assert_eq!(said("X-MS-IMADDRESS:anna"), (None, "anna".to_owned()));
        assert_eq!(said("IMPP:anna"), (None, "anna".to_owned()));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (protocol, handle) in
            [(Some("Skype"), "live:a.k"), (Some("XMPP"), "a@b"), (Some("My Chat"), "ü 100%=1"), (None, "a:b")]
        {
            for version in [Version::V3, Version::V4] {
                let (value, params) = new(protocol, handle, version);
                let line = Line::new(version, "\n", "IMPP", &params, &[super::super::rewrite::Piece::New(&value)]);
                let (read_protocol, read_handle) = read(&line);
                assert_eq!(read_protocol.map(|p| p.to_lowercase()), protocol.map(str::to_lowercase));
                assert_eq!(read_handle, handle);
            }
        }
    }
}

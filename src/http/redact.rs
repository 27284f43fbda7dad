//! What of a request and of an answer may be shown: shapes and names of keys, never values.

use url::Url;

/// How much of a body an error shows, in characters.
const EXCERPT: usize = 160;

/// Scheme, host and port: no login, no path.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The path, and the query's keys without their values. A path segment that is somebody's address is masked.
pub(super) fn route(url: &Url) -> String {
    let address = |segment: &str| segment.contains('@') || segment.contains("%40");
    let path: Vec<&str> = url.path().split('/').map(|part| if address(part) { "…" } else { part }).collect();
    let keys: Vec<String> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
    let mark = if keys.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", path.join("/"), keys.join("&"))
}

/// serde's message without what it found: `invalid type: string "…", expected u64 at line 1 column 9`.
pub(super) fn serde(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let unquoted = mask_between(&message, '"');
    // Here the backticks hold a name of ours; elsewhere the first pair of them holds what was found.
    if unquoted.starts_with("missing field") || unquoted.starts_with("duplicate field") {
        return unquoted;
    }
    let mut parts = unquoted.splitn(3, '`');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(before), Some(_), Some(after)) => format!("{before}`…`{after}"),
        _ => unquoted,
    }
}

/// The beginning of a body with its values masked: the keys of JSON, the title of HTML, the size of anything else.
pub(super) fn excerpt(body: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(body) else { return format!("({} bytes that are no text)", body.len()) };
    let text = text.trim_start();
    match text.chars().next() {
        None => "(nothing)".to_owned(),
        Some('{' | '[') => json_shape(text),
        Some('<') => markup(text),
        Some(_) => format!("({} bytes of text)", text.len()),
    }
}

/// `{"data":[{"id":#,"name":"…"` of `{"data":[{"id":17,"name":"Ada"`.
fn json_shape(text: &str) -> String {
    let mut shape = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next()
        && shape.chars().count() < EXCERPT
    {
        let end = match next {
            '"' => string_end(rest),
            _ => next.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        let is_key = next == '"' && after.trim_start().starts_with(':');
        match next {
            '"' if is_key && token.len() <= 40 => shape.push_str(token),
            '"' => shape.push_str("\"…\""),
            '{' | '}' | '[' | ']' | ':' | ',' => shape.push(next),
            // Numbers and whatever stands where it should not: one mark for a run of it.
            _ if next.is_whitespace() || shape.ends_with('#') => {}
            _ => shape.push('#'),
        }
        rest = after;
    }
    if rest.is_empty() { shape } else { format!("{shape}…") }
}

/// Where the string that `text` starts with ends, in bytes, its quotes included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A page's title says which proxy or firewall answered in the service's place.
fn markup(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").map(|at| at + "<title>".len()).and_then(|start| {
        let end = lower[start..].find("</title>")? + start;
        text.get(start..end)
    });
    let title: String = title.unwrap_or_default().trim().chars().filter(|c| !c.is_control()).take(EXCERPT).collect();
    if title.is_empty() {
        format!("({} bytes of HTML or XML)", text.len())
    } else {
        format!("(a page with the title \"{title}\")")
    }
}

/// Replaces what stands between pairs of `quote`, which may be escaped inside.
fn mask_between(text: &str, quote: char) -> String {
    let mut masked = String::new();
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if inside && escaped => escaped = false,
            '\\' if inside => escaped = true,
            _ if c == quote => {
                inside = !inside;
                masked.push_str(if inside { "\"…" } else { "\"" });
            }
            _ if inside => {}
            _ => masked.push(c),
        }
    }
    masked
}

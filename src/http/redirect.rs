//! Where a redirect leads, and whether to go there. Reads only: a write is never sent to another place than asked.

use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::settings::is_loopback;

/// How many redirects one request follows.
pub(super) const HOPS: u32 = 5;

/// The next URL, `None` where the answer is no redirect, or why it must not be followed.
pub(super) fn next(from: &Url, status: u16, headers: &HeaderMap) -> Option<Result<Url, String>> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = headers.get(LOCATION)?;
    Some(target(from, location.as_bytes()))
}

fn target(from: &Url, location: &[u8]) -> Result<Url, String> {
    let to = std::str::from_utf8(location).ok().and_then(|text| from.join(text).ok());
    let mut to = to.ok_or("its target is no URL")?;
    let to_origin = to.origin().ascii_serialization();
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(format!("it leads from https to {to_origin}"));
    }
    may_be_sent(&to)?;
    if from.origin() != to.origin() {
        // A login in the target's address would be sent as a header nobody asked for.
        let _ = to.set_username("");
        let _ = to.set_password(None);
    }
    Ok(to)
}

/// Plain http stays on this machine.
pub(super) fn may_be_sent(url: &Url) -> Result<(), String> {
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err(format!(
            "plain http to {} would show every secret on the way; use https (plain http is for loopback only)",
            url.host_str().unwrap_or("another machine")
        )),
        other => Err(format!("{other}: is no address that can be asked; expected https://HOST/…")),
    }
}

//! What single values mean: each function reads one TOML value or says what is wrong with it.
//!
//! Nothing here looks at another value, at the disk or at the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;
use url::{Host, Url};

use crate::account::{Country, Share};
use crate::contact::phone::is_known;

use super::model::Listen;
use super::raw::{Complaint, Value};

type Read<T> = Result<T, Complaint>;

/// Longest duration: what lies beyond is a slip, and sums of two must not overflow.
const LONGEST: Duration = Duration::from_hours(87600);

/// Longest path of a Unix socket, which needs a zero byte behind it.
const MAX_SOCKET_PATH: usize = 107;

/// How messages name a kind of TOML value.
pub(super) fn kind(raw: &DeValue<'_>) -> &'static str {
    match raw {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn wrong_kind(value: Value<'_>, expected: &str, example: &str) -> Complaint {
    Complaint::new(
        format!("`{}` must be {expected}, not {}", value.key, kind(value.raw)),
        format!("expected {expected}"),
    )
    .help(format!("write {} = {example}", value.key))
}

/// Text as it is; empty text is refused.
pub(super) fn text(value: Value<'_>) -> Read<String> {
    text_like(value, "text in quotes", "\"…\"").map(str::to_owned)
}

fn text_like<'a>(value: Value<'a>, expected: &str, example: &str) -> Read<&'a str> {
    match value.raw.as_str() {
        Some(text) if text.trim().is_empty() => {
            Err(Complaint::new(format!("`{}` is empty", value.key), format!("expected {expected}"))
                .help(format!("write {} = {example}, or remove the line", value.key)))
        }
        Some(text) => Ok(text),
        None => Err(wrong_kind(value, expected, example)),
    }
}

/// `true` or `false`.
pub(super) fn boolean(value: Value<'_>) -> Read<bool> {
    value.raw.as_bool().ok_or_else(|| match value.raw.as_str() {
        Some(word @ ("true" | "false")) => wrong_kind(value, "true or false without quotes", word),
        Some("no" | "off" | "never" | "0") => wrong_kind(value, "true or false", "false"),
        _ => wrong_kind(value, "true or false", "true"),
    })
}

/// A whole number of at least `least`.
pub(super) fn count(least: u64) -> impl Fn(Value<'_>) -> Read<u64> {
    move |value| {
        let Some(integer) = value.raw.as_integer() else {
            return Err(wrong_kind(value, "a whole number", &least.max(100).to_string()));
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        number.filter(|number| *number >= least).ok_or_else(|| {
            Complaint::new(
                format!("`{}` cannot be {integer}", value.key),
                format!("expected a whole number of at least {least}"),
            )
        })
    }
}

/// `"auto"` or a number of at least 1.
pub(super) fn auto_or_count(value: Value<'_>) -> Read<Option<u64>> {
    match value.raw.as_str() {
        Some("auto") => Ok(None),
        Some(text) => Err(Complaint::new(
            format!("`{}` cannot be {text:?}", value.key),
            "expected \"auto\" or a number without quotes",
        )),
        None => count(1)(value).map(Some),
    }
}

/// One of some words.
pub(super) fn one_of<T: Copy>(words: &[(&str, T)]) -> impl Fn(Value<'_>) -> Read<T> {
    move |value| {
        let names: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let expected = match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.join(""),
        };
        let first = words.first().map_or("", |(word, _)| *word);
        let Some(text) = value.raw.as_str() else {
            return Err(wrong_kind(value, &expected, &format!("\"{first}\"")));
        };
        if let Some((_, known)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*known);
        }
        let complaint = Complaint::new(format!("`{}` cannot be {text:?}", value.key), format!("expected {expected}"));
        Err(match super::keys::nearest(text, words.iter().map(|(word, _)| *word)) {
            Some(near) => complaint.help(format!("did you mean {} = \"{near}\"?", value.key)),
            None => complaint,
        })
    }
}

/// `"90s"`, `"5m"`, `"1h30m"`, `"90d"`: at least one second, at most ten years.
pub(super) fn duration(value: Value<'_>) -> Read<Duration> {
    const EXPECTED: &str = "a duration such as \"90s\", \"5m\", \"1h30m\" or \"90d\"";
    let Some(text) = value.raw.as_str() else {
        let example = value.raw.as_integer().map_or_else(|| "\"5m\"".to_owned(), |number| format!("\"{number}s\""));
        return Err(wrong_kind(value, EXPECTED, &example));
    };
    let complain = || Complaint::new(format!("`{}` cannot be {text:?}", value.key), format!("expected {EXPECTED}"));
    let duration = parse_duration(text).ok_or_else(|| {
        complain().help("units are d (days), h (hours), m (minutes) and s (seconds), the larger first")
    })?;
    if duration < Duration::from_secs(1) || duration > LONGEST {
        return Err(complain().help("the shortest is \"1s\", the longest \"3650d\""));
    }
    Ok(duration)
}

fn parse_duration(text: &str) -> Option<Duration> {
    const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];
    let mut units = UNITS.as_slice();
    let mut rest = text;
    let mut seconds = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.chars().next()?;
        let at = units.iter().position(|(name, _)| *name == unit)?;
        let (_, factor) = units.get(at)?;
        units = units.get(at + 1..)?;
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = tail.get(1..)?;
    }
    (!text.is_empty()).then_some(Duration::from_secs(seconds))
}

/// `"25%"`: a whole number of percent from `least` to 100.
pub(super) fn share(least: u8) -> impl Fn(Value<'_>) -> Read<Share> {
    move |value| {
        let expected = format!("a share from \"{least}%\" to \"100%\"");
        let Some(text) = value.raw.as_str() else {
            let example =
                value.raw.as_integer().map_or_else(|| "\"25%\"".to_owned(), |number| format!("\"{number}%\""));
            return Err(wrong_kind(value, &expected, &example));
        };
        let percent = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<u8>().ok());
        percent.filter(|percent| *percent >= least).and_then(Share::percent).ok_or_else(|| {
            let complaint =
                Complaint::new(format!("`{}` cannot be {text:?}", value.key), format!("expected {expected}"));
            match text.parse::<u8>() {
                Ok(number) if (least..=100).contains(&number) => {
                    complaint.help(format!("write {} = \"{number}%\"", value.key))
                }
                _ => complaint,
            }
        })
    }
}

/// A path, absolute in the end. Whether something is there is not asked.
pub(super) fn path(value: Value<'_>) -> Read<PathBuf> {
    let text = text_like(value, "a path in quotes", "\"PATH\"")?;
    if text.starts_with("~/") || text == "~" || text.starts_with('$') {
        return Err(Complaint::new(format!("`{}` would not be expanded", value.key), "expected a plain path").help(
            "write the path out, absolute or relative to this file: no shell reads it, so ~ and $ mean nothing here",
        ));
    }
    Ok(value.absolute(text))
}

/// Whether text looks like an e-mail address. Deliverability is the mail system's business.
pub(super) fn is_email(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || c == '@');
    text.split_once('@').is_some_and(|(user, domain)| plain(user) && plain(domain) && !domain.starts_with('.'))
}

/// An e-mail address.
pub(super) fn email(value: Value<'_>) -> Read<String> {
    let text = text_like(value, "an e-mail address", "\"alice@acme.example\"")?;
    if is_email(text) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(
        format!("`{}` is no e-mail address", value.key),
        "expected an address such as \"alice@acme.example\"",
    ))
}

/// Two capital letters of a country that has telephones.
pub(super) fn country(value: Value<'_>) -> Read<Country> {
    let text = text_like(value, "a country code such as \"FR\"", "\"FR\"")?;
    // Asking loads the tables of all countries, which the accounts will need anyway.
    if let Some(country) = Country::new(text).filter(|country| is_known(*country)) {
        return Ok(country);
    }
    let complaint = Complaint::new(
        format!("`{}` cannot be {text:?}", value.key),
        "expected the two capital letters of a country, such as \"FR\" or \"CH\"",
    );
    let upper = Country::new(&text.to_uppercase()).filter(|country| is_known(*country));
    Err(match (upper, text) {
        (Some(upper), _) => complaint.help(format!("write {} = \"{}\"", value.key, upper.as_str())),
        (None, "UK") => complaint.help(format!("the United Kingdom is \"GB\": write {} = \"GB\"", value.key)),
        _ => complaint.help("ISO 3166-1 lists them"),
    })
}

/// The root of a service: https, or plain http on loopback; nothing after the path.
pub(super) fn root_url(value: Value<'_>) -> Read<Url> {
    let url = any_url(value, "https", "expected a URL that begins with https://")?;
    let complain = |message: &str, label: &str| Complaint::new(format!("`{}` {message}", value.key), label);
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(complain("would send secrets over plain http", "plain http is for loopback addresses only")
                .help(format!("write https: {} = \"https{}\"", value.key, url.as_str().trim_start_matches("http"))));
        }
        _ => return Err(complain("is no web address", "expected a URL that begins with https://")),
    }
    let path = url.path().trim_end_matches('/');
    let appended = ["/api/v2", "/api/v1", "/v2", "/v1", "/v1.0"].into_iter().find(|tail| path.ends_with(tail));
    if let Some(tail) = appended {
        let root = url.as_str().trim_end_matches('/').trim_end_matches(tail);
        return Err(complain("is not the root of the service", &format!("{tail} is appended by carnetd"))
            .help(format!("write {} = \"{root}\"", value.key)));
    }
    Ok(url)
}

/// A proxy: http or https, without a password.
pub(super) fn proxy_url(value: Value<'_>) -> Read<Url> {
    let url = any_url(value, "http", "expected http://HOST:PORT or https://HOST:PORT")?;
    if ["http", "https"].contains(&url.scheme()) {
        return Ok(url);
    }
    Err(Complaint::new(format!("`{}` cannot use {}://", value.key, url.scheme()), "expected http:// or https://"))
}

/// A URL of whatever scheme. What begins with none is advised this one.
fn any_url(value: Value<'_>, scheme: &str, expected: &str) -> Read<Url> {
    let text = text_like(value, "a URL in quotes", &format!("\"{scheme}://…\""))?;
    let complain = |message: &str, label: &str| Complaint::new(format!("`{}` {message}", value.key), label);
    let url = match Url::parse(text) {
        Ok(url) if url.has_host() => url,
        Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => {
            return Err(complain("is no URL", expected).help(format!(
                "write {} = \"{scheme}://{}\"",
                value.key,
                text.rsplit("//").next().unwrap_or(text)
            )));
        }
        Err(error) => return Err(complain(&format!("is no URL: {error}"), expected)),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(complain("holds a user or a password", "logins never stand in a URL here")
            .help("a proxy's login may stand in the variable HTTPS_PROXY; a service's has keys of its own"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(complain("holds more than a root", "expected no ? and no #"));
    }
    Ok(url)
}

/// Whether a URL stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// `IP:PORT`, `unix:PATH` or `off`.
pub(super) fn listen(value: Value<'_>) -> Read<Listen> {
    const EXPECTED: &str = "\"IP:PORT\", \"unix:PATH\" or \"off\"";
    let text = text_like(value, EXPECTED, "\"127.0.0.1:8787\"")?;
    if text == "off" {
        return Ok(Listen::Off);
    }
    if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
        let path = value.absolute(path);
        if path.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(Complaint::new(
                format!("`{}` is too long a path for a socket", value.key),
                format!("at most {MAX_SOCKET_PATH} bytes from the root on"),
            )
            .help("choose a shorter one, for example below /run"));
        }
        return Ok(Listen::Unix(path));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Listen::Tcp(address));
    }
    let complaint = Complaint::new(format!("`{}` cannot be {text:?}", value.key), format!("expected {EXPECTED}"));
    let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    Err(match port {
        Some(port) => complaint.help(format!(
            "names are not looked up: write {key} = \"127.0.0.1:{port}\", or \"0.0.0.0:{port}\" for every address",
            key = value.key
        )),
        None => complaint.help(format!("write {} = \"127.0.0.1:8787\"", value.key)),
    })
}

/// A list of texts.
pub(super) fn texts(value: Value<'_>) -> Read<Vec<String>> {
    let list = value.raw.as_array().ok_or_else(|| wrong_kind(value, "a list of texts", "[\"…\"]"))?;
    list.iter()
        .map(|item| match item.get_ref().as_str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(Complaint::new(format!("`{}` must hold only texts", value.key), "expected a list of texts")
                .help(format!("write {} = [\"…\", \"…\"]", value.key))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_and_larger_units_come_first() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("1h30m", 5400), ("90d", 7_776_000), ("1d2h3m4s", 93_784)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "m", "5 m", "30m1h", "5m5m", "1.5h", "-5m", "5M", "99999999999999999999s", "5mé"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_has_two_halves() {
        assert!(is_email("alice@acme.example") && is_email("a+b@localhost"));
        for text in ["alice", "@acme.example", "alice@", "a b@acme", "a@b@c", "a@.c"] {
            assert!(!is_email(text), "{text}");
        }
    }
}

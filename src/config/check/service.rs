//! Everything but accounts and connections: the top of the file, Pipedrive, status, log, http.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::account::Share;
use crate::config::keys;
use crate::config::model::{
    Http, Levels, Listen, Log, LogFormat, LogLevel, Pipedrive, PipedriveOauth, ProxyUrl, StandIn, StateKey, Status,
};
use crate::config::problem::Problem;
use crate::config::raw::{Complaint, Given, Section, Sink, Value, absolute};
use crate::config::secret::readable;
use crate::config::value;

/// What stands at the top of the file.
pub(super) struct Settings {
    pub(super) state_dir: PathBuf,
    pub(super) watch: bool,
    pub(super) interval: Duration,
    pub(super) history: Duration,
    pub(super) state_key: StateKey,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

pub(super) fn settings(top: &Section<'_>, sink: &mut Sink<'_>) -> Settings {
    let state_dir = top.get("state_dir", sink, value::path).value().unwrap_or_else(|| default_state_dir(sink));
    let state_key = match top.secret("state_key", true, sink).value() {
        Some(source) => StateKey::Given(source),
        None => StateKey::Made(state_dir.join("key")),
    };
    Settings {
        state_key,
        state_dir,
        watch: top.get("watch", sink, value::boolean).value().unwrap_or(true),
        interval: top.get("interval", sink, value::duration).value().unwrap_or(Duration::from_secs(5 * MINUTE)),
        history: top.get("history", sink, value::duration).value().unwrap_or(Duration::from_secs(90 * DAY)),
    }
}

fn default_state_dir(sink: &Sink<'_>) -> PathBuf {
    let beside = absolute(sink.env.base(), Path::new("state"));
    match &sink.env.state_directory {
        Some(directory) => directory.clone(),
        None if beside.starts_with("/etc") => PathBuf::from("/var/lib/carnetd"),
        None => beside,
    }
}

/// `[pipedrive]`, and what accounts need of it even where something else in it is wrong.
pub(super) struct PipedriveRead {
    pub(super) value: Option<Pipedrive>,
    pub(super) levels: Given<Levels>,
}

pub(super) fn pipedrive(top: &Section<'_>, sink: &mut Sink<'_>) -> PipedriveRead {
    let Some(section) = top.table("pipedrive", &keys::PIPEDRIVE, sink) else {
        if top.key_place("pipedrive").is_none() {
            let problem = Problem::file(&sink.env.config_path, "there is no [pipedrive] table").help(
                "add [pipedrive] with url and token_file; or with sandbox = true, to try carnetd without Pipedrive",
            );
            sink.missing(&top.place, problem);
        }
        return PipedriveRead { value: None, levels: Given::No };
    };
    let levels = section.get("visibility_levels", sink, visibility_levels);
    let sandbox = section.get("sandbox", sink, value::boolean);
    let embedded = sandbox.as_ref().copied().unwrap_or(false);
    let url = section.get("url", sink, value::root_url);
    let token = section.secret("token", !embedded, sink);
    let oauth = section.table("oauth", &keys::OAUTH, sink);
    if let (Some(place), Some(oauth)) = (token.place(), &oauth) {
        let problem =
            Problem::at(&oauth.place, "both a token and an OAuth application are given", "and the application here")
                .also(place, "the token is given here")
                .help("keep one of them");
        sink.add(problem);
    }
    if !embedded && !matches!(sandbox, Given::Wrong) {
        if url.is_missing() {
            let problem = Problem::at(&section.place, "[pipedrive] does not say `url`", "expected url in this table")
                .help("add url = \"https://COMPANY.pipedrive.com\"");
            sink.missing(&section.place, problem);
        }
        if token.is_missing() && oauth.is_none() {
            let problem = Problem::at(&section.place, "[pipedrive] does not say how to log in", "expected a token in this table")
                .help("add token_file = \"PATH\", token_command = [\"PROGRAM\", …], token_credential = \"NAME\" or a table [pipedrive.oauth]");
            sink.missing(&section.place, problem);
        }
    }
    let oauth = oauth.and_then(|section| oauth_application(&section, !embedded, sink));
    let daily_share = section.get("daily_share", sink, value::share(1)).value().or_else(|| Share::percent(50));
    let value = daily_share.map(|daily_share| Pipedrive {
        url: url.value(),
        token: token.value(),
        oauth,
        levels: levels.as_ref().copied().unwrap_or(Levels::Auto),
        daily_tokens: section.get("daily_tokens", sink, value::auto_or_count).value().flatten(),
        burst: section.get("burst", sink, burst).value().flatten(),
        daily_share,
        sweep: section.get("sweep", sink, value::duration).value().unwrap_or(Duration::from_secs(HOUR)),
        sandbox: embedded,
        fields: stand_ins(&section, sink),
    });
    PipedriveRead { value, levels }
}

fn burst(value: Value<'_>) -> Result<Option<u32>, Complaint> {
    let too_many = || Complaint::new(format!("`{}` is too large", value.key), "expected requests per 2 seconds");
    value::auto_or_count(value)?.map(|count| u32::try_from(count).map_err(|_| too_many())).transpose()
}

fn visibility_levels(value: Value<'_>) -> Result<Levels, Complaint> {
    match (value.raw.as_str(), value.raw.as_integer().map(ToString::to_string).as_deref()) {
        (Some("auto"), _) => Ok(Levels::Auto),
        (_, Some("2")) => Ok(Levels::Two),
        (_, Some("4")) => Ok(Levels::Four),
        _ => Err(Complaint::new(
            "`visibility_levels` must be \"auto\", 2 or 4",
            "expected \"auto\", or 2 or 4 without quotes",
        )
        .help("2 on the plans Lite and Growth, 4 on Premium and Ultimate")),
    }
}

fn oauth_application(section: &Section<'_>, needed: bool, sink: &mut Sink<'_>) -> Option<PipedriveOauth> {
    let client_id = section.get("client_id", sink, value::text);
    let client_secret = section.secret("client_secret", needed, sink);
    let oauth_url = section.url_or("oauth_url", "https://oauth.pipedrive.com", sink);
    section.need("client_id", &client_id, sink);
    section.need("client_secret_file", &client_secret, sink);
    Some(PipedriveOauth { client_id: client_id.value()?, client_secret: client_secret.value()?, oauth_url: oauth_url? })
}

fn stand_ins(pipedrive: &Section<'_>, sink: &mut Sink<'_>) -> BTreeMap<StandIn, String> {
    let Some(section) = pipedrive.table("fields", &keys::FIELDS, sink) else { return BTreeMap::new() };
    StandIn::ALL
        .into_iter()
        .filter_map(|field| Some((field, section.get(field.as_str(), sink, value::text).value()?)))
        .collect()
}

pub(super) fn status(top: &Section<'_>, sink: &mut Sink<'_>) -> Status {
    let default = || Listen::Tcp(([127, 0, 0, 1], 8787).into());
    let Some(section) = top.table("status", &keys::STATUS, sink) else {
        return Status { listen: default(), token: None, hosts: Vec::new(), public_url: None };
    };
    let listen = section.get("listen", sink, value::listen);
    let token = section.secret("token", true, sink);
    if let Given::Yes(Listen::Tcp(address), place) = &listen
        && !address.ip().is_loopback()
        && token.is_missing()
    {
        let problem =
            Problem::at(place, "the status server would be open to everybody", "not a loopback address, and no token")
                .help("add token_file = \"PATH\" to [status], or listen on 127.0.0.1");
        sink.missing(place, problem);
    }
    let hosts = section.get("hosts", sink, hosts).value().unwrap_or_default();
    let public_url = section.get("public_url", sink, value::root_url).value();
    Status { listen: listen.value().unwrap_or_else(default), token: token.value(), hosts, public_url }
}

/// Names as they come in a `Host` header, without port, in lower case.
fn hosts(value: Value<'_>) -> Result<Vec<String>, Complaint> {
    let hosts = value::texts(value)?;
    match hosts.iter().find(|host| url::Host::parse(host).is_err()) {
        Some(bad) => Err(Complaint::new(
            format!("{bad:?} in `hosts` is no host name"),
            "expected names without scheme, port and path",
        )
        .help("write hosts = [\"carnetd.acme.example\"]")),
        None => Ok(hosts.into_iter().map(|host| host.to_lowercase()).collect()),
    }
}

pub(super) fn log(top: &Section<'_>, sink: &mut Sink<'_>) -> Log {
    const LEVELS: [LogLevel; 5] = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    let mut log = Log { level: LogLevel::Info, format: LogFormat::Auto };
    if let Some(section) = top.table("log", &keys::LOG, sink) {
        let levels = LEVELS.map(|level| (level.as_str(), level));
        log.level = section.get("level", sink, value::one_of(&levels)).value().unwrap_or(log.level);
        let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
        log.format = section.get("format", sink, value::one_of(&formats)).value().unwrap_or(log.format);
    }
    log
}

pub(super) fn http(top: &Section<'_>, sink: &mut Sink<'_>) -> Http {
    let section = top.table("http", &keys::HTTP, sink);
    let declared = section.as_ref().map(|section| section.get("proxy", sink, value::proxy_url)).unwrap_or_default();
    let ca_file = section.map(|section| section.get("ca_file", sink, certificates)).unwrap_or_default();
    let proxy = match declared {
        Given::Yes(url, _) => Some(ProxyUrl(url)),
        Given::Wrong => None,
        Given::No => environment_proxy(sink),
    };
    Http { proxy, no_proxy: sink.env.no_proxy.clone(), ca_file: ca_file.value() }
}

fn existing_file(value: Value<'_>) -> Result<PathBuf, Complaint> {
    let path = value::path(value)?;
    readable(value.key, &path)?;
    Ok(path)
}

/// A file that holds at least one certificate, as the client will want it.
fn certificates(value: Value<'_>) -> Result<PathBuf, Complaint> {
    const MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let path = existing_file(value)?;
    if std::fs::read(&path).is_ok_and(|pem| pem.windows(MARK.len()).any(|bytes| bytes == MARK)) {
        return Ok(path);
    }
    let message = format!("`{}` names a file without a certificate", value.key);
    Err(Complaint::new(message, "expected PEM: -----BEGIN CERTIFICATE----- and so on")
        .help("write the certificate of your own CA into it, or remove the key; the system's CAs are trusted anyway"))
}

/// curl takes `HOST:PORT` there as well.
fn environment_proxy(sink: &mut Sink<'_>) -> Option<ProxyUrl> {
    let text = sink.env.https_proxy.as_ref()?.0.clone();
    let text = if text.contains("://") { text } else { format!("http://{text}") };
    let url = Url::parse(&text).ok().filter(|url| url.has_host() && ["http", "https"].contains(&url.scheme()));
    if url.is_none() {
        let problem = Problem::nowhere("the variable HTTPS_PROXY holds no proxy's URL")
            .help("set it to http://HOST:PORT, or unset it, or write [http] proxy");
        sink.add(problem);
    }
    url.map(ProxyUrl)
}

//! The checked configuration: every value is meaningful, every path absolute, every default filled in.
//!
//! Nothing here can be wrong in itself; what a file may say and why it is refused stands in [`super::load`]'s parts.

mod account;
mod connection;

pub use account::{Account, Book, is_same_folder};
pub use connection::{Connection, GoogleConnection, GoogleLogin, MicrosoftConnection, MicrosoftLogin};

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::account::{AccountName, Share, VisibilityLevels};
use crate::auth::secret::SecretSource;

/// Everything that is declared, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The main file, as it was named.
    pub path: PathBuf,
    /// Every file that was read, the main one first.
    pub files: Vec<PathBuf>,
    /// What those files and the accounts directory held, in one number: a comment changes it, too.
    pub fingerprint: u64,
    /// Where `state.redb`, the key and the socket live.
    pub state_dir: PathBuf,
    /// The directory whose `*.toml` hold further accounts; `None` where the default one does not exist.
    pub accounts_dir: Option<PathBuf>,
    /// Whether edits are applied by themselves. Default true.
    pub watch: bool,
    /// An account is reconciled at least this often, unless it says otherwise. Default 5 minutes.
    pub interval: Duration,
    /// How far back history reaches. Default 90 days.
    pub history: Duration,
    /// What encrypts stored logins.
    pub state_key: StateKey,
    /// The company's CRM.
    pub pipedrive: Pipedrive,
    /// `[google]`.
    pub google: Option<Connection>,
    /// `[microsoft]`.
    pub microsoft: Option<Connection>,
    /// `[connections.NAME]`.
    pub connections: BTreeMap<String, Connection>,
    /// The status server.
    pub status: Status,
    /// The log.
    pub log: Log,
    /// How the network is reached.
    pub http: Http,
    /// The accounts, disabled ones too.
    pub accounts: BTreeMap<AccountName, Account>,
}

impl Config {
    /// The connection an account logs in through; `None` for providers that need none.
    pub fn connection(&self, account: &Account) -> Option<&Connection> {
        match &account.book {
            Book::Google { connection: Some(name), .. } | Book::Microsoft { connection: Some(name), .. } => {
                self.connections.get(name)
            }
            Book::Google { connection: None, .. } => self.google.as_ref(),
            Book::Microsoft { connection: None, .. } => self.microsoft.as_ref(),
            Book::Folder { .. } | Book::CardDav { .. } | Book::Icloud { .. } => None,
        }
    }
}

/// What encrypts stored logins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateKey {
    /// The file `key` in the state directory, made once with mode 0600.
    Made(PathBuf),
    /// A secret of the administrator's own.
    Given(SecretSource),
}

/// `[pipedrive]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipedrive {
    /// The company's root. `None` only with [`Pipedrive::sandbox`].
    pub url: Option<Url>,
    /// The API token. `None` with the sandbox or [`Pipedrive::oauth`].
    pub token: Option<SecretSource>,
    /// The OAuth application, where it is used instead of a token.
    pub oauth: Option<PipedriveOauth>,
    /// How many visibility levels the plan has. Default [`Levels::Auto`].
    pub levels: Levels,
    /// The company's daily tokens. `None`: from the headers.
    pub daily_tokens: Option<u64>,
    /// Requests in two seconds. `None`: from the headers.
    pub burst: Option<u32>,
    /// The share of the daily tokens that carnetd may use. Default 50 %.
    pub daily_share: Share,
    /// Deletions in Pipedrive are noticed within this time. Default one hour.
    pub sweep: Duration,
    /// Whether the embedded stand-in takes Pipedrive's place. Real providers are then read-only. Default false.
    pub sandbox: bool,
    /// Custom fields (name or key) that stand in for what persons lack.
    pub fields: BTreeMap<StandIn, String>,
}

/// `[pipedrive.oauth]`.
#[derive(Debug, Clone, PartialEq)]
pub struct PipedriveOauth {
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: SecretSource,
    /// The root of `/oauth/authorize` and `/oauth/token`. Default `https://oauth.pipedrive.com`.
    pub oauth_url: Url,
}

/// How many visibility levels Pipedrive's plan has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Levels {
    /// Only where the API proves it.
    Auto,
    /// Lite, Growth.
    Two,
    /// Premium, Ultimate.
    Four,
}

impl Levels {
    /// The declared number, or `None` where the API has to prove it.
    pub fn declared(self) -> Option<VisibilityLevels> {
        match self {
            Self::Auto => None,
            Self::Two => Some(VisibilityLevels::Two),
            Self::Four => Some(VisibilityLevels::Four),
        }
    }
}

/// A field of a contact for which `[pipedrive.fields]` may name a custom field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StandIn {
    /// `job_title`
    JobTitle,
    /// `birthday`
    Birthday,
    /// `notes`
    Notes,
    /// `im`
    Im,
    /// `postal_address`
    PostalAddress,
}

impl StandIn {
    /// Every one, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::JobTitle, Self::Birthday, Self::Notes, Self::Im, Self::PostalAddress];

    /// The key in `[pipedrive.fields]`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobTitle => "job_title",
            Self::Birthday => "birthday",
            Self::Notes => "notes",
            Self::Im => "im",
            Self::PostalAddress => "postal_address",
        }
    }
}

/// `[status]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Default `127.0.0.1:8787`.
    pub listen: Listen,
    /// What a visitor has to know; never absent off loopback.
    pub token: Option<SecretSource>,
    /// Further `Host` names that are served, in lower case.
    pub hosts: Vec<String>,
    /// Where the server is reached from outside.
    pub public_url: Option<Url>,
}

/// Where the status server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `IP:PORT`
    Tcp(SocketAddr),
    /// `unix:PATH`
    Unix(PathBuf),
    /// `off`
    Off,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Default info. `CARNETD_LOG` overrides it.
    pub level: LogLevel,
    /// Default auto.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The word written in the configuration, which is also the filter's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// In which form is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text; under the journal with priorities and without time and colour.
    Auto,
    /// Text.
    Text,
    /// One JSON object per line.
    Json,
}

/// `[http]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// From `proxy`, else `$HTTPS_PROXY`. Loopback never goes through it.
    pub proxy: Option<ProxyUrl>,
    /// `$NO_PROXY`, as given.
    pub no_proxy: Option<String>,
    /// Further trusted roots, PEM.
    pub ca_file: Option<PathBuf>,
}

/// A proxy's URL. From the environment it may hold a password, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(pub Url);

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({}://{})", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

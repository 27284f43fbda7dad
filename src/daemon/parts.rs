//! From a checked configuration to working parts.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use url::Url;

use super::logins::Logins;
use crate::account::Direction;
use crate::adapter::folder::Folder;
use crate::adapter::google::{self, Google};
use crate::adapter::pipedrive::{Company, Credential, Settings};
use crate::adapter::{Error, Kind, SharedBook};
use crate::auth::token::Tokens;
use crate::clock::{Moment, SharedClock};
use crate::config::{self, Config, Environment};
use crate::http::Client;
use crate::watch::Watcher;

/// Where the embedded sandbox listens if that address is free.
#[cfg(feature = "sandbox")]
const SANDBOX_ADDRESS: &str = "127.0.0.1:8700";

/// The user as whom carnetd talks to the embedded sandbox.
const SANDBOX_USER: &str = "admin@sandbox.example";

/// An embedded sandbox that is being served; dropping it stops it.
#[derive(Debug)]
pub(super) struct Embedded {
    /// Its root: `/pipedrive` is below it.
    pub(super) root: Url,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Embedded {
    /// Stops serving and waits until its log is closed.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let _ = self.served.await;
    }
}

/// Where the persons of an embedded sandbox can be seen in a browser.
pub(super) fn sandbox_page(root: &Url) -> String {
    format!("{root}pipedrive/")
}

/// Starts the embedded sandbox beside the state database.
#[cfg(feature = "sandbox")]
pub(super) async fn embed(config: &Config, clock: &SharedClock) -> Result<Embedded, Error> {
    use crate::sandbox::{Options, Sandbox, serve};

    let failed = |what: String| Error::new(Kind::Unavailable, what);
    // Where nothing is kept yet (`check`), nothing is made.
    let state = config.state_dir.is_dir().then(|| config.state_dir.join("sandbox.log"));
    let options = Options { state, clock: Arc::clone(clock), seed: 0 };
    let sandbox = Sandbox::open_patiently(options).await;
    let sandbox = sandbox.map_err(|error| failed(format!("the sandbox did not start: {error}")))?;
    let listener = match tokio::net::TcpListener::bind(SANDBOX_ADDRESS).await {
        Ok(listener) => listener,
        Err(_) => tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .map_err(|error| failed(format!("the sandbox cannot listen on 127.0.0.1: {error}")))?,
    };
    let address = listener.local_addr().map_err(|error| failed(format!("the sandbox has no address: {error}")))?;
    let root = Url::parse(&format!("http://{address}/")).map_err(|error| failed(error.to_string()))?;
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, sandbox, stop.clone().cancelled_owned()));
    Ok(Embedded { root, stop, served })
}

/// Built without the sandbox.
#[cfg(not(feature = "sandbox"))]
pub(super) async fn embed(_config: &Config, _clock: &SharedClock) -> Result<Embedded, Error> {
    Err(Error::new(Kind::Forbidden, "[pipedrive] sandbox = true, but this carnetd was built without its sandbox"))
}

/// The client that all adapters share.
pub(super) fn client(config: &Config, clock: &SharedClock) -> Result<Client, Error> {
    let http = &config.http;
    let no_proxy = http.no_proxy.iter().flat_map(|list| list.split(',')).map(|e| e.trim().to_owned());
    let settings = crate::http::Settings {
        proxy: http.proxy.as_ref().map(|proxy| proxy.0.clone()),
        no_proxy: no_proxy.filter(|e| !e.is_empty()).collect(),
        ca_file: http.ca_file.clone(),
    };
    let seed = clock.now().0.unsigned_abs() ^ u64::from(std::process::id());
    Client::new(&settings, Arc::clone(clock), seed).map_err(|error| Error::new(Kind::Unavailable, error.to_string()))
}

/// The Pipedrive company that the configuration names. `used` is what was used of its tokens so far.
pub(super) async fn company(
    (environment, config): (&Environment, &Config),
    logins: &Logins,
    (client, clock): (&Client, &SharedClock),
    (sandbox, used): (Option<&Embedded>, Option<(Moment, u64)>),
    cancel: &CancellationToken,
) -> Result<Arc<Company>, Error> {
    let declared = &config.pipedrive;
    let (url, token) = match sandbox {
        None if declared.oauth.is_some() => {
            let (tokens, root) = logins.pipedrive(config, client).await?;
            (root.or_else(|| declared.url.clone()).ok_or_else(no_login)?, Credential::Bearer(tokens))
        }
        Some(sandbox) => {
            let url = sandbox.root.join("pipedrive").map_err(|e| Error::new(Kind::Unavailable, e.to_string()))?;
            users_of_sandbox(config, &url, client, cancel).await?;
            (url, Credential::ApiToken(format!("sandbox:{SANDBOX_USER}").into()))
        }
        None => (declared.url.clone().ok_or_else(no_login)?, token(environment, config, clock).await?),
    };
    let settings = Settings {
        url,
        token,
        levels: declared.levels.declared(),
        daily_tokens: declared.daily_tokens,
        burst: declared.burst,
        daily_share: declared.daily_share,
        used,
        fields: declared.fields.clone(),
    };
    Company::connect(settings, client.clone(), Arc::clone(clock), cancel).await
}

async fn token(environment: &Environment, config: &Config, clock: &SharedClock) -> Result<Credential, Error> {
    let source = config.pipedrive.token.as_ref().ok_or_else(no_login)?;
    let token = source.read(environment.credentials_directory.as_deref(), clock).await;
    token.map(Credential::ApiToken).map_err(|error| Error::new(Kind::Login, format!("Pipedrive's API token: {error}")))
}

fn no_login() -> Error {
    Error::new(
        Kind::Login,
        "[pipedrive] has no API token; write token_file, token_command or token_credential, or log in through \
         [pipedrive.oauth]",
    )
}

/// Every owner is a user of the sandbox's company, as they would be of a real one.
async fn users_of_sandbox(
    config: &Config,
    url: &Url,
    client: &Client,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let mut owners: Vec<&str> = config.accounts.values().map(|account| account.owner.as_str()).collect();
    owners.sort_unstable();
    owners.dedup();
    for owner in owners {
        let me = format!("{url}/api/v1/users/me");
        let me = Url::parse(&me).map_err(|error| Error::new(Kind::Unavailable, error.to_string()))?;
        let request = crate::http::Request::new("sandbox", crate::http::Method::GET, me)
            .secret_header("x-api-token", format!("sandbox:{owner}").into());
        let answer = client.send(request, &crate::http::Unpaced, cancel).await;
        answer.map_err(|error| Error::new(Kind::Unavailable, format!("the sandbox does not answer: {error}")))?;
    }
    Ok(())
}

/// What the account may do: with the sandbox, real books are read only, whatever their direction.
pub(super) fn rehearsed(mut account: config::Account, config: &Config) -> config::Account {
    if config.pipedrive.sandbox {
        account.policy.direction = Direction::OneWay;
    }
    account
}

/// A Google account's book.
pub(super) fn google(
    (config, account): (&Config, &config::Account),
    tokens: Tokens,
    client: Client,
    clock: &SharedClock,
) -> Result<SharedBook, Error> {
    let (config::Book::Google { address, .. }, Some(config::Connection::Google(connection))) =
        (&account.book, config.connection(account))
    else {
        return Err(later_version(account));
    };
    let settings = google::Settings {
        api_url: connection.api_url.clone(),
        address: address.clone(),
        group: account.group.clone(),
        country: account.policy.country,
    };
    Ok(Arc::new(Google::new(settings, tokens, client, Arc::clone(clock))))
}

/// The provider's book of an account that logs in by itself.
pub(super) fn book(
    account: &config::Account,
    watcher: Option<&Watcher>,
    clock: &SharedClock,
) -> Result<SharedBook, Error> {
    match &account.book {
        config::Book::Folder { path } => Ok(Arc::new(Folder::new(
            path.clone(),
            account.group.clone(),
            account.policy.country,
            watcher,
            Arc::clone(clock),
        ))),
        config::Book::CardDav { .. }
        | config::Book::Icloud { .. }
        | config::Book::Google { .. }
        | config::Book::Microsoft { .. } => Err(later_version(account)),
    }
}

fn later_version(account: &config::Account) -> Error {
    let provider = account.provider.as_str();
    let text = format!(
        "provider = \"{provider}\" is not synced by this version of carnetd, which knows Google Contacts and folders of vCards"
    );
    Error::new(Kind::Forbidden, text)
}

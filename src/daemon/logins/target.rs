//! What a login is for: from the configuration to an application at an authorization server.
//!
//! The one place that knows the vendors' addresses, scopes and habits of logging in.

use std::path::PathBuf;

use url::Url;

use crate::account::AccountName;
use crate::auth::login::Bound;
use crate::auth::oauth::{Application, SecretIn};
use crate::auth::secret::{SecretPlace, SecretSource};
use crate::auth::service_account::Declared;
use crate::config::{Account, Book, Config, Connection, GoogleConnection, GoogleLogin};
use crate::status::{Refused, RefusedKind, Who};

/// Reads and writes contacts; there is no narrower scope for that
/// (<https://developers.google.com/people/api/rest/v1/people.connections/list>).
const GOOGLE_CONTACTS: &str = "https://www.googleapis.com/auth/contacts";
/// Who makes Google's id tokens (<https://developers.google.com/identity/openid-connect/openid-connect>).
const GOOGLE_ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// What a sync needs of Pipedrive; an application's scopes are set in Pipedrive's Developer Hub, not asked for.
const PIPEDRIVE_SCOPES: [&str; 2] = ["contacts:full", "users:read"];

/// For whom and through what one user logs in.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Under which key the login is kept; what it is sealed to.
    pub(super) key: String,
    /// In words: `account alice`, `Pipedrive`.
    pub(super) what: String,
    /// How the login is mended, as the end of a sentence.
    pub(super) mend: String,
    /// The application.
    pub(super) application: Application,
    /// What the login is good for.
    pub(super) bound: Bound,
    /// Who has to log in; `None` where the service does not say who did.
    pub(super) address: Option<String>,
    /// What has to be granted.
    pub(super) required: &'static [&'static str],
}

/// How an account logs in at Google.
pub(super) enum Google {
    /// Its user does, in a browser.
    User(Box<Target>),
    /// A service account acts for the user with this address.
    ServiceAccount(Box<Declared>, String),
    /// The stand-in takes this address' word for it.
    Sandbox(String),
}

/// Where systemd's credentials lie.
pub(super) type Credentials = Option<PathBuf>;

impl Target {
    /// What a login for `who` means in this configuration.
    pub(super) fn of(config: &Config, credentials: &Credentials, who: &Who) -> Result<Self, Refused> {
        let name = match who {
            Who::Pipedrive => return Self::pipedrive(config, credentials),
            Who::Account(name) => name,
        };
        let account = AccountName::new(name).and_then(|name| config.accounts.get(&name));
        let account = account.ok_or_else(|| Refused::unknown_account(name))?;
        match google(config, credentials, account) {
            Some(Google::User(target)) => Ok(*target),
            Some(Google::Sandbox(_)) => {
                Err(unconfigured(format!("account {name} needs no login: it is the sandbox's")))
            }
            Some(Google::ServiceAccount(declared, _)) => Err(unconfigured(format!(
                "account {name} needs no login: the service account of {} acts for it",
                declared.declared_in
            ))
            .help("`carnetd check` tests it")),
            None => {
                let provider = account.provider.as_str();
                Err(unconfigured(format!("account {name} has no login in a browser: its provider is {provider:?}")))
            }
        }
    }

    /// A login for the company.
    fn pipedrive(config: &Config, credentials: &Credentials) -> Result<Self, Refused> {
        let oauth = config.pipedrive.oauth.as_ref().ok_or_else(|| {
            unconfigured("[pipedrive] has no OAuth application to log in through")
                .help("an API token (token_file) needs no login; for OAuth add [pipedrive.oauth] with client_id and client_secret_file")
        })?;
        let bound = Bound {
            provider: "pipedrive".to_owned(),
            address: String::new(),
            connection: "pipedrive.oauth".to_owned(),
            client_id: oauth.client_id.clone(),
        };
        let application = Application {
            service: "pipedrive",
            declared_in: "[pipedrive.oauth]".to_owned(),
            client_id: oauth.client_id.clone(),
            client_secret: Some(place(&oauth.client_secret, credentials)),
            secret_in: SecretIn::Basic,
            authorize_url: below(&oauth.oauth_url, "/oauth/authorize"),
            token_url: below(&oauth.oauth_url, "/oauth/token"),
            revoke_url: below(&oauth.oauth_url, "/oauth/revoke"),
            scopes: Vec::new(),
            parameters: Vec::new(),
            // Not documented, so a verifier that nobody expects is not risked.
            pkce: false,
            issuers: Vec::new(),
        };
        Ok(Self {
            key: "pipedrive".to_owned(),
            what: "Pipedrive".to_owned(),
            mend: "run `carnetd login --pipedrive`".to_owned(),
            application,
            bound,
            address: None,
            required: &PIPEDRIVE_SCOPES,
        })
    }

    /// What was asked for and not granted.
    pub(super) fn missing<'a>(&'a self, granted: Option<&'a Vec<String>>) -> Vec<&'static str> {
        // Without a word on scopes they are what was asked for.
        let Some(granted) = granted else { return Vec::new() };
        self.required.iter().copied().filter(|scope| !granted.iter().any(|has| has == scope)).collect()
    }
}

/// How an account logs in at Google; `None` for every other provider.
pub(super) fn google(config: &Config, credentials: &Credentials, account: &Account) -> Option<Google> {
    let Book::Google { address, connection } = &account.book else { return None };
    let Some(Connection::Google(google)) = config.connection(account) else { return None };
    let declared_in = connection.as_ref().map_or_else(|| "[google]".to_owned(), |name| format!("[connections.{name}]"));
    Some(match &google.login {
        GoogleLogin::User { client_id, client_secret } => {
            let bound = Bound {
                provider: account.provider.as_str().to_owned(),
                address: address.to_lowercase(),
                connection: connection.clone().unwrap_or_else(|| "google".to_owned()),
                client_id: client_id.clone(),
            };
            Google::User(Box::new(Target {
                key: format!("account/{}", account.name),
                what: format!("account {}", account.name),
                mend: format!("run `carnetd login {}`", account.name),
                application: google_application(google, declared_in, client_id, place(client_secret, credentials)),
                bound,
                address: Some(address.clone()),
                required: &[GOOGLE_CONTACTS],
            }))
        }
        GoogleLogin::ServiceAccount { key } => {
            let declared = Declared {
                service: "google",
                declared_in,
                key: place(key, credentials),
                token_url: below(&google.token_url, "/token"),
                scope: GOOGLE_CONTACTS,
            };
            Google::ServiceAccount(Box::new(declared), address.clone())
        }
        GoogleLogin::Sandbox => Google::Sandbox(address.clone()),
    })
}

fn google_application(
    google: &GoogleConnection,
    declared_in: String,
    client_id: &str,
    secret: SecretPlace,
) -> Application {
    // Somewhere else than Google, its own name is as good.
    let roots = [&google.auth_url, &google.token_url].map(|root| root.as_str().trim_end_matches('/').to_owned());
    Application {
        service: "google",
        declared_in,
        client_id: client_id.to_owned(),
        client_secret: Some(secret),
        secret_in: SecretIn::Body,
        authorize_url: below(&google.auth_url, "/o/oauth2/v2/auth"),
        token_url: below(&google.token_url, "/token"),
        revoke_url: below(&google.token_url, "/revoke"),
        scopes: vec!["openid", "email", GOOGLE_CONTACTS],
        // A refresh token comes for sure only with these two.
        parameters: vec![("access_type", "offline"), ("prompt", "consent")],
        pkce: true,
        issuers: GOOGLE_ISSUERS.map(str::to_owned).into_iter().chain(roots).collect(),
    }
}

fn place(source: &SecretSource, credentials: &Credentials) -> SecretPlace {
    SecretPlace { source: source.clone(), credentials: credentials.clone() }
}

/// Every URL of the configuration is a root.
pub(super) fn below(root: &Url, path: &str) -> Url {
    let mut url = root.clone();
    url.set_path(&format!("{}{path}", root.path().trim_end_matches('/')));
    url
}

pub(super) fn unconfigured(message: impl Into<String>) -> Refused {
    Refused::new(RefusedKind::Unconfigured, message)
}

//! A service account with domain-wide delegation: one key that acts for every user of a Workspace domain.
//!
//! An assertion, signed with the account's key (RS256), names the user; the token endpoint gives an access token for it (RFC
//! 7523). The key is read and parsed once for all users, and again after the server refused it: it may have been rotated.
//! The key file's own `token_uri` is not followed: a file must not decide where its assertions go.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::oauth::refusal::{About, Refusal, later, needs_login, unanswered};
use super::renewal::{Access, Renew};
use super::secret::SecretPlace;
use super::token::LoginError;
use crate::clock::SharedClock;
use crate::http::{Client, Method, Request, Safety, Unpaced};

/// The life of an assertion: the longest that is accepted.
const LIFE: i64 = 3600;
/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer, in bytes.
const LARGEST: usize = 256 << 10;

/// What is declared of a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The service's name in logs and errors, such as `google`.
    pub service: &'static str,
    /// The table of the configuration that declares it, for messages: `[google]`.
    pub declared_in: String,
    /// Its JSON key.
    pub key: SecretPlace,
    /// Where assertions go; also who they are for (`aud`).
    pub token_url: Url,
    /// What is asked for; the administrator authorises exactly this.
    pub scope: &'static str,
}

/// A service account, shared by all users that it acts for.
pub struct ServiceAccount {
    /// What is declared of it.
    pub declared: Declared,
    client: Client,
    clock: SharedClock,
    key: Mutex<Option<Arc<Key>>>,
}

/// One user, as whom a service account acts.
#[derive(Debug)]
pub struct Delegated {
    account: Arc<ServiceAccount>,
    user: String,
}

/// The key file, as far as it is used.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    client_id: Option<String>,
    private_key_id: Option<String>,
    private_key: secrecy::SecretString,
}

struct Key {
    email: String,
    /// The number that an administrator authorises.
    client_id: String,
    id: Option<String>,
    signs: EncodingKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Answer {
    access_token: secrecy::SecretString,
    expires_in: Option<u64>,
}

impl ServiceAccount {
    /// A service account, reached through `client`. Reads nothing yet.
    pub fn new(declared: Declared, client: Client, clock: SharedClock) -> Self {
        Self { declared, client, clock, key: Mutex::default() }
    }

    /// Reads and parses the key where that is not done yet, so that a wrong one is told early.
    pub async fn check(&self) -> Result<(), LoginError> {
        self.key().await.map(drop)
    }

    async fn key(&self) -> Result<Arc<Key>, LoginError> {
        // Whoever comes while it is read waits for it.
        let mut kept = self.key.lock().await;
        if let Some(key) = &*kept {
            return Ok(Arc::clone(key));
        }
        let declared = &self.declared.declared_in;
        let text = self.declared.key.read(&self.clock).await;
        let text = text.map_err(|error| needs_login(format!("{declared} service_account: {error}")))?;
        let key = parse(text.expose_secret()).map_err(|problem| {
            needs_login(format!(
                "{declared} service_account: the key from {} {problem}; make a JSON key for the service account in the \
                 Google Cloud console (IAM, Service Accounts, Keys)",
                self.declared.key.source
            ))
        });
        let key = Arc::new(key?);
        *kept = Some(Arc::clone(&key));
        Ok(key)
    }

    /// An access token for this user.
    async fn token(&self, user: &str, cancel: &CancellationToken) -> Result<Access, LoginError> {
        let key = self.key().await?;
        let assertion = self.assertion(&key, user)?;
        let request = Request::new(self.declared.service, Method::POST, self.declared.token_url.clone())
            .safety(Safety::Idempotent)
            .timeout(TIMEOUT)
            .max_bytes(LARGEST)
            .header("accept", "application/json")
            .form(&[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)]);
        let sent = self.client.send(request, &Unpaced, cancel).await;
        let response = sent.map_err(|error| unanswered(&error))?;
        if !response.is_success() {
            let refusal = Refusal::read(&response);
            if matches!(refusal.about, About::Grant | About::Client) {
                *self.key.lock().await = None;
            }
            return Err(self.refused(&refusal, &key));
        }
        // A decoding error would quote the answer's shape only, but says nothing that helps.
        let answer: Answer = serde_json::from_slice(&response.body)
            .map_err(|_| later(format!("{}: the answer holds no access token; is token_url right?", response.call)))?;
        Ok(Access { token: answer.access_token, lifetime: answer.expires_in.map(Duration::from_secs) })
    }

    fn assertion(&self, key: &Key, user: &str) -> Result<String, LoginError> {
        let now = self.clock.now().0.div_euclid(1000);
        let claims = Claims {
            iss: &key.email,
            sub: user,
            scope: self.declared.scope,
            aud: self.declared.token_url.as_str(),
            iat: now,
            exp: now + LIFE,
        };
        let header = Header { kid: key.id.clone(), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &key.signs).map_err(|_| {
            needs_login(format!(
                "{} service_account: its private key cannot sign (RSA, PEM)",
                self.declared.declared_in
            ))
        })
    }

    fn refused(&self, refusal: &Refusal, key: &Key) -> LoginError {
        let (said, scope, declared) = (&refusal.said, self.declared.scope, &self.declared.declared_in);
        match refusal.about {
            About::Delegation => needs_login(format!(
                "{said}; the service account may not act for this user: in the Google Admin console (Security, API \
                 controls, Domain-wide delegation) authorise client id {} with exactly the scope {scope}; it takes \
                 effect within minutes, at the latest within a day",
                key.client_id
            )),
            About::Grant => needs_login(format!(
                "{said}; the account's address must be a user of the Workspace domain, and the key of {declared} must not \
                 have been deleted in the Google Cloud console"
            )),
            About::Client => needs_login(format!(
                "{said}; the service account or its key was deleted or disabled: make another JSON key and name it in \
                 {declared} service_account_file"
            )),
            About::Policy => needs_login(format!(
                "{said}; the organization's administrator has to admit client id {}",
                key.client_id
            )),
            About::ClockSkew => later(format!("{said}; set this machine's clock right; it is tried again by itself")),
            About::Other => needs_login(format!("{said}; check {declared}")),
            About::Trouble => later(format!("{said}; it is tried again by itself")),
            About::Stranger => {
                later(format!("{said}; no authorization server answers like this: check token_url in {declared}"))
            }
        }
    }
}

impl Delegated {
    /// The user with this address.
    pub fn new(account: Arc<ServiceAccount>, user: String) -> Self {
        Self { account, user }
    }
}

#[async_trait]
impl Renew for Delegated {
    async fn renew(&self, cancel: &CancellationToken) -> Result<Access, LoginError> {
        self.account.token(&self.user, cancel).await
    }

    fn mend(&self) -> String {
        let Declared { declared_in, scope, .. } = &self.account.declared;
        format!(
            "check that the service account of {declared_in} is authorised with the scope {scope} and that the API is on"
        )
    }
}

/// Nothing of the key.
impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("declared", &self.declared).finish_non_exhaustive()
    }
}

/// What is wrong with a key file is said without its content.
fn parse(text: &str) -> Result<Key, &'static str> {
    let file: KeyFile = serde_json::from_str(text)
        .map_err(|_| "is no JSON key: it lacks type, client_email or private_key, or is something else")?;
    if file.kind != "service_account" {
        return Err("is the key of something else than a service account");
    }
    let signs = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes());
    Ok(Key {
        client_id: file.client_id.unwrap_or_else(|| format!("of {} (its number)", file.client_email)),
        email: file.client_email,
        id: file.private_key_id,
        signs: signs.map_err(|_| "holds a private_key that is no RSA key in PEM")?,
    })
}

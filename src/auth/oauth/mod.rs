//! OAuth 2: what an application asks of its authorization server, over the `oauth2` crate.
//!
//! [`OAuth::start`] makes the address for a browser, [`OAuth::exchange`] takes what came back, [`OAuth::refresh`] asks for
//! another access token, [`OAuth::revoke`] gives a grant back. Which server, which scopes and which habits: [`Application`]'s
//! maker says. Everything goes through [`crate::http`]: a POST follows no redirect, so no credential ever does; answers are
//! never logged, and no error holds a secret. Who keeps a grant and renews it: [`super::user`].

pub(super) mod refusal;

mod identity;
#[cfg(test)]
mod tests;
mod way;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, ExtraTokenFields,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::refusal::{About, Refusal, later, needs_login, unanswered};
use self::way::{Way, Wire};
use super::secret::SecretPlace;
use super::token::LoginError;
use crate::clock::SharedClock;
use crate::http::{Client, Method, Request, Safety, Unpaced};

/// How long one attempt at a token endpoint may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer of a token endpoint, in bytes.
const LARGEST: usize = 256 << 10;

/// An application as its authorization server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The service's name in logs and errors, such as `google`.
    pub service: &'static str,
    /// The table of the configuration that declares it, for messages: `[google]`.
    pub declared_in: String,
    /// Its id.
    pub client_id: String,
    /// Its secret, which is read anew each time.
    pub client_secret: Option<SecretPlace>,
    /// Where the secret is sent.
    pub secret_in: SecretIn,
    /// Where a browser asks for a grant.
    pub authorize_url: Url,
    /// Where tokens come from.
    pub token_url: Url,
    /// Where a grant is given back (RFC 7009).
    pub revoke_url: Url,
    /// What is asked for; empty where the application itself says it.
    pub scopes: Vec<&'static str>,
    /// What else the authorization request says, such as `access_type=offline`.
    pub parameters: Vec<(&'static str, &'static str)>,
    /// Whether the server documents PKCE (RFC 7636).
    pub pkce: bool,
    /// Who may have made its id tokens; empty where there are none.
    pub issuers: Vec<String>,
}

/// Where an application's secret is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretIn {
    /// In the form, beside the rest.
    Body,
    /// As HTTP Basic.
    Basic,
}

/// A login that waits for its browser. `Debug` shows neither state nor verifier.
#[derive(Debug, Clone)]
pub struct Started {
    /// Where the browser has to go. Holds the state.
    pub url: SecretString,
    /// What comes back with the answer.
    pub state: SecretString,
    /// What proves at the exchange that it is us.
    verifier: Option<SecretString>,
    /// Where the answer comes back to.
    redirect: Url,
}

/// What the token endpoint gave.
#[derive(Debug)]
pub struct Grant {
    /// The access token.
    pub access: SecretString,
    /// How long it lives, where the server says so.
    pub lifetime: Option<Duration>,
    /// What gives further ones; absent where the old one stays.
    pub refresh: Option<SecretString>,
    /// What was granted; `None`: what was asked for (RFC 6749 §5.1).
    pub scopes: Option<Vec<String>>,
    /// Where the service's API is, where the server says so.
    pub api_root: Option<String>,
    id_token: Option<SecretString>,
}

/// Why there is no grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether what was presented is good for nothing any more: asking again would be in vain.
    pub dead: bool,
    /// In words.
    pub error: LoginError,
}

/// An application at its authorization server.
#[derive(Debug, Clone)]
pub struct OAuth {
    /// What it is.
    pub application: Application,
    client: Client,
    clock: SharedClock,
}

/// What is beyond RFC 6749 in the answers that we ask for.
#[derive(Serialize, Deserialize)]
struct Extra {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_domain: Option<String>,
}

impl ExtraTokenFields for Extra {}

/// The id token is not shown.
impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extra").field("api_domain", &self.api_domain).finish_non_exhaustive()
    }
}

type Answer = StandardTokenResponse<Extra, BasicTokenType>;
type Endpoints<HasAuthUrl, HasTokenUrl> = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    HasAuthUrl,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    HasTokenUrl,
>;

impl OAuth {
    /// An application, reached through `client`.
    pub fn new(application: Application, client: Client, clock: SharedClock) -> Self {
        Self { application, client, clock }
    }

    /// Starts a login whose answer comes back to `redirect`, suggesting the user `hint`. Talks to nobody.
    pub fn start(&self, redirect: &Url, hint: Option<&str>) -> Started {
        let client: Endpoints<EndpointSet, EndpointNotSet> =
            oauth2::Client::new(ClientId::new(self.application.client_id.clone()))
                .set_auth_uri(AuthUrl::from_url(self.application.authorize_url.clone()));
        let mut request = client
            .authorize_url(CsrfToken::new_random)
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect.clone())))
            .add_scopes(self.application.scopes.iter().map(|scope| Scope::new((*scope).to_owned())));
        for (name, value) in &self.application.parameters {
            request = request.add_extra_param(*name, *value);
        }
        if let Some(hint) = hint {
            request = request.add_extra_param("login_hint", hint);
        }
        let mut verifier = None;
        if self.application.pkce {
            let (challenge, secret) = PkceCodeChallenge::new_random_sha256();
            request = request.set_pkce_challenge(challenge);
            verifier = Some(SecretString::from(secret.into_secret()));
        }
        let (url, state) = request.url();
        Started {
            url: String::from(url).into(),
            state: state.into_secret().into(),
            verifier,
            redirect: redirect.clone(),
        }
    }

    /// Takes the code that came back. It is sent once: a code that is sent twice may end the grant (RFC 6749 §4.1.2).
    pub async fn exchange(
        &self,
        started: &Started,
        code: &str,
        cancel: &CancellationToken,
    ) -> Result<Grant, LoginError> {
        let client = self.endpoints().await?;
        let mut request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(started.redirect.clone())));
        if let Some(verifier) = &started.verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()));
        }
        let answer = request.request_async(&self.way(Safety::OnlyIfUnsent, cancel)).await;
        answer.map(Grant::from).map_err(|error| self.failure(error, None).error)
    }

    /// Asks for another access token. `mend` is the sentence that tells how a dead login is mended.
    pub async fn refresh(
        &self,
        refresh: &SecretString,
        mend: &str,
        cancel: &CancellationToken,
    ) -> Result<Grant, Failure> {
        let client = self.endpoints().await.map_err(|error| Failure { dead: false, error })?;
        let token = RefreshToken::new(refresh.expose_secret().to_owned());
        // An answer that was lost may have rotated the token; asking again is what is left to do either way.
        let way = self.way(Safety::Idempotent, cancel);
        let answer = client.exchange_refresh_token(&token).request_async(&way).await;
        answer.map(Grant::from).map_err(|error| self.failure(error, Some(mend)))
    }

    /// Gives a grant back. By hand: the library refuses every plain-http address, loopback too.
    pub async fn revoke(&self, token: &SecretString, cancel: &CancellationToken) -> Result<(), LoginError> {
        let request = Request::new(self.application.service, Method::POST, self.application.revoke_url.clone())
            .safety(Safety::Idempotent)
            .timeout(TIMEOUT)
            .max_bytes(LARGEST);
        let request = match self.secret().await? {
            Some(secret) if self.application.secret_in == SecretIn::Basic => {
                request.secret_header("authorization", self.basic(&secret))
            }
            _ => request,
        };
        let request = request.form(&[("token", token.expose_secret())]);
        let sent = self.client.send(request, &Unpaced, cancel).await;
        let response = sent.map_err(|error| unanswered(&error))?;
        if response.is_success() { Ok(()) } else { Err(later(Refusal::read(&response).said)) }
    }

    /// The address of whoever granted, from the id token; or why it is not proven.
    pub fn address(&self, grant: &Grant) -> Result<String, LoginError> {
        let expected = identity::Expected {
            client_id: &self.application.client_id,
            issuers: &self.application.issuers,
            now: self.clock.now(),
        };
        let token = grant.id_token.as_ref().ok_or("it gave no id_token");
        let address = token.and_then(|token| identity::address(token.expose_secret(), &expected));
        address.map_err(|why| {
            needs_login(format!(
                "{} does not say who logged in: {why}; start the login again",
                self.application.service
            ))
        })
    }

    async fn secret(&self) -> Result<Option<SecretString>, LoginError> {
        let Some(place) = &self.application.client_secret else { return Ok(None) };
        let secret = place.read(&self.clock).await;
        secret
            .map(Some)
            .map_err(|error| needs_login(format!("{} client_secret: {error}", self.application.declared_in)))
    }

    /// Form-encoded before it is joined (RFC 6749 §2.3.1).
    fn basic(&self, secret: &SecretString) -> SecretString {
        use base64::Engine;
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(&self.application.client_id), encode(secret.expose_secret()));
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)).into()
    }

    async fn endpoints(&self) -> Result<Endpoints<EndpointNotSet, EndpointSet>, LoginError> {
        let mut client = oauth2::Client::new(ClientId::new(self.application.client_id.clone()))
            .set_auth_type(match self.application.secret_in {
                SecretIn::Body => oauth2::AuthType::RequestBody,
                SecretIn::Basic => oauth2::AuthType::BasicAuth,
            })
            .set_token_uri(TokenUrl::from_url(self.application.token_url.clone()));
        if let Some(secret) = self.secret().await? {
            client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        }
        Ok(client)
    }

    fn way(&self, safety: Safety, cancel: &CancellationToken) -> Way {
        Way { client: self.client.clone(), service: self.application.service, safety, cancel: cancel.clone() }
    }

    /// Sorts what went wrong. `mend`: how a login that was kept is mended; `None` while one is being made.
    fn failure(&self, error: RequestTokenError<Wire, BasicErrorResponse>, mend: Option<&str>) -> Failure {
        let service = self.application.service;
        let error = match error {
            RequestTokenError::Request(Wire::Refused(refusal)) => return self.refused(&refusal, mend),
            RequestTokenError::Request(Wire::Unanswered(error)) => unanswered(&error),
            RequestTokenError::Request(error @ Wire::NoUrl) => needs_login(format!("{service}: {error}")),
            // These would quote the answer.
            RequestTokenError::ServerResponse(_) | RequestTokenError::Parse(..) | RequestTokenError::Other(_) => later(
                format!("{service}: the answer of its token endpoint has not the documented shape; is its URL right?"),
            ),
        };
        Failure { dead: false, error }
    }

    fn refused(&self, refusal: &Refusal, mend: Option<&str>) -> Failure {
        let (said, declared) = (&refusal.said, &self.application.declared_in);
        let grant = match mend {
            Some(_) => "the login was revoked, has expired or was not used for too long",
            None => "the code was used before, has expired or belongs to another login",
        };
        let mend = mend.unwrap_or("start the login again");
        let error = match refusal.about {
            About::Grant => needs_login(format!("{said}; {grant}: {mend}")),
            About::Client => needs_login(format!(
                "{said}; check client_id and client_secret_file (or _command, _credential) in {declared}"
            )),
            About::Delegation => {
                needs_login(format!("{said}; application {} may not do this", self.application.client_id))
            }
            About::Policy => needs_login(format!(
                "{said}; the organization's administrator has to admit application {}, then {mend}",
                self.application.client_id
            )),
            About::Other => needs_login(format!("{said}; check {declared}, then {mend}")),
            About::ClockSkew => later(format!("{said}; set this machine's clock right; it is tried again by itself")),
            About::Trouble => later(format!("{said}; it is tried again by itself")),
            About::Stranger => later(format!(
                "{said}; no authorization server answers like this: check the URLs in {declared} and any proxy; it is \
                 tried again by itself"
            )),
        };
        Failure { dead: refusal.about == About::Grant, error }
    }
}

impl From<Answer> for Grant {
    fn from(answer: Answer) -> Self {
        // Pipedrive joins scopes with commas.
        let words = |scope: &Scope| scope.split(',').map(str::to_owned).collect::<Vec<_>>();
        let scopes = answer.scopes().map(|scopes| scopes.iter().flat_map(words).filter(|s| !s.is_empty()).collect());
        Self {
            access: answer.access_token().secret().as_str().into(),
            lifetime: answer.expires_in(),
            refresh: answer.refresh_token().map(|token| token.secret().as_str().into()),
            scopes,
            api_root: answer.extra_fields().api_domain.clone(),
            id_token: answer.extra_fields().id_token.as_deref().map(Into::into),
        }
    }
}

//! Through what accounts log in, checked.

use std::path::PathBuf;

use url::Url;

use crate::account::Provider;
use crate::auth::secret::SecretSource;

/// `[google]`, `[microsoft]` or `[connections.NAME]`: through what accounts log in.
#[derive(Debug, Clone, PartialEq)]
pub enum Connection {
    /// Google Cloud project.
    Google(GoogleConnection),
    /// Microsoft Entra application.
    Microsoft(MicrosoftConnection),
}

impl Connection {
    /// The accounts' provider that may use it.
    pub fn provider(&self) -> Provider {
        match self {
            Self::Google(_) => Provider::Google,
            Self::Microsoft(_) => Provider::Microsoft,
        }
    }
}

/// How Google is reached. Every URL is a root.
#[derive(Debug, Clone, PartialEq)]
pub struct GoogleConnection {
    /// Who logs in.
    pub login: GoogleLogin,
    /// Default `https://people.googleapis.com`.
    pub api_url: Url,
    /// Default `https://accounts.google.com`.
    pub auth_url: Url,
    /// Default `https://oauth2.googleapis.com`.
    pub token_url: Url,
}

/// Who logs in at Google.
#[derive(Debug, Clone, PartialEq)]
pub enum GoogleLogin {
    /// Each user, once, in a browser.
    User {
        /// The application's id.
        client_id: String,
        /// The application's secret.
        client_secret: SecretSource,
    },
    /// A service account with domain-wide delegation.
    ServiceAccount {
        /// Its JSON key.
        key: SecretSource,
    },
    /// Nobody: carnetd's own stand-in takes everybody's word for who they are.
    Sandbox,
}

/// How Microsoft Graph is reached. Every URL is a root.
#[derive(Debug, Clone, PartialEq)]
pub struct MicrosoftConnection {
    /// Who logs in.
    pub login: MicrosoftLogin,
    /// The application's id.
    pub client_id: String,
    /// Default `common`.
    pub tenant: String,
    /// Default `https://graph.microsoft.com`.
    pub graph_url: Url,
    /// Default `https://login.microsoftonline.com`.
    pub login_url: Url,
}

/// Who logs in at Microsoft.
#[derive(Debug, Clone, PartialEq)]
pub enum MicrosoftLogin {
    /// Each user, once, in a browser; public applications have no secret.
    User {
        /// The application's secret, where it has one.
        client_secret: Option<SecretSource>,
    },
    /// The application itself, for the whole tenant, with a secret.
    ApplicationSecret(SecretSource),
    /// The application itself, for the whole tenant, with a certificate and its key (PEM).
    ApplicationCertificate(PathBuf),
}

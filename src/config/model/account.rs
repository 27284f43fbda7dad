//! One account, checked.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::account::{AccountName, Group, Policy, Provider};
use crate::auth::secret::SecretSource;

/// `[accounts.NAME]`, with `[defaults]` filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// Whether it is reconciled. Default true.
    pub enabled: bool,
    /// The kind of service.
    pub provider: Provider,
    /// Which book, and how it is reached.
    pub book: Book,
    /// Who; where it is an e-mail address it is the default of [`Account::owner`].
    pub address: Option<String>,
    /// The Pipedrive user's login e-mail, as declared.
    pub owner: String,
    /// The synced segment.
    pub group: Group,
    /// What plans depend on.
    pub policy: Policy,
    /// It is reconciled at least this often. Default [`super::Config::interval`].
    pub interval: Duration,
}

/// Which address book, and how it is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Book {
    /// A folder of vCards.
    Folder {
        /// It need not exist: its disk may not be mounted yet.
        path: PathBuf,
    },
    /// A CardDAV server.
    CardDav {
        /// The server's or the collection's root.
        url: Url,
        /// Default: the address.
        username: String,
        /// The password of the account or of the application.
        password: SecretSource,
    },
    /// iCloud.
    Icloud {
        /// The Apple account.
        address: String,
        /// An app-specific password.
        password: SecretSource,
    },
    /// Google Contacts.
    Google {
        /// The user.
        address: String,
        /// A name of [`super::Config::connections`]; `None`: `[google]`.
        connection: Option<String>,
    },
    /// Outlook.
    Microsoft {
        /// The user.
        address: String,
        /// A name of [`super::Config::connections`]; `None`: `[microsoft]`.
        connection: Option<String>,
    },
}

impl Book {
    /// What tells this book from every other of its provider; goes into [`crate::account::Scope::book`].
    ///
    /// Addresses are compared without case. A CardDAV root alone says nothing (every user of a server may share it), so
    /// the user stands in it.
    pub fn identity(&self) -> String {
        match self {
            Self::Folder { path } => path.display().to_string(),
            Self::CardDav { url, username, .. } => {
                let mut url = url.clone();
                // Refused only for URLs without a host, which are not accepted in the first place.
                let _ = url.set_username(username);
                url.to_string()
            }
            Self::Icloud { address, .. } | Self::Google { address, .. } | Self::Microsoft { address, .. } => {
                address.to_lowercase()
            }
        }
    }
}

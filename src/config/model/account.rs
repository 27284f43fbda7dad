//! One account, checked.

use std::path::{Component, Path, PathBuf};
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
            Self::Folder { path } => without_detours(path).display().to_string(),
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

/// Whether two spellings of a path lead to the same folder: in the file system where both are there, else by their words.
pub fn is_same_folder(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => without_detours(one) == without_detours(other),
    }
}

/// The path without `.` and `..`, by its words alone: it need not be there.
fn without_detours(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_same_however_it_is_spelled() {
        let of = |path: &str| Book::Folder { path: path.into() }.identity();
        assert_eq!(of("/srv/./bobby/../bobby"), "/srv/bobby");
        assert_eq!(of("/srv/bobby/"), "/srv/bobby");
        assert_eq!(of("../bobby"), "../bobby");
        assert!(is_same_folder(Path::new("/not/there/../here"), Path::new("/not/here")));
        let directory = tempfile::tempdir().expect("a directory");
        let (folder, link) = (directory.path().join("bobby"), directory.path().join("ln"));
        std::fs::create_dir(&folder).expect("made");
        std::os::unix::fs::symlink("bobby", &link).expect("linked");
        assert!(is_same_folder(&folder, &link));
        assert!(!is_same_folder(&folder, directory.path()));
    }
}

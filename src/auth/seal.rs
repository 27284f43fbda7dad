//! Logins at rest: sealed with the state key, each to what it belongs to.
//!
//! AES-256-GCM with a random nonce. What a login belongs to (`account/alice`) is authenticated with it, so that a row of
//! the database that is moved to another account does not open. The key is derived (HKDF-SHA-256) from the text of the state
//! key, which is at least 32 characters long: a file that is made once, or an administrator's own secret. A key that does not
//! fit is a reason in words; nothing is ever deleted because of it. Changing the key of what is sealed is not offered: log in
//! again.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::secret::{SecretError, SecretPlace, SecretSource};
use crate::clock::SharedClock;

/// The first byte of what is sealed, so that another way can follow this one.
const FORMAT: u8 = 1;
/// What the derived key is for; part of its derivation.
const PURPOSE: &[u8] = b"carnetd logins 1";
/// Fewest characters of a state key.
const SHORTEST: usize = 32;

/// Where the state key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// A file that is made when first needed, 0600: 32 random bytes as 64 hex digits.
    Made(PathBuf),
    /// A secret of the administrator's own.
    Given(SecretPlace),
}

/// Why nothing can be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The made key is gone.
    #[error("the state key {} is not there, so no kept login can be read; restore it from a backup, or log in again", .0.display())]
    Lost(PathBuf),
    /// The key could not be made.
    #[error("cannot make the state key {}: {source}; state_dir must be a directory that carnetd's user may write to", path.display())]
    Unmade {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key cannot be read.
    #[error("the state key: {0}")]
    Secret(#[from] SecretError),
    /// It is too easily guessed.
    #[error("the state key is shorter than {SHORTEST} characters; make one with: openssl rand -hex 32")]
    Short,
    /// Another key sealed it, it was moved from somewhere else, or it is damaged.
    #[error(
        "the kept login cannot be opened with the state key: it was sealed with another key, or is damaged; \
         restore the key that belongs to this state database, or log in again"
    )]
    Other,
    /// The library refused.
    #[error("the state key cannot be used: the cryptographic library refused it")]
    Library,
}

impl From<Unspecified> for SealError {
    fn from(_: Unspecified) -> Self {
        Self::Library
    }
}

/// Seals and opens. The key is read when first needed, and again after it did not fit: it may have been mended.
pub struct Seal {
    place: KeyPlace,
    clock: SharedClock,
    key: Mutex<Option<Arc<RandomizedNonceKey>>>,
}

impl Seal {
    /// A seal whose key is at this place. Reads nothing yet.
    pub fn new(place: KeyPlace, clock: SharedClock) -> Self {
        Self { place, clock, key: Mutex::default() }
    }

    /// Seals `plain` to what it belongs to. A made key that is missing is made now.
    pub async fn seal(&self, belongs_to: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        if let KeyPlace::Made(path) = &self.place {
            make_if_missing(path).map_err(|source| SealError::Unmade { path: path.clone(), source })?;
        }
        let key = self.key().await?;
        let mut text = Zeroizing::new(plain.to_vec());
        // Its tag makes it longer; grown before, so that no copy of the plain text is left behind.
        text.reserve(AES_256_GCM.tag_len());
        let nonce = key.seal_in_place_append_tag(associated(belongs_to), &mut *text)?;
        Ok([&[FORMAT], nonce.as_ref().as_slice(), text.as_slice()].concat())
    }

    /// Opens what was sealed to the same.
    pub async fn open(&self, belongs_to: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let key = self.key().await?;
        let opened = open(&key, belongs_to, sealed);
        if opened.is_none() {
            *self.key.lock().await = None;
        }
        opened.ok_or(SealError::Other)
    }

    async fn key(&self) -> Result<Arc<RandomizedNonceKey>, SealError> {
        let mut kept = self.key.lock().await;
        if let Some(key) = &*kept {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(derive(&self.read().await?)?);
        *kept = Some(Arc::clone(&key));
        Ok(key)
    }

    async fn read(&self) -> Result<SecretString, SealError> {
        match &self.place {
            KeyPlace::Given(place) => Ok(place.read(&self.clock).await?),
            KeyPlace::Made(path) => match SecretSource::File(path.clone()).read(None, &self.clock).await {
                Err(SecretError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    Err(SealError::Lost(path.clone()))
                }
                read => Ok(read?),
            },
        }
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("place", &self.place).finish_non_exhaustive()
    }
}

fn open(key: &RandomizedNonceKey, belongs_to: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (format, rest) = sealed.split_first()?;
    let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok().filter(|_| *format == FORMAT)?;
    let mut text = Zeroizing::new(text.to_vec());
    let plain = key.open_in_place(nonce, associated(belongs_to), &mut text).ok()?.len();
    text.truncate(plain);
    Some(text)
}

fn associated(belongs_to: &str) -> Aad<&[u8]> {
    Aad::from(belongs_to.as_bytes())
}

fn derive(secret: &SecretString) -> Result<RandomizedNonceKey, SealError> {
    let text = secret.expose_secret();
    if text.chars().count() < SHORTEST {
        return Err(SealError::Short);
    }
    let mut bytes = Zeroizing::new([0; 32]);
    Salt::none(HKDF_SHA256).extract(text.as_bytes()).expand(&[PURPOSE], HKDF_SHA256)?.fill(&mut *bytes)?;
    Ok(RandomizedNonceKey::new(&AES_256_GCM, &*bytes)?)
}

/// Makes the key, durable and 0600. Whoever finds one there leaves it alone.
fn make_if_missing(path: &Path) -> io::Result<()> {
    let mut file = match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    };
    let written = random_hex().and_then(|hex| {
        file.write_all(hex.as_bytes())?;
        file.sync_all()?;
        path.parent().map_or(Ok(()), |directory| std::fs::File::open(directory)?.sync_all())
    });
    if written.is_err() {
        // Half a key would be taken for a whole one.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn random_hex() -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let mut hex = Zeroizing::new(String::with_capacity(65));
    for byte in bytes.iter() {
        for nibble in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    hex.push('\n');
    Ok(hex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RealClock;
    use std::os::unix::fs::PermissionsExt;

    fn made(path: &Path) -> Seal {
        Seal::new(KeyPlace::Made(path.to_owned()), Arc::new(RealClock))
    }

    #[tokio::test]
    async fn what_is_sealed_opens_in_its_own_place_only() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        let sealed = made(&path).seal("account/alice", b"refresh").await.expect("sealed");
        assert_eq!(std::fs::metadata(&path).expect("made").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).expect("hex").trim().len(), 64);
        assert!(!sealed.windows(7).any(|part| part == b"refresh"));

        let again = made(&path);
        assert_eq!(**again.open("account/alice", &sealed).await.expect("opened"), *b"refresh");
        assert!(matches!(again.open("account/bob", &sealed).await, Err(SealError::Other)), "a row that was moved");
        let mut damaged = sealed.clone();
        *damaged.last_mut().expect("bytes") ^= 1;
        assert!(matches!(again.open("account/alice", &damaged).await, Err(SealError::Other)));
        for short in 0..sealed.len() {
            assert!(matches!(again.open("account/alice", &sealed[..short]).await, Err(SealError::Other)));
        }
        let twice = again.seal("account/alice", b"refresh").await.expect("sealed");
        assert_ne!(sealed, twice, "each has a nonce of its own");
    }

    #[tokio::test]
    async fn a_lost_or_wrong_key_is_said_and_a_mended_one_is_used() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        let seal = made(&path);
        let sealed = seal.seal("pipedrive", b"x").await.expect("sealed");
        let right = std::fs::read(&path).expect("a key");

        std::fs::remove_file(&path).expect("removed");
        let lost = made(&path).open("pipedrive", &sealed).await.expect_err("lost").to_string();
        assert!(lost.contains("is not there") && lost.contains("log in again"), "{lost}");
        assert!(!path.exists(), "reading makes no key");

        std::fs::write(&path, "0".repeat(64)).expect("written");
        let other = made(&path);
        let wrong = other.open("pipedrive", &sealed).await.expect_err("wrong");
        assert!(wrong.to_string().contains("another key"), "{wrong}");
        std::fs::write(&path, right).expect("written");
        assert!(other.open("pipedrive", &sealed).await.is_ok(), "the mended key is read");

        std::fs::write(&path, "hunter2").expect("written");
        let short = made(&path).open("pipedrive", &sealed).await.expect_err("short").to_string();
        assert!(short.contains("openssl rand -hex 32") && !short.contains("hunter2"), "{short}");
    }
}

//! Where logins are kept: sealed, in the state database.

use std::sync::Arc;

use async_trait::async_trait;

use crate::auth::login::{Keep, Login};
use crate::auth::seal::{Seal, SealError};
use crate::auth::token::{LoginError, LoginErrorKind};
use crate::clock::Moment;
use crate::store::{Op, SealedLogin, Store, StoreError};

/// All logins of the state database.
#[derive(Debug)]
pub(super) struct Vault {
    store: Store,
    seal: Seal,
    /// Held from looking to writing: a renewal must not take a new login's place.
    writing: tokio::sync::Mutex<()>,
}

/// Why a login cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum VaultError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A later carnetd made it.
    #[error(
        "the kept login is of a form that this carnetd does not know; log in again, or install the carnetd that made it"
    )]
    Form,
}

impl VaultError {
    /// What it means for whoever wants a token.
    pub(super) fn for_login(&self, mend: &str) -> LoginError {
        match self {
            // It may be the disk; another try may fare better.
            Self::Store(error) => LoginError::new(LoginErrorKind::Later { until: None }, error.to_string()),
            Self::Seal(_) | Self::Form => {
                LoginError::new(LoginErrorKind::NeedsLogin, format!("{self} (to log in again, {mend})"))
            }
        }
    }
}

impl Vault {
    pub(super) fn new(store: Store, seal: Seal) -> Self {
        Self { store, seal, writing: tokio::sync::Mutex::default() }
    }

    /// The login under this key.
    pub(super) async fn load(&self, key: &str) -> Result<Option<Login>, VaultError> {
        let Some(sealed) = self.store.view()?.login(key)? else { return Ok(None) };
        let bytes = self.seal.open(key, &sealed.bytes).await?;
        Login::from_bytes(&bytes).map(Some).ok_or(VaultError::Form)
    }

    /// Keeps a login that a user has just made, and in the same moment uses up the link that led to it.
    pub(super) async fn put(&self, key: &str, login: &Login, link: Option<&str>) -> Result<(), VaultError> {
        let _alone = self.writing.lock().await;
        let mut batch = vec![self.sealed(key, &login.to_bytes(), None).await?];
        batch.extend(link.map(|link| Op::RemoveLogin(link.to_owned())));
        Ok(self.store.write(batch).await?)
    }

    /// Keeps a renewed login in place of the one with the same id.
    async fn replace(&self, key: &str, renewed: &Login) -> Result<bool, VaultError> {
        let _alone = self.writing.lock().await;
        let same = self.load(key).await?.is_some_and(|kept| kept.id == renewed.id);
        if same {
            let put = self.sealed(key, &renewed.to_bytes(), None).await?;
            self.store.write(vec![put]).await?;
        }
        Ok(same)
    }

    /// Keeps a link for this account until then, and forgets those that have lapsed.
    pub(super) async fn put_link(
        &self,
        link: &str,
        account: &str,
        (now, until): (Moment, Moment),
    ) -> Result<(), VaultError> {
        let put = self.sealed(link, account.as_bytes(), Some(until)).await?;
        Ok(self.store.write(vec![Op::PruneLogins { before: now }, put]).await?)
    }

    /// The account that a link is for, while it is good.
    pub(super) async fn link(&self, link: &str, now: Moment) -> Result<Option<String>, VaultError> {
        let kept = self.store.view()?.login(link)?;
        let Some(sealed) = kept.filter(|sealed| sealed.until.is_some_and(|until| now < until)) else { return Ok(None) };
        let account = self.seal.open(link, &sealed.bytes).await?;
        Ok(String::from_utf8(account.to_vec()).ok())
    }

    async fn sealed(&self, key: &str, plain: &[u8], until: Option<Moment>) -> Result<Op, VaultError> {
        let bytes = self.seal.seal(key, plain).await?;
        Ok(Op::PutLogin(key.to_owned(), SealedLogin { bytes, until }))
    }
}

/// One login's place in the vault.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) vault: Arc<Vault>,
    pub(super) key: String,
    pub(super) mend: String,
}

#[async_trait]
impl Keep for Place {
    async fn load(&self) -> Result<Option<Login>, LoginError> {
        self.vault.load(&self.key).await.map_err(|error| error.for_login(&self.mend))
    }

    async fn replace(&self, renewed: &Login) -> Result<bool, LoginError> {
        self.vault.replace(&self.key, renewed).await.map_err(|error| error.for_login(&self.mend))
    }
}

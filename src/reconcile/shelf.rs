//! The accounts of the process and their books: where one account looks whether another one is still declared, and whether
//! another one of the same book has a contact that left its own group.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::account::{AccountName, Provider};
use crate::adapter::SharedBook;
use crate::config;

/// Who is declared, and the books of the enabled accounts. Kept up to date by whoever builds accounts.
#[derive(Default)]
pub struct Shelf {
    places: RwLock<BTreeMap<AccountName, Place>>,
    declared: RwLock<Arc<BTreeSet<AccountName>>>,
}

struct Place {
    provider: Provider,
    identity: String,
    book: SharedBook,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

impl Shelf {
    /// Says who is declared, enabled or not: the checkpoint of anybody else is an orphan.
    pub fn declare(&self, accounts: BTreeSet<AccountName>) {
        *self.declared.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(accounts);
    }

    /// Who is declared.
    pub(super) fn declared(&self) -> Arc<BTreeSet<AccountName>> {
        Arc::clone(&self.declared.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts an account's book in its place; one of a disabled account is left out.
    pub fn put(&self, account: &config::Account, book: &SharedBook) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        places.remove(&account.name);
        if account.enabled {
            let place =
                Place { provider: account.provider, identity: account.book.identity(), book: SharedBook::clone(book) };
            places.insert(account.name.clone(), place);
        }
    }

    /// Takes an account's book away.
    pub fn remove(&self, account: &AccountName) {
        self.places.write().unwrap_or_else(PoisonError::into_inner).remove(account);
    }

    /// Whether an account is enabled.
    pub(super) fn has(&self, account: &AccountName) -> bool {
        self.places.read().unwrap_or_else(PoisonError::into_inner).contains_key(account)
    }

    /// The same book as seen by the other accounts that have it.
    pub(super) fn beside(&self, account: &config::Account) -> Vec<(AccountName, SharedBook)> {
        let identity = account.book.identity();
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let same = |place: &Place| (place.provider, place.identity.as_str()) == (account.provider, identity.as_str());
        let others = places.iter().filter(|(name, place)| **name != account.name && same(place));
        others.map(|(name, place)| (name.clone(), SharedBook::clone(&place.book))).collect()
    }
}

//! What was used of the day's tokens, for a command that keeps no state (`check`): borrowed from the state database, and
//! given back to it.
//!
//! The database is open for a moment each time: a command that only asks keeps no daemon from starting. Where it cannot be
//! opened the command works all the same, and what it uses is not remembered; that is said.

use std::path::{Path, PathBuf};

use crate::clock::Moment;
use crate::store::{Op, Store, StoreError};

/// A database in memory that knows what was used so far according to the one at `path`.
pub(super) async fn borrow(path: &Path) -> Store {
    let memory = Store::in_memory();
    let used = opened(path.to_owned()).await.and_then(|store| store.map_or(Ok(None), |store| store.view()?.used()));
    let kept = match used {
        Ok(Some((at, tokens))) => memory.write(vec![Op::PutUsed { at, tokens }]).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::warn!(%error, "what was used of the day's Pipedrive tokens is not known");
    }
    memory
}

/// Writes to the database at `path` what is used by now.
pub(super) async fn give_back(path: &Path, at: Moment, tokens: u64) {
    let written = async {
        match opened(path.to_owned()).await? {
            Some(store) => store.write(vec![Op::PutUsed { at, tokens }]).await,
            None => Ok(()),
        }
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, "the tokens used today could not be stored");
    }
}

/// The database at `path`; `None` where there is none, as before the first pass.
async fn opened(path: PathBuf) -> Result<Option<Store>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let opening = tokio::task::spawn_blocking(move || Store::open(&path));
    // It neither panics nor is aborted.
    opening.await.ok().transpose()
}

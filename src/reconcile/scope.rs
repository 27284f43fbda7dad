//! Which checkpoint an account works on: decided by its scope, so that links never serve another book or company.

use std::path::Path;

use super::member::{Member, Shared, Work};
use crate::account::{Provider, Scope, ScopeChange};
use crate::config::is_same_folder;
use crate::store::{Checkpoint, CheckpointId, Op, StoreError, View};

/// What was found for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// The checkpoint describes just what is declared.
    Same(CheckpointId, Box<Checkpoint>),
    /// Owner, group or direction changed: the links stay, the pass counts as a first one.
    Narrow(CheckpointId, Box<Checkpoint>),
    /// Another company, provider or book under the same name: nothing of it is used.
    Foreign(CheckpointId, Box<Checkpoint>),
    /// No checkpoint bears this name, but an orphaned one describes the same: the account was renamed.
    Renamed(CheckpointId, Box<Checkpoint>),
    /// Nothing yet.
    New,
}

/// Compares what is declared with what is stored. A checkpoint whose account is still declared is not an orphan.
pub(super) fn standing(view: &View, member: &Member, scope: &Scope) -> Result<Standing, StoreError> {
    let Some((id, checkpoint)) = view.checkpoint_of(&member.name)? else {
        let names = view.names()?;
        let is_orphan = |id| !names.iter().any(|(name, named)| *named == id && member.is_declared(name));
        // Of several the last one: it was left behind last.
        let orphans = view.checkpoints()?.into_iter().rev();
        let mut orphans = orphans.filter(|(id, checkpoint)| checkpoint.scope == *scope && is_orphan(*id));
        return Ok(match orphans.next() {
            Some((id, checkpoint)) => Standing::Renamed(id, Box::new(checkpoint)),
            None => Standing::New,
        });
    };
    let mut checkpoint = Box::new(checkpoint);
    if is_respelled(&checkpoint.scope, scope) {
        // The links describe this very folder. What the pass records has the new spelling.
        checkpoint.scope.book.clone_from(&scope.book);
    }
    Ok(match checkpoint.scope.change(scope) {
        ScopeChange::None => Standing::Same(id, checkpoint),
        ScopeChange::Narrow => Standing::Narrow(id, checkpoint),
        ScopeChange::Foreign => Standing::Foreign(id, checkpoint),
    })
}

/// Whether the folder is the same and only its path is written in another way, or leads there through a link.
fn is_respelled(stored: &Scope, declared: &Scope) -> bool {
    let folders = stored.provider == Provider::Folder && declared.provider == Provider::Folder;
    folders && stored.book != declared.book && is_same_folder(Path::new(&stored.book), Path::new(&declared.book))
}

/// Starts a new checkpoint under the account's name; an old one of that name is kept without a name.
pub(super) async fn start(shared: &Shared, member: &Member, scope: Scope) -> Result<Work, StoreError> {
    let (id, checkpoint) = (shared.store.next_checkpoint(), Checkpoint::new(scope));
    let put = Op::PutCheckpoint(id, Box::new(checkpoint.clone()));
    shared.store.write(vec![put, Op::Name(member.name.clone(), id)]).await?;
    Ok((id, checkpoint))
}

/// Gives an orphaned checkpoint the account's name, and takes the old one away: should that be declared again, it is
/// another account.
pub(super) async fn adopt(shared: &Shared, member: &Member, id: CheckpointId) -> Result<(), StoreError> {
    let names = shared.store.view()?.names()?;
    let old = names.into_iter().filter(|(_, named)| *named == id).map(|(name, _)| Op::Unname(name));
    let ops = old.chain([Op::Name(member.name.clone(), id)]).collect();
    shared.store.write(ops).await
}

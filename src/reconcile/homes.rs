//! What is remembered of fields that Pipedrive keeps elsewhere than before.
//!
//! A stand-in that is edited, made anew, or replaced by the contact-sync field is another field: that the new one is empty
//! does not mean that anybody emptied it. So the mirror and each checkpoint say in which homes their persons were read
//! ([`Homes`]), and what they say of a field that has moved since is taken back before anything is decided by it. The
//! field then merges as on a first link.
//!
//! # Guarantees
//!
//! Homes move only while no pass runs. The mirror is stamped with new homes after its persons were taken back, a checkpoint
//! after its links: what a crash cuts short is done again.

use std::sync::Arc;

use tokio::sync::{RwLockReadGuard, RwLockWriteGuard};

use super::member::Shared;
use super::organizations::store_error;
use crate::adapter::{Error, Kind};
use crate::contact::{Fields, Homes};
use crate::store::{Checkpoint, CheckpointId, Op, StoreError, Watcher};

/// Records that are taken back in one transaction.
const CHUNK: usize = 500;

impl Shared {
    /// Keeps the homes as they are while the guard lives. [`Kind::Later`] where the mirror was read in others than this
    /// company's: another connection is in use, or the next poll brings both together.
    pub(super) async fn at_home(&self) -> Result<RwLockReadGuard<'_, ()>, Error> {
        let guard = self.homes.read().await;
        let watcher = self.store.view().and_then(|view| view.watcher()).map_err(|error| store_error(&error))?;
        if watcher.is_some_and(|watcher| watcher.homes.is_some_and(|homes| homes != self.company.homes())) {
            let text = "Pipedrive keeps other contact fields than before; its persons are listed anew first";
            return Err(Error::new(Kind::Later { until: None }, text));
        }
        Ok(guard)
    }

    /// Waits until no pass runs, and lets none begin while the guard lives.
    pub(super) async fn moving(&self) -> RwLockWriteGuard<'_, ()> {
        self.homes.write().await
    }

    /// Takes back what the mirror says of fields that have moved, and has all persons listed anew. `_moving` is
    /// [`Shared::moving`].
    pub(super) async fn settle_mirror(&self, _moving: &RwLockWriteGuard<'_, ()>) -> Result<(), StoreError> {
        let (view, homes) = (self.store.view()?, self.company.homes());
        let Some(watcher) = view.watcher()? else { return Ok(()) };
        let moved = moved(watcher.homes.as_ref(), &homes);
        let mut ops = Vec::new();
        for person in view.persons()?.filter(|_| !moved.is_empty()) {
            let mut person = person?;
            if person.contact.unsay(moved) {
                ops.push(Op::PutPerson(Box::new(person)));
            }
            self.flush(&mut ops).await?;
        }
        let swept_at = watcher.swept_at.filter(|_| moved.is_empty());
        ops.push(Op::PutWatcher(Box::new(Watcher { homes: Some(homes), swept_at, ..watcher })));
        self.store.write(ops).await
    }

    /// Whether the mirror was read in the company's present homes.
    pub(super) fn is_settled(&self) -> Result<bool, StoreError> {
        let watcher = self.store.view()?.watcher()?;
        Ok(watcher.is_none_or(|watcher| watcher.homes.is_some_and(|homes| homes == self.company.homes())))
    }

    /// Takes back what an account's links say of fields that have moved; their persons are looked at again.
    pub(super) async fn settle_links(&self, id: CheckpointId) -> Result<(), StoreError> {
        let (view, homes) = (self.store.view()?, self.company.homes());
        let Some(checkpoint) = view.checkpoint(id)?.filter(|c| c.homes.as_ref() != Some(&homes)) else { return Ok(()) };
        let moved = moved(checkpoint.homes.as_ref(), &homes);
        let mut ops = Vec::new();
        for link in view.links(id)?.filter(|_| !moved.is_empty()) {
            let (link_id, mut link) = link?;
            let agreed = Arc::make_mut(&mut link.base).unsay(moved);
            let seen = link.person.as_mut().is_some_and(|half| Arc::make_mut(&mut half.seen).unsay(moved));
            if agreed || seen {
                let touched = link.person_id().filter(|_| link.is_active());
                ops.push(Op::PutLink { checkpoint: id, id: link_id, link: Box::new(link) });
                ops.extend(touched.map(|person| Op::Touch(id, person)));
            }
            self.flush(&mut ops).await?;
        }
        ops.push(Op::PutCheckpoint(id, Box::new(Checkpoint { homes: Some(homes), ..checkpoint })));
        self.store.write(ops).await
    }

    async fn flush(&self, ops: &mut Vec<Op>) -> Result<(), StoreError> {
        if ops.len() < CHUNK { Ok(()) } else { self.store.write(std::mem::take(ops)).await }
    }
}

/// What was remembered by a program that did not say where is taken for what is there.
fn moved(before: Option<&Homes>, now: &Homes) -> Fields {
    before.map_or(Fields::NONE, |before| before.moved(now))
}

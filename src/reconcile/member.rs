//! What a pass works with: what the whole process shares, and what belongs to one account.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::company_ledger::CompanyLedger;
use super::desk::Desk;
use super::mirror::Mirror;
use super::organizations::Organizations;
use super::peers::Peers;
use super::shelf::Shelf;
use super::stock::Stock;
use crate::account::{AccountName, Scope, Visibility, VisibilityLevels};
use crate::adapter::pipedrive::{Company, PersonBook};
use crate::adapter::{Error, Kind, SharedBook};
use crate::clock::SharedClock;
use crate::config;
use crate::contact::UserId;
use crate::plan::PersonNow;
use crate::store::{CheckpointId, Op, Person, Store, StoreError};

/// What all passes of a process share.
pub struct Shared {
    /// The state database.
    pub store: Store,
    /// Time.
    pub clock: SharedClock,
    /// The Pipedrive company.
    pub company: Arc<Company>,
    /// Who is in it.
    pub mirror: Mirror,
    /// Finds or creates organizations.
    pub organizations: Organizations,
    /// What the guard counts over all accounts.
    pub(super) ledger: CompanyLedger,
    /// What passes under way are about to link or create.
    pub(super) desk: Desk,
    /// Held for reading while persons are created, for writing while somebody looks for persons that may have been created:
    /// a person on its way to its link must not be adopted by another.
    pub(super) creating: tokio::sync::RwLock<()>,
    /// See [`Shared::at_home`]. One for the process: a pass on a company that was left must have ended as well.
    pub(super) homes: Arc<tokio::sync::RwLock<()>>,
}

impl Shared {
    /// Joins a company with its state; reads the mirror's index once. A mirror of another company is forgotten whole.
    /// `homes` is the same for all companies of the process.
    pub async fn open(
        store: Store,
        clock: SharedClock,
        company: Arc<Company>,
        homes: Arc<tokio::sync::RwLock<()>>,
    ) -> Result<Self, StoreError> {
        let stored = store.view()?.watcher()?;
        match stored {
            Some(watcher) if watcher.company != company.identity() => store.write(vec![Op::ForgetMirror]).await?,
            Some(watcher) if watcher.tells_deletions => company.saw_deletion(),
            _ => {}
        }
        let view = store.view()?;
        let mirror = Mirror::load(&view)?;
        let organizations = Organizations::load(&view, &company)?;
        let (ledger, desk) = (CompanyLedger::default(), Desk::default());
        let creating = tokio::sync::RwLock::new(());
        Ok(Self { store, clock, company, mirror, organizations, ledger, desk, creating, homes })
    }

    /// The accounts that left something for later because of this one, whose pass has ended: they should run now.
    pub fn freed(&self, account: &AccountName) -> BTreeSet<AccountName> {
        self.desk.freed(account)
    }

    /// Keeps how many of the day's tokens are used, so that a restart does not stretch carnetd's share. A store that cannot
    /// is named in the log.
    pub async fn keep_used(&self) {
        let (at, tokens) = (self.clock.now(), self.company.budget().used);
        if let Err(error) = self.store.write(vec![Op::PutUsed { at, tokens }]).await {
            tracing::warn!(%error, "the tokens used today could not be stored");
        }
    }
}

/// One account, as passes see it.
pub struct Member {
    /// Its name.
    pub name: AccountName,
    /// What was declared.
    pub declared: config::Account,
    /// The provider's book.
    pub provider: SharedBook,
    /// All accounts, and their books.
    pub(super) shelf: Arc<Shelf>,
    /// What is known of that book. Locked for the length of a pass: one pass per account at a time.
    pub stock: tokio::sync::Mutex<Stock>,
    /// Who it is in Pipedrive, once that was found out.
    seat: tokio::sync::OnceCell<Seat>,
}

/// Who an account is in Pipedrive.
pub struct Seat {
    /// The owner of its persons.
    pub owner: UserId,
    /// The level given to persons and organizations that are created.
    pub visible_to: u8,
    /// What levels mean in this company.
    pub levels: VisibilityLevels,
    /// The persons, as this account writes them.
    pub persons: PersonBook,
}

impl Member {
    /// An account and its provider's book.
    pub fn new(declared: config::Account, provider: SharedBook, shelf: Arc<Shelf>) -> Self {
        Self {
            shelf,
            name: declared.name.clone(),
            declared,
            provider,
            stock: tokio::sync::Mutex::default(),
            seat: tokio::sync::OnceCell::new(),
        }
    }

    /// Who the account is in Pipedrive: asked once.
    pub async fn seat(&self, shared: &Shared, cancel: &CancellationToken) -> Result<&Seat, Error> {
        self.seat
            .get_or_try_init(|| async {
                let owner = shared.company.owner(&self.declared.owner, cancel).await?;
                let levels = shared.company.levels(cancel).await?;
                let visibility = self.declared.policy.visibility;
                let visible_to = visibility.visible_to(levels).ok_or_else(|| {
                    Error::new(
                        Kind::Forbidden,
                        format!(
                            "visibility = \"{visibility}\" does not exist in this Pipedrive company, which has only \"owner\" and \
                             \"company\"; choose one of them for this account"
                        ),
                    )
                })?;
                let persons = shared.company.book(owner, visible_to, self.declared.policy.country);
                Ok(Seat { owner, visible_to, levels, persons })
            })
            .await
    }

    /// Whether an account is declared now, enabled or not.
    pub(super) fn is_declared(&self, name: &AccountName) -> bool {
        self.shelf.declared().contains(name)
    }

    /// The accounts whose links bind this one, which works on its own checkpoint.
    pub(super) fn peers(&self, shared: &Shared, own: CheckpointId) -> Peers {
        Peers::among(shared.company.identity(), self.shelf.declared(), own)
    }

    /// The seat, if it was found out before.
    pub fn known_seat(&self) -> Option<&Seat> {
        self.seat.get()
    }

    /// What a checkpoint of this account describes.
    pub fn scope(&self, company: &Company) -> Scope {
        Scope {
            company: company.identity().to_owned(),
            provider: self.declared.provider,
            book: self.declared.book.identity(),
            owner: self.declared.owner.to_lowercase(),
            group: self.declared.group.clone(),
            direction: self.declared.policy.direction,
        }
    }
}

impl Seat {
    /// Whether `visible_to` shows a person to more people than the account's own level.
    pub fn is_wider(&self, visible_to: u8) -> bool {
        rank(visible_to, self.levels) > rank(self.visible_to, self.levels)
    }

    /// A stored person as a plan sees it: phone numbers read as in the account's country.
    pub(super) fn person_now(&self, member: &Member, person: Person) -> PersonNow {
        let mut contact = person.contact;
        contact.read_phones_in(member.declared.policy.country);
        PersonNow {
            id: person.id,
            contact: contact.into(),
            owner: person.owner,
            wider: self.is_wider(person.visible_to),
            changed_at: person.update_time.map(|at| at.0),
        }
    }
}

/// How many people see it: narrowest first. An unknown number counts as everybody.
fn rank(visible_to: u8, levels: VisibilityLevels) -> usize {
    Visibility::ALL.iter().position(|v| v.visible_to(levels) == Some(visible_to)).unwrap_or(Visibility::ALL.len())
}

/// The checkpoint a pass works on.
pub(super) type Work = (CheckpointId, crate::store::Checkpoint);

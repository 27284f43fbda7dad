//! What people and commands may ask: answered by the running daemon through its loop, or by a single command itself.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};
use url::Url;

use super::connect::refused;
use super::control::LOOK;
use super::engine::{Engine, Ticket};
use super::event::{Event, Sync};
use super::passes::synced;
use super::{left, show, standing};
use crate::account::AccountName;
use crate::clock::Moment;
use crate::contact::Digest;
use crate::reconcile::{Ended, Outcome, Wish};
use crate::status::{
    AccountPlan, At, CompanyState, Finding, HeldItem, LoggedIn, LoginLink, LoginStarted, Operator, Pipedrive, Refused,
    RefusedKind, Reloaded, Snapshot, Synced, Tokens, Who,
};
use crate::store::{Confirmation, HeadState, Op};

/// The daemon, as asked from outside its loop.
pub(super) struct Running {
    pub(super) engine: Arc<Engine>,
    pub(super) events: mpsc::UnboundedSender<Event>,
}

/// A single command that works on the state itself.
pub(super) struct Local(pub(super) Arc<Engine>);

fn stopping() -> Refused {
    Refused::new(RefusedKind::NotReachable, "carnetd is stopping")
}

#[async_trait]
impl Operator for Running {
    fn snapshot(&self) -> Snapshot {
        self.engine.snapshot()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.engine.changed.subscribe()
    }

    fn ready(&self) -> bool {
        self.engine.state().ready
    }

    fn alive(&self) -> bool {
        !self.events.is_closed()
    }

    async fn refresh(&self, account: Option<&AccountName>) -> Result<(), Refused> {
        self.engine.meant(account)?;
        self.events.send(Event::Refresh(account.cloned())).map_err(|_| stopping())
    }

    async fn reload(&self) -> Reloaded {
        let (reply, answer) = oneshot::channel();
        let sent = self.events.send(Event::Reload { refresh: false, reply: Some(reply) });
        let failed = || Reloaded { ok: false, problems: Vec::new(), rendered: stopping().message, changed: Vec::new() };
        if sent.is_err() { failed() } else { answer.await.unwrap_or_else(|_| failed()) }
    }

    async fn sync(&self, account: Option<&AccountName>, full: bool) -> Result<Vec<Synced>, Refused> {
        let (reply, answer) = oneshot::channel();
        let wish = Wish { full, retry: true };
        let sync = Sync { account: account.cloned(), wish, reply };
        self.events.send(Event::Sync(sync)).map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    async fn plan(&self, account: Option<&AccountName>) -> Result<Vec<AccountPlan>, Refused> {
        self.engine.meant(account)?;
        // From what was last seen it would be a guess, and where nobody answers now it would hide that.
        // What it finds waits for the next pass: who asks for a plan wants nothing written.
        self.engine.poll(false).await.map_err(|error| refused(&error))?;
        self.engine.plan(account).await
    }

    async fn held(&self, account: Option<&AccountName>) -> Result<Vec<HeldItem>, Refused> {
        self.engine.held(account)
    }

    async fn confirm(&self, account: &AccountName, digest: Digest) -> Result<HeldItem, Refused> {
        let item = self.engine.confirm(account, digest).await?;
        self.events.send(Event::Confirmed(account.clone())).map_err(|_| stopping())?;
        Ok(item)
    }

    async fn groups(&self, account: &AccountName) -> Result<Vec<String>, Refused> {
        self.engine.groups(account).await
    }

    async fn check(&self) -> Vec<Finding> {
        self.engine.check().await
    }

    async fn start_login(&self, who: &Who, redirect: &Url) -> Result<LoginStarted, Refused> {
        self.engine.start_login(who, redirect)
    }

    async fn finish_login(&self, state: &str, code: &str) -> Result<LoggedIn, Refused> {
        let (who, login) = self.engine.finish_login(state, code).await?;
        self.events.send(Event::LoggedIn(who)).map_err(|_| stopping())?;
        Ok(login)
    }

    async fn link_login(&self, account: &AccountName) -> Result<LoginLink, Refused> {
        self.engine.link_login(account).await
    }

    async fn follow_link(&self, secret: &str) -> Result<LoginStarted, Refused> {
        self.engine.follow_link(secret).await
    }
}

#[async_trait]
impl Operator for Local {
    fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    fn ready(&self) -> bool {
        false
    }

    fn alive(&self) -> bool {
        false
    }

    async fn refresh(&self, _account: Option<&AccountName>) -> Result<(), Refused> {
        let refused = Refused::new(RefusedKind::NotReachable, "no carnetd is running that could refresh");
        Err(refused.help("start it with `carnetd run`, or run one pass with `carnetd sync`"))
    }

    async fn reload(&self) -> Reloaded {
        Reloaded {
            ok: false,
            problems: Vec::new(),
            rendered: "no carnetd is running that could reload".to_owned(),
            changed: Vec::new(),
        }
    }

    async fn sync(&self, account: Option<&AccountName>, full: bool) -> Result<Vec<Synced>, Refused> {
        let names = self.0.meant(account)?;
        let mut all = Vec::new();
        let polled = self.0.poll(full).await;
        for name in names {
            let outcome = match &polled {
                Ok(_) => {
                    let passes = Box::pin(self.0.passes(&name, Wish { full, retry: true }));
                    self.0.shown(passes).await
                }
                Err(error) => Outcome::without_pass(Ended::of(error.clone())),
            };
            all.push(synced(&name, &outcome));
        }
        self.0.stop_sandbox().await;
        Ok(all)
    }

    async fn plan(&self, account: Option<&AccountName>) -> Result<Vec<AccountPlan>, Refused> {
        self.0.meant(account)?;
        self.0.poll(false).await.map_err(|error| refused(&error))?;
        self.0.plan(account).await
    }

    async fn held(&self, account: Option<&AccountName>) -> Result<Vec<HeldItem>, Refused> {
        self.0.held(account)
    }

    async fn confirm(&self, account: &AccountName, digest: Digest) -> Result<HeldItem, Refused> {
        self.0.confirm(account, digest).await
    }

    async fn groups(&self, account: &AccountName) -> Result<Vec<String>, Refused> {
        self.0.groups(account).await
    }

    async fn check(&self) -> Vec<Finding> {
        self.0.check().await
    }

    async fn start_login(&self, who: &Who, redirect: &Url) -> Result<LoginStarted, Refused> {
        self.0.start_login(who, redirect)
    }

    async fn finish_login(&self, state: &str, code: &str) -> Result<LoggedIn, Refused> {
        self.0.finish_login(state, code).await.map(|(_, login)| login)
    }

    async fn link_login(&self, account: &AccountName) -> Result<LoginLink, Refused> {
        self.0.link_login(account).await
    }

    async fn follow_link(&self, secret: &str) -> Result<LoginStarted, Refused> {
        self.0.follow_link(secret).await
    }
}

impl Engine {
    /// What a pass of this account needs, or why it cannot run.
    fn admit(&self, name: &AccountName) -> Result<Ticket, Ended> {
        let why_not = self.state().accounts.get(name).and_then(standing::Standing::why_not);
        let removed = || Ended::Failed("the account was removed".to_owned());
        why_not.map_or_else(|| self.ticket(name).ok_or_else(removed), Err)
    }

    /// Passes of one account until there is nothing that the next one should look at without delay.
    async fn passes(&self, name: &AccountName, wish: Wish) -> Outcome {
        /// A pass that brings something to light each time is left to the daemon.
        const MOST: usize = 5;
        let ticket = match self.admit(name) {
            Ok(ticket) => ticket,
            Err(ended) => return Outcome::without_pass(ended),
        };
        let live = ticket.1.clone();
        let mut outcome = self.pass(ticket.clone(), wish).await;
        for _ in 1..MOST {
            if !outcome.again {
                break;
            }
            let next = self.pass(ticket.clone(), Wish::default()).await;
            outcome = outcome.then(next);
        }
        live.clear();
        outcome
    }

    /// Does something that may take long, and has its counters shown meanwhile, as the loop does for a daemon's passes.
    async fn shown<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            if self.changed.receiver_count() == 0 {
                return work.await;
            }
            tokio::select! {
                done = &mut work => return done,
                () = self.clock.sleep_until(self.clock.now().after(LOOK)) => self.show(),
            }
        }
    }

    /// The status document.
    pub(super) fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let view = self.store.view();
        let accounts = state.accounts.iter().map(|(name, standing)| standing.show(name, view.as_ref())).collect();
        Snapshot {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reload: state.reload.clone(),
            pipedrive: pipedrive(&state),
            accounts,
        }
    }

    async fn plan(&self, account: Option<&AccountName>) -> Result<Vec<AccountPlan>, Refused> {
        let names = self.meant(account)?;
        let shared = self.shared().await.map_err(|error| refused(&error))?;
        let mut plans = Vec::new();
        for name in names {
            let intended = match self.admit(&name) {
                Ok((member, _, cancel)) => {
                    let wish = Wish { retry: true, full: true };
                    crate::reconcile::intend(&shared, &member, wish, &cancel).await
                }
                Err(ended) => Err(ended),
            };
            plans.push(show::account_plan(&name, intended));
        }
        self.keep_used(&shared).await;
        Ok(plans)
    }

    fn held(&self, account: Option<&AccountName>) -> Result<Vec<HeldItem>, Refused> {
        let names = self.meant(account)?;
        let failed = |error: crate::store::StoreError| Refused::new(RefusedKind::Failed, error.to_string());
        let view = self.store.view().map_err(failed)?;
        let mut items = Vec::new();
        for name in names {
            let Some((id, checkpoint)) = view.checkpoint_of(&name).map_err(failed)? else { continue };
            items.extend(checkpoint.hold.iter().map(|hold| show::held_account(&name, hold)));
            let links = view.held(id).map_err(failed)?;
            items.extend(links.iter().filter_map(|(link_id, link)| show::held_link(&name, *link_id, link)));
            for todo in view.todos(id).map_err(failed)?.iter().filter(|todo| left::is_left(todo)) {
                let known = left::name(&view, id, todo).map_err(failed)?;
                items.extend(left::item(&name, todo, known.as_deref()));
            }
        }
        Ok(items)
    }

    /// The sleeping pair of that digest, if a yes wakes it.
    fn asleep(&self, account: &AccountName, digest: Digest) -> Result<Option<HeldItem>, Refused> {
        let failed = |error: crate::store::StoreError| Refused::new(RefusedKind::Failed, error.to_string());
        let direction = self.state().accounts.get(account).map(|s| s.declared.policy.direction);
        let view = self.store.view().map_err(failed)?;
        let (Some((id, _)), Some(direction)) = (view.checkpoint_of(account).map_err(failed)?, direction) else {
            return Ok(None);
        };
        for head in view.link_heads(id).map_err(failed)? {
            let head = head.map_err(failed)?;
            if head.state == HeadState::Dormant
                && let Some(link) = view.link(id, head.id).map_err(failed)?
                && crate::plan::hold_digest(&link) == Some(digest)
            {
                return Ok(show::sleeping_link(account, head.id, &link, direction));
            }
        }
        Ok(None)
    }

    async fn confirm(&self, account: &AccountName, digest: Digest) -> Result<HeldItem, Refused> {
        let wanted = digest.to_string();
        let item = self.held(Some(account))?.into_iter().find(|item| item.digest == wanted);
        let item = item.map_or_else(|| self.asleep(account, digest), |item| Ok(Some(item)))?.ok_or_else(|| {
            let message = format!("nothing of account {account} waits under the digest {wanted}");
            Refused::new(RefusedKind::Failed, message)
                .help(format!("`carnetd held {account}` lists what waits now; a changed plan has another digest"))
        })?;
        let failed = |error: crate::store::StoreError| Refused::new(RefusedKind::Failed, error.to_string());
        let stored = self.store.view().and_then(|view| view.checkpoint_of(account)).map_err(failed)?;
        let Some((id, checkpoint)) = stored else { return Err(Refused::unknown_account(account.as_str())) };
        let shown = checkpoint.hold.filter(|hold| hold.digest == digest).map(|hold| hold.shown);
        let confirmation = Confirmation { digest, steps: shown.unwrap_or_default(), at: self.clock.now() };
        self.store.write(vec![Op::PutConfirmation(id, confirmation)]).await.map_err(failed)?;
        Ok(item)
    }

    async fn groups(&self, account: &AccountName) -> Result<Vec<String>, Refused> {
        self.meant(Some(account))?;
        let config = self.config();
        if config.pipedrive.sandbox {
            // Its book may be there, too.
            self.sandbox(&config).await.map_err(|error| refused(&error))?;
        }
        let member = self.state().accounts.get(account).map(|standing| standing.member.clone());
        match member {
            Some(Ok(member)) => member.provider.groups(&self.cancel).await.map_err(|error| refused(&error)),
            Some(Err(error)) => Err(refused(&error)),
            None => Err(Refused::unknown_account(account.as_str())),
        }
    }
}

fn pipedrive(state: &super::engine::State) -> Pipedrive {
    let budget = state.shared.as_ref().map(|shared| shared.company.budget());
    let exhausted = budget.as_ref().and_then(|b| b.exhausted_until);
    let (word, reason) = match (&state.trouble, exhausted) {
        (Some(error), _) => (standing::company_state(error), Some(error.message.clone())),
        (None, Some(until)) => (CompanyState::Paused, Some(format!("the daily budget is used up until {until}"))),
        (None, None) if state.shared.is_none() => (CompanyState::Starting, None),
        (None, None) => (CompanyState::Ok, None),
    };
    let moment = |at: Option<Moment>| at.map(At);
    Pipedrive {
        state: word,
        reason,
        company: state.shared.as_ref().map(|shared| shared.company.domain().to_owned()),
        tokens: Tokens {
            limit: budget.as_ref().map_or(0, |b| b.limit),
            used: budget.as_ref().map_or(0, |b| b.used),
            reserve: budget.as_ref().map_or(0, |b| b.reserve),
            runs_out_at: budget.as_ref().and_then(|b| moment(b.runs_out_at)),
        },
    }
}

//! An operator that answers from a script and remembers what it was asked.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use url::Url;

use crate::account::AccountName;
use crate::clock::Moment;
use crate::contact::Digest;
use crate::status::*;

/// A name that no page may show without a token.
pub(crate) const SECRET_NAME: &str = "Amélie Lefèvre";

/// What belongs to the login that the operator starts.
pub(crate) const STATE: &str = "state-of-this-login";
/// The only code that it takes.
pub(crate) const CODE: &str = "4/0Ab+c";
/// The secret of the only link.
pub(crate) const LINK: &str = "secret-of-the-link";

/// The moment the snapshots are made for.
pub(crate) fn now() -> Moment {
    at("2026-11-24T12:00:00Z").0
}

pub(crate) fn at(text: &str) -> At {
    At(Moment::parse(text).expect("an RFC 3339 time"))
}

pub(crate) fn pass(id: u64, counts: [u64; 4]) -> Pass {
    let [added, updated, deleted, failed] = counts;
    Pass {
        id,
        started_at: at("2026-11-24T11:58:00Z"),
        finished_at: Some(at("2026-11-24T11:58:03Z")),
        outcome: Some(Outcome::Ok),
        added,
        updated,
        deleted,
        failed,
        planned: None,
    }
}

/// The account of the contract's example.
pub(crate) fn alice() -> Account {
    Account {
        name: "alice".to_owned(),
        provider: "google".to_owned(),
        address: Some("alice@acme.example".to_owned()),
        group: "Clients".to_owned(),
        direction: "one-way".to_owned(),
        visibility: "company".to_owned(),
        state: State::Idle,
        reason: None,
        reason_code: None,
        contacts: 1234,
        held: 0,
        other_visibility: 0,
        next_pass_at: Some(at("2026-11-24T12:03:00Z")),
        current: None,
        last_change: None,
        last_pass: Some(pass(17, [3, 2, 1, 0])),
        totals: Totals { added: 40, updated: 9, deleted: 2 },
    }
}

pub(crate) fn snapshot(accounts: Vec<Account>) -> Snapshot {
    Snapshot {
        version: "0.1.0".to_owned(),
        reload: Reload { ok: true, at: Some(at("2026-11-24T08:00:00Z")), problems: Vec::new() },
        pipedrive: Pipedrive {
            state: CompanyState::Ok,
            reason: None,
            company: Some("acme".to_owned()),
            tokens: Tokens { limit: 30000, used: 120, reserve: 15000, runs_out_at: None },
        },
        accounts,
    }
}

pub(crate) fn held_item(account: &str, digest: &str, code: &str) -> HeldItem {
    HeldItem {
        account: account.to_owned(),
        digest: digest.to_owned(),
        code: code.to_owned(),
        what: format!("{SECRET_NAME} matches 2 persons"),
        candidates: vec!["person 7".to_owned(), "person 9".to_owned()],
        confirming: "a new person is created".to_owned(),
        lines: Vec::new(),
        since: Some(at("2026-11-24T09:00:00Z")),
    }
}

/// See the module.
pub(crate) struct FakeOperator {
    pub(crate) snapshot: Mutex<Snapshot>,
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) held: Vec<HeldItem>,
    pub(crate) plans: Vec<AccountPlan>,
    pub(crate) synced: Vec<Synced>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) reloaded: Reloaded,
    pub(crate) refuses: Option<Refused>,
    pub(crate) well: bool,
    /// What the end of a login is refused with.
    pub(crate) not_accepted: Option<Refused>,
    redirects: Mutex<Vec<Url>>,
    asked: Mutex<Vec<String>>,
}

impl FakeOperator {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot: Mutex::new(snapshot),
            changed: watch::Sender::new(1),
            held: Vec::new(),
            plans: Vec::new(),
            synced: Vec::new(),
            findings: Vec::new(),
            reloaded: Reloaded { ok: true, problems: Vec::new(), rendered: String::new(), changed: Vec::new() },
            refuses: None,
            well: true,
            not_accepted: None,
            redirects: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// What was asked so far, such as `sync alice full`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the answers of the logins were to come back to.
    pub(crate) fn redirects(&self) -> Vec<Url> {
        self.redirects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ask(&self, what: &str, account: Option<&AccountName>) -> Result<(), Refused> {
        let who = account.map_or("all", AccountName::as_str);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{what} {who}"));
        if let Some(account) = account
            && self.snapshot().account(account.as_str()).is_none()
        {
            return Err(Refused::unknown_account(account.as_str()));
        }
        self.refuses.clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Operator for FakeOperator {
    fn snapshot(&self) -> Snapshot {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn ready(&self) -> bool {
        self.well
    }

    fn alive(&self) -> bool {
        self.well
    }

    async fn refresh(&self, account: Option<&AccountName>) -> Result<(), Refused> {
        self.ask("refresh", account)
    }

    async fn reload(&self) -> Reloaded {
        self.reloaded.clone()
    }

    async fn sync(&self, account: Option<&AccountName>, full: bool) -> Result<Vec<Synced>, Refused> {
        self.ask(if full { "full sync" } else { "sync" }, account)?;
        Ok(self.synced.clone())
    }

    async fn plan(&self, account: Option<&AccountName>) -> Result<Vec<AccountPlan>, Refused> {
        self.ask("plan", account)?;
        Ok(self.plans.clone())
    }

    async fn held(&self, account: Option<&AccountName>) -> Result<Vec<HeldItem>, Refused> {
        self.ask("held", account)?;
        Ok(self.held.clone())
    }

    async fn confirm(&self, account: &AccountName, digest: Digest) -> Result<HeldItem, Refused> {
        self.ask("confirm", Some(account))?;
        let found = self.held.iter().find(|item| item.digest == digest.to_string()).cloned();
        found.ok_or_else(|| Refused::new(RefusedKind::Failed, format!("nothing with the digest {digest} is held")))
    }

    async fn groups(&self, account: &AccountName) -> Result<Vec<String>, Refused> {
        self.ask("groups", Some(account))?;
        Ok(vec!["Clients".to_owned(), "Friends".to_owned()])
    }

    async fn check(&self) -> Vec<Finding> {
        self.findings.clone()
    }

    async fn start_login(&self, who: &Who, redirect: &Url) -> Result<LoginStarted, Refused> {
        match who {
            Who::Account(name) => self.ask("start login", AccountName::new(name).as_ref())?,
            Who::Pipedrive => self.ask("start login of Pipedrive for", None)?,
        }
        self.redirects.lock().unwrap_or_else(PoisonError::into_inner).push(redirect.clone());
        Ok(started())
    }

    async fn finish_login(&self, state: &str, code: &str) -> Result<LoggedIn, Refused> {
        self.ask(&format!("finish login {state} {code}"), None)?;
        if let Some(refused) = &self.not_accepted {
            return Err(refused.clone());
        }
        if (state, code) != (STATE, CODE) {
            return Err(Refused::new(RefusedKind::Failed, "no login waits for this"));
        }
        Ok(LoggedIn { what: "account alice".to_owned(), address: Some("alice@acme.example".to_owned()) })
    }

    async fn link_login(&self, account: &AccountName) -> Result<LoginLink, Refused> {
        self.ask("link login", Some(account))?;
        let url = format!("https://status.acme.example/login/{LINK}").parse().expect("a URL");
        Ok(LoginLink { url, until: at("2026-11-25T12:00:00Z") })
    }

    async fn follow_link(&self, secret: &str) -> Result<LoginStarted, Refused> {
        self.ask(&format!("follow link {secret}"), None)?;
        if secret == LINK { Ok(started()) } else { Err(Refused::new(RefusedKind::Failed, "no such link, alice")) }
    }
}

/// The login that the operator starts.
pub(crate) fn started() -> LoginStarted {
    let url = format!("https://accounts.example/auth?state={STATE}").parse().expect("a URL");
    LoginStarted { url, state: STATE.to_owned() }
}

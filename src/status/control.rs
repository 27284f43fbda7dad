//! `/control/v1`: what the commands ask beside what everybody may ask. Served on the commands' socket only.
//!
//! Each route is one method of [`Operator`](super::Operator); the other end is [`Remote`](super::Remote). What is secret of a
//! login (code, state, a link's secret) comes as a body, which nobody logs, never in a query.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use url::Url;

use super::answer::Query;
use super::operator::{
    AccountPlan, Finding, HeldItem, LoggedIn, LoginLink, LoginStarted, Refused, RefusedKind, Reloaded, Synced, Who,
};
use super::server::{Server, Which};
use crate::account::AccountName;
use crate::contact::Digest;

type Answer<T> = Result<Json<T>, Refused>;

/// All of them.
pub(super) fn routes() -> Router<Server> {
    Router::new()
        .route("/control/v1/reload", post(reload))
        .route("/control/v1/sync", post(sync))
        .route("/control/v1/plan", get(plan))
        .route("/control/v1/held", get(held))
        .route("/control/v1/confirm", post(confirm))
        .route("/control/v1/groups", get(groups))
        .route("/control/v1/check", get(check))
        .route("/control/v1/login/start", post(start_login))
        .route("/control/v1/login/finish", post(finish_login))
        .route("/control/v1/login/link", post(link_login))
        .route("/control/v1/login/follow", post(follow_link))
}

async fn reload(State(server): State<Server>) -> Json<Reloaded> {
    Json(server.operator.reload().await)
}

/// `?account=NAME&full=true`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhatToSync {
    account: Option<String>,
    #[serde(default)]
    full: bool,
}

async fn sync(State(server): State<Server>, Query(what): Query<WhatToSync>) -> Answer<Vec<Synced>> {
    let which = Which { account: what.account };
    server.operator.sync(which.account()?.as_ref(), what.full).await.map(Json)
}

async fn plan(State(server): State<Server>, Query(which): Query<Which>) -> Answer<Vec<AccountPlan>> {
    server.operator.plan(which.account()?.as_ref()).await.map(Json)
}

async fn held(State(server): State<Server>, Query(which): Query<Which>) -> Answer<Vec<HeldItem>> {
    server.operator.held(which.account()?.as_ref()).await.map(Json)
}

/// `?account=NAME&digest=DIGEST`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhatToConfirm {
    account: Option<String>,
    #[serde(default)]
    digest: String,
}

async fn confirm(
    State(server): State<Server>,
    Query(WhatToConfirm { account, digest }): Query<WhatToConfirm>,
) -> Answer<HeldItem> {
    let which = Which { account };
    let digest = Digest::parse(&digest).ok_or_else(|| {
        let message = format!("{digest:?} is no digest; expected 16 hex digits");
        Refused::new(RefusedKind::Failed, message).help("`carnetd held` shows them")
    })?;
    server.operator.confirm(&which.the_account()?, digest).await.map(Json)
}

async fn groups(State(server): State<Server>, Query(which): Query<Which>) -> Answer<Vec<String>> {
    server.operator.groups(&which.the_account()?).await.map(Json)
}

async fn check(State(server): State<Server>) -> Json<Vec<Finding>> {
    Json(server.operator.check().await)
}

/// For whom a login is started, and where its answer comes back to.
#[derive(Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) who: Who,
    pub(super) redirect: Url,
}

/// What came back from the browser.
#[derive(Serialize, Deserialize)]
pub(super) struct Finish {
    pub(super) state: String,
    pub(super) code: String,
}

/// For which account a link is made.
#[derive(Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) account: String,
}

/// Which link is taken up.
#[derive(Serialize, Deserialize)]
pub(super) struct Follow {
    pub(super) secret: String,
}

async fn start_login(State(server): State<Server>, Json(start): Json<Start>) -> Answer<LoginStarted> {
    server.operator.start_login(&start.who, &start.redirect).await.map(Json)
}

async fn finish_login(State(server): State<Server>, Json(finish): Json<Finish>) -> Answer<LoggedIn> {
    server.operator.finish_login(&finish.state, &finish.code).await.map(Json)
}

async fn link_login(State(server): State<Server>, Json(link): Json<Link>) -> Answer<LoginLink> {
    let account = AccountName::new(&link.account).ok_or_else(|| Refused::unknown_account(&link.account))?;
    server.operator.link_login(&account).await.map(Json)
}

async fn follow_link(State(server): State<Server>, Json(follow): Json<Follow>) -> Answer<LoginStarted> {
    server.operator.follow_link(&follow.secret).await.map(Json)
}

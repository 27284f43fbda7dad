//! `/control/v1`: what the commands ask beside what everybody may ask. Served on the commands' socket only.
//!
//! Each route is one method of [`Operator`](super::Operator); the other end is [`Remote`](super::Remote).

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::operator::{AccountPlan, Finding, HeldItem, Refused, RefusedKind, Reloaded, Synced};
use super::server::{Server, Which};
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
}

async fn reload(State(server): State<Server>) -> Json<Reloaded> {
    Json(server.operator.reload().await)
}

#[derive(Debug, Deserialize)]
struct Full {
    #[serde(default)]
    full: bool,
}

async fn sync(
    State(server): State<Server>,
    Query(which): Query<Which>,
    Query(Full { full }): Query<Full>,
) -> Answer<Vec<Synced>> {
    server.operator.sync(which.account()?.as_ref(), full).await.map(Json)
}

async fn plan(State(server): State<Server>, Query(which): Query<Which>) -> Answer<Vec<AccountPlan>> {
    server.operator.plan(which.account()?.as_ref()).await.map(Json)
}

async fn held(State(server): State<Server>, Query(which): Query<Which>) -> Answer<Vec<HeldItem>> {
    server.operator.held(which.account()?.as_ref()).await.map(Json)
}

#[derive(Debug, Deserialize)]
struct Named {
    #[serde(default)]
    digest: String,
}

async fn confirm(
    State(server): State<Server>,
    Query(which): Query<Which>,
    Query(Named { digest }): Query<Named>,
) -> Answer<HeldItem> {
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

//! `/login/…`: the pages behind a link that was mailed to somebody, whose secret is all the permission they need.
//!
//! They are served where `[status] public_url` is set, and need no token. Opening a link shows a button and uses nothing
//! up, since programs that look at links in mails open them too; the button's POST takes the link up and leads to the
//! provider, which sends the browser back to `/login/done`. Every link looks alike until its button is pressed, so the
//! page tells nobody which links there are. Whether a secret is right is for [`Operator`](super::Operator) to say.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::Markup;
use serde::Deserialize;

use super::operator::{Refused, RefusedKind};
use super::page::{self, link};
use super::server::Server;

/// Headers of one answer.
pub(crate) type Headers = [(HeaderName, HeaderValue); 4];

/// All of them.
pub(super) fn routes() -> Router<Server> {
    Router::new().route("/login/done", get(done)).route("/login/{secret}", get(ask).post(follow))
}

/// Whether a path is one of these, which need no token.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with("/login/")
}

/// The headers of a page whose address holds a secret: nothing keeps it, and no other site is told of it.
pub(crate) fn confided() -> Headers {
    let policy = HeaderValue::from_str(&page::CONTENT_SECURITY_POLICY);
    [
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, policy.unwrap_or(HeaderValue::from_static("default-src 'none'"))),
    ]
}

fn answer(status: StatusCode, page: Markup) -> Response {
    (status, confided(), page).into_response()
}

/// The button. Here the referrer may go to ourselves, and nowhere else: with `no-referrer` browsers would send
/// `Origin: null` with the form. And the form may lead to the provider, as Chromium judges a form's redirects as well;
/// plain http on loopback is what the sandbox is reached by.
async fn ask() -> Response {
    let policy = page::CONTENT_SECURITY_POLICY
        .replace("form-action 'self'", "form-action 'self' https: http://127.0.0.1:* http://localhost:*");
    let mut response = link::asks().into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The button was pressed.
async fn follow(State(server): State<Server>, Path(secret): Path<String>, headers: HeaderMap) -> Response {
    if !server.door.is_from_own_page(&headers) {
        let text = "Open the link in a browser, and press its button there.";
        return answer(StatusCode::FORBIDDEN, link::told("Nothing was done", text));
    }
    match server.operator.follow_link(&secret).await {
        Ok(started) => (confided(), Redirect::to(started.url.as_str())).into_response(),
        Err(refused) if passes(refused.kind) => later(),
        Err(_) => {
            let text = "A link works once and for 24 hours. Ask whoever sent it for a new one.";
            answer(StatusCode::GONE, link::told("This link does not work", text))
        }
    }
}

/// What a provider appends to the address (RFC 6749 §4.1.2).
#[derive(Deserialize)]
struct Back {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

/// The browser is back.
async fn done(State(server): State<Server>, Query(back): Query<Back>) -> Response {
    let (state, code) = match back {
        Back { error: Some(_), .. } => {
            let text = "Access was not allowed, and nothing has changed. Whoever sent the link can send a new one.";
            return answer(StatusCode::FORBIDDEN, link::told("The login was refused", text));
        }
        Back { state: Some(state), code: Some(code), error: None } => (state, code),
        _ => {
            let text = "This address is where a provider sends a browser after a login. Start with the link.";
            return answer(StatusCode::BAD_REQUEST, link::told("Nothing to do here", text));
        }
    };
    match server.operator.finish_login(&state, &code).await {
        Ok(_) => {
            let text = "Your contacts are kept in step from now on. You can close this window.";
            answer(StatusCode::OK, link::told("That is done", text))
        }
        Err(refused) => came_to_nothing(&refused),
    }
}

/// Whoever logged in is told what they can do about it; the reason may speak of the configuration, and is the
/// administrator's.
fn came_to_nothing(refused: &Refused) -> Response {
    tracing::warn!(kind = ?refused.kind, "a login by a link came to nothing: {refused}");
    if passes(refused.kind) {
        return later();
    }
    let text = "Perhaps it was another address than the one that is meant, or access to the contacts was not ticked, \
                or it took longer than ten minutes. Ask whoever sent the link for a new one.";
    answer(StatusCode::FORBIDDEN, link::told("The login was not accepted", text))
}

/// Whether the same may work in a while.
fn passes(kind: RefusedKind) -> bool {
    matches!(kind, RefusedKind::Later | RefusedKind::NotReachable)
}

fn later() -> Response {
    let text = "The service cannot be reached at the moment. Try the link again in a while.";
    answer(StatusCode::SERVICE_UNAVAILABLE, link::told("Not now", text))
}

//! The consent page: who is logging in, and which scopes they allow.
//!
//! For tests the page can be skipped: `user=EMAIL` is that user's yes, `deny=1` a no, `granted_scopes=…` leaves out
//! what is not named.

use axum::response::{IntoResponse, Redirect, Response};
use maud::{DOCTYPE, html};
use url::Url;

use crate::clock::Moment;
use crate::sandbox::google::Google;
use crate::sandbox::google::input::Query;
use crate::sandbox::google::refusal::status;

/// A code that was handed out.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) client: String,
    pub(super) redirect: String,
    pub(super) user: String,
    pub(super) scopes: Vec<String>,
    /// The challenge and its method.
    pub(super) challenge: Option<(String, String)>,
    pub(super) nonce: Option<String>,
    /// Whether a refresh token comes with it.
    pub(super) offline: bool,
    /// Whether the user was asked anew, which gives a new refresh token.
    pub(super) consented: bool,
    /// Seconds since 1970.
    pub(super) until: i64,
}

const CODE_SECONDS: i64 = 600;

/// `GET /o/oauth2/v2/auth`. What is wrong with the client or its address is shown to the user, not sent back.
pub(super) fn authorize(google: &Google, query: &Query, now: Moment) -> Response {
    match consider(google, query, now) {
        Ok(response) => response,
        Err((error, why)) => {
            let page = html! {
                (DOCTYPE)
                html lang="en" {
                    head { meta charset="utf-8"; title { "Error 400: " (error) } }
                    body { h1 { "Access blocked: authorization error" } p { (why) } p { "Error 400: " (error) } }
                }
            };
            (status(400), page).into_response()
        }
    }
}

fn consider(google: &Google, query: &Query, now: Moment) -> Result<Response, (&'static str, String)> {
    let missing = |name: &str| ("invalid_request", format!("Required parameter is missing: {name}"));
    let need = |name: &'static str| query.get(name).ok_or_else(|| missing(name));
    let client = need("client_id")?;
    let known = &google.state().settings.oauth_clients.clone();
    if !known.is_empty() && !known.contains_key(client) {
        return Err(("invalid_client", "The OAuth client was not found.".to_owned()));
    }
    let redirect = need("redirect_uri")?;
    let mut back = Url::parse(redirect).ok().filter(may_return).ok_or_else(|| {
        ("redirect_uri_mismatch", format!("{redirect} is neither a loopback address nor https with a host"))
    })?;
    if need("response_type")? != "code" {
        return Err(("unsupported_response_type", "Only the code flow is here.".to_owned()));
    }
    let scopes: Vec<String> = need("scope")?.split_whitespace().map(str::to_owned).collect();
    let challenge = challenge(query)?;
    if let Some(state) = query.raw("state") {
        back.query_pairs_mut().append_pair("state", state);
    }
    if query.get("deny").is_some() {
        back.query_pairs_mut().append_pair("error", "access_denied");
        return Ok(Redirect::to(back.as_str()).into_response());
    }
    let Some(email) = query.get("user") else {
        if query.get("prompt") == Some("none") {
            back.query_pairs_mut().append_pair("error", "interaction_required");
            return Ok(Redirect::to(back.as_str()).into_response());
        }
        return Ok(ask(query, client, &scopes));
    };
    let user = google.state().enter(email, now);
    let user = user.map_err(|_| ("invalid_request", format!("{email} is no e-mail address")))?;
    let scopes = granted(query, scopes);
    let installed = back.scheme() == "http";
    let code = Code {
        client: client.to_owned(),
        redirect: redirect.to_owned(),
        user,
        scopes: scopes.clone(),
        challenge,
        nonce: query.get("nonce").map(str::to_owned),
        offline: installed || query.get("access_type") == Some("offline"),
        consented: installed || query.get("prompt").is_some_and(|prompt| prompt.contains("consent")),
        until: now.0 / 1000 + CODE_SECONDS,
    };
    let name = format!("4/0A{}", uuid::Uuid::new_v4().simple());
    back.query_pairs_mut().append_pair("code", &name).append_pair("scope", &scopes.join(" "));
    google.codes().0.insert(name, code);
    Ok(Redirect::to(back.as_str()).into_response())
}

/// An installed app comes back to a loopback address with any port, a web server to https.
fn may_return(url: &Url) -> bool {
    match url.scheme() {
        "http" => matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")),
        "https" => url.host_str().is_some(),
        _ => false,
    }
}

fn challenge(query: &Query) -> Result<Option<(String, String)>, (&'static str, String)> {
    let Some(challenge) = query.get("code_challenge") else { return Ok(None) };
    let method = query.get("code_challenge_method").unwrap_or("plain");
    if !matches!(method, "plain" | "S256") {
        return Err(("invalid_request", format!("Invalid code_challenge_method: {method}")));
    }
    Ok(Some((challenge.to_owned(), method.to_owned())))
}

/// What the user left ticked. Who they are is not theirs to untick.
fn granted(query: &Query, asked: Vec<String>) -> Vec<String> {
    if query.raw("granted_scopes").is_none() {
        return asked;
    }
    let ticked: Vec<&str> = query.all("granted_scopes").flat_map(str::split_whitespace).collect();
    let kept = asked.into_iter().filter(|scope| is_identity(scope) || ticked.contains(&scope.as_str()));
    kept.collect()
}

/// Whether a scope only tells who the user is.
pub(super) fn is_identity(scope: &str) -> bool {
    matches!(scope, "openid" | "email" | "profile") || scope.starts_with("https://www.googleapis.com/auth/userinfo.")
}

/// Parameters that the page hands on.
const HANDED_ON: &[&str] = &[
    "access_type",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
];

fn ask(query: &Query, client: &str, scopes: &[String]) -> Response {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; meta name="viewport" content="width=device-width"; title { "Sandbox: allow access?" } }
            body {
                h1 { (client) " wants to access your Google account" }
                p { "This is the sandbox: no real account is touched." }
                form method="get" {
                    @for name in HANDED_ON {
                        @if let Some(value) = query.raw(name) { input type="hidden" name=(name) value=(value); }
                    }
                    input type="hidden" name="granted_scopes" value="";
                    @for scope in scopes.iter().filter(|scope| !is_identity(scope)) {
                        p { label { input type="checkbox" name="granted_scopes" value=(scope) checked; " " (scope) } }
                    }
                    label {
                        "You are "
                        input type="email" name="user" required autofocus placeholder="you@acme.example"
                            value=(query.get("login_hint").unwrap_or_default());
                    }
                    button { "Allow" }
                    button name="deny" value="1" formnovalidate { "Cancel" }
                }
            }
        }
    }
    .into_response()
}

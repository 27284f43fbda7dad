//! The pages behind a mailed link: who may open them, what uses a link up, and what they keep to themselves.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::fake::{CODE, LINK, STATE, now, started};
use super::routes::{TOKEN, declared, operator, public, send, text};
use crate::clock::SimulatedClock;
use crate::config;
use crate::status::{Door, Metrics, Refused, RefusedKind, Server};

const HOST: (&str, &str) = ("host", "status.acme.example");
const OWN: (&str, &str) = ("origin", "https://status.acme.example");

fn link() -> String {
    format!("/login/{LINK}")
}

fn done() -> String {
    format!("/login/done?state={STATE}&code={}", CODE.replace('+', "%2B"))
}

/// No other site and no cache learns the address, and nothing but our own style is in the page.
fn keeps_its_address(answer: &Response<Body>) {
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(matches!(answer.headers()["referrer-policy"].to_str(), Ok("no-referrer" | "same-origin")));
    let policy = answer.headers()["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.headers()["x-frame-options"], "DENY");
}

#[tokio::test]
async fn opening_a_link_shows_a_button_and_uses_nothing_up() {
    let operator = Arc::new(operator());
    let router = public(operator.clone(), Some(TOKEN));
    for _ in 0..2 {
        let answer = send(&router, "GET", &link(), &[HOST]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        keeps_its_address(&answer);
        // With `no-referrer` a browser would send `Origin: null` with the form; and Chromium judges where it leads to.
        assert_eq!(answer.headers()["referrer-policy"], "same-origin");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("form-action 'self' https:"), "{policy}");
        let page = text(answer).await;
        assert!(page.contains("carnetd asks for access to your contacts"), "{page}");
        assert!(page.contains(r#"<form class="login" method="post" action=""><button"#), "{page}");
        assert!(!page.contains("alice") && !page.contains(LINK) && !page.contains("<script"), "{page}");
    }
    assert!(operator.asked().is_empty());
}

#[tokio::test]
async fn its_button_leads_to_the_provider_once() {
    let operator = Arc::new(operator());
    let router = public(operator.clone(), Some(TOKEN));
    let answer = send(&router, "POST", &link(), &[HOST, OWN, ("sec-fetch-site", "same-origin")]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], started().url.as_str());
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    keeps_its_address(&answer);
    assert_eq!(operator.asked(), [format!("follow link {LINK} all")]);
}

#[tokio::test]
async fn only_a_page_of_ours_may_press_the_button() {
    let operator = Arc::new(operator());
    let router = public(operator.clone(), None);
    let strangers: [&[(&str, &str)]; 5] = [
        &[HOST],
        &[HOST, ("origin", "null")],
        &[HOST, ("origin", "https://evil.example")],
        &[HOST, OWN, ("sec-fetch-site", "cross-site")],
        &[HOST, ("sec-fetch-site", "same-origin")],
    ];
    for stranger in strangers {
        let answer = send(&router, "POST", &link(), stranger).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{stranger:?}");
    }
    let elsewhere = send(&router, "POST", &link(), &[("host", "evil.example"), OWN]).await;
    assert_eq!(elsewhere.status(), StatusCode::MISDIRECTED_REQUEST);
    assert!(operator.asked().is_empty());
}

#[tokio::test]
async fn every_link_looks_alike_and_a_dead_one_says_nothing() {
    let router = public(Arc::new(operator()), None);
    let (real, unknown) = (
        text(send(&router, "GET", &link(), &[HOST]).await).await,
        text(send(&router, "GET", "/login/x", &[HOST]).await).await,
    );
    assert_eq!(real, unknown);
    let answer = send(&router, "POST", "/login/x", &[HOST, OWN]).await;
    assert_eq!(answer.status(), StatusCode::GONE);
    keeps_its_address(&answer);
    let page = text(answer).await;
    assert!(page.contains("This link does not work") && !page.contains("alice"), "{page}");
}

#[tokio::test]
async fn the_browser_comes_back_and_is_told_in_words() {
    let operator = Arc::new(operator());
    let router = public(operator.clone(), Some(TOKEN));
    let answer = send(&router, "GET", &done(), &[HOST]).await;
    assert_eq!(
        (answer.status(), &answer.headers()["referrer-policy"]),
        (StatusCode::OK, &"no-referrer".parse().expect("a value"))
    );
    keeps_its_address(&answer);
    let page = text(answer).await;
    assert!(page.contains("That is done") && page.contains("close this window"), "{page}");
    assert!(!page.contains(CODE) && !page.contains(STATE) && !page.contains("alice"), "{page}");
    assert_eq!(operator.asked(), [format!("finish login {STATE} {CODE} all")]);

    let denied = send(&router, "GET", &format!("/login/done?error=access_denied&state={STATE}"), &[HOST]).await;
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);
    assert!(text(denied).await.contains("The login was refused"));
    for nothing in ["/login/done", "/login/done?code=x", "/login/done?state=x"] {
        assert_eq!(send(&router, "GET", nothing, &[HOST]).await.status(), StatusCode::BAD_REQUEST, "{nothing}");
    }
    assert_eq!(send(&router, "POST", "/login/done", &[HOST, OWN]).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(operator.asked().len(), 1, "only a whole answer is a login");
}

#[tokio::test]
async fn a_login_that_is_not_taken_keeps_its_reason_to_the_log() {
    let wrong = Refused::new(RefusedKind::NeedsLogin, "this is bob, not alice: check [google]");
    let cut = Refused::new(RefusedKind::NotReachable, "https://token.example does not answer");
    for (refused, status, said) in [
        (wrong, StatusCode::FORBIDDEN, "Ask whoever sent the link for a new one"),
        (cut, StatusCode::SERVICE_UNAVAILABLE, "cannot be reached at the moment"),
    ] {
        let mut operator = operator();
        operator.not_accepted = Some(refused);
        let answer = send(&public(Arc::new(operator), None), "GET", &done(), &[HOST]).await;
        assert_eq!(answer.status(), status);
        keeps_its_address(&answer);
        let page = text(answer).await;
        assert!(page.contains(said), "{page}");
        assert!(!["token.example", "bob", "alice", "[google]"].iter().any(|word| page.contains(word)), "{page}");
    }
}

#[tokio::test]
async fn without_a_public_address_there_are_no_links() {
    let operator = Arc::new(operator());
    for token in [None, Some(TOKEN)] {
        let declared = config::Status { public_url: None, ..declared() };
        let door = Door::new(&declared, token.map(secrecy::SecretString::from));
        let clock = Arc::new(SimulatedClock::new(now()));
        let router = Server::public(operator.clone(), Arc::new(Metrics::new()), clock, door).router();
        for (method, path) in [("GET", link()), ("POST", link()), ("GET", done())] {
            let answer = send(&router, method, &path, &[("origin", "http://127.0.0.1:8787")]).await;
            let expected = if token.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::NOT_FOUND };
            assert_eq!(answer.status(), expected, "{method} {path}");
        }
    }
    assert!(operator.asked().is_empty());
}

#[tokio::test]
async fn a_link_opens_nothing_else() {
    let router = public(Arc::new(operator()), Some(TOKEN));
    for path in ["/login/../metrics", "/login/x/y", "/login/", "/login/%2e%2e/metrics"] {
        let answer = send(&router, "GET", path, &[HOST]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

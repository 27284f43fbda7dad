//! Against a scripted authorization server on loopback.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::auth::tests::{Endpoint, Hurried, application, id_token, oauth};
use crate::auth::token::LoginErrorKind;

const MEND: &str = "run `carnetd login alice`";

fn redirect() -> Url {
    Url::parse("http://127.0.0.1:8123").expect("a URL")
}

fn cancel() -> CancellationToken {
    CancellationToken::new()
}

#[tokio::test]
async fn a_login_is_started_with_a_challenge_and_ended_with_its_proof() {
    let (server, clock) = (Endpoint::start().await, Hurried::new());
    let oauth = oauth(application(&server), &clock);
    let started = oauth.start(&redirect(), Some("alice@acme.example"));
    let url = Url::parse(started.url.expose_secret()).expect("a URL");
    let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(url.path(), "/auth");
    for (key, value) in [
        ("client_id", "ours"),
        ("redirect_uri", "http://127.0.0.1:8123/"),
        ("response_type", "code"),
        ("scope", "openid email contacts"),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("login_hint", "alice@acme.example"),
        ("code_challenge_method", "S256"),
        ("state", started.state.expose_secret()),
    ] {
        assert_eq!(query.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert!(started.state.expose_secret().len() >= 20);
    let again = oauth.start(&redirect(), None);
    assert_ne!(again.state.expose_secret(), started.state.expose_secret());

    server.say(
        200,
        json!({"access_token": "s3cret-access", "expires_in": 3599, "refresh_token": "s3cret-refresh",
        "scope": "openid contacts", "token_type": "Bearer", "id_token": id_token("alice@acme.example")}),
    );
    let grant = oauth.exchange(&started, "s3cret-code", &cancel()).await.expect("a grant");
    assert_eq!(oauth.address(&grant).as_deref(), Ok("alice@acme.example"));
    assert_eq!(grant.scopes, Some(vec!["openid".to_owned(), "contacts".to_owned()]));
    assert_eq!(grant.lifetime, Some(Duration::from_secs(3599)));

    let asked = server.asked().remove(0);
    let form = |key: &str| asked.form.get(key).cloned().unwrap_or_default();
    assert_eq!((asked.path.as_str(), asked.authorization.as_deref()), ("/token", None));
    assert_eq!(form("grant_type"), "authorization_code");
    assert_eq!((form("code").as_str(), form("redirect_uri").as_str()), ("s3cret-code", "http://127.0.0.1:8123/"));
    assert_eq!((form("client_id").as_str(), form("client_secret").as_str()), ("ours", "s3cret-client"));
    let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(form("code_verifier")));
    assert_eq!(query.get("code_challenge"), Some(&proof));
    let shown = format!("{started:?} {grant:?} {oauth:?}");
    for secret in ["s3cret", started.state.expose_secret(), &form("code_verifier"), "eyJ"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[tokio::test]
async fn a_server_of_the_other_habit_gets_basic_no_challenge_and_is_read_all_the_same() {
    let (server, clock) = (Endpoint::start().await, Hurried::new());
    let habit = Application { secret_in: SecretIn::Basic, pkce: false, scopes: Vec::new(), ..application(&server) };
    let oauth = oauth(habit, &clock);
    let started = oauth.start(&redirect(), None);
    assert!(!started.url.expose_secret().contains("code_challenge") && !started.url.expose_secret().contains("scope="));
    server.say(
        200,
        json!({"access_token": "a", "token_type": "Bearer", "expires_in": 3599, "refresh_token": "r",
        "scope": "base,contacts:full,users:read", "api_domain": "https://acme.pipedrive.com"}),
    );
    let grant = oauth.exchange(&started, "code", &cancel()).await.expect("a grant");
    assert_eq!(grant.scopes.as_deref(), Some(["base", "contacts:full", "users:read"].map(str::to_owned).as_slice()));
    assert_eq!(grant.api_root.as_deref(), Some("https://acme.pipedrive.com"));
    assert!(oauth.address(&grant).is_err());
    server.say(200, json!({}));
    oauth.revoke(&"r".into(), &cancel()).await.expect("given back");
    for asked in server.asked() {
        let basic = format!("Basic {}", STANDARD.encode("ours:s3cret-client"));
        assert_eq!(asked.authorization.as_deref(), Some(basic.as_str()));
        assert!(!asked.form.contains_key("client_secret") && !asked.form.contains_key("code_verifier"));
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do_and_holds_no_secret() {
    let (server, clock) = (Endpoint::start().await, Hurried::new());
    let oauth = oauth(application(&server), &clock);
    let needs = LoginErrorKind::NeedsLogin;
    let later = LoginErrorKind::Later { until: None };
    let skew = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
    for (status, error, description, kind, dead, part) in [
        (
            400,
            "invalid_grant",
            "Token s3cret-refresh-1 has been expired or revoked.",
            needs,
            true,
            "carnetd login alice",
        ),
        (400, "invalid_grant", skew, later, false, "clock"),
        (401, "invalid_client", "The OAuth client was not found.", needs, false, "client_secret_file"),
        (400, "admin_policy_enforced", "", needs, false, "administrator has to admit application ours"),
        (500, "internal_failure", "", later, false, "tried again by itself"),
        (400, "temporarily_unavailable", "", later, false, "tried again by itself"),
    ] {
        server.say(status, json!({"error": error, "error_description": description}));
        let failure = oauth.refresh(&"s3cret-refresh-1".into(), MEND, &cancel()).await.expect_err(error);
        let text = failure.error.to_string();
        assert_eq!((failure.error.kind, failure.dead), (kind, dead), "{text}");
        assert!(text.contains(part) && text.contains("google: POST") && text.contains(error), "{text}");
        assert!(!format!("{failure:?}{text}").contains("s3cret"), "{text}");
    }
    server.say(404, json!("<html>s3cret</html>"));
    let stranger = oauth.refresh(&"r".into(), MEND, &cancel()).await.expect_err("a page");
    assert!(stranger.error.kind == later && stranger.error.message.contains("check the URLs in [google]"));
    server.say(200, json!({"token": "s3cret"}));
    let shapeless = oauth.refresh(&"r".into(), MEND, &cancel()).await.expect_err("no token in it");
    assert!(shapeless.error.kind == later && !format!("{shapeless:?}").contains("s3cret"), "{shapeless:?}");

    server.say(400, json!({"error": "invalid_grant", "error_description": "Bad Request"}));
    let again = oauth.exchange(&oauth.start(&redirect(), None), "code", &cancel()).await.expect_err("used before");
    assert!(again.message.contains("the code was used before") && again.message.contains("start the login again"));
}

#[tokio::test]
async fn a_credential_follows_no_redirect() {
    let (server, elsewhere, clock) = (Endpoint::start().await, Endpoint::start().await, Hurried::new());
    let oauth = oauth(application(&server), &clock);
    for status in [302, 307, 308] {
        server.say(status, json!(elsewhere.root.join("/token").expect("a URL").as_str()));
        assert!(oauth.refresh(&"r".into(), MEND, &cancel()).await.is_err());
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_named_by_its_key() {
    let (server, clock) = (Endpoint::start().await, Hurried::new());
    let mut application = application(&server);
    let source = crate::auth::secret::SecretSource::File("/nowhere/client.secret".into());
    application.client_secret = Some(SecretPlace { source, credentials: None });
    let oauth = oauth(application, &clock);
    let failure = oauth.refresh(&"r".into(), MEND, &cancel()).await.expect_err("no secret");
    assert!(failure.error.message.starts_with("[google] client_secret: cannot read the secret file /nowhere"));
    assert!(server.asked().is_empty());
}

//! Consent, tokens and their deaths, service accounts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::{ALICE, World, refused};
use crate::sandbox::pipedrive::tests::Got;

const CONTACTS: &str = "https://www.googleapis.com/auth/contacts";
const READONLY: &str = "https://www.googleapis.com/auth/contacts.readonly";
const BACK: &str = "http://127.0.0.1:4711/";
const VERIFIER: &str = "abcdefghijklmnopqrstuvwxyz-0123456789._~ABC";

/// Opens the consent page with these parameters, the usual ones below them; gives the answer.
async fn authorize(world: &World, more: &[(&str, &str)]) -> Got {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let usual = [
        ("client_id", "app"),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", CONTACTS),
        ("state", "s1"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let usual = usual.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(usual).extend_pairs(more).finish();
    world.shared.call("GET", &format!("/google/o/oauth2/v2/auth?{query}"), Value::Null).await
}

fn returned(got: &Got) -> Url {
    Url::parse(got.headers["location"].to_str().unwrap()).unwrap()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// A code for `user`.
async fn code(world: &World, more: &[(&str, &str)]) -> String {
    let mut all = vec![("user", ALICE)];
    all.extend(more);
    parameter(&returned(&authorize(world, &all).await), "code").unwrap()
}

async fn exchange(world: &World, code: &str, more: &[(&str, &str)]) -> Got {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", "app"),
        ("client_secret", "shh"),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let mut form: Vec<(&str, &str)> =
        usual.into_iter().filter(|(name, _)| !more.iter().any(|it| it.0 == *name)).collect();
    form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    world.form("/token", &form).await
}

async fn login(world: &World, more: &[(&str, &str)]) -> Value {
    let code = code(world, more).await;
    let got = exchange(world, &code, &[]).await;
    assert_eq!(got.status, 200, "{}", got.text);
    got.body
}

async fn refresh(world: &World, token: &Value) -> Got {
    let token = token["refresh_token"].as_str().unwrap();
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "app"), ("client_secret", "shh")];
    world.form("/token", &form).await
}

fn denied(got: &Got, status: u16, error: &str, description: &str) {
    assert_eq!((got.status, &got.body["error"]), (status, &json!(error)), "{}", got.text);
    assert!(got.body["error_description"].as_str().unwrap().contains(description), "{}", got.text);
}

const DEAD: &str = "Token has been expired or revoked.";

#[tokio::test]
async fn a_user_lets_a_program_in() {
    let mut world = World::new().await;
    let page = authorize(&world, &[("login_hint", ALICE)]).await;
    assert!(page.text.contains("<form") && page.text.contains(ALICE) && page.text.contains(CONTACTS));
    let back = returned(&authorize(&world, &[("user", ALICE)]).await);
    assert_eq!(parameter(&back, "state").as_deref(), Some("s1"));
    assert_eq!(parameter(&back, "scope").as_deref(), Some(CONTACTS));
    let code = parameter(&back, "code").unwrap();
    let got = exchange(&world, &code, &[]).await.body;
    assert_eq!(
        (&got["token_type"], &got["expires_in"], &got["scope"]),
        (&json!("Bearer"), &json!(3599), &json!(CONTACTS))
    );
    assert!(got.get("id_token").is_none() && got.get("refresh_token_expires_in").is_none());
    denied(&exchange(&world, &code, &[]).await, 400, "invalid_grant", "Bad Request");
    world.token = got["access_token"].as_str().unwrap().to_owned();
    world.named("Ada").await;
    world.pass(3599);
    refused(&world.list("").await, 401, "UNAUTHENTICATED", "invalid authentication credentials");
    let again = refresh(&world, &got).await.body;
    assert!(again.get("refresh_token").is_none());
    world.token = again["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.list("").await.body["totalItems"], 1);
    world.set(json!({"expire_access_tokens": true})).await;
    assert_eq!(world.list("").await.status, 401);
}

#[tokio::test]
async fn a_code_is_bound_to_everything_it_was_asked_with() {
    let world = World::new().await;
    for (wrong, status, error, words) in [
        (("code_verifier", "abcdefghijklmnopqrstuvwxyz-0123456789._~ABD"), 400, "invalid_grant", "Bad Request"),
        (("code_verifier", ""), 400, "invalid_grant", "Bad Request"),
        (("redirect_uri", "http://127.0.0.1:4712/"), 400, "invalid_grant", "Bad Request"),
        (("client_id", "other"), 400, "invalid_grant", "Bad Request"),
        (("client_secret", ""), 400, "invalid_request", "client_secret is missing."),
        (("grant_type", "password"), 400, "unsupported_grant_type", "password"),
    ] {
        let code = code(&world, &[]).await;
        denied(&exchange(&world, &code, &[wrong]).await, status, error, words);
    }
    let late = code(&world, &[]).await;
    world.pass(600);
    denied(&exchange(&world, &late, &[]).await, 400, "invalid_grant", "Bad Request");
    world.set(json!({"oauth_clients": {"app": "right"}})).await;
    let code = code(&world, &[]).await;
    denied(&exchange(&world, &code, &[]).await, 401, "invalid_client", "secret");
    denied(
        &exchange(&world, &code, &[("client_id", "x")]).await,
        401,
        "invalid_client",
        "The OAuth client was not found.",
    );
}

#[tokio::test]
async fn a_no_and_a_wrong_request_go_different_ways() {
    let world = World::new().await;
    let no = returned(&authorize(&world, &[("deny", "1")]).await);
    assert_eq!(parameter(&no, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&no, "state").as_deref(), Some("s1"));
    for wrong in [
        ("redirect_uri", "http://acme.example/"),
        ("redirect_uri", "urn:ietf:wg:oauth:2.0:oob"),
        ("response_type", "token"),
        ("scope", ""),
        ("code_challenge_method", "S512"),
    ] {
        let got = authorize(&world, &[wrong, ("user", ALICE)]).await;
        assert_eq!((got.status, got.headers.get("location")), (400, None), "{wrong:?} is not sent back");
    }
}

#[tokio::test]
async fn scopes_can_be_left_out_and_calls_need_them() {
    let mut world = World::new().await;
    let got = login(&world, &[("scope", &format!("openid email {CONTACTS}")), ("granted_scopes", "")]).await;
    assert_eq!(got["scope"], "openid email");
    world.token = got["access_token"].as_str().unwrap().to_owned();
    let list = world.list("").await;
    refused(&list, 403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.");
    assert_eq!(list.body["error"]["details"][0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    let got = login(&world, &[("scope", &format!("{CONTACTS} {READONLY}")), ("granted_scopes", READONLY)]).await;
    world.token = got["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.list("").await.status, 200);
    assert_eq!(world.post("/v1/people:createContact", json!({})).await.status, 403);
}

#[tokio::test]
async fn an_id_token_says_who_logged_in() {
    let world = World::new().await;
    let got = login(&world, &[("scope", "openid email"), ("user", "Bob@acme.example"), ("login_hint", ALICE)]).await;
    let parts: Vec<&str> = got["id_token"].as_str().unwrap().split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("bob@acme.example"), &json!(true)));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://accounts.google.com"), &json!("app")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    assert!(claims["sub"].as_str().unwrap().chars().all(|digit| digit.is_ascii_digit()));
    assert_eq!(URL_SAFE_NO_PAD.decode(parts[2]).unwrap().len(), 256);
}

#[tokio::test]
async fn refresh_tokens_die_of_revocation_testing_and_number() {
    let mut world = World::new().await;
    let (one, other) = (login(&world, &[]).await, login(&world, &[]).await);
    world.token = one["access_token"].as_str().unwrap().to_owned();
    let token = other["refresh_token"].as_str().unwrap();
    assert_eq!(world.form(&format!("/revoke?token={token}"), &[]).await.status, 200);
    denied(&refresh(&world, &one).await, 400, "invalid_grant", DEAD);
    assert_eq!(world.list("").await.status, 401, "all grants of the user die, with their access tokens");
    assert_eq!(world.form("/revoke", &[("token", token)]).await.status, 400);

    world.set(json!({"testing": true})).await;
    let tested = login(&world, &[]).await;
    assert_eq!(tested["refresh_token_expires_in"], 604_800);
    world.set(json!({"testing": false})).await;
    world.pass(604_799);
    assert_eq!(refresh(&world, &tested).await.status, 200);
    world.pass(1);
    denied(&refresh(&world, &tested).await, 400, "invalid_grant", DEAD);

    let first = login(&world, &[]).await;
    for _ in 0..100 {
        assert_eq!(refresh(&world, &first).await.status, 200);
        login(&world, &[]).await;
    }
    denied(&refresh(&world, &first).await, 400, "invalid_grant", DEAD);
    let last = login(&world, &[]).await;
    world.set(json!({"revoke": {"user": ALICE}})).await;
    denied(&refresh(&world, &last).await, 400, "invalid_grant", DEAD);
}

#[tokio::test]
async fn a_web_server_gets_a_refresh_token_when_it_asks_for_one() {
    let world = World::new().await;
    let back = "https://contacts.acme.example/login";
    let got = async |more: &[(&str, &str)]| {
        let mut all = vec![("redirect_uri", back)];
        all.extend(more);
        let code = code(&world, &all).await;
        exchange(&world, &code, &[("redirect_uri", back)]).await.body.get("refresh_token").is_some()
    };
    assert!(!got(&[]).await);
    assert!(got(&[("access_type", "offline")]).await);
    assert!(!got(&[("access_type", "offline")]).await, "consent was given already");
    assert!(got(&[("access_type", "offline"), ("prompt", "consent")]).await);
}

const ACCOUNT: &str = "carnetd@project.iam.gserviceaccount.example";
const NOW: i64 = 1_795_521_600;

fn assertion(more: &Value) -> String {
    let mut claims = json!({
        "iss": ACCOUNT, "sub": "bob@acme.example", "scope": CONTACTS, "aud": "https://oauth2.googleapis.com/token",
        "iat": NOW, "exp": NOW + 3600,
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(include_bytes!("service-account.pem")).unwrap();
    jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256), &claims, &key).unwrap()
}

async fn bearer(world: &World, assertion: &str) -> Got {
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    world.form("/token", &[("grant_type", grant), ("assertion", assertion)]).await
}

#[tokio::test]
async fn a_service_account_acts_for_a_user() {
    let mut world = World::new().await;
    let key = include_str!("service-account.pub.pem");
    world.set(json!({"service_accounts": {ACCOUNT: key}, "delegated_domains": ["acme.example"]})).await;
    let got = bearer(&world, &assertion(&json!({"aud": "http://box/google/token"}))).await;
    assert_eq!((got.status, &got.body["expires_in"]), (200, &json!(3599)), "{}", got.text);
    assert!(got.body.get("refresh_token").is_none());
    world.token = got.body["access_token"].as_str().unwrap().to_owned();
    let ada = world.named("Ada").await;
    world.token = "sandbox:bob@acme.example".to_owned();
    assert_eq!(world.read(&ada).await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_with_an_assertion_is_said() {
    let world = World::new().await;
    let key = include_str!("service-account.pub.pem");
    world
        .set(json!({
            "service_accounts": {ACCOUNT: key}, "delegated_domains": ["acme.example"],
            "delegated_scopes": [CONTACTS], "unknown_users": ["ghost@acme.example"],
        }))
        .await;
    let clock = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
    let good = assertion(&json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    for (assertion, status, error, words) in [
        (format!("{signed}.AAAA"), 400, "invalid_grant", "Invalid JWT Signature."),
        ("nonsense".to_owned(), 400, "invalid_grant", "Invalid JWT"),
        (assertion(&json!({"iss": "other@x.example"})), 400, "invalid_grant", "Invalid grant: account not found"),
        (assertion(&json!({"aud": "https://acme.example"})), 400, "invalid_grant", "audience"),
        (assertion(&json!({"iat": NOW + 301})), 400, "invalid_grant", clock),
        (assertion(&json!({"exp": NOW})), 400, "invalid_grant", clock),
        (assertion(&json!({"exp": NOW + 3601})), 400, "invalid_grant", clock),
        (assertion(&json!({"scope": ""})), 400, "invalid_scope", ""),
        (assertion(&json!({"sub": "eve@other.example"})), 401, "unauthorized_client", "Client is unauthorized"),
        (assertion(&json!({"scope": READONLY})), 401, "unauthorized_client", "not authorized for any of the scopes"),
        (assertion(&json!({"sub": "ghost@acme.example"})), 400, "invalid_grant", "Invalid email or User ID"),
        (assertion(&json!({"sub": "ghost"})), 400, "invalid_grant", "Invalid email or User ID"),
    ] {
        denied(&bearer(&world, &assertion).await, status, error, words);
    }
    assert_eq!(bearer(&world, &good).await.status, 200);
    world.set(json!({"service_accounts": {}})).await;
    assert_eq!(bearer(&world, &format!("{signed}.AAAA")).await.status, 200, "any well-formed one is taken");
}

#[tokio::test]
async fn faults_of_the_token_endpoint_look_like_its_refusals() {
    let world = World::new().await;
    let got = login(&world, &[]).await;
    for (status, error) in [(500, "internal_failure"), (503, "temporarily_unavailable"), (400, "invalid_grant")] {
        let faults = json!({"status": status, "only": "POST /google/token", "times": 1});
        world.shared.call("POST", "/_faults", faults).await;
        denied(&refresh(&world, &got).await, status, error, "");
    }
    assert_eq!(refresh(&world, &got).await.status, 200);
}

#[tokio::test]
async fn grants_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = crate::sandbox::tests::state(folder.path());
    let got = {
        let world = World::over(crate::sandbox::pipedrive::tests::World::open(path.clone()).unwrap());
        login(&world, &[]).await
    };
    let mut world = World::over(crate::sandbox::pipedrive::tests::World::open(path).unwrap());
    assert_eq!(refresh(&world, &got).await.status, 200);
    world.token = got["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.list("").await.status, 200);
}

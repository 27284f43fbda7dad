//! A key that acts for a whole domain.

use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::auth::renewal::Renew;
use crate::auth::service_account::{Declared, Delegated, ServiceAccount};
use crate::auth::token::{LoginError, LoginErrorKind};

fn key_pair() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).expect("a key")
}

fn write_key(path: &Path, pair: &KeyPair) {
    let der: Pkcs8V1Der<'_> = pair.as_der().expect("PKCS#8");
    let body = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let file = json!({"type": "service_account", "client_email": "sync@acme.iam.gserviceaccount.com",
        "client_id": "104", "private_key_id": "k1", "private_key": pem, "token_uri": "https://evil.example/token"});
    std::fs::write(path, file.to_string()).expect("written");
}

fn account(server: &Endpoint, path: &Path) -> Arc<ServiceAccount> {
    let clock = Hurried::new();
    let declared = Declared {
        service: "google",
        declared_in: "[google]".to_owned(),
        key: SecretPlace { source: SecretSource::File(path.to_owned()), credentials: None },
        token_url: server.root.join("/token").unwrap(),
        scope: "contacts",
    };
    Arc::new(ServiceAccount::new(declared, client(&clock), shared(&clock)))
}

async fn token(account: &Arc<ServiceAccount>, user: &str) -> Result<String, LoginError> {
    let delegated = Delegated::new(Arc::clone(account), user.to_owned());
    delegated.renew(&CancellationToken::new()).await.map(|access| access.token.expose_secret().to_owned())
}

#[tokio::test]
async fn an_assertion_names_the_user_and_one_key_serves_all() {
    let (server, directory, pair) = (Endpoint::start().await, tempfile::tempdir().unwrap(), key_pair());
    let path = directory.path().join("key.json");
    write_key(&path, &pair);
    let account = account(&server, &path);
    for user in ["alice@acme.example", "bob@acme.example"] {
        server.say(200, json!({"access_token": user, "expires_in": 3599, "token_type": "Bearer"}));
        assert_eq!(token(&account, user).await.as_deref(), Ok(user));
        // Read once: it is not there any more for the second.
        let _ = std::fs::remove_file(&path);
    }
    for (asked, user) in server.asked().iter().zip(["alice@acme.example", "bob@acme.example"]) {
        assert_eq!(asked.form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let assertion = &asked.form["assertion"];
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).expect("our signature");
        let part = |at: usize| -> Value {
            let part = assertion.split('.').nth(at).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(part(0), json!({"typ": "JWT", "alg": "RS256", "kid": "k1"}));
        let now = NOW.0 / 1000;
        let audience = server.root.join("/token").unwrap();
        assert_eq!(
            part(1),
            json!({"iss": "sync@acme.iam.gserviceaccount.com", "sub": user, "scope": "contacts",
            "aud": audience.as_str(), "iat": now, "exp": now + 3600})
        );
    }
}

#[tokio::test]
async fn a_refusal_tells_the_administrator_what_to_authorise() {
    let (server, directory) = (Endpoint::start().await, tempfile::tempdir().unwrap());
    let path = directory.path().join("key.json");
    write_key(&path, &key_pair());
    let account = account(&server, &path);
    server.say(401, json!({"error": "unauthorized_client", "error_description": "Client is unauthorized …"}));
    let error = token(&account, "alice@acme.example").await.unwrap_err();
    assert_eq!(error.kind, LoginErrorKind::NeedsLogin);
    assert!(error.message.contains("authorise client id 104 with exactly the scope contacts"), "{error}");
    server.say(
        400,
        json!({"error": "invalid_grant", "error_description": "Invalid JWT: Token must be a short-lived \
        token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}),
    );
    let error = token(&account, "alice@acme.example").await.unwrap_err();
    assert_eq!(error.kind, LoginErrorKind::Later { until: None });
    assert!(error.message.contains("clock"), "{error}");

    // A key that was rotated: the refused one is forgotten, the next attempt reads the file.
    server.say(400, json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}));
    assert!(token(&account, "alice@acme.example").await.is_err());
    std::fs::write(&path, "{}").expect("written");
    let error = token(&account, "alice@acme.example").await.unwrap_err();
    assert!(error.message.contains("is no JSON key"), "{error}");
    assert!(!format!("{account:?} {error:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn what_is_no_key_is_said_without_its_content() {
    let (server, directory) = (Endpoint::start().await, tempfile::tempdir().unwrap());
    let path = directory.path().join("key.json");
    let account = account(&server, &path);
    let pem = "-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----\n";
    for (text, part) in [
        ("s3cret".to_owned(), "is no JSON key"),
        (json!({"installed": {"client_secret": "s3cret"}}).to_string(), "is no JSON key"),
        (
            json!({"type": "authorized_user", "client_email": "x", "private_key": "s3cret"}).to_string(),
            "something else than a service account",
        ),
        (json!({"type": "service_account", "client_email": "x", "private_key": "s3cret"}).to_string(), "no RSA key"),
        (json!({"type": "service_account", "client_email": "x", "private_key": pem}).to_string(), "service_account"),
    ] {
        std::fs::write(&path, &text).expect("written");
        let error = token(&account, "alice@acme.example").await.unwrap_err();
        assert_eq!(error.kind, LoginErrorKind::NeedsLogin);
        assert!(error.message.contains(part) && error.message.contains("[google]"), "{error}");
        assert!(!error.message.contains("s3cret"), "{error}");
    }
    assert!(server.asked().is_empty());
}

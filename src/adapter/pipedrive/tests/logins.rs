//! Access tokens instead of an API token: what is refused is renewed once, and nothing is written twice.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::*;
use crate::auth::token::{LoginError, LoginErrorKind, TokenSource};

/// Gives the tokens of a list; the next one each time that one is refused.
#[derive(Debug)]
struct Listed(Mutex<(Vec<&'static str>, Vec<String>)>);

#[async_trait]
impl TokenSource for Listed {
    async fn token(
        &self,
        refused: Option<&SecretString>,
        _cancel: &CancellationToken,
    ) -> Result<SecretString, LoginError> {
        let (tokens, heard) = &mut *self.0.lock().expect("nobody panics while holding it");
        if let Some(refused) = refused {
            heard.push(refused.expose_secret().to_owned());
            if tokens.first().is_some_and(|token| *token == refused.expose_secret()) {
                tokens.remove(0);
            }
        }
        let dead = || LoginError::new(LoginErrorKind::NeedsLogin, "run `carnetd login --pipedrive`");
        tokens.first().map(|token| (*token).into()).ok_or_else(dead)
    }
}

const GOOD: &str = "sandbox:admin@acme.example";

fn listed(tokens: &[&'static str]) -> Arc<Listed> {
    Arc::new(Listed(Mutex::new((tokens.to_vec(), Vec::new()))))
}

fn with(world: &World, tokens: &Arc<Listed>) -> Settings {
    Settings { token: Credential::Bearer(Arc::clone(tokens) as _), ..world.settings() }
}

#[tokio::test]
async fn a_refused_access_token_is_renewed_and_the_write_is_done_once() {
    let world = World::new().await;
    let tokens = listed(&[GOOD]);
    let company = world.connect(with(&world, &tokens)).await.expect("the login is fine");
    let book = company.book(UserId(1), 3, None);
    // It dies between two calls.
    *tokens.0.lock().expect("free") = (vec!["stale", GOOD], Vec::new());
    now(write(&book, create(contact("Anna", "anna@acme.example"))).await);
    assert_eq!(tokens.0.lock().expect("free").1, ["stale"], "one refusal was heard of");
    let persons = world.colleague(Method::GET, "v2/persons?limit=500", Value::Null).await;
    assert_eq!(persons.as_array().map(Vec::len), Some(1));
    assert!(!format!("{:?}", with(&world, &tokens).token).contains("sandbox"));
}

#[tokio::test]
async fn a_login_whose_new_token_is_refused_as_well_is_dead() {
    let world = World::new().await;
    let tokens = listed(&["stale", "staler", GOOD]);
    // The third would do, but whoever is refused twice does not ask for ever.
    let error = world.connect(with(&world, &tokens)).await.expect_err("refused twice");
    assert_eq!(error.kind, Kind::Login);
    assert!(error.message.contains("`carnetd login --pipedrive`") && !error.message.contains("stale"), "{error}");
    assert_eq!(tokens.0.lock().expect("free").1, ["stale", "staler"]);
    let none = world.connect(with(&world, &listed(&[]))).await.expect_err("nobody logged in");
    assert_eq!((none.kind, none.message.as_str()), (Kind::Login, "run `carnetd login --pipedrive`"));
}

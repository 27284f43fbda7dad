//! What is kept of a renewal, and in which order.

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::auth::login::{Bound, Keep, Login};
use crate::auth::renewal::Renew;
use crate::auth::token::{LoginError, LoginErrorKind};
use crate::auth::user::{UserLogin, api_root};

/// A keeper in memory that can be told to fail or to wait.
#[derive(Debug, Clone)]
struct Shelf {
    login: Arc<Mutex<Option<Login>>>,
    fails: Arc<Mutex<bool>>,
    open: watch::Sender<bool>,
}

#[async_trait::async_trait]
impl Keep for Shelf {
    async fn load(&self) -> Result<Option<Login>, LoginError> {
        Ok(self.login.lock().unwrap().clone())
    }

    async fn replace(&self, renewed: &Login) -> Result<bool, LoginError> {
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        if *self.fails.lock().unwrap() {
            return Err(LoginError::new(LoginErrorKind::Later { until: None }, "the disk is full"));
        }
        let mut login = self.login.lock().unwrap();
        let same = login.as_ref().is_some_and(|login| login.id == renewed.id);
        if same {
            *login = Some(renewed.clone());
        }
        Ok(same)
    }
}

impl Shelf {
    fn refresh_token(&self) -> String {
        self.login.lock().unwrap().as_ref().unwrap().refresh_token.expose_secret().to_owned()
    }

    fn put(&self, id: &str, refresh: &str) {
        *self.login.lock().unwrap() = Some(Login { id: id.to_owned(), refresh_token: refresh.into(), ..login() });
    }
}

fn bound() -> Bound {
    Bound {
        provider: "google".to_owned(),
        address: "alice@acme.example".to_owned(),
        connection: "google".to_owned(),
        client_id: "ours".to_owned(),
    }
}

fn login() -> Login {
    Login { id: "1".to_owned(), bound: bound(), refresh_token: "r1".into(), scopes: None, api_root: None }
}

async fn world() -> (Endpoint, Shelf, Arc<UserLogin>) {
    let (server, clock) = (Endpoint::start().await, Hurried::new());
    let open = watch::Sender::new(true);
    let shelf = Shelf { login: Arc::new(Mutex::new(Some(login()))), fails: Arc::default(), open };
    let oauth = Arc::new(oauth(application(&server), &clock));
    let mend = "run `carnetd login alice`".to_owned();
    (server, shelf.clone(), Arc::new(UserLogin::new(oauth, Box::new(shelf), bound(), mend)))
}

async fn renew(user: &UserLogin) -> Result<String, LoginError> {
    user.renew(&CancellationToken::new()).await.map(|access| access.token.expose_secret().to_owned())
}

fn tokens(access: &str, refresh: Option<&str>) -> Value {
    json!({"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600})
}

#[tokio::test]
async fn a_rotated_refresh_token_is_kept_before_the_access_token_is_given() {
    let (server, shelf, user) = world().await;
    server.say(200, tokens("a1", Some("r2")));
    shelf.open.send_replace(false);
    let renewing = tokio::spawn({
        let user = Arc::clone(&user);
        async move { renew(&user).await }
    });
    server.arrived(1).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!renewing.is_finished(), "not before it is kept");
    shelf.open.send_replace(true);
    assert_eq!(renewing.await.unwrap().as_deref(), Ok("a1"));
    assert_eq!(shelf.refresh_token(), "r2");
    server.say(200, tokens("a2", None));
    assert_eq!(renew(&user).await.as_deref(), Ok("a2"));
    assert_eq!(server.asked()[1].form["refresh_token"], "r2");
    assert_eq!(shelf.refresh_token(), "r2", "without a new one the old one stays");
}

#[tokio::test]
async fn a_rotated_token_that_cannot_be_kept_is_not_lost() {
    let (server, shelf, user) = world().await;
    *shelf.fails.lock().unwrap() = true;
    server.say(200, tokens("a1", Some("r2")));
    assert_eq!(renew(&user).await.unwrap_err().message, "the disk is full");
    assert_eq!(renew(&user).await.unwrap_err().message, "the disk is full");
    assert_eq!(server.asked().len(), 1, "nothing is asked before it is kept");
    *shelf.fails.lock().unwrap() = false;
    server.say(200, tokens("a2", Some("r3")));
    assert_eq!(renew(&user).await.as_deref(), Ok("a2"));
    assert_eq!(server.asked()[1].form["refresh_token"], "r2");
    assert_eq!(shelf.refresh_token(), "r3");
}

#[tokio::test]
async fn a_new_login_is_not_overwritten_by_the_old_ones_renewal() {
    let (server, shelf, user) = world().await;
    server.say(200, tokens("a1", Some("r2")));
    shelf.open.send_replace(false);
    let renewing = tokio::spawn({
        let user = Arc::clone(&user);
        async move { renew(&user).await }
    });
    server.arrived(1).await;
    shelf.put("2", "fresh");
    shelf.open.send_replace(true);
    assert_eq!(renewing.await.unwrap().unwrap_err().kind, LoginErrorKind::Later { until: None });
    assert_eq!(shelf.refresh_token(), "fresh");
    server.say(200, tokens("a2", None));
    assert_eq!(renew(&user).await.as_deref(), Ok("a2"));
    assert_eq!(server.asked()[1].form["refresh_token"], "fresh");
}

#[tokio::test]
async fn a_dead_login_is_not_asked_about_again_until_somebody_logs_in() {
    let (server, shelf, user) = world().await;
    server.say(400, json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}));
    let dead = renew(&user).await.unwrap_err();
    assert!(dead.kind == LoginErrorKind::NeedsLogin && dead.message.contains("`carnetd login alice`"), "{dead}");
    assert_eq!(renew(&user).await.unwrap_err(), dead);
    assert_eq!(server.asked().len(), 1);
    assert_eq!(shelf.refresh_token(), "r1", "nothing is deleted");
    shelf.put("2", "fresh");
    server.say(200, tokens("a2", None));
    assert_eq!(renew(&user).await.as_deref(), Ok("a2"));
}

#[tokio::test]
async fn no_login_and_one_for_something_else_ask_for_one() {
    let (server, shelf, user) = world().await;
    for (change, part) in [
        (Bound { address: "bob@acme.example".to_owned(), ..bound() }, "address \"bob@acme.example\""),
        (Bound { client_id: "theirs".to_owned(), ..bound() }, "client_id \"theirs\""),
        (Bound { connection: "eu".to_owned(), ..bound() }, "connection \"eu\""),
    ] {
        *shelf.login.lock().unwrap() = Some(Login { bound: change, ..login() });
        let error = renew(&user).await.unwrap_err();
        assert_eq!(error.kind, LoginErrorKind::NeedsLogin);
        assert!(error.message.contains(part) && error.message.contains("`carnetd login alice`"), "{error}");
    }
    *shelf.login.lock().unwrap() = None;
    let none = renew(&user).await.unwrap_err();
    assert_eq!(none.message, "nobody has logged in yet: run `carnetd login alice`");
    assert!(server.asked().is_empty());
}

#[test]
fn a_login_survives_being_written_and_shows_no_token() {
    let login = Login {
        refresh_token: "1//\"r\\é".into(),
        scopes: Some(vec!["contacts".to_owned()]),
        api_root: api_root("https://acme.pipedrive.com"),
        ..login()
    };
    let read = Login::from_bytes(&login.to_bytes()).expect("read");
    assert_eq!(read.refresh_token.expose_secret(), "1//\"r\\é");
    assert_eq!(format!("{read:?}"), format!("{login:?}"));
    assert!(!format!("{login:?}").contains("1//"));
    assert!(Login::from_bytes(b"{}").is_none());
    for unsafe_root in ["http://acme.pipedrive.com", "https://a:b@acme.example", "file:///x", "acme"] {
        assert_eq!(api_root(unsafe_root), None, "{unsafe_root}");
    }
    assert!(api_root("http://127.0.0.1:8700/pipedrive").is_some());
}

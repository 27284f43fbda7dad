//! One renewal for everybody, and what a refusal leads to.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::auth::renewal::{Access, Renew, Source};
use crate::auth::token::{LoginError, LoginErrorKind, TokenSource};

/// Gives `t1`, `t2` and so on, once it is let.
#[derive(Debug)]
struct Counter {
    count: Arc<AtomicU32>,
    open: watch::Receiver<bool>,
    panics: bool,
}

#[async_trait]
impl Renew for Counter {
    async fn renew(&self, _cancel: &CancellationToken) -> Result<Access, LoginError> {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        self.open.clone().wait_for(|open| *open).await.unwrap();
        assert!(!self.panics || number > 1, "the first one panics");
        Ok(Access { token: format!("t{number}").into(), lifetime: Some(Duration::from_hours(1)) })
    }

    fn mend(&self) -> String {
        "run `carnetd login alice`".to_owned()
    }
}

struct World {
    source: Arc<Source>,
    count: Arc<AtomicU32>,
    gate: watch::Sender<bool>,
    clock: Hurried,
}

impl World {
    fn new(panics: bool) -> Self {
        let (count, gate, clock) = (Arc::default(), watch::Sender::new(true), Hurried::new());
        let renew = Counter { count: Arc::clone(&count), open: gate.subscribe(), panics };
        let source = Source::new(Box::new(renew), shared(&clock), CancellationToken::new());
        Self { source: Arc::new(source), count, gate, clock }
    }

    async fn token(&self, refused: Option<&str>) -> Result<String, LoginError> {
        let refused = refused.map(SecretString::from);
        let token = self.source.token(refused.as_ref(), &CancellationToken::new()).await;
        token.map(|token| token.expose_secret().to_owned())
    }

    fn count(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_token_is_used_until_a_minute_before_its_end() {
    let world = World::new(false);
    assert_eq!(world.token(None).await.as_deref(), Ok("t1"));
    world.clock.advance(Duration::from_mins(59) - Duration::from_millis(1));
    assert_eq!(world.token(None).await.as_deref(), Ok("t1"));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.token(None).await.as_deref(), Ok("t2"));
    assert_eq!(world.count(), 2);
    assert!(!format!("{:?}", world.source).contains("t2"));
}

#[tokio::test]
async fn all_who_wait_share_one_renewal_though_one_of_them_goes_away() {
    let world = World::new(false);
    world.gate.send_replace(false);
    let wait = |cancel: CancellationToken| {
        let source = Arc::clone(&world.source);
        tokio::spawn(async move { source.token(None, &cancel).await.map(|token| token.expose_secret().to_owned()) })
    };
    let gone = CancellationToken::new();
    let first = wait(gone.clone());
    let others: Vec<_> = (0..100).map(|_| wait(CancellationToken::new())).collect();
    let aborted = wait(CancellationToken::new());
    while world.count() == 0 {
        tokio::task::yield_now().await;
    }
    gone.cancel();
    assert_eq!(first.await.unwrap().unwrap_err().kind, LoginErrorKind::Cancelled);
    aborted.abort();
    world.gate.send_replace(true);
    for other in others {
        assert_eq!(other.await.unwrap().as_deref(), Ok("t1"));
    }
    assert_eq!(world.count(), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_then_a_human_is_asked() {
    let world = World::new(false);
    assert_eq!(world.token(None).await.as_deref(), Ok("t1"));
    // Many hear the same refusal; it leads to one renewal.
    for _ in 0..5 {
        assert_eq!(world.token(Some("t1")).await.as_deref(), Ok("t2"));
    }
    assert_eq!(world.count(), 2);
    let error = world.token(Some("t2")).await.unwrap_err();
    assert_eq!(error.kind, LoginErrorKind::NeedsLogin);
    assert!(error.message.contains("carnetd login alice") && !error.message.contains("t2"), "{error}");
    assert_eq!(world.count(), 2, "nobody asks for ever");
    // The next pass tries anew: what was refused may have been mended at the service.
    assert_eq!(world.token(None).await.as_deref(), Ok("t3"));
    // A token that was good for a while and is then refused is renewed like any other.
    world.clock.advance(Duration::from_mins(30));
    assert_eq!(world.token(Some("t3")).await.as_deref(), Ok("t4"));
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(world.token(Some("t4")).await.as_deref(), Ok("t5"));
}

#[tokio::test]
async fn what_an_older_login_brings_does_not_replace_a_newer_one() {
    let world = World::new(false);
    world.gate.send_replace(false);
    let source = Arc::clone(&world.source);
    let old = tokio::spawn(async move { source.token(None, &CancellationToken::new()).await });
    while world.count() == 0 {
        tokio::task::yield_now().await;
    }
    world.source.replaced(Some(&Access { token: "new".into(), lifetime: None }));
    assert_eq!(world.token(None).await.as_deref(), Ok("new"));
    world.gate.send_replace(true);
    assert!(old.await.unwrap().is_ok());
    assert_eq!(world.token(None).await.as_deref(), Ok("new"));
    world.source.replaced(None);
    assert_eq!(world.token(None).await.as_deref(), Ok("t2"));
}

#[tokio::test]
async fn a_renewal_that_panics_is_tried_again() {
    let world = World::new(true);
    let error = world.token(None).await.unwrap_err();
    assert_eq!(error.kind, LoginErrorKind::Later { until: None });
    assert_eq!(world.token(None).await.as_deref(), Ok("t2"));
}

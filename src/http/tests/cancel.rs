use tokio::sync::Notify;

use super::server::{Act, Server, answer};
use super::*;
use crate::clock::SimulatedClock;

fn standing() -> Client {
    Client::new(&Settings::default(), Arc::new(SimulatedClock::new(Moment(0))), 7).unwrap()
}

#[tokio::test]
async fn what_is_cancelled_before_it_starts_is_never_sent() {
    let server = Server::start(vec![answer(200, "", b"")]).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let pace = Counting::default();
    let error = standing().send(post(server.at("p")), &pace, &cancel).await.unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }));
    assert!(server.seen().is_empty() && pace.admitted.lock().unwrap().is_empty());
}

/// Cancels as soon as the service has answered: in the wait that follows.
struct CancelOnAnswer(CancellationToken);
#[async_trait]
impl Pace for CancelOnAnswer {
    async fn admit(&self, _price: u32, _cancel: &CancellationToken) -> Result<(), RetryLater> {
        Ok(())
    }
    fn answered(&self, _status: u16, _headers: &HeaderMap, _now: Moment) {
        self.0.cancel();
    }
}

#[tokio::test]
async fn a_wait_ends_when_it_is_cancelled() {
    // The clock stands still: the wait would never end by itself.
    let server = Server::start(vec![answer(429, "retry-after: 20", b"")]).await;
    let cancel = CancellationToken::new();
    let error = standing().send(post(server.at("p")), &CancelOnAnswer(cancel.clone()), &cancel).await.unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error:?}");
    assert!(!error.outcome_unknown());
}

/// Sends, cancels once the server has the request, and only then lets the server answer.
async fn cancelled_under_way(method: Method) -> (Result<Response, Error>, Vec<u16>) {
    let (arrived, go) = (Arc::<Notify>::default(), Arc::<Notify>::default());
    let Act::Write(then) = answer(201, "", b"{}") else { unreachable!("an answer is written") };
    let server = Server::start(vec![Act::Hold { arrived: arrived.clone(), go: go.clone(), then }]).await;
    let cancel = CancellationToken::new();
    let pace = Arc::new(Counting::default());
    let sending = tokio::spawn({
        let (client, request) = (standing(), Request::new("test", method, server.at("p")));
        let (cancel, pace) = (cancel.clone(), pace.clone());
        async move { client.send(request, &*pace, &cancel).await }
    });
    arrived.notified().await;
    cancel.cancel();
    // A dropped read ends without the server; a write is still there to be answered.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    let result = sending.await.unwrap();
    let told = pace.answered.lock().unwrap().clone();
    (result, told)
}

#[tokio::test]
async fn a_write_under_way_is_waited_for_and_a_read_is_dropped() {
    for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
        let (result, told) = cancelled_under_way(method.clone()).await;
        assert_eq!(result.expect("the outcome is known").status, 201, "{method}");
        assert_eq!(told, [201]);
    }
    let (result, told) = cancelled_under_way(Method::GET).await;
    assert!(matches!(result, Err(Error::Cancelled { .. })), "{result:?}");
    assert_eq!(told, [0], "its place is given back");
}

#[tokio::test]
async fn waiting_for_a_place_ends_when_it_is_cancelled() {
    let clock: crate::clock::SharedClock = Arc::new(SimulatedClock::new(Moment(0)));
    let burst = Burst::new(clock, 1, Duration::from_secs(2));
    let cancel = CancellationToken::new();
    burst.admit(1, &cancel).await.unwrap();
    let server = Server::start(vec![answer(200, "", b"")]).await;
    let (client, request) = (standing(), post(server.at("p")));
    let (sent, ()) = tokio::join!(client.send(request, &burst, &cancel), async { cancel.cancel() });
    assert!(matches!(sent, Err(Error::Cancelled { .. })), "{sent:?}");
    assert!(server.seen().is_empty());
}

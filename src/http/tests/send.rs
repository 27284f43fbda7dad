use super::server::{Act, Server, answer, cut, cut_body};
use super::*;

/// How a trip ended: the answer's status, or what kind of error.
fn end(result: &Result<Response, Error>) -> String {
    match result {
        Ok(response) => format!("{} after {}", response.status, response.attempts),
        Err(Error::UnknownOutcome { attempts, .. }) => format!("unknown after {attempts}"),
        Err(Error::Unreachable { attempts, .. }) => format!("unreachable after {attempts}"),
        Err(other) => format!("{other:?}"),
    }
}

fn ok() -> Act {
    answer(200, "", b"{}")
}

#[tokio::test]
async fn what_is_repeated_follows_the_table() {
    type Row = (&'static str, fn() -> Act, &'static str, &'static str);
    let table: [Row; 11] = [
        ("cut", cut, "200 after 2", "unknown after 1"),
        ("cut body", cut_body, "200 after 2", "unknown after 1"),
        ("429", || answer(429, "", b""), "200 after 2", "200 after 2"),
        ("429 with a time", || answer(429, "retry-after: 2", b""), "200 after 2", "200 after 2"),
        ("503 with a time", || answer(503, "retry-after: 2", b""), "200 after 2", "200 after 2"),
        ("503", || answer(503, "", b""), "200 after 2", "503 after 1"),
        ("502", || answer(502, "", b""), "200 after 2", "502 after 1"),
        ("504", || answer(504, "", b""), "200 after 2", "504 after 1"),
        ("500", || answer(500, "", b""), "500 after 1", "500 after 1"),
        ("404", || answer(404, "", b""), "404 after 1", "404 after 1"),
        ("301 without a target", || answer(301, "", b""), "301 after 1", "301 after 1"),
    ];
    for (name, first, idempotent, create) in table {
        for (safety, expected) in [(Safety::Idempotent, idempotent), (Safety::OnlyIfUnsent, create)] {
            let server = Server::start(vec![first(), ok()]).await;
            let result = send(&client(&JumpClock::default()), post(server.at("p")).safety(safety)).await;
            assert_eq!(end(&result), expected, "{name}, {safety:?}");
            let sent = if expected.ends_with('2') { 2 } else { 1 };
            assert_eq!(server.seen().len(), sent, "{name}, {safety:?}: what the server saw");
        }
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_five_times_even_for_a_create() {
    let clock = JumpClock::default();
    let gone = Server::start(Vec::new()).await;
    let error = send(&client(&clock), post(gone.at("persons"))).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { attempts: 5, .. }), "{error:?}");
    assert!(!error.outcome_unknown());
    assert_eq!(clock.waits().len(), 4);
    let text = error.to_string();
    assert!(
        text.contains("test: POST http://127.0.0.1:") && text.contains("/persons: not reached in 5 attempts"),
        "{text}"
    );
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn an_unknown_outcome_is_not_forgotten_when_later_attempts_surely_fail() {
    let server = Server::start(vec![cut()]).await;
    let request = Request::new("test", Method::PUT, server.at("persons/1"));
    let error = send(&client(&JumpClock::default()), request).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { attempts: 5, .. }), "{error:?}");
    assert!(error.outcome_unknown());

    let server = Server::start(vec![cut(), answer(429, "retry-after: 3600", b"")]).await;
    let request = Request::new("test", Method::PUT, server.at("persons/1"));
    let error = send(&client(&JumpClock::default()), request).await.unwrap_err();
    assert!(error.outcome_unknown());
    assert!(error.retry_at().is_some(), "the service's time is kept");

    let server = Server::start(vec![cut(), answer(400, "", b"")]).await;
    let request = Request::new("test", Method::PUT, server.at("persons/1"));
    let response = send(&client(&JumpClock::default()), request).await.unwrap();
    assert!(response.outcome_unknown(), "the first attempt may have done what the second was refused");
}

#[tokio::test]
async fn a_read_never_has_an_unknown_outcome() {
    let server = Server::start((0..5).map(|_| cut()).collect()).await;
    let error = send(&client(&JumpClock::default()), get(server.at("persons"))).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { attempts: 5, .. }), "{error:?}");
    assert!(!error.outcome_unknown());
    let text = error.to_string();
    assert!(text.ends_with("; nothing was changed; it is asked again"), "{text}");

    let server = Server::start(vec![cut()]).await;
    let request = Request::new("test", Method::POST, server.at("persons"));
    let text = send(&client(&JumpClock::default()), request).await.unwrap_err().to_string();
    assert!(text.ends_with("; the service may have acted on it, so look before sending it again"), "{text}");
}

#[tokio::test]
async fn a_request_that_is_never_answered_ends_with_its_timeout() {
    let (arrived, go) = (Arc::default(), Arc::default());
    let server = Server::start(vec![Act::Hold { arrived, go, then: Vec::new() }]).await;
    let request = post(server.at("persons")).timeout(Duration::from_millis(50));
    let error = send(&client(&JumpClock::default()), request).await.unwrap_err();
    assert!(error.outcome_unknown());
    assert!(error.to_string().contains("no whole answer within 0.05 s"), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn retry_after_is_waited_for_up_to_30_s_and_then_given_back() {
    let dated = "date: Mon, 24 Nov 2025 11:00:00 GMT\r\nretry-after: Mon, 24 Nov 2025 11:00:20 GMT";
    for (headers, at_least) in [("retry-after: 30", 30), (dated, 20), ("retry-after: 0", 0)] {
        let clock = JumpClock::default();
        let server = Server::start(vec![answer(429, headers, b""), ok()]).await;
        assert!(send(&client(&clock), get(server.at("p"))).await.unwrap().is_success());
        let asked = Duration::from_secs(at_least);
        assert_eq!(clock.waits().len(), 1);
        assert!(clock.waits()[0] >= asked && clock.waits()[0] <= asked + retry::FIRST_CAP, "{:?}", clock.waits());
    }
    let clock = JumpClock::default();
    let server = Server::start(vec![answer(429, "retry-after: 31", b""), ok()]).await;
    let error = send(&client(&clock), get(server.at("p"))).await.unwrap_err();
    assert_eq!(error.retry_at(), Some(Moment(31_000)));
    assert!(matches!(error, Error::RetryLater { status: Some(429), .. }));
    assert!(clock.waits().is_empty());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn attempts_that_are_used_up_leave_the_last_answer() {
    let clock = JumpClock::default();
    let server = Server::start((0..6).map(|_| answer(429, "", b"slow down")).collect()).await;
    let response = send(&client(&clock), get(server.at("p"))).await.unwrap();
    assert_eq!((response.status, response.attempts, &response.body[..]), (429, 5, &b"slow down"[..]));
    assert_eq!((server.seen().len(), clock.waits().len()), (5, 4));
}

#[tokio::test]
async fn the_pace_is_asked_and_told_once_for_every_attempt() {
    let server = Server::start(vec![answer(503, "", b""), cut(), ok()]).await;
    let pace = Counting::default();
    let client = client(&JumpClock::default());
    client.send(get(server.at("p")).price(20), &pace, &CancellationToken::new()).await.unwrap();
    assert_eq!(*pace.admitted.lock().unwrap(), [20, 20, 20]);
    assert_eq!(*pace.answered.lock().unwrap(), [503, 0, 200]);
}

#[tokio::test]
async fn a_pace_that_says_later_ends_the_request_unsent() {
    struct Empty;
    #[async_trait]
    impl Pace for Empty {
        async fn admit(&self, _price: u32, _cancel: &CancellationToken) -> Result<(), RetryLater> {
            Err(RetryLater { until: Moment(5), reason: "the daily budget is used up".to_owned() })
        }
        fn answered(&self, _status: u16, _headers: &HeaderMap, _now: Moment) {
            panic!("nothing was admitted");
        }
    }
    let server = Server::start(vec![ok()]).await;
    let client = client(&JumpClock::default());
    let error = client.send(post(server.at("p")), &Empty, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.retry_at(), Some(Moment(5)));
    assert!(!error.outcome_unknown());
    assert!(error.to_string().contains("the daily budget is used up"));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_observer_is_told_every_attempt() {
    #[derive(Default)]
    struct Codes(Mutex<Vec<(String, u16)>>);
    impl Observer for Codes {
        fn answered(&self, service: &str, code: u16) {
            self.0.lock().unwrap().push((service.to_owned(), code));
        }
    }
    let codes = Arc::new(Codes::default());
    let server = Server::start(vec![answer(429, "", b""), cut(), ok()]).await;
    let client = client(&JumpClock::default()).with_observer(codes.clone());
    send(&client, get(server.at("p"))).await.unwrap();
    let expected = [429, 0, 200].map(|code| ("test".to_owned(), code));
    assert_eq!(*codes.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn bodies_go_out_as_they_were_put_in_and_the_answer_keeps_its_request_id() {
    let server = Server::start(vec![ok(), ok(), answer(200, "x-request-id: abc-1", b"{\"id\":7}")]).await;
    let client = client(&JumpClock::default());
    send(&client, post(server.at("json")).query(&[("a", "b c")]).header("accept", "text/x")).await.unwrap();
    send(&client, post(server.at("form")).form(&[("grant", "a&b"), ("x", "é")])).await.unwrap();
    let part = Part {
        name: "file".to_owned(),
        file_name: Some("photo.jpg".to_owned()),
        content_type: Some("image/jpeg".to_owned()),
        bytes: Bytes::from_static(b"JPEG"),
    };
    let response = send(&client, post(server.at("photo")).multipart(vec![part])).await.unwrap();
    assert_eq!(response.request_id.as_deref(), Some("abc-1"));
    assert_eq!(response.json::<serde_json::Value>().unwrap()["id"], 7);
    let seen = server.seen();
    assert!(seen[0].starts_with("POST /json?a=b+c HTTP/1.1\r\n"), "{}", seen[0]);
    assert!(seen[0].contains("content-type: application/json\r\n") && seen[0].contains("accept: text/x\r\n"));
    assert!(seen[0].contains(concat!("user-agent: carnetd/", env!("CARGO_PKG_VERSION"))));
    assert!(seen[0].ends_with("\r\n\r\n{\"name\":\"Ada\"}"));
    assert!(seen[1].ends_with("\r\n\r\ngrant=a%26b&x=%C3%A9"));
    assert!(seen[2].contains("content-type: multipart/form-data; boundary="));
    assert!(seen[2].contains("content-length: "), "a length, for services that refuse chunks");
    assert!(
        seen[2].contains("name=\"file\"; filename=\"photo.jpg\"\r\nContent-Type: image/jpeg\r\n\r\nJPEG\r\n"),
        "{}",
        seen[2]
    );
}

/// 64 KiB of zeros.
const BOMB: &str = concat!(
    "H4sIAAAAAAACA+3BAQEAAACAkP6v7ggKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAauuOl9cAAAEA",
);

#[tokio::test]
async fn a_body_is_counted_after_it_was_unpacked() {
    use base64::Engine as _;
    let bomb = base64::engine::general_purpose::STANDARD.decode(BOMB).unwrap();
    assert!(bomb.len() < 200);
    let packed = || answer(200, "content-encoding: gzip", &bomb);
    let plain = || answer(200, "", &[b'x'; 2000]);

    let server = Server::start(vec![packed(), packed(), plain(), plain()]).await;
    let client = client(&JumpClock::default());
    let whole = send(&client, get(server.at("p")).max_bytes(65_536)).await.unwrap();
    assert_eq!(whole.body.len(), 65_536);
    assert!(server.seen()[0].contains("accept-encoding: gzip"));
    let error = send(&client, get(server.at("p")).max_bytes(65_535)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { status: 200, limit: 65_535, .. }), "{error:?}");
    assert!(!error.outcome_unknown());
    assert_eq!(send(&client, get(server.at("p")).max_bytes(2000)).await.unwrap().body.len(), 2000);
    let error = send(&client, post(server.at("p")).max_bytes(1999)).await.unwrap_err();
    assert!(error.outcome_unknown(), "a write was answered, and its answer not read");
    assert_eq!(server.seen().len(), 4, "a large answer is not asked for again");
}

//! Every route, and every way to be turned away.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;

use super::fake::{FakeOperator, SECRET_NAME, alice, held_item, now, snapshot};
use crate::clock::{Clock as _, RealClock, SimulatedClock};
use crate::config;
use crate::status::accept::Limits;
use crate::status::{Door, Listener, Metrics, Operator, ProblemLine, Refused, RefusedKind, Server, State};

pub(super) const TOKEN: &str = "correct horse battery staple";

pub(super) fn declared() -> config::Status {
    let listen = config::Listen::Tcp(([127, 0, 0, 1], 8787).into());
    let public_url = Some("https://status.acme.example/".parse().expect("a URL"));
    config::Status { listen, token: None, hosts: vec!["carnetd.acme.example".to_owned()], public_url }
}

pub(super) fn operator() -> FakeOperator {
    let mut account = alice();
    (account.held, account.state) = (2, State::Held);
    let mut fake = FakeOperator::new(snapshot(vec![account]));
    fake.held = vec![
        held_item("alice", "00000000000000aa", "several-matches"),
        held_item("alice", "00000000000000bb", "several-matches"),
    ];
    fake
}

pub(super) fn public(operator: Arc<FakeOperator>, token: Option<&str>) -> Router {
    let door = Door::new(&declared(), token.map(SecretString::from));
    Server::public(operator, Arc::new(Metrics::new()), Arc::new(SimulatedClock::new(now())), door).router()
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "127.0.0.1:8787");
    }
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).expect("a request")
}

pub(super) async fn send(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    router.clone().oneshot(request(method, path, headers)).await.expect("an answer")
}

pub(super) async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn the_status_is_the_snapshot() {
    let operator = Arc::new(operator());
    let answer = send(&public(operator.clone(), None), "GET", "/api/v1/status", &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let shown: Value = serde_json::from_str(&text(answer).await).expect("JSON");
    assert_eq!(shown, serde_json::to_value(operator.snapshot()).expect("JSON"));
}

#[tokio::test]
async fn without_a_token_the_page_shows_counts_and_causes_but_no_name() {
    let page = text(send(&public(Arc::new(operator()), None), "GET", "/", &[]).await).await;
    assert!(page.contains("several matches <b>2</b>"), "{page}");
    assert!(page.contains("1\u{202f}234"));
    assert!(!page.contains(SECRET_NAME));
    assert!(page.contains(r#"<form method="post" action="api/v1/refresh?account=alice">"#));
}

#[tokio::test]
async fn with_the_token_the_page_shows_names_and_how_to_confirm() {
    let bearer = format!("Bearer {TOKEN}");
    let router = public(Arc::new(operator()), Some(TOKEN));
    let page = text(send(&router, "GET", "/", &[("authorization", &bearer)]).await).await;
    assert!(page.contains(SECRET_NAME));
    assert!(page.contains("carnetd confirm alice 00000000000000aa"));
}

#[tokio::test]
async fn what_comes_from_a_configuration_is_escaped() {
    let mut account = alice();
    account.group = "<script>alert(1)</script>".to_owned();
    account.reason = Some("<img src=x>".to_owned());
    let mut shown = snapshot(vec![account]);
    shown.reload.ok = false;
    shown.reload.problems = vec![ProblemLine {
        path: Some("/etc/carnetd/carnetd.toml".to_owned()),
        line: Some(3),
        column: Some(9),
        message: "<b>bold</b>".to_owned(),
        expected: None,
        help: None,
    }];
    let page = text(send(&public(Arc::new(FakeOperator::new(shown)), None), "GET", "/", &[]).await).await;
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x>") && !page.contains("<b>bold"));
    assert!(page.contains("/etc/carnetd/carnetd.toml:3:9"), "{page}");
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_answered_like_every_error() {
    let operator = Arc::new(operator());
    for (query, says) in
        [("account=alice&account=bob", "duplicate field `account`"), ("acount=bob", "unknown field `acount`")]
    {
        let answer = send(&public(operator.clone(), None), "POST", &format!("/api/v1/refresh?{query}"), &[]).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body: serde_json::Value = serde_json::from_str(&text(answer).await).expect("JSON");
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(message.contains(says), "{body}");
    }
    assert!(operator.asked().is_empty());
}

#[tokio::test]
async fn a_budget_without_end_shows_no_rest() {
    let mut shown = snapshot(vec![alice()]);
    shown.pipedrive.tokens.limit = 1_000_000_000;
    let page = text(send(&public(Arc::new(FakeOperator::new(shown)), None), "GET", "/", &[]).await).await;
    assert!(page.contains("no daily limit") && !page.contains(" left, "), "{page}");
}

#[tokio::test]
async fn refresh_is_queued_for_all_or_for_one() {
    let operator = Arc::new(operator());
    let router = public(operator.clone(), None);
    let answer = send(&router, "POST", "/api/v1/refresh", &[]).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let answer = send(&router, "POST", "/api/v1/refresh?account=alice", &[]).await;
    assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::ACCEPTED, r#"{"queued":"alice"}"#));
    for unknown in ["bob", "No%20name", ""] {
        let answer = send(&router, "POST", &format!("/api/v1/refresh?account={unknown}"), &[]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{unknown:?}");
    }
    assert_eq!(operator.asked(), ["refresh all", "refresh alice", "refresh bob"]);
}

#[tokio::test]
async fn a_browser_without_scripts_is_led_back_after_a_refresh() {
    let router = public(Arc::new(operator()), None);
    let headers = [("accept", "text/html,*/*"), ("origin", "http://127.0.0.1:8787"), ("sec-fetch-site", "same-origin")];
    let answer = send(&router, "POST", "/api/v1/refresh", &headers).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(answer.headers()["refresh"], "1; url=../../");
    assert!(text(answer).await.contains("Refresh queued"));
}

#[tokio::test]
async fn a_refusal_carries_its_message_and_advice() {
    let mut operator = operator();
    operator.refuses = Some(Refused::new(RefusedKind::Later, "the budget is used up").help("wait until 00:00 UTC"));
    let answer = send(&public(Arc::new(operator), None), "POST", "/api/v1/refresh", &[]).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let body: Value = serde_json::from_str(&text(answer).await).expect("JSON");
    assert_eq!(body["error"]["message"], "the budget is used up");
    assert_eq!(body["error"]["help"], "wait until 00:00 UTC");
}

#[tokio::test]
async fn health_follows_the_operator() {
    let mut sick = operator();
    sick.well = false;
    let (well, sick) = (public(Arc::new(operator()), Some(TOKEN)), public(Arc::new(sick), None));
    for path in ["/healthz", "/readyz"] {
        assert_eq!(send(&well, "GET", path, &[]).await.status(), StatusCode::OK);
        assert_eq!(send(&sick, "GET", path, &[]).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test]
async fn only_loopback_and_listed_hosts_are_served() {
    let router = public(Arc::new(operator()), None);
    let served = [
        "localhost",
        "LOCALHOST:8787",
        "127.0.0.1:1",
        "127.8.9.1",
        "[::1]:8787",
        "[::1]",
        "carnetd.acme.example",
        "Carnetd.acme.example:443",
        "status.acme.example",
    ];
    for host in served {
        assert_eq!(send(&router, "GET", "/healthz", &[("host", host)]).await.status(), StatusCode::OK, "{host}");
    }
    let refused =
        ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1:8787", "", "0.0.0.0", "[::2]"];
    for host in refused {
        for (method, path) in [("GET", "/"), ("GET", "/healthz"), ("POST", "/api/v1/refresh")] {
            let answer = send(&router, method, path, &[("host", host)]).await;
            assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{host} {path}");
        }
    }
    let absolute = send(&router, "GET", "http://evil.example/", &[]).await;
    assert_eq!(absolute.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_post_of_another_site_is_refused() {
    let operator = Arc::new(operator());
    let router = public(operator.clone(), None);
    for bad in [
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("origin", "http://evil.example")],
        [("origin", "null")],
        [("origin", "http://127.0.0.1:9999")],
        [("origin", "http://127.0.0.1:8787.evil.example")],
    ] {
        let answer = send(&router, "POST", "/api/v1/refresh", &bad).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{bad:?}");
    }
    assert!(operator.asked().is_empty());
    for good in [
        [("sec-fetch-site", "same-origin")],
        [("sec-fetch-site", "none")],
        [("origin", "http://127.0.0.1:8787")],
        [("origin", "https://status.acme.example")],
    ] {
        let answer = send(&router, "POST", "/api/v1/refresh", &good).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{good:?}");
    }
}

#[tokio::test]
async fn refresh_is_the_only_order_over_tcp() {
    let operator = Arc::new(operator());
    let router = public(operator.clone(), None);
    for path in ["/", "/api/v1/status", "/metrics", "/healthz", "/readyz", "/events"] {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            assert_eq!(send(&router, method, path, &[]).await.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
    assert_eq!(send(&router, "GET", "/api/v1/refresh", &[]).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    for path in [
        "reload",
        "sync",
        "plan",
        "held",
        "confirm",
        "groups",
        "check",
        "login/start",
        "login/finish",
        "login/link",
        "login/follow",
    ] {
        for method in ["GET", "POST"] {
            let answer = send(&router, method, &format!("/control/v1/{path}?account=alice"), &[]).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
    assert_eq!(send(&router, "POST", "/login", &[]).await.status(), StatusCode::NOT_FOUND);
    assert!(operator.asked().is_empty());
}

#[tokio::test]
async fn a_declared_token_is_needed_everywhere_but_for_health() {
    let operator = Arc::new(operator());
    let router = public(operator.clone(), Some(TOKEN));
    let requests =
        [("GET", "/"), ("GET", "/api/v1/status"), ("GET", "/metrics"), ("GET", "/events"), ("POST", "/api/v1/refresh")];
    for given in [&[][..], &[("authorization", "Bearer wrong")], &[("cookie", "carnetd=wrong")], &[("cookie", TOKEN)]] {
        for (method, path) in requests {
            let answer = send(&router, method, path, given).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} {given:?}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            assert!(!text(answer).await.contains("alice"));
        }
    }
    assert!(operator.asked().is_empty());
    let bearer = format!("bearer {TOKEN}");
    for (method, path) in requests {
        assert!(send(&router, method, path, &[("authorization", &bearer)]).await.status().is_success(), "{path}");
    }
}

#[tokio::test]
async fn logging_in_gives_a_cookie_that_is_not_the_token() {
    let router = public(Arc::new(operator()), Some(TOKEN));
    let form = send(&router, "GET", "/", &[("accept", "text/html")]).await;
    assert_eq!(form.status(), StatusCode::UNAUTHORIZED);
    assert!(text(form).await.contains(r#"action="/login""#));

    let post = |body: &str| {
        let mut request = request("POST", "/login", &[("content-type", "application/x-www-form-urlencoded")]);
        *request.body_mut() = Body::from(body.to_owned());
        router.clone().oneshot(request)
    };
    let wrong = post("token=wrong").await.expect("an answer");
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(wrong.headers().get("set-cookie").is_none());

    let right = post("token=correct+horse+battery+staple").await.expect("an answer");
    assert_eq!(right.status(), StatusCode::SEE_OTHER);
    let cookie = right.headers()["set-cookie"].to_str().expect("text").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("horse"));
    let pair = cookie.split(';').next().expect("a pair");
    assert_eq!(send(&router, "GET", "/", &[("cookie", pair)]).await.status(), StatusCode::OK);
    let other = public(Arc::new(operator()), Some("another token"));
    assert_eq!(send(&other, "GET", "/", &[("cookie", pair)]).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_other_sites_out() {
    let router = public(Arc::new(operator()), None);
    for (path, host) in [("/", "localhost"), ("/nothing", "localhost"), ("/", "evil.example")] {
        let answer = send(&router, "GET", path, &[("host", host)]).await;
        let policy = answer.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["x-frame-options"], "DENY");
        assert_eq!(answer.headers()["referrer-policy"], "same-origin");
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
}

/// The hashes of the policy are those of what stands in the page, which must not be escaped on its way there.
#[tokio::test]
async fn style_and_script_are_what_the_policy_allows() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let answer = send(&public(Arc::new(operator()), None), "GET", "/", &[]).await;
    let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
    let page = text(answer).await;
    for tag in ["style", "script"] {
        let (_, rest) = page.split_once(&format!("<{tag}>")).expect("the tag");
        let (inside, _) = rest.split_once(&format!("</{tag}>")).expect("its end");
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(inside.as_bytes()));
        assert!(policy.contains(&format!("{tag}-src 'sha256-{hash}'")), "{tag}");
    }
    assert!(!page.contains(" style=") && !page.contains(" onclick="));
}

#[tokio::test]
async fn live_pages_are_told_at_once_where_they_stand() {
    use futures_util::StreamExt as _;
    let answer = send(&public(Arc::new(operator()), None), "GET", "/events", &[]).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut frames = answer.into_body().into_data_stream();
    let first = frames.next().await.expect("a frame").expect("bytes");
    assert_eq!(&first[..], b"data: 1\n\n");
}

/// Three changes within the pause are one event, with the last number.
#[tokio::test]
async fn live_pages_are_told_of_changes_at_a_bearable_rate() {
    use futures_util::StreamExt as _;
    let (operator, clock) = (Arc::new(operator()), SimulatedClock::new(now()));
    let door = Door::new(&declared(), None);
    let server = Server::public(operator.clone(), Arc::new(Metrics::new()), Arc::new(clock.clone()), door);
    let answer = send(&server.router(), "GET", "/events", &[]).await;
    let mut frames = answer.into_body().into_data_stream();
    frames.next().await.expect("a frame").expect("bytes");
    for number in [2, 3, 4] {
        operator.changed.send_replace(number);
    }
    let passes = async { clock.advance(std::time::Duration::from_millis(500)) };
    let (frame, ()) = tokio::join!(frames.next(), passes);
    assert_eq!(&frame.expect("a frame").expect("bytes")[..], b"data: 4\n\n");
}

/// The clock stands still, so it is not the grace that ends it.
#[tokio::test]
async fn a_live_page_does_not_keep_the_server_from_ending() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let clock = Arc::new(SimulatedClock::new(now()));
    let server = Server::public(Arc::new(operator()), Arc::new(Metrics::new()), clock, Door::new(&declared(), None));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let ended = tokio::spawn(server.serve(Listener::Tcp(listener), async { drop(stopped.await) }));
    let mut page = tokio::net::TcpStream::connect(address).await.expect("connected");
    page.write_all(format!("GET /events HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await.expect("sent");
    let mut read = Vec::new();
    while !read.windows(7).any(|bytes| bytes == b"data: 1") {
        assert_ne!(page.read_buf(&mut read).await.expect("bytes"), 0, "it ended before it began");
    }
    drop(stop);
    ended.await.expect("no panic");
    page.read_to_end(&mut read).await.expect("the end");
}

/// A server on a port of its own, with these limits. It ends with the test.
async fn listening(connections: usize, head: std::time::Duration) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (metrics, door) = (Arc::new(Metrics::new()), Door::new(&declared(), None));
    let server = Server::public(Arc::new(operator()), metrics, Arc::new(RealClock), door);
    let server = server.limited(Limits { connections, head });
    tokio::spawn(server.serve(Listener::Tcp(listener), std::future::pending()));
    address
}

/// Sends this and reads until the server closes.
async fn all_of(address: std::net::SocketAddr, sent: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    stream.write_all(sent.as_bytes()).await.expect("sent");
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.expect("the end");
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test]
async fn who_does_not_finish_a_request_is_let_go() {
    let address = listening(8, std::time::Duration::from_millis(50)).await;
    for half in ["", "GET / HT", "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-a: b"] {
        assert_eq!(all_of(address, half).await, "", "{half:?}");
    }
    let idle = all_of(address, "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(idle.starts_with("HTTP/1.1 200"), "answered, and then let go: {idle}");
    let body = "POST /api/v1/refresh HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab";
    let answer = all_of(address, body).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn there_are_only_so_many_connections_at_once() {
    let address = listening(2, std::time::Duration::from_millis(300)).await;
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(tokio::net::TcpStream::connect(address).await.expect("connected"));
    }
    let begun = RealClock.now();
    let answer = all_of(address, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let waited = RealClock.now().since(begun);
    assert!(waited >= std::time::Duration::from_millis(200), "it waits until a silent one is let go, not {waited:?}");
}

#[tokio::test]
async fn metrics_are_served_as_open_metrics() {
    let answer = send(&public(Arc::new(operator()), None), "GET", "/metrics", &[]).await;
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(text(answer).await.contains("carnetd_held{account=\"alice\"} 2\n"));
}

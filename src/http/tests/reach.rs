use std::path::PathBuf;

use super::server::{Server, answer, play};
use super::*;

fn with(settings: &Settings) -> Client {
    Client::new(settings, Arc::new(JumpClock::default()), 7).unwrap()
}

/// A certificate of our own making as the only further root, so that https needs nothing of the machine.
fn ca_file() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/tests/ca.pem").into()
}

#[tokio::test]
async fn a_redirect_to_another_origin_loses_every_secret() {
    let other = Server::start(vec![answer(200, "", b"there")]).await;
    let first = Server::start(vec![answer(302, &format!("location: {}", other.at("photo?sig=1")), b"")]).await;
    let request = get(first.at("p")).secret_header("authorization", "Bearer s3cret".into()).header("accept", "image/*");
    let response = send(&client(&JumpClock::default()), request).await.unwrap();
    assert_eq!((response.status, response.attempts), (200, 1));
    assert!(first.seen()[0].contains("authorization: Bearer s3cret"));
    let seen = &other.seen()[0];
    assert!(seen.starts_with("GET /photo?sig=1 ") && seen.contains("accept: image/*"), "{seen}");
    assert!(!seen.contains("s3cret") && !seen.contains("authorization") && !seen.contains("referer"), "{seen}");
}

#[tokio::test]
async fn a_secret_dropped_on_the_way_does_not_come_back() {
    let (listener, home) = Server::bind().await;
    let away = Server::start(vec![answer(302, &format!("location: {home}back"), b"")]).await;
    let leave = answer(302, &format!("location: {}", away.at("away")), b"");
    let script = vec![answer(307, "location: /moved", b""), leave, answer(200, "", b"")];
    let home = Server::on(listener, home, script);
    let request = get(home.at("p")).secret_header("x-api-token", "s3cret".into());
    assert_eq!(send(&client(&JumpClock::default()), request).await.unwrap().status, 200);
    let (at_home, away) = (home.seen(), away.seen());
    assert!(at_home[1].starts_with("GET /moved ") && at_home[1].contains("x-api-token: s3cret"), "{}", at_home[1]);
    assert!(away[0].starts_with("GET /away ") && !away[0].contains("s3cret"), "{}", away[0]);
    assert!(at_home[2].starts_with("GET /back ") && !at_home[2].contains("s3cret"), "{}", at_home[2]);
}

#[tokio::test]
async fn other_answers_than_the_service_s_own_do_not_reach_the_pace() {
    let other = Server::start(vec![answer(404, "x-ratelimit-remaining: 0", b"")]).await;
    let first = Server::start(vec![answer(302, &format!("location: {}", other.url), b"")]).await;
    let pace = Counting::default();
    let response =
        client(&JumpClock::default()).send(get(first.at("p")), &pace, &CancellationToken::new()).await.unwrap();
    assert_eq!(response.status, 404);
    assert_eq!(*pace.answered.lock().unwrap(), [302, 0]);
}

#[tokio::test]
async fn five_redirects_are_followed_for_reads_and_none_for_writes() {
    let hop = || answer(302, "location: /again", b"");
    let server = Server::start((0..5).map(|_| hop()).chain([answer(200, "", b"")]).collect()).await;
    assert_eq!(send(&client(&JumpClock::default()), get(server.at("p"))).await.unwrap().status, 200);
    let server = Server::start((0..7).map(|_| hop()).collect()).await;
    let error = send(&client(&JumpClock::default()), get(server.at("p"))).await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error:?}");
    assert_eq!(server.seen().len(), 6);
    let server = Server::start(vec![hop(), hop()]).await;
    assert_eq!(send(&client(&JumpClock::default()), post(server.at("p"))).await.unwrap().status, 302);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn plain_http_leaves_the_machine_neither_at_first_nor_by_redirect() {
    let error = send(&client(&JumpClock::default()), get("http://acme.example/p".parse().unwrap())).await.unwrap_err();
    assert!(matches!(&error, Error::Build { .. }) && error.to_string().contains("use https"), "{error}");
    let server = Server::start(vec![answer(302, "location: http://acme.example/", b"")]).await;
    let error = send(&client(&JumpClock::default()), get(server.at("p"))).await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error:?}");
}

#[tokio::test]
async fn loopback_never_goes_through_the_proxy_and_the_rest_does() {
    let proxy = Server::start((0..5).map(|_| answer(407, "", b"")).collect()).await;
    let mut address = proxy.url.clone();
    address.set_username("carnetd").unwrap();
    address.set_password(Some("s3cret")).unwrap();
    let settings = Settings { proxy: Some(address), no_proxy: Vec::new(), ca_file: Some(ca_file()) };
    assert!(!format!("{settings:?}").contains("s3cret"));

    let server = Server::start(vec![answer(200, "", b"")]).await;
    assert_eq!(send(&with(&settings), get(server.at("p"))).await.unwrap().status, 200);
    let gone = Server::start(Vec::new()).await;
    let port = gone.url.port().unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{port}/").parse().unwrap();
        let error = send(&with(&settings), get(url)).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    }
    assert!(proxy.seen().is_empty(), "loopback went to the proxy");

    let error = send(&with(&settings), get("https://acme.invalid/p".parse().unwrap())).await.unwrap_err();
    assert!(matches!(error, Error::Proxy { .. }) && !format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    assert!(proxy.seen()[0].starts_with("CONNECT acme.invalid:443 "), "{}", proxy.seen()[0]);
    assert!(proxy.seen()[0].to_lowercase().contains("proxy-authorization: basic "));
}

/// 0.0.0.0 leads to this machine and yet is no loopback address: a host that is reached without any network.
#[tokio::test]
async fn a_host_named_in_no_proxy_is_reached_directly() {
    let proxy = Server::start((0..5).map(|_| answer(407, "", b"")).collect()).await;
    let gone = Server::start(Vec::new()).await;
    let url: Url = format!("https://0.0.0.0:{}/", gone.url.port().unwrap()).parse().unwrap();
    let mut settings = Settings {
        proxy: Some(proxy.url.clone()),
        no_proxy: vec!["acme.example".to_owned(), "0.0.0.0".to_owned()],
        ca_file: Some(ca_file()),
    };
    let error = send(&with(&settings), get(url.clone())).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(proxy.seen().is_empty());
    settings.no_proxy.pop();
    let error = send(&with(&settings), get(url)).await.unwrap_err();
    assert!(matches!(error, Error::Proxy { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_is_asked_once_and_told_nothing() {
    let server = Server::start((0..2).map(|_| answer(200, "", b"")).collect()).await;
    let settings = Settings { ca_file: Some(ca_file()), ..Settings::default() };
    let url = server.url.as_str().replace("http:", "https:").parse().unwrap();
    let request = post(url).secret_header("authorization", "s3cret".into());
    let error = send(&with(&settings), request).await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }) && error.to_string().contains("ca_file"), "{error}");
    assert_eq!(server.seen().len(), 1);
    assert!(!server.seen()[0].contains("s3cret"));
}

#[tokio::test]
async fn a_unix_socket_is_a_way_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("carnetd.sock");
    let client = Client::over_unix(&path, Arc::new(JumpClock::default()), 7).unwrap();
    let url: Url = "http://localhost/api/v1/status".parse().unwrap();
    let error = send(&client, get(url.clone())).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");

    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let seen = Mutex::new(Vec::new());
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        play(stream, answer(200, "", b"{}"), &seen).await;
    };
    let (response, ()) = tokio::join!(send(&client, get(url)), serve);
    assert_eq!(response.unwrap().status, 200);
    assert!(seen.lock().unwrap()[0].starts_with("GET /api/v1/status "));
}

#[test]
fn mistakes_of_the_settings_are_told_at_the_start() {
    let told = |settings: Settings| {
        Client::new(&settings, Arc::new(JumpClock::default()), 7).map(|_| ()).unwrap_err().to_string()
    };
    let missing = Settings { ca_file: Some("/nowhere/ca.pem".into()), ..Settings::default() };
    assert!(told(missing).starts_with("[http] ca_file \"/nowhere/ca.pem\" cannot be read: "));
    let no_pem = Settings { ca_file: Some(file!().into()), ..Settings::default() };
    assert!(told(no_pem).contains("holds no certificate that can be read"));
    let socks = Settings { proxy: Some("socks5://u:s3cret@proxy:1".parse().unwrap()), ..Settings::default() };
    let text = told(socks);
    assert!(text.contains("starts with socks5:") && !text.contains("s3cret"), "{text}");
}

#[test]
fn the_environment_fills_only_what_is_not_set() {
    let environment = |name: &str| match name {
        "https_proxy" => Some("proxy:3128".to_owned()),
        "NO_PROXY" => Some(" acme.example, 10.0.0.0/8,".to_owned()),
        _ => None,
    };
    let settings = Settings::default().or_env(environment).unwrap();
    assert_eq!(settings.proxy.unwrap().as_str(), "http://proxy:3128/");
    assert_eq!(settings.no_proxy, ["acme.example", "10.0.0.0/8"]);
    let own = Settings { proxy: Some("http://own:1/".parse().unwrap()), ..Settings::default() };
    assert_eq!(own.or_env(environment).unwrap().proxy.unwrap().as_str(), "http://own:1/");
    let bad = Settings::default().or_env(|name| (name == "HTTPS_PROXY").then(|| "http://u:s3cret@:x".to_owned()));
    assert!(!bad.unwrap_err().to_string().contains("s3cret"));
}

//! A login on real sockets: whatever comes to the page or is pasted, only the answer to this login ends it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use url::Url;

use super::{in_directory, name, terminal};
use crate::cli::exit::Exit;
use crate::cli::login::{Ways, by_browser, has_screen, link};
use crate::cli::loopback::{Answer, Loopback, Strange};
use crate::clock::{SharedClock, SimulatedClock};
use crate::status::tests::fake::{CODE, FakeOperator, LINK, STATE, alice, now, snapshot, started};
use crate::status::*;

/// [`CODE`] as it stands in an address.
const IN_URL: &str = "4%2F0Ab%2Bc";

fn operator() -> FakeOperator {
    FakeOperator::new(snapshot(vec![alice()]))
}

fn clock() -> (SimulatedClock, SharedClock) {
    let clock = SimulatedClock::new(now());
    (clock.clone(), Arc::new(clock))
}

/// A browser elsewhere, and nobody who pastes.
async fn elsewhere() -> (Ways, u16) {
    let loopback = Loopback::bind(None).await.expect("a port");
    let port = loopback.port();
    (Ways { loopback, pasted: mpsc::channel(1).1, open: None }, port)
}

/// What the page answers: its status line with headers, and its body.
async fn request(port: u16, method: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let request = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), body.to_owned())
}

fn status(answer: &(String, String)) -> &str {
    answer.0.split(' ').nth(1).unwrap_or_default()
}

fn alices() -> Who {
    Who::Account("alice".to_owned())
}

#[tokio::test]
async fn the_browser_comes_back_and_the_command_says_as_whom() {
    let ((mut terminal, out, err), operator, (_, clock)) = (terminal(None), operator(), clock());
    let (mut ways, port) = elsewhere().await;
    ways.open = Some(|url| url.as_str() == started().url.as_str());
    let who = alices();
    let login = by_browser(&operator, &who, ways, &clock, &mut terminal);
    let path = format!("/?state={STATE}&code={IN_URL}&scope=x");
    let (exit, page) = tokio::join!(login, request(port, "GET", &path));
    assert_eq!(exit.expect("logged in"), Exit::Done);
    assert_eq!(out.text(), "logged in: account alice as alice@acme.example\n");
    assert!(err.text().contains(started().url.as_str()) && !err.text().contains("ssh"), "{}", err.text());
    assert_eq!(operator.redirects(), [format!("http://127.0.0.1:{port}/").parse::<Url>().expect("a URL")]);
    assert_eq!(operator.asked(), ["start login alice".to_owned(), format!("finish login {STATE} {CODE} all")]);

    assert_eq!(status(&page), "200");
    for header in ["cache-control: no-store", "referrer-policy: no-referrer", "content-security-policy: default-src"] {
        assert!(page.0.contains(header), "{}", page.0);
    }
    assert!(page.1.contains("You can close this window") && !page.1.contains(IN_URL), "{}", page.1);
    TcpStream::connect(("127.0.0.1", port)).await.expect_err("nobody listens any more");
}

#[tokio::test]
async fn without_a_browser_stdout_holds_the_address_alone() {
    let ((mut terminal, out, err), operator, (_, clock)) = (terminal(None), operator(), clock());
    let (mut ways, port) = elsewhere().await;
    let (paste, pasted) = mpsc::channel(3);
    ways.pasted = pasted;
    let lines = ["", "https://accounts.example/auth?state=another&code=x", "no idea what you mean"];
    for line in lines.map(str::to_owned) {
        paste.send(line).await.expect("taken");
    }
    let who = Who::Pipedrive;
    let login = by_browser(&operator, &who, ways, &clock, &mut terminal);
    let answer = format!("  http://127.0.0.1:{port}/?state={STATE}&code={IN_URL}  ");
    let (exit, ()) = tokio::join!(login, async { paste.send(answer).await.expect("taken") });
    assert_eq!(exit.expect("logged in"), Exit::Done);
    assert_eq!(out.text(), format!("{}\n", started().url));
    let err = err.text();
    assert!(err.contains(&format!("ssh -L {port}:127.0.0.1:{port} ")), "{err}");
    assert!(err.contains("paste that page's address here"), "{err}");
    assert!(err.contains("that belongs to another login") && err.contains("there is no code in that"), "{err}");
    assert!(err.ends_with("logged in: account alice as alice@acme.example\n"), "{err}");
    assert!(!err.contains(CODE) && !err.contains(IN_URL), "{err}");
    assert_eq!(operator.asked().last(), Some(&format!("finish login {STATE} {CODE} all")));
}

#[tokio::test]
async fn what_does_not_belong_to_the_login_does_not_end_it() {
    let ((mut terminal, ..), operator, (_, clock)) = (terminal(None), operator(), clock());
    let (ways, port) = elsewhere().await;
    let who = alices();
    let login = by_browser(&operator, &who, ways, &clock, &mut terminal);
    let browser = async {
        for (method, path, expected) in [
            ("GET", "/", "400"),
            ("GET", "/?code=x", "400"),
            ("GET", "/?code=x&state=another", "400"),
            ("GET", "/?error=access_denied", "400"),
            ("GET", "/?error=access_denied&state=another", "400"),
            ("GET", &format!("/?state={STATE}"), "400"),
            ("GET", &format!("/?state={STATE}&code="), "400"),
            ("GET", &format!("/elsewhere?code=x&state={STATE}"), "404"),
            ("GET", "/favicon.ico", "404"),
            ("POST", &format!("/?code=x&state={STATE}"), "405"),
        ] {
            let answer = request(port, method, path).await;
            assert_eq!(status(&answer), expected, "{method} {path}");
            assert!(!answer.1.contains(STATE), "{path}");
        }
        request(port, "GET", &format!("/?code={IN_URL}&state={STATE}")).await
    };
    let (exit, last) = tokio::join!(login, browser);
    assert_eq!((exit.expect("logged in"), status(&last)), (Exit::Done, "200"));
    assert_eq!(operator.asked().len(), 2, "{:?}", operator.asked());
}

#[tokio::test]
async fn a_refusal_by_whoever_was_asked_is_four() {
    for (query, said) in [
        ("error=access_denied", "the login was refused: access was not allowed"),
        ("error=user_denied", "the login was refused: access was not allowed"),
        (
            "error=admin_policy_enforced&error_description=Ask%1b%5B2J+your%0Aadmin",
            "the login was refused: the provider answered: admin_policy_enforced: Ask[2J youradmin",
        ),
    ] {
        let ((mut terminal, out, _), operator, (_, clock)) = (terminal(None), operator(), clock());
        let (ways, port) = elsewhere().await;
        let who = alices();
        let login = by_browser(&operator, &who, ways, &clock, &mut terminal);
        let path = format!("/?{query}&state={STATE}");
        let (refused, page) = tokio::join!(login, request(port, "GET", &path));
        let refused = refused.expect_err("refused");
        assert_eq!((Exit::from(refused.kind).code(), refused.message.as_str()), (4, said));
        assert!(refused.help.is_some_and(|help| help.contains("`carnetd login alice`")));
        assert_eq!(status(&page), "403");
        assert!(page.1.contains("The login was refused"), "{}", page.1);
        assert_eq!(out.text(), format!("{}\n", started().url));
        assert_eq!(operator.asked(), ["start login alice"]);
    }
}

#[tokio::test]
async fn a_login_that_is_not_taken_ends_with_its_reason() {
    let ((mut terminal, ..), mut operator, (_, clock)) = (terminal(None), operator(), clock());
    let wrong = Refused::new(RefusedKind::NeedsLogin, "this is bob, not alice").help("log in as alice");
    operator.not_accepted = Some(wrong.clone());
    let (ways, port) = elsewhere().await;
    let who = alices();
    let login = by_browser(&operator, &who, ways, &clock, &mut terminal);
    let path = format!("/?code={IN_URL}&state={STATE}");
    let (refused, page) = tokio::join!(login, request(port, "GET", &path));
    assert_eq!(refused.expect_err("not taken"), wrong);
    assert_eq!(status(&page), "502");
    assert!(page.1.contains("The command in the terminal says why") && !page.1.contains("bob"), "{}", page.1);
}

#[tokio::test]
async fn what_cannot_be_started_is_not_waited_for() {
    let ((mut terminal, out, err), operator, (_, clock)) = (terminal(None), operator(), clock());
    let who = Who::Account("bob".to_owned());
    let refused = by_browser(&operator, &who, elsewhere().await.0, &clock, &mut terminal).await;
    assert_eq!(refused.expect_err("no such account"), Refused::unknown_account("bob"));
    assert_eq!((out.text(), err.text()), (String::new(), String::new()));
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_ten_minutes() {
    let ((mut terminal, ..), operator, (time, clock)) = (terminal(None), operator(), clock());
    let (ways, port) = elsewhere().await;
    let who = alices();
    let login = by_browser(&operator, &who, ways, &clock, &mut terminal);
    let passes = async {
        for seconds in [599, 1] {
            // Once the page answers, the login waits.
            assert_eq!(status(&request(port, "GET", "/").await), "400");
            time.advance(Duration::from_secs(seconds));
        }
    };
    let (refused, ()) = tokio::join!(login, passes);
    let refused = refused.expect_err("too late");
    assert_eq!(Exit::from(refused.kind), Exit::NeedsLogin);
    assert!(refused.message.contains("within 10 minutes"), "{refused}");
    assert_eq!(operator.asked(), ["start login alice"]);
    TcpStream::connect(("127.0.0.1", port)).await.expect_err("nobody listens any more");
}

#[tokio::test]
async fn a_taken_port_is_said_with_the_way_out() {
    let first = Loopback::bind(None).await.expect("a port");
    let port = first.port();
    let refused = Loopback::bind(Some(port)).await.err().expect("it is taken");
    assert!(refused.message.contains(&format!("port {port} of 127.0.0.1")), "{refused}");
    assert!(refused.help.is_some_and(|help| help.contains("--port")));
    drop(first);
    assert_eq!(
        Loopback::bind(Some(port)).await.expect("free again").redirect().as_str(),
        format!("http://127.0.0.1:{port}/")
    );
}

#[test]
fn an_address_a_query_or_a_code_can_be_pasted() {
    let code = || Ok(Answer::Code(CODE.to_owned()));
    let taken = [
        format!("http://127.0.0.1:8085/?state={STATE}&code={IN_URL}&scope=y"),
        format!("https://status.acme.example/x?code={IN_URL}&state={STATE}#fragment"),
        format!("127.0.0.1/?code={IN_URL}&state={STATE}"),
        format!("state={STATE}&code={IN_URL}"),
        CODE.to_owned(),
        format!("  {IN_URL}\r"),
    ];
    for line in taken {
        assert!(Answer::of_paste(&line, STATE) == code(), "{line}");
    }
    let strange = [
        ("", Strange::Nothing),
        ("two words", Strange::Nothing),
        ("http://127.0.0.1:8085/", Strange::Nothing),
        ("http://127.0.0.1:8085/?code=x", Strange::AnotherLogin),
        ("code=x&state=y", Strange::AnotherLogin),
    ];
    for (line, expected) in strange {
        assert!(Answer::of_paste(line, STATE) == Err(expected), "{line}");
    }
    // An error beside a code is an error.
    let both = Answer::of_query(&format!("error=server_error&code=x&state={STATE}"), STATE);
    assert!(both == Ok(Answer::Refusal("server_error".to_owned())));
}

#[test]
fn a_browser_needs_a_screen() {
    for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"] {
        assert!(has_screen(|name| name == variable), "{variable}");
    }
    assert_eq!(has_screen(|_| false), cfg!(target_os = "macos"));
}

#[tokio::test]
async fn a_link_stands_alone_on_stdout() {
    let ((mut terminal, out, err), operator) = (terminal(None), operator());
    assert_eq!(link(&operator, &name("alice"), &mut terminal).await.expect("a link"), Exit::Done);
    assert_eq!(out.text(), format!("https://status.acme.example/login/{LINK}\n"));
    assert!(err.text().contains("2026-11-25T12:00:00Z") && !err.text().contains(LINK), "{}", err.text());
}

#[tokio::test]
async fn the_daemon_is_asked_for_the_link() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("carnetd.toml"), "state_dir = \"here\"\n").expect("written");
    std::fs::create_dir(directory.path().join("here")).expect("made");
    let (listener, _file) = socket::bind(&directory.path().join("here/carnetd.sock"), 0o600).await.expect("a socket");
    let server = Server::control(Arc::new(operator()), Arc::new(Metrics::new()), clock().1);
    let _task = tokio::spawn(server.serve(Listener::Unix(listener), std::future::pending()));
    let (exit, out, err) = in_directory(directory.path(), "login alice --link").await;
    assert_eq!((exit, out), (Exit::Done, format!("https://status.acme.example/login/{LINK}\n")), "{err}");
    let (exit, out, err) = in_directory(directory.path(), "login bob").await;
    assert_eq!((exit, out.as_str()), (Exit::Usage, ""), "{err}");
}

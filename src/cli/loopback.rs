//! Where the browser comes back to: one page on 127.0.0.1 (RFC 8252 §7.3), until the right answer has come.
//!
//! Any program and any page on this machine can send something here, so only the answer with this login's state ends
//! the waiting; everything else is turned away and forgotten. What an answer is good for, [`super::login`] decides.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::{Url, form_urlencoded};

use crate::clock::SharedClock;
use crate::status::{Refused, RefusedKind, confided, told};

/// How long a browser may take to fetch the last page.
const GRACE: Duration = Duration::from_secs(2);
/// How much of a provider's own words is shown, in characters.
const EXCERPT: usize = 300;

/// What a provider answered (RFC 6749 §4.1.2).
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// What the login is exchanged for.
    Code(String),
    /// No; why, in words that may be printed.
    Refusal(String),
}

/// Why something is not the answer to this login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strange {
    /// Neither a code nor an error.
    Nothing,
    /// It belongs to another login, or to none.
    AnotherLogin,
}

impl Answer {
    /// Reads the query that a provider appended to the redirect address.
    pub(super) fn of_query(query: &str, state: &str) -> Result<Self, Strange> {
        let value = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find_map(|(key, value)| (key == name).then(|| value.into_owned()))
        };
        let (code, error) = (value("code").filter(|code| !code.is_empty()), value("error"));
        if code.is_none() && error.is_none() {
            return Err(Strange::Nothing);
        }
        if !value("state").is_some_and(|given| bool::from(given.as_bytes().ct_eq(state.as_bytes()))) {
            return Err(Strange::AnotherLogin);
        }
        match (error, code) {
            (None, Some(code)) => Ok(Self::Code(code)),
            (error, _) => {
                let words = [error, value("error_description")].into_iter().flatten();
                let words: Vec<_> = words.map(|text| printable(&text)).filter(|text| !text.is_empty()).collect();
                Ok(Self::Refusal(words.join(": ")))
            }
        }
    }

    /// Reads what somebody pasted: the address that the browser ended at, or the code alone.
    pub(super) fn of_paste(line: &str, state: &str) -> Result<Self, Strange> {
        let line = line.trim();
        if let Ok(url) = Url::parse(line) {
            return Self::of_query(url.query().unwrap_or_default(), state);
        }
        if line.contains(['=', '&', '?']) {
            let query = line.split_once('?').map_or(line, |(_, query)| query);
            return Self::of_query(query, state);
        }
        if line.is_empty() || line.contains(char::is_whitespace) {
            return Err(Strange::Nothing);
        }
        // Out of an address bar it comes as it stands in the query.
        let query = format!("code={}", line.replace('+', "%2B"));
        let code = form_urlencoded::parse(query.as_bytes()).next().map(|(_, code)| code.into_owned());
        code.map(Self::Code).ok_or(Strange::Nothing)
    }
}

/// A provider's words, without what could move the cursor or fill the screen.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(EXCERPT).collect::<String>().trim().to_owned()
}

/// An answer that came to the page, and the way to say there how it ended.
pub(super) struct Came {
    pub(super) answer: Answer,
    pub(super) ended: oneshot::Sender<Ended>,
}

/// How a login ended, for the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It is kept.
    Done,
    /// The provider said no.
    Refused,
    /// It did not work.
    Failed,
}

/// A port of 127.0.0.1 that nobody answers on yet.
pub(super) struct Loopback {
    listener: TcpListener,
    redirect: Url,
}

impl Loopback {
    /// Takes this port, or any free one.
    pub(super) async fn bind(port: Option<u16>) -> Result<Self, Refused> {
        let wanted = (Ipv4Addr::LOCALHOST, port.unwrap_or(0));
        let failed = |message: String| Refused::new(RefusedKind::Failed, message);
        let listener = TcpListener::bind(wanted).await.map_err(|error| match port {
            Some(port) => failed(format!("the browser cannot come back to port {port} of 127.0.0.1: {error}"))
                .help("end the program that listens there, or name another port with --port"),
            None => failed(format!("the browser cannot come back to 127.0.0.1: {error}")),
        })?;
        let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        let redirect = Url::parse(&format!("http://{address}/")).map_err(|error| failed(error.to_string()))?;
        Ok(Self { listener, redirect })
    }

    /// Where the provider has to send the browser.
    pub(super) fn redirect(&self) -> &Url {
        &self.redirect
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.redirect.port().unwrap_or_default()
    }

    /// Answers from now on, and hands on what comes back for `state`.
    pub(super) fn serve(self, state: String, clock: SharedClock) -> Serving {
        let (to, answers) = mpsc::channel(1);
        let router = Router::new()
            .route("/", get(page))
            .fallback(|| async { (StatusCode::NOT_FOUND, confided()) })
            .with_state(Waiting { state: state.into(), to });
        let stop = CancellationToken::new();
        let serving = axum::serve(self.listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        Serving { answers, stop, clock, task: tokio::spawn(async move { serving.await }) }
    }
}

/// A page that waits for its browser. It ends when this is dropped.
pub(super) struct Serving {
    pub(super) answers: mpsc::Receiver<Came>,
    stop: CancellationToken,
    clock: SharedClock,
    task: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Takes nothing new and sends what is under way, for 2 s at most.
    pub(super) async fn close(mut self) {
        self.stop.cancel();
        // Whoever still waits for word gets the page for late comers.
        self.answers.close();
        while self.answers.try_recv().is_ok() {}
        let overdue = self.clock.sleep_until(self.clock.now().after(GRACE));
        tokio::select! {
            _ = &mut self.task => {}
            () = overdue => {}
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Waiting {
    state: std::sync::Arc<str>,
    to: mpsc::Sender<Came>,
}

async fn page(State(waiting): State<Waiting>, RawQuery(query): RawQuery) -> Response {
    let answer = match Answer::of_query(&query.unwrap_or_default(), &waiting.state) {
        Ok(answer) => answer,
        Err(strange) => {
            let text = match strange {
                Strange::Nothing => "The browser comes here after a login. The command shows where to begin.",
                Strange::AnotherLogin => "This does not belong to the login that is waited for, which goes on.",
            };
            return say(StatusCode::BAD_REQUEST, "That is not the answer", text);
        }
    };
    let (ended, how) = oneshot::channel();
    // With nobody to take it, `how` ends at once.
    let _ = waiting.to.send(Came { answer, ended }).await;
    match how.await {
        Ok(Ended::Done) => say(StatusCode::OK, "That is done", "You are logged in. You can close this window."),
        Ok(Ended::Refused) => {
            let text = "Access was not allowed, and nothing has changed. You can close this window.";
            say(StatusCode::FORBIDDEN, "The login was refused", text)
        }
        Ok(Ended::Failed) => {
            let text = "The command in the terminal says why. You can close this window.";
            say(StatusCode::BAD_GATEWAY, "The login did not work", text)
        }
        Err(_) => say(StatusCode::GONE, "This login is over", "You can close this window."),
    }
}

fn say(status: StatusCode, title: &str, text: &str) -> Response {
    (status, confided(), [(header::CONNECTION, "close")], told(title, text)).into_response()
}

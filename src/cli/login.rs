//! `carnetd login`: somebody logs in with a browser, here or elsewhere, and carnetd keeps what it may do from then on.
//!
//! The browser comes back to a page on 127.0.0.1 (`loopback`); from another machine through `ssh -L`, or somebody pastes
//! the address that it ended at. Nothing of the login passes through here but its address, state and code: the running
//! daemon, or the work in this process, exchanges and keeps it. None of them is logged, and the code is never printed.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc;
use url::Url;

use super::args;
use super::exit::Exit;
use super::loopback::{Answer, Came, Ended, Loopback, Serving, Strange};
use super::reach::{Reach, Stop};
use super::terminal::Terminal;
use crate::account::AccountName;
use crate::clock::SharedClock;
use crate::daemon::Create;
use crate::status::{LoggedIn, Operator, Refused, RefusedKind, Who};

/// How long somebody has for the login; a state is good for as long.
const PATIENCE: Duration = Duration::from_mins(10);

/// What a login needs of the machine it is typed on.
pub(super) struct Ways {
    /// Where the browser comes back to.
    pub(super) loopback: Loopback,
    /// Lines that somebody pastes; it may end at any time.
    pub(super) pasted: mpsc::Receiver<String>,
    /// Opens a browser and says whether it could; `None`: the address goes to stdout, for a browser elsewhere.
    pub(super) open: Option<fn(&Url) -> bool>,
}

pub(super) async fn login(reach: &Reach, what: args::Login, terminal: &mut Terminal) -> Result<Exit, Stop> {
    let operator = reach.operator(Create::Never).await?;
    let who = match what.account {
        Some(account) if what.link => return Ok(link(operator.as_ref(), &account, terminal).await?),
        Some(account) => Who::Account(account.to_string()),
        None => Who::Pipedrive,
    };
    let loopback = Loopback::bind(what.port).await?;
    let pasted = if what.no_browser || terminal.can_ask() { lines() } else { mpsc::channel(1).1 };
    let ways = Ways { loopback, pasted, open: (!what.no_browser).then_some(open_browser) };
    tokio::select! {
        exit = by_browser(operator.as_ref(), &who, ways, reach.clock(), terminal) => Ok(exit?),
        _ = tokio::signal::ctrl_c() => {
            terminal.note("the login was given up; nothing has changed");
            Ok(Exit::Failed)
        }
    }
}

/// Prints a link for somebody else's browser.
pub(super) async fn link(
    operator: &dyn Operator,
    account: &AccountName,
    terminal: &mut Terminal,
) -> Result<Exit, Refused> {
    let link = operator.link_login(account).await?;
    terminal.result(link.url.as_str());
    terminal.note(&format!(
        "good once, until {}; send it to the account's owner only: whoever opens it can log in for {account}",
        link.until.0
    ));
    Ok(Exit::Done)
}

/// Starts a login, waits for its answer by either way, and ends it.
pub(super) async fn by_browser(
    operator: &dyn Operator,
    who: &Who,
    ways: Ways,
    clock: &SharedClock,
    terminal: &mut Terminal,
) -> Result<Exit, Refused> {
    let Ways { loopback, mut pasted, open } = ways;
    let started = operator.start_login(who, loopback.redirect()).await?;
    // Whoever reads the address may follow it at once.
    let port = loopback.port();
    let mut serving = loopback.serve(started.state.clone(), clock.clone());
    if !invite(&started.url, open, terminal) {
        guide(port, !pasted.is_closed(), terminal);
    }

    let overdue = clock.sleep_until(clock.now().after(PATIENCE));
    let (answer, page) = tokio::select! {
        came = answer(&mut serving, &mut pasted, &started.state, terminal) => came,
        () = overdue => (Err(too_late(who)), None),
    };
    let (logged_in, ended) = match answer {
        Ok(Answer::Code(code)) => {
            let logged_in = operator.finish_login(&started.state, &code).await;
            let ended = if logged_in.is_ok() { Ended::Done } else { Ended::Failed };
            (logged_in, ended)
        }
        Ok(Answer::Refusal(why)) => (Err(refusal(&why, who)), Ended::Refused),
        Err(refused) => (Err(refused), Ended::Failed),
    };
    if let Some(page) = page {
        // The browser may have left meanwhile.
        let _ = page.send(ended);
    }
    serving.close().await;
    let line = in_words(&logged_in?);
    // With the address on stdout, nothing else may stand there.
    if open.is_some() {
        terminal.result(&line);
    } else {
        terminal.note(&line);
    }
    Ok(Exit::Done)
}

type Page = tokio::sync::oneshot::Sender<Ended>;

/// The first answer to this login, and the page that waits for its end where it came by the browser.
async fn answer(
    serving: &mut Serving,
    pasted: &mut mpsc::Receiver<String>,
    state: &str,
    terminal: &mut Terminal,
) -> (Result<Answer, Refused>, Option<Page>) {
    loop {
        tokio::select! {
            Some(Came { answer, ended }) = serving.answers.recv() => return (Ok(answer), Some(ended)),
            Some(line) = pasted.recv() => match Answer::of_paste(&line, state) {
                Ok(answer) => return (Ok(answer), None),
                Err(Strange::AnotherLogin) => terminal.note("that belongs to another login; this one still waits"),
                Err(Strange::Nothing) if line.trim().is_empty() => {}
                Err(Strange::Nothing) => {
                    terminal.note("there is no code in that; paste the whole address that the browser ended at");
                }
            },
            else => {
                let message = "the page that the browser comes back to broke off";
                return (Err(Refused::new(RefusedKind::Failed, message)), None);
            }
        }
    }
}

/// Says where to log in, and opens it where that can be. Gives back whether a browser opens here.
fn invite(url: &Url, open: Option<fn(&Url) -> bool>, terminal: &mut Terminal) -> bool {
    let Some(open) = open else {
        terminal.result(url.as_str());
        terminal.note("Open this address in a browser and log in; there are 10 minutes for it.");
        return false;
    };
    let opens = open(url);
    let what =
        if opens { "A browser opens. If none does, open this address" } else { "Open this address in a browser" };
    terminal.note(&format!("{what} and log in; there are 10 minutes for it.\n\n  {url}\n"));
    opens
}

/// Says how a browser on another machine comes back.
fn guide(port: u16, pastes: bool, terminal: &mut Terminal) {
    terminal.note(&format!(
        "A browser on another machine comes back through a tunnel, made there first:\n\n  \
         ssh -L {port}:127.0.0.1:{port} THIS_HOST\n"
    ));
    if pastes {
        terminal.note("Without one it ends at a page that cannot be reached; paste that page's address here.");
    }
}

fn in_words(logged_in: &LoggedIn) -> String {
    match &logged_in.address {
        Some(address) => format!("logged in: {} as {address}", logged_in.what),
        None => format!("logged in: {}", logged_in.what),
    }
}

/// The command that begins anew.
fn command(who: &Who) -> String {
    match who {
        Who::Account(account) => format!("carnetd login {account}"),
        Who::Pipedrive => "carnetd login --pipedrive".to_owned(),
    }
}

fn refusal(why: &str, who: &Who) -> Refused {
    // Google and Microsoft say `access_denied` (RFC 6749), Pipedrive `user_denied`.
    let denied = why.starts_with("access_denied") || why.starts_with("user_denied");
    let (said, help) = if denied {
        ("access was not allowed".to_owned(), "to try again")
    } else {
        (format!("the provider answered: {why}"), "once that is mended")
    };
    Refused::new(RefusedKind::NeedsLogin, format!("the login was refused: {said}"))
        .help(format!("{help}, run `{}`", command(who)))
}

fn too_late(who: &Who) -> Refused {
    Refused::new(RefusedKind::NeedsLogin, "nobody logged in within 10 minutes")
        .help(format!("run `{}` again", command(who)))
}

/// Lines from stdin, read in a thread of their own: a read that waits for a person must not keep the process from ending.
fn lines() -> mpsc::Receiver<String> {
    let (to, from) = mpsc::channel(1);
    let read = move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if to.blocking_send(line).is_err() {
                return;
            }
        }
    };
    // Without the thread the browser's own way remains.
    let _ = std::thread::Builder::new().name("stdin".to_owned()).spawn(read);
    from
}

/// Opens a browser where there is a screen for one; on a bare terminal `xdg-open` would start one made of text.
fn open_browser(url: &Url) -> bool {
    has_screen(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        && open::that_detached(url.as_str()).is_ok()
}

/// Whether this process could show a window.
pub(super) fn has_screen(set: impl Fn(&str) -> bool) -> bool {
    cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(set)
}

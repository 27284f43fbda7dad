//! `carnetd sandbox`: the stand-in services alone, until a signal.

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::args;
use super::exit::Exit;
use super::reach::Stop;
use super::terminal::Terminal;
use crate::clock::SharedClock;
use crate::sandbox::{Options, Sandbox, serve};
use crate::status::{Refused, RefusedKind};

pub(super) async fn sandbox(what: args::Sandbox, clock: &SharedClock, terminal: &mut Terminal) -> Result<Exit, Stop> {
    let failed = |message: String| Refused::new(RefusedKind::Failed, message);
    let seed = clock.now().0.unsigned_abs();
    let sandbox = Sandbox::open_patiently(Options { state: what.state, clock: clock.clone(), seed }).await;
    let sandbox = sandbox.map_err(|error| failed(error.to_string()))?;
    let listener = TcpListener::bind(what.listen).await.map_err(|error| {
        failed(format!("the sandbox cannot listen on {}: {error}", what.listen))
            .help("name another address with --listen")
    })?;
    let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
    let stop = stop_signal().map_err(|error| failed(format!("signals cannot be received: {error}")))?;
    terminal.note(&format!("the sandbox listens on http://{address}/; its persons: http://{address}/pipedrive/"));
    serve(listener, sandbox, stop).await.map_err(|error| failed(format!("the sandbox's server broke off: {error}")))?;
    Ok(Exit::Done)
}

fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

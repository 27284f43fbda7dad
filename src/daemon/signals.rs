//! The operating system's way to the loop: signals in, systemd's notifications out.

use futures_util::StreamExt as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook_tokio::Signals;
use tokio::sync::mpsc;

use super::event::Event;

/// Turns signals into events until the loop is gone.
pub(super) fn listen(events: mpsc::UnboundedSender<Event>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT, SIGUSR1])?;
    tokio::spawn(async move {
        while let Some(signal) = signals.next().await {
            let event = match signal {
                SIGHUP => Event::Reload { refresh: true, reply: None },
                SIGUSR1 => Event::LogStatus,
                _ => Event::Stop,
            };
            if events.send(event).is_err() {
                break;
            }
        }
    });
    Ok(())
}

/// Tells systemd; outside a unit nothing happens.
pub(super) fn tell(states: &[sd_notify::NotifyState<'_>]) {
    // A manager that does not listen any more is no reason to stop.
    let _ = sd_notify::notify(states);
}

/// Half of the watchdog's limit, where systemd wants to hear from us.
pub(super) fn watchdog() -> Option<std::time::Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

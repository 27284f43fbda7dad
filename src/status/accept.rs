//! Takes connections in, talks HTTP on them, and lets nobody keep one for nothing.
//!
//! # Guarantees
//!
//! A connection on which no request's head arrives in time is closed, whether it is new, half-way, or idle after an answer.
//! There are never more than so many at once: further ones wait in the system's queue, and the process keeps its file
//! descriptors for cards. Answers may take as long as they like: a live page stays open, a pass may take hours.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SharedClock;

/// How long the system gets to free what it lacks (file descriptors, memory) before connections are taken again.
const RESPITE: Duration = Duration::from_secs(1);

/// What one listener bears.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at once.
    pub(super) connections: usize,
    /// How long a request's head may take from when it is waited for. Real time: the library keeps it.
    pub(super) head: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 256, head: Duration::from_secs(10) }
    }
}

/// Where connections come from.
pub(super) trait Accept {
    /// One of them.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// Waits for the next one.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Accept for TcpListener {
    type Stream = tokio::net::TcpStream;
    async fn next(&self) -> io::Result<Self::Stream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

impl Accept for UnixListener {
    type Stream = tokio::net::UnixStream;
    async fn next(&self) -> io::Result<Self::Stream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

/// Answers until `stop`, and then what is under way to its end.
pub(super) async fn serve(
    listener: impl Accept,
    router: Router,
    limits: Limits,
    clock: SharedClock,
    stop: CancellationToken,
) {
    let (room, talks) = (Arc::new(Semaphore::new(limits.connections)), TaskTracker::new());
    loop {
        let taken = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.next().await)
        };
        let (place, stream) = tokio::select! {
            taken = taken => taken,
            () = stop.cancelled() => break,
        };
        match stream {
            Ok(stream) => {
                let talk = talk(stream, router.clone(), limits.head, stop.clone());
                talks.spawn(async move {
                    talk.await;
                    drop(place);
                });
            }
            Err(error) if is_the_visitor_s(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection to the status server could not be taken");
                clock.sleep_until(clock.now().after(RESPITE)).await;
            }
        }
    }
    drop(listener);
    talks.close();
    talks.wait().await;
}

/// One connection. How it ends is the visitor's business.
async fn talk<S>(stream: S, router: Router, head: Duration, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
            return;
        }
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Whether a connection failed that somebody gave up: the next one may be fine.
fn is_the_visitor_s(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

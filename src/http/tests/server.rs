//! A server that does what a script says, one request per connection, and then is gone: a request too many is refused.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use url::Url;

/// What the server does with a request that it has read whole.
pub(super) enum Act {
    /// Writes this and closes.
    Write(Vec<u8>),
    /// Says that the request is there, waits to be let go, then writes this.
    Hold { arrived: Arc<Notify>, go: Arc<Notify>, then: Vec<u8> },
}

pub(super) struct Server {
    pub(super) url: Url,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) async fn start(script: Vec<Act>) -> Self {
        let (listener, url) = Self::bind().await;
        Self::on(listener, url, script)
    }

    /// A place to listen at, for scripts that must know their own URL.
    pub(super) async fn bind() -> (TcpListener, Url) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}/", listener.local_addr().expect("it is bound")).parse().expect("a URL");
        (listener, url)
    }

    pub(super) fn on(listener: TcpListener, url: Url, script: Vec<Act>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        tokio::spawn(async move {
            for act in script {
                let Ok((stream, _)) = listener.accept().await else { return };
                play(stream, act, &log).await;
            }
        });
        Self { url, seen }
    }

    pub(super) fn at(&self, path: &str) -> Url {
        self.url.join(path).expect("a path")
    }

    /// The requests so far, as they came.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test panicked with it").clone()
    }
}

/// Reads one request and does what the script says.
pub(super) async fn play(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, act: Act, seen: &Mutex<Vec<String>>) {
    let mut read = Vec::new();
    while !whole(&read) {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(n) if n > 0 => read.extend_from_slice(&chunk[..n]),
            _ => break,
        }
    }
    seen.lock().expect("no test panicked with it").push(String::from_utf8_lossy(&read).into_owned());
    let bytes = match act {
        Act::Write(bytes) => bytes,
        Act::Hold { arrived, go, then } => {
            arrived.notify_one();
            go.notified().await;
            then
        }
    };
    // Whoever gave up waiting is gone; that is part of some scripts.
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
}

/// Whether the head and as much body as it promises are there. What is no HTTP is whole at once.
fn whole(read: &[u8]) -> bool {
    if read.first().is_some_and(|byte| !byte.is_ascii_uppercase()) {
        return true;
    }
    let text = String::from_utf8_lossy(read).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    body.len() >= length
}

/// An answer with this status, these further header lines and this body.
pub(super) fn answer(status: u16, headers: &str, body: &[u8]) -> Act {
    let separator = if headers.is_empty() { "" } else { "\r\n" };
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}{separator}{headers}\r\n\r\n",
        body.len()
    );
    Act::Write([head.as_bytes(), body].concat())
}

/// The connection ends without a byte.
pub(super) fn cut() -> Act {
    Act::Write(Vec::new())
}

/// The head is whole, the body is not.
pub(super) fn cut_body() -> Act {
    Act::Write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":".to_vec())
}

//! Opens the commands' socket and the status server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;

use super::engine::Engine;
use super::operator::Running;
use crate::config::Listen;
use crate::status::socket::SocketFile;
use crate::status::{self, Notice, Notices, Operator};

pub(super) type Server = tokio::task::JoinHandle<()>;

/// How often the commands' socket is looked for: a tidied-up directory must not lock everybody out for long.
const LOOK: Duration = Duration::from_secs(30);

/// Opens the commands' socket and the status server, and says where the dashboard is. The sockets' files live as long as
/// what is returned.
pub(super) async fn serve(
    engine: &Arc<Engine>,
    operator: &Arc<Running>,
    notices: &dyn Notices,
) -> Result<(Vec<Server>, Vec<SocketFile>), String> {
    let config = engine.config();
    let operator: Arc<dyn Operator> = Arc::clone(operator) as _;
    let (mut servers, mut files) = (Vec::new(), Vec::new());
    let commands = Commands {
        path: status::socket::path(&engine.environment, &config.state_dir),
        engine: Arc::clone(engine),
        operator: Arc::clone(&operator),
    };
    let (socket, file) = status::socket::bind(&commands.path, MODE).await.map_err(|error| error.to_string())?;
    servers.push(tokio::spawn(commands.keep(socket, file)));

    let listener = match &config.status.listen {
        Listen::Off => return Ok((servers, files)),
        Listen::Tcp(address) => {
            let failed =
                |error| format!("the dashboard cannot listen on {address}: {error}; choose another [status] listen");
            let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            let shown =
                config.status.public_url.as_ref().map_or_else(|| format!("http://{address}/"), ToString::to_string);
            notices.tell(Notice::Dashboard(shown));
            status::Listener::Tcp(listener)
        }
        Listen::Unix(path) => {
            let (listener, file) = status::socket::bind(path, 0o660).await.map_err(|error| error.to_string())?;
            files.push(file);
            notices.tell(Notice::Dashboard(format!("unix:{}", path.display())));
            status::Listener::Unix(listener)
        }
    };
    let token = match &config.status.token {
        Some(source) => {
            let token = source.read(engine.environment.credentials_directory.as_deref(), &engine.clock).await;
            Some(token.map_err(|error| format!("the status server's token: {error}"))?)
        }
        None => None,
    };
    let door = status::Door::new(&config.status, token);
    let server = status::Server::public(operator, Arc::clone(&engine.metrics), Arc::clone(&engine.clock), door);
    servers.push(tokio::spawn(server.serve(listener, engine.cancel.clone().cancelled_owned())));
    Ok((servers, files))
}

/// The commands' socket is its user's alone.
const MODE: u32 = 0o600;

/// The commands' socket and its server.
struct Commands {
    path: PathBuf,
    engine: Arc<Engine>,
    operator: Arc<dyn Operator>,
}

impl Commands {
    /// Serves until the daemon ends. Where the socket's file is removed nobody can come any more: it is made again.
    async fn keep(self, mut socket: UnixListener, mut file: SocketFile) {
        loop {
            let stop = self.engine.cancel.child_token();
            let (metrics, clock) = (Arc::clone(&self.engine.metrics), Arc::clone(&self.engine.clock));
            let server = status::Server::control(Arc::clone(&self.operator), metrics, clock);
            let serving = server.serve(status::Listener::Unix(socket), stop.clone().cancelled_owned());
            let serving = tokio::spawn(serving);
            let made = self.made_again(&file).await;
            // Whoever came through the old socket is answered still.
            stop.cancel();
            let Some((again, new)) = made else {
                let _ = serving.await;
                return;
            };
            std::mem::replace(&mut file, new).abandon();
            socket = again;
        }
    }

    /// Waits until the socket had to be made again; `None` where the daemon ends first.
    async fn made_again(&self, file: &SocketFile) -> Option<(UnixListener, SocketFile)> {
        let clock = &self.engine.clock;
        loop {
            tokio::select! {
                () = clock.sleep_until(clock.now().after(LOOK)) => {}
                () = self.engine.cancel.cancelled() => return None,
            }
            if file.is_there() {
                continue;
            }
            match status::socket::bind(&self.path, MODE).await {
                Ok(made) => {
                    tracing::warn!(path = %self.path.display(), "the commands' socket was removed; it is made again");
                    return Some(made);
                }
                Err(error) => tracing::warn!(%error, "the commands' socket was removed and could not be made again"),
            }
        }
    }
}

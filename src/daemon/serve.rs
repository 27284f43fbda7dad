//! Opens the commands' socket and the status server.

use std::sync::Arc;

use super::engine::Engine;
use super::operator::Running;
use crate::config::Listen;
use crate::status::socket::SocketFile;
use crate::status::{self, Notice, Notices};

pub(super) type Server = tokio::task::JoinHandle<()>;

/// Opens the commands' socket and the status server, and says where the dashboard is. The sockets' files live as long as
/// what is returned.
pub(super) async fn serve(
    engine: &Arc<Engine>,
    operator: &Arc<Running>,
    notices: &dyn Notices,
) -> Result<(Vec<Server>, Vec<SocketFile>), String> {
    let config = engine.config();
    let operator: Arc<dyn status::Operator> = Arc::clone(operator) as _;
    let around = || (Arc::clone(&operator), Arc::clone(&engine.metrics), Arc::clone(&engine.clock));
    let (mut servers, mut files) = (Vec::new(), Vec::new());
    let mut start = |server: status::Server, listener| {
        let serving = server.serve(listener, engine.cancel.clone().cancelled_owned());
        servers.push(tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "a server stopped");
            }
        }));
    };
    let path = status::socket::path(&engine.environment, &config.state_dir);
    let (socket, file) = status::socket::bind(&path, 0o600).await.map_err(|error| error.to_string())?;
    files.push(file);
    let (asked, metrics, clock) = around();
    start(status::Server::control(asked, metrics, clock), status::Listener::Unix(socket));

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
    let (asked, metrics, clock) = around();
    let door = status::Door::new(&config.status, token);
    start(status::Server::public(asked, metrics, clock, door), listener);
    Ok((servers, files))
}

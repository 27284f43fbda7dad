//! Keeps what carnetd asks a stand-in, byte for byte, for a check against the vendor's description.
//!
//! `CARNETD_RECORD` names the folder; without it nothing stands between carnetd and the stand-in. Each file is what one
//! connection sent. `tests/oracle/google_requests.py` reads them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use carnetd::http::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Numbers the files of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The folder that requests are kept in, if they are.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CARNETD_RECORD").filter(|folder| !folder.is_empty()).map(PathBuf::from)?;
    fs::create_dir_all(&folder).expect("a folder");
    Some(folder)
}

/// Another address of the service at `root`, where everything that it is asked is kept.
pub(crate) async fn before(root: &Url, folder: PathBuf, stop: CancellationToken) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let service = root.socket_addrs(|| None).expect("an address")[0];
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        while let Ok((theirs, _)) = listener.accept().await {
            let file = file(&folder);
            tokio::spawn(async move {
                if let Ok(ours) = TcpStream::connect(service).await {
                    join(theirs, ours, file).await;
                }
            });
        }
    }));
    let mut tee = root.clone();
    tee.set_port(Some(port)).expect("it has a host");
    tee
}

fn file(folder: &Path) -> File {
    let name = format!("{}-{}.http", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    File::create(folder.join(name)).expect("a file")
}

/// Carries bytes both ways until either side ends; an answer that is cut off here is cut off there.
async fn join(theirs: TcpStream, ours: TcpStream, mut file: File) {
    let ((mut from_client, mut to_client), (mut from_service, mut to_service)) =
        (theirs.into_split(), ours.into_split());
    let asking = async {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            file.write_all(&bytes[..read]).expect("kept");
            if to_service.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
    };
    let answering = async {
        let _ = tokio::io::copy(&mut from_service, &mut to_client).await;
    };
    tokio::select! {
        () = asking => {}
        () = answering => {}
    }
}

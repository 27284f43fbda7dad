//! The commands' Unix socket: where it stands, and making it.
//!
//! It belongs to one user (0600), which is all the protection it has and needs. A file that nobody answers on is left
//! from a process that was killed and is replaced; one that somebody answers on is another daemon and is left alone.

use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::config::Environment;

/// The socket's file name.
const FILE: &str = "carnetd.sock";
/// What the kernel takes as a path (`sun_path`, unix(7)): 108 bytes with the closing zero.
const LONGEST: usize = 107;
/// Where systemd puts `RuntimeDirectory=carnetd`, for commands typed outside the unit.
const UNIT_DIRECTORY: &str = "/run/carnetd";

/// Where the daemon of this environment makes its socket: `$RUNTIME_DIRECTORY`, else the state directory.
pub fn path(env: &Environment, state_dir: &Path) -> PathBuf {
    env.runtime_directory.as_deref().unwrap_or(state_dir).join(FILE)
}

/// Where a daemon may listen that uses this environment's configuration, likeliest first.
///
/// The files may be broken, or newer than what the daemon uses, and a command must reach it all the same: so nothing but
/// `state_dir` is read from them, as far as they can be read.
pub fn candidates(env: &Environment) -> Vec<PathBuf> {
    let state_dir = stated(env).map(|stated| env.base().join(stated));
    let system = env.config_path.starts_with("/etc");
    let usual = if system { PathBuf::from("/var/lib/carnetd") } else { env.base().join("state") };
    let unit = system.then(|| PathBuf::from(UNIT_DIRECTORY));
    let state = state_dir.or_else(|| env.state_directory.clone()).unwrap_or(usual);
    let mut paths: Vec<_> = env.runtime_directory.iter().cloned().chain(unit).chain([state]).collect();
    paths.dedup();
    paths.iter().map(|directory| directory.join(FILE)).collect()
}

/// `state_dir` from a file that may be broken elsewhere.
fn stated(env: &Environment) -> Option<PathBuf> {
    let text = std::fs::read_to_string(&env.config_path).ok()?;
    let (table, _) = toml::de::DeTable::parse_recoverable(&text);
    table.get_ref().get("state_dir")?.get_ref().as_str().map(PathBuf::from)
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The kernel would not take the path.
    #[error(
        "the socket's path {path} has {length} bytes, and the system takes {LONGEST}; choose a shorter state_dir, or set $RUNTIME_DIRECTORY"
    )]
    TooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// Another process answers on it.
    #[error("another process listens on {path}; stop the other carnetd, or give this one a state_dir of its own")]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot listen on {path}: {source}; check that the directory exists and that carnetd may write there")]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The file of a socket that is listened on; it is removed when this is dropped, unless another took its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: Option<u64>,
}

impl SocketFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nobody removed or replaced it.
    pub fn is_there(&self) -> bool {
        self.inode.is_some() && self.inode == inode(&self.path)
    }

    /// Gives it up: whatever stands at its path by now is somebody else's.
    pub fn abandon(mut self) {
        self.inode = None;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_there() {
            // Whatever keeps it from being removed, the next start replaces it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::symlink_metadata(path).ok().map(|metadata| metadata.ino())
}

/// Listens on `path` with the file mode `mode`: 0o600 for the commands' socket.
pub async fn bind(path: &Path, mode: u32) -> Result<(UnixListener, SocketFile), SocketError> {
    fits(path)?;
    let failed = |source| SocketError::Io { path: path.to_owned(), source };
    match UnixStream::connect(path).await {
        Ok(_) => return Err(SocketError::InUse { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused && is_socket(path) => {
            std::fs::remove_file(path).map_err(failed)?;
        }
        // Not there; and what else may be wrong, binding says better.
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    let file = SocketFile { path: path.to_owned(), inode: inode(path) };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    Ok((listener, file))
}

/// Whether the kernel takes the path.
pub(super) fn fits(path: &Path) -> Result<(), SocketError> {
    let length = path.as_os_str().as_bytes().len();
    if length > LONGEST { Err(SocketError::TooLong { path: path.to_owned(), length }) } else { Ok(()) }
}

fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

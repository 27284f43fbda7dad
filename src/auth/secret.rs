//! Where a secret is kept, and reading it when it is needed.
//!
//! A secret is read anew each time, so that a rotated one is used without a reload; it travels as a
//! [`SecretString`], which neither `Debug` nor an error shows. What a command prints on stderr is not shown either: it
//! may repeat what it was asked for.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::{SecretString, zeroize::Zeroize};
use tokio::io::AsyncReadExt;

use crate::clock::{Clock, SharedClock};

/// A command has to answer within this time.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Largest secret: a service account's JSON key has about 2 400 bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file, by its absolute path.
    File(PathBuf),
    /// A program and its arguments; its standard output is the secret. No shell is involved.
    Command(Vec<String>),
    /// A credential that systemd passes to the unit, by its name.
    Credential(String),
}

/// A secret's place, together with where systemd's credentials lie: all that reading it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPlace {
    /// Where it is kept.
    pub source: SecretSource,
    /// `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
}

impl SecretPlace {
    /// Reads the secret: [`SecretSource::read`].
    pub async fn read(&self, clock: &SharedClock) -> Result<SecretString, SecretError> {
        self.source.read(self.credentials.as_deref(), clock).await
    }
}

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file is not there or not readable.
    #[error("cannot read the secret file {path}: {source}; correct the path or its permissions")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("the secret from {0} is empty; write it there, with or without a newline at its end")]
    Empty(String),
    /// There is too much in it.
    #[error("the secret from {0} is longer than 64 KiB; it is probably another file")]
    TooLong(String),
    /// It is not text.
    #[error("the secret from {0} is not UTF-8 text")]
    NotText(String),
    /// The program could not be started.
    #[error("cannot start {program} for a secret: {source}; give its full path, and let carnetd's user execute it")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program failed.
    #[error("{program} gave no secret: it ended with {status}; run it by hand as carnetd's user")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The program did not end.
    #[error("{program} gave no secret within 30 s and was stopped; it must not ask anything")]
    TimedOut {
        /// The program.
        program: String,
    },
    /// There is no directory of credentials.
    #[error("the credential {0:?} is only there inside the systemd unit; ask the running daemon instead")]
    OutsideUnit(String),
}

impl SecretSource {
    /// Reads the secret, without one newline at its end.
    ///
    /// `credentials` is `$CREDENTIALS_DIRECTORY`. A file that others may read is read all the same, with a warning:
    /// container platforms mount secrets that way, and refusing would only teach people to copy them. A group may
    /// read it without a warning, since that is how root shares one with a service's user.
    ///
    /// # Errors
    /// See [`SecretError`]; none holds any of the secret.
    pub async fn read(&self, credentials: Option<&Path>, clock: &SharedClock) -> Result<SecretString, SecretError> {
        let bytes = match self {
            Self::File(path) => read_file(path).await?,
            Self::Command(argv) => run(argv, clock.as_ref()).await?,
            Self::Credential(name) => match credentials {
                Some(directory) => read_file(&directory.join(name)).await?,
                None => return Err(SecretError::OutsideUnit(name.clone())),
            },
        };
        self.accept(bytes)
    }

    fn accept(&self, bytes: Vec<u8>) -> Result<SecretString, SecretError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(SecretError::TooLong(self.to_string()));
        }
        let mut text = String::from_utf8(bytes).map_err(|error| {
            error.into_bytes().zeroize();
            SecretError::NotText(self.to_string())
        })?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let secret = (!line.trim().is_empty()).then(|| SecretString::from(line));
        text.zeroize();
        secret.ok_or_else(|| SecretError::Empty(self.to_string()))
    }
}

/// Names the place, never the secret: `file /etc/x`, `command pass`, `credential x`.
impl std::fmt::Display for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Command(argv) => write!(f, "command {}", argv.first().map_or("", String::as_str)),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

async fn read_file(path: &Path) -> Result<Vec<u8>, SecretError> {
    let failed = |source| SecretError::File { path: path.to_owned(), source };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    warn_if_open_to_all(path, &file.metadata().await.map_err(failed)?);
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    Ok(bytes)
}

fn warn_if_open_to_all(path: &Path, metadata: &std::fs::Metadata) {
    use std::os::unix::fs::PermissionsExt;

    let mode = metadata.permissions().mode();
    if mode & 0o004 != 0 {
        let mode = format!("{:o}", mode & 0o7777);
        tracing::warn!(path = %path.display(), mode, "every user of this machine can read the secret: chmod 600 it");
    }
}

async fn run(argv: &[String], clock: &dyn Clock) -> Result<Vec<u8>, SecretError> {
    let (program, arguments) = argv.split_first().ok_or_else(|| SecretError::Empty("an empty command".to_owned()))?;
    let start = |source| SecretError::Start { program: program.clone(), source };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let stdout = child.stdout.take();
    let answer = async {
        let mut bytes = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(MAX_BYTES + 1).read_to_end(&mut bytes).await?;
        }
        Ok::<_, io::Error>((bytes, child.wait().await?))
    };
    let limit = clock.sleep_until(clock.now().after(COMMAND_LIMIT));
    let (mut bytes, status) = tokio::select! {
        answer = answer => answer.map_err(start)?,
        () = limit => return Err(SecretError::TimedOut { program: program.clone() }),
    };
    if status.success() {
        return Ok(bytes);
    }
    bytes.zeroize();
    Err(SecretError::Failed { program: program.clone(), status })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Moment, RealClock, SimulatedClock};
    use secrecy::ExposeSecret;
    use std::sync::Arc;

    fn clock() -> SharedClock {
        Arc::new(RealClock)
    }

    fn sh(script: &str) -> SecretSource {
        SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn one_newline_at_the_end_is_no_part_of_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        for (text, secret) in [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), (" a b \n\n", " a b \n")] {
            std::fs::write(&path, text).expect("written");
            let read = SecretSource::File(path.clone()).read(None, &clock()).await.expect("a secret");
            assert_eq!(read.expose_secret(), secret);
            assert!(!format!("{read:?}").contains("abc"));
        }
        let credential = SecretSource::Credential("token".to_owned());
        std::fs::write(&path, "c").expect("written");
        assert_eq!(credential.read(Some(directory.path()), &clock()).await.expect("read").expose_secret(), "c");
        let outside = credential.read(None, &clock()).await.expect_err("no unit");
        assert!(outside.to_string().contains("only there inside the systemd unit"), "{outside}");
    }

    #[tokio::test]
    async fn empty_missing_and_binary_secrets_are_refused_by_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        let source = SecretSource::File(path.clone());
        let missing = source.read(None, &clock()).await.expect_err("missing").to_string();
        assert!(missing.contains("token") && missing.contains("correct the path"), "{missing}");
        std::fs::write(&path, " \n").expect("written");
        assert!(matches!(source.read(None, &clock()).await, Err(SecretError::Empty(_))));
        std::fs::write(&path, [0xff, 0xfe]).expect("written");
        assert!(matches!(source.read(None, &clock()).await, Err(SecretError::NotText(_))));
        std::fs::write(&path, vec![b'a'; 70_000]).expect("written");
        assert!(matches!(source.read(None, &clock()).await, Err(SecretError::TooLong(_))));
    }

    #[tokio::test]
    async fn a_commands_output_is_the_secret_and_its_failure_shows_nothing_of_it() {
        assert_eq!(sh("echo abc").read(None, &clock()).await.expect("a secret").expose_secret(), "abc");
        let failed = sh("echo abc; echo abc >&2; exit 3").read(None, &clock()).await.expect_err("it failed");
        assert!(failed.to_string().contains("exit status: 3") && !format!("{failed:?}{failed}").contains("abc"));
        let nowhere = SecretSource::Command(vec!["/nowhere/pass".to_owned()]).read(None, &clock()).await;
        assert!(nowhere.expect_err("no such program").to_string().contains("/nowhere/pass"));
    }

    #[tokio::test]
    async fn a_command_that_waits_is_stopped_after_30_seconds() {
        let clock = SimulatedClock::new(Moment(0));
        let shared: SharedClock = Arc::new(clock.clone());
        let source = sh("exec sleep 1000");
        let read = source.read(None, &shared);
        tokio::pin!(read);
        assert!(futures_util::poll!(read.as_mut()).is_pending());
        clock.advance(COMMAND_LIMIT);
        assert!(matches!(read.await, Err(SecretError::TimedOut { .. })));
    }
}

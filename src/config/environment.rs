//! What the process was given beside the file: a value, so that a test or a rehearsal can give something else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The surroundings a configuration is loaded in. Every field but the first may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// The file that `--config` names.
    pub config_path: PathBuf,
    /// `$STATE_DIRECTORY`, the first of several: where state lives unless `state_dir` says otherwise.
    pub state_directory: Option<PathBuf>,
    /// `$RUNTIME_DIRECTORY`, the first of several: where the socket stands.
    pub runtime_directory: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`: what `X_credential` keys name. Unset outside the unit.
    pub credentials_directory: Option<PathBuf>,
    /// `$HTTPS_PROXY` or `$https_proxy`, used where `[http] proxy` says nothing.
    pub https_proxy: Option<ProxyText>,
    /// `$NO_PROXY` or `$no_proxy`, as given.
    pub no_proxy: Option<String>,
}

/// A proxy's URL as given. It may hold a password, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyText(pub String);

impl std::fmt::Debug for ProxyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProxyText(…)")
    }
}

impl Environment {
    /// Reads the process's variables. An empty one counts as unset.
    pub fn from_process(config_path: &Path) -> Self {
        Self::from_variables(config_path, |name| std::env::var_os(name))
    }

    /// The same from any source of variables.
    pub fn from_variables(config_path: &Path, get: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = |upper: &str, lower: &str| set(upper).or_else(|| set(lower)).and_then(|v| v.into_string().ok());
        // systemd joins several directories with colons.
        let directory = |name: &str| set(name).and_then(|value| std::env::split_paths(&value).next());
        Self {
            config_path: config_path.to_owned(),
            state_directory: directory("STATE_DIRECTORY"),
            runtime_directory: directory("RUNTIME_DIRECTORY"),
            credentials_directory: set("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            https_proxy: text("HTTPS_PROXY", "https_proxy").map(ProxyText),
            no_proxy: text("NO_PROXY", "no_proxy"),
        }
    }

    /// The directory that relative paths in the main file start from.
    pub fn base(&self) -> &Path {
        base_of(&self.config_path)
    }
}

/// The directory that relative paths in `file` start from.
pub(super) fn base_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_directories_counts_and_empty_is_unset() {
        let env = Environment::from_variables(Path::new("carnetd.toml"), |name| match name {
            "STATE_DIRECTORY" => Some("/var/lib/a:/var/lib/b".into()),
            "https_proxy" => Some("http://user:hunter2@proxy:3128".into()),
            "NO_PROXY" => Some("".into()),
            _ => None,
        });
        assert_eq!(env.state_directory, Some(PathBuf::from("/var/lib/a")));
        assert_eq!(env.no_proxy, None);
        assert_eq!(env.base(), Path::new("."));
        assert!(!format!("{env:?}").contains("hunter2"));
    }
}

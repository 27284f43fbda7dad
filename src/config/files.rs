//! Which files are loaded, and what they hold in one number.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use super::environment::base_of;

/// Largest file that is read: a thousand accounts need a tenth of it.
pub(super) const MAX_BYTES: u64 = 4 << 20;

/// Links followed on the way to a file, as in Linux.
const MAX_LINKS: usize = 40;

/// The main file and the directory of further accounts.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) main: PathBuf,
    pub(super) accounts_dir: PathBuf,
}

impl Files {
    /// With the default directory.
    pub(super) fn of(main: &Path) -> Self {
        Self { main: main.to_owned(), accounts_dir: base_of(main).join("accounts.d") }
    }

    /// The same, seen from anywhere.
    pub(super) fn absolute(&self) -> Self {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { main: absolute(&self.main), accounts_dir: absolute(&self.accounts_dir) }
    }

    /// Every `*.toml` of the accounts directory in the order of names; not the main file, should it stand there, too.
    pub(super) fn accounts(&self) -> io::Result<Vec<PathBuf>> {
        let main = std::fs::canonicalize(&self.main).ok();
        let is_main =
            |path: &Path| path.file_name() == self.main.file_name() && std::fs::canonicalize(path).ok() == main;
        let entries = std::fs::read_dir(&self.accounts_dir)?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut paths: Vec<_> = paths.filter(|path| is_account_file(path) && !is_main(path)).collect();
        paths.sort();
        Ok(paths)
    }

    /// Whether `path` would be read as a file of the accounts directory.
    pub(super) fn holds(&self, path: &Path) -> bool {
        path.parent() == Some(&self.accounts_dir) && is_account_file(path)
    }

    /// Every path whose change may change which bytes are loaded, except for the accounts directory's plain files.
    pub(super) fn on_the_way(&self) -> BTreeSet<PathBuf> {
        let accounts = self.accounts().unwrap_or_default();
        let links = accounts.into_iter().filter(|path| path.is_symlink());
        [self.main.clone(), self.accounts_dir.clone()].into_iter().chain(links).flat_map(|path| way_to(&path)).collect()
    }

    /// What all of them hold now.
    pub(super) fn fingerprint(&self) -> u64 {
        combine(fingerprint_of(&self.main), self.fingerprint_of_accounts())
    }

    /// What the accounts directory holds now.
    pub(super) fn fingerprint_of_accounts(&self) -> u64 {
        let paths = self.accounts().map_err(|error| error.kind());
        hash(&paths.map(|paths| paths.iter().map(|path| (path.clone(), fingerprint_of(path))).collect::<Vec<_>>()))
    }
}

/// Hidden files are editors' locks and backups.
fn is_account_file(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && path.extension().is_some_and(|extension| extension == "toml")
}

/// What one file holds now; of one that cannot be read, why.
pub(super) fn fingerprint_of(path: &Path) -> u64 {
    hash(&match read(path) {
        Ok(bytes) => Ok(bytes),
        Err(Unreadable::Io(error)) => Err((0, Some(error.kind()))),
        Err(Unreadable::NotAFile) => Err((1, None)),
        Err(Unreadable::TooLarge(bytes)) => Err((bytes, None)),
    })
}

/// Both in one.
pub(super) fn combine(main: u64, accounts: u64) -> u64 {
    hash(&(main, accounts))
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Why a file is not read.
#[derive(Debug)]
pub(super) enum Unreadable {
    Io(io::Error),
    /// A directory; or a pipe, which would be waited for.
    NotAFile,
    TooLarge(u64),
}

/// The bytes of a file that may be configuration.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let metadata = std::fs::metadata(path).map_err(Unreadable::Io)?;
    if !metadata.is_file() {
        return Err(Unreadable::NotAFile);
    }
    if metadata.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge(metadata.len()));
    }
    std::fs::read(path).map_err(Unreadable::Io)
}

/// Where the path leads: itself, every symlink met, and what each points at.
fn way_to(path: &Path) -> Vec<PathBuf> {
    let mut way = Vec::new();
    let mut current = path.to_owned();
    for _ in 0..MAX_LINKS {
        way.push(current.clone());
        let mut prefixes: Vec<_> = current.ancestors().collect();
        prefixes.reverse();
        let Some(link) = prefixes.into_iter().find(|prefix| prefix.is_symlink()) else { break };
        let (Ok(target), Ok(rest)) = (std::fs::read_link(link), current.strip_prefix(link)) else { break };
        way.push(link.to_owned());
        let target = base_of(link).join(target);
        // Joining nothing would append a slash.
        current = if rest.as_os_str().is_empty() { target } else { target.join(rest) };
    }
    way
}

//! Where the cards are and which of them are in the group; how a path becomes an id and back.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::account::{Country, Group};
use crate::adapter::{Error, Kind};
use crate::contact::ContactId;
use crate::vcard::Card;

/// What stands in an id where a file's name is no UTF-8.
pub(super) const NO_TEXT: char = char::REPLACEMENT_CHARACTER;

/// Which cards, and how they are read.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) root: PathBuf,
    pub(super) group: Group,
    pub(super) country: Option<Country>,
}

impl Place {
    /// The id of a path, if a contact may live there. A name that is no UTF-8 makes an id that leads nowhere, so that its
    /// file is reported and not left out.
    pub(super) fn id_of(&self, path: &Path) -> Option<ContactId> {
        let below = path.strip_prefix(&self.root).ok()?;
        let names: Vec<&OsStr> = below.iter().collect();
        let hidden = names.iter().any(|name| is_hidden(name));
        let is_card = below.extension().is_some_and(|e| e.eq_ignore_ascii_case("vcf"));
        let id = || names.iter().map(|name| name.to_string_lossy()).collect::<Vec<_>>().join("/");
        (matches!(names.len(), 1 | 2) && !hidden && is_card).then(|| ContactId::from(id()))
    }

    /// The path of an id; `None` for what no listing gives, such as a way out of the folder.
    pub(super) fn path(&self, id: &ContactId) -> Option<PathBuf> {
        let path = self.root.join(id.as_str());
        (self.id_of(&path).as_ref() == Some(id)).then_some(path)
    }

    /// The sub-folder that is the group, where there is one. A group's name may be anything, also `..`.
    pub(super) fn group_folder(&self) -> Option<&str> {
        let Group::Named(name) = &self.group else { return None };
        let one_name =
            matches!(*Path::new(name).components().collect::<Vec<_>>(), [Component::Normal(n)] if n == &**name);
        (one_name && !is_hidden(name.as_ref()) && self.root.join(name).is_dir()).then_some(name)
    }

    /// Whether a card is in the group by where it is.
    pub(super) fn is_inside(&self, id: &ContactId) -> bool {
        match &self.group {
            Group::Whole => true,
            Group::Named(name) => id.as_str().split_once('/').is_some_and(|(folder, _)| folder == name),
        }
    }

    /// Whether a card is in the group.
    pub(super) fn is_member(&self, id: &ContactId, card: &Card) -> bool {
        self.is_inside(id) || matches!(&self.group, Group::Named(name) if card.categories().contains(name))
    }
}

/// `.git`, and what is being written.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

/// Nothing is there, not even the way.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// In words; nothing is concluded from what could not be read. A file's name may be a contact's: its folder is named.
pub(super) fn failed(doing: &str, folder: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Forbidden,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::Later { until: None },
        _ => Kind::Unavailable,
    };
    Error::new(kind, format!("{doing} {}: {error}; {}", folder.display(), what_to_do(error)))
}

/// What a human being can do about an error of the file system.
pub(super) fn what_to_do(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "is it mounted? Nothing is taken for deleted",
        io::ErrorKind::NotADirectory => "a folder of vCards is expected; correct the account's `path`",
        io::ErrorKind::PermissionDenied => "give the user that carnetd runs as access to it",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room; the cards there are as they were",
        io::ErrorKind::ReadOnlyFilesystem => "mount it writable, or use direction = \"one-way\"",
        _ => "it is tried again",
    }
}

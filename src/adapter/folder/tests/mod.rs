//! Real folders. With a watch each test waits for the mark of what it did; without one every listing looks.

mod bad;
mod changes;
mod identity;
mod writing;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::Folder;
use super::listing::PAGE;
use crate::account::Group;
use crate::adapter::conformance::{self, Fixture};
use crate::adapter::{Book, Entry, Error, Found, Page, Seen, Wanted, Written};
use crate::clock::{Moment, SimulatedClock};
use crate::contact::{Change, Contact, ContactId, Cursor, Field, FieldChange};
use crate::vcard::{Card, Version};
use crate::watch::{Marked, Marks, Watcher};

/// Long enough for a loaded machine; only a failure waits that long.
const LIMIT: Duration = Duration::from_secs(20);

/// Long after any file was written: every stamp is settled.
fn later() -> Arc<SimulatedClock> {
    Arc::new(SimulatedClock::new(Moment::parse("2100-01-01T00:00:00Z").expect("a moment")))
}

/// A folder on the disk, and a view of it.
struct Place {
    directory: TempDir,
    clock: Arc<SimulatedClock>,
    folder: Folder,
}

impl Place {
    fn new(group: &str) -> Self {
        let (directory, clock) = (tempfile::tempdir().expect("a directory"), later());
        let folder = Folder::new(directory.path().to_owned(), Group::new(group), None, None, clock.clone());
        Self { directory, clock, folder }
    }

    /// The same, with a watch and marks of our own to wait for.
    fn watched(group: &str) -> (Self, Marks) {
        let mut place = Self::new(group);
        let watcher = Watcher::new().expect("a watcher");
        let root = place.directory.path();
        let marks = watcher.watch(root, true).expect("watched");
        place.folder = Folder::new(root.to_owned(), Group::new(group), None, Some(&watcher), place.clock.clone());
        (place, marks)
    }

    fn at(&self, id: &str) -> PathBuf {
        self.directory.path().join(id)
    }

    fn write(&self, id: &str, text: &str) {
        let path = self.at(id);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn text(&self, id: &str) -> String {
        fs::read_to_string(self.at(id)).expect("read")
    }

    /// Every name below the folder, sorted: nothing may be left behind.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = walk(self.directory.path())
            .iter()
            .map(|path| path.strip_prefix(self.directory.path()).expect("below").to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    async fn page(&self, from: Option<&Cursor>) -> Result<Page, Error> {
        self.folder.changes(from, &CancellationToken::new()).await
    }

    /// A whole walk, which must be complete, and its cursor.
    async fn walk(&self) -> (Vec<Entry>, Cursor) {
        let (mut entries, mut from) = (Vec::new(), None);
        loop {
            let page = self.page(from.as_ref()).await.expect("a page");
            entries.extend(page.entries);
            from = page.next;
            if from.is_none() {
                assert!(page.complete);
                return (entries, page.cursor.expect("a cursor"));
            }
        }
    }

    async fn since(&self, cursor: &Cursor) -> (Vec<Entry>, Cursor) {
        let page = self.page(Some(cursor)).await.expect("a page");
        assert!(!page.complete && page.next.is_none());
        (page.entries, page.cursor.expect("a cursor"))
    }

    async fn read(&self, id: &str, stable: Option<&str>) -> Found {
        let wanted = [Wanted { id: id.into(), stable: stable.map(str::to_owned) }];
        self.folder.read(&wanted, &CancellationToken::new()).await.expect("read").remove(0)
    }

    async fn change(&self, change: Change) -> Result<Written, Error> {
        self.folder.write(&[change], &CancellationToken::new()).await.remove(0)
    }

    async fn delete(&self, id: &str) -> Result<Written, Error> {
        self.change(Change::Delete { id: id.into() }).await
    }

    async fn retitle(&self, id: &str, before: Option<&str>, after: &str) -> Result<Written, Error> {
        let before = before.map(str::to_owned);
        let change = FieldChange::Text { field: Field::JobTitle, before, after: Some(after.to_owned()) };
        self.change(Change::Patch { id: id.into(), fields: vec![change] }).await
    }
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("an entry"));
    entries.flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] }).collect()
}

/// A card with a UID, and more lines.
fn card(uid: &str, more: &str) -> String {
    format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:Name of {uid}\r\nN:;;;;\r\n{more}END:VCARD\r\n")
}

/// What a listing says of each id at last: `+` live, `*` in the group, `-` gone, `!` unreadable; then the UID.
fn said(entries: &[Entry]) -> Vec<String> {
    let mut said = std::collections::BTreeMap::new();
    for entry in entries {
        let (id, what) = match entry {
            Entry::Live(seen) => {
                let mark = if seen.in_group { '*' } else { '+' };
                (&seen.id, format!("{mark}{} {}", seen.id, seen.stable.as_deref().unwrap_or("?")))
            }
            Entry::Gone(id) => (id, format!("-{id}")),
            Entry::Unreadable { id, .. } => (id, format!("!{id}")),
        };
        said.insert(id.clone(), what);
    }
    said.into_values().collect()
}

fn live(found: Found) -> Seen {
    match found {
        Found::Live { seen, .. } => *seen,
        other => panic!("should be live, is {other:?}"),
    }
}

/// Waits until everything that was done in the folder is marked: events keep their order, so a last one is waited for.
async fn noticed(place: &Place, marks: &mut Marks) {
    let last = place.at(&format!(".last-{}", uuid::Uuid::new_v4()));
    fs::write(&last, "").expect("written");
    let mut seen = BTreeSet::new();
    let wait = async {
        while !seen.contains(&last) {
            marks.changed().await;
            match marks.take() {
                Marked::Paths(paths) => seen.extend(paths),
                // Perhaps of before.
                Marked::All => fs::write(&last, "").expect("written"),
            }
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("it is marked");
    fs::remove_file(&last).expect("removed");
}

/// The suite's book: with a watch, or without; the group a category, or a sub-folder.
struct Suite<const WATCHED: bool, const SUBFOLDER: bool> {
    place: Place,
    marks: Option<Mutex<Marks>>,
    next: std::sync::atomic::AtomicUsize,
}

impl<const WATCHED: bool, const SUBFOLDER: bool> Suite<WATCHED, SUBFOLDER> {
    /// Replaces a file as an editor does, and waits until that is noticed.
    async fn store(&self, id: &str, bytes: &[u8]) {
        let temporary = self.place.at("editor~");
        fs::write(&temporary, bytes).expect("written");
        fs::rename(&temporary, self.place.at(id)).expect("renamed");
        self.noticed().await;
    }

    async fn noticed(&self) {
        if let Some(marks) = &self.marks {
            noticed(&self.place, &mut *marks.lock().await).await;
        }
    }

    async fn edit(&self, id: &ContactId, line: &str) {
        let text = self.place.text(id.as_str()).replace("END:VCARD", &format!("{line}\r\nEND:VCARD"));
        self.store(id.as_str(), text.as_bytes()).await;
    }
}

#[async_trait]
impl<const WATCHED: bool, const SUBFOLDER: bool> Fixture for Suite<WATCHED, SUBFOLDER> {
    const MORE_THAN_A_PAGE: usize = PAGE + 1;

    async fn new() -> Self {
        let (place, marks) = if WATCHED {
            let (place, marks) = Place::watched("Clients");
            (place, Some(Mutex::new(marks)))
        } else {
            (Place::new("Clients"), None)
        };
        if SUBFOLDER {
            fs::create_dir(place.at("Clients")).expect("made");
        }
        let suite = Self { place, marks, next: 0.into() };
        if SUBFOLDER {
            suite.noticed().await;
        }
        suite
    }

    fn book(&self) -> &dyn Book {
        &self.place.folder
    }

    fn other(&self, group: &str) -> Box<dyn Book> {
        let root = self.place.directory.path().to_owned();
        Box::new(Folder::new(root, Group::new(group), None, None, self.place.clock.clone()))
    }

    fn group(&self) -> String {
        "Clients".to_owned()
    }

    async fn put(&self, contact: &Contact, in_group: bool) -> ContactId {
        let name = self.choose().expect("chosen").0;
        let folder = if in_group && SUBFOLDER { "Clients/" } else { "" };
        let category = (in_group && !SUBFOLDER).then_some("Clients");
        let id = ContactId::from(format!("{folder}{name}.vcf"));
        self.store(id.as_str(), &Card::new(contact, &name, Version::V4, category).bytes()).await;
        id
    }

    async fn retitle(&self, id: &ContactId, title: &str) {
        let text = self.place.text(id.as_str());
        let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with("TITLE"));
        let text = lines.collect::<String>().replace("END:VCARD", &format!("TITLE:{title}\r\nEND:VCARD"));
        self.store(id.as_str(), text.as_bytes()).await;
    }

    async fn remove(&self, id: &ContactId) {
        fs::remove_file(self.place.at(id.as_str())).expect("removed");
        self.noticed().await;
    }

    async fn rename(&self, id: &ContactId) -> ContactId {
        let new = ContactId::from(id.as_str().replace(".vcf", "-renamed.VCF"));
        fs::rename(self.place.at(id.as_str()), self.place.at(new.as_str())).expect("renamed");
        self.noticed().await;
        new
    }

    async fn spoil(&self, id: &ContactId) {
        let text = self.place.text(id.as_str()).replace("END:VCARD\r\n", "");
        self.store(id.as_str(), text.as_bytes()).await;
    }

    async fn picture(&self, id: &ContactId) -> Vec<u8> {
        self.edit(id, "PHOTO:data:image/png;base64,iVBORw0KGgo=").await;
        vec![0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    }

    fn choose(&self) -> Option<ContactId> {
        let n = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Some(ContactId::from(format!("card-{n}")))
    }
}

#[tokio::test]
async fn a_folder_with_a_watch_conforms() {
    conformance::run::<Suite<true, false>>(&[]).await;
}

#[tokio::test]
async fn a_folder_without_a_watch_conforms() {
    conformance::run::<Suite<false, false>>(&[]).await;
}

#[tokio::test]
async fn a_sub_folder_conforms() {
    conformance::run::<Suite<true, true>>(&[]).await;
}

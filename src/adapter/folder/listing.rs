//! What the folder says when it is asked what changed: the pages of a walk, a delta, and the names of its groups.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::file::Read;
use super::{Shared, State, look, unless};
use crate::account::Group;
use crate::adapter::{Entry, Error, Kind, Page};
use crate::contact::ContactId;

/// Contacts in one page of a walk.
pub(super) const PAGE: usize = 500;

/// How much alike the nearest existing group has to be to be named, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Files that cannot be read, counted by reason.
type Unread = BTreeMap<String, usize>;

impl Shared {
    /// One page of a full walk. The last one lists again what changed since the walk began, so that the walk is complete
    /// although files changed under it.
    pub(super) fn walk(&self, state: &mut State, start: u64, after: Option<&ContactId>) -> Result<Page, Error> {
        let ids = state.index.after(after, PAGE);
        let mut entries = self.entries(state, &ids)?;
        if let Some(last) = ids.last().filter(|_| ids.len() == PAGE) {
            let next = Some(state.index.walk_cursor(start, last));
            return Ok(Page { entries, next, cursor: None, complete: false });
        }
        state.refresh(self, false)?;
        let changed = state.index.changed_since(start);
        entries.extend(self.entries(state, &changed)?);
        self.group_is_there(state)?;
        Ok(Page { entries, next: None, cursor: Some(state.index.cursor(start)), complete: true })
    }

    /// What changed since a generation.
    pub(super) fn delta(&self, state: &mut State, mut since: u64, cancel: &CancellationToken) -> Result<Page, Error> {
        let mut entries = Vec::new();
        // Reading a file can show that another one has changed: it lost its identity to a copy.
        while since < state.index.position() {
            let changed = state.index.changed_since(since);
            since = state.index.position();
            for id in changed {
                unless(cancel)?;
                entries.push(self.entry(state, &id)?.unwrap_or(Entry::Gone(id)));
            }
        }
        self.group_is_there(state)?;
        Ok(Page { entries, next: None, cursor: Some(state.index.cursor(since)), complete: false })
    }

    fn entries(&self, state: &mut State, ids: &[ContactId]) -> Result<Vec<Entry>, Error> {
        ids.iter().filter_map(|id| self.entry(state, id).transpose()).collect()
    }

    /// What a file says now; nothing for one that is gone or no contact.
    fn entry(&self, state: &mut State, id: &ContactId) -> Result<Option<Entry>, Error> {
        Ok(match self.look_into(state, id)? {
            Read::Card(loaded) => Some(Entry::Live(state.given(*loaded).into())),
            Read::Group | Read::Missing => None,
            Read::Unreadable(reason) => Some(Entry::Unreadable { id: id.clone(), reason }),
        })
    }

    /// The names of all sub-folders and categories.
    pub(super) fn groups(&self, state: &mut State, cancel: &CancellationToken) -> Result<Vec<String>, Error> {
        Ok(self.names(state, cancel)?.0)
    }

    /// The same, with the files that could not be asked: how many there are for each reason.
    fn names(&self, state: &mut State, cancel: &CancellationToken) -> Result<(Vec<String>, Unread), Error> {
        let mut groups = look::subfolders(&self.place)?;
        let mut unreadable = Unread::new();
        for id in state.index.ids() {
            unless(cancel)?;
            match self.look_into(state, &id)? {
                Read::Card(loaded) => groups.extend(loaded.card.categories()),
                Read::Unreadable(reason) => *unreadable.entry(reason).or_default() += 1,
                Read::Group | Read::Missing => {}
            }
        }
        groups.sort();
        groups.dedup();
        Ok((groups, unreadable))
    }

    /// A group that no card and no sub-folder bears is an error: an empty listing would look like a mass deletion.
    fn group_is_there(&self, state: &mut State) -> Result<(), Error> {
        let Group::Named(name) = &self.place.group else { return Ok(()) };
        if state.index.is_empty() || state.index.any_in_group() || self.place.group_folder().is_some() {
            return Ok(());
        }
        let (groups, unreadable) = self.names(state, &CancellationToken::new())?;
        let likeness = |other: &String| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
        let nearest = groups.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let hint = match nearest.filter(|nearest| likeness(nearest) >= ALIKE) {
            Some(nearest) => format!("did you mean \"{nearest}\"?"),
            None => "`carnetd groups` lists what is there".to_owned(),
        };
        let message = format!(
            "the group \"{name}\" is not in {}: no sub-folder has that name and no card has it in CATEGORIES{}; {hint}",
            self.place.root.display(),
            beside(&unreadable, state.index.ids().len()),
        );
        Err(Error::new(Kind::Group, message))
    }
}

/// What else may be why a group is not found. A file's name may be a contact's: they are counted.
fn beside(unreadable: &Unread, files: usize) -> String {
    let Some((reason, _)) = unreadable.iter().max_by_key(|(_, count)| **count) else { return String::new() };
    let count: usize = unreadable.values().sum();
    let (of, first) = (if files == 1 { "file" } else { "files" }, if unreadable.len() == 1 { "" } else { "mostly: " });
    format!("; {count} of {files} {of} in it cannot be read, and may be what bore it ({first}{reason})")
}

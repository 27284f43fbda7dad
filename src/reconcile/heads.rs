//! What the store knows of listed contacts, in short: whether they have anything to say is decided by that alone.

use std::collections::{HashMap, hash_map};

use super::observe::Observer;
use super::organizations::store_error;
use crate::adapter::Error;
use crate::contact::{ContactId, Revision};
use crate::link::{Link, LinkId, State};
use crate::store::HeadState;

/// What the store knows of a contact, in short.
pub(super) struct Head {
    pub(super) link: LinkId,
    pub(super) revision: Revision,
    pub(super) state: HeadState,
    /// Whether it has no person.
    pub(super) half: bool,
}

/// What the store knows of all contacts.
#[derive(Default)]
pub(super) struct Heads {
    pub(super) by_contact: HashMap<ContactId, Head>,
    /// Where several links name one contact: a pass in which contacts exchanged their ids did not come to its end.
    pub(super) more: Vec<(ContactId, Head)>,
}

impl Observer<'_> {
    /// Of every link: for a walk.
    pub(super) fn heads(&self) -> Result<Heads, Error> {
        let mut heads = Heads::default();
        for head in self.view.link_heads(self.work.0).map_err(|error| store_error(&error))? {
            let head = head.map_err(|error| store_error(&error))?;
            let Some(contact) = head.contact else { continue };
            let revision = head.revision.unwrap_or_else(|| Revision::from(""));
            let head = Head { link: head.id, revision, state: head.state, half: head.person.is_none() };
            match heads.by_contact.entry(contact) {
                hash_map::Entry::Vacant(place) => drop(place.insert(head)),
                hash_map::Entry::Occupied(mut place) => {
                    // Where something still waits under a contact that was linked since, the pair speaks of it.
                    let pair = place.get().half && !head.half;
                    let other = if pair { place.insert(head) } else { head };
                    heads.more.push((place.key().clone(), other));
                }
            }
        }
        Ok(heads)
    }

    /// Of one contact; the pair where something waits under the same id.
    pub(super) fn head(&self, id: &ContactId) -> Result<Option<Head>, Error> {
        Ok(self.heads_of(id)?.into_iter().min_by_key(|head| head.half))
    }

    /// Of one contact, all links that name it.
    pub(super) fn heads_of(&self, id: &ContactId) -> Result<Vec<Head>, Error> {
        let links = self.view.links_by_contact(self.work.0, id).map_err(|error| store_error(&error))?;
        Ok(links.iter().filter_map(|(id, link)| Head::of(*id, link)).collect())
    }
}

impl Heads {
    /// Of one contact.
    pub(super) fn of(&self, id: &ContactId) -> Vec<&Head> {
        let more = self.more.iter().filter(|(contact, _)| contact == id).map(|(_, head)| head);
        self.by_contact.get(id).into_iter().chain(more).collect()
    }
}

impl Head {
    fn of(id: LinkId, link: &Link) -> Option<Self> {
        let contact = link.contact.as_ref()?;
        Some(Self {
            link: id,
            revision: contact.revision.clone(),
            state: match link.state {
                State::Active => HeadState::Active,
                State::Dormant(_) => HeadState::Dormant,
                State::Held(_) => HeadState::Held,
            },
            half: link.person.is_none(),
        })
    }
}

//! Whose a listed contact is, where its id does not say it: the id of a card in a folder is its file's name, and files are
//! renamed, exchanged, numbered anew and replaced.
//!
//! A link follows its stable identity. What stands in its place with another one is a *stranger*: somebody else's, or new.
//! Only where the link's own identity is nowhere in the book any more, and the stranger is evidently the same human being,
//! does it stay: an app has given its cards new identities. A contact without an identity is known by its place.
//!
//! A link whose contact is gone while a stranger has its place gives that place up: it keeps a name that leads nowhere, so
//! that the stranger can be linked under its own. That is stored before anything else is decided ([`Observed::displaced`]),
//! with work for the next pass, in case this one does not come to its end.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::leftover::later;
use super::observe::{Observed, Observer};
use super::organizations::store_error;
use super::rows::Rows;
use super::stock::Stock;
use crate::adapter::{Error, Found, Wanted};
use crate::clock::Moment;
use crate::contact::ContactId;
use crate::link::{ContactHalf, LinkId};
use crate::plan::{ContactNow, ContactSight, ContactWitness, is_same_human};
use crate::store::{CheckpointId, Op, TodoKey};

/// While the stranger was written more recently than this, the contact that it replaced may be about to be written elsewhere:
/// whoever numbers a thousand files anew needs a moment.
const SETTLED: Duration = Duration::from_secs(5);

/// Links and strangers on their way to each other.
#[derive(Debug, Default)]
struct Parted {
    /// Links whose place a stranger has, and which.
    left: BTreeMap<LinkId, Place>,
    /// Strangers that nobody has claimed yet.
    loose: BTreeMap<ContactId, Box<ContactNow>>,
    /// Contacts that are not where the store says: whose they are now, or nobody's.
    places: HashMap<ContactId, Option<LinkId>>,
}

#[derive(Debug)]
struct Place {
    id: ContactId,
    written: Option<Moment>,
}

impl Observer<'_> {
    /// Gives every listed contact to the link whose it is.
    pub(super) async fn tell_apart(
        &self,
        stock: &mut Stock,
        observed: &mut Observed,
        rows: &mut Rows,
    ) -> Result<(), Error> {
        self.call_astray(stock, observed, rows)?;
        self.recall(rows)?;
        let mut parted = part(rows, &mut observed.others);
        let asked = self.ask(&parted, rows).await?;
        for (link, found) in asked {
            self.conclude(link, found, &mut parted, (stock, observed, rows))?;
        }
        for (id, now) in parted.loose {
            parted.places.insert(id.clone(), None);
            if now.in_group {
                rows.contact(id).contact = ContactSight::Live(now);
            } else {
                observed.others.insert(id, *now);
            }
        }
        observed.places = parted.places;
        for (&id, row) in &rows.links {
            let Some((_, link)) = &row.link else { continue };
            let is_there = |now: &ContactNow| link.contact_id() == Some(&now.id);
            if !matches!(&row.contact, ContactSight::Live(now) if is_there(now)) && row.contact != ContactSight::Quiet {
                stock.lose_sight(id, link);
            }
        }
        Ok(())
    }

    /// A listed contact may be one that an earlier pass lost sight of.
    fn call_astray(&self, stock: &Stock, observed: &Observed, rows: &mut Rows) -> Result<(), Error> {
        let sights = rows.links.values().chain(rows.contacts.values()).map(|row| &row.contact);
        let listed = sights.filter_map(live).chain(observed.others.values());
        let called: Vec<(LinkId, String)> = listed
            .filter_map(|now| now.stable.as_deref())
            .filter_map(|stable| Some((stock.astray(stable)?, stable.to_owned())))
            .filter(|(link, _)| !rows.links.contains_key(link))
            .collect();
        for (id, stable) in called {
            let link = self.view.link(self.work.0, id).map_err(|error| store_error(&error))?;
            if let Some(link) = link.filter(|link| link.contact.as_ref().is_some_and(|h| h.stable == Some(stable))) {
                rows.link(id).link = Some((id, Box::new(link)));
            }
        }
        Ok(())
    }

    /// Fills in what is remembered of each linked row.
    pub(super) fn recall(&self, rows: &mut Rows) -> Result<(), Error> {
        for (&id, row) in rows.links.iter_mut().filter(|(_, row)| row.link.is_none()) {
            let link = self.view.link(self.work.0, id).map_err(|error| store_error(&error))?;
            row.link = link.map(|link| (id, Box::new(link)));
        }
        rows.links.retain(|_, row| row.link.is_some());
        Ok(())
    }

    /// Asks the book for the contacts whose place a stranger has and that were not listed elsewhere.
    async fn ask(&self, parted: &Parted, rows: &Rows) -> Result<Vec<(LinkId, Found)>, Error> {
        let mut links = Vec::new();
        let mut wanted = Vec::new();
        for &link in parted.left.keys() {
            let Some(half) = half(rows, link) else { continue };
            links.push(link);
            // By its identity only: its place is known.
            wanted.push(Wanted { id: nowhere(half), stable: half.stable.clone() });
        }
        let found =
            if wanted.is_empty() { Vec::new() } else { self.member.provider.read(&wanted, self.cancel).await? };
        Ok(links.into_iter().zip(found).collect())
    }

    /// Where a link's contact is that has lost its place.
    fn conclude(
        &self,
        link: LinkId,
        found: Found,
        parted: &mut Parted,
        (stock, observed, rows): (&mut Stock, &mut Observed, &mut Rows),
    ) -> Result<(), Error> {
        let (Some(place), Some(half)) = (parted.left.get(&link), half(rows, link)) else { return Ok(()) };
        let pair = rows.links.get(&link).and_then(|row| row.link.as_ref()).is_some_and(|(_, l)| l.person.is_some());
        match found {
            Found::Live { seen, .. } => {
                if seen.id != place.id {
                    self.forget_copies(&seen.id, rows)?;
                    parted.places.insert(seen.id.clone(), Some(link));
                    rows.contacts.remove(&seen.id);
                    observed.others.remove(&seen.id);
                }
                parted.loose.remove(&seen.id);
                stock.put(&seen.id, &seen.contact, seen.in_group);
                rows.live_link(link, *seen);
            }
            Found::Gone => {
                let stays = |now: &ContactNow| !pair || is_same_human(&half.seen, &now.contact);
                if parted.loose.get(&place.id).is_some_and(|now| stays(now)) {
                    let now = parted.loose.remove(&place.id);
                    rows.link(link).contact = now.map_or(ContactSight::Quiet, ContactSight::Live);
                } else if let Some(at) = place.settles(self.shared.clock.now()).filter(|_| pair) {
                    // The same listing comes again, and with it whoever stands there then.
                    observed.settles = observed.settles.max(Some(at));
                    observed.cursor.clone_from(&self.work.1.cursor);
                    parted.loose.remove(&place.id);
                    rows.link(link).witness.contact = Some(ContactWitness::Unknown);
                } else {
                    if pair {
                        observed.displaced.insert(link, nowhere(half));
                    }
                    rows.link(link).contact = ContactSight::Gone;
                }
            }
            // It is there, whatever it says.
            Found::Unreadable(reason) => {
                observed.unreadable.push((place.id.clone(), reason));
                parted.loose.remove(&place.id);
                rows.link(link).witness.contact = Some(ContactWitness::Unknown);
            }
        }
        Ok(())
    }

    /// A copy that waited is the contact itself now.
    fn forget_copies(&self, id: &ContactId, rows: &mut Rows) -> Result<(), Error> {
        let there = self.view.links_by_contact(self.work.0, id).map_err(|error| store_error(&error))?;
        for (copy, _) in there.into_iter().filter(|(_, link)| link.person.is_none()) {
            rows.link(copy).contact = ContactSight::Gone;
        }
        Ok(())
    }
}

impl Observed {
    /// What has to be stored before anything is decided: links without the places that strangers have.
    pub(super) fn displacements(&self, checkpoint: CheckpointId, now: Moment) -> Vec<Op> {
        let mut ops = Vec::new();
        for row in &self.rows {
            let Some((id, link)) = row.link.as_ref().filter(|(id, _)| self.displaced.contains_key(id)) else {
                continue;
            };
            let reason = "another contact has taken the place of this one";
            let todo = link.contact_id().map(|nowhere| later(TodoKey::Contact(nowhere.clone()), reason, now));
            ops.push(Op::PutLink { checkpoint, id: *id, link: link.clone() });
            ops.extend(todo.map(|todo| Op::PutTodo(checkpoint, todo)));
        }
        ops
    }
}

impl Place {
    /// When it may be concluded that what is not there by then will not come, where that is still ahead. A moment of
    /// writing that is still ahead says nothing.
    fn settles(&self, now: Moment) -> Option<Moment> {
        self.written.filter(|written| *written <= now).map(|written| written.after(SETTLED)).filter(|at| *at > now)
    }
}

/// Parts strangers from the links whose place they have, and gives every contact to the link that has its identity.
fn part(rows: &mut Rows, others: &mut HashMap<ContactId, ContactNow>) -> Parted {
    let owners = owners(rows);
    let mut parted = Parted::default();
    if owners.is_empty() {
        return parted;
    }
    for (&id, row) in &mut rows.links {
        let Some(half) = row.link.as_ref().and_then(|(_, link)| link.contact.as_ref()) else { continue };
        if live(&row.contact)
            .is_some_and(|now| is_stranger(half, now, now.stable.as_ref().and_then(|s| owners.get(s)), id))
        {
            parted.part(id, &mut row.contact);
        }
    }
    parted.join(rows, others, &owners);
    // A contact that has lost its identity is known by its place, unless it is evidently somebody else.
    for (&id, row) in &mut rows.links {
        let Some(half) = row.link.as_ref().and_then(|(_, link)| link.contact.as_ref()) else { continue };
        let lost = |now: &ContactNow| now.id == half.id && now.stable.is_none() && half.stable.is_some();
        if live(&row.contact).is_some_and(|now| lost(now) && !is_same_human(&half.seen, &now.contact)) {
            parted.part(id, &mut row.contact);
        }
    }
    parted
}

impl Parted {
    fn part(&mut self, link: LinkId, sight: &mut ContactSight) {
        if let ContactSight::Live(now) = std::mem::replace(sight, ContactSight::Quiet) {
            self.left.insert(link, Place { id: now.id.clone(), written: now.changed_at.map(Moment) });
            self.loose.insert(now.id.clone(), now);
        }
    }

    /// Gives strangers, new contacts and those outside the group to the links that have their identity.
    fn join(&mut self, rows: &mut Rows, others: &mut HashMap<ContactId, ContactNow>, owners: &HashMap<String, LinkId>) {
        let owner = |now: &ContactNow| now.stable.as_ref().and_then(|stable| owners.get(stable)).copied();
        let new = rows.contacts.values().filter_map(|row| live(&row.contact));
        let claimed: Vec<(LinkId, ContactId)> = (self.loose.values().map(|now| &**now))
            .chain(new)
            .chain(others.values())
            .filter_map(|now| Some((owner(now)?, now.id.clone())))
            .collect();
        for (link, id) in claimed {
            let new = rows.contacts.remove(&id).and_then(|row| into_live(row.contact));
            let other = others.remove(&id).map(Box::new);
            let Some(now) = self.loose.remove(&id).or(new).or(other) else { continue };
            rows.linked.insert(id.clone());
            let before = std::mem::replace(&mut rows.link(link).contact, ContactSight::Live(now));
            if let Some(stranger) = into_live(before).filter(|before| before.id != id) {
                self.loose.insert(stranger.id.clone(), stranger);
            }
            self.left.remove(&link);
            self.places.insert(id, Some(link));
        }
    }
}

/// The links of the rows by the identity of their contacts; of several a pair.
fn owners(rows: &Rows) -> HashMap<String, LinkId> {
    let mut owners: HashMap<String, LinkId> = HashMap::new();
    let halves = |pair| {
        rows.links.iter().filter_map(move |(id, row)| {
            let (_, link) = row.link.as_ref().filter(|(_, link)| link.person.is_some() == pair)?;
            Some((link.contact.as_ref()?.stable.clone()?, *id))
        })
    };
    for (stable, id) in halves(true).chain(halves(false)) {
        owners.entry(stable).or_insert(id);
    }
    owners
}

/// Whether what stands in the place of link `id` is not its contact. `owner`: the link that has its identity.
fn is_stranger(half: &ContactHalf, now: &ContactNow, owner: Option<&LinkId>, id: LinkId) -> bool {
    match (&half.stable, &now.stable) {
        (_, None) => false,
        (Some(own), Some(stable)) => own != stable || owner.is_some_and(|owner| *owner != id),
        // It got its identity now, or it was a copy once.
        (None, Some(_)) => owner.is_some() && !is_same_human(&half.seen, &now.contact),
    }
}

fn half(rows: &Rows, link: LinkId) -> Option<&ContactHalf> {
    rows.links.get(&link)?.link.as_ref()?.1.contact.as_ref()
}

fn live(sight: &ContactSight) -> Option<&ContactNow> {
    if let ContactSight::Live(now) = sight { Some(now) } else { None }
}

fn into_live(sight: ContactSight) -> Option<Box<ContactNow>> {
    if let ContactSight::Live(now) = sight { Some(now) } else { None }
}

/// The name of a contact that has no place: no book has one like it.
fn nowhere(half: &ContactHalf) -> ContactId {
    ContactId::from(format!("{} (replaced; its UID: {})", half.id, half.stable.as_deref().unwrap_or("none")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::{Contact, Element, PersonId, Revision};
    use crate::link::{Link, PersonHalf, State};

    fn now(id: &str, stable: Option<&str>, email: &str) -> ContactNow {
        let emails = Element::email(email).into_iter().collect();
        ContactNow {
            id: id.into(),
            stable: stable.map(str::to_owned),
            revision: Revision::from(email),
            contact: Contact { emails, ..Contact::default() }.into(),
            in_group: true,
            changed_at: None,
        }
    }

    /// A row of a pair, as the store has it and as the listing shows its place.
    fn link(rows: &mut Rows, id: u64, known: &ContactNow, sight: ContactSight) {
        let half = ContactHalf {
            id: known.id.clone(),
            stable: known.stable.clone(),
            revision: known.revision.clone(),
            seen: known.contact.clone(),
            joined: true,
        };
        let person = PersonHalf { id: PersonId(id), seen: known.contact.clone() };
        let row = rows.link(LinkId(id));
        row.link = Some((LinkId(id), Box::new(Link::half(State::Active, Some(half), Some(person)))));
        row.contact = sight;
    }

    fn shows(now: ContactNow) -> ContactSight {
        ContactSight::Live(Box::new(now))
    }

    fn place(rows: &Rows, id: u64) -> Option<&str> {
        live(&rows.links[&LinkId(id)].contact).map(|now| now.id.as_str())
    }

    #[test]
    fn exchanged_contacts_stay_with_their_links() {
        let (mut rows, mut others) = (Rows::default(), HashMap::new());
        link(&mut rows, 1, &now("a", Some("A"), "a@x.example"), shows(now("a", Some("B"), "b@x.example")));
        link(&mut rows, 2, &now("b", Some("B"), "b@x.example"), shows(now("b", Some("A"), "a@x.example")));
        let parted = part(&mut rows, &mut others);
        assert_eq!((place(&rows, 1), place(&rows, 2)), (Some("b"), Some("a")));
        assert!(parted.left.is_empty() && parted.loose.is_empty());
        assert_eq!(parted.places[&"a".into()], Some(LinkId(2)));
    }

    #[test]
    fn a_chain_of_renames_is_followed_into_and_out_of_the_group() {
        let (mut rows, mut others) = (Rows::default(), HashMap::new());
        link(&mut rows, 1, &now("a", Some("A"), "a@x.example"), ContactSight::Gone);
        link(&mut rows, 2, &now("b", Some("B"), "b@x.example"), shows(now("b", Some("A"), "a@x.example")));
        link(&mut rows, 3, &now("c", Some("C"), "c@x.example"), shows(now("c", Some("B"), "b@x.example")));
        let outside = ContactNow { in_group: false, ..now("z", Some("C"), "c@x.example") };
        others.insert("z".into(), outside);
        let parted = part(&mut rows, &mut others);
        assert_eq!([place(&rows, 1), place(&rows, 2), place(&rows, 3)], [Some("b"), Some("c"), Some("z")]);
        assert!(parted.left.is_empty() && parted.loose.is_empty() && others.is_empty());
    }

    #[test]
    fn who_has_lost_the_place_to_a_stranger_is_asked_for() {
        let (mut rows, mut others) = (Rows::default(), HashMap::new());
        link(&mut rows, 1, &now("a", Some("A"), "a@x.example"), shows(now("a", Some("S"), "s@x.example")));
        let parted = part(&mut rows, &mut others);
        assert_eq!(rows.links[&LinkId(1)].contact, ContactSight::Quiet);
        assert_eq!(parted.left.keys().collect::<Vec<_>>(), [&LinkId(1)]);
        assert_eq!(parted.loose.keys().collect::<Vec<_>>(), [&ContactId::from("a")]);
    }

    #[test]
    fn without_an_identity_the_place_says_who_it_is() {
        let (mut rows, mut others) = (Rows::default(), HashMap::new());
        // Neither has one; it got one; it lost one, which a copy takes from it.
        link(&mut rows, 1, &now("a", None, "a@x.example"), shows(now("a", None, "new@x.example")));
        link(&mut rows, 2, &now("b", None, "b@x.example"), shows(now("b", Some("B"), "new@x.example")));
        link(&mut rows, 3, &now("c", Some("C"), "c@x.example"), shows(now("c", None, "c@x.example")));
        // Evidently somebody else.
        link(&mut rows, 4, &now("d", Some("D"), "d@x.example"), shows(now("d", None, "e@x.example")));
        let parted = part(&mut rows, &mut others);
        assert_eq!([1, 2, 3].map(|id| place(&rows, id)), [Some("a"), Some("b"), Some("c")]);
        assert_eq!(parted.left.keys().collect::<Vec<_>>(), [&LinkId(4)]);
    }
}

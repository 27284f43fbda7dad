//! What changed on both sides since they were last looked at, as the rows of a plan.
//!
//! Only a listing proven complete may imply that a contact is gone. A contact that cannot be read is there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::heads::{Head, Heads};
use super::member::{Member, Seat, Shared, Work};
use super::organizations::store_error;
use super::outcome::Wish;
use super::peers::Peers;
use super::rows::{Rows, contact_now, live};
use super::stock::Stock;
use crate::account::Direction;
use crate::adapter::{Entry, Error, Found, Kind, Page, Seen, Wanted};
use crate::clock::Moment;
use crate::contact::{ContactId, Cursor, Digest, PersonId};
use crate::link::{Cause, LinkId, State};
use crate::plan::{ContactNow, ContactSight, PersonSight, Row};
use crate::store::{HeadState, Mark, Todo, TodoKey, View};

/// Failed and held things are looked at again this often even if nothing changed.
pub(super) const DAILY: Duration = Duration::from_hours(24);

/// What a pass found on both sides.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// One row for each pair or half that something was said of.
    pub(super) rows: Vec<Row>,
    /// Contacts that cannot be read, and why.
    pub(super) unreadable: Vec<(ContactId, String)>,
    /// Where the next listing starts.
    pub(super) cursor: Option<Cursor>,
    /// What the store held when the pass looked: whoever is touched after that is for the next one.
    pub(super) mark: Mark,
    /// Persons whose touch this pass answers.
    pub(super) touched: Vec<PersonId>,
    /// Where in the rows each contact read in this pass stands.
    pub(super) at: HashMap<ContactId, usize>,
    /// Contacts read in this pass that are no row: those outside the group that nothing links.
    pub(super) others: HashMap<ContactId, ContactNow>,
    /// Contacts that are not where the store says: whose they are now, or nobody's.
    pub(super) places: HashMap<ContactId, Option<LinkId>>,
    /// When it will be clear whether contacts that were replaced just now are gone.
    pub(super) settles: Option<Moment>,
    /// Links whose contact is gone while another has its place, and the name that they keep instead.
    pub(super) displaced: BTreeMap<LinkId, ContactId>,
    /// Work left by earlier passes that this one answers.
    pub(super) answered: Vec<TodoKey>,
    /// Whether the walk listed the whole book.
    pub(super) complete: bool,
}

/// Who looks at what.
pub(super) struct Observer<'a> {
    pub(super) shared: &'a Shared,
    pub(super) member: &'a Member,
    pub(super) seat: &'a Seat,
    pub(super) view: &'a View,
    pub(super) peers: &'a Peers,
    pub(super) work: &'a Work,
    pub(super) wish: Wish,
    /// What human beings have allowed.
    pub(super) confirmed: &'a BTreeSet<Digest>,
    pub(super) cancel: &'a CancellationToken,
}

impl Observer<'_> {
    /// Looks at both sides; once more where somebody seems to be writing the book anew just now. What has not settled even
    /// then is left to a later pass.
    pub(super) async fn observe(&self, stock: &mut Stock) -> Result<Observed, Error> {
        let looked_at = stock.looked_at;
        let observed = self.look(stock).await?;
        let Some(at) = observed.settles else { return Ok(observed) };
        tokio::select! {
            () = self.cancel.cancelled() => return Err(Error::new(Kind::Cancelled, "carnetd is stopping")),
            () = self.shared.clock.sleep_until(at) => {}
        }
        stock.looked_at = looked_at;
        self.look(stock).await
    }

    async fn look(&self, stock: &mut Stock) -> Result<Observed, Error> {
        let mut rows = Rows::default();
        let mark = self.view.mark().map_err(|error| store_error(&error))?;
        let mut observed = Observed { mark, ..Observed::default() };
        // A process that has just started knows nothing of the book beyond its links: it walks the whole once.
        if stock.is_empty() {
            self.remind_book()?;
        }
        let from = self.work.1.cursor.clone().filter(|_| !self.wish.full && !stock.is_empty());
        match self.list(from, stock, &mut observed, &mut rows).await {
            Err(error) if error.kind == Kind::CursorExpired => {
                (observed, rows) = (Observed { mark, ..Observed::default() }, Rows::default());
                self.list(None, stock, &mut observed, &mut rows).await?;
            }
            other => other?,
        }
        self.reread(stock, &mut observed, &mut rows).await?;
        self.tell_apart(stock, &mut observed, &mut rows).await?;
        self.persons(&mut observed, &mut rows)?;
        self.look_again(stock, &mut rows)?;
        self.complete_rows(&observed, &mut rows)?;
        self.look_at_sleepers(stock, &mut observed, &mut rows).await?;
        self.look_around(stock, &mut observed, &rows).await?;
        let all = rows.links.into_values().chain(rows.contacts.into_values()).chain(rows.persons.into_values());
        observed.rows = all.collect();
        let id = |row: &Row| if let ContactSight::Live(now) = &row.contact { Some(now.id.clone()) } else { None };
        observed.at = observed.rows.iter().enumerate().filter_map(|(at, row)| Some((id(row)?, at))).collect();
        Ok(observed)
    }

    /// Pulls the provider's listing, page by page.
    async fn list(
        &self,
        mut from: Option<Cursor>,
        stock: &mut Stock,
        observed: &mut Observed,
        rows: &mut Rows,
    ) -> Result<(), Error> {
        let mut heads = if from.is_none() { Some(self.heads()?) } else { None };
        let mut listed = HashSet::new();
        loop {
            let Page { entries, next, cursor, complete } =
                self.member.provider.changes(from.as_ref(), self.cancel).await?;
            for entry in entries {
                self.entry(entry, heads.as_ref(), stock, observed, rows, &mut listed)?;
            }
            if let Some(next) = next {
                from = Some(next);
                continue;
            }
            observed.cursor = cursor;
            observed.complete = complete;
            break;
        }
        if observed.complete
            && let Some(heads) = heads.take()
        {
            stock.keep(&listed);
            for (_, head) in heads.by_contact.into_iter().chain(heads.more).filter(|(id, _)| !listed.contains(id)) {
                // A link that sleeps because its contact is gone has nothing new to say.
                if self.cause(&head)? == Some(Cause::ContactDeleted) {
                    self.lose_sight(&head, stock)?;
                } else {
                    rows.link(head.link).contact = ContactSight::Gone;
                }
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the loop above, cut out to fit a screen")]
    fn entry(
        &self,
        entry: Entry,
        heads: Option<&Heads>,
        stock: &mut Stock,
        observed: &mut Observed,
        rows: &mut Rows,
        listed: &mut HashSet<ContactId>,
    ) -> Result<(), Error> {
        match entry {
            Entry::Live(seen) => {
                listed.insert(seen.id.clone());
                stock.put(&seen.id, &seen.contact, seen.in_group);
                let looked_up = if heads.is_none() { self.heads_of(&seen.id)? } else { Vec::new() };
                let known: Vec<&Head> = heads.map_or_else(|| looked_up.iter().collect(), |heads| heads.of(&seen.id));
                for head in &known {
                    // Of several at most one can be right.
                    if known.len() > 1 || self.is_news(head, &seen)? {
                        rows.live_link(head.link, (*seen).clone());
                    }
                }
                match known.is_empty() {
                    false => {}
                    true if seen.in_group => {
                        let id = seen.id.clone();
                        rows.contact(id).contact = live(*seen);
                    }
                    // Outside the group: known to the stock, and to a plan that asks for it.
                    true => {
                        observed.others.insert(seen.id.clone(), contact_now(*seen));
                    }
                }
            }
            Entry::Gone(id) => {
                stock.remove(&id);
                observed.answered.push(TodoKey::Contact(id.clone()));
                for head in self.heads_of(&id)? {
                    rows.link(head.link).contact = ContactSight::Gone;
                }
            }
            Entry::Unreadable { id, reason } => {
                listed.insert(id.clone());
                // Somebody else may have its place, and it another.
                for head in self.heads_of(&id)? {
                    self.lose_sight(&head, stock)?;
                }
                observed.unreadable.push((id, reason));
            }
        }
        Ok(())
    }

    /// Whether a listed contact has anything to say that its link does not know.
    fn is_news(&self, head: &Head, seen: &Seen) -> Result<bool, Error> {
        let waits = match head.state {
            HeadState::Active => head.half || !seen.in_group,
            HeadState::Held => self.wish.retry,
            HeadState::Dormant => match self.cause(head)? {
                Some(Cause::LeftGroup) => seen.in_group,
                Some(Cause::ContactDeleted) => true,
                Some(Cause::PersonDeleted | Cause::OwnerChanged) | None => false,
            },
        };
        Ok(waits || head.revision != seen.revision)
    }

    /// Why a dormant link sleeps; `None` for one that does not.
    fn cause(&self, head: &Head) -> Result<Option<Cause>, Error> {
        if head.state != HeadState::Dormant {
            return Ok(None);
        }
        let link = self.view.link(self.work.0, head.link).map_err(|error| store_error(&error))?;
        Ok(link.and_then(|link| if let State::Dormant(cause) = link.state { Some(cause) } else { None }))
    }

    fn lose_sight(&self, head: &Head, stock: &mut Stock) -> Result<(), Error> {
        if let Some(link) = self.view.link(self.work.0, head.link).map_err(|error| store_error(&error))? {
            stock.lose_sight(head.link, &link);
        }
        Ok(())
    }

    /// Looks again at what failed or waits, when it is due.
    async fn reread(&self, stock: &mut Stock, observed: &mut Observed, rows: &mut Rows) -> Result<(), Error> {
        let now = self.shared.clock.now();
        let due = |todo: &Todo| self.wish.retry || todo.code == LATER || now.since(todo.tried) >= DAILY;
        let mut wanted = Vec::new();
        for todo in self.view.todos(self.work.0).map_err(|error| store_error(&error))? {
            let listed = matches!(&todo.key, TodoKey::Contact(id) if rows.holds(id));
            if !listed && !due(&todo) {
                continue;
            }
            observed.answered.push(todo.key.clone());
            match todo.key {
                TodoKey::Person(person) => observed.touched.push(person),
                TodoKey::Contact(id) if rows.holds(&id) || observed.unreadable.iter().any(|(bad, _)| *bad == id) => {}
                TodoKey::Contact(id) => wanted.push(id),
            }
        }
        let wanted: Vec<Wanted> = wanted.into_iter().map(|id| self.wanted(id)).collect::<Result<_, _>>()?;
        if wanted.is_empty() {
            return Ok(());
        }
        let found = self.member.provider.read(&wanted, self.cancel).await?;
        for (Wanted { id, .. }, found) in wanted.into_iter().zip(found) {
            let link = self.head(&id)?.map(|head| head.link);
            match (found, link) {
                (Found::Live { seen, .. }, link) => {
                    stock.put(&seen.id, &seen.contact, seen.in_group);
                    match link {
                        Some(link) => rows.live_link(link, *seen),
                        None => rows.contact(id).contact = live(*seen),
                    }
                }
                (Found::Gone, Some(link)) => rows.link(link).contact = ContactSight::Gone,
                (Found::Gone, None) => {}
                (Found::Unreadable(reason), _) => observed.unreadable.push((id, reason)),
            }
        }
        Ok(())
    }

    fn wanted(&self, id: ContactId) -> Result<Wanted, Error> {
        let link = self.view.link_by_contact(self.work.0, &id).map_err(|error| store_error(&error))?;
        Ok(Wanted { stable: link.and_then(|(_, link)| link.contact?.stable), id })
    }

    /// The persons that the watcher touched; on a first two-way pass every person of the owner.
    fn persons(&self, observed: &mut Observed, rows: &mut Rows) -> Result<(), Error> {
        observed.touched.extend(self.view.touched(self.work.0).map_err(|error| store_error(&error))?);
        let two_way = self.member.declared.policy.direction == Direction::TwoWay;
        if two_way && !self.work.1.first_pass_done {
            observed.touched.extend(self.shared.mirror.owned_by(self.seat.owner));
            // After a change of owner or direction every pair is looked at with new eyes.
            for head in self.view.link_heads(self.work.0).map_err(|error| store_error(&error))? {
                observed.touched.extend(head.map_err(|error| store_error(&error))?.person);
            }
        }
        observed.touched.sort_unstable();
        observed.touched.dedup();
        for &id in &observed.touched {
            let person = self.view.person(id).map_err(|error| store_error(&error))?;
            let links = self.peers.links_to(self.view, id).map_err(|error| store_error(&error))?;
            let mine: Vec<LinkId> = links.iter().filter(|(c, _)| *c == self.work.0).map(|(_, link)| *link).collect();
            let sight = person.map_or(PersonSight::Gone, |person| {
                PersonSight::Live(Box::new(self.seat.person_now(self.member, person)))
            });
            if mine.is_empty() {
                let elsewhere = !links.is_empty();
                if two_way && !elsewhere && matches!(&sight, PersonSight::Live(now) if now.owner == self.seat.owner) {
                    rows.person(id).person = sight;
                }
                continue;
            }
            for link in mine {
                let stored = self.view.link(self.work.0, link).map_err(|error| store_error(&error))?;
                let row = rows.link(link);
                // Of a mere candidate only the news counts: what waits for it is looked at again.
                if stored.and_then(|link| link.person_id()) == Some(id) {
                    row.person = sight.clone();
                }
            }
        }
        Ok(())
    }

    /// Fills in what is remembered of each linked row, and what the mirror says now of its person.
    fn complete_rows(&self, observed: &Observed, rows: &mut Rows) -> Result<(), Error> {
        self.recall(rows)?;
        for (id, row) in &mut rows.links {
            let Some((_, link)) = &mut row.link else { continue };
            if let Some(half) = link.person.as_ref().filter(|_| row.person == PersonSight::Quiet) {
                // Whom the mirror does not hold, the last complete list did not: also where an earlier pass that was told so
                // did not come to its end.
                let person = self.view.person(half.id).map_err(|error| store_error(&error))?;
                row.person = person.map_or(PersonSight::Gone, |person| {
                    PersonSight::Live(Box::new(self.seat.person_now(self.member, person)))
                });
            }
            if let (Some(nowhere), Some(half)) = (observed.displaced.get(id), &mut link.contact) {
                half.id = nowhere.clone();
            }
        }
        Ok(())
    }
}

/// The code of work that is to be done by the next pass, whenever that is.
pub(super) const LATER: &str = "later";

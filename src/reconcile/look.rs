//! What nobody said anything of, but what a plan has to know: things that wait or sleep, and who resembles whom.

use std::collections::BTreeSet;

use super::observe::{DAILY, Observed, Observer};
use super::organizations::store_error;
use super::rows::{Rows, contact_now};
use super::stock::Stock;
use crate::adapter::{Error, Found, Wanted};
use crate::contact::{Contact, ContactId};
use crate::link::LinkId;
use crate::plan::{ContactSight, PersonSight, hold_digest};
use crate::store::HeadState;

impl Observer<'_> {
    /// Held things are looked at again on refresh or confirm, or daily; sleeping ones that somebody wants awake as well.
    pub(super) fn look_again(&self, stock: &mut Stock, rows: &mut Rows) -> Result<(), Error> {
        let now = self.shared.clock.now();
        if !self.wish.retry && stock.looked_at.is_some_and(|at| now.since(at) < DAILY) {
            return Ok(());
        }
        stock.looked_at = Some(now);
        let failed = |error| store_error(&error);
        for (id, _) in self.view.held(self.work.0).map_err(failed)? {
            rows.link(id);
        }
        if !self.confirmed.is_empty() {
            for head in self.view.link_heads(self.work.0).map_err(failed)? {
                let head = head.map_err(failed)?;
                if head.state != HeadState::Dormant {
                    continue;
                }
                let link = self.view.link(self.work.0, head.id).map_err(failed)?;
                if link.and_then(|link| hold_digest(&link)).is_some_and(|digest| self.confirmed.contains(&digest)) {
                    rows.link(head.id);
                }
            }
        }
        Ok(())
    }

    /// What waits or sleeps wakes by being there, changed or not: where such a link has a row, its contact is read.
    pub(super) async fn look_at_sleepers(
        &self,
        stock: &mut Stock,
        observed: &mut Observed,
        rows: &mut Rows,
    ) -> Result<(), Error> {
        let mut wanted: Vec<(LinkId, Wanted)> = Vec::new();
        for (id, row) in &rows.links {
            let Some((_, link)) = &row.link else { continue };
            if let (false, ContactSight::Quiet, Some(half)) = (link.is_active(), &row.contact, &link.contact) {
                wanted.push((*id, Wanted { id: half.id.clone(), stable: half.stable.clone() }));
            }
        }
        let asked: Vec<Wanted> = wanted.iter().map(|(_, wanted)| wanted.clone()).collect();
        for ((link, Wanted { id, .. }), found) in wanted.into_iter().zip(self.read(&asked).await?) {
            match found {
                Found::Live { seen, .. } => {
                    stock.put(&seen.id, &seen.contact, seen.in_group);
                    rows.live_link(link, *seen);
                }
                Found::Gone => {
                    stock.remove(&id);
                    rows.link(link).contact = ContactSight::Gone;
                }
                Found::Unreadable(reason) => observed.unreadable.push((id, reason)),
            }
        }
        Ok(())
    }

    /// Reads the contacts outside the group that resemble what this pass has to decide on: a listing of changes does not
    /// name them.
    pub(super) async fn look_around(
        &self,
        stock: &mut Stock,
        observed: &mut Observed,
        rows: &Rows,
    ) -> Result<(), Error> {
        let mut alike = BTreeSet::new();
        for row in rows.links.values().chain(rows.persons.values()) {
            let link = row.link.as_ref().map(|(_, link)| link);
            if let (ContactSight::Gone, Some(half)) = (&row.contact, link.and_then(|link| link.contact.as_ref())) {
                alike.extend(resembling(stock, &half.seen, false));
            }
            if let (PersonSight::Live(now), None) = (&row.person, link.and_then(|link| link.contact.as_ref())) {
                alike.extend(resembling(stock, &now.contact, true));
            }
        }
        let mut wanted = Vec::new();
        for id in alike {
            let known = rows.contacts.contains_key(&id) || observed.others.contains_key(&id);
            let linked = self.view.link_by_contact(self.work.0, &id).map_err(|error| store_error(&error))?;
            if !known && linked.is_none() {
                wanted.push(Wanted { id, stable: None });
            }
        }
        for (Wanted { id, .. }, found) in wanted.iter().zip(self.read(&wanted).await?) {
            match found {
                Found::Live { seen, .. } => drop(observed.others.insert(id.clone(), contact_now(*seen))),
                Found::Gone => stock.remove(id),
                Found::Unreadable(_) => {}
            }
        }
        Ok(())
    }

    async fn read(&self, wanted: &[Wanted]) -> Result<Vec<Found>, Error> {
        if wanted.is_empty() { Ok(Vec::new()) } else { self.member.provider.read(wanted, self.cancel).await }
    }
}

/// The contacts of the book that may be the same as `contact`.
fn resembling(stock: &Stock, contact: &Contact, by_name: bool) -> Vec<ContactId> {
    let emails = contact.emails.iter().flat_map(|e| stock.with_email(&e.key));
    let phones = contact.phones.iter().flat_map(|e| stock.with_phone(&e.key));
    let named = if by_name { stock.named(&contact.name) } else { Vec::new() };
    emails.chain(phones).chain(named).collect()
}

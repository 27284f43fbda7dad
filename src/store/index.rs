//! Links and everything that is derived from them: heads, indexes, counts. One place, so that they always agree.

use redb::ReadableTable;

use super::CheckpointId;
use super::apply::{Trouble, put as put_record};
use super::record::decode;
use super::tables::Tables;
use crate::link::{Link, LinkId, State};

/// How a head says that its link is active.
pub(super) const ACTIVE: u8 = 0;
/// How a head says that its link is dormant.
pub(super) const DORMANT: u8 = 1;
/// How a head says that its link is held.
pub(super) const HELD: u8 = 2;

/// Keeps a link in the place of what had its id.
pub(super) fn put(tables: &mut Tables<'_>, checkpoint: CheckpointId, id: LinkId, link: &Link) -> Result<(), Trouble> {
    underive(tables, checkpoint, id)?;
    derive(tables, checkpoint, id, link)?;
    put_record(&mut tables.links, (checkpoint.0, id.0), link)
}

/// Forgets a link.
pub(super) fn remove(tables: &mut Tables<'_>, checkpoint: CheckpointId, id: LinkId) -> Result<(), Trouble> {
    underive(tables, checkpoint, id)?;
    tables.links.remove((checkpoint.0, id.0))?;
    Ok(())
}

/// Writes what is derived from a link.
pub(super) fn derive(
    tables: &mut Tables<'_>,
    checkpoint: CheckpointId,
    id: LinkId,
    link: &Link,
) -> Result<(), Trouble> {
    let CheckpointId(checkpoint) = checkpoint;
    let contact = link.contact.as_ref();
    let revision = contact.map(|half| half.revision.as_str());
    let head = (state(link), link.person_id().map(|p| p.0), contact.map(|half| half.id.as_str()), revision);
    tables.heads.insert((checkpoint, id.0), head)?;
    if let Some(contact) = contact {
        tables.by_contact.insert((checkpoint, contact.id.as_str(), id.0), ())?;
    }
    for person in persons(link) {
        tables.by_person.insert((person, checkpoint, id.0), ())?;
    }
    count(tables, checkpoint, link, 1)
}

/// Takes back what is derived from the link that is there, if any.
fn underive(tables: &mut Tables<'_>, checkpoint: CheckpointId, id: LinkId) -> Result<(), Trouble> {
    let CheckpointId(checkpoint) = checkpoint;
    let old = tables.links.get((checkpoint, id.0))?.map(|row| decode::<Link>(row.value())).transpose();
    let Some(old) = old.map_err(|e| Trouble::record("links", (checkpoint, id.0), e))? else { return Ok(()) };
    tables.heads.remove((checkpoint, id.0))?;
    if let Some(contact) = old.contact_id() {
        tables.by_contact.remove((checkpoint, contact.as_str(), id.0))?;
    }
    for person in persons(&old) {
        tables.by_person.remove((person, checkpoint, id.0))?;
    }
    count(tables, checkpoint, &old, -1)
}

/// The persons under which a link is found: its own, and the candidates of a hold.
fn persons(link: &Link) -> impl Iterator<Item = u64> {
    let candidates = match &link.state {
        State::Held(hold) => hold.persons.as_slice(),
        State::Active | State::Dormant(_) => &[],
    };
    link.person_id().into_iter().chain(candidates.iter().copied()).map(|person| person.0)
}

fn state(link: &Link) -> u8 {
    match link.state {
        State::Active => ACTIVE,
        State::Dormant(_) => DORMANT,
        State::Held(_) => HELD,
    }
}

/// Counts a link. One whose other half is still on its way is in step with nothing yet and counts nowhere.
fn count(tables: &mut Tables<'_>, checkpoint: u32, link: &Link, by: i64) -> Result<(), Trouble> {
    if link.is_active() && (link.contact.is_none() || link.person.is_none()) {
        return Ok(());
    }
    let (mut active, mut dormant, mut held) = tables.counts.get(checkpoint)?.map_or((0, 0, 0), |row| row.value());
    let counted = match state(link) {
        ACTIVE => &mut active,
        DORMANT => &mut dormant,
        _ => &mut held,
    };
    *counted = counted.saturating_add_signed(by);
    tables.counts.insert(checkpoint, (active, dormant, held))?;
    Ok(())
}

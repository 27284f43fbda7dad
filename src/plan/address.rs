//! The postal address: of the provider's several, the one that is synced, and how its parts travel.

use crate::contact::{Address, AddressPart, Contact};
use crate::link::Chosen;

/// Where the chosen address of `seen` is in `now`: followed by equality, then by label and place. Its removal is a
/// removal; no other slides into its place.
///
/// Also for whoever writes: `seen` is what was expected, `now` what the book answered.
pub fn follow(chosen: Chosen, seen: &[Address], now: &[Address]) -> Chosen {
    match chosen {
        Chosen::At(at) if at < seen.len() => followed(at, seen, now).map_or(Chosen::Removed, Chosen::At),
        Chosen::Removed => {
            let added = |a: &Address| !seen.iter().any(|s| s.same(a));
            best(now, added).map_or(Chosen::Removed, Chosen::At)
        }
        Chosen::NotYet | Chosen::At(_) => best(now, |_| true).map_or(Chosen::NotYet, Chosen::At),
    }
}

/// The address that is synced.
pub(super) fn chosen(chosen: Chosen, addresses: &[Address]) -> Option<&Address> {
    match chosen {
        Chosen::At(at) => addresses.get(at),
        Chosen::NotYet | Chosen::Removed => None,
    }
}

/// Whether two addresses, or their absence, say the same.
pub(super) fn same(a: Option<&Address>, b: Option<&Address>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.same(b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Whether `form` may be what a book made of `address`: it dropped parts or changed their case, and no more.
pub(super) fn is_form_of(form: Option<&Address>, address: Option<&Address>) -> bool {
    let (Some(form), Some(address)) = (form, address) else { return form.is_none() };
    let folded = |part: Option<&str>| part.map(str::to_lowercase);
    let kept = |part| form.part(part).is_none() || folded(form.part(part)) == folded(address.part(part));
    form.same(address) || (form.has_parts() && AddressPart::ALL.into_iter().all(kept))
}

/// A contact that holds nothing but this address.
pub(super) fn alone(address: Option<Address>) -> Contact {
    Contact { addresses: address.into_iter().collect(), ..Contact::default() }
}

fn followed(at: usize, seen: &[Address], now: &[Address]) -> Option<usize> {
    let old = &seen[at];
    if now.get(at).is_some_and(|a| a.same(old)) {
        return Some(at);
    }
    if let Some(moved) = now.iter().position(|a| a.same(old)) {
        return Some(moved);
    }
    let another = |a: &Address| seen.iter().enumerate().any(|(i, s)| i != at && s.same(a));
    let free = || now.iter().enumerate().filter(|(_, a)| !another(a));
    let label = |a: &Address| a.label.as_deref().map(str::to_lowercase);
    free()
        .find(|&(i, a)| i == at && label(a) == label(old))
        .or_else(|| free().find(|(_, a)| label(a) == label(old)))
        .or_else(|| free().find(|&(i, _)| i == at))
        .map(|(i, _)| i)
}

/// The preferred one, else one labelled `work`, else the first.
fn best(addresses: &[Address], allowed: impl Fn(&Address) -> bool) -> Option<usize> {
    let rank = |a: &Address| match a.label.as_deref().map(str::to_lowercase).as_deref() {
        _ if a.preferred => 0,
        Some("work") => 1,
        _ => 2,
    };
    let candidates = addresses.iter().enumerate().filter(|(_, a)| !a.is_empty() && allowed(a));
    candidates.min_by_key(|&(i, a)| (rank(a), i)).map(|(i, _)| i)
}

/// What Pipedrive is to hold: all parts at once, because a part left out is cleared there, and the text it asks for.
pub(super) fn inward(address: &Address) -> Address {
    bare(address, address.one_line())
}

/// What Pipedrive's address makes of the provider's: only changed parts that Pipedrive itself returned, so that what it
/// never knew stays. `None` where it returned only a text and the provider has parts: nobody can say which part it is.
pub(super) fn outward(old: Option<&Address>, seen: Option<&Address>, now: &Address) -> Option<Address> {
    let Some(old) = old else {
        let text = if now.has_parts() { None } else { now.text.clone() };
        return Some(bare(now, text));
    };
    if !now.has_parts() {
        let mut after = old.clone();
        after.text.clone_from(&now.text);
        return (!old.has_parts()).then_some(after);
    }
    let mut after = old.clone();
    after.text = None;
    for part in AddressPart::ALL {
        let before = seen.and_then(|s| s.part(part));
        let changed = if seen.is_some_and(Address::has_parts) { before != now.part(part) } else { true };
        if changed && (before.is_some() || now.part(part).is_some()) {
            after.set(part, now.part(part));
        }
    }
    Some(after)
}

/// The address with another text, and with nothing that only its own book knows.
fn bare(address: &Address, text: Option<String>) -> Address {
    let mut bare = address.clone();
    (bare.text, bare.label, bare.preferred) = (text, None, false);
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(city: &str, label: &str) -> Address {
        let mut address = Address::default().with(AddressPart::City, city);
        address.label = Some(label.to_owned());
        address
    }

    #[test]
    fn work_is_chosen_first_and_preferred_before_it() {
        let (home, work) = (address("Lyon", "home"), address("Paris", "Work"));
        assert_eq!(follow(Chosen::NotYet, &[], &[home.clone(), work.clone()]), Chosen::At(1));
        let mut preferred = home;
        preferred.preferred = true;
        assert_eq!(follow(Chosen::NotYet, &[], &[work, preferred]), Chosen::At(1));
        assert_eq!(follow(Chosen::NotYet, &[], &[]), Chosen::NotYet);
    }

    #[test]
    fn it_stays_chosen_and_its_removal_does_not_slide() {
        let (home, work) = (address("Lyon", "home"), address("Paris", "work"));
        let seen = [work.clone(), home.clone()];
        let chosen = Chosen::At(0);
        assert_eq!(follow(chosen, &seen, &[home.clone(), work.clone()]), Chosen::At(1), "reordered");
        assert_eq!(follow(chosen, &seen, &[address("Nice", "work"), home.clone()]), Chosen::At(0), "edited");
        assert_eq!(follow(chosen, &seen, &[home.clone(), address("Nice", "work")]), Chosen::At(1), "edited, reordered");
        assert_eq!(follow(chosen, &seen, std::slice::from_ref(&home)), Chosen::Removed);
        assert_eq!(follow(Chosen::Removed, std::slice::from_ref(&home), std::slice::from_ref(&home)), Chosen::Removed);
        assert_eq!(follow(Chosen::Removed, std::slice::from_ref(&home), &[home.clone(), work]), Chosen::At(1), "added");
    }

    #[test]
    fn only_changed_parts_that_pipedrive_returned_flow_out() {
        let old = address("Lyon", "work").with(AddressPart::PoBox, "12").with(AddressPart::Country, "FR");
        let seen = Address::default().with(AddressPart::City, "Lyon").with(AddressPart::Country, "France");
        let now = Address::default().with(AddressPart::City, "Nice").with(AddressPart::Country, "France");
        let after = outward(Some(&old), Some(&seen), &now).expect("parts");
        assert_eq!(after, old.clone().with(AddressPart::City, "Nice"));
        let mut text = Address::default();
        text.text = Some("somewhere".into());
        assert_eq!(outward(Some(&old), Some(&seen), &text), None);
        assert_eq!(outward(None, None, &text), Some(text));
    }
}

//! The name, which Pipedrive holds as one text and an address book in parts.

use crate::contact::{Contact, Name};

/// Whether a person's name is only its organization, e-mail address or phone number: nobody gave it a name.
pub(super) fn is_derived(contact: &Contact) -> bool {
    let Some(shown) = contact.name.shown().map(|n| n.to_lowercase()) else { return true };
    let elements = contact.emails.iter().chain(&contact.phones).map(|e| e.value.as_str());
    contact.organization.as_deref().into_iter().chain(elements).any(|text| text.trim().to_lowercase() == shown)
}

/// The name under which Pipedrive shall show a contact.
pub(super) fn inward(contact: &Contact, parts: bool) -> Name {
    let display = contact.shown_name();
    if parts { Name { display, ..contact.name.clone() } } else { Name { display, ..Name::default() } }
}

/// What a name given in Pipedrive makes of the provider's. The second value is false where the provider has parts that
/// could not follow.
///
/// The given name stays, and the rest becomes the family name, where it is a prefix of the old and of the new name; the
/// other way round where the family name is a suffix of both. Where both hold, a name was put between them: both stay.
pub(super) fn outward(old: &Name, new: &str, parts: bool) -> (Name, bool) {
    let mut after = Name { display: Some(new.to_owned()), ..old.clone() };
    if !parts {
        return (Name::display(new), true);
    }
    if old.given.is_none() && old.family.is_none() {
        return (after, true);
    }
    let shown = old.shown().unwrap_or_default();
    let given = old.given.as_deref().filter(|g| rest(&shown, g, Edge::Start).is_some());
    let family = old.family.as_deref().filter(|f| rest(&shown, f, Edge::End).is_some());
    let after_given = given.and_then(|g| rest(new, g, Edge::Start));
    let before_family = family.and_then(|f| rest(new, f, Edge::End));
    match (after_given, before_family) {
        (Some(_), Some(_)) => {}
        (Some(rest), None) => after.family = some(rest),
        (None, Some(rest)) => after.given = some(rest),
        (None, None) => return (after, false),
    }
    (after, true)
}

#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
}

/// What is left of `text` without `part` at one edge, if it stands there as whole words.
fn rest<'a>(text: &'a str, part: &str, edge: Edge) -> Option<&'a str> {
    let left = match edge {
        Edge::Start => text.strip_prefix(part)?,
        Edge::End => text.strip_suffix(part)?,
    };
    let border = match edge {
        Edge::Start => left.starts_with(char::is_whitespace),
        Edge::End => left.ends_with(char::is_whitespace),
    };
    (left.is_empty() || border).then(|| left.trim())
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(display: &str, given: &str, family: &str) -> Name {
        Name { display: some(display), given: some(given), family: some(family) }
    }

    #[test]
    fn parts_follow_only_where_the_other_part_still_stands() {
        let weber = name("Anna Weber", "Anna", "Weber");
        for (old, new, expected, followed) in [
            (&weber, "Anna Lang", name("Anna Lang", "Anna", "Lang"), true),
            (&weber, "Annette Weber", name("Annette Weber", "Annette", "Weber"), true),
            (&weber, "Anna Maria Weber", name("Anna Maria Weber", "Anna", "Weber"), true),
            (&weber, "Annabel Lang", name("Annabel Lang", "Anna", "Weber"), false),
            (&weber, "Anna", name("Anna", "Anna", ""), true),
            (&name("Acme (Anna)", "Anna", "Weber"), "Anna at Acme", name("Anna at Acme", "Anna", "Weber"), false),
            (&name("", "Anna", "Weber"), "Anna Lang", name("Anna Lang", "Anna", "Lang"), true),
            (&Name::default(), "Anna Lang", name("Anna Lang", "", ""), true),
        ] {
            assert_eq!(outward(old, new, true), (expected, followed), "{new}");
        }
    }

    #[test]
    fn a_name_that_nobody_gave_is_known() {
        let email = crate::contact::Element::email("Info@acme.example").expect("not empty");
        let contact = Contact { name: Name::display("info@acme.example"), emails: vec![email], ..Contact::default() };
        assert!(is_derived(&contact));
        assert!(!is_derived(&Contact { name: Name::display("Info"), ..contact }));
    }
}

//! Properties: nothing panics, nothing is lost, and a patched card says what was foretold.

use proptest::collection::vec;
use proptest::prelude::*;

use super::cards::{ALL, crlf};
use crate::contact::{
    Address, AddressPart, Birthday, Change, Contact, ContactId, Element, ElementChange, Field, FieldChange, Name,
};
use crate::vcard::{Card, Version};

/// A text with everything that is special somewhere in a card.
fn nasty() -> impl Strategy<Value = String> {
    "[a-zA-Zéß漢🦀][a-zA-Z0-9éß漢🦀\\\\,;:=\"%^&_$!|'<>\\n .E-]{0,60}"
}

fn some_day() -> impl Strategy<Value = Option<Birthday>> {
    (proptest::option::of(1500_i16..2100), 1_u8..=12, 1_u8..=31, prop::bool::ANY)
        .prop_map(|(year, month, day, none)| Birthday::new(year, month, day).filter(|_| !none))
}

fn new_element(field: Field, text: &str, number: u32, labelled: bool) -> Option<Element> {
    let label = labelled.then_some(text);
    match field {
        Field::Emails => Element::email(text).map(|e| e.with_label(label)),
        Field::Phones if number.is_multiple_of(7) => Element::phone(text, None),
        Field::Phones => {
            Element::phone(&format!("+{number} 55 ext. {}", number % 90), None).map(|e| e.with_label(label))
        }
        _ => Element::im(if labelled { label } else { Some("Skype") }, text),
    }
}

/// One change of a contact, from random numbers and a random text.
fn change(
    contact: &Contact,
    (kind, at, number): (u8, usize, u32),
    text: &str,
    day: Option<Birthday>,
) -> Option<FieldChange> {
    let pick = |options: &[Option<String>]| options[at % options.len()].clone();
    let text_or_none = pick(&[Some(text.to_owned()), None, Some(text.to_owned())]);
    Some(match kind {
        0 => {
            let before = contact.name.clone();
            let mut after = before.clone();
            match number % 3 {
                0 => after.display = text_or_none,
                1 => after.given = text_or_none,
                _ => after = Name { display: Some(text.to_owned()), given: text_or_none, family: after.family },
            }
            FieldChange::Name { before, after }
        }
        1..=6 => {
            let field = Field::ELEMENTS[at % 3];
            let now = contact.elements(field);
            let existing = (!now.is_empty()).then(|| now[at % now.len()].clone());
            let new = new_element(field, text, number, at % 2 == 0)?;
            let change = match (kind % 3, existing) {
                (0, Some(before)) => ElementChange::Replace { before, after: new },
                (1, Some(gone)) => ElementChange::Remove(gone),
                _ => ElementChange::Add(new),
            };
            FieldChange::Element { field, change }
        }
        7 => {
            let before =
                (!contact.addresses.is_empty()).then(|| contact.addresses[at % contact.addresses.len()].clone());
            let mut after = before.clone().unwrap_or_default();
            after.set(AddressPart::ALL[number as usize % 7], text_or_none.as_deref());
            let after = Some(after).filter(|a| a.has_parts() && number % 5 != 0);
            FieldChange::Address { before: before.map(Box::new), after: after.map(Box::new) }
        }
        8 => {
            let field = [Field::Organization, Field::Notes, Field::JobTitle][at % 3];
            FieldChange::Text { field, before: contact.text(field).map(str::to_owned), after: text_or_none }
        }
        _ => FieldChange::Birthday { before: contact.birthday, after: day },
    })
}

/// The raw lines that no change may touch.
fn foreign(card: &Card) -> Vec<Vec<u8>> {
    let ours =
        ["N", "FN", "EMAIL", "TEL", "IMPP", "ADR", "LABEL", "ORG", "TITLE", "NOTE", "BDAY", "X-ABLABEL", "X-ABADR"];
    let is_foreign = |name: &str| !ours.contains(&name) && !crate::vcard::im::is_im(name);
    card.lines.iter().filter(|line| is_foreign(&line.name)).map(|line| line.raw().to_vec()).collect()
}

fn id() -> ContactId {
    ContactId::from("c")
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        let framed = [b"BEGIN:VCARD\nVERSION:3.0\n".as_slice(), &bytes, b"\nEND:VCARD\n"].concat();
        for bytes in [bytes, framed] {
            if let Ok(card) = Card::parse(&bytes) {
                prop_assert_eq!(card.bytes(), bytes);
                let _ = (card.contact(None), card.uid(), card.categories(), card.members(), card.photo());
            }
        }
    }

    #[test]
    fn damaged_cards_keep_their_bytes(
        which in 0..ALL.len(),
        damage in vec((any::<prop::sample::Index>(), 0..40_usize, vec(prop::sample::select(b":;,=\\\"\r\n \t.^aE\xc3\xa9\xff\0".to_vec()), 0..6)), 1..8),
        text in nasty(),
    ) {
        let mut bytes = crlf(ALL[which]);
        for (at, len, new) in damage {
            let start = at.index(bytes.len());
            let end = (start + len).min(bytes.len());
            bytes.splice(start..end, new);
        }
        if let Ok(mut card) = Card::parse(&bytes) {
            prop_assert_eq!(card.bytes(), bytes);
            let contact = card.contact(None);
            for kind in 0..10 {
                let change = change(&contact, (kind, usize::from(kind), 11), &text, None);
                let _ = card.patch(change.as_slice(), None);
            }
            card.join(&text);
            prop_assert!(Card::parse(&card.bytes()).is_ok(), "what we write is a card");
        }
    }

    #[test]
    fn a_patched_card_says_what_was_foretold(
        which in 0..ALL.len(),
        changes in vec(((0..10_u8, 0..100_usize, 1..1_000_000_u32), nasty(), some_day()), 1..6),
    ) {
        let mut card = Card::parse(&crlf(ALL[which])).expect("a card");
        let kept = foreign(&card);
        for (numbers, text, day) in changes {
            let now = card.contact(None);
            let Some(change) = change(&now, numbers, &text, day) else { continue };
            let before = card.lines.len();
            card.patch(std::slice::from_ref(&change), None).expect("writable");
            let foretold = Change::Patch { id: id(), fields: vec![change.clone()] }.applied_to(&now).expect("a contact");
            let said = Card::parse(&card.bytes()).expect("a card").contact(None);
            prop_assert!(said.same(&foretold), "{change:?}\nsays {said:?}\nforetold {foretold:?}");
            prop_assert_eq!(said, card.contact(None), "as written, so read");
            prop_assert_eq!(&foreign(&card), &kept);
            prop_assert!(card.lines.len().abs_diff(before) <= 2);
        }
    }

    #[test]
    fn a_new_card_says_what_it_was_made_of(
        texts in vec(nasty(), 6),
        numbers in vec(1..1_000_000_u32, 2),
        birthday in some_day(),
        version in prop::sample::select(vec![Version::V21, Version::V3, Version::V4]),
    ) {
        let contact = Contact {
            name: Name::display(&texts[0]),
            emails: new_element(Field::Emails, &texts[1], 0, true).into_iter().collect(),
            phones: numbers.iter().filter_map(|&n| new_element(Field::Phones, &texts[2], n, true)).collect(),
            ims: new_element(Field::Ims, &texts[2], 0, true).into_iter().collect(),
            addresses: vec![Address::default().with(AddressPart::City, &texts[3])],
            organization: Some(texts[4].clone()),
            notes: Some(texts[5].repeat(5)),
            birthday,
            ..Contact::default()
        };
        let card = Card::new(&contact, &texts[1], version, Some(&texts[0]));
        let again = Card::parse(&card.bytes()).expect("a card");
        prop_assert_eq!(again.writable(), Ok(()));
        let said = again.contact(None);
        prop_assert!(said.same(&contact), "says {said:?}\nmade of {contact:?}");
        prop_assert_eq!(again.uid(), Some(texts[1].trim().to_owned()));
        prop_assert_eq!(again.categories(), vec![texts[0].trim().to_owned()]);
    }

    #[test]
    fn joining_and_leaving_gives_the_card_back(which in 0..ALL.len(), name in nasty()) {
        let mut card = Card::parse(&crlf(ALL[which])).expect("a card");
        let (bytes, before) = (card.bytes(), card.categories());
        card.join(&name);
        prop_assert_eq!(card.categories(), [before, vec![name.trim().to_owned()]].concat());
        card.leave(&name);
        prop_assert_eq!(card.bytes(), bytes);
    }
}

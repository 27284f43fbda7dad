//! Every record reads back as the value that was written.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::contact::{
    Address, AddressPart, Birthday, Change, ElementChange, Field, FieldChange, Fields, PhotoHash, Revision,
};
use crate::link::{Cause, Chosen, Hold, HoldCause};
use crate::store::record::{Mirror, decode, encode};

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{1,12}", Just("Zoë \"Ω\" \\ O'Neil\n中".to_owned())]
}

prop_compose! {
    fn element()(value in text(), key in of(text()), label in of(text()), preferred in any::<bool>()) -> Element {
        Element { key: key.unwrap_or_else(|| value.clone()), value, label, preferred }
    }
}

prop_compose! {
    fn address()(parts in vec(of("[a-zé]{1,9}"), 7), text in of(text()), label in of(text()), preferred in any::<bool>())
        -> Address
    {
        let mut address = Address::default();
        for (part, value) in AddressPart::ALL.into_iter().zip(&parts) {
            address.set(part, value.as_deref());
        }
        (address.text, address.label, address.preferred) = (text, label, preferred);
        address
    }
}

prop_compose! {
    fn birthday()(year in of(1_i16..=9999), month in 1_u8..=12, day in 1_u8..=28) -> Birthday {
        Birthday { year, month, day }
    }
}

prop_compose! {
    fn name()(display in of(text()), given in of(text()), family in of(text())) -> Name {
        Name { display, given, family }
    }
}

prop_compose! {
    fn any_contact()(
        name in name(),
        lists in (vec(element(), 0..3), vec(element(), 0..3), vec(element(), 0..3)),
        addresses in vec(address(), 0..3),
        texts in (of(text()), of(text()), of(text()), of(text())),
        birthday in of(birthday()),
        unsaid in any::<u16>(),
    ) -> Contact {
        let (emails, phones, ims) = lists;
        let (organization, notes, job_title, photo) = texts;
        let (photo, unsaid) = (photo.map(PhotoHash), Fields::from_bits(unsaid));
        Contact { name, emails, phones, addresses, ims, organization, notes, birthday, job_title, photo, unsaid }
    }
}

fn field() -> impl Strategy<Value = Field> {
    prop::sample::select(Field::ALL.to_vec())
}

fn element_change() -> impl Strategy<Value = ElementChange> {
    prop_oneof![
        element().prop_map(ElementChange::Add),
        element().prop_map(ElementChange::Remove),
        (element(), element()).prop_map(|(before, after)| ElementChange::Replace { before, after }),
    ]
}

fn field_change() -> impl Strategy<Value = FieldChange> {
    let boxed = || of(address().prop_map(Box::new));
    prop_oneof![
        (name(), name()).prop_map(|(before, after)| FieldChange::Name { before, after }),
        (field(), element_change()).prop_map(|(field, change)| FieldChange::Element { field, change }),
        (boxed(), boxed()).prop_map(|(before, after)| FieldChange::Address { before, after }),
        (field(), of(text()), of(text())).prop_map(|(field, before, after)| FieldChange::Text { field, before, after }),
        (of(birthday()), of(birthday())).prop_map(|(before, after)| FieldChange::Birthday { before, after }),
        text().prop_map(|hash| FieldChange::Photo { source: PhotoHash(hash) }),
        Just(FieldChange::JoinGroup),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let id = || text().prop_map(ContactId::from);
    prop_oneof![
        (any_contact().prop_map(Box::new), of(id())).prop_map(|(contact, chosen)| Change::Create { contact, chosen }),
        (id(), vec(field_change(), 1..5)).prop_map(|(id, fields)| Change::Patch { id, fields }),
        id().prop_map(|id| Change::Delete { id }),
    ]
}

fn state() -> impl Strategy<Value = State> {
    let hold = (prop::sample::select(HoldCause::ALL.to_vec()), vec(any::<u64>(), 0..3), vec(text(), 0..3));
    prop_oneof![
        Just(State::Active),
        prop::sample::select(Cause::ALL.to_vec()).prop_map(State::Dormant),
        hold.prop_map(|(cause, persons, contacts)| {
            let persons = persons.into_iter().map(PersonId).collect();
            State::Held(Hold { cause, persons, contacts: contacts.into_iter().map(ContactId::from).collect() })
        }),
    ]
}

prop_compose! {
    fn any_link()(
        state in state(),
        base in any_contact(),
        contact in of((text(), of(text()), text(), any_contact(), any::<bool>())),
        person in of((any::<u64>(), any_contact())),
        chosen in prop_oneof![Just(Chosen::NotYet), Just(Chosen::Removed), (0_usize..9).prop_map(Chosen::At)],
        photo in of(text()),
    ) -> Link {
        let contact = contact.map(|(id, stable, revision, seen, joined)| {
            ContactHalf { id: ContactId::from(id), stable, revision: Revision::from(revision), seen: seen.into(), joined }
        });
        let person = person.map(|(id, seen)| PersonHalf { id: PersonId(id), seen: seen.into() });
        Link { state, base: base.into(), contact, person, chosen, photo: photo.map(PhotoHash) }
    }
}

fn round<T: Mirror>(value: &T) -> T {
    decode(&encode(value).expect("written")).expect("read")
}

proptest! {
    #[test]
    fn contacts(contact in any_contact()) {
        prop_assert_eq!(round(&contact), contact);
    }

    #[test]
    fn changes(change in change()) {
        prop_assert_eq!(round(&change), change);
    }

    #[test]
    fn links(link in any_link()) {
        prop_assert_eq!(round(&link), link);
    }
}

#[test]
fn what_is_empty_takes_no_room() {
    let json = |contact: &Contact| String::from_utf8(encode(contact).expect("written")).expect("text");
    assert_eq!(json(&Contact::default()), "{}");
    let anna = contact("Anna");
    assert_eq!(json(&anna), r#"{"n":{"d":"Anna"},"e":[{"v":"anna@acme.example"}]}"#);
}

#[test]
fn a_word_that_is_not_known_is_named() {
    let bytes = br#"{"state":{"dormant":"bored"}}"#;
    let detail = decode::<Link>(bytes).expect_err("refused").0;
    assert_eq!(detail, "unknown Cause `bored`");
}

#[test]
fn an_error_quotes_nothing_of_a_contact() {
    let bytes = br#"{"id":"Anna Weber","rev":7}"#;
    let detail = decode::<ContactHalf>(bytes).expect_err("refused");
    let key = (1, "Anna Weber.vcf", 7);
    let error = StoreError::record("todos", key, detail).to_string();
    assert!(!error.contains("Anna") && error.contains("(1, ") && error.contains("at byte 26"), "{error}");
}

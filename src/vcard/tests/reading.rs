//! What is read from real habits, and what is refused.

use super::cards::{ALL, ANDROID, APPLE, GOOGLE, KHARD, NEXTCLOUD, OUTLOOK, crlf};
use crate::account::Country;
use crate::contact::{AddressPart, Birthday, Contact, Element, Field, PhotoHash};
use crate::vcard::{Card, CardError, MAX_BYTES, Version};

const PICTURE: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";

fn card(text: &str) -> Card {
    Card::parse(text.as_bytes()).expect("a card")
}

fn read(text: &str) -> Contact {
    card(text).contact(None)
}

fn shown(elements: &[Element]) -> Vec<(&str, &str, bool)> {
    elements.iter().map(|e| (e.value.as_str(), e.label.as_deref().unwrap_or("-"), e.preferred)).collect()
}

fn v3(lines: &str) -> String {
    format!("BEGIN:VCARD\nVERSION:3.0\n{lines}\nEND:VCARD\n")
}

#[test]
fn apple() {
    let contact = read(APPLE);
    assert_eq!(contact.name.display.as_deref(), Some("Dr. Anna Maria Weber"));
    assert_eq!((contact.name.given.as_deref(), contact.name.family.as_deref()), (Some("Anna"), Some("Weber")));
    assert_eq!(shown(&contact.emails), [("anna@acme.example", "work", true), ("anna@home.example", "Vacances", false)]);
    assert_eq!(shown(&contact.phones), [("+33 6 99 00 12 34", "mobile", true), ("06 99 00 12 35", "mobile", false)]);
    assert_eq!(shown(&contact.ims), [("anna@chat.example", "Jabber", true)], "IMPP and X-JABBER are one");
    assert_eq!(contact.organization.as_deref(), Some("Lilas & Cie, SARL"));
    assert_eq!(contact.notes.as_deref(), Some("Erste Zeile\nzweite, mit Komma; und mehr"));
    assert_eq!(contact.birthday, Birthday::new(None, 4, 12));
    assert_eq!(contact.photo, Some(PhotoHash::of(PICTURE)));
    let address = &contact.addresses[0];
    assert_eq!(address.part(AddressPart::Street), Some("12 rue des Lilas\nBât. B"));
    assert_eq!((address.label.as_deref(), address.preferred), (Some("work"), true));
    assert_eq!(card(APPLE).uid().as_deref(), Some("8F1C-ANNA"));
    assert_eq!(card(APPLE).categories(), ["Clients", "Friends"]);
}

#[test]
fn the_accounts_country_reads_national_numbers() {
    let contact = card(APPLE).contact(Country::new("FR"));
    assert_eq!(contact.phones[1].key, "+33699001235");
}

#[test]
fn google() {
    let contact = read(GOOGLE);
    assert_eq!(contact.name.given.as_deref(), Some("민준"));
    assert_eq!(shown(&contact.phones)[1], ("+82 2-9900-1234", "fax", false));
    assert_eq!(contact.birthday, Birthday::new(None, 4, 12));
    assert_eq!(contact.organization, None, "a department without a company");
    assert_eq!(contact.notes.as_deref(), Some("First note"));
    assert_eq!(contact.addresses[0].part(AddressPart::Country), Some("South Korea"));
    assert_eq!(contact.addresses[1].label.as_deref(), Some("Cabin"));
    assert_eq!(card(GOOGLE).uid(), None);
}

#[test]
fn outlook() {
    let contact = read(OUTLOOK);
    assert_eq!(contact.name.display.as_deref(), Some("Jürgen Müller"));
    assert_eq!(contact.name.family.as_deref(), Some("Müller"));
    assert_eq!(contact.notes.as_deref(), Some("Zeile eins, mit Glück und einem Umbruch\nZeile zwei"));
    assert_eq!(shown(&contact.emails), [("j.mueller@muster.example", "-", true)]);
    assert_eq!(shown(&contact.ims), [("juergen@chat.example", "-", false)]);
    assert_eq!(contact.addresses.len(), 1, "LABEL only repeats ADR");
    assert_eq!(contact.addresses[0].part(AddressPart::City), Some("M;nchen"));
    assert_eq!(card(OUTLOOK).photo().as_deref(), Some(PICTURE));
    assert_eq!(contact.birthday, Birthday::new(Some(1980), 2, 29));
    assert_eq!(card(OUTLOOK).version(), Version::V21);
    assert_eq!(card(OUTLOOK).writable(), Ok(()));
}

#[test]
fn nextcloud() {
    let contact = read(NEXTCLOUD);
    assert_eq!(shown(&contact.emails), [("nadia@acme.example", "work", true), ("nadia@home.example", "home", false)]);
    assert_eq!(contact.phones[0].value, "+1-555-010-0199 ext. 12");
    assert_eq!(contact.phones[0].key, "+15550100199;ext=12");
    assert_eq!(shown(&contact.ims), [("nadia.o", "skype", true), ("nadia@chat.example", "xmpp", false)]);
    assert_eq!(contact.addresses[0].part(AddressPart::Extended), Some("Suite 2"));
    assert_eq!(contact.addresses[0].text, None, "the label only renders the parts");
    assert_eq!(card(NEXTCLOUD).categories(), ["Clients", "VIP, gold"]);
    assert_eq!(contact.photo, Some(PhotoHash::of(PICTURE)));
}

#[test]
fn android_and_khard() {
    let contact = read(ANDROID);
    assert_eq!(contact.name.display.as_deref(), Some("Zoé Émile"));
    assert_eq!(shown(&contact.phones), [("0612345678", "mobile", true), ("0112345678", "bureau", false)]);
    assert_eq!(shown(&contact.ims), [("zoe.e", "skype", false)]);
    let contact = read(KHARD);
    assert_eq!(contact.name.display, None);
    assert_eq!(contact.name.shown().as_deref(), Some("Bob Stone"));
    assert_eq!(contact.phones[0].key, "ask reception");
}

#[test]
fn line_ends_folds_and_marks_do_not_matter() {
    for text in ALL {
        let expected = read(text);
        let mut mixed = text.replacen('\n', "\r\n", 3).into_bytes();
        mixed.splice(0..0, *b"\xef\xbb\xbf");
        for bytes in [crlf(text), text.trim_end().into(), mixed, text.replace('\n', "\r").into()] {
            let card = Card::parse(&bytes).expect("a card");
            assert_eq!(card.contact(None), expected);
            assert_eq!(card.bytes(), bytes);
        }
    }
}

#[test]
fn folds_inside_characters() {
    let bytes = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Andr\xc3\r\n \xa9 L\\\r\n ,B\r\nEND:VCARD\r\n";
    let card = Card::parse(bytes).expect("a card");
    assert_eq!(card.contact(None).name.display.as_deref(), Some("André L,B"));
    assert_eq!(card.writable(), Ok(()));
}

#[test]
fn names_of_one_to_seven_parts() {
    for (n, given, family) in [
        ("Weber", None, Some("Weber")),
        (";Anna", Some("Anna"), None),
        ("Weber;Anna;;;", Some("Anna"), Some("Weber")),
        ("Weber;Anna,Maria;;;;;x", Some("Anna Maria"), Some("Weber")),
        (";;;;", None, None),
    ] {
        let name = read(&v3(&format!("N:{n}"))).name;
        assert_eq!((name.given.as_deref(), name.family.as_deref()), (given, family), "{n}");
    }
}

#[test]
fn a_birthday_in_words_cannot_be_said() {
    let contact = read(&v3("BDAY;VALUE=text:in spring"));
    assert!(!contact.says(Field::Birthday));
    assert!(read(&v3("BDAY:")).says(Field::Birthday));
}

#[test]
fn an_address_may_be_only_a_text() {
    let label = read(&v3("LABEL;TYPE=work:1 Main St\\nSpringfield"));
    assert_eq!(label.addresses[0].text.as_deref(), Some("1 Main St\nSpringfield"));
    let empty = read(&v3("ADR;LABEL=\"1 Main St\":;;;;;;"));
    assert_eq!(empty.addresses[0].text.as_deref(), Some("1 Main St"));
}

#[test]
fn groups_are_not_human_beings() {
    let apple = v3("FN:Friends\nX-ADDRESSBOOKSERVER-KIND:Group\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1");
    assert!(card(&apple).is_group());
    assert_eq!(card(&apple).members(), ["urn:uuid:1"]);
    assert!(card("BEGIN:VCARD\nVERSION:4.0\nFN:x\nKIND:group\nEND:VCARD").is_group());
    assert!(!card(APPLE).is_group());
}

#[test]
fn pictures_by_url_are_none() {
    for photo in ["PHOTO;VALUE=uri:http://x/y.jpg", "PHOTO:https://x/y.jpg", "PHOTO;ENCODING=b:", "PHOTO;ENCODING=b:*"]
    {
        assert_eq!(card(&v3(photo)).photo(), None, "{photo}");
    }
    assert_eq!(
        card(&v3("PHOTO;ENCODING=b;TYPE=PNG:data:image/png;base64,AAEC")).photo().as_deref(),
        Some(&[0, 1, 2][..])
    );
}

#[test]
fn what_is_no_card_is_refused_with_its_reason() {
    for (bytes, error) in [
        (&b""[..], CardError::Empty),
        (b" \r\n\n", CardError::Empty),
        (b"hello\n", CardError::NotACard),
        (b"\x89PNG\r\n\x1a\n\0\0", CardError::Binary),
        (b"\xff\xfeB\0E\0", CardError::Utf16),
        (b"BEGIN:VCARD\nVERSION:3.0\nFN:x\n", CardError::Truncated),
        (b"BEGIN:VCARD\nVERSION:3.0\nFN:x\nEND:VC", CardError::Truncated),
        (b"BEGIN:VCARD\nFN:x\nBEGIN:VCARD\nEND:VCARD\n", CardError::Truncated),
        (b"BEGIN:VCARD\nEND:VCARD\nBEGIN:VCARD\nEND:VCARD\n", CardError::SeveralCards { count: 2 }),
    ] {
        assert_eq!(Card::parse(bytes).map(|_| ()), Err(error));
    }
    let huge = vec![b'a'; MAX_BYTES + 1];
    assert_eq!(Card::parse(&huge).map(|_| ()), Err(CardError::TooLarge { bytes: MAX_BYTES + 1 }));
    assert_eq!(Card::parse(&vec![b'\n'; MAX_BYTES]).map(|_| ()), Err(CardError::TooManyLines));
}

#[test]
fn cards_that_cannot_be_written_say_why() {
    let latin = Card::parse(b"BEGIN:VCARD\nVERSION:3.0\nFN:Andr\xe9\nEND:VCARD\n").expect("a card");
    assert_eq!(latin.contact(None).name.display.as_deref(), Some("André"));
    assert_eq!(latin.writable(), Err(CardError::Undecodable { line: 3, property: "FN".to_owned() }));
    for (card, found) in [
        ("BEGIN:VCARD\nFN:x\nEND:VCARD", "no VERSION"),
        ("BEGIN:VCARD\nVERSION:5.0\nEND:VCARD", "VERSION 5.0"),
        ("BEGIN:VCARD\nVERSION:3.0\nVERSION:4.0\nEND:VCARD", "2 different VERSIONs"),
    ] {
        let error = Card::parse(card.as_bytes()).expect("a card").writable();
        assert_eq!(error, Err(CardError::Version { found: found.to_owned() }));
    }
}

#[test]
fn an_error_says_what_was_found_expected_and_what_to_do() {
    assert_eq!(
        CardError::SeveralCards { count: 3 }.to_string(),
        "3 cards in one; expected exactly one. Split them, one card to a file"
    );
}

#[test]
fn a_card_inside_a_card_is_not_read() {
    let agent =
        "BEGIN:VCARD\nVERSION:2.1\nFN:Boss\nAGENT:\nBEGIN:VCARD\nVERSION:2.1\nFN:Agent\nTEL:1\nEND:VCARD\n\nEND:VCARD";
    let contact = read(agent);
    assert_eq!(contact.name.display.as_deref(), Some("Boss"));
    assert!(contact.phones.is_empty());
}

#[test]
fn huge_cards_take_linear_time() {
    let photo = "QUJD".repeat(18).as_str().to_owned() + "\r\n ";
    let photo = photo.repeat(9 * 1024 * 1024 / photo.len());
    let text = v3(&format!("FN:x\r\nPHOTO;ENCODING=b:{photo}"));
    assert!(card(&text).photo().expect("a picture").starts_with(b"ABCABC"));
    let deep = "BEGIN:VCARD\n".repeat(90_000);
    assert_eq!(Card::parse(deep.as_bytes()).map(|_| ()), Err(CardError::TooManyLines));
    let folded_head = format!("BEGIN:VCARD{}", "\n ".repeat(3_000_000));
    assert_eq!(Card::parse(folded_head.as_bytes()).map(|_| ()), Err(CardError::Truncated));
}

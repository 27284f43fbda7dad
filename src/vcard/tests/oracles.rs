//! Parsers that we did not write read the same from our cards, before and after a patch.

use calcard::vcard::{VCard, VCardProperty, VCardValue};

use super::cards::{ALL, APPLE, GOOGLE, KHARD, NEXTCLOUD};
use crate::contact::{Element, ElementChange, Field, FieldChange};
use crate::vcard::Card;

fn patched(text: &str) -> String {
    let mut card = Card::parse(text.as_bytes()).expect("a card");
    let email = Element::email("new,one@acme.example").expect("not empty").with_label(Some("Büro"));
    let note = "Zeile, eins; \\ zwei\n".repeat(20);
    let changes = [
        FieldChange::Element { field: Field::Emails, change: ElementChange::Add(email) },
        FieldChange::Text { field: Field::Notes, before: None, after: Some(note) },
    ];
    card.patch(&changes, None).expect("writable");
    String::from_utf8(card.bytes()).expect("text")
}

/// vparser knows folds, names and values of 3.0 and 4.0 and nothing of their meaning.
#[test]
fn vparser_sees_the_same_lines() {
    for text in [APPLE, GOOGLE, NEXTCLOUD, KHARD] {
        for text in [text.to_owned(), patched(text)] {
            let card = Card::parse(text.as_bytes()).expect("a card");
            let ours = card.lines.iter().map(|line| (line.name.clone(), line.unfolded()));
            let theirs = vparser::Parser::new(&text).map(|line| {
                let name = line.name().rsplit('.').next().unwrap_or_default().to_ascii_uppercase();
                (name, line.unfolded().into_owned().into_bytes())
            });
            assert_eq!(ours.collect::<Vec<_>>(), theirs.collect::<Vec<_>>());
        }
    }
}

/// calcard knows all versions.
#[test]
fn calcard_reads_the_same_values() {
    for text in ALL {
        for text in [text.to_owned(), patched(text)] {
            let contact = Card::parse(text.as_bytes()).expect("a card").contact(None);
            let theirs = VCard::parse(&text).expect("a card");
            let texts = |property: &VCardProperty| -> Vec<String> {
                let entries = theirs.entries.iter().filter(|e| e.name == *property);
                let first = entries.filter_map(|e| match e.values.first()? {
                    VCardValue::Text(text) => Some(text.replace('\r', "").trim().to_owned()),
                    VCardValue::Component(parts) => parts.first().cloned(),
                    _ => None,
                });
                first.collect()
            };
            let emails: Vec<String> = contact.emails.iter().map(|e| e.value.clone()).collect();
            assert_eq!(emails, texts(&VCardProperty::Email));
            assert_eq!(contact.name.display, texts(&VCardProperty::Fn).into_iter().next());
            assert_eq!(contact.name.family, texts(&VCardProperty::N).into_iter().next());
            assert_eq!(contact.notes, texts(&VCardProperty::Note).into_iter().next());
            assert_eq!(contact.job_title, texts(&VCardProperty::Title).into_iter().next());
        }
    }
}

//! The quick start: its configuration loads, and its cards are read whole and keep every byte.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails, fails the test that called it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use carnetd::account::Country;
use carnetd::config::{self, Environment};
use carnetd::contact::Contact;
use carnetd::vcard::Card;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart");

/// The cards by file name, without its ending.
fn cards() -> BTreeMap<String, Card> {
    let paths = fs::read_dir(Path::new(FOLDER).join("contacts")).unwrap().map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            let bytes = fs::read(&path).unwrap();
            let card = Card::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(card.bytes(), bytes, "{} does not keep its bytes", path.display());
            (path.file_stem().unwrap().to_string_lossy().into_owned(), card)
        })
        .collect()
}

fn contact(name: &str) -> Contact {
    cards()[name].contact(Country::new("GB"))
}

#[test]
fn its_configuration_loads() {
    let config_path = Path::new(FOLDER).join("carnetd.toml");
    if let Err(problems) = config::load(&Environment { config_path, ..Environment::default() }) {
        panic!("{problems}");
    }
}

#[test]
fn it_has_a_dozen_clients_and_two_others() {
    let cards = cards();
    let clients = cards.values().filter(|card| card.categories().iter().any(|category| category == "Clients"));
    assert_eq!((clients.count(), cards.len()), (12, 14));
    let pictured: Vec<&str> =
        cards.iter().filter(|(_, card)| card.photo().is_some()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        pictured,
        ["anne-moreau", "juergen-grossmann", "layla-haddad", "oksana-kovalenko", "tanaka-hiroshi"],
        "vCard 2.1, 3.0 and 4.0 each write a photo in another way"
    );
}

#[test]
fn other_scripts_and_old_encodings_are_read() {
    let names = ["tanaka-hiroshi", "layla-haddad", "eleni-papadaki", "oksana-kovalenko", "juergen-grossmann"];
    let read: Vec<String> = names.map(|name| contact(name).name.display.unwrap_or_default()).into();
    assert_eq!(read, ["田中 浩", "ليلى حداد", "Ελένη Παπαδάκη", "Оксана Коваленко", "Jürgen Großmann"]);
}

#[test]
fn the_awkward_card_is_read() {
    let awkward = contact("awkward");
    assert_eq!(awkward.name.display, None, "it has no FN");
    assert_eq!(awkward.name.family.as_deref(), Some("O’Súilleabháin, the elder"));
    assert_eq!(awkward.organization.as_deref(), Some("Smith, Jones ; Sons & Partners, Ltd."));
    let emails: Vec<&str> = awkward.emails.iter().map(|email| email.value.as_str()).collect();
    assert_eq!(emails, ["sean.osuilleabhain@smith-jones.example", "sean@post.example"]);
    let phones: Vec<&str> = awkward.phones.iter().map(|phone| phone.key.as_str()).collect();
    assert_eq!(phones, ["+447700900777", "+441632960888;ext=5"]);
    assert!(awkward.notes.is_some_and(|note| note.len() > 1500 && note.ends_with("\n\nLast line.")));
}

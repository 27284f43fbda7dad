//! Golden patches: exactly which physical lines a change removes (`-`) and adds (`+`).

use super::cards::{ALL, ANDROID, APPLE, GOOGLE, KHARD, NEXTCLOUD, OUTLOOK, crlf};
use crate::contact::{Address, AddressPart, Birthday, Contact, Element, ElementChange, Field, FieldChange, Name};
use crate::vcard::{Card, CardError, Version};

/// Patches a card and gives the difference of its physical lines.
fn diff(text: &str, changes: &[FieldChange]) -> String {
    let mut card = Card::parse(text.as_bytes()).expect("a card");
    card.patch(changes, None).expect("writable");
    let after = String::from_utf8(card.bytes()).expect("text");
    let (old, new): (Vec<&str>, Vec<&str>) = (text.split('\n').collect(), after.split('\n').collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = (old.len().min(new.len())) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let gone = old[start..old.len() - end].iter().map(|line| format!("-{line}"));
    let come = new[start..new.len() - end].iter().map(|line| format!("+{line}"));
    gone.chain(come).collect::<Vec<_>>().join("\n")
}

fn read(text: &str) -> Contact {
    Card::parse(text.as_bytes()).expect("a card").contact(None)
}

fn email(value: &str) -> Element {
    Element::email(value).expect("not empty")
}

fn phone(value: &str) -> Element {
    Element::phone(value, None).expect("not empty")
}

fn element(field: Field, change: ElementChange) -> [FieldChange; 1] {
    [FieldChange::Element { field, change }]
}

fn add(field: Field, element: Element) -> [FieldChange; 1] {
    self::element(field, ElementChange::Add(element))
}

fn remove(field: Field, element: Element) -> [FieldChange; 1] {
    self::element(field, ElementChange::Remove(element))
}

fn replace(field: Field, before: Element, after: Element) -> [FieldChange; 1] {
    self::element(field, ElementChange::Replace { before, after })
}

fn text(field: Field, after: Option<&str>) -> [FieldChange; 1] {
    [FieldChange::Text { field, before: None, after: after.map(str::to_owned) }]
}

fn address(before: Option<&Address>, after: Option<Address>) -> [FieldChange; 1] {
    [FieldChange::Address { before: before.cloned().map(Box::new), after: after.map(Box::new) }]
}

#[test]
fn nothing_changes_nothing() {
    for text in ALL {
        for bytes in [text.as_bytes().to_vec(), crlf(text)] {
            let mut card = Card::parse(&bytes).expect("a card");
            card.patch(&[], None).expect("writable");
            card.join("");
            card.leave("Nobody");
            assert_eq!(card.bytes(), bytes);
        }
    }
}

#[test]
fn new_elements_follow_their_siblings_in_their_style() {
    assert_eq!(
        diff(APPLE, &add(Field::Emails, email("new@x.example").with_label(Some("home")))),
        "+EMAIL;type=INTERNET;type=HOME:new@x.example"
    );
    assert_eq!(
        diff(APPLE, &add(Field::Emails, email("new@x.example").with_label(Some("Büro")))),
        "+item5.EMAIL;type=INTERNET:new@x.example\n+item5.X-ABLabel:Büro"
    );
    assert_eq!(
        diff(NEXTCLOUD, &add(Field::Phones, phone("+1 555 010 0300").with_label(Some("mobile")))),
        "+TEL;VALUE=uri;TYPE=voice,cell:tel:+1-555-010-0300"
    );
    assert_eq!(
        diff(OUTLOOK, &add(Field::Emails, email("b@x.example").with_label(Some("work")))),
        "+EMAIL;INTERNET;WORK:b@x.example"
    );
    assert_eq!(
        diff(KHARD, &add(Field::Ims, Element::im(Some("Skype"), "bob").expect("not empty"))),
        "+IMPP;X-SERVICE-TYPE=Skype:skype:bob"
    );
}

#[test]
fn an_element_is_edited_in_its_place() {
    assert_eq!(
        diff(APPLE, &replace(Field::Emails, email("ANNA@home.example"), email("a.w@home.example"))),
        "-item1.EMAIL;type=INTERNET:anna@home.example\n+item1.EMAIL;type=INTERNET:a.w@home.example"
    );
    assert_eq!(
        diff(NEXTCLOUD, &replace(Field::Phones, phone("+1 555 010 0199 x12"), phone("+1 555 010 0200"))),
        "-TEL;VALUE=uri;TYPE=\"voice,work\":tel:+1-555-010-0199;ext=12\n\
         +TEL;VALUE=uri;TYPE=\"voice,work\":tel:+1-555-010-0200"
    );
}

#[test]
fn an_element_that_stands_there_twice_is_edited_twice() {
    let im = |handle| Element::im(Some("jabber"), handle).expect("not empty");
    assert_eq!(
        diff(APPLE, &replace(Field::Ims, im("anna@chat.example"), im("a@new.example"))),
        "-IMPP;X-SERVICE-TYPE=Jabber;type=HOME;type=pref:xmpp:anna@chat.example\n\
         -X-JABBER;type=HOME;type=pref:anna@chat.example\n\
         +IMPP;X-SERVICE-TYPE=Jabber;type=HOME;type=pref:xmpp:a@new.example\n\
         +X-JABBER;type=HOME;type=pref:a@new.example"
    );
}

#[test]
fn a_removed_line_takes_its_label_along() {
    assert_eq!(
        diff(APPLE, &remove(Field::Emails, email("anna@home.example"))),
        "-item1.EMAIL;type=INTERNET:anna@home.example\n-item1.X-ABLabel:Vacances"
    );
    let apple = read(APPLE);
    assert_eq!(
        diff(APPLE, &address(Some(&apple.addresses[0]), None)),
        "-item2.ADR;type=WORK;type=pref:;;12 rue des Lilas\\nBât. B;Lyon;;69003;France\n-item2.X-ABADR:fr"
    );
    let shared = APPLE.replace("item3.URL", "item1.URL");
    assert_eq!(
        diff(&shared, &remove(Field::Emails, email("anna@home.example"))),
        "-item1.EMAIL;type=INTERNET:anna@home.example",
        "a label that another line shares stays"
    );
}

#[test]
fn only_changed_parts_of_an_address_are_written() {
    let before = &read(GOOGLE).addresses[0];
    let after = before.clone().with(AddressPart::Street, "2, Teheran-ro; Gangnam");
    assert_eq!(
        diff(GOOGLE, &address(Some(before), Some(after))),
        "-ADR;TYPE=HOME:;Apt 5;1 Teheran-ro;Seoul;;06000;South Korea;KR\n\
         +ADR;TYPE=HOME:;Apt 5;2\\, Teheran-ro\\; Gangnam;Seoul;;06000;South Korea;KR"
    );
    let mut text = Address::default();
    text.text = Some("elsewhere".to_owned());
    assert_eq!(diff(GOOGLE, &address(Some(before), Some(text.clone()))), "", "a text is no part");
    assert_eq!(diff(KHARD, &address(None, Some(text))), "+LABEL:elsewhere");
}

#[test]
fn parameters_of_an_address_survive() {
    let before = &read(NEXTCLOUD).addresses[0];
    let after = before.clone().with(AddressPart::Code, "62702");
    assert_eq!(
        diff(NEXTCLOUD, &address(Some(before), Some(after))),
        "-ADR;LABEL=\"1 Main St: Suite 2^nSpringfield\";GEO=\"geo:12.3,-45.6\";TYPE=work:;Sui\n\
         - te 2;1 Main St;Springfield;IL;62701;USA\n\
         +ADR;LABEL=\"1 Main St: Suite 2^nSpringfield\";GEO=\"geo:12.3,-45.6\";TYPE=work:\n\
         + ;Suite 2;1 Main St;Springfield;IL;62702;USA"
    );
}

#[test]
fn a_removed_address_does_not_slide_to_its_rendering() {
    let before = &read(OUTLOOK).addresses[0];
    let gone = diff(OUTLOOK, &address(Some(before), None));
    assert!(gone.lines().all(|line| line.starts_with("-ADR;") || line.starts_with("-LABEL;")), "{gone}");
    let other = OUTLOOK.replace("LABEL;WORK", "LABEL;HOME");
    let mut card = Card::parse(other.as_bytes()).expect("a card");
    card.patch(&address(Some(before), None), None).expect("writable");
    assert!(card.contact(None).addresses.is_empty());
}

#[test]
fn names_change_where_they_differ() {
    let before = read(APPLE).name;
    let after = Name { family: Some("Weber, Lang".into()), display: Some("Anna Weber; Lang".into()), ..before.clone() };
    assert_eq!(
        diff(APPLE, &[FieldChange::Name { before: before.clone(), after }]),
        "-N:Weber;Anna;Maria;Dr.;\n-FN:Dr. Anna Maria Weber\n\
         +N:Weber\\, Lang;Anna;Maria;Dr.;\n+FN:Anna Weber\\; Lang"
    );
    let after = Name { display: Some("Anna Weber".into()), ..before.clone() };
    assert_eq!(diff(APPLE, &[FieldChange::Name { before, after }]), "-FN:Dr. Anna Maria Weber\n+FN:Anna Weber");
    let before = read(KHARD).name;
    let after = Name { display: Some("Bobby Stone".into()), ..before.clone() };
    assert_eq!(diff(KHARD, &[FieldChange::Name { before, after }]), "+FN:Bobby Stone");
}

#[test]
fn version_2_1_is_written_as_quoted_printable() {
    let before = read(OUTLOOK).name;
    let after = Name { given: Some("Jörg".into()), ..before.clone() };
    assert_eq!(
        diff(OUTLOOK, &[FieldChange::Name { before, after }]),
        "-N;LANGUAGE=de;CHARSET=Windows-1252;ENCODING=QUOTED-PRINTABLE:M=FCller;J=FCrgen;;Herr\n\
         +N;LANGUAGE=de;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg=\n\
         +;;Herr"
    );
    assert_eq!(diff(ANDROID, &text(Field::Notes, Some("a, b; c"))), "-NOTE:plain\n+NOTE:a, b\\; c");
    assert_eq!(
        diff(ANDROID, &text(Field::Notes, Some("é\nb"))),
        "-NOTE:plain\n+NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=A9=0D=0Ab"
    );
    assert_eq!(
        diff(ANDROID, &text(Field::Organization, Some("Café"))),
        "+ORG;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Caf=C3=A9"
    );
}

#[test]
fn units_notes_and_what_is_not_ours_stay() {
    assert_eq!(
        diff(APPLE, &text(Field::Organization, Some("Roses; SA"))),
        "-ORG:Lilas & Cie\\, SARL;Ventes\n+ORG:Roses\\; SA;Ventes"
    );
    assert_eq!(diff(APPLE, &text(Field::Organization, None)), "-ORG:Lilas & Cie\\, SARL;Ventes\n+ORG:;Ventes");
    assert_eq!(diff(GOOGLE, &text(Field::Notes, None)), "-NOTE:First note\n+NOTE:", "the second is not ours");
    assert_eq!(diff(NEXTCLOUD, &text(Field::Notes, None)), "-NOTE:Likes tea");
}

#[test]
fn birthdays_keep_their_form() {
    let day =
        |year, text: &str| diff(text, &[FieldChange::Birthday { before: None, after: Birthday::new(year, 5, 6) }]);
    assert_eq!(
        day(None, APPLE),
        "-BDAY;X-APPLE-OMIT-YEAR=1604;VALUE=date:1604-04-12\n+BDAY;X-APPLE-OMIT-YEAR=1604;VALUE=date:1604-05-06"
    );
    assert_eq!(day(Some(1970), NEXTCLOUD), "-BDAY:19850731\n+BDAY:19700506");
    assert_eq!(day(Some(1970), KHARD), "-BDAY:1990-05-01\n+BDAY:1970-05-06");
    assert_eq!(day(None, ANDROID), "+BDAY:--0506");
}

#[test]
fn categories_are_joined_and_left_one_by_one() {
    let mut card = Card::parse(NEXTCLOUD.as_bytes()).expect("a card");
    card.join("a, b");
    card.join("Clients");
    assert_eq!(card.categories(), ["Clients", "VIP, gold", "a, b"]);
    card.leave("Clients");
    assert!(String::from_utf8(card.bytes()).expect("text").contains("\nCATEGORIES:VIP\\, gold,a\\, b\n"));
    card.leave("VIP, gold");
    card.leave("a, b");
    assert!(!String::from_utf8(card.bytes()).expect("text").contains("CATEGORIES"));
    let mut card = Card::parse(ANDROID.as_bytes()).expect("a card");
    card.join("Clients");
    card.join("Étage 1, gauche");
    assert_eq!(card.categories(), ["Clients", "Étage 1, gauche"]);
}

#[test]
fn the_cards_own_line_end_is_kept() {
    for text in ALL {
        let mut card = Card::parse(&crlf(text)).expect("a card");
        card.patch(&add(Field::Emails, email("new@x.example").with_label(Some("Büro"))), None).expect("writable");
        card.patch(&self::text(Field::Notes, Some(&"lang ".repeat(50))), None).expect("writable");
        let after = String::from_utf8(card.bytes()).expect("text");
        assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
    }
}

#[test]
fn a_card_that_is_read_only_stays_as_it_is() {
    let bytes = b"BEGIN:VCARD\nVERSION:3.0\nFN:Andr\xe9\nEND:VCARD\n";
    let mut card = Card::parse(bytes).expect("a card");
    let refused = card.patch(&text(Field::Notes, Some("x")), None);
    assert!(matches!(refused, Err(CardError::Undecodable { .. })));
    card.join("Clients");
    assert_eq!(card.bytes(), bytes);
}

#[test]
fn a_line_is_not_added_into_an_open_soft_break() {
    let broken = "BEGIN:VCARD\nVERSION:2.1\nFN:x\nNOTE;ENCODING=QUOTED-PRINTABLE:a=\nEND:VCARD\n";
    let mut card = Card::parse(broken.as_bytes()).expect("a card");
    card.patch(&text(Field::JobTitle, Some("Boss")), None).expect("writable");
    let again = Card::parse(&card.bytes()).expect("a card").contact(None);
    assert_eq!(again.job_title.as_deref(), Some("Boss"));
    assert_eq!(again.notes, read(broken).notes);
}

#[test]
fn a_new_card() {
    let contact = Contact {
        name: Name::display("Ludwig van Beethoven"),
        emails: vec![email("l@vb.example").with_label(Some("work")).with_preferred(true)],
        phones: vec![phone("+43 1 9900").with_label(Some("mobile")), phone("+43 2").with_label(Some("Probe"))],
        organization: Some("Hof, Wien; AG".to_owned()),
        birthday: Birthday::new(Some(1770), 12, 17),
        ..Contact::default()
    };
    let v3 = Card::new(&contact, "uid-1", Version::V3, Some("Clients, new"));
    assert_eq!(
        String::from_utf8(v3.bytes()).expect("text").replace("\r\n", "\n"),
        "BEGIN:VCARD\nVERSION:3.0\nPRODID:-//carnetd//EN\nUID:uid-1\nFN:Ludwig van Beethoven\n\
         N:Beethoven;Ludwig van;;;\nORG:Hof\\, Wien\\; AG\nEMAIL;TYPE=INTERNET,WORK,pref:l@vb.example\n\
         TEL;TYPE=CELL:+43 1 9900\nitem1.TEL:+43 2\nitem1.X-ABLabel:Probe\nBDAY:1770-12-17\n\
         CATEGORIES:Clients\\, new\nEND:VCARD\n"
    );
    let v4 = Card::new(&contact, "uid-1", Version::V4, None);
    assert_eq!(
        String::from_utf8(v4.bytes()).expect("text").replace("\r\n", "\n"),
        "BEGIN:VCARD\nVERSION:4.0\nPRODID:-//carnetd//EN\nUID:uid-1\nFN:Ludwig van Beethoven\n\
         ORG:Hof\\, Wien\\; AG\nEMAIL;TYPE=work;PREF=1:l@vb.example\nTEL;TYPE=cell:+43 1 9900\nitem1.TEL:+43 2\n\
         item1.X-ABLabel:Probe\nBDAY:17701217\nEND:VCARD\n"
    );
    for card in [v3, v4] {
        assert!(Card::parse(&card.bytes()).expect("a card").contact(None).same(&contact));
    }
}

//! The user whom the quick start shows: a label "Clients" and contacts with all that makes address books hard.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use super::body;
use super::contact::{Body, Contact, Is, Version};
use super::groups::{Group, MY_CONTACTS};
use super::photo::Photo;
use super::state::{Record, State};
use crate::clock::Moment;

/// The address.
pub(super) const USER: &str = "demo@sandbox.example";
const CLIENTS: &str = "5c11e475deb0a001";

/// What makes the user's address book. Nothing of it lags.
pub(super) fn records(state: &mut State, now: Moment) -> Vec<Record> {
    let user = USER.to_owned();
    let group = Group {
        id: CLIENTS.to_owned(),
        name: "Clients".to_owned(),
        seq: state.next_seq(),
        at: now.0,
        deleted: false,
        client_data: Vec::new(),
    };
    let mut records = vec![Record::Group { user: user.clone(), group }];
    for (index, person) in people().iter().enumerate() {
        let Ok(sent) = body::person("person", person) else { continue };
        let mut groups = vec![MY_CONTACTS.to_owned()];
        // The dentist is nobody's client.
        if index != OUTSIDE {
            groups.push(CLIENTS.to_owned());
        }
        let photo = (index == 0).then(portrait).flatten();
        let photo_id = photo.as_ref().map(|photo| photo.id);
        records.extend(photo.map(|photo| Record::Photo(Box::new(photo))));
        let is = Is::Here(Box::new(Body { fields: sent.fields, groups, photo: photo_id }));
        let first = Version { seq: state.next_seq(), at: now.0, visible: now.0, is };
        let contact = Contact::new(state.new_id(USER), first);
        records.push(Record::Contact { user: user.clone(), contact: Box::new(contact) });
    }
    records
}

const OUTSIDE: usize = 11;

/// A face, more or less.
fn portrait() -> Option<Photo> {
    let image = RgbImage::from_fn(256, 256, |x, y| {
        let (dx, dy) = (i64::from(x) - 128, i64::from(y) - 112);
        let shoulders = i64::from(y) - 300;
        if dx * dx + dy * dy < 56 * 56 {
            Rgb([236, 200, 168])
        } else if dx * dx + shoulders * shoulders < 120 * 120 {
            Rgb([52, 92, 140])
        } else {
            Rgb([214, 226, 232])
        }
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Jpeg).ok()?;
    Some(Photo::new(bytes.get_ref()))
}

fn people() -> Vec<Value> {
    vec![
        json!({
            "names": [{"givenName": "Ada", "middleName": "King", "familyName": "Byron"}],
            "emailAddresses": [{"value": "ada@analytical.example", "type": "work"}],
            "phoneNumbers": [
                {"value": "+44 20 7946 0018", "type": "work"}, {"value": "+44 7700 900123", "type": "mobile"},
                {"value": "+44 20 7946 0099", "type": "workFax"},
            ],
            "organizations": [{"name": "Analytical Engines Ltd", "title": "Head of Research", "current": true}],
            "birthdays": [{"date": {"month": 12, "day": 10}}],
            "biographies": [{"value": "Prefers letters.\nNever before ten.", "contentType": "TEXT_PLAIN"}],
        }),
        json!({
            "names": [{"givenName": "美咲", "familyName": "佐藤", "phoneticGivenName": "みさき", "phoneticFamilyName": "さとう"}],
            "emailAddresses": [{"value": "misaki.sato@kumo.example", "type": "work"}],
            "phoneNumbers": [{"value": "+81 3-1234-5678", "type": "work"}, {"value": "090-1234-5678", "type": "mobile"}],
            "organizations": [{"name": "株式会社くも", "title": "部長", "type": "work"}],
        }),
        json!({
            "names": [{"givenName": "Олена", "familyName": "Шевченко"}],
            "emailAddresses": [
                {"value": "olena@sonyah.example", "type": "work"}, {"value": "olena.sh@poshta.example", "type": "home"},
            ],
            "phoneNumbers": [{"value": "+380 44 123 4567", "type": "work"}],
            "addresses": [{
                "streetAddress": "вул. Хрещатик, 1", "city": "Київ", "postalCode": "01001", "country": "Україна",
                "countryCode": "UA", "type": "work",
            }],
        }),
        json!({
            "names": [{"givenName": "Γιώργος", "familyName": "Παπαδόπουλος"}],
            "phoneNumbers": [{"value": "+30 21 0123 4567", "type": "main"}],
            "organizations": [{"name": "Ελιά ΑΕ"}],
        }),
        json!({
            "names": [{"givenName": "ليلى", "familyName": "حداد"}],
            "emailAddresses": [{"value": "layla@arz.example"}],
            "phoneNumbers": [{"value": "+961 1 123 456", "type": "work"}],
            "birthdays": [{"date": {"year": 1984, "month": 2, "day": 29}}],
        }),
        json!({
            "names": [{"honorificPrefix": "Dr.", "givenName": "Jürgen", "familyName": "von der Heide", "honorificSuffix": "MBA"}],
            "emailAddresses": [{"value": "heide@strassenbau.example", "type": "work"}],
            "phoneNumbers": [{"value": "+49 30 901820", "type": "work"}, {"value": "+49 170 1234567", "type": "workMobile"}],
            "organizations": [{"name": "Straßenbau Müller GmbH", "department": "Einkauf", "title": "Leiter Einkauf", "current": true}],
            "urls": [{"value": "https://strassenbau.example", "type": "work"}],
        }),
        json!({
            "names": [{"givenName": "Siobhán", "familyName": "Ní Dhomhnaill"}],
            "nicknames": [{"value": "Shiv"}],
            "emailAddresses": [{"value": "siobhan@craic.example", "type": "home"}],
            "imClients": [{"username": "shiv.nd", "protocol": "skype"}],
        }),
        json!({
            "names": [{"givenName": "José María", "familyName": "Núñez Gómez"}],
            "phoneNumbers": [{"value": "+34 91 123 45 67", "type": "Oficina Madrid"}],
            "organizations": [{"name": "Naranjas del Turia, S.L.", "title": "Gerente"}],
            "relations": [{"person": "Lucía", "type": "assistant"}],
        }),
        json!({
            "names": [{"givenName": "Oğuz", "familyName": "Işık"}],
            "emailAddresses": [{"value": "oguz@isik.example", "type": "work"}],
            "userDefined": [{"key": "Customer number", "value": "K-1007"}],
        }),
        json!({
            "organizations": [{"name": "Corner Bakery"}],
            "phoneNumbers": [{"value": "020 7946 0555", "type": "main"}],
        }),
        json!({
            "names": [{"givenName": "Priya", "familyName": "Raghunathan"}],
            "emailAddresses": [{"value": "priya@monsoon.example", "type": "work"}],
            "phoneNumbers": [{"value": "+91 22 1234 5678", "type": "work"}],
            "events": [{"date": {"year": 2019, "month": 4, "day": 1}, "type": "anniversary"}],
            "externalIds": [{"value": "1042", "type": "customer"}],
        }),
        json!({
            "names": [{"givenName": "Dr. Tooth"}],
            "phoneNumbers": [{"value": "+44 20 7946 0777", "type": "work"}],
            "biographies": [{"value": "Every six months."}],
        }),
    ]
}

//! Pipedrive's address object, read and written.
//!
//! On a write every sub-key that is left out becomes null, so a patch starts from the object that was just read. The
//! street with its number is written whole into `route`: splitting it would need the habits of every country.

use serde_json::{Map, Value};

use crate::contact::{Address, AddressPart};

/// The sub-keys that hold one part each; the street is made of two others.
const KEYS: [(AddressPart, &str); 5] = [
    (AddressPart::Extended, "subpremise"),
    (AddressPart::City, "locality"),
    (AddressPart::Region, "admin_area_level_1"),
    (AddressPart::Code, "postal_code"),
    (AddressPart::Country, "country"),
];
/// The sub-keys that only Pipedrive's own users and its map fill. They stay while what they refine stays.
const OWN: [(AddressPart, &str); 2] = [(AddressPart::City, "sublocality"), (AddressPart::Region, "admin_area_level_2")];

/// Reads an address; `None` where it is empty.
pub(super) fn read(object: &Value) -> Option<Address> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
    let whole = object.as_str().map(str::trim).filter(|t| !t.is_empty());
    let mut address = Address::default();
    address.text = whole.or_else(|| text("value")).or_else(|| text("formatted_address")).map(str::to_owned);
    for (part, key) in KEYS {
        address.set(part, text(key));
    }
    let street = match (text("route"), text("street_number")) {
        // Some countries write the number first; the whole text shows which way it is.
        (Some(route), Some(number)) => {
            let first = format!("{number} {route}");
            let is_first = address.text.as_deref().is_some_and(|whole| whole.contains(&first));
            Some(if is_first { first } else { format!("{route} {number}") })
        }
        (route, number) => route.or(number).map(str::to_owned),
    };
    address.set(AddressPart::Street, street.as_deref());
    (!address.is_empty()).then_some(address)
}

/// A new address; null where it is empty.
pub(super) fn write(address: &Address) -> Value {
    let mut object = Map::new();
    for (part, key) in KEYS.into_iter().chain([(AddressPart::Street, "route")]) {
        if let Some(value) = address.part(part) {
            object.insert(key.to_owned(), one_line(value).into());
        }
    }
    // A text that came from elsewhere may no longer say what the parts say.
    let mut spoken = address.clone();
    if spoken.has_parts() {
        spoken.text = None;
    }
    let Some(value) = spoken.one_line() else { return Value::Null };
    object.insert("value".to_owned(), value.into());
    Value::Object(object)
}

/// The object `now` with the parts changed that differ between `before` and `after`; null where nothing is left.
pub(super) fn patch(now: &Value, before: &Address, after: &Address) -> Value {
    let changed = before.changed_parts(after);
    if changed.is_empty() || !after.has_parts() {
        return write(after);
    }
    let mut address = read(now).unwrap_or_default();
    for &part in &changed {
        address.set(part, after.part(part));
    }
    let mut object = write(&address);
    let Some(fields) = object.as_object_mut() else { return object };
    let mut keep = |key: &str| {
        if let Some(value) = now.get(key).filter(|value| !value.is_null()) {
            fields.insert(key.to_owned(), value.clone());
        }
    };
    for (part, key) in OWN {
        if !changed.contains(&part) {
            keep(key);
        }
    }
    if !changed.contains(&AddressPart::Street) {
        keep("route");
        keep("street_number");
    }
    object
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_go_there_and_back() {
        let address = Address::default()
            .with(AddressPart::Street, "12 rue des Lilas")
            .with(AddressPart::Code, "69003")
            .with(AddressPart::City, "Lyon")
            .with(AddressPart::Country, "France");
        let written = write(&address);
        assert_eq!(
            written,
            json!({"value": "12 rue des Lilas, 69003 Lyon, France", "route": "12 rue des Lilas",
                "postal_code": "69003", "locality": "Lyon", "country": "France"})
        );
        assert!(read(&written).expect("an address").same(&address));
    }

    #[test]
    fn the_number_stands_where_the_text_has_it() {
        let street = |value: &str| {
            let object = json!({"value": value, "route": "Hauptstraße", "street_number": "5"});
            read(&object).expect("an address").part(AddressPart::Street).map(str::to_owned)
        };
        assert_eq!(street("Hauptstraße 5, Bonn").as_deref(), Some("Hauptstraße 5"));
        assert_eq!(street("5 Hauptstraße, Bonn").as_deref(), Some("5 Hauptstraße"));
    }

    #[test]
    fn a_patch_keeps_what_only_pipedrive_knows() {
        let now = json!({"value": "Hauptstraße 5, 53111 Bonn", "route": "Hauptstraße", "street_number": "5",
            "postal_code": "53111", "locality": "Bonn", "sublocality": "Zentrum", "admin_area_level_2": "Köln"});
        let before = read(&now).expect("an address");
        let mut after = before.clone();
        after.set(AddressPart::City, Some("Köln"));
        assert_eq!(
            patch(&now, &before, &after),
            json!({"value": "Hauptstraße 5, 53111 Köln", "route": "Hauptstraße", "street_number": "5",
                "postal_code": "53111", "locality": "Köln", "admin_area_level_2": "Köln"})
        );
    }

    #[test]
    fn nothing_is_null() {
        assert_eq!(write(&Address::default()), Value::Null);
        assert_eq!(read(&json!({"value": null, "locality": ""})), None);
        assert_eq!(read(&Value::Null), None);
    }
}

//! Postal addresses, read, made and edited part by part.

use serde_json::{Map, Value};

use crate::contact::{Address, AddressPart};

/// Where each part stands.
const KEYS: [(AddressPart, &str); 7] = [
    (AddressPart::PoBox, "poBox"),
    (AddressPart::Extended, "extendedAddress"),
    (AddressPart::Street, "streetAddress"),
    (AddressPart::City, "city"),
    (AddressPart::Region, "region"),
    (AddressPart::Code, "postalCode"),
    (AddressPart::Country, "country"),
];

/// What an item says; `None` where that is nothing. The text, which Google writes in its user's language, counts only
/// where there are no parts.
pub(super) fn read(item: &Value) -> Option<Address> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let mut address = Address::default();
    for (part, key) in KEYS {
        address.set(part, text(key));
    }
    if address.part(AddressPart::Country).is_none() {
        address.set(AddressPart::Country, text("countryCode"));
    }
    if !address.has_parts() {
        address.text = text("formattedValue").map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    }
    address.label = text("type").map(str::to_owned);
    let marked = |key: &str| item.pointer(key).and_then(Value::as_bool).unwrap_or(false);
    address.preferred = marked("/metadata/sourcePrimary") || marked("/metadata/primary");
    (!address.is_empty()).then_some(address)
}

/// A new item.
pub(super) fn write(address: &Address) -> Value {
    let mut item = Map::new();
    for (part, key) in KEYS {
        if let Some(text) = address.part(part) {
            item.insert(key.to_owned(), text.into());
        }
    }
    if item.is_empty()
        && let Some(text) = &address.text
    {
        item.insert("formattedValue".to_owned(), text.as_str().into());
    }
    if let Some(label) = &address.label {
        item.insert("type".to_owned(), label.as_str().into());
    }
    item.into()
}

/// Changes the parts that differ; the text is left for Google to make anew.
pub(super) fn edit(item: &mut Value, before: &Address, after: &Address) {
    let changed = before.changed_parts(after);
    if changed.is_empty() || !after.has_parts() || !before.has_parts() {
        let label = item.get("type").cloned();
        *item = write(after);
        if let Some(label) = label {
            item["type"] = label;
        }
        return;
    }
    let Some(item) = item.as_object_mut() else { return };
    item.remove("formattedValue");
    if changed.contains(&AddressPart::Country) {
        item.remove("countryCode");
    }
    for (part, key) in KEYS.into_iter().filter(|(part, _)| changed.contains(part)) {
        match after.part(part) {
            Some(text) => drop(item.insert(key.to_owned(), text.into())),
            None => drop(item.remove(key)),
        }
    }
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
            .with(AddressPart::City, "Lyon");
        let item = write(&address);
        assert_eq!(item, json!({"streetAddress": "12 rue des Lilas", "postalCode": "69003", "city": "Lyon"}));
        assert_eq!(read(&item), Some(address));
        assert_eq!(read(&json!({"type": "home", "city": " "})), None);
        let text = read(&json!({"formattedValue": "12 rue des Lilas\n69003 Lyon"})).expect("an address");
        assert_eq!(write(&text), json!({"formattedValue": "12 rue des Lilas\n69003 Lyon"}));
    }

    #[test]
    fn an_edit_changes_only_its_parts() {
        let mut item = json!({"streetAddress": "1 High St", "city": "Leeds", "country": "England", "countryCode": "GB",
            "formattedValue": "1 High St\nLeeds", "type": "Summer"});
        let before = read(&item).expect("an address");
        let after = before.clone().with(AddressPart::City, "York");
        edit(&mut item, &before, &after);
        assert_eq!(
            item,
            json!({"streetAddress": "1 High St", "city": "York", "country": "England", "countryCode": "GB",
                "type": "Summer"})
        );
        let mut abroad = read(&item).expect("an address");
        abroad.set(AddressPart::Country, Some("France"));
        edit(&mut item, &after, &abroad);
        assert_eq!((&item["country"], item.get("countryCode")), (&json!("France"), None));
    }
}

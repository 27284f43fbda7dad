//! E-mail addresses, phone numbers and messengers: the value of an item that is an element, and edits of a list of items.
//!
//! Everything else in an item (its type, a custom label, a display name) is not ours and stays.

use serde_json::{Value, json};

use crate::account::Country;
use crate::contact::{Element, ElementChange, Field};

/// The service's name for a field of elements, and the key of an element's value.
pub(super) fn place(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Emails => ("emailAddresses", "value"),
        Field::Phones => ("phoneNumbers", "value"),
        _ => ("imClients", "username"),
    }
}

/// The element that an item says; `None` for one without a value.
pub(super) fn element(field: Field, item: &Value, country: Option<Country>) -> Option<Element> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let value = text(place(field).1)?;
    let element = match field {
        Field::Emails => Element::email(value)?.with_label(text("type")),
        Field::Phones => Element::phone(value, country)?.with_label(text("type")),
        _ => Element::im(text("protocol"), value)?,
    };
    let marked = |key: &str| item.pointer(key).and_then(Value::as_bool).unwrap_or(false);
    Some(element.with_preferred(marked("/metadata/sourcePrimary") || marked("/metadata/primary")))
}

/// A new item for an element.
pub(super) fn item(field: Field, element: &Element) -> Value {
    let (_, key) = place(field);
    let mut item = json!({ key: element.value });
    if let Some(label) = &element.label {
        item[if field == Field::Ims { "protocol" } else { "type" }] = label.as_str().into();
    }
    item
}

/// Changes a list of items as [`ElementChange::apply`] changes a list of elements.
pub(super) fn change(field: Field, change: &ElementChange, items: &mut Vec<Value>, country: Option<Country>) {
    let says = |item: &Value, wanted: &Element| element(field, item, country).is_some_and(|e| e.same(wanted));
    let at = |items: &[Value], wanted: &Element| items.iter().position(|item| says(item, wanted));
    match change {
        ElementChange::Add(new) => {
            if at(items, new).is_none() {
                items.push(item(field, new));
            }
        }
        ElementChange::Remove(old) => items.retain(|item| !says(item, old)),
        ElementChange::Replace { before, after } => {
            let taken = at(items, after).is_some();
            match at(items, before) {
                Some(at) if taken && !before.same(after) => drop(items.remove(at)),
                Some(at) => rewrite(field, &mut items[at], after),
                None if taken => {}
                None => items.push(item(field, after)),
            }
        }
    }
}

/// Gives an item another value; what else it says stays.
fn rewrite(field: Field, item: &mut Value, after: &Element) {
    item[place(field).1] = after.value.as_str().into();
    if let (Field::Ims, Some(protocol)) = (field, &after.label) {
        item["protocol"] = protocol.as_str().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(value: &str) -> Element {
        Element::email(value).expect("not empty")
    }

    #[test]
    fn an_edit_keeps_what_is_not_ours() {
        let mut items = vec![json!({"value": "a@x", "type": "Yacht", "displayName": "A"}), json!({"value": "b@x"})];
        let edits = [
            ElementChange::Replace { before: email("A@x"), after: email("c@x") },
            ElementChange::Add(email("d@x").with_label(Some("work"))),
            ElementChange::Add(email("B@X")),
            ElementChange::Remove(email("b@x")),
        ];
        for edit in &edits {
            change(Field::Emails, edit, &mut items, None);
        }
        assert_eq!(
            items,
            [json!({"value": "c@x", "type": "Yacht", "displayName": "A"}), json!({"value": "d@x", "type": "work"})]
        );
    }

    #[test]
    fn a_messenger_is_named_by_its_protocol() {
        let item = json!({"username": "anna.k", "protocol": "Skype", "type": "home"});
        let skype = element(Field::Ims, &item, None).expect("it has a handle");
        assert!(skype.same(&Element::im(Some("skype"), "Anna.K").expect("not empty")));
        assert_eq!(super::item(Field::Ims, &skype), json!({"username": "anna.k", "protocol": "Skype"}));
        assert_eq!(element(Field::Ims, &json!({"protocol": "skype"}), None), None);
    }
}

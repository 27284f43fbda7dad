//! Lists of e-mail addresses, phone numbers and messengers, read and edited.
//!
//! A write replaces a whole list, so each edit starts from the list that was just read: labels, order, the primary mark
//! and the person's own elements stay.

use serde_json::{Value, json};

use crate::account::Country;
use crate::contact::{Element, ElementChange, Field};

/// Labels that say where, not by which messenger. Pipedrive gives `work` to what has none.
const NO_PROTOCOL: [&str; 4] = ["work", "home", "mobile", "other"];

/// Reads a list: `[{value, primary, label}]`, or for a stand-in `protocol:handle, …`. Empty values are left out.
pub(super) fn read(list: &Value, field: Field, country: Option<Country>) -> Vec<Element> {
    match list {
        Value::Array(items) => items.iter().filter_map(|item| element(item, field, country)).collect(),
        Value::String(text) => text.split([',', '\n']).filter_map(spoken).collect(),
        _ => Vec::new(),
    }
}

fn element(item: &Value, field: Field, country: Option<Country>) -> Option<Element> {
    let value = item.get("value")?.as_str()?;
    let label = item.get("label").and_then(Value::as_str);
    let preferred = item.get("primary").and_then(Value::as_bool).unwrap_or(false);
    let element = match field {
        Field::Emails => Element::email(value)?.with_label(label),
        Field::Phones => Element::phone(value, country)?.with_label(label),
        _ => Element::im(label.filter(|l| !NO_PROTOCOL.contains(&l.to_lowercase().as_str())), value)?,
    };
    Some(element.with_preferred(preferred))
}

fn spoken(text: &str) -> Option<Element> {
    match text.split_once(':') {
        Some((protocol, handle)) => Element::im(Some(protocol), handle),
        None => Element::im(None, text),
    }
}

/// A list as the API takes it: exactly one element is primary.
pub(super) fn write(elements: &[Element]) -> Value {
    let primary = elements.iter().position(|e| e.preferred).unwrap_or(0);
    let item = |(at, e): (usize, &Element)| match &e.label {
        Some(label) => json!({"value": e.value, "label": label, "primary": at == primary}),
        None => json!({"value": e.value, "primary": at == primary}),
    };
    elements.iter().enumerate().map(item).collect()
}

/// A list that was edited from `now`: elements that stay keep even a label that is no label to us (`""`, or `work` on a
/// messenger).
pub(super) fn rewrite(elements: &[Element], now: &Value, field: Field) -> Value {
    let mut list = write(elements);
    let items: Vec<(Element, &Value)> = match now {
        Value::Array(items) => items.iter().filter_map(|item| Some((element(item, field, None)?, item))).collect(),
        _ => Vec::new(),
    };
    for (element, written) in elements.iter().zip(list.as_array_mut().into_iter().flatten()) {
        let stayed = items.iter().find(|(was, _)| was.value == element.value);
        if let (None, Some(label)) = (&element.label, stayed.and_then(|(_, item)| item.get("label"))) {
            written["label"] = label.clone();
        }
    }
    list
}

/// A list as a text, for a stand-in; null where it is empty.
pub(super) fn write_text(elements: &[Element]) -> Value {
    let one = |e: &Element| e.label.as_ref().map_or_else(|| e.value.clone(), |label| format!("{label}:{}", e.value));
    let text = elements.iter().map(one).collect::<Vec<_>>().join(", ");
    if text.is_empty() { Value::Null } else { text.into() }
}

/// The list after the changes; `None` where they change nothing.
pub(super) fn edited(now: &[Element], changes: &[&ElementChange]) -> Option<Vec<Element>> {
    let mut list = now.to_vec();
    for change in changes {
        match change {
            // Which address comes first is the person's own business once it has one.
            ElementChange::Add(element) if !list.is_empty() => {
                ElementChange::Add(element.clone().with_preferred(false)).apply(&mut list);
            }
            change => change.apply(&mut list),
        }
    }
    (list != now).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(value: &str) -> Element {
        Element::email(value).expect("not empty")
    }

    #[test]
    fn an_edit_keeps_labels_order_and_the_persons_own() {
        let now = json!([{"value": "own@x", "label": "", "primary": false},
            {"value": "a@x", "label": "home", "primary": true}, {"value": "b@x", "label": "work", "primary": false}]);
        let elements = read(&now, Field::Emails, None);
        let changes = [
            &ElementChange::Replace { before: email("A@x"), after: email("c@x") },
            &ElementChange::Remove(email("b@x")),
            &ElementChange::Add(email("d@x").with_preferred(true)),
        ];
        let list = rewrite(&edited(&elements, &changes).expect("it differs"), &now, Field::Emails);
        assert_eq!(
            list,
            json!([{"value": "own@x", "label": "", "primary": false},
                {"value": "c@x", "label": "home", "primary": true}, {"value": "d@x", "primary": false}])
        );
    }

    #[test]
    fn what_is_there_already_is_no_edit() {
        let now = read(&json!([{"value": "A@x", "label": "work", "primary": true}]), Field::Emails, None);
        assert_eq!(edited(&now, &[&ElementChange::Add(email("a@x")), &ElementChange::Remove(email("z@x"))]), None);
    }

    #[test]
    fn the_first_becomes_primary_where_none_is() {
        let list = write(&[email("a@x"), email("b@x")]);
        assert_eq!(list, json!([{"value": "a@x", "primary": true}, {"value": "b@x", "primary": false}]));
        let now = read(&json!([{"value": "", "primary": true}]), Field::Emails, None);
        assert!(now.is_empty(), "a placeholder is nothing");
    }

    #[test]
    fn messengers_are_known_by_their_protocol() {
        let list = json!([{"value": "anna.k", "label": "skype", "primary": true}, {"value": "anna", "label": "work"}]);
        let read = |list: &Value| read(list, Field::Ims, None);
        let elements = read(&list);
        assert_eq!(elements[0].key, "skype:anna.k");
        assert_eq!(elements[1].key, ":anna");
        let text = write_text(&elements);
        assert_eq!(text, json!("skype:anna.k, anna"));
        assert_eq!(read(&text).iter().map(|e| e.key.clone()).collect::<Vec<_>>(), ["skype:anna.k", ":anna"]);
    }
}

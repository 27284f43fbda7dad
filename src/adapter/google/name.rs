//! A contact's name, read and edited. Google makes the display name of the parts where there are any.

use serde_json::{Map, Value, json};

use crate::contact::Name;

/// The parts of which Google makes the display name.
const PARTS: [&str; 5] = ["honorificPrefix", "givenName", "middleName", "familyName", "honorificSuffix"];

/// What the one value of `names` says.
pub(super) fn read(item: &Value) -> Name {
    let text = |key: &str| item.get(key).and_then(Value::as_str).and_then(|text| Name::display(text).display);
    let display = text("displayName").or_else(|| text("unstructuredName"));
    Name { display, given: text("givenName"), family: text("familyName") }
}

/// A new name, or none.
pub(super) fn write(name: &Name) -> Option<Value> {
    let shown = name.shown()?;
    if name.given.is_none() && name.family.is_none() {
        return Some(json!({ "unstructuredName": shown }));
    }
    let parts = Name { display: None, ..name.clone() };
    let mut item = Map::new();
    if !parts.same(name) {
        // Words between given and family name; where the rest is something else, the name is what it is shown as.
        let Some(middle) = between(name, &shown) else { return Some(json!({ "unstructuredName": shown })) };
        item.insert("middleName".to_owned(), middle.into());
    }
    put(&mut item, "givenName", name.given.as_deref());
    put(&mut item, "familyName", name.family.as_deref());
    Some(item.into())
}

/// Edits a name. Parts that are equal before and after stay, and with them those that are not ours; a display name that
/// no longer follows from the parts stands alone.
pub(super) fn edit(item: &mut Value, before: &Name, after: &Name) {
    let Some(item) = item.as_object_mut() else { return };
    let parts_differ = before.given != after.given || before.family != after.family;
    if !parts_differ && before.shown() == after.shown() {
        return;
    }
    item.remove("unstructuredName");
    if parts_differ && (after.given.is_some() || after.family.is_some()) {
        if before.given != after.given {
            put(item, "givenName", after.given.as_deref());
        }
        if before.family != after.family {
            put(item, "familyName", after.family.as_deref());
        }
        settle_middle(item, after);
        return;
    }
    for part in PARTS {
        item.remove(part);
    }
    put(item, "unstructuredName", after.shown().as_deref());
}

/// The middle name stays in its own part where the new name still has it, and goes where it does not: Google shows it between
/// the others, and would say it twice.
fn settle_middle(item: &mut Map<String, Value>, after: &Name) {
    let Some(middle) = item.get("middleName").and_then(Value::as_str).map(str::to_owned) else { return };
    let family = item.get("familyName").and_then(Value::as_str).and_then(|text| text.strip_prefix(&middle));
    if let Some(family) = family.and_then(|rest| rest.strip_prefix(' ')).map(str::to_owned) {
        put(item, "familyName", Some(&family));
        return;
    }
    let given = item.get("givenName").and_then(Value::as_str).and_then(|text| text.strip_suffix(&middle));
    if let Some(given) = given.and_then(|rest| rest.strip_suffix(' ')).map(str::to_owned) {
        put(item, "givenName", Some(&given));
        return;
    }
    let says = |word: &str| after.shown().is_some_and(|shown| shown.split_whitespace().any(|said| said == word));
    if after.display.is_some() && !middle.split_whitespace().all(says) {
        item.remove("middleName");
    }
}

/// The words of a shown name between its given and its family name.
fn between(name: &Name, shown: &str) -> Option<String> {
    let rest = shown.strip_prefix(name.given.as_deref()?)?.strip_suffix(name.family.as_deref()?)?;
    let spaced = rest.starts_with(' ') && rest.ends_with(' ');
    Name::display(rest).display.filter(|_| spaced)
}

fn put(item: &mut Map<String, Value>, key: &str, text: Option<&str>) {
    match text {
        Some(text) => drop(item.insert(key.to_owned(), text.into())),
        None => drop(item.remove(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(display: &str, given: &str, family: &str) -> Name {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Name { display: part(display), given: part(given), family: part(family) }
    }

    #[test]
    fn a_new_name_says_what_is_shown() {
        assert_eq!(write(&Name::default()), None);
        assert_eq!(write(&name("Ada Byron", "", "")), Some(json!({"unstructuredName": "Ada Byron"})));
        let parts = json!({"givenName": "Ada", "familyName": "Byron"});
        assert_eq!(write(&name("Ada Byron", "Ada", "Byron")), Some(parts));
        let middle = json!({"givenName": "Ada", "middleName": "Augusta", "familyName": "Byron"});
        assert_eq!(write(&name("Ada Augusta Byron", "Ada", "Byron")), Some(middle));
        let shown = json!({"unstructuredName": "The Countess"});
        assert_eq!(write(&name("The Countess", "Ada", "Byron")), Some(shown));
    }

    #[test]
    fn a_middle_name_is_said_once() {
        let item = json!({"givenName": "Anna", "middleName": "Maria", "familyName": "Weber"});
        let before = name("Anna Maria Weber", "Anna", "Weber");
        let edited = |after: Name| {
            let mut item = item.clone();
            edit(&mut item, &before, &after);
            item
        };
        let married = json!({"givenName": "Anna", "middleName": "Maria", "familyName": "Schmidt"});
        assert_eq!(edited(name("Anna Maria Schmidt", "Anna", "Maria Schmidt")), married);
        let renamed = json!({"givenName": "Hanna", "middleName": "Maria", "familyName": "Weber"});
        assert_eq!(edited(name("Hanna Maria Weber", "Hanna Maria", "Weber")), renamed);
        let dropped = json!({"givenName": "Anna", "familyName": "Schmidt"});
        assert_eq!(edited(name("Anna Schmidt", "Anna", "Schmidt")), dropped);
    }

    #[test]
    fn an_edit_of_a_part_keeps_the_others() {
        let mut item = json!({"unstructuredName": "Dr. Ada Augusta Byron", "honorificPrefix": "Dr.", "givenName": "Ada",
            "middleName": "Augusta", "familyName": "Byron", "phoneticFamilyName": "bairon"});
        let before = name("Dr. Ada Augusta Byron", "Ada", "Byron");
        edit(&mut item, &before, &before);
        assert!(item.get("unstructuredName").is_some(), "nothing changes");
        edit(&mut item, &before, &name("Dr. Ada Augusta Lovelace", "Ada", "Lovelace"));
        assert_eq!(
            item,
            json!({"honorificPrefix": "Dr.", "givenName": "Ada", "middleName": "Augusta", "familyName": "Lovelace",
                "phoneticFamilyName": "bairon"})
        );
    }

    #[test]
    fn a_display_name_of_its_own_stands_alone() {
        let mut item = json!({"givenName": "Ada", "familyName": "Byron", "honorificSuffix": "jr."});
        edit(&mut item, &name("Ada Byron jr.", "Ada", "Byron"), &name("The Countess", "Ada", "Byron"));
        assert_eq!(item, json!({"unstructuredName": "The Countess"}));
        edit(&mut item, &name("The Countess", "", ""), &Name::default());
        assert_eq!(item, json!({}));
    }
}

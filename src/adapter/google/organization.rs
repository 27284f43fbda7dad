//! Organization and job title: both of one entry, the present one. The entries beside it are not ours.

use serde_json::{Value, json};

use crate::contact::Field;

/// The entry that counts: current before past, preferred before others. The order in which Google lists them means
/// nothing, so among equals the names decide.
pub(super) fn chosen(items: &[Value]) -> Option<usize> {
    let rank = |item: &Value| {
        let flag = |key: &str| item.pointer(key).and_then(Value::as_bool).unwrap_or(false);
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let primary = flag("/metadata/sourcePrimary") || flag("/metadata/primary");
        (!flag("/current"), !primary, text("name"), text("title"))
    };
    (0..items.len()).min_by_key(|&at| rank(&items[at]))
}

/// The key of one of both.
pub(super) fn key(field: Field) -> &'static str {
    if field == Field::Organization { "name" } else { "title" }
}

/// Changes one or both in the entry `at`; an entry that then says nothing is removed.
pub(super) fn edit(items: &mut Vec<Value>, at: Option<usize>, changes: &[(Field, Option<&str>)]) {
    let at = at.filter(|&at| at < items.len()).unwrap_or_else(|| {
        items.push(json!({}));
        items.len() - 1
    });
    let Some(entry) = items[at].as_object_mut() else { return };
    for (field, after) in changes {
        match after {
            Some(after) => drop(entry.insert(key(*field).to_owned(), (*after).into())),
            None => drop(entry.remove(key(*field))),
        }
    }
    // What only describes the entry says nothing without it.
    if entry.keys().all(|key| ["type", "current", "metadata"].contains(&key.as_str())) {
        items.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_entry_counts_in_any_order() {
        let mut items = vec![
            json!({"name": "Old", "metadata": {"primary": true}}),
            json!({"name": "B", "current": true}),
            json!({"name": "A", "current": true, "department": "Engines"}),
        ];
        assert_eq!(chosen(&items).map(|at| items[at]["name"].clone()), Some(json!("A")));
        items.reverse();
        assert_eq!(chosen(&items).map(|at| items[at]["name"].clone()), Some(json!("A")));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn an_edit_touches_that_entry_only() {
        let mut items = vec![json!({"name": "Old"}), json!({"name": "A", "current": true, "department": "Engines"})];
        edit(&mut items, Some(1), &[(Field::Organization, None), (Field::JobTitle, Some("Boss"))]);
        assert_eq!(items, [json!({"name": "Old"}), json!({"title": "Boss", "current": true, "department": "Engines"})]);
        edit(&mut items, Some(0), &[(Field::Organization, None)]);
        assert_eq!(items.len(), 1, "an entry that says nothing goes");
        let mut none = Vec::new();
        edit(&mut none, None, &[(Field::JobTitle, None)]);
        assert_eq!(none, [] as [Value; 0]);
        edit(&mut none, None, &[(Field::JobTitle, Some("Boss"))]);
        edit(&mut none, Some(0), &[(Field::Organization, Some("A"))]);
        assert_eq!(none, [json!({"title": "Boss", "name": "A"})]);
    }
}

//! Partial answers: the query parameter `fields`, such as `connections(resourceName,names/givenName),nextSyncToken`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::refusal::Refusal;

/// The fields that are wanted, each with what is wanted of it; nothing below a name means all of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selection(BTreeMap<String, Selection>);

/// How deep a selection may go, so that no caller exhausts the stack.
const DEPTH: usize = 16;

impl Selection {
    /// Reads the parameter.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::invalid(format!("Invalid field selection {text}"));
        let mut rest = text;
        let selection = list(&mut rest, DEPTH).filter(|_| rest.is_empty());
        selection.ok_or_else(wrong)
    }

    /// `value` without what is not wanted.
    pub(super) fn cut(&self, value: Value) -> Value {
        match value {
            _ if self.0.is_empty() => value,
            Value::Array(list) => list.into_iter().map(|value| self.cut(value)).collect(),
            Value::Object(object) => {
                let wanted = |name: &str| self.0.get(name).or_else(|| self.0.get("*"));
                let kept = object.into_iter().filter_map(|(name, value)| {
                    let cut = wanted(&name)?.cut(value);
                    Some((name, cut))
                });
                Value::Object(kept.collect())
            }
            other => other,
        }
    }
}

fn list(rest: &mut &str, depth: usize) -> Option<Selection> {
    let mut selection = Selection::default();
    loop {
        let (name, below) = path(rest, depth.checked_sub(1)?)?;
        selection.0.entry(name).or_default().0.extend(below.0);
        match rest.strip_prefix(',') {
            Some(more) => *rest = more,
            None => return Some(selection),
        }
    }
}

fn path(rest: &mut &str, depth: usize) -> Option<(String, Selection)> {
    let end = rest.find([',', '/', '(', ')']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    if name.is_empty() {
        return None;
    }
    *rest = after;
    let mut below = Selection::default();
    if let Some(after) = rest.strip_prefix('/') {
        *rest = after;
        let (name, deeper) = path(rest, depth.checked_sub(1)?)?;
        below.0.insert(name, deeper);
    } else if let Some(after) = rest.strip_prefix('(') {
        *rest = after;
        below = list(rest, depth)?;
        *rest = rest.strip_prefix(')')?;
    }
    Some((name.to_owned(), below))
}

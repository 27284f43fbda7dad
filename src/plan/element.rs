//! Merging a multi-valued field: the element is the unit of change and conflict.
//!
//! Each side's **delta** says what it did since it was last seen; the other side gets exactly that. What a side does not
//! hold because it is full, or because its book refused or rewrote it, is in no delta: it is neither lost nor fought over.

use crate::contact::{Element, ElementChange, Field};

/// One side of a multi-valued field.
pub(super) struct List<'a> {
    /// What it was last seen to hold; nothing where the two sides have never agreed.
    pub seen: &'a [Element],
    /// What it holds.
    pub now: &'a [Element],
    /// Most elements that it can hold.
    pub limit: usize,
    /// Whether it wins where both edited the same element.
    pub wins: bool,
}

/// What one side did to its list since it was last seen.
pub(super) struct Delta {
    removed: Vec<Element>,
    added: Vec<Element>,
    /// Edited in place: before and after.
    replaced: Vec<(Element, Element)>,
}

/// What is to be written to one side's list.
#[derive(Default)]
pub(super) struct Outcome {
    pub changes: Vec<ElementChange>,
    /// What the list holds once they are written.
    pub list: Vec<Element>,
    /// Elements of this side that lost a conflict.
    pub losers: Vec<Element>,
}

impl List<'_> {
    /// What happened to it. An element is taken as edited, not as removed beside an unrelated addition, where both carry
    /// the same label and either stand at the same place or are the only ones.
    pub(super) fn delta(&self, field: Field) -> Delta {
        let mut removed: Vec<(usize, &Element)> = missing(self.seen, self.now);
        let mut added: Vec<(usize, &Element)> = missing(self.now, self.seen);
        let only = removed.len() == 1 && added.len() == 1;
        let mut replaced = Vec::new();
        removed.retain(|&(place, before)| {
            let pair = added.iter().position(|&(at, after)| (only || at == place) && same_label(field, before, after));
            if let Some(pair) = pair {
                replaced.push((before.clone(), added.remove(pair).1.clone()));
            }
            pair.is_none()
        });
        let owned = |list: Vec<(usize, &Element)>| list.into_iter().map(|(_, e)| e.clone()).collect();
        Delta { removed: owned(removed), added: owned(added), replaced }
    }
}

/// What the list `mine` gets of what was done to `theirs`.
pub(super) fn outcome(field: Field, mine: &List<'_>, theirs: &List<'_>) -> Outcome {
    let (own, their) = (mine.delta(field), theirs.delta(field));
    let mut out = Outcome { list: mine.now.to_vec(), ..Outcome::default() };
    let mut additions: Vec<&Element> = Vec::new();
    for (before, after) in &their.replaced {
        if let Some((_, ours)) = own.replaced.iter().find(|(old, _)| old.same(before)) {
            if find(theirs.now, ours).is_some() || find(mine.now, after).is_some() {
                // One side has both values: nothing has to give way.
                additions.push(after);
            } else if theirs.wins {
                out.losers.push(ours.clone());
                out.replace(ours, after);
            }
        } else if let Some(held) = find(mine.now, before) {
            out.replace(held, after);
        } else {
            // Removed here (the edit outlives the removal), or never held here.
            additions.push(after);
        }
    }
    for gone in &their.removed {
        match find(mine.now, gone) {
            Some(held) if !own.brought(gone) => out.push(ElementChange::Remove(held.clone())),
            _ => {}
        }
    }
    additions.extend(&their.added);
    if mine.seen.len() >= mine.limit {
        // It was full: what had no room may have some now.
        additions.extend(theirs.now.iter().filter(|e| !own.dropped(e)));
    }
    for element in additions {
        if find(&out.list, element).is_none() && out.list.len() < mine.limit {
            let preferred = element.preferred && mine.now.is_empty();
            out.push(ElementChange::Add(element.clone().with_preferred(preferred)));
        }
    }
    out
}

impl Outcome {
    fn push(&mut self, change: ElementChange) {
        change.apply(&mut self.list);
        self.changes.push(change);
    }

    fn replace(&mut self, before: &Element, after: &Element) {
        if find(&self.list, after).is_some() {
            self.push(ElementChange::Remove(before.clone()));
        } else {
            self.push(ElementChange::Replace { before: before.clone(), after: after.clone() });
        }
    }
}

impl Delta {
    fn brought(&self, element: &Element) -> bool {
        find(&self.added, element).is_some() || self.replaced.iter().any(|(_, after)| after.same(element))
    }

    fn dropped(&self, element: &Element) -> bool {
        find(&self.removed, element).is_some() || self.replaced.iter().any(|(before, _)| before.same(element))
    }
}

fn find<'a>(list: &'a [Element], element: &Element) -> Option<&'a Element> {
    list.iter().find(|e| e.same(element))
}

/// The elements of `of` that are not in `other`, with their places, each once.
fn missing<'a>(of: &'a [Element], other: &[Element]) -> Vec<(usize, &'a Element)> {
    let first = |at: usize, e: &Element| !of[..at].iter().any(|before| before.same(e));
    of.iter().enumerate().filter(|&(at, e)| find(other, e).is_none() && first(at, e)).collect()
}

/// A messenger's label is its protocol, which its key holds as well: it must be equal. Elsewhere a side without a label
/// goes with any.
fn same_label(field: Field, a: &Element, b: &Element) -> bool {
    match (&a.label, &b.label) {
        (Some(a), Some(b)) => a.to_lowercase() == b.to_lowercase(),
        (None, None) => true,
        _ => field != Field::Ims,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emails(text: &str) -> Vec<Element> {
        text.split_whitespace().filter_map(Element::email).collect()
    }

    /// What `mine` holds in the end, and its losers.
    fn merged(mine: (&str, &str), theirs: (&str, &str), limit: usize, they_win: bool) -> (String, String) {
        let (seen, now, their_seen, their_now) = (emails(mine.0), emails(mine.1), emails(theirs.0), emails(theirs.1));
        let mine = List { seen: &seen, now: &now, limit, wins: !they_win };
        let theirs = List { seen: &their_seen, now: &their_now, limit: usize::MAX, wins: they_win };
        let out = outcome(Field::Emails, &mine, &theirs);
        let text = |list: &[Element]| list.iter().map(|e| e.value.as_str()).collect::<Vec<_>>().join(" ");
        (text(&out.list), text(&out.losers))
    }

    #[test]
    fn the_other_sides_doings_are_done_here() {
        for (mine, theirs, result) in [
            (("a b", "a b"), ("a b", "a"), "a"),
            (("a", "a"), ("a", "b"), "b"),
            (("a", "a"), ("a", "a b"), "a b"),
            (("a", "a mine"), ("a", "a theirs"), "a mine theirs"),
            (("a mine", "a mine"), ("a", "b"), "b mine"),
            (("a", ""), ("a", "a2"), "a2"),
            (("a", "a2"), ("a", ""), "a2"),
            (("", "x"), ("", "y"), "x y"),
            (("a", "a x"), ("a x", "a"), "a x"),
            (("a b", "a b"), ("a c", "a b"), "a b"),
        ] {
            assert_eq!(merged(mine, theirs, usize::MAX, true).0, result, "{mine:?} {theirs:?}");
        }
    }

    #[test]
    fn an_element_edited_twice_is_a_conflict() {
        assert_eq!(merged(("a", "mine"), ("a", "theirs"), 9, true), ("theirs".into(), "mine".into()));
        assert_eq!(merged(("a", "mine"), ("a", "theirs"), 9, false), ("mine".into(), String::new()));
    }

    #[test]
    fn a_full_side_keeps_what_it_has_and_fills_up_later() {
        assert_eq!(merged(("a b", "a b"), ("a b", "a b c"), 2, true).0, "a b");
        assert_eq!(merged(("a b", "a b"), ("a b c", "b c"), 2, true).0, "b c");
        assert_eq!(merged(("a b", "b"), ("a b c", "a b c"), 2, true).0, "b c", "what it dropped does not return");
        assert_eq!(
            merged(("b", "b"), ("b refused", "b refused"), 2, true).0,
            "b",
            "what its book refused is left alone"
        );
    }

    /// Random edits of a list that both sides had: both hold the same afterwards, every addition that nobody edited away
    /// is there, and every removal that nobody contradicted is gone.
    #[test]
    fn both_sides_come_to_the_same() {
        for seed in 0..5_000 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let names = ["a", "b", "c", "d", "e", "f"];
            let some = |rng: &mut fastrand::Rng| -> Vec<Element> {
                names.iter().filter(|_| rng.bool()).filter_map(|n| Element::email(n)).collect()
            };
            let (mut ours, mut theirs, shared) = (some(&mut rng), some(&mut rng), some(&mut rng));
            rng.shuffle(&mut ours);
            rng.shuffle(&mut theirs);
            let list = |now, wins| List { seen: &shared, now, limit: usize::MAX, wins };
            let (mine, other) = (list(&ours, rng.bool()), list(&theirs, false));
            let other = List { wins: !mine.wins, ..other };
            let (mut here, mut there) =
                (outcome(Field::Emails, &mine, &other).list, outcome(Field::Emails, &other, &mine).list);
            let by_key = |e: &Element| e.key.clone();
            here.sort_by_key(by_key);
            there.sort_by_key(by_key);
            assert_eq!(here, there, "seed {seed}: {shared:?} {ours:?} {theirs:?}");
            for element in &shared {
                let kept = find(&ours, element).is_some() && find(&theirs, element).is_some();
                assert_eq!(find(&here, element).is_some(), kept, "seed {seed}: {} of {shared:?}", element.key);
            }
            let edited = |e: &Element| {
                [&mine, &other].iter().any(|l| l.delta(Field::Emails).replaced.iter().any(|(_, after)| after.same(e)))
            };
            for element in ours.iter().chain(&theirs).filter(|e| find(&shared, e).is_none() && !edited(e)) {
                assert!(find(&here, element).is_some(), "seed {seed}: {} was added", element.key);
            }
        }
    }
}

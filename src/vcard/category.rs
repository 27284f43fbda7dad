//! `CATEGORIES`: the groups of most programs that are not Apple's.

use super::Card;
use super::rewrite::Piece;
use super::text::split_unescaped;

/// The names of all categories, in the card's order.
pub(super) fn all(card: &Card) -> Vec<String> {
    card.named("CATEGORIES").flat_map(|line| line.parts(',')).filter(|name| !name.is_empty()).collect()
}

/// Adds a name after the others.
pub(super) fn join(card: &mut Card, category: &str) {
    if category.trim().is_empty() || all(card).iter().any(|name| name == category.trim()) {
        return;
    }
    let last = card.lines.iter().rposition(|line| line.name == "CATEGORIES");
    match last {
        Some(at) => {
            let line = &mut card.lines[at];
            let source = line.source();
            let comma = if source.trim().is_empty() { "" } else { "," };
            line.rewrite(&[Piece::Kept(source.trim_end()), Piece::Kept(comma), Piece::Item(category.trim())]);
        }
        None => card.add(card.line("CATEGORIES", &[], &[Piece::Item(category.trim())])),
    }
}

/// Takes a name away wherever it stands, and lines that hold nothing else.
pub(super) fn leave(card: &mut Card, category: &str) {
    let category = category.trim();
    card.lines.retain_mut(|line| {
        if line.name != "CATEGORIES" || !line.parts(',').iter().any(|name| name == category) {
            return true;
        }
        let source = line.source();
        let kept: Vec<&str> =
            split_unescaped(&source, ',').into_iter().filter(|name| line.plain(name) != category).collect();
        if !kept.is_empty() {
            line.rewrite(&[Piece::Kept(&kept.join(","))]);
        }
        !kept.is_empty()
    });
}

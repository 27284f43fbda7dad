//! Where lines go and which go together: additions after their siblings, removals with their partners.

use std::collections::HashSet;

use super::Card;
use super::line::Line;
use super::param::Param;
use super::rewrite::Piece;

/// Lines that say something of the line with their item group, and mean nothing without it.
const PARTNERS: [&str; 2] = ["X-ABLABEL", "X-ABADR"];

impl Card {
    /// A new line of this card.
    pub(super) fn line(&self, name: &str, params: &[Param], pieces: &[Piece<'_>]) -> Line {
        Line::new(self.version, &self.end(), name, params, pieces)
    }

    /// Adds a line before the end of the card.
    pub(super) fn add(&mut self, line: Line) {
        self.add_after(vec![line], |_| false);
    }

    /// Adds lines after the last sibling and its partners, else before the end of the card.
    pub(super) fn add_after(&mut self, new: Vec<Line>, sibling: impl Fn(&Line) -> bool) {
        let mut at = match self.lines.iter().rposition(sibling) {
            Some(last) => {
                let group = self.lines[last].group();
                let partners =
                    self.lines[last + 1..].iter().take_while(|line| group.is_some() && line.group() == group);
                last + 1 + partners.count()
            }
            None => self.lines.iter().rposition(|line| line.name == "END").unwrap_or(self.lines.len()),
        };
        // After a soft break that only the end of the card stops, a new line would become part of that value.
        while at > 0 && self.lines[at - 1].is_open() {
            at -= 1;
        }
        self.lines.splice(at..at, new);
    }

    /// Adds a line that a label of its own describes, after its siblings.
    pub(super) fn add_labelled(
        &mut self,
        name: &str,
        own_label: Option<&str>,
        build: impl Fn(&Self, &str) -> Line,
        sibling: impl Fn(&Line) -> bool,
    ) {
        let lines = match own_label {
            Some(label) => {
                let group = self.unused_group();
                let partner = self.line(&format!("{group}.X-ABLabel"), &[], &[Piece::New(label)]);
                vec![build(self, &format!("{group}.{name}")), partner]
            }
            None => vec![build(self, name)],
        };
        self.add_after(lines, sibling);
    }

    /// Removes a line, and its partners if nothing else is of its group.
    pub(super) fn remove(&mut self, at: usize) {
        let Some(group) = self.lines.remove(at).group() else { return };
        let is_partner = |line: &Line| PARTNERS.contains(&line.name.as_str());
        let of_group = |line: &Line| line.group().as_deref() == Some(group.as_str());
        if !self.lines.iter().any(|line| of_group(line) && !is_partner(line)) {
            self.lines.retain(|line| !(of_group(line) && is_partner(line)));
        }
    }

    /// Removes the first line of a property. Where others of its name follow it is emptied instead: they are not ours
    /// and must not move up into its place.
    pub(super) fn clear(&mut self, at: usize) {
        let name = self.lines[at].name.clone();
        if self.lines[at + 1..].iter().any(|line| line.name == name) {
            self.lines[at].set_text("");
        } else {
            self.remove(at);
        }
    }

    fn unused_group(&self) -> String {
        let used: HashSet<String> = self.lines.iter().filter_map(Line::group).collect();
        // One more name than are in use: one of them is free.
        (0..=used.len()).map(|n| format!("item{}", n + 1)).find(|group| !used.contains(group)).unwrap_or_default()
    }
}

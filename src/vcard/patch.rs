//! Changes of a card, line by line.
use super::Card;
use super::line::Line;
use crate::account::Country;
use crate::contact::FieldChange;
pub(super) fn apply(_card: &mut Card, _changes: &[FieldChange], _country: Option<Country>) {}
impl Card {
    /// Adds a line before the end of the card.
    pub(super) fn add(&mut self, line: Line) {
        let at = self.lines.iter().rposition(|line| line.name == "END").unwrap_or(self.lines.len());
        self.lines.insert(at, line);
    }
}

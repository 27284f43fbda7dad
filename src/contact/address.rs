//! A postal address.

use super::name::folded_opt;

/// A part of a postal address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressPart {
    /// Post office box.
    PoBox,
    /// Flat, floor, building. Pipedrive: `subpremise`.
    Extended,
    /// Street and house number. Pipedrive: `route`, `street_number`.
    Street,
    /// Town. Pipedrive: `locality`.
    City,
    /// State or region. Pipedrive: `admin_area_level_1`.
    Region,
    /// Postal code.
    Code,
    /// Country.
    Country,
}

impl AddressPart {
    /// Every part, in the order of a vCard's `ADR`.
    pub const ALL: [Self; 7] =
        [Self::PoBox, Self::Extended, Self::Street, Self::City, Self::Region, Self::Code, Self::Country];
}

/// A postal address: its parts, or one text where a book holds it so, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Address {
    parts: [Option<String>; 7],
    /// The whole as one text, where the book holds such a text (Pipedrive's `value`).
    pub text: Option<String>,
    /// What its book calls it (`work`, `home`); a difference is no change.
    pub label: Option<String>,
    /// The one to use first; a difference is no change.
    pub preferred: bool,
}

impl Address {
    /// A part, if known.
    pub fn part(&self, part: AddressPart) -> Option<&str> {
        self.parts[part as usize].as_deref()
    }

    /// Sets a part; white space is none.
    pub fn set(&mut self, part: AddressPart, value: Option<&str>) {
        self.parts[part as usize] = folded_opt(value);
    }

    /// With a part.
    #[must_use]
    pub fn with(mut self, part: AddressPart, value: &str) -> Self {
        self.set(part, Some(value));
        self
    }

    /// Whether any part is known.
    pub fn has_parts(&self) -> bool {
        self.parts.iter().any(Option::is_some)
    }

    /// Whether it holds nothing at all.
    pub fn is_empty(&self) -> bool {
        !self.has_parts() && self.text.is_none()
    }

    /// On one line: the text, else the parts as `street, extended, code city, region, country`. `None` where empty.
    pub fn one_line(&self) -> Option<String> {
        if let Some(text) = folded_opt(self.text.as_deref()) {
            return Some(text.replace('\n', ", "));
        }
        let town = [self.part(AddressPart::Code), self.part(AddressPart::City)];
        let town = town.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let lines = [
            self.part(AddressPart::PoBox),
            self.part(AddressPart::Street),
            self.part(AddressPart::Extended),
            Some(town.as_str()).filter(|t| !t.is_empty()),
            self.part(AddressPart::Region),
            self.part(AddressPart::Country),
        ];
        let line = lines.into_iter().flatten().map(|l| l.replace('\n', ", ")).collect::<Vec<_>>().join(", ");
        (!line.is_empty()).then_some(line)
    }

    /// Whether both say the same: by parts where both know parts, else by text.
    pub fn same(&self, other: &Self) -> bool {
        if self.has_parts() && other.has_parts() {
            self.parts == other.parts
        } else {
            self.one_line() == other.one_line()
        }
    }

    /// The parts in which `other` differs from this address.
    pub fn changed_parts(&self, other: &Self) -> Vec<AddressPart> {
        AddressPart::ALL.into_iter().filter(|&p| self.part(p) != other.part(p)).collect()
    }
}

/// Whether both hold the same addresses in any order.
pub(super) fn same_set(a: &[Address], b: &[Address]) -> bool {
    a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| x.same(y))) && b.iter().all(|y| a.iter().any(|x| x.same(y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_reads_like_an_envelope() {
        let address = Address::default()
            .with(AddressPart::Street, "12 rue des Lilas")
            .with(AddressPart::Code, "69003")
            .with(AddressPart::City, "Lyon")
            .with(AddressPart::Country, "France");
        assert_eq!(address.one_line().as_deref(), Some("12 rue des Lilas, 69003 Lyon, France"));
        let text = Address { text: address.one_line(), ..Address::default() };
        assert!(address.same(&text), "a side that knows only the text");
    }
}

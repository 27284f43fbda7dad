//! One value of a multi-valued field: the unit of change and conflict.

use super::phone;
use crate::account::Country;

/// One e-mail address, phone number or messenger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Element {
    /// The normal form in which elements are compared. Never shown, never written.
    pub key: String,
    /// As its book holds it.
    pub value: String,
    /// What its book calls it (`work`, `mobile`, a messenger's protocol); a difference is no change.
    pub label: Option<String>,
    /// The one to use first; a difference is no change.
    pub preferred: bool,
}

impl Element {
    /// An e-mail address; compared without regard to case. `None` for white space.
    pub fn email(value: &str) -> Option<Self> {
        Self::keyed(value, value.trim().to_lowercase())
    }

    /// A phone number, compared as [`phone::key`] says; `country` reads numbers that do not name theirs. `None` for
    /// white space.
    pub fn phone(value: &str, country: Option<Country>) -> Option<Self> {
        Self::keyed(value, phone::key(value, country))
    }

    /// A messenger's handle; protocol and handle are compared without regard to case. `None` for white space.
    pub fn im(protocol: Option<&str>, handle: &str) -> Option<Self> {
        let protocol = protocol.map(str::trim).filter(|p| !p.is_empty());
        let key = format!("{}:{}", protocol.unwrap_or_default().to_lowercase(), handle.trim().to_lowercase());
        Self::keyed(handle, key).map(|e| e.with_label(protocol))
    }

    fn keyed(value: &str, key: String) -> Option<Self> {
        let value = value.trim();
        (!value.is_empty()).then(|| Self { key, value: value.to_owned(), label: None, preferred: false })
    }

    /// With a label; white space is none.
    #[must_use]
    pub fn with_label(mut self, label: Option<&str>) -> Self {
        self.label = label.map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned);
        self
    }

    /// Marked as the one to use first, or not.
    #[must_use]
    pub fn with_preferred(mut self, preferred: bool) -> Self {
        self.preferred = preferred;
        self
    }

    /// Whether both are the same element, however it is written.
    pub fn same(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// Whether both lists hold the same elements, in any order and any number of times.
pub(super) fn same_keys(a: &[Element], b: &[Element]) -> bool {
    a.iter().all(|x| b.iter().any(|y| x.same(y))) && b.iter().all(|y| a.iter().any(|x| x.same(y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_address_however_it_is_written() {
        let a = Element::email(" Anna@Acme.Example ").expect("not empty");
        assert!(a.same(&Element::email("anna@acme.example").expect("not empty").with_label(Some("work"))));
        assert_eq!(a.value, "Anna@Acme.Example");
        assert_eq!(Element::email("  "), None);
    }

    #[test]
    fn a_messenger_is_its_protocol_and_handle() {
        let skype = Element::im(Some("Skype"), "anna.k").expect("not empty");
        assert!(skype.same(&Element::im(Some("skype"), "Anna.K").expect("not empty")));
        assert!(!skype.same(&Element::im(Some("xmpp"), "anna.k").expect("not empty")));
    }
}

//! What an administrator declares about one account, as plain values.
//!
//! An **account** is an external address book and the Pipedrive user who owns what it brings in. Everything here is an
//! enum or a small struct; nothing reads a file or asks a service. Where the TOML keys are turned into these values:
//! [`crate::config`]. Where they steer a decision: [`crate::plan`].

mod policy;
mod scope;

pub use policy::{Conflict, Country, Deletes, Direction, MatchIn, OnLeaveGroup, Policy, Share};
pub use scope::{Group, Provider, Scope, ScopeChange};

use std::fmt;

/// One of the two books of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The provider's address book.
    Provider,
    /// Pipedrive's persons.
    Pipedrive,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Provider, Self::Pipedrive];

    /// The word in JSON, metrics, messages and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Pipedrive => "pipedrive",
        }
    }
}

/// The name of an account: 1–64 of `a-z 0-9 . _ @ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(String);

impl AccountName {
    /// Longest name, in characters.
    pub const MAX: usize = 64;

    /// The name, or `None` where it is empty, too long or holds another character.
    pub fn new(name: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._@-".contains(c);
        let fits = !name.is_empty() && name.len() <= Self::MAX && name.chars().all(allowed);
        fits.then(|| Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who may see a person, in words that hold on every Pipedrive plan.
///
/// Written when a person is created and never changed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// The owner and the followers.
    Owner,
    /// The owner's visibility group. Four levels only.
    VisibilityGroup,
    /// The owner's visibility group and the groups below it. Four levels only.
    VisibilityGroupAndSubgroups,
    /// Everybody in the company.
    Company,
}

/// How many visibility levels the company's Pipedrive plan knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VisibilityLevels {
    /// Lite and Growth: 1 is the owner, 3 is everybody.
    Two,
    /// Premium and Ultimate: 1 owner, 3 group, 5 group and sub-groups, 7 everybody.
    Four,
}

impl Visibility {
    /// Every value, narrowest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::VisibilityGroup, Self::VisibilityGroupAndSubgroups, Self::Company];

    /// The word written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::VisibilityGroup => "visibility-group",
            Self::VisibilityGroupAndSubgroups => "visibility-group-and-subgroups",
            Self::Company => "company",
        }
    }

    /// Pipedrive's `visible_to`, or `None` where the plan lacks the level.
    ///
    /// The same number means different things on the two plan families: 3 is the whole company on two levels and one
    /// group on four. That is why nothing else in carnetd turns a number into a visibility.
    pub fn visible_to(self, levels: VisibilityLevels) -> Option<u8> {
        match (self, levels) {
            (Self::Owner, _) => Some(1),
            (Self::Company, VisibilityLevels::Two) | (Self::VisibilityGroup, VisibilityLevels::Four) => Some(3),
            (Self::VisibilityGroupAndSubgroups, VisibilityLevels::Four) => Some(5),
            (Self::Company, VisibilityLevels::Four) => Some(7),
            (Self::VisibilityGroup | Self::VisibilityGroupAndSubgroups, VisibilityLevels::Two) => None,
        }
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_contract_allows() {
        for good in ["a", "alice@acme.example", "a.b_c-9", &"x".repeat(64)] {
            assert!(AccountName::new(good).is_some(), "{good}");
        }
        for bad in ["", "Alice", "a b", "é", "a/b", &"x".repeat(65)] {
            assert!(AccountName::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn three_is_the_company_on_two_levels_and_a_group_on_four() {
        assert_eq!(Visibility::Company.visible_to(VisibilityLevels::Two), Some(3));
        assert_eq!(Visibility::VisibilityGroup.visible_to(VisibilityLevels::Four), Some(3));
        assert_eq!(Visibility::VisibilityGroup.visible_to(VisibilityLevels::Two), None);
    }
}

//! The choices of one account that a plan depends on.

use super::Visibility;

/// Which way changes flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Provider → Pipedrive only. The provider's book is never written.
    OneWay,
    /// Both ways.
    TwoWay,
}

impl Direction {
    /// The word written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneWay => "one-way",
            Self::TwoWay => "two-way",
        }
    }
}

/// Among which persons a new contact looks for its match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchIn {
    /// Those of the account's owner.
    Owner,
    /// All visible ones.
    Company,
}

/// Who wins when both sides changed the same field or element in different ways (two-way).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conflict {
    /// The provider's book.
    Provider,
    /// Pipedrive.
    Pipedrive,
    /// The later change; unknown or within 60 s of each other: the provider.
    Newest,
}

/// What becomes of the deletions in the decision table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deletes {
    /// They are carried out, guarded.
    Propagate,
    /// Every one of them becomes a dormant link.
    Never,
}

/// What becomes of a person whose contact left the group but still exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnLeaveGroup {
    /// The person stays; the link is dormant.
    Keep,
    /// The person is deleted, guarded.
    Delete,
}

/// A share of a whole, in percent: 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u8);

impl Share {
    /// The share, or `None` above 100.
    pub fn percent(percent: u8) -> Option<Self> {
        (percent <= 100).then_some(Self(percent))
    }

    /// In percent.
    pub fn as_percent(self) -> u8 {
        self.0
    }

    /// Whether `part` is more than this share of `whole`.
    pub fn is_exceeded_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 100 > u128::from(whole) * u128::from(self.0)
    }

    /// This share of `whole`, rounded down.
    pub fn of(self, whole: u64) -> u64 {
        u64::try_from(u128::from(whole) * u128::from(self.0) / 100).unwrap_or(u64::MAX)
    }
}

/// An ISO 3166-1 alpha-2 country code in capitals; reads phone numbers written without a country code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// The code, or `None` where it is not two letters. That such a country exists is checked by
    /// [`crate::contact::phone`], which knows their numbers.
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 2] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Everything about an account that a plan depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Which way changes flow.
    pub direction: Direction,
    /// Given to persons and organizations that are created.
    pub visibility: Visibility,
    /// Default [`MatchIn::Owner`].
    pub match_in: MatchIn,
    /// Default [`Conflict::Provider`].
    pub conflict: Conflict,
    /// Default [`Deletes::Propagate`].
    pub deletes: Deletes,
    /// Whether a person with open deals may be deleted. Default false.
    pub delete_with_open_deals: bool,
    /// Default [`OnLeaveGroup::Keep`].
    pub on_leave_group: OnLeaveGroup,
    /// Largest share of the links that may be deleted within 24 hours. Default 25 %.
    pub max_delete: Share,
    /// Largest number of deletions within 24 hours. Default 100.
    pub max_delete_count: u64,
    /// Whether new persons of the owner are created in this account's book (two-way). Default true.
    pub new_persons: bool,
    /// Default none.
    pub country: Option<Country>,
}

impl Policy {
    /// The defaults of everything that has one.
    pub fn new(direction: Direction, visibility: Visibility) -> Self {
        Self {
            direction,
            visibility,
            match_in: MatchIn::Owner,
            conflict: Conflict::Provider,
            deletes: Deletes::Propagate,
            delete_with_open_deals: false,
            on_leave_group: OnLeaveGroup::Keep,
            max_delete: Share(25),
            max_delete_count: 100,
            new_persons: true,
            country: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exceeded_only_above_it() {
        let quarter = Share::percent(25).expect("within 100");
        assert!(!quarter.is_exceeded_by(25, 100));
        assert!(quarter.is_exceeded_by(26, 100));
        assert!(quarter.is_exceeded_by(1, 0));
        assert!(!quarter.is_exceeded_by(0, 0));
        assert_eq!(Share::percent(101), None);
    }
}

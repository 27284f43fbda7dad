//! Where a listing stands, as text: what it was asked for, when the book was last listed whole, and the service's tokens.
//!
//! `1 FINGERPRINT FULL_AT WALK SYNC PAGE`, a part that is absent written `-`. A sync token belongs to the parameters it was
//! asked with and dies seven days after the full listing that it goes back to; we do not wait for that.

use std::time::Duration;

use url::form_urlencoded;

use super::person::MASK;
use crate::account::Group;
use crate::clock::Moment;
use crate::contact::{Cursor, Digest};

/// Changes whenever an older program's cursors must not be used.
const VERSION: &str = "1";
const SPREAD: Duration = Duration::from_hours(12);
const LONGEST: Duration = Duration::from_hours(6 * 24);

/// What a cursor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    /// When the full listing began to which it goes back.
    pub(super) full_at: Moment,
    /// In the middle of a walk: its number in this process.
    pub(super) walk: Option<u64>,
    /// The sync token that the walk began with; absent in a full one.
    pub(super) sync: Option<String>,
    /// The next page's token.
    pub(super) page: Option<String>,
}

impl Position {
    pub(super) fn write(&self, fingerprint: Digest) -> Cursor {
        let token = |token: &Option<String>| {
            token
                .as_ref()
                .map_or_else(|| "-".to_owned(), |token| form_urlencoded::byte_serialize(token.as_bytes()).collect())
        };
        let walk = self.walk.map_or_else(|| "-".to_owned(), |walk| walk.to_string());
        let (sync, page) = (token(&self.sync), token(&self.page));
        Cursor::from(format!("{VERSION} {fingerprint} {} {walk} {sync} {page}", self.full_at.0))
    }

    /// `None` for what is none of ours, or was asked with other parameters.
    pub(super) fn read(cursor: &Cursor, fingerprint: Digest) -> Option<Self> {
        let parts: Vec<&str> = cursor.as_str().split(' ').collect();
        let [VERSION, asked, full_at, walk, sync, page] = parts[..] else { return None };
        if Digest::parse(asked) != Some(fingerprint) {
            return None;
        }
        let walk = if walk == "-" { None } else { Some(walk.parse().ok()?) };
        Some(Self { full_at: Moment(full_at.parse().ok()?), walk, sync: token(sync), page: token(page) })
    }
}

fn token(text: &str) -> Option<String> {
    let decoded = || form_urlencoded::parse(text.as_bytes()).next().map(|(token, _)| token.into_owned());
    if text == "-" { None } else { decoded() }
}

/// What a listing is asked for, in short.
pub(super) fn fingerprint(address: &str, group: &Group) -> Digest {
    Digest::of([VERSION, MASK, super::listing::SOURCE, &address.to_lowercase(), group.as_str()])
}

/// How long after a full listing the next one is made: six days, less up to half a day that differs by account.
pub(super) fn full_after(address: &str) -> Duration {
    let Digest(chance) = Digest::of([address]);
    LONGEST.saturating_sub(Duration::from_millis(chance % u64::try_from(SPREAD.as_millis()).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_goes_there_and_back() {
        let asked = fingerprint("anna@acme.example", &Group::Whole);
        let sync = Some("a-b_c= |+%".to_owned());
        for position in [
            Position { full_at: Moment(7), walk: Some(3), sync: sync.clone(), page: Some("p".into()) },
            Position { full_at: Moment(7), walk: None, sync, page: None },
        ] {
            assert_eq!(Position::read(&position.write(asked), asked), Some(position.clone()));
            assert_eq!(Position::read(&position.write(asked), Digest(1)), None, "other parameters");
        }
        for bad in ["", "not a cursor", "1 2 3 4 5 6"] {
            assert_eq!(Position::read(&bad.into(), asked), None, "{bad}");
        }
    }

    #[test]
    fn the_full_listing_comes_before_seven_days_and_not_for_all_at_once() {
        let (a, b) = (full_after("a@acme.example"), full_after("b@acme.example"));
        assert_ne!(a, b);
        assert!([a, b].iter().all(|after| (LONGEST.saturating_sub(SPREAD)..=LONGEST).contains(after)));
    }
}

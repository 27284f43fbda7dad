//! Short names for values: equal digests mean equal values.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

/// The first 64 bits of a SHA-256, written as 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u64);

impl Digest {
    /// Starts a digest.
    pub fn builder() -> DigestBuilder {
        DigestBuilder(Sha256::new())
    }

    /// The digest of parts, whose borders count.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        parts.into_iter().fold(Self::builder(), DigestBuilder::part).finish()
    }

    /// Reads 16 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A digest in the making.
pub struct DigestBuilder(Sha256);

impl DigestBuilder {
    /// Adds a part; its border counts.
    #[must_use]
    pub fn part(mut self, part: &str) -> Self {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part.as_bytes());
        self
    }

    /// The digest of all parts.
    pub fn finish(self) -> Digest {
        let hash = self.0.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        Digest(u64::from_be_bytes(first))
    }
}

/// A picture, by the SHA-256 of its bytes in hex; where its book does not show the bytes unasked, by something else that
/// changes with the picture, written after a word and a colon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhotoHash(pub String);

impl PhotoHash {
    /// The hash of a picture's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        Self(hash.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }

    /// The picture that is found at this address, which changes with the picture.
    pub fn by_address(address: &str) -> Self {
        Self(format!("address:{}", Self::of(address.as_bytes()).0))
    }

    /// Whether these bytes may be the picture: always, where it is not named by its bytes.
    pub fn may_be(&self, bytes: &[u8]) -> bool {
        self.0.contains(':') || *self == Self::of(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_count_and_text_round_trips() {
        assert_ne!(Digest::of(["ab", "c"]), Digest::of(["a", "bc"]));
        let digest = Digest::of(["x"]);
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        assert_eq!(Digest::parse("12"), None);
    }

    #[test]
    fn only_a_picture_named_by_its_bytes_says_which_they_are() {
        assert!(PhotoHash::of(b"a").may_be(b"a") && !PhotoHash::of(b"a").may_be(b"b"));
        assert!(PhotoHash::by_address("https://x.example/a").may_be(b"b"));
    }
}

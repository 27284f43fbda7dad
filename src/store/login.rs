//! Logins as the store sees them: bytes that it cannot read.

use std::fmt;

use crate::clock::Moment;

/// A sealed login, or the sealed right to make one.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedLogin {
    /// As [`crate::auth::seal`] made them.
    pub bytes: Vec<u8>,
    /// Until when it is of any use; `None`: until it is replaced.
    pub until: Option<Moment>,
}

/// Sealed or not, nobody has to see the bytes.
impl fmt::Debug for SealedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedLogin").field("until", &self.until).finish_non_exhaustive()
    }
}

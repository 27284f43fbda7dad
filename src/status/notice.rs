//! What the daemon tells whoever started it, beside its log.

use crate::config;

/// One thing to tell.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The dashboard can be opened at this URL.
    Dashboard(String),
    /// The embedded sandbox shows its persons at this URL.
    Persons(String),
    /// A configuration is in use whose `[log]` is this one.
    Log(config::Log),
}

/// Whoever started the daemon. `cli` prints; a test may collect.
pub trait Notices: Send + Sync {
    /// Hears a notice. Called seldom, and never with a contact's data.
    fn tell(&self, notice: Notice);
}

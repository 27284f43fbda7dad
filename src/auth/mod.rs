//! Secrets and logins.
//!
//! [`secret`] reads what the configuration names; [`token`] is what adapters ask for. Nothing in here prints one.

pub mod secret;
pub mod token;

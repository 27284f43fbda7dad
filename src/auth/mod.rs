//! Secrets and logins.
//!
//! [`secret`] reads what the configuration names; nothing in here prints one.

pub mod secret;

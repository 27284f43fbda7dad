//! Secrets and logins.

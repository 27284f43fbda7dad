//! Secrets and logins.
//!
//! Adapters know [`token`] alone: a place to ask for an access token. What stands behind it:
//!
//! | file | what is there |
//! |---|---|
//! | [`secret`] | what the configuration names, read when it is needed |
//! | [`oauth`] | OAuth 2 with an authorization server: start, exchange, refresh, revoke |
//! | [`renewal`] | a token source: one token, renewed once for everybody who waits |
//! | [`user`], [`service_account`] | the two ways to renew: a user's login, a key that may act for a whole domain |
//! | [`login`], [`seal`] | a user's login as it is kept, and the seal on it |
//!
//! Nothing in here prints a secret, and no error holds one. Which account has which login, and where they are kept, is
//! [`crate::daemon`]'s affair.

pub mod login;
pub mod oauth;
pub mod renewal;
pub mod seal;
pub mod secret;
pub mod service_account;
#[cfg(test)]
pub(crate) mod tests;
pub mod token;
pub mod user;

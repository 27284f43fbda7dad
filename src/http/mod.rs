//! The one HTTP client of the process: every adapter, the login and the commands' way to the daemon go through it.
//!
//! A [`Request`] is a value; [`Client::send`] admits it to a [`Pace`], sends it, and repeats it where its [`Safety`]
//! allows. What comes back is a [`Response`], whatever its status, or an [`Error`] that says whether the service may have
//! acted on the request. That last question is the reason for this module: a create of unknown outcome must never be
//! sent again blindly.
//!
//! Never here: the behaviour of a provider (its error bodies, its rate-limit headers, its budget: those are in its
//! adapter, which implements [`Pace`]), a wait above [`retry::LONGEST_WAIT`] (that is for the scheduler), or a secret in
//! an error, a log line or `Debug`.
//!
//! | file | what is there |
//! |---|---|
//! | `request`, `response`, `error` | the three values |
//! | `client`, `trip` | the client, and the loop around one request: admit, send, judge, wait |
//! | `wire` | one exchange with the service, and what its failure means |
//! | `settings` | proxy, CA file, loopback |
//! | [`retry`] | whether and when to repeat: pure |
//! | `pace`, `burst` | who may send now |
//! | `redirect`, `redact` | where to follow to, and what may be shown |

mod burst;
mod client;
mod error;
mod pace;
mod redact;
mod redirect;
mod request;
mod response;
pub mod retry;
mod settings;
#[cfg(test)]
mod tests;
mod trip;
mod wire;

pub use burst::Burst;
pub use client::{Client, Observer};
pub use error::Error;
pub use pace::{Pace, RetryLater, Unpaced};
pub use request::{Call, Part, Request, Safety};
pub use response::{DecodeError, Response};
pub use settings::{BuildError, Settings, is_loopback};

pub use reqwest::Method;
pub use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use tokio_util::bytes::Bytes;
pub use url::Url;

//! Who may send now: the hook for the adapters' governors.

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use tokio_util::sync::CancellationToken;

use crate::clock::Moment;

/// A budget or a rate limit. The client asks it before every attempt, so a retry is paid like any other request.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Waits until a request of this price may be sent.
    ///
    /// `Ok` takes the permission: [`Pace::answered`] follows exactly once. A wait longer than
    /// [`LONGEST_WAIT`](super::retry::LONGEST_WAIT) is given back as [`RetryLater`] instead. When `cancel` fires, the wait
    /// ends at once with an `Err` (its content is not looked at) and nothing is taken.
    async fn admit(&self, price: u32, cancel: &CancellationToken) -> Result<(), RetryLater>;

    /// An admitted attempt has ended. `status` is 0, and `headers` empty, where no answer came.
    fn answered(&self, status: u16, headers: &HeaderMap, now: Moment);
}

/// "Not now": a permission that is too far away to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryLater {
    /// When it makes sense to ask again.
    pub until: Moment,
    /// Why, such as `the daily budget of 30000 tokens is used up`.
    pub reason: String,
}

/// No limit at all: for tests and for services that name none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unpaced;

#[async_trait]
impl Pace for Unpaced {
    async fn admit(&self, _price: u32, _cancel: &CancellationToken) -> Result<(), RetryLater> {
        Ok(())
    }

    fn answered(&self, _status: u16, _headers: &HeaderMap, _now: Moment) {}
}

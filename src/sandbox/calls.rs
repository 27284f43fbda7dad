//! What `GET /_calls` counts: calls, tokens and statuses, per route and in all.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// The counts since the start or the last reset.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<Counts>);

/// The counts as they are answered.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Counts {
    #[serde(flatten)]
    total: Count,
    /// By method and path template, such as `GET /pipedrive/api/v2/persons/{id}`.
    routes: BTreeMap<String, Count>,
}

/// One row.
#[derive(Debug, Default, Clone, Serialize)]
struct Count {
    calls: u64,
    tokens: u64,
    /// Answers of status 429.
    too_many: u64,
    /// By status; `dropped`, `lost` and `cut` are answers that never arrived whole.
    statuses: BTreeMap<String, u64>,
}

impl Calls {
    /// Counts one call that ended with `status` and was charged `tokens`.
    pub(super) fn count(&self, route: String, tokens: u64, status: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total.add(tokens, status);
        counts.routes.entry(route).or_default().add(tokens, status);
    }

    /// The counts of this moment.
    pub(super) fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins anew.
    pub(super) fn reset(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Counts::default();
    }
}

impl Count {
    fn add(&mut self, tokens: u64, status: &str) {
        self.calls += 1;
        self.tokens += tokens;
        self.too_many += u64::from(status == "429");
        *self.statuses.entry(status.to_owned()).or_default() += 1;
    }
}

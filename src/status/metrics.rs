//! `/metrics`: counters that the daemon feeds, and gauges read from the snapshot at each scrape.
//!
//! Names and labels are a contract (DESIGN §7). The text is `OpenMetrics`, which Prometheus reads.

use std::fmt::{self, Write as _};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::snapshot::{Outcome, Snapshot, State};
use crate::account::AccountName;
use crate::clock::Moment;
use crate::http;
use crate::plan::Side;

/// The media type of [`Metrics::render`].
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a pass that finds nothing (some milliseconds) to a first import of a large book.
const PASS_SECONDS: [f64; 10] = [0.01, 0.05, 0.2, 1.0, 5.0, 20.0, 60.0, 300.0, 1200.0, 3600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAccount {
    account: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    account: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfChange {
    account: String,
    side: &'static str,
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAnswer {
    service: String,
    code: u16,
}

/// What was done to a contact, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was created.
    Added,
    /// It was updated.
    Updated,
    /// It was deleted.
    Deleted,
}

/// What is counted while the process lives.
pub struct Metrics {
    registry: Registry,
    changes: Family<OfChange, Counter>,
    passes: Histogram,
    successes: Family<OfAccount, Gauge>,
    reloads: Gauge,
    answers: Family<OfAnswer, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Counters at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("carnetd");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that runs", build);
        let metrics = Self {
            changes: Family::default(),
            passes: Histogram::new(PASS_SECONDS),
            successes: Family::default(),
            reloads: Gauge::default(),
            answers: Family::default(),
            registry: Registry::default(),
        };
        let help = "Contacts changed, by the side that was written";
        registry.register("changes", help, metrics.changes.clone());
        registry.register("pass_duration_seconds", "How long passes took", metrics.passes.clone());
        let help = "When a pass of the account last ended well";
        registry.register("last_success_timestamp_seconds", help, metrics.successes.clone());
        let help = "When a configuration was last taken into use";
        registry.register("config_last_reload_success_timestamp_seconds", help, metrics.reloads.clone());
        registry.register("http_requests", "Attempts at services; code 0: no answer", metrics.answers.clone());
        Self { registry, ..metrics }
    }

    /// `count` contacts of an account were changed on one side.
    pub fn changed(&self, account: &AccountName, side: Side, action: Action, count: u64) {
        let side = match side {
            Side::Provider => "provider",
            Side::Pipedrive => "pipedrive",
        };
        let action = match action {
            Action::Added => "added",
            Action::Updated => "updated",
            Action::Deleted => "deleted",
        };
        self.changes.get_or_create(&OfChange { account: account.to_string(), side, action }).inc_by(count);
    }

    /// A pass of an account has ended at `finished`.
    pub fn passed(&self, account: &AccountName, outcome: Outcome, finished: Moment, took: Duration) {
        self.passes.observe(took.as_secs_f64());
        if outcome == Outcome::Ok {
            self.successes.get_or_create(&OfAccount { account: account.to_string() }).set(seconds(finished));
        }
    }

    /// A configuration was taken into use at `at`.
    pub fn reloaded(&self, at: Moment) {
        self.reloads.set(seconds(at));
    }

    /// All of it as text.
    pub fn render(&self, snapshot: &Snapshot) -> String {
        let mut text = String::with_capacity(4096);
        let written = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &gauges(snapshot)))
            .and_then(|()| encode_eof(&mut text));
        if written.is_err() {
            // Cannot happen: a string takes everything. A scrape that fails to parse is better than a panic.
            let _ = writeln!(text, "# the metrics could not be written");
        }
        text
    }
}

impl http::Observer for Metrics {
    fn answered(&self, service: &str, code: u16) {
        self.answers.get_or_create(&OfAnswer { service: service.to_owned(), code }).inc();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// What the snapshot says. Made anew at each scrape, so that an account that is gone leaves nothing behind.
fn gauges(snapshot: &Snapshot) -> Registry {
    let mut registry = Registry::with_prefix("carnetd");
    let reload = Gauge::<i64>::default();
    reload.set(i64::from(snapshot.reload.ok));
    registry.register("config_last_reload_successful", "Whether the files as they stand are in use", reload);
    let remaining = Gauge::<i64>::default();
    remaining.set(count(snapshot.pipedrive.tokens.remaining()));
    registry.register("pipedrive_tokens_remaining", "What is left of the company's daily tokens", remaining);

    let (states, contacts, held) = (
        Family::<OfState, Gauge>::default(),
        Family::<OfAccount, Gauge>::default(),
        Family::<OfAccount, Gauge>::default(),
    );
    for account in &snapshot.accounts {
        let label = OfAccount { account: account.name.clone() };
        for state in State::ALL {
            let label = OfState { account: account.name.clone(), state: state.as_str() };
            states.get_or_create(&label).set(i64::from(state == account.state));
        }
        contacts.get_or_create(&label).set(count(account.contacts));
        held.get_or_create(&label).set(count(account.held));
    }
    registry.register("account_state", "1 for the state the account is in", states);
    registry.register("contacts", "Active links of the account", contacts);
    registry.register("held", "What waits for a human being", held);
    registry
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seconds(moment: Moment) -> i64 {
    moment.0.div_euclid(1000)
}

//! The misbehaviour that `POST /_faults` asks for, drawn from seeded chance.
//!
//! Faults are not part of the state: a restart makes every service well again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is asked for. Rates are shares of the calls from 0 to 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Faults {
    /// Begins the chance anew when it is set.
    seed: u64,
    /// Share answered 429; nothing is done.
    too_many: f64,
    /// Share answered 500, 502 or 503; nothing is done.
    server_error: f64,
    /// Share whose connection is closed without an answer; nothing is done.
    dropped: f64,
    /// Share whose connection is closed without an answer after everything was done.
    lost: f64,
    /// Share whose body ends in the middle after everything was done.
    cut: f64,
    /// Share answered with an HTML page of the given `status`, else of 200 or 503 by turns of chance; nothing is done.
    html: f64,
    /// Share of the cursors that have expired.
    expired_cursors: f64,
    /// Milliseconds that an answer takes longer.
    slow: u64,
    /// Share of the answers that are slow.
    slow_rate: f64,
    /// Seconds written into `retry-after` of 429 and 503; without it there is no such header.
    retry_after: Option<u64>,
    /// A status that every call gets; nothing is done.
    status: Option<u16>,
    /// Which calls: `METHOD`, `/path/prefix` or `METHOD /path/prefix`.
    only: Option<String>,
    /// How many more calls are struck before all is well; without it there is no end. Slowness is not counted.
    times: Option<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            seed: 0,
            too_many: 0.0,
            server_error: 0.0,
            dropped: 0.0,
            lost: 0.0,
            cut: 0.0,
            html: 0.0,
            expired_cursors: 0.0,
            slow: 0,
            slow_rate: 1.0,
            retry_after: None,
            status: None,
            only: None,
            times: None,
        }
    }
}

impl Faults {
    fn check(&self) -> Result<(), String> {
        let rates = [
            ("too_many", self.too_many),
            ("server_error", self.server_error),
            ("dropped", self.dropped),
            ("lost", self.lost),
            ("cut", self.cut),
            ("html", self.html),
            ("expired_cursors", self.expired_cursors),
            ("slow_rate", self.slow_rate),
        ];
        if let Some((name, rate)) = rates.iter().find(|(_, rate)| !(0.0..=1.0).contains(rate)) {
            return Err(format!("`{name}` is {rate}; a rate lies between 0 and 1"));
        }
        match self.status {
            Some(status) if !(400..600).contains(&status) => Err(format!("`status` is {status}; expected 400 to 599")),
            _ => Ok(()),
        }
    }

    fn concerns(&self, method: &str, path: &str) -> bool {
        self.only.as_deref().is_none_or(|only| {
            only.split_whitespace()
                .all(|word| if word.starts_with('/') { path.starts_with(word) } else { word == method })
        })
    }
}

/// What befalls one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// This status instead of the call.
    Status(u16),
    /// An HTML page of this status instead of the call.
    Html(u16),
    /// No answer; nothing done.
    Dropped,
    /// No answer; everything done.
    Lost,
    /// Half an answer; everything done.
    Cut,
}

/// What was drawn for one call.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Draw {
    /// The fault, if any.
    pub(super) fault: Option<Fault>,
    /// A cursor in this call has expired.
    pub(super) expired_cursor: bool,
    /// Milliseconds to wait before answering.
    pub(super) slow: u64,
    /// Seconds for `retry-after` where the status is 429 or 503.
    pub(super) retry_after: Option<u64>,
}

/// Where faults are asked for and drawn.
#[derive(Debug)]
pub(super) struct Desk(Mutex<(Faults, fastrand::Rng)>);

impl Desk {
    /// No faults; chance grows from `seed`.
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new((Faults { seed, ..Faults::default() }, fastrand::Rng::with_seed(seed))))
    }

    /// What is asked for now.
    pub(super) fn show(&self) -> Faults {
        self.lock().0.clone()
    }

    /// Sets the given keys; the others stay. The error says which key is wrong.
    pub(super) fn set(&self, keys: Map<String, Value>) -> Result<Faults, String> {
        let mut desk = self.lock();
        let reseed = keys.contains_key("seed");
        let faults: Faults = overlay(&desk.0, keys)?;
        faults.check()?;
        if reseed {
            desk.1 = fastrand::Rng::with_seed(faults.seed);
        }
        desk.0 = faults.clone();
        Ok(faults)
    }

    /// Makes all well again; chance begins anew from the same seed.
    pub(super) fn clear(&self) {
        let mut desk = self.lock();
        let seed = desk.0.seed;
        *desk = (Faults { seed, ..Faults::default() }, fastrand::Rng::with_seed(seed));
    }

    /// Draws what befalls a call.
    pub(super) fn draw(&self, method: &str, path: &str) -> Draw {
        let mut desk = self.lock();
        let (faults, chance) = &mut *desk;
        if !faults.concerns(method, path) {
            return Draw::default();
        }
        let slow = if faults.slow > 0 && chance.f64() < faults.slow_rate { faults.slow } else { 0 };
        let mut draw = Draw { slow, retry_after: faults.retry_after, ..Draw::default() };
        if faults.times == Some(0) {
            return draw;
        }
        draw.expired_cursor = chance.f64() < faults.expired_cursors;
        draw.fault = strike(faults, chance);
        if let (Some(_), Some(times)) = (draw.fault, &mut faults.times) {
            *times -= 1;
        }
        draw
    }

    fn lock(&self) -> MutexGuard<'_, (Faults, fastrand::Rng)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn strike(faults: &Faults, chance: &mut fastrand::Rng) -> Option<Fault> {
    if let Some(status) = faults.status {
        let page = faults.html > 0.0 && chance.f64() < faults.html;
        return Some(if page { Fault::Html(status) } else { Fault::Status(status) });
    }
    // Every rate is drawn whatever the others gave, so that one changed rate does not move the chance of the rest.
    let mut hit = |rate: f64| chance.f64() < rate;
    let hits = [
        hit(faults.too_many),
        hit(faults.server_error),
        hit(faults.dropped),
        hit(faults.lost),
        hit(faults.cut),
        hit(faults.html),
    ];
    let server_error = [500, 502, 503][chance.usize(..3)];
    let html = [200, 503][chance.usize(..2)];
    let struck =
        [Fault::Status(429), Fault::Status(server_error), Fault::Dropped, Fault::Lost, Fault::Cut, Fault::Html(html)];
    struck.into_iter().zip(hits).find_map(|(fault, hit)| hit.then_some(fault))
}

/// `current` with `keys` laid over it; an unknown key or a wrong type is an error that names it.
pub(super) fn overlay<T>(current: &T, keys: Map<String, Value>) -> Result<T, String>
where
    T: Serialize + serde::de::DeserializeOwned,
{
    let mut all = serde_json::to_value(current).map_err(|error| error.to_string())?;
    if let Value::Object(all) = &mut all {
        all.extend(keys);
    }
    serde_json::from_value(all).map_err(|error| error.to_string())
}

//! The daily token budget as arithmetic: pure, with the time as a parameter.
//!
//! A whole company shares one budget a day. carnetd uses at most its share of it and leaves the rest to people and other
//! apps. How much there is: the configuration says, else the headers, else 30 000, the smallest there is, is assumed. The
//! vendor resets at midnight "server time" without naming the zone; UTC is taken until a rise of what remains shows
//! another hour.

use std::collections::VecDeque;
use std::time::Duration;

use crate::account::Share;
use crate::clock::Moment;
use crate::http::RetryLater;

/// One seat on the smallest plan.
const ASSUMED: u64 = 30_000;
const DAY: i64 = 24 * 3600 * 1000;
const HOUR: Duration = Duration::from_hours(1);
/// A refused day is asked about again this often: the reset may come at another hour than we think.
const PROBE: Duration = HOUR;
/// How long everybody else waits while one call asks whether the day has begun anew.
const WHILE_PROBING: Duration = Duration::from_mins(1);
/// Cloudflare has had enough (403 with a page): how long nothing is sent. The vendor names no time.
const BLOCKED: Duration = Duration::from_mins(5);
/// So many 429 in a row are no accident.
const STUBBORN: u32 = 3;
/// A forecast from less than this would be noise.
const SHORTEST_LOOK: Duration = Duration::from_mins(5);

/// The daily budget, for status and forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Tokens a day for the whole company.
    pub limit: u64,
    /// What carnetd used of them today.
    pub used: u64,
    /// What it leaves to people and other apps.
    pub reserve: u64,
    /// What the whole company has left today, where the service says so.
    pub remaining: Option<u64>,
    /// Nobody named the limit: it is a cautious guess.
    pub assumed: bool,
    /// When carnetd's share will be used up if the last hour's use goes on; `None` where the day ends first.
    pub runs_out_at: Option<Moment>,
    /// Nothing is sent before this, because the budget is used up or the service blocks us.
    pub exhausted_until: Option<Moment>,
}

/// What an answer's headers say of limits; any of it may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    /// `x-daily-ratelimit-token-limit`.
    pub(super) limit: Option<u64>,
    /// `x-daily-ratelimit-token-remaining`.
    pub(super) remaining: Option<u64>,
    /// `x-ratelimit-remaining`, of the burst window.
    pub(super) burst_remaining: Option<u64>,
    /// The body is a page, not JSON.
    pub(super) page: bool,
}

/// What an answer means for the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Go on.
    Fine,
    /// The burst window was fuller than we knew.
    Burst,
    /// Stop: the day is used up, or the service blocks us.
    Stop,
}

/// The state of the budget.
#[derive(Debug)]
pub(super) struct Tokens {
    configured: Option<u64>,
    share: Share,
    told_limit: Option<u64>,
    /// What the company has left, as last told, minus what we sent since.
    remaining: Option<u64>,
    last_told: Option<u64>,
    used: u64,
    in_flight: u32,
    /// Whether the service has answered yet, and so had the chance to tell its limit.
    heard: bool,
    day: i64,
    /// How long after midnight UTC the day begins, in milliseconds.
    day_begins: i64,
    exhausted_until: Option<Moment>,
    probing: bool,
    blocked_until: Option<Moment>,
    /// Answers 429 without another in between.
    in_a_row: u32,
    started: Moment,
    /// Own use per minute of the last hour.
    recent: VecDeque<(i64, u64)>,
}

impl Tokens {
    pub(super) fn new(configured: Option<u64>, share: Share, now: Moment) -> Self {
        Self {
            configured,
            share,
            told_limit: None,
            remaining: None,
            last_told: None,
            used: 0,
            in_flight: 0,
            heard: false,
            day: now.0.div_euclid(DAY),
            day_begins: 0,
            exhausted_until: None,
            probing: false,
            blocked_until: None,
            in_a_row: 0,
            started: now,
            recent: VecDeque::new(),
        }
    }

    fn limit(&self) -> u64 {
        self.configured.or(self.told_limit).unwrap_or(ASSUMED)
    }

    fn assumed(&self) -> bool {
        self.configured.is_none() && self.told_limit.is_none()
    }

    fn next_day(&self) -> Moment {
        Moment((self.day + 1) * DAY + self.day_begins)
    }

    fn roll(&mut self, now: Moment) {
        let day = (now.0 - self.day_begins).div_euclid(DAY);
        if day > self.day {
            self.day = day;
            self.used = 0;
            (self.remaining, self.last_told) = (None, None);
        }
        if self.exhausted_until.is_some_and(|until| until <= now) {
            (self.exhausted_until, self.remaining, self.probing) = (None, None, true);
        }
        self.blocked_until = self.blocked_until.filter(|until| *until > now);
    }

    /// Counts what an earlier process of today used.
    pub(super) fn remember_use(&mut self, tokens: u64, at: Moment, now: Moment) {
        self.roll(now);
        if (at.0 - self.day_begins).div_euclid(DAY) == self.day {
            self.used = self.used.saturating_add(tokens);
        }
    }

    /// Why a call of this price may not be sent now; `None` if it may.
    pub(super) fn refusal(&mut self, price: u32, now: Moment) -> Option<RetryLater> {
        self.roll(now);
        let price = u64::from(price);
        let limit = self.limit();
        if let Some(until) = self.blocked_until {
            let reason = "Pipedrive's gateway blocks our calls after too many of them; nothing is sent for a while";
            return Some(RetryLater { until, reason: reason.to_owned() });
        }
        if self.exhausted_until.is_none() && self.remaining.is_some_and(|remaining| remaining < price) {
            self.exhaust(now);
        }
        if let Some(until) = self.exhausted_until {
            let reason = format!("the company's daily budget of {limit} Pipedrive tokens is used up");
            return Some(RetryLater { until, reason });
        }
        if self.probing && self.in_flight > 0 {
            let reason = "one call asks whether the company has Pipedrive tokens again".to_owned();
            return Some(RetryLater { until: now.after(WHILE_PROBING), reason });
        }
        if self.used + price <= self.share.of(limit) {
            return None;
        }
        if self.assumed() && !self.heard {
            // What earlier processes used may be little of what this company has: one call asks.
            let reason = "one call asks how many Pipedrive tokens the company has".to_owned();
            return (self.in_flight > 0).then(|| RetryLater { until: now.after(WHILE_PROBING), reason });
        }
        Some(RetryLater {
            until: self.next_day(),
            reason: format!(
                "carnetd's share of {} % of the company's {limit} Pipedrive tokens a day{} is used up (daily_share)",
                self.share.as_percent(),
                if self.assumed() { " (assumed; set daily_tokens)" } else { "" },
            ),
        })
    }

    /// Pays for a call that [`Tokens::refusal`] let through.
    pub(super) fn take(&mut self, price: u32, now: Moment) {
        let price = u64::from(price);
        self.used += price;
        self.in_flight += 1;
        self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(price));
        let minute = now.0.div_euclid(60_000);
        match self.recent.back_mut() {
            Some((at, used)) if *at == minute => *used += price,
            _ => self.recent.push_back((minute, price)),
        }
        while self.recent.front().is_some_and(|(at, _)| *at <= minute - 60) {
            self.recent.pop_front();
        }
    }

    /// Hears an answer.
    pub(super) fn answered(&mut self, status: u16, told: Told, now: Moment) -> Meaning {
        self.roll(now);
        self.in_flight = self.in_flight.saturating_sub(1);
        if told.limit.is_some() {
            self.told_limit = told.limit;
        }
        if let Some(remaining) = told.remaining {
            self.hear_remaining(remaining, now);
        }
        if status == 403 && told.page {
            self.blocked_until = Some(now.after(BLOCKED));
            return Meaning::Stop;
        }
        if status == 429 {
            return self.too_many(told, now);
        }
        if status != 0 {
            self.heard = true;
            self.probing = false;
            self.in_a_row = 0;
        }
        Meaning::Fine
    }

    /// Both limits answer 429. The tokens are gone where the header says so, or, without it, where the burst window has
    /// room. Without any header one refusal is left to the request's own backoff; several in a row stop everybody, since
    /// going on against refusals ends in a block.
    fn too_many(&mut self, told: Told, now: Moment) -> Meaning {
        self.in_a_row += 1;
        let spent = told.remaining.map_or(told.burst_remaining.is_some_and(|left| left > 0), |left| left == 0);
        if spent {
            self.exhaust(now);
            return Meaning::Stop;
        }
        let silent = told.remaining.is_none() && told.burst_remaining.is_none();
        if silent && self.in_a_row < STUBBORN { Meaning::Fine } else { Meaning::Burst }
    }

    fn hear_remaining(&mut self, told: u64, now: Moment) {
        let rise = (self.limit() / 10).max(500);
        if self.last_told.is_some_and(|last| told > last + rise) {
            // The day began anew at another hour than we thought. Time zones lie half hours apart.
            let half_hour = 30 * 60 * 1000;
            self.day_begins = now.0.rem_euclid(DAY).div_euclid(half_hour) * half_hour;
            self.day = (now.0 - self.day_begins).div_euclid(DAY);
            self.used = 0;
            self.remaining = None;
        }
        self.last_told = Some(told);
        // Calls under way are in our count and not yet in theirs; with none under way theirs is the truth.
        self.remaining = Some(match self.remaining {
            Some(remaining) if self.in_flight > 0 => remaining.min(told),
            _ => told,
        });
    }

    fn exhaust(&mut self, now: Moment) {
        self.exhausted_until = Some(self.next_day().min(now.after(PROBE)));
    }

    pub(super) fn budget(&mut self, now: Moment) -> Budget {
        self.roll(now);
        let limit = self.limit();
        Budget {
            limit,
            used: self.used,
            reserve: limit - self.share.of(limit),
            remaining: self.remaining,
            assumed: self.assumed(),
            runs_out_at: self.runs_out_at(now),
            exhausted_until: self
                .exhausted_until
                .max(self.blocked_until)
                .or_else(|| (self.used >= self.share.of(limit)).then(|| self.next_day())),
        }
    }

    fn runs_out_at(&self, now: Moment) -> Option<Moment> {
        let minute = now.0.div_euclid(60_000);
        let recent: u64 = self.recent.iter().filter(|(at, _)| *at > minute - 60).map(|(_, used)| used).sum();
        let look = now.since(self.started).clamp(SHORTEST_LOOK, HOUR);
        let own = self.share.of(self.limit()).saturating_sub(self.used);
        let left = self.remaining.map_or(own, |remaining| own.min(remaining));
        let millis = u128::from(left) * look.as_millis() / u128::from(recent).max(1);
        let at = now.after(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)));
        (recent > 0 && at < self.next_day()).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Moment = Moment(DAY / 2);

    fn tokens(configured: Option<u64>) -> Tokens {
        Tokens::new(configured, Share::percent(50).expect("at most 100"), NOON)
    }

    fn told(limit: u64, remaining: u64) -> Told {
        Told { limit: Some(limit), remaining: Some(remaining), burst_remaining: Some(10), page: false }
    }

    fn hours(hours: u64) -> Moment {
        NOON.after(HOUR * u32::try_from(hours).expect("few"))
    }

    /// Sends and hears one call; whether it was let through.
    fn call(tokens: &mut Tokens, price: u32, status: u16, told: Told, now: Moment) -> bool {
        if tokens.refusal(price, now).is_some() {
            return false;
        }
        tokens.take(price, now);
        tokens.answered(status, told, now);
        true
    }

    #[test]
    fn the_share_is_never_exceeded_and_begins_anew_at_midnight() {
        let mut tokens = tokens(Some(100));
        let sent = (0..50).filter(|_| call(&mut tokens, 4, 200, Told::default(), NOON)).count();
        assert_eq!(sent, 12, "48 of 50 tokens");
        let later = tokens.refusal(4, NOON).expect("used up");
        assert_eq!(later.until, Moment(DAY));
        assert_eq!(
            later.reason,
            "carnetd's share of 50 % of the company's 100 Pipedrive tokens a day is used up (daily_share)"
        );
        assert!(tokens.refusal(2, NOON).is_none(), "what still fits is let through");
        assert!(call(&mut tokens, 4, 200, Told::default(), Moment(DAY)));
        assert_eq!(tokens.budget(Moment(DAY)).used, 4);
    }

    #[test]
    fn what_was_used_stops_nobody_before_the_limit_is_told() {
        let mut big = tokens(None);
        big.remember_use(50_000, NOON, NOON);
        assert!(call(&mut big, 2, 200, told(300_000, 249_000), NOON), "one call asks");
        assert!(call(&mut big, 2, 200, told(300_000, 248_998), NOON), "it is little of what there is");

        let mut silent = tokens(None);
        silent.remember_use(50_000, NOON, NOON);
        assert_eq!(silent.refusal(2, NOON), None);
        silent.take(2, NOON);
        assert_eq!(silent.refusal(2, NOON).expect("one is enough").until, NOON.after(WHILE_PROBING));
        silent.answered(200, Told::default(), NOON);
        assert_eq!(silent.refusal(2, NOON).expect("the assumption stands").until, Moment(DAY));
    }

    #[test]
    fn a_restart_does_not_stretch_the_share() {
        let mut tokens = tokens(Some(100));
        tokens.remember_use(40, NOON.before(HOUR), NOON);
        tokens.remember_use(40, NOON.before(HOUR * 24), NOON);
        assert_eq!(tokens.budget(NOON).used, 40);
        assert!(tokens.refusal(11, NOON).is_some() && tokens.refusal(10, NOON).is_none());
    }

    #[test]
    fn the_limit_is_configured_told_or_assumed() {
        let mut tokens = tokens(None);
        let budget = tokens.budget(NOON);
        assert_eq!((budget.limit, budget.reserve, budget.assumed), (30_000, 15_000, true));
        call(&mut tokens, 2, 200, told(60_000, 59_000), NOON);
        let budget = tokens.budget(NOON);
        assert_eq!((budget.limit, budget.remaining, budget.assumed), (60_000, Some(59_000), false));
        assert_eq!(super::Tokens::new(Some(7), Share::percent(50).expect("fine"), NOON).limit(), 7);
    }

    #[test]
    fn what_others_used_up_is_not_asked_for() {
        let mut tokens = tokens(None);
        call(&mut tokens, 2, 200, told(30_000, 6), NOON);
        assert!(call(&mut tokens, 5, 200, told(30_000, 1), NOON));
        let later = tokens.refusal(5, NOON).expect("nothing is left");
        assert_eq!(later.until, NOON.after(PROBE), "asked about again hourly");
        assert!(later.reason.contains("daily budget of 30000"), "{}", later.reason);
    }

    #[test]
    fn an_exhausted_day_is_probed_by_one_call_at_a_time() {
        let mut tokens = tokens(None);
        call(&mut tokens, 5, 429, told(30_000, 0), NOON);
        assert!(tokens.refusal(1, NOON.after(PROBE / 2)).is_some());
        assert!(tokens.refusal(1, hours(1)).is_none());
        tokens.take(1, hours(1));
        let meanwhile = tokens.refusal(1, hours(1)).expect("one is asking");
        assert_eq!(meanwhile.until, hours(1).after(WHILE_PROBING));
        tokens.answered(429, told(30_000, 0), hours(1));
        assert_eq!(tokens.refusal(1, hours(1)).map(|l| l.until), Some(hours(2)));
        assert!(call(&mut tokens, 1, 200, told(30_000, 29_999), hours(2)));
        assert!(call(&mut tokens, 1, 200, told(30_000, 29_998), hours(2)));
    }

    #[test]
    fn a_429_is_the_day_only_if_the_headers_say_so() {
        let heard = |told| tokens(None).answered(429, told, NOON);
        assert_eq!(heard(told(30_000, 0)), Meaning::Stop);
        assert_eq!(heard(told(30_000, 500)), Meaning::Burst);
        assert_eq!(heard(Told { burst_remaining: Some(3), ..Told::default() }), Meaning::Stop);
        assert_eq!(heard(Told { burst_remaining: Some(0), ..Told::default() }), Meaning::Burst);
        let mut silent = tokens(None);
        let heard: Vec<Meaning> = (0..3).map(|_| silent.answered(429, Told::default(), NOON)).collect();
        assert_eq!(heard, [Meaning::Fine, Meaning::Fine, Meaning::Burst]);
    }

    #[test]
    fn a_block_stops_everything_for_a_while() {
        let mut tokens = tokens(None);
        call(&mut tokens, 1, 403, Told { page: true, ..Told::default() }, NOON);
        assert_eq!(tokens.refusal(1, NOON).map(|l| l.until), Some(NOON.after(BLOCKED)));
        assert!(tokens.refusal(1, NOON.after(BLOCKED)).is_none());
        call(&mut tokens, 1, 403, Told::default(), NOON.after(BLOCKED));
        assert!(tokens.refusal(1, NOON.after(BLOCKED)).is_none(), "a refusal in JSON is about one call");
    }

    #[test]
    fn a_rise_shows_when_the_day_begins() {
        let mut tokens = tokens(None);
        call(&mut tokens, 5, 200, told(30_000, 1_000), NOON);
        let five_past = hours(3).after(Duration::from_mins(5));
        call(&mut tokens, 5, 200, told(30_000, 29_990), five_past);
        assert_eq!(tokens.next_day(), hours(27), "the day began at 15:00 UTC, and does so tomorrow");
        assert_eq!(tokens.budget(five_past).used, 0);
        assert_eq!(tokens.budget(hours(26)).used, 0);
    }

    #[test]
    fn the_forecast_follows_the_last_hour() {
        let mut tokens = tokens(Some(10_000));
        assert_eq!(tokens.budget(NOON).runs_out_at, None, "nothing was used");
        for minute in 0..60 {
            call(&mut tokens, 40, 200, Told::default(), NOON.after(Duration::from_secs(60 * minute)));
        }
        let at = tokens.budget(hours(1)).runs_out_at.expect("2400 an hour, 2600 left");
        let minutes = at.since(hours(1)).as_secs() / 60;
        assert!((60..=70).contains(&minutes), "{minutes}");
        assert_eq!(tokens.budget(hours(3)).runs_out_at, None, "nothing was used in the last hour");
    }
}

//! Times and numbers as people read them.

use std::time::Duration;

use maud::{Markup, html};

use crate::clock::Moment;
use crate::status::snapshot::State;

/// `1 234 567`, with thin spaces that do not break.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// A moment: its time, with the date where that is another day. The script turns it into "2 min ago".
pub(super) fn time(at: Moment, now: Moment) -> Markup {
    let (text, today) = (at.rfc3339(), now.rfc3339());
    let (date, clock) = (text.get(..10).unwrap_or_default(), text.get(11..19).unwrap_or_default());
    let same_day = today.starts_with(date);
    html! { time datetime=(text) title=(text) { @if !same_day { (date) " " } (clock) } }
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `1 h 5 min`.
pub(super) fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0 => format!("{}.{} s", 0, took.subsec_millis() / 100),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A state as a badge shows it.
pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Starting => "starting",
        State::Idle => "in step",
        State::Running => "syncing",
        State::NeedsLogin => "needs login",
        State::Held => "held",
        State::Error => "error",
        State::Paused => "paused",
    }
}

/// A code as words: `several-matches` → `several matches`.
pub(super) fn code(code: &str) -> String {
    code.replace(['-', '_'], " ")
}

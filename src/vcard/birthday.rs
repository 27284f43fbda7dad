//! `BDAY` in its many forms.
//!
//! Apple writes a day without a year as year 1604 and says so in a parameter; the two are kept together, and a year that
//! nobody named is never written.

use super::Version;
use super::line::Line;
use super::rewrite::Piece;
use crate::contact::Birthday;

const OMIT_YEAR: &str = "X-APPLE-OMIT-YEAR";

/// What a `BDAY` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing stands there.
    Nothing,
    /// A day.
    Day(Birthday),
    /// Something else: a text, a year alone.
    Otherwise,
}

/// Reads a `BDAY` line.
pub(super) fn read(line: &Line) -> Said {
    let text = line.text();
    if text.is_empty() {
        return Said::Nothing;
    }
    let is_text = line.param("VALUE").is_some_and(|v| v.eq_ignore_ascii_case("text"));
    let omitted = line.param(OMIT_YEAR).and_then(|y| y.parse::<i16>().ok());
    match parse(&text).filter(|_| !is_text) {
        Some(Birthday { year, month, day }) => {
            Said::Day(Birthday { year: year.filter(|&y| Some(y) != omitted), month, day })
        }
        None => Said::Otherwise,
    }
}

/// Writes a day in the form in which the line writes its day now.
pub(super) fn write(line: &mut Line, day: Birthday) {
    let extended = match line.text() {
        now if now.is_empty() => line.version != Version::V4,
        now => now.trim_start_matches('-').get(2..).is_some_and(|rest| rest.contains('-')),
    };
    let year = match (day.year, line.param(OMIT_YEAR).and_then(|y| y.parse().ok())) {
        (None, Some(placeholder)) => Some(placeholder),
        (year, _) => {
            line.remove_param(OMIT_YEAR);
            year
        }
    };
    let still_true = ["date", "date-and-or-time"];
    if line.param("VALUE").is_some_and(|v| !still_true.iter().any(|t| v.eq_ignore_ascii_case(t))) {
        line.remove_param("VALUE");
    }
    let (month, day) = (day.month, day.day);
    let text = match (year, extended) {
        (Some(year), true) => format!("{year:04}-{month:02}-{day:02}"),
        (Some(year), false) => format!("{year:04}{month:02}{day:02}"),
        (None, _) => format!("--{month:02}{day:02}"),
    };
    line.rewrite(&[Piece::New(&text)]);
}

/// `1980-02-29`, `19800229`, `--0229`, `--02-29`, each perhaps with a time. Year 0 is none.
fn parse(text: &str) -> Option<Birthday> {
    let date = text.split(['T', 't', ' ']).next()?;
    let (year, rest) = if let Some(rest) = date.strip_prefix("--") {
        (None, rest)
    } else {
        let (year, rest) = date.split_at_checked(4)?;
        (Some(number(year)?), rest.strip_prefix('-').unwrap_or(rest))
    };
    let (month, day) = rest.split_once('-').or_else(|| rest.split_at_checked(2))?;
    let (month, day) = (u8::try_from(number(month)?).ok()?, u8::try_from(number(day)?).ok()?);
    Birthday::new(year.filter(|&y| y != 0), month, day)
}

fn number(text: &str) -> Option<i16> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::parse(format!("{text}\n").into_bytes())
    }

    #[test]
    fn days_are_read_in_every_form() {
        let full = Birthday::new(Some(1980), 2, 29);
        for form in ["1980-02-29", "19800229", "1980-02-29T00:00:00Z", "19800229T120000", "1980-0229"] {
            assert_eq!(parse(form), full, "{form}");
        }
        for form in ["--0229", "--02-29", "0000-02-29"] {
            assert_eq!(parse(form), Birthday::new(None, 2, 29), "{form}");
        }
        for form in ["1980", "1980-02", "---29", "spring", "1980-02-30", "19800229x", "+980-2-2"] {
            assert_eq!(parse(form), None, "{form}");
        }
    }

    #[test]
    fn a_placeholder_year_is_no_year_and_stays() {
        let mut apple = line("BDAY;X-APPLE-OMIT-YEAR=1604;VALUE=date:1604-04-12");
        assert_eq!(Some(read(&apple)), Birthday::new(None, 4, 12).map(Said::Day));
        write(&mut apple, Birthday { year: None, month: 5, day: 1 });
        assert_eq!(apple.raw(), b"BDAY;X-APPLE-OMIT-YEAR=1604;VALUE=date:1604-05-01\n");
        write(&mut apple, Birthday { year: Some(1990), month: 5, day: 1 });
        assert_eq!(apple.raw(), b"BDAY;VALUE=date:1990-05-01\n");
        assert_eq!(read(&line("BDAY;VALUE=text:circa 1800")), Said::Otherwise);
    }

    #[test]
    fn the_form_of_a_day_stays() {
        let mut basic = line("BDAY:19800229");
        write(&mut basic, Birthday { year: Some(1981), month: 3, day: 1 });
        assert_eq!(basic.raw(), b"BDAY:19810301\n");
    }
}

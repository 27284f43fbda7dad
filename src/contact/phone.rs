//! The normal form of phone numbers.
//!
//! E.164 where the number itself says its country (`+33 1 …`) or an account names the country in which it is read; else
//! the bare digits. Extensions are kept: two people of one switchboard are not the same number. Numbers are only
//! compared in this form, never written in it.

use std::str::FromStr as _;

use crate::account::Country;

/// The normal form of a number: `+33199000000`, `+33199000000;ext=12`, else its digits; a text without digits is
/// itself in lower case.
pub fn key(value: &str, country: Option<Country>) -> String {
    let lower = value.trim().to_lowercase();
    let (number, extension) = split_extension(lower.strip_prefix("tel:").unwrap_or(&lower));
    let main = if number.starts_with('+') {
        format!("+{}", digits(&number.replace("(0)", "")))
    } else {
        country.and_then(|country| national(number, country)).unwrap_or_else(|| digits(number))
    };
    if !main.bytes().any(|b| b.is_ascii_digit()) {
        return lower;
    }
    match extension {
        Some(extension) => format!("{main};ext={extension}"),
        None => main,
    }
}

/// Digits that stay the same whether or not a number's country is known: the last seven of [`key`], without the
/// extension. Numbers with different tails are different; equal tails are to be looked at with [`key`]. `None` for
/// shorter numbers.
pub fn tail(value: &str) -> Option<u64> {
    let lower = value.trim().to_lowercase();
    let (number, _) = split_extension(&lower);
    let digits = digits(number);
    (digits.len() >= 7).then(|| digits[digits.len() - 7..].parse().ok())?
}

/// Whether phone numbers of that country are known. Answered by name: the library's tables, which every command that
/// checks a configuration would else load, are not touched.
pub fn is_known(country: Country) -> bool {
    phonenumber::country::Id::from_str(country.as_str()).is_ok()
}

/// Reads a number as dialled inside `country`. The library's tables take about 100 ms to load, once.
fn national(number: &str, country: Country) -> Option<String> {
    let id = phonenumber::country::Id::from_str(country.as_str()).ok()?;
    let number = phonenumber::parse(Some(id), number).ok()?;
    Some(number.format().mode(phonenumber::Mode::E164).to_string())
}

fn digits(text: &str) -> String {
    text.chars().filter_map(|c| c.to_digit(10)).filter_map(|d| char::from_digit(d, 10)).collect()
}

/// Splits `;ext=12`, `ext. 12`, `x12`, `#12` from a number in lower case.
fn split_extension(number: &str) -> (&str, Option<String>) {
    let Some(at) = [";ext=", "ext", "x", "#", ";"].iter().filter_map(|mark| number.find(mark)).min() else {
        return (number, None);
    };
    let extension = digits(&number[at..]);
    let main = &number[..at];
    if main.chars().any(|c| c.is_ascii_digit()) {
        (main, Some(extension).filter(|e| !e.is_empty()))
    } else {
        (number, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn france() -> Option<Country> {
        Country::new("FR")
    }

    #[test]
    fn a_number_that_names_its_country_is_e164() {
        for same in ["+33 1 99 00 12 34", "+33 (0)1 99.00.12.34", "tel:+33-1-99-00-12-34", "+33199001234"] {
            assert_eq!(key(same, None), "+33199001234", "{same}");
        }
    }

    #[test]
    fn a_national_number_needs_the_accounts_country() {
        assert_eq!(key("01 99 00 12 34", None), "0199001234");
        assert_eq!(key("01 99 00 12 34", france()), "+33199001234");
        assert_eq!(tail("01 99 00 12 34"), tail("+33199001234"));
    }

    #[test]
    fn extensions_are_kept() {
        assert_eq!(key("+1 555 010 0199 ext. 12", None), "+15550100199;ext=12");
        assert_eq!(key("tel:+1-555-010-0199;ext=12", None), "+15550100199;ext=12");
        assert_ne!(key("+1 555 010 0199", None), key("+1 555 010 0199 x12", None));
    }

    #[test]
    fn text_without_digits_is_itself() {
        assert_eq!(key(" Ask Bob ", None), "ask bob");
        assert_eq!(tail("112"), None);
    }

    #[test]
    fn countries_are_known_by_their_numbers() {
        assert!(is_known(france().expect("two letters")));
        assert!(!is_known(Country::new("ZZ").expect("two letters")));
        let letters = || b'A'..=b'Z';
        for code in letters().flat_map(|a| letters().map(move |b| String::from_utf8_lossy(&[a, b]).into_owned())) {
            let in_tables = phonenumber::metadata::DATABASE.by_id(&code).is_some();
            assert_eq!(is_known(Country::new(&code).expect("two letters")), in_tables, "{code}");
        }
    }
}

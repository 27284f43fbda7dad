//! The parameters of a content line, as written and as meant.

/// One parameter.
#[derive(Debug, Clone)]
pub(super) struct Param {
    /// As it stands in the line, without the `;` before it.
    pub(super) raw: String,
    /// In upper case; a bare value of 2.1 (`TEL;WORK`) has the name that it means.
    pub(super) name: String,
    /// Unquoted.
    pub(super) values: Vec<String>,
}

impl Param {
    /// Reads one parameter.
    pub(super) fn parse(raw: &str) -> Self {
        let (name, values) = match raw.split_once('=') {
            Some((name, values)) => (name.trim().to_ascii_uppercase(), values),
            None => (bare_name(raw).to_owned(), raw),
        };
        let values = split_unquoted(values, ',').into_iter().map(unquoted).collect();
        Self { raw: raw.to_owned(), name, values }
    }

    /// A parameter to be written.
    pub(super) fn new(name: &str, value: &str) -> Self {
        Self::parse(&format!("{name}={}", quoted(value)))
    }
}

/// What a value without a name means.
fn bare_name(value: &str) -> &'static str {
    match value.trim().to_ascii_uppercase().as_str() {
        "QUOTED-PRINTABLE" | "BASE64" | "B" | "8BIT" | "7BIT" => "ENCODING",
        "INLINE" | "URL" | "URI" | "CONTENT-ID" | "CID" => "VALUE",
        _ => "TYPE",
    }
}

/// Splits at `separator` outside quotation marks.
pub(super) fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .collect()
}

/// Without quotation marks and the caret escapes of RFC 6868.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = value.strip_prefix('"').map_or(value, |v| v.strip_suffix('"').unwrap_or(v));
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        let meant = match (c, chars.peek()) {
            ('^', Some('n')) => Some('\n'),
            ('^', Some('\'')) => Some('"'),
            ('^', Some('^')) => Some('^'),
            _ => None,
        };
        if meant.is_some() {
            chars.next();
        }
        plain.push(meant.unwrap_or(c));
    }
    plain
}

/// Ready to be written: caret escapes, and quotation marks where it needs them.
fn quoted(value: &str) -> String {
    let value = value.replace('^', "^^").replace('"', "^'").replace('\n', "^n");
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    let plain = |c: char| c.is_alphanumeric() || "-_./+^'".contains(c);
    if !value.is_empty() && value.chars().all(plain) { value } else { format!("\"{value}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_values_mean_what_2_1_says() {
        assert_eq!(Param::parse("WORK").name, "TYPE");
        assert_eq!(Param::parse("quoted-printable").name, "ENCODING");
    }

    #[test]
    fn quotes_and_carets_go_both_ways() {
        let param = Param::parse(r#"label="1, rue: A^nB ^'C^' ^^",x"#);
        assert_eq!((param.name.as_str(), param.values.len()), ("LABEL", 2));
        assert_eq!(param.values[0], "1, rue: A\nB \"C\" ^");
        assert_eq!(Param::new("LABEL", &param.values[0]).values[0], param.values[0]);
    }
}

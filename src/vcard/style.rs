//! How a card likes to write its `TYPE`s, so that new lines look like their siblings.

use super::Version;
use super::line::Line;
use super::param::Param;

/// The habits of one program.
#[derive(Debug, Clone)]
pub(super) struct Style {
    /// `type` or `TYPE`.
    name: String,
    /// `type=home` or `TYPE=HOME`.
    lower: bool,
    /// `type=WORK;type=pref`, or `TYPE=WORK,pref`.
    repeated: bool,
    /// What the siblings say without meaning anything: `INTERNET`, `VOICE`.
    noise: Vec<String>,
}

/// The `TYPE` that stands for a label, and the label for a line of its own where no `TYPE` says it (never in 2.1, which
/// has no such lines).
pub(super) fn kind<'a>(name: &str, label: Option<&'a str>, version: Version) -> (&'static str, Option<&'a str>) {
    let Some(label) = label.map(str::trim).filter(|l| !l.is_empty()) else { return ("", None) };
    match (label.to_lowercase().as_str(), name) {
        ("work", _) => ("WORK", None),
        ("home", _) => ("HOME", None),
        ("mobile" | "cell", "TEL") => ("CELL", None),
        ("fax", "TEL") => ("FAX", None),
        ("pager", "TEL") => ("PAGER", None),
        ("other", _) => ("", None),
        _ => ("", Some(label).filter(|_| version != Version::V21)),
    }
}

impl Style {
    /// The style of a card's lines: of `property` where there are some with a `TYPE`, else of any.
    pub(super) fn of(lines: &[Line], property: &str, version: Version) -> Self {
        let typed = |line: &&Line| line.params.iter().any(|p| p.name == "TYPE");
        let sibling = lines.iter().rfind(|line| line.name == property && typed(line));
        let default = || Self {
            name: "TYPE".to_owned(),
            lower: version == Version::V4,
            repeated: false,
            noise: if property == "EMAIL" && version != Version::V4 { vec!["INTERNET".to_owned()] } else { Vec::new() },
        };
        sibling.or_else(|| lines.iter().rfind(typed)).map_or_else(default, |line| Self {
            noise: sibling.map_or_else(|| default().noise, noise),
            repeated: lines.iter().any(|line| line.params.iter().filter(|p| p.name == "TYPE").count() > 1),
            ..Self::of_line(line)
        })
    }

    fn of_line(line: &Line) -> Self {
        let types: Vec<&Param> = line.params.iter().filter(|p| p.name == "TYPE").collect();
        let name = types.iter().find_map(|p| p.raw.split_once('=')).map_or("TYPE", |(name, _)| name.trim());
        let mut values = types.iter().flat_map(|p| &p.values).filter(|v| !v.eq_ignore_ascii_case("pref"));
        Self {
            name: name.to_owned(),
            lower: values.next().is_some_and(|v| v.chars().all(|c| !c.is_uppercase())),
            repeated: false,
            noise: Vec::new(),
        }
    }

    /// The parameters that say `kind` (may be empty) and that the line is the preferred one.
    pub(super) fn params(&self, kind: &str, preferred: bool, version: Version) -> Vec<Param> {
        let mut types: Vec<String> = self.noise.clone();
        if !kind.is_empty() {
            types.push(if self.lower { kind.to_lowercase() } else { kind.to_owned() });
        }
        if preferred && version != Version::V4 {
            types.push(if version == Version::V21 { "PREF" } else { "pref" }.to_owned());
        }
        let mut params: Vec<Param> = match version {
            Version::V21 => types.iter().map(|t| Param::parse(t)).collect(),
            _ if self.repeated => types.iter().map(|t| Param::parse(&format!("{}={t}", self.name))).collect(),
            _ if types.is_empty() => Vec::new(),
            _ => vec![Param::parse(&format!("{}={}", self.name, types.join(",")))],
        };
        if preferred && version == Version::V4 {
            params.push(Param::new("PREF", "1"));
        }
        params
    }
}

fn noise(line: &Line) -> Vec<String> {
    let values = line.params.iter().filter(|p| p.name == "TYPE").flat_map(|p| &p.values).flat_map(|v| v.split(','));
    let meaningless = |v: &str| ["INTERNET", "VOICE"].iter().any(|n| n.eq_ignore_ascii_case(v));
    values.filter(|v| meaningless(v)).map(str::to_owned).collect()
}

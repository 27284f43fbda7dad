//! Field masks: which fields of a person or a group a call reads or writes.

use super::refusal::Refusal;

/// What may be read (the documented list; `fileAses` is not on it).
const READABLE: &[&str] = &[
    "addresses",
    "ageRanges",
    "biographies",
    "birthdays",
    "calendarUrls",
    "clientData",
    "coverPhotos",
    "emailAddresses",
    "events",
    "externalIds",
    "genders",
    "imClients",
    "interests",
    "locales",
    "locations",
    "memberships",
    "metadata",
    "miscKeywords",
    "names",
    "nicknames",
    "occupations",
    "organizations",
    "phoneNumbers",
    "photos",
    "relations",
    "sipAddresses",
    "skills",
    "urls",
    "userDefined",
];
const NOT_WRITABLE: &[&str] = &["ageRanges", "coverPhotos", "metadata", "photos", "skills"];
const GROUP: &[&str] = &["clientData", "groupType", "memberCount", "metadata", "name"];

/// Some fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mask(Vec<String>);

impl Mask {
    /// Every field that can be read.
    pub(super) fn all() -> Self {
        Self(READABLE.iter().map(|&name| name.to_owned()).collect())
    }

    /// A mask for reading persons, which stands in the parameter `name`.
    pub(super) fn read(name: &str, text: Option<&str>) -> Result<Self, Refusal> {
        Self::parse(name, text, |path| READABLE.contains(&path))
    }

    /// A mask for writing persons.
    pub(super) fn write(name: &str, text: Option<&str>) -> Result<Self, Refusal> {
        Self::parse(name, text, |path| READABLE.contains(&path) && !NOT_WRITABLE.contains(&path))
    }

    /// A mask for groups; `default` where none is given.
    pub(super) fn group(name: &str, text: Option<&str>, default: &str) -> Result<Self, Refusal> {
        Self::parse(name, text.filter(|text| !text.is_empty()).or(Some(default)), |path| GROUP.contains(&path))
    }

    fn parse(name: &str, text: Option<&str>, known: impl Fn(&str) -> bool) -> Result<Self, Refusal> {
        const PATHS: &str =
            "Valid paths are documented at https://developers.google.com/people/api/rest/v1/people/get.";
        let paths: Vec<String> = text
            .unwrap_or_default()
            .split(',')
            .map(|path| path.trim().to_owned())
            .filter(|path| !path.is_empty())
            .collect();
        if paths.is_empty() {
            let message = format!("{name} mask is required. Please specify one or more valid paths. {PATHS}");
            return Err(Refusal::invalid(message));
        }
        match paths.iter().find(|path| !known(path)) {
            Some(path) => Err(Refusal::invalid(format!("Invalid {name} mask path: \"{path}\". {PATHS}"))),
            None => Ok(Self(paths)),
        }
    }

    /// Whether `field` is in it.
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.iter().any(|path| path == field)
    }

    /// Its fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Its fields in one line, whose order does not depend on the caller's.
    pub(super) fn line(&self) -> String {
        let mut paths = self.0.clone();
        paths.sort_unstable();
        paths.dedup();
        paths.join(",")
    }
}

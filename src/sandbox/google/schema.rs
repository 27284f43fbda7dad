//! The fields of a person, as the vendor's description lists them: names, types, and which hold one value only.

use Kind::{Choice, Date, Flag, Output, Text, Whole};

/// The type of one key of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// A boolean.
    Flag,
    /// An integer.
    Whole,
    /// `{year, month, day}`.
    Date,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Made by the service; what a caller sends is overlooked.
    Output,
}

/// A repeated field.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name in JSON.
    pub(super) name: &'static str,
    /// The name of its message.
    pub(super) message: &'static str,
    /// A contact has at most one value.
    pub(super) singleton: bool,
    /// The keys of a value, without `metadata`.
    pub(super) keys: &'static [(&'static str, Kind)],
}

const CONTENT: &[&str] = &["CONTENT_TYPE_UNSPECIFIED", "TEXT_PLAIN", "TEXT_HTML"];
const NICKNAME: &[&str] =
    &["DEFAULT", "MAIDEN_NAME", "INITIALS", "GPLUS", "OTHER_NAME", "ALTERNATE_NAME", "SHORT_NAME"];
const KEYWORD: &[&str] = &[
    "TYPE_UNSPECIFIED",
    "OUTLOOK_BILLING_INFORMATION",
    "OUTLOOK_DIRECTORY_SERVER",
    "OUTLOOK_KEYWORD",
    "OUTLOOK_MILEAGE",
    "OUTLOOK_PRIORITY",
    "OUTLOOK_SENSITIVITY",
    "OUTLOOK_SUBJECT",
    "OUTLOOK_USER",
    "HOME",
    "WORK",
    "OTHER",
];

/// All fields but `memberships` and `metadata`, which are read by rules of their own.
pub(super) const FIELDS: &[Field] = &[
    Field {
        name: "addresses",
        message: "Address",
        singleton: false,
        keys: &[
            ("city", Text),
            ("country", Text),
            ("countryCode", Text),
            ("extendedAddress", Text),
            ("formattedType", Output),
            ("formattedValue", Text),
            ("poBox", Text),
            ("postalCode", Text),
            ("region", Text),
            ("streetAddress", Text),
            ("type", Text),
        ],
    },
    Field { name: "ageRanges", message: "AgeRangeType", singleton: false, keys: &[("ageRange", Output)] },
    Field {
        name: "biographies",
        message: "Biography",
        singleton: true,
        keys: &[("contentType", Choice(CONTENT)), ("value", Text)],
    },
    Field { name: "birthdays", message: "Birthday", singleton: true, keys: &[("date", Date), ("text", Text)] },
    Field {
        name: "calendarUrls",
        message: "CalendarUrl",
        singleton: false,
        keys: &[("formattedType", Output), ("type", Text), ("url", Text)],
    },
    Field { name: "clientData", message: "ClientData", singleton: false, keys: &[("key", Text), ("value", Text)] },
    Field {
        name: "coverPhotos",
        message: "CoverPhoto",
        singleton: false,
        keys: &[("default", Output), ("url", Output)],
    },
    Field {
        name: "emailAddresses",
        message: "EmailAddress",
        singleton: false,
        keys: &[("displayName", Text), ("formattedType", Output), ("type", Text), ("value", Text)],
    },
    Field {
        name: "events",
        message: "Event",
        singleton: false,
        keys: &[("date", Date), ("formattedType", Output), ("type", Text)],
    },
    Field {
        name: "externalIds",
        message: "ExternalId",
        singleton: false,
        keys: &[("formattedType", Output), ("type", Text), ("value", Text)],
    },
    Field { name: "fileAses", message: "FileAs", singleton: false, keys: &[("value", Text)] },
    Field {
        name: "genders",
        message: "Gender",
        singleton: true,
        keys: &[("addressMeAs", Text), ("formattedValue", Output), ("value", Text)],
    },
    Field {
        name: "imClients",
        message: "ImClient",
        singleton: false,
        keys: &[
            ("formattedProtocol", Output),
            ("formattedType", Output),
            ("protocol", Text),
            ("type", Text),
            ("username", Text),
        ],
    },
    Field { name: "interests", message: "Interest", singleton: false, keys: &[("value", Text)] },
    Field { name: "locales", message: "Locale", singleton: false, keys: &[("value", Text)] },
    Field {
        name: "locations",
        message: "Location",
        singleton: false,
        keys: &[
            ("buildingId", Text),
            ("current", Flag),
            ("deskCode", Text),
            ("floor", Text),
            ("floorSection", Text),
            ("type", Text),
            ("value", Text),
        ],
    },
    Field {
        name: "miscKeywords",
        message: "MiscKeyword",
        singleton: false,
        keys: &[("formattedType", Output), ("type", Choice(KEYWORD)), ("value", Text)],
    },
    Field {
        name: "names",
        message: "Name",
        singleton: true,
        keys: &[
            ("displayName", Output),
            ("displayNameLastFirst", Output),
            ("familyName", Text),
            ("givenName", Text),
            ("honorificPrefix", Text),
            ("honorificSuffix", Text),
            ("middleName", Text),
            ("phoneticFamilyName", Text),
            ("phoneticFullName", Text),
            ("phoneticGivenName", Text),
            ("phoneticHonorificPrefix", Text),
            ("phoneticHonorificSuffix", Text),
            ("phoneticMiddleName", Text),
            ("unstructuredName", Text),
        ],
    },
    Field {
        name: "nicknames",
        message: "Nickname",
        singleton: false,
        keys: &[("type", Choice(NICKNAME)), ("value", Text)],
    },
    Field { name: "occupations", message: "Occupation", singleton: false, keys: &[("value", Text)] },
    Field {
        name: "organizations",
        message: "Organization",
        singleton: false,
        keys: &[
            ("costCenter", Text),
            ("current", Flag),
            ("department", Text),
            ("domain", Text),
            ("endDate", Date),
            ("formattedType", Output),
            ("fullTimeEquivalentMillipercent", Whole),
            ("jobDescription", Text),
            ("location", Text),
            ("name", Text),
            ("phoneticName", Text),
            ("startDate", Date),
            ("symbol", Text),
            ("title", Text),
            ("type", Text),
        ],
    },
    Field {
        name: "phoneNumbers",
        message: "PhoneNumber",
        singleton: false,
        keys: &[("canonicalForm", Output), ("formattedType", Output), ("type", Text), ("value", Text)],
    },
    Field { name: "photos", message: "Photo", singleton: false, keys: &[("default", Output), ("url", Output)] },
    Field {
        name: "relations",
        message: "Relation",
        singleton: false,
        keys: &[("formattedType", Output), ("person", Text), ("type", Text)],
    },
    Field {
        name: "sipAddresses",
        message: "SipAddress",
        singleton: false,
        keys: &[("formattedType", Output), ("type", Text), ("value", Text)],
    },
    Field { name: "skills", message: "Skill", singleton: false, keys: &[("value", Output)] },
    Field {
        name: "urls",
        message: "Url",
        singleton: false,
        keys: &[("formattedType", Output), ("type", Text), ("value", Text)],
    },
    Field { name: "userDefined", message: "UserDefined", singleton: false, keys: &[("key", Text), ("value", Text)] },
];

/// Keys of a person beside its fields, and fields of which no data is returned.
pub(super) const OTHER_KEYS: &[&str] = &[
    "ageRange",
    "braggingRights",
    "etag",
    "memberships",
    "metadata",
    "relationshipInterests",
    "relationshipStatuses",
    "residences",
    "resourceName",
    "taglines",
];

/// The field of this name.
pub(super) fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

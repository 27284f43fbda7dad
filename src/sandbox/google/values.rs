//! What the service itself adds to a value: display names, formatted types and addresses, the canonical form of a
//! phone number. Made once, when the value is written.

use serde_json::{Map, Value, json};

/// `value` of the field `field`, completed.
pub(super) fn complete(field: &str, mut value: Map<String, Value>) -> Map<String, Value> {
    match field {
        "names" => name(&mut value),
        "addresses" => address(&mut value),
        "phoneNumbers" => phone(&mut value),
        "genders" => formatted(&mut value, "value", "formattedValue"),
        "imClients" => formatted(&mut value, "protocol", "formattedProtocol"),
        _ => {}
    }
    if !matches!(field, "nicknames" | "locations" | "names") {
        formatted(&mut value, "type", "formattedType");
    }
    value
}

fn part(value: &Map<String, Value>, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What stands under `key`, in words for people, under `into`. A custom label stays as it is.
fn formatted(value: &mut Map<String, Value>, key: &str, into: &str) {
    let Some(kind) = part(value, key) else { return };
    let words = match kind.as_str() {
        "homeFax" => "Home Fax",
        "workFax" => "Work Fax",
        "otherFax" => "Other Fax",
        "workMobile" => "Work Mobile",
        "workPager" => "Work Pager",
        "googleVoice" => "Google Voice",
        "googleTalk" => "Google Talk",
        "netMeeting" => "NetMeeting",
        "homePage" => "Home Page",
        "domesticPartner" => "Domestic Partner",
        "referredBy" => "Referred By",
        "aim" => "AIM",
        "msn" => "MSN",
        "icq" => "ICQ",
        "qq" => "QQ",
        "home" | "work" | "other" | "mobile" | "main" | "pager" | "yahoo" | "skype" | "jabber" | "blog" | "profile"
        | "school" | "spouse" | "child" | "mother" | "father" | "parent" | "brother" | "sister" | "friend"
        | "relative" | "manager" | "assistant" | "partner" | "anniversary" | "male" | "female" | "unspecified"
        | "account" | "customer" => {
            let (first, rest) = kind.split_at(1);
            value.insert(into.to_owned(), json!(format!("{}{rest}", first.to_uppercase())));
            return;
        }
        custom => custom,
    };
    let words = json!(words);
    value.insert(into.to_owned(), words);
}

/// The parts make the display name; a name sent in one piece is taken apart at its last space.
fn name(value: &mut Map<String, Value>) {
    const PARTS: [&str; 5] = ["honorificPrefix", "givenName", "middleName", "familyName", "honorificSuffix"];
    if PARTS.iter().all(|key| part(value, key).is_none()) {
        let Some(whole) = part(value, "unstructuredName") else { return };
        let (given, family) =
            whole.rsplit_once(' ').map_or((whole.as_str(), None), |(given, family)| (given, Some(family)));
        value.insert("givenName".to_owned(), json!(given.trim()));
        if let Some(family) = family {
            value.insert("familyName".to_owned(), json!(family));
        }
    }
    let join = |keys: &[&str]| keys.iter().filter_map(|key| part(value, key)).collect::<Vec<_>>().join(" ");
    let suffix = part(value, "honorificSuffix").map(|suffix| format!(", {suffix}")).unwrap_or_default();
    let display = format!("{}{suffix}", join(&PARTS[..4]));
    let first = join(&PARTS[..3]);
    let last_first = match part(value, "familyName") {
        Some(family) if first.is_empty() => format!("{family}{suffix}"),
        Some(family) => format!("{family}, {first}{suffix}"),
        None => display.clone(),
    };
    let display = display.trim_start_matches(", ").to_owned();
    value.insert("unstructuredName".to_owned(), json!(display));
    value.insert("displayName".to_owned(), json!(display));
    value.insert("displayNameLastFirst".to_owned(), json!(last_first));
}

/// The formatted value is built only where none was sent.
fn address(value: &mut Map<String, Value>) {
    if part(value, "formattedValue").is_some() {
        return;
    }
    let region = [part(value, "region"), part(value, "postalCode")];
    let region = region.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let city = [part(value, "city"), Some(region).filter(|it| !it.is_empty())];
    let city = city.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let lines = [
        part(value, "streetAddress"),
        part(value, "extendedAddress"),
        part(value, "poBox"),
        Some(city).filter(|it| !it.is_empty()),
        part(value, "country").or_else(|| part(value, "countryCode")),
    ];
    let lines = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    if !lines.is_empty() {
        value.insert("formattedValue".to_owned(), json!(lines));
    }
}

/// Only a number that says its country itself has a canonical form here.
fn phone(value: &mut Map<String, Value>) {
    let number = part(value, "value").filter(|number| number.starts_with('+'));
    let number = number.and_then(|number| phonenumber::parse(None, number).ok());
    if let Some(number) = number.filter(phonenumber::PhoneNumber::is_valid) {
        let canonical = number.format().mode(phonenumber::Mode::E164).to_string();
        value.insert("canonicalForm".to_owned(), json!(canonical));
    }
}

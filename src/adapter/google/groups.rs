//! Labels and system groups: found by the name that people see, then known by their resource name.
//!
//! They are listed when a full walk begins, when somebody asks, and when a contact outside the group changes: never on an
//! idle pass. Which contact is in the group, the contact itself says.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::api::{self, Api};
use super::person::Person;
use crate::account::Group;
use crate::adapter::{Error, Kind};

/// The group of every contact that its user keeps.
pub(super) const MY_CONTACTS: &str = "contactGroups/myContacts";
/// System groups that still take members; the others are deprecated.
const SYSTEM: [&str; 2] = [MY_CONTACTS, "contactGroups/starred"];
const PAGE: &str = "1000";
/// How many groups an error names.
const NAMED: usize = 20;

/// What the synced group is to Google.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Every contact.
    Whole,
    /// The members of the group with this resource name.
    Members(String),
}

impl Scope {
    pub(super) fn holds(&self, person: &Person) -> bool {
        match self {
            Self::Whole => true,
            Self::Members(group) => person.is_in(group),
        }
    }

    /// The groups of a new contact.
    pub(super) fn of_new(&self) -> Vec<&str> {
        match self {
            Self::Members(group) if group != MY_CONTACTS => vec![MY_CONTACTS, group],
            _ => vec![MY_CONTACTS],
        }
    }
}

/// An account's group.
#[derive(Debug)]
pub(super) struct Groups {
    group: Group,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    resource_name: Option<String>,
}

/// A group as it is listed.
struct Listed {
    resource_name: String,
    /// What people see.
    shown: String,
    /// What the API calls it.
    name: String,
}

impl Groups {
    pub(super) fn new(group: Group) -> Self {
        Self { group, known: Mutex::default() }
    }

    /// The group, found by its name the first time.
    pub(super) async fn scope(&self, api: &Api, cancel: &CancellationToken) -> Result<Scope, Error> {
        let known = self.known().resource_name.clone();
        match (&self.group, known) {
            (Group::Whole, _) => Ok(Scope::Whole),
            (_, Some(resource_name)) => Ok(Scope::Members(resource_name)),
            _ => self.look(api, cancel).await,
        }
    }

    /// Finds the group by its name, anew.
    pub(super) async fn look(&self, api: &Api, cancel: &CancellationToken) -> Result<Scope, Error> {
        let Group::Named(wanted) = &self.group else { return Ok(Scope::Whole) };
        let groups = list(api, cancel).await?;
        let by = |name: fn(&Listed) -> &String| groups.iter().find(|group| name(group) == wanted);
        let found = by(|group| &group.shown).or_else(|| by(|group| &group.name));
        let mut known = self.known();
        if let Some(found) = found {
            known.resource_name = Some(found.resource_name.clone());
            return Ok(Scope::Members(found.resource_name.clone()));
        }
        // The name that it had stays known, so that its new one can be told again.
        let renamed = groups.iter().find(|group| Some(&group.resource_name) == known.resource_name.as_ref());
        Err(missing(wanted, renamed, &groups))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names that may be written in `group`.
pub(super) async fn names(api: &Api, cancel: &CancellationToken) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = list(api, cancel).await?.into_iter().map(|group| group.shown).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn missing(wanted: &str, renamed: Option<&Listed>, groups: &[Listed]) -> Error {
    let quoted = |group: &Listed| format!("\"{}\"", group.shown);
    let advice = match renamed {
        Some(renamed) => format!("it is now called {}: write that in `group`", quoted(renamed)),
        None => "write one of those in `group`, or make the label in Google Contacts".to_owned(),
    };
    let more = if groups.len() > NAMED { " and more (`carnetd groups` lists them)" } else { "" };
    let names = groups.iter().take(NAMED).map(quoted).collect::<Vec<_>>().join(", ");
    let text = format!("the group \"{wanted}\" is not among this account's, which are {names}{more}; {advice}");
    Error::new(Kind::Group, text)
}

async fn list(api: &Api, cancel: &CancellationToken) -> Result<Vec<Listed>, Error> {
    let mut groups = Vec::new();
    let mut page: Option<String> = None;
    loop {
        let mut request = api.to(&api::GROUPS).query(&[("pageSize", PAGE), ("groupFields", "groupType,metadata,name")]);
        if let Some(page) = &page {
            request = request.query(&[("pageToken", page)]);
        }
        let answer = api.send(request, &api::GROUPS, cancel).await?;
        let listed = answer.get("contactGroups").and_then(Value::as_array);
        groups.extend(listed.into_iter().flatten().filter_map(read));
        let next = answer.get("nextPageToken").and_then(Value::as_str).filter(|next| !next.is_empty());
        match next {
            None => return Ok(groups),
            Some(next) if page.as_deref() == Some(next) => {
                return Err(api::malformed(&api::GROUPS, "a page of the groups leads to itself"));
            }
            Some(next) => page = Some(next.to_owned()),
        }
    }
}

fn read(group: &Value) -> Option<Listed> {
    let text = |key: &str| group.get(key).and_then(Value::as_str).map(str::to_owned);
    let resource_name = text("resourceName").filter(|name| super::known::is_name(name, "contactGroups/"))?;
    let is_user = text("groupType").as_deref() == Some("USER_CONTACT_GROUP");
    let deleted = group.pointer("/metadata/deleted").and_then(Value::as_bool).unwrap_or(false);
    if deleted || !(is_user || SYSTEM.contains(&resource_name.as_str())) {
        return None;
    }
    let name = text("name")?;
    let shown = if is_user { name.clone() } else { text("formattedName").unwrap_or_else(|| name.clone()) };
    Some(Listed { resource_name, shown, name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_new_contact_is_also_among_my_contacts() {
        assert_eq!(Scope::Whole.of_new(), [MY_CONTACTS]);
        assert_eq!(Scope::Members("contactGroups/1".into()).of_new(), [MY_CONTACTS, "contactGroups/1"]);
        assert_eq!(Scope::Members(MY_CONTACTS.into()).of_new(), [MY_CONTACTS]);
    }

    #[test]
    fn deprecated_and_deleted_groups_cannot_be_chosen() {
        let system = |name: &str, shown: &str| {
            json!({"resourceName": format!("contactGroups/{name}"), "groupType": "SYSTEM_CONTACT_GROUP", "name": name,
                "formattedName": shown})
        };
        let shown = |group: Value| read(&group).map(|group| group.shown);
        assert_eq!(shown(system("myContacts", "My Contacts")).as_deref(), Some("My Contacts"));
        assert_eq!(shown(system("friends", "Friends")), None);
        let user = json!({"resourceName": "contactGroups/1f", "groupType": "USER_CONTACT_GROUP", "name": "Clients",
            "formattedName": "clients"});
        assert_eq!(shown(user.clone()).as_deref(), Some("Clients"));
        let mut gone = user;
        gone["metadata"] = json!({"deleted": true});
        assert_eq!(shown(gone), None);
    }

    #[test]
    fn a_missing_group_tells_its_new_name() {
        let listed = |name: &str| Listed { resource_name: name.into(), shown: name.into(), name: name.into() };
        let (groups, renamed) = ([listed("A"), listed("B")], listed("B"));
        let error = missing("Clients", Some(&renamed), &groups);
        assert!(error.message.contains("\"Clients\"") && error.message.contains("now called \"B\""), "{error}");
        let many: Vec<Listed> = (0..30).map(|n| listed(&n.to_string())).collect();
        assert!(missing("Clients", None, &many).message.contains("and more"));
    }
}

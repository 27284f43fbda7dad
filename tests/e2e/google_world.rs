//! A world whose account is at Google: one user's contacts with a label `Clients`, reached through a service account.

use std::collections::BTreeMap;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use carnetd::http::Method;
use carnetd::status::Outcome;
use serde_json::{Value, json};

use super::world::{OWNER, ROOT, World};

/// The key of a service account that exists nowhere.
const KEY: &str = include_str!("../../src/sandbox/google/tests/service-account.pem");
/// All that a test looks at.
const FIELDS: &str = "addresses,biographies,birthdays,clientData,emailAddresses,imClients,memberships,metadata,names,\
                      nicknames,organizations,phoneNumbers,photos,relations,userDefined";
/// The service shows each write within this, and what we remember of ours is forgotten after it.
pub(crate) const LAG: Duration = Duration::from_mins(11);

/// The configuration's `[google]`, with the stand-in in Google's place.
pub(crate) fn connection() -> String {
    let roots = ["api_url", "auth_url", "token_url"].map(|key| format!("{key} = \"{ROOT}google\"\n")).concat();
    format!("[google]\nlogin = \"service-account\"\nservice_account_file = \"google.json\"\n{roots}")
}

/// An account's declaration. Its name is also the first part of its address.
pub(crate) fn google_account(name: &str, group: &str, direction: &str, extra: &str) -> String {
    format!(
        "[accounts.{name}]\nprovider = \"google\"\naddress = \"{name}@acme.example\"\nvisibility = \"company\"\n\
         group = \"{group}\"\ndirection = \"{direction}\"\n{extra}\n"
    )
}

/// Writes the key file of the service account into the world's directory.
pub(crate) fn key_file(path: &std::path::Path) {
    let key = json!({"type": "service_account", "client_email": "sync@acme.iam.gserviceaccount.com",
        "client_id": "104", "private_key_id": "k1", "private_key": KEY});
    fs::write(path, key.to_string()).expect("a key");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a secret");
}

/// A world with Alice's contacts at Google.
pub(crate) struct Google {
    world: World,
    /// The resource name of the label `Clients`.
    pub(crate) label: String,
}

impl Deref for Google {
    type Target = World;
    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Google {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Google {
    /// An account of that direction, with more keys.
    pub(crate) async fn with(direction: &str, extra: &str) -> Self {
        Self::of(&google_account("alice", "Clients", direction, extra)).await
    }

    /// The same without.
    pub(crate) async fn new(direction: &str) -> Self {
        Self::with(direction, "").await
    }

    /// A world of these accounts.
    pub(crate) async fn of(accounts: &str) -> Self {
        let world = World::of(&format!("{}{accounts}", connection())).await;
        world.hurry();
        key_file(&world.path("google.json"));
        let mut google = Self { world, label: String::new() };
        let group =
            google.user(Method::POST, "contactGroups", Some(json!({"contactGroup": {"name": "Clients"}}))).await;
        group["resourceName"].as_str().expect("a name").clone_into(&mut google.label);
        google
    }

    /// A call of the People API as Alice in another program.
    pub(crate) async fn user(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let answer = self.call_as(OWNER, method, &format!("google/v1/{path}"), body).await;
        // What comes later has a later time.
        self.later(Duration::from_secs(1));
        answer
    }

    /// What kind of service it is, or what happens in its web page.
    pub(crate) async fn google(&self, settings: Value) {
        self.faults(json!({"google": settings})).await;
    }

    /// An event that concerns one of Alice's contacts.
    pub(crate) async fn event(&self, what: &str, contact: &Value) {
        self.google(json!({what: {"user": OWNER, "contact": contact["resourceName"]}})).await;
    }

    /// Adds a contact with the label.
    pub(crate) async fn add(&self, person: Value) -> Value {
        let mut person = person;
        let groups = ["contactGroups/myContacts", &self.label];
        person["memberships"] =
            groups.iter().map(|group| json!({"contactGroupMembership": {"contactGroupResourceName": group}})).collect();
        self.user(Method::POST, &format!("people:createContact?personFields={FIELDS}"), Some(person)).await
    }

    /// All contacts, once they show.
    pub(crate) async fn contacts(&self) -> Vec<Value> {
        let list =
            format!("people/me/connections?pageSize=1000&sources=READ_SOURCE_TYPE_CONTACT&personFields={FIELDS}");
        let (mut contacts, mut path) = (Vec::new(), list.clone());
        loop {
            let answer = self.user(Method::GET, &path, None).await;
            contacts.extend(answer["connections"].as_array().cloned().unwrap_or_default());
            let Some(next) = answer["nextPageToken"].as_str() else { break };
            path = format!("{list}&pageToken={next}");
        }
        contacts.sort_by_key(|contact| shown(contact).to_owned());
        contacts
    }

    /// The one contact of that name.
    pub(crate) async fn contact(&self, name: &str) -> Value {
        let mut found: Vec<Value> = self.contacts().await.into_iter().filter(|c| shown(c) == name).collect();
        assert_eq!(found.len(), 1, "one contact called {name}: {found:#?}");
        found.remove(0)
    }

    /// Alice writes a field of a contact.
    pub(crate) async fn change(&self, contact: &Value, field: &str, values: Value) {
        let name = contact["resourceName"].as_str().expect("a name");
        let now = self.user(Method::GET, &format!("{name}?personFields=metadata"), None).await;
        let name = now["resourceName"].as_str().expect("a name");
        let path = format!("{name}:updateContact?updatePersonFields={field}");
        self.user(Method::PATCH, &path, Some(json!({"metadata": now["metadata"], field: values}))).await;
    }

    /// Alice writes a job title.
    pub(crate) async fn retitle(&self, contact: &Value, title: &str) {
        self.change(contact, "organizations", json!([{"title": title}])).await;
    }

    /// Alice deletes a contact.
    pub(crate) async fn remove(&self, contact: &Value) {
        let name = contact["resourceName"].as_str().expect("a name");
        self.user(Method::DELETE, &format!("{name}:deleteContact"), None).await;
    }

    /// Alice puts a contact into the label, or takes it out.
    pub(crate) async fn mark(&self, contact: &Value, inside: bool) {
        let key = if inside { "resourceNamesToAdd" } else { "resourceNamesToRemove" };
        let path = format!("{}/members:modify", self.label);
        self.user(Method::POST, &path, Some(json!({key: [contact["resourceName"]]}))).await;
    }

    /// Whether a contact has the label.
    pub(crate) fn is_marked(&self, contact: &Value) -> bool {
        let memberships = contact["memberships"].as_array().into_iter().flatten();
        memberships.into_iter().any(|m| m["contactGroupMembership"]["contactGroupResourceName"] == *self.label)
    }

    /// The calls of Google's services since the last time, by route.
    pub(crate) async fn calls(&self) -> BTreeMap<String, u64> {
        let calls = self.get("_calls").await;
        self.call_as(OWNER, Method::DELETE, "_calls", None).await;
        let routes = calls["routes"].as_object().expect("routes");
        let google = routes.iter().filter(|(route, _)| route.contains("/google/"));
        google
            .map(|(route, count)| (route.replace("/google/", ""), count["calls"].as_u64().expect("a number")))
            .collect()
    }

    /// Passes until one finds nothing to do; time enough for what was written to show lies between them.
    pub(crate) async fn settle(&mut self) {
        let mut last = None;
        for _ in 0..12 {
            let synced = self.sync().await;
            self.later(LAG);
            if synced.outcome == Outcome::Ok && synced.added + synced.updated + synced.deleted + synced.failed == 0 {
                return;
            }
            last = Some(synced);
        }
        panic!("it does not settle: {last:#?}, {:#?}", self.held().await);
    }
}

/// A contact's name as Google shows it.
pub(crate) fn shown(contact: &Value) -> &str {
    contact.pointer("/names/0/displayName").and_then(Value::as_str).unwrap_or_default()
}

/// A contact's job title.
pub(crate) fn title(contact: &Value) -> &str {
    contact.pointer("/organizations/0/title").and_then(Value::as_str).unwrap_or_default()
}

/// Somebody with a name of two words and an address.
pub(crate) fn somebody(name: &str) -> Value {
    let (given, family) = name.split_once(' ').expect("two words");
    let email = format!("{}@home.example", name.replace(' ', ".").to_lowercase());
    json!({"names": [{"givenName": given, "familyName": family}], "emailAddresses": [{"value": email, "type": "work"}]})
}

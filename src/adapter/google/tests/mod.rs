//! The adapter against the stand-in on a loopback listener, whose time never makes anybody wait.

mod batches;
mod doubt;
mod events;
mod suite;
mod trouble;
mod walks;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::person::{MASK, resource_of};
use super::{Google, Settings, said};
use crate::account::Group;
use crate::adapter::{Book, Entry, Error, Found, Page, Seen, Wanted, Written};
use crate::auth::token::{LoginError, LoginErrorKind, TokenSource};
use crate::clock::{Clock, Moment, SharedClock, Sleep};
use crate::contact::{Change, Contact, ContactId, Cursor, Element, Field, FieldChange, Name};
use crate::http::{self, Client, Method, Request, Unpaced, Url};
use crate::sandbox::{Options, Sandbox, serve};

const ALICE: &str = "alice@acme.example";
const GROUP: &str = "Clients";

/// A clock that never makes anybody wait: who sleeps moves it to the moment they wait for.
#[derive(Debug, Clone)]
struct Hurried(Arc<Mutex<Moment>>);

impl Clock for Hurried {
    fn now(&self) -> Moment {
        *self.0.lock().expect("nobody panics while holding it")
    }

    fn sleep_until(&self, until: Moment) -> Sleep {
        let now = Arc::clone(&self.0);
        Box::pin(async move {
            // Others get their turn before time moves.
            tokio::task::yield_now().await;
            let mut now = now.lock().expect("nobody panics while holding it");
            *now = (*now).max(until);
        })
    }
}

/// Gives one token after the other, the next one when one is refused; then a human being has to come.
#[derive(Debug)]
struct Given(Mutex<Vec<&'static str>>);

#[async_trait]
impl TokenSource for Given {
    async fn token(
        &self,
        refused: Option<&SecretString>,
        _cancel: &CancellationToken,
    ) -> Result<SecretString, LoginError> {
        let mut left = self.0.lock().expect("nobody panics while holding it");
        if refused.is_some_and(|refused| left.first() == Some(&refused.expose_secret())) {
            left.remove(0);
        }
        let token = left.first().map(|token| (*token).to_owned().into());
        token.ok_or_else(|| LoginError::new(LoginErrorKind::NeedsLogin, "run `carnetd login`"))
    }
}

/// A sandbox on a loopback port, and one user's book in it.
struct World {
    root: Url,
    clock: Hurried,
    client: Client,
    cancel: CancellationToken,
    /// The group's resource name.
    label: String,
    book: Google,
}

impl World {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let root = format!("http://{}", listener.local_addr().expect("bound"));
        let root = Url::parse(&root).expect("a URL");
        let clock = Hurried(Arc::new(Mutex::new(Moment::parse("2026-11-24T12:00:00Z").expect("a time"))));
        let shared: SharedClock = Arc::new(clock.clone());
        let sandbox = Sandbox::open(Options { state: None, clock: Arc::clone(&shared), seed: 7 }).expect("in memory");
        tokio::spawn(serve(listener, sandbox, std::future::pending()));
        let client = Client::new(&http::Settings::default(), shared, 7).expect("a client");
        let book = google(&root, &client, &clock, GROUP, vec![concat!("sandbox:", "alice@acme.example")]);
        let (cancel, label) = (CancellationToken::new(), String::new());
        let mut world = Self { root, clock, client, cancel, label, book };
        let group = world.user(Method::POST, "contactGroups", json!({"contactGroup": {"name": GROUP}})).await;
        world.label = group["resourceName"].as_str().expect("it is made").to_owned();
        world
    }

    /// Another process's view.
    fn other(&self, group: &str) -> Google {
        self.with_tokens(group, vec!["sandbox:alice@acme.example"])
    }

    fn with_tokens(&self, group: &str, tokens: Vec<&'static str>) -> Google {
        google(&self.root, &self.client, &self.clock, group, tokens)
    }

    fn advance(&self, by: Duration) {
        let mut now = self.clock.0.lock().expect("nobody panics while holding it");
        *now = now.after(by);
    }

    /// One of the sandbox's own routes.
    async fn own(&self, method: Method, path: &str, body: Value) -> Value {
        let request = Request::new("sandbox", method, self.root.join(path).expect("a path")).json(&body);
        self.answer(request).await
    }

    async fn faults(&self, faults: Value) {
        self.own(Method::POST, "/_faults", faults).await;
    }

    /// Sets what kind of service it is, or lets something happen in its web page.
    async fn set(&self, settings: Value) {
        self.faults(json!({"google": settings})).await;
    }

    /// The calls since the last time, by route.
    async fn calls(&self) -> Vec<(String, u64)> {
        let counts = self.own(Method::GET, "/_calls", Value::Null).await;
        self.own(Method::DELETE, "/_calls", Value::Null).await;
        let routes = counts["routes"].as_object().cloned().unwrap_or_default();
        let google = routes.into_iter().filter(|(route, _)| route.contains("/google/v1/"));
        google.map(|(route, count)| (route.replace("/google/v1/", ""), count["calls"].as_u64().unwrap_or(0))).collect()
    }

    /// A call as the user in another program.
    async fn user(&self, method: Method, path: &str, body: Value) -> Value {
        let url = self.root.join(&format!("/google/v1/{path}")).expect("a path");
        let request = Request::new("user", method, url).header("authorization", &format!("Bearer sandbox:{ALICE}"));
        let answer = self.answer(if body.is_null() { request } else { request.json(&body) }).await;
        // What comes later has a later time.
        self.advance(Duration::from_secs(1));
        answer
    }

    async fn answer(&self, request: Request) -> Value {
        let response = self.client.send(request, &Unpaced, &self.cancel).await.expect("an answer");
        assert!(response.status < 300, "{:?}", response.body);
        serde_json::from_slice(&response.body).unwrap_or(Value::Null)
    }

    async fn put(&self, contact: &Contact, in_group: bool) -> ContactId {
        let groups: &[&str] = if in_group { &["contactGroups/myContacts", &self.label] } else { &[] };
        let made = self.user(Method::POST, "people:createContact", said::creation(contact, groups, None)).await;
        super::Person(made).id().expect("it has an id")
    }

    /// Puts many in the group.
    async fn put_many(&self, contacts: impl Iterator<Item = Contact>) -> Vec<ContactId> {
        let groups = ["contactGroups/myContacts", &self.label];
        let all: Vec<Value> =
            contacts.map(|contact| json!({"contactPerson": said::creation(&contact, &groups, None)})).collect();
        let mut ids = Vec::new();
        for batch in all.chunks(200) {
            let body = json!({"contacts": batch, "readMask": "metadata"});
            let made = self.user(Method::POST, "people:batchCreateContacts", body).await;
            let people = made["createdPeople"].as_array().expect("they are made").iter();
            ids.extend(people.map(|made| super::Person(made["person"].clone()).id().expect("it has an id")));
        }
        ids
    }

    /// The contact as the service keeps it.
    async fn person(&self, id: &ContactId) -> Value {
        let name = resource_of(id).expect("an id");
        self.user(Method::GET, &format!("{name}?personFields={MASK},clientData"), Value::Null).await
    }

    /// The user writes a field.
    async fn edit(&self, id: &ContactId, field: &str, values: Value) {
        let mut person = self.person(id).await;
        person[field] = values;
        let name = resource_of(id).expect("an id");
        self.user(Method::PATCH, &format!("{name}:updateContact?updatePersonFields={field}"), person).await;
    }

    async fn retitle(&self, id: &ContactId, title: &str) {
        let mut entry = self.person(id).await.pointer("/organizations/0").cloned().unwrap_or_else(|| json!({}));
        entry["title"] = title.into();
        self.edit(id, "organizations", json!([entry])).await;
    }

    async fn remove(&self, id: &ContactId) {
        let name = resource_of(id).expect("an id");
        self.user(Method::DELETE, &format!("{name}:deleteContact"), Value::Null).await;
    }

    async fn page(&self, from: Option<&Cursor>) -> Result<Page, Error> {
        self.book.changes(from, &self.cancel).await
    }

    /// A whole walk, or everything since a cursor, and where the next one starts.
    async fn list(&self, from: Option<&Cursor>) -> (Vec<Entry>, Cursor) {
        let (mut entries, mut next) = (Vec::new(), from.cloned());
        loop {
            let page = self.page(next.as_ref()).await.expect("a page");
            entries.extend(page.entries);
            next = page.next;
            if next.is_none() {
                assert_eq!(page.complete, from.is_none());
                return (entries, page.cursor.expect("a cursor"));
            }
        }
    }

    async fn read(&self, id: &ContactId) -> Result<Found, Error> {
        let wanted = Wanted { id: id.clone(), stable: Some(id.0.to_string()) };
        self.book.read(&[wanted], &self.cancel).await.map(|mut found| found.remove(0))
    }

    async fn seen(&self, id: &ContactId) -> Seen {
        match self.read(id).await.expect("read") {
            Found::Live { seen, .. } => *seen,
            other => panic!("{id} should be there, is {other:?}"),
        }
    }

    async fn write(&self, change: Change) -> Result<Written, Error> {
        self.book.write(&[change], &self.cancel).await.remove(0)
    }

    /// Many write one change each at the same time, as the steps of a pass do.
    async fn write_each(&self, changes: Vec<Change>) -> Vec<Result<Written, Error>> {
        futures_util::future::join_all(changes.into_iter().map(|change| self.write(change))).await
    }
}

fn google(root: &Url, client: &Client, clock: &Hurried, group: &str, tokens: Vec<&'static str>) -> Google {
    let settings = Settings {
        api_url: root.join("/google").expect("a path"),
        address: ALICE.to_owned(),
        group: Group::new(group),
        country: None,
    };
    Google::new(settings, Arc::new(Given(Mutex::new(tokens))), client.clone(), Arc::new(clock.clone()))
}

fn contact(name: &str) -> Contact {
    let email = Element::email(&format!("{}@acme.example", name.replace(' ', ".").to_lowercase()));
    Contact { name: Name::display(name), emails: email.into_iter().collect(), ..Contact::default() }
}

fn title(id: &ContactId, before: Option<&str>, after: Option<&str>) -> Change {
    let (before, after) = (before.map(str::to_owned), after.map(str::to_owned));
    Change::Patch { id: id.clone(), fields: vec![FieldChange::Text { field: Field::JobTitle, before, after }] }
}

fn create(world: &World, contact: Contact) -> (Change, ContactId) {
    let chosen = marker(world);
    (Change::Create { contact: contact.into(), chosen: Some(chosen.clone()) }, chosen)
}

/// A marker made now.
fn marker(world: &World) -> ContactId {
    let millis = u64::try_from(world.clock.now().0).expect("after 1970");
    let time = uuid::Timestamp::from_unix(uuid::NoContext, millis / 1000, 0);
    ContactId::from(uuid::Uuid::new_v7(time).to_string())
}

fn now(written: Result<Written, Error>) -> Seen {
    match written {
        Ok(Written::Now(seen)) => *seen,
        other => panic!("should be written, is {other:?}"),
    }
}

fn live<'a>(entries: &'a [Entry], id: &ContactId) -> Option<&'a Seen> {
    entries.iter().rev().find_map(|entry| match entry {
        Entry::Live(seen) if seen.id == *id => Some(&**seen),
        _ => None,
    })
}

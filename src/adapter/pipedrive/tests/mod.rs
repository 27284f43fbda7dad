//! The adapter against the stand-in on a loopback listener, and against answers that no service should give.

mod books;
mod companies;
mod logins;
mod pace;
mod trouble;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Company, Credential, Settings};
use crate::account::{Country, Share};
use crate::adapter::{Book, Error, Kind, Seen, Written};
use crate::clock::{Clock, Moment, SharedClock, Sleep};
use crate::contact::{Change, Contact, Element, FieldChange, Name, PersonId, UserId};
use crate::http::{self, Client, Method, Request, Unpaced, Url};
use crate::sandbox::{Options, Sandbox, serve};

const ME: &str = "admin@acme.example";

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

/// A sandbox on a loopback port, with a client for it.
struct World {
    root: Url,
    clock: SharedClock,
    client: Client,
    cancel: CancellationToken,
}

impl World {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let root = format!("http://{}", listener.local_addr().expect("bound"));
        let start = Moment::parse("2026-11-24T12:00:00Z").expect("a time");
        let clock: SharedClock = Arc::new(Hurried(Arc::new(Mutex::new(start))));
        let sandbox = Sandbox::open(Options { state: None, clock: Arc::clone(&clock), seed: 7 }).expect("in memory");
        tokio::spawn(serve(listener, sandbox, std::future::pending()));
        let client = Client::new(&http::Settings::default(), Arc::clone(&clock), 7).expect("a client");
        Self { root: Url::parse(&root).expect("a URL"), clock, client, cancel: CancellationToken::new() }
    }

    /// One of the sandbox's own routes.
    async fn own(&self, method: Method, path: &str, body: Value) -> Value {
        let request = Request::new("sandbox", method, self.root.join(path).expect("a path")).json(&body);
        let response = self.client.send(request, &Unpaced, &self.cancel).await.expect("an answer");
        assert!(response.status < 300, "{path} answered {}", response.status);
        serde_json::from_slice(&response.body).unwrap_or(Value::Null)
    }

    async fn faults(&self, faults: Value) {
        self.own(Method::POST, "/_faults", faults).await;
    }

    /// Sets what kind of company it is.
    async fn set(&self, settings: Value) {
        self.faults(json!({"pipedrive": settings})).await;
    }

    /// A call as the sandbox's user, past the adapter: a colleague.
    async fn colleague(&self, method: Method, path: &str, body: Value) -> Value {
        let url = self.root.join(&format!("/pipedrive/api/{path}")).expect("a path");
        let mut request = Request::new("colleague", method, url).header("x-api-token", &format!("sandbox:{ME}"));
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = self.client.send(request, &Unpaced, &self.cancel).await.expect("an answer");
        assert!(response.status < 300, "{path} answered {}: {:?}", response.status, response.body);
        serde_json::from_slice::<Value>(&response.body).expect("JSON")["data"].take()
    }

    fn settings(&self) -> Settings {
        Settings {
            url: self.root.join("/pipedrive").expect("a path"),
            token: Credential::ApiToken(format!("sandbox:{ME}").into()),
            levels: None,
            daily_tokens: None,
            burst: None,
            daily_share: Share::percent(50).expect("at most 100"),
            used: None,
            fields: BTreeMap::new(),
        }
    }

    async fn connect(&self, settings: Settings) -> Result<Arc<Company>, Error> {
        Company::connect(settings, self.client.clone(), Arc::clone(&self.clock), &self.cancel).await
    }

    async fn company(&self) -> Arc<Company> {
        self.connect(self.settings()).await.expect("the login is fine")
    }
}

fn contact(name: &str, email: &str) -> Contact {
    Contact { name: Name::display(name), emails: Element::email(email).into_iter().collect(), ..Contact::default() }
}

fn create(contact: Contact) -> Change {
    Change::Create { contact: Box::new(contact), chosen: None }
}

fn now(written: Result<Written, Error>) -> Box<Seen> {
    match written.expect("it is written") {
        Written::Now(seen) => seen,
        Written::Deleted => panic!("it is deleted"),
    }
}

/// Writes one change.
async fn write(book: &impl Book, change: Change) -> Result<Written, Error> {
    book.write(&[change], &CancellationToken::new()).await.pop().expect("one answer per change")
}

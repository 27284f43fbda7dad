//! What the stand-in promises, one rule a test. Here is the world that the tests call.

mod batches;
mod events;
mod groups;
mod listing;
mod oauth;
mod people;
mod pictures;
mod quotas;

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::sandbox::pipedrive::tests::{Got, World as Shared};

/// A sandbox whose time stands still, called as one user.
struct World {
    shared: Shared,
    token: String,
}

const ALICE: &str = "alice@acme.example";

impl World {
    /// Without shuffling, so that answers can be compared whole.
    async fn new() -> Self {
        let world = Self::over(Shared::new());
        world.set(json!({"shuffle": false})).await;
        world
    }

    fn over(shared: Shared) -> Self {
        Self { shared, token: format!("sandbox:{ALICE}") }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Got {
        let request = Request::builder().method(method).uri(format!("/google{path}"));
        let request = request.header("host", "box").header("authorization", format!("Bearer {}", self.token));
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.shared.send(request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str) -> Got {
        self.call("GET", path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Got {
        self.call("POST", path, body).await
    }

    /// Sends a form, without a credential.
    async fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Got {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = Request::post(format!("/google{path}")).header("host", "box");
        self.shared.send(request.body(Body::from(form)).unwrap()).await
    }

    /// Creates a contact; gives the person.
    async fn create(&self, person: Value) -> Value {
        let got = self.post("/v1/people:createContact", person).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.body
    }

    async fn named(&self, name: &str) -> Value {
        self.create(json!({"names": [{"givenName": name}]})).await
    }

    async fn read(&self, person: &Value) -> Got {
        self.get(&format!("/v1/{}?personFields=names,metadata,memberships,photos", name(person))).await
    }

    /// Replaces the fields of the mask, with the etag of `person`.
    async fn update(&self, person: &Value, mask: &str, mut fields: Value) -> Got {
        fields["metadata"] = json!({"sources": [source(person)]});
        self.call("PATCH", &format!("/v1/{}:updateContact?updatePersonFields={mask}", name(person)), fields).await
    }

    async fn rename(&self, person: &Value, to: &str) -> Value {
        let got = self.update(person, "names", json!({"names": [{"givenName": to}]})).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.body
    }

    async fn delete(&self, person: &Value) -> Got {
        self.call("DELETE", &format!("/v1/{}:deleteContact", name(person)), Value::Null).await
    }

    async fn list(&self, rest: &str) -> Got {
        let fields = "names,metadata,memberships";
        self.get(&format!("/v1/people/me/connections?personFields={fields}&requestSyncToken=true{rest}")).await
    }

    /// A full listing; gives its sync token.
    async fn token(&self) -> String {
        sync_token(&self.list("").await)
    }

    async fn since(&self, token: &str) -> Got {
        self.list(&format!("&syncToken={token}")).await
    }

    async fn set(&self, settings: Value) {
        let got = self.shared.call("POST", "/_faults", json!({"google": settings})).await;
        assert_eq!(got.status, 200, "{}", got.text);
    }

    fn pass(&self, seconds: u64) {
        self.shared.clock.advance(Duration::from_secs(seconds));
    }
}

fn name(person: &Value) -> &str {
    person["resourceName"].as_str().unwrap()
}

fn source(person: &Value) -> &Value {
    person["metadata"]["sources"].as_array().unwrap().iter().find(|source| source["type"] == "CONTACT").unwrap()
}

fn sync_token(got: &Got) -> String {
    got.body["nextSyncToken"].as_str().unwrap_or_else(|| panic!("no token in {}", got.text)).to_owned()
}

fn given_names(got: &Got) -> Vec<String> {
    let people = got.body["connections"].as_array().cloned().unwrap_or_default();
    people.iter().map(|person| person["names"][0]["givenName"].as_str().unwrap_or("-").to_owned()).collect()
}

fn refused(got: &Got, code: u16, status: &str, words: &str) {
    assert_eq!(got.status, code, "{}", got.text);
    let error = &got.body["error"];
    assert_eq!((&error["code"], &error["status"]), (&json!(code), &json!(status)), "{}", got.text);
    assert!(error["message"].as_str().unwrap().contains(words), "{} should say {words}", got.text);
}

//! What the stand-in promises, one rule a test. Here is the world that the tests call.

mod access;
mod limits;
mod lists;
mod pictures;
mod records;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::clock::{Moment, SimulatedClock};
use crate::sandbox::{Options, Sandbox, SandboxError};

/// A sandbox whose time stands still, called without a socket.
pub(in crate::sandbox) struct World {
    pub(in crate::sandbox) sandbox: Sandbox,
    pub(in crate::sandbox) clock: SimulatedClock,
    pub(in crate::sandbox) token: String,
}

/// One answer.
#[derive(Debug)]
pub(in crate::sandbox) struct Got {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) headers: HeaderMap,
    pub(in crate::sandbox) body: Value,
    pub(in crate::sandbox) text: String,
}

impl Got {
    pub(in crate::sandbox) fn number(&self, header: &str) -> u64 {
        self.headers[header].to_str().unwrap().parse().unwrap()
    }

    pub(in crate::sandbox) fn ids(&self) -> Vec<u64> {
        self.body["data"].as_array().unwrap().iter().map(|it| it["id"].as_u64().unwrap()).collect()
    }
}

impl World {
    pub(in crate::sandbox) fn new() -> Self {
        Self::open(None).unwrap()
    }

    pub(in crate::sandbox) fn open(state: impl Into<Option<PathBuf>>) -> Result<Self, SandboxError> {
        let state = state.into();
        let clock = SimulatedClock::new(Moment::parse("2026-11-24T12:00:00Z").unwrap());
        let sandbox = Sandbox::open(Options { state, clock: Arc::new(clock.clone()), seed: 7 })?;
        Ok(Self { sandbox, clock, token: "sandbox:alice@acme.example".to_owned() })
    }

    pub(in crate::sandbox) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&body).into_owned();
        Got { status, headers, body: serde_json::from_slice(&body).unwrap_or_default(), text }
    }

    pub(in crate::sandbox) async fn call(&self, method: &str, path: &str, body: Value) -> Got {
        let request = Request::builder().method(method).uri(path).header("x-api-token", &self.token);
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub(in crate::sandbox) async fn get(&self, path: &str) -> Got {
        self.call("GET", &format!("/pipedrive/api/{path}"), Value::Null).await
    }

    pub(in crate::sandbox) async fn person(&self, body: Value) -> Value {
        let got = self.call("POST", "/pipedrive/api/v2/persons", body).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.body["data"].clone()
    }

    pub(in crate::sandbox) async fn patch(&self, id: u64, body: Value) -> Got {
        self.call("PATCH", &format!("/pipedrive/api/v2/persons/{id}"), body).await
    }

    async fn delete(&self, id: u64) -> Got {
        self.call("DELETE", &format!("/pipedrive/api/v2/persons/{id}"), Value::Null).await
    }

    pub(in crate::sandbox) async fn set(&self, settings: Value) {
        let got = self.call("POST", "/_faults", json!({"pipedrive": settings})).await;
        assert_eq!(got.status, 200, "{}", got.text);
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn refused(got: &Got) {
    assert_eq!(got.status, 400, "{}", got.text);
    assert_eq!(got.body["success"], false);
    assert_eq!(got.body["code"], "ERR_SCHEMA_VALIDATION_FAILED");
    assert!(got.body["error"].is_string());
}

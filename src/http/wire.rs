//! One exchange with the service, and what its failure means. Nothing is repeated here.

use std::error::Error as _;
use std::io;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::multipart;
use tokio_util::bytes::{Bytes, BytesMut};

use super::request::{Body, Part, Request};

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why nothing usable came back.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// No connection came about.
    NotSent(String),
    /// The same, and it was the proxy.
    Proxy(String),
    /// The other side could not be trusted.
    Tls(String),
    /// This machine trusts nobody: it has no CA certificates.
    NoRoots(String),
    /// The library refuses to send it.
    Unsendable(String),
    /// It may have arrived.
    Lost(String),
    /// The answer's body is over the limit.
    TooLarge(u16),
}

/// Sends the request once and reads the whole answer. `heard` is told status and headers as soon as they are there.
pub(super) async fn exchange(
    client: &reqwest::Client,
    request: &Request,
    heard: impl FnOnce(u16, &HeaderMap),
) -> Result<Answer, Fault> {
    let built = build(client, request).map_err(|error| Fault::Unsendable(innermost(&error)))?;
    let response = client.execute(built).await.map_err(|error| fault(&error, request))?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    heard(status, &headers);
    match read(response, request).await {
        // These two are judged by their status alone; a cut text changes nothing.
        Err(Fault::Lost(_)) if matches!(status, 429 | 503) => Ok(Answer { status, headers, body: Bytes::new() }),
        body => Ok(Answer { status, headers, body: body? }),
    }
}

fn build(client: &reqwest::Client, request: &Request) -> reqwest::Result<reqwest::Request> {
    let mut building = client.request(request.method.clone(), request.url.clone()).timeout(request.timeout);
    for (name, value) in request.headers.iter().chain(&request.secrets) {
        building = building.header(name, value);
    }
    building = match &request.body {
        Body::None => building,
        Body::Bytes { bytes, content_type } => building.header(CONTENT_TYPE, content_type).body(bytes.clone()),
        Body::Multipart(parts) => {
            let mut form = multipart::Form::new();
            for part in parts {
                form = form.part(part.name.clone(), form_part(part)?);
            }
            building.multipart(form)
        }
    };
    building.build()
}

fn form_part(part: &Part) -> reqwest::Result<multipart::Part> {
    let length = u64::try_from(part.bytes.len()).unwrap_or(u64::MAX);
    let mut built = multipart::Part::stream_with_length(part.bytes.clone(), length);
    if let Some(name) = &part.file_name {
        built = built.file_name(name.clone());
    }
    match &part.content_type {
        Some(kind) => built.mime_str(kind),
        None => Ok(built),
    }
}

/// Reads the body, counting what comes out of the decompression: a small bomb is stopped at the limit.
async fn read(mut response: reqwest::Response, request: &Request) -> Result<Bytes, Fault> {
    let status = response.status().as_u16();
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| fault(&error, request))? {
        if body.len() + chunk.len() > request.max_bytes {
            return Err(Fault::TooLarge(status));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// What a failure of reqwest means for the question "did the service act?". In doubt: it may have.
fn fault(error: &reqwest::Error, request: &Request) -> Fault {
    let cause = innermost(error);
    if error.is_builder() {
        return Fault::Unsendable(cause);
    }
    if !error.is_connect() {
        let waited = request.timeout.as_secs_f32();
        return Fault::Lost(if error.is_timeout() { format!("no whole answer within {waited} s") } else { cause });
    }
    let mut source = error.source();
    while let Some(found) = source {
        // hyper-util keeps its proxy errors to itself but for their text.
        if found.to_string().starts_with("tunnel error") {
            return Fault::Proxy(cause);
        }
        // While connecting, only TLS finds data invalid.
        if found.downcast_ref::<io::Error>().is_some_and(finds_data_invalid) {
            return Fault::Tls(cause);
        }
        source = found.source();
    }
    Fault::NotSent(cause)
}

/// An I/O error that wraps another does not name it as its source.
fn finds_data_invalid(error: &io::Error) -> bool {
    let wrapped = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>());
    error.kind() == io::ErrorKind::InvalidData || wrapped.is_some_and(finds_data_invalid)
}

/// The cause at the bottom: reqwest's own texts repeat the URL and say "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    match deepest.downcast_ref::<reqwest::Error>() {
        Some(_) if error.is_timeout() => "timed out".to_owned(),
        Some(_) => "the request could not be built".to_owned(),
        None => deepest.to_string(),
    }
}

//! Photos: uploaded as base64 JPEG or PNG, served from addresses of this server without a credential.

use std::io::Cursor;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use image::{ImageFormat, Rgb, RgbImage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::contact::{Body, Contact, Is};
use super::gateway::{Answer, Call};
use super::input::{Query, text, texts};
use super::mask::Mask;
use super::person::View;
use super::refusal::Refusal;
use super::state::{Record, State};
use crate::sandbox::Shared;

/// A contact's own photo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Photo {
    /// Unguessable: the address needs no credential.
    pub(super) id: u64,
    /// Base64 of what was uploaded.
    bytes: String,
}

/// The size in pixels that an address of `photos[].url` asks for.
const SHOWN: u32 = 100;
const MOST: u32 = 2048;

impl Photo {
    /// A photo of these bytes.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let id = u64::try_from(uuid::Uuid::new_v4().as_u128() >> 66).unwrap_or(1);
        Self { id, bytes: STANDARD.encode(bytes) }
    }
}

/// The photo of a contact; without one of its own a placeholder, which says so.
pub(super) fn show(root: &str, contact: &Contact, body: &Body) -> Value {
    if let Some(id) = body.photo {
        return json!({"url": format!("{root}/google/photos/{id:x}=s{SHOWN}")});
    }
    let letter = contact.id % 26;
    json!({"url": format!("{root}/google/photos/default-{letter}=s{SHOWN}"), "default": true})
}

/// `PATCH /v1/people/{id}:updateContactPhoto`.
pub(super) fn update(state: &mut State, call: &Call) -> Answer {
    let message = call.message(&["personFields", "photoBytes", "sources"])?;
    let mask = text("", message, "personFields")?.filter(|mask| !mask.is_empty());
    let view = mask.map(|mask| View::new(call, Mask::read("personFields", Some(mask))?, &texts(message, "sources")?));
    let view = view.transpose()?;
    let encoded = text("", message, "photoBytes")?.unwrap_or_default();
    let bytes = STANDARD.decode(encoded).or_else(|_| URL_SAFE.decode(encoded));
    let bytes = bytes.map_err(|_| Refusal::payload("photo_bytes", "Base64 decoding failed"))?;
    let format = image::guess_format(&bytes).ok().filter(|it| matches!(it, ImageFormat::Jpeg | ImageFormat::Png));
    if format.is_none() || image::load_from_memory(&bytes).is_err() {
        return Err(Refusal::argument());
    }
    put(state, call, view.as_ref(), Some(Photo::new(&bytes)))
}

/// `DELETE /v1/people/{id}:deleteContactPhoto`.
pub(super) fn delete(state: &mut State, call: &Call) -> Answer {
    let wanted = call.query.get("personFields").is_some();
    let view = wanted.then(|| View::of_query(call, None)).transpose()?;
    put(state, call, view.as_ref(), None)
}

/// Gives the contact this photo. That it moves the contact's etag is not documented, and the harsher reading.
fn put(state: &mut State, call: &Call, view: Option<&View>, photo: Option<Photo>) -> Answer {
    let contact = state.account(&call.user)?.live(&call.person()).cloned().ok_or_else(Refusal::not_found)?;
    let mut body = contact.body().cloned().unwrap_or_default();
    let old = std::mem::replace(&mut body.photo, photo.as_ref().map(|photo| photo.id));
    let mut changed = contact;
    changed.push(state.version(Is::Here(Box::new(body)), call.now));
    let shown = view.zip(changed.latest()).map(|(view, version)| view.show(&changed, version, None));
    let mut records = Vec::from_iter(old.map(Record::PhotoGone));
    records.extend(photo.map(|photo| Record::Photo(Box::new(photo))));
    records.push(Record::Contact { user: call.user.clone(), contact: Box::new(changed) });
    state.commit(records)?;
    Ok(shown.map_or_else(|| json!({}), |person| json!({"person": person})))
}

/// `GET /google/photos/{name}`: the image, not larger than `=sN` or `?sz=N` asks.
pub(super) async fn serve(
    Extract(shared): Extract<Arc<Shared>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let (id, suffix) = name.split_once('=').unwrap_or((&name, ""));
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    let query = Query::parse(query.unwrap_or_default().as_bytes());
    let asked = query.get("sz").and_then(digits).or_else(|| suffix.strip_prefix('s').and_then(digits));
    let size = asked.filter(|size| (1..=MOST).contains(size));
    if let Some(letter) = id.strip_prefix("default-") {
        return placeholder(letter.parse().unwrap_or(0), size.unwrap_or(SHOWN));
    }
    let id = u64::from_str_radix(id, 16).ok();
    let encoded = id.and_then(|id| shared.google.state().photos.get(&id).map(|photo| photo.bytes.clone()));
    let Some(bytes) = encoded.and_then(|encoded| STANDARD.decode(encoded).ok()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    tokio::task::spawn_blocking(move || scaled(bytes, size))
        .await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// The image as it was sent, or smaller.
fn scaled(bytes: Vec<u8>, size: Option<u32>) -> Response {
    let Ok(image) = image::load_from_memory(&bytes) else { return StatusCode::NOT_FOUND.into_response() };
    let jpeg = image::guess_format(&bytes).is_ok_and(|format| format == ImageFormat::Jpeg);
    match size.filter(|size| *size < image.width().max(image.height())) {
        Some(size) => {
            let small = image.thumbnail(size, size).to_rgb8();
            encoded(&small, if jpeg { ImageFormat::Jpeg } else { ImageFormat::Png })
        }
        None => answer(bytes, if jpeg { ImageFormat::Jpeg } else { ImageFormat::Png }),
    }
}

/// A plain square whose colour is the contact's.
fn placeholder(letter: u8, size: u32) -> Response {
    let colour = Rgb([60 + letter * 7 % 150, 90 + letter * 13 % 120, 200 - letter * 5 % 140]);
    encoded(&RgbImage::from_pixel(size, size, colour), ImageFormat::Png)
}

fn encoded(image: &RgbImage, format: ImageFormat) -> Response {
    let mut bytes = Cursor::new(Vec::new());
    match image.write_to(&mut bytes, format) {
        Ok(()) => answer(bytes.into_inner(), format),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn answer(bytes: Vec<u8>, format: ImageFormat) -> Response {
    let headers = [(header::CONTENT_TYPE, format.to_mime_type()), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, bytes).into_response()
}

//! Pictures of persons: received as a form, checked, cut, and stored as two squares.

use std::io::Cursor;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::company::{Company, Record};
use super::gateway::{Answer, Call};
use super::person::Person;
use super::record::v1_time;
use super::refusal::Refusal;
use crate::sandbox::Shared;

/// A stored picture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Picture {
    pub(super) id: u64,
    pub(super) person: u64,
    by: u64,
    /// Seconds since 1970.
    pub(super) added: i64,
    squares: Upload,
}

/// An image, cut and scaled to the two sizes that are kept, as JPEG.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Upload {
    #[serde(serialize_with = "write_base64", deserialize_with = "read_base64")]
    small: Bytes,
    #[serde(serialize_with = "write_base64", deserialize_with = "read_base64")]
    large: Bytes,
}

fn write_base64<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(bytes))
}

fn read_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(from)?;
    STANDARD.decode(text.as_bytes()).map(Bytes::from).map_err(serde::de::Error::custom)
}

const SMALL: u32 = 128;
const LARGE: u32 = 512;

/// The form as it came.
#[derive(Debug, Default)]
struct Form {
    file: Option<Bytes>,
    x: u32,
    y: u32,
    width: Option<u32>,
    height: Option<u32>,
}

/// Reads the form and its image. Anything that is no GIF, JPG or PNG, not square or below 128 pixels is refused.
pub(super) async fn receive(parts: &Parts, body: Bytes) -> Result<Upload, Refusal> {
    let mut request = Request::new(Body::from(body));
    request.headers_mut().clone_from(&parts.headers);
    // The length was looked at before; the extractor's own limit of 2 MB is not the service's.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|_| no_form())?;
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.map_err(|_| no_form())? {
        form.take(field).await?;
    }
    tokio::task::spawn_blocking(move || form.cut()).await.unwrap_or_else(|_| Err(Refusal::of_status(500)))
}

fn no_form() -> Refusal {
    Refusal::invalid("the body must be a multipart form")
}

impl Form {
    async fn take(&mut self, field: Field<'_>) -> Result<(), Refusal> {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|_| no_form())?;
        let pixels = || {
            let text = std::str::from_utf8(&bytes).ok();
            text.and_then(|text| text.trim().parse().ok()).ok_or_else(|| super::input::wrong(&name, "an integer"))
        };
        match name.as_str() {
            "file" => self.file = Some(bytes),
            "crop_x" => self.x = pixels()?,
            "crop_y" => self.y = pixels()?,
            "crop_width" => self.width = Some(pixels()?),
            "crop_height" => self.height = Some(pixels()?),
            unknown => return Err(Refusal::invalid(format!("\"{unknown}\" is not allowed"))),
        }
        Ok(())
    }

    fn cut(self) -> Result<Upload, Refusal> {
        let file = self.file.ok_or_else(|| Refusal::invalid("\"file\" is required"))?;
        let image =
            image::load_from_memory(&file).map_err(|_| Refusal::invalid("\"file\" must be a GIF, JPG or PNG"))?;
        let (width, height) = (self.width.unwrap_or(image.width()), self.height.unwrap_or(image.height()));
        let inside = self.x.saturating_add(width) <= image.width() && self.y.saturating_add(height) <= image.height();
        if !inside || width != height || width < SMALL {
            return Err(Refusal::invalid("the image or its crop must be square and at least 128 pixels wide"));
        }
        let square = image.crop_imm(self.x, self.y, width, height);
        Ok(Upload { small: jpeg(&square, SMALL)?, large: jpeg(&square, LARGE)? })
    }
}

fn jpeg(square: &DynamicImage, size: u32) -> Result<Bytes, Refusal> {
    // Never larger than what was sent: blowing it up would add nothing.
    let size = size.min(square.width());
    let scaled = square.resize_exact(size, size, FilterType::Triangle).to_rgb8();
    let mut bytes = Cursor::new(Vec::new());
    scaled.write_to(&mut bytes, ImageFormat::Jpeg).map_err(|_| Refusal::of_status(500))?;
    Ok(bytes.into_inner().into())
}

/// `POST /v1/persons/{id}/picture`: replaces the old one.
pub(super) fn upload(company: &mut Company, call: &Call) -> Answer {
    let mut person = company.find_live::<Person>(call.user, call.id(), call.now)?.clone();
    let picture = Picture {
        id: company.marks.picture + 1,
        person: person.head.id,
        by: call.user,
        added: call.now,
        squares: call.picture()?.clone(),
    };
    let mut shown = picture.show(&call.root);
    shown["add_time"] = json!(v1_time(picture.added));
    shown["update_time"] = json!("0000-00-00 00:00:00");
    let mut records = Vec::from_iter(person.picture_id.map(Record::PictureGone));
    person.picture_id = Some(picture.id);
    person.head.update_time = Some(call.now);
    records.extend([Record::Picture(Box::new(picture)), Record::Person(Box::new(person))]);
    company.commit(records)?;
    Ok(json!({"success": true, "data": shown}))
}

/// `DELETE /v1/persons/{id}/picture`.
pub(super) fn delete(company: &mut Company, call: &Call) -> Answer {
    let mut person = company.find_live::<Person>(call.user, call.id(), call.now)?.clone();
    let picture = person.picture_id.take().ok_or_else(Refusal::not_found)?;
    person.head.update_time = Some(call.now);
    company.commit(vec![Record::PictureGone(picture), Record::Person(Box::new(person))])?;
    Ok(json!({"success": true, "data": {"id": call.id()}}))
}

/// `GET /v2/persons/{id}/picture`.
pub(super) fn read(company: &mut Company, call: &Call) -> Answer {
    let person: &Person = company.find_live(call.user, call.id(), call.now)?;
    let picture = person.picture_id.and_then(|id| company.pictures.get(&id)).ok_or_else(Refusal::not_found)?;
    let mut shown = picture.show(&call.root);
    shown["file_size"] = json!(picture.squares.large.len());
    Ok(json!({"success": true, "data": shown}))
}

impl Picture {
    fn show(&self, root: &str) -> Value {
        let url = |size: u32| format!("{root}/pipedrive/pictures/{}/{size}.jpg", self.id);
        json!({
            "id": self.id, "item_type": "person", "item_id": self.person, "added_by_user_id": self.by,
            "active_flag": true, "pictures": {"128": url(SMALL), "512": url(LARGE)},
        })
    }
}

/// The image itself, without a credential, as the page shows it.
pub(super) async fn serve(State(shared): State<Arc<Shared>>, Path((id, size)): Path<(u64, String)>) -> Response {
    let company = shared.pipedrive.company();
    let squares = company.pictures.get(&id).map(|picture| &picture.squares);
    let image = match (squares, size.as_str()) {
        (Some(squares), "128.jpg") => squares.small.clone(),
        (Some(squares), "512.jpg") => squares.large.clone(),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "max-age=31536000, immutable")], image)
        .into_response()
}

//! Photos.

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use super::{World, name, refused, source};

fn square(format: ImageFormat, size: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    RgbImage::from_fn(size, size, |x, y| image::Rgb([x, y, 9].map(|it| u8::try_from(it % 256).unwrap())))
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// The width of the image at an address of an answer, fetched without a credential.
async fn width(world: &World, url: &str) -> Option<u32> {
    let path = url.strip_prefix("http://box").expect(url);
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(world.shared.sandbox.router(), request).await.unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    image::load_from_memory(&bytes).ok().map(|image| image.width())
}

async fn upload(world: &World, person: &Value, bytes: &[u8]) -> super::Got {
    let body = json!({"photoBytes": STANDARD.encode(bytes), "personFields": "photos,metadata"});
    world.call("PATCH", &format!("/v1/{}:updateContactPhoto", name(person)), body).await
}

#[tokio::test]
async fn a_photo_is_uploaded_served_and_removed() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    let default = ada["photos"][0]["url"].as_str().unwrap();
    assert_eq!(width(&world, default).await, Some(100), "a placeholder");
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let got = upload(&world, &ada, &square(format, 200)).await;
        assert_eq!(got.status, 200, "{}", got.text);
        let photo = &got.body["person"]["photos"][0];
        assert!(photo.get("default").is_none());
        assert_eq!(photo["metadata"]["source"]["type"], "CONTACT");
        let url = photo["url"].as_str().unwrap();
        assert_eq!(width(&world, url).await, Some(100));
        let whole = url.strip_suffix("=s100").unwrap();
        assert_eq!(width(&world, whole).await, Some(200));
        assert_eq!(width(&world, &format!("{whole}?sz=64")).await, Some(64));
        assert_eq!(width(&world, &format!("{whole}=s720")).await, Some(200), "never larger than what was sent");
        assert_ne!(source(&got.body["person"])["etag"], source(&ada)["etag"]);
    }
    let photo = world.read(&ada).await.body["photos"][0]["url"].as_str().unwrap().to_owned();
    let gone = world.call("DELETE", &format!("/v1/{}:deleteContactPhoto", name(&ada)), Value::Null).await;
    assert_eq!(gone.body, json!({}), "without a mask nothing is read back");
    assert_eq!(world.read(&ada).await.body["photos"][0]["default"], true);
    assert_eq!(width(&world, &photo).await, None);
}

#[tokio::test]
async fn what_is_no_image_is_refused() {
    let world = World::new().await;
    let ada = world.named("Ada").await;
    refused(&upload(&world, &ada, b"GIF89a").await, 400, "INVALID_ARGUMENT", "");
    let path = format!("/v1/{}:updateContactPhoto", name(&ada));
    let got = world.call("PATCH", &path, json!({"photoBytes": "%"})).await;
    refused(&got, 400, "INVALID_ARGUMENT", "Base64");
    assert_eq!(world.read(&ada).await.body["photos"][0]["default"], true);
}

//! Pictures.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{Got, World};

fn form(image: &[u8], numbers: &[(&str, u32)]) -> Body {
    let mut body = Vec::new();
    for (name, number) in numbers {
        let part = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{number}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n");
    body.extend_from_slice(image);
    body.extend_from_slice(b"\r\n--b--\r\n");
    Body::from(body)
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(width, height).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn upload(world: &World, image: &[u8], numbers: &[(&str, u32)]) -> Got {
    let request = Request::post("/pipedrive/api/v1/persons/1/picture")
        .header("x-api-token", &world.token)
        .header("host", "box.example")
        .header("content-type", "multipart/form-data; boundary=b");
    world.send(request.body(form(image, numbers)).unwrap()).await
}

#[tokio::test]
async fn a_square_picture_is_stored_replaced_and_removed() {
    let world = World::new();
    world.person(json!({"name": "Ada"})).await;
    for bad in [png(128, 129), png(127, 127), b"GIF89a".to_vec()] {
        assert_eq!(upload(&world, &bad, &[]).await.status, 400);
    }
    let got = upload(&world, &png(200, 200), &[]).await;
    assert_eq!(got.body["data"]["pictures"]["128"], "http://box.example/pipedrive/pictures/1/128.jpg");
    assert_eq!(upload(&world, &png(128, 128), &[]).await.body["data"]["id"], 2);
    assert_eq!(world.get("v2/persons/1").await.body["data"]["picture_id"], 2);
    let read = world.get("v2/persons/1/picture").await;
    assert_eq!(read.body["data"]["item_id"], 1);
    assert_eq!(world.call("GET", "/pipedrive/pictures/1/128.jpg", Value::Null).await.status, 404);
    let image = world.call("GET", "/pipedrive/pictures/2/128.jpg", Value::Null).await;
    assert_eq!(image.headers["content-type"], "image/jpeg");
    world.call("DELETE", "/pipedrive/api/v1/persons/1/picture", Value::Null).await;
    assert_eq!(world.get("v2/persons/1/picture").await.status, 404);
    assert_eq!(world.get("v2/persons/1").await.body["data"]["picture_id"], Value::Null);
}

#[tokio::test]
async fn a_crop_must_lie_within_the_picture_and_a_large_file_is_read() {
    let world = World::new();
    world.person(json!({"name": "Ada"})).await;
    let mut noise = image::RgbImage::new(900, 1000);
    let mut chance = fastrand::Rng::with_seed(1);
    noise.pixels_mut().for_each(|pixel| pixel.0 = [chance.u8(..), chance.u8(..), chance.u8(..)]);
    let mut bytes = std::io::Cursor::new(Vec::new());
    noise.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let large = bytes.into_inner();
    assert!(large.len() > 2 * 1024 * 1024);
    let crop = |x: u32| [("crop_x", x), ("crop_y", 0), ("crop_width", 600), ("crop_height", 600)];
    assert_eq!(upload(&world, &large, &crop(301)).await.status, 400);
    assert_eq!(upload(&world, &large, &[]).await.status, 400, "it is not square");
    assert_eq!(upload(&world, &large, &crop(300)).await.status, 200);
}

//! Pictures: cropped square, at least 128 pixels, sent as JPEG.
//!
//! Pipedrive keeps squares of 128 and 512 pixels, so nothing larger is sent. A picture that cannot be used is
//! [`Kind::Invalid`] with its reason and never fails its contact.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage};
use tokio_util::sync::CancellationToken;

use super::company::Company;
use super::endpoint;
use crate::adapter::{Error, Kind};
use crate::contact::PersonId;
use crate::http::{Part, Safety};

/// The smallest side that Pipedrive takes, in pixels.
const SMALLEST: u32 = 128;
/// The largest side that Pipedrive keeps, in pixels.
const LARGEST: u32 = 512;
/// The largest side that is decoded, in pixels: a small file may claim to be a huge picture.
const DECODED: u32 = 12_000;
/// The most memory that decoding may take, in bytes.
const MEMORY: u64 = 256 << 20;
const QUALITY: u8 = 88;

impl Company {
    /// Gives a person this picture in place of any other (10 tokens).
    pub async fn upload_photo(&self, id: PersonId, bytes: &[u8], cancel: &CancellationToken) -> Result<(), Error> {
        let source = bytes.to_vec();
        let prepared = tokio::task::spawn_blocking(move || squared(&source)).await;
        let jpeg = prepared.unwrap_or_else(|_| Err("the decoder gave up".to_owned()));
        let jpeg = jpeg.map_err(|reason| Error::new(Kind::Invalid, format!("the picture cannot be used: {reason}")))?;
        let part = Part {
            name: "file".to_owned(),
            file_name: Some("photo.jpg".to_owned()),
            content_type: Some("image/jpeg".to_owned()),
            bytes: jpeg.into(),
        };
        // The same picture twice is the same picture.
        let request =
            self.api().to_one(&endpoint::UPLOAD_PICTURE, id.0).multipart(vec![part]).safety(Safety::Idempotent);
        self.api().send(request, cancel).await.map(|_| ())
    }
}

/// The middle square of a picture as JPEG, or why there is none.
fn squared(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let unreadable = |()| "it is no JPEG, PNG or GIF that can be read".to_owned();
    let mut limits = Limits::default();
    limits.max_image_width = Some(DECODED);
    limits.max_image_height = Some(DECODED);
    limits.max_alloc = Some(MEMORY);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| unreadable(()))?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| unreadable(()))?;
    let (width, height) = decoder.dimensions();
    let side = width.min(height);
    if side < SMALLEST {
        return Err(format!("it is {width}×{height} pixels, and Pipedrive takes none below {SMALLEST}×{SMALLEST}"));
    }
    // Cameras turn the mark, not the pixels.
    let orientation = decoder.orientation().ok();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| unreadable(()))?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let mut square = picture.crop_imm(left, top, side, side);
    if side > LARGEST {
        square = square.resize_exact(LARGEST, LARGEST, FilterType::Triangle);
    }
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    on_white(&square).write_with_encoder(encoder).map_err(|_| "it cannot be written as JPEG".to_owned())?;
    Ok(jpeg)
}

/// JPEG has no transparency; without this, transparent turns black.
fn on_white(picture: &DynamicImage) -> RgbImage {
    let blend = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u16::from(colour), u16::from(alpha));
        u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(255)
    };
    let rgba = picture.to_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, a] = rgba.get_pixel(x, y).0;
        Rgb([blend(r, a), blend(g, a), blend(b, a)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, RgbaImage};

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture =
            RgbaImage::from_fn(width, height, |x, _| image::Rgba([u8::try_from(x % 256).unwrap_or(0), 0, 0, 0]));
        picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).expect("it is written to memory");
        bytes
    }

    #[test]
    fn a_picture_becomes_a_square_jpeg() {
        for (width, height, side) in [(128, 200, 128), (900, 600, 512)] {
            let jpeg = squared(&png(width, height)).expect("large enough");
            assert_eq!(image::guess_format(&jpeg).expect("a picture"), ImageFormat::Jpeg);
            let picture = image::load_from_memory(&jpeg).expect("readable").to_rgb8();
            assert_eq!(picture.dimensions(), (side, side));
            assert!(picture.get_pixel(5, 5).0.iter().all(|c| *c > 250), "transparent is white");
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let small = squared(&png(127, 500)).expect_err("too small");
        assert_eq!(small, "it is 127×500 pixels, and Pipedrive takes none below 128×128");
        let mut cut = png(300, 300);
        cut.truncate(cut.len() / 2);
        for bad in [&b"not a picture"[..], &[], &cut] {
            assert_eq!(squared(bad).expect_err("unreadable"), "it is no JPEG, PNG or GIF that can be read");
        }
    }
}

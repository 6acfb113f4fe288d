//! Pictures that came with messages, as they are shown beside the case: JPEG and PNG only, read by this program and written anew, small
//! and without what else was in the file. What a browser gets was never in a resident's hands.

use super::{App, audit_reading, case_page, files, trouble::Trouble};
use crate::store;
use crate::store::attachment::Stored;
use crate::store::session::Session;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageDecoder, ImageFormat, ImageReader, Limits};
use serde_json::json;
use std::io::Cursor;
use std::panic::catch_unwind;
use tokio::sync::Semaphore;

/// Longest side of what is shown, in pixels.
const SIDE: u32 = 480;
/// Longest side of what is read, in pixels.
const MOST_PIXELS: u32 = 20_000;
/// Most memory that reading one takes, in bytes.
const MOST_MEMORY: u64 = 400 << 20;
/// A larger file is not read, in bytes.
const MOST_BYTES: i64 = 25 << 20;
/// So many are read at once: the rest wait.
static READING: Semaphore = Semaphore::const_new(2);

/// Whether a file is one that is tried: by its name for itself. What it really is, the reader finds out.
pub(super) fn can_be_shown(file: &Stored) -> bool {
    let kinds = ["image/jpeg", "image/png"];
    file.refused.is_none() && file.size <= MOST_BYTES && kinds.iter().any(|k| file.content_type.eq_ignore_ascii_case(k))
}

/// `GET /cases/REFERENCE/messages/ID/attachments/POSITION/picture`.
pub(super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path((reference, message, position)): Path<(String, String, String)>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let case = case_page::find(&mut tx, &reference).await?;
    let file = files::of_case(&mut tx, &case, &message, &position).await?;
    let missing = || Trouble::not_found("This file cannot be shown as a picture.").back_to_case(&case.reference);
    if !can_be_shown(&file) {
        return Err(missing());
    }
    let bytes = store::attachment::bytes(&mut tx, &file.sha256).await?.ok_or_else(missing)?;
    drop(tx);
    let detail = json!({"message": file.message_id, "position": file.position, "as": "picture"});
    audit_reading(&app, &session, "read attachment", &[format!("case:{}", case.id)], detail).await?;
    let _turn = READING.acquire().await.map_err(|_| Trouble::internal())?;
    let small = tokio::task::spawn_blocking(move || small(bytes)).await.ok().flatten().ok_or_else(missing)?;
    let mut response = small.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline; filename=\"picture.jpg\""));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}

/// A picture as a small JPEG, the right way up; none where it is no JPEG or PNG, or one that would take too much to read.
fn small(bytes: Vec<u8>) -> Option<Vec<u8>> {
    // The reader is given what strangers wrote: a fault in it must not cost more than the picture.
    catch_unwind(|| read(&bytes)).ok().flatten()
}

fn read(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    if !matches!(reader.format()?, ImageFormat::Jpeg | ImageFormat::Png) {
        return None;
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let turned = decoder.orientation().ok();
    let picture = image::DynamicImage::from_decoder(decoder).ok()?;
    let mut picture =
        if picture.width().max(picture.height()) > SIDE { picture.thumbnail(SIDE, SIDE) } else { picture };
    if let Some(turned) = turned {
        picture.apply_orientation(turned);
    }
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, 80).encode_image(&picture.to_rgb8()).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image::DynamicImage::new_rgba8(width, height).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_is_written_anew_as_a_small_jpeg() {
        let small = small(png(1_000, 500)).unwrap();
        assert!(small.starts_with(b"\xff\xd8\xff"));
        let picture = image::load_from_memory(&small).unwrap();
        assert_eq!((picture.width(), picture.height()), (480, 240));
    }

    #[test]
    fn what_is_no_picture_or_would_take_too_much_is_not_shown() {
        let huge = {
            // A header that promises more pixels than are read.
            let mut bytes = png(1, 1);
            bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
            bytes
        };
        for bytes in [b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), b"GIF89a".to_vec(), Vec::new(), huge] {
            assert!(small(bytes).is_none());
        }
        assert!(small(png(10, 10)[..40].to_vec()).is_none());
    }
}

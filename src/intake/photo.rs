//! Where and when a photo was taken, by the position that the camera wrote into it (EXIF): form, not meaning.
//!
//! Anybody can write anything there, and a picture may have been taken long ago: understanding weighs it. A file that is
//! broken on purpose yields nothing; the reader visits each directory once, and what it holds is bounded by the file.

use crate::core::{Attachment, PhotoPoint, Point};
use chrono::{NaiveDate, NaiveDateTime};
use exif::{Exif, In, Reader, Tag, Value};
use std::io::Cursor;
use std::panic::catch_unwind;

/// So many photos of a message are looked into.
const MOST: usize = 20;
/// A picture larger than this, in bytes, is not looked into.
const MOST_BYTES: usize = 50 << 20;
/// A position this near to the point where equator and prime meridian meet is a camera that did not know where it was, in
/// degrees.
const NOWHERE: f64 = 0.01;

/// The positions in the photos among files: JPEG, HEIC, PNG and WebP, told by their first bytes. In order, each once a file.
#[must_use]
pub fn positions(files: &[Attachment]) -> Vec<PhotoPoint> {
    files.iter().filter(|file| is_picture(&file.bytes)).take(MOST).filter_map(position).collect()
}

fn is_picture(bytes: &[u8]) -> bool {
    let is_heic = bytes.get(4..8) == Some(b"ftyp");
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    bytes.len() <= MOST_BYTES
        && (bytes.starts_with(b"\xff\xd8\xff") || bytes.starts_with(b"\x89PNG") || is_heic || is_webp)
}

fn position(file: &Attachment) -> Option<PhotoPoint> {
    // The reader is given what strangers wrote: a fault in it must not cost the message.
    let (point, taken_at) = catch_unwind(|| read(&file.bytes)).ok()??;
    Some(PhotoPoint { file: file.name.clone(), point, taken_at })
}

fn read(bytes: &[u8]) -> Option<(Point, Option<NaiveDateTime>)> {
    let mut reader = Reader::new();
    let read = reader.continue_on_error(true).read_from_container(&mut Cursor::new(bytes));
    let exif = read.or_else(|error| error.distill_partial_result(|_| ())).ok()?;
    let lat = angle(&exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, ("N", "S"))?;
    let lon = angle(&exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, ("E", "W"))?;
    let point = Point::new(lat, lon).filter(|_| lat.abs() > NOWHERE || lon.abs() > NOWHERE)?;
    let taken = [Tag::DateTimeOriginal, Tag::DateTimeDigitized, Tag::DateTime];
    Some((point, taken.into_iter().find_map(|tag| time(&exif, tag))))
}

/// Degrees, minutes and seconds with the side they count from, which has to be said.
fn angle(exif: &Exif, value: Tag, side: Tag, (positive, negative): (&str, &str)) -> Option<f64> {
    let Value::Rational(parts) = &exif.get_field(value, In::PRIMARY)?.value else { return None };
    let part = |at: usize| {
        let number = parts.get(at).filter(|r| r.denom != 0).map(exif::Rational::to_f64);
        // Cameras that know no seconds write 0/0 or leave them out.
        if at > 0 && parts.get(at).is_none_or(|r| r.num == 0) { Some(0.0) } else { number }
    };
    let degrees = part(0)? + part(1)? / 60.0 + part(2)? / 3_600.0;
    let side = text(exif, side)?;
    let side = side.trim().to_ascii_uppercase();
    if side.starts_with(positive) { Some(degrees) } else { side.starts_with(negative).then_some(-degrees) }
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let Value::Ascii(lines) = &exif.get_field(tag, In::PRIMARY)?.value else { return None };
    lines.first().map(|line| String::from_utf8_lossy(line).into_owned())
}

/// `2026:03:04 10:15:00`, by the camera's own clock.
fn time(exif: &Exif, tag: Tag) -> Option<NaiveDateTime> {
    let text = text(exif, tag)?;
    let time = exif::DateTime::from_ascii(text.as_bytes()).ok()?;
    let day =
        NaiveDate::from_ymd_opt(time.year.into(), time.month.into(), time.day.into()).filter(|_| time.year > 1990)?;
    day.and_hms_opt(time.hour.into(), time.minute.into(), time.second.into())
}

#[cfg(test)]
mod tests;

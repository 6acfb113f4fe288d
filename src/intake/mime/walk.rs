//! The tree of parts a mail is made of.
//!
//! mail-parser builds this tree too, but drops nested messages recursively: a mail of 10,000 forwards inside each
//! other, or one such mail hidden in base64, would end the process by stack overflow, which nothing catches. Here
//! nothing goes deeper than [`MAX_DEPTH`], a message inside the mail is a leaf until somebody asks for its text, and
//! the number of parts is bounded.

use super::Unparseable;
use super::decode;
use super::headers::{Headers, Media};

/// Multiparts inside each other. Mail programs write four or five.
const MAX_DEPTH: usize = 25;
/// Parts in one mail.
const MAX_PARTS: usize = 1_000;

/// One part: its header and either the parts inside it or its bytes.
pub(super) struct Part {
    pub headers: Headers,
    /// `type/subtype`, lower case and legal, with its parameters.
    pub media: Media,
    pub body: Body,
}

pub(super) enum Body {
    /// The parts of a multipart and what stands before the first of them (for mail programs that cannot read it).
    Parts { parts: Vec<Part>, preamble: Vec<u8> },
    /// Bytes with the transfer encoding undone.
    Bytes(Vec<u8>),
}

impl Part {
    /// Reads a mail or the message inside one.
    ///
    /// # Errors
    /// [`Unparseable::NoHeader`] where there is no header, [`Unparseable::TooDeep`] and
    /// [`Unparseable::TooManyParts`] where the limits are passed.
    pub fn read(raw: &[u8]) -> Result<Self, Unparseable> {
        let (headers, at) = Headers::parse(raw);
        if headers.is_empty() {
            return Err(Unparseable::NoHeader);
        }
        let mut budget = MAX_PARTS;
        Self::build(headers, raw.get(at..).unwrap_or_default(), "text/plain", 0, &mut budget)
    }

    fn build(
        headers: Headers,
        body: &[u8],
        default: &str,
        depth: usize,
        left: &mut usize,
    ) -> Result<Self, Unparseable> {
        *left = left.checked_sub(1).ok_or(Unparseable::TooManyParts)?;
        let media = media_of(&headers, default);
        let encoding = headers.first("content-transfer-encoding").unwrap_or_default().to_owned();
        if !media.value.starts_with("multipart/") {
            let bytes = decode::transfer(&encoding, body).into_owned();
            return Ok(Self { headers, media, body: Body::Bytes(bytes) });
        }
        if depth >= MAX_DEPTH {
            return Err(Unparseable::TooDeep);
        }
        // A multipart must not be encoded, but some are.
        let decoded = decode::transfer(&encoding, body);
        let Some((preamble, slices)) = media
            .param("boundary")
            .map(str::to_owned)
            .and_then(|boundary| split(&decoded, boundary.trim_end()))
            .or_else(|| guess_boundary(&decoded).and_then(|boundary| split(&decoded, &boundary)))
        else {
            let media = Media { value: "text/plain".into(), params: Vec::new() };
            return Ok(Self { headers, media, body: Body::Bytes(decoded.into_owned()) });
        };
        let default = if media.value == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let mut parts = Vec::new();
        for slice in slices {
            let (inner, at) = part_header(slice);
            parts.push(Self::build(inner, slice.get(at..).unwrap_or_default(), default, depth + 1, left)?);
        }
        Ok(Self { headers, media, body: Body::Parts { parts, preamble: preamble.to_vec() } })
    }

    /// The bytes of a leaf; none for a multipart.
    pub fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Bytes(bytes) => bytes,
            Body::Parts { .. } => &[],
        }
    }

    /// The text of a leaf, charset and `format=flowed` undone.
    pub fn text(&self) -> String {
        let text = decode::charset(&self.media, self.bytes());
        let flowed = self.media.param("format").is_some_and(|f| f.eq_ignore_ascii_case("flowed"));
        if flowed && self.media.value == "text/plain" {
            let delsp = self.media.param("delsp").is_some_and(|d| d.eq_ignore_ascii_case("yes"));
            return crate::intake::text::unflow(&text, delsp);
        }
        text
    }
}

/// A part may have no header at all: then it starts with a blank line, or (broken) with its text.
fn part_header(slice: &[u8]) -> (Headers, usize) {
    let start = slice.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r')).unwrap_or(0);
    if slice.get(start) == Some(&b'\n') { (Headers::default(), start + 1) } else { Headers::parse(slice) }
}

fn media_of(headers: &Headers, default: &str) -> Media {
    let mut media = headers.media("content-type").unwrap_or_default();
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-/".contains(&b);
    if media.value.is_empty() {
        media.value = default.to_owned();
    } else if media.value == "text" || media.value == "text/" {
        media.value = "text/plain".to_owned();
    } else if media.value.split('/').count() != 2 || media.value.len() > 127 || !media.value.bytes().all(legal) {
        media.value = "application/octet-stream".to_owned();
    }
    media
}

/// The preamble and the slices between the boundary lines; `None` where there is no such line.
fn split<'a>(body: &'a [u8], boundary: &str) -> Option<(&'a [u8], Vec<&'a [u8]>)> {
    if boundary.is_empty() {
        return None;
    }
    // Strictly first; then as lenient as mail programs that append blanks or junk to the line.
    split_at_lines(body, boundary.as_bytes(), true).or_else(|| split_at_lines(body, boundary.as_bytes(), false))
}

fn split_at_lines<'a>(body: &'a [u8], boundary: &[u8], strict: bool) -> Option<(&'a [u8], Vec<&'a [u8]>)> {
    let mut preamble: Option<&[u8]> = None;
    let mut slices = Vec::new();
    let (mut at, mut begun) = (0, 0);
    let mut open = false;
    for line in body.split_inclusive(|b| *b == b'\n') {
        let start = at;
        at += line.len();
        let Some(tail) = line.strip_prefix(b"--").and_then(|l| l.strip_prefix(boundary)) else { continue };
        let closes = tail.starts_with(b"--");
        if strict && !tail.strip_prefix(b"--").unwrap_or(tail).trim_ascii().is_empty() {
            continue;
        }
        let before = without_line_end(&body[begun..start]);
        if open {
            slices.push(before);
        } else if preamble.is_none() {
            preamble = Some(before);
        }
        open = !closes;
        begun = at;
        if slices.len() > MAX_PARTS {
            break;
        }
    }
    if open {
        slices.push(&body[begun..]);
    }
    preamble.filter(|_| !slices.is_empty()).map(|preamble| (preamble, slices))
}

/// The line end before a boundary belongs to the boundary.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// Where the header names no boundary, or a wrong one: the first line that starts with `--` and comes again.
fn guess_boundary(body: &[u8]) -> Option<String> {
    let mut lines = body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.find(|l| l.len() > 4 && l.len() < 100 && l.starts_with(b"--") && !l.contains(&b' '))?;
    let comes_again = lines.any(|l| l == first || l.strip_suffix(b"--") == Some(first));
    comes_again.then(|| String::from_utf8_lossy(&first[2..]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(part: &Part) -> &[Part] {
        match &part.body {
            Body::Parts { parts, .. } => parts,
            Body::Bytes(_) => &[],
        }
    }

    #[test]
    fn parts_are_split_at_boundary_lines_only() {
        let raw = b"Content-Type: multipart/mixed; boundary=ab\n\npre\n--ab\n\none --ab\n--abc\n--ab  \nX: y\n\ntwo\n--ab--\nend";
        let part = Part::read(raw).unwrap();
        let bytes: Vec<&[u8]> = parts(&part).iter().map(Part::bytes).collect();
        assert_eq!(bytes, [&b"one --ab\n--abc"[..], b"two"]);
    }

    #[test]
    fn a_missing_boundary_is_guessed_and_a_missing_end_does_not_matter() {
        let part = Part::read(b"Content-Type: multipart/mixed\n\n--xyz12\n\none\n--xyz12\n\ntwo\n").unwrap();
        assert_eq!(parts(&part).len(), 2);
        let part = Part::read(b"Content-Type: multipart/mixed; boundary=q\n\nno parts at all\n").unwrap();
        assert_eq!((part.media.value.as_str(), part.text().as_str()), ("text/plain", "no parts at all\n"));
    }

    #[test]
    fn ten_thousand_nested_multiparts_are_refused_quickly() {
        let mut raw = b"From: a@b.example\n".to_vec();
        for n in 0..10_000 {
            raw.extend_from_slice(format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n").as_bytes());
        }
        let begun = std::time::Instant::now();
        assert_eq!(Part::read(&raw).err(), Some(Unparseable::TooDeep));
        assert!(begun.elapsed().as_secs() < 5);
    }

    #[test]
    fn a_hundred_thousand_parts_are_refused_quickly() {
        let raw = b"Content-Type: multipart/mixed; boundary=b\n\n".to_vec();
        assert_eq!(Part::read(&[raw, b"--b\n\nx\n".repeat(100_000)].concat()).err(), Some(Unparseable::TooManyParts));
    }
}

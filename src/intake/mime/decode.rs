//! From the bytes of a part to what they stand for: transfer encoding first, then charset. Nothing here fails: what is
//! broken is read as far as it goes.

use super::headers::Media;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use std::borrow::Cow;

/// Undoes the `Content-Transfer-Encoding`; an unknown one is taken as none.
pub(super) fn transfer<'a>(encoding: &str, body: &'a [u8]) -> Cow<'a, [u8]> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => base64_decode(body).unwrap_or_else(|| broken_base64(body)).into(),
        "quoted-printable" => quoted_printable(body).into(),
        _ => body.into(),
    }
}

/// Base64 with foreign matter, mostly the plain footer a mailing list put behind it: lines of pure base64 are decoded,
/// the others are kept as they are.
fn broken_base64(body: &[u8]) -> Vec<u8> {
    let (mut encoded, mut foreign) = (Vec::with_capacity(body.len()), Vec::new());
    let legal = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b' ' | b'\t' | b'\r' | b'\n');
    for line in body.split_inclusive(|b| *b == b'\n') {
        if line.iter().all(legal) && foreign.is_empty() {
            encoded.extend_from_slice(line);
        } else {
            foreign.extend_from_slice(line);
        }
    }
    let mut decoded = base64_decode(&encoded).unwrap_or_default();
    if !decoded.is_empty() && !foreign.is_empty() {
        decoded.push(b'\n');
    }
    decoded.extend_from_slice(&foreign);
    decoded
}

/// Quoted-printable, in which an escape that is none stands for itself.
fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|b| *b == b'\n') {
        let content = line.trim_ascii_end();
        let soft = content.last() == Some(&b'=');
        let content = if soft { &content[..content.len() - 1] } else { content };
        let mut at = 0;
        while let Some(b) = content.get(at) {
            match (b, hex(content.get(at + 1)), hex(content.get(at + 2))) {
                (b'=', Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    at += 3;
                }
                _ => {
                    out.push(*b);
                    at += 1;
                }
            }
        }
        let end: &[u8] = if line.ends_with(b"\r\n") { b"\r\n" } else { b"\n" };
        if !soft && line.ends_with(b"\n") {
            out.extend_from_slice(end);
        }
    }
    out
}

/// The text of a part by its declared charset. UTF-8 declared as something western is read as UTF-8, since text that
/// happens to be valid UTF-8 is; what is declared wrongly, not at all or unknown is read as UTF-8 where it is, else as
/// Windows' western encoding.
pub(super) fn charset(media: &Media, bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let name = media.param("charset").unwrap_or_default().trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    let western = matches!(
        name.as_str(),
        "" | "utf-8"
            | "utf8"
            | "us-ascii"
            | "ascii"
            | "iso-8859-1"
            | "iso8859-1"
            | "latin1"
            | "windows-1252"
            | "cp1252"
    );
    if western && let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    if name.starts_with("utf-8") || name == "utf8" {
        let lossy = String::from_utf8_lossy(bytes);
        // A few broken characters in real UTF-8, or no UTF-8 at all?
        if lossy.chars().any(|c| !c.is_ascii() && c != char::REPLACEMENT_CHARACTER) {
            return lossy.into_owned();
        }
    }
    let declared = charset_decoder(name.as_bytes()).filter(|_| !name.starts_with("utf-8") && name != "utf8");
    let decoded = declared.map(|decode| decode(bytes));
    // Encodings that browsers refuse (hz, iso-2022-kr) decode to one replacement character, which would lose all.
    match decoded.filter(|text| bytes.len() < 4 || text.chars().nth(1).is_some()) {
        Some(text) => text,
        None => match (std::str::from_utf8(bytes), charset_decoder(b"windows-1252")) {
            (Ok(text), _) => text.to_owned(),
            (Err(_), Some(decode)) => decode(bytes),
            (Err(_), None) => String::from_utf8_lossy(bytes).into_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, bytes: &[u8]) -> String {
        charset(&Media { value: "text/plain".into(), params: vec![("charset".into(), name.into())] }, bytes)
    }

    #[test]
    fn base64_with_a_footer_keeps_both() {
        let expected = b"hello\n_____\r\nlist footer\r\n";
        assert_eq!(*transfer("BASE64", b"aGVsbG8=\r\n_____\r\nlist footer\r\n"), *expected);
    }

    #[test]
    fn quoted_printable_is_read_as_far_as_it_goes() {
        let read = |body| String::from_utf8(transfer("quoted-printable", body).into_owned()).unwrap();
        assert_eq!(read(b"caf=C3=A9 a=\r\nb 50=% =ZZ  \r\nend="), "café ab 50=% =ZZ\r\nend");
        assert_eq!(read(b"1 =3D=\n 1"), "1 = 1");
    }

    #[test]
    fn charsets_are_known_guessed_or_read_with_losses() {
        assert_eq!(text("windows-1252", b"\x8010 caf\xe9"), "€10 café");
        assert_eq!(text("gb2312", b"\xc4\xe3\xba\xc3"), "你好");
        assert_eq!(text("KOI8-R", b"\xf0\xd2\xc9\xd7\xc5\xd4"), "Привет");
        assert_eq!(text("x-no-such-thing", b"caf\xe9"), "café");
        assert_eq!(text("x-no-such-thing", "café".as_bytes()), "café");
        assert_eq!(text("us-ascii", "naïve".as_bytes()), "naïve");
        assert_eq!(text("iso-8859-1", "naïve".as_bytes()), "naïve");
        assert_eq!(text("utf-8", b"na\xefve"), "naïve");
        assert_eq!(text("utf-8", b"\xc3\xa9t\xe9 ok"), "ét\u{fffd} ok");
        assert_eq!(text("hz-gb-2312", b"~{VPND~} plain"), "~{VPND~} plain");
    }
}

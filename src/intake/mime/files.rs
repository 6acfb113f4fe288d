//! Files that come with a mail: their names made harmless, their kind judged, their bytes kept.

use super::walk::Part;
use super::{MimeLimits, headers::Headers};
use crate::core::Attachment;
use crate::intake::text::one_line;

/// Longest file name, in characters.
const MAX_NAME: usize = 120;

/// The part as a file. `number` counts files from one, for those without a name.
pub(super) fn attachment(part: &Part, number: usize, limits: &MimeLimits) -> Attachment {
    let name = name_of(part, number);
    let bytes = part.bytes().to_vec();
    let content_type = part.media.value.clone();
    let refused = refusal(&name, &content_type, &bytes, number, limits);
    Attachment { name, content_type, bytes, refused }
}

/// A file that came along with a message that is no mail. `number` counts from one and names it where it has no name.
pub(crate) fn file(
    name: Option<&str>,
    content_type: &str,
    bytes: Vec<u8>,
    number: usize,
    limits: &MimeLimits,
) -> Attachment {
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    let content_type = if content_type.is_empty() { "application/octet-stream".to_owned() } else { content_type };
    let what = if content_type.starts_with("image/") { "picture" } else { "file" };
    let given = name.map(clean_name).filter(|name| !name.is_empty());
    let name = given.unwrap_or_else(|| format!("{what}-{number}.{}", extension_for(&content_type)));
    let refused = refusal(&name, &content_type, &bytes, number, limits);
    Attachment { name, content_type, bytes, refused }
}

/// The file name the sender gave, cleaned; `None` where there is none.
pub(super) fn given_name(part: &Part) -> Option<String> {
    let disposition = part.headers.media("content-disposition").unwrap_or_default();
    let given = disposition.param("filename").or_else(|| part.media.param("name"))?;
    Some(clean_name(given)).filter(|n| !n.is_empty())
}

fn name_of(part: &Part, number: usize) -> String {
    if let Some(name) = given_name(part) {
        return name;
    }
    let extension = extension_for(&part.media.value);
    if part.media.value.starts_with("message/rfc822") || part.media.value == "message/global" {
        let subject = clean_name(&Headers::parse(part.bytes()).0.text("subject").replace(['/', '\\'], "-"));
        if !subject.is_empty() {
            return clean_name(&format!("{}.eml", subject.chars().take(MAX_NAME - 4).collect::<String>()));
        }
    }
    let what = part.media.value.split('/').next().unwrap_or_default();
    match what {
        "image" => format!("picture-{number}.{extension}"),
        "message" => format!("message-{number}.{extension}"),
        _ => format!("file-{number}.{extension}"),
    }
}

/// A name without folders, control characters, direction marks or characters that file systems refuse, and not longer
/// than [`MAX_NAME`] with its extension kept. Empty where nothing is left.
fn clean_name(given: &str) -> String {
    let one = one_line(given);
    let last = one.rsplit(['/', '\\']).next().unwrap_or_default();
    let harmless = |c: char| match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{200e}' | '\u{200f}' => '_',
        c => c,
    };
    let name: String = last.chars().map(harmless).collect();
    let name = name.trim().trim_start_matches('.').trim_end_matches(['.', ' ']);
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let device = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.ends_with(|c: char| c.is_ascii_digit()));
    let name = if device { format!("_{name}") } else { name.to_owned() };
    if name.chars().count() <= MAX_NAME {
        return name;
    }
    let (stem, extension) = name.rsplit_once('.').filter(|(_, e)| e.chars().count() <= 10).unwrap_or((&name, ""));
    let room = MAX_NAME - extension.chars().count() - usize::from(!extension.is_empty());
    let stem: String = stem.chars().take(room).collect();
    if extension.is_empty() { stem } else { format!("{}.{extension}", stem.trim_end()) }
}

/// Why the file is kept but not passed on, in words for a gatekeeper.
fn refusal(name: &str, content_type: &str, bytes: &[u8], number: usize, limits: &MimeLimits) -> Option<String> {
    if number > limits.max_attachments {
        return Some(format!("more than {} files", limits.max_attachments));
    }
    if bytes.len() > limits.max_attachment_bytes {
        return Some(format!("larger than {} MB", limits.max_attachment_bytes / (1024 * 1024)));
    }
    let extension = name.rsplit_once('.').map(|(_, e)| e.trim().to_lowercase()).unwrap_or_default();
    if limits.refused_extensions.contains(&extension) {
        return Some(format!("a .{extension} file can carry a program"));
    }
    if limits.refused_types.iter().any(|t| t == content_type) {
        return Some(format!("{content_type} can carry a program"));
    }
    // Whatever it is called: the first bytes of Windows and Linux programs.
    let program = bytes.starts_with(b"MZ") && bytes.len() > 64 && extension != "txt" || bytes.starts_with(b"\x7fELF");
    program.then(|| "the file is a program".to_owned())
}

fn extension_for(content_type: &str) -> &'static str {
    match content_type {
        "image/jpeg" | "image/jpg" | "image/pjpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/heic" | "image/heif" => "heic",
        "image/webp" => "webp",
        "image/tiff" => "tif",
        "image/bmp" => "bmp",
        "image/svg+xml" => "svg",
        "application/pdf" => "pdf",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "application/vnd.ms-excel" => "xls",
        "application/rtf" | "text/rtf" => "rtf",
        "application/zip" | "application/x-zip-compressed" => "zip",
        "application/ms-tnef" => "dat",
        "application/pgp-signature" => "asc",
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => "p7s",
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => "p7m",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        "audio/amr" => "amr",
        "audio/ogg" => "ogg",
        "audio/wav" | "audio/x-wav" => "wav",
        "video/mp4" => "mp4",
        "video/3gpp" => "3gp",
        "video/quicktime" => "mov",
        "text/html" => "html",
        "text/calendar" => "ics",
        "text/vcard" | "text/x-vcard" => "vcf",
        "text/csv" => "csv",
        "message/rfc822" | "message/global" => "eml",
        other if other.starts_with("text/") || other.starts_with("message/") => "txt",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, body: &[u8]) -> Attachment {
        let raw = [header.as_bytes(), b"\n\n", body].concat();
        attachment(&Part::read(&raw).unwrap(), 1, &MimeLimits::default())
    }

    #[test]
    fn names_lose_paths_controls_and_disguises() {
        assert_eq!(clean_name("../../etc/passwd"), "passwd");
        assert_eq!(clean_name("C:\\temp\\a\r\nb\0.pdf"), "a b.pdf");
        assert_eq!(clean_name("invoice\u{202e}fdp.exe "), "invoicefdp.exe");
        assert_eq!(clean_name("..."), "");
        assert_eq!(clean_name("con.txt"), "_con.txt");
        assert_eq!(clean_name("evil.exe. ."), "evil.exe");
        let long = clean_name(&("é".repeat(400) + ".jpeg"));
        assert_eq!((long.chars().count(), long.ends_with(".jpeg")), (MAX_NAME, true));
    }

    #[test]
    fn a_file_without_a_name_gets_one_from_its_type() {
        assert_eq!(file("Content-Type: image/jpeg", b"x").name, "picture-1.jpg");
        assert_eq!(file("Content-Type: message/rfc822", b"Subject: Re: a/b\n\nx").name, "Re_ a-b.eml");
        assert_eq!(file("Content-Type: application/x-odd", b"x").name, "file-1.bin");
    }

    #[test]
    fn programs_are_kept_and_refused_however_they_are_dressed() {
        for header in [
            "Content-Type: application/octet-stream; name=a.exe",
            "Content-Type: image/png\nContent-Disposition: attachment; filename=\"holiday.png.SCR\"",
            "Content-Type: text/html; name=letter.txt",
            "Content-Type: application/zip; name=budget.xlsm",
        ] {
            let file = file(header, b"bytes");
            assert!(file.refused.is_some() && file.bytes == b"bytes", "{header}: {file:?}");
        }
        assert!(file("Content-Type: image/png; name=a.png", &[&b"MZ"[..], &[0; 90]].concat()).refused.is_some());
        assert_eq!(file("Content-Type: image/png; name=a.png", b"\x89PNG").refused, None);
    }
}

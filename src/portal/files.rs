//! Downloads: files that came with messages, and messages as they came. Never shown in the browser, always saved.

use super::{App, audit_reading, case_page, queries, scope, trouble::Trouble};
use crate::core::access::Field;
use crate::core::{InboxId, MessageId, Right};
use crate::routing::consent::Consent;
use crate::store::attachment::Stored;
use crate::store::case::Case;
use crate::store::{self, Tx, session::Session};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::fmt::Write;

/// Types that are handed over under their own name; anything else is only bytes.
const KNOWN_TYPES: [&str; 6] = ["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"];
/// Longest file name that is handed on, in characters.
const LONGEST_NAME: usize = 120;

pub(super) async fn attachment(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path((reference, message, position)): Path<(String, String, String)>,
) -> Result<Response, Trouble> {
    let mut tx = app.db().read().await?;
    let case = case_page::find(&mut tx, &reference).await?;
    let file = of_case(&mut tx, &case, &message, &position).await?;
    let bytes = store::attachment::bytes(&mut tx, &file.sha256).await?.ok_or_else(|| no_such_file(&case))?;
    drop(tx);
    let detail = json!({"message": file.message_id, "position": file.position});
    audit_reading(&app, &session, "read attachment", &[format!("case:{}", case.id)], detail).await?;
    // What is not passed on to departments is not made easy to open here either.
    let name = if file.refused.is_some() { format!("{}.blocked", file.name) } else { file.name };
    let known = KNOWN_TYPES.iter().find(|t| file.refused.is_none() && file.content_type.eq_ignore_ascii_case(t));
    Ok(download(&name, known.unwrap_or(&"application/octet-stream"), bytes))
}

/// A file of a case by the message it came with and its place there, if somebody at the desk may read it.
pub(super) async fn of_case(tx: &mut Tx, case: &Case, message: &str, position: &str) -> Result<Stored, Trouble> {
    if !scope::gatekeepers_eyes(case).may_read(Field::Words) {
        return Err(not_yours().attempted(format!("case:{}", case.id)));
    }
    let files = store::attachment::of_case(tx, &case.id).await?;
    let file = files.into_iter().find(|f| f.message_id.as_str() == message && f.position.to_string() == position);
    file.ok_or_else(|| no_such_file(case))
}

fn no_such_file(case: &Case) -> Trouble {
    Trouble::not_found("There is no such file on this case.").back_to_case(&case.reference)
}

pub(super) async fn raw_message(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let id = MessageId::from(id);
    let mut tx = app.db().read().await?;
    match queries::case_of_message(&mut tx, &id).await? {
        Some((_, councillor)) if !session.reach(Right::Cases).has(councillor.as_deref()) => {
            return Err(no_message().attempted(format!("message:{id}")));
        }
        Some((consent, _)) if Consent::of(&consent).is_private() => {
            return Err(not_yours().attempted(format!("message:{id}")));
        }
        None if !session.holds(Right::Desk) => return Err(no_message()),
        Some(_) | None => {}
    }
    let bytes = store::inbox::raw_of_message(&mut tx, &id).await?;
    drop(tx);
    let bytes = bytes.ok_or_else(no_message)?;
    audit_reading(&app, &session, "read original", &[format!("message:{id}")], json!({})).await?;
    Ok(download(&format!("message-{id}.eml"), "message/rfc822", bytes))
}

pub(super) async fn raw_delivery(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let id = InboxId::from(id);
    let mut tx = app.db().read().await?;
    if queries::is_private_delivery(&mut tx, &id).await? {
        return Err(not_yours().attempted(format!("inbox:{id}")));
    }
    let bytes = store::inbox::raw(&mut tx, &id).await?;
    drop(tx);
    let bytes = bytes.ok_or_else(no_message)?;
    audit_reading(&app, &session, "read original", &[format!("inbox:{id}")], json!({})).await?;
    Ok(download(&format!("message-{id}.eml"), "message/rfc822", bytes))
}

fn no_message() -> Trouble {
    Trouble::not_found("There is no such message.")
}

fn not_yours() -> Trouble {
    Trouble::forbidden("This is for the councillor only, so nobody can read or save it here.")
}

/// An answer that is saved as a file.
pub(super) fn download(name: &str, content_type: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let disposition =
        HeaderValue::try_from(disposition(name)).unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    response
}

/// RFC 6266: a plain name for old programs, the whole name in UTF-8 for others. Nothing in a name can end the header, add
/// another, or lead out of the folder it is saved in.
fn disposition(name: &str) -> String {
    let cleaned: String =
        name.chars().filter(|c| !c.is_control()).map(|c| if is_special(c) { '_' } else { c }).collect();
    let cleaned = cleaned.trim().trim_start_matches('.');
    let length = cleaned.chars().count();
    // A long name keeps its end, because that says what it is.
    let cleaned: String = cleaned.chars().skip(length.saturating_sub(LONGEST_NAME)).collect();
    let cleaned = if cleaned.is_empty() { "file".to_owned() } else { cleaned };
    let plain: String = cleaned.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in cleaned.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// Characters that mean something to headers, shells or file systems, and those that turn the reading direction round
/// (`invoice\u{202e}fdp.exe`).
const fn is_special(c: char) -> bool {
    matches!(c, '"' | '\\' | '/' | ':' | ';' | '*' | '?' | '<' | '>' | '|' | '%' | '`' | '$')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_name_cannot_end_the_header_or_leave_the_folder() {
        assert_eq!(
            disposition("../a\"; filename=\"b.exe\r\nSet-Cookie: x=1"),
            "attachment; filename=\"_a__ filename=_b.exeSet-Cookie_ x=1\"; filename*=UTF-8''_a__%20filename%3D_b.exeSet-Cookie_%20x%3D1"
        );
        assert_eq!(disposition(".."), "attachment; filename=\"file\"; filename*=UTF-8''file");
        assert_eq!(disposition("łąka.png"), "attachment; filename=\"__ka.png\"; filename*=UTF-8''%C5%82%C4%85ka.png");
    }

    proptest! {
        #[test]
        fn every_name_makes_a_header(name in "\\PC{0,200}|[\\x00-\\x7f]{0,200}") {
            let value = HeaderValue::try_from(disposition(&name)).unwrap();
            prop_assert_eq!(value.to_str().unwrap().matches('"').count(), 2);
        }
    }
}

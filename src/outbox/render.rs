//! The bytes of an outgoing mail, built from its row: the same bytes for the same row, at every try.

use crate::store::outbox::{OutMail, Outgoing};
use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};

/// Envelope and bytes.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// For MAIL FROM and RCPT TO.
    pub envelope: Envelope,
    /// The mail.
    pub bytes: Vec<u8>,
}

/// Builds a mail; `files` are the bytes of its attachments in their order.
///
/// # Errors
/// One line that says which part cannot be made into a mail (an address that is none, a header with a line break).
pub fn render(outgoing: &Outgoing, files: Vec<Vec<u8>>) -> Result<Rendered, String> {
    let mail: &OutMail = &outgoing.mail.0;
    let envelope = envelope(mail)?;
    let mut builder = Message::builder()
        .message_id(Some(format!("<{}>", outgoing.rfc_message_id)))
        .date(outgoing.created_at.into())
        .from(parse(&mail.from)?)
        .subject(one_line(&mail.subject))
        .envelope(envelope.clone());
    for to in &mail.to {
        builder = builder.to(parse(to)?);
    }
    for cc in &mail.cc {
        builder = builder.cc(parse(cc)?);
    }
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(parse(reply_to)?);
    }
    if let Some(id) = &mail.in_reply_to {
        builder = builder.in_reply_to(format!("<{}>", one_line(id)));
    }
    if !mail.references.is_empty() {
        let ids: Vec<String> = mail.references.iter().map(|id| format!("<{}>", one_line(id))).collect();
        builder = builder.references(ids.join(" "));
    }
    let mut extra = vec![("Content-Language", mail.language.as_str())];
    if let Some(auto) = &mail.auto_submitted {
        extra.push(("Auto-Submitted", auto));
        extra.push(("X-Auto-Response-Suppress", "All"));
    }
    for (name, value) in extra {
        let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|e| e.to_string())?;
        builder = builder.raw_header(HeaderValue::new(name, one_line(value)));
    }
    let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(mail.body.clone());
    let message = if files.is_empty() {
        builder.singlepart(text)
    } else {
        let mut parts = MultiPart::mixed().boundary(format!("beadle-{}", outgoing.id)).singlepart(text);
        for (about, bytes) in mail.attachments.iter().zip(files) {
            let content_type = ContentType::parse(&about.content_type)
                .or_else(|_| ContentType::parse("application/octet-stream"))
                .map_err(|e| e.to_string())?;
            // A mail inside a mail may only be sent undisturbed, which a base64 part of that type would not be.
            let content_type =
                if about.content_type.starts_with("message/") || about.content_type.starts_with("multipart/") {
                    ContentType::parse("application/octet-stream").map_err(|e| e.to_string())?
                } else {
                    content_type
                };
            parts = parts.singlepart(Attachment::new(about.name.clone()).body(bytes, content_type));
        }
        builder.multipart(parts)
    };
    let message = message.map_err(|e| format!("the mail cannot be put together: {e}"))?;
    Ok(Rendered { envelope, bytes: message.formatted() })
}

fn envelope(mail: &OutMail) -> Result<Envelope, String> {
    let from =
        mail.envelope_from.as_deref().map(|a| a.parse().map_err(|e| format!("envelope sender: {e}"))).transpose()?;
    let to = mail.to.iter().chain(&mail.cc).map(|a| parse(a).map(|m| m.email)).collect::<Result<Vec<_>, _>>()?;
    Envelope::new(from, to).map_err(|e| e.to_string())
}

/// The address itself is not in the error: errors are shown and logged.
fn parse(address: &str) -> Result<Mailbox, String> {
    address.parse().map_err(|e| format!("an address cannot be written to: {e}"))
}

fn one_line(text: &str) -> String {
    text.split(['\r', '\n']).map(str::trim).collect::<Vec<_>>().join(" ")
}

//! Text messages, in and out: one trait, and one file for each provider.
//!
//! A text comes in as a [`Webhook`]. The caller asks [`TextProvider::authenticate`], stores the body as it came, commits,
//! and only then gives [`TextProvider::answer`]; [`TextProvider::parse`] reads the stored body later, and needs nothing
//! else. So a text that cannot be read is kept with its error and is not lost at the provider. Webhooks carry no time
//! that could be checked, so anybody who saw one can send it again: the caller takes each `provider_id` once.
//!
//! For a third provider, write a file beside [`twilio`] and [`notify`] that implements [`TextProvider`]; [`phone`],
//! [`parts`], [`words`] and the way over HTTP (`channels/http`) are the same for all.
//!
//! No error and no refusal holds a telephone number, a name or a word of a message.

pub mod notify;
pub mod parts;
pub mod phone;
pub mod twilio;
pub mod words;

use crate::channels::SendError;
pub use crate::channels::SettingsError;
use crate::core::{Channel, Point};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What stands before a number that is reached over WhatsApp, in [`TextIn::reply_to`] and [`TextProvider::send`].
pub const WHATSAPP: &str = "whatsapp:";

/// How a text travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextKind {
    /// SMS or MMS.
    Sms,
    /// WhatsApp.
    #[serde(rename = "whatsapp")]
    WhatsApp,
}

impl From<TextKind> for Channel {
    fn from(kind: TextKind) -> Self {
        match kind {
            TextKind::Sms => Self::Sms,
            TextKind::WhatsApp => Self::Whatsapp,
        }
    }
}

/// A file that came with a text; it lies with the provider until it is fetched with [`TextProvider::media`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRef {
    /// Where it lies.
    pub url: String,
    /// What the provider says it is: `image/jpeg`; empty where it does not say.
    pub content_type: String,
}

/// A text that came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextIn {
    /// The provider's name for it, the same however often it is sent to us.
    pub provider_id: String,
    /// Who sent it: E.164 (`+447700900123`); a short code or a name as it is, see [`TextIn::is_answerable`].
    pub from: String,
    /// The number it was sent to, in the same form; empty where the provider does not say.
    pub to: String,
    /// The words, unchanged; may be empty. Long texts come in one piece.
    pub body: String,
    /// When the provider got it, where it says so.
    pub sent_at: Option<DateTime<Utc>>,
    /// Files.
    pub media: Vec<MediaRef>,
    /// The position that the sender shared.
    pub position: Option<Point>,
    /// The name that the sender goes by on WhatsApp. Anybody may choose any name.
    pub profile_name: Option<String>,
    /// How it travelled.
    pub kind: TextKind,
}

impl TextIn {
    /// Whether the sender can be written back to: short codes and senders with a name cannot.
    #[must_use]
    pub fn is_answerable(&self) -> bool {
        phone::is_answerable(&self.from)
    }

    /// Where an answer goes, for [`TextProvider::send`]: `+447700900123` or `whatsapp:+447700900123`.
    #[must_use]
    pub fn reply_to(&self) -> Option<String> {
        let prefix = match self.kind {
            TextKind::Sms => "",
            TextKind::WhatsApp => WHATSAPP,
        };
        self.is_answerable().then(|| format!("{prefix}{}", self.from))
    }
}

/// A request that came to us, as it came. Shows nothing of its content when printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Webhook {
    /// `POST`.
    pub method: String,
    /// What stands in the request line: `/texts/twilio?bodySHA256=…`.
    pub path_and_query: String,
    /// Names and values, in any case and order.
    pub headers: Vec<(String, String)>,
    /// The body's bytes, not decoded.
    pub body: Vec<u8>,
}

impl Webhook {
    /// The first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn query(&self) -> Option<&str> {
        self.path_and_query.split_once('?').map(|(_, query)| query)
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({} of {} bytes)", self.method, self.body.len())
    }
}

/// What a webhook brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, for [`TextProvider::parse`].
    Incoming,
    /// News of a text that we sent, for [`TextProvider::parse_status`].
    Status,
}

/// A webhook that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {why}")]
pub struct Refusal {
    /// The HTTP status to answer with.
    pub status: u16,
    /// Why, with the remedy where it may be ours.
    pub why: &'static str,
}

/// A body that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{provider} sent what cannot be read: {why}")]
pub struct ParseError {
    /// The provider's name.
    pub provider: &'static str,
    /// What was wrong, without what stood there.
    pub why: String,
}

/// News of a text that we sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The provider's name for it, as in [`Sent`].
    pub provider_id: String,
    /// The reference it was sent under, where the provider gives that back (Notify does, Twilio does not).
    pub our_reference: Option<String>,
    /// How far it came. News may come out of order: `Sent` after `Delivered` says nothing.
    pub state: DeliveryState,
}

/// How far a text came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is on the telephone.
    Delivered,
    /// It is on its way.
    Sent,
    /// It did not arrive.
    Failed {
        /// Whether sending it again is no use.
        permanent: bool,
        /// The provider's code: `30005`, `permanent-failure`.
        code: String,
    },
}

/// A text that the provider took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The provider's name for it.
    pub provider_id: String,
}

/// A company or office that carries texts.
#[async_trait]
pub trait TextProvider: Send + Sync + fmt::Debug {
    /// Its name in settings, rows and log lines: one small word.
    fn name(&self) -> &'static str;

    /// Whether the webhook comes from the provider, and what it brings. It says nothing about whether the body makes
    /// sense beyond what the proof needs.
    ///
    /// # Errors
    /// [`Refusal`], with the status to answer.
    fn authenticate(&self, webhook: &Webhook) -> Result<Kind, Refusal>;

    /// Reads the body of a text that came in.
    ///
    /// # Errors
    /// When it is none, or has no id or no sender.
    fn parse(&self, body: &[u8]) -> Result<TextIn, ParseError>;

    /// Reads the body of news about a text that we sent.
    ///
    /// # Errors
    /// When it is none, or names a state that we do not know.
    fn parse_status(&self, body: &[u8]) -> Result<Delivery, ParseError>;

    /// What to answer, with status 200, once a webhook is stored: content type and body.
    fn answer(&self) -> (&'static str, &'static str);

    /// Sends a text to a number as in [`TextIn::reply_to`], under a reference of ours that the provider keeps where it
    /// can. It is never sent twice by one call.
    ///
    /// # Errors
    /// See [`SendError`]: the caller must tell its kinds apart. Should the future be dropped before it is done, that is
    /// `Uncertain`.
    async fn send(&self, to: &str, body: &str, our_reference: &str) -> Result<Sent, SendError>;

    /// Fetches a file of at most so many bytes; gives it with its content type. It goes to the provider's own hosts as
    /// the settings name them, and nowhere else.
    ///
    /// # Errors
    /// `Refused` when it lies elsewhere, is too large or is gone; else `Busy` or `TryAgain`, never `Uncertain`.
    async fn media(&self, media: &MediaRef, most_bytes: usize) -> Result<(Vec<u8>, String), SendError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_case_and_nothing_is_shown() {
        let webhook = Webhook {
            method: "POST".to_owned(),
            path_and_query: "/texts?token=secret".to_owned(),
            headers: vec![("authorization".to_owned(), "Bearer secret".to_owned())],
            body: b"secret".to_vec(),
        };
        assert_eq!(webhook.header("Authorization"), Some("Bearer secret"));
        assert_eq!(webhook.header("X-Other"), None);
        assert_eq!(webhook.query(), Some("token=secret"));
        assert_eq!(format!("{webhook:?}"), "Webhook(POST of 6 bytes)");
    }

    #[test]
    fn an_answer_goes_back_the_way_the_text_came() {
        let text = |from: &str, kind| TextIn {
            provider_id: "1".to_owned(),
            from: from.to_owned(),
            to: String::new(),
            body: String::new(),
            sent_at: None,
            media: Vec::new(),
            position: None,
            profile_name: None,
            kind,
        };
        assert_eq!(text("+447700900123", TextKind::Sms).reply_to().as_deref(), Some("+447700900123"));
        assert_eq!(text("+447700900123", TextKind::WhatsApp).reply_to().as_deref(), Some("whatsapp:+447700900123"));
        assert_eq!(text("80818", TextKind::Sms).reply_to(), None);
        let stored = serde_json::to_string(&text("NHS", TextKind::WhatsApp)).unwrap();
        assert!(stored.contains("\"kind\":\"whatsapp\""), "{stored}");
        assert_eq!(serde_json::from_str::<TextIn>(&stored).unwrap(), text("NHS", TextKind::WhatsApp));
    }
}

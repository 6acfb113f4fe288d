//! From the JSON of an update to what it means.

use super::update::{Command, Content, File, Person, Update};
use crate::core::Point;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use teloxide::types::{
    Chat, FileMeta, Location, MediaKind, Message, MessageKind, Update as Told, UpdateKind, User, Venue,
};

/// The kinds of update that are a message.
const MESSAGES: [&str; 6] =
    ["message", "edited_message", "channel_post", "edited_channel_post", "business_message", "edited_business_message"];
/// What of a message is read here. Where something else in it is news to teloxide, these are read without it.
const READ: [&str; 22] = [
    "message_id",
    "date",
    "edit_date",
    "chat",
    "from",
    "sender_chat",
    "media_group_id",
    "text",
    "caption",
    "photo",
    "document",
    "location",
    "venue",
    "contact",
    "voice",
    "audio",
    "video",
    "video_note",
    "animation",
    "sticker",
    "poll",
    "dice",
];

/// Why an update is not understood. It is kept: a later version may understand it. No words of the update stand here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not the JSON of an update.
    #[error("this is no update of Telegram's (line {line}, column {column})")]
    NoUpdate {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// It holds a message that lacks what every message has: number, date and chat.
    #[error("update {update_id} holds a message that cannot be read")]
    Message {
        /// Its number.
        update_id: i64,
    },
}

/// What is looked at without teloxide, so that nothing unknown gets in the way.
#[derive(Deserialize)]
struct Peek {
    update_id: i64,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Understands one update, given as its own JSON object.
///
/// A kind of update that is news to us is [`Content::Other`], and a message whose contents are news is
/// [`Content::Unsupported`], so that whoever wrote it can be told.
///
/// # Errors
/// See [`ParseError`].
pub fn understand(bytes: &[u8]) -> Result<Update, ParseError> {
    let Peek { update_id, rest } = serde_json::from_slice(bytes)
        .map_err(|error| ParseError::NoUpdate { line: error.line(), column: error.column() })?;
    let found = MESSAGES.iter().find_map(|kind| Some((*kind, rest.get(*kind)?.as_object()?)));
    let Some((kind, fields)) = found else { return Ok(other(update_id, bytes)) };
    let message = message(fields).ok_or(ParseError::Message { update_id })?;
    let reply_to = fields.get("reply_to_message").and_then(|to| to.get("message_id")?.as_i64()?.try_into().ok());
    let edited = message.edit_date().copied();
    Ok(Update {
        update_id,
        chat_id: Some(message.chat.id.0),
        private: message.chat.is_private(),
        sent_at: Some(edited.unwrap_or(message.date)),
        edited: kind.starts_with("edited_"),
        forwarded: fields.contains_key("forward_origin"),
        message_id: Some(message.id.0),
        reply_to,
        media_group: fields.get("media_group_id").and_then(Value::as_str).map(str::to_owned),
        from: message.from.as_ref().map(person),
        content: content(&message, fields),
    })
}

/// The message, all of it if possible, else what is read here, else at least what every message has.
fn message(fields: &Map<String, Value>) -> Option<Message> {
    let read = |keep: &[&str]| {
        let kept = fields.iter().filter(|(name, _)| keep.contains(&name.as_str()));
        let kept: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
        serde_json::from_value::<Message>(Value::Object(kept)).ok()
    };
    serde_json::from_value::<Message>(Value::Object(fields.clone()))
        .ok()
        .filter(|message| !matches!(message.kind, MessageKind::Empty {}))
        .or_else(|| read(&READ))
        .or_else(|| read(&["message_id", "date", "chat", "from"]))
        .or_else(|| read(&["message_id", "date", "chat"]))
}

/// An update that is no message.
fn other(update_id: i64, bytes: &[u8]) -> Update {
    let told: Option<Told> = serde_json::from_slice(bytes).ok();
    let chat = told.as_ref().and_then(Told::chat);
    Update {
        update_id,
        chat_id: chat.map(|chat| chat.id.0),
        private: chat.is_some_and(Chat::is_private),
        from: told.as_ref().and_then(Told::from).map(person),
        sent_at: told.as_ref().and_then(|told| date(&told.kind)),
        content: Content::Other,
        edited: false,
        forwarded: false,
        message_id: None,
        reply_to: None,
        media_group: None,
    }
}

const fn date(kind: &UpdateKind) -> Option<DateTime<Utc>> {
    match kind {
        UpdateKind::MyChatMember(change) | UpdateKind::ChatMember(change) => Some(change.date),
        _ => None,
    }
}

fn content(message: &Message, fields: &Map<String, Value>) -> Content {
    // Words are never lost, whatever stands beside them that nobody can read.
    if let Some(text) = fields.get("text").and_then(Value::as_str) {
        return Content::Text { command: Command::of(text), text: text.to_owned() };
    }
    let caption = message.caption().map(str::to_owned);
    match &message.kind {
        MessageKind::Common(common) => match &common.media_kind {
            MediaKind::Photo(media) => {
                match media.photo.iter().max_by_key(|p| u64::from(p.width) * u64::from(p.height)) {
                    Some(largest) => Content::Photo { file: file(&largest.file), caption },
                    None => Content::Unsupported { what: "photo", file: None, caption },
                }
            }
            MediaKind::Document(media) => {
                let file = file(&media.document.file);
                let mime = media.document.mime_type.as_ref().map(ToString::to_string);
                Content::Document { size: file.size, file, name: media.document.file_name.clone(), mime, caption }
            }
            MediaKind::Location(media) => location(&media.location, None),
            MediaKind::Venue(media) => location(&media.venue.location, Some(&media.venue)),
            MediaKind::Contact(media) => Content::Contact {
                phone: media.contact.phone_number.clone(),
                of_the_sender: media.contact.user_id.is_some()
                    && media.contact.user_id == message.from.as_ref().map(|from| from.id),
            },
            MediaKind::Migration(_) => Content::Other,
            media => {
                let (what, file) = named(media);
                Content::Unsupported { what, file, caption }
            }
        },
        MessageKind::Dice(_) => Content::Unsupported { what: "dice", file: None, caption },
        MessageKind::Empty {} => {
            let caption = fields.get("caption").and_then(Value::as_str).map(str::to_owned);
            Content::Unsupported { what: "message of a kind that is new to us", file: None, caption }
        }
        _ => Content::Other,
    }
}

/// What the other kinds of message are called, and what can be fetched of them.
fn named(media: &MediaKind) -> (&'static str, Option<File>) {
    let (what, meta) = match media {
        MediaKind::Voice(media) => ("voice message", Some(&media.voice.file)),
        MediaKind::Audio(media) => ("sound recording", Some(&media.audio.file)),
        MediaKind::Video(media) => ("video", Some(&media.video.file)),
        MediaKind::VideoNote(media) => ("video message", Some(&media.video_note.file)),
        MediaKind::Animation(media) => ("moving picture", Some(&media.animation.file)),
        MediaKind::Sticker(_) => ("sticker", None),
        MediaKind::Poll(_) => ("poll", None),
        MediaKind::Checklist(_) => ("list of things to do", None),
        MediaKind::Story(_) => ("story", None),
        MediaKind::Game(_) => ("game", None),
        MediaKind::PaidMedia(_) => ("picture to be paid for", None),
        _ => ("message of another kind", None),
    };
    (what, meta.map(file))
}

fn location(location: &Location, venue: Option<&Venue>) -> Content {
    match Point::new(location.latitude, location.longitude) {
        Some(point) => Content::Location {
            point,
            accuracy_m: location.horizontal_accuracy.filter(|metres| metres.is_finite() && *metres >= 0.0),
            live: location.live_period.is_some(),
            venue: venue.map(|venue| format!("{}, {}", venue.title, venue.address)),
        },
        None => Content::Unsupported { what: "place that is not on earth", file: None, caption: None },
    }
}

fn file(meta: &FileMeta) -> File {
    // teloxide's number for "not said".
    let size = (meta.size != u32::MAX).then(|| meta.size.into());
    File { id: meta.id.0.clone(), unique_id: meta.unique_id.0.clone(), size }
}

fn person(user: &User) -> Person {
    Person {
        // Telegram's numbers have at most 52 bits.
        id: i64::try_from(user.id.0).unwrap_or_default(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        username: user.username.clone(),
        language_code: user.language_code.clone(),
        is_bot: user.is_bot,
    }
}

#[cfg(test)]
mod tests;

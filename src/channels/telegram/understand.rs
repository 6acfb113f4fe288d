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

/// What the other kinds of message are called, by their field.
const OTHERS: [(&str, &str); 12] = [
    ("voice", "voice message"),
    ("audio", "sound recording"),
    ("video", "video"),
    ("video_note", "video message"),
    ("animation", "moving picture"),
    ("sticker", "sticker"),
    ("poll", "poll"),
    ("dice", "dice"),
    ("checklist", "list of things to do"),
    ("story", "story"),
    ("game", "game"),
    ("paid_media", "picture to be paid for"),
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
    let caption = fields.get("caption").and_then(Value::as_str).map(str::to_owned);
    match &message.kind {
        MessageKind::Common(common) => match &common.media_kind {
            MediaKind::Photo(media) => {
                match media.photo.iter().max_by_key(|p| u64::from(p.width) * u64::from(p.height)) {
                    Some(largest) => Content::Photo { file: file(&largest.file), caption },
                    None => Content::Unsupported { what: "photo", file: None, caption },
                }
            }
            MediaKind::Location(media) => location(&media.location, None),
            MediaKind::Venue(media) => location(&media.venue.location, Some(&media.venue)),
            MediaKind::Contact(media) => Content::Contact {
                phone: media.contact.phone_number.clone(),
                of_the_sender: media.contact.user_id.is_some()
                    && media.contact.user_id == message.from.as_ref().map(|from| from.id),
            },
            MediaKind::Migration(_) => Content::Other,
            _ => by_field(fields, caption),
        },
        MessageKind::Dice(_) | MessageKind::Empty {} => by_field(fields, caption),
        _ => Content::Other,
    }
}

/// A document or a message of another kind, by the name of its field: teloxide does not read all of them (a video
/// without its kind, a document whose kind the sender's device wrote in its own way).
fn by_field(fields: &Map<String, Value>, caption: Option<String>) -> Content {
    let document = fields.get("document").filter(|_| !fields.contains_key("animation"));
    if let Some((held, meta)) = document.and_then(|held| Some((held, FileMeta::deserialize(held).ok()?))) {
        let (file, word) = (file(&meta), |name: &str| held.get(name).and_then(Value::as_str).map(str::to_owned));
        let (name, mime) = (word("file_name"), word("mime_type"));
        return Content::Document { size: file.size, file, name, mime, caption };
    }
    let found = OTHERS.iter().find_map(|(field, what)| Some((*what, fields.get(*field)?)));
    let (what, held) = found.unwrap_or(("message of a kind that is new to us", &Value::Null));
    // The others hold none, and a sticker says no more as a picture.
    let file = FileMeta::deserialize(held).ok().filter(|_| what != "sticker").as_ref().map(file);
    Content::Unsupported { what, file, caption }
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

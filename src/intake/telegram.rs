//! The form of a message on Telegram: who wrote, what, with which file. The update itself is read by `channels::telegram`.

use crate::channels::telegram::{Content, File, Person, Update, name_of};
use crate::core::{Attachment, Channel, ContactPoint, Mail, SenderCheck, SharedPoint};
use crate::intake::text::cut;

/// Kinds of message that say nothing which could be worked on.
const IDLE: &[&str] = &["sticker", "dice", "game", "poll", "story"];

/// A file that lies at Telegram's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileAway<'a> {
    /// What to ask for.
    pub file: &'a File,
    /// Its media type: as the sender says, else what Telegram makes of such a file; empty where nobody knows.
    pub content_type: &'a str,
    /// Its name, where the sender's device gave it one.
    pub name: Option<&'a str>,
}

/// The file that came with an update.
#[must_use]
pub fn file_of(update: &Update) -> Option<FileAway<'_>> {
    let (file, content_type, name) = match &update.content {
        Content::Photo { file, .. } => (file, "image/jpeg", None),
        Content::Document { file, mime, name, .. } => (file, mime.as_deref().unwrap_or_default(), name.as_deref()),
        Content::Unsupported { what: "voice message", file: Some(file), .. } => (file, "audio/ogg", None),
        Content::Unsupported { what: "sound recording", file: Some(file), .. } => (file, "audio/mpeg", None),
        Content::Unsupported { file: Some(file), .. } => (file, "video/mp4", None),
        _ => return None,
    };
    Some(FileAway { file, content_type, name })
}

/// Why an update is set aside unread: nobody wrote it to the council, or it says nothing.
#[must_use]
pub fn aside(update: &Update) -> Option<String> {
    if update.chat_id.is_none() || update.message_id.is_none() || update.content == Content::Other {
        return Some("Telegram's own notice: nothing that anybody wrote".to_owned());
    }
    if !update.private {
        return Some("written in a group or a channel, which the bot does not take part in".to_owned());
    }
    if update.from.as_ref().is_none_or(|from| from.is_bot) {
        return Some("written by a program".to_owned());
    }
    match &update.content {
        Content::Location { live: true, .. } if update.edited => {
            Some("a shared position that has moved on; where it began is kept".to_owned())
        }
        Content::Unsupported { what, caption: None, .. } if IDLE.contains(what) => {
            Some(format!("a {what} without a word"))
        }
        _ => None,
    }
}

/// Why nobody can make anything of an update, though somebody wrote it to the council: a later version may.
#[must_use]
pub fn unreadable(update: &Update) -> Option<String> {
    match &update.content {
        Content::Unsupported { what, file: None, caption: None } if aside(update).is_none() => {
            Some(format!("a message that cannot be read: a {what}"))
        }
        _ => None,
    }
}

/// An update as a message whose form is understood. `account` is the bot it came to, `files` what came with it. What is set aside
/// keeps no words: whoever talks in a group did not write to the council.
#[must_use]
pub fn message(account: &str, update: Update, files: Vec<Attachment>, most_characters: usize) -> Mail {
    let automatic = aside(&update);
    let fingerprint = super::fingerprint(account, &update.update_id.to_string());
    let name = |message: i32| update.chat_id.map(|chat| name_of(account, chat, message));
    let (text, folded, shared) = match update.content {
        _ if automatic.is_some() => (String::new(), String::new(), None),
        Content::Text { text, .. } => (text, String::new(), None),
        Content::Photo { caption, .. } | Content::Document { caption, .. } | Content::Unsupported { caption, .. } => {
            (caption.unwrap_or_default(), String::new(), None)
        }
        Content::Location { point, accuracy_m, venue, .. } => {
            let shared = SharedPoint { point, accuracy_m: accuracy_m.map(whole_metres) };
            (String::new(), venue.unwrap_or_default(), Some(shared))
        }
        Content::Contact { phone, of_the_sender } => {
            let whose = if of_the_sender { "My telephone number" } else { "A telephone number" };
            (format!("{whose}: {phone}"), String::new(), None)
        }
        Content::Other => (String::new(), String::new(), None),
    };
    let writer = update.chat_id.filter(|_| automatic.is_none()).map(|chat| ContactPoint {
        channel: Channel::Telegram,
        address: chat.to_string(),
        name: update.from.as_ref().and_then(display_name),
    });
    let device = update.from.as_ref().and_then(|from| from.language_code.as_deref());
    Mail {
        channel: Channel::Telegram,
        writer,
        shared,
        from: None,
        to: Vec::new(),
        delivered_to: Vec::new(),
        subject: String::new(),
        text: cut(text.trim(), most_characters),
        folded,
        rfc_message_id: update.message_id.filter(|_| automatic.is_none()).and_then(name),
        answers: update.reply_to.and_then(name).into_iter().collect(),
        device_language: device.and_then(|tag| tag.split(['-', '_']).next()).map(str::to_lowercase),
        sent_at: update.sent_at,
        attachments: files,
        automatic,
        no_auto_answer: None,
        sender: SenderCheck::Verified { by: "telegram".to_owned() },
        bounce: None,
        fingerprint,
    }
}

fn display_name(person: &Person) -> Option<String> {
    let both = format!("{} {}", person.first_name, person.last_name.as_deref().unwrap_or_default());
    let name = both.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}

/// Telegram says at most 1,500.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "kept within bounds")]
fn whole_metres(metres: f64) -> u32 {
    metres.ceil().clamp(0.0, 100_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::telegram::understand;
    use serde_json::{Value, json};

    fn update(kind: &str, chat: &str, held: Value) -> Update {
        let mut message = json!({
            "message_id": 12, "date": 1_772_442_000,
            "chat": {"id": 71, "type": chat, "first_name": "Rosa", "title": "Mill Lane"},
            "from": {"id": 71, "is_bot": false, "first_name": " Rosa", "last_name": "Quill", "language_code": "pt-BR"},
        });
        let Value::Object(held) = held else { panic!("no object") };
        message.as_object_mut().unwrap().extend(held);
        understand(json!({"update_id": 7, kind: message}).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_text_says_who_wrote_it_and_where_it_stands_in_its_chat() {
        let told = json!({"text": " The lamp is out ", "reply_to_message": {"message_id": 11, "date": 1, "chat": {"id": 71, "type": "private"}}});
        let mail = message("bot", update("message", "private", told), Vec::new(), 100);
        let writer = mail.writer.unwrap();
        assert_eq!((writer.channel, writer.address.as_str()), (Channel::Telegram, "71"));
        assert_eq!(writer.name.as_deref(), Some("Rosa Quill"));
        assert_eq!((mail.text.as_str(), mail.device_language.as_deref()), ("The lamp is out", Some("pt")));
        assert_eq!(mail.rfc_message_id.as_deref(), Some("telegram:bot:71:12"));
        assert_eq!(mail.answers, ["telegram:bot:71:11"]);
        assert_eq!(mail.automatic, None);
        assert!(mail.sender.is_verified());
    }

    #[test]
    fn what_nobody_wrote_to_the_council_is_set_aside_and_keeps_no_words() {
        let place =
            json!({"location": {"latitude": 54.0, "longitude": -2.0, "live_period": 60}, "edit_date": 1_772_442_060});
        let bot = json!({"text": "hello", "from": {"id": 8, "is_bot": true, "first_name": "B"}});
        for (update, why) in [
            (update("message", "supergroup", json!({"text": "hello"})), "group"),
            (update("channel_post", "channel", json!({"text": "hello"})), "channel"),
            (update("message", "private", bot), "program"),
            (
                update(
                    "message",
                    "private",
                    json!({"pinned_message": {"message_id": 3, "date": 1, "chat": {"id": 71, "type": "private"}}}),
                ),
                "notice",
            ),
            (update("edited_message", "private", place), "moved on"),
        ] {
            let mail = message("bot", update, Vec::new(), 100);
            assert!(mail.automatic.as_deref().is_some_and(|said| said.contains(why)), "{why}: {:?}", mail.automatic);
            assert_eq!((mail.text.as_str(), mail.writer, mail.shared), ("", None, None));
        }
    }

    #[test]
    fn a_place_keeps_how_exact_it_is_and_the_words_it_was_picked_by() {
        let spot = json!({"latitude": 54.02878, "longitude": -2.05309, "horizontal_accuracy": 12.3});
        let mail = message("bot", update("message", "private", json!({"location": spot})), Vec::new(), 100);
        assert_eq!(mail.shared.unwrap().accuracy_m, Some(13));
        let venue = json!({"venue": {"location": {"latitude": 54.0, "longitude": -2.0}, "title": "The Lamb", "address": "3 Mill Lane"}});
        let mail = message("bot", update("message", "private", venue), Vec::new(), 100);
        assert_eq!((mail.text.as_str(), mail.folded.as_str()), ("", "The Lamb, 3 Mill Lane"));
    }

    #[test]
    fn what_cannot_be_read_is_told_from_what_says_nothing() {
        let unknown = update("message", "private", json!({"thought": {"x": 1}}));
        assert!(unreadable(&unknown).is_some() && aside(&unknown).is_none());
        let voice = json!({"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3, "mime_type": "audio/ogg", "file_size": 9}});
        let voice = update("message", "private", voice);
        assert!(unreadable(&voice).is_none() && aside(&voice).is_none());
        assert_eq!(file_of(&voice).map(|f| (f.file.id.as_str(), f.content_type)), Some(("v", "audio/ogg")));
        let dice = update("message", "private", json!({"dice": {"emoji": "🎲", "value": 3}}));
        assert!(unreadable(&dice).is_none() && aside(&dice).is_some());
    }
}

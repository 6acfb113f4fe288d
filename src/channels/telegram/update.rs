//! What an update is, once it is understood.

use crate::core::Point;
use chrono::{DateTime, Utc};

/// One thing that happened: mostly a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Its number; see [`super::RawUpdate`].
    pub update_id: i64,
    /// The chat it happened in, which is where an answer goes; none where it happened in no chat.
    pub chat_id: Option<i64>,
    /// Whether that chat is with one person, and not a group or a channel, which others read too.
    pub private: bool,
    /// Who did it; none for a channel. In a private chat this is the resident.
    pub from: Option<Person>,
    /// When, to the second: sent, or if it was edited, edited.
    pub sent_at: Option<DateTime<Utc>>,
    /// What it holds.
    pub content: Content,
    /// Whether it takes the place of an earlier message with the same `message_id`.
    pub edited: bool,
    /// Whether the words or pictures are somebody else's, passed on.
    pub forwarded: bool,
    /// The message's number in its chat; none where the update is no message.
    pub message_id: Option<i32>,
    /// The message in the same chat that this one answers.
    pub reply_to: Option<i32>,
    /// The same for all pictures or documents that were sent at once, each of which is an update of its own.
    pub media_group: Option<String>,
}

/// Somebody on Telegram. Whoever they say they are: nobody has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their number, which never changes.
    pub id: i64,
    /// The first name they gave.
    pub first_name: String,
    /// The last name they gave.
    pub last_name: Option<String>,
    /// Their user name without `@`; it may go over to somebody else.
    pub username: Option<String>,
    /// The language of their device, such as `en` or `pt-BR`.
    pub language_code: Option<String>,
    /// Whether it is a program.
    pub is_bot: bool,
}

/// What a message holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Words.
    Text {
        /// All of them, a command too.
        text: String,
        /// The command they begin with.
        command: Option<Command>,
    },
    /// A picture.
    Photo {
        /// The largest size that Telegram made of it (without the place and time that the camera wrote into it).
        file: File,
        /// The words under it.
        caption: Option<String>,
    },
    /// A file as it is.
    Document {
        /// Its contents.
        file: File,
        /// Its name, as the sender has it.
        name: Option<String>,
        /// Its kind, as the sender says, such as `application/pdf`.
        mime: Option<String>,
        /// Its size in bytes.
        size: Option<u64>,
        /// The words under it.
        caption: Option<String>,
    },
    /// A place.
    Location {
        /// Where.
        point: Point,
        /// How exact it is: within so many metres; 0 to 1,500.
        accuracy_m: Option<f64>,
        /// Whether the sender goes on sharing it, so that more of them follow as edits of this message.
        live: bool,
        /// Name and address where it was picked from a list; such a place is not where the sender is.
        venue: Option<String>,
    },
    /// Somebody's telephone number.
    Contact {
        /// The number, as Telegram has it: digits, mostly without `+`.
        phone: String,
        /// Whether it is the sender's own, by Telegram's account.
        of_the_sender: bool,
    },
    /// A message of another kind, which the sender should hear that we cannot read.
    Unsupported {
        /// What it is, in words that follow "a": `voice message`, `video`, `sticker`.
        what: &'static str,
        /// What can be fetched of it: sound or moving pictures.
        file: Option<File>,
        /// The words under it.
        caption: Option<String>,
    },
    /// Nothing that anybody said: somebody joined or left, a message was pinned, the bot was blocked, or what Telegram
    /// has thought of since.
    Other,
}

/// A file that can be fetched ([`super::TelegramWire::file`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What to ask for it by; holds for this bot only.
    pub id: String,
    /// The same for the same file whenever it is sent again; it cannot be fetched by this.
    pub unique_id: String,
    /// Its size in bytes.
    pub size: Option<u64>,
}

/// A word with a slash at the beginning of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `/start`, with which every chat begins. What stood behind it in the link that led here, or nothing.
    Start(String),
    /// `/help`
    Help,
    /// `/status`, and what stands behind it, perhaps a reference.
    Status(String),
    /// Any other.
    Other,
}

impl Command {
    /// The command that a text begins with: `/` and 1 to 32 letters, digits or `_`, perhaps `@` and the name of a bot.
    /// A path such as `/etc/hosts` is none.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let word = word.strip_prefix('/')?;
        let word = word.split_once('@').map_or(word, |(word, _)| word).to_ascii_lowercase();
        let fits = (1..=32).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let rest = || rest.trim().to_owned();
        fits.then(|| match word.as_str() {
            "start" => Self::Start(rest()),
            "help" => Self::Help,
            "status" => Self::Status(rest()),
            _ => Self::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_word_with_a_slash_at_the_beginning() {
        assert_eq!(Command::of("/start"), Some(Command::Start(String::new())));
        assert_eq!(Command::of("/start@CouncilBot  ward-7 "), Some(Command::Start("ward-7".to_owned())));
        assert_eq!(Command::of("/STATUS\nBDL-1"), Some(Command::Status("BDL-1".to_owned())));
        assert_eq!(Command::of("/help me"), Some(Command::Help));
        assert_eq!(Command::of("/settings"), Some(Command::Other));
        for none in ["", "/", "/ start", "start", " /start", "/etc/hosts", "/1/2 of the lamps", "/stárt", "//help"] {
            assert_eq!(Command::of(none), None, "{none}");
        }
    }
}

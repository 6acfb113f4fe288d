//! Messages out.

use super::api::Api;
use super::{LIMIT, text};
use crate::channels::SendError;
use serde::Deserialize;
use std::time::Duration;
use teloxide::payloads::{SendMessage, SendMessageSetters as _};
use teloxide::types::{
    ButtonRequest, ChatId, KeyboardButton, KeyboardMarkup, KeyboardRemove, LinkPreviewOptions, MessageId, ReplyMarkup,
    ReplyParameters,
};

/// Within a long text a wait up to this is waited for; it would else be half sent.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands in place of the resident's letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keyboard {
    /// One button that sends where the resident is; Telegram asks them first. It goes when it was pressed.
    AskLocation {
        /// What stands on it.
        label: String,
    },
    /// Takes an earlier button away.
    Remove,
}

/// What Telegram made of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The number of its message in that chat, the first of them where it is long.
    pub message_id: i32,
    /// The numbers of the messages after that, in order.
    pub further: Vec<i32>,
}

#[derive(Deserialize)]
struct Answer {
    message_id: i32,
}

pub(super) async fn send(
    api: &Api,
    chat_id: i64,
    text: &str,
    keyboard: Option<Keyboard>,
    reply_to: Option<i32>,
) -> Result<Sent, SendError> {
    let parts = text::parts(text);
    let all = parts.len();
    let mut keyboard = keyboard;
    let mut ids = Vec::with_capacity(all);
    for (at, part) in parts.into_iter().enumerate() {
        let reply_to = reply_to.filter(|_| at == 0);
        let keyboard = if at + 1 == all { keyboard.take() } else { None };
        let message = message(chat_id, part, keyboard, reply_to);
        let mut result = hand_over(api, &message).await;
        if let (1.., Err(SendError::Busy { retry_after })) = (at, &result)
            && *retry_after <= PATIENCE
        {
            tokio::time::sleep(*retry_after).await;
            result = hand_over(api, &message).await;
        }
        match result {
            Ok(id) => ids.push(id),
            Err(error) if at == 0 => return Err(error),
            Err(error) => {
                let why = format!("{at} of its {all} messages went out, and the next one not: {error}");
                return Err(SendError::Uncertain { why });
            }
        }
    }
    let mut ids = ids.into_iter();
    match ids.next() {
        Some(message_id) => Ok(Sent { message_id, further: ids.collect() }),
        None => Err(SendError::refused("no_text", "the message has no text")),
    }
}

fn message(chat_id: i64, text: String, keyboard: Option<Keyboard>, reply_to: Option<i32>) -> SendMessage {
    // A preview would be fetched by Telegram, also that of a link which only the resident is to follow.
    let preview = LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    };
    let mut message = SendMessage::new(ChatId(chat_id), text).link_preview_options(preview);
    message.reply_parameters = reply_to.map(|id| ReplyParameters::new(MessageId(id)).allow_sending_without_reply());
    message.reply_markup = keyboard.map(|keyboard| match keyboard {
        Keyboard::AskLocation { label } => {
            let button = KeyboardButton::new(label).request(ButtonRequest::Location);
            ReplyMarkup::Keyboard(KeyboardMarkup::new([[button]]).resize_keyboard().one_time_keyboard())
        }
        Keyboard::Remove => ReplyMarkup::KeyboardRemove(KeyboardRemove::new()),
    });
    message
}

async fn hand_over(api: &Api, message: &SendMessage) -> Result<i32, SendError> {
    let answer = api.call("sendMessage", message, LIMIT).await?;
    // It went out, whatever this is.
    let Answer { message_id } = serde_json::from_str(&answer)
        .map_err(|_| SendError::Uncertain { why: "Telegram took it and does not say its number".to_owned() })?;
    Ok(message_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn body(keyboard: Option<Keyboard>, reply_to: Option<i32>) -> Value {
        serde_json::to_value(message(7, "Thank you".to_owned(), keyboard, reply_to)).unwrap()
    }

    #[test]
    fn a_message_is_plain_text_without_previews() {
        let expected = json!({"chat_id": 7, "text": "Thank you", "link_preview_options": {"is_disabled": true}});
        assert_eq!(body(None, None), expected);
    }

    #[test]
    fn the_button_asks_for_the_place_and_goes_again() {
        let asks = body(Some(Keyboard::AskLocation { label: "Send where I am".to_owned() }), Some(12));
        let button = json!([[{"text": "Send where I am", "request_location": true}]]);
        let keyboard = json!({"keyboard": button, "resize_keyboard": true, "one_time_keyboard": true});
        assert_eq!(asks["reply_markup"], keyboard);
        assert_eq!(asks["reply_parameters"], json!({"message_id": 12, "allow_sending_without_reply": true}));
        assert_eq!(body(Some(Keyboard::Remove), None)["reply_markup"], json!({"remove_keyboard": true}));
    }
}

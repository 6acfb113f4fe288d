//! Telegram, in and out, over the Bot API with teloxide's types.
//!
//! Telegram forgets an update as soon as it is asked for later ones, so the caller stores what [`TelegramWire::poll`]
//! gave before it polls with a higher offset. teloxide's own dispatcher asks ahead, and it drops what it cannot read:
//! here updates stay the JSON they came as, and [`understand()`] reads them later, as often as needed.
//!
//! A bot cannot write first: a chat begins with the resident's own message.

mod api;
mod bot;
mod error;
mod file;
mod pace;
mod poll;
mod send;
mod text;
mod understand;
mod update;
pub mod webhook;

pub use bot::{Bot, Hook, name_of};
pub use error::TelegramError;
pub use file::MOST_BYTES;
pub use pace::Pace;
pub use poll::RawUpdate;
pub use send::{Keyboard, Sent};
pub use text::parts;
pub use understand::{ParseError, understand};
pub use update::{Command, Content, File, Person, Update};

use crate::channels::Secret;
use crate::channels::SendError;
use api::Api;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use url::{Host, Url};

/// Where the bots' API is, unless the council runs a server of its own.
const API: &str = "https://api.telegram.org";
/// For every request but a poll, which is allowed to wait, and a download.
const LIMIT: Duration = Duration::from_secs(30);
/// The updates that are asked for. Nothing else is sent to us, save what Telegram had laid up before it was told.
const KINDS: [&str; 3] = ["message", "edited_message", "my_chat_member"];

/// Which bot, and where its API is.
#[derive(Clone, Debug)]
pub struct TelegramSettings {
    /// The bot's token, `123456:ABC…`, from @BotFather.
    pub token: Secret,
    /// Another server of the same API (a Bot API server of the council's own); Telegram's where absent. Plain http is
    /// for this machine itself.
    pub api_url: Option<Url>,
    /// The bot's user name without `@`, if it is to be checked and shown in links.
    pub bot_name: Option<String>,
}

/// A bot's connection to Telegram. Requests may go at the same time, save that there must be one poll at once.
#[derive(Debug)]
pub struct TelegramWire {
    api: Api,
    bot_name: Option<String>,
    /// Whether it is Telegram's own server, with its rules for webhooks.
    telegrams: bool,
}

/// Who the bot is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Me {
    /// Its number.
    pub id: i64,
    /// The name it is shown by.
    pub first_name: String,
    /// Its user name, without `@`.
    pub username: String,
}

impl TelegramWire {
    /// Gets ready to connect; nothing is sent yet.
    ///
    /// # Errors
    /// [`TelegramError::Settings`]: this is no token, or the API's address is not protected.
    pub fn open(settings: TelegramSettings) -> Result<Self, TelegramError> {
        let no = |why: String| TelegramError::Settings { why };
        let base = match &settings.api_url {
            Some(url) => url.clone(),
            None => Url::parse(API).map_err(|error| no(error.to_string()))?,
        };
        let loopback = match base.host() {
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if base.scheme() != "https" && !(base.scheme() == "http" && loopback) {
            return Err(no("api_url must begin with https:// (http:// is for this machine itself)".to_owned()));
        }
        let token = settings.token.reveal();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-')) {
            return Err(no("this is no bot token: copy it whole from @BotFather (123456:ABC…)".to_owned()));
        }
        let api = Api::new(base, settings.token, loopback)?;
        Ok(Self { api, bot_name: settings.bot_name, telegrams: settings.api_url.is_none() })
    }

    /// Asks who the bot is.
    ///
    /// # Errors
    /// See [`TelegramError`].
    pub async fn me(&self) -> Result<Me, TelegramError> {
        let answer = self.api.call("getMe", &json!({}), LIMIT).await?;
        serde_json::from_str(&answer).map_err(|_| TelegramError::strange("who the bot is"))
    }

    /// Whether Telegram answers, and as the bot that is meant. Gives what was found, in one line.
    ///
    /// # Errors
    /// See [`TelegramError`]; [`TelegramError::Settings`] where the token is another bot's.
    pub async fn check(&self) -> Result<String, TelegramError> {
        let me = self.me().await?;
        match &self.bot_name {
            Some(name) if !name.trim_start_matches('@').eq_ignore_ascii_case(&me.username) => {
                let why = format!("the token is of the bot {}, not of {name}: correct token or bot_name", me.username);
                Err(TelegramError::Settings { why })
            }
            _ => Ok(format!("Telegram answers as the bot {}", me.username)),
        }
    }

    /// Asks once for updates from `offset` on, at most 100, and waits up to `wait` (at most 50 s) for the first of
    /// them. `offset` is the last stored `update_id` + 1, or 0 for all that Telegram has kept (it keeps them for a
    /// day). Asking confirms: everything below `offset` is gone for good, so the caller stores first.
    ///
    /// They come in the order of their numbers, with nothing left out, also where nobody can read them yet.
    ///
    /// # Errors
    /// See [`TelegramError`]; nothing is lost by any of them.
    pub async fn poll(&self, offset: i64, wait: Duration) -> Result<Vec<RawUpdate>, TelegramError> {
        poll::poll(&self.api, offset, wait).await
    }

    /// Fetches a file that a resident sent: its bytes, and the name under which Telegram keeps it
    /// (`file_12.jpg`, not the sender's own).
    ///
    /// # Errors
    /// [`TelegramError::TooLarge`] where it has more than `most_bytes` or than [`MOST_BYTES`], which is known before
    /// anything is fetched; else see [`TelegramError`].
    pub async fn file(&self, file_id: &str, most_bytes: u64) -> Result<(Vec<u8>, String), TelegramError> {
        file::fetch(&self.api, file_id, most_bytes).await
    }

    /// Sends plain text, without previews of its links; what is longer than 4,096 UTF-16 units goes as several
    /// messages (see [`parts`]). The keyboard stands under the last of them, `reply_to` counts for the first, and is
    /// left out where that message is gone. How fast messages may follow each other says [`Pace`].
    ///
    /// # Errors
    /// See [`SendError`]: the caller must tell its kinds apart. Should the future be dropped before it is done, that is
    /// `Uncertain`.
    pub async fn send(
        &self,
        chat_id: i64,
        text: &str,
        keyboard: Option<Keyboard>,
        reply_to: Option<i32>,
    ) -> Result<Sent, SendError> {
        send::send(&self.api, chat_id, text, keyboard, reply_to).await
    }

    /// Tells Telegram to send updates to `url` instead of keeping them for a poll, each with `secret` in the header
    /// [`webhook::HEADER`]. What it has kept goes there too.
    ///
    /// # Errors
    /// [`TelegramError::Settings`] where `secret` or `url` would be refused; else see [`TelegramError`].
    pub async fn set_webhook(&self, url: &Url, secret: &str) -> Result<(), TelegramError> {
        webhook::fit(url, secret, self.telegrams).map_err(|why| TelegramError::Settings { why: why.to_owned() })?;
        let body = json!({ "url": url, "secret_token": secret, "allowed_updates": KINDS });
        self.api.call("setWebhook", &body, LIMIT).await?;
        Ok(())
    }

    /// Goes back to polling. Nothing that Telegram has kept is dropped.
    ///
    /// # Errors
    /// See [`TelegramError`].
    pub async fn delete_webhook(&self) -> Result<(), TelegramError> {
        self.api.call("deleteWebhook", &json!({ "drop_pending_updates": false }), LIMIT).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(token: &str, url: &str) -> Result<TelegramWire, TelegramError> {
        let api_url = (!url.is_empty()).then(|| Url::parse(url).unwrap());
        TelegramWire::open(TelegramSettings { token: token.into(), api_url, bot_name: None })
    }

    #[tokio::test]
    async fn only_a_protected_api_gets_the_token() {
        for url in ["", "https://bots.example.org/api", "http://127.0.0.1:8081", "http://localhost", "http://[::1]:1"] {
            assert!(open("123456:ABC-def_7", url).is_ok(), "{url}");
        }
        for url in ["http://bots.example.org", "http://10.0.0.1:8081", "ftp://localhost", "unix:/run/bot"] {
            assert!(matches!(open("123456:ABC", url), Err(TelegramError::Settings { .. })), "{url}");
        }
    }

    #[tokio::test]
    async fn what_is_no_token_is_refused_and_a_token_is_never_shown() {
        for token in ["", "123:ABC/../getMe", "123 ABC", "123:\u{e9}"] {
            assert!(matches!(open(token, ""), Err(TelegramError::Settings { .. })), "{token}");
        }
        let shown = format!("{:?}", open("123456:SECRET", "http://127.0.0.1:1").unwrap());
        assert!(!shown.contains("SECRET"), "{shown}");
    }

    #[tokio::test]
    async fn an_error_does_not_name_the_token() {
        let error = open("123456:SECRET", "http://127.0.0.1:1").unwrap().me().await.unwrap_err();
        assert!(matches!(error, TelegramError::Unreachable { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
    }
}

//! A bot of the settings, as all who work with it share it.

use super::{Pace, TelegramWire};
use crate::channels::Secret;
use crate::channels::SendError;
use chrono::{DateTime, Utc};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// What we call a message by its place in its chat with the bot of `account`: ours and theirs are counted together there, and
/// it keeps its place when it is edited.
#[must_use]
pub fn name_of(account: &str, chat_id: i64, message_id: i32) -> String {
    format!("telegram:{account}:{chat_id}:{message_id}")
}

/// Where Telegram brings updates, instead of being asked for them.
#[derive(Clone, Debug)]
pub struct Hook {
    /// The address that Telegram is given.
    pub url: Url,
    /// What Telegram shows with each update.
    pub secret: Secret,
}

/// A bot: its wire, the way its updates come, and how fast it writes.
#[derive(Debug)]
pub struct Bot {
    /// The connection.
    pub wire: TelegramWire,
    /// Where its updates are brought; none where they are polled.
    pub hook: Option<Hook>,
    pace: Mutex<Pace>,
}

impl Bot {
    /// A bot that has sent nothing yet.
    #[must_use]
    pub fn new(wire: TelegramWire, hook: Option<Hook>) -> Self {
        Self { wire, hook, pace: Mutex::default() }
    }

    /// Takes the next turn to write to a chat at `now`: `None` when it may go at once, and is counted; else how long to wait
    /// before asking again.
    #[must_use]
    pub fn turn(&self, chat_id: i64, now: DateTime<Utc>) -> Option<Duration> {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = pace.wait(chat_id, now);
        if wait.is_zero() {
            pace.went(chat_id, now);
            return None;
        }
        Some(wait)
    }

    /// Heeds what Telegram said at `now` to a message: where it wants to be left alone, nothing goes for so long.
    pub fn heed(&self, error: &SendError, now: DateTime<Utc>) {
        if let SendError::Busy { retry_after } = error {
            self.pace.lock().unwrap_or_else(PoisonError::into_inner).hold(*retry_after, now);
        }
    }
}

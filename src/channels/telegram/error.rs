//! What can go wrong between us and Telegram, so told apart that the caller knows what to do.

use super::api::Trouble;
use crate::channels::SendError;
use std::time::Duration;

/// Where Telegram says "too many" without saying how long to wait.
const UNSAID: Duration = Duration::from_secs(30);

/// Why Telegram did not do what it was asked. No text in it holds the token, a name or a part of a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TelegramError {
    /// The settings cannot work.
    #[error("{why}")]
    Settings {
        /// What is wrong, with the remedy.
        why: String,
    },
    /// The token is not, or no longer, a bot's. Trying again does not help.
    #[error("Telegram does not know the bot's token ({code}): correct token, or make a new one with @BotFather")]
    Token {
        /// 401 or 404.
        code: u16,
    },
    /// Telegram cannot be reached, or is in trouble itself: later.
    #[error("cannot reach Telegram: {why}; check the connection and the firewall (api.telegram.org, port 443)")]
    Unreachable {
        /// What was wrong.
        why: String,
    },
    /// Updates go to a webhook, so that there is nothing to poll.
    #[error("Telegram sends this bot's updates to a webhook: delete the webhook, or do not poll")]
    WebhookSet,
    /// Another program polls with the same token, and each takes updates from the other.
    #[error("another program reads this bot's updates: stop it, or give each a bot of its own")]
    OtherPoller,
    /// Too many requests.
    #[error("Telegram asks to wait {} s", retry_after.as_secs())]
    Busy {
        /// How long Telegram asks to be left alone.
        retry_after: Duration,
    },
    /// Telegram says no to this request. Trying again does not help.
    #[error("refused by Telegram ({code}): {why}")]
    Refused {
        /// 400 to 499.
        code: u16,
        /// What Telegram says.
        why: String,
    },
    /// The file has more bytes than wanted.
    #[error("the file has more than {most} bytes")]
    TooLarge {
        /// The limit, in bytes.
        most: u64,
    },
    /// This is not an answer of the Bot API.
    #[error("this is no answer of Telegram's: {why}; check api_url, and what stands between us and Telegram")]
    Strange {
        /// What was not understood.
        why: String,
    },
}

impl TelegramError {
    /// Whether it stays so until a person changes something.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Settings { .. } | Self::Token { .. } | Self::Refused { .. } | Self::TooLarge { .. })
    }

    /// How long Telegram asks to be left alone, where it does.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    pub(super) fn strange(what: &str) -> Self {
        Self::Strange { why: format!("it does not say {what}") }
    }
}

impl From<Trouble> for TelegramError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unreached(why) | Trouble::Lost(why) => Self::Unreachable { why },
            Trouble::Strange { code, why } if code < 500 => Self::Strange { why: format!("{why} (status {code})") },
            Trouble::Strange { code, why } => Self::Unreachable { why: format!("{why} (status {code})") },
            Trouble::No { code: 401 | 404, .. } if trouble.is_token() => Self::Token { code: trouble.code() },
            Trouble::No { code: 409, said, .. } if said.to_ascii_lowercase().contains("webhook") => Self::WebhookSet,
            Trouble::No { code: 409, .. } => Self::OtherPoller,
            Trouble::No { code: 429, retry_after, .. } => Self::Busy { retry_after: retry_after.unwrap_or(UNSAID) },
            Trouble::No { code: code @ 400..=499, said, .. } => Self::Refused { code, why: said },
            Trouble::No { code, said, .. } => Self::Unreachable { why: format!("it answers {code} {said}") },
        }
    }
}

impl From<Trouble> for SendError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unreached(why) => Self::TryAgain { why: format!("cannot reach Telegram ({why})") },
            Trouble::Lost(why) => Self::Uncertain { why },
            Trouble::Strange { code, why } => Self::Uncertain { why: format!("{why} (status {code})") },
            // A matter of the settings, not of this message.
            ref no @ Trouble::No { .. } if no.is_token() => {
                Self::TryAgain { why: TelegramError::Token { code: no.code() }.to_string() }
            }
            Trouble::No { code: 429, retry_after, .. } => Self::Busy { retry_after: retry_after.unwrap_or(UNSAID) },
            // The resident has blocked the bot.
            Trouble::No { code: 403, said, .. } => {
                Self::Refused { code: "403".to_owned(), unsubscribed: true, why: said }
            }
            Trouble::No { code: code @ 400..=499, said, .. } => Self::refused(&code.to_string(), said),
            Trouble::No { code: 503, said, .. } => Self::TryAgain { why: format!("Telegram puts it off (503 {said})") },
            // Whoever answers with 502 or 504 has handed it on and does not know either.
            Trouble::No { code, said, .. } => Self::Uncertain { why: format!("Telegram answers {code} {said}") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(code: u16, said: &str) -> Trouble {
        Trouble::No { code, said: said.to_owned(), retry_after: None }
    }

    #[test]
    fn the_two_conflicts_have_different_remedies() {
        let webhook = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete";
        let other = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
        assert_eq!(TelegramError::from(no(409, webhook)), TelegramError::WebhookSet);
        assert_eq!(TelegramError::from(no(409, other)), TelegramError::OtherPoller);
        assert!(!TelegramError::OtherPoller.is_permanent());
    }

    #[test]
    fn what_is_wrong_with_the_token_is_not_the_messages_fault() {
        for (code, said) in [(401, "Unauthorized"), (404, "Not Found")] {
            assert!(matches!(SendError::from(no(code, said)), SendError::TryAgain { .. }), "{code}");
            let error = TelegramError::from(no(code, said));
            assert!(error == TelegramError::Token { code } && error.is_permanent(), "{error:?}");
        }
    }

    #[test]
    fn only_a_refusal_is_final() {
        for said in ["Forbidden: bot was blocked by the user", "Forbidden: user is deactivated"] {
            assert!(matches!(SendError::from(no(403, said)), SendError::Refused { unsubscribed: true, .. }));
        }
        let gone = SendError::from(no(400, "Bad Request: chat not found"));
        assert_eq!(gone.to_string(), "refused by the provider (400): Bad Request: chat not found");
        assert_eq!(SendError::from(no(429, "Too Many Requests")), SendError::Busy { retry_after: UNSAID });
        assert!(matches!(SendError::from(no(503, "Service Unavailable")), SendError::TryAgain { .. }));
        for code in [500, 502, 504] {
            assert!(matches!(SendError::from(no(code, "Bad Gateway")), SendError::Uncertain { .. }), "{code}");
            assert!(matches!(TelegramError::from(no(code, "Bad Gateway")), TelegramError::Unreachable { .. }));
        }
        assert!(matches!(SendError::from(Trouble::Lost(String::new())), SendError::Uncertain { .. }));
        assert!(matches!(SendError::from(Trouble::Unreached(String::new())), SendError::TryAgain { .. }));
    }
}

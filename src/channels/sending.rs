//! Why a message did not go, or why that is not known: told apart by what is to be done about it.

use std::time::Duration;

/// Why a text or a chat message was not sent (or a file of one not fetched), or why that is not known. No text in it holds a key, a
/// number, a name or a part of a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The provider will not have it, and nobody got it: trying again does not help.
    #[error("refused by the provider ({code}): {why}")]
    Refused {
        /// The provider's code (`21610`, `BadRequestError`, `403`), or a word of ours in small letters.
        code: String,
        /// The recipient wants no more messages from us.
        unsubscribed: bool,
        /// What the provider says, without numbers.
        why: String,
    },
    /// Too much at once; nothing was sent, and nothing may be before `retry_after` is over.
    #[error("the provider asks to wait for {} s", retry_after.as_secs())]
    Busy {
        /// How long to wait.
        retry_after: Duration,
    },
    /// It was not taken, for a reason that passes or that the settings can mend.
    #[error("not sent: {why}")]
    TryAgain {
        /// What was wrong, with the remedy where there is one.
        why: String,
    },
    /// It may have been sent, whole or in part: the answer was lost after the request was written, or makes no sense. A person
    /// decides about trying again.
    #[error("it is uncertain whether it was sent: {why}")]
    Uncertain {
        /// What was wrong.
        why: String,
    },
}

impl SendError {
    /// A refusal that says nothing of what the recipient wants.
    pub(super) fn refused(code: &str, why: impl Into<String>) -> Self {
        Self::Refused { code: code.to_owned(), unsubscribed: false, why: why.into() }
    }
}

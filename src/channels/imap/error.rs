//! Why a mailbox cannot be read.

use crate::channels::WireError;

/// Why a mailbox cannot be read. The session is of no use after any of them but [`ImapError::Refused`]: drop it and
/// open another, after a [`Backoff`](crate::channels::Backoff).
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// No connection, or none that can be trusted.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Wrong user name or password. Trying again will not help and may lock the account.
    #[error(
        "{host} refuses the user name or the password ({why}); correct them in the settings, or use an app password \
         where the provider asks for one"
    )]
    Login {
        /// Host, from the settings.
        host: String,
        /// What the server says.
        why: String,
    },
    /// The mailbox is not there, or this user may not open it.
    #[error("there is no mailbox \"{mailbox}\" for this user ({why}); correct its name or have it shared")]
    NoMailbox {
        /// Mailbox, from the settings.
        mailbox: String,
        /// What the server says.
        why: String,
    },
    /// The server understood and said no; the session goes on. Worth another try later.
    #[error("the mail server refuses {what}: {why}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// What the server says.
        why: String,
    },
    /// The server's answer makes no sense.
    #[error("the mail server does not speak IMAP as expected ({what}): {why}")]
    Protocol {
        /// What was asked.
        what: &'static str,
        /// What was wrong.
        why: String,
    },
    /// No answer in time.
    #[error("the mail server did not answer {what} within {seconds} s")]
    Timeout {
        /// What was asked.
        what: &'static str,
        /// The limit that was set.
        seconds: u64,
    },
    /// The connection ended.
    #[error("the mail server closed the connection during {what}{why}")]
    Closed {
        /// What was asked.
        what: &'static str,
        /// What it said for a farewell, with a leading colon, or nothing.
        why: String,
    },
    /// The server has renumbered the mailbox while it was open: UIDs that are known no longer hold.
    #[error("the mail server has renumbered the mailbox; it is read again from its beginning")]
    Renumbered,
}

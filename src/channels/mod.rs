//! The wires: one file per kind, in and out. Nothing here knows what a message means or where it is stored.
//!
//! In: [`imap`] (a mailbox on a server) and [`mailbox_folder`] (mail lying in files). Out: [`smtp`]. Both: [`telegram`] and
//! [`text`] (text messages). [`whereabouts`] asks others for a place, [`openid`] who somebody is.
//! Every error carries one line for a person, with the remedy, and never a password, an address or a part of a mail.

pub mod backoff;
mod http;
pub mod imap;
pub mod mailbox_folder;
pub mod openid;
mod sending;
pub mod smtp;
pub mod telegram;
pub mod text;
pub mod tls;
pub mod whereabouts;

pub use backoff::Backoff;
pub use sending::SendError;
pub use tls::WireError;

use serde::{Deserialize, Serialize};
use std::fmt;

/// A password: it is read and used, and never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The password itself, for the one place that hands it to a server.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Settings that a service of somebody else's cannot be asked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte (IMAP 993, SMTP 465).
    #[default]
    Tls,
    /// Plain at first, then TLS by `STARTTLS` before anything else is said (IMAP 143, SMTP 587). Never without TLS.
    StartTls,
    /// No protection: this machine only.
    None,
}

/// What a server said, fit for a log line: one line, no addresses, at most 300 characters.
///
/// Servers repeat the address they refuse, and some the name they are logged in with.
pub(crate) fn one_line(said: &str) -> String {
    let mut line = String::new();
    for word in said.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(if word.contains('@') { "(address)" } else { word });
        if line.len() > 300 {
            line.truncate(line.floor_char_boundary(300));
            line.push('…');
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::from("hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "*** Some(***)");
        assert_eq!(secret.reveal(), "hunter2");
    }

    #[test]
    fn what_a_server_says_becomes_one_line_without_addresses() {
        let said = "5.1.1 <ann@example.org>:\r\n Recipient   address rejected";
        assert_eq!(one_line(said), "5.1.1 (address) Recipient address rejected");
        assert!(one_line(&"wörter ".repeat(100)).len() < 310);
        assert_eq!(one_line(" \t\r\n"), "");
    }

    #[test]
    fn security_is_written_in_one_small_word() {
        let read = |word: &str| serde_json::from_str::<Security>(word).ok();
        assert_eq!(read("\"tls\""), Some(Security::Tls));
        assert_eq!(read("\"starttls\""), Some(Security::StartTls));
        assert_eq!(read("\"none\""), Some(Security::None));
        assert_eq!(read("\"StartTls\""), None);
    }
}

//! A message as it comes off a wire, and as intake understands its form.

use super::case::words;
use super::place::SharedPoint;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

words! {
    /// The way a message came or goes.
    Channel {
        /// Electronic mail.
        Email = "email" / "Email",
        /// A text to a telephone.
        Sms = "sms" / "Text message",
        /// WhatsApp, through the provider of texts.
        Whatsapp = "whatsapp" / "WhatsApp",
        /// The form on the web. Nothing goes back by it: who used it is answered by mail.
        Web = "web" / "Web form",
        /// A chat with a bot on Telegram.
        Telegram = "telegram" / "Telegram",
        /// A telephone call that a gatekeeper wrote down. Nothing goes back by it: a person rings.
        Phone = "phone" / "Telephone call",
        /// A visit at a councillor's surgery that a gatekeeper wrote down.
        Surgery = "surgery" / "Surgery visit",
        /// A letter, which a person prints and posts. Nothing comes in by it.
        Letter = "letter" / "Letter",
    }
}

impl Channel {
    /// Whether answers on it are a line or two, without a subject.
    #[must_use]
    pub const fn is_short(self) -> bool {
        matches!(self, Self::Sms | Self::Whatsapp | Self::Telegram)
    }

    /// Whether a gatekeeper wrote down what comes by it.
    #[must_use]
    pub const fn is_word_of_mouth(self) -> bool {
        matches!(self, Self::Phone | Self::Surgery)
    }

    /// Whether an address on it is only what somebody said: nobody's, until its owner says that it is theirs.
    #[must_use]
    pub const fn is_hearsay(self) -> bool {
        matches!(self, Self::Web | Self::Phone | Self::Surgery)
    }

    /// The channel that an answer to it goes by; where somebody said how they want to hear from us, that counts instead.
    #[must_use]
    pub const fn answered_by(self) -> Self {
        match self {
            Self::Web => Self::Email,
            itself => itself,
        }
    }
}

/// Where somebody can be reached: a channel, and their address on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContactPoint {
    /// The channel.
    pub channel: Channel,
    /// A mail address in lower case; a telephone number as `+447700900123`; the number of a chat on Telegram as `71`; what
    /// stands on an envelope, in one line.
    pub address: String,
    /// The name it goes by there, where it has one.
    pub name: Option<String>,
}

impl From<&Address> for ContactPoint {
    fn from(address: &Address) -> Self {
        Self { channel: Channel::Email, address: address.email.clone(), name: address.name.clone() }
    }
}

/// What a channel hands to intake: the bytes exactly as they came, and how the channel names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// The way it came.
    pub channel: Channel,
    /// The watched account, as named in the settings (`[[mailbox]] name`).
    pub account: String,
    /// The channel's own name for this delivery, unique within the account (for IMAP: mailbox, UIDVALIDITY and UID).
    pub external_id: String,
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    /// When the channel says it arrived (IMAP INTERNALDATE), where it says so.
    pub arrived_at: Option<DateTime<Utc>>,
}

/// An email address, always lower case in its domain, never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// The address proper, lower-cased as a whole: no mail system in use tells `Ann@` from `ann@`.
    pub email: String,
    /// The display name, where there is one.
    pub name: Option<String>,
}

impl Address {
    /// An address from its parts; `None` where it has no `@` with something on both sides, or a control character.
    #[must_use]
    pub fn new(email: &str, name: Option<&str>) -> Option<Self> {
        let email = email.trim().trim_matches(['<', '>']).to_lowercase();
        let (local, domain) = email.rsplit_once('@')?;
        let bad = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';');
        // 254 is the longest address that SMTP can carry (RFC 5321, 4.5.3.1.3).
        if local.is_empty() || domain.is_empty() || email.len() > 254 || email.chars().any(bad) {
            return None;
        }
        let name = name.map(|n| n.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|n| !n.is_empty());
        Some(Self { email, name })
    }

    /// What stands after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.email.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.email),
            None => f.write_str(&self.email),
        }
    }
}

/// A file that came with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name, cleaned of paths and control characters; never empty.
    pub name: String,
    /// Media type as the sender gave it, lower case, `application/octet-stream` where it gave none.
    pub content_type: String,
    /// The decoded bytes.
    pub bytes: Vec<u8>,
    /// Why the file is kept but not passed on (too large, a type that can carry a program), if so.
    pub refused: Option<String>,
}

/// Whether the sender is who they say, by the council's own mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum SenderCheck {
    /// The council's server vouches for the From address.
    Verified {
        /// Which check passed: `dmarc`, `dkim` or `spf`.
        by: String,
    },
    /// Nobody vouches for it: nothing is acknowledged until a person says so.
    Unverified {
        /// Why, in words for a gatekeeper.
        why: String,
    },
}

impl SenderCheck {
    /// Whether the council's server vouches for the sender.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self, Self::Verified { .. })
    }
}

/// A message with its form understood, whatever way it came: who, to whom, what they wrote, what it answers. Its meaning is not
/// looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The way it came.
    pub channel: Channel,
    /// Who wrote it, where that can be told; of a mail it is `from`.
    pub writer: Option<ContactPoint>,
    /// A position that was sent along with it.
    pub shared: Option<SharedPoint>,
    /// Of a mail: the sender (From, or Reply-To when From is one of a mailing service's and Reply-To a person's is *not* done:
    /// From alone decides who is answered).
    pub from: Option<Address>,
    /// Every address it was sent to: To and Cc.
    pub to: Vec<Address>,
    /// Addresses the mail systems wrote down on delivery: Delivered-To, X-Original-To, Envelope-To.
    pub delivered_to: Vec<String>,
    /// Subject, decoded, one line; empty where there was none.
    pub subject: String,
    /// What the sender wrote this time, without what they quoted and without the signature.
    pub text: String,
    /// What was folded away: quoted earlier mail and signature. Kept, never cut.
    pub folded: String,
    /// `Message-ID` without angle brackets, where the sender gave one; of a message on Telegram a name of ours for its place in
    /// its chat, which it keeps when it is edited.
    pub rfc_message_id: Option<String>,
    /// Message-IDs this one answers: `In-Reply-To` first, then `References` from last to first.
    pub answers: Vec<String>,
    /// ISO 639-1 code of the language that the sender's device is set to, where the channel says so.
    pub device_language: Option<String>,
    /// The `Date` header, where it can be read.
    pub sent_at: Option<DateTime<Utc>>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Why this is automatic mail (rule and header), if it is.
    pub automatic: Option<String>,
    /// Why it may be read but not be answered by a machine (mailing list, asks for no automatic answer), if so.
    pub no_auto_answer: Option<String>,
    /// Whether the sender is who they say.
    pub sender: SenderCheck,
    /// For a bounce: `Message-ID`s of ours that stand in the returned message, and whether the failure is permanent.
    pub bounce: Option<Bounce>,
    /// A hash of what the sender wrote (Message-ID, From, Date and the body), without what the way here added: the same
    /// mail in two watched mailboxes has one fingerprint.
    pub fingerprint: String,
}

/// What a delivery status notification says of a mail of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Message-IDs found in the returned message or its headers, without angle brackets.
    pub of: Vec<String>,
    /// True for 5.x.x other than 5.2.2 (mailbox full): it will not go by trying again.
    pub permanent: bool,
    /// Enhanced status code, such as `5.1.1`, where given.
    pub status: Option<String>,
}

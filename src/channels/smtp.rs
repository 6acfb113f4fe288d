//! Email out: over SMTP to the council's relay, or into a folder.
//!
//! A mail that was handed over twice is a resident answered twice, so the one question is whether it was handed over.
//! The conversation goes step by step: whatever fails before the message itself is begun was not sent, a refusal is
//! final where its code is 5xx, and where the connection is lost after that point nobody can know
//! ([`SendError::Uncertain`]).

mod connection;
mod folder;
mod stream;

use crate::channels::{Secret, Security, WireError, tls};
use connection::{Connection, Trouble};
use lettre::address::Envelope;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A connection that lay idle for longer is not used again: many servers hang up after one to five minutes.
const IDLE: Duration = Duration::from_secs(50);

/// Where outgoing mail goes and how.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Host name or address; the server's certificate must be made out to it.
    pub host: String,
    /// Port: 465 for `tls`, 587 for `starttls`, 25 for `none`.
    pub port: u16,
    /// Protection; `none` is refused for every host but this machine.
    pub security: Security,
    /// Name to sign in with, where the server wants that.
    pub user: Option<String>,
    /// Password, where there is a name.
    pub password: Option<Secret>,
    /// PEM file with certificates to trust besides this machine's.
    pub ca_file: Option<PathBuf>,
    /// Name given to the server in EHLO; this machine's where absent.
    pub hello_name: Option<String>,
    /// Most connections at once; at least one is used.
    pub connections: usize,
    /// How long the server may take to answer a message that it has got whole, in seconds (RFC 5321: 600; usual: 300).
    pub data_timeout_seconds: u64,
}

/// Why a mail was not sent, or why that is not known. No text in it holds an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was not handed over: it may be tried again, later.
    #[error("not sent: {why}")]
    NotSent {
        /// What was wrong, with the remedy where there is one.
        why: String,
    },
    /// The server will not have it, and nobody got it: trying again does not help.
    #[error("refused by the mail server ({code}): {why}")]
    Refused {
        /// The SMTP reply code, 500 to 599.
        code: u16,
        /// What the server says; for a refused recipient, which it is, counted from 1.
        why: String,
    },
    /// The connection was lost after the message was begun: it may have arrived. A person decides about trying again.
    #[error("it is uncertain whether it was sent: {why}")]
    Uncertain {
        /// What was wrong.
        why: String,
    },
}

/// The way out.
#[derive(Debug)]
pub enum Outgoing {
    /// Over SMTP.
    Smtp(Smtp),
    /// Each mail as an `.eml` file in this folder, named after its Message-ID. For trials: nobody gets anything.
    Folder(PathBuf),
}

impl Outgoing {
    /// Hands `message` over for the recipients of `envelope`, all or none; a null sender is an envelope without
    /// `from`. Line ends are made CRLF, as the protocol demands; else the bytes go as they are. Gives the server's
    /// answer, in one line.
    ///
    /// # Errors
    /// See [`SendError`]: the caller must tell its three kinds apart. Should the future be dropped before it is done,
    /// that is `Uncertain`.
    pub async fn send(&self, envelope: &Envelope, message: &[u8]) -> Result<String, SendError> {
        match self {
            Self::Smtp(smtp) => smtp.send(envelope, message).await,
            Self::Folder(path) => folder::write(path, message).await,
        }
    }

    /// Whether mail would go out: connects, signs in and says goodbye, or tries to write to the folder. Gives what was
    /// found, in one line.
    ///
    /// # Errors
    /// [`SendError::NotSent`], with the remedy.
    pub async fn check(&self) -> Result<String, SendError> {
        match self {
            Self::Smtp(smtp) => smtp.check().await,
            Self::Folder(path) => folder::check(path).await,
        }
    }
}

/// A relay, with the connections to it that are open.
#[derive(Debug)]
pub struct Smtp {
    settings: SmtpSettings,
    permits: Semaphore,
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Smtp {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// [`WireError::Insecure`] where the settings would send mail in the clear over a network.
    pub fn new(settings: SmtpSettings) -> Result<Self, WireError> {
        tls::permit(settings.security, &settings.host)?;
        let permits = Semaphore::new(settings.connections.clamp(1, 100));
        Ok(Self { settings, permits, idle: Mutex::new(Vec::new()) })
    }

    async fn send(&self, envelope: &Envelope, message: &[u8]) -> Result<String, SendError> {
        let not_sent = |why: String| SendError::NotSent { why };
        let _permit = self.permits.acquire().await.map_err(|error| not_sent(error.to_string()))?;
        let message = connection::as_lines(message);
        let wait = Duration::from_secs(self.settings.data_timeout_seconds);
        if let Some(mut connection) = self.take_idle() {
            match connection.send(envelope, &message, wait).await {
                // The server had hung up meanwhile, which is its right: once more, on a new one.
                Err(Trouble::Lost(_)) => {}
                result => return self.put_back(connection, result),
            }
        }
        let mut connection = Connection::open(&self.settings).await?;
        let result = connection.send(envelope, &message, wait).await;
        self.put_back(connection, result)
    }

    async fn check(&self) -> Result<String, SendError> {
        let mut connection = Connection::open(&self.settings).await?;
        let answer = connection.noop().await.map_err(SendError::from)?;
        connection.quit().await;
        Ok(format!("{}:{} answers {answer}", self.settings.host, self.settings.port))
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Keeps the connection if the server still stands where we think it does.
    fn put_back(&self, connection: Connection, result: Result<String, Trouble>) -> Result<String, SendError> {
        if connection.is_clean() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((connection, Instant::now()));
        }
        result.map_err(SendError::from)
    }
}

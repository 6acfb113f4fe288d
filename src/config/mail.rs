//! Where mail comes from and goes out: `[[mailbox]]`, `[[folder]]` and `[smtp]`.

use super::Settings;
use crate::channels::imap::{AfterAccept, ImapSettings};
use crate::channels::smtp::SmtpSettings;
use crate::channels::{Secret, Security};
use anyhow::Context as _;
use serde::Deserialize;
use std::path::PathBuf;

/// A `[[mailbox]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxSettings {
    /// Name, in logs and on the portal; unique.
    pub name: String,
    /// Key of the councillor whose mailbox it is; none for one that several share.
    pub councillor: Option<String>,
    /// Host.
    pub host: String,
    /// Port; 993 or 143 by `security` where absent.
    pub port: Option<u16>,
    /// `tls`, `starttls` or `none` (this machine only).
    #[serde(default)]
    pub security: Security,
    /// User name.
    pub user: String,
    /// Environment variable with the password.
    pub password_env: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// The password itself; better one of the two above.
    pub password: Option<Secret>,
    /// The mailbox.
    #[serde(default = "inbox")]
    pub mailbox: String,
    /// Whether nothing may be changed in it.
    #[serde(default)]
    pub read_only: bool,
    /// What becomes of a message once it is taken in: `"leave"`, `"seen"` or `{ move = "Archive" }`.
    #[serde(default)]
    pub after: AfterAccept,
    /// Seconds between looks where the server cannot tell by itself.
    #[serde(default = "a_minute")]
    pub poll_seconds: u64,
    /// PEM file with certificates to trust besides this machine's.
    pub ca_file: Option<PathBuf>,
}

/// A `[[folder]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderSettings {
    /// Name, unique among mailboxes and folders.
    pub name: String,
    /// A Maildir, a folder of `.eml` files, or an mbox file.
    pub path: PathBuf,
    /// Key of the councillor it belongs to.
    pub councillor: Option<String>,
}

/// `[smtp]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutSettings {
    /// Mail is written into this folder instead of being sent.
    pub folder: Option<PathBuf>,
    /// Host.
    pub host: Option<String>,
    /// Port; 465 or 587 by `security` where absent.
    pub port: Option<u16>,
    /// `tls`, `starttls` or `none` (this machine only).
    #[serde(default)]
    pub security: Security,
    /// User name, where the relay asks for one.
    pub user: Option<String>,
    /// Environment variable with the password.
    pub password_env: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// The password itself; better one of the two above.
    pub password: Option<Secret>,
    /// PEM file with certificates to trust besides this machine's.
    pub ca_file: Option<PathBuf>,
    /// Name this machine gives itself to the relay.
    pub hello_name: Option<String>,
    /// Connections at once.
    #[serde(default = "two")]
    pub connections: usize,
    /// Seconds to wait for the answer after a mail was handed over.
    #[serde(default = "five_minutes")]
    pub data_timeout_seconds: u64,
}

impl Settings {
    /// The connection of a mailbox, its password fetched.
    ///
    /// # Errors
    /// When the password cannot be had.
    pub fn imap(&self, mailbox: &MailboxSettings) -> anyhow::Result<ImapSettings> {
        let given = (&mailbox.password_env, &mailbox.password_file, &mailbox.password);
        let password = self.secret(given)?.with_context(|| {
            format!("mailbox '{}' has no password: set password_env or password_file", mailbox.name)
        })?;
        let port = mailbox.port.unwrap_or(if mailbox.security == Security::Tls { 993 } else { 143 });
        Ok(ImapSettings {
            host: mailbox.host.clone(),
            port,
            security: mailbox.security,
            user: mailbox.user.clone(),
            password,
            mailbox: mailbox.mailbox.clone(),
            read_only: mailbox.read_only,
            ca_file: mailbox.ca_file.as_deref().map(|p| self.path(p)),
            after: mailbox.after.clone(),
        })
    }

    /// The relay, its password fetched; `None` when mail is written into a folder.
    ///
    /// # Errors
    /// When the password cannot be had.
    pub fn smtp(&self) -> anyhow::Result<Option<SmtpSettings>> {
        let out = &self.smtp;
        let Some(host) = out.host.clone() else { return Ok(None) };
        let password = self.secret((&out.password_env, &out.password_file, &out.password)).context("[smtp]")?;
        Ok(Some(SmtpSettings {
            host,
            port: out.port.unwrap_or(if out.security == Security::Tls { 465 } else { 587 }),
            security: out.security,
            user: out.user.clone(),
            password,
            ca_file: out.ca_file.as_deref().map(|p| self.path(p)),
            hello_name: out.hello_name.clone(),
            connections: out.connections,
            data_timeout_seconds: out.data_timeout_seconds,
        }))
    }
}

const fn two() -> usize {
    2
}

const fn a_minute() -> u64 {
    60
}

const fn five_minutes() -> u64 {
    300
}

fn inbox() -> String {
    "INBOX".to_owned()
}

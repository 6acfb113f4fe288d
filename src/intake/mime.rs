//! From raw bytes to a [`Mail`]: who wrote it, to whom, what it says and what it answers.
//!
//! mail-parser reads the fields and the charsets; the tree of parts is walked here, within limits (`walk` says why).
//! Whatever a mail says, reading it ends: in a [`Mail`], or in a reason that a gatekeeper can read. Nothing is thrown
//! away for good, because the raw bytes stay where they were stored.

mod body;
mod decode;
mod files;
pub mod headers;
mod walk;

pub(crate) use files::file;
pub use headers::Headers;

use crate::core::{Address, Attachment, Channel, ContactPoint, Mail, SenderCheck};
use crate::intake::{automatic, fold, sender, text};
use sha2::{Digest, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};
use thiserror::Error;

/// Most Message-IDs a mail may answer.
const MAX_ANSWERS: usize = 50;
/// Most addresses in To and Cc that are looked at.
const MAX_ADDRESSES: usize = 500;
/// Longest subject, in characters.
const MAX_SUBJECT: usize = 998;
/// Text beyond this many characters is not searched for quotes: it is no letter, and the raw mail is kept.
const MAX_FOLDED: usize = 2_000_000;

/// How much of a mail is taken, and which files are not passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MimeLimits {
    /// Largest file that is passed on.
    pub max_attachment_bytes: usize,
    /// Most files that are passed on.
    pub max_attachments: usize,
    /// Most characters of text (and again of folded text); the rest is counted in a visible mark.
    pub max_text_chars: usize,
    /// Media types that are kept but not passed on, lower case.
    pub refused_types: Vec<String>,
    /// File name extensions that are kept but not passed on, lower case, without the dot.
    pub refused_extensions: Vec<String>,
}

impl Default for MimeLimits {
    fn default() -> Self {
        let owned = |list: &str| list.split_whitespace().map(str::to_owned).collect();
        Self {
            max_attachment_bytes: 25 * 1024 * 1024,
            max_attachments: 50,
            max_text_chars: 200_000,
            // HTML and SVG can carry scripts and are how passwords are fished for; discs and shortcuts hide programs.
            refused_types: owned(
                "application/hta application/java-archive application/javascript application/vnd.microsoft.portable-executable
                 application/x-bat application/x-dosexec application/x-executable application/x-javascript application/x-ms-installer
                 application/x-ms-shortcut application/x-msdos-program application/x-msdownload application/x-msi application/x-sh
                 application/x-shellscript application/xhtml+xml image/svg+xml text/html text/javascript text/vbscript",
            ),
            refused_extensions: owned(
                "ade adp apk app appx bat cab chm cmd com cpl deb dll dmg docm dotm exe gadget hta htm html img inf iso jar jnlp
                 js jse lnk mht mhtml msc msi msix msp mst ocx one pif pkg potm ppam ppsm pptm ps1 psm1 py reg rpm scf scr sct
                 settingcontent-ms sh shtml sldm svg svgz sys url vb vbe vbs vhd vhdx ws wsc wsf wsh xhtml xlam xll xlsb xlsm xltm",
            ),
        }
    }
}

/// Why a mail cannot be understood, in one line for a gatekeeper. Its raw bytes are kept, and it can be tried again.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unparseable {
    /// No bytes, or only blanks.
    #[error("the message is empty")]
    Empty,
    /// Not one header field.
    #[error("the message has no header, so it is not an email")]
    NoHeader,
    /// Nobody to answer, and no machine either.
    #[error("the message names no sender")]
    NoSender,
    /// More parts inside each other than any mail program writes.
    #[error("the message is nested too deeply")]
    TooDeep,
    /// More parts than any mail program writes.
    #[error("the message has too many parts")]
    TooManyParts,
    /// A fault in the reader.
    #[error("the message could not be read: the mail reader failed on it")]
    Panicked,
}

/// Reads a mail. `authserv_id` is the name under which the council's own server writes `Authentication-Results`.
///
/// # Errors
/// [`Unparseable`], for quarantine. A panic in a parser comes back as [`Unparseable::Panicked`].
pub fn parse(raw: &[u8], limits: &MimeLimits, authserv_id: Option<&str>) -> Result<Mail, Unparseable> {
    catch_unwind(AssertUnwindSafe(|| read(raw, limits, authserv_id))).unwrap_or(Err(Unparseable::Panicked))
}

fn read(raw: &[u8], limits: &MimeLimits, authserv_id: Option<&str>) -> Result<Mail, Unparseable> {
    if raw.iter().all(|b| b.is_ascii_whitespace() || *b == 0) {
        return Err(Unparseable::Empty);
    }
    let root = walk::Part::read(raw)?;
    let headers = &root.headers;
    let mut found = body::find(&root);
    let numbered = found.files.iter().zip(1..);
    let attachments: Vec<Attachment> = numbered.map(|(part, n)| files::attachment(part, n, limits)).collect();
    let words = found.words();

    let from = sender_of(headers);
    let signs = automatic::automatic(headers, from.as_ref(), &words, &attachments);
    if from.is_none() && signs.automatic.is_none() {
        return Err(Unparseable::NoSender);
    }
    let sender = from.as_ref().map_or_else(
        || SenderCheck::Unverified { why: "the mail names no sender".to_owned() },
        |from| sender::check(headers, from, authserv_id),
    );
    let subject: String = headers.text("subject").chars().take(MAX_SUBJECT).collect();
    let rfc_message_id = headers.ids("message-id").into_iter().next();
    let fingerprint = fingerprint(headers, from.as_ref(), rfc_message_id.as_deref(), &subject, &words, &attachments);
    let folded = fold::fold(&text::cut(&words, MAX_FOLDED));
    Ok(Mail {
        to: ["to", "cc"].iter().flat_map(|name| headers.addresses(name)).take(MAX_ADDRESSES).collect(),
        delivered_to: delivered_to(headers),
        subject,
        text: text::cut(&folded.text, limits.max_text_chars),
        folded: text::cut(&folded.folded, limits.max_text_chars),
        answers: answers(headers),
        sent_at: headers.date("date"),
        automatic: signs.automatic,
        no_auto_answer: signs.no_auto_answer,
        bounce: signs.bounce,
        channel: Channel::Email,
        writer: from.as_ref().map(ContactPoint::from),
        shared: None,
        device_language: None,
        from,
        rfc_message_id,
        attachments,
        sender,
        fingerprint,
    })
}

/// The first mailbox of From, or what stands in it like one; Sender only where From has none.
fn sender_of(headers: &Headers) -> Option<Address> {
    let stray = || headers.all("from").find_map(headers::stray_address);
    headers
        .addresses("from")
        .into_iter()
        .next()
        .or_else(stray)
        .or_else(|| headers.addresses("sender").into_iter().next())
}

fn delivered_to(headers: &Headers) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for name in ["delivered-to", "x-original-to", "envelope-to"] {
        for address in headers.addresses(name).into_iter().take(MAX_ADDRESSES) {
            if !addresses.contains(&address.email) {
                addresses.push(address.email);
            }
        }
    }
    addresses
}

fn answers(headers: &Headers) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let references = headers.ids("references");
    for id in headers.ids("in-reply-to").into_iter().chain(references.into_iter().rev()) {
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() == MAX_ANSWERS {
            break;
        }
    }
    ids
}

/// A hash of what the sender wrote: the same for two deliveries of one mail, another for a mail sent again. Nothing
/// that servers on the way add goes into it, and no limit of ours either.
fn fingerprint(
    headers: &Headers,
    from: Option<&Address>,
    message_id: Option<&str>,
    subject: &str,
    words: &str,
    files: &[Attachment],
) -> String {
    let date = headers.first("date").map(text::one_line).unwrap_or_default();
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        // The length goes first, so that no two sets of fields give the same bytes.
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    field(message_id.unwrap_or_default().as_bytes());
    field(from.map_or("", |f| &f.email).as_bytes());
    field(date.as_bytes());
    field(subject.as_bytes());
    field(words.as_bytes());
    for file in files {
        field(&file.bytes);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests;

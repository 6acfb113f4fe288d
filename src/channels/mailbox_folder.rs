//! Mail lying in files: a Maildir, a folder of `.eml` files, or an mbox file.
//!
//! The kind is seen from what is there: a folder with `new` and `cur` is a Maildir, a folder with at least one `.eml`
//! is a folder of messages, a file that begins with `From ` is an mbox. Folders inside are not entered, and nothing is
//! changed. Messages come one at a time; one that cannot be read comes as an error in its place, and reading goes on.
//!
//! An mbox is split where a line `From …` stands at the beginning or after an empty line; that empty line belongs to
//! no message, and `>From `, `>>From ` … within a message lose one `>` (the `mboxrd` way).
//!
//! Reading blocks the thread: run it on one that may (`tokio::task::spawn_blocking`).

use crate::core::{Channel, RawMessage};
use chrono::{DateTime, NaiveDateTime, Utc};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// What kind of mailbox lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Maildir: `new` and `cur`.
    Maildir,
    /// A folder of `.eml` files.
    EmlFolder,
    /// One mbox file.
    Mbox,
}

/// Why a mailbox, or one message of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Nothing is there.
    #[error("there is no {}: name a Maildir, a folder with .eml files or an mbox file", .0.display())]
    Missing(PathBuf),
    /// Something is there, but no mail. An empty Maildir is none of this: its mail is yet to come.
    #[error("{} holds no mail: it has neither new and cur (a Maildir) nor a .eml file", .0.display())]
    NoMail(PathBuf),
    /// A file that is no mbox.
    #[error("{} is no mbox file: it does not begin with \"From \"; a single message goes into a folder", .0.display())]
    NoMbox(PathBuf),
    /// A file or folder that cannot be read. Within an mbox it is the last item: what follows cannot be found.
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A message above the limit.
    #[error("{} holds a message of {size} bytes, above the limit of {limit}: it was not taken", path.display())]
    TooLarge {
        /// The file; for an mbox, with the number of the message behind a colon, counted from 0.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// The limit that was set.
        limit: u64,
    },
}

/// A mailbox in files: an iterator over its messages, in the order in which they came, by name for `.eml` files.
#[derive(Debug)]
pub struct MailboxFolder {
    account: String,
    max_message_bytes: u64,
    kind: Kind,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Files(std::vec::IntoIter<PathBuf>),
    Mbox(Mbox),
}

impl MailboxFolder {
    /// Looks what lies at `path`. The messages will be of the account `account`; those above `max_message_bytes` come
    /// as [`FolderError::TooLarge`].
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::NoMail`] and [`FolderError::NoMbox`], which say what is wanted, and
    /// [`FolderError::Unreadable`].
    pub fn open(path: &Path, account: &str, max_message_bytes: u64) -> Result<Self, FolderError> {
        let unreadable = |why| FolderError::Unreadable { path: path.to_owned(), why };
        let about = match fs::metadata(path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Err(FolderError::Missing(path.to_owned())),
            about => about.map_err(unreadable)?,
        };
        let (kind, source) = if !about.is_dir() {
            (Kind::Mbox, Source::Mbox(Mbox::open(path)?))
        } else if path.join("new").is_dir() && path.join("cur").is_dir() {
            (Kind::Maildir, Source::Files(maildir(path)?.into_iter()))
        } else {
            let mut files = listed(path)?;
            files.retain(|file| file.extension().is_some_and(|e| e.eq_ignore_ascii_case("eml")) && !file.is_dir());
            files.sort_unstable();
            if files.is_empty() {
                return Err(FolderError::NoMail(path.to_owned()));
            }
            (Kind::EmlFolder, Source::Files(files.into_iter()))
        };
        Ok(Self { account: account.to_owned(), max_message_bytes, kind, source })
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    fn read(&self, path: PathBuf) -> Result<RawMessage, FolderError> {
        let path = if self.kind == Kind::Maildir { where_it_is_now(path) } else { path };
        let unreadable = |why| FolderError::Unreadable { path: path.clone(), why };
        let about = fs::metadata(&path).map_err(unreadable)?;
        if about.len() > self.max_message_bytes {
            return Err(FolderError::TooLarge { path, size: about.len(), limit: self.max_message_bytes });
        }
        let bytes = fs::read(&path).map_err(unreadable)?;
        let name = name_of(&path);
        let (external_id, arrived_at) = match self.kind {
            // The time a Maildir's file was written is its delivery; a flag changes the name only.
            Kind::Maildir => (base_name(&name).to_owned(), about.modified().ok().map(DateTime::<Utc>::from)),
            // A copied file's time says nothing.
            Kind::EmlFolder | Kind::Mbox => (format!("{name}:{}", short_hash(&bytes)), None),
        };
        Ok(RawMessage { channel: Channel::Email, account: self.account.clone(), external_id, bytes, arrived_at })
    }
}

impl Iterator for MailboxFolder {
    type Item = Result<RawMessage, FolderError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Source::Files(files) => {
                let path = files.next()?;
                Some(self.read(path))
            }
            Source::Mbox(mbox) => mbox.next(&self.account, self.max_message_bytes),
        }
    }
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let unreadable = |why| FolderError::Unreadable { path: folder.to_owned(), why };
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}

/// Files of `new` and `cur` by the second of their delivery, which their names begin with, then by name. Names that
/// begin with a dot are no messages (Maildir's own rule).
fn maildir(path: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut files = listed(&path.join("new"))?;
    files.extend(listed(&path.join("cur"))?);
    files.retain(|file| !name_of(file).starts_with('.') && !file.is_dir());
    files.sort_by_cached_key(|file| {
        let name = name_of(file);
        let second = name.split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX);
        (second, base_name(&name).to_owned())
    });
    // Between the two listings a message can have gone from `new` to `cur`.
    files.dedup_by(|a, b| base_name(&name_of(a)) == base_name(&name_of(b)));
    Ok(files)
}

/// Another program can have looked at the message since it was listed, and moved it to `cur` or changed its flags.
fn where_it_is_now(path: PathBuf) -> PathBuf {
    if path.exists() {
        return path;
    }
    let name = name_of(&path);
    let cur = path.parent().and_then(Path::parent).map(|maildir| maildir.join("cur"));
    let there = cur.and_then(|cur| listed(&cur).ok()).unwrap_or_default();
    there.into_iter().find(|file| base_name(&name_of(file)) == base_name(&name)).unwrap_or(path)
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A Maildir file's name without its flags, which change: `1700000000.M1P2.host` of `1700000000.M1P2.host:2,S`.
fn base_name(name: &str) -> &str {
    name.rsplit_once(":2,").map_or(name, |(base, _)| base)
}

fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Debug)]
struct Mbox {
    path: PathBuf,
    lines: BufReader<File>,
    /// The `From ` line of the message that comes next; `None` at the end.
    envelope: Option<Vec<u8>>,
    index: u64,
}

impl Mbox {
    fn open(path: &Path) -> Result<Self, FolderError> {
        let unreadable = |why| FolderError::Unreadable { path: path.to_owned(), why };
        let mut lines = BufReader::new(File::open(path).map_err(unreadable)?);
        let mut first = Vec::new();
        // Whatever this is, its first line may be as long as the file.
        (&mut lines).take(1_000).read_until(b'\n', &mut first).map_err(unreadable)?;
        if !first.starts_with(b"From ") {
            return Err(FolderError::NoMbox(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), lines, envelope: Some(first), index: 0 })
    }

    fn next(&mut self, account: &str, limit: u64) -> Option<Result<RawMessage, FolderError>> {
        let envelope = self.envelope.take()?;
        let index = self.index;
        self.index += 1;
        let (bytes, size) = match self.message(limit) {
            Ok(message) => message,
            Err(why) => return Some(Err(FolderError::Unreadable { path: self.path.clone(), why })),
        };
        if size > limit {
            let path = PathBuf::from(format!("{}:{index}", self.path.display()));
            return Some(Err(FolderError::TooLarge { path, size, limit }));
        }
        let external_id = format!("{index}:{}", short_hash(&bytes));
        Some(Ok(RawMessage {
            channel: Channel::Email,
            account: account.to_owned(),
            external_id,
            bytes,
            arrived_at: envelope_date(&envelope),
        }))
    }

    /// Reads up to the next `From ` line or the end: the message, without what is above the limit, and its size.
    fn message(&mut self, limit: u64) -> io::Result<(Vec<u8>, u64)> {
        let (mut bytes, mut size) = (Vec::new(), 0_u64);
        // An empty line is held back until it is known whether it parts two messages.
        let mut empty: Option<Vec<u8>> = None;
        let mut line = Vec::new();
        // False within a line that is so long that it comes in pieces.
        let mut at_start = true;
        loop {
            line.clear();
            let longest = limit.saturating_add(1_000);
            if (&mut self.lines).take(longest).read_until(b'\n', &mut line)? == 0 {
                return Ok((bytes, size));
            }
            if at_start && empty.is_some() && line.starts_with(b"From ") {
                self.envelope = Some(line);
                return Ok((bytes, size));
            }
            let quoted = at_start
                && line.iter().position(|b| *b != b'>').is_some_and(|n| n > 0 && line[n..].starts_with(b"From "));
            let held = empty.take().unwrap_or_default();
            if at_start && matches!(line.as_slice(), b"\n" | b"\r\n") {
                empty = Some(line.clone());
            }
            for piece in [held.as_slice(), if empty.is_some() { &[] } else { &line[usize::from(quoted)..] }] {
                size += piece.len() as u64;
                if size <= limit {
                    bytes.extend_from_slice(piece);
                }
            }
            at_start = line.ends_with(b"\n");
        }
    }
}

/// `From ann@example.org Sat Jan  3 01:05:34 1996`: the time is UTC by custom (RFC 4155).
fn envelope_date(line: &[u8]) -> Option<DateTime<Utc>> {
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let date = words.get(words.len().checked_sub(5)?..)?.join(" ");
    Some(NaiveDateTime::parse_from_str(&date, "%a %b %d %H:%M:%S %Y").ok()?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_no_part_of_a_name() {
        assert_eq!(base_name("1700000000.M1P2.host:2,FS"), "1700000000.M1P2.host");
        assert_eq!(base_name("1700000000.M1P2.host"), "1700000000.M1P2.host");
    }

    #[test]
    fn the_date_of_an_envelope_line_is_read_where_there_is_one() {
        let read = |line: &str| envelope_date(line.as_bytes()).map(|date| date.to_rfc3339());
        assert_eq!(
            read("From ann@example.org Sat Jan  6 01:05:34 1996\n").as_deref(),
            Some("1996-01-06T01:05:34+00:00")
        );
        assert_eq!(
            read("From MAILER-DAEMON Fri Jul  8 12:08:34 2011\r\n").as_deref(),
            Some("2011-07-08T12:08:34+00:00")
        );
        assert_eq!(read("From nobody\n"), None);
    }
}

//! Finding and fetching what is new, a bounded piece at a time.

use super::link::{Reply, passing};
use super::{ImapError, ImapSession, UIDS_A_COMMAND, words};
use async_imap::imap_proto::{AttributeValue, MailboxDatum, MessageSection, Response, SectionPath};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

/// UIDs that are looked through at first in one search. The answer is one line, which the parser reads again from its
/// start with each piece that arrives: a line for 100,000 messages would take seconds.
const SPAN: u32 = 10_000;
/// What the header of an oversized message may take.
const HEADER_BYTES: u32 = 256 * 1024;
/// The slowest line on which a fetch still succeeds.
const BYTES_A_SECOND: u64 = 16 * 1024;

/// How much one call may bring.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// Bytes a call, by the sizes the server gives; one message comes in any case.
    pub max_bytes: u64,
    /// Bytes a message; above it only the header comes.
    pub max_message_bytes: u64,
}

impl Default for FetchLimits {
    /// 32 MiB a call, 30 MiB a message: what a provider lets through with attachments of 20 MB.
    fn default() -> Self {
        Self { max_bytes: 32 << 20, max_message_bytes: 30 << 20 }
    }
}

/// A message that was found in the mailbox. Each kind moves the cursor on and must be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// A message as it is.
    Message {
        /// Its UID.
        uid: u32,
        /// When the server took it in (INTERNALDATE), where it says so.
        arrived_at: Option<DateTime<Utc>>,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// A message above the limit: for quarantine, so that a person sees that it is there. It stays in the mailbox.
    Oversized {
        /// Its UID.
        uid: u32,
        /// When the server took it in, where it says so.
        arrived_at: Option<DateTime<Utc>>,
        /// Its size in bytes, by the server's account.
        size: u64,
        /// Its header, at most the first 256 KiB.
        header: Vec<u8>,
    },
    /// A message that is in the mailbox but that the server cannot hand over: for quarantine likewise.
    Unreadable {
        /// Its UID.
        uid: u32,
        /// When the server took it in, where it says so.
        arrived_at: Option<DateTime<Utc>>,
        /// What the server says.
        why: String,
    },
}

impl Fetched {
    /// The UID: where the cursor stands once this is kept.
    #[must_use]
    pub const fn uid(&self) -> u32 {
        match self {
            Self::Message { uid, .. } | Self::Oversized { uid, .. } | Self::Unreadable { uid, .. } => *uid,
        }
    }
}

/// UIDs a search found, kept so that a mailbox with a long backlog is not searched for each piece of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Every UID above this and up to the last of `uids` was looked through.
    after: u32,
    uids: Vec<u32>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Listed {
    size: u64,
    arrived_at: Option<DateTime<Utc>>,
}

/// What a FETCH answer says of one message.
#[derive(Debug, Default)]
struct Parts {
    uid: Option<u32>,
    listed: Listed,
    /// The section that was asked for: `Some(None)` where the server has nothing to give.
    content: Option<Option<Vec<u8>>>,
}

impl ImapSession {
    /// The messages with a UID above `after`, oldest first: at most `limit` of them, and about `limits.max_bytes`. An
    /// empty answer means that there is nothing more at the moment; else commit, and ask again after the last UID.
    /// Nothing is flagged. Messages that vanish meanwhile are passed over.
    ///
    /// # Errors
    /// As any command.
    pub async fn fetch_after(
        &mut self,
        after: u32,
        limit: usize,
        limits: FetchLimits,
    ) -> Result<Vec<Fetched>, ImapError> {
        let mut after = after;
        loop {
            self.search(after).await?;
            let limit = limit.clamp(1, UIDS_A_COMMAND);
            let uids: Vec<u32> = self.found.uids.iter().copied().filter(|uid| *uid > after).take(limit).collect();
            let Some(last) = uids.last() else { return Ok(Vec::new()) };
            let piece = choose(self.list(&uids).await?, limits);
            let last = *piece.keys().next_back().unwrap_or(last);
            let fetched = self.bring(piece, limits).await?;
            if !fetched.is_empty() {
                return Ok(fetched);
            }
            // All of them vanished between the questions; the caller would take that for the end.
            after = last;
        }
    }

    /// Makes sure that `found` begins with the first UIDs above `after`, if there are any.
    async fn search(&mut self, after: u32) -> Result<(), ImapError> {
        let known = after >= self.found.after && self.found.uids.last().is_some_and(|last| *last > after);
        if known {
            return Ok(());
        }
        // Servers may search what they knew after the last command; this one makes them look.
        self.message_count().await?;
        self.found = Found { after, uids: Vec::new() };
        self.link.state.fresh = false;
        let (mut low, mut span) = (u64::from(after) + 1, u64::from(SPAN));
        while low <= u64::from(u32::MAX) {
            let high = low + span - 1;
            // From the UID that was next when the mailbox was opened, the rest is what arrived since.
            let rest = self.uid_next.is_none_or(|next| high >= u64::from(next));
            let command = if rest { format!("UID SEARCH UID {low}:*") } else { format!("UID SEARCH UID {low}:{high}") };
            let mut uids = Vec::new();
            let note = |answer: &Response<'_>| {
                if let Response::MailboxData(MailboxDatum::Search(some)) = answer {
                    uids.extend_from_slice(some);
                }
            };
            self.link.command("a search", &command, note).await?.accepted("a search")?;
            // `n:*` always names the last message, even where its UID is below n.
            uids.retain(|uid| *uid > after);
            uids.sort_unstable();
            uids.dedup();
            if rest || !uids.is_empty() {
                self.found.uids = uids;
                return Ok(());
            }
            // A mailbox that was emptied often has long gaps.
            low = high + 1;
            span = span.saturating_mul(2);
        }
        Ok(())
    }

    /// Size and date of those that are there.
    async fn list(&mut self, uids: &[u32]) -> Result<BTreeMap<u32, Listed>, ImapError> {
        let what = "the sizes of messages";
        let mut listed = BTreeMap::new();
        let command = format!("UID FETCH {} (UID INTERNALDATE RFC822.SIZE)", words::set(uids));
        let note = |answer: &Response<'_>| {
            let parts = parts(answer, None);
            if let Some(uid) = parts.uid.filter(|uid| uids.contains(uid)) {
                listed.entry(uid).or_insert(parts.listed);
            }
        };
        self.link.command(what, &command, note).await?.accepted(what)?;
        Ok(listed)
    }

    /// Fetches a chosen piece: the normal ones together, the others one by one.
    async fn bring(&mut self, piece: BTreeMap<u32, Listed>, limits: FetchLimits) -> Result<Vec<Fetched>, ImapError> {
        let (huge, normal): (BTreeMap<_, _>, BTreeMap<_, _>) =
            piece.into_iter().partition(|(_, listed)| listed.size > limits.max_message_bytes);
        let mut fetched = self.bodies(&normal).await?;
        for (uid, listed) in huge {
            fetched.extend(self.header(uid, listed).await?);
        }
        fetched.sort_unstable_by_key(Fetched::uid);
        Ok(fetched)
    }

    async fn bodies(&mut self, wanted: &BTreeMap<u32, Listed>) -> Result<Vec<Fetched>, ImapError> {
        let mut fetched = Vec::new();
        if let Some(why) = self.body_command(wanted, &mut fetched).await? {
            // One message that the server stumbles over must not keep back the others.
            fetched.clear();
            for (uid, listed) in wanted {
                let one = BTreeMap::from([(*uid, *listed)]);
                let again =
                    if wanted.len() == 1 { Some(why.clone()) } else { self.body_command(&one, &mut fetched).await? };
                if let Some(why) = again {
                    fetched.push(Fetched::Unreadable { uid: *uid, arrived_at: listed.arrived_at, why });
                }
            }
        }
        let missing: Vec<u32> = wanted.keys().copied().filter(|uid| fetched.iter().all(|f| f.uid() != *uid)).collect();
        if !missing.is_empty() {
            // Gone meanwhile, or there and left out without a word?
            for (uid, listed) in self.list(&missing).await? {
                let why = "the server leaves it out".to_owned();
                fetched.push(Fetched::Unreadable { uid, arrived_at: listed.arrived_at, why });
            }
        }
        Ok(fetched)
    }

    /// Adds to `fetched` what comes; `Some` reason where the server refuses to hand over a message of these.
    async fn body_command(
        &mut self,
        wanted: &BTreeMap<u32, Listed>,
        fetched: &mut Vec<Fetched>,
    ) -> Result<Option<String>, ImapError> {
        if wanted.is_empty() {
            return Ok(None);
        }
        let what = "to hand over messages";
        let uids: Vec<u32> = wanted.keys().copied().collect();
        let command = format!("UID FETCH {} (UID INTERNALDATE RFC822.SIZE BODY.PEEK[])", words::set(&uids));
        let limit = self.link.limit_for(wanted.values().map(|listed| listed.size).sum());
        let take = |answer: &Response<'_>| {
            let parts = parts(answer, Some(&None));
            let (Some(uid), Some(content)) = (parts.uid, parts.content) else { return };
            let Some(listed) = wanted.get(&uid) else { return };
            if fetched.iter().any(|f| f.uid() == uid) {
                return;
            }
            let arrived_at = parts.listed.arrived_at.or(listed.arrived_at);
            fetched.push(content.map_or_else(
                || Fetched::Unreadable { uid, arrived_at, why: "the server gives it without content".to_owned() },
                |bytes| Fetched::Message { uid, arrived_at, bytes },
            ));
        };
        match self.link.long_command(what, &command, limit, take).await? {
            Reply::Done { .. } => Ok(None),
            Reply::No { why, .. } if passing(&why) => Err(ImapError::Refused { what, why }),
            Reply::No { why, .. } => Ok(Some(why)),
        }
    }

    /// An oversized message; `None` where it vanished.
    async fn header(&mut self, uid: u32, listed: Listed) -> Result<Option<Fetched>, ImapError> {
        let what = "to hand over a header";
        let section = Some(SectionPath::Full(MessageSection::Header));
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[HEADER]<0.{HEADER_BYTES}>)");
        let limit = self.link.limit_for(u64::from(HEADER_BYTES));
        let mut header = None;
        let take = |answer: &Response<'_>| {
            let parts = parts(answer, Some(&section));
            if parts.uid == Some(uid) && parts.content.is_some() {
                header = parts.content;
            }
        };
        let Listed { size, arrived_at } = listed;
        match self.link.long_command(what, &command, limit, take).await? {
            Reply::Done { .. } => {
                Ok(header.map(|bytes| Fetched::Oversized { uid, arrived_at, size, header: bytes.unwrap_or_default() }))
            }
            Reply::No { why, .. } if passing(&why) => Err(ImapError::Refused { what, why }),
            Reply::No { why, .. } => Ok(Some(Fetched::Unreadable { uid, arrived_at, why })),
        }
    }
}

impl super::link::Link {
    fn limit_for(&self, bytes: u64) -> Duration {
        self.limit() + Duration::from_secs(bytes / BYTES_A_SECOND)
    }
}

/// The first of them, as many as fit; one in any case.
fn choose(listed: BTreeMap<u32, Listed>, limits: FetchLimits) -> BTreeMap<u32, Listed> {
    let mut bytes = 0_u64;
    let mut chosen = BTreeMap::new();
    let _ = listed.into_iter().try_for_each(|(uid, one)| {
        let costs = if one.size > limits.max_message_bytes { u64::from(HEADER_BYTES) } else { one.size };
        bytes = bytes.saturating_add(costs);
        if bytes > limits.max_bytes && !chosen.is_empty() {
            return ControlFlow::Break(());
        }
        chosen.insert(uid, one);
        ControlFlow::Continue(())
    });
    chosen
}

/// Reads a FETCH answer, with the content of `section` if that is asked for. Empty for any other answer.
fn parts(answer: &Response<'_>, section: Option<&Option<SectionPath>>) -> Parts {
    let mut parts = Parts::default();
    let Response::Fetch(_, attributes) = answer else { return parts };
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(uid) => parts.uid = Some(*uid),
            AttributeValue::Rfc822Size(size) => parts.listed.size = u64::from(*size),
            AttributeValue::InternalDate(date) => parts.listed.arrived_at = internal_date(date),
            AttributeValue::BodySection { section: of, data, .. } if Some(of) == section => {
                parts.content = Some(data.as_ref().map(|data| data.to_vec()));
            }
            _ => {}
        }
    }
    parts
}

/// `17-Jul-1996 02:44:25 -0700`; a day below ten may stand with a space before it.
fn internal_date(text: &str) -> Option<DateTime<Utc>> {
    let date = DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z").ok()?;
    Some(date.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_date_is_read() {
        let read = |text| internal_date(text).map(|date| date.to_rfc3339());
        assert_eq!(read("17-Jul-1996 02:44:25 -0700").as_deref(), Some("1996-07-17T09:44:25+00:00"));
        assert_eq!(read(" 1-Jan-2026 00:00:00 +0000").as_deref(), Some("2026-01-01T00:00:00+00:00"));
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn a_piece_is_bounded_by_bytes_but_never_empty() {
        let listed: BTreeMap<u32, Listed> =
            [(1, 600), (2, 300), (3, 200), (4, 10)].map(|(uid, size)| (uid, Listed { size, arrived_at: None })).into();
        let chosen = |max_bytes| {
            let limits = FetchLimits { max_bytes, max_message_bytes: 1_000 };
            choose(listed.clone(), limits).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(chosen(900), [1, 2]);
        assert_eq!(chosen(1), [1]);
        assert_eq!(chosen(10_000), [1, 2, 3, 4]);
        let huge = FetchLimits { max_bytes: 900, max_message_bytes: 500 };
        assert_eq!(choose(listed.clone(), huge).into_keys().collect::<Vec<_>>(), [1], "a header is counted as 256 KiB");
    }
}

//! From the wires into the durable inbox: one worker an account, each on its own, so that a broken mailbox stops nobody
//! else's. The order is always: fetch, commit, and only then flag or move.

mod call;
mod form;
pub mod hooks;
pub mod spool;
pub mod telegram;

use crate::channels::Backoff;
use crate::channels::imap::{self, FetchLimits, Fetched, ImapError, ImapSession, ImapSettings};
use crate::channels::mailbox_folder::{FolderError, MailboxFolder};
use crate::channels::telegram::{Bot, TelegramError};
use crate::core::{Channel, Clock, Ids, RawMessage};
use crate::intake::accept::{self, Accepted, Batch};
use crate::store::{self, Db};
use chrono::TimeDelta;
use spool::Spool;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Messages fetched and committed together.
const BATCH: usize = 50;
/// How long a mail server may take over one answer.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// What every collector works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Collector {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// Who claims accounts.
    pub instance: String,
    /// Rung after each batch that brought something.
    pub bell: Arc<Notify>,
    /// Largest message.
    pub message_bytes: usize,
    /// What providers of texts posted while the database was away.
    pub spool: Spool,
}

/// Why a look into a mailbox ended early.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The wire.
    #[error(transparent)]
    Imap(#[from] ImapError),
    /// The database; the wire was not told, so nothing is lost.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// Files.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Telegram.
    #[error(transparent)]
    Telegram(#[from] TelegramError),
    /// The spool.
    #[error("what waits in the spool cannot be read or removed: {0}")]
    Spool(#[from] std::io::Error),
}

/// What is asked again and again whether something has come.
#[derive(Clone, Copy)]
enum Source<'a> {
    Mailbox(&'a ImapSettings),
    Telegram(&'a Bot),
}

impl Source<'_> {
    /// Longer than a quiet spell between two looks, so that it does not run out while the account is well: IDLE is renewed after
    /// nine minutes, a request for updates after each.
    fn lease(self, poll: Duration) -> TimeDelta {
        let quiet = match self {
            Self::Mailbox(_) => TimeDelta::minutes(12),
            Self::Telegram(_) => TimeDelta::minutes(1),
        };
        TimeDelta::from_std(poll * 3).unwrap_or(TimeDelta::minutes(3)) + quiet
    }
}

impl Collector {
    /// Watches a mailbox until told to stop: reconnects with growing pauses, and notes every failure where people see it.
    pub async fn watch_mailbox(
        &self,
        account: &str,
        settings: &ImapSettings,
        poll: Duration,
        stop: &CancellationToken,
    ) {
        self.watch(account, Source::Mailbox(settings), poll, stop).await;
    }

    async fn watch(&self, account: &str, source: Source<'_>, poll: Duration, stop: &CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let pause = match self.claim(account, source.lease(poll)).await {
                Ok(true) => {
                    let read = match source {
                        Source::Mailbox(settings) => {
                            self.read_mailbox(account, settings, poll, stop, &mut backoff).await
                        }
                        Source::Telegram(bot) => self.read_telegram(account, bot, stop, &mut backoff).await,
                    };
                    match read {
                        Ok(()) => Duration::ZERO,
                        Err(error) => self.failed(account, &error, &mut backoff).await,
                    }
                }
                // Another process reads it; look again when its lease may have run out.
                Ok(false) => poll,
                Err(error) => {
                    let pause = backoff.next_delay(&mut rand::rng());
                    tracing::error!(account, %error, again_in_seconds = pause.as_secs(), "the account cannot be claimed");
                    pause
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Err(error) = self.release(account).await {
            tracing::warn!(account, %error, "the account could not be given back; its lease will run out");
        }
    }

    async fn claim(&self, account: &str, lease: TimeDelta) -> store::Result<bool> {
        let mut tx = self.db.begin().await?;
        let held = store::cursor::claim(&mut tx, account, &self.instance, self.clock.now(), lease).await?;
        tx.commit().await?;
        Ok(held)
    }

    async fn release(&self, account: &str) -> store::Result<()> {
        let mut tx = self.db.begin().await?;
        store::cursor::release(&mut tx, account, &self.instance).await?;
        tx.commit().await
    }

    async fn note_failure(&self, account: &str, error: &CollectError) {
        metrics::counter!("beadle_account_failures_total", "account" => account.to_owned()).increment(1);
        let noted = async {
            let mut tx = self.db.begin().await?;
            store::cursor::note_failure(&mut tx, account, &error.to_string(), self.clock.now()).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(account, %error, "a failure could not be written down");
        }
    }

    /// Notes that an account cannot be read, where people see it; how long to wait before it is tried again.
    async fn failed(&self, account: &str, error: &CollectError, backoff: &mut Backoff) -> Duration {
        let asked = match error {
            CollectError::Telegram(error) => error.retry_after(),
            _ => None,
        };
        let pause = backoff.next_delay(&mut rand::rng()).max(asked.unwrap_or_default());
        self.note_failure(account, error).await;
        tracing::warn!(account, %error, again_in_seconds = pause.as_secs(), "the account cannot be read");
        pause
    }

    async fn read_mailbox(
        &self,
        account: &str,
        settings: &ImapSettings,
        poll: Duration,
        stop: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<(), CollectError> {
        let mut session = tokio::select! {
            // A server that says nothing would be waited for as long as it may take.
            () = stop.cancelled() => return Ok(()),
            opened = ImapSession::open(settings, TIME_LIMIT) => opened?,
        };
        loop {
            self.drain(account, settings, &mut session).await?;
            // Only what was read to its end counts as well: a server that fails at each fetch is not asked in a rush.
            backoff.reset();
            if stop.is_cancelled() || !self.claim(account, Source::Mailbox(settings).lease(poll)).await? {
                session.logout().await;
                return Ok(());
            }
            session.wait(poll, stop).await?;
        }
    }

    /// Takes in everything that is new in an open mailbox.
    ///
    /// # Errors
    /// When the wire or the database fails; what was committed before stays.
    pub async fn drain(
        &self,
        account: &str,
        settings: &ImapSettings,
        session: &mut ImapSession,
    ) -> Result<Accepted, CollectError> {
        let mut tx = self.db.read().await?;
        let cursor = store::cursor::get(&mut tx, account).await?;
        drop(tx);
        let uid_validity = session.uid_validity();
        // Another UIDVALIDITY means other UIDs: begin again; what is known is known by its fingerprint.
        let mut after = cursor
            .filter(|c| c.uid_validity == i64::from(uid_validity))
            .map_or(0, |c| u32::try_from(c.last_uid).unwrap_or(0));
        let limits = FetchLimits { max_message_bytes: self.message_bytes as u64, ..FetchLimits::default() };
        let mut sum = Accepted::default();
        loop {
            let fetched = session.fetch_after(after, BATCH, limits).await?;
            let Some(last) = fetched.last().map(Fetched::uid) else { break };
            // What was not fetched whole stays in the mailbox as it is.
            let whole = fetched.iter().filter(|f| matches!(f, Fetched::Message { .. }));
            let uids: Vec<u32> = whole.map(Fetched::uid).collect();
            let batch = batch_of(account, &settings.mailbox, uid_validity, fetched);
            let accepted = self.accept(account, &batch).await?;
            sum.new += accepted.new;
            sum.known += accepted.known;
            session.settle(&uids).await?;
            after = last;
        }
        let mut tx = self.db.begin().await?;
        store::cursor::note_ok(&mut tx, account, self.clock.now()).await?;
        tx.commit().await?;
        Ok(sum)
    }

    async fn accept(&self, account: &str, batch: &Batch) -> store::Result<Accepted> {
        let accepted = accept::accept(&self.db, &self.clock, &self.ids, account, batch).await?;
        if accepted.new > 0 {
            metrics::counter!("beadle_messages_taken_in_total", "account" => account.to_owned())
                .increment(accepted.new as u64);
            tracing::info!(account, new = accepted.new, known = accepted.known, "messages taken in");
            self.bell.notify_one();
        }
        Ok(accepted)
    }

    /// Takes in the mail that lies in a Maildir, a folder of `.eml` files or an mbox file.
    ///
    /// # Errors
    /// When there is nothing at `path`, or the database fails. A file that cannot be read goes into quarantine by its
    /// name.
    pub async fn read_folder(&self, account: &str, path: &Path) -> Result<Accepted, CollectError> {
        let mut sum = Accepted::default();
        let mut batch = Batch::default();
        for file in MailboxFolder::open(path, account, self.message_bytes as u64)? {
            match file {
                Ok(raw) => batch.messages.push(raw),
                // Its words name the file, so it is known again at the next look.
                Err(why) => {
                    let external_id = why.to_string();
                    let raw = RawMessage {
                        channel: Channel::Email,
                        account: account.to_owned(),
                        external_id: external_id.clone(),
                        bytes: Vec::new(),
                        arrived_at: None,
                    };
                    batch.unfit.push((raw, external_id));
                }
            }
            if batch.messages.len() + batch.unfit.len() >= BATCH {
                self.add(account, &mut batch, &mut sum).await?;
            }
        }
        self.add(account, &mut batch, &mut sum).await?;
        let mut tx = self.db.begin().await?;
        store::cursor::note_ok(&mut tx, account, self.clock.now()).await?;
        tx.commit().await?;
        Ok(sum)
    }

    async fn add(&self, account: &str, batch: &mut Batch, sum: &mut Accepted) -> store::Result<()> {
        let accepted = self.accept(account, &std::mem::take(batch)).await?;
        sum.new += accepted.new;
        sum.known += accepted.known;
        Ok(())
    }

    /// Looks into a folder until told to stop: once at the start, then whenever its folders have changed.
    pub async fn watch_folder(&self, account: &str, path: &Path, poll: Duration, stop: &CancellationToken) {
        let mut seen = None;
        while !stop.is_cancelled() {
            let stamp = changed_at(path);
            if seen != Some(stamp) {
                match self.read_folder(account, path).await {
                    Ok(_) => seen = Some(stamp),
                    Err(error) => {
                        self.note_failure(account, &error).await;
                        tracing::warn!(account, %error, "the folder cannot be read");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(poll) => {}
            }
        }
    }
}

/// When a folder, or the two of a Maildir, last changed.
fn changed_at(path: &Path) -> [Option<std::time::SystemTime>; 3] {
    let of = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    [of(path), of(&path.join("new")), of(&path.join("cur"))]
}

fn batch_of(account: &str, mailbox: &str, uid_validity: u32, fetched: Vec<Fetched>) -> Batch {
    let mut batch = Batch { reached: fetched.last().map(|f| (uid_validity, i64::from(f.uid()))), ..Batch::default() };
    for message in fetched {
        let raw = |uid, bytes, arrived_at| RawMessage {
            channel: Channel::Email,
            account: account.to_owned(),
            external_id: imap::external_id(mailbox, uid_validity, uid),
            bytes,
            arrived_at,
        };
        match message {
            Fetched::Message { uid, arrived_at, bytes } => batch.messages.push(raw(uid, bytes, arrived_at)),
            Fetched::Oversized { uid, arrived_at, size, header } => {
                let why =
                    format!("too large ({} MB): only its header was fetched; it stays in the mailbox", size >> 20);
                batch.unfit.push((raw(uid, header, arrived_at), why));
            }
            Fetched::Unreadable { uid, arrived_at, why } => {
                let why = format!("the mail server cannot hand it over: {why}");
                batch.unfit.push((raw(uid, Vec::new(), arrived_at), why));
            }
        }
    }
    batch
}

//! How the ways in and out fare: no names, no words of residents.

use super::{Result, Tx, args};
use crate::core::Channel;
use chrono::{DateTime, Utc};

/// What lies of an account in the inbox.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Backlog {
    /// The account.
    pub account: String,
    /// Messages that wait to be worked on.
    pub waiting: i64,
    /// Messages in quarantine.
    pub quarantined: i64,
}

/// When each account last brought a message.
///
/// # Errors
/// What the database says.
pub async fn newest_messages(tx: &mut Tx) -> Result<Vec<(String, DateTime<Utc>)>> {
    tx.all("SELECT account, MAX(received_at) FROM inbox GROUP BY account", args![]).await
}

/// What is not worked on yet, and what could not be, of each account that has any.
///
/// # Errors
/// What the database says.
pub async fn backlog(tx: &mut Tx) -> Result<Vec<Backlog>> {
    tx.all(
        "SELECT account, COUNT(CASE WHEN status = 'new' THEN 1 END) AS waiting,
                COUNT(CASE WHEN status = 'quarantined' THEN 1 END) AS quarantined
         FROM inbox WHERE status IN ('new', 'quarantined') GROUP BY account",
        args![],
    )
    .await
}

/// What has not gone on a channel.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Unsent {
    /// The channel.
    pub channel: String,
    /// What waits to be sent, and since when.
    pub queued: i64,
    /// When the oldest of it was written.
    pub oldest: Option<DateTime<Utc>>,
    /// What was tried and waits to be tried again.
    pub again: i64,
    /// What waits for a person.
    pub held: i64,
    /// What was not delivered.
    pub failed: i64,
    /// What may have arrived.
    pub uncertain: i64,
}

/// What has not gone, of each channel that has any.
///
/// # Errors
/// What the database says.
pub async fn unsent(tx: &mut Tx) -> Result<Vec<Unsent>> {
    tx.all(
        "SELECT channel, COUNT(CASE WHEN status = 'queued' THEN 1 END) AS queued,
                MIN(CASE WHEN status = 'queued' THEN created_at END) AS oldest,
                COUNT(CASE WHEN status = 'queued' AND attempts > 0 THEN 1 END) AS again,
                COUNT(CASE WHEN status = 'held' THEN 1 END) AS held, COUNT(CASE WHEN status = 'failed' THEN 1 END) AS failed,
                COUNT(CASE WHEN status = 'uncertain' THEN 1 END) AS uncertain
         FROM outbox WHERE status IN ('held', 'failed', 'uncertain', 'queued') GROUP BY channel",
        args![],
    )
    .await
}

/// When each channel last carried something.
///
/// # Errors
/// What the database says.
pub async fn newest_sent(tx: &mut Tx) -> Result<Vec<(String, DateTime<Utc>)>> {
    let mut newest = Vec::new();
    for channel in Channel::ALL {
        let sql = "SELECT MAX(sent_at) FROM outbox WHERE status = 'sent' AND channel = $1";
        let (at,): (Option<DateTime<Utc>>,) = tx.one(sql, args![channel.as_str()]).await?;
        newest.extend(at.map(|at| (channel.as_str().to_owned(), at)));
    }
    Ok(newest)
}

/// Why something that is to be tried again on a channel did not go, and since when the oldest of it waits. It may name the recipient.
///
/// # Errors
/// What the database says.
pub async fn trouble(tx: &mut Tx, channel: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = tx
        .opt(
            "SELECT reason FROM outbox WHERE status IN ('queued', 'uncertain', 'failed') AND channel = $1 AND attempts > 0
                AND reason IS NOT NULL
             ORDER BY next_attempt_at DESC, id DESC LIMIT 1",
            args![channel],
        )
        .await?;
    Ok(row.map(|row| row.0))
}

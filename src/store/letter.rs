//! Letters of the outbox: a person prints them, posts them and says so. One that is `queued` is to be printed.

use super::outbox::Outgoing;
use super::{Result, Tx, args};
use crate::core::OutboxId;
use chrono::{DateTime, Utc};

/// Letters in a status, oldest first.
///
/// # Errors
/// What the database says.
pub async fn in_status(tx: &mut Tx, status: &str) -> Result<Vec<Outgoing>> {
    tx.all(
        "SELECT id, case_id, channel, purpose, party, rfc_message_id, mail, status, reason, attempts, created_at, sent_at
         FROM outbox
         WHERE channel = 'letter' AND status = $1 ORDER BY created_at, id LIMIT 500",
        args![status],
    )
    .await
}

/// A letter, whatever became of it.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, id: &OutboxId) -> Result<Option<Outgoing>> {
    tx.opt(
        "SELECT id, case_id, channel, purpose, party, rfc_message_id, mail, status, reason, attempts, created_at, sent_at
         FROM outbox
         WHERE channel = 'letter' AND id = $1",
        args![id],
    )
    .await
}

/// Notes that a letter was posted; `false` when it is none that is to be printed, and then nothing was written.
///
/// # Errors
/// What the database says.
pub async fn posted(tx: &mut Tx, id: &OutboxId, now: DateTime<Utc>) -> Result<bool> {
    let n = tx
        .exec(
            "UPDATE outbox SET status = 'sent', sent_at = $1, attempts = attempts + 1
             WHERE id = $2 AND channel = 'letter' AND status = 'queued'",
            args![now, id],
        )
        .await?;
    Ok(n == 1)
}

/// Notes that a letter is not to be sent; `false` when it has gone, or was cancelled before. Its key stays taken, so that what a
/// person took back does not come again.
///
/// # Errors
/// What the database says.
pub async fn cancel(tx: &mut Tx, id: &OutboxId, why: &str) -> Result<bool> {
    let n = tx
        .exec(
            "UPDATE outbox SET status = 'cancelled', reason = $1
             WHERE id = $2 AND channel = 'letter' AND status IN ('queued', 'held')",
            args![why, id],
        )
        .await?;
    Ok(n == 1)
}

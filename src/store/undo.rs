//! What a gatekeeper decided and what it changed, for as long as it can be taken back.

use super::{Result, Tx, args};
use crate::core::{CaseId, Ids, LinkId, MessageId, OutboxId, UndoId};
use chrono::{DateTime, Utc};
use sqlx::types::Json;

/// A decision that was kept with what it changed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Undo {
    /// The row.
    pub id: UndoId,
    /// The case it was decided on.
    pub case_id: CaseId,
    /// Who decided.
    pub actor: String,
    /// What: `accept`, `change`, `join`, …
    pub kind: String,
    /// What it changed, as the desk wrote it down; empty once that was forgotten.
    pub changed: Json<serde_json::Value>,
    /// When.
    pub made_at: DateTime<Utc>,
    /// When the first of what it sends may leave; none where it sends nothing.
    pub leaves_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub undone_at: Option<DateTime<Utc>>,
}

/// A decision to be kept.
#[derive(Clone, Debug)]
pub struct NewUndo<'a> {
    /// The case.
    pub case_id: &'a CaseId,
    /// Who decided.
    pub actor: &'a str,
    /// What.
    pub kind: &'a str,
    /// What it changed: an object.
    pub changed: serde_json::Value,
    /// When the first of what it sends may leave.
    pub leaves_at: Option<DateTime<Utc>>,
}

/// Keeps a decision.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, ids: &Ids, new: NewUndo<'_>, now: DateTime<Utc>) -> Result<UndoId> {
    let id: UndoId = ids.next();
    tx.exec(
        "INSERT INTO undos (id, case_id, actor, kind, changed, made_at, leaves_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![&id, new.case_id, new.actor, new.kind, new.changed, now, new.leaves_at],
    )
    .await?;
    Ok(id)
}

macro_rules! undos {
    ($more:literal) => {
        concat!("SELECT id, case_id, actor, kind, changed, made_at, leaves_at, undone_at FROM undos ", $more)
    };
}

/// One decision.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, id: &UndoId) -> Result<Option<Undo>> {
    tx.opt(undos!("WHERE id = $1"), args![id]).await
}

/// What somebody decided last since `since` and nobody took back.
///
/// # Errors
/// What the database says.
pub async fn latest_of(tx: &mut Tx, actor: &str, since: DateTime<Utc>) -> Result<Option<Undo>> {
    tx.opt(
        undos!("WHERE actor = $1 AND made_at >= $2 AND undone_at IS NULL ORDER BY made_at DESC, id DESC LIMIT 1"),
        args![actor, since],
    )
    .await
}

/// What was decided last on a case since `since` and nobody took back.
///
/// # Errors
/// What the database says.
pub async fn latest_on(tx: &mut Tx, case: &CaseId, since: DateTime<Utc>) -> Result<Option<Undo>> {
    tx.opt(
        undos!("WHERE case_id = $1 AND made_at >= $2 AND undone_at IS NULL ORDER BY made_at DESC, id DESC LIMIT 1"),
        args![case, since],
    )
    .await
}

/// Notes that a decision was taken back; `false` when it was before.
///
/// # Errors
/// What the database says.
pub async fn done(tx: &mut Tx, id: &UndoId, actor: &str, now: DateTime<Utc>) -> Result<bool> {
    let sql = "UPDATE undos SET undone_at = $1, undone_by = $2 WHERE id = $3 AND undone_at IS NULL";
    Ok(tx.exec(sql, args![now, actor, id]).await? == 1)
}

/// Forgets what decisions of a kind changed that were taken before `before`.
///
/// # Errors
/// What the database says.
pub async fn forget(tx: &mut Tx, kind: &str, before: DateTime<Utc>) -> Result<()> {
    let empty = serde_json::json!({});
    let sql = "UPDATE undos SET changed = $1 WHERE kind = $2 AND made_at < $3 AND changed <> $1";
    tx.exec(sql, args![empty, kind, before]).await?;
    Ok(())
}

/// How a message to be sent stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Stands {
    /// The message.
    pub id: OutboxId,
    /// `held`, `queued`, …
    pub status: String,
    /// Why it is held, failed or cancelled.
    pub reason: Option<String>,
    /// `email`, `letter`, …
    pub channel: String,
}

/// How everything stands that is to be sent for a case.
///
/// # Errors
/// What the database says.
pub async fn outgoing_of(tx: &mut Tx, case: &CaseId) -> Result<Vec<Stands>> {
    tx.all("SELECT id, status, reason, channel FROM outbox WHERE case_id = $1 ORDER BY created_at, id", args![case])
        .await
}

/// How a message stands; none where there is none.
///
/// # Errors
/// What the database says.
pub async fn status_of(tx: &mut Tx, id: &OutboxId) -> Result<Option<String>> {
    let found: Option<(String,)> = tx.opt("SELECT status FROM outbox WHERE id = $1", args![id]).await?;
    Ok(found.map(|row| row.0))
}

/// Keeps a queued message from being sent before `until`.
///
/// # Errors
/// What the database says.
pub async fn delay(tx: &mut Tx, id: &OutboxId, until: DateTime<Utc>) -> Result<()> {
    let sql = "UPDATE outbox SET next_attempt_at = $1 WHERE id = $2 AND status = 'queued' AND next_attempt_at < $1";
    tx.exec(sql, args![until, id]).await?;
    Ok(())
}

/// Puts a message that has not left back to how it stood before; with no status before, it is cancelled for `why`. `false` when it
/// has left, or is being sent.
///
/// # Errors
/// What the database says.
pub async fn put_back(tx: &mut Tx, id: &OutboxId, before: Option<(&str, Option<&str>)>, why: &str) -> Result<bool> {
    let changed = match before {
        // Its key is freed, so that the same can be queued again should it be due again.
        None => {
            let sql =
                "UPDATE outbox SET status = 'cancelled', reason = $1, idempotency_key = idempotency_key || '/' || id
                       WHERE id = $2 AND status IN ('held', 'queued', 'cancelled')";
            tx.exec(sql, args![why, id]).await?
        }
        Some((status, reason)) => {
            let sql =
                "UPDATE outbox SET status = $1, reason = $2, idempotency_key = REPLACE(idempotency_key, '/' || id, '')
                       WHERE id = $3 AND status IN ('held', 'queued', 'cancelled')";
            tx.exec(sql, args![status, reason, id]).await?
        }
    };
    Ok(changed == 1)
}

/// Lets a link stand again that a decision ended.
///
/// # Errors
/// What the database says.
pub async fn stand_again(tx: &mut Tx, link: &LinkId) -> Result<()> {
    tx.exec("UPDATE links SET ended_at = NULL, ended_by = NULL WHERE id = $1", args![link]).await?;
    Ok(())
}

/// A message with what its words mean, as it is compared with others.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Meaning {
    /// The message.
    pub id: MessageId,
    /// See [`super::message::from_bytes`].
    pub embedding: Vec<u8>,
    /// Version of the encoder that made it.
    pub encoder: Option<String>,
}

/// What the messages of a case mean, oldest first.
///
/// # Errors
/// What the database says.
pub async fn meanings_of(tx: &mut Tx, case: &CaseId) -> Result<Vec<Meaning>> {
    tx.all(
        "SELECT id, embedding, encoder FROM messages WHERE case_id = $1 AND embedding IS NOT NULL ORDER BY received_at, id",
        args![case],
    )
    .await
}

/// Writes down again what a message means.
///
/// # Errors
/// What the database says.
pub async fn set_meaning(tx: &mut Tx, message: &MessageId, embedding: &[u8]) -> Result<()> {
    tx.exec("UPDATE messages SET embedding = $1 WHERE id = $2", args![embedding, message]).await?;
    Ok(())
}

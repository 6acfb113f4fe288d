//! What stood in a file of rules before somebody changed it on the portal, and what messages of late were judged by.

use super::{Result, Tx, args, setting};
use crate::core::{Ids, Reference};
use chrono::{DateTime, Utc};
use sqlx::types::Json;

/// A text that was replaced.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RuleVersion {
    /// Which.
    pub id: String,
    /// The file's path below the folder of rules.
    pub file: String,
    /// Who replaced it.
    pub replaced_by: String,
    /// When.
    pub replaced_at: DateTime<Utc>,
}

/// What is set by whoever saves a file of rules.
const SAVING: &str = "rules.saving";

/// Has everybody else who saves a file of rules wait until this transaction ends. SQLite lets only one write at a time anyhow; on
/// PostgreSQL it is the row that they wait for.
///
/// # Errors
/// What the database says.
pub async fn one_at_a_time(tx: &mut Tx, file: &str) -> Result<()> {
    setting::set(tx, SAVING, file).await
}

/// Keeps what stands in a file before it is replaced.
///
/// # Errors
/// What the database says.
pub async fn keep(tx: &mut Tx, ids: &Ids, file: &str, text: &str, actor: &str, now: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "INSERT INTO rule_versions (id, file, text, replaced_by, replaced_at) VALUES ($1, $2, $3, $4, $5)",
        args![ids.uuid().to_string(), file, text, actor, now],
    )
    .await?;
    Ok(())
}

/// The newest that were replaced in a file, newest first.
///
/// # Errors
/// What the database says.
pub async fn of_file(tx: &mut Tx, file: &str, most: i64) -> Result<Vec<RuleVersion>> {
    tx.all(
        "SELECT id, file, replaced_by, replaced_at FROM rule_versions WHERE file = $1
         ORDER BY replaced_at DESC, id DESC LIMIT $2",
        args![file, most],
    )
    .await
}

/// Of each file that was changed here, when it last was.
///
/// # Errors
/// What the database says.
pub async fn newest(tx: &mut Tx) -> Result<Vec<RuleVersion>> {
    tx.all(
        "SELECT v.id, v.file, v.replaced_by, v.replaced_at FROM rule_versions v
         WHERE NOT EXISTS (SELECT 1 FROM rule_versions w WHERE w.file = v.file
             AND (w.replaced_at > v.replaced_at OR w.replaced_at = v.replaced_at AND w.id > v.id))
         ORDER BY v.file",
        args![],
    )
    .await
}

/// The words of one.
///
/// # Errors
/// What the database says.
pub async fn text(tx: &mut Tx, id: &str, file: &str) -> Result<Option<String>> {
    let row: Option<(String,)> =
        tx.opt("SELECT text FROM rule_versions WHERE id = $1 AND file = $2", args![id, file]).await?;
    Ok(row.map(|row| row.0))
}

/// A message of late, and what it was judged by.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Judged {
    /// Its case.
    pub reference: Reference,
    /// Why the case is held, or was.
    pub hold_reason: Option<String>,
    /// What was judged, and what came of it.
    pub evidence: Json<serde_json::Value>,
    /// The message's embedding.
    pub embedding: Option<Vec<u8>>,
    /// Version of the encoder that made it.
    pub encoder: Option<String>,
    /// When the message came in.
    pub received_at: DateTime<Utc>,
}

/// The newest messages since then that became cases, but for those that are for the councillor only, or erased.
///
/// # Errors
/// What the database says.
pub async fn judged_since(tx: &mut Tx, since: DateTime<Utc>, most: i64) -> Result<Vec<Judged>> {
    tx.all(
        "SELECT c.reference, c.hold_reason, d.evidence, m.embedding, m.encoder, m.received_at
         FROM decisions d JOIN cases c ON c.id = d.case_id JOIN messages m ON m.id = d.message_id
         WHERE d.kind = 'triage' AND d.created_at >= $1 AND c.consent <> 'private' AND c.erased_at IS NULL
         ORDER BY d.created_at DESC, d.id DESC LIMIT $2",
        args![since, most],
    )
    .await
}

/// Keeps what rules of this version were made of; nothing where it is kept already.
///
/// # Errors
/// What the database says.
pub async fn keep_set(
    tx: &mut Tx,
    version: &str,
    source: impl FnOnce() -> serde_json::Value,
    now: DateTime<Utc>,
) -> Result<()> {
    if tx.count("SELECT COUNT(*) FROM rule_sets WHERE version = $1", args![version]).await? == 0 {
        tx.exec(
            "INSERT INTO rule_sets (version, source, kept_at) VALUES ($1, $2, $3) ON CONFLICT (version) DO NOTHING",
            args![version, source(), now],
        )
        .await?;
    }
    Ok(())
}

/// What rules of this version were made of, where a decision was taken by them.
///
/// # Errors
/// What the database says.
pub async fn set(tx: &mut Tx, version: &str) -> Result<Option<serde_json::Value>> {
    let row: Option<(Json<serde_json::Value>,)> =
        tx.opt("SELECT source FROM rule_sets WHERE version = $1", args![version]).await?;
    Ok(row.map(|row| row.0.0))
}

//! What of a message a case is about, where one message became several cases.

use super::{Result, Tx, args};
use crate::core::{CaseId, MessageId};
use serde_json::Value;
use sqlx::types::Json;

/// The part of a message that a case is about.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct MessagePart {
    /// The message.
    pub message_id: MessageId,
    /// Its place among the parts of the verdict, from 0.
    pub position: i64,
    /// The case.
    pub case_id: CaseId,
    /// The words the case is about.
    pub words: String,
    /// Whether the department may have the whole message all the same.
    pub whole: bool,
    /// For the case the message came in as: what it was before the first part left it, and what it was made then.
    pub before: Option<Json<Value>>,
}

/// Writes a part.
///
/// # Errors
/// What the database says; a part that is with a case already is refused by it.
pub async fn insert(tx: &mut Tx, part: &MessagePart) -> Result<()> {
    tx.exec(
        "INSERT INTO message_parts (message_id, position, case_id, words, whole, before) VALUES ($1, $2, $3, $4, $5, $6)",
        args![
            &part.message_id,
            part.position,
            &part.case_id,
            &part.words,
            part.whole,
            part.before.as_ref().map(|b| b.0.clone())
        ],
    )
    .await?;
    Ok(())
}

/// The parts of a message that are with cases, in the order of the verdict.
///
/// # Errors
/// What the database says.
pub async fn of_message(tx: &mut Tx, message: &MessageId) -> Result<Vec<MessagePart>> {
    tx.all(
        "SELECT message_id, position, case_id, words, whole, before FROM message_parts WHERE message_id = $1 ORDER BY position",
        args![message],
    )
    .await
}

/// The part that a case is about, where it is about a part of a message.
///
/// # Errors
/// What the database says.
pub async fn of_case(tx: &mut Tx, case: &CaseId) -> Result<Option<MessagePart>> {
    tx.opt(
        "SELECT message_id, position, case_id, words, whole, before FROM message_parts WHERE case_id = $1 LIMIT 1",
        args![case],
    )
    .await
}

/// Changes what words of its message a case is about.
///
/// # Errors
/// What the database says.
pub async fn set_words(tx: &mut Tx, case: &CaseId, words: &str) -> Result<()> {
    tx.exec("UPDATE message_parts SET words = $1 WHERE case_id = $2", args![words, case]).await?;
    Ok(())
}

/// Lets the department of a case have the whole message, or only its part; `false` where the case is about no part.
///
/// # Errors
/// What the database says.
pub async fn set_whole(tx: &mut Tx, case: &CaseId, whole: bool) -> Result<bool> {
    Ok(tx.exec("UPDATE message_parts SET whole = $1 WHERE case_id = $2", args![whole, case]).await? > 0)
}

/// Takes a case's part away from it.
///
/// # Errors
/// What the database says.
pub async fn delete(tx: &mut Tx, case: &CaseId) -> Result<()> {
    tx.exec("DELETE FROM message_parts WHERE case_id = $1", args![case]).await?;
    Ok(())
}

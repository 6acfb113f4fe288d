//! Files that came with messages, stored once by the hash of their bytes.

use super::{Result, Tx, args};
use crate::core::{Attachment, CaseId, MessageId};
use sha2::{Digest, Sha256};

/// A stored file's description.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, sqlx::FromRow)]
pub struct Stored {
    /// The message it came with.
    pub message_id: MessageId,
    /// Its place among the message's files, from 0.
    pub position: i64,
    /// File name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
    /// Bytes.
    pub size: i64,
    /// Why it is not passed on, if so.
    pub refused: Option<String>,
}

/// Stores a message's files.
///
/// # Errors
/// What the database says.
pub async fn insert_all(tx: &mut Tx, message: &MessageId, attachments: &[Attachment]) -> Result<()> {
    for (position, attachment) in (0_i64..).zip(attachments) {
        let hash = format!("{:x}", Sha256::digest(&attachment.bytes));
        let size = i64::try_from(attachment.bytes.len()).unwrap_or(i64::MAX);
        tx.exec(
            "INSERT INTO blobs (sha256, bytes, size) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING",
            args![&hash, attachment.bytes.as_slice(), size],
        )
        .await?;
        tx.exec(
            "INSERT INTO attachments (message_id, position, name, content_type, sha256, size, refused)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![message, position, &attachment.name, &attachment.content_type, &hash, size, &attachment.refused],
        )
        .await?;
    }
    Ok(())
}

/// The files of a case's messages; those of a message that became several cases are on each of them.
///
/// # Errors
/// What the database says.
pub async fn of_case(tx: &mut Tx, case: &CaseId) -> Result<Vec<Stored>> {
    tx.all(
        "SELECT a.message_id, a.position, a.name, a.content_type, a.sha256, a.size, a.refused
         FROM attachments a JOIN messages m ON m.id = a.message_id
         WHERE m.id IN (SELECT id FROM messages WHERE case_id = $1 UNION SELECT message_id FROM message_parts WHERE case_id = $1)
         ORDER BY m.received_at, m.id, a.position",
        args![case],
    )
    .await
}

/// The bytes behind a hash.
///
/// # Errors
/// What the database says.
pub async fn bytes(tx: &mut Tx, sha256: &str) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = tx.opt("SELECT bytes FROM blobs WHERE sha256 = $1", args![sha256]).await?;
    Ok(row.map(|r| r.0))
}

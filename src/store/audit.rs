//! The audit trail: who read or did what. There is no function here that changes or removes a row.

use super::{Result, Tx, args};
use crate::core::Ids;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One row of the trail.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Entry {
    /// Who.
    pub actor: String,
    /// Did what: `read case`, `accept`, `sign in`, …
    pub action: String,
    /// To what: `case:ID`, `message:ID`, …
    pub object: String,
    /// Anything more, without personal data.
    pub detail: sqlx::types::Json<serde_json::Value>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Writes a row.
///
/// # Errors
/// What the database says.
pub async fn write(
    tx: &mut Tx,
    ids: &Ids,
    actor: &str,
    action: &str,
    object: &str,
    detail: serde_json::Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let id: Uuid = ids.uuid();
    tx.exec(
        "INSERT INTO audit (id, actor, action, object, detail, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        args![id.to_string(), actor, action, object, detail, now],
    )
    .await?;
    Ok(())
}

/// The trail of one object, oldest first.
///
/// # Errors
/// What the database says.
pub async fn of(tx: &mut Tx, object: &str) -> Result<Vec<Entry>> {
    tx.all(
        "SELECT actor, action, object, detail, created_at FROM audit WHERE object = $1 ORDER BY created_at, id",
        args![object],
    )
    .await
}

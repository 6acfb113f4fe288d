//! What others said of what3words addresses and short links, so that each is asked for once and says the same whenever a message is
//! judged again.

use super::{Result, Tx, args};
use crate::core::{Pointer, PointsTo};
use chrono::{DateTime, Utc};
use sqlx::types::Json;

/// What was said, if anybody was asked.
///
/// # Errors
/// What the database says.
pub async fn find(tx: &mut Tx, pointer: &Pointer) -> Result<Option<PointsTo>> {
    let row: Option<(Json<PointsTo>,)> = tx
        .opt(
            "SELECT points_to FROM whereabouts WHERE kind = $1 AND address = $2",
            args![pointer.kind(), pointer.address()],
        )
        .await?;
    Ok(row.map(|row| row.0.0))
}

/// Keeps what was said, unless something is kept already.
///
/// # Errors
/// What the database says.
pub async fn keep(tx: &mut Tx, pointer: &Pointer, points_to: &PointsTo, now: DateTime<Utc>) -> Result<()> {
    let said = serde_json::to_value(points_to).map_err(|error| super::StoreError::Bind(error.to_string()))?;
    tx.exec(
        "INSERT INTO whereabouts (kind, address, points_to, asked_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, address) DO NOTHING",
        args![pointer.kind(), pointer.address(), said, now],
    )
    .await?;
    Ok(())
}

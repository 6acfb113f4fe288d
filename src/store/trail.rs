//! What residents did on the trail of their own case: they wish to hear no more of it, or said how content they are.

use super::{Result, Tx, args};
use crate::core::CaseId;
use chrono::{DateTime, Utc};

/// The resident of a case that goes on without them is told no more of it; `false` where they said so before. `solved`: they say
/// that it is done, else that it is not needed.
///
/// # Errors
/// What the database says.
pub async fn withdraw(tx: &mut Tx, case: &CaseId, solved: bool, now: DateTime<Utc>) -> Result<bool> {
    let added = tx
        .exec(
            "INSERT INTO withdrawals (case_id, solved, withdrawn_at) VALUES ($1, $2, $3) ON CONFLICT (case_id) DO NOTHING",
            args![case, solved, now],
        )
        .await?;
    Ok(added == 1)
}

/// Whether the resident of a case wishes to hear no more of it.
///
/// # Errors
/// What the database says.
pub async fn has_withdrawn(tx: &mut Tx, case: &CaseId) -> Result<bool> {
    Ok(tx.count("SELECT COUNT(*) FROM withdrawals WHERE case_id = $1", args![case]).await? > 0)
}

/// Who writes again wishes to hear again.
///
/// # Errors
/// What the database says.
pub async fn take_back(tx: &mut Tx, case: &CaseId) -> Result<()> {
    tx.exec("DELETE FROM withdrawals WHERE case_id = $1", args![case]).await?;
    Ok(())
}

/// How content a resident is with how their case was dealt with.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Rating {
    /// From 1, not at all, to 5, very.
    pub score: i64,
    /// What they say of it.
    pub words: Option<String>,
    /// When they said so.
    pub rated_at: DateTime<Utc>,
}

/// Writes down how content the resident of a case is, 1 to 5; `false` where they had said so before: that stands.
///
/// # Errors
/// What the database says; it refuses any other number.
pub async fn rate(tx: &mut Tx, case: &CaseId, score: i64, words: Option<&str>, now: DateTime<Utc>) -> Result<bool> {
    let added = tx
        .exec(
            "INSERT INTO ratings (case_id, score, words, rated_at) VALUES ($1, $2, $3, $4) ON CONFLICT (case_id) DO NOTHING",
            args![case, score, words, now],
        )
        .await?;
    Ok(added == 1)
}

/// How content the resident of a case said they are, if they did.
///
/// # Errors
/// What the database says.
pub async fn rating(tx: &mut Tx, case: &CaseId) -> Result<Option<Rating>> {
    tx.opt("SELECT score, words, rated_at FROM ratings WHERE case_id = $1", args![case]).await
}

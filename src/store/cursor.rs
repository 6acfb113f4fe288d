//! How far each watched account was read, who reads it now, and how it fares.

use super::{Result, Tx, args};
use chrono::{DateTime, TimeDelta, Utc};

/// A watched account's state.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Cursor {
    /// The account's name in the settings.
    pub account: String,
    /// UIDVALIDITY the UIDs belong to; 0 before the first look, and where there is none.
    pub uid_validity: i64,
    /// Highest UID, or number of an update, taken in; 0 for none.
    pub last_uid: i64,
    /// When it was last read without fault.
    pub ok_at: Option<DateTime<Utc>>,
    /// When it last failed.
    pub failed_at: Option<DateTime<Utc>>,
    /// The failure, cleared by the next success.
    pub error: Option<String>,
}

/// Claims an account for `holder` for as long as `lease`; `false` when another process holds it.
///
/// # Errors
/// What the database says.
pub async fn claim(tx: &mut Tx, account: &str, holder: &str, now: DateTime<Utc>, lease: TimeDelta) -> Result<bool> {
    tx.exec(
        "INSERT INTO cursors (account, uid_validity, last_uid) VALUES ($1, 0, 0) ON CONFLICT (account) DO NOTHING",
        args![account],
    )
    .await?;
    let claimed = tx
        .exec(
            "UPDATE cursors SET lease_holder = $1, lease_until = $2
             WHERE account = $3 AND (lease_holder IS NULL OR lease_holder = $1 OR lease_until < $4)",
            args![holder, now + lease, account, now],
        )
        .await?;
    Ok(claimed == 1)
}

/// Gives a claimed account back.
///
/// # Errors
/// What the database says.
pub async fn release(tx: &mut Tx, account: &str, holder: &str) -> Result<()> {
    tx.exec(
        "UPDATE cursors SET lease_holder = NULL, lease_until = NULL WHERE account = $1 AND lease_holder = $2",
        args![account, holder],
    )
    .await?;
    Ok(())
}

/// The state of an account, where it was ever looked at.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, account: &str) -> Result<Option<Cursor>> {
    tx.opt(
        "SELECT account, uid_validity, last_uid, ok_at, failed_at, error FROM cursors WHERE account = $1",
        args![account],
    )
    .await
}

/// Every account's state.
///
/// # Errors
/// What the database says.
pub async fn all(tx: &mut Tx) -> Result<Vec<Cursor>> {
    tx.all("SELECT account, uid_validity, last_uid, ok_at, failed_at, error FROM cursors ORDER BY account", args![])
        .await
}

/// Moves an account on: in the same transaction as the messages up to `last_uid` are written.
///
/// # Errors
/// What the database says.
pub async fn advance(tx: &mut Tx, account: &str, uid_validity: u32, last_uid: i64, now: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "INSERT INTO cursors (account, uid_validity, last_uid, ok_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account) DO UPDATE SET uid_validity = EXCLUDED.uid_validity, last_uid = EXCLUDED.last_uid,
             ok_at = EXCLUDED.ok_at, error = NULL",
        args![account, uid_validity, last_uid, now],
    )
    .await?;
    Ok(())
}

/// Notes that an account answered.
///
/// # Errors
/// What the database says.
pub async fn note_ok(tx: &mut Tx, account: &str, now: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "INSERT INTO cursors (account, uid_validity, last_uid, ok_at) VALUES ($1, 0, 0, $2)
         ON CONFLICT (account) DO UPDATE SET ok_at = EXCLUDED.ok_at, error = NULL",
        args![account, now],
    )
    .await?;
    Ok(())
}

/// Notes that an account failed, and why.
///
/// # Errors
/// What the database says.
pub async fn note_failure(tx: &mut Tx, account: &str, error: &str, now: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "INSERT INTO cursors (account, uid_validity, last_uid, failed_at, error) VALUES ($1, 0, 0, $2, $3)
         ON CONFLICT (account) DO UPDATE SET failed_at = EXCLUDED.failed_at, error = EXCLUDED.error",
        args![account, now, error],
    )
    .await?;
    Ok(())
}

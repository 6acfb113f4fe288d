//! Small things the installation remembers: its signing key, the administrator's password hash.

use super::{Result, Tx, args};
use chrono::{DateTime, Utc};

/// The value of a key.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, key: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = tx.opt("SELECT value FROM settings WHERE key = $1", args![key]).await?;
    Ok(row.map(|r| r.0))
}

/// The value of a key that is to be changed: nobody else changes it until this transaction ends. Without it two who read and then write would,
/// on PostgreSQL, both go by what the other one is about to replace.
///
/// # Errors
/// What the database says.
pub async fn get_to_change(tx: &mut Tx, key: &str) -> Result<Option<String>> {
    tx.exec("UPDATE settings SET value = value WHERE key = $1", args![key]).await?;
    get(tx, key).await
}

/// Sets a key.
///
/// # Errors
/// What the database says.
pub async fn set(tx: &mut Tx, key: &str, value: &str) -> Result<()> {
    tx.exec(
        "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
        args![key, value],
    )
    .await?;
    Ok(())
}

/// The value of a key, set to `value` first where it has none; the same for every process that asks at once.
///
/// # Errors
/// What the database says.
pub async fn get_or_set(tx: &mut Tx, key: &str, value: &str) -> Result<String> {
    tx.exec("INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING", args![key, value])
        .await?;
    Ok(tx.one::<(String,)>("SELECT value FROM settings WHERE key = $1", args![key]).await?.0)
}

/// Takes something that one process at a time may do, until `until`; false while another one has it. `holder` tells the
/// processes apart and is asked for by [`give_back`].
///
/// # Errors
/// What the database says.
pub async fn take(tx: &mut Tx, key: &str, holder: &str, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<bool> {
    // Times of one form have the order of their letters.
    let form = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let changed = tx
        .exec(
            "INSERT INTO settings (key, value) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value WHERE settings.value < $3",
            args![key, format!("{} {holder}", form(until)), form(now)],
        )
        .await?;
    Ok(changed == 1)
}

/// Gives back what [`take`] took, where `holder` still has it.
///
/// # Errors
/// What the database says.
pub async fn give_back(tx: &mut Tx, key: &str, holder: &str) -> Result<()> {
    let value = get(tx, key).await?;
    if value.is_some_and(|value| value.split_once(' ').is_some_and(|(_, has)| has == holder)) {
        tx.exec("DELETE FROM settings WHERE key = $1", args![key]).await?;
    }
    Ok(())
}

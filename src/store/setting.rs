//! Small things the installation remembers: its signing key, the administrator's password hash.

use super::{Result, Tx, args};

/// The value of a key.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, key: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = tx.opt("SELECT value FROM settings WHERE key = $1", args![key]).await?;
    Ok(row.map(|r| r.0))
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

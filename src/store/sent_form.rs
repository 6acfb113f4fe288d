//! Forms that were sent where nobody is signed in: sent again, nothing is done twice.

use super::{Result, Tx, args};
use chrono::{DateTime, TimeDelta, Utc};

/// What is known of a form that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It comes for the first time, and is written down now.
    First,
    /// The same came before.
    Again,
    /// It came before with something else in it.
    Otherwise,
}

/// Writes down that a form was sent, by its number and the digest of what is in it. Forms older than `kept` are forgotten: by then
/// they are too old to be taken.
///
/// # Errors
/// What the database says.
pub async fn note(tx: &mut Tx, number: &str, digest: &str, now: DateTime<Utc>, kept: TimeDelta) -> Result<Sent> {
    tx.exec("DELETE FROM sent_forms WHERE sent_at < $1", args![now - kept]).await?;
    let new = tx
        .exec(
            "INSERT INTO sent_forms (number, digest, sent_at) VALUES ($1, $2, $3) ON CONFLICT (number) DO NOTHING",
            args![number, digest, now],
        )
        .await?;
    if new == 1 {
        return Ok(Sent::First);
    }
    let before: Option<(String,)> = tx.opt("SELECT digest FROM sent_forms WHERE number = $1", args![number]).await?;
    Ok(if before.is_some_and(|(before,)| before == digest) { Sent::Again } else { Sent::Otherwise })
}

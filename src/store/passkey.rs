//! Passkeys of people with an account, and the challenges that wait for an answer.

use super::{Result, Tx, args};
use crate::core::{Ids, UserId};
use chrono::{DateTime, Utc};

/// The columns of a [`Passkey`].
macro_rules! columns {
    () => {
        "id, user_id, name, credential, key, state, added_at, used_at"
    };
}

/// Something with which its owner shows who they are.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Passkey {
    /// Which.
    pub id: String,
    /// Whose.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What the device that keeps it calls it, in base64url.
    pub credential: String,
    /// The public key.
    pub key: Vec<u8>,
    /// What changes with each use: the counter above all.
    pub state: Vec<u8>,
    /// Since when.
    pub added_at: DateTime<Utc>,
    /// When somebody signed in with it last.
    pub used_at: Option<DateTime<Utc>>,
}

/// A new passkey.
#[derive(Clone, Copy, Debug)]
pub struct NewPasskey<'a> {
    /// Whose.
    pub user: &'a UserId,
    /// What its owner calls it.
    pub name: &'a str,
    /// What the device that keeps it calls it, in base64url.
    pub credential: &'a str,
    /// The public key.
    pub key: &'a [u8],
    /// What changes with each use.
    pub state: &'a [u8],
}

/// Adds one; false where it is known already, whosever it is.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, ids: &Ids, new: NewPasskey<'_>, now: DateTime<Utc>) -> Result<bool> {
    let made = tx
        .exec(
            "INSERT INTO passkeys (id, user_id, name, credential, key, state, added_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT DO NOTHING",
            args![ids.uuid().to_string(), new.user, new.name, new.credential, new.key, new.state, now],
        )
        .await?;
    Ok(made == 1)
}

/// Somebody's, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn of(tx: &mut Tx, user: &UserId) -> Result<Vec<Passkey>> {
    tx.all(concat!("SELECT ", columns!(), " FROM passkeys WHERE user_id = $1 ORDER BY added_at, id"), args![user]).await
}

/// The one that a device calls so.
///
/// # Errors
/// What the database says.
pub async fn by_credential(tx: &mut Tx, credential: &str) -> Result<Option<Passkey>> {
    tx.opt(concat!("SELECT ", columns!(), " FROM passkeys WHERE credential = $1"), args![credential]).await
}

/// Writes down that it was used; false where it was taken away, or used by another at the same moment.
///
/// # Errors
/// What the database says.
pub async fn used(tx: &mut Tx, passkey: &Passkey, state: &[u8], now: DateTime<Utc>) -> Result<bool> {
    let changed = tx
        .exec(
            "UPDATE passkeys SET state = $1, used_at = $2 WHERE id = $3 AND state = $4",
            args![state, now, &passkey.id, passkey.state.as_slice()],
        )
        .await?;
    Ok(changed == 1)
}

/// Takes one away from its owner; what it was called, or none where they have no such.
///
/// # Errors
/// What the database says.
pub async fn take_away(tx: &mut Tx, id: &str, user: &UserId) -> Result<Option<String>> {
    let row: Option<(String,)> =
        tx.opt("DELETE FROM passkeys WHERE id = $1 AND user_id = $2 RETURNING name", args![id, user]).await?;
    Ok(row.map(|row| row.0))
}

/// Takes all of somebody's away; how many there were.
///
/// # Errors
/// What the database says.
pub async fn take_all_away(tx: &mut Tx, user: &UserId) -> Result<u64> {
    tx.exec("DELETE FROM passkeys WHERE user_id = $1", args![user]).await
}

/// A challenge that somebody was given.
#[derive(Clone, Copy, Debug)]
pub struct NewChallenge<'a> {
    /// Which.
    pub challenge: &'a str,
    /// Who was asked, and for what.
    pub asked: &'a str,
    /// What its answer is compared with.
    pub state: &'a [u8],
    /// Until when an answer is taken.
    pub until: DateTime<Utc>,
}

/// So many challenges wait at most, of everybody together: strangers can be asked, too.
pub const MOST_CHALLENGES: i64 = 5_000;

/// Keeps a challenge in the place of an earlier one for the same who was asked, and clears away those that have run out, and beyond
/// [`MOST_CHALLENGES`] those that would run out first.
///
/// # Errors
/// What the database says.
pub async fn ask(tx: &mut Tx, new: NewChallenge<'_>, now: DateTime<Utc>) -> Result<()> {
    tx.exec("DELETE FROM passkey_challenges WHERE expires_at <= $1", args![now]).await?;
    tx.exec(
        "INSERT INTO passkey_challenges (challenge, asked, state, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (asked) DO UPDATE
         SET challenge = EXCLUDED.challenge, state = EXCLUDED.state, expires_at = EXCLUDED.expires_at",
        args![new.challenge, new.asked, new.state, new.until],
    )
    .await?;
    // A limit, because SQLite knows no offset without one.
    tx.exec(
        "DELETE FROM passkey_challenges WHERE challenge IN
         (SELECT challenge FROM passkey_challenges ORDER BY expires_at DESC, challenge LIMIT 1000 OFFSET $1)",
        args![MOST_CHALLENGES],
    )
    .await?;
    Ok(())
}

/// Uses a challenge up: what its answer is compared with, where the same one was asked and it has not run out.
///
/// # Errors
/// What the database says.
pub async fn answered(tx: &mut Tx, challenge: &str, asked: &str, now: DateTime<Utc>) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = tx
        .opt(
            "DELETE FROM passkey_challenges WHERE challenge = $1 AND asked = $2 AND expires_at > $3 RETURNING state",
            args![challenge, asked, now],
        )
        .await?;
    Ok(row.map(|row| row.0))
}

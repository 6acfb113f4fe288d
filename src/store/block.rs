//! Who is not listened to any more, and how much comes in from one sender or on one channel.

use super::{Result, Tx, args};
use crate::core::{Channel, ContactPoint};
use chrono::{DateTime, Utc};

/// A sender that is blocked.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Block {
    /// The channel.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// The address on it.
    pub address: String,
    /// The name they go by there.
    pub name: Option<String>,
    /// Why, for people.
    pub why: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// By whom.
    pub actor: String,
}

/// Why a sender is blocked, if they are.
///
/// # Errors
/// What the database says.
pub async fn why(tx: &mut Tx, point: &ContactPoint) -> Result<Option<String>> {
    let row: Option<(String,)> = tx
        .opt(
            "SELECT why FROM blocks WHERE channel = $1 AND address = $2",
            args![point.channel.as_str(), &point.address],
        )
        .await?;
    Ok(row.map(|row| row.0))
}

/// Blocks a sender; whether they were not blocked yet.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, point: &ContactPoint, why: &str, actor: &str, now: DateTime<Utc>) -> Result<bool> {
    let n = tx
        .exec(
            "INSERT INTO blocks (channel, address, why, since, actor) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (channel, address) DO NOTHING",
            args![point.channel.as_str(), &point.address, why, now, actor],
        )
        .await?;
    Ok(n == 1)
}

/// Ends a block; whether there was one.
///
/// # Errors
/// What the database says.
pub async fn delete(tx: &mut Tx, point: &ContactPoint) -> Result<bool> {
    let sql = "DELETE FROM blocks WHERE channel = $1 AND address = $2";
    Ok(tx.exec(sql, args![point.channel.as_str(), &point.address]).await? == 1)
}

/// Everybody who is blocked, newest first.
///
/// # Errors
/// What the database says.
pub async fn all(tx: &mut Tx) -> Result<Vec<Block>> {
    tx.all(
        "SELECT b.channel, b.address, c.name, b.why, b.since, b.actor
         FROM blocks b
         LEFT JOIN contact_points p ON p.channel = b.channel AND p.address = b.address
         LEFT JOIN contacts c ON c.id = p.contact_id
         ORDER BY b.since DESC, b.address",
        args![],
    )
    .await
}

/// How many messages came in from a sender since `since`, at most `most`.
///
/// # Errors
/// What the database says.
pub async fn from_sender(tx: &mut Tx, point: &ContactPoint, since: DateTime<Utc>, most: i64) -> Result<i64> {
    tx.count(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM messages WHERE channel = $1 AND from_address = $2 AND received_at >= $3
                               LIMIT $4) AS found",
        args![point.channel.as_str(), &point.address, since, most],
    )
    .await
}

/// How many messages came in on a channel since `since`, at most `most`.
///
/// # Errors
/// What the database says.
pub async fn on_channel(tx: &mut Tx, channel: Channel, since: DateTime<Utc>, most: i64) -> Result<i64> {
    tx.count(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM messages WHERE channel = $1 AND received_at >= $2 LIMIT $3) AS found",
        args![channel.as_str(), since, most],
    )
    .await
}

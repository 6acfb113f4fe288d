//! The durable inbox: every delivery, as it came, until it is accounted for.

use super::{Result, Tx, args};
use crate::core::{CaseId, Channel, Ids, InboxId, MessageId, RawMessage, SenderCheck};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::types::Json;

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It opened a case.
    NewCase,
    /// It belongs to a case that was there, or is another copy of a message that was there.
    Joined,
    /// Automatic mail, spam, or our own: kept, visible, not a case.
    SetAside,
}

impl Outcome {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewCase => "new_case",
            Self::Joined => "joined",
            Self::SetAside => "set_aside",
        }
    }
}

/// A delivery under a lease: ours to work on until `lease_until`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Claimed {
    /// The row.
    pub id: InboxId,
    /// The way it came.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// The watched account it came to.
    pub account: String,
    /// The channel's name for it.
    pub external_id: String,
    /// The bytes.
    pub raw: Vec<u8>,
    /// When we took it in.
    pub received_at: DateTime<Utc>,
    /// When the channel says it arrived.
    pub arrived_at: Option<DateTime<Utc>>,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// Proof that the lease is ours.
    pub lease_token: String,
}

/// A delivery in quarantine, for people.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Quarantined {
    /// The row.
    pub id: InboxId,
    /// The watched account.
    pub account: String,
    /// The channel's name for it.
    pub external_id: String,
    /// Why.
    pub reason: Option<String>,
    /// When we took it in.
    pub received_at: DateTime<Utc>,
    /// Bytes.
    pub size: i64,
    /// How often it was tried.
    pub attempts: i64,
}

/// The sums that must add up (`beadle doctor --reconcile`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Accounts {
    /// Deliveries taken in.
    pub received: i64,
    /// Those that opened a case which stands by itself.
    pub new_cases: i64,
    /// Those that belong to a case opened by another message.
    pub joined: i64,
    /// Those in quarantine.
    pub quarantined: i64,
    /// Those set aside as automatic, spam or our own.
    pub set_aside: i64,
    /// Those waiting to be worked on, and any for which there is no account.
    pub unaccounted: i64,
}

/// Writes down a delivery; `false` when it was there already.
///
/// # Errors
/// What the database says.
pub async fn take_in(tx: &mut Tx, ids: &Ids, raw: &RawMessage, now: DateTime<Utc>) -> Result<bool> {
    let id: InboxId = ids.next();
    let size = i64::try_from(raw.bytes.len()).unwrap_or(i64::MAX);
    let added = tx
        .exec(
            "INSERT INTO inbox (id, channel, account, external_id, raw, size, received_at, arrived_at, status, attempts, next_attempt_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'new', 0, $9) ON CONFLICT (account, external_id) DO NOTHING",
            args![
                &id, raw.channel.as_str(), &raw.account, &raw.external_id, raw.bytes.as_slice(), size, now, raw.arrived_at, now
            ],
        )
        .await?;
    Ok(added == 1)
}

/// Puts a delivery that cannot be worked on straight into quarantine; `false` when it was there already.
///
/// # Errors
/// What the database says.
pub async fn take_into_quarantine(
    tx: &mut Tx,
    ids: &Ids,
    raw: &RawMessage,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    if !take_in(tx, ids, raw, now).await? {
        return Ok(false);
    }
    tx.exec(
        "UPDATE inbox SET status = 'quarantined', reason = $1, done_at = $2 WHERE account = $3 AND external_id = $4",
        args![reason, now, &raw.account, &raw.external_id],
    )
    .await?;
    Ok(true)
}

/// Claims the oldest delivery that is due, for `lease`; `None` when there is none. Two processes never hold the same
/// one: the second's UPDATE finds the lease already taken.
///
/// # Errors
/// What the database says.
pub async fn claim(tx: &mut Tx, token: &str, now: DateTime<Utc>, lease: TimeDelta) -> Result<Option<Claimed>> {
    tx.opt(
        "UPDATE inbox SET lease_token = $1, lease_until = $2, attempts = attempts + 1
         WHERE id = (SELECT id FROM inbox WHERE status = 'new' AND next_attempt_at <= $3
                       AND (lease_until IS NULL OR lease_until < $3)
                     ORDER BY received_at, id LIMIT 1)
           AND status = 'new' AND (lease_until IS NULL OR lease_until < $3)
         RETURNING id, channel, account, external_id, raw, received_at, arrived_at, attempts, lease_token",
        args![token, now + lease, now],
    )
    .await
}

/// Marks a claimed delivery as accounted for. `false` when the lease was lost meanwhile: then nothing may be written.
///
/// # Errors
/// What the database says.
pub async fn finish(
    tx: &mut Tx,
    claimed: &Claimed,
    outcome: Outcome,
    message: Option<&MessageId>,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed = tx
        .exec(
            "UPDATE inbox SET status = 'done', outcome = $1, message_id = $2, reason = $3, done_at = $4, lease_token = NULL,
                    lease_until = NULL
             WHERE id = $5 AND lease_token = $6 AND status = 'new'",
            args![outcome.as_str(), message, reason, now, &claimed.id, &claimed.lease_token],
        )
        .await?;
    Ok(changed == 1)
}

/// Puts a claimed delivery into quarantine.
///
/// # Errors
/// What the database says.
pub async fn quarantine(tx: &mut Tx, claimed: &Claimed, reason: &str, now: DateTime<Utc>) -> Result<bool> {
    let changed = tx
        .exec(
            "UPDATE inbox SET status = 'quarantined', reason = $1, done_at = $2, lease_token = NULL, lease_until = NULL
             WHERE id = $3 AND lease_token = $4 AND status = 'new'",
            args![reason, now, &claimed.id, &claimed.lease_token],
        )
        .await?;
    Ok(changed == 1)
}

/// Gives a claimed delivery back, to be tried again at `again_at`.
///
/// # Errors
/// What the database says.
pub async fn put_back(tx: &mut Tx, claimed: &Claimed, reason: &str, again_at: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "UPDATE inbox SET reason = $1, next_attempt_at = $2, lease_token = NULL, lease_until = NULL
         WHERE id = $3 AND lease_token = $4 AND status = 'new'",
        args![reason, again_at, &claimed.id, &claimed.lease_token],
    )
    .await?;
    Ok(())
}

/// Gives back whatever `instance` had claimed before it ended; how many.
///
/// # Errors
/// What the database says.
pub async fn release_leases(tx: &mut Tx, instance: &str) -> Result<u64> {
    tx.exec(
        "UPDATE inbox SET lease_token = NULL, lease_until = NULL WHERE status = 'new' AND lease_token LIKE $1 || '/%'",
        args![instance],
    )
    .await
}

/// What is in quarantine, oldest first.
///
/// # Errors
/// What the database says.
pub async fn quarantined(tx: &mut Tx) -> Result<Vec<Quarantined>> {
    tx.all(
        "SELECT id, account, external_id, reason, received_at, size, attempts FROM inbox
         WHERE status = 'quarantined' ORDER BY received_at, id",
        args![],
    )
    .await
}

/// One delivery's raw bytes.
///
/// # Errors
/// What the database says.
pub async fn raw(tx: &mut Tx, id: &InboxId) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = tx.opt("SELECT raw FROM inbox WHERE id = $1", args![id]).await?;
    Ok(row.map(|r| r.0))
}

/// What became of a delivery, for the one who sent it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Whereabouts {
    /// The bytes.
    pub raw: Vec<u8>,
    /// When we took it in.
    pub received_at: DateTime<Utc>,
    /// The message it is; none before it is worked on.
    pub message_id: Option<MessageId>,
    /// Its case; none before it is worked on, and where it became none.
    pub case_id: Option<CaseId>,
    /// Whether its sender is who they say; none before it is worked on.
    pub sender: Option<Json<SenderCheck>>,
}

/// What became of the delivery that an account's channel calls `external_id`.
///
/// # Errors
/// What the database says.
pub async fn whereabouts(tx: &mut Tx, account: &str, external_id: &str) -> Result<Option<Whereabouts>> {
    tx.opt(
        "SELECT i.raw, i.received_at, i.message_id, m.case_id, m.sender FROM inbox i LEFT JOIN messages m ON m.id = i.message_id
         WHERE i.account = $1 AND i.external_id = $2",
        args![account, external_id],
    )
    .await
}

/// The raw bytes of the delivery a message came by (the first, where there are copies).
///
/// # Errors
/// What the database says.
pub async fn raw_of_message(tx: &mut Tx, id: &MessageId) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> =
        tx.opt("SELECT raw FROM inbox WHERE message_id = $1 ORDER BY received_at, id LIMIT 1", args![id]).await?;
    Ok(row.map(|r| r.0))
}

/// Sends a quarantined delivery on its way again. `false` when it is not in quarantine.
///
/// # Errors
/// What the database says.
pub async fn replay(tx: &mut Tx, id: &InboxId, now: DateTime<Utc>) -> Result<bool> {
    let changed = tx
        .exec(
            "UPDATE inbox SET status = 'new', attempts = 0, reason = NULL, done_at = NULL, next_attempt_at = $1
             WHERE id = $2 AND status = 'quarantined'",
            args![now, id],
        )
        .await?;
    Ok(changed == 1)
}

/// How many deliveries wait to be worked on.
///
/// # Errors
/// What the database says.
pub async fn waiting(tx: &mut Tx) -> Result<i64> {
    tx.count("SELECT COUNT(*) FROM inbox WHERE status = 'new'", args![]).await
}

/// Messages set aside, newest first, with their reasons.
///
/// # Errors
/// What the database says.
pub async fn set_aside(tx: &mut Tx) -> Result<Vec<(String, String, Option<String>, DateTime<Utc>)>> {
    tx.all(
        "SELECT i.id, m.subject, i.reason, i.received_at FROM inbox i JOIN messages m ON m.id = i.message_id
         WHERE i.outcome = 'set_aside' ORDER BY i.received_at DESC, i.id DESC LIMIT 500",
        args![],
    )
    .await
}

/// The sums, from the rows themselves: a delivery counts only where what it points to is there.
///
/// # Errors
/// What the database says.
pub async fn accounts(tx: &mut Tx) -> Result<Accounts> {
    let received = tx.count("SELECT COUNT(*) FROM inbox", args![]).await?;
    let quarantined = tx.count("SELECT COUNT(*) FROM inbox WHERE status = 'quarantined'", args![]).await?;
    let set_aside = tx
        .count(
            "SELECT COUNT(*) FROM inbox i JOIN messages m ON m.id = i.message_id
             WHERE i.status = 'done' AND i.outcome = 'set_aside' AND m.case_id IS NULL",
            args![],
        )
        .await?;
    // A case that was joined to another counts as joined for as long as the join stands.
    let new_cases = tx
        .count(
            "SELECT COUNT(*) FROM inbox i JOIN messages m ON m.id = i.message_id JOIN cases c ON c.id = m.case_id
             WHERE i.status = 'done' AND i.outcome = 'new_case'
               AND NOT EXISTS (SELECT 1 FROM links l WHERE l.child = c.id AND l.kind = 'join' AND l.ended_at IS NULL)",
            args![],
        )
        .await?;
    let joined = tx
        .count(
            "SELECT COUNT(*) FROM inbox i JOIN messages m ON m.id = i.message_id JOIN cases c ON c.id = m.case_id
             WHERE i.status = 'done' AND (i.outcome = 'joined' OR (i.outcome = 'new_case'
               AND EXISTS (SELECT 1 FROM links l WHERE l.child = c.id AND l.kind = 'join' AND l.ended_at IS NULL)))",
            args![],
        )
        .await?;
    // Another copy of a message that was set aside belongs to it.
    let copies_of_set_aside = tx
        .count(
            "SELECT COUNT(*) FROM inbox i JOIN messages m ON m.id = i.message_id
             WHERE i.status = 'done' AND i.outcome = 'joined' AND m.case_id IS NULL",
            args![],
        )
        .await?;
    let set_aside = set_aside + copies_of_set_aside;
    let unaccounted = received - new_cases - joined - quarantined - set_aside;
    Ok(Accounts { received, new_cases, joined, quarantined, set_aside, unaccounted })
}

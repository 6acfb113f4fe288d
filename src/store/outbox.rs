//! What is to be sent, until it is known to have gone.

use super::{Result, Tx, args};
use crate::core::{CaseId, Channel, OutboxId, Party};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

/// A mail's words and addresses, fixed when it was queued. The bytes are built from it at each try, and are the same each
/// time, because date and Message-ID are in it too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutMail {
    /// Header From.
    pub from: String,
    /// Envelope sender; none for an automatic answer, so that it cannot bounce into a loop.
    pub envelope_from: Option<String>,
    /// Header To.
    pub to: Vec<String>,
    /// Header Cc.
    pub cc: Vec<String>,
    /// Header Reply-To.
    pub reply_to: Option<String>,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// Message-ID this answers, without brackets.
    pub in_reply_to: Option<String>,
    /// References, oldest first, without brackets.
    pub references: Vec<String>,
    /// Value of `Auto-Submitted`: `auto-replied` or `auto-generated`.
    pub auto_submitted: Option<String>,
    /// BCP 47 language of the body.
    pub language: String,
    /// Files to go with it.
    pub attachments: Vec<OutAttachment>,
    /// What stands on a button below it that sends where the resident is, where the channel has such buttons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button: Option<String>,
}

/// A file that goes with a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutAttachment {
    /// File name.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Hash of its bytes.
    pub sha256: String,
}

/// One row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Outgoing {
    /// The row.
    pub id: OutboxId,
    /// The case it belongs to; none for an answer to STOP or HELP of somebody who has no case.
    pub case_id: Option<CaseId>,
    /// The way it goes.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// What it is for: `acknowledgement`, `referral`, `notice`.
    pub purpose: String,
    /// For whom.
    #[sqlx(try_from = "String")]
    pub party: Party,
    /// Its Message-ID, without brackets: the same at every try.
    pub rfc_message_id: String,
    /// Words and addresses.
    pub mail: Json<OutMail>,
    /// `held`, `queued`, `sending`, `sent`, `uncertain`, `failed` or `cancelled`.
    pub status: String,
    /// Why it is held, failed or uncertain.
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// When it had gone.
    pub sent_at: Option<DateTime<Utc>>,
}

/// A mail to be queued.
#[derive(Clone, Debug)]
pub struct NewOutgoing<'a> {
    /// Its id.
    pub id: &'a OutboxId,
    /// The case, if any.
    pub case_id: Option<&'a CaseId>,
    /// The way it goes.
    pub channel: Channel,
    /// What for.
    pub purpose: &'a str,
    /// For whom.
    pub party: Party,
    /// Two rows with the same key cannot be: whoever decides twice sends once.
    pub idempotency_key: &'a str,
    /// Its Message-ID, without brackets.
    pub rfc_message_id: &'a str,
    /// Words and addresses.
    pub mail: &'a OutMail,
    /// The address that counts for the cap, lower case.
    pub recipient: &'a str,
    /// What counts as "the same subject" for the cap.
    pub topic: &'a str,
    /// Why it must wait for a person, if it must.
    pub held: Option<&'a str>,
}

/// Queues a mail; `false` when one with its key was there already.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, new: NewOutgoing<'_>, now: DateTime<Utc>) -> Result<bool> {
    let mail = serde_json::to_value(new.mail).unwrap_or_default();
    let status = if new.held.is_some() { "held" } else { "queued" };
    let n = tx
        .exec(
            "INSERT INTO outbox (id, case_id, channel, purpose, party, idempotency_key, rfc_message_id, mail, recipient, topic, status,
                 reason, attempts, next_attempt_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14) ON CONFLICT (idempotency_key) DO NOTHING",
            args![
                new.id,
                new.case_id,
                new.channel.as_str(),
                new.purpose,
                new.party.as_str(),
                new.idempotency_key,
                new.rfc_message_id,
                mail,
                new.recipient,
                new.topic,
                status,
                new.held,
                now,
                now
            ],
        )
        .await?;
    Ok(n == 1)
}

/// Puts other words into a mail that nobody has tried to send yet. `false` when somebody has.
///
/// # Errors
/// What the database says.
pub async fn rewrite(tx: &mut Tx, id: &OutboxId, mail: &OutMail) -> Result<bool> {
    let mail = serde_json::to_value(mail).unwrap_or_default();
    let sql = "UPDATE outbox SET mail = $1 WHERE id = $2 AND status = 'queued' AND attempts = 0";
    Ok(tx.exec(sql, args![mail, id]).await? == 1)
}

/// Has what is queued of a case for a purpose wait until `until`.
///
/// # Errors
/// What the database says.
pub async fn wait(tx: &mut Tx, case: &CaseId, purpose: &str, until: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "UPDATE outbox SET next_attempt_at = $1 WHERE case_id = $2 AND purpose = $3 AND status = 'queued' AND next_attempt_at < $1",
        args![until, case, purpose],
    )
    .await?;
    Ok(())
}

/// Claims the mail that has waited longest, for `lease`; never a letter, which a person prints ([`super::letter`]). A mail whose lease ran out while it was being sent is claimed
/// again: the process died, and the same Message-ID makes a second copy harmless. A text has no such name that makes a second
/// one harmless, so it becomes uncertain, and a person decides.
///
/// # Errors
/// What the database says.
pub async fn claim(tx: &mut Tx, token: &str, now: DateTime<Utc>, lease: TimeDelta) -> Result<Option<Outgoing>> {
    tx.exec(
        "UPDATE outbox SET status = 'uncertain', reason = $1, lease_token = NULL, lease_until = NULL
         WHERE status = 'sending' AND lease_until < $2 AND channel <> 'email'",
        args![CUT_SHORT, now],
    )
    .await?;
    tx.opt(
        "UPDATE outbox SET status = 'sending', lease_token = $1, lease_until = $2, attempts = attempts + 1
         WHERE id = (SELECT id FROM outbox WHERE (status = 'queued' AND next_attempt_at <= $3 AND channel <> 'letter')
                       OR (status = 'sending' AND lease_until < $3)
                     ORDER BY next_attempt_at, id LIMIT 1)
           AND ((status = 'queued' AND next_attempt_at <= $3) OR (status = 'sending' AND lease_until < $3))
         RETURNING id, case_id, channel, purpose, party, rfc_message_id, mail, status, reason, attempts, created_at, sent_at",
        args![token, now + lease, now],
    )
    .await
}

/// Why a text is uncertain that was being sent when the program ended.
const CUT_SHORT: &str = "the program ended while it was being sent";

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server took it.
    Sent,
    /// It was not handed over: again at this time.
    Again(DateTime<Utc>, String),
    /// It was not even tried, since others go before it: its turn comes at this time.
    NotYet(DateTime<Utc>),
    /// It may or may not have gone: a person decides.
    Uncertain(String),
    /// It will not go.
    Failed(String),
}

/// Notes what the provider calls a message that it took.
///
/// # Errors
/// What the database says.
pub async fn named(tx: &mut Tx, id: &OutboxId, provider_id: &str) -> Result<()> {
    tx.exec("UPDATE outbox SET provider_id = $1 WHERE id = $2", args![provider_id, id]).await?;
    Ok(())
}

/// Notes that a message which had gone did not arrive, by what its provider calls it; the case it belongs to.
///
/// # Errors
/// What the database says.
pub async fn undelivered(tx: &mut Tx, provider_id: &str, why: &str) -> Result<Option<CaseId>> {
    let row: Option<(Option<CaseId>,)> = tx
        .opt(
            "UPDATE outbox SET status = 'failed', reason = $1
             WHERE provider_id = $2 AND status IN ('sent', 'uncertain') RETURNING case_id",
            args![why, provider_id],
        )
        .await?;
    Ok(row.and_then(|(case,)| case))
}

/// The case that a message of ours is about, by what its provider calls it.
///
/// # Errors
/// What the database says.
pub async fn case_of_named(tx: &mut Tx, provider_id: &str) -> Result<Option<CaseId>> {
    let row: Option<(Option<CaseId>,)> =
        tx.opt("SELECT case_id FROM outbox WHERE provider_id = $1 LIMIT 1", args![provider_id]).await?;
    Ok(row.and_then(|(case,)| case))
}

/// Completes a claimed mail; `false` when the lease is no longer ours, and then nothing was written.
///
/// # Errors
/// What the database says.
pub async fn complete(tx: &mut Tx, id: &OutboxId, token: &str, fate: &Fate, now: DateTime<Utc>) -> Result<bool> {
    let (status, reason, next, sent) = match fate {
        Fate::Sent => ("sent", None, now, Some(now)),
        Fate::Again(at, why) => ("queued", Some(why), *at, None),
        Fate::NotYet(at) => ("queued", None, *at, None),
        Fate::Uncertain(why) => ("uncertain", Some(why), now, None),
        Fate::Failed(why) => ("failed", Some(why), now, None),
    };
    let untried = i64::from(matches!(fate, Fate::NotYet(_)));
    let n = tx
        .exec(
            "UPDATE outbox SET status = $1, reason = $2, next_attempt_at = $3, sent_at = $4, lease_token = NULL, lease_until = NULL,
                    attempts = attempts - $5
             WHERE id = $6 AND lease_token = $7 AND status = 'sending'",
            args![status, reason.map(String::as_str), next, sent, untried, id, token],
        )
        .await?;
    Ok(n == 1)
}

/// Queues again whatever mail `instance` was sending when it ended; how many. It goes under the same Message-ID, so a second
/// copy is known as one. Texts become uncertain, as in [`claim`].
///
/// # Errors
/// What the database says.
pub async fn release_leases(tx: &mut Tx, instance: &str) -> Result<u64> {
    tx.exec(
        "UPDATE outbox SET status = 'uncertain', reason = $1, lease_token = NULL, lease_until = NULL
         WHERE status = 'sending' AND lease_token LIKE $2 || '/%' AND channel <> 'email'",
        args![CUT_SHORT, instance],
    )
    .await?;
    tx.exec(
        "UPDATE outbox SET status = 'queued', lease_token = NULL, lease_until = NULL
         WHERE status = 'sending' AND lease_token LIKE $1 || '/%'",
        args![instance],
    )
    .await
}

/// Lets a held mail go, or queues a failed or uncertain one again. `false` when it is in none of these states.
///
/// # Errors
/// What the database says.
pub async fn release(tx: &mut Tx, id: &OutboxId, now: DateTime<Utc>) -> Result<bool> {
    let n = tx
        .exec(
            "UPDATE outbox SET status = 'queued', reason = NULL, next_attempt_at = $1
             WHERE id = $2 AND status IN ('held', 'failed', 'uncertain')",
            args![now, id],
        )
        .await?;
    Ok(n == 1)
}

/// Cancels what has not left of a case for a purpose and was queued at `since` or later.
///
/// # Errors
/// What the database says.
pub async fn cancel(tx: &mut Tx, case: &CaseId, purpose: &str, since: DateTime<Utc>, why: &str) -> Result<u64> {
    // The key is freed, so that the same mail can be queued again should it be due again.
    tx.exec(
        "UPDATE outbox SET status = 'cancelled', reason = $1, idempotency_key = idempotency_key || '/' || id
         WHERE case_id = $2 AND purpose = $3 AND created_at >= $4
           AND status IN ('held', 'queued', 'failed', 'uncertain')",
        args![why, case, purpose, since],
    )
    .await
}

/// Cancels the mail of a case for a purpose that nobody has tried to send yet: whether there was one.
///
/// # Errors
/// What the database says.
pub async fn stop(tx: &mut Tx, case: &CaseId, purpose: &str, why: &str) -> Result<bool> {
    let stopped = tx
        .exec(
            "UPDATE outbox SET status = 'cancelled', reason = $1, idempotency_key = idempotency_key || '/' || id
             WHERE case_id = $2 AND purpose = $3 AND status = 'queued' AND attempts = 0",
            args![why, case, purpose],
        )
        .await?;
    Ok(stopped > 0)
}

/// Queues again what [`stop`] cancelled of a case for a reason.
///
/// # Errors
/// What the database says.
pub async fn go_on(tx: &mut Tx, case: &CaseId, why: &str) -> Result<()> {
    let sql =
        "UPDATE outbox SET status = 'queued', reason = NULL, idempotency_key = REPLACE(idempotency_key, '/' || id, '')
               WHERE case_id = $1 AND status = 'cancelled' AND reason = $2";
    tx.exec(sql, args![case, why]).await?;
    Ok(())
}

/// Lets what waits of a case for a purpose go at `now`.
///
/// # Errors
/// What the database says.
pub async fn hurry(tx: &mut Tx, case: &CaseId, purpose: &str, now: DateTime<Utc>) -> Result<()> {
    let sql = "UPDATE outbox SET next_attempt_at = $1 WHERE case_id = $2 AND purpose = $3 AND status = 'queued' AND attempts = 0
                 AND next_attempt_at > $1";
    tx.exec(sql, args![now, case, purpose]).await?;
    Ok(())
}

/// Has a mail wait for the one by which its case goes to a department, as long as that waits, so that it does not come before it.
///
/// # Errors
/// What the database says.
pub async fn follow_referral(tx: &mut Tx, id: &OutboxId, case: &CaseId) -> Result<()> {
    let waits: Option<(DateTime<Utc>,)> = tx
        .opt(
            "SELECT next_attempt_at FROM outbox WHERE case_id = $1 AND purpose = 'referral' AND status = 'queued' AND id <> $2
             ORDER BY next_attempt_at DESC LIMIT 1",
            args![case, id],
        )
        .await?;
    match waits {
        Some((until,)) => super::undo::delay(tx, id, until).await,
        None => Ok(()),
    }
}

/// Notes that a mail that had gone came back for good.
///
/// # Errors
/// What the database says.
pub async fn bounced(tx: &mut Tx, rfc_message_id: &str, why: &str) -> Result<()> {
    tx.exec(
        "UPDATE outbox SET status = 'failed', reason = $1
         WHERE rfc_message_id = $2 AND status IN ('sent', 'uncertain')",
        args![why, rfc_message_id],
    )
    .await?;
    Ok(())
}

/// Everything to be sent or sent for a case, oldest first.
///
/// # Errors
/// What the database says.
pub async fn of_case(tx: &mut Tx, case: &CaseId) -> Result<Vec<Outgoing>> {
    tx.all(
        "SELECT id, case_id, channel, purpose, party, rfc_message_id, mail, status, reason, attempts, created_at, sent_at
         FROM outbox
         WHERE case_id = $1 ORDER BY created_at, id",
        args![case],
    )
    .await
}

/// Rows in a state that people must see (`held`, `failed`, `uncertain`), oldest first.
///
/// # Errors
/// What the database says.
pub async fn in_status(tx: &mut Tx, status: &str) -> Result<Vec<Outgoing>> {
    tx.all(
        "SELECT id, case_id, channel, purpose, party, rfc_message_id, mail, status, reason, attempts, created_at, sent_at
         FROM outbox
         WHERE status = $1 AND status <> 'sent' ORDER BY created_at, id LIMIT 500",
        args![status],
    )
    .await
}

/// How many rows stand in each status; letters that wait for a person to print them as `to_print`, since nothing is stuck.
///
/// # Errors
/// What the database says.
pub async fn count_by_status(tx: &mut Tx) -> Result<Vec<(String, i64)>> {
    tx.all(
        "SELECT stands, COUNT(*) FROM (SELECT CASE WHEN channel = 'letter' AND status = 'queued' THEN 'to_print' ELSE status END AS stands
                                       FROM outbox) AS rows_of_it
         GROUP BY stands ORDER BY stands",
        args![],
    )
    .await
}

/// How many rows wait for a person: held, failed or uncertain; and letters that wait to be printed. What has gone is not looked at, however
/// much there is of it.
///
/// # Errors
/// What the database says.
pub async fn count_waiting(tx: &mut Tx) -> Result<(i64, i64)> {
    tx.one(
        "SELECT COUNT(CASE WHEN status <> 'queued' THEN 1 END), COUNT(CASE WHEN status = 'queued' AND channel = 'letter' THEN 1 END)
         FROM outbox WHERE status IN ('held', 'failed', 'uncertain', 'queued')",
        args![],
    )
    .await
}

/// Acknowledgements to an address since `since`: all, and those with the same topic. Held ones do not count: forged mail
/// must not use up the real resident's share.
///
/// # Errors
/// What the database says.
pub async fn acknowledgements_since(
    tx: &mut Tx,
    recipient: &str,
    topic: &str,
    since: DateTime<Utc>,
) -> Result<(i64, i64)> {
    tx.one(
        "SELECT COUNT(*), COUNT(CASE WHEN topic = $1 THEN 1 END) FROM outbox
         WHERE recipient = $2 AND purpose = 'acknowledgement' AND created_at >= $3 AND status NOT IN ('cancelled', 'held')",
        args![topic, recipient, since],
    )
    .await
}

/// Mails that ask whether an address belongs to who gave it: to this address since `since`, and to anybody since `since_all`.
///
/// # Errors
/// What the database says.
pub async fn proofs_since(
    tx: &mut Tx,
    recipient: &str,
    since: DateTime<Utc>,
    since_all: DateTime<Utc>,
) -> Result<(i64, i64)> {
    tx.one(
        "SELECT COUNT(CASE WHEN recipient = $1 AND created_at >= $2 THEN 1 END), COUNT(CASE WHEN created_at >= $3 THEN 1 END)
         FROM outbox WHERE purpose = 'proof' AND status <> 'cancelled'",
        args![recipient, since, since_all],
    )
    .await
}

/// When the mail that tells the department (and in Cc the councillor) of a case had gone.
///
/// # Errors
/// What the database says.
pub async fn told_at(tx: &mut Tx, case: &CaseId, party: Party) -> Result<Option<DateTime<Utc>>> {
    let row: Option<(Option<DateTime<Utc>>,)> = tx
        .opt(
            "SELECT MIN(sent_at) FROM outbox WHERE case_id = $1 AND party = $2 AND status = 'sent'",
            args![case, party.as_str()],
        )
        .await?;
    Ok(row.and_then(|r| r.0))
}

//! Campaigns: letters that many people send in nearly the same words.

use super::case::of_gatekeeper;
use super::{Result, Tx, args};
use crate::core::{CaseId, CaseState, Reference, UserId};
use chrono::{DateTime, Utc};

/// A campaign that letters still join.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Campaign {
    /// The case that stands for all letters.
    pub lead: CaseId,
    /// The first letter.
    pub subject: String,
    /// The first letter.
    pub body: String,
}

/// The campaigns that were formed since `since` and whose case is open.
///
/// # Errors
/// What the database says.
pub async fn standing(tx: &mut Tx, since: DateTime<Utc>) -> Result<Vec<Campaign>> {
    tx.all(
        "SELECT g.lead, m.subject, m.body FROM campaigns g JOIN cases c ON c.id = g.lead
         JOIN messages m ON m.id = (SELECT f.id FROM messages f WHERE f.case_id = c.id ORDER BY f.received_at, f.id LIMIT 1)
         WHERE g.formed_at >= $1 AND c.state NOT IN ('closed', 'joined') AND c.consent <> 'private'
         ORDER BY g.formed_at, g.lead",
        args![since],
    )
    .await
}

/// Whether a case stands for a campaign.
///
/// # Errors
/// What the database says.
pub async fn is_one(tx: &mut Tx, case: &CaseId) -> Result<bool> {
    Ok(tx.count("SELECT COUNT(*) FROM campaigns WHERE lead = $1", args![case]).await? > 0)
}

/// Says that a case stands for a campaign. `false` when it did already.
///
/// # Errors
/// What the database says.
pub async fn form(tx: &mut Tx, lead: &CaseId, now: DateTime<Utc>) -> Result<bool> {
    let sql = "INSERT INTO campaigns (lead, formed_at) VALUES ($1, $2) ON CONFLICT (lead) DO NOTHING";
    Ok(tx.exec(sql, args![lead, now]).await? == 1)
}

/// Notes that the letter of a case is one with the letter of `lead`, and what it says beside.
///
/// # Errors
/// What the database says.
pub async fn note(tx: &mut Tx, case: &CaseId, lead: &CaseId, added: &str, at: DateTime<Utc>) -> Result<()> {
    tx.exec(
        "INSERT INTO campaign_letters (case_id, lead, added, at) VALUES ($1, $2, $3, $4) ON CONFLICT (case_id) DO NOTHING",
        args![case, lead, added, at],
    )
    .await?;
    Ok(())
}

/// The case whose letter the letter of a case is one with, if any.
///
/// # Errors
/// What the database says.
pub async fn lead_of(tx: &mut Tx, case: &CaseId) -> Result<Option<CaseId>> {
    let row: Option<(CaseId,)> = tx.opt("SELECT lead FROM campaign_letters WHERE case_id = $1", args![case]).await?;
    Ok(row.map(|row| row.0))
}

/// The cases whose letters are one with that of `lead` and came in at `since` or later, first come first, that are not joined yet and
/// wait for review.
///
/// # Errors
/// What the database says.
pub async fn waiting(tx: &mut Tx, lead: &CaseId, since: DateTime<Utc>) -> Result<Vec<CaseId>> {
    let rows: Vec<(CaseId,)> = tx
        .all(
            "SELECT l.case_id FROM campaign_letters l JOIN cases c ON c.id = l.case_id
             WHERE l.lead = $1 AND l.at >= $2 AND c.state = 'review' AND c.consent <> 'private' ORDER BY l.at, l.case_id",
            args![lead, since],
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// How many letters are one with that of `lead` and came in at `since` or later, itself apart.
///
/// # Errors
/// What the database says.
pub async fn count(tx: &mut Tx, lead: &CaseId, since: DateTime<Utc>) -> Result<i64> {
    tx.count("SELECT COUNT(*) FROM campaign_letters WHERE lead = $1 AND at >= $2", args![lead, since]).await
}

/// How many letters are one with that of `lead`, itself among them, whatever became of them.
///
/// # Errors
/// What the database says.
pub async fn letters_of(tx: &mut Tx, lead: &CaseId) -> Result<u64> {
    let others = tx.count("SELECT COUNT(*) FROM campaign_letters WHERE lead = $1", args![lead]).await?;
    Ok(others.unsigned_abs() + 1)
}

/// How many letters are joined to a campaign, its first one apart.
///
/// # Errors
/// What the database says.
pub async fn joined(tx: &mut Tx, lead: &CaseId) -> Result<i64> {
    tx.count(
        "SELECT COUNT(*) FROM campaign_letters l JOIN links k ON k.child = l.case_id AND k.parent = l.lead
         WHERE l.lead = $1 AND k.kind = 'join' AND k.ended_at IS NULL",
        args![lead],
    )
    .await
}

/// Whose letters are asked for: those of the councillors this gatekeeper acts for, as their roles stand at that time; everybody's where it
/// is none. See [`super::case::Filter::of`].
pub type Of<'a> = Option<&'a (UserId, DateTime<Utc>)>;

/// How many of the letters that [`joined`] counts are among those asked for.
///
/// # Errors
/// What the database says.
pub async fn joined_of(tx: &mut Tx, lead: &CaseId, of: Of<'_>) -> Result<i64> {
    tx.count(
        concat!(
            "SELECT COUNT(*) FROM campaign_letters l JOIN cases c ON c.id = l.case_id
             JOIN links k ON k.child = l.case_id AND k.parent = l.lead AND k.kind = 'join' AND k.ended_at IS NULL
             WHERE l.lead = $1 AND ",
            of_gatekeeper!("$2", "$3")
        ),
        args![lead, of.map(|(user, _)| user), of.map(|(_, now)| *now)],
    )
    .await
}

/// A letter of a campaign.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Letter {
    /// Its case.
    pub case_id: CaseId,
    /// Its reference.
    pub reference: Reference,
    /// The link by which it is joined.
    pub link: String,
    /// Who wrote it, by the name they gave.
    pub name: Option<String>,
    /// What it says that the first does not.
    pub added: String,
    /// ISO 639-1 code of its language.
    pub language: String,
    /// When it came in.
    pub received_at: DateTime<Utc>,
}

/// The letters joined to a campaign that are among those asked for, those that say something of their own first, then newest first.
///
/// # Errors
/// What the database says.
pub async fn letters(tx: &mut Tx, lead: &CaseId, of: Of<'_>, limit: i64, offset: i64) -> Result<Vec<Letter>> {
    tx.all(
        concat!(
            "SELECT l.case_id, c.reference, k.id AS link, l.added, c.language, c.received_at,
                    (SELECT m.from_name FROM messages m WHERE m.case_id = c.id ORDER BY m.received_at, m.id LIMIT 1) AS name
             FROM campaign_letters l JOIN cases c ON c.id = l.case_id
             JOIN links k ON k.child = l.case_id AND k.parent = l.lead AND k.kind = 'join' AND k.ended_at IS NULL
             WHERE l.lead = $1 AND ",
            of_gatekeeper!("$4", "$5"),
            " ORDER BY CASE WHEN l.added = '' THEN 1 ELSE 0 END, c.received_at DESC, c.id DESC LIMIT $2 OFFSET $3"
        ),
        args![lead, limit, offset, of.map(|(user, _)| user), of.map(|(_, now)| *now)],
    )
    .await
}

/// The cases joined to a campaign as letters of it.
///
/// # Errors
/// What the database says.
pub async fn cases(tx: &mut Tx, lead: &CaseId) -> Result<Vec<CaseId>> {
    let rows: Vec<(CaseId,)> = tx
        .all(
            "SELECT l.case_id FROM campaign_letters l
             JOIN links k ON k.child = l.case_id AND k.parent = l.lead AND k.kind = 'join' AND k.ended_at IS NULL
             WHERE l.lead = $1 AND EXISTS (SELECT 1 FROM campaigns g WHERE g.lead = l.lead) ORDER BY l.at, l.case_id",
            args![lead],
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// How many acknowledgements of a campaign's letters wait for a person.
///
/// # Errors
/// What the database says.
pub async fn held(tx: &mut Tx, lead: &CaseId, reason: &str) -> Result<i64> {
    tx.count(
        "SELECT COUNT(*) FROM outbox o JOIN campaign_letters l ON l.case_id = o.case_id
         WHERE l.lead = $1 AND o.purpose = 'acknowledgement' AND o.status = 'held' AND o.reason = $2",
        args![lead, reason],
    )
    .await
}

/// Lets them go; how many.
///
/// # Errors
/// What the database says.
pub async fn release(tx: &mut Tx, lead: &CaseId, reason: &str, now: DateTime<Utc>) -> Result<u64> {
    tx.exec(
        "UPDATE outbox SET status = 'queued', reason = NULL, next_attempt_at = $1
         WHERE purpose = 'acknowledgement' AND status = 'held' AND reason = $2
           AND case_id IN (SELECT case_id FROM campaign_letters WHERE lead = $3)",
        args![now, reason, lead],
    )
    .await
}

/// Has the acknowledgement of a case that is queued wait for a person.
///
/// # Errors
/// What the database says.
pub async fn hold(tx: &mut Tx, case: &CaseId, reason: &str) -> Result<()> {
    tx.exec(
        "UPDATE outbox SET status = 'held', reason = $1
         WHERE case_id = $2 AND purpose = 'acknowledgement' AND status = 'queued'",
        args![reason, case],
    )
    .await?;
    Ok(())
}

/// A campaign in a list.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Listed {
    /// Reference of the case that stands for it.
    pub reference: Reference,
    /// What it is called.
    pub title: String,
    /// Language of its first letter.
    pub language: String,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: CaseState,
    /// Letters, the first one among them.
    pub letters: i64,
    /// When it was seen to be one.
    pub formed_at: DateTime<Utc>,
}

/// The newest campaigns, at most `limit`.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Tx, limit: i64) -> Result<Vec<Listed>> {
    tx.all(
        "SELECT c.reference, c.title, c.language, c.state, g.formed_at,
                1 + (SELECT COUNT(*) FROM campaign_letters l
                     JOIN links k ON k.child = l.case_id AND k.parent = l.lead AND k.kind = 'join' AND k.ended_at IS NULL
                     WHERE l.lead = g.lead) AS letters
         FROM campaigns g JOIN cases c ON c.id = g.lead WHERE c.consent <> 'private'
         ORDER BY g.formed_at DESC, g.lead LIMIT $1",
        args![limit],
    )
    .await
}

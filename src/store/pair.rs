//! What people decided of two cases being one problem: the council's own labelled pairs.
//!
//! One problem is what a person joined, or took a suggestion to join, and nobody took apart. Two problems are what a person took
//! apart, whoever had joined it, and what a person said of a suggestion. A letter taken out of a campaign says nothing: its words are the
//! others' all the same; neither does a join that was taken back at once, as a slip of the hand. A case for the councillor only says nothing, and neither
//! does one that was opened on a worry about somebody's safety, whose words are not to be learned from.

use super::{Result, Tx, args};
use crate::core::{CaseId, LinkId, MessageId, Place, Reference};
use chrono::{DateTime, Utc};
use sqlx::types::Json;

/// What a person decided of two cases.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Decided {
    /// The link that it was decided of.
    pub link: LinkId,
    /// One of the cases.
    pub child: CaseId,
    /// The other one.
    pub parent: CaseId,
    /// Whether they are one problem.
    pub same: bool,
    /// Who decided it.
    pub actor: String,
    /// When.
    pub decided_at: DateTime<Utc>,
}

/// The newest `most` decisions, newest first; `machine` is the actor who is no person. Of two cases there may be several.
///
/// # Errors
/// What the database says.
pub async fn decided(tx: &mut Tx, machine: &str, most: i64) -> Result<Vec<Decided>> {
    tx.all(
        "SELECT id AS link, child, parent, TRUE AS same, created_by AS actor, created_at AS decided_at FROM links
         WHERE kind = 'join' AND ended_at IS NULL AND created_by <> $1
         UNION ALL
         SELECT id, child, parent, FALSE, ended_by, ended_at FROM links
         WHERE kind = 'join' AND ended_at IS NOT NULL AND ended_by <> $1
           AND NOT EXISTS (SELECT 1 FROM campaign_letters g WHERE g.case_id = links.child AND g.lead = links.parent)
           AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.case_id = links.child AND u.kind = 'undo'
                             AND u.decided ->> 'link' = links.id AND u.decided ->> 'takes_back' IS NOT NULL)
         UNION ALL
         SELECT l.id, l.child, l.parent, FALSE, d.actor, d.created_at
         FROM decisions d JOIN links l ON l.id = d.decided ->> 'link' AND l.child = d.case_id
         WHERE d.kind = 'different' AND d.actor <> $1 AND l.kind = 'maybe'
         ORDER BY decided_at DESC, link DESC LIMIT $2",
        args![machine, most],
    )
    .await
}

/// A case as it is compared: its first message, or the part of one that it is about.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Side {
    /// The case.
    pub case_id: CaseId,
    /// Its reference.
    pub reference: Reference,
    /// Its service.
    pub service: String,
    /// Where it is about.
    pub place: Option<Json<Place>>,
    /// When it came in.
    pub received_at: DateTime<Utc>,
    /// The resident's first message.
    pub message: MessageId,
    /// Its subject; empty where the case is about a part of it.
    pub subject: String,
    /// What was written in it, or the part that the case is about.
    pub body: String,
}

/// Every case that a person decided something of, and that may be learned from.
///
/// # Errors
/// What the database says.
pub async fn sides(tx: &mut Tx, machine: &str) -> Result<Vec<Side>> {
    tx.all(
        "WITH decided AS (SELECT child, parent FROM links
                          WHERE ended_by <> $1 OR kind = 'join' AND ended_at IS NULL AND created_by <> $1)
         SELECT c.id AS case_id, c.reference, c.service, c.place, c.received_at, m.id AS message,
                CASE WHEN p.words IS NULL THEN m.subject ELSE '' END AS subject, COALESCE(p.words, m.body) AS body
         FROM cases c
         JOIN messages m ON m.id = (
             SELECT f.id FROM messages f
             WHERE f.id IN (SELECT id FROM messages WHERE case_id = c.id
                            UNION SELECT message_id FROM message_parts WHERE case_id = c.id) AND f.party = 'resident'
             ORDER BY f.received_at, f.id LIMIT 1)
         LEFT JOIN message_parts p ON p.message_id = m.id AND p.case_id = c.id
         WHERE c.consent <> 'private' AND c.erased_at IS NULL AND c.id IN (SELECT child FROM decided UNION SELECT parent FROM decided)
           AND NOT EXISTS (
               SELECT 1 FROM decisions t WHERE t.case_id = c.id AND t.kind IN ('triage', 'split_off')
                 AND t.evidence -> 'verdict' -> 'concerns' ->> 0 IS NOT NULL)",
        args![machine],
    )
    .await
}

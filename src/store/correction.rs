//! What people decided a case's service to be: the council's own labelled examples.
//!
//! The last word of a person counts. A case that stands in another one, was taken out of one, split or put together again and not
//! decided since, or is spam, says nothing, nor does a decision that was taken back; neither does one that was opened on a worry about somebody's safety, whose words are
//! not to be learned from. Of a message that became several cases each teaches by its own part.

use super::{Result, Tx, args};
use crate::core::{CaseId, DecisionId, MessageId, Place, Reference};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::types::Json;

/// One message in so many is held back to compare models with, and never learned from.
const HELD_BACK: u64 = 5;

/// A decided case with its first message.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Correction {
    /// The decision that counts.
    pub decision: DecisionId,
    /// Who took it.
    pub actor: String,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// The case.
    pub case_id: CaseId,
    /// Its reference.
    pub reference: Reference,
    /// The service it was decided to be for.
    pub service: String,
    /// The resident's first message.
    pub message: MessageId,
    /// Its subject; empty where the case is about a part of it.
    pub subject: String,
    /// What was written in it, or the part that the case is about.
    pub body: String,
    /// Where the case is about.
    pub place: Option<Json<Place>>,
}

impl Correction {
    /// Whether it is held back to compare models with. That hangs on the message alone, so it is so for ever.
    #[must_use]
    pub fn is_held_back(&self) -> bool {
        is_held_back(&self.message)
    }
}

/// Whether what was decided of a message is held back to compare models with.
#[must_use]
pub fn is_held_back(message: &MessageId) -> bool {
    let hash = Sha256::digest(message.as_str().as_bytes());
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    number.is_multiple_of(HELD_BACK)
}

/// A decided case, to be named beside messages like it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Decided {
    /// The case.
    pub reference: Reference,
    /// The service it was decided to be for.
    pub service: String,
    /// Embedding of its first message (see [`super::message::from_bytes`]).
    pub embedding: Vec<u8>,
}

/// A query over decided cases: `$1` is the actor who is no person. A change that left the service alone is no word on it.
macro_rules! decided {
    ($columns:literal, $more:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM decisions d
             JOIN cases c ON c.id = d.case_id
             JOIN messages m ON m.id = (
                 SELECT f.id FROM messages f
                 WHERE f.id IN (SELECT id FROM messages WHERE case_id = c.id
                                UNION SELECT message_id FROM message_parts WHERE case_id = c.id) AND f.party = 'resident'
                 ORDER BY f.received_at, f.id LIMIT 1)
             LEFT JOIN message_parts p ON p.message_id = m.id AND p.case_id = c.id
             WHERE d.actor <> $1 AND c.state <> 'joined' AND c.consent <> 'private' AND c.erased_at IS NULL
               AND (d.kind = 'accept' OR d.kind = 'change' AND d.decided -> 'before' ->> 'service' <> d.decided ->> 'service')
               AND NOT EXISTS (
                   SELECT 1 FROM decisions l WHERE l.case_id = d.case_id AND l.actor <> $1
                     AND (l.created_at > d.created_at OR l.created_at = d.created_at AND l.id > d.id)
                     AND (l.kind IN ('accept', 'join', 'split', 'unsplit', 'spam')
                          OR l.kind = 'undo' AND COALESCE(l.decided ->> 'takes_back', 'join')
                             NOT IN ('close', 'release', 'send_on', 'chase', 'put_off')
                          OR l.kind = 'change' AND l.decided -> 'before' ->> 'service' <> l.decided ->> 'service'))
               AND NOT EXISTS (
                   SELECT 1 FROM decisions t WHERE t.case_id = d.case_id AND t.kind IN ('triage', 'split_off')
                     AND t.evidence -> 'verdict' -> 'concerns' ->> 0 IS NOT NULL)
               AND ",
            $more
        )
    };
}

/// The newest `most` corrections, newest first; `machine` is the actor who is no person.
///
/// # Errors
/// What the database says.
pub async fn newest(tx: &mut Tx, machine: &str, most: i64) -> Result<Vec<Correction>> {
    tx.all(
        decided!(
            "d.id AS decision, d.actor, d.created_at AS decided_at, d.case_id, c.reference, d.decided ->> 'service' AS service,
             m.id AS message, CASE WHEN p.words IS NULL THEN m.subject ELSE '' END AS subject, COALESCE(p.words, m.body) AS body, c.place",
            "d.decided ->> 'service' IS NOT NULL ORDER BY d.created_at DESC, d.id DESC LIMIT $2"
        ),
        args![machine, most],
    )
    .await
}

/// What a case teaches, if anything.
///
/// # Errors
/// What the database says.
pub async fn of_case(tx: &mut Tx, machine: &str, case: &CaseId) -> Result<Option<Correction>> {
    tx.opt(
        decided!(
            "d.id AS decision, d.actor, d.created_at AS decided_at, d.case_id, c.reference, d.decided ->> 'service' AS service,
             m.id AS message, CASE WHEN p.words IS NULL THEN m.subject ELSE '' END AS subject, COALESCE(p.words, m.body) AS body, c.place",
            "d.case_id = $2"
        ),
        args![machine, case],
    )
    .await
}

/// The newest `most` decided cases whose message was encoded by this version of the encoder, newest first.
///
/// # Errors
/// What the database says.
pub async fn encoded(tx: &mut Tx, machine: &str, encoder: &str, most: i64) -> Result<Vec<Decided>> {
    tx.all(
        decided!(
            "c.reference, d.decided ->> 'service' AS service, m.embedding",
            "m.embedding IS NOT NULL AND m.encoder = $2 AND p.words IS NULL ORDER BY d.created_at DESC, d.id DESC LIMIT $3"
        ),
        args![machine, encoder, most],
    )
    .await
}

/// The newest decision that may have changed which cases are decided; none where there is none.
///
/// # Errors
/// What the database says.
pub async fn latest(tx: &mut Tx) -> Result<Option<DecisionId>> {
    let row: Option<(DecisionId,)> = tx
        .opt(
            "SELECT id FROM decisions WHERE kind IN ('accept', 'change', 'join', 'undo', 'split', 'unsplit', 'spam')
             ORDER BY created_at DESC, id DESC LIMIT 1",
            args![],
        )
        .await?;
    Ok(row.map(|r| r.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Ids;

    #[test]
    fn about_one_message_in_five_is_held_back_and_the_same_ones_for_ever() {
        let ids = Ids::counted();
        let correction = |message| Correction {
            decision: ids.next(),
            actor: String::new(),
            decided_at: DateTime::UNIX_EPOCH,
            case_id: ids.next(),
            reference: ids.reference(),
            service: String::new(),
            message,
            subject: String::new(),
            body: String::new(),
            place: None,
        };
        let messages: Vec<MessageId> = (0..1_000).map(|n| MessageId::from(format!("message {n}"))).collect();
        let held_back = || messages.iter().filter(|m| correction((*m).clone()).is_held_back()).count();
        let count = held_back();
        assert!((150..250).contains(&count), "{count}");
        assert_eq!(held_back(), count, "whatever else is different");
    }
}

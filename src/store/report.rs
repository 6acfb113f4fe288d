//! What reports are counted from: of each case what can be counted, and nothing that says who wrote or what. Each function gives what
//! is new since a moment, so that a report reads as much as happened since the last one, and not the whole database.

use super::{Result, Tx, args};
use crate::core::{CaseId, CaseState};
use chrono::{DateTime, Utc};

/// Whose figures somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's: gatekeepers and administrators.
    All,
    /// Those of these wards.
    Wards(Vec<String>),
    /// Those of the cases that the councillors of these keys are told of, and in reports of what lies in their wards, too; nobody's where
    /// there is none.
    Councillors(Vec<String>),
}

/// A case, as much of it as is counted.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Fact {
    /// The case.
    pub id: CaseId,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub state: CaseState,
    /// Service key.
    pub service: String,
    /// Ward name, where known.
    pub ward: Option<String>,
    /// Key of the councillor who is told.
    pub councillor: Option<String>,
    /// Whom the resident allows to know them.
    pub consent: String,
    /// The way its first message came; none where there is no message.
    pub channel: Option<String>,
    /// ISO 639-1 code of what its first message is written in; where that is not known, of what is answered.
    pub language: String,
    /// When the resident's message came in.
    pub received_at: DateTime<Utc>,
    /// Date it is promised for, `YYYY-MM-DD`, local time.
    pub due_on: String,
    /// When it went to the department.
    pub routed_at: Option<DateTime<Utc>>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// Whether a gatekeeper closed it as spam.
    pub spam: bool,
}

/// The cases that changed at `since` or later; every case where there is none.
///
/// # Errors
/// What the database says.
pub async fn cases_since(tx: &mut Tx, since: DateTime<Utc>) -> Result<Vec<Fact>> {
    tx.all(
        "SELECT c.id, c.state, c.service, c.ward, c.councillor, c.consent, m.channel, COALESCE(m.language, c.language) AS language,
                c.received_at, c.due_on, c.routed_at, c.closed_at, c.spam
         FROM cases c
         LEFT JOIN messages m ON m.id = COALESCE(
             (SELECT f.id FROM messages f WHERE f.case_id = c.id ORDER BY f.received_at, f.id LIMIT 1),
             (SELECT p.message_id FROM message_parts p WHERE p.case_id = c.id ORDER BY p.message_id LIMIT 1))
         WHERE c.changed_at >= $1",
        args![since],
    )
    .await
}

/// Messages to residents that went out at `since` or later: of which case, and when.
///
/// # Errors
/// What the database says.
pub async fn answers_since(tx: &mut Tx, since: DateTime<Utc>) -> Result<Vec<(CaseId, DateTime<Utc>)>> {
    tx.all(
        "SELECT case_id, sent_at FROM outbox
         WHERE party = 'resident' AND status = 'sent' AND sent_at >= $1 AND case_id IS NOT NULL",
        args![since],
    )
    .await
}

/// What people decided at `since` or later: of which case, what kind, and when. What the program did by itself is left out, and so is
/// what a resident, a councillor or a department did by writing, and that somebody took their own decision back.
///
/// # Errors
/// What the database says.
pub async fn decisions_since(tx: &mut Tx, since: DateTime<Utc>) -> Result<Vec<(CaseId, String, DateTime<Utc>)>> {
    tx.all(
        "SELECT case_id, kind, created_at FROM decisions
         WHERE created_at >= $1 AND case_id IS NOT NULL AND actor NOT IN ('beadle', 'resident', 'councillor', 'department')
           AND NOT (kind = 'undo' AND decided ->> 'takes_back' IS NOT NULL)",
        args![since],
    )
    .await
}

/// How content residents were with closed cases, from 1 to 5, as they said at `since` or later.
///
/// # Errors
/// What the database says.
pub async fn ratings_since(tx: &mut Tx, since: DateTime<Utc>) -> Result<Vec<(CaseId, i64)>> {
    tx.all("SELECT case_id, score FROM ratings WHERE rated_at >= $1", args![since]).await
}

/// How many cases of something came in.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Count {
    /// Key of the service or department.
    pub key: String,
    /// How many.
    pub n: i64,
}

/// How many cases of each service came in since then. What is for the councillor only is in no such figure.
///
/// # Errors
/// What the database says.
pub async fn by_service(tx: &mut Tx, since: DateTime<Utc>) -> Result<Vec<Count>> {
    tx.all(
        // Joined to nothing, so that SQLite takes the index of the time and not the one of the service, which would walk all cases.
        "SELECT service || '' AS key, COUNT(*) AS n FROM cases WHERE received_at >= $1 AND consent <> 'private' GROUP BY service || ''",
        args![since],
    )
    .await
}

/// The same of each department.
///
/// # Errors
/// What the database says.
pub async fn by_department(tx: &mut Tx, since: DateTime<Utc>) -> Result<Vec<Count>> {
    tx.all(
        // As above.
        "SELECT department || '' AS key, COUNT(*) AS n FROM cases
         WHERE received_at >= $1 AND consent <> 'private' GROUP BY department || ''",
        args![since],
    )
    .await
}

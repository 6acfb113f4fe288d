//! Every decision, automatic or human: what, on what evidence, by which rule or model, by whom.

use super::{Result, Tx, args};
use crate::core::{CaseId, DecisionId, Ids, MessageId};
use chrono::{DateTime, Utc};

/// A decision as it stands.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Decision {
    /// The decision.
    pub id: DecisionId,
    /// The case, if it is about one.
    pub case_id: Option<CaseId>,
    /// The message it was taken on, if on one.
    pub message_id: Option<MessageId>,
    /// What kind: `triage`, `accept`, `change`, `join`, `undo`, `release`, …
    pub kind: String,
    /// Who: `beadle` or a person.
    pub actor: String,
    /// What was decided.
    pub decided: sqlx::types::Json<serde_json::Value>,
    /// On what evidence.
    pub evidence: sqlx::types::Json<serde_json::Value>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A decision to be written down.
#[derive(Clone, Debug)]
pub struct NewDecision<'a> {
    /// The case.
    pub case_id: Option<&'a CaseId>,
    /// The message.
    pub message_id: Option<&'a MessageId>,
    /// What kind.
    pub kind: &'a str,
    /// Who.
    pub actor: &'a str,
    /// What: an object.
    pub decided: serde_json::Value,
    /// On what: an object.
    pub evidence: serde_json::Value,
}

/// Writes a decision.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, ids: &Ids, new: NewDecision<'_>, now: DateTime<Utc>) -> Result<DecisionId> {
    let id: DecisionId = ids.next();
    tx.exec(
        "INSERT INTO decisions (id, case_id, message_id, kind, actor, decided, evidence, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![&id, new.case_id, new.message_id, new.kind, new.actor, new.decided, new.evidence, now],
    )
    .await?;
    Ok(id)
}

/// The decisions on a case, oldest first.
///
/// # Errors
/// What the database says.
pub async fn of_case(tx: &mut Tx, case: &CaseId) -> Result<Vec<Decision>> {
    tx.all(
        "SELECT id, case_id, message_id, kind, actor, decided, evidence, created_at FROM decisions
         WHERE case_id = $1 ORDER BY created_at, id",
        args![case],
    )
    .await
}

/// Every triage decision, for replaying.
///
/// # Errors
/// What the database says.
pub async fn triages(tx: &mut Tx) -> Result<Vec<Decision>> {
    tx.all(
        "SELECT id, case_id, message_id, kind, actor, decided, evidence, created_at FROM decisions
         WHERE kind = 'triage' ORDER BY created_at, id",
        args![],
    )
    .await
}

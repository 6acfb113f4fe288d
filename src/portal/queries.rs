//! Statements only the portal asks.

use crate::core::{CaseId, InboxId, MessageId, Reference};
use crate::store::{Result, Tx, args};

/// The wards that cases lie in, in order. Each is looked for behind the one before it: as many looks as wards, and not as cases.
pub(super) async fn wards(tx: &mut Tx) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx
        .all(
            "WITH RECURSIVE found (ward) AS (
                 SELECT MIN(ward) FROM cases
                 UNION ALL SELECT (SELECT MIN(c.ward) FROM cases c WHERE c.ward > found.ward) FROM found WHERE found.ward IS NOT NULL)
             SELECT ward FROM found WHERE ward IS NOT NULL ORDER BY ward",
            args![],
        )
        .await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// How many deliveries lie in quarantine.
pub(super) async fn quarantined(tx: &mut Tx) -> Result<i64> {
    tx.count("SELECT COUNT(*) FROM inbox WHERE status = 'quarantined'", args![]).await
}

/// The reference of a case.
pub(super) async fn reference(tx: &mut Tx, case: &CaseId) -> Result<Option<Reference>> {
    Ok(reference_and_consent(tx, case).await?.map(|(reference, _)| reference))
}

/// The reference of a case, and whom its resident allows to know them.
pub(super) async fn reference_and_consent(tx: &mut Tx, case: &CaseId) -> Result<Option<(Reference, String)>> {
    tx.opt("SELECT reference, consent FROM cases WHERE id = $1", args![case]).await
}

/// Whether a message is on a case for the councillor only.
pub(super) async fn is_private_message(tx: &mut Tx, message: &MessageId) -> Result<bool> {
    let on =
        "SELECT COUNT(*) FROM messages m JOIN cases c ON c.id = m.case_id WHERE m.id = $1 AND c.consent = 'private'";
    Ok(tx.opt::<(i64,)>(on, args![message]).await?.is_some_and(|(count,)| count > 0))
}

/// The same of a delivery.
pub(super) async fn is_private_delivery(tx: &mut Tx, delivery: &InboxId) -> Result<bool> {
    let found: Option<(Option<MessageId>,)> =
        tx.opt("SELECT message_id FROM inbox WHERE id = $1", args![delivery]).await?;
    match found.and_then(|row| row.0) {
        Some(message) => is_private_message(tx, &message).await,
        None => Ok(false),
    }
}

/// Ends every session.
pub(super) async fn end_all_sessions(tx: &mut Tx) -> Result<()> {
    tx.exec("DELETE FROM sessions", args![]).await?;
    Ok(())
}

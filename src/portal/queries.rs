//! Statements only the portal asks.

use crate::core::{CaseId, InboxId, MessageId, Reference};
use crate::routing::consent::Consent;
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

/// Of the case a message is on: whom its resident allows to know them, and whose councillor's it is.
pub(super) async fn case_of_message(tx: &mut Tx, message: &MessageId) -> Result<Option<(String, Option<String>)>> {
    let on = "SELECT c.consent, c.councillor FROM messages m JOIN cases c ON c.id = m.case_id WHERE m.id = $1";
    tx.opt(on, args![message]).await
}

/// Whether a delivery became a message on a case for the councillor only.
pub(super) async fn is_private_delivery(tx: &mut Tx, delivery: &InboxId) -> Result<bool> {
    let found: Option<(Option<MessageId>,)> =
        tx.opt("SELECT message_id FROM inbox WHERE id = $1", args![delivery]).await?;
    match found.and_then(|row| row.0) {
        Some(message) => {
            let case = case_of_message(tx, &message).await?;
            Ok(case.is_some_and(|(consent, _)| Consent::of(&consent).is_private()))
        }
        None => Ok(false),
    }
}

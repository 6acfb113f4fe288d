//! Statements only the portal asks.

use crate::core::{CaseId, Reference};
use crate::store::{Result, Tx, args};

/// The wards that cases lie in.
pub(super) async fn wards(tx: &mut Tx) -> Result<Vec<String>> {
    let rows: Vec<(String,)> =
        tx.all("SELECT DISTINCT ward FROM cases WHERE ward IS NOT NULL ORDER BY ward", args![]).await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// How many deliveries lie in quarantine.
pub(super) async fn quarantined(tx: &mut Tx) -> Result<i64> {
    tx.count("SELECT COUNT(*) FROM inbox WHERE status = 'quarantined'", args![]).await
}

/// The reference of a case.
pub(super) async fn reference(tx: &mut Tx, case: &CaseId) -> Result<Option<Reference>> {
    let row: Option<(Reference,)> = tx.opt("SELECT reference FROM cases WHERE id = $1", args![case]).await?;
    Ok(row.map(|r| r.0))
}

/// Ends every session.
pub(super) async fn end_all_sessions(tx: &mut Tx) -> Result<()> {
    tx.exec("DELETE FROM sessions", args![]).await?;
    Ok(())
}

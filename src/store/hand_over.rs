//! Whose open cases are, for when a councillor leaves or wards are drawn anew.

use super::{Result, Tx, args};
use crate::core::CaseId;

/// How many open cases a councillor has.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Open {
    /// Key of the councillor.
    pub councillor: String,
    /// Cases that others may follow.
    pub cases: i64,
    /// Cases that are for this councillor only.
    pub private: i64,
}

/// Open cases are what is not closed, and what is joined to something that is not.
macro_rules! open {
    ($columns:literal, $more:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM cases c WHERE c.councillor IS NOT NULL
               AND (c.state IN ('review', 'held', 'routed')
                    OR c.state = 'joined' AND EXISTS (SELECT 1 FROM links l JOIN cases p ON p.id = l.parent
                                                      WHERE l.child = c.id AND l.kind = 'join' AND l.ended_at IS NULL AND p.state <> 'closed'))",
            $more
        )
    };
}

/// How many each councillor has who has any.
///
/// # Errors
/// What the database says.
pub async fn open(tx: &mut Tx) -> Result<Vec<Open>> {
    tx.all(
        open!(
            "c.councillor, COALESCE(SUM(CASE WHEN c.consent <> 'private' THEN 1 ELSE 0 END), 0) AS cases,
             COALESCE(SUM(CASE WHEN c.consent = 'private' THEN 1 ELSE 0 END), 0) AS private",
            " GROUP BY c.councillor ORDER BY c.councillor"
        ),
        args![],
    )
    .await
}

/// A councillor's open cases, those apart that are for them only, oldest first.
///
/// # Errors
/// What the database says.
pub async fn of(tx: &mut Tx, councillor: &str) -> Result<Vec<CaseId>> {
    let rows: Vec<(CaseId,)> = tx
        .all(
            open!("c.id", " AND c.councillor = $1 AND c.consent <> 'private' ORDER BY c.received_at, c.id"),
            args![councillor],
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

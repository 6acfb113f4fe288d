//! Who has a waiting case before them. A claim keeps others from deciding about it too, and runs out by itself.

use super::{Result, Tx, args};
use crate::core::CaseId;
use chrono::{DateTime, Utc};

/// A claim that has not run out.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Claim {
    /// Who has the case: the name that decisions are written under.
    pub who: String,
    /// The same as colleagues know them.
    pub name: String,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// Claims a case until `until`, or goes on having it; `false` while somebody else has it.
///
/// # Errors
/// What the database says.
pub async fn take(tx: &mut Tx, case: &CaseId, who: &str, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<bool> {
    let n = tx
        .exec(
            "INSERT INTO claims (case_id, who, until) VALUES ($1, $2, $3)
             ON CONFLICT (case_id) DO UPDATE SET who = EXCLUDED.who, until = EXCLUDED.until
             WHERE claims.who = EXCLUDED.who OR claims.until <= $4",
            args![case, who, until, now],
        )
        .await?;
    Ok(n == 1)
}

/// Claims a case whoever has it; who had it until now, if somebody else did.
///
/// # Errors
/// What the database says.
pub async fn take_over(
    tx: &mut Tx,
    case: &CaseId,
    who: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Claim>> {
    let before = of_others(tx, case, who, now).await?;
    tx.exec("DELETE FROM claims WHERE case_id = $1", args![case]).await?;
    take(tx, case, who, now, until).await?;
    Ok(before)
}

/// Who else has a case now.
///
/// # Errors
/// What the database says.
pub async fn of_others(tx: &mut Tx, case: &CaseId, who: &str, now: DateTime<Utc>) -> Result<Option<Claim>> {
    tx.opt(
        "SELECT c.who, COALESCE(u.name, c.who) AS name, c.until FROM claims c LEFT JOIN users u ON u.user_name = c.who
         WHERE c.case_id = $1 AND c.who <> $2 AND c.until > $3",
        args![case, who, now],
    )
    .await
}

/// Gives back what `who` has: a case, or with none every one.
///
/// # Errors
/// What the database says.
pub async fn give_back(tx: &mut Tx, case: Option<&CaseId>, who: &str) -> Result<()> {
    let mine = "DELETE FROM claims WHERE who = $1 AND (CAST($2 AS TEXT) IS NULL OR case_id = $2)";
    tx.exec(mine, args![who, case]).await?;
    Ok(())
}

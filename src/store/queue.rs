//! The queue that gatekeepers work through: cases that wait for a person, the most pressing first, without those that somebody
//! else has before them or that are to be passed over for now.

use super::{Result, Tx, args};
use crate::core::CaseId;
use chrono::{DateTime, Utc};

/// For whom a case is passed over that waits for somebody outside: for everybody.
pub const EVERYBODY: &str = "";

/// Cases that wait, in the words of the index that holds them in the order of the queue.
macro_rules! waits {
    () => {
        "(CASE WHEN state IN ('review', 'held') THEN 1 ELSE 0 END) = 1"
    };
}

/// The gatekeeper's roles that `$1`, a user name, has at `$2`.
macro_rules! roles {
    ($which:literal) => {
        concat!(
            "SELECT g.councillor FROM grants g JOIN users u ON u.id = g.user_id
             WHERE u.user_name = $1 AND g.role = 'gatekeeper' AND g.ended_at IS NULL AND (g.until_at IS NULL OR g.until_at > $2)
               AND g.councillor ",
            $which
        )
    };
}

/// Cases that `$1` may see at `$2`: all, or those of the councillors they act for. Asked once for all cases, not once for each.
macro_rules! seen {
    () => {
        concat!("(EXISTS (", roles!("IS NULL"), ") OR cases.councillor IN (", roles!("IS NOT NULL"), "))")
    };
}

/// Cases that nobody else than `$1` has before them at `$2`.
macro_rules! unclaimed {
    () => {
        "NOT EXISTS (SELECT 1 FROM claims k WHERE k.case_id = cases.id AND k.who <> $1 AND k.until > $2)"
    };
}

/// How many cases wait, and how they stand to the one who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// That they can be given.
    pub free: i64,
    /// That others have before them.
    pub with_others: i64,
    /// That they skipped, or that wait for an answer or were put on hold.
    pub passed_over: i64,
}

/// The most urgent case for `who`: by priority, then the day it is promised for, then when it came.
///
/// # Errors
/// What the database says.
pub async fn first(tx: &mut Tx, who: &str, now: DateTime<Utc>) -> Result<Option<CaseId>> {
    let row: Option<(CaseId,)> = tx
        .opt(
            concat!(
                "SELECT id FROM cases WHERE ",
                waits!(),
                " AND ",
                seen!(),
                " AND ",
                unclaimed!(),
                " AND NOT EXISTS (SELECT 1 FROM passes p WHERE p.case_id = cases.id AND p.who IN ($1, '') AND p.until > $2
                                    AND p.at >= cases.changed_at)
                 ORDER BY CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END, due_on, received_at, id
                 LIMIT 1"
            ),
            args![who, now],
        )
        .await?;
    Ok(row.map(|(id,)| id))
}

/// How many cases wait.
///
/// # Errors
/// What the database says.
pub async fn waiting(tx: &mut Tx, who: &str, now: DateTime<Utc>) -> Result<Waiting> {
    let all =
        tx.count(concat!("SELECT COUNT(*) FROM cases WHERE ", waits!(), " AND ", seen!()), args![who, now]).await?;
    // Few are passed over or claimed, so both are counted from there: SQLite takes the tables of a cross join in the order in which they stand.
    let passed_over = tx
        .count(
            concat!(
                "SELECT COUNT(DISTINCT p.case_id) FROM passes p CROSS JOIN cases
                 WHERE cases.id = p.case_id AND p.who IN ($1, '') AND p.until > $2 AND p.at >= cases.changed_at AND cases.state IN ('review', 'held') AND ",
                seen!(),
                " AND ",
                unclaimed!()
            ),
            args![who, now],
        )
        .await?;
    let with_others = tx
        .count(
            concat!(
                "SELECT COUNT(*) FROM claims k CROSS JOIN cases
                 WHERE cases.id = k.case_id AND k.who <> $1 AND k.until > $2 AND cases.state IN ('review', 'held') AND ",
                seen!()
            ),
            args![who, now],
        )
        .await?;
    Ok(Waiting { free: (all - with_others - passed_over).max(0), with_others, passed_over })
}

/// Has the queue pass over a case until `until`, or until something happens on it.
///
/// # Errors
/// What the database says.
pub async fn pass_over(tx: &mut Tx, case: &CaseId, who: &str, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<()> {
    tx.exec("DELETE FROM passes WHERE until <= $1", args![now]).await?;
    tx.exec(
        "INSERT INTO passes (case_id, who, at, until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (case_id, who) DO UPDATE SET at = EXCLUDED.at, until = EXCLUDED.until",
        args![case, who, now, until],
    )
    .await?;
    Ok(())
}

/// Brings a case up again for everybody.
///
/// # Errors
/// What the database says.
pub async fn bring_up(tx: &mut Tx, case: &CaseId) -> Result<()> {
    tx.exec("DELETE FROM passes WHERE case_id = $1", args![case]).await?;
    Ok(())
}

/// Brings up again what `who` skipped.
///
/// # Errors
/// What the database says.
pub async fn bring_up_skipped(tx: &mut Tx, who: &str) -> Result<()> {
    tx.exec("DELETE FROM passes WHERE who = $1 AND who <> ''", args![who]).await?;
    Ok(())
}

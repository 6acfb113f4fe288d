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

/// Cases that `$1`, a user name, may see at `$2`: all, or those of the councillors they act for.
macro_rules! seen {
    () => {
        "EXISTS (SELECT 1 FROM grants g JOIN users u ON u.id = g.user_id
                 WHERE u.user_name = $1 AND g.role = 'gatekeeper' AND g.ended_at IS NULL
                   AND (g.until_at IS NULL OR g.until_at > $2)
                   AND (g.councillor IS NULL OR g.councillor = cases.councillor))"
    };
}

/// Waiting cases that are neither claimed by others nor passed over: `$1` is who asks, `$2` the time.
macro_rules! free {
    ($columns:literal, $more:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM cases WHERE ",
            waits!(),
            " AND ",
            seen!(),
            " AND NOT EXISTS (SELECT 1 FROM claims k WHERE k.case_id = cases.id AND k.who <> $1 AND k.until > $2)
               AND NOT EXISTS (SELECT 1 FROM passes p WHERE p.case_id = cases.id AND p.who IN ($1, '') AND p.until > $2
                                 AND p.at >= cases.changed_at) ",
            $more
        )
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
            free!(
                "id",
                "ORDER BY CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END, due_on, received_at, id
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
    let free = tx.count(free!("COUNT(*)", ""), args![who, now]).await?;
    let with_others = tx
        .count(
            concat!(
                "SELECT COUNT(*) FROM claims k JOIN cases ON cases.id = k.case_id
                 WHERE k.who <> $1 AND k.until > $2 AND cases.state IN ('review', 'held') AND ",
                seen!()
            ),
            args![who, now],
        )
        .await?;
    Ok(Waiting { free, with_others, passed_over: (all - free - with_others).max(0) })
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

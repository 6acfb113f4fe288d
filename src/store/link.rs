//! Links between cases. A link is ended, never deleted, so a join can be undone and shows that it once was.

use super::{Result, Tx, args};
pub use crate::core::case::LinkKind;
use crate::core::{CaseId, CaseState, Ids, LinkId};
use chrono::{DateTime, Utc};

/// A link that stands or stood.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Link {
    /// The link.
    pub id: LinkId,
    /// The case that was joined, or might be, or was split off.
    pub child: CaseId,
    /// The case it belongs to, or might, or came from.
    pub parent: CaseId,
    /// What it says.
    #[sqlx(try_from = "String")]
    pub kind: LinkKind,
    /// 0 to 1.
    pub score: f64,
    /// Why, for people.
    pub why: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// For a join: the state the child was in before, which undoing gives back.
    pub child_state: Option<String>,
    /// When it was undone.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Link {
    /// Whether this is a join.
    #[must_use]
    pub fn is_join(&self) -> bool {
        self.kind == LinkKind::Join
    }
}

/// What a new link says.
#[derive(Clone, Debug)]
pub struct NewLink<'a> {
    /// The case that is joined, or might be.
    pub child: &'a CaseId,
    /// The case it belongs to.
    pub parent: &'a CaseId,
    /// What the link says.
    pub kind: LinkKind,
    /// 0 to 1.
    pub score: f64,
    /// Why.
    pub why: &'a str,
    /// For a join: the state the child is in now.
    pub child_state: Option<CaseState>,
    /// By whom.
    pub actor: &'a str,
}

/// Writes a link.
///
/// # Errors
/// What the database says; a second standing join, or split, of the same child is refused by it.
pub async fn insert(tx: &mut Tx, ids: &Ids, new: NewLink<'_>, now: DateTime<Utc>) -> Result<LinkId> {
    let id: LinkId = ids.next();
    tx.exec(
        "INSERT INTO links (id, child, parent, kind, score, why, child_state, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            &id,
            new.child,
            new.parent,
            new.kind.as_str(),
            new.score,
            new.why,
            new.child_state.map(CaseState::as_str),
            now,
            new.actor
        ],
    )
    .await?;
    Ok(id)
}

/// Ends a link; `false` when it does not stand.
///
/// # Errors
/// What the database says.
pub async fn end(tx: &mut Tx, id: &LinkId, actor: &str, now: DateTime<Utc>) -> Result<bool> {
    let n = tx
        .exec("UPDATE links SET ended_at = $1, ended_by = $2 WHERE id = $3 AND ended_at IS NULL", args![now, actor, id])
        .await?;
    Ok(n == 1)
}

/// Lets the suggestions stand again that a join ended, but for those to a case that has become its councillor's only.
///
/// # Errors
/// What the database says.
pub async fn suggest_again(tx: &mut Tx, join: &Link) -> Result<()> {
    tx.exec(
        "UPDATE links SET ended_at = NULL, ended_by = NULL
         WHERE kind = 'maybe' AND (child = $1 OR parent = $1)
           AND EXISTS (SELECT 1 FROM links j WHERE j.id = $2 AND j.created_at = links.ended_at AND j.created_by = links.ended_by)
           AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.id IN (links.child, links.parent) AND c.consent = 'private')",
        args![&join.child, &join.id],
    )
    .await?;
    Ok(())
}

/// One link.
///
/// # Errors
/// What the database says.
pub async fn get(tx: &mut Tx, id: &LinkId) -> Result<Option<Link>> {
    tx.opt(
        "SELECT id, child, parent, kind, score, why, created_at, created_by, child_state, ended_at FROM links WHERE id = $1",
        args![id],
    )
    .await
}

/// The links a case stands in, on either side, that stand.
///
/// # Errors
/// What the database says.
pub async fn standing(tx: &mut Tx, case: &CaseId) -> Result<Vec<Link>> {
    tx.all(
        "SELECT id, child, parent, kind, score, why, created_at, created_by, child_state, ended_at FROM links
         WHERE (child = $1 OR parent = $1) AND ended_at IS NULL ORDER BY created_at, id",
        args![case],
    )
    .await
}

/// The case that `child` is joined to, if it is.
///
/// # Errors
/// What the database says.
pub async fn parent_of(tx: &mut Tx, child: &CaseId) -> Result<Option<CaseId>> {
    let row: Option<(CaseId,)> = tx
        .opt("SELECT parent FROM links WHERE child = $1 AND kind = 'join' AND ended_at IS NULL", args![child])
        .await?;
    Ok(row.map(|r| r.0))
}

/// The cases joined to `parent`, first joined first.
///
/// # Errors
/// What the database says.
pub async fn children_of(tx: &mut Tx, parent: &CaseId) -> Result<Vec<CaseId>> {
    let rows: Vec<(CaseId,)> = tx
        .all(
            "SELECT child FROM links WHERE parent = $1 AND kind = 'join' AND ended_at IS NULL ORDER BY created_at, id",
            args![parent],
        )
        .await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

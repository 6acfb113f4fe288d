//! Joining two cases and taking them apart again. A join is a link: nothing is moved, so nothing can be lost.

use crate::core::{CaseId, CaseState, Ids, LinkId};
use crate::store::{self, Tx, link::NewLink};
use chrono::{DateTime, Utc};

/// Why two cases were not joined or taken apart.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// There is no such case or link.
    #[error("there is no such case")]
    Unknown,
    /// A case cannot be part of itself, directly or through others.
    #[error("these two are the same case already")]
    Same,
    /// It is joined to another one; undo that first.
    #[error("this case is joined to another one already: undo that first")]
    Already,
    /// It is not joined any more.
    #[error("this join was undone already")]
    Undone,
    /// The database.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// The case at the top: `case` itself, or the one it is joined to, or the one that is joined to.
///
/// # Errors
/// What the database says.
pub async fn root(tx: &mut Tx, case: &CaseId) -> store::Result<CaseId> {
    let mut at = case.clone();
    while let Some(parent) = store::link::parent_of(tx, &at).await? {
        at = parent;
    }
    Ok(at)
}

/// Everyone who stands under `case`: those joined to it, those joined to them.
///
/// # Errors
/// What the database says.
pub async fn all_children(tx: &mut Tx, case: &CaseId) -> store::Result<Vec<CaseId>> {
    let mut found = Vec::new();
    let mut next = store::link::children_of(tx, case).await?;
    while let Some(child) = next.pop() {
        next.extend(store::link::children_of(tx, &child).await?);
        found.push(child);
    }
    Ok(found)
}

/// What is said of a join.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'a> {
    /// 0 to 1.
    pub score: f64,
    /// Why, for people.
    pub why: &'a str,
    /// By whom.
    pub actor: &'a str,
}

/// Joins `child` to the case at the top of `parent`. A standing suggestion between the two is ended by it.
///
/// # Errors
/// When one is unknown, they are one already, or the child is joined elsewhere.
pub async fn join(
    tx: &mut Tx,
    ids: &Ids,
    child: &CaseId,
    parent: &CaseId,
    grounds: Grounds<'_>,
    now: DateTime<Utc>,
) -> Result<LinkId, JoinError> {
    let parent = root(tx, parent).await?;
    if parent == *child {
        return Err(JoinError::Same);
    }
    let mut case = store::case::get(tx, child).await?.ok_or(JoinError::Unknown)?;
    store::case::get(tx, &parent).await?.ok_or(JoinError::Unknown)?;
    let standing = store::link::standing(tx, child).await?;
    if standing.iter().any(|l| l.is_join() && l.child == *child) {
        return Err(JoinError::Already);
    }
    for maybe in standing.iter().filter(|l| !l.is_join() && l.child == *child) {
        store::link::end(tx, &maybe.id, grounds.actor, now).await?;
    }
    let Grounds { score, why, actor } = grounds;
    let new = NewLink { child, parent: &parent, join: true, score, why, child_state: Some(case.state), actor };
    let link = store::link::insert(tx, ids, new, now).await?;
    case.state = CaseState::Joined;
    store::case::update(tx, &case, now).await?;
    Ok(link)
}

/// Takes a joined case out again: it stands where it stood before.
///
/// # Errors
/// When there is no such join, or it was undone before.
pub async fn undo(tx: &mut Tx, link: &LinkId, actor: &str, now: DateTime<Utc>) -> Result<CaseId, JoinError> {
    let link = store::link::get(tx, link).await?.filter(store::link::Link::is_join).ok_or(JoinError::Unknown)?;
    if !store::link::end(tx, &link.id, actor, now).await? {
        return Err(JoinError::Undone);
    }
    let mut case = store::case::get(tx, &link.child).await?.ok_or(JoinError::Unknown)?;
    case.state = link.child_state.and_then(|s| s.parse().ok()).unwrap_or(CaseState::Review);
    store::case::update(tx, &case, now).await?;
    Ok(link.child)
}

//! Joining two cases and taking them apart again. A join is a link: nothing is moved, so nothing can be lost.

use crate::core::{CaseId, CaseState, Ids, LinkId};
use crate::store::link::{LinkKind, NewLink};
use crate::store::{self, Tx};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

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
    let mut seen = vec![case.clone()];
    while let Some(parent) = store::link::parent_of(tx, &seen[seen.len() - 1]).await? {
        // A ring cannot be made; should one be there all the same, nobody may be caught in it.
        if seen.contains(&parent) {
            break;
        }
        seen.push(parent);
    }
    Ok(seen.pop().unwrap_or_else(|| case.clone()))
}

/// Everyone who stands under `case`: those joined to it, those joined to them.
///
/// # Errors
/// What the database says.
pub async fn all_children(tx: &mut Tx, case: &CaseId) -> store::Result<Vec<CaseId>> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut next = store::link::children_of(tx, case).await?;
    while let Some(child) = next.pop() {
        if !seen.insert(child.clone()) {
            continue;
        }
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

/// Joins `child` to the case at the top of `parent`. It ends what was suggested of the child, and what was suggested between the two.
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
    // Both are held, in one order for everybody, before their links are looked at: two opposite joins at one time would
    // else make a ring.
    let top = root(tx, parent).await?;
    let mut both = [child, &top];
    both.sort();
    for id in both {
        store::case::get_to_change(tx, id).await?.ok_or(JoinError::Unknown)?;
    }
    let parent = root(tx, parent).await?;
    if parent == *child {
        return Err(JoinError::Same);
    }
    let mut case = store::case::get(tx, child).await?.ok_or(JoinError::Unknown)?;
    let standing = store::link::standing(tx, child).await?;
    if standing.iter().any(|l| l.is_join() && l.child == *child) {
        return Err(JoinError::Already);
    }
    let is_answered = |l: &&store::link::Link| l.kind == LinkKind::Maybe && (l.child == *child || l.child == parent);
    for maybe in standing.iter().filter(is_answered) {
        store::link::end(tx, &maybe.id, grounds.actor, now).await?;
    }
    let Grounds { score, why, actor } = grounds;
    let kind = LinkKind::Join;
    let new = NewLink { child, parent: &parent, kind, score, why, child_state: Some(case.state), actor };
    let link = store::link::insert(tx, ids, new, now).await?;
    case.state = CaseState::Joined;
    store::case::update(tx, &case, now).await?;
    Ok(link)
}

/// Takes a joined case out again: it stands where it stood before, and what the join ended is suggested again. Gives the link that
/// was ended.
///
/// # Errors
/// When there is no such join, or it was undone before.
pub async fn undo(tx: &mut Tx, link: &LinkId, actor: &str, now: DateTime<Utc>) -> Result<store::link::Link, JoinError> {
    let link = store::link::get(tx, link).await?.filter(store::link::Link::is_join).ok_or(JoinError::Unknown)?;
    if !store::link::end(tx, &link.id, actor, now).await? {
        return Err(JoinError::Undone);
    }
    let mut case = store::case::get_to_change(tx, &link.child).await?.ok_or(JoinError::Unknown)?;
    if case.state == CaseState::Joined {
        case.state = link.child_state.as_deref().and_then(|s| s.parse().ok()).unwrap_or(CaseState::Review);
        store::case::update(tx, &case, now).await?;
    }
    store::link::suggest_again(tx, &link).await?;
    Ok(link)
}

//! What was learned of which reports are about one problem, and which matcher is in force.

use super::lesson::SHIPPED;
use super::{Result, Tx, args, setting};
use crate::core::{Ids, LessonId};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Key of the setting with the version of the matcher in force.
const IN_FORCE: &str = "matcher.in_force";

/// A lesson: a matcher was trained and compared with the one in force, or the one before was put to work again.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct MatcherLesson {
    /// The lesson.
    pub id: LessonId,
    /// `learned` or `back`.
    pub kind: String,
    /// Who: `beadle` by night, or a person.
    pub actor: String,
    /// Version of the matcher that was in force.
    pub matcher_before: String,
    /// Version of the matcher that was trained, or put back.
    pub matcher_after: String,
    /// Pairs learned from that are one problem.
    pub same: i64,
    /// Pairs learned from that are two.
    pub different: i64,
    /// Pairs held back to compare with.
    pub held_back: i64,
    /// Average precision of the matcher before on these.
    pub ap_before: f64,
    /// And of the new one.
    pub ap_after: f64,
    /// Of those that the matcher before would join without a person, the share that is one problem; none where it would join none.
    pub precision_before: Option<f64>,
    /// And the new one.
    pub precision_after: Option<f64>,
    /// Of those that are one problem, the share that the matcher before would join so.
    pub recall_before: f64,
    /// And the new one.
    pub recall_after: f64,
    /// Whether it was put to work.
    pub promoted: bool,
    /// Why, or why not.
    pub why: String,
    /// When the newest decision was taken that took part.
    pub decided_until: Option<DateTime<Utc>>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl MatcherLesson {
    /// A lesson that nothing is known of but its matchers.
    #[must_use]
    pub fn new(ids: &Ids, kind: &str, actor: &str, (before, after): (&str, &str), now: DateTime<Utc>) -> Self {
        Self {
            id: ids.next(),
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            matcher_before: before.to_owned(),
            matcher_after: after.to_owned(),
            same: 0,
            different: 0,
            held_back: 0,
            ap_before: 0.0,
            ap_after: 0.0,
            precision_before: None,
            precision_after: None,
            recall_before: 0.0,
            recall_after: 0.0,
            promoted: false,
            why: String::new(),
            decided_until: None,
            created_at: now,
        }
    }
}

/// Writes a lesson.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, lesson: &MatcherLesson) -> Result<()> {
    tx.exec(
        "INSERT INTO matcher_lessons (id, kind, actor, matcher_before, matcher_after, same, different, held_back, ap_before,
             ap_after, precision_before, precision_after, recall_before, recall_after, promoted, why, decided_until, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        args![
            &lesson.id,
            &lesson.kind,
            &lesson.actor,
            &lesson.matcher_before,
            &lesson.matcher_after,
            lesson.same,
            lesson.different,
            lesson.held_back,
            lesson.ap_before,
            lesson.ap_after,
            lesson.precision_before,
            lesson.precision_after,
            lesson.recall_before,
            lesson.recall_after,
            lesson.promoted,
            &lesson.why,
            lesson.decided_until,
            lesson.created_at,
        ],
    )
    .await?;
    Ok(())
}

macro_rules! lessons {
    ($more:literal) => {
        concat!(
            "SELECT id, kind, actor, matcher_before, matcher_after, same, different, held_back, ap_before, ap_after, precision_before,
                    precision_after, recall_before, recall_after, promoted, why, decided_until, created_at FROM matcher_lessons ",
            $more
        )
    };
}

/// The newest `most` lessons, newest first.
///
/// # Errors
/// What the database says.
pub async fn newest(tx: &mut Tx, most: i64) -> Result<Vec<MatcherLesson>> {
    tx.all(lessons!("ORDER BY created_at DESC, id DESC LIMIT $1"), args![most]).await
}

/// The last lesson in which a matcher was trained.
///
/// # Errors
/// What the database says.
pub async fn last(tx: &mut Tx) -> Result<Option<MatcherLesson>> {
    tx.opt(lessons!("WHERE kind = 'learned' ORDER BY created_at DESC, id DESC LIMIT 1"), args![]).await
}

/// The lesson that last put a matcher of this version to work after training it.
///
/// # Errors
/// What the database says.
pub async fn that_promoted(tx: &mut Tx, version: &str) -> Result<Option<MatcherLesson>> {
    tx.opt(
        lessons!(
            "WHERE kind = 'learned' AND promoted AND matcher_after = $1 ORDER BY created_at DESC, id DESC LIMIT 1"
        ),
        args![version],
    )
    .await
}

/// The version of the matcher in force, or [`SHIPPED`].
///
/// # Errors
/// What the database says.
pub async fn in_force(tx: &mut Tx) -> Result<String> {
    Ok(setting::get(tx, IN_FORCE).await?.unwrap_or_else(|| SHIPPED.to_owned()))
}

/// The same, to be changed: see [`setting::get_to_change`].
///
/// # Errors
/// What the database says.
pub async fn in_force_to_change(tx: &mut Tx) -> Result<String> {
    Ok(setting::get_to_change(tx, IN_FORCE).await?.unwrap_or_else(|| SHIPPED.to_owned()))
}

/// Says which matcher is in force, for every process that shares the database.
///
/// # Errors
/// What the database says.
pub async fn put_in_force(tx: &mut Tx, version: &str) -> Result<()> {
    setting::set(tx, IN_FORCE, version).await
}

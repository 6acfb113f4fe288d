//! What was learned from the council's own decisions, and which model is in force.

use super::{Result, Tx, args, setting};
use crate::core::{Ids, LessonId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use std::collections::BTreeMap;

/// The word for the model that ships with the program, where no learned one is in force.
pub const SHIPPED: &str = "shipped";
/// Key of the setting with the version of the model in force.
const IN_FORCE: &str = "model.in_force";

/// What a lesson meant for one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfService {
    /// Corrections learned from.
    pub corrections: usize,
    /// Decisions held back.
    pub held_back: usize,
    /// Of these the model before got so many right.
    pub right_before: usize,
    /// And the new one so many.
    pub right_after: usize,
}

/// A lesson: a model was trained and compared with the one in force, or the one before was put to work again.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct Lesson {
    /// The lesson.
    pub id: LessonId,
    /// `learned` or `back`.
    pub kind: String,
    /// Who: `beadle` by night, or a person.
    pub actor: String,
    /// Version of the model that was in force.
    pub model_before: String,
    /// Version of the model that was trained, or put back.
    pub model_after: String,
    /// Corrections learned from.
    pub corrections: i64,
    /// Decisions held back to compare with.
    pub held_back: i64,
    /// Of these the model before got so many right.
    pub right_before: i64,
    /// And the new one so many.
    pub right_after: i64,
    /// Mean logarithm of the probability that the model before gave to what was decided.
    pub log_before: f64,
    /// And the new one.
    pub log_after: f64,
    /// Whether it was put to work.
    pub promoted: bool,
    /// Why, or why not.
    pub why: String,
    /// Each service by its key.
    pub services: Json<BTreeMap<String, OfService>>,
    /// When the newest decision was taken that took part.
    pub decided_until: Option<DateTime<Utc>>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl Lesson {
    /// A lesson that nothing is known of but its models.
    #[must_use]
    pub fn new(ids: &Ids, kind: &str, actor: &str, (before, after): (&str, &str), now: DateTime<Utc>) -> Self {
        Self {
            id: ids.next(),
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            model_before: before.to_owned(),
            model_after: after.to_owned(),
            corrections: 0,
            held_back: 0,
            right_before: 0,
            right_after: 0,
            log_before: 0.0,
            log_after: 0.0,
            promoted: false,
            why: String::new(),
            services: Json(BTreeMap::new()),
            decided_until: None,
            created_at: now,
        }
    }
}

/// Writes a lesson.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut Tx, lesson: &Lesson) -> Result<()> {
    tx.exec(
        "INSERT INTO lessons (id, kind, actor, model_before, model_after, corrections, held_back, right_before, right_after,
             log_before, log_after, promoted, why, services, decided_until, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        args![
            &lesson.id,
            &lesson.kind,
            &lesson.actor,
            &lesson.model_before,
            &lesson.model_after,
            lesson.corrections,
            lesson.held_back,
            lesson.right_before,
            lesson.right_after,
            lesson.log_before,
            lesson.log_after,
            lesson.promoted,
            &lesson.why,
            serde_json::to_value(&lesson.services.0).unwrap_or_default(),
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
            "SELECT id, kind, actor, model_before, model_after, corrections, held_back, right_before, right_after, log_before,
                    log_after, promoted, why, services, decided_until, created_at FROM lessons ",
            $more
        )
    };
}

/// The newest `most` lessons, newest first.
///
/// # Errors
/// What the database says.
pub async fn newest(tx: &mut Tx, most: i64) -> Result<Vec<Lesson>> {
    tx.all(lessons!("ORDER BY created_at DESC, id DESC LIMIT $1"), args![most]).await
}

/// The last lesson in which a model was trained.
///
/// # Errors
/// What the database says.
pub async fn last(tx: &mut Tx) -> Result<Option<Lesson>> {
    tx.opt(lessons!("WHERE kind = 'learned' ORDER BY created_at DESC, id DESC LIMIT 1"), args![]).await
}

/// The lesson that last put a model of this version to work after training it.
///
/// # Errors
/// What the database says.
pub async fn that_promoted(tx: &mut Tx, version: &str) -> Result<Option<Lesson>> {
    tx.opt(
        lessons!("WHERE kind = 'learned' AND promoted AND model_after = $1 ORDER BY created_at DESC, id DESC LIMIT 1"),
        args![version],
    )
    .await
}

/// The lesson a decision of this time was first learned from: the first whose model was put to work, else the last one.
///
/// # Errors
/// What the database says.
pub async fn that_used(tx: &mut Tx, decided_at: DateTime<Utc>) -> Result<Option<Lesson>> {
    let promoted: Option<Lesson> = tx
        .opt(
            lessons!("WHERE kind = 'learned' AND promoted AND decided_until >= $1 ORDER BY created_at, id LIMIT 1"),
            args![decided_at],
        )
        .await?;
    if promoted.is_some() {
        return Ok(promoted);
    }
    tx.opt(
        lessons!("WHERE kind = 'learned' AND decided_until >= $1 ORDER BY created_at DESC, id DESC LIMIT 1"),
        args![decided_at],
    )
    .await
}

/// The version of the model in force, or [`SHIPPED`].
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

/// Says which model is in force, for every process that shares the database.
///
/// # Errors
/// What the database says.
pub async fn put_in_force(tx: &mut Tx, version: &str) -> Result<()> {
    setting::set(tx, IN_FORCE, version).await
}

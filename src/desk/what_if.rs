//! What other rules would have made of the messages of late: each is judged anew twice, by the rules in force and by the others, from what was
//! stored with its decision. Nothing is decided by it, and nothing is kept.

use crate::core::verdict::{Part, is_safeguarding};
use crate::core::{Disposition, Priority, Reference, Verdict};
use crate::routing::{self, RoutingPolicy};
use crate::store::rule_version::{self, Judged};
use crate::store::{self, Db};
use crate::understanding::rules::Rules;
use crate::understanding::{Past, Question, Understanding};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;
use tokio::task::JoinError;

/// So many days back.
pub const DAYS: i64 = 31;
/// At most so many messages.
pub const MOST: i64 = 500;

/// What rules make of a message.
#[derive(Clone, Debug)]
pub struct Course {
    /// Key of the service.
    pub service: String,
    /// Its plain name.
    pub service_name: String,
    /// How pressing.
    pub priority: Priority,
    /// Key of the department.
    pub department: String,
    /// Its plain name.
    pub department_name: String,
    /// What is done with it.
    pub disposition: Disposition,
}

impl Course {
    /// Whether the same is done; what it is called may differ.
    fn is(&self, other: &Self) -> bool {
        let of =
            |course: &Self| (course.service.clone(), course.priority, course.department.clone(), course.disposition);
        of(self) == of(other)
    }
}

/// A message that the others make something else of.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Its case.
    pub reference: Reference,
    /// When it came in.
    pub received_at: DateTime<Utc>,
    /// By the rules in force.
    pub before: Course,
    /// By the others.
    pub after: Course,
}

/// What the others would have changed. What is for the councillor only is not looked at; a message that either hold for somebody's safety is
/// counted and not named.
#[derive(Clone, Debug, Default)]
pub struct WhatIf {
    /// Messages that were judged.
    pub looked_at: usize,
    /// Whether there were more than are looked at.
    pub more: bool,
    /// Those that would have come out otherwise, newest first.
    pub differences: Vec<Difference>,
    /// Held for somebody's safety by the others and not by those in force.
    pub newly_safeguarding: usize,
    /// The other way round.
    pub no_longer_safeguarding: usize,
    /// Those that would have come out otherwise and are not named, since they are held for somebody's safety before and after, or their case is.
    pub differs_unlisted: usize,
}

impl WhatIf {
    /// All that would have come out otherwise, named or not.
    #[must_use]
    pub fn differ(&self) -> usize {
        self.differences.len() + self.newly_safeguarding + self.no_longer_safeguarding + self.differs_unlisted
    }
}

/// Why nothing can be said of what others would have changed.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// What the database says.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A fault of the program in judging.
    #[error("messages could not be judged anew")]
    Judging,
}

/// One message out of the database.
struct Message {
    reference: Reference,
    received_at: DateTime<Utc>,
    safeguarding: bool,
    past: Past,
}

/// Judges the newest messages by the rules in force and by `other`.
///
/// # Errors
/// What the database says, and where a message cannot be judged.
pub async fn what_if(
    db: &Db,
    understanding: &Understanding,
    other: Arc<Rules>,
    policy: &RoutingPolicy,
    now: DateTime<Utc>,
) -> Result<WhatIf, WhatIfError> {
    let mut tx = db.read().await?;
    // One more than is looked at says whether there are more.
    let mut rows = rule_version::judged_since(&mut tx, now - TimeDelta::days(DAYS), MOST + 1).await?;
    drop(tx);
    let more = rows.len() > MOST as usize;
    rows.truncate(MOST as usize);
    let encoder = understanding.encoder().map(|encoder| encoder.version().to_owned());
    let mut messages: Vec<Message> = rows.into_iter().filter_map(|row| message(row, encoder.as_deref())).collect();
    encode(understanding, &mut messages).await;
    let past: Arc<Vec<Past>> = Arc::new(messages.iter().map(|message| message.past.clone()).collect());
    let in_force = understanding.rules();
    let (before, after) = tokio::join!(
        judge(understanding.with_rules(Arc::clone(&in_force)), Arc::clone(&past)),
        judge(understanding.with_rules(Arc::clone(&other)), past),
    );
    // Where either is missing nothing is known, which is another thing than that nothing would change.
    let (before, after) = (before?, after?);
    let mut found = WhatIf { looked_at: messages.len(), more, ..WhatIf::default() };
    for ((message, before), after) in messages.into_iter().zip(before).zip(after) {
        let (before, was_safeguarding) = course(&before, &in_force, policy);
        let (after, is_safeguarding) = course(&after, &other, policy);
        match (was_safeguarding, is_safeguarding) {
            (false, true) => found.newly_safeguarding += 1,
            (true, false) => found.no_longer_safeguarding += 1,
            _ if before.is(&after) => {}
            (true, true) => found.differs_unlisted += 1,
            (false, false) if message.safeguarding => found.differs_unlisted += 1,
            (false, false) => found.differences.push(Difference {
                reference: message.reference,
                received_at: message.received_at,
                before,
                after,
            }),
        }
    }
    Ok(found)
}

/// A message with what was stored with its decision; none where that was too little.
fn message(row: Judged, encoder: Option<&str>) -> Option<Message> {
    let stored = &row.evidence.0;
    let question: Question = serde_json::from_value(stored.get("question")?.clone()).ok()?;
    let verdict: Verdict = serde_json::from_value(stored.get("verdict")?.clone()).ok()?;
    let of_this_encoder = encoder.is_some() && row.encoder.as_deref() == encoder;
    let embedding = row.embedding.filter(|_| of_this_encoder).map(|bytes| store::message::from_bytes(&bytes));
    let parts: Vec<Part> = verdict.parts;
    Some(Message {
        reference: row.reference,
        received_at: row.received_at,
        safeguarding: is_safeguarding(row.hold_reason.as_deref()),
        past: Past { question, embedding, concern: verdict.concern, parts },
    })
}

/// Encodes those whose embedding is another encoder's, or was not kept; where that fails, rules alone judge them.
async fn encode(understanding: &Understanding, messages: &mut [Message]) {
    let Some(encoder) = understanding.encoder() else { return };
    let missing: Vec<&mut Message> = messages.iter_mut().filter(|message| message.past.embedding.is_none()).collect();
    let texts: Vec<String> = missing.iter().map(|message| message.past.question.text()).collect();
    if texts.is_empty() {
        return;
    }
    match encoder.encode(texts).await {
        Ok(vectors) => {
            for (message, vector) in missing.into_iter().zip(vectors) {
                message.past.embedding = Some(vector);
            }
        }
        Err(error) => tracing::warn!(%error, "some messages are judged anew by rules alone"),
    }
}

/// Judges them off the threads that serve pages.
async fn judge(understanding: Understanding, past: Arc<Vec<Past>>) -> Result<Vec<Verdict>, WhatIfError> {
    understanding.prepare().await;
    let messages = past.len();
    all_of(messages, tokio::task::spawn_blocking(move || understanding.judge_anew(&past)).await)
}

/// The verdicts on so many messages, if there is one on each.
fn all_of(messages: usize, judged: Result<Vec<Verdict>, JoinError>) -> Result<Vec<Verdict>, WhatIfError> {
    match judged {
        Ok(verdicts) if verdicts.len() == messages => Ok(verdicts),
        Ok(verdicts) => {
            tracing::error!(messages, verdicts = verdicts.len(), "not every message was judged anew");
            Err(WhatIfError::Judging)
        }
        // What it panicked with may hold a message's words.
        Err(error) => {
            tracing::error!(panicked = error.is_panic(), "messages could not be judged anew");
            Err(WhatIfError::Judging)
        }
    }
}

/// What becomes of a message, and whether that is a hold for somebody's safety.
fn course(verdict: &Verdict, rules: &Rules, policy: &RoutingPolicy) -> (Course, bool) {
    let taxonomy = &rules.taxonomy;
    let department = routing::department_for(taxonomy, &verdict.service, verdict.ward());
    let (disposition, hold_reason) = routing::dispose(verdict, taxonomy, department, policy);
    let course = Course {
        service: verdict.service.clone(),
        service_name: taxonomy.service_name(&verdict.service).to_owned(),
        priority: verdict.priority,
        department: department.to_owned(),
        department_name: taxonomy.department_name(department).to_owned(),
        disposition,
    };
    (course, is_safeguarding(hold_reason.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_judging_fails_nothing_is_said_to_be_as_before() {
        let failed = tokio::task::spawn_blocking(|| -> Vec<Verdict> { panic!("a fault in judging") }).await;
        assert!(matches!(all_of(1, failed), Err(WhatIfError::Judging)));
        assert!(matches!(all_of(1, Ok(Vec::new())), Err(WhatIfError::Judging)), "one message, and no verdict on it");
        assert!(all_of(0, Ok(Vec::new())).is_ok());
    }
}

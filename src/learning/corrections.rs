//! The council's own decisions as labelled messages, each with where it comes from.

use super::dataset::Example;
use crate::core::{CaseId, DecisionId, Reference, Taxonomy};
use crate::pipeline;
use crate::store::{self, Tx};
use crate::understanding::Question;
use chrono::{DateTime, Utc};

/// Most corrections that are learned from: the newest.
pub const MOST: i64 = 50_000;
/// A place less sure than this is none, as when a message is judged.
const SURE: f64 = 0.6;

/// A labelled message and the decision it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// The message and the service a person decided it to be for.
    pub example: Example,
    /// The decision.
    pub decision: DecisionId,
    /// Who took it.
    pub actor: String,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// The case.
    pub case: CaseId,
    /// Its reference.
    pub reference: Reference,
}

/// Everything that the council's decisions teach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Corrections {
    /// To be learned from, newest first.
    pub learned: Vec<Correction>,
    /// Held back to compare models with, newest first; the same messages every time.
    pub held_back: Vec<Correction>,
}

impl Corrections {
    /// Every one.
    pub fn all(&self) -> impl Iterator<Item = &Correction> {
        self.learned.iter().chain(&self.held_back)
    }

    /// How many were decided after `since`.
    #[must_use]
    pub fn since(&self, since: Option<DateTime<Utc>>) -> usize {
        self.all().filter(|c| since.is_none_or(|since| c.decided_at > since)).count()
    }

    /// When the newest was decided.
    #[must_use]
    pub fn until(&self) -> Option<DateTime<Utc>> {
        self.all().map(|c| c.decided_at).max()
    }
}

/// Reads the newest [`MOST`] corrections, those left out whose service there is no more.
///
/// # Errors
/// What the database says.
pub async fn read(tx: &mut Tx, taxonomy: &Taxonomy) -> store::Result<Corrections> {
    let mut corrections = Corrections::default();
    for row in store::correction::newest(tx, pipeline::ACTOR, MOST).await? {
        if !taxonomy.services.contains_key(&row.service) {
            continue;
        }
        let held_back = row.is_held_back();
        let place = row.place.filter(|place| place.confidence >= SURE);
        let question = Question { subject: row.subject, body: row.body, ..Question::default() };
        let correction = Correction {
            example: Example {
                id: row.message.to_string(),
                text: question.text(),
                label: row.service,
                spot: place.and_then(|place| place.point),
            },
            decision: row.decision,
            actor: row.actor,
            decided_at: row.decided_at,
            case: row.case_id,
            reference: row.reference,
        };
        if held_back { corrections.held_back.push(correction) } else { corrections.learned.push(correction) }
    }
    Ok(corrections)
}

//! What corrections would do: a stream of messages with their true labels is replayed, and the model trained again after
//! so many of them, as a gatekeeper's decisions would have it.

use super::evaluate::{Figures, figures};
use super::on_all_cores;
use super::train::Prepared;
use crate::understanding::classifier::Classifier;
use serde::Serialize;

/// Corrections after which the model is trained and looked at.
pub const STEPS: [usize; 7] = [0, 50, 100, 200, 500, 1_000, 5_000];
/// One message in so many of the stream is held back to look at, and never learned from.
const HELD_BACK: usize = 5;
/// Most messages looked at in a step.
const MOST_LOOKED_AT: usize = 4_000;

/// How good the model was after some corrections.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Corrections learned from.
    pub corrections: usize,
    /// Messages looked at.
    pub n: usize,
    /// Share right.
    pub accuracy: f64,
    /// Mean of the services' F1.
    pub macro_f1: f64,
    /// Share that can be decided automatically with at least 95 % right.
    pub auto_coverage: f64,
    /// Mean gap between confidence and share right.
    pub ece: f64,
}

/// How often a message of the shipped data and a correction each count, when there are so many corrections.
///
/// A council's own decisions count three times as much as messages that were written for everybody.
#[must_use]
pub fn weighed(shipped: &[usize], corrections: &[usize]) -> Vec<usize> {
    let mut rows = shipped.to_vec();
    for _ in 0..CORRECTION_COUNTS {
        rows.extend_from_slice(corrections);
    }
    rows
}

/// How often a correction counts beside a shipped message.
const CORRECTION_COUNTS: usize = 3;

/// Replays the messages from row `shipped` on of `prepared`, those before being the shipped data.
///
/// # Errors
/// When a fit fails.
pub fn replay(prepared: &Prepared, shipped: usize, progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Vec<Step>> {
    let base: Vec<usize> = (0..shipped).collect();
    let held_back = |row: &usize| (row - shipped) % HELD_BACK == HELD_BACK - 1;
    let (test, stream): (Vec<usize>, Vec<usize>) = (shipped..prepared.len()).partition(held_back);
    // Spread over the whole stream, not its first days.
    let test: Vec<usize> = test.iter().copied().step_by(test.len().div_ceil(MOST_LOOKED_AT).max(1)).collect();
    let mut steps = Vec::new();
    for corrections in STEPS.into_iter().filter(|n| *n <= stream.len()) {
        progress(&format!("after {corrections} corrections"));
        let rows = weighed(&base, &stream[..corrections]);
        let trained = prepared.fit(&rows, &|_| ())?;
        let figures = look(prepared, &trained.classifier, &test);
        steps.push(Step {
            corrections,
            n: figures.n,
            accuracy: figures.accuracy,
            macro_f1: figures.macro_f1,
            auto_coverage: figures.coverage_at_95,
            ece: figures.ece,
        });
    }
    Ok(steps)
}

/// Figures of a model on some of the messages.
#[must_use]
pub fn look(prepared: &Prepared, model: &Classifier, rows: &[usize]) -> Figures {
    let answers = on_all_cores(rows, |_, &row| {
        let p = prepared.probabilities(model, row);
        let mut said: Vec<(String, f64)> = model.card().labels.iter().cloned().zip(p).collect();
        said.sort_by(|a, b| b.1.total_cmp(&a.1));
        said
    });
    figures(&rows.iter().map(|&row| prepared.label(row)).zip(answers).collect::<Vec<_>>())
}

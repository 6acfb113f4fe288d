//! Two models before the council's own held-back decisions: which one is better?

use super::corrections::Correction;
use super::on_all_cores;
use crate::core::Verdict;
use crate::store::lesson::OfService;
use crate::understanding::Understanding;
use std::collections::BTreeMap;

/// No decision counts as less likely than this: one strange case is not to decide between models.
const LEAST: f64 = 1e-6;

/// How a model did on held-back decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// For each decision, whether the model says the same.
    pub right: Vec<bool>,
    /// Mean logarithm of the probability it gives to what was decided.
    pub log: f64,
}

impl Looked {
    /// How many it got right.
    #[must_use]
    pub fn count(&self) -> usize {
        self.right.iter().filter(|right| **right).count()
    }
}

/// Has `understanding` judge the messages of held-back decisions, whose `embeddings` stand in the same order, as it would
/// judge them coming in.
#[must_use]
pub fn look(understanding: &Understanding, held_back: &[Correction], embeddings: &[Vec<f32>]) -> Looked {
    let services = understanding.rules().taxonomy.services.len();
    let judged = on_all_cores(held_back, |n, correction| {
        let question = [correction.example.question()];
        let verdicts = understanding.judge_encoded(&question, vec![embeddings.get(n).cloned()]);
        verdicts.first().map_or((false, LEAST), |verdict| {
            let truth = &correction.example.label;
            (verdict.service == *truth, probability(verdict, truth, services))
        })
    });
    let log = judged.iter().map(|(_, p)| p.max(LEAST).ln()).sum::<f64>() / judged.len().max(1) as f64;
    Looked { right: judged.into_iter().map(|(right, _)| right).collect(), log }
}

/// The probability of a service; those that a verdict does not name share what is left.
fn probability(verdict: &Verdict, service: &str, services: usize) -> f64 {
    if let Some(candidate) = verdict.candidates.iter().find(|c| c.service == service) {
        return candidate.probability;
    }
    let named: f64 = verdict.candidates.iter().map(|c| c.probability).sum();
    (1.0 - named).max(0.0) / services.saturating_sub(verdict.candidates.len()).max(1) as f64
}

/// Whether the new model is strictly better, and why, in words that end a sentence begun with "because".
#[must_use]
pub fn is_better(before: &Looked, after: &Looked) -> (bool, &'static str) {
    match after.count().cmp(&before.count()) {
        _ if before.right.is_empty() => (false, "there was no decision held back to compare with"),
        std::cmp::Ordering::Greater => (true, "it gets more of the held-back decisions right"),
        std::cmp::Ordering::Less => (false, "it gets fewer of the held-back decisions right"),
        std::cmp::Ordering::Equal if after.log > before.log => {
            (true, "it gets as many right, and is surer of what is right")
        }
        std::cmp::Ordering::Equal => (false, "it was no better"),
    }
}

/// What it meant for each service, those left out of which nothing was decided.
#[must_use]
pub fn services(
    learned: &[Correction],
    held_back: &[Correction],
    before: &Looked,
    after: &Looked,
) -> BTreeMap<String, OfService> {
    let mut of: BTreeMap<String, OfService> = BTreeMap::new();
    for correction in learned {
        of.entry(correction.example.label.clone()).or_default().corrections += 1;
    }
    for (correction, (before, after)) in held_back.iter().zip(before.right.iter().zip(&after.right)) {
        let service = of.entry(correction.example.label.clone()).or_default();
        service.held_back += 1;
        service.right_before += usize::from(*before);
        service.right_after += usize::from(*after);
    }
    of
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(right: &[bool], log: f64) -> Looked {
        Looked { right: right.to_vec(), log }
    }

    #[test]
    fn a_model_is_better_by_what_it_gets_right_then_by_how_sure_it_is_of_it_and_never_for_nothing() {
        let before = looked(&[true, false, false], -1.0);
        assert!(is_better(&before, &looked(&[true, true, false], -9.0)).0);
        assert!(!is_better(&before, &looked(&[false, false, false], -0.1)).0);
        assert!(is_better(&before, &looked(&[false, true, false], -0.9)).0);
        assert!(!is_better(&before, &before).0, "the same is no better");
        assert!(!is_better(&looked(&[], -1.0), &looked(&[], -0.5)).0);
    }
}

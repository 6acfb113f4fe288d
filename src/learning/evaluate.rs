//! How good a model is, on labelled messages it was not trained on.

use super::dataset::Example;
use super::train::check_labels;
use super::{embeddings, on_all_cores};
use crate::core::Verdict;
use crate::understanding::classifier::Target;
use crate::understanding::{Question, Understanding};
use anyhow::Context as _;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Figures of one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OfLabel {
    /// Of those said to be it, the share that is.
    pub precision: f64,
    /// Of those that are it, the share said to be.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// How many are it.
    pub support: usize,
}

/// Figures of a whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Messages.
    pub n: usize,
    /// Share right.
    pub accuracy: f64,
    /// Mean of the services' F1, each counted once.
    pub macro_f1: f64,
    /// Share with the right one among the first three.
    pub top3: f64,
    /// Mean gap between confidence and share right, 15 bins.
    pub ece: f64,
    /// Largest share that can be decided automatically with at least 95 % right.
    pub coverage_at_95: f64,
    /// Each service.
    pub per_label: BTreeMap<String, OfLabel>,
}

/// Judges every example and compares. Embeddings are taken from the folder `cache` where they are kept there.
///
/// # Errors
/// When labels are no services, unless `ignore_unknown`; names them. When there is no encoder.
pub async fn evaluate(
    examples: &[Example],
    target: Target,
    understanding: &Understanding,
    cache: Option<&Path>,
    ignore_unknown: bool,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<(Figures, Vec<Answer>)> {
    let rules = understanding.rules();
    if target == Target::Service && !ignore_unknown {
        check_labels(examples, &rules).context("--ignore-unknown leaves their rows out")?;
    }
    let known = |e: &&Example| target != Target::Service || rules.taxonomy.services.contains_key(&e.label);
    let questions: Vec<(&Example, Question)> = examples.iter().filter(known).map(|e| (e, e.question())).collect();
    if target == Target::Concern {
        return Ok(concern(&questions, understanding, progress).await);
    }
    let texts: Vec<String> = questions.iter().map(|(_, q)| q.text()).collect();
    let encoder = understanding.encoder().context("there is no encoder")?;
    let embeddings = embeddings::of(&texts, encoder, cache, progress).await?;
    understanding.prepare().await;
    progress(&format!("judging {} messages", questions.len()));
    let answers = on_all_cores(&questions, |n, (_, question)| {
        let verdict = understanding.judge_encoded(std::slice::from_ref(question), vec![Some(embeddings[n].clone())]);
        verdict
            .into_iter()
            .next()
            .map(|verdict| (answer(target, &verdict), learned(target, &verdict)))
            .unwrap_or_default()
    });
    Ok(compared(&questions, answers))
}

/// Judges whether somebody's safety is a worry as the service does it, with a second look where it takes one.
async fn concern(
    questions: &[(&Example, Question)],
    understanding: &Understanding,
    progress: &(dyn Fn(&str) + Sync),
) -> (Figures, Vec<Answer>) {
    let mut answers = Vec::with_capacity(questions.len());
    for lot in questions.chunks(256) {
        progress(&format!("judging: {} of {} messages", answers.len(), questions.len()));
        let asked: Vec<Question> = lot.iter().map(|(_, question)| question.clone()).collect();
        let verdicts = understanding.judge(&asked).await;
        answers.extend(verdicts.iter().map(|v| (answer(Target::Concern, v), learned(Target::Concern, v))));
    }
    compared(questions, answers)
}

/// Answers, with what was learned by itself, compared with the truth.
fn compared(questions: &[(&Example, Question)], answers: Vec<(Vec<(String, f64)>, f64)>) -> (Figures, Vec<Answer>) {
    let (said, learned): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    let written = questions.iter().zip(&said).zip(learned).map(|(((example, _), said), learned)| Answer {
        id: example.id.clone(),
        label: example.label.clone(),
        said: said.first().map_or_else(String::new, |(label, _)| label.clone()),
        probability: learned,
    });
    let written = written.collect();
    let truths = questions.iter().map(|(example, _)| example.label.as_str());
    (figures(&truths.zip(said).collect::<Vec<_>>()), written)
}

/// What was said of one message; its words are not repeated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The message's id.
    pub id: String,
    /// Its true label.
    pub label: String,
    /// What the verdict says.
    pub said: String,
    /// The verdict's confidence; of a danger, the learned probability of `yes`.
    pub probability: f64,
}

fn learned(target: Target, verdict: &Verdict) -> f64 {
    match target {
        Target::Service => verdict.confidence,
        Target::Hazard => verdict.hazard.unwrap_or_default(),
        Target::Concern => verdict.concern.unwrap_or_default(),
    }
}

/// Labels with their probabilities, likeliest first, as a verdict gives them.
fn answer(target: Target, verdict: &Verdict) -> Vec<(String, f64)> {
    let yes_or_no = |yes: bool, confidence: f64| {
        let (first, second) = if yes { ("yes", "no") } else { ("no", "yes") };
        vec![(first.to_owned(), confidence), (second.to_owned(), 1.0 - confidence)]
    };
    match target {
        Target::Service => verdict.candidates.iter().map(|c| (c.service.clone(), c.probability)).collect(),
        Target::Hazard => {
            let yes = verdict.hazard.unwrap_or_default();
            yes_or_no(yes >= 0.5, yes.max(1.0 - yes))
        }
        // A concern is held whether a rule or the score found it; there is no probability to speak of.
        Target::Concern => yes_or_no(!verdict.concerns.is_empty(), 1.0),
    }
}

/// Figures of answers, each beside its truth.
#[must_use]
pub fn figures(answers: &[(&str, Vec<(String, f64)>)]) -> Figures {
    let first = |said: &[(String, f64)]| said.first().cloned().unwrap_or_default();
    let judged: Vec<(f64, bool)> =
        answers.iter().map(|(truth, said)| (first(said).1, first(said).0 == *truth)).collect();
    let pairs: Vec<(String, String)> =
        answers.iter().map(|(truth, said)| ((*truth).to_owned(), first(said).0)).collect();
    let top3 = answers.iter().filter(|(truth, said)| said.iter().take(3).any(|(label, _)| label == truth)).count();
    let per_label = per_label(&pairs);
    let n = judged.len().max(1) as f64;
    Figures {
        n: judged.len(),
        accuracy: judged.iter().filter(|j| j.1).count() as f64 / n,
        macro_f1: per_label.values().map(|l| l.f1).sum::<f64>() / per_label.len().max(1) as f64,
        top3: top3 as f64 / n,
        ece: calibration_error(&judged),
        coverage_at_95: coverage(&judged, 0.95),
        per_label,
    }
}

fn per_label(pairs: &[(String, String)]) -> BTreeMap<String, OfLabel> {
    let labels: BTreeSet<&String> = pairs.iter().map(|(truth, _)| truth).collect();
    let share = |part: usize, of: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
    labels
        .into_iter()
        .map(|label| {
            let support = pairs.iter().filter(|(truth, _)| truth == label).count();
            let said = pairs.iter().filter(|(_, said)| said == label).count();
            let right = pairs.iter().filter(|(truth, said)| truth == label && said == label).count();
            let (precision, recall) = (share(right, said), share(right, support));
            let f1 = if right == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
            (label.clone(), OfLabel { precision, recall, f1, support })
        })
        .collect()
}

/// Mean gap between confidence and share right over 15 equal bins, weighted by their size.
#[must_use]
pub fn calibration_error(judged: &[(f64, bool)]) -> f64 {
    let mut bins = [(0_usize, 0.0_f64, 0_usize); 15];
    for (confidence, right) in judged {
        let bin = &mut bins[((confidence * 15.0) as usize).min(14)];
        bin.0 += 1;
        bin.1 += confidence;
        bin.2 += usize::from(*right);
    }
    let n = judged.len().max(1) as f64;
    bins.iter().map(|(_, sum, right)| (sum - *right as f64).abs() / n).sum()
}

/// Largest share of messages, most confident first, of which at least `precision` are right.
fn coverage(judged: &[(f64, bool)], precision: f64) -> f64 {
    let mut sorted = judged.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut best) = (0, 0);
    for (n, (_, correct)) in (1..).zip(&sorted) {
        right += usize::from(*correct);
        if right as f64 >= precision * n as f64 {
            best = n;
        }
    }
    best as f64 / judged.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_as_often_right_as_it_says_has_no_calibration_error() {
        let judged: Vec<(f64, bool)> = (0..100).map(|i| (0.75, i % 4 != 0)).collect();
        assert!(calibration_error(&judged) < 1e-9);
        let boastful: Vec<(f64, bool)> = (0..100).map(|i| (0.95, i % 4 != 0)).collect();
        assert!((calibration_error(&boastful) - 0.2).abs() < 1e-9);
    }

    #[test]
    fn coverage_counts_the_most_confident_as_long_as_enough_are_right() {
        let mut judged: Vec<(f64, bool)> = (0..50).map(|i| (0.99 - f64::from(i) / 1000.0, true)).collect();
        judged.extend((0..50).map(|i| (0.5 - f64::from(i) / 1000.0, false)));
        assert!((coverage(&judged, 0.95) - 0.52).abs() < 1e-9);
    }
}

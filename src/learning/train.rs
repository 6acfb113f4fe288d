//! Fitting the classifier: linfa's multinomial logistic regression on sentence embeddings, and one temperature that makes
//! its scores together with the rules' a probability, both judged on messages not trained on (five-fold).
//!
//! The order of the rows decides the folds and the fit, so the same data give the same model to the bit.

use super::dataset::{Example, split};
use super::evaluate::calibration_error;
use crate::understanding::classifier::{Card, Classifier, softmax};
use crate::understanding::encoder::{DIMENSIONS, Encoder};
use crate::understanding::rules::Rules;
use crate::understanding::{Question, rule_weights, rules};
use anyhow::Context as _;
use linfa::Dataset;
use linfa::traits::Fit;
use linfa_logistic::{MultiFittedLogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2};
use std::collections::BTreeSet;

const FOLDS: usize = 5;
/// Strength of the L2 penalty: of 0.01, 0.03, 0.1, 0.3 and 1 the one with the best held-out accuracy on the shipped data.
const ALPHA: f32 = 0.3;
const MOST_ITERATIONS: u64 = 300;

/// What training found out.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model.
    pub classifier: Classifier,
    /// Share right among held-out messages when the rules take part as well.
    pub accuracy_with_rules: f64,
}

/// The texts of examples as the encoder reads messages.
#[must_use]
pub fn texts(examples: &[Example]) -> Vec<String> {
    examples
        .iter()
        .map(|e| {
            let (subject, body) = split(&e.text);
            Question { subject: subject.to_owned(), body: body.to_owned(), ..Question::default() }.text()
        })
        .collect()
}

/// Fits a classifier. `progress` is told what is being done.
///
/// # Errors
/// When a label is no service of the rules, the encoder fails, or the fit does.
pub async fn train(
    examples: &[Example],
    rules: &Rules,
    encoder: &Encoder,
    progress: impl Fn(&str),
) -> anyhow::Result<Trained> {
    let labels: Vec<String> = examples.iter().map(|e| e.label.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    if let Some(unknown) = labels.iter().find(|l| !rules.taxonomy.services.contains_key(*l)) {
        anyhow::bail!("the label '{unknown}' is no service of rules/services.toml");
    }
    let classes: Vec<usize> = examples.iter().map(|e| labels.binary_search(&e.label).unwrap_or_default()).collect();
    let texts = texts(examples);
    let mut embeddings = Vec::with_capacity(texts.len());
    for (n, chunk) in texts.chunks(256).enumerate() {
        progress(&format!("encoding {} of {} messages", n * 256, texts.len()));
        embeddings.extend(encoder.encode(chunk.to_vec()).await?);
    }
    let bonus: Vec<Vec<(usize, f64)>> = texts.iter().map(|t| bonus(rules, &labels, t)).collect();
    let mut scores: Vec<Vec<f64>> = vec![Vec::new(); texts.len()];
    for fold in 0..FOLDS {
        progress(&format!("fitting without part {} of {FOLDS}", fold + 1));
        let kept: Vec<usize> = (0..texts.len()).filter(|i| i % FOLDS != fold).collect();
        let weights = fit(&embeddings, &classes, &kept)?;
        let held_out = Classifier::new(weights, card(encoder, &labels, 1.0, 0)).map_err(anyhow::Error::msg)?;
        for i in (0..texts.len()).filter(|i| i % FOLDS == fold) {
            scores[i] = held_out.log_probabilities(&embeddings[i]);
        }
    }
    let alone = accuracy(&scores, &classes);
    for (score, bonus) in scores.iter_mut().zip(&bonus) {
        for (at, weight) in bonus {
            score[*at] += weight;
        }
    }
    let temperature = best_temperature(&scores, &classes);
    progress("fitting on everything");
    let all: Vec<usize> = (0..texts.len()).collect();
    let weights = fit(&embeddings, &classes, &all)?;
    let judged: Vec<(f64, bool)> = scores
        .iter()
        .zip(&classes)
        .map(|(s, class)| {
            let p = softmax(s, temperature);
            let best = best_of(&p);
            (p[best], best == *class)
        })
        .collect();
    let card = Card {
        held_out_accuracy: round(alone),
        held_out_ece: round(calibration_error(&judged)),
        ..card(encoder, &labels, temperature, examples.len())
    };
    let classifier = Classifier::new(weights, card).map_err(anyhow::Error::msg)?;
    Ok(Trained { classifier, accuracy_with_rules: accuracy(&scores, &classes) })
}

fn round(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

fn card(encoder: &Encoder, labels: &[String], temperature: f64, examples: usize) -> Card {
    Card {
        version: String::new(),
        encoder: encoder.version().to_owned(),
        labels: labels.to_vec(),
        temperature,
        examples,
        held_out_accuracy: 0.0,
        held_out_ece: 0.0,
    }
}

/// What the rules add to each label of a text.
fn bonus(rules: &Rules, labels: &[String], text: &str) -> Vec<(usize, f64)> {
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    rule_weights(&labels, &rules.hits(&rules::normalise(text)))
}

fn fit(
    embeddings: &[Vec<f32>],
    classes: &[usize],
    rows: &[usize],
) -> anyhow::Result<MultiFittedLogisticRegression<f32, usize>> {
    let flat: Vec<f32> = rows.iter().flat_map(|&i| embeddings[i].iter().copied()).collect();
    let x = Array2::from_shape_vec((rows.len(), DIMENSIONS), flat).context("embeddings of another size")?;
    let y: Array1<usize> = rows.iter().map(|&i| classes[i]).collect();
    MultiLogisticRegression::default()
        .alpha(ALPHA)
        .max_iterations(MOST_ITERATIONS)
        .fit(&Dataset::new(x, y))
        .context("the classifier could not be fitted")
}

fn best_of(values: &[f64]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or_default()
}

fn accuracy(scores: &[Vec<f64>], classes: &[usize]) -> f64 {
    let right = scores.iter().zip(classes).filter(|(s, class)| best_of(s) == **class).count();
    right as f64 / classes.len().max(1) as f64
}

/// The temperature with the least log loss, by golden-section search over its logarithm.
fn best_temperature(scores: &[Vec<f64>], classes: &[usize]) -> f64 {
    let loss = |log_t: f64| -> f64 {
        scores.iter().zip(classes).map(|(s, class)| -softmax(s, log_t.exp())[*class].max(1e-12).ln()).sum()
    };
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-2.0_f64, 2.0_f64);
    for _ in 0..40 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if loss(a) < loss(b) { high = b } else { low = a }
    }
    round(low.midpoint(high).exp())
}

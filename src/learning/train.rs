//! Fitting a model: the lexicon by a descent of our own, everything together by linfa, and one temperature that makes the
//! scores probabilities. What a message is judged by while fitting never saw that message (five parts of the rows for the
//! lexicon, two or five for the rest), so the figures and the temperature are those of messages not trained on.
//!
//! The order of the rows decides the parts and the fit: the same data give the same model to the bit.

use super::dataset::Example;
use super::evaluate::calibration_error;
use super::{descent, embeddings, on_all_cores};
use crate::understanding::classifier::{self, Card, Classifier, Head, Heads, HeldOut, Known, Target, Unseen, softmax};
use crate::understanding::encoder::{Encoder, cosine};
use crate::understanding::lexical::{self, Row, Term, Vocabulary};
use crate::understanding::rules::Rules;
use crate::understanding::{evidence, head_and_tail, rules};
use anyhow::{Context as _, bail};
use linfa::Dataset;
use linfa::traits::Fit;
use linfa_logistic::{LogisticRegression, MultiFittedLogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2, Axis};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Parts the lexicon is cross-validated in.
const PARTS: usize = 5;
/// Most terms of a lexicon.
const MOST_TERMS: usize = 100_000;
/// Strength of linfa's L2 penalty.
const ALPHA: f32 = 1.0;
/// From this many messages on they are taken to be real ones, of which some are filed wrongly.
const MANY: usize = 10_000;
/// A label is doubted that the rest of the data gives less than this, while giving another one more than half.
const DOUBT: f64 = 0.05;
/// A head for places needs so many messages with one.
const PLACED: usize = 300;

/// Messages by their row, with the calibrated scores that a fit without them gives.
type Scores = Vec<(usize, Vec<f64>)>;

/// What training found out.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model.
    pub classifier: Classifier,
}

/// Messages with everything that a fit needs of them, worked out once.
#[derive(Debug)]
pub struct Prepared {
    target: Target,
    encoder: String,
    labels: Vec<String>,
    embeddings: Vec<Vec<f32>>,
    terms: Vec<Vec<Term>>,
    placed: Vec<bool>,
    column_names: Vec<String>,
    columns: Vec<Vec<f32>>,
    descriptions: BTreeMap<String, Vec<f32>>,
}

/// Encodes messages and collects what words and rules say of them. `progress` is told what is being done.
///
/// # Errors
/// When a label is no service of the rules, the encoder fails, or kept embeddings cannot be used.
pub async fn prepare(
    examples: &[Example],
    target: Target,
    rules: &Rules,
    encoder: &Encoder,
    cache: Option<&Path>,
    progress: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Prepared> {
    if target == Target::Service {
        check_labels(examples, rules)?;
    }
    let texts: Vec<String> = examples.iter().map(|e| e.question().text()).collect();
    let embeddings = embeddings::of(&texts, encoder, cache, progress).await?;
    progress("collecting words, and what the rules say");
    let found = on_all_cores(&texts, |n, text| {
        let text = head_and_tail(text);
        let columns = evidence::columns(&rules.hits(&rules::normalise(&text)));
        (lexical::terms(&text, examples[n].spot), columns)
    });
    let services: Vec<_> = rules.taxonomy.services.values().collect();
    let described = services.iter().map(|s| format!("{}. {}", s.name, s.description)).collect();
    let descriptions = encoder.encode(described).await?;
    let concerns = rules.concern_kinds().into_iter().map(|kind| format!("concern.{kind}"));
    let priorities = ["priority.urgent", "priority.high", "priority.low"].map(str::to_owned);
    let names = services.iter().map(|s| s.id.clone());
    let column_names: Vec<String> = names.clone().chain(concerns).chain(priorities).collect();
    Ok(Prepared {
        target,
        encoder: encoder.version().to_owned(),
        labels: examples.iter().map(|e| e.label.clone()).collect(),
        embeddings,
        placed: examples.iter().map(|e| e.spot.is_some()).collect(),
        columns: found.iter().map(|(_, columns)| evidence::in_order(columns, &column_names)).collect(),
        terms: found.into_iter().map(|(terms, _)| terms).collect(),
        descriptions: names.zip(descriptions).collect(),
        column_names,
    })
}

/// Refuses labels that are no services, naming them.
///
/// # Errors
/// When there are such.
pub fn check_labels(examples: &[Example], rules: &Rules) -> anyhow::Result<()> {
    let services = &rules.taxonomy.services;
    let unknown: BTreeSet<&str> =
        examples.iter().map(|e| e.label.as_str()).filter(|label| !services.contains_key(*label)).collect();
    if !unknown.is_empty() {
        let names: Vec<&str> = unknown.into_iter().collect();
        bail!("these labels are no services of rules/services.toml: {}", names.join(", "));
    }
    Ok(())
}

impl Prepared {
    /// How many messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The label of a message.
    #[must_use]
    pub fn label(&self, row: usize) -> &str {
        &self.labels[row]
    }

    /// Fits a model to the messages at `rows`; one named twice counts twice.
    ///
    /// # Errors
    /// When there are fewer than two labels, or the fit fails.
    pub fn fit(&self, rows: &[usize], progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Trained> {
        let labels: Vec<String> =
            rows.iter().map(|&row| self.labels[row].clone()).collect::<BTreeSet<_>>().into_iter().collect();
        if labels.len() < 2 {
            bail!("there is nothing to tell apart: all messages have the same label");
        }
        let (text, text_figures, held_out) = self.fit_head(rows, &labels, false, progress)?;
        let with_place: Vec<usize> = rows.iter().copied().filter(|&row| self.placed[row]).collect();
        let known: BTreeSet<&String> = with_place.iter().map(|&row| &self.labels[row]).collect();
        let placed = if with_place.len() >= PLACED && known.len() * 2 >= labels.len() {
            // Those without a place take part too, so that no label is forgotten.
            Some(self.fit_head(rows, &labels, true, progress)?)
        } else {
            None
        };
        let card = Card {
            version: String::new(),
            target: self.target,
            encoder: self.encoder.clone(),
            columns: self.column_names.clone(),
            unseen: self.fit_unseen(&labels, &held_out)?,
            labels,
            text: text_figures,
            placed: placed.as_ref().map(|(_, figures, _)| *figures),
        };
        let heads = Heads { text, placed: placed.map(|(head, ..)| head) };
        let classifier = Classifier::new(heads, card).map_err(anyhow::Error::msg)?;
        Ok(Trained { classifier })
    }

    /// The probability of each label of a model for one message, in the order of its labels.
    #[must_use]
    pub fn probabilities(&self, classifier: &Classifier, row: usize) -> Vec<f64> {
        let known = Known {
            embedding: &self.embeddings[row],
            terms: &self.terms[row],
            placed: self.placed[row],
            columns: &self.columns[row],
        };
        softmax(&classifier.scores(known).unwrap_or_default(), 1.0)
    }

    fn fit_head(
        &self,
        rows: &[usize],
        labels: &[String],
        placed: bool,
        progress: &(dyn Fn(&str) + Sync),
    ) -> anyhow::Result<(Head, HeldOut, Scores)> {
        let of = if placed { "text and place" } else { "text" };
        progress(&format!("{of}: fitting words and letters to {} messages", rows.len()));
        let class = |row: usize| labels.binary_search(&self.labels[row]).unwrap_or_default();
        let unique: Vec<usize> = rows.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let at: BTreeMap<usize, usize> = unique.iter().enumerate().map(|(at, row)| (*row, at)).collect();
        let vocabulary = Vocabulary::of(unique.iter().map(|&row| &self.terms[row]), placed, MOST_TERMS);
        let values: Vec<Row> = on_all_cores(&unique, |_, &row| vocabulary.row(&self.terms[row]));
        let classes: Vec<usize> = unique.iter().map(|&row| class(row)).collect();
        // Everything below counts by the place of a message among the unique ones.
        let all: Vec<usize> = rows.iter().filter_map(|row| at.get(row).copied()).collect();
        let without: Vec<Option<usize>> = (0..PARTS).map(Some).chain([None]).collect();
        let mut lexicons = on_all_cores(&without, |_, part| {
            let kept: Vec<usize> = all.iter().copied().filter(|i| Some(i % PARTS) != *part).collect();
            descent::fit(&vocabulary, &values, &classes, &kept, labels.len())
        });
        let lexicon = lexicons.pop().context("no lexicon")?;
        let mut flat: Vec<f32> = Vec::new();
        for (i, &row) in unique.iter().enumerate() {
            let logs = lexicons[i % PARTS].log_probabilities(&values[i]);
            flat.extend(classifier::features(&self.embeddings[row], &logs, &self.columns[row]));
        }
        drop((lexicons, values));
        let x = Array2::from_shape_vec((unique.len(), flat.len() / unique.len().max(1)), flat)
            .context("embeddings of another size")?;
        progress(&format!("{of}: fitting everything together"));
        let fit = Top { x, classes, labels: labels.len(), many: unique.len() >= MANY };
        let (mut scores, mut kept) = (fit.held_out(&all)?, all.clone());
        let mut temperature = best_temperature(&scores, &fit.classes);
        if fit.many {
            kept.retain(|&i| {
                let p = softmax(&scores[i], temperature);
                p[fit.classes[i]] >= DOUBT || p[best_of(&p)] <= 0.5
            });
            progress(&format!("{of}: fitting again without {} doubtful labels", all.len() - kept.len()));
            scores = fit.held_out(&kept)?;
            temperature = best_temperature(&scores, &fit.classes);
        }
        let top = fit.fit(&kept)?;
        let judged: Vec<(f64, bool)> = scores
            .iter()
            .zip(&fit.classes)
            .map(|(score, class)| {
                let p = softmax(score, temperature);
                (p[best_of(&p)], best_of(&p) == *class)
            })
            .collect();
        let right = judged.iter().filter(|(_, right)| *right).count();
        let figures = HeldOut {
            examples: all.len(),
            doubtful: all.len() - kept.len(),
            temperature,
            accuracy: round(right as f64 / judged.len().max(1) as f64),
            ece: round(calibration_error(&judged)),
        };
        let calibrated = scores.iter().map(|s| s.iter().map(|log| log / temperature).collect());
        Ok((Head { lexicon, top }, figures, unique.into_iter().zip(calibrated).collect()))
    }

    /// What is to be said of services that have no example, learned from those that have.
    fn fit_unseen(&self, labels: &[String], held_out: &[(usize, Vec<f64>)]) -> anyhow::Result<Unseen> {
        if self.target != Target::Service {
            return Ok(Unseen::default());
        }
        let (mut evidence, mut meant) = (Vec::new(), Vec::new());
        for (row, scores) in held_out.iter().step_by(held_out.len().div_ceil(5_000).max(1)) {
            let p = softmax(scores, 1.0);
            for (service, description) in &self.descriptions {
                let at = labels.binary_search(service).ok();
                // As if the model did not know this one.
                let others = 1.0 - at.map_or(0.0, |at| p[at]);
                let best = p.iter().enumerate().filter(|(n, _)| Some(*n) != at).map(|(_, p)| *p).fold(0.0, f64::max);
                let rules = self.column_names.iter().position(|name| name == service);
                evidence.push(cosine(&self.embeddings[*row], description));
                evidence.push(rules.map_or(0.0, |at| f64::from(self.columns[*row][at])));
                evidence.push((best / others.max(1e-9)).clamp(1e-9, 1.0).ln());
                meant.push(self.labels[*row] == *service);
            }
        }
        let x = Array2::from_shape_vec((meant.len(), 3), evidence)?;
        let fitted = LogisticRegression::default()
            .alpha(0.0)
            .fit(&Dataset::new(x, Array1::from(meant)))
            .context("what the descriptions say could not be weighed")?;
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        let weight = |at: usize| round(sign * fitted.params()[at]);
        let idle = round(-(1.0 + held_out.len() as f64 / labels.len() as f64).ln() / 2.0);
        let base = round(sign * fitted.intercept());
        Ok(Unseen { base, alike: weight(0), rules: weight(1), certain: weight(2), idle })
    }
}

/// Features and classes of the last fit.
struct Top {
    x: Array2<f32>,
    classes: Vec<usize>,
    labels: usize,
    many: bool,
}

impl Top {
    fn fit(&self, kept: &[usize]) -> anyhow::Result<MultiFittedLogisticRegression<f32, usize>> {
        let y: Array1<usize> = kept.iter().map(|&i| self.classes[i]).collect();
        MultiLogisticRegression::default()
            .alpha(ALPHA)
            .max_iterations(if self.many { 60 } else { 100 })
            .fit(&Dataset::new(self.x.select(Axis(0), kept), y))
            .context("the classifier could not be fitted")
    }

    /// Log-probabilities of every message by a fit on those of `kept` that are in other parts.
    fn held_out(&self, kept: &[usize]) -> anyhow::Result<Vec<Vec<f64>>> {
        let parts = if self.many { 2 } else { 5 };
        // Not the parts of the lexicon: these are cut across them.
        let part = |i: usize| i / PARTS % parts;
        let numbers: Vec<usize> = (0..parts).collect();
        let fits = on_all_cores(&numbers, |_, number| {
            let others: Vec<usize> = kept.iter().copied().filter(|&i| part(i) != *number).collect();
            let mine: Vec<usize> = (0..self.classes.len()).filter(|&i| part(i) == *number).collect();
            let top = self.fit(&others)?;
            anyhow::Ok((classifier::log_probabilities(&top, &self.x.select(Axis(0), &mine), self.labels), mine))
        });
        let mut scores = vec![Vec::new(); self.classes.len()];
        for fit in fits {
            let (logs, mine) = fit?;
            for (i, logs) in mine.into_iter().zip(logs) {
                scores[i] = logs;
            }
        }
        Ok(scores)
    }
}

fn round(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

fn best_of(values: &[f64]) -> usize {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or_default()
}

/// The temperature with the least log loss, by golden-section search over its logarithm.
fn best_temperature(scores: &[Vec<f64>], classes: &[usize]) -> f64 {
    let loss = |log_t: f64| -> f64 {
        scores.iter().zip(classes).map(|(s, class)| -softmax(s, log_t.exp())[*class].max(1e-12).ln()).sum()
    };
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-2.0_f64, 2.0_f64);
    for _ in 0..24 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if loss(a) < loss(b) { high = b } else { low = a }
    }
    round(low.midpoint(high).exp())
}

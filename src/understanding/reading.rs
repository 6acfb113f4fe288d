//! What can be said of a message before encoder and models are asked: it is worked out while the encoder is busy.

use super::classifier::{self, Classifier, Known};
use super::language::Detected;
use super::lexical::{self, Term};
use super::place::{Clues, Located};
use super::rules::{self, Hit, Rules};
use super::split::{self, Pieces};
use super::{Question, Understanding, evidence};
use crate::core::Point;
use std::collections::BTreeMap;

/// Characters of a message that rules and place names are looked for in: head and tail of a longer one.
const HEAD: usize = 24_000;
const TAIL: usize = 8_000;
/// Least confidence of a place that a message is taken to be from.
const SURE_OF_PLACE: f64 = 0.6;

/// A message as it was read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) question: &'a Question,
    /// What rules were matched against: see [`rules::normalise`].
    pub(super) plain: String,
    pub(super) hits: Vec<Hit<'a>>,
    pub(super) language: Detected,
    pub(super) located: Located,
    /// What it falls into, where something hints at several requests.
    pub(super) pieces: Pieces,
    words: Words,
    /// Whether it is known where it is from.
    placed: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn of(judge: &Understanding, rules: &'a Rules, question: &'a Question) -> Self {
        let text = head_and_tail(&question.text());
        let plain = rules::normalise(&text);
        let hits = rules.hits(&plain);
        let located = judge.places.locate(&Clues {
            text: &text,
            home_wards: &question.home_wards,
            shared: question.shared.as_ref(),
            photos: &question.photos,
            looked_up: &question.looked_up,
        });
        let sure = || located.places.first().filter(|p| p.confidence >= SURE_OF_PLACE).and_then(|p| p.point);
        let spot = question.shared.as_ref().map(|shared| shared.point).or_else(sure);
        Self {
            question,
            language: judge.languages.detect(&text),
            pieces: split::pieces(&question.body, rules, &hits),
            words: Words::of(text, &hits, spot),
            placed: spot.is_some(),
            plain,
            hits,
            located,
        }
    }

    /// As the models see it.
    pub(super) fn message(&self) -> Message<'_> {
        Message { placed: self.placed, ..self.words.message() }
    }
}

/// A text with what models are fitted on.
#[derive(Debug)]
pub(super) struct Words {
    text: String,
    terms: Vec<Term>,
    columns: BTreeMap<String, f64>,
}

impl Words {
    pub(super) fn of(text: String, hits: &[Hit<'_>], spot: Option<Point>) -> Self {
        Self { terms: lexical::terms(&text, spot), columns: evidence::columns(hits), text }
    }

    /// As the models see it when its place is of no account.
    pub(super) fn message(&self) -> Message<'_> {
        Message { text: &self.text, terms: &self.terms, columns: &self.columns, placed: false }
    }
}

/// A message as the models see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) text: &'a str,
    pub(super) terms: &'a [Term],
    /// What the rules say of it.
    pub(super) columns: &'a BTreeMap<String, f64>,
    /// Whether the terms of its place are to be heeded.
    pub(super) placed: bool,
}

impl Message<'_> {
    /// What a model says of it: see [`Classifier::scores`].
    pub(super) fn scores(self, model: &Classifier, embedding: &[f32]) -> Option<Vec<f64>> {
        let columns = evidence::in_order(self.columns, &model.card().columns);
        model.scores(Known { embedding, terms: self.terms, placed: self.placed, columns: &columns })
    }

    /// The probability that a model of two answers says `yes`.
    pub(super) fn yes(self, model: &Classifier, embedding: &[f32]) -> Option<f64> {
        let at = model.card().labels.iter().position(|label| label == "yes")?;
        classifier::softmax(&self.scores(model, embedding)?, 1.0).get(at).copied()
    }
}

/// A text as it is looked at: head and tail of a longer one.
#[must_use]
pub fn head_and_tail(text: &str) -> String {
    let count = text.chars().count();
    if count <= HEAD + TAIL {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(HEAD).collect();
    out.push('\n');
    out.extend(text.chars().skip(count - TAIL));
    out
}

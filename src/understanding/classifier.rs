//! The trained classifier: linfa's multinomial logistic regression over the sentence embedding, what the lexicon says of
//! the words, and what the rules say.
//!
//! A model has a head for messages of which only the text is known, and one for those whose place is known too, where it
//! was trained on enough of these: what residents report, and how a council files it, differs from quarter to quarter.

use super::lexical::{Lexicon, Term};
use linfa_logistic::MultiFittedLogisticRegression;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// File with the fitted weights.
pub const WEIGHTS: &str = "classifier.bin";
/// File that describes them.
pub const CARD: &str = "classifier.json";

/// What each kind of evidence is multiplied by before the fit, so that the penalty weighs on all of them alike.
const EMBEDDING: f32 = 3.0;
const LEXICON: f32 = 0.3;
const COLUMNS: f32 = 0.3;
/// No log-probability of the lexicon counts for less than this.
const LEAST_LOG: f32 = -13.8;

/// What a model tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The service a message is for.
    Service,
    /// Whether somebody can be physically hurt soon: `yes` or `no`.
    Hazard,
    /// Whether somebody's safety is a worry: `yes` or `no`.
    Concern,
}

impl std::str::FromStr for Target {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "service" => Ok(Self::Service),
            "hazard" => Ok(Self::Hazard),
            "concern" => Ok(Self::Concern),
            _ => Err("it is one of service, hazard, concern"),
        }
    }
}

/// Figures of a head on messages it was not trained on (cross-validation).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// Messages it was fitted on.
    pub examples: usize,
    /// Of these, so many were left out of the last fit because their label is hardly right.
    pub doubtful: usize,
    /// Divides the scores before they become probabilities.
    pub temperature: f64,
    /// Share right.
    pub accuracy: f64,
    /// Mean gap between confidence and share right (ECE, 15 bins).
    pub ece: f64,
}

/// The log-odds that a message is for a service which the model was not trained on, against all those it was: learned by
/// asking, of every service it knows, what could have been said without having been trained on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unseen {
    /// With nothing for it and nothing against it.
    pub base: f64,
    /// For each unit of cosine between the message and the service's description.
    pub alike: f64,
    /// For each unit of the service's own rules.
    pub rules: f64,
    /// For each unit of the log-probability of the likeliest service that the model knows.
    pub certain: f64,
    /// Added for a service that was there when the model was trained, and had not one message: the more messages there
    /// were, the less is it to be expected. It is half of what the count says, since a history may be of one channel only.
    pub idle: f64,
}

impl Unseen {
    /// The log-odds; `certain` is the log-probability of the likeliest known service, `new` whether the service came
    /// after the training.
    #[must_use]
    pub fn log_odds(&self, alike: f64, rules: f64, certain: f64, new: bool) -> f64 {
        let idle = if new { 0.0 } else { self.idle };
        self.base + self.alike * alike + self.rules * rules + self.certain * certain + idle
    }
}

/// What is known of a model: written beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// First 12 hex digits of the hash of the weights' file.
    pub version: String,
    /// What it tells apart.
    pub target: Target,
    /// Version of the encoder whose embeddings it was fitted on.
    pub encoder: String,
    /// Labels in the order of the weights' columns.
    pub labels: Vec<String>,
    /// What the rules are asked for, in the order of the features (see [`super::evidence`]).
    pub columns: Vec<String>,
    /// What stands in for training where a service has none.
    pub unseen: Unseen,
    /// The head for text alone.
    pub text: HeldOut,
    /// The head for text and place.
    pub placed: Option<HeldOut>,
}

/// Why there is no classifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The files are not there.
    #[error("the trained model is not in {0}: run `make model`, or set [model] classifier to its folder")]
    Missing(String),
    /// They are there and do not fit together.
    #[error("the trained model in {0} cannot be used ({1}): run `make model`")]
    Broken(String, String),
}

/// The fitted weights for one kind of message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Words and letters (and squares of the map).
    pub lexicon: Lexicon,
    /// Everything together.
    pub top: MultiFittedLogisticRegression<f32, usize>,
}

/// A head for text alone and, where there was enough to learn from, one for text and place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Heads {
    /// For text alone.
    pub text: Head,
    /// For text and place.
    pub placed: Option<Head>,
}

/// A classifier ready to work.
#[derive(Clone, Debug)]
pub struct Classifier {
    heads: Heads,
    card: Card,
}

/// What is known of a message when it is classified.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its unit-length embedding.
    pub embedding: &'a [f32],
    /// Its terms, with those of its place where it is known.
    pub terms: &'a [Term],
    /// Whether its place is known.
    pub placed: bool,
    /// What the rules say, in the order of the card's columns.
    pub columns: &'a [f32],
}

impl Classifier {
    /// A classifier of fitted weights.
    ///
    /// # Errors
    /// When they cannot be written as bytes, which their version is made of.
    pub fn new(heads: Heads, mut card: Card) -> Result<Self, String> {
        card.version = version_of(&to_bytes(&heads)?);
        Ok(Self { heads, card })
    }

    /// Reads a classifier from `folder`.
    ///
    /// # Errors
    /// When its files are missing, do not fit together, or were fitted for another encoder.
    pub fn load(folder: &Path, encoder: &str) -> Result<Self, ModelError> {
        let shown = folder.display().to_string();
        let broken = |why: String| ModelError::Broken(shown.clone(), why);
        let bytes = std::fs::read(folder.join(WEIGHTS)).map_err(|_| ModelError::Missing(shown.clone()))?;
        let card = std::fs::read_to_string(folder.join(CARD)).map_err(|_| ModelError::Missing(shown.clone()))?;
        let card: Card = serde_json::from_str(&card).map_err(|e| broken(format!("{CARD}: {e}")))?;
        if card.version != version_of(&bytes) {
            return Err(broken(format!("{WEIGHTS} is not the file that {CARD} describes")));
        }
        if card.encoder != encoder {
            return Err(broken("it was trained for another sentence encoder".to_owned()));
        }
        let (heads, _): (Heads, usize) = bincode::serde::decode_from_slice(&bytes, bincode::config::standard())
            .map_err(|e| broken(e.to_string()))?;
        for head in std::iter::once(&heads.text).chain(&heads.placed) {
            let foreign = head.top.classes().iter().any(|class| *class >= card.labels.len());
            if foreign || head.lexicon.labels() != card.labels.len() || !head.lexicon.is_whole() {
                return Err(broken("weights and labels differ in number".to_owned()));
            }
        }
        Ok(Self { heads, card })
    }

    /// Writes the classifier into `folder`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), String> {
        let card = serde_json::to_string_pretty(&self.card).map_err(|e| e.to_string())? + "\n";
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(folder.join(CARD), card))
            .map_err(|e| e.to_string())?;
        std::fs::write(folder.join(WEIGHTS), to_bytes(&self.heads)?).map_err(|e| e.to_string())
    }

    /// What is known of it.
    #[must_use]
    pub const fn card(&self) -> &Card {
        &self.card
    }

    /// The score of each label, in the order of the card's labels: their softmax is the calibrated probability. None where
    /// the message does not fit the model.
    #[must_use]
    pub fn scores(&self, known: Known<'_>) -> Option<Vec<f64>> {
        let (head, figures) = match (&self.heads.placed, &self.card.placed) {
            (Some(head), Some(figures)) if known.placed => (head, figures),
            _ => (&self.heads.text, &self.card.text),
        };
        let logs = head.log_probabilities(known)?;
        Some(logs.into_iter().map(|log| log / figures.temperature).collect())
    }

    /// The words of a text with these terms that speak most for the label at `at`, strongest first.
    #[must_use]
    pub fn weightiest(&self, text: &str, terms: &[Term], at: usize, most: usize) -> Vec<String> {
        self.heads.text.lexicon.weightiest(text, terms, at, most).into_iter().map(|(word, _)| word).collect()
    }
}

impl Head {
    /// Log-probabilities before the temperature.
    #[must_use]
    pub fn log_probabilities(&self, known: Known<'_>) -> Option<Vec<f64>> {
        let logs = self.lexicon.log_probabilities(&self.lexicon.vocabulary().row(known.terms));
        let features = features(known.embedding, &logs, known.columns);
        if features.len() != self.top.params().nrows() {
            return None;
        }
        let x = Array2::from_shape_vec((1, features.len()), features).ok()?;
        log_probabilities(&self.top, &x, logs.len()).pop()
    }
}

/// The features of one message, as the fit and the verdict both use them.
#[must_use]
pub fn features(embedding: &[f32], lexicon: &[f32], columns: &[f32]) -> Vec<f32> {
    let logs: Vec<f32> = lexicon.iter().map(|log| log.max(LEAST_LOG)).collect();
    let mean = logs.iter().sum::<f32>() / logs.len().max(1) as f32;
    let mut out = Vec::with_capacity(embedding.len() + logs.len() + columns.len());
    out.extend(embedding.iter().map(|v| v * EMBEDDING));
    out.extend(logs.iter().map(|log| (log - mean) * LEXICON));
    out.extend(columns.iter().map(|v| v * COLUMNS));
    out
}

/// Log-probabilities of each row of `x`, in the order of the labels.
#[must_use]
pub fn log_probabilities(
    top: &MultiFittedLogisticRegression<f32, usize>,
    x: &Array2<f32>,
    labels: usize,
) -> Vec<Vec<f64>> {
    let p = top.predict_probabilities(x);
    p.outer_iter()
        .map(|row| {
            // classes() maps columns to the numbers given at training, which index the labels.
            let mut out = vec![-27.6; labels];
            for (p, &class) in row.iter().zip(top.classes()) {
                if let Some(slot) = out.get_mut(class) {
                    *slot = f64::from(p.max(1e-12)).ln();
                }
            }
            out
        })
        .collect()
}

fn to_bytes(heads: &Heads) -> Result<Vec<u8>, String> {
    bincode::serde::encode_to_vec(heads, bincode::config::standard()).map_err(|e| e.to_string())
}

fn version_of(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))[..12].to_owned()
}

/// Probabilities from scores, divided by `temperature` first.
#[must_use]
pub fn softmax(scores: &[f64], temperature: f64) -> Vec<f64> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|s| ((s - most) / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

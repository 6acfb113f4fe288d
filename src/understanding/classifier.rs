//! The trained classifier: linfa's multinomial logistic regression on sentence embeddings.

use linfa_logistic::MultiFittedLogisticRegression;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// File with the fitted weights.
pub const WEIGHTS: &str = "classifier.bin";
/// File that describes them.
pub const CARD: &str = "classifier.json";

/// What is known of a model: written beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// First 12 hex digits of the hash of the weights' file.
    pub version: String,
    /// Version of the encoder whose embeddings it was fitted on.
    pub encoder: String,
    /// Labels in the order of the weights' columns.
    pub labels: Vec<String>,
    /// Divides the scores before they become probabilities; fitted on messages not trained on.
    pub temperature: f64,
    /// Messages it was fitted on.
    pub examples: usize,
    /// Share right among messages not trained on (cross-validation), model alone.
    pub held_out_accuracy: f64,
    /// Mean gap between confidence and share right on the same messages (ECE, 15 bins).
    pub held_out_ece: f64,
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

/// A classifier ready to work.
#[derive(Clone, Debug)]
pub struct Classifier {
    weights: MultiFittedLogisticRegression<f32, usize>,
    card: Card,
}

impl Classifier {
    /// A classifier of fitted weights.
    ///
    /// # Errors
    /// When they cannot be written as bytes, which their version is made of.
    pub fn new(weights: MultiFittedLogisticRegression<f32, usize>, mut card: Card) -> Result<Self, String> {
        card.version = version_of(&to_bytes(&weights)?);
        Ok(Self { weights, card })
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
        let (weights, _): (MultiFittedLogisticRegression<f32, usize>, usize) =
            bincode::serde::decode_from_slice(&bytes, bincode::config::standard())
                .map_err(|e| broken(e.to_string()))?;
        if weights.classes().len() != card.labels.len() {
            return Err(broken("weights and labels differ in number".to_owned()));
        }
        Ok(Self { weights, card })
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
        std::fs::write(folder.join(WEIGHTS), to_bytes(&self.weights)?).map_err(|e| e.to_string())
    }

    /// What is known of it.
    #[must_use]
    pub const fn card(&self) -> &Card {
        &self.card
    }

    /// Log-probability of each label for one embedding, in the order of the card's labels, before the temperature.
    #[must_use]
    pub fn log_probabilities(&self, embedding: &[f32]) -> Vec<f64> {
        let Ok(x) = Array2::from_shape_vec((1, embedding.len()), embedding.to_vec()) else { return Vec::new() };
        if embedding.len() != self.weights.params().nrows() {
            return Vec::new();
        }
        let p = self.weights.predict_probabilities(&x);
        // classes() maps columns to the numbers given at training, which index the labels.
        let mut out = vec![f64::NEG_INFINITY; self.card.labels.len()];
        for (column, &class) in self.weights.classes().iter().enumerate() {
            if let Some(slot) = out.get_mut(class) {
                *slot = f64::from(p[(0, column)].max(1e-12)).ln();
            }
        }
        out
    }
}

fn to_bytes(weights: &MultiFittedLogisticRegression<f32, usize>) -> Result<Vec<u8>, String> {
    bincode::serde::encode_to_vec(weights, bincode::config::standard()).map_err(|e| e.to_string())
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

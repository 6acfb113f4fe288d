//! How likely two reports are about one problem: a logistic regression over what speaks for and against it, fitted by
//! `beadle train-matcher` to pairs that people read.

use super::likeness::words::Frequencies;
use super::likeness::{Compared, FEATURES};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// Name of the file in the folder of models.
pub const FILE: &str = "matcher.json";

/// A fitted matcher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// First 12 hex digits of the hash of everything else.
    pub version: String,
    /// Version of the encoder whose embeddings it knows.
    pub encoder: String,
    /// Pairs it was fitted to.
    pub pairs: usize,
    /// Log-odds where nothing is known.
    pub base: f64,
    /// Of each feature: its name, its mean, its spread, and the log-odds that one spread more is worth.
    pub weights: Vec<Weight>,
    /// How rare words are.
    pub frequencies: Frequencies,
}

/// What one feature is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// Its name in [`FEATURES`].
    pub feature: String,
    /// Its mean; what is not known counts as this.
    pub mean: f64,
    /// Its standard deviation, never 0.
    pub spread: f64,
    /// Log-odds for one spread above the mean.
    pub weight: f64,
}

static SHIPPED: LazyLock<Arc<Matcher>> = LazyLock::new(|| {
    let shipped = Matcher::from_json(include_str!("../../models/matcher.json"));
    // A test reads it, so what is shipped can be read.
    Arc::new(shipped.unwrap_or_else(|error| unreachable!("{error}")))
});

impl Matcher {
    /// The one that comes with the program.
    #[must_use]
    pub fn shipped() -> Arc<Self> {
        Arc::clone(&SHIPPED)
    }

    /// The matcher in a folder of models.
    ///
    /// # Errors
    /// One line: it is not there, or is none.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let file = folder.join(FILE);
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        Self::from_json(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// The council's own matcher, where one lies among its models; else the one that comes with the program.
    ///
    /// # Errors
    /// One line: one lies there and cannot be used.
    pub fn among(models: &Path) -> Result<Arc<Self>, String> {
        if models.join(FILE).is_file() { Self::load(models).map(Arc::new) } else { Ok(Self::shipped()) }
    }

    /// Writes the matcher into a folder, which is made where it is missing.
    ///
    /// # Errors
    /// One line: it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), String> {
        let file = folder.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())? + "\n";
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&file, text))
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))
    }

    fn from_json(text: &str) -> Result<Self, String> {
        let matcher: Self = serde_json::from_str(text).map_err(|error| format!("this is no matcher: {error}"))?;
        if matcher.weights.iter().map(|weight| weight.feature.as_str()).ne(FEATURES.iter().copied()) {
            return Err("it was made by another version of beadle: train it again".to_owned());
        }
        Ok(matcher)
    }

    /// Log-odds that what was compared is one problem.
    #[must_use]
    pub fn log_odds(&self, compared: &Compared) -> f64 {
        let worth = |(weight, value): (&Weight, &f64)| {
            if value.is_nan() { 0.0 } else { weight.weight * (value - weight.mean) / weight.spread }
        };
        self.base + self.weights.iter().zip(&compared.features).map(worth).sum::<f64>()
    }

    /// The probability that what was compared is one problem.
    #[must_use]
    pub fn probability(&self, compared: &Compared) -> f64 {
        1.0 / (1.0 + (-self.log_odds(compared)).exp())
    }
}

/// The matcher in force, which can be changed while others compare by it: they finish with the old one. Cheap to clone; all
/// clones are one.
#[derive(Clone, Debug)]
pub struct InForce(Arc<RwLock<Arc<Matcher>>>);

impl InForce {
    /// Begins with this one.
    #[must_use]
    pub fn new(matcher: Arc<Matcher>) -> Self {
        Self(Arc::new(RwLock::new(matcher)))
    }

    /// The one that is in force now.
    #[must_use]
    pub fn now(&self) -> Arc<Matcher> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another one in force.
    pub fn replace(&self, matcher: Arc<Matcher>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = matcher;
    }
}

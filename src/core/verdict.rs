//! What the program thinks a message is, and on what evidence.

use crate::core::case::{Priority, words};
use crate::core::place::Place;
use serde::{Deserialize, Serialize};

words! {
    /// What is to be done with a verdict.
    Disposition {
        /// Routed by itself.
        Auto = "auto" / "Routed automatically",
        /// Offered to a gatekeeper.
        Suggest = "suggest" / "Suggested for review",
        /// The program does not know; a gatekeeper decides.
        Unsure = "unsure" / "Unsure, a person decides",
        /// Under a hold: a person with the right to see it decides.
        Hold = "hold" / "On hold, a person decides",
    }
}

/// One thing that speaks for the verdict, in words that a person can check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// A rule of `rules/` matched.
    Rule {
        /// The rule's id.
        rule: String,
        /// What it says (service, priority or concern).
        says: String,
        /// The words of the message it hit.
        words: String,
    },
    /// The trained model's view, before rules.
    Model {
        /// The model's version.
        version: String,
        /// Service it thinks most likely.
        service: String,
        /// Its probability.
        probability: f64,
    },
    /// The words that weighed most in the model's view of a service.
    Words {
        /// The service.
        service: String,
        /// The words as they stand in the message, weightiest first.
        words: Vec<String>,
    },
    /// Decided cases that the message is most like, nearest first.
    Nearest {
        /// The cases.
        cases: Vec<Near>,
    },
    /// A trained model's score for danger.
    Score {
        /// Of what: `hazard` or `concern`.
        of: String,
        /// The model's version.
        version: String,
        /// The probability it gives.
        probability: f64,
    },
    /// A place that was found.
    Place {
        /// The words that named it.
        words: String,
        /// The place in its usual form.
        name: String,
        /// The ward it lies in.
        ward: Option<String>,
    },
    /// Anything else worth saying.
    Note {
        /// What.
        text: String,
    },
}

/// A decided case beside a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Near {
    /// Its reference.
    pub case: String,
    /// The service it was decided to be for.
    pub service: String,
    /// Cosine of the two embeddings, at most 1.
    pub alike: f64,
}

/// A service with its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Service key.
    pub service: String,
    /// Probability, 0 to 1.
    pub probability: f64,
}

/// A worry about somebody's safety.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// Which: `threat_to_life`, `self_harm`, `domestic_abuse`, `child_at_risk`, `adult_at_risk`; `unclear` for a sign that
    /// goes with several of them.
    pub kind: String,
    /// In words.
    pub reason: String,
}

/// How the reason of a hold begins where it is somebody's safety that holds the case.
const SAFEGUARDING: &str = "Safeguarding: ";

impl Concern {
    /// Why a case is held for this concern.
    #[must_use]
    pub fn hold_reason(&self) -> String {
        format!("{SAFEGUARDING}{}", self.reason)
    }
}

/// Whether a case is held, or was, because somebody may be in danger.
#[must_use]
pub fn is_safeguarding(hold_reason: Option<&str>) -> bool {
    hold_reason.is_some_and(|why| why.starts_with(SAFEGUARDING))
}

/// What the program thinks of a message. It is stored with the decision as it was, so that it can be replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Most likely service.
    pub service: String,
    /// Calibrated probability that it is right, 0 to 1.
    pub confidence: f64,
    /// The likeliest services, best first, at most five.
    pub candidates: Vec<Candidate>,
    /// How pressing.
    pub priority: Priority,
    /// Learned probability that somebody can be physically hurt soon, where such a model took part.
    #[serde(default)]
    pub hazard: Option<f64>,
    /// Learned probability that somebody's safety is a worry, where such a model took part.
    #[serde(default)]
    pub concern: Option<f64>,
    /// ISO 639-1 code of the language the message is in; English where nothing speaks for another.
    pub language: String,
    /// Probability that it is in that language, 0 to 1.
    pub language_confidence: f64,
    /// Where.
    pub place: Option<Place>,
    /// Safeguarding concerns; any one holds the message.
    pub concerns: Vec<Concern>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Version of the model that took part, where one did.
    pub model: Option<String>,
    /// Version (hash) of the rules that took part.
    pub rules: String,
    /// The separate requests it holds, in the order they stand in it; none where it holds one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// What belongs to every part: greeting, who writes and how to reach them, thanks. Empty where there are no parts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub common: String,
    /// Sentence embedding of the message, where the encoder took part; kept for matching, not shown.
    #[serde(skip)]
    pub embedding: Option<Vec<f32>>,
    /// Version of the encoder that made the embedding.
    #[serde(skip)]
    pub encoder: Option<String>,
}

/// One of several requests in one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its words, as they stand in the message.
    pub words: String,
    /// Most likely service.
    pub service: String,
    /// Probability that it is right, 0 to 1.
    pub confidence: f64,
    /// The likeliest services, best first, at most five.
    pub candidates: Vec<Candidate>,
    /// How pressing.
    pub priority: Priority,
    /// Where: named in these words, or else the only place the message names.
    pub place: Option<Place>,
    /// Why.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// From this probability on a resident is answered in the language they seem to write in. Of 4,943 sentences in 33
    /// languages that are not answered, four would have an answer in a wrong language at 0.65 and 22 at 0.55; of 52,239
    /// English reports none at either; of 1,592 sentences in the twelve languages 1,553 are answered in their own, and
    /// at 0.9 it would be 1,496.
    pub const SURE_OF_LANGUAGE: f64 = 0.65;

    /// The language the resident is answered in, where there are words in it: the message's where it is sure, else English.
    #[must_use]
    pub fn language_to_answer(&self) -> &str {
        if self.language_confidence >= Self::SURE_OF_LANGUAGE { &self.language } else { "en" }
    }

    /// The verdict on one part as if it had been a message of its own; none where there is no such part. A worry about
    /// somebody's safety anywhere in the message holds for every part of it.
    #[must_use]
    pub fn of_part(&self, part: usize) -> Option<Self> {
        let part = self.parts.get(part)?;
        Some(Self {
            service: part.service.clone(),
            confidence: part.confidence,
            candidates: part.candidates.clone(),
            priority: if self.concerns.is_empty() { part.priority } else { Priority::Urgent },
            place: part.place.clone(),
            reasons: part.reasons.clone(),
            parts: Vec::new(),
            common: String::new(),
            embedding: None,
            encoder: None,
            ..self.clone()
        })
    }

    /// The part that stays with the case when the others leave it: the first that is about the service the case has, else
    /// the first.
    #[must_use]
    pub fn staying_part(&self, service: &str) -> usize {
        self.parts.iter().position(|p| p.service == service).unwrap_or_default()
    }

    /// The ward of the place, where one was found that is more than a guess: department and councillor hang on it.
    #[must_use]
    pub fn ward(&self) -> Option<&str> {
        self.place.as_ref().filter(|p| p.confidence >= 0.6)?.ward.as_deref()
    }
}

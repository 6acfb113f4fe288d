//! What a message is: language, place, service, priority, worries; each with its evidence.
//!
//! Understanding is a fusion. Rules give hard facts and explanations; the encoder's embedding feeds the classifier; the
//! rules' log-odds are added to its log-probabilities, and one temperature makes the sum a probability. Where encoder or
//! model are missing, rules alone still answer, and say so.

pub mod boundary;
pub mod classifier;
pub mod encoder;
pub mod language;
pub mod place;
pub mod rules;
pub mod split;

use crate::core::verdict::{Candidate, Concern, Reason};
use crate::core::{Place, Priority, Verdict};
use classifier::{Classifier, softmax};
use encoder::Encoder;
use language::Languages;
use place::Places;
use rules::{Effect, Hit, Rules};
use std::sync::{Arc, RwLock};

/// Characters of a message that rules and place names are looked for in: head and tail of a longer one.
const HEAD: usize = 24_000;
const TAIL: usize = 8_000;

/// What is asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Subject; may be empty.
    pub subject: String,
    /// What was written, without quotes and signature.
    pub body: String,
    /// Wards that the addressed councillor stands for, where known: they decide between two streets of one name.
    pub home_wards: Vec<String>,
}

impl Question {
    /// Subject and body as one text, as the encoder reads them.
    #[must_use]
    pub fn text(&self) -> String {
        let subject = strip_reply_marks(&self.subject);
        if subject.is_empty() { self.body.clone() } else { format!("{subject}\n\n{}", self.body) }
    }
}

/// A subject without the `Re:` and `Fwd:` that mail programs put before it.
#[must_use]
pub fn strip_reply_marks(subject: &str) -> &str {
    let mut rest = subject.trim();
    loop {
        let Some((mark, after)) = rest.split_once(':') else { return rest };
        let mark = mark.trim();
        if mark.len() <= 3 && ["re", "fw", "fwd", "aw", "wg", "tr", "rv", "odp"].contains(&mark.to_lowercase().as_str())
        {
            rest = after.trim_start();
        } else {
            return rest;
        }
    }
}

/// Everything that takes part in understanding. Cheap to clone; the rules can be changed while it works.
#[derive(Clone)]
pub struct Understanding {
    rules: Arc<RwLock<Arc<Rules>>>,
    encoder: Option<Encoder>,
    classifier: Option<Arc<Classifier>>,
    languages: Arc<Languages>,
    places: Arc<Places>,
}

impl std::fmt::Debug for Understanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Understanding")
            .field("rules", &self.rules().version)
            .field("model", &self.model_version())
            .finish_non_exhaustive()
    }
}

impl Understanding {
    /// Puts the parts together; encoder and classifier may be missing.
    #[must_use]
    pub fn new(rules: Rules, encoder: Option<Encoder>, classifier: Option<Classifier>, places: Places) -> Self {
        Self {
            rules: Arc::new(RwLock::new(Arc::new(rules))),
            encoder,
            classifier: classifier.map(Arc::new),
            languages: Arc::new(Languages::new()),
            places: Arc::new(places),
        }
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Puts other rules in force; messages being looked at finish with the old ones.
    pub fn replace_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(rules);
    }

    /// Version of the classifier, where there is one.
    #[must_use]
    pub fn model_version(&self) -> Option<&str> {
        self.classifier.as_ref().map(|c| c.card().version.as_str())
    }

    /// The encoder, where there is one.
    #[must_use]
    pub const fn encoder(&self) -> Option<&Encoder> {
        self.encoder.as_ref()
    }

    /// Wards and places.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Judges messages, in order. The encoder takes them all at once; a failure of it leaves the judgement to the rules.
    pub async fn judge(&self, questions: &[Question]) -> Vec<Verdict> {
        self.judge_by(&self.rules(), questions).await
    }

    /// Judges messages as [`Understanding::judge`] does, by these rules.
    pub async fn judge_by(&self, rules: &Rules, questions: &[Question]) -> Vec<Verdict> {
        let texts: Vec<String> = questions.iter().map(Question::text).collect();
        let mut embeddings: Vec<Option<Vec<f32>>> = vec![None; texts.len()];
        let mut fault = None;
        if let Some(encoder) = &self.encoder {
            match encoder.encode(texts.clone()).await {
                Ok(vectors) => embeddings = vectors.into_iter().map(Some).collect(),
                Err(e) => fault = Some(e.to_string()),
            }
        }
        let mut verdicts: Vec<Verdict> = questions
            .iter()
            .zip(&texts)
            .zip(embeddings)
            .map(|((question, text), embedding)| self.judge_one(rules, question, text, embedding, fault.as_deref()))
            .collect();
        split::find(self, rules, questions, &mut verdicts).await;
        verdicts
    }

    fn judge_one(
        &self,
        rules: &Rules,
        question: &Question,
        text: &str,
        embedding: Option<Vec<f32>>,
        fault: Option<&str>,
    ) -> Verdict {
        let text = head_and_tail(text);
        let plain = rules::normalise(&text);
        let hits = rules.hits(&plain);
        let language = self.languages.detect(&text);
        let place = self.places.find(&text, &question.home_wards).into_iter().next();
        let mut reasons = Vec::new();
        let candidates = self.weigh(rules, &hits, embedding.as_deref(), &mut reasons);
        let (priority, concerns) = weigh_priority(&hits);
        reasons.extend(hits.iter().map(reason_of_hit));
        reasons.extend(place.as_ref().map(reason_of_place));
        if let Some(fault) = fault {
            reasons.push(Reason::Note { text: fault.to_owned() });
        } else if embedding.is_none() {
            reasons.push(Reason::Note { text: "Judged by rules alone: the model is not loaded.".to_owned() });
        }
        let best = candidates.first();
        Verdict {
            service: best.map_or_else(|| "general_enquiry".to_owned(), |c| c.service.clone()),
            confidence: best.map_or(0.0, |c| c.probability),
            candidates: candidates.into_iter().take(5).collect(),
            priority,
            language: language.code.to_owned(),
            language_confidence: language.confidence,
            place,
            concerns,
            reasons,
            model: embedding.as_ref().and(self.model_version()).map(str::to_owned),
            rules: rules.version.clone(),
            parts: Vec::new(),
            common: String::new(),
            embedding,
        }
    }

    /// Services with probabilities, best first.
    fn weigh(
        &self,
        rules: &Rules,
        hits: &[Hit<'_>],
        embedding: Option<&[f32]>,
        reasons: &mut Vec<Reason>,
    ) -> Vec<Candidate> {
        let services: Vec<&str> = rules.taxonomy.services.keys().map(String::as_str).collect();
        // A service the model never saw gets the score of one that it thinks as unlikely as one in a thousand.
        let mut scores = vec![-6.9_f64; services.len()];
        let mut temperature = 1.0;
        if let (Some(classifier), Some(embedding)) = (&self.classifier, embedding) {
            let card = classifier.card();
            temperature = card.temperature;
            let logs = classifier.log_probabilities(embedding);
            let mut best: Option<(f64, &str)> = None;
            for (label, log) in card.labels.iter().zip(&logs) {
                if let Ok(at) = services.binary_search(&label.as_str()) {
                    scores[at] = *log;
                }
                if best.is_none_or(|(p, _)| *log > p) {
                    best = Some((*log, label));
                }
            }
            if let Some((log, label)) = best {
                reasons.push(Reason::Model {
                    version: card.version.clone(),
                    service: label.to_owned(),
                    probability: log.exp(),
                });
            }
        }
        if embedding.is_none() || self.classifier.is_none() {
            // With nothing to go by, "a general enquiry" is the honest guess, not the first service of the alphabet.
            if let Ok(at) = services.binary_search(&"general_enquiry") {
                scores[at] += 0.7;
            }
        }
        for (at, weight) in rule_weights(&services, hits) {
            scores[at] += weight;
        }
        let mut candidates: Vec<Candidate> = services
            .iter()
            .zip(softmax(&scores, temperature))
            .map(|(service, probability)| Candidate { service: (*service).to_owned(), probability })
            .collect();
        candidates.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.service.cmp(&b.service)));
        candidates
    }
}

/// What the rules that hit add to each service, by its place in `services` (sorted). Several rules of one service say much
/// the same thing, so after the strongest each counts half.
#[must_use]
pub fn rule_weights(services: &[&str], hits: &[Hit<'_>]) -> Vec<(usize, f64)> {
    let mut by_service: std::collections::BTreeMap<usize, Vec<f64>> = std::collections::BTreeMap::new();
    for hit in hits {
        if let Effect::Service { service, weight } = hit.effect
            && let Ok(at) = services.binary_search(&service.as_str())
        {
            by_service.entry(at).or_default().push(*weight);
        }
    }
    by_service
        .into_iter()
        .map(|(at, mut weights)| {
            weights.sort_by(|a, b| b.total_cmp(a));
            let strongest = weights.first().copied().unwrap_or_default();
            (at, strongest + weights.iter().skip(1).sum::<f64>() / 2.0)
        })
        .collect()
}

/// The highest priority any rule gives; "low" only where nothing says otherwise. A concern is always urgent.
fn weigh_priority(hits: &[Hit<'_>]) -> (Priority, Vec<Concern>) {
    let mut raised: Option<Priority> = None;
    let mut concerns: Vec<Concern> = Vec::new();
    for hit in hits {
        match hit.effect {
            Effect::Priority { priority, .. } => raised = raised.max(Some(*priority)),
            Effect::Concern(concern) if !concerns.contains(concern) => concerns.push(concern.clone()),
            Effect::Concern(_) | Effect::Service { .. } => {}
        }
    }
    let priority = if concerns.is_empty() { raised.unwrap_or(Priority::Normal) } else { Priority::Urgent };
    (priority, concerns)
}

fn reason_of_hit(hit: &Hit<'_>) -> Reason {
    let says = match hit.effect {
        Effect::Service { service, weight } => format!("service {service} ({weight:+.1})"),
        Effect::Priority { priority, reason } => format!("priority {priority}: {reason}"),
        Effect::Concern(concern) => format!("concern {}: {}", concern.kind, concern.reason),
    };
    Reason::Rule { rule: hit.rule.to_owned(), says, words: hit.words.clone() }
}

fn reason_of_place(place: &Place) -> Reason {
    Reason::Place { words: place.words.clone(), name: place.name.clone(), ward: place.ward.clone() }
}

fn head_and_tail(text: &str) -> String {
    let count = text.chars().count();
    if count <= HEAD + TAIL {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(HEAD).collect();
    out.push('\n');
    out.extend(text.chars().skip(count - TAIL));
    out
}

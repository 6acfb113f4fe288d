//! What a message is: language, place, service, priority, worries; each with its evidence.
//!
//! Understanding is a fusion. Rules give hard facts and explanations; the encoder's embedding, the words and letters, and
//! what the rules say feed the classifier, whose probabilities are calibrated on messages it was not trained on. Where
//! encoder or model are missing, rules alone still answer, and say so.

pub mod boundary;
pub mod classifier;
pub mod encoder;
pub mod evidence;
pub mod known;
pub mod language;
pub mod lexical;
pub mod models;
pub mod place;
pub mod priority;
mod reading;
pub mod reply;
pub mod rules;
pub mod split;
mod weigh;

use crate::core::verdict::{Candidate, Part, Reason};
use crate::core::{LookedUp, PhotoPoint, Pointer, SharedPoint, Verdict};
use chrono::NaiveDate;
use encoder::{Encoder, Halfway};
use known::KnownCase;
use language::Languages;
use models::Models;
use place::Places;
pub use reading::head_and_tail;
use reading::{Message, Reading};
use rules::{Effect, Hit, Rules};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use weigh::Said;

/// Likeliest services named in a verdict.
const MOST_CANDIDATES: usize = 5;
/// Known cases named beside a message.
const MOST_NEAR: usize = 3;

/// What is asked about. It is stored with the decision, so that it can be asked again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    /// Subject; may be empty.
    pub subject: String,
    /// What was written, without quotes and signature.
    pub body: String,
    /// Wards that the addressed councillor stands for, where known: they decide between two streets of one name.
    pub home_wards: Vec<String>,
    /// A position that was sent along with the message.
    pub shared: Option<SharedPoint>,
    /// Where the attached photos were taken, by their own account.
    pub photos: Vec<PhotoPoint>,
    /// What others said of its [`Question::pointers`], where the council has them asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub looked_up: Vec<LookedUp>,
    /// The day it came in, local time: dates in it are reckoned from there. Without it they are left alone.
    pub received: Option<NaiveDate>,
}

impl Question {
    /// Subject and body as one text, as the encoder reads them.
    #[must_use]
    pub fn text(&self) -> String {
        let subject = strip_reply_marks(&self.subject);
        if subject.is_empty() { self.body.clone() } else { format!("{subject}\n\n{}", self.body) }
    }

    /// What it names that only somebody else's service can turn into a place: see [`place::pointers`].
    #[must_use]
    pub fn pointers(&self) -> Vec<Pointer> {
        place::pointers(&head_and_tail(&self.text()))
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

/// A message that was judged before, with what needs the encoder.
#[derive(Clone, Debug)]
pub struct Past {
    /// What was asked.
    pub question: Question,
    /// Its embedding, where there is one of this encoder.
    pub embedding: Option<Vec<f32>>,
    /// The probability of a worry about somebody's safety that was learned, as it was heard then.
    pub concern: Option<f64>,
    /// The requests it was found to hold.
    pub parts: Vec<Part>,
}

/// Embeddings of the services' descriptions, for one version of the rules.
#[derive(Debug, Default)]
struct Descriptions {
    rules: String,
    of: BTreeMap<String, Vec<f32>>,
}

/// Everything that takes part in understanding. Cheap to clone; rules, models and known cases can be changed while it
/// works.
#[derive(Clone)]
pub struct Understanding {
    rules: Arc<RwLock<Arc<Rules>>>,
    encoder: Option<Encoder>,
    models: Arc<RwLock<Option<Arc<Models>>>>,
    descriptions: Arc<RwLock<Arc<Descriptions>>>,
    known: Arc<RwLock<Arc<Vec<KnownCase>>>>,
    languages: Arc<Languages>,
    places: Arc<Places>,
}

/// What all messages of a batch are judged by.
struct Bench<'a> {
    rules: &'a Rules,
    models: Option<Arc<Models>>,
    descriptions: Arc<Descriptions>,
    known: Arc<Vec<KnownCase>>,
    /// Version of the encoder.
    encoder: Option<&'a str>,
}

/// How likely it is that somebody's safety is a worry, and who says so.
struct Heard {
    probability: f64,
    version: String,
    /// Why there was no second look where there should have been one.
    fault: Option<String>,
}

impl std::fmt::Debug for Understanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Understanding")
            .field("rules", &self.rules().version)
            .field("model", &self.model_version())
            .finish_non_exhaustive()
    }
}

fn read<T: Clone>(slot: &RwLock<T>) -> T {
    slot.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn replace<T>(slot: &RwLock<T>, value: T) {
    *slot.write().unwrap_or_else(PoisonError::into_inner) = value;
}

impl Understanding {
    /// Puts the parts together; encoder and models may be missing.
    #[must_use]
    pub fn new(rules: Rules, encoder: Option<Encoder>, models: Option<Models>, places: Places) -> Self {
        Self {
            rules: Arc::new(RwLock::new(Arc::new(rules))),
            encoder,
            models: Arc::new(RwLock::new(models.map(Arc::new))),
            descriptions: Arc::default(),
            known: Arc::default(),
            languages: Arc::new(Languages::new()),
            places: Arc::new(places),
        }
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        read(&self.rules)
    }

    /// Puts other rules in force; messages being looked at finish with the old ones.
    pub fn replace_rules(&self, rules: Rules) {
        replace(&self.rules, Arc::new(rules));
    }

    /// The same where those in force are still `those`: whoever loads a file for a while does not undo what somebody else put in force
    /// meanwhile. Says whether they were.
    #[must_use]
    pub fn replace_rules_where(&self, those: &Arc<Rules>, rules: Rules) -> bool {
        let mut slot = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let same = Arc::ptr_eq(&slot, those);
        if same {
            *slot = Arc::new(rules);
        }
        same
    }

    /// The models in force.
    #[must_use]
    pub fn models(&self) -> Option<Arc<Models>> {
        read(&self.models)
    }

    /// Puts other models in force; messages being looked at finish with the old ones.
    pub fn replace_models(&self, models: Models) {
        replace(&self.models, Some(Arc::new(models)));
    }

    /// The same with other models, to compare them; what is put in force here stays out of the original.
    #[must_use]
    pub fn with_models(&self, models: Models) -> Self {
        let models = Arc::new(RwLock::new(Some(Arc::new(models))));
        Self { models, descriptions: Arc::default(), ..self.clone() }
    }

    /// The same with other rules, to see what they would change; what is put in force here stays out of the original.
    #[must_use]
    pub fn with_rules(&self, rules: Arc<Rules>) -> Self {
        Self { rules: Arc::new(RwLock::new(rules)), descriptions: Arc::default(), ..self.clone() }
    }

    /// Says which decided cases there are to compare with, newest first; those past the first [`known::MOST`] are dropped.
    pub fn replace_known(&self, mut cases: Vec<KnownCase>) {
        cases.truncate(known::MOST);
        replace(&self.known, Arc::new(cases));
    }

    /// Version of the services' model, where there is one.
    #[must_use]
    pub fn model_version(&self) -> Option<String> {
        self.models().map(|models| models.service.card().version.clone())
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

    /// Judges messages as [`Understanding::judge`] does, by these rules. What needs no encoder is worked out while it is busy.
    pub async fn judge_by(&self, rules: &Rules, questions: &[Question]) -> Vec<Verdict> {
        let encoding = self.encoder.as_ref().map(|e| e.begin(questions.iter().map(Question::text).collect()));
        let readings: Vec<Reading<'_>> = questions.iter().map(|q| Reading::of(self, rules, q)).collect();
        let mut embeddings: Vec<Option<Vec<f32>>> = vec![None; questions.len()];
        let mut halfway = Vec::new();
        let mut fault = None;
        if let Some(encoding) = encoding {
            match encoding.done().await {
                Ok(read) => (embeddings, halfway) = read.into_iter().map(|(e, halfway)| (Some(e), halfway)).unzip(),
                Err(e) => fault = Some(e.to_string()),
            }
        }
        let bench = Bench { descriptions: self.describe(rules).await, ..self.bench(rules) };
        let heard = self.listen(&bench, &readings, &embeddings, halfway).await;
        let judged = readings.iter().zip(embeddings).zip(&heard);
        let mut verdicts: Vec<Verdict> = judged
            .map(|((reading, embedding), heard)| bench.judge(reading, embedding, heard.as_ref(), fault.as_deref()))
            .collect();
        split::find(self, &bench, &readings, &mut verdicts).await;
        verdicts
    }

    /// Whether somebody's safety is a worry. What is worth it, the encoder looks at a second time; the log-odds of both count
    /// alike. Where it cannot, the model has the say.
    async fn listen(
        &self,
        bench: &Bench<'_>,
        readings: &[Reading<'_>],
        embeddings: &[Option<Vec<f32>>],
        halfway: Vec<Halfway>,
    ) -> Vec<Option<Heard>> {
        let first = readings.iter().zip(embeddings);
        let mut heard: Vec<Option<Heard>> = first.map(|(r, e)| bench.concern(r.message(), e.as_deref())).collect();
        let Some((encoder, version)) = self.encoder.as_ref().and_then(|e| Some((e, e.second_look()?))) else {
            return heard;
        };
        let (mut again, mut from) = (Vec::new(), Vec::new());
        for ((heard, reading), halfway) in heard.iter_mut().zip(readings).zip(halfway) {
            let Some(heard) = heard else { continue };
            if priority::is_worth_a_second_look(heard.probability, &reading.hits) {
                again.push(heard);
                from.push(halfway);
            } else {
                // What is not worth a second look is no worry.
                heard.probability = heard.probability.min(priority::PLAIN_FROM);
            }
        }
        match encoder.look_again(from).done().await {
            Ok(looked) => {
                for (heard, log_odds) in again.into_iter().zip(looked) {
                    heard.probability = priority::together(heard.probability, log_odds);
                    heard.version = format!("{}+{version}", heard.version);
                }
            }
            Err(error) => again.into_iter().for_each(|heard| heard.fault = Some(error.to_string())),
        }
        heard
    }

    /// Encodes the descriptions of services that the model was not trained on, once for each version of the rules in force;
    /// [`Understanding::judge_encoded`] needs it done.
    pub async fn prepare(&self) {
        self.describe(&self.rules()).await;
    }

    async fn describe(&self, rules: &Rules) -> Arc<Descriptions> {
        let known = read(&self.descriptions);
        let (Some(encoder), Some(models)) = (&self.encoder, self.models()) else { return known };
        let version = format!("{}/{}", rules.version, models.service.card().version);
        if known.rules == version {
            return known;
        }
        let labels = &models.service.card().labels;
        let unseen: Vec<_> =
            rules.taxonomy.services.values().filter(|s| labels.binary_search(&s.id).is_err()).collect();
        let texts = unseen.iter().map(|s| format!("{}. {}", s.name, s.description)).collect();
        // Without them such a service still works by its rules; the next batch tries again.
        let Ok(vectors) = encoder.encode(texts).await else { return Arc::default() };
        let of = unseen.iter().map(|s| s.id.clone()).zip(vectors).collect();
        let described = Arc::new(Descriptions { rules: version, of });
        replace(&self.descriptions, Arc::clone(&described));
        described
    }

    /// Judges messages whose embeddings are known already, in order, each as one request and looked at once; call [`Understanding::prepare`]
    /// before.
    #[must_use]
    pub fn judge_encoded(&self, questions: &[Question], embeddings: Vec<Option<Vec<f32>>>) -> Vec<Verdict> {
        let rules = self.rules();
        let bench = self.bench(&rules);
        let judge = |(q, embedding): (&Question, Option<Vec<f32>>)| {
            let reading = Reading::of(self, &rules, q);
            let heard = bench.concern(reading.message(), embedding.as_deref());
            bench.judge(&reading, embedding, heard.as_ref(), None)
        };
        questions.iter().zip(embeddings).map(judge).collect()
    }

    /// Judges messages anew that were judged before, in order, as [`Understanding::judge_encoded`] does; call
    /// [`Understanding::prepare`] before. What was learned about danger counts as it was heard then: to hear it anew takes the encoder.
    #[must_use]
    pub fn judge_anew(&self, past: &[Past]) -> Vec<Verdict> {
        let rules = self.rules();
        let bench = self.bench(&rules);
        let judge = |past: &Past| {
            let reading = Reading::of(self, &rules, &past.question);
            let heard = |probability| Heard { probability, version: String::new(), fault: None };
            let verdict = bench.judge(&reading, past.embedding.clone(), past.concern.map(heard).as_ref(), None);
            Verdict { parts: past.parts.clone(), ..verdict }
        };
        past.iter().map(judge).collect()
    }

    fn bench<'a>(&'a self, rules: &'a Rules) -> Bench<'a> {
        let encoder = self.encoder.as_ref().map(Encoder::version);
        Bench {
            rules,
            models: self.models(),
            descriptions: read(&self.descriptions),
            known: read(&self.known),
            encoder,
        }
    }
}

impl Bench<'_> {
    /// One message as one request.
    fn judge(
        &self,
        reading: &Reading<'_>,
        embedding: Option<Vec<f32>>,
        heard: Option<&Heard>,
        fault: Option<&str>,
    ) -> Verdict {
        let message = reading.message();
        let mut reasons = Vec::new();
        let said = self.said(message, embedding.as_deref());
        let candidates = self.weigh(message, said.as_ref(), &mut reasons);
        let hazard =
            self.models.as_deref().and_then(|models| message.yes(models.hazard.as_ref()?, embedding.as_deref()?));
        let concern = heard.map(|heard| heard.probability);
        let urgency = priority::weigh(&reading.hits, &reading.plain, reading.question.received, hazard, concern);
        if let Some(fault) = heard.and_then(|heard| heard.fault.clone()) {
            reasons.push(Reason::Note { text: format!("No second look was taken: {fault}") });
        }
        if let Some(Heard { probability, version, .. }) =
            heard.filter(|heard| heard.probability >= priority::CONCERN_FROM)
        {
            let (version, probability) = (version.clone(), *probability);
            reasons.push(Reason::Score { of: "concern".to_owned(), version, probability });
        }
        reasons.extend(reading.hits.iter().map(reason_of_hit));
        reasons.extend(urgency.reasons);
        reasons.extend(reading.located.reasons());
        let near = embedding.as_deref().map(|e| known::nearest(&self.known, e, MOST_NEAR)).unwrap_or_default();
        if !near.is_empty() {
            reasons.push(Reason::Nearest { cases: near });
        }
        if let Some(fault) = fault {
            reasons.push(Reason::Note { text: fault.to_owned() });
        } else if said.is_none() {
            reasons.push(Reason::Note { text: "Judged by rules alone: the model is not loaded.".to_owned() });
        }
        let best = candidates.first();
        Verdict {
            service: best.map_or_else(|| "general_enquiry".to_owned(), |c| c.service.clone()),
            confidence: best.map_or(0.0, |c| c.probability),
            priority: urgency.priority,
            hazard,
            concern,
            language: reading.language.code.to_owned(),
            language_confidence: reading.language.confidence,
            place: reading.located.places.first().cloned(),
            concerns: urgency.concerns,
            reasons,
            model: said.as_ref().map(|said| said.model.card().version.clone()),
            rules: self.rules.version.clone(),
            candidates: candidates.into_iter().take(MOST_CANDIDATES).collect(),
            parts: Vec::new(),
            common: String::new(),
            encoder: self.encoder.filter(|_| embedding.is_some()).map(str::to_owned),
            embedding,
        }
    }

    /// What the model of concern says at first, where there is one.
    fn concern(&self, message: Message<'_>, embedding: Option<&[f32]>) -> Option<Heard> {
        let model = self.models.as_deref()?.concern.as_ref()?;
        // A line repeated hundreds of times, hundreds of links, a file pasted as text: unlike anything the model knows, so rules
        // alone judge them.
        if lexical::is_repetitive(message.terms) || lexical::is_noise(message.text) {
            return None;
        }
        Some(Heard { probability: message.yes(model, embedding?)?, version: model.card().version.clone(), fault: None })
    }

    /// What the services' model says, where there is one.
    fn said(&self, message: Message<'_>, embedding: Option<&[f32]>) -> Option<Said<'_>> {
        let (model, embedding) = (&self.models.as_deref()?.service, embedding?);
        let scores = message.scores(model, embedding)?;
        let alike = self.descriptions.of.iter();
        let alike = alike.map(|(service, e)| (service.as_str(), encoder::cosine(e, embedding))).collect();
        Some(Said { model, scores, alike })
    }

    /// Every service, likeliest first; what the model has to say goes to the reasons.
    fn weigh(&self, message: Message<'_>, said: Option<&Said<'_>>, reasons: &mut Vec<Reason>) -> Vec<Candidate> {
        let candidates = weigh::candidates(self.rules, message.columns, said);
        if let Some(said) = said {
            reasons.extend(weigh::reasons(said, candidates.first().map(|c| c.service.as_str()), message));
        }
        candidates
    }
}

fn reason_of_hit(hit: &Hit<'_>) -> Reason {
    let says = match hit.effect {
        Effect::Service { service, weight } => format!("service {service} ({weight:+.1})"),
        Effect::Priority { priority, reason } => format!("priority {priority}: {reason}"),
        Effect::Part { part, reason } => format!("{}: {reason}", part.as_str()),
        Effect::Concern { concern, weight } if *weight < 0.0 => format!("speaks against: {}", concern.reason),
        Effect::Concern { concern, .. } => format!("concern {}: {}", concern.kind, concern.reason),
    };
    Reason::Rule { rule: hit.rule.to_owned(), says, words: hit.words.clone() }
}

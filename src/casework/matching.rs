//! Whether an open case is about the same problem: first form, by near-same words and place.
//!
//! Likeness is half words, half place, each 0 to 1. A contradiction (another house number, another lamp, more than
//! 400 metres apart) means a different problem however alike the words are. Where either place is unknown, only the same
//! person sending the same words again is taken as the same; anybody else is offered to a gatekeeper.

use crate::core::{CaseId, ContactId, Place, Reference, Verdict};
use crate::store::{self, Tx};
use crate::understanding::{Question, encoder, place};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// How far back open cases are looked at.
const WINDOW_DAYS: i64 = 90;
/// Most open cases compared with.
const MOST: i64 = 200;

/// Most characters of a message that are compared.
const MOST_CHARACTERS: usize = 2_000;

/// The open case most like a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The case.
    pub case: CaseId,
    /// Its reference.
    pub reference: Reference,
    /// 0 to 1.
    pub score: f64,
    /// Why, for people.
    pub why: String,
}

/// What open cases were found to be to a message before the transaction that decides on it: comparing takes time, and
/// nobody else writes while a transaction of SQLite is open.
#[derive(Clone, Debug)]
pub struct Compared {
    new: Described,
    /// Each case as it was then: its service, and how like it is.
    cases: BTreeMap<CaseId, (String, Match)>,
}

impl Compared {
    /// A message compared with no case yet.
    #[must_use]
    pub fn with_nothing(question: &Question, verdict: &Verdict) -> Self {
        Self { new: Described::of(question, verdict), cases: BTreeMap::new() }
    }

    /// A message compared with the open cases as they are now. `contact` is who wrote it, where that is sure.
    ///
    /// # Errors
    /// What the database says.
    pub async fn with_open_cases(
        tx: &mut Tx,
        question: &Question,
        verdict: &Verdict,
        contact: Option<&ContactId>,
        now: DateTime<Utc>,
    ) -> store::Result<Self> {
        let mut compared = Self::with_nothing(question, verdict);
        for key in keys(tx, verdict, contact, now).await? {
            if let Some(found) = compare_with(tx, &compared.new, &key.id, verdict, contact).await? {
                compared.cases.insert(key.id, (key.service, found));
            }
        }
        Ok(compared)
    }

    /// The open case most like the message, if any is at all, those in `except` left out. What was opened or changed since
    /// is compared now; what was closed or joined since is left out.
    ///
    /// # Errors
    /// What the database says.
    pub async fn likest(
        &self,
        tx: &mut Tx,
        verdict: &Verdict,
        contact: Option<&ContactId>,
        except: &[CaseId],
        now: DateTime<Utc>,
    ) -> store::Result<Option<Match>> {
        let mut best: Option<Match> = None;
        for key in keys(tx, verdict, contact, now).await?.into_iter().filter(|k| !except.contains(&k.id)) {
            let found = match self.cases.get(&key.id) {
                Some((service, found)) if *service == key.service => Some(found.clone()),
                _ => compare_with(tx, &self.new, &key.id, verdict, contact).await?,
            };
            if let Some(found) = found
                && best.as_ref().is_none_or(|b| found.score > b.score)
            {
                best = Some(found);
            }
        }
        Ok(best)
    }
}

async fn keys(
    tx: &mut Tx,
    verdict: &Verdict,
    contact: Option<&ContactId>,
    now: DateTime<Utc>,
) -> store::Result<Vec<store::case::CandidateKey>> {
    store::case::candidate_keys(tx, &verdict.service, contact, now - TimeDelta::days(WINDOW_DAYS), MOST).await
}

async fn compare_with(
    tx: &mut Tx,
    new: &Described,
    id: &CaseId,
    verdict: &Verdict,
    contact: Option<&ContactId>,
) -> store::Result<Option<Match>> {
    let Some(candidate) = store::case::candidate(tx, id).await? else { return Ok(None) };
    let text = Question { subject: candidate.subject, body: candidate.body, ..Question::default() }.text();
    let known = Described {
        words: words(&text),
        features: place::fixed_features(&text),
        embedding: candidate.embedding.as_deref().map(store::message::from_bytes),
        place: candidate.place.map(|p| p.0).filter(Place::is_spot),
    };
    let same_person = contact.is_some() && candidate.contact_id.as_ref() == contact;
    let (score, why) = compare(new, &known, same_person, candidate.service == verdict.service);
    Ok(Some(Match { case: candidate.id, reference: candidate.reference, score, why }))
}

/// What a comparison looks at.
#[derive(Clone, Debug, Default)]
struct Described {
    words: BTreeSet<String>,
    features: Vec<String>,
    embedding: Option<Vec<f32>>,
    place: Option<Place>,
}

impl Described {
    fn of(question: &Question, verdict: &Verdict) -> Self {
        let text = question.text();
        Self {
            words: words(&text),
            features: place::fixed_features(&text),
            embedding: verdict.embedding.clone(),
            place: verdict.place.clone().filter(Place::is_spot),
        }
    }
}

/// Words that carry meaning: longer than two letters, lower case, without the commonest.
fn words(text: &str) -> BTreeSet<String> {
    let end = text.char_indices().nth(MOST_CHARACTERS).map_or(text.len(), |(at, _)| at);
    let text = &text[..end];
    const COMMON: &[&str] = &[
        "the",
        "and",
        "for",
        "you",
        "are",
        "was",
        "has",
        "have",
        "had",
        "this",
        "that",
        "with",
        "not",
        "but",
        "can",
        "please",
        "there",
        "they",
        "our",
        "your",
        "dear",
        "councillor",
        "cllr",
        "regards",
        "thanks",
        "thank",
        "from",
        "about",
        "been",
        "will",
        "would",
    ];
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|w| w.chars().count() > 2 && !COMMON.contains(&w.as_str()))
        .collect()
}

fn jaccard(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f64 {
    let both = a.intersection(b).count();
    let any = a.union(b).count();
    if any == 0 { 0.0 } else { both as f64 / any as f64 }
}

fn compare(new: &Described, known: &Described, same_person: bool, same_service: bool) -> (f64, String) {
    let shared = jaccard(&new.words, &known.words);
    let meaning = match (&new.embedding, &known.embedding) {
        // Sentences about different things lie around 0.2 to 0.4, about the same thing from 0.6 on.
        (Some(a), Some(b)) => ((encoder::cosine(a, b) - 0.35) / 0.4).clamp(0.0, 1.0),
        _ => 0.0,
    };
    let likeness = shared.max(meaning);
    if let Some(what) = contradiction(&new.features, &known.features) {
        return (likeness * 0.3, format!("different: {what}"));
    }
    let said = format!("{:.0} % of the words shared, meaning {:.0} % alike", shared * 100.0, meaning * 100.0);
    match (&new.place, &known.place) {
        (Some(a), Some(b)) => {
            let metres = a.distance_m(b).unwrap_or(f64::MAX);
            let near = match metres {
                m if m <= 40.0 || a.name == b.name => 1.0,
                m if m <= 150.0 => 0.7,
                m if m <= 400.0 => 0.3,
                _ => return (likeness * 0.2, format!("different: {metres:.0} m apart")),
            };
            // Two services at one place are two problems, unless one person sends the same words again.
            let near = if same_service || shared > 0.8 { near } else { near * 0.3 };
            (0.5 * likeness + 0.5 * near, format!("{said}; {metres:.0} m apart ({} and {})", a.name, b.name))
        }
        _ if same_person && shared >= 0.8 => (0.95, format!("{said}; the same person again")),
        _ if shared >= 0.8 => (0.7, format!("{said}; place not known, other person: perhaps a campaign")),
        _ => (0.5 * likeness, format!("{said}; place not known")),
    }
}

/// Two fixed things of one kind that differ (`lamp 14` and `lamp 22`): then it is not the same problem.
fn contradiction(a: &[String], b: &[String]) -> Option<String> {
    let kind = |feature: &String| feature.split([' ', ':']).next().unwrap_or_default().to_owned();
    for feature in a {
        let same_kind: Vec<&String> = b.iter().filter(|f| kind(f) == kind(feature)).collect();
        if !same_kind.is_empty() && !same_kind.contains(&feature) && !a.iter().any(|f| same_kind.contains(&f)) {
            return Some(format!("{feature} and {}", same_kind[0]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{PlaceSource, Point};

    fn described(text: &str, place: Option<(f64, f64)>) -> Described {
        let place = place.map(|(lat, lon)| Place {
            words: String::new(),
            name: format!("{lat},{lon}"),
            source: PlaceSource::Postcode,
            point: Point::new(lat, lon),
            ward: None,
            confidence: 1.0,
            alternatives: Vec::new(),
        });
        Described { words: words(text), features: place::fixed_features(text), embedding: None, place }
    }

    #[test]
    fn near_same_words_at_one_place_are_the_same_problem() {
        let a = described("Large pothole outside the post office, very deep", Some((54.01, 2.01)));
        let b = described("very deep large pothole outside the post office", Some((54.0101, 2.01)));
        assert!(compare(&a, &b, false, true).0 > 0.8);
    }

    #[test]
    fn two_lamps_of_one_street_are_two_problems() {
        let a = described("Street light out, lamp column 14 in Signal Row", Some((54.01, 2.01)));
        let b = described("Street light out, lamp column 22 in Signal Row", Some((54.01, 2.01)));
        assert!(compare(&a, &b, false, true).0 < 0.5, "{:?}", compare(&a, &b, false, true));
    }

    #[test]
    fn the_same_words_about_a_place_across_town_are_another_problem() {
        let a = described("bin not emptied", Some((54.01, 2.01)));
        let b = described("bin not emptied", Some((54.05, 2.01)));
        assert!(compare(&a, &b, false, true).0 < 0.5);
    }

    #[test]
    fn a_mail_sent_again_by_the_same_person_is_the_same_even_without_a_place() {
        let a = described("I object to the new houses behind the school", None);
        let b = described("I object to the new houses behind the school", None);
        assert!(compare(&a, &b, true, true).0 > 0.9);
        let other = compare(&a, &b, false, true).0;
        assert!(other > 0.55 && other < 0.8, "somebody else's is offered, not joined: {other}");
    }
}

//! Which service: the trained model, the rules and the services' own descriptions, weighed into one probability each.

use super::classifier::{Classifier, softmax};
use super::reading::Message;
use super::rules::Rules;
use crate::core::taxonomy::GENERAL;
use crate::core::verdict::{Candidate, Reason};
use std::collections::BTreeMap;

/// Score of a service that nothing speaks for: as unlikely as one in a thousand.
const UNLIKELY: f64 = -6.9;
/// Words named as those that weighed most.
const MOST_WORDS: usize = 5;

/// What the model says of a message.
#[derive(Clone, Debug)]
pub(super) struct Said<'a> {
    pub(super) model: &'a Classifier,
    /// Calibrated scores in the order of the model's labels.
    pub(super) scores: Vec<f64>,
    /// Likeness of the message to the description of each service the model was not trained on.
    pub(super) alike: BTreeMap<&'a str, f64>,
}

/// Every service with its probability, likeliest first.
///
/// Among the services it was trained on the model has the say, having learned what each rule is worth. A service it has
/// never seen comes in by the odds that its description and its rules give it.
pub(super) fn candidates(rules: &Rules, columns: &BTreeMap<String, f64>, said: Option<&Said<'_>>) -> Vec<Candidate> {
    let services = rules.taxonomy.services.keys();
    let by_rules = |service: &str| columns.get(service).copied().unwrap_or_default();
    let weights: Vec<(&String, f64)> = if let Some(said) = said {
        let card = said.model.card();
        let trained = softmax(&said.scores, 1.0);
        let certain = trained.iter().copied().fold(1e-9, f64::max).ln();
        services
            .map(|service| {
                let weight = match card.labels.binary_search(service) {
                    Ok(at) => trained[at],
                    Err(_) => {
                        let alike = said.alike.get(service.as_str()).copied().unwrap_or_default();
                        let new = !card.columns.contains(service);
                        card.unseen.log_odds(alike, by_rules(service), certain, new).exp()
                    }
                };
                (service, weight)
            })
            .collect()
    } else {
        // With nothing to go by, "a general enquiry" is the honest guess, not the first service of the alphabet.
        let start = |service: &str| UNLIKELY + if service == GENERAL { 0.7 } else { 0.0 };
        services.map(|service| (service, (start(service) + by_rules(service)).exp())).collect()
    };
    let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut out: Vec<Candidate> = weights
        .into_iter()
        .map(|(service, weight)| Candidate { service: service.clone(), probability: weight / sum.max(1e-300) })
        .collect();
    out.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.service.cmp(&b.service)));
    without_those_off(rules, out)
}

/// Leaves out what the council does not take. Its probability goes to nothing else, so that what reads like it is unsure; where it
/// was the likeliest, nobody's enquiry in particular stands first.
fn without_those_off(rules: &Rules, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let is_off = |candidate: &Candidate| rules.taxonomy.services.get(&candidate.service).is_some_and(|s| s.off);
    let first_is_off = candidates.first().is_some_and(is_off);
    candidates.retain(|candidate| !is_off(candidate));
    if first_is_off && let Some(at) = candidates.iter().position(|candidate| candidate.service == GENERAL) {
        candidates[..=at].rotate_right(1);
    }
    candidates
}

/// What the model has to say for itself: its own favourite, and the words that weighed most for the service chosen.
pub(super) fn reasons(said: &Said<'_>, chosen: Option<&str>, message: Message<'_>) -> Vec<Reason> {
    let card = said.model.card();
    let trained = softmax(&said.scores, 1.0);
    let mut out = Vec::new();
    if let Some(best) = (0..trained.len()).max_by(|&a, &b| trained[a].total_cmp(&trained[b])) {
        out.push(Reason::Model {
            version: card.version.clone(),
            service: card.labels[best].clone(),
            probability: trained[best],
        });
    }
    if let Some(at) = chosen.and_then(|service| card.labels.binary_search_by(|l| l.as_str().cmp(service)).ok()) {
        let words = said.model.weightiest(message.text, message.terms, at, MOST_WORDS);
        if !words.is_empty() {
            out.push(Reason::Words { service: card.labels[at].clone(), words });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understanding::rules::Choice;
    use std::path::Path;

    #[test]
    fn what_is_off_is_never_suggested_and_what_reads_like_it_is_unsure() {
        let load = || {
            Rules::load_untried(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).unwrap_or_else(|e| panic!("{e}"))
        };
        let said = BTreeMap::from([("graffiti_and_flyposting".to_owned(), 9.0)]);
        let rules = load();
        assert_eq!(candidates(&rules, &said, None)[0].service, "graffiti_and_flyposting");
        let off = Choice { off: ["graffiti_and_flyposting".to_owned()].into(), ..Choice::default() };
        let chosen = load().chosen(&off).unwrap_or_else(|e| panic!("{e}"));
        assert_ne!(chosen.version, rules.version, "decisions say by which rules they were made");
        let left = candidates(&chosen, &said, None);
        assert!(left.iter().all(|candidate| candidate.service != "graffiti_and_flyposting"));
        assert_eq!(left[0].service, GENERAL);
        assert!(left[0].probability < 0.3, "its share goes to nothing else: {left:?}");
    }

    #[test]
    fn a_choice_that_cannot_be_is_refused() {
        let rules = || {
            Rules::load_untried(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).unwrap_or_else(|e| panic!("{e}"))
        };
        for off in ["no_such_service", GENERAL] {
            let choice = Choice { off: [off.to_owned()].into(), ..Choice::default() };
            assert!(rules().chosen(&choice).is_err(), "{off}");
        }
        let choice = Choice { addresses: [("waste".to_owned(), "nowhere".to_owned())].into(), ..Choice::default() };
        assert!(rules().chosen(&choice).is_err());
    }
}

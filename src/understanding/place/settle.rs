//! Which of several places is meant, and how sure that is.

use super::features;
use super::gazetteer::Entry;
use super::words::Word;
use crate::core::place::distance_m;
use crate::core::{Place, PlaceSource};

/// How sure a kind of finding is by itself.
pub(super) const POSTCODE: f64 = 0.9;
pub(super) const REPAIRED_POSTCODE: f64 = 0.75;
pub(super) const STREET: f64 = 0.8;
pub(super) const BUILDING: f64 = 0.7;
/// A name that is an ordinary word as well.
pub(super) const COMMON_WORD: f64 = 0.6;

/// Factors: one letter wrong; part of a longer name that is not known.
pub(super) const TYPO: f64 = 0.6;
pub(super) const PART_OF_LONGER: f64 = 0.5;
/// Factors: what settled between places of one name.
const BY_POSTCODE_OR_WARD: f64 = 0.95;
const BY_HOME_WARD: f64 = 0.85;
const BY_NEARNESS: f64 = 0.8;
/// Factor: the writer's own address, where the message names another place.
const OWN_ADDRESS: f64 = 0.5;
/// Nothing is surer.
const MOST_SURE: f64 = 0.98;

/// A name or postcode agrees with another within so many metres.
const AGREE_M: f64 = 500.0;
/// The place nearest to another one of the message is taken if it is within so many metres.
const NEAR_M: f64 = 3_000.0;
/// So many places that share a name are told at most when nothing tells them apart.
const MOST_ALIKE: usize = 5;
/// So many places of a message are told at most.
const MOST: usize = 20;

/// A message, as far as places need it.
pub(super) struct Message<'m> {
    pub text: &'m str,
    pub words: &'m [Word<'m>],
    /// Wards that it names.
    pub named_wards: Vec<&'m str>,
    /// Wards of the councillor written to.
    pub home_wards: &'m [String],
}

/// A place and the words it stands at.
pub(super) struct Sighting {
    pub place: Place,
    /// Index of its first word, the house number left aside.
    pub first: usize,
    /// Index of its last word.
    pub last: usize,
}

/// Decides between the places of one name, each with its ward: those that may be meant, with the factor that this
/// leaves of their confidence. What the message says comes before whose councillor it went to.
pub(super) fn settle<'e>(
    message: &Message<'_>,
    candidates: &[(&'e Entry, Option<&str>)],
    others: &[Sighting],
) -> Vec<(&'e Entry, f64)> {
    if let [(only, _)] = candidates {
        return vec![(only, 1.0)];
    }
    let nearest = |only: Option<PlaceSource>, within: f64| {
        let places = others.iter().map(|s| &s.place).filter(|p| only.is_none_or(|source| p.source == source));
        let metres = |entry: &Entry| {
            places.clone().map(|p| distance_m(entry.lat, entry.lon, p.lat, p.lon)).fold(f64::MAX, f64::min)
        };
        let best = candidates.iter().map(|(entry, _)| (*entry, metres(entry))).min_by(|a, b| a.1.total_cmp(&b.1));
        best.filter(|(_, metres)| *metres <= within).map(|(entry, _)| entry)
    };
    let sole_in = |wards: &dyn Fn(&str) -> bool| {
        let mut within = candidates.iter().filter(|(_, ward)| ward.is_some_and(wards));
        within.next().filter(|_| within.next().is_none()).map(|(entry, _)| *entry)
    };
    let settled = nearest(Some(PlaceSource::Postcode), AGREE_M)
        .or_else(|| sole_in(&|ward| message.named_wards.contains(&ward)))
        .map(|entry| (entry, BY_POSTCODE_OR_WARD))
        .or_else(|| {
            sole_in(&|ward| message.home_wards.iter().any(|home| home == ward)).map(|entry| (entry, BY_HOME_WARD))
        })
        .or_else(|| nearest(None, NEAR_M).map(|entry| (entry, BY_NEARNESS)));
    if let Some(settled) = settled {
        return vec![settled];
    }
    let share = 1.0 / candidates.len() as f64;
    candidates.iter().take(MOST_ALIKE).map(|(entry, _)| (*entry, share)).collect()
}

/// Weighs the places of a message against each other: surest first, each once.
pub(super) fn rate(message: &Message<'_>, mut found: Vec<Sighting>) -> Vec<Place> {
    found.sort_by_key(|s| s.first);
    let own = own_addresses(message, &found);
    if own.contains(&false) {
        for (sighting, _) in found.iter_mut().zip(&own).filter(|(_, own)| **own) {
            sighting.place.confidence *= OWN_ADDRESS;
        }
    }
    let before: Vec<Place> = found.iter().map(|s| s.place.clone()).collect();
    for sighting in &mut found {
        let place = &mut sighting.place;
        let agrees = |p: &&Place| p.source != place.source && p.distance_m(place) <= AGREE_M;
        let other = before.iter().filter(agrees).map(|p| p.confidence).fold(0.0, f64::max);
        place.confidence = (1.0 - (1.0 - place.confidence) * (1.0 - other)).min(MOST_SURE);
    }
    // Stable, so that of two places as sure as each other the one named first stands first.
    found.sort_by(|a, b| b.place.confidence.total_cmp(&a.place.confidence));
    let mut places: Vec<Place> = Vec::new();
    for place in found.into_iter().map(|s| s.place) {
        if !places.iter().any(|p| p.name == place.name && p.lat == place.lat && p.lon == place.lon) {
            places.push(place);
        }
    }
    places.truncate(MOST);
    places
}

/// Which sightings are the writer's own address: under the closing line of a letter, or after "I live at".
fn own_addresses(message: &Message<'_>, found: &[Sighting]) -> Vec<bool> {
    let signature = signature(message.text);
    let mut own: Vec<bool> = Vec::new();
    for (index, sighting) in found.iter().enumerate() {
        let words = message.words;
        let said = words[..sighting.first]
            .iter()
            .rev()
            .take(4)
            .any(|w| matches!(w.norm.as_str(), "live" | "lives" | "living" | "address" | "resident"));
        // "I live at 14 Mill Lane, ZM2 3ZS": the postcode belongs to the address before it.
        let continued = index > 0 && own[index - 1] && sighting.first <= found[index - 1].last + 2;
        own.push(words[sighting.first].start >= signature || said || continued);
    }
    own
}

/// Where the last closing line of a letter ends ("Kind regards"), or the end of the text.
fn signature(text: &str) -> usize {
    const CLOSINGS: [&str; 8] =
        ["regards", "sincerely", "faithfully", "truly", "thanks", "thank you", "best wishes", "cheers"];
    let mut at = 0;
    let mut last = text.len();
    for line in text.split_inclusive('\n') {
        at += line.len();
        let line = line.trim().to_lowercase();
        let short =
            line.len() <= 40 && line.split_whitespace().count() <= 4 && !line.split_whitespace().any(|w| w == "for");
        if short && CLOSINGS.iter().any(|closing| line.contains(closing)) {
            last = at;
        }
    }
    last
}

/// Where a place's own words begin when house numbers before it count as part of it: "no. 12", "12-14".
pub(super) fn with_house_number(message: &Message<'_>, first: usize) -> usize {
    let words = message.words;
    let gap = |at: usize| match &message.text[words[at].end..words[at + 1].start] {
        blank_line if blank_line.matches('\n').count() > 1 => "\n",
        gap => gap.trim(),
    };
    let is_house = |at: usize| {
        let year = words[at].norm.len() == 4 && (words[at].norm.starts_with("19") || words[at].norm.starts_with("20"));
        let other = features::numbered(words, at).is_some_and(|feature| !feature.starts_with("no "));
        words[at].is_number() && words[at].norm.len() <= 5 && !year && !other
    };
    let mut start = first;
    if start > 0 && is_house(start - 1) && matches!(gap(start - 1), "" | ",") {
        start -= 1;
        while start > 0 && is_house(start - 1) && matches!(gap(start - 1), "-" | "–" | "/") {
            start -= 1;
        }
        let said = |at: usize| matches!(words[at].norm.as_str(), "no" | "nos" | "number" | "numbers" | "nr");
        if start > 0 && said(start - 1) && matches!(gap(start - 1), "" | "." | ":") {
            start -= 1;
        }
    }
    words[start].start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_ends_at_its_last_closing_line() {
        let text = "Thanks for the lamp.\nA pothole.\n\nMany thanks,\nJo\n3 Beech Avenue";
        assert_eq!(&text[signature(text)..], "Jo\n3 Beech Avenue");
        assert_eq!(signature("thanks for mending Mill Lane"), 28);
        assert_eq!(signature(""), 0);
    }
}

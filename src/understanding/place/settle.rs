//! Which of several places is meant, and how sure that is.

use super::features;
use super::gazetteer::Entry;
use super::words::Word;
use crate::core::place::distance_m;
use crate::core::{Place, Point};

/// How sure a kind of finding is by itself.
pub(super) const POSTCODE: f64 = 0.9;
pub(super) const REPAIRED_POSTCODE: f64 = 0.75;
pub(super) const STREET: f64 = 0.8;
pub(super) const BUILDING: f64 = 0.7;
/// A name that is an ordinary word as well.
pub(super) const COMMON_WORD: f64 = 0.6;
pub(super) const NATURE: f64 = 0.5;
/// Areas and long roads: their middle is hardly ever meant.
pub(super) const SUBURB: f64 = 0.45;
pub(super) const ROAD_NUMBER: f64 = 0.3;
pub(super) const DISTRICT: f64 = 0.3;
pub(super) const TOWN: f64 = 0.2;
pub(super) const UPRN: f64 = 0.93;
pub(super) const JUNCTION: f64 = 0.9;
/// A what3words address is a square of three metres; where nobody was asked, its point is not known.
pub(super) const WHAT3WORDS: f64 = 0.9;
/// What has no point comes after what has one and is at least so sure.
const WITHOUT_POINT: f64 = 0.5;

/// Factors: one letter wrong; part of a longer name that is not known.
pub(super) const TYPO: f64 = 0.6;
pub(super) const PART_OF_LONGER: f64 = 0.5;
/// Factor: two streets meet in several places.
pub(super) const DOUBTFUL_JUNCTION: f64 = 0.6;
/// Factors: what settled between places of one name.
const BY_POSTCODE_OR_WARD: f64 = 0.95;
const BY_AREA: f64 = 0.9;
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
    /// Settlements and districts of postcodes that it names.
    pub named_areas: Vec<String>,
    /// Wards of the councillor written to.
    pub home_wards: &'m [String],
    /// Points that it names or brings along: postcodes, coordinates, a shared position, photos.
    pub near: Vec<Point>,
}

/// A place and the words it stands at.
pub(super) struct Sighting {
    pub place: Place,
    /// Index of its first word, the house number left aside.
    pub first: usize,
    /// Index of its last word.
    pub last: usize,
    /// Whether it is an area whose middle says nothing about other places.
    pub wide: bool,
}

/// A place that a name may stand for.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'g> {
    pub entry: &'g Entry,
    pub ward: Option<&'g str>,
    /// The settlement it lies in and its postcode's first half, empty where not known.
    pub areas: [&'g str; 2],
}

/// Which of the places of a name are meant.
pub(super) struct Settled<'g> {
    /// Those that may be, with the factor that this leaves of their confidence.
    pub meant: Vec<(&'g Entry, f64)>,
    /// What decided between them, to follow "by"; none where there is only one, or nothing did.
    pub by: Option<&'static str>,
}

/// Decides between the places of one name. What the message says comes before whose councillor it went to.
pub(super) fn settle<'g>(message: &Message<'_>, candidates: &[Candidate<'g>], others: &[Sighting]) -> Settled<'g> {
    if let [only] = candidates {
        return Settled { meant: vec![(only.entry, 1.0)], by: None };
    }
    let nearest = |points: &[Point], within: f64| {
        let metres = |entry: &Entry| {
            points.iter().map(|p| distance_m(entry.lat, entry.lon, p.lat(), p.lon())).fold(f64::MAX, f64::min)
        };
        let best = candidates.iter().map(|c| (c.entry, metres(c.entry))).min_by(|a, b| a.1.total_cmp(&b.1));
        best.filter(|(_, metres)| *metres <= within).map(|(entry, _)| entry)
    };
    let sole = |fits: &dyn Fn(&Candidate<'_>) -> bool| {
        let mut within = candidates.iter().filter(|c| fits(c));
        within.next().filter(|_| within.next().is_none()).map(|c| c.entry)
    };
    let in_ward = |c: &Candidate<'_>, wards: &dyn Fn(&str) -> bool| c.ward.is_some_and(wards);
    let in_area = |c: &Candidate<'_>| {
        message.named_areas.iter().any(|named| c.areas.iter().any(|area| area.eq_ignore_ascii_case(named)))
    };
    let beside = || others.iter().filter(|s| !s.wide).filter_map(|s| s.place.point).collect::<Vec<_>>();
    let settled = nearest(&message.near, AGREE_M)
        .map(|entry| (entry, BY_POSTCODE_OR_WARD, "the position named with it"))
        .or_else(|| {
            let entry = sole(&|c| in_ward(c, &|ward| message.named_wards.contains(&ward)))?;
            Some((entry, BY_POSTCODE_OR_WARD, "the ward named with it"))
        })
        .or_else(|| Some((sole(&in_area)?, BY_AREA, "the place or postcode district named with it")))
        .or_else(|| {
            let entry = sole(&|c| in_ward(c, &|ward| message.home_wards.iter().any(|home| home == ward)))?;
            Some((entry, BY_HOME_WARD, "the councillor's own ward"))
        })
        .or_else(|| Some((nearest(&beside(), NEAR_M)?, BY_NEARNESS, "the nearest other place named")));
    if let Some((entry, factor, by)) = settled {
        return Settled { meant: vec![(entry, factor)], by: Some(by) };
    }
    let share = 1.0 / candidates.len() as f64;
    Settled { meant: candidates.iter().take(MOST_ALIKE).map(|c| (c.entry, share)).collect(), by: None }
}

/// What is at least so sure stands before a place without a point.
fn rank(place: &Place) -> f64 {
    if place.point.is_some() { place.confidence } else { WITHOUT_POINT }
}

/// Weighs the places of a message against each other: surest first, each once.
pub(super) fn rate(message: &Message<'_>, mut found: Vec<Sighting>) -> Vec<Sighting> {
    found.sort_by_key(|s| s.first);
    let own = own_addresses(message, &found);
    if own.contains(&false) {
        for (sighting, _) in found.iter_mut().zip(&own).filter(|(_, own)| **own) {
            sighting.place.confidence *= OWN_ADDRESS;
        }
    }
    let before: Vec<Place> = found.iter().filter(|s| !s.wide).map(|s| s.place.clone()).collect();
    for sighting in found.iter_mut().filter(|s| !s.wide) {
        let place = &mut sighting.place;
        let agrees = |p: &&Place| p.source != place.source && p.distance_m(place).is_some_and(|m| m <= AGREE_M);
        let other = before.iter().filter(agrees).map(|p| p.confidence).fold(0.0, f64::max);
        place.confidence = together(place.confidence, other);
    }
    by_rank(&mut found);
    let mut kept: Vec<Sighting> = Vec::new();
    for sighting in found {
        let same = |s: &Sighting| s.place.name == sighting.place.name && s.place.point == sighting.place.point;
        if kept.len() < MOST && !kept.iter().any(same) {
            kept.push(sighting);
        }
    }
    kept
}

/// Surest first; stable, so that of two places as sure as each other the one named first stands first.
pub(super) fn by_rank(found: &mut [Sighting]) {
    found.sort_by(|a, b| rank(&b.place).total_cmp(&rank(&a.place)));
}

/// How sure two findings are together that say the same.
pub(super) fn together(one: f64, other: f64) -> f64 {
    (1.0 - (1.0 - one) * (1.0 - other)).min(MOST_SURE)
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
        // What stands in figures has no word of its own; `first` is the word behind it.
        let start = words.get(sighting.first).map_or(message.text.len(), |word| word.start);
        // Where nothing follows a closing line, nothing is under it.
        let under = start >= signature && signature < message.text.len();
        own.push(under || said || continued);
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

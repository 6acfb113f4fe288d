//! Whether a known case is about the same problem: the matcher's probability, and what is certain either way.
//!
//! A contradiction (another lamp, another plate) or more metres than the service allows (`within_m`, 400 at most) mean a different problem however alike the words are. Where
//! a place is not known, only the same person sending the same words again is taken as the same; anybody else is offered to a
//! gatekeeper.

use super::likeness::marks::{Agreement, compare};
use super::likeness::{ANOTHER, Compared as Likeness, MINUTES, Report, WAS_DONE, compare_reports};
use super::matcher::Matcher;
use crate::core::taxonomy::Taxonomy;
use crate::core::{ContactId, Place, Verdict, square};
use crate::store;
use crate::store::case::Candidate;
use crate::understanding::Question;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// Further apart than this are two problems, in metres.
pub(super) const FAR_M: f64 = square::REACH_M;
/// At most so likely is what contradicts itself.
const DIFFERENT: f64 = 0.2;
/// At most so likely is what a person has to look at.
const OFFERED: f64 = 0.7;
/// So likely is the same mail sent again by the same person.
const SAME_AGAIN: f64 = 0.97;
/// At least so likely is what says most of the same about one address, and leaves no doubt.
const SAME_ADDRESS: f64 = 0.85;
/// Most of the words are so many of them.
const MOST_WORDS: f64 = 0.6;
/// What comes and goes is taken for the same for so many hours.
const DAYS: f64 = 48.0;
/// From this share of the words on they are near the same.
const NEAR_SAME_WORDS: f64 = 0.8;

/// What compares reports.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    /// The matcher in force.
    pub matcher: &'a Matcher,
    /// The services.
    pub taxonomy: &'a Taxonomy,
    /// Whether the new report's writer is vouched for: else nobody knows whether it is somebody else.
    pub verified: bool,
}

impl Judge<'_> {
    fn comes_and_goes(&self, service: &str) -> bool {
        self.taxonomy.services.get(service).is_some_and(|service| service.comes_and_goes)
    }

    fn within_m(&self, service: &str) -> Option<u16> {
        self.taxonomy.services.get(service)?.within_m
    }

    /// A message that came `at` a moment, as it is compared.
    #[must_use]
    pub fn report(&self, question: &Question, verdict: &Verdict, at: DateTime<Utc>) -> Report {
        Report {
            place: verdict.place.clone().filter(Place::is_spot),
            comes_and_goes: self.comes_and_goes(&verdict.service),
            within_m: self.within_m(&verdict.service),
            service: verdict.service.clone(),
            encoder: verdict.encoder.clone(),
            ..Report::of(&question.text(), verdict.embedding.clone(), at)
        }
    }

    /// How likely a known case is about what a message is about, and why. `contact` is the person who wrote it, where that is sure.
    #[must_use]
    pub fn compare(&self, new: &Report, candidate: Candidate, contact: Option<&ContactId>) -> (f64, String) {
        let text = Question { subject: candidate.subject, body: candidate.body, ..Question::default() }.text();
        let known = Report {
            place: candidate.place.map(|place| place.0).filter(Place::is_spot),
            comes_and_goes: self.comes_and_goes(&candidate.service),
            within_m: self.within_m(&candidate.service),
            service: candidate.service,
            encoder: candidate.encoder,
            ..Report::of(&text, candidate.embedding.as_deref().map(store::message::from_bytes), candidate.received_at)
        };
        let writer = match (contact, &candidate.contact_id) {
            (Some(new), Some(known)) if new == known => Writer::Same,
            // A new writer has no contact yet.
            (_, Some(_)) if self.verified => Writer::Other,
            _ => Writer::Unknown,
        };
        judge(self.matcher, &known, new, writer)
    }
}

/// Who wrote the new report, beside who wrote the known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The same person, for sure.
    Same,
    /// Somebody else, for sure.
    Other,
    /// It is not known.
    Unknown,
}

/// How likely a new report is about the same problem as a known one, and why, for people. The matcher has the say but for what is
/// certain either way, and for what a person has to look at.
#[must_use]
pub fn judge(matcher: &Matcher, known: &Report, new: &Report, writer: Writer) -> (f64, String) {
    let compared = compare_reports(known, new, &matcher.frequencies);
    let probability = match writer {
        // What one person sends within minutes are several things. Two people's reports are not, so they count as an hour apart.
        Writer::Other if compared.hours < 1.0 => {
            let later = Report { at: known.at + TimeDelta::hours(1), ..new.clone() };
            matcher.probability(&compare_reports(known, &later, &matcher.frequencies))
        }
        _ => matcher.probability(&compared),
    };
    let said = in_words(known, new, &compared);
    if let Some(what) = &compared.contradiction {
        return (probability.min(DIFFERENT), format!("different: {what}; {said}"));
    }
    let alike = compared.common.share >= NEAR_SAME_WORDS;
    match compared.metres {
        Some(metres) if metres > far_m(known, new) => (probability.min(DIFFERENT), format!("different: {said}")),
        Some(_) => match doubt(known, new, &compared, writer) {
            Some(doubt) => (probability.min(OFFERED), format!("{said}; {doubt}")),
            None if at_one_address(known, new, &compared) => (probability.max(SAME_ADDRESS), said),
            None => (probability, said),
        },
        None if writer == Writer::Same && alike => (SAME_AGAIN, format!("{said}; the same person again")),
        None if alike => (OFFERED, format!("{said}; other person: perhaps a campaign")),
        None => (probability.min(OFFERED), said),
    }
}

/// Beyond how many metres two reports are two problems: what the service of either allows, the wider where they differ.
fn far_m(known: &Report, new: &Report) -> f64 {
    let within = |report: &Report| report.within_m.map_or(FAR_M, f64::from);
    within(known).max(within(new)).min(FAR_M)
}

/// Whether both say most of the same about one house number of one street.
fn at_one_address(known: &Report, new: &Report, compared: &Likeness) -> bool {
    compared.common.share >= MOST_WORDS
        && compare(&known.marks.numbers, &new.marks.numbers) == Agreement::Same
        && compare(&known.marks.streets, &new.marks.streets) == Agreement::Same
}

/// Why a person has to look, however likely it is the same problem.
fn doubt(known: &Report, new: &Report, compared: &Likeness, writer: Writer) -> Option<&'static str> {
    // One lamp, one car. At one address much can be wrong.
    let address = |thing: &&String| ["no ", "flat ", "plot "].iter().any(|kind| thing.starts_with(kind));
    let same_thing =
        known.marks.things.iter().filter(|thing| !address(thing)).any(|thing| new.marks.things.contains(thing));
    if same_thing {
        return None;
    }
    let passing = known.comes_and_goes && new.comes_and_goes;
    if passing && compared.hours > DAYS {
        return Some("what comes and goes may be another one days later");
    }
    if known.words.line == new.words.line {
        return None;
    }
    if known.service != new.service && compared.common.share < NEAR_SAME_WORDS {
        Some("about another service")
    } else if compared.hours < MINUTES && writer != Writer::Other {
        Some("within minutes and in other words: perhaps one person with several reports")
    } else if compare(&known.marks.numbers, &new.marks.numbers) == Agreement::Different {
        Some("it names another number")
    } else if new.words.says(WAS_DONE) || new.words.says(ANOTHER) {
        Some("it speaks of something done before, or of another one")
    } else {
        None
    }
}

/// What speaks for and against it, for people.
fn in_words(known: &Report, new: &Report, compared: &Likeness) -> String {
    let mut said = vec![format!("{:.0} % of the words shared", compared.common.share * 100.0)];
    if let Some(meaning) = compared.meaning {
        said.push(format!("meaning {:.0} % alike", meaning.max(0.0) * 100.0));
    }
    said.push(match (compared.metres, &known.place, &new.place) {
        (Some(metres), Some(a), Some(b)) => format!("{metres:.0} m apart ({} and {})", b.name, a.name),
        _ => "place not known".to_owned(),
    });
    said.push(match compared.hours {
        hours if hours < 1.0 => "within the hour".to_owned(),
        hours if hours < 48.0 => format!("{hours:.0} hours later"),
        hours => format!("{:.0} days later", hours / 24.0),
    });
    let marks = [
        ("number", &known.marks.numbers, &new.marks.numbers),
        ("street", &known.marks.streets, &new.marks.streets),
        ("colour", &known.marks.colours, &new.marks.colours),
    ];
    for (kind, a, b) in marks {
        let list = |marks: &BTreeSet<String>| marks.iter().cloned().collect::<Vec<_>>().join(", ");
        match compare(a, b) {
            Agreement::Same => {
                let both: BTreeSet<String> = a.intersection(b).cloned().collect();
                said.push(format!("the same {kind} ({})", list(&both)));
            }
            Agreement::Different => said.push(format!("another {kind} ({}, not {})", list(b), list(a))),
            Agreement::Silent => {}
        }
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{PlaceSource, Point};

    fn described(text: &str, place: Option<(f64, f64)>) -> Report {
        let place = place.map(|(lat, lon)| Place {
            words: String::new(),
            name: format!("{lat},{lon}"),
            source: PlaceSource::Coordinates,
            point: Point::new(lat, lon),
            ward: None,
            confidence: 1.0,
            alternatives: Vec::new(),
        });
        Report { place, service: "street_lighting".to_owned(), ..Report::of(text, None, DateTime::UNIX_EPOCH) }
    }

    fn judged(a: &Report, b: &Report, writer: Writer) -> (f64, String) {
        judge(&Matcher::shipped(), a, b, writer)
    }

    #[test]
    fn near_same_words_at_one_place_are_likely_the_same_problem() {
        let a = described("Large pothole outside the post office, very deep", Some((54.01, 2.01)));
        let mut b = described("very deep large pothole outside the post office", Some((54.010_01, 2.01)));
        b.at = a.at + TimeDelta::hours(30);
        let (score, why) = judged(&a, &b, Writer::Unknown);
        assert!(score > crate::routing::RoutingPolicy::default().maybe_above, "{score} {why}");
    }

    #[test]
    fn what_stands_at_one_spot_is_not_the_same_three_hundred_metres_on() {
        let text = "The street light has been out since Monday and it is very dark";
        let a = described(text, Some((54.01, 2.01)));
        let b = described(text, Some((54.012_7, 2.01)));
        let (score, why) = judged(
            &Report { within_m: Some(200), ..a.clone() },
            &Report { within_m: Some(200), ..b.clone() },
            Writer::Unknown,
        );
        assert!(score <= DIFFERENT && why.starts_with("different"), "{score} {why}");
        // What is heard far away may be.
        let (_, why) = judged(&Report { within_m: Some(200), ..a }, &b, Writer::Unknown);
        assert!(!why.starts_with("different"), "{why}");
    }

    #[test]
    fn two_lamps_of_one_street_are_two_problems() {
        let a = described("Street light out, lamp column 14 in Signal Row", Some((54.01, 2.01)));
        let b = described("Street light out, lamp column 22 in Signal Row", Some((54.01, 2.01)));
        let (score, why) = judged(&a, &b, Writer::Unknown);
        assert!(score <= DIFFERENT && why.contains("different: "), "{score} {why}");
    }

    #[test]
    fn the_same_words_about_a_place_across_town_are_another_problem() {
        let a = described("bin not emptied", Some((54.01, 2.01)));
        let b = described("bin not emptied", Some((54.05, 2.01)));
        assert!(judged(&a, &b, Writer::Unknown).0 <= DIFFERENT);
    }

    #[test]
    fn a_mail_sent_again_by_the_same_person_is_the_same_even_without_a_place() {
        let a = described("I object to the new houses behind the school", None);
        let b = described("I object to the new houses behind the school", None);
        assert!(judged(&a, &b, Writer::Same).0 >= SAME_AGAIN);
        assert!((judged(&a, &b, Writer::Unknown).0 - OFFERED).abs() < 1e-9, "somebody else's is offered, not joined");
    }

    #[test]
    fn two_people_who_say_most_of_the_same_about_one_address_are_joined() {
        let place = Some((54.016, 2.048));
        let a = described(
            "Pothole Mill Lane\n\nThere is a deep pothole outside number 12 Mill Lane. My wheel was damaged by the pothole.",
            place,
        );
        let mut b = described(
            "Pothole Mill Lane\n\nDeep pothole outside number 12 Mill Lane, my wheel was damaged by it.",
            place,
        );
        b.at = a.at + TimeDelta::seconds(1);
        let (score, why) = judged(&a, &b, Writer::Other);
        assert!(score >= crate::routing::RoutingPolicy::default().join_above, "{score} {why}");
    }

    #[test]
    fn the_words_say_what_counted() {
        let a = described("No 14 Mill Lane, red car", Some((54.01, 2.01)));
        let b = described("still there outside 14 Mill Lane, the blue car", Some((54.01, 2.01)));
        let (_, why) = judged(&a, &b, Writer::Unknown);
        for part in ["the same number (14)", "the same street (mill ln)", "another colour (blue, not red)", "0 m apart"]
        {
            assert!(why.contains(part), "{why}");
        }
    }
}

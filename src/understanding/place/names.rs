//! From names to places: which of the rows of a name are meant, and how sure that is.

use super::gazetteer::{Entry, Hit, Kind, is_part_of_longer};
use super::settle::{self, Candidate, Message, Settled, Sighting};
use super::{MOST_TOLD, MOST_WEIGHED, Places, junction, weigh};
use crate::core::place::distance_m;
use crate::core::{Place, PlaceSource, Point};

/// Rows of one name within this many metres, or in one ward, are one street.
const SAME_STREET_M: f64 = 800.0;
/// So many rows of one name are looked at.
const MOST_ROWS: usize = 500;

impl Places {
    /// Names of the gazetteer: first those that stand for one place, so that they can help with the others.
    pub(super) fn names(
        &self,
        message: &Message<'_>,
        hits: &[Hit],
        found: &mut Vec<Sighting>,
        notes: &mut Vec<String>,
    ) {
        let hits = &hits[..hits.len().min(MOST_WEIGHED)];
        let mut met = vec![false; hits.len()];
        for at in 1..hits.len() {
            let pair = (&hits[at - 1], &hits[at]);
            if !met[at - 1]
                && let Some(junction) = junction::at(&self.gazetteer, message, pair.0, pair.1)
            {
                met[at - 1..=at].fill(true);
                found.extend(self.junction(message, pair, &junction));
            }
        }
        let rest = hits.iter().zip(&met).filter(|(_, met)| !**met).map(|(hit, _)| hit);
        let mut named: Vec<(&Hit, Vec<Candidate<'_>>)> =
            rest.map(|hit| (hit, self.candidates(hit, &message.near))).collect();
        named.sort_by_key(|(_, candidates)| candidates.len() > 1);
        for (hit, candidates) in &named {
            let settled = settle::settle(message, candidates, found);
            notes.extend(self.choice_note(candidates, &settled));
            for (entry, factor) in &settled.meant {
                let mut place = self.named(message, hit, entry, *factor);
                let others = candidates.iter().filter(|c| c.entry != *entry).take(MOST_TOLD);
                place.alternatives =
                    others.map(|c| weigh::alternative(&self.named(message, hit, c.entry, *factor))).collect();
                let wide = matches!(entry.kind, Kind::Suburb | Kind::Town | Kind::RoadNumber | Kind::Nature);
                found.push(Sighting { place, first: hit.first, last: hit.last, wide });
            }
        }
    }

    /// Which places a name may stand for, in words for who has to ask.
    fn choice_note(&self, candidates: &[Candidate<'_>], settled: &Settled<'_>) -> Option<String> {
        let name = self.gazetteer.text(candidates.first()?.entry.name);
        let told = |candidate: &Candidate<'_>| match (candidate.ward, candidate.areas) {
            (Some(ward), _) => format!("in {ward} ward"),
            (None, [area, _]) if !area.is_empty() => format!("in {area}"),
            (None, [_, district]) if !district.is_empty() => format!("in {district}"),
            _ => format!("at {:.4}, {:.4}", candidate.entry.lat, candidate.entry.lon),
        };
        let mut all: Vec<String> = candidates.iter().take(MOST_TOLD).map(told).collect();
        let more = candidates.len() - all.len();
        if more > 0 {
            all.push(format!("{more} more"));
        }
        match (settled.by, settled.meant.first()) {
            (Some(by), Some((meant, _))) => {
                let meant = candidates.iter().find(|c| c.entry == *meant)?;
                Some(format!("Of {} places called {name} the one {} is taken, by {by}.", candidates.len(), told(meant)))
            }
            (None, _) if candidates.len() > 1 => Some(format!(
                "There are {} places called {name} ({}): ask which is meant.",
                candidates.len(),
                all.join(", ")
            )),
            _ => None,
        }
    }

    fn junction(
        &self,
        message: &Message<'_>,
        (first, second): (&Hit, &Hit),
        junction: &junction::Junction<'_>,
    ) -> Option<Sighting> {
        let [a, b] = junction.rows;
        let point = Point::new(f64::midpoint(a.lat, b.lat), f64::midpoint(a.lon, b.lon))?;
        let words = message.words;
        let typo = if first.typo || second.typo { settle::TYPO } else { 1.0 };
        let doubt = if junction.doubtful { settle::DOUBTFUL_JUNCTION } else { 1.0 };
        let place = Place {
            words: message.text[words[first.first].start..words[second.last].end].to_owned(),
            name: format!("{} and {}", self.gazetteer.text(a.name), self.gazetteer.text(b.name)),
            source: PlaceSource::Junction,
            point: Some(point),
            ward: self.ward_at(point.lat(), point.lon()).map(str::to_owned),
            confidence: settle::JUNCTION * typo * doubt,
            alternatives: Vec::new(),
        };
        Some(Sighting { place, first: first.first, last: second.last, wide: false })
    }

    fn named(&self, message: &Message<'_>, hit: &Hit, entry: &Entry, factor: f64) -> Place {
        let kind = match entry.kind {
            Kind::Street => settle::STREET,
            Kind::Site => settle::BUILDING,
            Kind::Nature => settle::NATURE,
            Kind::Suburb => settle::SUBURB,
            Kind::RoadNumber => settle::ROAD_NUMBER,
            Kind::Town => settle::TOWN,
        };
        let base = if self.gazetteer.names[hit.name].common { kind.min(settle::COMMON_WORD) } else { kind };
        let typo = if hit.typo { settle::TYPO } else { 1.0 };
        let longer = if is_part_of_longer(message.words, hit) { settle::PART_OF_LONGER } else { 1.0 };
        let start = settle::with_house_number(message, hit.first);
        Place {
            words: message.text[start..message.words[hit.last].end].to_owned(),
            name: self.gazetteer.text(entry.name).to_owned(),
            source: PlaceSource::Gazetteer,
            point: Point::new(entry.lat, entry.lon),
            ward: self.ward_at(entry.lat, entry.lon).map(str::to_owned),
            confidence: base * typo * longer * factor,
            alternatives: Vec::new(),
        }
    }

    /// The places a name stands for, each with its ward and by one row: the one nearest to a point of the message, else
    /// the first.
    fn candidates(&self, hit: &Hit, near: &[Point]) -> Vec<Candidate<'_>> {
        let metres =
            |e: &Entry| near.iter().map(|p| distance_m(e.lat, e.lon, p.lat(), p.lon())).fold(f64::MAX, f64::min);
        let mut places: Vec<Candidate<'_>> = Vec::new();
        for entry in self.gazetteer.rows(hit.name).iter().take(MOST_ROWS) {
            let ward = self.ward_at(entry.lat, entry.lon);
            let areas = [self.gazetteer.text(entry.area), self.gazetteer.text(entry.district)];
            let candidate = Candidate { entry, ward, areas };
            let same = |known: &&mut Candidate<'_>| {
                (ward.is_some() && ward == known.ward)
                    || distance_m(known.entry.lat, known.entry.lon, entry.lat, entry.lon) < SAME_STREET_M
            };
            match places.iter_mut().find(same) {
                Some(known) if metres(entry) < metres(known.entry) => *known = candidate,
                Some(_) => {}
                None => places.push(candidate),
            }
        }
        places
    }
}

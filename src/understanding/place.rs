//! Where it happened: postcodes, streets, parks and buildings in a message, and the ward they lie in (R12).
//!
//! Three files of the council's own feed it, each of which may be missing: ward boundaries (GeoJSON), postcodes and a
//! gazetteer of names (CSV). What is found is rated: a postcode is surest, then a street, then other places; a name
//! that stands for several places is settled by what else the message says, then by the councillor's own wards, and if
//! nothing settles it, each gets its share of the confidence. An address that is the writer's own, and not that of
//! the problem, counts less when there is another.

mod features;
mod files;
mod gazetteer;
mod postcode;
mod settle;
mod words;

pub use features::fixed_features;

use crate::core::place::distance_m;
use crate::core::{Place, PlaceSource};
use crate::understanding::boundary::{PlaceDataError, Wards};
use gazetteer::{Entry, Gazetteer, Hit, is_part_of_longer};
use postcode::{Found, Postcode};
use settle::{Message, Sighting};
use std::collections::HashMap;
use std::path::Path;
use words::{Word, words};

/// So many characters of a message are searched; places further on are not found.
const SEARCHED: usize = 40_000;
/// Rows of one name within this many metres, or in one ward, are one street.
const SAME_STREET_M: f64 = 800.0;
/// So many rows of one name are looked at.
const MOST_ROWS: usize = 500;

/// So many postcodes, and so many names, of a message are weighed against each other.
const MOST_WEIGHED: usize = 200;

/// What is known of the area: its wards, postcodes and names.
#[derive(Debug, Default)]
pub struct Places {
    wards: Option<Wards>,
    ward_names: Gazetteer,
    postcodes: HashMap<Postcode, (f64, f64)>,
    gazetteer: Gazetteer,
}

impl Places {
    /// Reads what files there are. With none of them no place is ever found.
    ///
    /// - `wards`: GeoJSON, see [`Wards::from_geojson`];
    /// - `postcodes`: CSV with the columns `postcode`, `lat`, `lon` (also `pcd`, `pcds`; `latitude`; `longitude`, `lng`);
    /// - `streets`: CSV with the columns `name`, `kind`, `lat`, `lon`, `postcode`, of which `kind` (else `street`) and
    ///   `postcode` may be missing.
    ///
    /// Columns may stand in any order, and more of them are left alone. Degrees are WGS 84.
    ///
    /// # Errors
    /// Names the file, the line, what is wrong, and what to do about it.
    pub fn load(
        wards: Option<&Path>,
        postcodes: Option<&Path>,
        streets: Option<&Path>,
    ) -> Result<Self, PlaceDataError> {
        let wards = wards.map(|file| Wards::from_geojson(&read(file)?).map_err(|e| e.of(file))).transpose()?;
        let postcodes = postcodes.map(|file| files::postcodes(&read(file)?).map_err(|e| e.of(file))).transpose()?;
        let streets = streets.map(|file| files::streets(&read(file)?).map_err(|e| e.of(file))).transpose()?;
        Ok(Self::new(wards, postcodes.unwrap_or_default(), streets.unwrap_or_default()))
    }

    fn new(wards: Option<Wards>, postcodes: HashMap<Postcode, (f64, f64)>, streets: Vec<Entry>) -> Self {
        let entry = |name: &str| Entry { name: name.to_owned(), kind: "ward".to_owned(), lat: 0.0, lon: 0.0 };
        let ward_names = Gazetteer::new(wards.iter().flat_map(Wards::names).map(entry).collect());
        Self { wards, ward_names, postcodes, gazetteer: Gazetteer::new(streets) }
    }

    /// The wards, where a boundary file was given.
    #[must_use]
    pub const fn wards(&self) -> Option<&Wards> {
        self.wards.as_ref()
    }

    /// How many wards, postcodes and rows of names are known, for `beadle doctor`.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.wards.as_ref().map_or(0, |wards| wards.all().len()), self.postcodes.len(), self.gazetteer.entries.len())
    }

    /// The places in the first 40,000 characters of `text`, surest first, at most twenty. `home_wards` are the wards of
    /// the councillor written to: between places of the same name, the one in them is likelier.
    #[must_use]
    pub fn find(&self, text: &str, home_wards: &[String]) -> Vec<Place> {
        let text = bounded(text);
        let words = words(text);
        let codes = postcode::known(&words, &self.postcodes);
        let hits = self.gazetteer.find(&words);
        let message = Message { text, words: &words, named_wards: self.wards_among(&words, &hits), home_wards };
        let mut found: Vec<Sighting> =
            codes.iter().take(MOST_WEIGHED).filter_map(|code| self.postcode(&message, code)).collect();
        let near: Vec<(f64, f64)> = found.iter().map(|s| (s.place.lat, s.place.lon)).collect();
        let mut named: Vec<(&Hit, Vec<_>)> =
            hits.iter().take(MOST_WEIGHED).map(|hit| (hit, self.candidates(hit, &near))).collect();
        // First the names that stand for one place, so that they can help with the others.
        named.sort_by_key(|(_, candidates)| candidates.len() > 1);
        for (hit, candidates) in &named {
            for (entry, factor) in settle::settle(&message, candidates, &found) {
                let place = self.named(&message, hit, entry, factor);
                found.push(Sighting { place, first: hit.first, last: hit.last });
            }
        }
        settle::rate(&message, found)
    }

    /// Postcodes that are well formed and not in the council's file, as `LS6 3QT`: of another council, or too new.
    #[must_use]
    pub fn unknown_postcodes(&self, text: &str) -> Vec<String> {
        postcode::unknown(&words(bounded(text)), &self.postcodes)
    }

    /// The wards that `text` names, in order: less than a place, but often all that a message says.
    #[must_use]
    pub fn wards_named(&self, text: &str) -> Vec<&str> {
        let words = words(bounded(text));
        self.wards_among(&words, &self.gazetteer.find(&words))
    }

    /// Ward names among the words, other than in the name of a street ("Abbey Gate" is not the ward Abbey).
    fn wards_among(&self, words: &[Word<'_>], streets: &[Hit]) -> Vec<&str> {
        let mut names = Vec::new();
        for hit in self.ward_names.find(words).into_iter().filter(|hit| !hit.typo) {
            let in_street = streets.iter().any(|s| s.first <= hit.last && hit.first <= s.last);
            let in_name = words
                .get(hit.last + 1)
                .is_some_and(|w| w.joined && w.is_capital() && !w.norm.eq_ignore_ascii_case("ward"));
            for entry in &self.ward_names.names[hit.name].entries {
                let name = self.ward_names.entries[*entry].name.as_str();
                if !in_street && !in_name && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    fn ward_at(&self, lat: f64, lon: f64) -> Option<&str> {
        self.wards.as_ref()?.ward_at(lat, lon)
    }

    fn postcode(&self, message: &Message<'_>, found: &Found) -> Option<Sighting> {
        let &(lat, lon) = self.postcodes.get(&found.code)?;
        let place = Place {
            words: message.text[message.words[found.first].start..message.words[found.last].end].to_owned(),
            name: found.code.to_string(),
            source: PlaceSource::Postcode,
            lat,
            lon,
            ward: self.ward_at(lat, lon).map(str::to_owned),
            confidence: if found.repaired { settle::REPAIRED_POSTCODE } else { settle::POSTCODE },
        };
        Some(Sighting { place, first: found.first, last: found.last })
    }

    fn named(&self, message: &Message<'_>, hit: &Hit, entry: &Entry, factor: f64) -> Place {
        let base = match entry.kind.as_str() {
            _ if self.gazetteer.names[hit.name].common => settle::COMMON_WORD,
            "street" => settle::STREET,
            _ => settle::BUILDING,
        };
        let typo = if hit.typo { settle::TYPO } else { 1.0 };
        let longer = if is_part_of_longer(message.words, hit) { settle::PART_OF_LONGER } else { 1.0 };
        let start = settle::with_house_number(message, hit.first);
        Place {
            words: message.text[start..message.words[hit.last].end].to_owned(),
            name: entry.name.clone(),
            source: PlaceSource::Gazetteer,
            lat: entry.lat,
            lon: entry.lon,
            ward: self.ward_at(entry.lat, entry.lon).map(str::to_owned),
            confidence: base * typo * longer * factor,
        }
    }

    /// The places a name stands for, each with its ward and by one row: the one nearest to a postcode of the message,
    /// else the first.
    fn candidates(&self, hit: &Hit, near: &[(f64, f64)]) -> Vec<(&Entry, Option<&str>)> {
        let metres =
            |e: &Entry| near.iter().map(|(lat, lon)| distance_m(e.lat, e.lon, *lat, *lon)).fold(f64::MAX, f64::min);
        let mut places: Vec<(&Entry, Option<&str>)> = Vec::new();
        for entry in
            self.gazetteer.names[hit.name].entries.iter().take(MOST_ROWS).map(|index| &self.gazetteer.entries[*index])
        {
            let ward = self.ward_at(entry.lat, entry.lon);
            let same = |(known, of): &&mut (&Entry, Option<&str>)| {
                (ward.is_some() && ward == *of)
                    || distance_m(known.lat, known.lon, entry.lat, entry.lon) < SAME_STREET_M
            };
            match places.iter_mut().find(same) {
                Some(known) if metres(entry) < metres(known.0) => *known = (entry, ward),
                Some(_) => {}
                None => places.push((entry, ward)),
            }
        }
        places
    }
}

fn read(file: &Path) -> Result<String, PlaceDataError> {
    std::fs::read_to_string(file).map_err(|error| {
        PlaceDataError::new(
            format!("the file cannot be read ({error})"),
            "check its path in the settings, and that it is text in UTF-8",
        )
        .of(file)
    })
}

/// The part of a text that is searched.
fn bounded(text: &str) -> &str {
    text.char_indices().nth(SEARCHED).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests;

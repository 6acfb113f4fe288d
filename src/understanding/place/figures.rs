//! From figures to places: positions that a message names, and properties by their number.

use super::mention::{Mention, Position, What};
use super::settle::{self, Sighting};
use super::words::Word;
use super::{MOST_WEIGHED, Places, area, uprn};
use crate::core::{Place, PlaceSource, Point};

/// So many characters of what was found are repeated in a note.
const MOST_SHOWN: usize = 60;

impl Places {
    /// Positions that stand in figures.
    pub(super) fn figures(
        &self,
        text: &str,
        words: &[Word<'_>],
        mentions: &[Mention],
        notes: &mut Vec<String>,
    ) -> Vec<Sighting> {
        let mut found = Vec::new();
        for mention in mentions {
            let said = text[mention.range.clone()].to_owned();
            let place = match &mention.what {
                What::At(position) => self.at(position, said, notes),
                What::ThreeWords(address) => {
                    notes.push(format!(
                        "\"///{address}\" is a what3words address. Only that company's service knows its point: open \
                         https://what3words.com/{address} to see it."
                    ));
                    let name = format!("///{address}");
                    Some(Place {
                        words: said,
                        name,
                        source: PlaceSource::What3words,
                        point: None,
                        ward: None,
                        confidence: settle::WHAT3WORDS,
                        alternatives: Vec::new(),
                    })
                }
                What::MuteLink(link) => {
                    notes.push(format!(
                        "The link {link} does not say by itself where it points, and links are never followed: open it to see."
                    ));
                    None
                }
            };
            let at = words.partition_point(|word| word.start < mention.range.start);
            found.extend(place.map(|place| Sighting { place, first: at, last: at.saturating_sub(1), wide: false }));
        }
        found
    }

    fn at(&self, position: &Position, said: String, notes: &mut Vec<String>) -> Option<Place> {
        let placed = area::place(self.wards.as_ref(), position.lat, position.lon)?;
        // Two numbers that nobody calls a position, and that are none in the country, are some other numbers.
        if !position.said && !area::is_in_the_country(placed.point) {
            return None;
        }
        let mut shown: String = said.chars().take(MOST_SHOWN).collect();
        if shown.len() < said.len() {
            shown.push('…');
        }
        notes.extend(placed.odd.map(|odd| format!("Of \"{shown}\": {odd}.")));
        notes.extend(position.only.map(|only| format!("\"{shown}\" gives {only}.")));
        Some(Place {
            words: said,
            name: self.label(placed.point),
            source: position.source,
            point: Some(placed.point),
            ward: placed.ward,
            confidence: position.confidence * placed.factor,
            alternatives: Vec::new(),
        })
    }

    /// Properties that are named by their number.
    pub(super) fn properties(&self, text: &str, words: &[Word<'_>], notes: &mut Vec<String>) -> Vec<Sighting> {
        if self.uprns.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for uprn in uprn::find(words).into_iter().take(MOST_WEIGHED) {
            let Ok(at) = self.uprns.binary_search_by_key(&uprn.number, |(number, ..)| *number) else {
                notes.push(format!("The property number (UPRN) {} is not in the council's file.", uprn.number));
                continue;
            };
            let (_, lat, lon) = self.uprns[at];
            let place = Place {
                words: text[words[uprn.first].start..words[uprn.last].end].to_owned(),
                name: format!("UPRN {}", uprn.number),
                source: PlaceSource::Uprn,
                point: Point::new(lat, lon),
                ward: self.ward_at(lat, lon).map(str::to_owned),
                confidence: settle::UPRN,
                alternatives: Vec::new(),
            };
            found.push(Sighting { place, first: uprn.first, last: uprn.last, wide: false });
        }
        found
    }
}

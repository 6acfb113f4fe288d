//! From figures to places: positions that a message names, and properties by their number.

use super::mention::{self, Mention, Position, What};
use super::settle::{self, Sighting};
use super::words::Word;
use super::{Clues, MOST_WEIGHED, Places, area, bounded, uprn};
use crate::core::{Place, PlaceSource, Point, PointsTo};

/// So many characters of what was found are repeated in a note.
const MOST_SHOWN: usize = 60;

impl Places {
    /// Positions that stand in figures, and those that others were asked for.
    pub(super) fn figures(
        &self,
        clues: &Clues<'_>,
        words: &[Word<'_>],
        mentions: &[Mention],
        notes: &mut Vec<String>,
    ) -> Vec<Sighting> {
        let text = bounded(clues.text);
        let mut found = Vec::new();
        for mention in mentions {
            let said = text[mention.range.clone()].to_owned();
            let pointer = mention.pointer();
            let looked_up = clues.looked_up.iter().find(|looked_up| Some(&looked_up.pointer) == pointer.as_ref());
            let points_to = looked_up.map(|looked_up| &looked_up.points_to);
            let place = match &mention.what {
                What::At(position) => self.at(position, said, notes),
                What::ThreeWords(address) => self.three_words(address, points_to, said, notes),
                What::ShortLink(link, _) => self.behind(link, points_to, said, notes),
                What::MuteLink(link) => {
                    notes.push(unread(link));
                    None
                }
            };
            let at = words.partition_point(|word| word.start < mention.range.start);
            found.extend(place.map(|place| Sighting { place, first: at, last: at.saturating_sub(1), wide: false }));
        }
        found
    }

    /// The place of a what3words address: without a point where nobody was asked or nobody answered.
    fn three_words(
        &self,
        address: &str,
        points_to: Option<&PointsTo>,
        said: String,
        notes: &mut Vec<String>,
    ) -> Option<Place> {
        match points_to {
            Some(PointsTo::Spot(point)) => {
                notes.push(format!("what3words gives {point} for \"///{address}\"."));
                let place = self.at(&looked_up(*point), said, notes)?;
                return Some(Place { name: format!("///{address} at {}", place.name), ..place });
            }
            Some(PointsTo::Nothing) => {
                notes.push(format!("what3words knows no address \"///{address}\": perhaps a word of it is mistyped."));
                return None;
            }
            Some(_) => notes.push(format!(
                "\"///{address}\" is a what3words address, which could not be looked up when the message came in: open \
                 https://what3words.com/{address} to see its point."
            )),
            None => notes.push(format!(
                "\"///{address}\" is a what3words address. Only that company's service knows its point: open \
                 https://what3words.com/{address} to see it."
            )),
        }
        Some(Place {
            words: said,
            name: format!("///{address}"),
            source: PlaceSource::What3words,
            point: None,
            ward: None,
            confidence: settle::WHAT3WORDS,
            alternatives: Vec::new(),
        })
    }

    /// The place of the map that a short link leads to.
    fn behind(&self, link: &str, points_to: Option<&PointsTo>, said: String, notes: &mut Vec<String>) -> Option<Place> {
        let note = match points_to {
            Some(PointsTo::Map(map)) => match mention::read_link(map) {
                Some(What::At(position)) => {
                    notes.push(format!("The link {link} was followed to a map that says where."));
                    return self.at(&position, said, notes);
                }
                _ => format!("The link {link} was followed to a map that names no point: open it to see."),
            },
            Some(PointsTo::Elsewhere) => {
                format!("The link {link} does not lead to a map that is known, so it was not followed there.")
            }
            Some(PointsTo::Nothing) => format!("There is nothing behind the link {link} any more."),
            Some(_) => format!(
                "The link {link} could not be followed when the message came in: open it to see where it points."
            ),
            None => unread(link),
        };
        notes.push(note);
        None
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

/// The square of a what3words address, as its company gives it.
const fn looked_up(point: Point) -> Position {
    Position {
        lat: point.lat(),
        lon: point.lon(),
        source: PlaceSource::What3words,
        confidence: settle::WHAT3WORDS,
        said: true,
        only: None,
    }
}

fn unread(link: &str) -> String {
    format!("The link {link} does not say by itself where it points, and was not followed: open it to see.")
}

//! Where it happened: postcodes, streets, parks and buildings in a message, positions that it names by figures or brings
//! along, and the ward they lie in (R12).
//!
//! Files of the council's own feed it, each of which may be missing: ward boundaries (GeoJSON), and gazetteers (CSV) in
//! the layouts that `files` describes. What is found is rated: a postcode or a map's pin is surest, then a street, then
//! other places; a name that stands for several places is settled by what else the message says, then by the councillor's
//! own wards, and if nothing settles it, each gets its share of the confidence and the gatekeeper is told which there are.
//! An address that is the writer's own, and not that of the problem, counts less when there is another.
//!
//! Nothing here makes a call to anybody. What only somebody else's service can resolve (a short link, a what3words address) is
//! named by [`pointers`]; whoever asked for them gives the answers as [`Clues::looked_up`]. Without one it is told as it stands.

mod area;
mod features;
mod figures;
mod files;
mod gazetteer;
mod grid;
mod junction;
mod mention;
mod names;
mod postcode;
mod settle;
mod uprn;
mod weigh;
mod words;

pub use features::fixed_features;

use crate::core::place::distance_m;
use crate::core::verdict::Reason;
use crate::core::{LookedUp, PhotoPoint, Place, PlaceSource, Point, Pointer, SharedPoint};
use crate::understanding::boundary::{PlaceDataError, Wards};
use area::Area;
use files::{Expected, Gathered};
use gazetteer::{Entry, Gazetteer, Hit, Kind, Rows};
use postcode::{District, Found, Postcode};
use settle::{Message, Sighting};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use weigh::Along;
use words::{Word, words};

/// So many characters of a message are searched; places further on are not found.
const SEARCHED: usize = 40_000;
/// So many postcodes, and so many names, of a message are weighed against each other.
const MOST_WEIGHED: usize = 200;
/// A point is told with the name of a street or place within so many metres.
const NEAR_A_NAME_M: f64 = 120.0;
/// So many notes are made of a message.
const MOST_NOTES: usize = 12;
/// So many photos are looked at.
const MOST_PHOTOS: usize = 20;
/// So many places of a name are told, and so many postcodes that are not known.
const MOST_TOLD: usize = 5;

/// What is known of the area: its wards, postcodes, names and properties.
#[derive(Debug, Default)]
pub struct Places {
    wards: Option<Wards>,
    ward_names: Gazetteer,
    postcodes: HashMap<Postcode, (f64, f64)>,
    districts: HashMap<District, Middle>,
    gazetteer: Gazetteer,
    /// By number.
    uprns: Vec<(u64, f64, f64)>,
}

/// The files of an area, each of which may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceFiles {
    /// GeoJSON, see [`Wards::from_geojson`].
    pub wards: Option<PathBuf>,
    /// CSV with the columns `postcode`, `lat`, `lon`.
    pub postcodes: Option<PathBuf>,
    /// CSV with the columns `name`, `kind`, `lat`, `lon`, `postcode`.
    pub streets: Option<PathBuf>,
    /// Files, or folders of `.csv` files, in any layout that is known: the two above, OS Open Names, OS Open UPRN.
    pub gazetteer: Vec<PathBuf>,
}

/// How much is known of an area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaceCounts {
    /// Wards with a boundary.
    pub wards: usize,
    /// Postcodes with a point.
    pub postcodes: usize,
    /// Rows of names: a street has one for each of its sections.
    pub names: usize,
    /// Properties with a UPRN.
    pub uprns: usize,
}

/// What may say where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clues<'c> {
    /// Subject and words.
    pub text: &'c str,
    /// Wards of the councillor written to: between places of the same name, the one in them is likelier.
    pub home_wards: &'c [String],
    /// A position that was sent along.
    pub shared: Option<&'c SharedPoint>,
    /// Where photos were taken.
    pub photos: &'c [PhotoPoint],
    /// What others said of the [`pointers`] in the text.
    pub looked_up: &'c [LookedUp],
}

/// Where it may be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Located {
    /// The places, surest first, at most twenty and those that came along.
    pub places: Vec<Place>,
    /// What a gatekeeper should know of them, a sentence each, at most twelve.
    pub notes: Vec<String>,
}

impl Located {
    /// The place that is taken, how it was found and how sure it is, and what else a gatekeeper should know.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if let Some(best) = self.places.first() {
            let words = if best.words.is_empty() { best.source.label() } else { &best.words };
            let (name, ward) = (best.name.clone(), best.ward.clone());
            reasons.push(Reason::Place { words: words.to_owned(), name, ward });
            let sure = best.confidence * 100.0;
            let text = format!("The place was found by {}, and is {sure:.0} % sure.", best.source.label());
            reasons.push(Reason::Note { text });
        }
        reasons.extend(self.notes.iter().map(|text| Reason::Note { text: text.clone() }));
        reasons
    }
}

/// The middle of the postcodes of a district, and their ward where all of them lie in one.
#[derive(Clone, Debug)]
struct Middle {
    point: Point,
    ward: Option<String>,
}

impl Places {
    /// Reads the council's own three files, see [`PlaceFiles`]. With none of them no place is ever found.
    ///
    /// # Errors
    /// Names the file, the line, what is wrong, and what to do about it.
    pub fn load(
        wards: Option<&Path>,
        postcodes: Option<&Path>,
        streets: Option<&Path>,
    ) -> Result<Self, PlaceDataError> {
        let owned = |path: Option<&Path>| path.map(Path::to_path_buf);
        Self::read(&PlaceFiles {
            wards: owned(wards),
            postcodes: owned(postcodes),
            streets: owned(streets),
            gazetteer: Vec::new(),
        })
    }

    /// Reads what files there are. Of a gazetteer only rows within two kilometres of the wards are kept, where wards are
    /// given; degrees are WGS 84.
    ///
    /// # Errors
    /// Names the file, the line, what is wrong, and what to do about it.
    pub fn read(files: &PlaceFiles) -> Result<Self, PlaceDataError> {
        let wards =
            files.wards.as_ref().map(|file| Wards::from_geojson(&read(file)?).map_err(|e| e.of(file))).transpose()?;
        let mut gathered = Gathered::within(wards.as_ref().and_then(Area::around));
        for (file, expected) in files
            .postcodes
            .iter()
            .map(|file| (file, Expected::Postcodes))
            .chain(files.streets.iter().map(|file| (file, Expected::Names)))
            .chain(files.gazetteer.iter().map(|file| (file, Expected::Any)))
        {
            gathered.take_in(file, expected)?;
        }
        Ok(Self::new(wards, gathered))
    }

    fn new(wards: Option<Wards>, gathered: Gathered) -> Self {
        let Gathered { postcodes, rows, mut uprns, .. } = gathered;
        let mut names = Rows::default();
        for name in wards.iter().flat_map(Wards::names) {
            names.add(name, Kind::Suburb, (0.0, 0.0), "", "");
        }
        uprns.sort_unstable_by_key(|(number, ..)| *number);
        uprns.dedup_by_key(|(number, ..)| *number);
        let districts = middles(wards.as_ref(), &postcodes);
        Self { wards, ward_names: Gazetteer::new(names), postcodes, districts, gazetteer: Gazetteer::new(rows), uprns }
    }

    /// The wards, where a boundary file was given.
    #[must_use]
    pub const fn wards(&self) -> Option<&Wards> {
        self.wards.as_ref()
    }

    /// How many postcodes lie in each ward, in the order of the file: how many people live there, nearly enough to see who is missing.
    #[must_use]
    pub fn postcodes_by_ward(&self) -> Vec<(&str, usize)> {
        let Some(wards) = &self.wards else { return Vec::new() };
        let mut counts: Vec<(&str, usize)> = wards.names().map(|name| (name, 0)).collect();
        for (lat, lon) in self.postcodes.values() {
            let Some(ward) = wards.ward_at(*lat, *lon) else { continue };
            if let Some((_, count)) = counts.iter_mut().find(|(name, _)| *name == ward) {
                *count += 1;
            }
        }
        counts
    }

    /// How much is known, for `beadle doctor`.
    #[must_use]
    pub fn counts(&self) -> PlaceCounts {
        PlaceCounts {
            wards: self.wards.as_ref().map_or(0, |wards| wards.all().len()),
            postcodes: self.postcodes.len(),
            names: self.gazetteer.entries.len(),
            uprns: self.uprns.len(),
        }
    }

    /// The places that a text names; see [`Self::locate`].
    #[must_use]
    pub fn find(&self, text: &str, home_wards: &[String]) -> Vec<Place> {
        self.locate(&Clues { text, home_wards, ..Clues::default() }).places
    }

    /// The places that the first 40,000 characters of a message name, and those that came along with it, surest first.
    #[must_use]
    pub fn locate(&self, clues: &Clues<'_>) -> Located {
        let text = bounded(clues.text);
        let mut notes = Vec::new();
        let mentions = mention::find(text);
        let masked =
            if mentions.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(mention::masked(text, &mentions)) };
        let words = words(&masked);
        let shared = clues.shared.and_then(|shared| self.along(shared, shared.point));
        let photos: Vec<Along<'_, PhotoPoint>> =
            clues.photos.iter().take(MOST_PHOTOS).filter_map(|photo| self.along(photo, photo.point)).collect();

        let codes = postcode::known(&words, &self.postcodes);
        let mut found: Vec<Sighting> =
            codes.iter().take(MOST_WEIGHED).filter_map(|code| self.postcode(text, &words, code)).collect();
        found.extend(self.figures(clues, &words, &mentions, &mut notes));
        found.extend(self.properties(text, &words, &mut notes));
        let exact = found.iter().filter_map(|s| s.place.point);
        let along = shared.iter().map(|s| s.placed.point).chain(photos.iter().map(|p| p.placed.point));
        let near: Vec<Point> = exact.chain(along).collect();
        found.extend(self.districts_in(text, &words, &codes));

        let hits = self.gazetteer.find(&words);
        let message = Message {
            text,
            words: &words,
            named_wards: self.wards_among(&words, &hits),
            named_areas: self.areas_among(&hits, &found),
            home_wards: clues.home_wards,
            near,
        };
        self.names(&message, &hits, &mut found, &mut notes);
        let mut found = settle::rate(&message, found);
        if !photos.is_empty() {
            weigh::photos(&mut found, &photos, &mut notes);
        }
        if let Some(shared) = &shared {
            weigh::shared(&mut found, shared, &message.named_wards, &mut notes);
        }
        if !self.postcodes.is_empty() {
            notes.extend(unknown_note(&postcode::unknown(&words, &self.postcodes)));
        }
        let mut told: Vec<String> = Vec::new();
        for note in notes {
            if told.len() < MOST_NOTES && !told.contains(&note) {
                told.push(note);
            }
        }
        Located { places: found.into_iter().map(|s| s.place).collect(), notes: told }
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
            let in_street = streets.iter().any(|s| {
                let area =
                    matches!(self.gazetteer.rows(s.name).first(), Some(Entry { kind: Kind::Suburb | Kind::Town, .. }));
                !area && s.first <= hit.last && hit.first <= s.last
            });
            let in_name = words
                .get(hit.last + 1)
                .is_some_and(|w| w.joined && w.is_capital() && !w.norm.eq_ignore_ascii_case("ward"));
            for entry in self.ward_names.rows(hit.name) {
                let name = self.ward_names.text(entry.name);
                if !in_street && !in_name && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// Names of settlements that were found, and of districts of postcodes.
    fn areas_among(&self, hits: &[Hit], found: &[Sighting]) -> Vec<String> {
        let settlements = hits.iter().filter_map(|hit| self.gazetteer.rows(hit.name).first());
        let settlements = settlements.filter(|entry| matches!(entry.kind, Kind::Suburb | Kind::Town));
        let districts = found.iter().filter(|s| s.wide).map(|s| s.place.name.clone());
        settlements.map(|entry| self.gazetteer.text(entry.name).to_owned()).chain(districts).collect()
    }

    fn ward_at(&self, lat: f64, lon: f64) -> Option<&str> {
        self.wards.as_ref()?.ward_at(lat, lon)
    }

    fn postcode(&self, text: &str, words: &[Word<'_>], found: &Found) -> Option<Sighting> {
        let &(lat, lon) = self.postcodes.get(&found.code)?;
        let place = Place {
            words: text[words[found.first].start..words[found.last].end].to_owned(),
            name: found.code.to_string(),
            source: PlaceSource::Postcode,
            point: Point::new(lat, lon),
            ward: self.ward_at(lat, lon).map(str::to_owned),
            confidence: if found.repaired { settle::REPAIRED_POSTCODE } else { settle::POSTCODE },
            alternatives: Vec::new(),
        };
        Some(Sighting { place, first: found.first, last: found.last, wide: false })
    }

    /// Districts of postcodes: the middle of an area, and its ward only where that is certain.
    fn districts_in(&self, text: &str, words: &[Word<'_>], codes: &[Found]) -> Vec<Sighting> {
        let found = postcode::districts(words, codes, &self.districts);
        let sighting = |found: &postcode::FoundDistrict| {
            let middle = self.districts.get(&found.district)?;
            let place = Place {
                words: text[words[found.first].start..words[found.last].end].to_owned(),
                name: found.district.to_string(),
                source: PlaceSource::PostcodeDistrict,
                point: Some(middle.point),
                ward: middle.ward.clone(),
                confidence: settle::DISTRICT,
                alternatives: Vec::new(),
            };
            Some(Sighting { place, first: found.first, last: found.last, wide: true })
        };
        found.iter().take(MOST_WEIGHED).filter_map(sighting).collect()
    }

    /// Reads a position that came along as one of the council's area.
    fn along<'c, T>(&self, from: &'c T, point: Point) -> Option<Along<'c, T>> {
        let placed = area::place(self.wards.as_ref(), point.lat(), point.lon())?;
        let name = self.label(placed.point);
        Some(Along { from, placed, name })
    }

    /// A point in figures, with what is near.
    fn label(&self, point: Point) -> String {
        // Two degrees of a thousandth are more than the metres, so few rows need the exact distance.
        let close = |e: &&Entry| (e.lat - point.lat()).abs() < 0.002 && (e.lon - point.lon()).abs() < 0.004;
        let metres = |e: &Entry| distance_m(e.lat, e.lon, point.lat(), point.lon());
        let rows = self.gazetteer.entries.iter().filter(|e| matches!(e.kind, Kind::Street | Kind::Site));
        let nearest = rows.filter(close).map(|e| (metres(e), e)).min_by(|a, b| a.0.total_cmp(&b.0));
        match nearest.filter(|(metres, _)| *metres <= NEAR_A_NAME_M) {
            Some((_, entry)) => format!("{point} (near {})", self.gazetteer.text(entry.name)),
            None => point.to_string(),
        }
    }
}

/// The middle of each district's postcodes.
fn middles(wards: Option<&Wards>, postcodes: &HashMap<Postcode, (f64, f64)>) -> HashMap<District, Middle> {
    #[derive(Default)]
    struct Sum<'w> {
        lat: f64,
        lon: f64,
        count: f64,
        ward: Option<&'w str>,
        several: bool,
    }
    let mut sums: HashMap<District, Sum<'_>> = HashMap::new();
    for (code, &(lat, lon)) in postcodes {
        let sum = sums.entry(code.district()).or_default();
        let ward = wards.and_then(|wards| wards.ward_at(lat, lon));
        sum.several |= sum.count > 0.0 && sum.ward != ward;
        sum.ward = ward;
        sum.lat += lat;
        sum.lon += lon;
        sum.count += 1.0;
    }
    let middle = |(district, sum): (District, Sum<'_>)| {
        let point = Point::new(sum.lat / sum.count, sum.lon / sum.count)?;
        let ward = sum.ward.filter(|_| !sum.several).map(str::to_owned);
        Some((district, Middle { point, ward }))
    };
    sums.into_iter().filter_map(middle).collect()
}

/// What only somebody else's service can turn into a place, each once, in the order of the text.
#[must_use]
pub fn pointers(text: &str) -> Vec<Pointer> {
    let mut found: Vec<Pointer> = Vec::new();
    for pointer in mention::find(bounded(text)).iter().filter_map(mention::Mention::pointer) {
        if !found.contains(&pointer) {
            found.push(pointer);
        }
    }
    found
}

fn unknown_note(codes: &[String]) -> Option<String> {
    let told = codes.iter().take(MOST_TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    match codes.len() {
        0 => None,
        1 => Some(format!("The postcode {told} is not in the council's file: of another council, new, or mistyped.")),
        _ => Some(format!("The postcodes {told} are not in the council's file: of another council, new, or mistyped.")),
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
mod measure;
#[cfg(test)]
mod tests;

//! What a message says against what came along with it: a position that was sent, and where photos were taken.

use super::area::Placed;
use super::settle::{Sighting, by_rank, together};
use crate::core::{Alternative, PhotoPoint, Place, PlaceSource, Point, SharedPoint};

/// Two positions within so many metres say the same.
const SAME_M: f64 = 300.0;

/// How sure a position sent along is by its accuracy in metres, and where it gives none.
const SHARED: [(u32, f64); 3] = [(100, 0.95), (500, 0.85), (2_000, 0.65)];
const SHARED_VAGUE: f64 = 0.4;
const SHARED_UNSAID: f64 = 0.9;
/// How sure a photo is by itself, as one of several taken apart, and its part of the confidence of a place elsewhere that
/// the words name.
const PHOTO: f64 = 0.7;
const ONE_OF_SEVERAL: f64 = 0.5;
const AGAINST_WORDS: f64 = 0.7;
/// From here on a place in the text is certain, and at most so sure are two that contradict each other.
const CERTAIN: f64 = 0.75;
const CONTRADICTED: f64 = 0.55;

/// A position that came along, read as a place of the council.
pub(super) struct Along<'c, T> {
    pub from: &'c T,
    pub placed: Placed,
    /// Its name: figures, and what is near.
    pub name: String,
}

/// Puts photos among the places of the text: surer where they agree with a place, doubted where they do not.
pub(super) fn photos(found: &mut Vec<Sighting>, photos: &[Along<'_, PhotoPoint>], notes: &mut Vec<String>) {
    let mut spots: Vec<&Along<'_, PhotoPoint>> = Vec::new();
    for photo in photos {
        if !spots.iter().any(|spot| spot.placed.point.distance_m(photo.placed.point) <= SAME_M) {
            spots.push(photo);
        }
    }
    let base = if spots.len() > 1 { ONE_OF_SEVERAL } else { PHOTO };
    let named = found.iter().find(|s| is_spot(s)).map(|s| s.place.clone());
    for spot in &spots {
        let (point, file) = (spot.placed.point, &spot.from.file);
        let taken =
            spot.from.taken_at.map_or_else(String::new, |at| format!(" on {}", at.format("%-d %B %Y at %H:%M")));
        if let Some(odd) = &spot.placed.odd {
            notes.push(format!("Of the position in the photo {file}: {odd}."));
        }
        let mut agreed = false;
        for named in found.iter_mut().filter(|s| is_spot(s) && is_within(&s.place, point, SAME_M)) {
            named.place.confidence = together(named.place.confidence, base * spot.placed.factor);
            agreed = true;
        }
        if agreed {
            notes.push(format!("The photo {file} was taken there{taken}, by its own account."));
            continue;
        }
        let mut confidence = base * spot.placed.factor;
        if let Some((named, at)) = named.as_ref().and_then(|named| Some((named, named.point?))) {
            confidence = confidence.min(named.confidence * AGAINST_WORDS);
            let away = far(at.distance_m(point));
            notes.push(format!("The photo {file} was taken{taken} {away} from {}, by its own account.", named.name));
        } else {
            notes.push(format!("The photo {file} was taken{taken} at {}, by its own account.", spot.name));
        }
        found.push(sighting(place_of(spot, file.clone(), PlaceSource::Photo, confidence)));
    }
    by_rank(found);
    let told: Vec<Alternative> =
        found.iter().skip(1).filter(|s| s.place.source == PlaceSource::Photo).map(|s| alternative(&s.place)).collect();
    if let Some(best) = found.first_mut() {
        best.place.alternatives.extend(told);
    }
}

/// Puts the position sent along first, unless the text names a place in another ward with certainty: then that stands
/// first and both are doubted.
pub(super) fn shared(
    found: &mut Vec<Sighting>,
    shared: &Along<'_, SharedPoint>,
    named_wards: &[&str],
    notes: &mut Vec<String>,
) {
    let accuracy = shared.from.accuracy_m;
    let base = accuracy.map_or(SHARED_UNSAID, |metres| {
        SHARED.iter().find(|(most, _)| metres <= *most).map_or(SHARED_VAGUE, |(_, confidence)| *confidence)
    });
    if let Some(odd) = &shared.placed.odd {
        notes.push(format!("Of the position sent along: {odd}."));
    }
    let (at, ward) = (shared.placed.point, shared.placed.ward.as_deref());
    let mut sent = place_of(shared, String::new(), PlaceSource::Shared, base * shared.placed.factor);
    let reach = SAME_M + f64::from(accuracy.unwrap_or(0));
    if let Some(named) = found.iter_mut().find(|s| is_spot(s) && is_within(&s.place, at, reach)) {
        // The words have the name, the position is nearer to the spot.
        sent.confidence = together(sent.confidence, named.place.confidence);
        sent.words.clone_from(&named.place.words);
        sent.name = format!("{} ({at})", named.place.name);
        found.insert(0, sighting(sent));
        return;
    }
    let of_ward = |ward: Option<&str>| ward.map_or_else(|| "in no ward".to_owned(), |ward| format!("in {ward} ward"));
    let contradicts = |p: &Place| p.confidence >= CERTAIN && p.ward.is_some() && p.ward.as_deref() != ward;
    if let Some(other) = found.first().map(|s| s.place.clone()).filter(contradicts) {
        notes.push(format!(
            "The position sent along is {}, but the words name {} {}: ask which is meant.",
            of_ward(ward),
            other.name,
            of_ward(other.ward.as_deref())
        ));
        sent.confidence = sent.confidence.min(CONTRADICTED);
        for named in found.iter_mut() {
            named.place.confidence = named.place.confidence.min(CONTRADICTED);
        }
        found[0].place.alternatives.push(alternative(&sent));
        found.insert(1, sighting(sent));
        return;
    }
    if let Some(other) = named_wards.first().filter(|_| !named_wards.iter().any(|named| Some(*named) == ward)) {
        notes.push(format!("The position sent along is {}, but the words name the ward {other}.", of_ward(ward)));
        sent.confidence = sent.confidence.min(CONTRADICTED);
    }
    // A position that is far away, or good to some kilometres only, does not beat a street that was named.
    let stays = |s: &&Sighting| sent.confidence < CONTRADICTED && s.place.confidence > sent.confidence;
    let before = found.iter().take_while(stays).count();
    for beaten in &mut found[before..] {
        beaten.place.confidence = beaten.place.confidence.min(sent.confidence);
    }
    if let Some((named, point)) =
        found[before..].iter().filter(|s| is_spot(s)).find_map(|s| Some((&s.place, s.place.point?)))
    {
        let away = far(point.distance_m(at));
        notes.push(format!("The position sent along is {away} from {}, which the words name.", named.name));
        sent.alternatives.push(alternative(named));
    }
    found.insert(before, sighting(sent));
}

fn sighting(place: Place) -> Sighting {
    Sighting { place, first: usize::MAX, last: usize::MAX, wide: false }
}

/// Whether it is a spot: not an area, whose middle proves nothing against a position within it.
fn is_spot(sighting: &Sighting) -> bool {
    !sighting.wide && sighting.place.point.is_some()
}

fn is_within(place: &Place, point: Point, metres: f64) -> bool {
    place.point.is_some_and(|at| at.distance_m(point) <= metres)
}

fn place_of<T>(along: &Along<'_, T>, words: String, source: PlaceSource, confidence: f64) -> Place {
    Place {
        words,
        name: along.name.clone(),
        source,
        point: Some(along.placed.point),
        ward: along.placed.ward.clone(),
        confidence,
        alternatives: Vec::new(),
    }
}

/// A place as another one's alternative.
pub(super) fn alternative(place: &Place) -> Alternative {
    Alternative { name: place.name.clone(), point: place.point, ward: place.ward.clone() }
}

fn far(metres: f64) -> String {
    if metres < 950.0 {
        format!("{:.0} m", (metres / 50.0).round() * 50.0)
    } else {
        format!("{:.1} km", metres / 1_000.0)
    }
}

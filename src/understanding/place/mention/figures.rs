//! Coordinates that stand in the text: degrees with decimals, degrees with minutes, references on the British National
//! Grid by letters or by easting and northing.

use super::{MOST, Mention, Position, What};
use crate::core::PlaceSource;
use crate::understanding::place::grid;
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// How sure a pair is by its last digit: four decimals are ten metres.
const EXACT: f64 = 0.93;
const ROUGH: f64 = 0.75;
/// A grid reference to 10 m, to 100 m, and to a kilometre.
const GRID_10: f64 = 0.9;
const GRID_100: f64 = 0.8;
const GRID_1000: f64 = 0.4;

/// The pairs of coordinates in a text.
pub(super) fn find(text: &str) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    let readers: [fn(&str) -> Vec<Mention>; 4] = [minutes_in, decimals_in, letters_in, metres_in];
    for mention in readers.iter().flat_map(|reader| reader(text)) {
        if !found.iter().any(|m| m.range.start < mention.range.end && mention.range.start < m.range.end) {
            found.push(mention);
        }
    }
    found
}

/// A pair of decimal numbers at the beginning of a text, as links have them: `54.02878,2.05309` or with a blank.
pub(super) fn pair(text: &str) -> Option<(f64, f64)> {
    static PAIR: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\s*([+-]?\d{1,3}(?:\.\d+)?)\s*,[\s+]*([+-]?\d{1,3}(?:\.\d+)?)(?:[^\d.].*)?$").ok()
    });
    let hit = PAIR.as_ref()?.captures(text)?;
    Some((hit[1].parse().ok()?, hit[2].parse().ok()?))
}

/// A pair of degrees and minutes as links have it: `54°01'43.6"N+2°03'11.1"E`.
pub(super) fn minutes(text: &str) -> Option<(f64, f64)> {
    let hit = MINUTES.as_ref()?.captures(text)?;
    of_minutes(&hit)
}

fn mention(
    range: std::ops::Range<usize>,
    (lat, lon): (f64, f64),
    source: PlaceSource,
    confidence: f64,
    said: bool,
) -> Mention {
    Mention { range, what: What::At(Position { lat, lon, source, confidence, said, only: None }) }
}

static MINUTES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let angle = |degrees: &str| {
        format!(
            r#"({degrees})\s*[°º]\s*(\d{{1,2}}(?:\.\d+)?)\s*['′’]\s*(?:(\d{{1,2}}(?:\.\d+)?)\s*(?:["″”]|''|′′|’’)\s*)?"#
        )
    };
    let (lat, lon) = (angle(r"\d{1,2}"), angle(r"\d{1,3}"));
    Regex::new(&format!(r"(?i)(?:\b([NS])\s*)?\b{lat}([NS]\b)?[\s,;/+]*(?:([EW])\s*)?{lon}([EW]\b)?")).ok()
});

fn of_minutes(hit: &Captures<'_>) -> Option<(f64, f64)> {
    let angle = |first: usize| {
        let part = |at: usize| hit.get(at).map_or(Some(0.0), |m| m.as_str().parse::<f64>().ok());
        let (degrees, minutes, seconds) = (part(first)?, part(first + 1)?, part(first + 2)?);
        (minutes < 60.0 && seconds < 60.0).then_some(degrees + minutes / 60.0 + seconds / 3_600.0)
    };
    let side =
        |before: usize, after: usize| hit.get(before).or_else(|| hit.get(after)).map(|m| m.as_str().to_uppercase());
    // Without E or W nobody knows on which side of Greenwich it is.
    let east = side(6, 10)? == "E";
    let south = side(1, 5).is_some_and(|side| side == "S");
    let (lat, lon) = (angle(2)?, angle(7)?);
    Some((if south { -lat } else { lat }, if east { lon } else { -lon }))
}

fn minutes_in(text: &str) -> Vec<Mention> {
    let hits = MINUTES.iter().flat_map(|regex| regex.captures_iter(text)).take(MOST);
    hits.filter_map(|hit| Some(mention(hit.get(0)?.range(), of_minutes(&hit)?, PlaceSource::Coordinates, EXACT, true)))
        .collect()
}

/// `54.02878, -1.53090`; `54.0287° N 1.5309° W`; `Lat: 54.0287 Long: -1.5309`. At least three decimals, so that no prices
/// and measures are taken; and without a word, a letter or a comma that says so at least four.
fn decimals_in(text: &str) -> Vec<Mention> {
    static DECIMALS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let number = r"([+\-−]?\d{1,3}\.\d{3,15})\s*°?\s*";
        let (lat, lon) = (r"(lat(?:itude)?[\s:=]{0,3})?", r"(?:,?\s*(?:and\s+)?(long?(?:itude)?|lng)[\s:=]{0,3})");
        Regex::new(&format!(
            r"(?i)(?:^|[^\w.+\-−]){lat}(?:([NS])\s*)?{number}([NS]\b)?(?:(\s*[,;/|]\s*)|{lon}|\s+)?(?:([EW])\s*)?{number}([EW]\b)?"
        ))
        .ok()
    });
    let mut found = Vec::new();
    for hit in DECIMALS.iter().flat_map(|regex| regex.captures_iter(text)).take(MOST) {
        let value = |at: usize| hit.get(at).and_then(|m| m.as_str().replace('−', "-").parse::<f64>().ok());
        let side =
            |before: usize, after: usize| hit.get(before).or_else(|| hit.get(after)).map(|m| m.as_str().to_uppercase());
        let (Some(first), Some(second), Some(from), Some(all)) = (value(3), value(8), hit.get(3), hit.get(0)) else {
            continue;
        };
        let (north, east) = (side(2, 4), side(7, 9));
        let signed = |value: f64, negative: bool| if negative { -value.abs() } else { value };
        let lat = signed(first, north.as_deref() == Some("S"));
        let lon = signed(second, east.as_deref() == Some("W"));
        let decimals = [3, 8].map(|at| hit.get(at).map_or(0, |m| m.as_str().split('.').nth(1).map_or(0, str::len)));
        let said = hit.get(1).is_some() || hit.get(6).is_some() || north.is_some() || east.is_some();
        let exact = decimals.iter().all(|d| *d >= 4);
        if said || exact || (hit.get(5).is_some() && decimals.contains(&3)) {
            let start = hit.get(1).or_else(|| hit.get(2)).unwrap_or(from).start();
            let confidence = if exact { EXACT } else { ROUGH };
            let end = all.start() + all.as_str().trim_end().len();
            found.push(mention(start..end, (lat, lon), PlaceSource::Coordinates, confidence, said));
        }
    }
    found
}

/// `TQ 1234 5678`, `TQ12345678`, `TQ123456`; shorter ones only where they are called a grid reference.
fn letters_in(text: &str) -> Vec<Mention> {
    static LETTERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let said = r"(?i:((?:grid|map|os|n\.?g\.?r\.?)(?:\s?(?:grid))?(?:\s?(?:ref|reference))?\.?\s?(?:no|number|is)?[\s:=\-]{1,3}))?";
        Regex::new(&format!(r"{said}\b([HNOST][A-HJ-Z]) ?(\d{{2,10}})(?: (\d{{2,5}}))?\b")).ok()
    });
    let mut found = Vec::new();
    for hit in LETTERS.iter().flat_map(|regex| regex.captures_iter(text)).take(MOST) {
        let (Some(letters), Some(first)) = (hit.get(2), hit.get(3)) else { continue };
        let second = hit.get(4).filter(|second| second.len() == first.len());
        let digits = format!("{}{}", first.as_str(), second.map_or("", |second| second.as_str()));
        let said = hit.get(1).is_some();
        if digits.len() < if said { 4 } else { 6 } {
            continue;
        }
        let Some((east, north, half)) = grid::square(letters.as_str(), &digits) else { continue };
        let Some(point) = grid::to_degrees(east, north) else { continue };
        let confidence = match half {
            h if h <= 5.0 => GRID_10,
            h if h <= 50.0 => GRID_100,
            _ => GRID_1000,
        };
        let end = second.map_or(first.end(), |second| second.end());
        found.push(mention(letters.start()..end, point, PlaceSource::GridReference, confidence, said));
    }
    found
}

/// `Easting 512345 Northing 145678`, `E: 512345, N: 145678`.
fn metres_in(text: &str) -> Vec<Mention> {
    static METRES: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:eastings?|e|x)[\s:=]{1,3}(\d{6}(?:\.\d+)?)[\s,;/]{1,4}(?:northings?|n|y)[\s:=]{1,3}(\d{5,7}(?:\.\d+)?)\b").ok()
    });
    let hits = METRES.iter().flat_map(|regex| regex.captures_iter(text)).take(MOST);
    hits.filter_map(|hit| {
        let point = grid::to_degrees(hit[1].parse().ok()?, hit[2].parse().ok()?)?;
        Some(mention(hit.get(0)?.range(), point, PlaceSource::GridReference, GRID_10, true))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: &str) -> Vec<(f64, f64)> {
        let round = |n: f64| (n * 10_000.0).round() / 10_000.0;
        let told = |mention: Mention| match mention.what {
            What::At(p) => Some((round(p.lat), round(p.lon))),
            _ => None,
        };
        find(text).into_iter().filter_map(told).collect()
    }

    #[test]
    fn pairs_of_degrees_are_read_in_the_ways_they_are_written() {
        for text in [
            "at 54.0287, -1.5309 please",
            "54.0287 -1.5309",
            "(54.0287,-1.5309)",
            "54.0287N, 1.5309W",
            "54.0287° N 1.5309° W",
            "N54.0287 W1.5309",
            "Lat: 54.0287 Long: -1.5309",
            "latitude 54.0287, longitude -1.5309.",
            "lat=54.0287 lon=-1.5309",
            "54.0287 / −1.5309",
            "54°01'43.3\"N 1°31'51.2\"W",
            "54° 1′ 43.3″ N, 1° 31′ 51.2″ W",
            "54°01.722'N 001°31.854'W",
            "N 54° 1' 43.3\" W 1° 31' 51.2\"",
            "54º 1’ 43.3” N 1º 31’ 51.2” W",
        ] {
            let found = points(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!((found[0].0 - 54.0287).abs() < 2e-4 && (found[0].1 + 1.5309).abs() < 2e-4, "{text}: {found:?}");
        }
    }

    #[test]
    fn other_numbers_are_no_degrees() {
        for text in [
            "12.50, 13.99",
            "version 1.2.345 1.2.346",
            "call 020 7946 0123",
            "it is 54.028 metres and 1.53 wide",
            "54.028 1.530",
            "54.0287",
            "£1,000.000, 2",
            "54°01'43\" 1°31'51\"",
            "54°71'00\"N 1°31'00\"W",
            "on 01.02.2026, 03.04.2026",
        ] {
            assert!(points(text).is_empty(), "{text}: {:?}", points(text));
        }
    }

    #[test]
    fn a_grid_reference_is_the_middle_of_its_square() {
        let caister = (52.658, 1.7161);
        for text in [
            "TG 51409 13177",
            "TG5140913177",
            "TG 5140 1317",
            "grid ref TG 514 131",
            "NGR: TG51401317",
            "OS grid reference TG514131",
        ] {
            let found = points(text);
            assert_eq!(found.len(), 1, "{text}");
            let metres = crate::core::place::distance_m(found[0].0, found[0].1, caister.0, caister.1);
            assert!(metres < 90.0, "{text}: {metres}");
        }
        let metres = points("Easting: 651409 Northing: 313177");
        assert!((metres[0].0 - caister.0).abs() < 1e-3 && (metres[0].1 - caister.1).abs() < 1e-3);
        for text in ["TG 1234", "plate AB12 CDE", "TG 123 45", "NR17 1AB", "tg514131", "STAR 514131", "SO 2026"] {
            assert!(points(text).is_empty(), "{text}: {:?}", points(text));
        }
    }
}

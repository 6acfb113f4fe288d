//! Where something is.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Two mentions farther apart than this, in metres, are of two places.
pub const ANOTHER_PLACE_M: f64 = 400.0;

/// A point on the earth in degrees, WGS 84: finite, and within 90 and 180 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Degrees")]
pub struct Point {
    lat: f64,
    lon: f64,
}

/// What a point is read from; it may be anything.
#[derive(Deserialize)]
struct Degrees {
    lat: f64,
    lon: f64,
}

impl TryFrom<Degrees> for Point {
    type Error = &'static str;

    fn try_from(degrees: Degrees) -> Result<Self, Self::Error> {
        Self::new(degrees.lat, degrees.lon).ok_or("no degrees of latitude and longitude")
    }
}

// No point holds a NaN, so equality is reflexive.
impl Eq for Point {}

impl Point {
    /// A point of so many degrees north and east; none where they are no place on earth.
    #[must_use]
    pub fn new(lat: f64, lon: f64) -> Option<Self> {
        (lat.abs() <= 90.0 && lon.abs() <= 180.0).then_some(Self { lat, lon })
    }

    /// Degrees north.
    #[must_use]
    pub const fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east.
    #[must_use]
    pub const fn lon(self) -> f64 {
        self.lon
    }

    /// Metres to another point, on a sphere: good to half a per cent, which is far below a postcode's own size.
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        distance_m(self.lat, self.lon, other.lat, other.lon)
    }
}

impl fmt::Display for Point {
    /// `54.02878, 2.05309`: five places, about a metre.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.5}, {:.5}", self.lat, self.lon)
    }
}

/// A place found in a message, or that came with it. Stored as JSON; what is newer than a row is filled in when it is
/// read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The words in the message that named it, as they stand there; of a photo its file name, and empty where nobody
    /// named it.
    pub words: String,
    /// The name in its usual form: a postcode `ZM1 4QT`, a street's name, `54.02878, 2.05309 (near Mill Lane)`.
    pub name: String,
    /// How it was found.
    pub source: PlaceSource,
    /// Where; none for a what3words address that was not looked up: only that company knows its point. `lat` and `lon` in JSON.
    #[serde(flatten)]
    pub point: Option<Point>,
    /// Name of the ward it lies in, where the boundary file has one there.
    pub ward: Option<String>,
    /// 0 to 1: how sure it is that this is the place meant.
    pub confidence: f64,
    /// Other places that the same words, or what else came with the message, may mean; for the one who asks which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
}

/// A place that may be meant instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// Its name.
    pub name: String,
    /// Where.
    #[serde(flatten)]
    pub point: Option<Point>,
    /// Its ward.
    pub ward: Option<String>,
}

/// How a place was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceSource {
    /// A postcode in the text.
    Postcode,
    /// The first half of a postcode: the middle of its district.
    PostcodeDistrict,
    /// A street, park, building or settlement of the gazetteer.
    Gazetteer,
    /// Two streets of the gazetteer that are said to meet.
    Junction,
    /// A property's number (UPRN).
    Uprn,
    /// A link to a map.
    Link,
    /// Degrees of latitude and longitude.
    Coordinates,
    /// A reference on the British National Grid.
    GridReference,
    /// A what3words address.
    What3words,
    /// A position that was sent along with the message.
    Shared,
    /// Where a photo was taken, by its own account.
    Photo,
    /// A person says so in words that no list of the council's has.
    Person,
}

impl PlaceSource {
    /// In words that follow "by".
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Postcode => "a postcode",
            Self::PostcodeDistrict => "the first half of a postcode",
            Self::Gazetteer => "a name in the gazetteer",
            Self::Junction => "two streets that meet",
            Self::Uprn => "a property's number (UPRN)",
            Self::Link => "a link to a map",
            Self::Coordinates => "coordinates in the text",
            Self::GridReference => "a National Grid reference",
            Self::What3words => "a what3words address",
            Self::Shared => "the position sent along",
            Self::Photo => "the position in a photo",
            Self::Person => "a person's own words",
        }
    }
}

impl Place {
    /// From this confidence on the point is more than the middle of an area or one of several of a name.
    const SPOT: f64 = 0.45;

    /// Whether its point can be compared with another one's: two reports from the same postcode district are not near each
    /// other for that.
    #[must_use]
    pub fn is_spot(&self) -> bool {
        self.point.is_some() && self.source != PlaceSource::PostcodeDistrict && self.confidence > Self::SPOT
    }

    /// The place of a point that is known for sure.
    #[must_use]
    pub fn at(point: Point) -> Self {
        Self {
            words: String::new(),
            name: point.to_string(),
            source: PlaceSource::Coordinates,
            point: Some(point),
            ward: None,
            confidence: 1.0,
            alternatives: Vec::new(),
        }
    }

    /// Its point, where it is a spot.
    #[must_use]
    pub fn spot(&self) -> Option<Point> {
        self.point.filter(|_| self.is_spot())
    }

    /// Its name with its point, or with the address where the point can be seen.
    #[must_use]
    pub fn whereabouts(&self) -> String {
        match self.point {
            Some(point) if self.name.contains(&point.to_string()) => self.name.clone(),
            Some(point) => format!("{} ({point})", self.name),
            None if self.source == PlaceSource::What3words => {
                format!("{} (https://what3words.com/{})", self.name, self.name.trim_start_matches('/'))
            }
            None => self.name.clone(),
        }
    }

    /// How it was found, for a page.
    #[must_use]
    pub fn found_in(&self) -> String {
        match self.source {
            PlaceSource::Photo => format!("The position in the photo {}", self.words),
            PlaceSource::Shared if self.words.is_empty() => "The position sent along with the message".to_owned(),
            PlaceSource::Shared => format!("The position sent along, and the words \"{}\"", self.words),
            // Of what nobody found in the message, somebody said that it is there.
            _ if self.words.is_empty() => "Chosen by a person".to_owned(),
            _ => format!("Found in the words \"{}\"", self.words),
        }
    }

    /// Whether it is no nearer known than by its postcode or street.
    #[must_use]
    pub const fn is_coarse(&self) -> bool {
        matches!(self.source, PlaceSource::Postcode | PlaceSource::PostcodeDistrict | PlaceSource::Gazetteer)
    }

    /// Metres between two places; none where one of them has no point.
    #[must_use]
    pub fn distance_m(&self, other: &Self) -> Option<f64> {
        Some(self.point?.distance_m(other.point?))
    }
}

/// A position that the sender's program sent along with a message, such as Telegram's location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedPoint {
    /// Where.
    pub point: Point,
    /// How far off it may be, in metres, where the channel says so.
    #[serde(default)]
    pub accuracy_m: Option<u32>,
}

/// Where and when an attached photo was taken, by its own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoPoint {
    /// The attachment's name.
    pub file: String,
    /// Where.
    pub point: Point,
    /// When, by the camera's clock, which knows no time zone.
    #[serde(default)]
    pub taken_at: Option<NaiveDateTime>,
}

/// Metres between two points given in degrees (haversine, earth radius 6,371,009 m).
#[must_use]
pub fn distance_m(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    let (p1, p2) = (lat1.to_radians(), lat2.to_radians());
    let (dp, dl) = (p2 - p1, (lon2 - lon1).to_radians());
    let a = (dp / 2.0).sin().powi(2) + p1.cos() * p2.cos() * (dl / 2.0).sin().powi(2);
    2.0 * 6_371_009.0 * a.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_stored_before_there_were_alternatives_still_reads_and_its_point_keeps_its_keys() {
        let old = r#"{"words":"zm14qt","name":"ZM1 4QT","source":"postcode","lat":54.02878,"lon":2.05309,"ward":"Abbey","confidence":0.9}"#;
        let place: Place = serde_json::from_str(old).unwrap();
        assert_eq!((place.point, place.alternatives.len()), (Point::new(54.02878, 2.05309), 0));
        let before: serde_json::Value = serde_json::from_str(old).unwrap();
        assert_eq!(serde_json::to_value(&place).unwrap(), before);
    }

    #[test]
    fn a_place_without_a_point_comes_back_as_it_was() {
        let words = "///filled.count.soap".to_owned();
        let place = Place {
            name: words.clone(),
            words,
            source: PlaceSource::What3words,
            point: None,
            ward: None,
            confidence: 0.9,
            alternatives: vec![Alternative { name: "Mill Lane".to_owned(), point: Point::new(54.0, 2.0), ward: None }],
        };
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place, "{text}");
    }

    #[test]
    fn no_point_is_off_the_earth() {
        for (lat, lon) in [(f64::NAN, 0.0), (0.0, f64::INFINITY), (90.1, 0.0), (0.0, -180.1)] {
            assert_eq!(Point::new(lat, lon), None, "{lat} {lon}");
        }
        assert!(serde_json::from_str::<Point>(r#"{"lat":91.0,"lon":0.0}"#).is_err());
    }
}

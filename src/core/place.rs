//! Where something is.

use serde::{Deserialize, Serialize};

/// A place found in a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The words in the message that named it, as they stand there.
    pub words: String,
    /// The name in its usual form: a postcode `ZM1 4QT` or a street's name.
    pub name: String,
    /// How it was found.
    pub source: PlaceSource,
    /// Degrees north, WGS 84.
    pub lat: f64,
    /// Degrees east, WGS 84.
    pub lon: f64,
    /// Name of the ward it lies in, where the boundary file has one there.
    pub ward: Option<String>,
    /// 0 to 1: how sure it is that this is the place meant.
    pub confidence: f64,
}

/// How a place was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceSource {
    /// A postcode in the text.
    Postcode,
    /// A street, park or building of the gazetteer.
    Gazetteer,
}

impl Place {
    /// Metres between two places, on a sphere: good to half a per cent, which is far below a postcode's own size.
    #[must_use]
    pub fn distance_m(&self, other: &Self) -> f64 {
        distance_m(self.lat, self.lon, other.lat, other.lon)
    }
}

/// Metres between two points given in degrees (haversine, earth radius 6,371,009 m).
#[must_use]
pub fn distance_m(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    let (p1, p2) = (lat1.to_radians(), lat2.to_radians());
    let (dp, dl) = (p2 - p1, (lon2 - lon1).to_radians());
    let a = (dp / 2.0).sin().powi(2) + p1.cos() * p2.cos() * (dl / 2.0).sin().powi(2);
    2.0 * 6_371_009.0 * a.sqrt().min(1.0).asin()
}

//! The area that places are looked for in.

use crate::core::Point;
use crate::understanding::boundary::Wards;
use geo::BoundingRect;

/// A street over the border may be meant: so far around the wards rows are kept, in metres.
const MARGIN_M: f64 = 2_000.0;
/// Metres in a degree of latitude.
const DEGREE_M: f64 = 111_195.0;

/// A rectangle in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    south: f64,
    west: f64,
    north: f64,
    east: f64,
}

/// The United Kingdom with its waters near the coast.
const UNITED_KINGDOM: Area = Area { south: 49.8, west: -8.8, north: 61.0, east: 2.2 };

impl Area {
    /// The wards and a margin around them; none where there is no ward.
    pub fn around(wards: &Wards) -> Option<Self> {
        let mut whole: Option<Self> = None;
        for bounds in wards.all().iter().filter_map(|ward| ward.area.bounding_rect()) {
            let (min, max) = (bounds.min(), bounds.max());
            let area = Self { south: min.y, west: min.x, north: max.y, east: max.x };
            whole = Some(whole.map_or(area, |w| Self {
                south: w.south.min(area.south),
                west: w.west.min(area.west),
                north: w.north.max(area.north),
                east: w.east.max(area.east),
            }));
        }
        whole.map(|w| {
            let up = MARGIN_M / DEGREE_M;
            let side = up / w.north.to_radians().cos().max(0.1);
            Self { south: w.south - up, west: w.west - side, north: w.north + up, east: w.east + side }
        })
    }

    /// Whether a point is in it.
    pub fn holds(&self, lat: f64, lon: f64) -> bool {
        (self.south..=self.north).contains(&lat) && (self.west..=self.east).contains(&lon)
    }
}

/// Whether a point is in the United Kingdom, or not far off its coast.
pub(super) fn is_in_the_country(point: Point) -> bool {
    UNITED_KINGDOM.holds(point.lat(), point.lon())
}

/// What a pair of numbers comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub point: Point,
    pub ward: Option<String>,
    /// What is left of its confidence.
    pub factor: f64,
    /// What is odd about it, to be said of "it".
    pub odd: Option<String>,
}

/// Factors: latitude and longitude in the wrong order; near the wards but in none; far from the council, or the country.
const SWAPPED: f64 = 0.85;
const IN_NO_WARD: f64 = 0.5;
const ELSEWHERE: f64 = 0.25;

/// Reads degrees as a point of the council's area (of the country, where no wards are known): with latitude and longitude
/// exchanged where only that is in it; and as it stands, but doubted, where neither is. None where it is no point at all.
pub(super) fn place(wards: Option<&Wards>, lat: f64, lon: f64) -> Option<Placed> {
    let council = wards.and_then(Area::around);
    let home = council.unwrap_or(UNITED_KINGDOM);
    let swapped = !home.holds(lat, lon) && home.holds(lon, lat);
    let (lat, lon) = if swapped { (lon, lat) } else { (lat, lon) };
    let point = Point::new(lat, lon)?;
    let ward = wards.and_then(|wards| wards.ward_at(lat, lon)).map(str::to_owned);
    let (factor, odd) = if !home.holds(lat, lon) {
        let whose = if UNITED_KINGDOM.holds(lat, lon) { "the council's area" } else { "the United Kingdom" };
        (ELSEWHERE, Some(format!("it lies outside {whose}")))
    } else if council.is_some() && ward.is_none() {
        (IN_NO_WARD, Some("it lies near the council's wards, but in none of them".to_owned()))
    } else if swapped {
        (SWAPPED, Some("latitude and longitude were taken to be exchanged".to_owned()))
    } else {
        (1.0, None)
    };
    Some(Placed { point, ward, factor, odd })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn borough() -> Wards {
        Wards::from_geojson(include_str!("../../../training-data/demo/borough/wards.geojson")).unwrap()
    }

    #[test]
    fn a_point_is_doubted_the_more_the_less_it_can_be_meant() {
        let wards = borough();
        let placed = |lat, lon| place(Some(&wards), lat, lon).unwrap();
        assert_eq!(
            (placed(54.01609, 2.04808).factor, placed(54.01609, 2.04808).ward.as_deref()),
            (1.0, Some("Canalside"))
        );
        let swapped = placed(2.04808, 54.01609);
        assert_eq!(
            (swapped.point, swapped.ward.as_deref()),
            (Point::new(54.01609, 2.04808).unwrap(), Some("Canalside"))
        );
        assert!(swapped.factor < 1.0 && swapped.odd.unwrap().contains("exchanged"));
        assert!(placed(51.5, -0.12).odd.unwrap().contains("outside the council's area"));
        assert!(placed(48.85, 2.35).odd.unwrap().contains("outside the United Kingdom"));
        assert!(placed(51.5, -0.12).factor < 0.3);
        assert_eq!(place(Some(&wards), 154.0, 200.0), None);
        assert_eq!(place(None, f64::NAN, 0.0), None);
    }

    #[test]
    fn without_wards_the_country_is_the_area() {
        assert_eq!(place(None, 51.5, -0.12).unwrap().odd, None);
        assert!(place(None, -0.12, 51.5).unwrap().odd.unwrap().contains("exchanged"));
    }
}

//! Where a case is, drawn on the server: the outline of its ward out of the council's own boundary file, and a dot. No tiles and nobody
//! else: who looks at which case is no one's business.

use crate::core::Point;
use crate::understanding::boundary::{Ward, Wards};
use geo::{BoundingRect, Coord, LineString, Rect};
use std::fmt::Write;

/// Width of the drawing, in its own units; its height follows.
const WIDTH: f64 = 400.0;
/// Least and most height.
const HEIGHT: (f64, f64) = (150.0, 480.0);
/// Room around the ward.
const MARGIN: f64 = 12.0;

/// A map, ready to be drawn.
pub(super) struct Map {
    /// Height of the drawing whose width is 400.
    pub(super) height: String,
    /// The ward, as the data of an SVG path.
    pub(super) outline: String,
    /// The wards around it.
    pub(super) around: Vec<String>,
    /// Where the dot stands.
    pub(super) x: String,
    pub(super) y: String,
    /// What it shows, for those who do not see it.
    pub(super) text: String,
}

/// From degrees to the drawing: north is up, and a degree east is as long as it is on the ground there.
struct Frame {
    west: f64,
    north: f64,
    /// Units for a degree north.
    scale: f64,
    /// How much shorter a degree east is.
    squeeze: f64,
    /// What is left on each side.
    left: f64,
    top: f64,
    height: f64,
}

impl Frame {
    fn around(bounds: Rect, at: Point) -> Self {
        let squeeze = at.lat().to_radians().cos().max(0.1);
        let (wide, high) = ((bounds.width() * squeeze).max(1e-6), bounds.height().max(1e-6));
        let height = (WIDTH * high / wide).clamp(HEIGHT.0, HEIGHT.1);
        let scale = ((WIDTH - 2.0 * MARGIN) / wide).min((height - 2.0 * MARGIN) / high);
        Self {
            west: bounds.min().x,
            north: bounds.max().y,
            scale,
            squeeze,
            left: (WIDTH - wide * scale) / 2.0,
            top: (height - high * scale) / 2.0,
            height,
        }
    }

    fn place(&self, at: Coord) -> (f64, f64) {
        let x = self.left + (at.x - self.west) * self.squeeze * self.scale;
        (x, self.top + (self.north - at.y) * self.scale)
    }

    fn ring(&self, ring: &LineString, path: &mut String) {
        let mut last = None;
        for at in ring.coords() {
            let (x, y) = self.place(*at);
            let here = (number(x), number(y));
            // Boundaries know more than a drawing of this size can show.
            if last.as_ref() == Some(&here) {
                continue;
            }
            let _ = write!(path, "{}{} {}", if last.is_none() { "M" } else { "L" }, here.0, here.1);
            last = Some(here);
        }
        path.push('Z');
    }

    fn outline(&self, ward: &Ward) -> String {
        let mut path = String::new();
        for part in &ward.area {
            for ring in std::iter::once(part.exterior()).chain(part.interiors()) {
                self.ring(ring, &mut path);
            }
        }
        path
    }
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

/// The map of a place that is called `name`; none where it is in no ward of the council's.
pub(super) fn map(wards: &Wards, at: Point, name: &str) -> Option<Map> {
    let ward = wards.ward_at(at.lat(), at.lon())?;
    let ward = wards.all().iter().find(|known| known.name == ward)?;
    let bounds = ward.area.bounding_rect()?;
    let frame = Frame::around(bounds, at);
    let (x, y) = frame.place(Coord { x: at.lon(), y: at.lat() });
    let near =
        |other: &&Ward| other.name != ward.name && other.area.bounding_rect().is_some_and(|b| touches(b, bounds));
    Some(Map {
        around: wards.all().iter().filter(near).map(|other| frame.outline(other)).collect(),
        outline: frame.outline(ward),
        height: number(frame.height),
        x: number(x),
        y: number(y),
        text: format!("{name} lies in the {} of the ward {}.", part_of(bounds, at), ward.name),
    })
}

fn touches(one: Rect, other: Rect) -> bool {
    one.min().x <= other.max().x
        && other.min().x <= one.max().x
        && one.min().y <= other.max().y
        && other.min().y <= one.max().y
}

/// `north-east`, `middle`: the ninth of the ward's bounds in which a point is.
fn part_of(bounds: Rect, at: Point) -> &'static str {
    let third = |from: f64, size: f64, value: f64| match (value - from) / size.max(1e-9) {
        part if part < 1.0 / 3.0 => 0,
        part if part < 2.0 / 3.0 => 1,
        _ => 2,
    };
    let (east, north) =
        (third(bounds.min().x, bounds.width(), at.lon()), third(bounds.min().y, bounds.height(), at.lat()));
    [["south-west", "south", "south-east"], ["west", "middle", "east"], ["north-west", "north", "north-east"]][north]
        [east]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wards() -> Wards {
        let square = |name: &str, x: f64| {
            format!(
                r#"{{"type":"Feature","properties":{{"name":"{name}"}},"geometry":{{"type":"Polygon","coordinates":[[[{x},50.0],[{e},50.0],[{e},50.1],[{x},50.1],[{x},50.0]]]}}}}"#,
                e = x + 0.1
            )
        };
        let text =
            format!(r#"{{"type":"FeatureCollection","features":[{},{}]}}"#, square("West", 0.0), square("East", 0.1));
        Wards::from_geojson(&text).unwrap()
    }

    #[test]
    fn a_map_shows_the_ward_its_neighbours_and_the_place_and_says_it_in_words() {
        let at = Point::new(50.09, 0.05).unwrap();
        let map = map(&wards(), at, "Mill Lane").unwrap();
        assert_eq!(map.text, "Mill Lane lies in the north of the ward West.");
        assert_eq!(map.x, "200.0", "the middle from west to east");
        assert!(map.y.parse::<f64>().unwrap() < map.height.parse::<f64>().unwrap() / 5.0, "{}", map.y);
        assert!(map.outline.starts_with('M') && map.outline.ends_with('Z') && map.around.len() == 1);
    }

    #[test]
    fn a_place_in_no_ward_has_no_map() {
        assert!(map(&wards(), Point::new(51.0, 0.05).unwrap(), "Elsewhere").is_none());
    }
}

//! The council's wards as a map, filled by how many contacts came from each: its own boundary file, made as coarse as a screen shows.

use super::table::{Cell, Table};
use crate::understanding::boundary::Wards;
use askama::Template;
use geo::{Area, BoundingRect, Coord, InteriorPoint, LineString, MultiPolygon, Rect, Simplify};
use std::fmt::Write;

/// Width of the drawing.
const WIDTH: f64 = 1_000.0;
/// Widest and narrowest that a map may be: height by width.
const TALLEST: f64 = 1.6;
/// What differs by less than this is drawn as one line.
const COARSE: f64 = 1.5;
/// A ward as large as this part of the drawing has its number written on it.
const ROOM_FOR_A_NUMBER: f64 = 0.006;
/// From few to many: each is told from its neighbours in black and white too.
const SHADES: [&str; 5] = ["#f4f8fb", "#c3daf0", "#82b3dd", "#2f74b5", "#0b3a6b"];
/// From this shade on, letters on it are white.
const DARK: usize = 3;

/// The shape of one ward on the drawing.
#[derive(Debug)]
struct Shape {
    name: String,
    path: String,
    /// Where its number stands; none where it is too small.
    middle: Option<(f64, f64)>,
}

/// The wards as shapes.
#[derive(Debug)]
pub(super) struct Map {
    shapes: Vec<Shape>,
    height: f64,
}

/// A ward that is drawn.
struct Filled<'m> {
    shape: &'m Shape,
    value: String,
    fill: &'static str,
    ink: &'static str,
}

/// A step of the legend.
struct Step {
    fill: &'static str,
    words: String,
}

#[derive(Template)]
#[template(path = "report/map.svg")]
struct Drawing<'m> {
    table: &'m Table,
    height: f64,
    wards: Vec<Filled<'m>>,
    steps: Vec<Step>,
}

#[derive(Template)]
#[template(path = "report/outline.svg")]
struct Outline<'m> {
    height: f64,
    shapes: &'m [Shape],
}

impl Map {
    /// The map of a council's wards; none where they span nothing.
    pub(super) fn new(wards: &Wards) -> Option<Self> {
        let areas: Vec<&MultiPolygon> = wards.all().iter().map(|ward| &ward.area).collect();
        let bounds = areas.iter().filter_map(|area| area.bounding_rect()).reduce(around)?;
        // A degree of longitude is shorter than one of latitude by the cosine of the latitude.
        let squeeze = bounds.center().y.to_radians().cos();
        let span = bounds.width() * squeeze;
        if span <= 0.0 || bounds.height() <= 0.0 {
            return None;
        }
        let scale = WIDTH / span.max(bounds.height() / TALLEST);
        let to = |c: Coord| Coord {
            x: (c.x - bounds.min().x) * squeeze * scale + (WIDTH - span * scale) / 2.0,
            y: (bounds.max().y - c.y) * scale,
        };
        let height = bounds.height() * scale;
        let shapes = wards.all().iter().map(|ward| {
            let drawn = geo::MapCoords::map_coords(&ward.area, to).simplify(COARSE);
            let fits = drawn.unsigned_area() >= WIDTH * height * ROOM_FOR_A_NUMBER;
            let largest = drawn.0.iter().max_by(|a, b| a.unsigned_area().total_cmp(&b.unsigned_area()));
            let middle = largest.filter(|_| fits).and_then(InteriorPoint::interior_point).map(|p| (p.x(), p.y()));
            Shape { name: ward.name.clone(), path: path(&drawn), middle }
        });
        Some(Self { shapes: shapes.collect(), height })
    }

    /// The map with nothing but the wards' names.
    pub(super) fn outline(&self) -> Result<String, askama::Error> {
        Outline { height: self.height, shapes: &self.shapes }.render()
    }

    /// The map, filled from a table whose first column names wards.
    pub(super) fn draw(&self, table: &Table) -> Result<String, askama::Error> {
        let cell = |name: &str| {
            let row = table.rows.iter().find(|row| matches!(row.first(), Some(Cell::Text(text)) if text == name));
            row.and_then(|row| row.get(table.value))
        };
        let numbers = self.shapes.iter().filter_map(|shape| cell(&shape.name).and_then(Cell::number));
        let width = step_width(numbers.fold(0.0, f64::max));
        let wards = self.shapes.iter().map(|shape| {
            let value = cell(&shape.name);
            let shade = value.and_then(Cell::number).map_or(0, |n| step_of(n, width));
            Filled {
                shape,
                value: value.map_or_else(String::new, |cell| cell.shown().into_owned()),
                fill: SHADES[shade],
                ink: if shade >= DARK { "#ffffff" } else { "#0b0c0c" },
            }
        });
        let steps = SHADES.iter().enumerate().map(|(at, fill)| Step {
            fill,
            words: match (at * width, (at + 1) * width - 1) {
                (from, to) if from == to => from.to_string(),
                (from, to) => format!("{from} to {to}"),
            },
        });
        Drawing { table, height: self.height, wards: wards.collect(), steps: steps.collect() }.render()
    }
}

/// How many contacts a step of the legend spans: a round number, so that five of them hold the most.
fn step_width(most: f64) -> usize {
    let least = (most + 1.0) / SHADES.len() as f64;
    let mut size = 1_usize;
    loop {
        for round in [1, 2, 5] {
            if (size * round) as f64 >= least {
                return size * round;
            }
        }
        size *= 10;
    }
}

fn step_of(number: f64, width: usize) -> usize {
    ((number / width as f64) as usize).min(SHADES.len() - 1)
}

fn around(a: Rect, b: Rect) -> Rect {
    let (min, max) = ((a.min(), b.min()), (a.max(), b.max()));
    Rect::new(
        Coord { x: min.0.x.min(min.1.x), y: min.0.y.min(min.1.y) },
        Coord { x: max.0.x.max(max.1.x), y: max.0.y.max(max.1.y) },
    )
}

fn path(area: &MultiPolygon) -> String {
    let mut path = String::new();
    for polygon in area {
        ring(&mut path, polygon.exterior());
        polygon.interiors().iter().for_each(|hole| ring(&mut path, hole));
    }
    path
}

fn ring(path: &mut String, line: &LineString) {
    for (at, c) in line.coords().enumerate() {
        let _ = write!(path, "{}{:.0} {:.0}", if at == 0 { 'M' } else { 'L' }, c.x, c.y);
    }
    path.push('Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_round_steps_hold_the_most() {
        for (most, width) in [(0.0, 1), (4.0, 1), (5.0, 2), (24.0, 5), (25.0, 10), (49.0, 10), (480.0, 100)] {
            assert_eq!(step_width(most), width, "{most}");
            assert!(step_of(most, width) < SHADES.len());
            assert!((SHADES.len() * width) as f64 > most, "{most} is in the last step");
        }
    }

    #[test]
    fn each_ward_of_the_demo_borough_is_a_shape_on_the_drawing() {
        let wards = Wards::from_geojson(include_str!("../../../training-data/demo/borough/wards.geojson")).unwrap();
        let map = Map::new(&wards).unwrap();
        assert_eq!(map.shapes.len(), 6);
        assert!(map.shapes.iter().all(|shape| shape.path.starts_with('M') && shape.path.ends_with('Z')));
        assert!(map.height > 100.0 && map.height <= WIDTH * TALLEST + 1.0, "{}", map.height);
    }
}

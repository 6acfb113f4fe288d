//! The council's wards as a map, filled by a number of each: its own boundary file, made as coarse as a screen shows.

use super::table::{Cell, Scale, Table};
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
pub(super) const SHADES: [&str; 5] = ["#f4f8fb", "#c3daf0", "#82b3dd", "#2f74b5", "#0b3a6b"];
/// The fill of a ward without a number.
const NO_NUMBER: &str = "#ffffff";
/// From this shade on, letters on it are white.
pub(super) const DARK: usize = 3;

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
pub(super) struct Step {
    pub(super) fill: &'static str,
    pub(super) words: String,
}

#[derive(Template)]
#[template(path = "report/map.svg")]
struct Drawing<'m> {
    table: &'m Table,
    height: f64,
    wards: Vec<Filled<'m>>,
    steps: Vec<Step>,
    /// What the shades stand for.
    unit: &'static str,
    /// What a dark ward has more of.
    more: &'static str,
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
    pub(super) fn draw(&self, table: &Table, scale: Scale) -> Result<String, askama::Error> {
        let cell = |name: &str| {
            let row = table.rows.iter().find(|row| matches!(row.first(), Some(Cell::Text(text)) if text == name));
            row.and_then(|row| row.get(table.value))
        };
        let numbers = self.shapes.iter().filter_map(|shape| cell(&shape.name).and_then(Cell::number));
        let steps = Steps::new(scale, numbers.fold(0.0, f64::max));
        let wards = self.shapes.iter().map(|shape| {
            let value = cell(&shape.name);
            let shade = value.and_then(Cell::number).map(|n| steps.of(n));
            Filled {
                shape,
                value: value.map_or_else(String::new, |cell| cell.shown().into_owned()),
                fill: shade.map_or(NO_NUMBER, |shade| SHADES[shade]),
                ink: if shade.is_some_and(|shade| shade >= DARK) { "#ffffff" } else { "#0b0c0c" },
            }
        });
        let (unit, more) = match scale {
            Scale::Contacts => ("contacts", "the more contacts"),
            Scale::PerCent => ("per cent of cases done by the promised day", "the larger the share"),
            Scale::Score => ("mean score, from 1 to 5", "the higher the score"),
        };
        let (wards, mut legend): (Vec<Filled<'_>>, Vec<Step>) = (wards.collect(), steps.legend());
        if wards.iter().any(|ward| ward.fill == NO_NUMBER) {
            legend.push(Step { fill: NO_NUMBER, words: "no number".to_owned() });
        }
        Drawing { table, height: self.height, wards, steps: legend, unit, more }.render()
    }
}

/// How numbers are cut into five shades.
pub(super) enum Steps {
    /// Each spans so many whole numbers, from 0 on.
    Even(usize),
    /// Each begins at one of these.
    From([f64; 5]),
}

/// Where the steps of a score begin: residents who answer are mostly content or not at all, so the upper ones are closer.
const SCORES: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 4.5];

impl Steps {
    /// The steps of a scale, for numbers up to a largest one.
    pub(super) fn new(scale: Scale, most: f64) -> Self {
        match scale {
            Scale::Contacts => Self::Even(step_width(most)),
            Scale::PerCent => Self::From([0.0, 20.0, 40.0, 60.0, 80.0]),
            Scale::Score => Self::From(SCORES),
        }
    }

    /// The step of a number, as it is read with one place after the point.
    pub(super) fn of(&self, number: f64) -> usize {
        match self {
            Self::Even(width) => step_of(number, *width),
            Self::From(starts) => {
                let read = (number * 10.0).round() / 10.0;
                starts.iter().filter(|start| **start <= read).count().saturating_sub(1)
            }
        }
    }

    /// What each shade stands for.
    pub(super) fn legend(&self) -> Vec<Step> {
        let words = |at: usize| match self {
            Self::Even(width) => match (at * width, (at + 1) * width - 1) {
                (from, to) if from == to => from.to_string(),
                (from, to) => format!("{from} to {to}"),
            },
            Self::From(starts) => match starts.get(at + 1) {
                Some(next) => format!("{:.1} to {:.1}", starts[at], next - 0.1),
                None => format!("{:.1} and more", starts[at]),
            },
        };
        SHADES.iter().enumerate().map(|(at, fill)| Step { fill, words: words(at) }).collect()
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
    fn a_share_and_a_score_stand_in_the_step_that_the_legend_says() {
        for (scale, number, words) in [
            (Scale::PerCent, 0.0, "0.0 to 19.9"),
            (Scale::PerCent, 19.96, "20.0 to 39.9"),
            (Scale::PerCent, 100.0, "80.0 and more"),
            (Scale::Score, 1.0, "1.0 to 1.9"),
            (Scale::Score, 4.44, "4.0 to 4.4"),
            (Scale::Score, 5.0, "4.5 and more"),
        ] {
            let steps = Steps::new(scale, number);
            assert_eq!(steps.legend()[steps.of(number)].words, words, "{number}");
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

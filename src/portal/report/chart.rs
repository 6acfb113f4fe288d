//! Charts, drawn on the server from the table below them. Widths are per cents and heights are in the reader's own letters, so that a
//! chart fits a telephone and grows with large print. Length, not colour, carries the number; every chart has a title and a description.

use super::map::{DARK, Map, SHADES, Step, Steps};
use super::table::{Cell, Drawn, Scale, Table};
use crate::portal::format;
use askama::Template;

/// Most bars of a chart: what follows is in the table.
const MOST_BARS: usize = 15;
/// Most columns with a number above each.
const MOST_NUMBERED: usize = 12;
/// So many names stand below the columns at most.
const MOST_NAMES: usize = 12;
/// Most characters of a name beside a bar.
const LONGEST_NAME: usize = 34;
/// Most digits that stand in a field of a grid.
const LONGEST_NUMBER: usize = 3;
/// Height of a line of a grid with its name, in letters.
const LINE: f64 = 3.4;
/// The line of the highest number, in per cent of the height.
const TOP: f64 = 12.0;
/// The ground that the columns stand on.
const GROUND: f64 = 84.0;

/// One column or bar.
struct Bar {
    name: String,
    /// Whether the name is written down.
    named: bool,
    value: String,
    numbered: bool,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// Length of the second bar, and what it stands for.
    second: Option<(f64, String)>,
}

impl Bar {
    /// The middle of a column.
    fn middle(&self) -> f64 {
        self.x + self.width / 2.0
    }

    /// Where a bar begins, in letters from the top.
    fn line(&self, letters: f64) -> f64 {
        self.y + letters
    }
}

#[derive(Template)]
#[template(path = "report/columns.svg")]
struct Columns<'t> {
    table: &'t Table,
    bars: Vec<Bar>,
    /// The number at the top line.
    most: String,
}

#[derive(Template)]
#[template(path = "report/bars.svg")]
struct Bars<'t> {
    table: &'t Table,
    bars: Vec<Bar>,
    /// Height, in letters.
    height: f64,
    /// Names of both bars, where there are two.
    both: Option<(&'t str, &'t str)>,
}

/// A field of a grid.
struct Field {
    x: f64,
    fill: &'static str,
    ink: &'static str,
    value: String,
    /// Whether its number stands in it.
    numbered: bool,
    title: String,
}

impl Field {
    /// Its middle.
    fn middle(&self, width: f64) -> f64 {
        self.x + width / 2.0
    }
}

/// A line of fields.
struct Line {
    name: String,
    y: f64,
    fields: Vec<Field>,
}

impl Line {
    /// So many letters below where it begins.
    fn below(&self, letters: f64) -> f64 {
        self.y + letters
    }
}

#[derive(Template)]
#[template(path = "report/grid.svg")]
struct Grid<'t> {
    table: &'t Table,
    /// Names of the fields of each line, from left to right.
    heads: String,
    lines: Vec<Line>,
    /// Width of a field, in per cent.
    width: f64,
    /// Height, in letters.
    height: f64,
    steps: Vec<Step>,
}

/// The chart of a table as SVG; none where there is nothing to draw.
pub(super) fn draw(table: &Table, map: Option<&Map>) -> Result<Option<String>, askama::Error> {
    let most = table.rows.iter().filter_map(|row| number(row, table.value)).fold(0.0, f64::max);
    if most <= 0.0 {
        return Ok(None);
    }
    Ok(Some(match (table.drawn, map) {
        (Drawn::Map(scale), Some(map)) => map.draw(table, scale)?,
        (Drawn::Grid, _) => grid(table).render()?,
        (Drawn::Columns, _) => columns(table, most).render()?,
        (Drawn::Pairs(other), _) => bars(table, most, Some(other)).render()?,
        (Drawn::Bars | Drawn::Map(_), _) => bars(table, most, None).render()?,
    }))
}

fn number(row: &[Cell], column: usize) -> Option<f64> {
    row.get(column).and_then(Cell::number)
}

fn name(row: &[Cell]) -> String {
    row.first().map_or_else(String::new, |cell| cell.shown().into_owned())
}

fn columns(table: &Table, most: f64) -> Columns<'_> {
    let count = table.rows.len().max(1);
    let every = count.div_ceil(MOST_NAMES);
    let width = 100.0 / count as f64;
    let bars = table.rows.iter().enumerate().map(|(at, row)| {
        let height = number(row, table.value).unwrap_or_default() / most * (GROUND - TOP);
        Bar {
            named: at % every == 0,
            name: short(&row[0], table.name),
            value: row.get(table.value).map_or_else(String::new, |cell| cell.shown().into_owned()),
            numbered: count <= MOST_NUMBERED,
            x: width * (at as f64 + 0.12),
            y: GROUND - height,
            width: width * 0.76,
            height,
            second: None,
        }
    });
    Columns { table, bars: bars.collect(), most: Cell::Value(most, 0).shown().into_owned() }
}

/// A name that fits below a column: `Mar`, `9 Mar`, `14`, `Mon`.
fn short(cell: &Cell, table: &str) -> String {
    match cell {
        Cell::Day(words, day) if words.len() > "September 2026".len() => day.format("%-d %b").to_string(),
        Cell::Day(_, day) => day.format("%b").to_string(),
        other if table == "hours" => other.shown().chars().take(2).collect(),
        other => other.shown().chars().take_while(|c| *c != ',').take(3).collect(),
    }
}

fn bars(table: &Table, most: f64, other: Option<usize>) -> Bars<'_> {
    let second = other.map(|column| table.rows.iter().filter_map(|row| number(row, column)).fold(0.0, f64::max));
    let most = most.max(second.unwrap_or_default());
    let each = if other.is_some() { 4.0 } else { 3.0 };
    let drawn = table.rows.iter().filter(|row| number(row, table.value).is_some()).take(MOST_BARS);
    let bars: Vec<Bar> = drawn
        .enumerate()
        .map(|(at, row)| Bar {
            name: format::excerpt(&name(row), LONGEST_NAME),
            named: true,
            value: row.get(table.value).map_or_else(String::new, |cell| cell.shown().into_owned()),
            numbered: true,
            x: 0.0,
            y: at as f64 * each,
            width: number(row, table.value).unwrap_or_default() / most * 100.0,
            height: 1.0,
            second: other.and_then(|column| {
                let length = number(row, column)? / most * 100.0;
                Some((length, row.get(column)?.shown().into_owned()))
            }),
        })
        .collect();
    let named = |column: usize| table.columns.get(column).map_or("", AsRef::as_ref);
    Bars {
        table,
        height: bars.len() as f64 * each,
        bars,
        both: other.map(|column| (named(table.value), named(column))),
    }
}

/// A line of fields for each row: the darker one, the more. Its number stands in it where there is room.
fn grid(table: &Table) -> Grid<'_> {
    let heads = table.columns.get(table.value + 1..).unwrap_or_default();
    let width = 100.0 / heads.len().max(1) as f64;
    let cells = |row: &[Cell]| row.iter().skip(table.value + 1).filter_map(Cell::number).fold(0.0, f64::max);
    let steps = Steps::new(Scale::Contacts, table.rows.iter().map(|row| cells(row)).fold(0.0, f64::max));
    let field = |name: &str, at: usize, cell: &Cell| {
        let shade = cell.number().map(|n| steps.of(n));
        let value = cell.shown().into_owned();
        Field {
            x: at as f64 * width,
            fill: shade.map_or("#ffffff", |shade| SHADES[shade]),
            ink: if shade.is_some_and(|shade| shade >= DARK) { "#ffffff" } else { "#0b0c0c" },
            numbered: heads.len() <= MOST_NUMBERED && shade.is_some() && value.len() <= LONGEST_NUMBER,
            title: format!("{name}, {}: {value}", heads.get(at).map_or("", AsRef::as_ref)),
            value,
        }
    };
    let lines: Vec<Line> = table
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let name = name(row);
            let fields = row.iter().skip(table.value + 1).enumerate();
            let fields = fields.map(|(at, cell)| field(&name, at, cell)).collect();
            Line { name: format::excerpt(&name, LONGEST_NAME), y: at as f64 * LINE, fields }
        })
        .collect();
    let numbered = |(at, head): (usize, &std::borrow::Cow<'_, str>)| format!("{}: {head}", at + 1);
    Grid {
        table,
        heads: heads.iter().enumerate().map(numbered).collect::<Vec<_>>().join(", "),
        height: lines.len() as f64 * LINE,
        lines,
        width,
        steps: steps.legend(),
    }
}

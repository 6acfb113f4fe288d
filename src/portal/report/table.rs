//! A table of a report: what its chart is drawn from, what stands below it, and what its CSV holds, so that the three cannot differ.

use crate::portal::trouble::Trouble;
use std::borrow::Cow;

/// A number from 1 up to below this says too much about single people where it goes to others than gatekeepers.
pub(super) const FEW: usize = 5;
/// The same, as cells hold it.
const FEW_COUNT: i64 = FEW as i64;
/// What stands instead of it.
const FEW_WORDS: &str = "fewer than 5";
/// What stands instead of a number by which such a one could be worked out.
const HIDDEN_WORDS: &str = "not shown";

/// What stands in one cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Words.
    Text(String),
    /// A day, week or month: in words for people, its first day for machines.
    Day(String, chrono::NaiveDate),
    /// How many.
    Count(i64),
    /// So many of so many, in per cent.
    Share(i64, i64),
    /// A value, with the number of cases that it was worked out from.
    Value(f64, i64),
    /// Money in pence, with the number of contacts that it is for.
    Pence(i64, i64),
    /// There is nothing to say.
    Nothing,
    /// Between one and four.
    Few,
    /// Left out, because a smaller number could be worked out from it.
    Hidden,
}

impl Cell {
    /// A count of anything.
    pub(super) fn count(n: usize) -> Self {
        Self::Count(i64::try_from(n).unwrap_or(i64::MAX))
    }

    /// A share of anything.
    pub(super) fn share(part: usize, whole: usize) -> Self {
        Self::Share(i64::try_from(part).unwrap_or(i64::MAX), i64::try_from(whole).unwrap_or(i64::MAX))
    }

    /// As people read it. Per cents have one place after the point, and no sign: that stands in the column's name.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::Day(text, _) => Cow::Borrowed(text),
            Self::Count(n) => Cow::Owned(n.to_string()),
            Self::Share(_, 0) | Self::Nothing => Cow::Borrowed("–"),
            Self::Share(part, whole) => Cow::Owned(format!("{:.1}", per_cent(*part, *whole))),
            Self::Value(value, _) if value.fract().abs() < 1e-9 => Cow::Owned(format!("{value:.0}")),
            Self::Value(value, _) => Cow::Owned(format!("{value:.1}")),
            Self::Pence(pence, _) => Cow::Owned(pounds(*pence)),
            Self::Few => Cow::Borrowed(FEW_WORDS),
            Self::Hidden => Cow::Borrowed(HIDDEN_WORDS),
        }
    }

    /// As it stands in a CSV: the same, but a day as `2026-03-13`, and nothing where there is nothing.
    fn plain(&self) -> Cow<'_, str> {
        match self {
            Self::Day(_, day) => Cow::Owned(day.to_string()),
            Self::Nothing | Self::Share(_, 0) => Cow::Borrowed(""),
            other => other.shown(),
        }
    }

    /// How long its bar is; none where it has none.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Count(n) => Some(*n as f64),
            Self::Share(part, whole) if *whole > 0 => Some(per_cent(*part, *whole)),
            Self::Value(value, _) => Some(*value),
            Self::Pence(pence, _) => Some(*pence as f64),
            _ => None,
        }
    }

    /// Whether it stands at the right of its column.
    pub(super) const fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Day(..))
    }

    const fn says_too_much(&self) -> bool {
        match self {
            Self::Count(n) => *n > 0 && *n < FEW_COUNT,
            Self::Share(part, whole) => *whole > 0 && (*part > 0 && *part < FEW_COUNT || *whole < FEW_COUNT),
            Self::Value(_, of) | Self::Pence(_, of) => *of < FEW_COUNT,
            _ => false,
        }
    }
}

/// Pence as pounds: `12.50`.
pub(super) fn pounds(pence: i64) -> String {
    format!("{}.{:02}", pence / 100, pence % 100)
}

fn per_cent(part: i64, whole: i64) -> f64 {
    part as f64 * 100.0 / whole as f64
}

/// How a table is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawn {
    /// A column for each row, along a line of time.
    Columns,
    /// A bar for each row.
    Bars,
    /// Two bars for each row, of the value and of this column.
    Pairs(usize),
    /// The wards on a map, shaded by this scale.
    Map(Scale),
    /// A line of shaded fields for each row, one for each column from the value's on.
    Grid,
}

/// What a shade of the map stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// So many contacts; how many to a step depends on the largest.
    Contacts,
    /// Per cent.
    PerCent,
    /// From 1 to 5.
    Score,
}

/// Names of columns that are always the same.
pub(super) fn named(names: &[&'static str]) -> Vec<Cow<'static, str>> {
    names.iter().map(|name| Cow::Borrowed(*name)).collect()
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Its name in addresses.
    pub(super) name: &'static str,
    /// What it is about.
    pub(super) title: String,
    /// What it says, in a sentence.
    pub(super) said: String,
    /// How it was counted.
    pub(super) method: String,
    /// Names of its columns.
    pub(super) columns: Vec<Cow<'static, str>>,
    /// Its rows, each with as many cells as there are columns; the first one names the row.
    pub(super) rows: Vec<Vec<Cell>>,
    /// How it is drawn.
    pub(super) drawn: Drawn,
    /// The column that is drawn.
    pub(super) value: usize,
}

impl Table {
    /// Leaves out what says too much about single people, and the next larger numbers of a column where the sum would give a small one
    /// away.
    pub(super) fn hide_few(&mut self) {
        for column in 1..self.columns.len() {
            let few: Vec<usize> = self.places(column, Cell::says_too_much);
            let count = |row: &Vec<Cell>| match row.get(column) {
                Some(Cell::Count(n)) => usize::try_from(*n).unwrap_or_default(),
                _ => 0,
            };
            let hidden = super::few::of_one_way(&self.rows.iter().map(count).collect::<Vec<usize>>());
            for (_, row) in hidden.iter().zip(&mut self.rows).filter(|(hidden, row)| **hidden && count(row) >= FEW) {
                row.iter_mut().skip(1).filter(|cell| cell.is_number()).for_each(|cell| *cell = Cell::Hidden);
            }
            for row in few {
                self.rows[row][column] = Cell::Few;
            }
        }
        self.say_few();
    }

    /// Leaves out the whole of each row that says too much about single people, and of those that are named; where that is one alone, the
    /// row with the smallest number besides. It is for tables whose numbers of one row can be worked out from each other.
    pub(super) fn hide_rows(&mut self, besides: &[bool]) {
        let says_too_much = |row: &Vec<Cell>| row.iter().any(Cell::says_too_much);
        let mut hidden: Vec<bool> = self.rows.iter().map(says_too_much).collect();
        for (hidden, besides) in hidden.iter_mut().zip(besides) {
            *hidden |= besides;
        }
        if hidden.iter().filter(|hidden| **hidden).count() == 1 {
            let size = |row: &Vec<Cell>| {
                let counts = row.iter().filter_map(|cell| if let Cell::Count(n) = cell { Some(*n) } else { None });
                counts.max().filter(|n| *n > 0)
            };
            let others = self.rows.iter().enumerate().filter(|(at, _)| !hidden[*at]);
            if let Some((_, next)) = others.filter_map(|(at, row)| Some((size(row)?, at))).min() {
                hidden[next] = true;
            }
        }
        for (row, _) in self.rows.iter_mut().zip(hidden).filter(|(_, hidden)| *hidden) {
            row.iter_mut().filter(|cell| cell.is_number()).for_each(|cell| *cell = Cell::Hidden);
        }
        self.say_few();
    }

    /// Says that small numbers are left out, and nothing that was counted.
    pub(super) fn say_few(&mut self) {
        self.said = "Numbers below 5 are not given, so that nobody is recognised by them.".to_owned();
    }

    fn places(&self, column: usize, fits: impl Fn(&Cell) -> bool) -> Vec<usize> {
        let cells = self.rows.iter().enumerate().filter_map(|(at, row)| Some((at, row.get(column)?)));
        cells.filter(|(_, cell)| fits(cell)).map(|(at, _)| at).collect()
    }

    /// As a CSV.
    pub(super) fn csv(&self) -> Result<Vec<u8>, Trouble> {
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::plain).collect());
        let names: Vec<Cow<'_, str>> = self.columns.iter().map(|name| inert(Cow::Borrowed(name))).collect();
        csv(&names.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), rows)
    }
}

/// A CSV after RFC 4180, in UTF-8, with a line of names above.
pub(crate) fn csv<'c>(names: &[&str], rows: impl Iterator<Item = Vec<Cow<'c, str>>>) -> Result<Vec<u8>, Trouble> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a CSV could not be written");
        Trouble::internal()
    };
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(names).map_err(|error| failed(&error))?;
    for row in rows {
        writer.write_record(row.into_iter().map(|cell| inert(cell).into_owned())).map_err(|error| failed(&error))?;
    }
    writer.into_inner().map_err(|error| failed(&error))
}

/// A text that a spreadsheet takes for nothing but text: what begins like a formula gets an apostrophe before it.
fn inert(cell: Cow<'_, str>) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { Cow::Owned(format!("'{cell}")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(counts: &[i64]) -> Table {
        Table {
            name: "wards",
            title: String::new(),
            said: String::new(),
            method: String::new(),
            columns: named(&["Ward", "Contacts", "Share, %"]),
            rows: counts
                .iter()
                .map(|n| vec![Cell::Text("W".to_owned()), Cell::Count(*n), Cell::Share(*n, counts.iter().sum())])
                .collect(),
            drawn: Drawn::Bars,
            value: 1,
        }
    }

    #[test]
    fn a_cell_that_looks_like_a_formula_stays_text() {
        let cells = ["=1+1", "+44", "-1", "@SUM(A1)", "\tx", "a, \"b\"\nc", "plain"];
        let row: Vec<Cow<'_, str>> = cells.into_iter().map(Cow::Borrowed).collect();
        let text = String::from_utf8(csv(&["a"; 7], std::iter::once(row)).unwrap()).unwrap();
        let expected = "a,a,a,a,a,a,a\r\n'=1+1,'+44,'-1,'@SUM(A1),'\tx,\"a, \"\"b\"\"\nc\",plain\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_number_below_five_is_not_given_and_cannot_be_worked_out() {
        let mut one = table(&[3, 0, 40, 7]);
        one.hide_few();
        let column: Vec<Cow<'_, str>> = one.rows.iter().map(|row| row[1].shown()).collect();
        assert_eq!(column, ["fewer than 5", "0", "40", "not shown"], "with one left out, the next one is too");
        assert_eq!(one.rows[0][2].shown(), "fewer than 5", "its share would tell it");
        assert_eq!(one.rows[3][2].shown(), "not shown");
        let mut two = table(&[3, 4, 40]);
        two.hide_few();
        assert_eq!(two.rows.iter().filter(|row| row[1] == Cell::Few).count(), 2);
        assert_eq!(two.rows[2][1].shown(), "40");
        assert!(String::from_utf8(two.csv().unwrap()).unwrap().contains("W,fewer than 5,fewer than 5"));
    }
}

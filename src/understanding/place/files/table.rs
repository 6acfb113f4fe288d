//! A CSV file, a record at a time.

use crate::understanding::boundary::PlaceDataError;
use std::io::Read;

/// An open file, its first record read.
pub(in super::super) struct Table<R> {
    reader: csv::Reader<R>,
    /// The first record: names of columns in small letters, or data.
    pub first: Vec<String>,
    /// Whether the first record is data that is still to be told.
    pub first_is_data: bool,
    record: csv::StringRecord,
}

/// One record.
pub(in super::super) struct Row<'r> {
    record: &'r csv::StringRecord,
    line: u64,
}

impl<R: Read> Table<R> {
    /// Opens a file and reads its first record.
    pub fn read(reader: R) -> Result<Self, PlaceDataError> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(reader);
        let mut record = csv::StringRecord::new();
        reader.read_record(&mut record).map_err(|error| broken(&error))?;
        let first = record.iter().map(str::to_lowercase).collect();
        Ok(Self { reader, first, first_is_data: false, record })
    }

    /// The next record of data.
    pub fn next(&mut self) -> Result<Option<Row<'_>>, PlaceDataError> {
        if !std::mem::take(&mut self.first_is_data)
            && !self.reader.read_record(&mut self.record).map_err(|error| broken(&error))?
        {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        Ok(Some(Row { record: &self.record, line }))
    }
}

impl Row<'_> {
    /// What stands in a column, blanks around it cut off.
    pub fn get(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    /// A finite number in a column.
    pub fn number(&self, column: usize, what: &str, remedy: &str) -> Result<f64, PlaceDataError> {
        let text = self.get(column);
        let number: Option<f64> = text.parse().ok();
        number.filter(|n| n.is_finite()).ok_or_else(|| self.wrong(format!("'{text}' is no number of {what}"), remedy))
    }

    /// What is wrong with this record.
    pub fn wrong(&self, what: impl Into<String>, remedy: &str) -> PlaceDataError {
        PlaceDataError { line: Some(self.line), ..PlaceDataError::new(what, remedy) }
    }
}

fn broken(error: &csv::Error) -> PlaceDataError {
    let line = error.position().map(csv::Position::line);
    let (what, remedy) = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => (
            format!("the line has {len} columns where the first has {expected_len}"),
            "put text with a comma in it between double quotes",
        ),
        csv::ErrorKind::Utf8 { .. } => ("this is no text in UTF-8".to_owned(), "save the file as CSV in UTF-8"),
        _ => (format!("this is no CSV ({error})"), "put text with a comma in it between double quotes"),
    };
    PlaceDataError { line, ..PlaceDataError::new(what, remedy) }
}

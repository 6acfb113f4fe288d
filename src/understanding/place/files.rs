//! Reading postcodes, names and properties out of CSV files, row by row: nothing but the rows that are kept is held.
//!
//! A file says itself what it is. The layouts:
//!
//! - **OS Open Names** (Ordnance Survey): 34 columns without a first line of names (or with it), grid coordinates; holds
//!   settlements, roads, sites and, for Great Britain, postcodes;
//! - **OS Open UPRN** (Ordnance Survey): `UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE`;
//! - **postcodes**: columns `postcode` (or pcd, pcds), `lat`, `lon`, as in the ONS Postcode Directory;
//! - **names**: columns `name`, `kind`, `lat`, `lon`, `postcode`, of which `kind` and `postcode` may be missing.
//!
//! Where an area is given, rows outside of it are passed over, so that the national files can be given as they are.

mod layout;
mod open_names;
mod table;

use super::Area;
use super::gazetteer::{Kind, Rows};
use super::postcode::Postcode;
use crate::understanding::boundary::PlaceDataError;
use layout::Layout;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use table::{Row, Table};

pub(super) use layout::Expected;

/// So many rows are kept at most of each kind: a tenth of that is a large county.
const MOST_KEPT: usize = 5_000_000;
/// Bytes that are looked at to see what a file is.
const FIRST_BYTES: usize = 16;

/// What the files hold.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Degrees north and east of each postcode.
    pub postcodes: HashMap<Postcode, (f64, f64)>,
    /// Names of streets and places.
    pub rows: Rows,
    /// Properties with degrees north and east, sorted by number once all files are read.
    pub uprns: Vec<(u64, f64, f64)>,
    /// Where rows have to lie to be kept.
    area: Option<Area>,
    /// Rows that were read, and those of them that lay elsewhere.
    read: usize,
    elsewhere: usize,
}

impl Gathered {
    /// Nothing yet; rows are kept only within `area`, where there is one.
    pub fn within(area: Option<Area>) -> Self {
        Self { area, ..Self::default() }
    }

    /// Takes in a file, or each `.csv` file of a folder (OS Open Names comes as one file for each square of 20 km).
    ///
    /// # Errors
    /// Names the file, the line, what is wrong and what to do about it.
    pub fn take_in(&mut self, path: &Path, expected: Expected) -> Result<(), PlaceDataError> {
        let (read, elsewhere) = (self.read, self.elsewhere);
        if path.is_dir() {
            let files = csv_files(path)?;
            if files.is_empty() {
                return Err(PlaceDataError::new(
                    "there is no .csv file in this folder",
                    "unpack the download into it, or name the file itself",
                )
                .of(path));
            }
            for file in files {
                self.take_in_file(&file, expected).map_err(|error| error.of(&file))?;
            }
        } else {
            self.take_in_file(path, expected).map_err(|error| error.of(path))?;
        }
        let rows = self.read - read;
        if rows > 0 && self.elsewhere - elsewhere == rows {
            let what = format!("none of its {rows} rows lies in the council's wards or near them");
            return Err(PlaceDataError::new(what, "give the file of the council's own area").of(path));
        }
        Ok(())
    }

    fn take_in_file(&mut self, file: &Path, expected: Expected) -> Result<(), PlaceDataError> {
        let mut reader = BufReader::new(File::open(file).map_err(|error| unreadable(&error))?);
        let first = reader.fill_buf().map_err(|error| unreadable(&error))?;
        layout::refuse_other_formats(&first[..first.len().min(FIRST_BYTES)])?;
        self.take_in_text(reader, expected)
    }

    /// Takes in the text of a file.
    pub fn take_in_text(&mut self, reader: impl Read, expected: Expected) -> Result<(), PlaceDataError> {
        let mut table = Table::read(reader)?;
        let layout = Layout::of(&mut table, expected)?;
        while let Some(row) = table.next()? {
            self.read += 1;
            match &layout {
                Layout::OpenNames => self.open_name(&row)?,
                Layout::OpenUprn { uprn, point } => self.uprn(&row, *uprn, point)?,
                Layout::Postcodes { code, point } => self.postcode(&row, *code, point)?,
                Layout::Names { name, kind, code, point } => self.name(&row, *name, *kind, *code, point)?,
            }
            if self.postcodes.len().max(self.rows.entries.len()).max(self.uprns.len()) > MOST_KEPT {
                return Err(row.wrong(
                    format!("there are more than {MOST_KEPT} rows"),
                    "set [places] wards, so that only rows of the council's area are kept",
                ));
            }
        }
        Ok(())
    }

    fn is_kept(&mut self, (lat, lon): (f64, f64)) -> bool {
        let kept = self.area.is_none_or(|area| area.holds(lat, lon));
        self.elsewhere += usize::from(!kept);
        kept
    }

    /// A row of OS Open Names, which is trusted to be well formed but for its coordinates.
    fn open_name(&mut self, row: &Row<'_>) -> Result<(), PlaceDataError> {
        let point = open_names::point(row)?;
        if !self.is_kept(point) {
            return Ok(());
        }
        if open_names::is_postcode(row) {
            if let Some(code) = Postcode::parse(row.get(open_names::NAME1)) {
                self.postcodes.insert(code, point);
            }
            return Ok(());
        }
        let kind = open_names::kind(row);
        let (area, district) = (row.get(open_names::POPULATED_PLACE), row.get(open_names::POSTCODE_DISTRICT));
        for name in [row.get(open_names::NAME1), row.get(open_names::NAME2)] {
            if name.chars().any(char::is_alphabetic) {
                self.rows.add(name, kind, point, area, district);
            }
        }
        Ok(())
    }

    fn uprn(&mut self, row: &Row<'_>, uprn: usize, point: &layout::PointColumns) -> Result<(), PlaceDataError> {
        let text = row.get(uprn);
        let number = text.parse().ok().filter(|n| (1..1_000_000_000_000_u64).contains(n));
        let number = number.ok_or_else(|| {
            row.wrong(format!("'{text}' is no UPRN"), "give it as a number of up to twelve digits, or delete the line")
        })?;
        if let Some(point) = point.read(row)?
            && self.is_kept(point)
        {
            self.uprns.push((number, point.0, point.1));
        }
        Ok(())
    }

    /// A postcode; one without a place is left out.
    fn postcode(&mut self, row: &Row<'_>, code: usize, point: &layout::PointColumns) -> Result<(), PlaceDataError> {
        let text = row.get(code);
        let Some(code) = Postcode::parse(text) else {
            return Err(row.wrong(format!("'{text}' is no postcode"), "write it like 'ZM1 4QT', or delete the line"));
        };
        if let Some(point) = point.read(row)?
            && self.is_kept(point)
        {
            self.postcodes.insert(code, point);
        }
        Ok(())
    }

    fn name(
        &mut self,
        row: &Row<'_>,
        name: usize,
        kind: Option<usize>,
        code: Option<usize>,
        point: &layout::PointColumns,
    ) -> Result<(), PlaceDataError> {
        let text = row.get(name);
        if !text.chars().any(char::is_alphabetic) {
            return Err(
                row.wrong(format!("'{text}' is no name of a street or place"), "write its name, or delete the line")
            );
        }
        // A wrong postcode is a sign of shifted columns.
        let code = code.map_or("", |code| row.get(code));
        let parsed = Postcode::parse(code);
        if !code.is_empty() && parsed.is_none() {
            return Err(row.wrong(format!("'{code}' is no postcode"), "write it like 'ZM1 4QT', or leave it empty"));
        }
        if let Some(point) = point.read(row)?
            && self.is_kept(point)
        {
            let kind = kind.map_or(Kind::Street, |kind| Kind::of_word(row.get(kind)));
            let district = parsed.map(|code| code.district().to_string()).unwrap_or_default();
            self.rows.add(text, kind, point, "", &district);
        }
        Ok(())
    }
}

fn csv_files(folder: &Path) -> Result<Vec<PathBuf>, PlaceDataError> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(&error).of(folder))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")));
    files.sort();
    Ok(files)
}

fn unreadable(error: &std::io::Error) -> PlaceDataError {
    PlaceDataError::new(
        format!("the file cannot be read ({error})"),
        "check its path in the settings, and that it is text in UTF-8",
    )
}

#[cfg(test)]
mod tests;

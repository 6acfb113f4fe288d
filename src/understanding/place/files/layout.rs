//! What a file is, by its first record.

use super::open_names;
use super::table::{Row, Table};
use crate::understanding::boundary::PlaceDataError;
use crate::understanding::place::grid;
use std::io::Read;

/// Latitude that ONS and Code-Point files give a postcode without a place.
const NOWHERE: f64 = 99.999_999;
/// What to do with coordinates that are metres.
const EXPORT: &str = "export the file in WGS 84 (EPSG:4326), not on the British National Grid";

/// What a file was named as in the settings, for the remedy where it is none of the layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Expected {
    /// `postcodes`.
    Postcodes,
    /// `streets`.
    Names,
    /// `gazetteer`.
    Any,
}

/// A layout, with the columns that are read.
pub(super) enum Layout {
    OpenNames,
    OpenUprn { uprn: usize, point: PointColumns },
    Postcodes { code: usize, point: PointColumns },
    Names { name: usize, kind: Option<usize>, code: Option<usize>, point: PointColumns },
}

/// Columns of a point.
pub(super) enum PointColumns {
    /// Degrees north and east.
    Degrees(usize, usize),
    /// Metres east and north on the British National Grid.
    Grid(usize, usize),
}

impl Layout {
    /// Which layout a file has.
    ///
    /// # Errors
    /// When it is none, with the first line that would make it one.
    pub fn of<R: Read>(table: &mut Table<R>, expected: Expected) -> Result<Self, PlaceDataError> {
        if open_names::is_data(&table.first) {
            table.first_is_data = true;
            return Ok(Self::OpenNames);
        }
        let table = &*table;
        let column = |names: &[&str]| names.iter().find_map(|name| table.first.iter().position(|h| h == name));
        if open_names::is_header(&table.first) {
            return Ok(Self::OpenNames);
        }
        let degrees = column(LAT).zip(column(LON)).map(|(lat, lon)| PointColumns::Degrees(lat, lon));
        if let Some(uprn) = column(&["uprn"]) {
            let metres = || {
                column(&["x_coordinate", "easting"])
                    .zip(column(&["y_coordinate", "northing"]))
                    .map(|(east, north)| PointColumns::Grid(east, north))
            };
            let wanted = "let the first line read UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE";
            let point = degrees.or_else(metres).ok_or_else(|| missing(table, "latitude", wanted))?;
            return Ok(Self::OpenUprn { uprn, point });
        }
        let (name, code) = (column(NAME), column(CODE));
        let wanted = match expected {
            Expected::Postcodes => "let the first line read postcode,lat,lon",
            Expected::Names => "let the first line read name,kind,lat,lon,postcode",
            Expected::Any if name.is_none() && code.is_none() => {
                return Err(PlaceDataError {
                    line: Some(1),
                    ..PlaceDataError::new(
                        format!("this is no gazetteer that is known: its first line begins '{}'", begin(&table.first)),
                        "give OS Open Names (CSV, 34 columns), OS Open UPRN (CSV), or a CSV whose first line reads \
                         name,kind,lat,lon,postcode or postcode,lat,lon",
                    )
                });
            }
            Expected::Any => "let the first line read name,kind,lat,lon,postcode or postcode,lat,lon",
        };
        let point = || match (column(LAT), column(LON)) {
            (Some(lat), Some(lon)) => Ok(PointColumns::Degrees(lat, lon)),
            (None, _) => Err(missing(table, LAT[0], wanted)),
            _ => Err(missing(table, LON[0], wanted)),
        };
        match (name, code) {
            (Some(name), code) => Ok(Self::Names { name, kind: column(&["kind", "type"]), code, point: point()? }),
            (None, Some(code)) => Ok(Self::Postcodes { code, point: point()? }),
            (None, None) if expected == Expected::Postcodes => Err(missing(table, CODE[0], wanted)),
            (None, None) => Err(missing(table, NAME[0], wanted)),
        }
    }
}

const NAME: &[&str] = &["name", "street", "street_name"];
const CODE: &[&str] = &["postcode", "pcd", "pcds", "pcd7", "pcd8"];
const LAT: &[&str] = &["lat", "latitude"];
const LON: &[&str] = &["lon", "long", "longitude", "lng"];

fn missing<R: Read>(table: &Table<R>, column: &str, remedy: &str) -> PlaceDataError {
    PlaceDataError {
        line: Some(1),
        ..PlaceDataError::new(format!("there is no column '{column}' among '{}'", begin(&table.first)), remedy)
    }
}

/// The beginning of the first line: enough to see what was taken for it.
fn begin(first: &[String]) -> String {
    let line = first.join(",");
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

impl PointColumns {
    /// The point in degrees; none where the file says that it has none.
    pub fn read(&self, row: &Row<'_>) -> Result<Option<(f64, f64)>, PlaceDataError> {
        let (lat, lon) = match *self {
            Self::Grid(east, north) => return grid_point(row, east, north).map(Some),
            Self::Degrees(lat, lon) => {
                let remedy = "give latitude and longitude like 54.02878 and -1.53090";
                (row.number(lat, "degrees", remedy)?, row.number(lon, "degrees", remedy)?)
            }
        };
        if (NOWHERE..100.0).contains(&lat) {
            return Ok(None);
        }
        if lat.abs() > 90.0 || lon.abs() > 180.0 {
            return Err(row.wrong(format!("{lat}, {lon} are not degrees"), EXPORT));
        }
        if (-9.0..3.0).contains(&lat) && (49.0..62.0).contains(&lon) {
            return Err(
                row.wrong(format!("latitude {lat} is far from the United Kingdom"), "exchange the columns lat and lon")
            );
        }
        Ok(Some((lat, lon)))
    }
}

/// The point in degrees of two columns of metres on the grid.
pub(super) fn grid_point(row: &Row<'_>, east: usize, north: usize) -> Result<(f64, f64), PlaceDataError> {
    let remedy = "give easting and northing in metres on the British National Grid, as the download has them";
    let (east, north) = (row.number(east, "metres", remedy)?, row.number(north, "metres", remedy)?);
    grid::to_degrees(east, north)
        .ok_or_else(|| row.wrong(format!("{east}, {north} are not on the British National Grid"), remedy))
}

/// Refuses what is no text at all, with the way to get text out of it.
pub(super) fn refuse_other_formats(first: &[u8]) -> Result<(), PlaceDataError> {
    let (what, remedy) = if first.starts_with(b"PK\x03\x04") {
        ("this is a ZIP archive", "unpack it, and give the CSV file or the folder of CSV files in it")
    } else if first.starts_with(b"SQLite format 3") {
        ("this is a GeoPackage", "download the same as CSV")
    } else if first.starts_with(b"<?xml") || first.starts_with(b"\xef\xbb\xbf<?xml") {
        ("this is XML (GML)", "download the same as CSV")
    } else if first.starts_with(b"{") {
        ("this is JSON", "give boundaries as [places] wards; names and postcodes have to be CSV")
    } else {
        return Ok(());
    };
    Err(PlaceDataError::new(what, remedy))
}

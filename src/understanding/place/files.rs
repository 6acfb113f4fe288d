//! Reading postcodes and street names out of CSV files.

use super::gazetteer::Entry;
use super::postcode::Postcode;
use crate::understanding::boundary::PlaceDataError;
use std::collections::HashMap;

/// Latitude that ONS and Code-Point files give a postcode without a place.
const NOWHERE: f64 = 99.999_999;

/// Reads postcodes with the columns `postcode` (or pcd, pcds), `lat` and `lon`, in any order; others are left alone.
/// Postcodes without a place are left out.
pub(super) fn postcodes(text: &str) -> Result<HashMap<Postcode, (f64, f64)>, PlaceDataError> {
    let mut table = Table::read(text, "postcode,lat,lon")?;
    let code = table.column(&["postcode", "pcd", "pcds", "pcd7", "pcd8"])?;
    let (lat, lon) = table.coordinates()?;
    let mut found = HashMap::new();
    while let Some(row) = table.next()? {
        let text = row.get(code);
        let Some(code) = Postcode::parse(text) else {
            return Err(row.wrong(format!("'{text}' is no postcode"), "write it like 'ZM1 4QT', or delete the line"));
        };
        if let Some(point) = row.point(lat, lon)? {
            found.insert(code, point);
        }
    }
    Ok(found)
}

/// Reads names with the columns `name`, `kind`, `lat`, `lon` and `postcode`; `kind` and `postcode` may be missing.
pub(super) fn streets(text: &str) -> Result<Vec<Entry>, PlaceDataError> {
    let mut table = Table::read(text, "name,kind,lat,lon,postcode")?;
    let name = table.column(&["name", "street", "street_name"])?;
    let kind = table.column(&["kind", "type"]).ok();
    let code = table.column(&["postcode", "pcd", "pcds"]).ok();
    let (lat, lon) = table.coordinates()?;
    let mut found = Vec::new();
    while let Some(row) = table.next()? {
        let text = row.get(name);
        if !text.chars().any(char::is_alphabetic) {
            return Err(
                row.wrong(format!("'{text}' is no name of a street or place"), "write its name, or delete the line")
            );
        }
        // The postcode tells nothing that the point does not, but a wrong one is a sign of shifted columns.
        let postcode = code.map_or("", |code| row.get(code));
        if !postcode.is_empty() && Postcode::parse(postcode).is_none() {
            return Err(row.wrong(format!("'{postcode}' is no postcode"), "write it like 'ZM1 4QT', or leave it empty"));
        }
        if let Some((lat, lon)) = row.point(lat, lon)? {
            let kind = kind.map_or("street", |kind| row.get(kind)).to_lowercase();
            found.push(Entry { name: text.to_owned(), kind, lat, lon });
        }
    }
    Ok(found)
}

struct Table<'t> {
    reader: csv::Reader<&'t [u8]>,
    header: Vec<String>,
    /// What the columns should be, for the remedy.
    wanted: &'static str,
    record: csv::StringRecord,
}

struct Row<'r> {
    record: &'r csv::StringRecord,
    line: u64,
}

impl<'t> Table<'t> {
    fn read(text: &'t str, wanted: &'static str) -> Result<Self, PlaceDataError> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| broken(&error))?;
        let header = header.iter().map(str::to_lowercase).collect();
        Ok(Self { reader, header, wanted, record: csv::StringRecord::new() })
    }

    fn column(&self, names: &[&str]) -> Result<usize, PlaceDataError> {
        let at = names.iter().find_map(|name| self.header.iter().position(|h| h == name));
        at.ok_or_else(|| PlaceDataError {
            line: Some(1),
            ..PlaceDataError::new(
                format!("there is no column '{}' among '{}'", names[0], self.header.join(",")),
                format!("let the first line read {}", self.wanted),
            )
        })
    }

    fn coordinates(&self) -> Result<(usize, usize), PlaceDataError> {
        Ok((self.column(&["lat", "latitude"])?, self.column(&["lon", "long", "longitude", "lng"])?))
    }

    fn next(&mut self) -> Result<Option<Row<'_>>, PlaceDataError> {
        if !self.reader.read_record(&mut self.record).map_err(|error| broken(&error))? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        Ok(Some(Row { record: &self.record, line }))
    }
}

impl Row<'_> {
    fn get(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    fn wrong(&self, what: impl Into<String>, remedy: &str) -> PlaceDataError {
        PlaceDataError { line: Some(self.line), ..PlaceDataError::new(what, remedy) }
    }

    /// The place in degrees; none where the file says that it has none.
    fn point(&self, lat: usize, lon: usize) -> Result<Option<(f64, f64)>, PlaceDataError> {
        let number = |column: usize| {
            let text = self.get(column);
            let number: Option<f64> = text.parse().ok();
            number.filter(|n| n.is_finite()).ok_or_else(|| {
                self.wrong(
                    format!("'{text}' is no number of degrees"),
                    "give latitude and longitude like 54.02878 and -1.53090",
                )
            })
        };
        let (lat, lon) = (number(lat)?, number(lon)?);
        if (NOWHERE..100.0).contains(&lat) {
            return Ok(None);
        }
        if lat.abs() > 90.0 || lon.abs() > 180.0 {
            let remedy = "export the file in WGS 84 (EPSG:4326), not on the British National Grid";
            return Err(self.wrong(format!("{lat}, {lon} are not degrees"), remedy));
        }
        if (-9.0..3.0).contains(&lat) && (49.0..62.0).contains(&lon) {
            return Err(self
                .wrong(format!("latitude {lat} is far from the United Kingdom"), "exchange the columns lat and lon"));
        }
        Ok(Some((lat, lon)))
    }
}

fn broken(error: &csv::Error) -> PlaceDataError {
    let line = error.position().map(csv::Position::line);
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} columns where the first has {expected_len}")
        }
        _ => format!("this is no CSV ({error})"),
    };
    PlaceDataError { line, ..PlaceDataError::new(what, "put text with a comma in it between double quotes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_be_named_and_ordered_in_the_usual_ways() {
        for text in [
            "postcode,lat,lon\nZM1 4QT,54.1,-1.5\n",
            "\u{feff}Longitude,Latitude,PCDS,ward\n-1.5,54.1,zm14qt,Abbey\n",
            "pcd , lat , long\r\n\"ZM1 4QT\" , 54.1, -1.5\r\nZE9 9ZZ,99.999999,0.000000\r\n",
        ] {
            let found = postcodes(text).unwrap();
            assert_eq!(
                found.into_iter().collect::<Vec<_>>(),
                [(Postcode::parse("ZM1 4QT").unwrap(), (54.1, -1.5))],
                "{text}"
            );
        }
    }

    #[test]
    fn a_street_needs_neither_kind_nor_postcode() {
        let found = streets("name,lat,lng\n\"Mill Lane, Upper\",54.1,-1.5\n").unwrap();
        assert_eq!((found[0].name.as_str(), found[0].kind.as_str()), ("Mill Lane, Upper", "street"));
    }

    #[test]
    fn an_error_says_line_fault_and_remedy() {
        let cases = [
            ("code,lat,lon\n", "line 1: there is no column 'postcode' among 'code,lat,lon'; let the first line read"),
            ("", "line 1: there is no column 'postcode'"),
            ("postcode,lat,lon\nZM1 4QT,54,-1\nnonsense,54,-1\n", "line 3: 'nonsense' is no postcode; write it like"),
            ("postcode,lat,lon\nZM1 4QT,north,-1\n", "line 2: 'north' is no number of degrees; give"),
            ("postcode,lat,lon\nZM1 4QT,NaN,-1\n", "line 2: 'NaN' is no number"),
            ("postcode,lat,lon\nZM1 4QT,540000,430000\n", "line 2: 540000, 430000 are not degrees; export"),
            ("postcode,lat,lon\nZM1 4QT,-1.5,54.1\n", "line 2: latitude -1.5 is far from the United Kingdom; exchange"),
            ("postcode,lat,lon\nZM1 4QT,54.1\n", "line 2: the line has 2 columns where the first has 3; put"),
        ];
        for (text, message) in cases {
            let error = postcodes(text).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        let error = streets("name,kind,lat,lon,postcode\n12,street,54.1,-1.5,\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2: '12' is no name"), "{error}");
        let error = streets("name,kind,lat,lon,postcode\nMill Lane,street,54.1,-1.5,ZZ\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2: 'ZZ' is no postcode"), "{error}");
    }
}

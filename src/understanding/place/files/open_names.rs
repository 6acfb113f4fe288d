//! OS Open Names: 34 columns, of which ten are read.
//!
//! In order: ID, NAMES_URI, NAME1, NAME1_LANG, NAME2, NAME2_LANG, TYPE, LOCAL_TYPE, GEOMETRY_X, GEOMETRY_Y,
//! MOST_DETAIL_VIEW_RES, LEAST_DETAIL_VIEW_RES, MBR_XMIN, MBR_YMIN, MBR_XMAX, MBR_YMAX, POSTCODE_DISTRICT,
//! POSTCODE_DISTRICT_URI, POPULATED_PLACE and its URI and TYPE, DISTRICT_BOROUGH, COUNTY_UNITARY (each with URI and
//! TYPE), REGION, COUNTRY (each with URI), RELATED_SPATIAL_OBJECT, SAME_AS_DBPEDIA, SAME_AS_GEONAMES. The files of the
//! download have no line of names; one stands in a file of its own.

use super::layout::grid_point;
use super::table::Row;
use crate::understanding::boundary::PlaceDataError;
use crate::understanding::place::gazetteer::Kind;

const COLUMNS: usize = 34;
pub(super) const NAME1: usize = 2;
pub(super) const NAME2: usize = 4;
const TYPE: usize = 6;
const LOCAL_TYPE: usize = 7;
const GEOMETRY_X: usize = 8;
const GEOMETRY_Y: usize = 9;
pub(super) const POSTCODE_DISTRICT: usize = 16;
pub(super) const POPULATED_PLACE: usize = 18;

/// Whether this is the line of names, in small letters.
pub(super) fn is_header(first: &[String]) -> bool {
    first.len() == COLUMNS && first[0] == "id" && first[1] == "names_uri" && first[NAME1] == "name1"
}

/// Whether a first record is data in this layout: the number of columns, an address in the second and metres where they
/// belong.
pub(super) fn is_data(first: &[String]) -> bool {
    let metres = |column: usize| first[column].parse::<f64>().is_ok();
    first.len() == COLUMNS && first[1].starts_with("http") && metres(GEOMETRY_X) && metres(GEOMETRY_Y)
}

pub(super) fn is_postcode(row: &Row<'_>) -> bool {
    row.get(LOCAL_TYPE) == "Postcode"
}

/// What a record is about.
pub(super) fn kind(row: &Row<'_>) -> Kind {
    match (row.get(TYPE), row.get(LOCAL_TYPE)) {
        (_, "Named Road" | "Section Of Named Road") => Kind::Street,
        (_, "Numbered Road" | "Section Of Numbered Road") => Kind::RoadNumber,
        (_, "City" | "Town") => Kind::Town,
        (_, "Village" | "Hamlet" | "Suburban Area" | "Other Settlement") | ("populatedPlace", _) => Kind::Suburb,
        (_, "Urban Greenspace") => Kind::Site,
        ("landcover" | "landform" | "hydrography", _) => Kind::Nature,
        _ => Kind::Site,
    }
}

/// Where it is, in degrees.
pub(super) fn point(row: &Row<'_>) -> Result<(f64, f64), PlaceDataError> {
    grid_point(row, GEOMETRY_X, GEOMETRY_Y)
}

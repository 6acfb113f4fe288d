//! Wards and where they end, from the council's own boundary file (R12).
//!
//! The file is GeoJSON (RFC 7946): a collection of features, each a Polygon or MultiPolygon in degrees (WGS 84) with the
//! ward's name among its properties. ONS and Ordnance Survey downloads, and what a council's own map system exports,
//! are read as they are.

use geo::{BoundingRect, Coord, Intersects, MultiPolygon, Rect};
use geojson::{Feature, FeatureCollection, GeometryValue, JsonObject};
use std::fmt;

/// Why a file about places cannot be used, in words for whoever has to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PlaceDataError {
    /// The file, where it is known.
    pub file: Option<String>,
    /// Line in it, counted from one, where there is one to point at.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl PlaceDataError {
    /// An error in a text whose file is not known yet.
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: None, line: None, what: what.into(), remedy: remedy.into() }
    }

    /// The same error, with its file.
    pub(super) fn of(mut self, file: &std::path::Path) -> Self {
        self.file = Some(file.display().to_string());
        self
    }
}

impl fmt::Display for PlaceDataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}, line {line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// One ward.
#[derive(Clone, Debug, PartialEq)]
pub struct Ward {
    /// Its name, as the file has it.
    pub name: String,
    /// Its area; `x` is degrees east and `y` degrees north, WGS 84.
    pub area: MultiPolygon,
    bounds: Rect,
}

/// The wards of a council.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wards(Vec<Ward>);

impl Wards {
    /// Reads wards out of GeoJSON text. The name is the property `name`; else one like `WD24NM` (ONS wards) or
    /// `CED24NM` (ONS county divisions); else `WARD_NAME` or `Name`. Features with the same name are parts of one ward.
    ///
    /// # Errors
    /// When the text is no GeoJSON collection, has no feature, or a feature has no name, no area, or coordinates that
    /// are not degrees. The error names the feature.
    pub fn from_geojson(text: &str) -> Result<Self, PlaceDataError> {
        let collection: FeatureCollection = text.parse().map_err(|error| {
            PlaceDataError::new(
                format!("this is no GeoJSON collection of features ({error})"),
                "export the wards as GeoJSON (FeatureCollection)",
            )
        })?;
        let mut wards: Vec<Ward> = Vec::new();
        for (index, feature) in collection.features.into_iter().enumerate() {
            let ward = ward(feature, index + 1)?;
            match wards.iter_mut().find(|w| w.name == ward.name) {
                Some(known) => known.join(ward),
                None => wards.push(ward),
            }
        }
        if wards.is_empty() {
            return Err(PlaceDataError::new(
                "there is no feature in it",
                "export the file again with all wards of the council",
            ));
        }
        Ok(Self(wards))
    }

    /// The name of the ward at a point in degrees, WGS 84. On a border it is the ward that stands first in the file.
    #[must_use]
    pub fn ward_at(&self, lat: f64, lon: f64) -> Option<&str> {
        let point = Coord { x: lon, y: lat };
        let at = |ward: &&Ward| ward.bounds.intersects(&point) && ward.area.intersects(&point);
        self.0.iter().find(at).map(|ward| ward.name.as_str())
    }

    /// The names of the wards, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|ward| ward.name.as_str())
    }

    /// The wards with their areas, in the order of the file, for maps.
    #[must_use]
    pub fn all(&self) -> &[Ward] {
        &self.0
    }
}

impl Ward {
    fn join(&mut self, part: Self) {
        self.area.0.extend(part.area.0);
        if let Some(bounds) = self.area.bounding_rect() {
            self.bounds = bounds;
        }
    }
}

fn ward(feature: Feature, number: usize) -> Result<Ward, PlaceDataError> {
    let Some(name) = feature.properties.as_ref().and_then(name_of) else {
        return Err(PlaceDataError::new(
            format!("feature {number} has no name{}", feature.properties.as_ref().map_or_else(String::new, properties)),
            "give each ward its name in the property 'name' (or WD24NM, CED24NM, WARD_NAME)",
        ));
    };
    let wrong = |what: &str, remedy: &str| PlaceDataError::new(format!("feature {number} ('{name}') {what}"), remedy);
    let area: MultiPolygon = match feature.geometry.map(|geometry| geometry.value) {
        Some(value @ (GeometryValue::Polygon { .. } | GeometryValue::MultiPolygon { .. })) => {
            let geometry = geo::Geometry::try_from(value);
            let area = geometry.ok().and_then(|geometry| match geometry {
                geo::Geometry::Polygon(polygon) => Some(MultiPolygon(vec![polygon])),
                geo::Geometry::MultiPolygon(polygons) => Some(polygons),
                _ => None,
            });
            area.ok_or_else(|| wrong("has an area that cannot be read", "export the file again"))?
        }
        Some(other) => {
            let what = format!("is a {}, not an area", other.type_name());
            return Err(wrong(&what, "export the wards as Polygon or MultiPolygon"));
        }
        None => return Err(wrong("has no area", "export the file again with the ward's geometry")),
    };
    let Some(bounds) = area.bounding_rect() else {
        return Err(wrong("has an empty area", "export the file again with the ward's geometry"));
    };
    let degrees = |c: Coord| c.x.abs() <= 180.0 && c.y.abs() <= 90.0;
    if !(degrees(bounds.min()) && degrees(bounds.max())) {
        let what = format!("has coordinates that are not degrees ({}, {})", bounds.min().x, bounds.min().y);
        return Err(wrong(&what, "export the file in WGS 84 (EPSG:4326), not on the British National Grid"));
    }
    Ok(Ward { name, area, bounds })
}

/// The name of a ward by its properties: `name`, else one like `WD24NM`, else `WARD_NAME` or `Name`.
#[must_use]
pub fn name_of(properties: &JsonObject) -> Option<String> {
    let text = |key: &str| properties.get(key)?.as_str().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
    let by_year = || properties.keys().find(|key| is_ons_name(key)).and_then(|key| text(key));
    text("name").or_else(by_year).or_else(|| text("WARD_NAME")).or_else(|| text("Name"))
}

/// `WD24NM` or `CED23NM`, whatever the year and the case.
fn is_ons_name(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    let year = key.strip_prefix("WD").or_else(|| key.strip_prefix("CED")).and_then(|rest| rest.strip_suffix("NM"));
    year.is_some_and(|year| year.len() == 2 && year.bytes().all(|b| b.is_ascii_digit()))
}

fn properties(properties: &JsonObject) -> String {
    let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
    format!(" (its properties are {})", if keys.is_empty() { "none".to_owned() } else { keys.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn square(x: f64, y: f64, size: f64) -> Value {
        json!([[[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]])
    }

    fn collection(features: &[(Value, Value)]) -> String {
        let features: Vec<Value> = features
            .iter()
            .map(|(properties, geometry)| json!({"type": "Feature", "properties": properties, "geometry": geometry}))
            .collect();
        json!({"type": "FeatureCollection", "features": features}).to_string()
    }

    fn polygon(x: f64, y: f64, size: f64) -> Value {
        json!({"type": "Polygon", "coordinates": square(x, y, size)})
    }

    #[test]
    fn a_point_is_in_the_ward_around_it_and_outside_of_all_in_none() {
        let text = collection(&[
            (json!({"name": "West"}), polygon(-1.0, 53.0, 0.1)),
            (json!({"name": "East"}), polygon(-0.9, 53.0, 0.1)),
        ]);
        let wards = Wards::from_geojson(&text).unwrap();
        assert_eq!(wards.names().collect::<Vec<_>>(), ["West", "East"]);
        assert_eq!(wards.ward_at(53.05, -0.95), Some("West"));
        assert_eq!(wards.ward_at(53.05, -0.85), Some("East"));
        assert_eq!(wards.ward_at(53.05, -0.9), Some("West"), "on the border the first in the file");
        assert_eq!(wards.ward_at(53.2, -0.95), None);
        assert_eq!(wards.ward_at(f64::NAN, f64::INFINITY), None);
    }

    #[test]
    fn a_ward_may_have_a_hole_and_several_parts() {
        let ring = |x, y, size| square(x, y, size)[0].clone();
        let with_hole = json!({"type": "MultiPolygon", "coordinates": [[ring(0.0, 50.0, 1.0), ring(0.4, 50.4, 0.2)], [ring(3.0, 50.0, 0.5)]]});
        let text = collection(&[
            (json!({"WD24NM": "Island", "WD24CD": "E1"}), with_hole),
            (json!({"WARD_NAME": "Hole"}), polygon(0.4, 50.4, 0.2)),
        ]);
        let wards = Wards::from_geojson(&text).unwrap();
        assert_eq!(wards.ward_at(50.1, 0.1), Some("Island"));
        assert_eq!(wards.ward_at(50.5, 0.5), Some("Hole"));
        assert_eq!(wards.ward_at(50.2, 3.2), Some("Island"));
    }

    #[test]
    fn features_of_one_name_are_one_ward() {
        let text = collection(&[
            (json!({"Name": "Twin"}), polygon(0.0, 50.0, 0.1)),
            (json!({"Name": "Twin"}), polygon(1.0, 50.0, 0.1)),
        ]);
        let wards = Wards::from_geojson(&text).unwrap();
        assert_eq!(wards.all().len(), 1);
        assert_eq!(wards.ward_at(50.05, 1.05), Some("Twin"));
    }

    #[test]
    fn the_name_is_found_under_the_usual_properties() {
        for key in ["name", "WD23NM", "wd25nm", "CED24NM", "WARD_NAME", "Name"] {
            let wards =
                Wards::from_geojson(&collection(&[(json!({"OBJECTID": 1, key: "Abbey"}), polygon(0.0, 50.0, 0.1))]))
                    .unwrap();
            assert_eq!(wards.names().next(), Some("Abbey"), "{key}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_feature_and_a_remedy() {
        let good = (json!({"name": "Abbey"}), polygon(0.0, 50.0, 0.1));
        let cases = [
            ("not json".to_owned(), "no GeoJSON"),
            (json!({"type": "Feature", "properties": {}, "geometry": null}).to_string(), "no GeoJSON"),
            (collection(&[]), "no feature"),
            (
                collection(&[good.clone(), (json!({"WD24CD": "E05"}), polygon(0.0, 50.0, 0.1))]),
                "feature 2 has no name (its properties are WD24CD)",
            ),
            (collection(&[(json!({"name": "Abbey"}), Value::Null)]), "feature 1 ('Abbey') has no area"),
            (
                collection(&[(json!({"name": "Abbey"}), json!({"type": "Point", "coordinates": [0.0, 50.0]}))]),
                "feature 1 ('Abbey') is a Point",
            ),
            (
                collection(&[good, (json!({"name": "Mill"}), polygon(430_000.0, 540_000.0, 10.0))]),
                "feature 2 ('Mill') has coordinates that are not degrees",
            ),
            (
                collection(&[(json!({"name": "Abbey"}), json!({"type": "Polygon", "coordinates": []}))]),
                "feature 1 ('Abbey') has",
            ),
        ];
        for (text, part) in cases {
            let error = Wards::from_geojson(&text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("export") | error.contains("give"), "{error}");
        }
    }

    #[test]
    fn the_demo_borough_has_six_wards() {
        let wards = Wards::from_geojson(include_str!("../../training-data/demo/borough/wards.geojson")).unwrap();
        assert_eq!(
            wards.names().collect::<Vec<_>>(),
            ["Abbey", "Canalside", "Foxholes", "Hillcrest", "Millbrook", "Station"]
        );
        assert_eq!(wards.ward_at(54.01609, 2.04808), Some("Canalside"), "Mill Lane by the canal");
        assert_eq!(wards.ward_at(54.04265, 2.07732), Some("Millbrook"), "the other Mill Lane");
    }
}

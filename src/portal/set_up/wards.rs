//! The council's wards: a file of its own, checked and shown as a map before it is put to use.

use super::super::wrong::Wrong;
use super::super::{App, Page, Shared, html, report, trouble::Trouble};
use super::{line, set_up, write_whole};
use crate::store::session::Session;
use crate::understanding::boundary::{Wards, name_of};
use askama::Template;
use axum::Extension;
use axum::extract::{Form, Multipart, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Wards are shown on a page, and councils have fewer than this.
const MOST_WARDS: usize = 500;
/// Properties whose values are too long for a name.
const LONGEST_NAME: usize = 100;

struct WardRow {
    name: String,
    /// How many areas of the file it is made of.
    parts: usize,
    councillors: String,
}

/// What is shown before it is put to use.
struct Trial {
    mark: String,
    rows: Vec<WardRow>,
    map: Option<String>,
    /// Names of the wards that stand more than once.
    doubled: Vec<String>,
}

#[derive(Template)]
#[template(path = "set_up/wards.html")]
struct WardsPage {
    page: Page,
    /// The operator's file names it.
    given: bool,
    rows: Vec<WardRow>,
    map: Option<String>,
    trial: Option<Trial>,
    /// Properties of which one may be the name, where beadle found none by itself.
    properties: Vec<String>,
    wrong: Wrong,
}

pub(in super::super) async fn page(
    State(app): State<App>,
    Extension(session): Extension<Session>,
) -> Result<Response, Trouble> {
    draw(&app, &session, None, Vec::new(), None)
}

fn draw(
    app: &App,
    session: &Session,
    trial: Option<Trial>,
    properties: Vec<String>,
    wrong: Option<(&'static str, String)>,
) -> Result<Response, Trouble> {
    let standing = &set_up(app)?.standing;
    let none = Wards::default();
    let wards = app.portal.pipeline.understanding.places().wards().unwrap_or(&none);
    let wrong = Wrong(wrong);
    let page = WardsPage {
        page: Page::new(app, session, "set-up", wrong.title("Upload the wards")),
        given: standing.wards && standing.kept.places.wards.is_none(),
        rows: rows(app, wards, &BTreeMap::new()),
        map: report::outline(wards),
        trial,
        properties,
        wrong,
    };
    Ok((page.wrong.status(), html(&page)?).into_response())
}

fn rows(app: &Shared, wards: &Wards, parts: &BTreeMap<String, usize>) -> Vec<WardRow> {
    let council = &app.portal.pipeline.house.council;
    let of = |ward: &str| {
        let names = council.councillors.iter().filter(|c| c.wards.iter().any(|w| w.eq_ignore_ascii_case(ward)));
        names.map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let row = |name: &str| WardRow {
        name: name.to_owned(),
        parts: parts.get(name).copied().unwrap_or(1),
        councillors: of(name),
    };
    wards.names().map(row).collect()
}

/// A file with nothing but names and areas.
struct Plain {
    text: String,
    wards: Wards,
    parts: BTreeMap<String, usize>,
}

/// What is wrong with a file: said, with the properties of which one may be the name.
type Refused = (String, Vec<String>);

/// Reads a file, and keeps of it what is of use. `property` is the one that holds the name, where somebody said which.
fn read(text: &str, property: Option<&str>) -> Result<Plain, Refused> {
    let no = |what: &str| (what.to_owned(), Vec::new());
    let text = text.trim_start_matches('\u{feff}');
    let mut file: Value = serde_json::from_str(text)
        .map_err(|_| no("This is not GeoJSON. Export the wards as GeoJSON, a FeatureCollection."))?;
    let crs = file.pointer("/crs/properties/name").and_then(Value::as_str).unwrap_or_default();
    if crs.contains("27700") {
        return Err(no("The file is in British National Grid. Export it in degrees: WGS 84, EPSG:4326."));
    }
    let features = file.get_mut("features").and_then(Value::as_array_mut);
    let features =
        features.ok_or_else(|| no("This is GeoJSON, but not a FeatureCollection. Export all wards in one."))?;
    if features.len() > MOST_WARDS {
        return Err(no("There are more than 500 areas in this file. Export your council’s own wards only."));
    }
    if let Some(property) = property {
        for (at, feature) in features.iter_mut().enumerate() {
            let name = feature.pointer(&format!("/properties/{}", property.replace('~', "~0").replace('/', "~1")));
            let name = name.and_then(Value::as_str).map(str::trim).filter(|name| !name.is_empty());
            let Some(name) = name.filter(|name| name.chars().count() <= LONGEST_NAME) else {
                return Err((format!("Area {} has no name under {property}.", at + 1), properties(features)));
            };
            feature["properties"] = json!({ "name": name });
        }
    }
    let of = |feature: &Value| feature.get("properties").and_then(Value::as_object).and_then(name_of);
    let names: Vec<String> = features.iter().map_while(of).collect();
    if names.len() < features.len() {
        // Which of several properties is the name, a person can say.
        let what = format!("Area {} has no name that beadle could find.", names.len() + 1);
        return Err((what, properties(features)));
    }
    let wards = Wards::from_geojson(&file.to_string())
        .map_err(|error| (format!("The file cannot be used: {error}."), Vec::new()))?;
    let mut parts: BTreeMap<String, usize> = BTreeMap::new();
    for name in &names {
        *parts.entry(name.clone()).or_default() += 1;
    }
    let features = file.get("features").and_then(Value::as_array).cloned().unwrap_or_default();
    let plain: Vec<Value> = features
        .into_iter()
        .zip(&names)
        .map(
            |(feature, name)| json!({"type": "Feature", "properties": {"name": name}, "geometry": feature["geometry"]}),
        )
        .collect();
    let text = json!({"type": "FeatureCollection", "features": plain}).to_string();
    Ok(Plain { text, wards, parts })
}

/// The properties that every area has as short text.
fn properties(features: &[Value]) -> Vec<String> {
    let short =
        |value: &Value| value.as_str().is_some_and(|t| !t.trim().is_empty() && t.chars().count() <= LONGEST_NAME);
    let of = |feature: &Value| feature.get("properties").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    let Some(first) = features.first().map(of) else { return Vec::new() };
    let everywhere = |key: &str| features.iter().all(|feature| of(feature).get(key).is_some_and(short));
    first.keys().filter(|key| everywhere(key)).take(20).cloned().collect()
}

/// What a form of several parts brought.
#[derive(Default)]
pub(super) struct Upload {
    pub(super) file: Vec<u8>,
    pub(super) fields: BTreeMap<String, String>,
}

/// Reads a form with a file in it.
pub(super) async fn upload_of(mut form: Multipart) -> Result<Upload, Trouble> {
    let unread = |_| Trouble::bad("The file could not be read. It may be larger than 16 MB; go back and try again.");
    let mut upload = Upload::default();
    while let Some(field) = form.next_field().await.map_err(unread)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(unread)?;
        if name == "file" {
            upload.file = bytes.to_vec();
        } else {
            upload.fields.insert(name, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(upload)
}

/// The name of a file of wards, by a mark of what is in it.
fn file_name(mark: &str) -> PathBuf {
    PathBuf::from(format!("wards-{mark}.geojson"))
}

fn is_mark(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

pub(in super::super) async fn upload(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    form: Multipart,
) -> Result<Response, Trouble> {
    let standing = &set_up(&app)?.standing;
    let upload = upload_of(form).await?;
    let property = upload.fields.get("property").map(|p| p.trim()).filter(|p| !p.is_empty());
    if upload.file.is_empty() {
        return draw(&app, &session, None, Vec::new(), Some(("file", "Choose a GeoJSON file.".to_owned())));
    }
    let Ok(text) = String::from_utf8(upload.file) else {
        return draw(
            &app,
            &session,
            None,
            Vec::new(),
            Some(("file", "This is not GeoJSON: it is no text.".to_owned())),
        );
    };
    let plain = match read(&text, property) {
        Ok(plain) => plain,
        Err((why, properties)) => return draw(&app, &session, None, properties, Some(("file", why))),
    };
    let mark = format!("{:x}", Sha256::digest(&plain.text))[..16].to_owned();
    let path = standing.folder.join(file_name(&mark));
    let text = plain.text.clone();
    let written = tokio::task::spawn_blocking(move || write_whole(&path, &[text.as_bytes()])).await;
    if !matches!(written, Ok(Ok(()))) {
        return Err(cannot_write());
    }
    let trial = Trial {
        mark,
        rows: rows(&app, &plain.wards, &plain.parts),
        map: report::outline(&plain.wards),
        doubled: plain.parts.iter().filter(|(_, n)| **n > 1).map(|(name, _)| name.clone()).collect(),
    };
    draw(&app, &session, Some(trial), Vec::new(), None)
}

fn cannot_write() -> Trouble {
    Trouble::conflict("The file cannot be written beside the settings. Whoever runs beadle has to let it write there.")
}

#[derive(Deserialize)]
pub(in super::super) struct Chosen {
    #[serde(default)]
    mark: String,
}

pub(in super::super) async fn take(
    State(app): State<App>,
    Extension(session): Extension<Session>,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Trouble> {
    let set_up = set_up(&app)?;
    let again = || {
        Trouble::not_found("This file is not here any more. Upload it again.").back_to("/admin/set-up/wards", "Go back")
    };
    if !is_mark(&chosen.mark) {
        return Err(again());
    }
    let file = file_name(&chosen.mark);
    let folder = set_up.standing.folder.clone();
    if !tokio::fs::try_exists(folder.join(&file)).await.unwrap_or(false) {
        return Err(again());
    }
    let line = line(&session, "upload wards", "wards", json!({"file": file}));
    let kept = file.clone();
    if let Err(why) = set_up.wish(line, move |set_up| set_up.places.wards = Some(kept)).await {
        return draw(&app, &session, None, Vec::new(), Some(("file", why)));
    }
    sweep(&folder, &file).await;
    Ok(Redirect::to("/admin/set-up?done=set-up").into_response())
}

/// Takes away files of wards that were tried and are not used.
async fn sweep(folder: &Path, used: &Path) {
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mark = name.strip_prefix("wards-").and_then(|rest| rest.strip_suffix(".geojson"));
        if mark.is_some_and(is_mark) && Path::new(&name) != used {
            // What stays behind does no harm.
            let _ = tokio::fs::remove_file(entry.path()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(properties: &str) -> String {
        format!(
            r#"{{"type":"Feature","properties":{properties},"geometry":{{"type":"Polygon","coordinates":[[[-1,52],[-1,52.1],[-0.9,52.1],[-1,52]]]}}}}"#
        )
    }

    fn file(features: &[String]) -> String {
        format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
    }

    #[test]
    fn where_no_name_is_found_a_person_can_say_which_property_it_is() {
        let text = file(&[square(r#"{"label":"Abbey","code":7}"#)]);
        let (why, properties) = read(&text, None).err().unwrap();
        assert!(!why.is_empty());
        assert_eq!(properties, ["label"]);
        let plain = read(&text, Some("label")).unwrap_or_else(|_| panic!("named"));
        assert_eq!(plain.wards.names().collect::<Vec<_>>(), ["Abbey"]);
        assert_eq!(Wards::from_geojson(&plain.text).unwrap(), plain.wards, "what is kept is read the same");
        assert!(!plain.text.contains("code"), "what is not needed is not kept");
    }

    #[test]
    fn a_name_that_stands_twice_is_said_and_taken_as_parts_of_one_ward() {
        let plain = read(&file(&[square(r#"{"name":"Abbey"}"#), square(r#"{"name":"Abbey"}"#)]), None);
        let plain = plain.unwrap_or_else(|_| panic!("read"));
        assert_eq!((plain.parts["Abbey"], plain.wards.names().count()), (2, 1));
    }

    #[test]
    fn what_is_no_map_of_wards_is_refused_in_words() {
        for (text, says) in [
            ("<kml/>", "not GeoJSON"),
            ("{}", "FeatureCollection"),
            (r#"{"type":"FeatureCollection","features":[]}"#, "no feature"),
            (r#"{"crs":{"properties":{"name":"EPSG:27700"}},"features":[]}"#, "British National Grid"),
        ] {
            let (why, _) = read(text, None).err().unwrap();
            assert!(why.contains(says), "{text}: {why}");
        }
        let metres = file(&[square(r#"{"name":"Abbey"}"#)]).replace("-1,52]", "400000,300000]");
        assert!(read(&metres, None).is_err(), "metres are no degrees");
    }
}

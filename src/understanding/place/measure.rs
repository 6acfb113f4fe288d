//! What it costs and how often it is right: printed, and run only when asked for.
//!
//! `cargo test --release --lib place::measure -- --ignored --nocapture`, with `BEADLE_MESSAGES` naming a folder of
//! `train.jsonl` and `dev.jsonl` (`text`, `lat`, `lon`, `nearest_place`) for the second.

use super::*;
use crate::core::place::distance_m;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::Instant;

/// Peak of this process's memory so far, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// A file in the layout of OS Open Names: two postcodes for each street of a few thousand names, as in the national one,
/// over a rectangle of 300 km.
fn open_names(path: &Path, rows: usize) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let parts = ["Ash", "Bram", "Chil", "Dun", "Els", "Fern", "Gold", "Hart", "Ing", "Kirk", "Lang", "Mar", "Nor"];
    let ends = ["ton", "ley", "field", "wood", "ford", "dale", "combe", "thorpe", "gate", "mere", "by"];
    let kinds = ["Road", "Street", "Lane", "Close", "Avenue", "Drive", "Gardens"];
    for n in 0..rows {
        let (east, north) = (300_000 + n * 7919 % 300_000, 200_000 + n * 104_729 % 300_000);
        let inward = [b"ABDEFGHJLN"[n % 10], b"PQRSTUWXYZ"[n / 10 % 10]].map(char::from);
        let code = format!(
            "Z{}{} {}{}{}",
            char::from(b'A' + (n / 9000 % 26) as u8),
            n / 1000 % 90 + 1,
            n / 100 % 10,
            inward[0],
            inward[1]
        );
        let name = format!("{}{} {}", parts[n % 13], ends[n / 13 % 11], kinds[n / 143 % 7]);
        let (name, kind, local) = if n % 3 > 0 {
            (code, "other", "Postcode")
        } else {
            (format!("{}{} {name}", parts[n / 1001 % 13], ends[n / 13_013 % 11]), "transportNetwork", "Named Road")
        };
        writeln!(
            file,
            "osgb{n},http://data.ordnancesurvey.co.uk/id/{n},{name},,,,{kind},{local},{east}.0,{north}.0,1000,25000,,,,,ZA{},\
             http://data.ordnancesurvey.co.uk/id/postcodedistrict/ZA1,Town {},http://data.ordnancesurvey.co.uk/id/4,\
             http://www.ordnancesurvey.co.uk/xml/codelists/localtype.xml#town,Borough,http://data.ordnancesurvey.co.uk/id/7,\
             http://data.ordnancesurvey.co.uk/ontology/admingeo/District,County,,,Region,,England,,,,",
            n % 90,
            n % 400
        )
        .unwrap();
    }
}

#[test]
#[ignore = "writes and reads files of a million rows; prints memory and time"]
fn a_million_rows_are_read_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (names, uprns) = (folder.path().join("names.csv"), folder.path().join("uprns.csv"));
    open_names(&names, 1_000_000);
    let mut file = BufWriter::new(File::create(&uprns).unwrap());
    writeln!(file, "UPRN,X_COORDINATE,Y_COORDINATE,LATITUDE,LONGITUDE").unwrap();
    for n in 0..1_000_000_usize {
        writeln!(
            file,
            "{},400000.0,300000.0,{:.7},{:.7}",
            n + 1,
            52.0 + (n % 3_000) as f64 / 1e3,
            -3.0 + (n / 3_000) as f64 / 1e2
        )
        .unwrap();
    }
    drop(file);
    println!("before: {} MB", peak_mb());
    let wards = folder.path().join("wards.geojson");
    let square = r#"[[[-1.5,53.0],[-1.2,53.0],[-1.2,53.2],[-1.5,53.2],[-1.5,53.0]]]"#;
    std::fs::write(&wards, format!(r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"name":"Middle"}},"geometry":{{"type":"Polygon","coordinates":{square}}}}}]}}"#)).unwrap();
    for (what, wards, file) in [
        ("names, a council's wards", Some(&wards), &names),
        ("properties, a council's wards", Some(&wards), &uprns),
        ("names, all kept", None, &names),
        ("properties, all kept", None, &uprns),
    ] {
        let start = Instant::now();
        let files = PlaceFiles { wards: wards.cloned(), gazetteer: vec![file.clone()], ..PlaceFiles::default() };
        let places = Places::read(&files).unwrap();
        let megabytes = std::fs::metadata(file).unwrap().len() >> 20;
        println!(
            "{what} ({megabytes} MB of CSV): {:?} in {:?}, peak {} MB",
            places.counts(),
            start.elapsed(),
            peak_mb()
        );
    }
    assert!(peak_mb() < 600, "{} MB", peak_mb());
}

struct Report {
    text: String,
    lat: f64,
    lon: f64,
    street: String,
    area: String,
}

fn reports(path: &Path) -> Vec<Report> {
    let report = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).ok()?;
        let near = row["nearest_place"].as_str().unwrap_or_default();
        let parts: Vec<&str> = near.split(", ").filter(|part| !part.contains("London")).collect();
        let parts = if parts.first().is_some_and(|p| p.starts_with(|c: char| c.is_ascii_digit())) {
            &parts[1..]
        } else {
            &parts
        };
        Some(Report {
            text: row["text"].as_str()?.to_owned(),
            lat: row["lat"].as_f64()?,
            lon: row["lon"].as_f64()?,
            street: parts.first().copied().unwrap_or_default().to_owned(),
            area: parts.get(1).copied().unwrap_or_default().to_owned(),
        })
    };
    std::fs::read_to_string(path).unwrap().lines().filter_map(report).collect()
}

fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The streets that the positions of one half of the reports have near them make the gazetteer for the other half; squares
/// of three kilometres are the wards. Streets nobody reported are missing from it, so this is a lower bound.
#[test]
#[ignore = "needs BEADLE_MESSAGES; prints milliseconds a message and how often the place is right"]
fn real_messages_with_the_streets_of_others() {
    let Some(folder) = std::env::var_os("BEADLE_MESSAGES").map(PathBuf::from) else {
        println!("BEADLE_MESSAGES names no folder: nothing measured");
        return;
    };
    let mut streets: BTreeMap<(String, String), Vec<(f64, f64)>> = BTreeMap::new();
    for r in reports(&folder.join("train.jsonl")) {
        if !r.area.is_empty() {
            streets.entry((r.area.clone(), "suburb".to_owned())).or_default().push((r.lat, r.lon));
            streets.entry((r.street, format!("street of {}", r.area))).or_default().push((r.lat, r.lon));
        }
    }
    let mut csv = "name,kind,lat,lon\n".to_owned();
    for ((name, kind), points) in streets.iter().filter(|((name, _), _)| name.contains(char::is_alphabetic)) {
        let (lat, lon) = (middle(points.iter().map(|p| p.0).collect()), middle(points.iter().map(|p| p.1).collect()));
        let kind = kind.split(' ').next().unwrap_or_default();
        writeln!(csv, "\"{}\",{kind},{lat},{lon}", name.replace('"', "")).unwrap();
    }
    let mut features: Vec<String> = Vec::new();
    for (row, column) in (0..16).flat_map(|row| (0..22).map(move |column| (row, column))) {
        let (south, west) = (51.28 + f64::from(row) * 0.027, -0.55 + f64::from(column) * 0.0433);
        let (north, east) = (south + 0.027, west + 0.0433);
        features.push(format!(
            r#"{{"type":"Feature","properties":{{"name":"R{row}C{column}"}},"geometry":{{"type":"Polygon","coordinates":[[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]}}}}"#
        ));
    }
    let wards =
        Wards::from_geojson(&format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))).unwrap();
    let mut gathered = Gathered::within(Area::around(&wards));
    gathered.take_in_text(csv.as_bytes(), Expected::Any).unwrap();
    let places = Places::new(Some(wards), gathered);
    let dev = reports(&folder.join("dev.jsonl"));
    let start = Instant::now();
    let found: Vec<Located> = dev.iter().map(|r| places.locate(&Clues { text: &r.text, ..Clues::default() })).collect();
    let each = start.elapsed().as_secs_f64() * 1_000.0 / dev.len() as f64;
    println!("{} messages, {} names: {each:.3} ms a message", dev.len(), places.counts().names);
    let mut by: BTreeMap<(String, bool), [usize; 3]> = BTreeMap::new();
    let (mut told, mut right) = (0, 0);
    for (report, located) in dev.iter().zip(&found) {
        let Some(best) = located.places.first() else { continue };
        let sure = best.confidence >= 0.6;
        let metres = best.point.map_or(f64::MAX, |p| distance_m(p.lat(), p.lon(), report.lat, report.lon));
        let count = by.entry((format!("{:?}", best.source), sure)).or_default();
        count[0] += 1;
        count[1] += usize::from(metres <= 500.0);
        count[2] += usize::from(metres <= 1_500.0);
        if sure && best.ward.is_some() {
            told += 1;
            right += usize::from(places.ward_at(report.lat, report.lon) == best.ward.as_deref());
        }
    }
    println!("a ward is told for {told}, and right for {right}");
    for ((source, sure), [all, near, nearer]) in by {
        let how = if sure { "0.6 and more" } else { "less" };
        println!("{source}, {how}: {all}, within 500 m {near}, within 1,500 m {nearer}");
    }
}
